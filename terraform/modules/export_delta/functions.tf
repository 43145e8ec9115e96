# The three functions, and what brings them their work.

locals {
  functions = {
    exports = {
      description = "Arrival, registry and lock of full exports."
      handler     = "extraction.exports.handler.lambda_handler"
      network     = null
      # Time: less than the states that call it wait, which are the 120 seconds of state_machine.asl.json.
      limits = { memory_mb = 512, scratch_mb = 512, timeout_seconds = 100, reserved_concurrency = null }
      environment = {
        EXPORTS           = "s3://${module.bucket["exports"].id}"
        REGISTRY          = local.registry
        STATE_MACHINE_ARN = local.state_machine_arn
        ALERTS_TOPIC_ARN  = var.alerts_topic_arn
      }
    }
    delta = {
      description = "The changes between two exports, into the stream."
      handler     = "transformation.delta.handler.lambda_handler"
      network     = null
      # Time: less than the 960 seconds that its state waits, which the lock's lease outlasts.
      limits = { memory_mb = var.delta.memory_mb, scratch_mb = var.delta.scratch_mb, timeout_seconds = 900, reserved_concurrency = null }
      environment = {
        EXPORTS  = "s3://${module.bucket["exports"].id}"
        CHANGES  = local.changes
        REGISTRY = local.registry
        STREAM   = aws_kinesis_stream.changes.name

        ATHENA_DATABASE  = aws_glue_catalog_database.this.name
        ATHENA_WORKGROUP = aws_athena_workgroup.this.name
        COMPARED         = local.compared
      }
    }
    changes = {
      description = "Changes of the stream into their tables."
      handler     = "load.changes.handler.lambda_handler"
      network     = var.network # the only one that reaches a database
      limits      = { memory_mb = var.changes.memory_mb, scratch_mb = 512, timeout_seconds = var.changes.timeout_seconds, reserved_concurrency = null }
      environment = {
        PROCESSED        = local.changes
        WAREHOUSE_SECRET = aws_secretsmanager_secret.target.name
      }
    }
  }
  registry = "dynamodb://${aws_dynamodb_table.registry.name}"
  changes  = "s3://${module.bucket["changes"].id}"
  compared = "s3://${module.bucket["compared"].id}"
}

module "function" {
  source   = "../lambda_function"
  for_each = { for name, function in local.functions : name => function if var.has_functions }

  name              = "${var.name}-${each.key}"
  description       = each.value.description
  handler           = each.value.handler
  environment       = merge({ PROJECT = var.project_folder }, each.value.environment)
  limits            = each.value.limits
  network           = each.value.network
  policy_statements = local.policy_statements[each.key]
  package = {
    function = "${var.package_folder}/${each.key}.zip"
    layer    = "${var.package_folder}/${each.key}-layer.zip"
  }

  artifacts_bucket   = var.artifacts_bucket
  runtime            = var.runtime
  architecture       = var.architecture
  tracing            = var.tracing
  key_arn            = var.key_arn
  log_retention_days = var.log_retention_days
  metric_namespace   = local.metric_namespace
  alerts_topic_arn   = var.alerts_topic_arn

  permissions_boundary = var.permissions_boundary
}

resource "aws_lambda_event_source_mapping" "arrived" {
  count = var.has_functions ? 1 : 0

  event_source_arn        = module.queue.arn
  function_name           = module.function["exports"].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"] # or one message would bring its neighbours back

  scaling_config {
    maximum_concurrency = 5 # leaves the account's concurrency to the steps that the same function is
  }
}

resource "aws_lambda_event_source_mapping" "changes" {
  count = var.has_functions ? 1 : 0

  event_source_arn  = aws_kinesis_stream.changes.arn
  function_name     = module.function["changes"].arn
  starting_position = "TRIM_HORIZON" # LATEST would leave out what was published before the mapping began to look

  batch_size                         = var.changes.batch_size
  maximum_batching_window_in_seconds = var.changes.batch_seconds
  parallelization_factor             = var.changes.parallelization # each key still in order

  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = var.changes.max_retries
  maximum_record_age_in_seconds  = -1 # as long as the stream keeps it; a shorter age would lose changes to a long outage

  destination_config {
    on_failure {
      destination_arn = module.bucket["refused"].arn # the whole delivery; a queue or a topic would get its numbers only
    }
  }

  metrics_config {
    metrics = ["EventCount"] # for the alarm on what was set aside
  }
}
