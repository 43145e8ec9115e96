# What a person looks at first, on one page.

locals {
  console = "https://${local.region}.console.aws.amazon.com"

  alarm_arns = concat(
    [aws_cloudwatch_metric_alarm.freshness.arn, aws_cloudwatch_metric_alarm.horizon_age.arn],
    [for alarm in aws_cloudwatch_metric_alarm.executions : alarm.arn],
    flatten([for function in module.function : function.alarm_arns]),
  )

  run_metrics = [
    for metric in ["ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"] :
    ["AWS/States", metric, "StateMachineArn", aws_sfn_state_machine.this.arn, { stat = "Sum" }]
  ]
  function_metrics = {
    for metric, stat in { Duration = "Maximum", Errors = "Sum" } :
    metric => [for function in module.function : ["AWS/Lambda", metric, "FunctionName", function.name, { stat = stat }]]
  }
  graphs = [
    { title = "Runs", metrics = local.run_metrics },
    { title = "How long runs take (ms)", metrics = [["AWS/States", "ExecutionTime", "StateMachineArn", aws_sfn_state_machine.this.arn, { stat = "Maximum" }]] },
    { title = "How long each stage takes (ms)", metrics = local.function_metrics.Duration },
    { title = "Errors by stage, retried ones too", metrics = local.function_metrics.Errors },
    { title = "CRITICAL lines", metrics = [for function in module.function : [local.metric_namespace, function.critical_metric, { stat = "Sum" }]] },
    { title = "Horizon: age (s), and runs that found it held back", metrics = [
      [local.metric_namespace, "${var.name}-horizon-age-seconds", { stat = "Maximum" }],
      [local.metric_namespace, "${var.name}-horizon-held-back", { stat = "Sum", yAxis = "right" }],
    ] },
  ]
  log_widget = {
    type = "log", x = 0, y = 24, width = 24, height = 8
    properties = {
      title  = "What was done, newest first"
      region = local.region
      view   = "table"
      query = join(" | ", concat(
        [for function in module.function : "SOURCE '${function.log_group_name}'"],
        ["fields @timestamp, service, level, message, batch, row_count, error_type, run_id", "filter ispresent(level)", "sort @timestamp desc", "limit 100"],
      ))
    }
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.state_machine_name

  dashboard_body = jsonencode({
    widgets = concat(
      [{ type = "alarm", x = 0, y = 0, width = 24, height = 6, properties = { title = "Alarms", alarms = local.alarm_arns } }],
      [
        for place, graph in local.graphs : {
          type       = "metric", x = place % 2 * 12, y = 6 + floor(place / 2) * 6, width = 12, height = 6
          properties = { title = graph.title, region = local.region, period = 300, view = "timeSeries", metrics = graph.metrics }
        }
      ],
      [local.log_widget],
    )
  })
}
