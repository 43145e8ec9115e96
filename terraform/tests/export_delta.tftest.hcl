# Full exports: what is announced, to whom; the stream and what reads it, and where what fails ends; what each role may do.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = module.export_delta[0].module.queue.aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports", url = "https://sqs/exports", id = "https://sqs/exports" }
}

override_resource {
  target = module.export_delta[0].module.queue.aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports-dead-letters", url = "https://sqs/dead", id = "https://sqs/dead" }
}

override_resource {
  target = module.queue.aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports", url = "https://sqs/exports", id = "https://sqs/exports" }
}

override_resource {
  target = module.queue.aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports-dead-letters", url = "https://sqs/dead", id = "https://sqs/dead" }
}

override_resource {
  target = module.bucket["exports"].aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::exports" }
}

override_resource {
  target = module.bucket["changes"].aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::changes" }
}

override_resource {
  target = module.bucket["refused"].aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::refused" }
}

override_resource {
  target = module.bucket["compared"].aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::compared" }
}

override_resource {
  target = aws_athena_workgroup.this
  values = { arn = "arn:aws:athena:eu-west-2:123456789012:workgroup/totesys-dev-exports" }
}

override_resource {
  target = module.function["exports"].aws_lambda_function.this
  values = { arn = "arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-exports" }
}

override_resource {
  target = module.function["delta"].aws_lambda_function.this
  values = { arn = "arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-delta" }
}

override_resource {
  target = module.function["changes"].aws_lambda_function.this
  values = { arn = "arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-changes" }
}

