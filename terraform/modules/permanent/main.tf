# What outlives a redeploy: buckets, secrets, and the way by which alerts reach a person.

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_partition" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  # Bucket names are shared by all of AWS, so account and region are part of them.
  suffix  = "${local.account}-${data.aws_region.this.name}"
  key_arn = one(aws_kms_key.this[*].arn)
}

module "bucket" {
  source   = "../bucket"
  for_each = toset(["landing", "processed"])

  name                   = "${var.name}-${each.key}-${local.suffix}"
  encrypts_with_key      = var.customer_managed_key
  key_arn                = local.key_arn
  force_destroy          = !var.protect_data
  infrequent_access_days = var.storage.infrequent_access_days
  glacier_instant_days   = var.storage.glacier_instant_days
  noncurrent_days        = var.storage.noncurrent_days
  abandoned_upload_days  = var.storage.abandoned_upload_days
}

module "artifacts" {
  source = "../bucket"

  name                  = "${var.name}-artifacts-${local.suffix}"
  encrypts_with_key     = var.customer_managed_key
  key_arn               = local.key_arn
  force_destroy         = true # `make build` writes all of it again
  noncurrent_days       = var.storage.noncurrent_days
  abandoned_upload_days = var.storage.abandoned_upload_days
}

# The secrets are empty here, so that no login ever passes through Terraform or its state.
resource "aws_secretsmanager_secret" "this" {
  for_each = {
    source    = "Where the source database is, and the login that only reads it."
    warehouse = "Where the warehouse database is, and the login that loads it."
  }

  name        = "${var.name}/${each.key}"
  description = "${each.value} JSON with host, port, dbname, username, password and sslmode."
  kms_key_id  = local.key_arn
  # Days in which a destroyed secret can be brought back; its name is taken for as long.
  recovery_window_in_days = var.protect_data ? 30 : 0
}

resource "aws_sns_topic" "alerts" {
  name = "${var.name}-alerts"
  # Only with a key of our own: alarms may not use the one that AWS keeps for SNS, and would be lost in silence.
  kms_master_key_id = local.key_arn
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alerts.arn
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*" # everybody, because this refuses
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alerts.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alert_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

# Terraform wants prevent_destroy as a literal. So it stands on a resource that exists only where data is protected, and
# that would have to be replaced with any of those it names: a plan that touches one of them is refused as a whole.
resource "terraform_data" "protection" {
  count = var.protect_data ? 1 : 0

  triggers_replace = [
    [for bucket in module.bucket : bucket.arn],
    [for secret in aws_secretsmanager_secret.this : secret.arn],
    aws_sns_topic.alerts.arn,
  ]

  lifecycle {
    prevent_destroy = true
  }
}

# Apart, because a key may come later: among the things above it would look like one of them replaced.
resource "terraform_data" "protection_of_key" {
  count = var.protect_data && var.customer_managed_key ? 1 : 0

  triggers_replace = [aws_kms_key.this[0].arn]

  lifecycle {
    prevent_destroy = true
  }
}
