output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "The function's ARN."
  value       = aws_lambda_function.this.arn
}

output "log_group_name" {
  description = "Where the function logs."
  value       = aws_cloudwatch_log_group.this.name
}

output "critical_metric" {
  description = "The metric that counts the function's CRITICAL lines."
  value       = aws_cloudwatch_log_metric_filter.critical.metric_transformation[0].name
}

output "alarm_arns" {
  description = "The function's alarms."
  value       = [aws_cloudwatch_metric_alarm.critical.arn, aws_cloudwatch_metric_alarm.errors.arn]
}

output "policy" {
  description = "What the function's role allows, as JSON."
  value       = aws_iam_role_policy.this.policy
}
