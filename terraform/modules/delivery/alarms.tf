# Alarms on the way from the API to the endpoint. Those on each function's errors and CRITICAL lines come with the function.

resource "aws_cloudwatch_metric_alarm" "api_errors" {
  alarm_name        = "${local.api_name}-5xx"
  alarm_description = "The API answered 5xx, so a sender has to post again. Read the lines of /aws/lambda/${local.api_name} and ${aws_cloudwatch_log_group.access.name}."

  namespace           = "AWS/ApiGateway"
  metric_name         = "5XXError"
  dimensions          = { ApiName = local.api_name, Stage = local.stage_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # nobody posted
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}

# Sees what no failure shows: a schedule that is off, or a function that is throttled.
resource "aws_cloudwatch_metric_alarm" "query_missing" {
  count = var.has_functions ? 1 : 0

  alarm_name        = "${var.name}-query-missing"
  alarm_description = "The query has not run for ${var.query.max_silence_seconds} seconds. Look at the schedule ${var.name}-query and at the concurrency of the account."

  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = module.function["query"].name }
  statistic           = "Sum"
  period              = var.query.max_silence_seconds
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  actions_enabled     = var.query.schedule_enabled
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}

locals {
  undelivered_metric = "${var.name}-delivery-batches-not-delivered"
}

# An endpoint that is down is no failure of the function, which waits and comes again.
resource "aws_cloudwatch_log_metric_filter" "undelivered" {
  count = var.has_functions ? 1 : 0

  name           = local.undelivered_metric
  log_group_name = module.function["delivery"].log_group_name
  pattern        = "{ $.message = \"batch not delivered\" }"

  metric_transformation {
    name          = local.undelivered_metric
    namespace     = local.metric_namespace
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  count = var.has_functions ? 1 : 0

  alarm_name        = "${var.name}-delivery-failing"
  alarm_description = "The endpoint has not taken batches at all attempts of an invocation. They wait in ${local.queue_name} and come again. The lines `batch not delivered` of /aws/lambda/${var.name}-delivery tell the answers."

  namespace           = local.metric_namespace
  metric_name         = local.undelivered_metric
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.delivery.max_failures
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}
