# Records wait in one queue; what the endpoint refused, and what was tried too often, waits in the other, for a person.

resource "aws_sqs_queue" "records" {
  name = "${var.name}-records"
  # AWS advises six times the function's time. It is the pause between two tries too, and longer than a claim in the
  # ledger holds after its worker was killed.
  visibility_timeout_seconds = 6 * var.delivery.timeout_seconds + 60
  # Half of the dead letters' time: a message that moves there keeps the age that it has. The function puts aside what
  # has waited for six days, before it is forgotten here.
  message_retention_seconds = 7 * local.day
  receive_wait_time_seconds = 20

  sqs_managed_sse_enabled           = var.encrypts_with_key ? null : true
  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = var.encrypts_with_key ? 3600 : null

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.delivery.max_receives
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-records-dead-letters"
  message_retention_seconds = 14 * local.day # as long as SQS keeps any message

  sqs_managed_sse_enabled           = var.encrypts_with_key ? null : true
  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = var.encrypts_with_key ? 3600 : null
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.records.arn]
  })
}

resource "aws_sqs_queue_policy" "this" {
  for_each = { records = aws_sqs_queue.records, dead_letters = aws_sqs_queue.dead_letters }

  queue_url = each.value.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"     # everybody, because this refuses
      Action    = "sqs:*" # everything, because this refuses
      Resource  = each.value.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
