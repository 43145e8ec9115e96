# What each function may do, and nothing besides. None removes a record.

locals {
  bucket = { for which, bucket in module.bucket : which => bucket.arn }
  glue   = "arn:${local.partition}:glue:${local.region}:${local.account}"

  policy_statements = {
    ingest = concat([
      { sid = "StoreRecords", actions = ["s3:PutObject"], resources = ["${local.bucket.raw}/raw/*", "${local.bucket.raw}/receipts/*"] },
      # GetObject is for a POST that comes again.
      { sid = "ReadReceipts", actions = ["s3:GetObject"], resources = ["${local.bucket.raw}/receipts/*"] },
      # Without this right S3 answers 403 for a receipt that is not there, which must be told from a refusal.
      { sid = "BeToldWhatIsMissing", actions = ["s3:ListBucket"], resources = [local.bucket.raw] },
    ], local.key_statements)

    query = concat([
      # GetWorkGroup is asked by awswrangler; StopQueryExecution is for a query that takes longer than the function may.
      {
        sid       = "AskAthena"
        actions   = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup", "athena:StopQueryExecution"]
        resources = [aws_athena_workgroup.this.arn]
      },
      {
        # GetDatabase, GetTable, GetPartition and GetPartitions are called by Athena in the function's name.
        sid     = "SeeTheTables"
        actions = ["glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions"]
        resources = concat(
          ["${local.glue}:catalog", "${local.glue}:database/${aws_glue_catalog_database.this.name}"],
          [for name in keys(local.tables) : "${local.glue}:table/${aws_glue_catalog_database.this.name}/${name}"],
        )
      },
      # GetObject of records and notes is Athena's call, in the function's name; the mark is the function's own.
      { sid = "ReadTheLake", actions = ["s3:GetObject"], resources = ["${local.bucket.raw}/raw/*", "${local.bucket.raw}/queued/*", "${local.bucket.raw}/query/*"] },
      { sid = "KeepNotes", actions = ["s3:PutObject"], resources = ["${local.bucket.raw}/queued/*", "${local.bucket.raw}/query/*"] },
      {
        # GetBucketLocation, ListBucket, ListBucketMultipartUploads, ListMultipartUploadParts, AbortMultipartUpload, PutObject
        # and GetObject of results are Athena's calls, in the function's name.
        sid       = "FindTheBuckets"
        actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
        resources = [local.bucket.raw, local.bucket.results]
      },
      { sid = "KeepResults", actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], resources = ["${local.bucket.results}/*"] },
      { sid = "SeeUploads", actions = ["s3:ListBucketMultipartUploads"], resources = [local.bucket.results] },
      { sid = "SeeWhatIsSettled", actions = ["dynamodb:BatchGetItem"], resources = [aws_dynamodb_table.ledger.arn] },
      { sid = "QueueRecords", actions = ["sqs:SendMessage"], resources = [module.queue.arn] },
    ], local.key_statements)

    delivery = concat([
      { sid = "ReadEndpoint", actions = ["secretsmanager:GetSecretValue"], resources = [aws_secretsmanager_secret.endpoint.arn] },
      # GetItem tells whose claim was in the way; DeleteItem gives up the claims of records that were not delivered.
      {
        sid       = "KeepTheLedger"
        actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
        resources = [aws_dynamodb_table.ledger.arn]
      },
      {
        # ReceiveMessage, DeleteMessage, ChangeMessageVisibility and GetQueueAttributes are called by Lambda in the
        # function's name, not by its code.
        sid       = "TakeMessages"
        actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
        resources = [module.queue.arn]
      },
      { sid = "PutAside", actions = ["sqs:SendMessage"], resources = [module.queue.dead_letters.arn] },
    ], local.key_statements)
  }

  key_statements = var.key_arn == null ? [] : [
    # GenerateDataKey is for writing and sending, Decrypt for reading and receiving.
    { sid = "UseTheKey", actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [var.key_arn] },
  ]
}

resource "aws_iam_role" "schedule" {
  count = var.has_functions ? 1 : 0

  name                 = "${var.name}-query-schedule"
  description          = "What the schedule of ${var.name}-query may do: start it."
  permissions_boundary = local.boundary_arn

  # Only for this account's schedule: the service would otherwise act for anybody's.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = aws_scheduler_schedule_group.query.arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  count = var.has_functions ? 1 : 0

  name = "${var.name}-query"
  role = aws_iam_role.schedule[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    # InvokeFunction is the scheduler's call, never that of a run.
    Statement = [{ Sid = "StartTheQuery", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [module.function["query"].arn] }]
  })
}

resource "aws_iam_role" "access_logs" {
  count = var.api.sets_account_role ? 1 : 0

  name                 = "${var.name}-access-logs"
  description          = "What API Gateway may do in this account and region: write the logs of its APIs."
  permissions_boundary = local.boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "access_logs" {
  count = var.api.sets_account_role ? 1 : 0

  name = "${var.name}-access-logs"
  role = aws_iam_role.access_logs[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    # These are the rights that API Gateway asks a role of for all the account's APIs, and none of our code's:
    # CreateLogGroup, CreateLogStream, DescribeLogGroups, DescribeLogStreams, PutLogEvents, GetLogEvents, FilterLogEvents.
    Statement = [{
      Sid    = "WriteAccessLogs"
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
        "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
      ]
      Resource = ["*"] # it is the account's role, and tried against groups that are not ours
    }]
  })
}
