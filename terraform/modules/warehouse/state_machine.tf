# The state machine is state_machine.asl.json, which the tests execute as it is; only ARNs are filled in here.

resource "aws_sfn_state_machine" "this" {
  name     = local.state_machine_name
  role_arn = aws_iam_role.state_machine.arn

  definition = templatefile("${path.module}/state_machine.asl.json", {
    extraction_function_arn     = module.function["extraction"].arn
    transformation_function_arn = module.function["transformation"].arn
    load_function_arn           = module.function["load"].arn
    alerts_topic_arn            = var.alerts_topic_arn
  })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false # an execution's input may name rows by their keys
    log_destination        = "${aws_cloudwatch_log_group.state_machine.arn}:*"
  }

  tracing_configuration {
    enabled = var.tracing
  }

  depends_on = [aws_iam_role_policy.state_machine] # Step Functions tries the role when it is made
}

resource "aws_cloudwatch_log_group" "state_machine" {
  # Under this prefix the account's log resource policy, which has a limit, does not grow with each group.
  name              = "/aws/vendedlogs/states/${local.state_machine_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_scheduler_schedule_group" "this" {
  name = local.state_machine_name
}

resource "aws_scheduler_schedule" "this" {
  name                = local.state_machine_name
  group_name          = aws_scheduler_schedule_group.this.name
  description         = "Starts the runs of ${local.state_machine_name}."
  schedule_expression = var.schedule
  state               = var.schedule_enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this.arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({}) # asks for nothing special; docs/operations.md says what a run may be asked for

    retry_policy {
      maximum_event_age_in_seconds = 600 # an older start would only run beside the next one
      maximum_retry_attempts       = 10
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}
