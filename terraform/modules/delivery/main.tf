# Delivery: the API that takes records in, the lake that they rest in, the query over it, and the way out to an endpoint.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  partition = data.aws_partition.this.partition
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_region.this.name
  # Bucket names are shared by all of AWS, so account and region are part of them.
  suffix           = "${local.account}-${local.region}"
  metric_namespace = "Starlift/${var.name}"
  day              = 24 * 3600

  boundary_arn = var.permissions_boundary == null ? null : "arn:${local.partition}:iam::${local.account}:policy/${var.permissions_boundary}"

  # What the project declares, as `python -m local.delivery.api_document` wrote it.
  document = jsondecode(file(var.api_document))
  # A receipt is needed for as long as its POST may be repeated, and a day more.
  receipt_days = ceil(local.document["x-starlift-max-past-seconds"] / local.day) + 1
  expiry_days = {
    raw     = { "receipts/" = local.receipt_days }
    results = { "" = var.query.results_days }
  }
}

# Records by hour with what the query notes of them, and what Athena answers.
module "bucket" {
  source   = "../bucket"
  for_each = local.expiry_days

  name                   = "${var.name}-${each.key}-${local.suffix}"
  encrypts_with_key      = var.encrypts_with_key
  key_arn                = var.key_arn
  force_destroy          = each.key == "results" || !var.protect_data # a query can be asked again
  infrequent_access_days = each.key == "results" ? null : var.storage.infrequent_access_days
  glacier_instant_days   = each.key == "results" ? null : var.storage.glacier_instant_days
  noncurrent_days        = each.key == "results" ? 1 : var.storage.noncurrent_days
  abandoned_upload_days  = var.storage.abandoned_upload_days
  expiry_days            = each.value
}

# Which records were delivered, and who is delivering which now.
resource "aws_dynamodb_table" "ledger" {
  name         = "${var.name}-delivered"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  deletion_protection_enabled = var.protect_data

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  dynamic "server_side_encryption" {
    for_each = var.encrypts_with_key ? [var.key_arn] : [] # without it AWS encrypts with a key of its own
    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }
}

# Empty here, so that no login ever passes through Terraform or its state.
resource "aws_secretsmanager_secret" "endpoint" {
  name        = "${var.name}/endpoint"
  description = "Where records are delivered to, and the header that opens the door. JSON with url, header_name and header_value."
  kms_key_id  = var.key_arn
  # Days in which a destroyed secret can be brought back; its name is taken for as long.
  recovery_window_in_days = var.protect_data ? 30 : 0
}

# See modules/permanent: a plan that would lose records, the ledger, the secret, dead letters or the API's address, which
# senders hold, is refused as a whole.
resource "terraform_data" "protection" {
  count = var.protect_data ? 1 : 0

  triggers_replace = [
    module.bucket["raw"].arn,
    aws_dynamodb_table.ledger.arn,
    aws_secretsmanager_secret.endpoint.arn,
    module.queue.dead_letters.arn,
    aws_api_gateway_rest_api.this.id,
  ]

  lifecycle {
    prevent_destroy = true
  }
}
