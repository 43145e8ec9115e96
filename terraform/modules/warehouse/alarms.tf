# Alarms on whole runs. Those on single functions come with each function.

locals {
  executions = { StateMachineArn = aws_sfn_state_machine.this.arn }

  ended_badly = {
    failed    = { metric = "ExecutionsFailed", says = "A run failed. The alert before this one, or the execution, tells the cause." }
    timed-out = { metric = "ExecutionsTimedOut", says = "A run was still going after a day. Look at the state that it repeats." }
  }

  # The message that extraction logs at CRITICAL past the project's own limit, and the figure in every outcome's line.
  extraction_metrics = {
    horizon-held-back   = { pattern = "{ $.message = \"horizon held back\" }", value = "1" }
    horizon-age-seconds = { pattern = "{ $.horizon_age_seconds >= 0 }", value = "$.horizon_age_seconds" }
  }
}

resource "aws_cloudwatch_metric_alarm" "executions" {
  for_each = local.ended_badly

  alarm_name        = "${local.state_machine_name}-${each.key}"
  alarm_description = "${each.value.says} See ${local.console}/states/home?region=${local.region}#/statemachines/view/${local.state_machine_arn}"

  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = local.executions
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
}

# Sees what no failure shows: a schedule that is off, a role that may not start runs, a run that never ends.
resource "aws_cloudwatch_metric_alarm" "freshness" {
  alarm_name        = "${local.state_machine_name}-not-fresh"
  alarm_description = "No run succeeded for ${var.freshness_periods * var.freshness_period_seconds / 60} minutes, so the warehouse falls behind. Look whether the schedule is on, and at the last executions."

  namespace           = "AWS/States"
  metric_name         = "ExecutionsSucceeded"
  dimensions          = local.executions
  statistic           = "Sum"
  period              = var.freshness_period_seconds
  evaluation_periods  = var.freshness_periods
  datapoints_to_alarm = var.freshness_periods
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching" # a run that never ran writes no metric
  actions_enabled     = var.schedule_enabled
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}

resource "aws_cloudwatch_log_metric_filter" "extraction" {
  for_each = local.extraction_metrics

  name           = "${var.name}-${each.key}"
  log_group_name = module.function["extraction"].log_group_name
  pattern        = each.value.pattern

  metric_transformation {
    name      = "${var.name}-${each.key}"
    namespace = local.metric_namespace
    value     = each.value.value
  }
}

# On the age itself; `horizon held back` is CRITICAL, so the extraction's own alarm tells of it.
resource "aws_cloudwatch_metric_alarm" "horizon_age" {
  alarm_name        = "${local.state_machine_name}-horizon-age"
  alarm_description = "A transaction of the source has been open for more than ${var.max_horizon_age_seconds} seconds, so every run reads again what was written since. Look for it in pg_stat_activity, pg_prepared_xacts and pg_replication_slots."

  namespace           = local.metric_namespace
  metric_name         = aws_cloudwatch_log_metric_filter.extraction["horizon-age-seconds"].metric_transformation[0].name
  statistic           = "Maximum"
  period              = var.freshness_period_seconds
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.max_horizon_age_seconds
  treat_missing_data  = "notBreaching" # a source that cannot be reached is told of by the failed run
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}
