# One function with all that belongs to it: package, role, log group, and the alarms on its failures.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  partition = data.aws_partition.this.partition
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_region.this.name
}

resource "aws_s3_object" "package" {
  for_each = var.package

  bucket = var.artifacts_bucket
  # The content's hash is the key, so a new package is a new object, whatever its size and whatever encrypts it.
  key    = "${var.name}/${each.key}/${filesha256(each.value)}.zip"
  source = each.value

  lifecycle {
    # As the layer that is made of it: were one removed before and the other after what both need has changed, a plan
    # that takes the function down and changes that too would be a circle.
    create_before_destroy = true
  }
}

resource "aws_lambda_layer_version" "packages" {
  layer_name               = var.name
  description              = "The packages that ${var.name} imports."
  s3_bucket                = aws_s3_object.package["layer"].bucket
  s3_key                   = aws_s3_object.package["layer"].key
  source_code_hash         = filebase64sha256(var.package.layer)
  compatible_runtimes      = [var.runtime]
  compatible_architectures = [var.architecture]

  lifecycle {
    create_before_destroy = true # or the function would name a layer that is gone
  }
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn
  handler       = var.handler
  runtime       = var.runtime
  architectures = [var.architecture]
  layers        = [aws_lambda_layer_version.packages.arn]

  s3_bucket        = aws_s3_object.package["function"].bucket
  s3_key           = aws_s3_object.package["function"].key
  source_code_hash = filebase64sha256(var.package.function)

  memory_size                    = var.limits.memory_mb
  timeout                        = var.limits.timeout_seconds
  reserved_concurrent_executions = coalesce(var.limits.reserved_concurrency, -1)

  ephemeral_storage {
    size = var.limits.scratch_mb
  }

  environment {
    variables = var.environment
  }

  logging_config {
    log_format = "Text" # the lines are JSON already; Lambda's own JSON would wrap them once more
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.this] # Lambda refuses a role that may not make its network interfaces
}

# Declared, not left to Lambda to create: an implicit log group never expires.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}
