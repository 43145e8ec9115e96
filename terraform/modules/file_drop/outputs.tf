output "function_name" {
  description = "The function."
  value       = one(module.function[*].name)
}

output "log_group_name" {
  description = "Where it logs."
  value       = one(module.function[*].log_group_name)
}

output "files" {
  description = "Where files are dropped, known once they are announced and loaded."
  value       = "s3://${module.bucket["files"].id}"

  depends_on = [aws_s3_bucket_notification.dropped, aws_lambda_event_source_mapping.dropped]
}

output "quarantine" {
  description = "Where bad rows are set aside."
  value       = "s3://${module.bucket["rejected"].id}/${local.quarantine_prefix}"
}

output "queue_url" {
  description = "The queue of what was dropped."
  value       = module.queue.url
}

output "dead_letters_url" {
  description = "The queue of what could not be loaded."
  value       = module.queue.dead_letters.url
}

output "secret_name" {
  description = "The secret with the target's address and login."
  value       = aws_secretsmanager_secret.target.name
}

output "policy" {
  description = "What the function's role allows, as JSON."
  value       = one(module.function[*].policy)
}
