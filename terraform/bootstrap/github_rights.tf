# What the roles of github.tf may do. Rights end in names: two projects of which one's name begins with the other's and a
# hyphen would meet.

locals {
  arn = { # of everything of the project, by service
    for service in ["athena", "cloudwatch", "dynamodb", "glue", "kinesis", "kms", "lambda", "logs", "scheduler", "secretsmanager", "sns", "sqs", "states", "ec2"] :
    service => "arn:${local.partition}:${service}:${var.region}:${local.account}"
  }
  buckets       = "arn:${local.partition}:s3:::${local.names}"
  state_objects = "arn:${local.partition}:s3:::${module.state.id}/*"
  packages      = "arn:${local.partition}:s3:::${var.project}-*-artifacts-${local.account}-${var.region}/*"
  mappings      = "${local.arn.lambda}:event-source-mapping:*"
  # AWS makes up what these are named; below them is all of an API.
  apis         = [for kind in ["restapis", "apikeys", "usageplans"] : "arn:${local.partition}:apigateway:${var.region}::/${kind}*"]
  api_settings = concat(local.apis, [for kind in ["account", "tags/*"] : "arn:${local.partition}:apigateway:${var.region}::/${kind}"])
  key_aliases  = "${local.arn.kms}:alias/${local.names}"
  glue_names   = "${replace(var.project, "-", "_")}_*"
  catalogue    = ["${local.arn.glue}:catalog", "${local.arn.glue}:database/${local.glue_names}", "${local.arn.glue}:table/${local.glue_names}/*"]

  # Only roles as the modules name them, so neither workflow role can change itself, the other one, or the boundary.
  made_roles = [
    for suffix in ["function", "runs", "schedule", "access-logs"] :
    "arn:${local.partition}:iam::${local.account}:role/${var.project}-*-${suffix}"
  ]
  named = [
    "${local.arn.athena}:workgroup/${local.names}",
    "${local.arn.cloudwatch}:alarm:${local.names}",
    "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${local.names}",
    "${local.arn.dynamodb}:table/${local.names}",
    "${local.arn.glue}:catalog",
    "${local.arn.glue}:database/${local.glue_names}",
    "${local.arn.glue}:table/${local.glue_names}/*",
    "${local.arn.glue}:userDefinedFunction/${local.glue_names}/*", # there is none; asked for where a database is deleted
    "${local.arn.kinesis}:stream/${local.names}",
    "${local.arn.lambda}:function:${local.names}",
    "${local.arn.lambda}:layer:${local.names}",
    "${local.arn.logs}:log-group:/aws/apigateway/${local.names}",
    "${local.arn.logs}:log-group:/aws/lambda/${local.names}",
    "${local.arn.logs}:log-group:/aws/vendedlogs/states/${local.names}",
    "${local.arn.scheduler}:schedule-group/${local.names}",
    "${local.arn.scheduler}:schedule/${local.names}",
    "${local.arn.secretsmanager}:secret:${local.names}",
    "${local.arn.sns}:${local.names}",
    "${local.arn.sqs}:${local.names}",
    "${local.arn.states}:stateMachine:${local.names}",
  ]

  tagged = ["athena", "cloudwatch", "dynamodb", "glue", "lambda", "logs", "scheduler", "secretsmanager", "sns", "states"]

  # Settings and tags; none of these returns a secret's value, a log's lines or a row.
  see_actions = [
    "athena:GetWorkGroup", "athena:ListTagsForResource", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource",
    "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
    "dynamodb:ListTagsOfResource", "glue:GetDatabase", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTags",
    "kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:ListTagsForStream", "lambda:GetFunction",
    "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionEventInvokeConfig", "lambda:GetLayerVersion",
    "lambda:GetPolicy", "lambda:ListTags", "lambda:ListVersionsByFunction", "logs:DescribeMetricFilters",
    "logs:ListTagsForResource", "scheduler:GetSchedule", "scheduler:GetScheduleGroup",
    "scheduler:ListTagsForResource", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy",
    "sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sqs:GetQueueAttributes",
    "sqs:ListQueueTags", "states:DescribeStateMachine", "states:ListStateMachineVersions",
    "states:ListTagsForResource",
  ]

  read_statements = [
    { Sid = "SeeItsState", Effect = "Allow", Action = ["s3:GetObject"], Resource = [local.state_objects] },
    # GetObject on packages alone: landing and processed hold other people's data.
    { Sid = "SeePackages", Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectTagging"], Resource = [local.packages] },
    {
      Sid    = "SeeBuckets"
      Effect = "Allow"
      Action = [
        "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration", "s3:ListBucket", "s3:ListTagsForResource",
      ]
      Resource = [local.buckets]
    },
    {
      Sid      = "SeeRoles"
      Effect   = "Allow"
      Action   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"]
      Resource = local.made_roles
    },
    { Sid = "SeeTheKey", Effect = "Allow", Action = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"], Resource = ["${local.arn.kms}:key/*"] },
    { Sid = "SeeApis", Effect = "Allow", Action = ["apigateway:GET"], Resource = local.api_settings },
    # AWS makes a mapping's name up.
    { Sid = "SeeMappings", Effect = "Allow", Action = ["lambda:GetEventSourceMapping", "lambda:ListTags"], Resource = [local.mappings] },
    {
      Sid    = "LookUp"
      Effect = "Allow"
      Action = [
        "cloudwatch:DescribeAlarms", "kinesis:DescribeLimits", "kms:ListAliases", "logs:DescribeLogGroups", "sts:GetCallerIdentity",
        "states:ValidateStateMachineDefinition",
      ]
      Resource = ["*"] # lists and checks have no resource to name
    },
  ]

  write_statements = [
    { Sid = "LockItsState", Effect = "Allow", Action = ["s3:PutObject", "s3:DeleteObject"], Resource = ["${local.state_objects}.tflock"] },
    { Sid = "KeepItsState", Effect = "Allow", Action = ["s3:PutObject"], Resource = [local.state_objects] },
    { Sid = "UploadPackages", Effect = "Allow", Action = ["s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"], Resource = [local.packages] },
    {
      # No right to remove objects of landing and processed: a workflow can destroy a bucket only while it is empty.
      Sid    = "MakeBuckets"
      Effect = "Allow"
      Action = [
        "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:ListBucketVersions", "s3:PutBucket*",
        "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
      ]
      Resource = [local.buckets]
    },
    {
      Sid       = "MakeRolesWithinTheBoundary"
      Effect    = "Allow"
      Action    = ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"]
      Resource  = local.made_roles
      Condition = { StringEquals = { "iam:PermissionsBoundary" = local.has_github ? local.boundary_arn : "" } }
    },
    {
      Sid      = "ChangeRoles"
      Effect   = "Allow"
      Action   = ["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"]
      Resource = local.made_roles
    },
    {
      Sid       = "HandRolesOn"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = local.made_roles
      Condition = { StringEquals = { "iam:PassedToService" = ["apigateway.amazonaws.com", "lambda.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"] } }
    },
    {
      # What is seen and what is changed in one statement, and a star for words that differ: a role's policy has 10,240
      # characters. *agResource is TagResource and UntagResource.
      Sid    = "Deploy"
      Effect = "Allow"
      Action = concat(local.see_actions, [for service in local.tagged : "${service}:*agResource"], [
        "athena:*WorkGroup", "cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard",
        "cloudwatch:PutMetricAlarm", "dynamodb:CreateTable", "dynamodb:DeleteTable",
        "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive", "glue:*Database",
        "glue:*Table", "kinesis:*StreamEncryption", "kinesis:*StreamRetentionPeriod", "kinesis:AddTagsToStream",
        "kinesis:CreateStream", "kinesis:DeleteStream", "kinesis:RemoveTagsFromStream", "kinesis:UpdateShardCount",
        "kinesis:UpdateStreamMode", "lambda:*FunctionConcurrency", "lambda:*FunctionEventInvokeConfig",
        "lambda:*Permission", "lambda:CreateFunction", "lambda:DeleteFunction", "lambda:DeleteLayerVersion",
        "lambda:PublishLayerVersion", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
        "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteMetricFilter",
        "logs:DisassociateKmsKey", "logs:PutMetricFilter", "logs:PutRetentionPolicy", "scheduler:*Schedule*",
        "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:UpdateSecret",
        "sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:Unsubscribe",
        "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue",
        "states:CreateStateMachine", "states:DeleteStateMachine", "states:UpdateStateMachine",
      ])
      Resource = local.named
    },
    {
      Sid       = "MapQueuesToItsFunctions"
      Effect    = "Allow"
      Action    = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
      Resource  = ["*"] # a mapping that is not there yet has no name; which function it is for, the request says
      Condition = { ArnLike = { "lambda:FunctionArn" = "${local.arn.lambda}:function:${local.names}" } }
    },
    {
      Sid      = "MakeApis"
      Effect   = "Allow"
      Action   = ["apigateway:POST", "apigateway:PUT", "apigateway:PATCH", "apigateway:DELETE"]
      Resource = local.api_settings
    },
    { Sid = "TagMappings", Effect = "Allow", Action = ["lambda:TagResource", "lambda:UntagResource"], Resource = [local.mappings] },
    {
      Sid       = "MakeTheKey"
      Effect    = "Allow"
      Action    = ["kms:CreateKey"]
      Resource  = ["*"] # a key that is not there yet has no name
      Condition = { StringEquals = { "aws:RequestTag/Project" = var.project } }
    },
    {
      # ScheduleKeyDeletion is missing on purpose: a person does that.
      Sid       = "ChangeTheKey"
      Effect    = "Allow"
      Action    = ["kms:EnableKeyRotation", "kms:PutKeyPolicy", "kms:TagResource", "kms:UpdateKeyDescription", "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = { "aws:ResourceTag/Project" = var.project } }
    },
    { Sid = "NameTheKey", Effect = "Allow", Action = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"], Resource = [local.key_aliases, "${local.arn.kms}:key/*"] },
  ]

  github_statements = {
    plan = concat(local.read_statements, [
      { Sid = "SeeWhatIsDeployed", Effect = "Allow", Action = local.see_actions, Resource = local.named },
    ])
    deploy = concat(local.read_statements, local.write_statements)
  }
  boundary_arn = one(aws_iam_policy.boundary[*].arn)

  boundary_statements = [
    {
      Sid      = "TheProjectsThings"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"]
      Resource = [for which in ["landing", "processed", "files", "rejected", "exports", "changes", "refused", "compared", "raw", "results"] : "arn:${local.partition}:s3:::${var.project}-*-${which}-${local.account}-${var.region}*"]
    },
    { Sid = "WhatAthenaWrote", Effect = "Allow", Action = ["s3:DeleteObject"], Resource = ["arn:${local.partition}:s3:::${var.project}-*-compared-${local.account}-${var.region}/*"] },
    { Sid = "Secrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = ["${local.arn.secretsmanager}:secret:${local.names}"] },
    { Sid = "Logs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${local.arn.logs}:log-group:/aws/lambda/${local.names}"] },
    { Sid = "Catalogue", Effect = "Allow", Action = ["glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable", "glue:DeleteTable"], Resource = local.catalogue },
    { Sid = "Runs", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["${local.arn.lambda}:function:${local.names}"] },
    { Sid = "Alerts", Effect = "Allow", Action = ["sns:Publish"], Resource = ["${local.arn.sns}:${local.names}"] },
    { Sid = "Queues", Effect = "Allow", Action = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"], Resource = ["${local.arn.sqs}:${local.names}"] },
    { Sid = "Starts", Effect = "Allow", Action = ["states:StartExecution"], Resource = ["${local.arn.states}:stateMachine:${local.names}"] },
    { Sid = "Ends", Effect = "Allow", Action = ["states:DescribeExecution"], Resource = ["${local.arn.states}:execution:${local.names}"] },
    { Sid = "Registries", Effect = "Allow", Action = ["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"], Resource = ["${local.arn.dynamodb}:table/${local.names}"] },
    { Sid = "Queries", Effect = "Allow", Action = ["athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup", "athena:StartQueryExecution", "athena:StopQueryExecution"], Resource = ["${local.arn.athena}:workgroup/${local.names}"] },
    { Sid = "Streams", Effect = "Allow", Action = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:PutRecords"], Resource = ["${local.arn.kinesis}:stream/${local.names}"] },
    { Sid = "Keys", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["${local.arn.kms}:key/*"], Condition = { StringEquals = { "aws:ResourceTag/Project" = var.project } } },
    {
      Sid    = "WhatHasNoName"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        "ec2:UnassignPrivateIpAddresses", "logs:CreateLogDelivery", "logs:CreateLogGroup", "logs:CreateLogStream",
        "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:DescribeResourcePolicies",
        "logs:FilterLogEvents", "logs:GetLogDelivery", "logs:GetLogEvents", "logs:ListLogDeliveries",
        "logs:PutLogEvents", "logs:PutResourcePolicy", "logs:UpdateLogDelivery", "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
      ]
      Resource = ["*"] # the modules say of each why; a boundary gives nothing, it only limits what they give
    },
  ]
}
