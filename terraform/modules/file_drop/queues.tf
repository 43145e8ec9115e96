# What was dropped waits in one queue; what could not be loaded waits in the other, for a person.

locals {
  day = 24 * 3600
}

resource "aws_sqs_queue" "dropped" {
  name = "${var.name}-files"
  # AWS advises six times the function's time: a message must not come back while its file is being loaded.
  visibility_timeout_seconds = 6 * var.settings.timeout_seconds + 60
  # Half of the dead letters' time: a message that moves there keeps the age that it has.
  message_retention_seconds = 7 * local.day
  receive_wait_time_seconds = 20

  sqs_managed_sse_enabled           = var.encrypts_with_key ? null : true
  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = var.encrypts_with_key ? 3600 : null

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = local.max_receives
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-files-dead-letters"
  message_retention_seconds = 14 * local.day # as long as SQS keeps any message

  sqs_managed_sse_enabled           = var.encrypts_with_key ? null : true
  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = var.encrypts_with_key ? 3600 : null
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.dropped.arn]
  })
}

locals {
  only_tls = {
    for queue in [aws_sqs_queue.dropped, aws_sqs_queue.dead_letters] : queue.name => {
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"     # everybody, because this refuses
      Action    = "sqs:*" # everything, because this refuses
      Resource  = queue.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
  }
}

resource "aws_sqs_queue_policy" "dropped" {
  queue_url = aws_sqs_queue.dropped.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Both conditions: a bucket's name says nothing of its account, and once given up is anybody's.
        Sid       = "TheBucketAnnounces"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.dropped.arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = module.bucket["files"].arn }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      local.only_tls[aws_sqs_queue.dropped.name],
    ]
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.only_tls[aws_sqs_queue.dead_letters.name]]
  })
}
