# Delivery: what the API asks of callers, what the lake's tables are, how often a message is tried, and what each role may do.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = module.queue.aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records", url = "https://sqs/records", id = "https://sqs/records" }
}

override_resource {
  target = module.queue.aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records-dead-letters", url = "https://sqs/dead", id = "https://sqs/dead" }
}

override_resource {
  target = module.bucket["raw"].aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::raw", id = "raw" }
}

override_resource {
  target = module.bucket["results"].aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::results", id = "results" }
}

override_resource {
  target = aws_dynamodb_table.ledger
  values = { arn = "arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-delivered" }
}

override_resource {
  target = aws_secretsmanager_secret.endpoint
  values = { arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:endpoint" }
}

override_resource {
  target = aws_athena_workgroup.this
  values = { arn = "arn:aws:athena:eu-west-2:123456789012:workgroup/totesys-dev-delivery" }
}

override_resource {
  target = aws_api_gateway_rest_api.this
  values = { id = "api", execution_arn = "arn:aws:execute-api:eu-west-2:123456789012:api" }
}

override_resource {
  target = module.function["query"].aws_lambda_function.this
  values = { arn = "arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-query" }
}

override_resource {
  target = aws_scheduler_schedule_group.query
  values = { arn = "arn:aws:scheduler:eu-west-2:123456789012:schedule-group/totesys-dev-query" }
}

variables {
  project     = "totesys"
  environment = "dev"
  region      = "eu-west-2"

  name              = "totesys-dev"
  project_folder    = "projects/totesys"
  api_document      = "tests/packages/openapi.json"
  artifacts_bucket  = "artifacts"
  package_folder    = "tests/packages"
  runtime           = "python3.13"
  architecture      = "x86_64"
  encrypts_with_key = false
  key_arn           = null
  protect_data      = false
  tracing           = false
  storage           = { infrequent_access_days = null, glacier_instant_days = null, noncurrent_days = 30, abandoned_upload_days = 2 }
  api               = { senders = ["plant", "lab"], requests_per_second = 20, burst = 40, requests_per_day = 500000, sets_account_role = true }
  ingest            = { memory_mb = 512, reserved_concurrency = null }
  query = {
    memory_mb = 1024, schedule = "rate(15 minutes)", schedule_enabled = true, max_scanned_bytes = 10737418240, max_silence_seconds = 3600, results_days = 7
  }
  delivery = {
    memory_mb = 512, timeout_seconds = 120, batch_size = 10, batch_seconds = 5, max_concurrency = 2, max_receives = 300, max_age_seconds = 3600, max_failures = 0
  }
  alerts_topic_arn   = "arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"
  log_retention_days = 30
}

run "the_api_is_the_projects_document_with_its_function_in_it" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition     = jsondecode(aws_api_gateway_rest_api.this.body).paths["/ingest"].post["x-amazon-apigateway-integration"].uri == "arn:aws:apigateway:eu-west-2:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-ingest/invocations"
    error_message = "The method calls the function that takes records in."
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.document == sha256(aws_api_gateway_rest_api.this.body)
    error_message = "A changed document is deployed."
  }

  assert {
    condition     = aws_lambda_permission.api[0].source_arn == "arn:aws:execute-api:eu-west-2:123456789012:api/v1/POST/ingest"
    error_message = "Only this method of this stage may call the function."
  }

  assert {
    condition     = toset(keys(aws_api_gateway_usage_plan_key.this)) == toset(["plant", "lab"])
    error_message = "Each sender has a key of its own in the plan."
  }

  assert {
    condition = alltrue([
      aws_api_gateway_usage_plan.this.quota_settings[0].limit == 500000,
      aws_api_gateway_usage_plan.this.quota_settings[0].period == "DAY",
      one(aws_api_gateway_usage_plan.this.throttle_settings).rate_limit == 20,
      one(aws_api_gateway_usage_plan.this.throttle_settings).burst_limit == 40,
    ])
    error_message = "A sender has a rate and a quota."
  }
}

run "who_asked_is_logged_and_neither_bodies_nor_keys" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition     = aws_api_gateway_stage.this.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.access.arn
    error_message = "The stage logs into the group that expires."
  }

  assert {
    condition = alltrue([
      for name in ["status", "apiKeyId", "sourceIp", "requestId"] : contains(keys(jsondecode(aws_api_gateway_stage.this.access_log_settings[0].format)), name)
    ])
    error_message = "A line says who asked and what was answered."
  }

  assert {
    condition     = !strcontains(aws_api_gateway_stage.this.access_log_settings[0].format, "$context.identity.apiKey\"")
    error_message = "A key's value is not logged."
  }

  assert {
    condition     = jsondecode(aws_api_gateway_stage.this.access_log_settings[0].format).error == "$context.error.responseType"
    error_message = "What went wrong is told by its kind: API Gateway's message may repeat an Authorization header."
  }

  assert {
    condition     = aws_api_gateway_method_settings.all.settings[0].logging_level == "OFF" && aws_api_gateway_method_settings.all.settings[0].metrics_enabled
    error_message = "Execution logs, which hold headers, are off; metrics, which alarms need, are on."
  }

  assert {
    condition     = length(aws_api_gateway_account.this) == 1
    error_message = "API Gateway has the role that it needs to log."
  }
}

