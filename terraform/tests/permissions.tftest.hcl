# Each role's actions and resources, one by one: a right that is added or widened has to be added here too.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "totesys-dev"
  project_folder = "projects/totesys"
  buckets = {
    landing   = { id = "landing", arn = "arn:aws:s3:::landing" }
    processed = { id = "processed", arn = "arn:aws:s3:::processed" }
    artifacts = { id = "artifacts", arn = "arn:aws:s3:::artifacts" }
  }
  secrets = {
    source    = { name = "totesys-dev/source", arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:source" }
    warehouse = { name = "totesys-dev/warehouse", arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:warehouse" }
  }
  functions = {
    for stage in ["extraction", "transformation", "load"] :
    stage => { memory_mb = 512, scratch_mb = 512, timeout_seconds = 900, reserved_concurrency = null }
  }
  networks                 = { extraction = null, transformation = null, load = null }
  key_arn                  = null
  package_folder           = "tests/packages"
  runtime                  = "python3.13"
  architecture             = "x86_64"
  tracing                  = false
  glue_catalogue           = true
  schedule                 = "rate(15 minutes)"
  schedule_enabled         = true
  alerts_topic_arn         = "arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts"
  freshness_period_seconds = 900
  freshness_periods        = 2
  max_horizon_age_seconds  = 3600
  log_retention_days       = 30
}

run "each_role_allows_exactly_this" {
  module {
    source = "./modules/warehouse"
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["extraction"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "logs:CreateLogStream arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "logs:PutLogEvents arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-2:123456789012:secret:source",
      "s3:GetObject arn:aws:s3:::landing/*",
      "s3:PutObject arn:aws:s3:::landing/*",
      "s3:AbortMultipartUpload arn:aws:s3:::landing/*",
      "s3:ListBucket arn:aws:s3:::landing",
      "s3:GetObject arn:aws:s3:::processed/_log/*",
      "s3:ListBucket arn:aws:s3:::processed",
    ])
    error_message = "extraction reads the source's secret, writes landing, and sees which batches were transformed."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["transformation"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "logs:CreateLogStream arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "logs:PutLogEvents arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "s3:GetObject arn:aws:s3:::landing/*",
      "s3:ListBucket arn:aws:s3:::landing",
      "s3:GetObject arn:aws:s3:::processed/_log/*",
      "s3:PutObject arn:aws:s3:::processed/*",
      "s3:AbortMultipartUpload arn:aws:s3:::processed/*",
      "s3:ListBucket arn:aws:s3:::processed",
      "glue:GetTable arn:aws:glue:eu-west-2:123456789012:catalog",
      "glue:GetTable arn:aws:glue:eu-west-2:123456789012:database/totesys_dev",
      "glue:GetTable arn:aws:glue:eu-west-2:123456789012:table/totesys_dev/*",
      "glue:CreateTable arn:aws:glue:eu-west-2:123456789012:catalog",
      "glue:CreateTable arn:aws:glue:eu-west-2:123456789012:database/totesys_dev",
      "glue:CreateTable arn:aws:glue:eu-west-2:123456789012:table/totesys_dev/*",
      "glue:UpdateTable arn:aws:glue:eu-west-2:123456789012:catalog",
      "glue:UpdateTable arn:aws:glue:eu-west-2:123456789012:database/totesys_dev",
      "glue:UpdateTable arn:aws:glue:eu-west-2:123456789012:table/totesys_dev/*",
    ])
    error_message = "transformation reads landing, writes processed, registers tables, and reaches no secret."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["load"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "logs:CreateLogStream arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "logs:PutLogEvents arn:aws:logs:eu-west-2:123456789012:log-group:some-group:*",
      "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-2:123456789012:secret:warehouse",
      "s3:GetObject arn:aws:s3:::processed/*",
      "s3:ListBucket arn:aws:s3:::processed",
    ])
    error_message = "load reads the warehouse's secret and processed, and writes to no bucket."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["schedule"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)]
      ])) == toset([
      "states:StartExecution arn:aws:states:eu-west-2:123456789012:stateMachine:totesys-dev-warehouse",
    ])
    error_message = "The schedule starts this state machine and does nothing else."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["state_machine"]).Statement : [for pair in setproduct(s.Action, s.Resource) : join(" ", pair)] if s.Sid != "DeliverItsLog"
      ])) == toset([
      "lambda:InvokeFunction arn:aws:lambda:eu-west-2:123456789012:function:some-function",
      "sns:Publish arn:aws:sns:eu-west-2:123456789012:totesys-dev-alerts",
    ])
    error_message = "The state machine invokes its functions and tells of failures."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for s in jsondecode(policy).Statement : s.Sid == "DeliverItsLog" || !contains(s.Resource, "*")
      ]
    ]))
    error_message = "No statement but the log delivery's, for which AWS knows no resource, is about everything."
  }

  assert {
    condition     = !strcontains(join("", values(output.policies)), "s3:Delete")
    error_message = "No role deletes objects: batches are immutable."
  }

  assert {
    condition = alltrue([
      for role in [aws_iam_role.state_machine, aws_iam_role.schedule] :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012" &&
      can(jsondecode(role.assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"])
    ])
    error_message = "The services take on a role for this account's state machine and schedule only."
  }
}

run "without_a_catalogue_nothing_of_glue_is_allowed" {
  command = plan

  module {
    source = "./modules/warehouse"
  }

  variables {
    glue_catalogue = false
  }

  assert {
    condition     = length(aws_glue_catalog_database.this) == 0 && !anytrue([for s in local.policy_statements.transformation : s.sid == "RegisterTables"])
    error_message = "Without a catalogue there is no Glue database and no right to one."
  }
}

run "tracing_a_key_and_a_network_bring_their_rights_and_no_others" {
  module {
    source = "./modules/warehouse"
  }

  variables {
    tracing = true
    key_arn = "arn:aws:kms:eu-west-2:123456789012:key/ours"
    networks = {
      extraction     = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
      transformation = null
      load           = null
    }
  }

  assert {
    condition = {
      for s in jsondecode(output.policies["extraction"]).Statement : s.Sid => s.Resource
      if contains(["UseTheKey", "SendTraces", "AttachToTheNetwork", "SeeTheNetwork"], s.Sid)
      } == {
      UseTheKey     = ["arn:aws:kms:eu-west-2:123456789012:key/ours"]
      SendTraces    = ["*"]
      SeeTheNetwork = ["*"]
      AttachToTheNetwork = [
        "arn:aws:ec2:eu-west-2:123456789012:network-interface/*",
        "arn:aws:ec2:eu-west-2:123456789012:subnet/subnet-1",
        "arn:aws:ec2:eu-west-2:123456789012:security-group/sg-1",
      ]
    }
    error_message = "A function in a network may attach to its own subnets and groups only."
  }

  assert {
    condition = [
      for s in jsondecode(output.policies["extraction"]).Statement : s.Condition.ArnEquals["lambda:SourceFunctionArn"] if s.Effect == "Deny"
    ] == ["arn:aws:lambda:eu-west-2:123456789012:function:totesys-dev-extraction"]
    error_message = "The function's own code may not change network interfaces."
  }

  assert {
    condition     = length([for s in jsondecode(output.policies["load"]).Statement : s if startswith(s.Action[0], "ec2:")]) == 0
    error_message = "A function without a network has no rights to one."
  }
}

run "a_wildcard_among_actions_is_refused" {
  command = plan

  module {
    source = "./modules/lambda_function"
  }

  variables {
    description       = "Any."
    handler           = "any.handler"
    package           = { function = "tests/packages/load.zip", layer = "tests/packages/load-layer.zip" }
    artifacts_bucket  = "artifacts"
    limits            = { memory_mb = 512, scratch_mb = 512, timeout_seconds = 60, reserved_concurrency = null }
    environment       = {}
    metric_namespace  = "Starlift/totesys-dev"
    policy_statements = [{ sid = "All", actions = ["s3:*"], resources = ["*"] }]
  }

  expect_failures = [var.policy_statements]
}

run "a_package_that_was_not_built_is_named_before_anything_is_made" {
  command = plan

  module {
    source = "./modules/lambda_function"
  }

  variables {
    description       = "Any."
    handler           = "any.handler"
    package           = { function = "tests/packages/none.zip", layer = "tests/packages/load-layer.zip" }
    artifacts_bucket  = "artifacts"
    limits            = { memory_mb = 512, scratch_mb = 512, timeout_seconds = 60, reserved_concurrency = null }
    environment       = {}
    metric_namespace  = "Starlift/totesys-dev"
    policy_statements = []
  }

  expect_failures = [var.package]
}
