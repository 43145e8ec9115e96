# One key for everything of a deployment that is encrypted, where the account's rules or its people want one.

resource "aws_kms_key" "this" {
  count = var.customer_managed_key ? 1 : 0

  description             = "Buckets, secrets, alerts and logs of ${var.name}."
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        # Without it nobody could ever change the key again; identities still need their own permission.
        Sid       = "TheAccountsPolicies"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.this.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*" # in a key's own policy: this key
      },
      {
        Sid       = "AlarmsPublishAlerts"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*" # in a key's own policy: this key
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${data.aws_region.this.name}.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource  = "*" # in a key's own policy: this key
        Condition = {
          ArnLike = {
            "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.name}:${local.account}:log-group:*"
          }
        }
      },
      ], length(var.announcing_buckets) > 0 ? [
      {
        Sid       = "BucketsAnnounceFiles"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*" # in a key's own policy: this key
        Condition = {
          ArnEquals    = { "aws:SourceArn" = [for which in var.announcing_buckets : "arn:${data.aws_partition.this.partition}:s3:::${var.name}-${which}-${local.suffix}"] }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
    ] : [])
  })
}

resource "aws_kms_alias" "this" {
  count = var.customer_managed_key ? 1 : 0

  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this[0].key_id
}
