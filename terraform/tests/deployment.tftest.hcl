# The whole configuration: its names, its schedule, what it refuses to be told, and its optional networks.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  project        = "totesys"
  environment    = "dev"
  region         = "eu-west-2"
  alert_email    = "data@example.com"
  protect_data   = false
  package_folder = "tests/packages"
}

run "names_carry_project_and_environment" {
  assert {
    condition = alltrue([
      output.landing == "s3://totesys-dev-landing-123456789012-eu-west-2",
      output.processed == "s3://totesys-dev-processed-123456789012-eu-west-2",
      output.source_secret_name == "totesys-dev/source",
      output.warehouse_secret_name == "totesys-dev/warehouse",
      join(" ", values(output.function_names)) == "totesys-dev-extraction totesys-dev-load totesys-dev-transformation",
      output.schedule_name == "totesys-dev-warehouse/totesys-dev-warehouse",
      output.glue_database == "totesys_dev",
    ])
    error_message = "Two deployments in one account would meet under one name."
  }

  assert {
    condition     = output.warehouse_database == null && length(module.network) == 0
    error_message = "Neither a database nor a network unless asked for."
  }

  assert {
    condition     = strcontains(output.next_steps, "data@example.com") && strcontains(output.next_steps, "make secrets") && strcontains(output.next_steps, "rate(15 minutes)")
    error_message = "A person is told to confirm the mail, to put the secrets, and when runs start unless said otherwise."
  }
}

run "the_schedule_is_a_quarter_of_an_hour_and_starts_the_state_machine" {
  command = plan

  module {
    source = "./modules/warehouse"
  }

  override_resource {
    target          = aws_sfn_state_machine.this
    override_during = plan
    values          = { arn = "arn:aws:states:eu-west-2:123456789012:stateMachine:totesys-dev-warehouse" }
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

  assert {
    condition = alltrue([
      aws_scheduler_schedule.this.schedule_expression == "rate(15 minutes)",
      aws_scheduler_schedule.this.state == "ENABLED",
      aws_scheduler_schedule.this.target[0].arn == aws_sfn_state_machine.this.arn,
      aws_scheduler_schedule.this.target[0].input == "{}",
    ])
    error_message = "A run starts every quarter of an hour, asked for nothing special."
  }

  assert {
    condition     = aws_sfn_state_machine.this.logging_configuration[0].level == "ERROR" && !aws_sfn_state_machine.this.logging_configuration[0].include_execution_data
    error_message = "Errors are logged, an execution's data is not: its input may name rows by their keys."
  }
}

run "what_no_deployment_can_have_is_refused" {
  command = plan

  variables {
    project                 = "Totesys"
    environment             = "production"
    region                  = "London"
    alert_email             = "nobody"
    schedule                = "rate(1 minutes)"
    max_horizon_age_seconds = 1
    log_retention_days      = 15
    runtime                 = "python3.10"
    architecture            = "arm"
    storage                 = { infrequent_access_days = 7 }
    warehouse_functions     = { load = { memory_mb = 128 } }
    aws_endpoint            = "https://example.com"
  }

  expect_failures = [
    var.project, var.environment, var.region, var.alert_email, var.schedule,
    var.max_horizon_age_seconds, var.log_retention_days, var.runtime, var.architecture, var.storage, var.warehouse_functions,
    var.aws_endpoint,
  ]
}

run "a_freshness_alarm_that_could_never_rest_is_refused" {
  command = plan

  variables {
    schedule = "rate(1 hour)"
  }

  expect_failures = [var.freshness_period_seconds]
}

run "a_period_that_cloudwatch_does_not_know_is_refused" {
  command = plan

  variables {
    freshness_period_seconds = 930
  }

  expect_failures = [var.freshness_period_seconds]
}

run "a_longer_look_back_than_cloudwatch_has_is_refused" {
  command = plan

  variables {
    freshness_periods = 97
  }

  expect_failures = [var.freshness_periods]
}

run "functions_attach_to_a_vpc_that_is_named" {
  variables {
    vpc = {
      vpc_id          = "vpc-1"
      subnet_ids      = ["subnet-1", "subnet-2"]
      route_table_ids = ["rtb-1"]
      database_cidrs  = ["10.0.0.0/16"]
    }
  }

  assert {
    condition     = module.network[0].subnet_ids == tolist(["subnet-1", "subnet-2"])
    error_message = "The functions attach to the subnets that were named."
  }

  assert {
    condition     = length(setintersection(module.network[0].endpoints, ["secretsmanager", "glue"])) == 2
    error_message = "Every service that a function calls has an endpoint: nothing else is reached from the VPC."
  }
}

run "a_vpc_without_a_way_to_a_service_that_functions_call_is_refused" {
  command = plan

  variables {
    vpc = {
      vpc_id              = "vpc-1"
      subnet_ids          = ["subnet-1"]
      database_cidrs      = ["10.0.0.0/16"]
      interface_endpoints = ["secretsmanager"]
    }
  }

  expect_failures = [var.vpc]
}

run "endpoints_that_the_vpc_has_are_reached_by_their_security_groups" {
  variables {
    vpc = {
      vpc_id                      = "vpc-1"
      subnet_ids                  = ["subnet-1"]
      database_cidrs              = ["10.0.0.0/16"]
      interface_endpoints         = []
      endpoint_security_group_ids = ["sg-1"]
    }
  }

  assert {
    condition     = module.network[0].endpoints == toset([])
    error_message = "No second endpoint is made."
  }
}

run "a_run_every_five_days_may_be_waited_for" {
  command = plan

  variables {
    schedule                 = "rate(5 days)"
    freshness_period_seconds = 432000
    freshness_periods        = 1
  }

  assert {
    condition     = var.freshness_period_seconds == 432000
    error_message = "What `make configure` writes for such a schedule is accepted."
  }
}

run "the_network_lets_functions_out_to_databases_and_aws_only" {
  module {
    source = "./modules/network"
  }

  variables {
    name                = "totesys-dev"
    vpc_id              = "vpc-1"
    subnet_ids          = ["subnet-1"]
    route_table_ids     = ["rtb-1"]
    interface_endpoints = ["secretsmanager", "logs", "sns"]
    database_cidrs      = ["10.0.0.0/16"]
    database_ports      = [5432, 6432]

    endpoint_security_group_ids = ["sg-1"]
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.other_endpoints : "${rule.referenced_security_group_id} ${rule.from_port}"] == ["sg-1 443"]
    error_message = "Endpoints that were there are reached too."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_egress_rule.databases : "${rule.cidr_ipv4} ${rule.from_port} ${rule.ip_protocol}"]) == toset(["10.0.0.0/16 5432 tcp", "10.0.0.0/16 6432 tcp"])
    error_message = "Databases are reached on their ports."
  }

  assert {
    condition     = toset([for endpoint in concat(values(aws_vpc_endpoint.service), aws_vpc_endpoint.s3) : "${endpoint.vpc_endpoint_type} ${endpoint.service_name}"]) == toset(["Gateway com.amazonaws.eu-west-2.s3", "Interface com.amazonaws.eu-west-2.secretsmanager", "Interface com.amazonaws.eu-west-2.logs", "Interface com.amazonaws.eu-west-2.sns"])
    error_message = "AWS's services are reached without the internet."
  }
}

