# The file drop: a bucket, the queue of what was dropped there, and the one function that loads it.

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  # Bucket names are shared by all of AWS, so account and region are part of them.
  suffix           = "${local.account}-${data.aws_region.this.name}"
  function_name    = "${var.name}-file-drop"
  metric_namespace = "Starlift/${var.name}"

  # Every form that the function reads, each once: S3 refuses filters of which two fit one name.
  # S3 tells capitals from small letters, and programs write either: REPORT.CSV would lie there unread.
  formats      = [".csv", ".json", ".jsonl", ".ndjson"]
  compressions = ["", ".gz", ".zst"]
  small        = [for pair in setproduct(local.formats, local.compressions) : join("", pair)]
  file_endings = concat(local.small, [for ending in local.small : upper(ending)])

  quarantine_prefix = "quarantine"
}

# Bad rows go to a bucket of their own: they are JSONL too, and would be announced as dropped files.
module "bucket" {
  source   = "../bucket"
  for_each = toset(["files", "rejected"])

  name                   = "${var.name}-${each.key}-${local.suffix}"
  encrypts_with_key      = var.encrypts_with_key
  key_arn                = var.key_arn
  force_destroy          = !var.protect_data
  infrequent_access_days = var.storage.infrequent_access_days
  glacier_instant_days   = var.storage.glacier_instant_days
  noncurrent_days        = var.storage.noncurrent_days
  abandoned_upload_days  = var.storage.abandoned_upload_days
}

resource "aws_s3_bucket_notification" "dropped" {
  bucket     = module.bucket["files"].id
  depends_on = [module.queue] # S3 sends a test event, and refuses a queue that takes none

  dynamic "queue" {
    for_each = local.file_endings
    content {
      id            = "dropped${replace(queue.value, ".", "-")}"
      queue_arn     = module.queue.arn
      events        = ["s3:ObjectCreated:*"]
      filter_suffix = queue.value
    }
  }
}

# Empty here, so that no login ever passes through Terraform or its state.
resource "aws_secretsmanager_secret" "target" {
  name        = "${var.name}/files"
  description = "Where the database of dropped files is, and the login that loads it. JSON with host, port, dbname, username, password and sslmode."
  kms_key_id  = var.key_arn
  # Days in which a destroyed secret can be brought back; its name is taken for as long.
  recovery_window_in_days = var.protect_data ? 30 : 0
}

module "function" {
  source = "../lambda_function"
  count  = var.has_function ? 1 : 0

  name              = local.function_name
  description       = "Dropped files into their tables."
  handler           = "load.files.handler.lambda_handler"
  policy_statements = local.policy_statements
  package = {
    function = "${var.package_folder}/file_drop.zip"
    layer    = "${var.package_folder}/file_drop-layer.zip"
  }
  environment = {
    PROJECT       = var.project_folder
    TARGET_SECRET = aws_secretsmanager_secret.target.name
    QUARANTINE    = "s3://${module.bucket["rejected"].id}/${local.quarantine_prefix}"
    DLQ_URL       = module.queue.dead_letters.url
    MAX_RECEIVES  = tostring(local.max_receives)
  }

  artifacts_bucket = var.artifacts_bucket
  runtime          = var.runtime
  architecture     = var.architecture
  limits = {
    memory_mb            = var.settings.memory_mb
    scratch_mb           = 512 # Lambda's least; no file ever rests there
    timeout_seconds      = var.settings.timeout_seconds
    reserved_concurrency = var.settings.reserved_concurrency
  }
  network            = var.network
  tracing            = var.tracing
  key_arn            = var.key_arn
  log_retention_days = var.log_retention_days
  metric_namespace   = local.metric_namespace
  alerts_topic_arn   = var.alerts_topic_arn

  permissions_boundary = var.permissions_boundary
}

resource "aws_lambda_event_source_mapping" "dropped" {
  count = var.has_function ? 1 : 0

  event_source_arn        = module.queue.arn
  function_name           = module.function[0].arn
  batch_size              = var.settings.batch_size
  function_response_types = ["ReportBatchItemFailures"] # or one bad file would bring its neighbours back

  scaling_config {
    maximum_concurrency = var.settings.max_concurrency
  }
}

# See modules/permanent: a plan that would lose files, rows set aside or the secret is refused as a whole.
resource "terraform_data" "protection" {
  count = var.protect_data ? 1 : 0

  triggers_replace = [
    [for bucket in module.bucket : bucket.arn],
    aws_secretsmanager_secret.target.arn,
    module.queue.dead_letters.arn,
  ]

  lifecycle {
    prevent_destroy = true
  }
}
