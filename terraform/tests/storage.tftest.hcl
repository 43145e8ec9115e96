# What outlives a redeploy: nothing public, nothing in plain text, nothing lost by mistake.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "a_bucket_is_versioned_encrypted_closed_and_tls_only" {
  module {
    source = "./modules/bucket"
  }

  variables {
    name                   = "totesys-dev-landing"
    infrequent_access_days = 60
    glacier_instant_days   = 180
    noncurrent_days        = 30
    abandoned_upload_days  = 2
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Overwritten and deleted objects can be brought back."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Objects are encrypted without a key of ours too."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
      one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced",
    ])
    error_message = "Nothing in the bucket can be made public."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement == [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::some-bucket", "arn:aws:s3:::some-bucket/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "Plain HTTP is refused, for the bucket and for its objects."
  }

  assert {
    condition = toset(flatten([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : [
        [for abort in rule.abort_incomplete_multipart_upload : "${rule.id} ${rule.status} ${abort.days_after_initiation}"],
        [for version in rule.noncurrent_version_expiration : "${rule.id} ${rule.status} ${version.noncurrent_days}"],
        [for move in rule.transition : "${rule.id} ${rule.status} ${move.storage_class} ${move.days}"],
      ]
      ])) == toset([
      "abandoned-uploads Enabled 2", "overwritten-versions Enabled 30",
      "cheaper-classes Enabled STANDARD_IA 60", "cheaper-classes Enabled GLACIER_IR 180",
    ])
    error_message = "Abandoned uploads and old versions go, and objects move to cheaper classes."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.expiration) == 0])
    error_message = "No current object ever expires: batches are the pipeline's state."
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy == false
    error_message = "A bucket is not emptied to be destroyed."
  }
}

run "no_move_without_its_variable" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name                  = "totesys-dev-landing"
    noncurrent_days       = 30
    abandoned_upload_days = 2
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id] == ["abandoned-uploads", "overwritten-versions"]
    error_message = "Without days objects stay where they are."
  }
}

run "what_is_permanent_is_protected_and_alarms_reach_the_topic" {
  command = plan

  module {
    source = "./modules/permanent"
  }

  override_resource {
    target          = aws_sns_topic.alerts
    override_during = plan
    values          = { arn = "arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts" }
  }

  variables {
    name                 = "totesys-dev"
    alert_email          = "data@example.com"
    protect_data         = true
    customer_managed_key = false
    storage              = { infrequent_access_days = 60, glacier_instant_days = 180, noncurrent_days = 30, abandoned_upload_days = 2 }
  }

  assert {
    condition     = length(terraform_data.protection) == 1 && alltrue([for secret in aws_secretsmanager_secret.this : secret.recovery_window_in_days == 30])
    error_message = "Destroying is refused, and a removed secret can be brought back."
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].protocol == "email" && aws_sns_topic_subscription.email[0].endpoint == "data@example.com"
    error_message = "A person gets the alerts."
  }

  assert {
    condition = [
      for s in jsondecode(aws_sns_topic_policy.alerts.policy).Statement : s.Principal.Service if s.Effect == "Allow"
    ] == ["cloudwatch.amazonaws.com"]
    error_message = "Alarms may publish, and nobody else by the topic's own policy."
  }

  assert {
    condition = [
      for s in jsondecode(aws_sns_topic_policy.alerts.policy).Statement : s.Condition.Bool["aws:SecureTransport"] if s.Effect == "Deny"
    ] == ["false"]
    error_message = "Nobody publishes over plain HTTP."
  }
}

run "a_protected_deployment_may_get_a_key_later_and_then_keeps_it" {
  command = plan

  module {
    source = "./modules/permanent"
  }

  variables {
    name                 = "totesys-prod"
    alert_email          = null
    protect_data         = true
    customer_managed_key = true
    storage              = { infrequent_access_days = null, glacier_instant_days = null, noncurrent_days = 30, abandoned_upload_days = 2 }
  }

  assert {
    condition     = length(terraform_data.protection[0].triggers_replace) == 3 && length(terraform_data.protection_of_key) == 1
    error_message = "The key is protected by itself: among the others it would make them look replaced when it comes."
  }
}

run "with_a_key_of_ours_everything_is_encrypted_with_it_and_alarms_may_use_it" {
  module {
    source = "./modules/permanent"
  }

  variables {
    name                 = "totesys-prod"
    alert_email          = null
    protect_data         = false
    customer_managed_key = true
    storage              = { infrequent_access_days = null, glacier_instant_days = null, noncurrent_days = 30, abandoned_upload_days = 2 }
  }

  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation && aws_kms_alias.this[0].name == "alias/totesys-prod"
    error_message = "The key is rotated and has a name."
  }

  assert {
    condition = alltrue(concat(
      [for secret in aws_secretsmanager_secret.this : secret.kms_key_id == aws_kms_key.this[0].arn],
      [aws_sns_topic.alerts.kms_master_key_id == aws_kms_key.this[0].arn],
    ))
    error_message = "Secrets and alerts are encrypted with the key."
  }

  assert {
    condition = [
      for s in jsondecode(aws_kms_key.this[0].policy).Statement : join(" ", s.Action) if try(s.Principal.Service, "") == "cloudwatch.amazonaws.com"
    ] == ["kms:Decrypt kms:GenerateDataKey"]
    error_message = "An alarm that may not use the topic's key is lost in silence."
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.recovery_window_in_days == 0]) && length(terraform_data.protection) == 0
    error_message = "Without protection everything can go at once."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "Without an address nobody is subscribed."
  }
}