override_resource {
  target = aws_secretsmanager_secret.target
  values = { arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:exports" }
}

override_resource {
  target = aws_lambda_event_source_mapping.changes
  values = { uuid = "mapping-of-changes" }
}

override_resource {
  target = aws_sfn_state_machine.this
  values = { arn = "arn:aws:states:eu-west-2:123456789012:stateMachine:totesys-dev-exports" }
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
  stream            = { shards = null, retention_hours = 168 }
  delta             = { memory_mb = 1769, scratch_mb = 10240, max_scanned_bytes = 107374182400 }
  changes = {
    memory_mb = 512, timeout_seconds = 300, batch_size = 1000, batch_seconds = 1, parallelization = 1, max_retries = 20, max_age_seconds = 3600
  }
  alerts_topic_arn   = "arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"
  log_retention_days = 30
}

run "everything_that_arrives_is_announced_to_one_queue_by_this_accounts_bucket_alone" {
  module {
    source = "./modules/export_delta"
  }

  assert {
    condition = alltrue([
      length(aws_s3_bucket_notification.arrived.queue) == 1,
      aws_s3_bucket_notification.arrived.queue[0].queue_arn == module.queue.arn,
      aws_s3_bucket_notification.arrived.queue[0].events == toset(["s3:ObjectCreated:*"]),
      coalesce(aws_s3_bucket_notification.arrived.queue[0].filter_suffix, "none") == "none",
    ])
    error_message = "A closing file may have any name, and what is no export has to be refused, so nothing is filtered."
  }

  assert {
    condition = [for s in jsondecode(module.queue.policy).Statement : s if s.Effect == "Allow"] == [{
      Sid       = "TheBucketAnnounces"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::exports" }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }]
    error_message = "S3 sends for one bucket of one account."
  }

  assert {
    condition = jsondecode(module.queue.redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports-dead-letters", maxReceiveCount = 5
    }
    error_message = "After five receives a message waits for a person."
  }

  assert {
    condition     = module.queue.visibility_timeout_seconds > 6 * local.functions.exports.limits.timeout_seconds
    error_message = "A message does not come back while it may still be at work."
  }
}

run "the_registry_has_a_ttl_and_costs_by_the_request" {
  module {
    source = "./modules/export_delta"
  }

  assert {
    condition = alltrue([
      aws_dynamodb_table.registry.hash_key == "series",
      aws_dynamodb_table.registry.range_key == "item",
      aws_dynamodb_table.registry.billing_mode == "PAY_PER_REQUEST",
      aws_dynamodb_table.registry.ttl[0].enabled && aws_dynamodb_table.registry.ttl[0].attribute_name == "expires_at",
      aws_dynamodb_table.registry.point_in_time_recovery[0].enabled,
    ])
    error_message = "The registry is as utils/registry/dynamodb.py reads and writes it."
  }
}

run "the_stream_is_on_demand_unless_it_is_given_shards" {
  module {
    source = "./modules/export_delta"
  }

  assert {
    condition     = aws_kinesis_stream.changes.stream_mode_details[0].stream_mode == "ON_DEMAND" && aws_kinesis_stream.changes.retention_period == 168 && aws_kinesis_stream.changes.encryption_type == "KMS"
    error_message = "On-demand, encrypted, and a week to apply what it holds."
  }
}

run "a_stream_of_shards_has_as_many_as_it_is_given" {
  module {
    source = "./modules/export_delta"
  }

  variables {
    stream = { shards = 4, retention_hours = 24 }
  }

  assert {
    condition     = aws_kinesis_stream.changes.stream_mode_details[0].stream_mode == "PROVISIONED" && aws_kinesis_stream.changes.shard_count == 4 && aws_kinesis_stream.changes.retention_period == 24
    error_message = "Shards and hours are given."
  }
}

run "a_change_that_fails_is_isolated_tried_a_number_of_times_and_set_aside_whole" {
  module {
    source = "./modules/export_delta"
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.changes[0].starting_position == "TRIM_HORIZON",
      aws_lambda_event_source_mapping.changes[0].function_response_types == toset(["ReportBatchItemFailures"]),
      aws_lambda_event_source_mapping.changes[0].bisect_batch_on_function_error,
      aws_lambda_event_source_mapping.changes[0].maximum_retry_attempts == 20,
      aws_lambda_event_source_mapping.changes[0].maximum_record_age_in_seconds == -1,
      aws_lambda_event_source_mapping.changes[0].destination_config[0].on_failure[0].destination_arn == "arn:aws:s3:::refused",
      aws_lambda_event_source_mapping.changes[0].metrics_config[0].metrics == toset(["EventCount"]),
    ])
    error_message = "No change is left out, none stops its shard for ever, and none is lost."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.arrived[0].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "A message that must come again brings no other back."
  }
}

run "a_comparison_in_athena_reads_so_much_and_what_it_writes_is_encrypted_whoever_asks" {
  module {
    source = "./modules/export_delta"
  }

  assert {
    condition = alltrue([
      aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration,
      aws_athena_workgroup.this.configuration[0].publish_cloudwatch_metrics_enabled,
      aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 107374182400,
      aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://totesys-dev-compared-123456789012-eu-west-2/answers/",
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3",
    ])
    error_message = "The workgroup's limit and encryption hold for every query."
  }

  assert {
    condition = { for name in ["ATHENA_DATABASE", "ATHENA_WORKGROUP", "COMPARED"] : name => local.functions.delta.environment[name] } == {
      ATHENA_DATABASE = "totesys_dev_exports", ATHENA_WORKGROUP = "totesys-dev-exports", COMPARED = "s3://totesys-dev-compared-123456789012-eu-west-2"
    }
    error_message = "The function is told where to compare."
  }
}

run "what_athena_writes_expires_and_exports_and_changes_never_do" {
  command = plan

  module {
    source = "./modules/export_delta"
  }

  assert {
    condition     = local.expiry_days == { exports = {}, changes = {}, refused = {}, compared = { "" = 7 } }
    error_message = "Only what a comparison needs on its way is removed by itself."
  }
}

run "the_functions_end_before_the_states_that_wait_for_them" {
  module {
    source = "./modules/export_delta"
  }

  assert {
    condition = alltrue([
      for name, state in jsondecode(aws_sfn_state_machine.this[0].definition).States :
      state.TimeoutSeconds > local.functions[one(regex("-(\\w+)$", state.Parameters.FunctionName))].limits.timeout_seconds
      if try(state.Parameters.FunctionName, null) != null
    ])
    error_message = "A state that gives up first would run the step twice at once."
  }

  assert {
    condition     = aws_sfn_state_machine.this[0].logging_configuration[0].level == "ERROR" && !aws_sfn_state_machine.this[0].logging_configuration[0].include_execution_data
    error_message = "Failures are logged, data is not."
  }
}

run "each_alarm_watches_what_it_says_and_tells_the_topic" {
  module {
    source = "./modules/export_delta"
  }

  assert {
    condition = {
      for alarm in concat(
        values(aws_cloudwatch_metric_alarm.executions), values(aws_cloudwatch_metric_alarm.puts), values(aws_cloudwatch_metric_alarm.set_aside),
        aws_cloudwatch_metric_alarm.iterator_age,
      ) :
      alarm.alarm_name => "${alarm.namespace} ${alarm.metric_name} of ${one(values(alarm.dimensions))} above ${alarm.threshold}, without figures ${alarm.treat_missing_data}"
      } == {
      totesys-dev-exports-failed      = "AWS/States ExecutionsFailed of arn:aws:states:eu-west-2:123456789012:stateMachine:totesys-dev-exports above 0, without figures notBreaching"
      totesys-dev-exports-timed-out   = "AWS/States ExecutionsTimedOut of arn:aws:states:eu-west-2:123456789012:stateMachine:totesys-dev-exports above 0, without figures notBreaching"
      totesys-dev-exports-aborted     = "AWS/States ExecutionsAborted of arn:aws:states:eu-west-2:123456789012:stateMachine:totesys-dev-exports above 0, without figures notBreaching"
      totesys-dev-changes-waiting     = "AWS/Kinesis GetRecords.IteratorAgeMilliseconds of totesys-dev-changes above 3600000, without figures breaching"
      totesys-dev-changes-throttled   = "AWS/Kinesis WriteProvisionedThroughputExceeded of totesys-dev-changes above 0, without figures notBreaching"
      totesys-dev-changes-failed-puts = "AWS/Kinesis PutRecords.FailedRecords of totesys-dev-changes above 0, without figures notBreaching"
      totesys-dev-changes-refused     = "AWS/Lambda OnFailureDestinationDeliveredEventCount of mapping-of-changes above 0, without figures notBreaching"
      totesys-dev-changes-lost        = "AWS/Lambda DestinationDeliveryFailures of totesys-dev-changes above 0, without figures notBreaching"
    }
    error_message = "What ends badly, waits, is refused or is lost raises an alarm."
  }

  assert {
    condition = module.queue.alarms == {
      totesys-dev-exports-dead-letters = "ApproximateNumberOfMessagesVisible of totesys-dev-exports-dead-letters above 0"
      totesys-dev-exports-waiting      = "ApproximateAgeOfOldestMessage of totesys-dev-exports above 1800"
    }
    error_message = "So does an arrival that waits for half an hour, or for a person."
  }

  assert {
    condition = alltrue([
      for alarm in concat(
        values(aws_cloudwatch_metric_alarm.executions), values(aws_cloudwatch_metric_alarm.puts), values(aws_cloudwatch_metric_alarm.set_aside),
        aws_cloudwatch_metric_alarm.iterator_age,
      ) : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"])
    ])
    error_message = "Every alarm tells the topic."
  }
}

run "each_role_may_do_exactly_this" {
  module {
    source = "./modules/export_delta"
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["exports"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "logs:CreateLogStream arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "logs:PutLogEvents arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "s3:ListBucket arn:aws:s3:::exports",
      "dynamodb:GetItem arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-exports",
      "dynamodb:PutItem arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-exports",
      "states:StartExecution arn:aws:states:eu-west-2:123456789012:stateMachine:totesys-dev-exports",
      "states:DescribeExecution arn:aws:states:eu-west-2:123456789012:execution:totesys-dev-exports:*",
      "sns:Publish arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts",
      "sqs:ReceiveMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports",
      "sqs:DeleteMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports",
      "sqs:ChangeMessageVisibility arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports",
      "sqs:GetQueueAttributes arn:aws:sqs:eu-west-2:123456789012:totesys-dev-exports",
    ])
    error_message = "exports lists versions, keeps the registry, starts executions and takes messages."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["delta"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "logs:CreateLogStream arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "logs:PutLogEvents arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "s3:ListBucket arn:aws:s3:::exports",
      "s3:GetObject arn:aws:s3:::exports/*",
      "s3:GetObject arn:aws:s3:::changes/*",
      "s3:PutObject arn:aws:s3:::changes/*",
      "s3:AbortMultipartUpload arn:aws:s3:::changes/*",
      "s3:ListBucket arn:aws:s3:::changes",
      "dynamodb:GetItem arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-exports",
      "dynamodb:PutItem arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-exports",
      "kinesis:PutRecords arn:aws:kinesis:eu-west-2:123456789012:stream/totesys-dev-changes",
      "athena:StartQueryExecution arn:aws:athena:eu-west-2:123456789012:workgroup/totesys-dev-exports",
      "athena:GetQueryExecution arn:aws:athena:eu-west-2:123456789012:workgroup/totesys-dev-exports",
      "athena:GetQueryResults arn:aws:athena:eu-west-2:123456789012:workgroup/totesys-dev-exports",
      "athena:StopQueryExecution arn:aws:athena:eu-west-2:123456789012:workgroup/totesys-dev-exports",
      "glue:CreateTable arn:aws:glue:eu-west-2:123456789012:catalog",
      "glue:CreateTable arn:aws:glue:eu-west-2:123456789012:database/totesys_dev_exports",
      "glue:CreateTable arn:aws:glue:eu-west-2:123456789012:table/totesys_dev_exports/*",
      "glue:DeleteTable arn:aws:glue:eu-west-2:123456789012:catalog",
      "glue:DeleteTable arn:aws:glue:eu-west-2:123456789012:database/totesys_dev_exports",
      "glue:DeleteTable arn:aws:glue:eu-west-2:123456789012:table/totesys_dev_exports/*",
      "glue:GetDatabase arn:aws:glue:eu-west-2:123456789012:catalog",
      "glue:GetDatabase arn:aws:glue:eu-west-2:123456789012:database/totesys_dev_exports",
      "glue:GetDatabase arn:aws:glue:eu-west-2:123456789012:table/totesys_dev_exports/*",
      "glue:GetTable arn:aws:glue:eu-west-2:123456789012:catalog",
      "glue:GetTable arn:aws:glue:eu-west-2:123456789012:database/totesys_dev_exports",
      "glue:GetTable arn:aws:glue:eu-west-2:123456789012:table/totesys_dev_exports/*",
      "glue:GetPartitions arn:aws:glue:eu-west-2:123456789012:catalog",
      "glue:GetPartitions arn:aws:glue:eu-west-2:123456789012:database/totesys_dev_exports",
      "glue:GetPartitions arn:aws:glue:eu-west-2:123456789012:table/totesys_dev_exports/*",
      "s3:GetBucketLocation arn:aws:s3:::exports",
      "s3:GetBucketLocation arn:aws:s3:::compared",
      "s3:ListBucket arn:aws:s3:::compared",
      "s3:ListBucketMultipartUploads arn:aws:s3:::compared",
      "s3:GetObject arn:aws:s3:::compared/*",
      "s3:PutObject arn:aws:s3:::compared/*",
      "s3:DeleteObject arn:aws:s3:::compared/*",
      "s3:AbortMultipartUpload arn:aws:s3:::compared/*",
      "s3:ListMultipartUploadParts arn:aws:s3:::compared/*",
    ])
    error_message = "delta reads exports, keeps changes, puts them into the stream, and has Athena compare in one workgroup and one database."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["changes"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "logs:CreateLogStream arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "logs:PutLogEvents arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-2:123456789012:secret:exports",
      "s3:GetObject arn:aws:s3:::changes/*",
      "s3:ListBucket arn:aws:s3:::changes",
      "kinesis:DescribeStream arn:aws:kinesis:eu-west-2:123456789012:stream/totesys-dev-changes",
      "kinesis:DescribeStreamSummary arn:aws:kinesis:eu-west-2:123456789012:stream/totesys-dev-changes",
      "kinesis:ListShards arn:aws:kinesis:eu-west-2:123456789012:stream/totesys-dev-changes",
      "kinesis:GetShardIterator arn:aws:kinesis:eu-west-2:123456789012:stream/totesys-dev-changes",
      "kinesis:GetRecords arn:aws:kinesis:eu-west-2:123456789012:stream/totesys-dev-changes",
      "s3:PutObject arn:aws:s3:::refused/*",
      "s3:ListBucket arn:aws:s3:::refused",
    ])
    error_message = "changes reads the stream and large changes, and logs in to the target."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["state_machine"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "lambda:InvokeFunction arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-exports",
      "lambda:InvokeFunction arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-delta",
      "sns:Publish arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts",
      "logs:CreateLogDelivery *",
      "logs:DeleteLogDelivery *",
      "logs:DescribeLogGroups *",
      "logs:DescribeResourcePolicies *",
      "logs:GetLogDelivery *",
      "logs:ListLogDeliveries *",
      "logs:PutResourcePolicy *",
      "logs:UpdateLogDelivery *",
    ])
    error_message = "The state machine runs two functions and tells of failures."
  }
}

