# Where tables of engine "athena" are compared. It is always there, for it costs nothing until it is asked.

resource "aws_glue_catalog_database" "this" {
  name        = "${replace(var.name, "-", "_")}_exports"
  description = "The exports that are being compared, and nothing else."
}

resource "aws_athena_workgroup" "this" {
  name          = local.state_machine_name
  description   = "The comparisons of ${var.name}."
  force_destroy = true # with the queries that it remembers

  configuration {
    enforce_workgroup_configuration    = true # whoever asks
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.delta.max_scanned_bytes

    result_configuration {
      output_location       = "${local.compared}/answers/"
      expected_bucket_owner = local.account

      encryption_configuration {
        encryption_option = var.encrypts_with_key ? "SSE_KMS" : "SSE_S3"
        kms_key_arn       = var.key_arn
      }
    }
  }
}
