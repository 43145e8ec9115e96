# The state machine is state_machine.asl.json, which the tests execute as it is; only ARNs are filled in here.

resource "aws_sfn_state_machine" "this" {
  count = var.has_functions ? 1 : 0

  name     = local.state_machine_name
  role_arn = aws_iam_role.state_machine[0].arn

  definition = templatefile("${path.module}/state_machine.asl.json", {
    exports_function_arn = module.function["exports"].arn
    delta_function_arn   = module.function["delta"].arn
    alerts_topic_arn     = var.alerts_topic_arn
  })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false # a cause may name keys of rows
    log_destination        = "${aws_cloudwatch_log_group.state_machine[0].arn}:*"
  }

  tracing_configuration {
    enabled = var.tracing
  }

  depends_on = [aws_iam_role_policy.state_machine] # Step Functions tries the role when it is made
}

resource "aws_cloudwatch_log_group" "state_machine" {
  count = var.has_functions ? 1 : 0

  # Under this prefix the account's log resource policy, which has a limit, does not grow with each group.
  name              = "/aws/vendedlogs/states/${local.state_machine_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}