run "with_a_key_of_ours_everything_is_encrypted_with_it" {
  module {
    source = "./modules/export_delta"
  }

  variables {
    encrypts_with_key = true
    key_arn           = "arn:aws:kms:eu-west-2:123456789012:key/ours"
  }

  assert {
    condition = alltrue([
      module.queue.key_arn == "arn:aws:kms:eu-west-2:123456789012:key/ours",
      aws_kinesis_stream.changes.kms_key_id == "arn:aws:kms:eu-west-2:123456789012:key/ours",
      aws_dynamodb_table.registry.server_side_encryption[0].kms_key_arn == "arn:aws:kms:eu-west-2:123456789012:key/ours",
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_KMS",
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == "arn:aws:kms:eu-west-2:123456789012:key/ours",
    ])
    error_message = "Queues, stream, registry and Athena's answers are encrypted with the key."
  }

  assert {
    condition = alltrue([
      for role, policy in output.policies :
      one([for s in jsondecode(policy).Statement : join(" ", concat(s.Action, s.Resource)) if s.Sid == "UseTheKey"]) == "kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-2:123456789012:key/ours"
    ])
    error_message = "Every role may use the key."
  }
}

run "data_is_protected" {
  command = plan

  module {
    source = "./modules/export_delta"
  }

  variables {
    protect_data = true
  }

  assert {
    condition     = length(terraform_data.protection) == 1 && aws_secretsmanager_secret.target.recovery_window_in_days == 30 && aws_dynamodb_table.registry.deletion_protection_enabled
    error_message = "Destroying is refused, and a removed secret can be brought back."
  }
}

