# The function's role: what every function needs, and what this one was given, in one document.

locals {
  base_statements = [
    {
      # CreateLogStream and PutLogEvents are called by Lambda in the function's name, not by its code.
      sid       = "WriteItsOwnLog"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.this.arn}:*"] # its streams
    },
  ]
  tracing_statements = [
    {
      sid       = "SendTraces"
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"] # X-Ray has no resource to name for them
    },
  ]
  ec2 = "arn:${local.partition}:ec2:${local.region}:${local.account}"
  network_statements = [
    {
      sid     = "AttachToTheNetwork" # used by Lambda itself, before the function's code runs
      actions = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"]
      resources = concat(
        ["${local.ec2}:network-interface/*"],
        [for id in try(var.network.subnet_ids, []) : "${local.ec2}:subnet/${id}"],
        [for id in try(var.network.security_group_ids, []) : "${local.ec2}:security-group/${id}"],
      )
    },
    {
      sid       = "SeeTheNetwork"
      actions   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"]
      resources = ["*"] # EC2 has no resource to name for what describes
    },
  ]
  allowed = concat(
    local.base_statements,
    var.policy_statements,
    [for statement in local.tracing_statements : statement if var.tracing],
    [for statement in local.network_statements : statement if var.network != null],
  )
  # Code that runs in the function could otherwise change network interfaces too.
  denied_to_code = var.network == null ? [] : [{
    Sid       = "NotFromTheFunctionsCode"
    Effect    = "Deny"
    Action    = [for action in flatten(local.network_statements[*].actions) : action]
    Resource  = "*" # everything, because this refuses
    Condition = { ArnEquals = { "lambda:SourceFunctionArn" = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}" } }
  }]
}

resource "aws_iam_role" "this" {
  name        = "${var.name}-function"
  description = "What ${var.name} may do."

  permissions_boundary = var.permissions_boundary == null ? null : "arn:${local.partition}:iam::${local.account}:policy/${var.permissions_boundary}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = var.name
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      for statement in local.allowed : {
        Sid      = statement.sid
        Effect   = "Allow"
        Action   = statement.actions
        Resource = statement.resources
      }
    ], local.denied_to_code)
  })
}
