# A failure is always seen: by a line, by a function's or an execution's own metric, or by the success that is missing.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "totesys-dev"
  project_folder = "projects/totesys"
  buckets = {
    landing   = { id = "landing", arn = "arn:aws:s3:::landing" }
    processed = { id = "processed", arn = "arn:aws:s3:::processed" }
    artifacts = { id = "artifacts", arn = "arn:aws:s3:::artifacts" }
  }
  secrets = {
    source    = { name = "totesys-dev/source", arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:source" }
    warehouse = { name = "totesys-dev/warehouse", arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:warehouse" }
  }
  functions = {
    for stage in ["extraction", "transformation", "load"] :
    stage => { memory_mb = 512, scratch_mb = 512, timeout_seconds = 900, reserved_concurrency = null }
  }
  networks                 = { extraction = null, transformation = null, load = null }
  key_arn                  = null
  package_folder           = "tests/packages"
  runtime                  = "python3.13"
  architecture             = "x86_64"
  tracing                  = false
  glue_catalogue           = true
  schedule                 = "rate(15 minutes)"
  schedule_enabled         = true
  alerts_topic_arn         = "arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"
  freshness_period_seconds = 900
  freshness_periods        = 2
  max_horizon_age_seconds  = 3600
  log_retention_days       = 30
}

run "alarms_on_runs" {
  module {
    source = "./modules/warehouse"
  }

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.executions : "${alarm.namespace} ${alarm.metric_name} ${alarm.threshold}"]) == toset([
      "AWS/States ExecutionsFailed 0", "AWS/States ExecutionsTimedOut 0",
    ])
    error_message = "A run that failed or timed out raises an alarm."
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.executions), [aws_cloudwatch_metric_alarm.freshness, aws_cloudwatch_metric_alarm.horizon_age]) :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"])
    ])
    error_message = "Every alarm tells the topic."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.freshness.metric_name == "ExecutionsSucceeded",
      aws_cloudwatch_metric_alarm.freshness.comparison_operator == "LessThanThreshold",
      aws_cloudwatch_metric_alarm.freshness.threshold == 1,
      aws_cloudwatch_metric_alarm.freshness.period == 900,
      aws_cloudwatch_metric_alarm.freshness.evaluation_periods == 2,
      aws_cloudwatch_metric_alarm.freshness.treat_missing_data == "breaching",
      aws_cloudwatch_metric_alarm.freshness.actions_enabled,
    ])
    error_message = "Half an hour without a successful run raises an alarm, also when nothing ran at all."
  }

  assert {
    condition = {
      for name, filter in aws_cloudwatch_log_metric_filter.extraction : name => "${filter.pattern} -> ${filter.metric_transformation[0].value}"
      } == {
      horizon-held-back   = "{ $.message = \"horizon held back\" } -> 1"
      horizon-age-seconds = "{ $.horizon_age_seconds >= 0 } -> $.horizon_age_seconds"
    }
    error_message = "The horizon's age is read from the extraction's log."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.horizon_age.metric_name == aws_cloudwatch_log_metric_filter.extraction["horizon-age-seconds"].metric_transformation[0].name,
      aws_cloudwatch_metric_alarm.horizon_age.namespace == aws_cloudwatch_log_metric_filter.extraction["horizon-age-seconds"].metric_transformation[0].namespace,
      aws_cloudwatch_metric_alarm.horizon_age.statistic == "Maximum",
      aws_cloudwatch_metric_alarm.horizon_age.threshold == 3600,
    ])
    error_message = "The alarm watches the metric that the filter writes."
  }

  assert {
    condition = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 8 && length(
      jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[0].properties.alarms
    ) == 10
    error_message = "The dashboard shows every alarm, six graphs, and the log."
  }
}

run "a_function_alarms_on_critical_lines_and_on_lambdas_own_errors" {
  module {
    source = "./modules/lambda_function"
  }

  variables {
    name              = "totesys-dev-load"
    description       = "Any."
    handler           = "any.handler"
    package           = { function = "tests/packages/load.zip", layer = "tests/packages/load-layer.zip" }
    artifacts_bucket  = "artifacts"
    limits            = { memory_mb = 512, scratch_mb = 1024, timeout_seconds = 60, reserved_concurrency = null }
    environment       = {}
    metric_namespace  = "Starlift/totesys-dev"
    policy_statements = []
  }

  assert {
    condition     = aws_cloudwatch_log_metric_filter.critical.pattern == "{ $.level = \"CRITICAL\" }" && aws_cloudwatch_log_metric_filter.critical.log_group_name == "/aws/lambda/totesys-dev-load"
    error_message = "CRITICAL lines of the function's own log are counted."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.critical.metric_name == aws_cloudwatch_log_metric_filter.critical.metric_transformation[0].name,
      aws_cloudwatch_metric_alarm.critical.namespace == aws_cloudwatch_log_metric_filter.critical.metric_transformation[0].namespace,
      aws_cloudwatch_metric_alarm.critical.threshold == 0,
    ])
    error_message = "One CRITICAL line raises an alarm."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.errors.namespace == "AWS/Lambda",
      aws_cloudwatch_metric_alarm.errors.metric_name == "Errors",
      aws_cloudwatch_metric_alarm.errors.dimensions == tomap({ FunctionName = "totesys-dev-load" }),
    ])
    error_message = "A function that was killed prints nothing, and is seen all the same."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 30 && aws_lambda_function.this.logging_config[0].log_group == aws_cloudwatch_log_group.this.name
    error_message = "Logs are kept for as long as was said, and not for ever."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1 && aws_lambda_function.this.tracing_config[0].mode == "PassThrough"
    error_message = "Neither reserved concurrency nor tracing unless asked for."
  }

  assert {
    condition     = aws_s3_object.package["layer"].key == "totesys-dev-load/layer/${filesha256("tests/packages/load-layer.zip")}.zip"
    error_message = "Packages go up through S3 under their content's hash."
  }
}

run "without_a_schedule_the_freshness_alarm_tells_nobody" {
  command = plan

  module {
    source = "./modules/warehouse"
  }

  variables {
    schedule_enabled = false
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.freshness.actions_enabled == false && aws_scheduler_schedule.this.state == "DISABLED"
    error_message = "A deployment that is meant to stand still raises no alarm for it."
  }
}
