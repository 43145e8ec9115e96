# What each function may do, and nothing besides. None removes an export or a change.

locals {
  bucket = { for which, bucket in module.bucket : which => bucket.arn }
  glue   = "arn:${local.partition}:glue:${local.region}:${local.account}"

  # A transaction is allowed by what is in it, and ours only put.
  registry_statement = { sid = "KeepTheRegistry", actions = ["dynamodb:GetItem", "dynamodb:PutItem"], resources = [aws_dynamodb_table.registry.arn] }

  policy_statements = {
    exports = concat([
      { sid = "ListVersions", actions = ["s3:ListBucket"], resources = [local.bucket.exports] },
      local.registry_statement,
      { sid = "StartExecutions", actions = ["states:StartExecution"], resources = [local.state_machine_arn] },
      # DescribeExecution is for an object that is told of again: how did the execution of its content end?
      { sid = "SeeHowTheyEnded", actions = ["states:DescribeExecution"], resources = [local.executions_arn] },
      { sid = "TellOfRefusals", actions = ["sns:Publish"], resources = [var.alerts_topic_arn] },
      {
        # ReceiveMessage, DeleteMessage, ChangeMessageVisibility and GetQueueAttributes are called by Lambda in the
        # function's name, not by its code.
        sid       = "TakeMessages"
        actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
        resources = [module.queue.arn]
      },
    ], local.key_statements)

    delta = concat([
      { sid = "ListVersions", actions = ["s3:ListBucket"], resources = [local.bucket.exports] },
      { sid = "ReadExports", actions = ["s3:GetObject"], resources = ["${local.bucket.exports}/*"] },
      # AbortMultipartUpload is used only when an upload breaks off: its parts would cost until the lifecycle rule comes.
      { sid = "KeepChanges", actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], resources = ["${local.bucket.changes}/*"] },
      # Without this right S3 answers 403 for an object that is not there, which must be told from a refusal.
      { sid = "BeToldWhatIsMissing", actions = ["s3:ListBucket"], resources = [local.bucket.changes] },
      local.registry_statement,
      { sid = "PublishChanges", actions = ["kinesis:PutRecords"], resources = [aws_kinesis_stream.changes.arn] },
      # StopQueryExecution is for queries whose comparison has failed, or whose lock is lost.
      {
        sid       = "AskAthena"
        actions   = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution"]
        resources = [aws_athena_workgroup.this.arn]
      },
      {
        # GetDatabase, GetTable and GetPartitions are called by Athena in the function's name.
        sid     = "LetAthenaSeeExports"
        actions = ["glue:CreateTable", "glue:DeleteTable", "glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"]
        resources = [
          "${local.glue}:catalog", "${local.glue}:database/${aws_glue_catalog_database.this.name}",
          "${local.glue}:table/${aws_glue_catalog_database.this.name}/*", # each comparison has tables of its own
        ]
      },
      # GetBucketLocation, ListBucketMultipartUploads, ListMultipartUploadParts, AbortMultipartUpload, and PutObject of what
      # it finds, are Athena's calls, in the function's name; so is reading exports and listing their bucket.
      { sid = "LetAthenaFindTheBuckets", actions = ["s3:GetBucketLocation"], resources = [local.bucket.exports, local.bucket.compared] },
      { sid = "SeeWhatAthenaWrote", actions = ["s3:ListBucket", "s3:ListBucketMultipartUploads"], resources = [local.bucket.compared] },
      {
        sid       = "KeepWhatAthenaWroteForAsLongAsItIsNeeded"
        actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        resources = ["${local.bucket.compared}/*"]
      },
    ], local.key_statements)

    changes = concat([
      { sid = "ReadTargetLogin", actions = ["secretsmanager:GetSecretValue"], resources = [aws_secretsmanager_secret.target.arn] },
      # GetObject is for a change that is too large for the stream.
      { sid = "ReadLargeChanges", actions = ["s3:GetObject"], resources = ["${local.bucket.changes}/*"] },
      { sid = "BeToldWhatIsMissing", actions = ["s3:ListBucket"], resources = [local.bucket.changes] },
      {
        # DescribeStream, DescribeStreamSummary, ListShards, GetShardIterator and GetRecords are called by Lambda in the
        # function's name, not by its code.
        sid       = "ReadTheStream"
        actions   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"]
        resources = [aws_kinesis_stream.changes.arn]
      },
      # PutObject and ListBucket of this bucket too are Lambda's own calls.
      { sid = "SetDeliveriesAside", actions = ["s3:PutObject"], resources = ["${local.bucket.refused}/*"] },
      { sid = "FindItsWayThere", actions = ["s3:ListBucket"], resources = [local.bucket.refused] },
    ], local.key_statements)
  }

  key_statements = var.key_arn == null ? [] : [
    # GenerateDataKey is for writing and sending, Decrypt for reading and receiving.
    { sid = "UseTheKey", actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [var.key_arn] },
  ]

  state_machine_statements = concat([
    { Sid = "RunTheSteps", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [for name in ["exports", "delta"] : module.function[name].arn if var.has_functions] },
    { Sid = "TellOfFailures", Effect = "Allow", Action = ["sns:Publish"], Resource = [var.alerts_topic_arn] },
    {
      # Step Functions tries all of these when the state machine is made or changed. Its executions use none of them:
      # modules/warehouse/iam.tf says what each is for.
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
  count = var.has_functions ? 1 : 0

  name                 = "${local.state_machine_name}-runs"
  description          = "What the state machine ${local.state_machine_name} may do."
  permissions_boundary = local.boundary_arn

  # Only for this account's state machine: the service would otherwise act for anybody's.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = local.state_machine_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "state_machine" {
  count = var.has_functions ? 1 : 0

  name   = local.state_machine_name
  role   = aws_iam_role.state_machine[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.state_machine_statements })
}
