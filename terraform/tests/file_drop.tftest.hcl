# The file drop: what is announced, to whom; how often a message is tried, and where it ends; what the function may do.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = module.file_drop[0].module.queue.aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files", url = "https://sqs/files", id = "https://sqs/files" }
}

override_resource {
  target = module.file_drop[0].module.queue.aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files-dead-letters", url = "https://sqs/dead", id = "https://sqs/dead" }
}

override_resource {
  target = module.queue.aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files", url = "https://sqs/files", id = "https://sqs/files" }
}

override_resource {
  target = module.queue.aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files-dead-letters", url = "https://sqs/dead", id = "https://sqs/dead" }
}

override_resource {
  target = module.bucket["files"].aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::files" }
}

override_resource {
  target = module.bucket["rejected"].aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::rejected" }
}

override_resource {
  target = aws_secretsmanager_secret.target
  values = { arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:files" }
}

variables {
  project     = "totesys"
  environment = "dev"
  region      = "eu-west-2"

  name              = "totesys-dev"
  project_folder    = "projects/totesys"
  artifacts_bucket  = "artifacts"
  package_folder    = "tests/packages"
  runtime           = "python3.13"
  architecture      = "x86_64"
  encrypts_with_key = false
  key_arn           = null
  protect_data      = false
  network           = null
  tracing           = false
  storage           = { infrequent_access_days = null, glacier_instant_days = null, noncurrent_days = 30, abandoned_upload_days = 2 }
  settings = {
    memory_mb = 256, timeout_seconds = 900, reserved_concurrency = null, batch_size = 1, max_concurrency = 5, max_age_seconds = 3600
  }
  alerts_topic_arn   = "arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"
  log_retention_days = 30
}

run "every_form_that_is_read_is_announced_once" {
  module {
    source = "./modules/file_drop"
  }

  assert {
    condition = toset(aws_s3_bucket_notification.dropped.queue[*].filter_suffix) == toset([
      ".csv", ".csv.gz", ".csv.zst", ".json", ".json.gz", ".json.zst", ".jsonl", ".jsonl.gz", ".jsonl.zst",
      ".ndjson", ".ndjson.gz", ".ndjson.zst",
      ".CSV", ".CSV.GZ", ".CSV.ZST", ".JSON", ".JSON.GZ", ".JSON.ZST", ".JSONL", ".JSONL.GZ", ".JSONL.ZST",
      ".NDJSON", ".NDJSON.GZ", ".NDJSON.ZST",
    ])
    error_message = "CSV, JSON and JSONL are announced, plain, gzip and zstd, in small letters and in capitals."
  }

  assert {
    condition = !anytrue([
      for pair in setproduct(local.file_endings, local.file_endings) : pair[0] != pair[1] && endswith(pair[0], pair[1])
    ])
    error_message = "S3 refuses two filters that fit one name."
  }

  assert {
    condition = alltrue([
      for queue in aws_s3_bucket_notification.dropped.queue :
      queue.queue_arn == module.queue.arn && queue.events == toset(["s3:ObjectCreated:*"])
    ])
    error_message = "However a file was made, the queue is told of it."
  }
}

run "only_the_bucket_of_this_account_announces" {
  module {
    source = "./modules/file_drop"
  }

  assert {
    condition = [for s in jsondecode(module.queue.policy).Statement : s if s.Effect == "Allow"] == [{
      Sid       = "TheBucketAnnounces"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::files" }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }]
    error_message = "S3 sends for one bucket of one account."
  }
}

run "a_message_is_tried_three_times_and_then_waits_a_fortnight_for_a_person" {
  module {
    source = "./modules/file_drop"
  }

  assert {
    condition     = module.queue.visibility_timeout_seconds > 6 * 900 && module.queue.visibility_timeout_seconds <= 43200
    error_message = "A message does not come back while its file may still be loading."
  }

  assert {
    condition = jsondecode(module.queue.redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files-dead-letters", maxReceiveCount = 3
    }
    error_message = "After three receives a message goes to the dead letters."
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.dropped[0].batch_size == 1,
      aws_lambda_event_source_mapping.dropped[0].function_response_types == toset(["ReportBatchItemFailures"]),
      aws_lambda_event_source_mapping.dropped[0].scaling_config[0].maximum_concurrency == 5,
    ])
    error_message = "A failed message brings no other back, and the database sees five connections at most."
  }

  assert {
    condition = module.queue.alarms == {
      totesys-dev-file-drop-dead-letters = "ApproximateNumberOfMessagesVisible of totesys-dev-files-dead-letters above 0"
      totesys-dev-file-drop-waiting      = "ApproximateAgeOfOldestMessage of totesys-dev-files above 3600"
    }
    error_message = "A dead letter raises an alarm, and so does a file that waits for an hour."
  }
}

run "files_rows_set_aside_and_dead_letters_are_protected" {
  command = plan

  module {
    source = "./modules/file_drop"
  }

  variables {
    protect_data = true
  }

  assert {
    condition     = length(terraform_data.protection) == 1 && aws_secretsmanager_secret.target.recovery_window_in_days == 30
    error_message = "Destroying is refused, and a removed secret can be brought back."
  }
}

run "the_function_may_do_exactly_this" {
  module {
    source = "./modules/file_drop"
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policy).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "logs:CreateLogStream arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "logs:PutLogEvents arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-2:123456789012:secret:files",
      "s3:GetObject arn:aws:s3:::files/*",
      "s3:GetObjectVersion arn:aws:s3:::files/*",
      "s3:ListBucket arn:aws:s3:::files",
      "s3:PutObject arn:aws:s3:::rejected/quarantine/*",
      "s3:AbortMultipartUpload arn:aws:s3:::rejected/quarantine/*",
      "sqs:ReceiveMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files",
      "sqs:DeleteMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files",
      "sqs:ChangeMessageVisibility arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files",
      "sqs:GetQueueAttributes arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files",
      "sqs:SendMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files-dead-letters",
    ])
    error_message = "The function reads files, sets bad rows aside, takes from one queue and gives up to the other."
  }
}

