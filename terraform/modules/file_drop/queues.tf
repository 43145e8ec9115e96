# What was dropped waits in one queue; what could not be loaded waits in the other, for a person.

locals {
  queue_name   = "${var.name}-files"
  max_receives = 3
}

module "queue" {
  source = "../queue"

  name                     = local.queue_name
  function_timeout_seconds = var.settings.timeout_seconds
  max_receives             = local.max_receives
  announcing_bucket_arn    = module.bucket["files"].arn
  encrypts_with_key        = var.encrypts_with_key
  key_arn                  = var.key_arn

  alarms = {
    name            = local.function_name
    dead_letters    = "Files could not be loaded and wait in ${local.queue_name}-dead-letters for 14 days. `starlift dlq list` tells the reasons, `starlift dlq replay` brings them in once that is mended."
    waiting         = "A dropped file has waited for more than ${var.settings.max_age_seconds} seconds in ${local.queue_name}, because it fails and is retried, or because files come faster than they are loaded. Read the lines of /aws/lambda/${local.function_name}."
    max_age_seconds = var.settings.max_age_seconds
  }
  alerts_topic_arn = var.alerts_topic_arn
}
