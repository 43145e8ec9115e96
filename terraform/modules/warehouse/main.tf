# The warehouse pipeline: three functions, the state machine that runs them, and the schedule that starts it.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  partition = data.aws_partition.this.partition
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_region.this.name

  boundary_arn = var.permissions_boundary == null ? null : "arn:${local.partition}:iam::${local.account}:policy/${var.permissions_boundary}"

  state_machine_name = "${var.name}-warehouse"
  # Built from the name, because the role that says it exists before the state machine does.
  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.state_machine_name}"
  metric_namespace  = "Starlift/${var.name}"

  stages = {
    extraction = {
      description = "Changed rows of the source into the landing bucket."
      handler     = "extraction.database.handler.lambda_handler"
    }
    transformation = {
      description = "Landed batches into star-schema Parquet."
      handler     = "transformation.star_schema.handler.lambda_handler"
    }
    load = {
      description = "Transformed batches into the warehouse."
      handler     = "load.warehouse.handler.lambda_handler"
    }
  }
  environments = {
    extraction = {
      PROJECT       = var.project_folder
      LANDING       = "s3://${var.buckets.landing.id}"
      PROCESSED     = "s3://${var.buckets.processed.id}"
      SOURCE_SECRET = var.secrets.source.name
    }
    transformation = merge(
      {
        PROJECT   = var.project_folder
        LANDING   = "s3://${var.buckets.landing.id}"
        PROCESSED = "s3://${var.buckets.processed.id}"
      },
      var.glue_catalogue ? { GLUE_DATABASE = aws_glue_catalog_database.this[0].name } : {},
    )
    load = {
      PROJECT          = var.project_folder
      PROCESSED        = "s3://${var.buckets.processed.id}"
      WAREHOUSE_SECRET = var.secrets.warehouse.name
    }
  }
}

module "function" {
  source   = "../lambda_function"
  for_each = local.stages

  name              = "${var.name}-${each.key}"
  description       = each.value.description
  handler           = each.value.handler
  environment       = local.environments[each.key]
  policy_statements = local.policy_statements[each.key]
  package = {
    function = "${var.package_folder}/${each.key}.zip"
    layer    = "${var.package_folder}/${each.key}-layer.zip"
  }

  artifacts_bucket   = var.buckets.artifacts.id
  runtime            = var.runtime
  architecture       = var.architecture
  limits             = var.functions[each.key]
  network            = var.networks[each.key]
  tracing            = var.tracing
  key_arn            = var.key_arn
  log_retention_days = var.log_retention_days
  metric_namespace   = local.metric_namespace
  alerts_topic_arn   = var.alerts_topic_arn

  permissions_boundary = var.permissions_boundary
}

# Athena reads the star schema's Parquet through it; the transformation adds the tables.
resource "aws_glue_catalog_database" "this" {
  count = var.glue_catalogue ? 1 : 0

  name        = replace(var.name, "-", "_")
  description = "The star schema of ${var.name}, as the processed bucket holds it."
}