run "where_somebody_else_sets_the_accounts_role_it_is_left_alone" {
  module {
    source = "./modules/delivery"
  }

  variables {
    api = { senders = ["plant"], requests_per_second = 20, burst = 40, requests_per_day = 500000, sets_account_role = false }
  }

  assert {
    condition     = length(aws_api_gateway_account.this) == 0 && length(aws_iam_role.access_logs) == 0
    error_message = "Neither setting nor role is made."
  }
}

run "the_lakes_tables_are_what_the_project_declares_by_hour" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition = { for column in aws_glue_catalog_table.this["raw"].storage_descriptor[0].columns : column.name => column.type } == {
      id = "string", objectkey = "string", sensorid = "string", rawtemperature = "double", rawhumidity = "double", timestamp = "string"
    }
    error_message = "A column for each field, in lower case, and two for where it came from."
  }

  assert {
    condition     = aws_glue_catalog_table.this["queued"].storage_descriptor[0].columns[0].name == "id" && length(aws_glue_catalog_table.this["queued"].storage_descriptor[0].columns) == 1
    error_message = "Notes hold ids."
  }

  assert {
    condition = alltrue([
      for table in aws_glue_catalog_table.this :
      join(" ", [for key in table.partition_keys : "${key.name}:${key.type}"]) == "year:string month:string day:string hour:string"
    ])
    error_message = "Both are partitioned by hour, as text."
  }

  assert {
    condition     = aws_glue_catalog_table.this["raw"].parameters["storage.location.template"] == "s3://totesys-dev-raw-123456789012-eu-west-2/raw/year=$${year}/month=$${month}/day=$${day}/hour=$${hour}"
    error_message = "A partition is where ingest files its records."
  }

  assert {
    condition = alltrue([
      for name, least in { year = "1970,2199 4", month = "1,12 2", day = "1,31 2", hour = "0,23 2" } :
      "${aws_glue_catalog_table.this["raw"].parameters["projection.${name}.range"]} ${aws_glue_catalog_table.this["raw"].parameters["projection.${name}.digits"]}" == least
    ])
    error_message = "Partitions are computed, with as many digits as keys have."
  }
}

run "a_query_reads_so_much_and_its_answers_are_encrypted_whoever_asks" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition = alltrue([
      aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration,
      aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 10737418240,
      aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://totesys-dev-results-123456789012-eu-west-2/",
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3",
    ])
    error_message = "The workgroup's limit and encryption hold for every query."
  }
}

run "receipts_and_answers_expire_and_records_never_do" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  assert {
    condition     = output.expiry_days == { raw = { "receipts/" = 2 }, results = { "" = 7 } }
    error_message = "A receipt outlives the time in which its POST may be repeated, by a day."
  }
}

run "a_message_is_tried_for_a_weekend_and_then_waits_for_a_person" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition     = module.queue.visibility_timeout_seconds == 6 * 120 + 60
    error_message = "A message does not come back while it may still be delivered."
  }

  assert {
    condition = jsondecode(module.queue.redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records-dead-letters", maxReceiveCount = 300
    }
    error_message = "After 300 receives a message goes to the dead letters."
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.records[0].batch_size == 10,
      aws_lambda_event_source_mapping.records[0].maximum_batching_window_in_seconds == 5,
      aws_lambda_event_source_mapping.records[0].function_response_types == toset(["ReportBatchItemFailures"]),
      aws_lambda_event_source_mapping.records[0].scaling_config[0].maximum_concurrency == 2,
    ])
    error_message = "Batches of ten, of which a part may fail, to two functions at most."
  }
}

run "a_failed_run_of_the_query_is_left_to_the_next_one" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.query[0].maximum_retry_attempts == 0
    error_message = "Lambda does not repeat it."
  }

  assert {
    condition     = aws_scheduler_schedule.query[0].target[0].arn == "arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-query" && aws_scheduler_schedule.query[0].target[0].input == "{}"
    error_message = "The schedule asks for the next window."
  }
}

