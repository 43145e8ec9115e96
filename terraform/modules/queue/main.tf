# A queue that a function takes messages from, with its dead letters: what was tried too often waits there, for a person.

data "aws_caller_identity" "this" {}

locals {
  day = 24 * 3600

  only_tls = {
    Sid       = "OnlyTls"
    Effect    = "Deny"
    Principal = "*"     # everybody, because this refuses
    Action    = "sqs:*" # everything, because this refuses
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
  # Both conditions: a bucket's name says nothing of its account, and once given up is anybody's.
  announcing = var.announcing_bucket_arn == null ? [] : [{
    Sid       = "TheBucketAnnounces"
    Effect    = "Allow"
    Principal = { Service = "s3.amazonaws.com" }
    Action    = "sqs:SendMessage"
    Resource  = aws_sqs_queue.this.arn
    Condition = {
      ArnEquals    = { "aws:SourceArn" = var.announcing_bucket_arn }
      StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.this.account_id }
    }
  }]
}

resource "aws_sqs_queue" "this" {
  name = var.name
  # AWS advises six times the function's time: a message must not come back while it is at work.
  visibility_timeout_seconds = 6 * var.function_timeout_seconds + 60
  # Half of the dead letters' time: a message that moves there keeps the age that it has.
  message_retention_seconds = 7 * local.day
  receive_wait_time_seconds = 20

  sqs_managed_sse_enabled           = var.encrypts_with_key ? null : true
  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = var.encrypts_with_key ? 3600 : null

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.max_receives
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 14 * local.day # as long as SQS keeps any message

  sqs_managed_sse_enabled           = var.encrypts_with_key ? null : true
  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = var.encrypts_with_key ? 3600 : null
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this.arn]
  })
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.announcing, [merge(local.only_tls, { Resource = aws_sqs_queue.this.arn })])
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.only_tls, { Resource = aws_sqs_queue.dead_letters.arn })]
  })
}
