output "url" {
  description = "The queue's URL."
  value       = aws_sqs_queue.this.url
}

output "arn" {
  description = "The queue's ARN."
  value       = aws_sqs_queue.this.arn
}

output "visibility_timeout_seconds" {
  description = "How long a message is kept from others while the function has it."
  value       = aws_sqs_queue.this.visibility_timeout_seconds
}

output "policy" {
  description = "Who may send, as JSON."
  value       = aws_sqs_queue_policy.this.policy
}

output "dead_letters" {
  description = "Where what was tried too often waits."
  value       = { url = aws_sqs_queue.dead_letters.url, arn = aws_sqs_queue.dead_letters.arn }
}

output "redrive_policy" {
  description = "After how many receives a message goes to the dead letters, as JSON."
  value       = aws_sqs_queue.this.redrive_policy
}

output "alarms" {
  description = "What each alarm watches, by its name."
  value = {
    for alarm in [aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.waiting] :
    alarm.alarm_name => "${alarm.metric_name} of ${alarm.dimensions.QueueName} above ${alarm.threshold}"
  }
}

output "key_arn" {
  description = "The key that messages are encrypted with; null where it is AWS's own."
  value       = aws_sqs_queue.this.kms_master_key_id
}