run "the_alarms_watch_api_query_endpoint_and_queues" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition = {
      for alarm in [
        aws_cloudwatch_metric_alarm.api_errors, aws_cloudwatch_metric_alarm.query_missing[0], aws_cloudwatch_metric_alarm.undelivered[0],
      ] : alarm.alarm_name => "${alarm.namespace} ${alarm.metric_name} ${alarm.comparison_operator} ${alarm.threshold}, else ${alarm.treat_missing_data}"
      } == {
      totesys-dev-ingest-5xx       = "AWS/ApiGateway 5XXError GreaterThanThreshold 0, else notBreaching"
      totesys-dev-query-missing    = "AWS/Lambda Invocations LessThanThreshold 1, else breaching"
      totesys-dev-delivery-failing = "Starlift/totesys-dev totesys-dev-delivery-batches-not-delivered GreaterThanThreshold 0, else notBreaching"
    }
    error_message = "Each alarm watches what its name says."
  }

  assert {
    condition = module.queue.alarms == {
      totesys-dev-records-dead-letters = "ApproximateNumberOfMessagesVisible of totesys-dev-records-dead-letters above 0"
      totesys-dev-records-waiting      = "ApproximateAgeOfOldestMessage of totesys-dev-records above 3600"
    }
    error_message = "The queue's alarms keep the names that docs/delivery.md gives."
  }
}

run "each_function_may_do_exactly_this" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["ingest"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)] if s.Sid != "WriteItsOwnLog"
      ])) == toset([
      "s3:PutObject arn:aws:s3:::raw/raw/*",
      "s3:PutObject arn:aws:s3:::raw/receipts/*",
      "s3:GetObject arn:aws:s3:::raw/receipts/*",
      "s3:ListBucket arn:aws:s3:::raw",
    ])
    error_message = "Ingest writes records and receipts, and reads receipts alone."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["delivery"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)] if s.Sid != "WriteItsOwnLog"
      ])) == toset([
      "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-2:123456789012:secret:endpoint",
      "dynamodb:BatchGetItem arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-delivered",
      "dynamodb:GetItem arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-delivered",
      "dynamodb:PutItem arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-delivered",
      "dynamodb:DeleteItem arn:aws:dynamodb:eu-west-2:123456789012:table/totesys-dev-delivered",
      "sqs:ReceiveMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records",
      "sqs:DeleteMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records",
      "sqs:ChangeMessageVisibility arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records",
      "sqs:GetQueueAttributes arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records",
      "sqs:SendMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records-dead-letters",
    ])
    error_message = "Delivery reads the endpoint, keeps the ledger, and takes from one queue and gives to the other."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["query"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair) if strcontains(pair[0], "Put") || strcontains(pair[0], "Send") || strcontains(pair[0], "Start")]
      if s.Sid != "WriteItsOwnLog"
      ])) == toset([
      "athena:StartQueryExecution arn:aws:athena:eu-west-2:123456789012:workgroup/totesys-dev-delivery",
      "s3:PutObject arn:aws:s3:::raw/queued/*",
      "s3:PutObject arn:aws:s3:::raw/query/*",
      "s3:PutObject arn:aws:s3:::results/*",
      "sqs:SendMessage arn:aws:sqs:eu-west-2:123456789012:totesys-dev-records",
    ])
    error_message = "The query asks by one workgroup, writes notes, mark and answers, and queues; it writes no record."
  }
}

run "without_functions_address_and_records_stay" {
  module {
    source = "./modules/delivery"
  }

  variables {
    has_functions = false
  }

  assert {
    condition     = length(module.function) == 0 && length(aws_scheduler_schedule.query) == 0 && length(aws_lambda_event_source_mapping.records) == 0
    error_message = "Nothing runs."
  }

  assert {
    condition     = aws_api_gateway_rest_api.this.id == "api"
    error_message = "The API keeps its address."
  }
}

run "records_ledger_endpoint_and_address_are_protected" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  variables {
    protect_data = true
  }

  assert {
    condition     = length(terraform_data.protection) == 1 && aws_dynamodb_table.ledger.deletion_protection_enabled && aws_secretsmanager_secret.endpoint.recovery_window_in_days == 30
    error_message = "Destroying is refused, and a removed secret can be brought back."
  }
}

run "with_a_key_of_ours_all_of_it_is_encrypted_with_it" {
  module {
    source = "./modules/delivery"
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
    condition     = aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == "arn:aws:kms:eu-west-2:123456789012:key/ours"
    error_message = "So are answers."
  }

  assert {
    condition = alltrue([
      for policy in values(output.policies) : anytrue([for s in jsondecode(policy).Statement : s.Sid == "UseTheKey"])
    ])
    error_message = "Each function may use the key."
  }
}
