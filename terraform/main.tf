provider "aws" {
  region = var.region
  # An emulator knows no accounts, and an action that it lacks would otherwise be asked for again for minutes.
  access_key                  = local.is_emulated ? "testing" : null
  secret_key                  = local.is_emulated ? "testing" : null
  max_retries                 = local.is_emulated ? 3 : null
  s3_use_path_style           = local.is_emulated
  skip_credentials_validation = local.is_emulated
  skip_metadata_api_check     = local.is_emulated
  skip_region_validation      = local.is_emulated

  default_tags {
    tags = merge(var.tags, {
      Project     = var.project
      Environment = var.environment
      ManagedBy   = "terraform"
    })
  }

  dynamic "endpoints" {
    for_each = local.is_emulated ? [var.aws_endpoint] : []
    content {
      apigateway     = endpoints.value
      athena         = endpoints.value
      cloudwatch     = endpoints.value
      dynamodb       = endpoints.value
      ec2            = endpoints.value
      glue           = endpoints.value
      iam            = endpoints.value
      kinesis        = endpoints.value
      kms            = endpoints.value
      lambda         = endpoints.value
      logs           = endpoints.value
      rds            = endpoints.value
      s3             = endpoints.value
      scheduler      = endpoints.value
      secretsmanager = endpoints.value
      sfn            = endpoints.value
      sns            = endpoints.value
      sqs            = endpoints.value
      sts            = endpoints.value
    }
  }
}

locals {
  name           = "${var.project}-${var.environment}"
  is_emulated    = var.aws_endpoint != null
  package_folder = coalesce(var.package_folder, "${path.root}/../build/${var.runtime}-${var.architecture}")
}

module "permanent" {
  source = "./modules/permanent"

  name                 = local.name
  alert_email          = var.alert_email
  protect_data         = var.protect_data
  customer_managed_key = var.customer_managed_key
  announcing_buckets   = concat(var.file_drop_enabled ? ["files"] : [], var.export_delta_enabled ? ["exports"] : [])
  storage              = var.storage
}

module "network" {
  source = "./modules/network"
  count  = var.vpc == null ? 0 : 1

  name                = local.name
  vpc_id              = var.vpc.vpc_id
  subnet_ids          = var.vpc.subnet_ids
  route_table_ids     = var.vpc.route_table_ids
  interface_endpoints = coalesce(var.vpc.interface_endpoints, concat(["secretsmanager", "logs", "sns", "glue"], local.endpoints_for_files))
  database_cidrs      = var.vpc.database_cidrs
  database_ports      = var.vpc.database_ports

  endpoint_security_group_ids = var.vpc.endpoint_security_group_ids
}

module "warehouse_database" {
  source = "./modules/warehouse_database"
  count  = var.warehouse_database == null ? 0 : 1

  name               = local.name
  settings           = var.warehouse_database
  protect_data       = var.protect_data
  key_arn            = module.permanent.key_arn
  log_retention_days = var.log_retention_days
  # All that a loading function asks for beside S3.
  interface_endpoints = concat(["secretsmanager"], local.endpoints_for_files)
}

locals {
  endpoints_for_files = var.file_drop_enabled ? ["sqs"] : [] # its function gives messages up by itself
  given_network = one([
    for network in module.network : { subnet_ids = network.subnet_ids, security_group_ids = network.security_group_ids }
  ])
  database_network = one([
    for database in module.warehouse_database :
    { subnet_ids = database.subnet_ids, security_group_ids = database.security_group_ids }
  ])
}

module "warehouse" {
  source = "./modules/warehouse"
  count  = var.warehouse_enabled && var.functions_enabled ? 1 : 0

  name           = local.name
  project_folder = "projects/${var.project}"
  buckets        = module.permanent.buckets
  secrets        = module.permanent.secrets
  key_arn        = module.permanent.key_arn

  package_folder = local.package_folder
  runtime        = var.runtime
  architecture   = var.architecture
  functions      = var.warehouse_functions
  tracing        = var.tracing
  glue_catalogue = var.glue_catalogue
  # Only load reaches the warehouse, so only load attaches to the network of a warehouse that is made here.
  networks = {
    extraction     = local.given_network
    transformation = local.given_network
    load           = var.warehouse_database == null ? local.given_network : local.database_network
  }

  schedule         = var.schedule
  schedule_enabled = var.schedule_enabled

  alerts_topic_arn         = module.permanent.alerts_topic_arn
  freshness_period_seconds = var.freshness_period_seconds
  freshness_periods        = var.freshness_periods
  max_horizon_age_seconds  = var.max_horizon_age_seconds
  log_retention_days       = var.log_retention_days
  permissions_boundary     = var.permissions_boundary
}

module "file_drop" {
  source = "./modules/file_drop"
  count  = var.file_drop_enabled ? 1 : 0

  name              = local.name
  has_function      = var.functions_enabled
  project_folder    = "projects/${var.project}"
  artifacts_bucket  = module.permanent.buckets.artifacts.id
  encrypts_with_key = var.customer_managed_key
  key_arn           = module.permanent.key_arn
  protect_data      = var.protect_data
  storage           = var.storage

  package_folder = local.package_folder
  runtime        = var.runtime
  architecture   = var.architecture
  settings       = var.file_drop
  tracing        = var.tracing
  network        = var.warehouse_database == null ? local.given_network : local.database_network

  alerts_topic_arn     = module.permanent.alerts_topic_arn
  log_retention_days   = var.log_retention_days
  permissions_boundary = var.permissions_boundary
}

module "export_delta" {
  source = "./modules/export_delta"
  count  = var.export_delta_enabled ? 1 : 0

  name              = local.name
  has_functions     = var.functions_enabled
  project_folder    = "projects/${var.project}"
  artifacts_bucket  = module.permanent.buckets.artifacts.id
  encrypts_with_key = var.customer_managed_key
  key_arn           = module.permanent.key_arn
  protect_data      = var.protect_data
  storage           = var.storage

  package_folder = local.package_folder
  runtime        = var.runtime
  architecture   = var.architecture
  stream         = var.export_delta.stream
  delta          = var.export_delta.delta
  changes        = var.export_delta.changes
  tracing        = var.tracing
  network        = var.warehouse_database == null ? local.given_network : local.database_network

  alerts_topic_arn     = module.permanent.alerts_topic_arn
  log_retention_days   = var.log_retention_days
  permissions_boundary = var.permissions_boundary
}

module "delivery" {
  source = "./modules/delivery"
  count  = var.delivery_enabled ? 1 : 0

  name              = local.name
  has_functions     = var.functions_enabled
  project_folder    = "projects/${var.project}"
  api_document      = coalesce(var.api_document, "${path.root}/../projects/${var.project}/openapi.json")
  artifacts_bucket  = module.permanent.buckets.artifacts.id
  encrypts_with_key = var.customer_managed_key
  key_arn           = module.permanent.key_arn
  protect_data      = var.protect_data
  storage           = var.storage

  package_folder = local.package_folder
  runtime        = var.runtime
  architecture   = var.architecture
  api            = var.delivery.api
  ingest         = var.delivery.ingest
  query          = var.delivery.query
  delivery       = var.delivery.delivery
  tracing        = var.tracing

  alerts_topic_arn     = module.permanent.alerts_topic_arn
  log_retention_days   = var.log_retention_days
  permissions_boundary = var.permissions_boundary
}
