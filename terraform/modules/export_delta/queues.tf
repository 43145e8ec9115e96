# What arrived waits in one queue; what could not be started waits in the other, for a person.

locals {
  queue_name = "${var.name}-exports"
}

module "queue" {
  source = "../queue"

  name                     = local.queue_name
  function_timeout_seconds = local.functions.exports.limits.timeout_seconds
  max_receives             = 5
  announcing_bucket_arn    = module.bucket["exports"].arn
  encrypts_with_key        = var.encrypts_with_key
  key_arn                  = var.key_arn

  alarms = {
    name            = local.queue_name
    dead_letters    = "Exports arrived and could not be started; they wait in ${local.queue_name}-dead-letters for 14 days. `starlift dlq list` shows them, `starlift dlq replay` starts them once the cause is mended."
    waiting         = "The arrival of an export has waited for more than half an hour in ${local.queue_name}. Read the lines of /aws/lambda/${var.name}-exports."
    max_age_seconds = 1800
  }
  alerts_topic_arn = var.alerts_topic_arn
}

# Everything, whatever its name: what is no export is refused with an alert, and a file that closes a version may be
# called anything.
resource "aws_s3_bucket_notification" "arrived" {
  bucket     = module.bucket["exports"].id
  depends_on = [module.queue] # S3 sends a test event, and refuses a queue that takes none

  queue {
    id        = "arrived"
    queue_arn = module.queue.arn
    events    = ["s3:ObjectCreated:*"]
  }
}
