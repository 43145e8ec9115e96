output "buckets" {
  description = "Name and ARN of the landing, processed and artifacts buckets."
  value = {
    landing   = { id = module.bucket["landing"].id, arn = module.bucket["landing"].arn }
    processed = { id = module.bucket["processed"].id, arn = module.bucket["processed"].arn }
    artifacts = { id = module.artifacts.id, arn = module.artifacts.arn }
  }
}

output "secrets" {
  description = "Name and ARN of the source's and the warehouse's secret."
  value       = { for which, secret in aws_secretsmanager_secret.this : which => { name = secret.name, arn = secret.arn } }
}

output "alerts_topic_arn" {
  description = "The topic that every alert goes to, known once alarms may publish to it."
  value       = aws_sns_topic.alerts.arn
  depends_on  = [aws_sns_topic_policy.alerts]
}

output "key_arn" {
  description = "The key that everything is encrypted with; null where AWS's own are used."
  value       = local.key_arn
}
