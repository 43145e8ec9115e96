output "function_names" {
  description = "The functions, by name."
  value       = { for name, function in module.function : name => function.name }
}

output "log_group_names" {
  description = "The functions' log groups by name, and that of the API's access log."
  value = merge(
    { for name, function in module.function : name => function.log_group_name },
    { access = aws_cloudwatch_log_group.access.name },
  )
}

output "api" {
  description = "The API's address, known once it may call its function."
  value       = aws_api_gateway_stage.this.invoke_url

  depends_on = [aws_lambda_permission.api, aws_api_gateway_usage_plan_key.this]
}

output "api_keys" {
  description = "The ids, not the values, of the senders' keys."
  value       = { for sender, key in aws_api_gateway_api_key.this : sender => key.id }
}

output "raw" {
  description = "The lake."
  value       = local.raw
}

output "glue_database" {
  description = "Where Athena finds the lake's tables."
  value       = aws_glue_catalog_database.this.name
}

output "workgroup" {
  description = "By which Athena is asked."
  value       = aws_athena_workgroup.this.name
}

output "ledger" {
  description = "The delivery ledger."
  value       = local.ledger
}

output "queue_url" {
  description = "The queue of records on their way."
  value       = module.queue.url
}

output "dead_letters_url" {
  description = "The queue of what was refused or given up."
  value       = module.queue.dead_letters.url
}

output "secret_name" {
  description = "The secret with the endpoint's address and header."
  value       = aws_secretsmanager_secret.endpoint.name
}

output "schedule_name" {
  description = "The schedule that starts the query; null without functions."
  value       = one(aws_scheduler_schedule.query[*].name)
}

output "policies" {
  description = "What each function's role allows, as JSON."
  value       = { for name, function in module.function : name => function.policy }
}

output "expiry_days" {
  description = "What is removed after how many days, by bucket and beginning of key."
  value       = local.expiry_days
}
