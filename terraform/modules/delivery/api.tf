# The REST API is the project's openapi.json, which the tests hold the function to; only the function is filled in here.

locals {
  api_name   = "${var.name}-ingest"
  stage_name = "v1"
  # Without functions the API stays, so that its address does, and answers that it has nobody to ask.
  ingest_arn = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${local.api_name}"
  api_body = templatefile(var.api_document, {
    ingest_invoke_arn = "arn:${local.partition}:apigateway:${local.region}:lambda:path/2015-03-31/functions/${local.ingest_arn}/invocations"
  })
}

resource "aws_api_gateway_rest_api" "this" {
  name        = local.api_name
  description = "Takes records in for ${var.name}."
  body        = local.api_body

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  triggers    = { document = sha256(local.api_body) } # a changed document is not in use before it is deployed

  lifecycle {
    create_before_destroy = true # or the stage would name a deployment that is gone
  }
}

resource "aws_api_gateway_stage" "this" {
  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.this.id
  stage_name           = local.stage_name
  xray_tracing_enabled = var.tracing

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # Who asked, and what was answered; neither bodies nor keys.
    format = jsonencode({
      requestId          = "$context.requestId"
      requestTime        = "$context.requestTime"
      apiKeyId           = "$context.identity.apiKeyId"
      sourceIp           = "$context.identity.sourceIp"
      httpMethod         = "$context.httpMethod"
      path               = "$context.path"
      status             = "$context.status"
      responseLength     = "$context.responseLength"
      responseLatency    = "$context.responseLatency"
      integrationLatency = "$context.integrationLatency"
      error              = "$context.error.responseType" # the message may repeat an Authorization header
    })
  }

  depends_on = [aws_api_gateway_account.this] # API Gateway refuses to log without its role
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled = true  # for the alarms
    logging_level   = "OFF" # its lines would hold headers, in a group that never expires
    # All senders together.
    throttling_rate_limit  = length(var.api.senders) * var.api.requests_per_second
    throttling_burst_limit = length(var.api.senders) * var.api.burst
  }
}

resource "aws_lambda_permission" "api" {
  count = var.has_functions ? 1 : 0

  statement_id   = "TheApiCalls"
  action         = "lambda:InvokeFunction"
  function_name  = module.function["ingest"].name
  principal      = "apigateway.amazonaws.com"
  source_arn     = "${aws_api_gateway_rest_api.this.execution_arn}/${local.stage_name}/POST/ingest"
  source_account = local.account
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${local.api_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

# A key for each sender, whose repeats are told apart by it. AWS makes the value up; Terraform's state holds it too.
resource "aws_api_gateway_api_key" "this" {
  for_each = var.api.senders

  name        = "${local.api_name}-${each.key}"
  description = "Opens the API of ${var.name} to ${each.key}."
}

resource "aws_api_gateway_usage_plan" "this" {
  name        = local.api_name
  description = "How much each sender may post to ${var.name}."

  api_stages {
    api_id = aws_api_gateway_rest_api.this.id
    stage  = aws_api_gateway_stage.this.stage_name
  }

  throttle_settings { # of each sender
    rate_limit  = var.api.requests_per_second
    burst_limit = var.api.burst
  }

  quota_settings {
    limit  = var.api.requests_per_day
    period = "DAY"
  }
}

resource "aws_api_gateway_usage_plan_key" "this" {
  for_each = aws_api_gateway_api_key.this

  key_id        = each.value.id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.this.id
}

# One for all APIs of the account in this region: where another deployment or person set it, it is left to them.
resource "aws_api_gateway_account" "this" {
  count = var.api.sets_account_role ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.access_logs[0].arn # `make destroy` takes it back: Terraform leaves it there

  depends_on = [aws_iam_role_policy.access_logs] # API Gateway tries the role when it is set
}
