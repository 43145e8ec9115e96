# What every queue of the pipelines holds to, whichever function takes from it.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files" }
}

override_resource {
  target = aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files-dead-letters" }
}

variables {
  project     = "totesys"
  environment = "dev"
  region      = "eu-west-2"

  name                     = "totesys-dev-files"
  function_timeout_seconds = 900
  max_receives             = 3
  encrypts_with_key        = false
  key_arn                  = null
  alarms                   = { name = "totesys-dev-file-drop", dead_letters = "Mend it.", waiting = "Wait.", max_age_seconds = 3600 }
  alerts_topic_arn         = "arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"
}

run "what_was_tried_too_often_waits_a_fortnight_where_no_other_queue_gives_up_to" {
  module {
    source = "./modules/queue"
  }

  assert {
    condition     = aws_sqs_queue.this.visibility_timeout_seconds > 6 * 900 && aws_sqs_queue.this.visibility_timeout_seconds <= 43200
    error_message = "A message does not come back while the function may still be at work, and SQS hides none for longer than 12 hours."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.this.redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files-dead-letters", maxReceiveCount = 3
    }
    error_message = "After so many receives a message goes to the dead letters."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.message_retention_seconds == 1209600 && aws_sqs_queue.this.message_retention_seconds <= 604800
    error_message = "Dead letters stay for 14 days, of which waiting in the first queue took half at most."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead_letters.redrive_allow_policy).sourceQueueArns == ["arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files"]
    error_message = "No other queue gives its messages up to the dead letters."
  }
}

run "nobody_is_allowed_in_by_the_queue_itself_and_plain_http_never" {
  module {
    source = "./modules/queue"
  }

  assert {
    condition = [
      for policy in [aws_sqs_queue_policy.this.policy, aws_sqs_queue_policy.dead_letters.policy] :
      [for s in jsondecode(policy).Statement : "${s.Effect} ${s.Action} ${s.Resource} ${s.Condition.Bool["aws:SecureTransport"]}"]
      ] == [
      ["Deny sqs:* arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files false"],
      ["Deny sqs:* arn:aws:sqs:eu-west-2:123456789012:totesys-dev-files-dead-letters false"],
    ]
    error_message = "Both queues refuse plain HTTP, and say nothing else."
  }
}

run "both_queues_are_encrypted_without_a_key_of_ours_too" {
  module {
    source = "./modules/queue"
  }

  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "By SQS's own key."
  }
}

run "both_queues_are_encrypted_with_a_key_of_ours" {
  module {
    source = "./modules/queue"
  }

  variables {
    encrypts_with_key = true
    key_arn           = "arn:aws:kms:eu-west-2:123456789012:key/ours"
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.this, aws_sqs_queue.dead_letters] :
      queue.kms_master_key_id == "arn:aws:kms:eu-west-2:123456789012:key/ours"
    ])
    error_message = "Where there is one."
  }
}

run "a_dead_letter_or_a_message_that_waits_tells_the_topic" {
  module {
    source = "./modules/queue"
  }

  assert {
    condition = {
      for alarm in [aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.waiting] :
      alarm.alarm_name => "${alarm.namespace} ${alarm.comparison_operator} ${alarm.threshold}, else ${alarm.treat_missing_data}: ${alarm.alarm_description}"
      } == {
      totesys-dev-file-drop-dead-letters = "AWS/SQS GreaterThanThreshold 0, else notBreaching: Mend it."
      totesys-dev-file-drop-waiting      = "AWS/SQS GreaterThanThreshold 3600, else notBreaching: Wait."
    }
    error_message = "Each says to a person what to do."
  }

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.waiting] :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"]) && alarm.ok_actions == alarm.alarm_actions
    ])
    error_message = "Its beginning and its end."
  }
}
