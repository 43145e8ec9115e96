# What each stage may do, and nothing besides. No role deletes: batches are immutable.

locals {
  landing   = var.buckets.landing.arn
  processed = var.buckets.processed.arn
  secrets   = { for which, secret in var.secrets : which => secret.arn }
  glue      = "arn:${local.partition}:glue:${local.region}:${local.account}"

  policy_statements = {
    extraction = concat([
      { sid = "ReadSourceLogin", actions = ["secretsmanager:GetSecretValue"], resources = [local.secrets.source] },
      { sid = "ReadLandedBatches", actions = ["s3:GetObject"], resources = ["${local.landing}/*"] },
      { sid = "LandBatches", actions = local.write_actions, resources = ["${local.landing}/*"] },
      { sid = "SeeWhatWasTransformed", actions = ["s3:GetObject"], resources = ["${local.processed}/_log/*"] },
      { sid = "BeToldWhatIsMissing", actions = local.missing_actions, resources = [local.landing, local.processed] },
    ], local.key_statements)

    transformation = concat([
      { sid = "ReadLandedBatches", actions = ["s3:GetObject"], resources = ["${local.landing}/*"] },
      { sid = "ReadItsLog", actions = ["s3:GetObject"], resources = ["${local.processed}/_log/*"] },
      { sid = "WriteTransformedBatches", actions = local.write_actions, resources = ["${local.processed}/*"] },
      { sid = "BeToldWhatIsMissing", actions = local.missing_actions, resources = [local.landing, local.processed] },
    ], local.key_statements, local.catalogue_statements)

    load = concat([
      { sid = "ReadWarehouseLogin", actions = ["secretsmanager:GetSecretValue"], resources = [local.secrets.warehouse] },
      { sid = "ReadTransformedBatches", actions = ["s3:GetObject"], resources = ["${local.processed}/*"] },
      { sid = "BeToldWhatIsMissing", actions = local.missing_actions, resources = [local.processed] },
    ], local.key_statements)
  }

  # AbortMultipartUpload is used only when an upload breaks off: its parts would cost until the lifecycle rule comes.
  write_actions = ["s3:PutObject", "s3:AbortMultipartUpload"]
  # No stage lists. Without this right S3 answers 403 for an object that is not there, which must be told from a refusal.
  missing_actions = ["s3:ListBucket"]

  key_statements = var.key_arn == null ? [] : [
    # GenerateDataKey is for writing, Decrypt for reading and for completing an upload in parts.
    { sid = "UseTheKey", actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [var.key_arn] },
  ]

  catalogue_statements = var.glue_catalogue ? [{
    sid = "RegisterTables"
    # UpdateTable is used when a model gains a column.
    actions = ["glue:GetTable", "glue:CreateTable", "glue:UpdateTable"]
    resources = [
      "${local.glue}:catalog",
      "${local.glue}:database/${aws_glue_catalog_database.this[0].name}",
      "${local.glue}:table/${aws_glue_catalog_database.this[0].name}/*", # the models' names are the project's
    ]
  }] : []

  state_machine_statements = concat([
    { Sid = "RunTheStages", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [for function in module.function : function.arn] },
    { Sid = "TellOfFailures", Effect = "Allow", Action = ["sns:Publish"], Resource = [var.alerts_topic_arn] },
    {
      # Step Functions tries all of these when the state machine is made or changed. Its runs use none of them:
      # CreateLogDelivery, UpdateLogDelivery, GetLogDelivery, ListLogDeliveries and DeleteLogDelivery are the delivery's
      # life; PutResourcePolicy lets it into the log group, which DescribeResourcePolicies and DescribeLogGroups look up.
      Sid    = "DeliverItsLog"
      Effect = "Allow"
      Action = [
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
      ]
      Resource = ["*"] # log deliveries have no resource to name
    },
    ],
    var.key_arn == null ? [] : [
      # Only to publish to the encrypted topic.
      { Sid = "UseTheKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.key_arn] },
    ],
    var.tracing ? [{
      Sid      = "SendTraces"
      Effect   = "Allow"
      Action   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = ["*"] # X-Ray has no resource to name for them
    }] : [],
  )
}

resource "aws_iam_role" "state_machine" {
  name                 = "${local.state_machine_name}-runs"
  description          = "What the state machine ${local.state_machine_name} may do."
  assume_role_policy   = jsonencode(local.trust.states)
  permissions_boundary = local.boundary_arn
}

resource "aws_iam_role_policy" "state_machine" {
  name   = local.state_machine_name
  role   = aws_iam_role.state_machine.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.state_machine_statements })
}

resource "aws_iam_role" "schedule" {
  name                 = "${local.state_machine_name}-schedule"
  description          = "What the schedule of ${local.state_machine_name} may do: start a run."
  assume_role_policy   = jsonencode(local.trust.scheduler)
  permissions_boundary = local.boundary_arn
}

resource "aws_iam_role_policy" "schedule" {
  name = local.state_machine_name
  role = aws_iam_role.schedule.id

  policy = jsonencode({
    Version = "2012-10-17"
    # StartExecution is the scheduler's call, never that of a run.
    Statement = [
      { Sid = "StartRuns", Effect = "Allow", Action = ["states:StartExecution"], Resource = [local.state_machine_arn] },
    ]
  })
}

locals {
  # Only for this account's state machine and schedule: the service would otherwise act for anybody's.
  trust = {
    for service, source in {
      states    = local.state_machine_arn
      scheduler = aws_scheduler_schedule_group.this.arn
    } :
    service => {
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Principal = { Service = "${service}.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = source }
        }
      }]
    }
  }
}