run "a_warehouse_that_is_made_here_is_private_and_encrypted" {
  module {
    source = "./modules/warehouse_database"
  }

  variables {
    name               = "totesys-dev"
    key_arn            = null
    log_retention_days = 30
    settings = {
      instance_class = "db.t4g.small", engine_version = "18", storage_gb = 50, max_storage_gb = 500, multi_az = false
      backup_days    = 14, cidr = "10.71.0.0/24", availability_zones = 2, performance_insights = true
    }
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible && aws_db_instance.this.manage_master_user_password
    error_message = "The database is encrypted, not public, and nobody knows its administrator's password."
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name} ${parameter.value}"], "rds.force_ssl 1")
    error_message = "The database refuses plain text."
  }

  assert {
    condition     = aws_db_parameter_group.this.name == "totesys-dev-warehouse-postgres18" && aws_db_instance.this.allow_major_version_upgrade
    error_message = "A new major version's parameters do not meet the old one's of the same name."
  }

  assert {
    condition     = [for rule in [aws_vpc_security_group_ingress_rule.database] : "${rule.from_port} ${rule.cidr_ipv4 == null}"] == ["5432 true"]
    error_message = "Only the functions' security group is let in, no addresses."
  }

  assert {
    condition     = aws_subnet.private[*].cidr_block == ["10.71.0.0/26", "10.71.0.64/26"] && !anytrue(aws_subnet.private[*].map_public_ip_on_launch)
    error_message = "The subnets are private."
  }
}

run "a_warehouse_made_here_gives_the_load_its_network" {
  variables {
    warehouse_database = {}
  }

  assert {
    condition     = output.warehouse_database.host == "totesys-dev-warehouse.example.eu-west-2.rds.amazonaws.com" && output.warehouse_database.dbname == "warehouse"
    error_message = "A person is told where the warehouse is."
  }
}

run "retries_that_outlast_what_the_delivery_queue_keeps_are_refused" {
  command = plan

  variables {
    delivery = { delivery = { timeout_seconds = 900, max_receives = 95 } }
  }

  expect_failures = [var.delivery]
}
