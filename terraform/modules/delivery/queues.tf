# Records wait in one queue; what the endpoint refused, and what was tried too often, waits in the other, for a person.

locals {
  queue_name = "${var.name}-records"
}

# While a message is hidden it waits for its next try, for longer than a claim in the ledger holds after its worker was
# killed. What has waited for six of its seven days the function puts aside, before it is forgotten.
module "queue" {
  source = "../queue"

  name                     = local.queue_name
  function_timeout_seconds = var.delivery.timeout_seconds
  max_receives             = var.delivery.max_receives
  encrypts_with_key        = var.encrypts_with_key
  key_arn                  = var.key_arn

  alarms = {
    name            = local.queue_name
    dead_letters    = "Records were refused, or could not be delivered for too long; they wait in ${local.queue_name}-dead-letters for 14 days. `starlift dlq list` tells the reasons, `starlift dlq replay` sends them once more."
    waiting         = "Records have waited for more than ${var.delivery.max_age_seconds} seconds in ${local.queue_name}, because the endpoint is down, or because they come faster than it takes them. Read the lines of /aws/lambda/${var.name}-delivery."
    max_age_seconds = var.delivery.max_age_seconds
  }
  alerts_topic_arn = var.alerts_topic_arn
}