run "with_a_key_of_ours_queues_and_bucket_are_encrypted_with_it" {
  module {
    source = "./modules/file_drop"
  }

  variables {
    encrypts_with_key = true
    key_arn           = "arn:aws:kms:eu-west-2:123456789012:key/ours"
  }

  assert {
    condition     = module.queue.key_arn == "arn:aws:kms:eu-west-2:123456789012:key/ours"
    error_message = "Both queues are encrypted with the key."
  }

  assert {
    condition     = one([for s in jsondecode(output.policy).Statement : join(" ", concat(s.Action, s.Resource)) if s.Sid == "UseTheKey"]) == "kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-2:123456789012:key/ours"
    error_message = "The function may use the key."
  }
}

run "buckets_may_use_the_key_for_their_announcements_and_no_other_bucket" {
  module {
    source = "./modules/permanent"
  }

  variables {
    alert_email          = null
    protect_data         = false
    customer_managed_key = true
    announcing_buckets   = ["files", "exports"]
  }

  assert {
    condition = one([
      for s in jsondecode(aws_kms_key.this[0].policy).Statement :
      "${join(" ", s.Action)} for ${join(" ", s.Condition.ArnEquals["aws:SourceArn"])} of ${s.Condition.StringEquals["aws:SourceAccount"]}" if try(s.Principal.Service, "") == "s3.amazonaws.com"
    ]) == "kms:Decrypt kms:GenerateDataKey for arn:aws:s3:::totesys-dev-files-123456789012-eu-west-2 arn:aws:s3:::totesys-dev-exports-123456789012-eu-west-2 of 123456789012"
    error_message = "S3 could not send to an encrypted queue, and would say so to nobody."
  }
}

run "nothing_of_it_is_there_unless_asked_for" {
  assert {
    condition     = length(module.file_drop) == 0 && output.files == null && !contains(keys(output.function_names), "file_drop")
    error_message = "The file drop is made only where it is asked for."
  }
}

run "a_file_drop_alone_is_a_deployment" {
  variables {
    warehouse_enabled = false
    file_drop_enabled = true
  }

  assert {
    condition = alltrue([
      output.files == "s3://totesys-dev-files-123456789012-eu-west-2",
      output.files_quarantine == "s3://totesys-dev-rejected-123456789012-eu-west-2/quarantine",
      output.files_secret_name == "totesys-dev/files",
      output.files_queue_url == "https://sqs/files",
      output.files_dead_letters_url == "https://sqs/dead",
      output.function_names == { file_drop = "totesys-dev-file-drop" },
      keys(output.log_group_names) == ["file_drop"],
    ])
    error_message = "Its names are told, so that files can be dropped, dead letters listed and logs read."
  }

  assert {
    condition     = strcontains(output.next_steps, "totesys-dev/files.") && strcontains(output.next_steps, "aws s3 cp FILE") && !strcontains(output.next_steps, "make invoke")
    error_message = "A person is told to put the one secret and to drop a file."
  }
}

run "in_a_vpc_the_file_drop_reaches_its_queue" {
  variables {
    file_drop_enabled = true
    vpc = {
      vpc_id         = "vpc-1"
      subnet_ids     = ["subnet-1"]
      database_cidrs = ["10.0.0.0/16"]
    }
  }

  assert {
    condition     = module.network[0].endpoints == toset(["secretsmanager", "logs", "sns", "glue", "sqs"])
    error_message = "Without a way to SQS no message could be given up."
  }
}

run "what_no_file_drop_can_have_is_refused" {
  command = plan

  variables {
    file_drop_enabled = true
    file_drop         = { memory_mb = 128, timeout_seconds = 901, batch_size = 11, max_concurrency = 1, max_age_seconds = 5 }
  }

  expect_failures = [var.file_drop]
}

run "a_concurrency_that_would_throttle_messages_into_the_dead_letters_is_refused" {
  command = plan

  variables {
    file_drop = { max_concurrency = 5, reserved_concurrency = 4 }
  }

  expect_failures = [var.file_drop]
}