run "without_functions_all_data_stays" {
  module {
    source = "./modules/export_delta"
  }

  variables {
    has_functions = false
  }

  assert {
    condition = alltrue([
      length(module.function) == 0,
      length(aws_sfn_state_machine.this) == 0,
      length(aws_lambda_event_source_mapping.changes) + length(aws_lambda_event_source_mapping.arrived) == 0,
      aws_kinesis_stream.changes.name == "totesys-dev-changes",
      output.policies == {},
    ])
    error_message = "Functions go by themselves; what they work on does not."
  }
}

run "nothing_of_it_is_there_unless_asked_for" {
  assert {
    condition     = length(module.export_delta) == 0 && output.exports == null && !contains(keys(output.function_names), "exports")
    error_message = "Full exports are made only where they are asked for."
  }
}

run "full_exports_alone_are_a_deployment" {
  variables {
    warehouse_enabled    = false
    export_delta_enabled = true
  }

  assert {
    condition = alltrue([
      output.exports == "s3://totesys-dev-exports-123456789012-eu-west-2",
      output.exports_refused == "s3://totesys-dev-refused-123456789012-eu-west-2",
      output.exports_registry == "dynamodb://totesys-dev-exports",
      output.exports_stream_name == "totesys-dev-changes",
      output.exports_queue_url == "https://sqs/exports",
      output.exports_dead_letters_url == "https://sqs/dead",
      output.exports_secret_name == "totesys-dev/exports",
      output.function_names == { exports = "totesys-dev-exports", delta = "totesys-dev-delta", changes = "totesys-dev-changes" },
      keys(output.log_group_names) == ["changes", "delta", "exports", "exports_machine"],
    ])
    error_message = "Their names are told, so that exports can be written, listed and resynced, and logs read."
  }

  assert {
    condition     = strcontains(output.next_steps, "totesys-dev/exports.") && strcontains(output.next_steps, "/TENANT/TABLE/VERSION/") && !strcontains(output.next_steps, "make invoke")
    error_message = "A person is told to put the one secret and to write an export."
  }
}

run "in_a_vpc_only_the_function_that_applies_changes_is_attached" {
  variables {
    export_delta_enabled = true
    vpc = {
      vpc_id         = "vpc-1"
      subnet_ids     = ["subnet-1"]
      database_cidrs = ["10.0.0.0/16"]
    }
  }

  assert {
    condition     = module.network[0].endpoints == toset(["secretsmanager", "logs", "sns", "glue"])
    error_message = "It asks the secret and S3; the others are outside, and need no endpoint of DynamoDB, Kinesis or Step Functions."
  }
}

run "what_no_export_delta_can_have_is_refused" {
  command = plan

  variables {
    export_delta = {
      stream  = { shards = 0, retention_hours = 23 }
      delta   = { memory_mb = 512, scratch_mb = 20000, max_scanned_bytes = 1048576 }
      changes = { memory_mb = 128, timeout_seconds = 901, batch_size = 10001, batch_seconds = 301, parallelization = 11, max_retries = -1, max_age_seconds = 1 }
    }
  }

  expect_failures = [var.export_delta]
}
