output "function_names" {
  description = "The functions, by name."
  value       = { for name, function in module.function : name => function.name }
}

output "log_group_names" {
  description = "The log groups, by function, and the state machine's."
  value = merge(
    { for name, function in module.function : name => function.log_group_name },
    { for group in aws_cloudwatch_log_group.state_machine : "exports_machine" => group.name },
  )
}

output "state_machine_arn" {
  description = "The state machine; null without functions."
  value       = one(aws_sfn_state_machine.this[*].arn)
}

output "exports" {
  description = "Where exports arrive, known once they are announced and started."
  value       = "s3://${module.bucket["exports"].id}"

  depends_on = [aws_s3_bucket_notification.arrived, aws_lambda_event_source_mapping.arrived]
}

output "refused" {
  description = "Where deliveries are set aside that the target refused."
  value       = "s3://${module.bucket["refused"].id}"
}

output "registry" {
  description = "The registry, as starlift's --registry takes it."
  value       = local.registry
}

output "stream_name" {
  description = "The stream of changes."
  value       = aws_kinesis_stream.changes.name
}

output "queue_url" {
  description = "The queue of what arrived."
  value       = module.queue.url
}

output "dead_letters_url" {
  description = "The queue of arrivals that could not be started."
  value       = module.queue.dead_letters.url
}

output "secret_name" {
  description = "The secret with the target's address and login."
  value       = aws_secretsmanager_secret.target.name
}

output "policies" {
  description = "What each role allows, as JSON: of the functions by name, and of the state machine."
  value = merge(
    { for name, function in module.function : name => function.policy },
    { for policy in aws_iam_role_policy.state_machine : "state_machine" => policy.policy },
  )
}
