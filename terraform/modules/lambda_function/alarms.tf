# The handler logs what it cannot mend as CRITICAL; a function that was killed prints nothing and shows in AWS's own metric.

locals {
  critical_metric = "${var.name}-critical-lines"
}

resource "aws_cloudwatch_log_metric_filter" "critical" {
  name           = local.critical_metric
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "{ $.level = \"CRITICAL\" }"

  metric_transformation {
    name          = local.critical_metric
    namespace     = var.metric_namespace
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "critical" {
  alarm_name        = "${var.name}-critical"
  alarm_description = "${var.name} logged something that waits for a person. Read the CRITICAL lines of ${aws_cloudwatch_log_group.this.name}; docs/operations.md says what each means."

  namespace           = var.metric_namespace
  metric_name         = aws_cloudwatch_log_metric_filter.critical.metric_transformation[0].name
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = "${var.name}-errors"
  alarm_description = "${var.name} failed: an error, too little memory, or too little time. A retry may have mended it since: read ${aws_cloudwatch_log_group.this.name}."

  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
}
