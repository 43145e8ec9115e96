# The three functions, and what brings query and delivery their work.

locals {
  ledger = "dynamodb://${aws_dynamodb_table.ledger.name}"
  raw    = "s3://${module.bucket["raw"].id}"

  functions = {
    ingest = {
      description = "Records of a POST into the lake."
      handler     = "extraction.api.handler.lambda_handler"
      # Time: API Gateway waits for 29 seconds.
      limits      = { memory_mb = var.ingest.memory_mb, timeout_seconds = 29, reserved_concurrency = var.ingest.reserved_concurrency }
      environment = { RAW = local.raw }
    }
    query = {
      description = "New records of the lake into the delivery queue."
      handler     = "transformation.query.handler.lambda_handler"
      limits      = { memory_mb = var.query.memory_mb, timeout_seconds = 900, reserved_concurrency = null }
      environment = {
        RAW       = local.raw
        CATALOGUE = "AwsDataCatalog"
        DATABASE  = aws_glue_catalog_database.this.name
        WORKGROUP = aws_athena_workgroup.this.name
        RESULTS   = local.results
        LEDGER    = local.ledger
        QUEUE_URL = module.queue.url
      }
    }
    delivery = {
      description = "Batches of records to the endpoint."
      handler     = "load.delivery.handler.lambda_handler"
      limits      = { memory_mb = var.delivery.memory_mb, timeout_seconds = var.delivery.timeout_seconds, reserved_concurrency = null }
      environment = {
        ENDPOINT_SECRET = aws_secretsmanager_secret.endpoint.name
        LEDGER          = local.ledger
        DLQ_URL         = module.queue.dead_letters.url
      }
    }
  }
}

module "function" {
  source   = "../lambda_function"
  for_each = { for name, function in local.functions : name => function if var.has_functions }

  name              = "${var.name}-${each.key}"
  description       = each.value.description
  handler           = each.value.handler
  environment       = merge({ PROJECT = var.project_folder }, each.value.environment)
  limits            = merge(each.value.limits, { scratch_mb = 512 }) # Lambda's least; none writes to it
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

resource "aws_lambda_event_source_mapping" "records" {
  count = var.has_functions ? 1 : 0

  event_source_arn                   = module.queue.arn
  function_name                      = module.function["delivery"].arn
  batch_size                         = var.delivery.batch_size
  maximum_batching_window_in_seconds = var.delivery.batch_seconds
  function_response_types            = ["ReportBatchItemFailures"] # or one message would bring its neighbours back

  scaling_config {
    maximum_concurrency = var.delivery.max_concurrency # so many POSTs at a time, whatever waits
  }
}

# A failed run is not repeated by Lambda: the schedule's next one reads the same window.
resource "aws_lambda_function_event_invoke_config" "query" {
  count = var.has_functions ? 1 : 0

  function_name                = module.function["query"].name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 900
}

resource "aws_scheduler_schedule_group" "query" {
  name = "${var.name}-query"
}

resource "aws_scheduler_schedule" "query" {
  count = var.has_functions ? 1 : 0

  name                = "${var.name}-query"
  group_name          = aws_scheduler_schedule_group.query.name
  description         = "Starts the query of ${var.name}."
  schedule_expression = var.query.schedule
  state               = var.query.schedule_enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.function["query"].arn
    role_arn = aws_iam_role.schedule[0].arn
    input    = jsonencode({}) # the next window; docs/delivery.md says what else a run may be asked for

    retry_policy {
      maximum_event_age_in_seconds = 600 # an older start would only run beside the next one
      maximum_retry_attempts       = 10
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}
