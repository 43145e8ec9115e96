output "state_machine_arn" {
  description = "The state machine."
  value       = aws_sfn_state_machine.this.arn
}

output "function_names" {
  description = "The functions, by stage."
  value       = { for stage, function in module.function : stage => function.name }
}

output "log_group_names" {
  description = "The log groups, by stage, and the state machine's."
  value = merge(
    { for stage, function in module.function : stage => function.log_group_name },
    { state_machine = aws_cloudwatch_log_group.state_machine.name },
  )
}

output "schedule_name" {
  description = "The schedule, as group/name."
  value       = "${aws_scheduler_schedule_group.this.name}/${aws_scheduler_schedule.this.name}"
}

output "dashboard_url" {
  description = "The dashboard in AWS's console."
  value       = "${local.console}/cloudwatch/home?region=${local.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "glue_database" {
  description = "The Glue database; null without a catalogue."
  value       = one(aws_glue_catalog_database.this[*].name)
}

output "policies" {
  description = "What each role allows, as JSON: of the functions by stage, of the state machine, of the schedule."
  value = merge(
    { for stage, function in module.function : stage => function.policy },
    { state_machine = aws_iam_role_policy.state_machine.policy, schedule = aws_iam_role_policy.schedule.policy },
  )
}
