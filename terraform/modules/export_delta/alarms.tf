# Alarms on executions and stream. Those on the functions' errors and CRITICAL lines come with the functions.

locals {
  console = "https://${local.region}.console.aws.amazon.com"

  ended_badly = {
    failed = { metric = "ExecutionsFailed", says = "An export failed. The alert before this one, or `starlift exports status`, tells the cause; start it again once that is mended." }
    # No state's Catch runs where an execution ends like this, so nobody was told and the lock stays until its lease ends.
    timed-out = { metric = "ExecutionsTimedOut", says = "An execution was still going after a day. Its lock is free again half an hour after its last step: look at the state that it repeated, and start it again." }
    aborted   = { metric = "ExecutionsAborted", says = "Somebody stopped an execution. Its lock is free again half an hour after its last step; start it again." }
  }

  # Each is retried by itself, so only what goes on is told.
  put_troubles = {
    throttled   = { metric = "WriteProvisionedThroughputExceeded", says = "The stream has refused changes for a quarter of an hour, because it is too small. Publishing slows down and may fail: raise export_delta.stream.shards, or leave it out for on-demand." }
    failed-puts = { metric = "PutRecords.FailedRecords", says = "Kinesis has failed to take changes for a quarter of an hour. They are sent again; if executions fail, start them again later." }
  }
}

resource "aws_cloudwatch_metric_alarm" "executions" {
  for_each = { for name, ended in local.ended_badly : name => ended if var.has_functions }

  alarm_name        = "${local.state_machine_name}-${each.key}"
  alarm_description = "${each.value.says} See ${local.console}/states/home?region=${local.region}#/statemachines/view/${local.state_machine_arn}"

  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = { StateMachineArn = aws_sfn_state_machine.this[0].arn }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
}

# Sees what no failure shows as well: while a mapping reads, it asks each shard once a second, so no figure means that
# nobody does.
resource "aws_cloudwatch_metric_alarm" "iterator_age" {
  count = var.has_functions ? 1 : 0

  alarm_name        = "${var.name}-changes-waiting"
  alarm_description = "Changes have waited in the stream ${aws_kinesis_stream.changes.name} for more than ${var.changes.max_age_seconds} seconds, or nobody reads it. Read the lines of ${module.function["changes"].log_group_name}; after ${var.stream.retention_hours} hours the stream forgets them."

  namespace           = "AWS/Kinesis"
  metric_name         = "GetRecords.IteratorAgeMilliseconds"
  dimensions          = { StreamName = aws_kinesis_stream.changes.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1000 * var.changes.max_age_seconds
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "puts" {
  for_each = local.put_troubles

  alarm_name        = "${var.name}-changes-${each.key}"
  alarm_description = each.value.says

  namespace           = "AWS/Kinesis"
  metric_name         = each.value.metric
  dimensions          = { StreamName = aws_kinesis_stream.changes.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}

# By Lambda's own counts, which see deliveries too whose function was killed and could say nothing.
locals {
  set_aside = var.has_functions ? {
    refused = {
      metric     = "OnFailureDestinationDeliveredEventCount"
      dimensions = { EventSourceMappingUUID = aws_lambda_event_source_mapping.changes[0].uuid }
      says       = "Changes were set aside in ${module.bucket["refused"].id}"
    }
    lost = {
      metric     = "DestinationDeliveryFailures"
      dimensions = { FunctionName = module.function["changes"].name }
      says       = "Changes could not even be set aside in ${module.bucket["refused"].id}"
    }
  } : {}
}

resource "aws_cloudwatch_metric_alarm" "set_aside" {
  for_each = local.set_aside

  alarm_name        = "${var.name}-changes-${each.key}"
  alarm_description = "${each.value.says}, because their target or its database refused them at every attempt. Read the lines of ${module.function["changes"].log_group_name}, mend what they name, then `starlift exports resync`."

  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
}
