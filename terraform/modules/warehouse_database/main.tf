# A warehouse for those who have none: an RDS PostgreSQL that nothing reaches but the functions of this deployment.

data "aws_availability_zones" "this" {
  state = "available"
}

locals {
  family = "postgres${split(".", var.settings.engine_version)[0]}"
  zones  = slice(data.aws_availability_zones.this.names, 0, var.settings.availability_zones)
}

resource "aws_vpc" "this" {
  cidr_block           = var.settings.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # the endpoints' private names
  tags                 = { Name = "${var.name}-warehouse" }
}

# Every VPC has one; without rules it lets nothing through.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "private" {
  count = length(local.zones)

  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(var.settings.cidr, 2, count.index)
  availability_zone = local.zones[count.index]
  tags              = { Name = "${var.name}-warehouse-${local.zones[count.index]}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-warehouse" }
}

resource "aws_route_table_association" "private" {
  count = length(local.zones)

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

module "network" {
  source = "../network"

  name                = "${var.name}-warehouse"
  vpc_id              = aws_vpc.this.id
  subnet_ids          = aws_subnet.private[*].id
  route_table_ids     = [aws_route_table.private.id]
  interface_endpoints = var.interface_endpoints
  database_cidrs      = [var.settings.cidr]
}

resource "aws_security_group" "database" {
  name        = "${var.name}-warehouse-database"
  description = "The warehouse: in from the functions, nothing out."
  vpc_id      = aws_vpc.this.id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "The functions."
  referenced_security_group_id = module.network.functions_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_subnet_group" "this" {
  name       = "${var.name}-warehouse"
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_db_parameter_group" "this" {
  name   = "${var.name}-warehouse-${local.family}" # a new major version's is made beside the old one
  family = local.family

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_statement"
    value = "ddl" # every other statement would put rows into the log
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "-1" # likewise
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  identifier     = "${var.name}-warehouse"
  engine         = "postgres"
  engine_version = var.settings.engine_version
  instance_class = var.settings.instance_class
  db_name        = "warehouse"

  # Made and rotated by RDS, so it is neither in Terraform's state nor anybody's to know.
  username                      = "administrator"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.key_arn

  storage_type          = "gp3"
  allocated_storage     = var.settings.storage_gb
  max_allocated_storage = var.settings.max_storage_gb
  storage_encrypted     = true
  kms_key_id            = var.key_arn

  multi_az               = var.settings.multi_az
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.database.id]
  parameter_group_name   = aws_db_parameter_group.this.name

  iam_database_authentication_enabled = false # the functions log in with their secret
  auto_minor_version_upgrade          = true
  allow_major_version_upgrade         = true # only by engine_version: RDS does none by itself
  backup_retention_period             = var.settings.backup_days
  copy_tags_to_snapshot               = true
  deletion_protection                 = var.protect_data
  skip_final_snapshot                 = !var.protect_data
  final_snapshot_identifier           = var.protect_data ? "${var.name}-warehouse-final" : null

  performance_insights_enabled    = var.settings.performance_insights
  performance_insights_kms_key_id = var.settings.performance_insights ? var.key_arn : null
  enabled_cloudwatch_logs_exports = ["postgresql"]

  depends_on = [aws_cloudwatch_log_group.this]
}

# Declared, not left to RDS to create: an implicit log group never expires.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/rds/instance/${var.name}-warehouse/postgresql"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

# See modules/permanent: a plan that would replace the database is refused as a whole.
resource "terraform_data" "protection" {
  count = var.protect_data ? 1 : 0

  triggers_replace = [aws_db_instance.this.arn]

  lifecycle {
    prevent_destroy = true
  }
}
