# Alarms on the queues. Those on the function's errors and CRITICAL lines come with the function.

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name        = "${local.function_name}-dead-letters"
  alarm_description = "Files could not be loaded and wait in ${aws_sqs_queue.dead_letters.name} for 14 days. `starlift dlq list` tells the reasons, `starlift dlq replay` brings them in once that is mended."

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # SQS reports nothing of a queue that nobody used for six hours
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}

# Sees what no failure shows: a mapping that is off, a function that is throttled, files that come faster than they load.
resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name        = "${local.function_name}-waiting"
  alarm_description = "A dropped file has waited for more than ${var.settings.max_age_seconds} seconds in ${aws_sqs_queue.dropped.name}, because it fails and is retried, or because files come faster than they are loaded. Read the lines of /aws/lambda/${local.function_name}."

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.dropped.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.settings.max_age_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}
