resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name        = "${var.alarms.name}-dead-letters"
  alarm_description = var.alarms.dead_letters

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

# Sees what no failure shows: a mapping that is off, a function that is throttled, messages that come faster than they go.
resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name        = "${var.alarms.name}-waiting"
  alarm_description = var.alarms.waiting

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.this.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarms.max_age_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}
