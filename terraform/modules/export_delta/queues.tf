# What arrived waits in one queue; what could not be started waits in the other, for a person.

locals {
  day          = 24 * 3600
  max_receives = 5
}

resource "aws_sqs_queue" "arrived" {
  name = "${var.name}-exports"
  # AWS advises six times the function's time.
  visibility_timeout_seconds = 6 * local.functions.exports.limits.timeout_seconds + 60
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
  name                      = "${var.name}-exports-dead-letters"
  message_retention_seconds = 14 * local.day # as long as SQS keeps any message

  sqs_managed_sse_enabled           = var.encrypts_with_key ? null : true
  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = var.encrypts_with_key ? 3600 : null
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.arrived.arn]
  })
}

# Everything, whatever its name: what is no export is refused with an alert, and a file that closes a version may be
# called anything.
resource "aws_s3_bucket_notification" "arrived" {
  bucket     = module.bucket["exports"].id
  depends_on = [aws_sqs_queue_policy.arrived] # S3 sends a test event, and refuses a queue that takes none

  queue {
    id        = "arrived"
    queue_arn = aws_sqs_queue.arrived.arn
    events    = ["s3:ObjectCreated:*"]
  }
}

resource "aws_sqs_queue_policy" "arrived" {
  queue_url = aws_sqs_queue.arrived.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Both conditions: a bucket's name says nothing of its account, and once given up is anybody's.
        Sid       = "TheBucketAnnounces"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.arrived.arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = module.bucket["exports"].arn }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      merge(local.only_tls, { Resource = aws_sqs_queue.arrived.arn }),
    ]
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.only_tls, { Resource = aws_sqs_queue.dead_letters.arn })]
  })
}

locals {
  only_tls = {
    Sid       = "OnlyTls"
    Effect    = "Deny"
    Principal = "*"     # everybody, because this refuses
    Action    = "sqs:*" # everything, because this refuses
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}
