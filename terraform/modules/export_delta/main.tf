# Full exports: what arrives, the registry, the stream of changes, and the functions that apply them to a database.

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

  boundary_arn = var.permissions_boundary == null ? null : "arn:${local.partition}:iam::${local.account}:policy/${var.permissions_boundary}"

  state_machine_name = "${var.name}-exports"
  # Built from the name, because the function that starts executions exists before the state machine that runs it.
  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.state_machine_name}"
  executions_arn    = "arn:${local.partition}:states:${local.region}:${local.account}:execution:${local.state_machine_name}:*"

  expiry_days = {
    exports  = {}
    changes  = {}
    refused  = {}
    compared = { "" = 7 } # more than the day for which the function takes up what Athena wrote
  }
}

# Exports as they arrived, changes as they were computed, what the target refused, and what Athena writes on the way.
module "bucket" {
  source   = "../bucket"
  for_each = local.expiry_days

  name                   = "${var.name}-${each.key}-${local.suffix}"
  encrypts_with_key      = var.encrypts_with_key
  key_arn                = var.key_arn
  force_destroy          = each.key == "compared" || !var.protect_data # exports can be compared again
  infrequent_access_days = each.key == "compared" ? null : var.storage.infrequent_access_days
  glacier_instant_days   = each.key == "compared" ? null : var.storage.glacier_instant_days
  noncurrent_days        = each.key == "compared" ? 1 : var.storage.noncurrent_days
  abandoned_upload_days  = var.storage.abandoned_upload_days
  expiry_days            = each.value
}

# The registry, which the lock is part of.
resource "aws_dynamodb_table" "registry" {
  name         = "${var.name}-exports"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "series"
  range_key    = "item"

  deletion_protection_enabled = var.protect_data

  attribute {
    name = "series"
    type = "S"
  }

  attribute {
    name = "item"
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

resource "aws_kinesis_stream" "changes" {
  name             = "${var.name}-changes"
  shard_count      = var.stream.shards
  retention_period = var.stream.retention_hours

  stream_mode_details {
    stream_mode = var.stream.shards == null ? "ON_DEMAND" : "PROVISIONED"
  }

  encryption_type = "KMS"
  kms_key_id      = var.encrypts_with_key ? var.key_arn : "alias/aws/kinesis"
}

# Empty here, so that no login ever passes through Terraform or its state.
resource "aws_secretsmanager_secret" "target" {
  name        = "${var.name}/exports"
  description = "Where the database is that exports are applied to, and the login that changes it. JSON with host, port, dbname, username, password and sslmode."
  kms_key_id  = var.key_arn
  # Days in which a destroyed secret can be brought back; its name is taken for as long.
  recovery_window_in_days = var.protect_data ? 30 : 0
}

# See modules/permanent: a plan that would lose exports, changes, the registry or the secret is refused as a whole.
resource "terraform_data" "protection" {
  count = var.protect_data ? 1 : 0

  triggers_replace = [
    [for which, bucket in module.bucket : bucket.arn if which != "compared"],
    aws_dynamodb_table.registry.arn,
    aws_kinesis_stream.changes.arn,
    aws_secretsmanager_secret.target.arn,
    module.queue.dead_letters.arn,
  ]

  lifecycle {
    prevent_destroy = true
  }
}
