# What functions in a VPC need: a way to AWS's own services that does not lead over the internet, and a security group
# that lets them reach the databases and those services, and nothing else.

data "aws_region" "this" {}

locals {
  region = data.aws_region.this.name
}

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "The functions of ${var.name}: out to databases and AWS, nothing in."
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true # Lambda holds on to the old one for a while
  }
}

resource "aws_vpc_security_group_egress_rule" "databases" {
  for_each = { for pair in setproduct(var.database_cidrs, var.database_ports) : "${pair[0]}:${pair[1]}" => { cidr = pair[0], port = pair[1] } }

  security_group_id = aws_security_group.functions.id
  description       = "Databases."
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "services" {
  security_group_id            = aws_security_group.functions.id
  description                  = "AWS's services, through the endpoints here."
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "other_endpoints" {
  for_each = toset(var.endpoint_security_group_ids)

  security_group_id            = aws_security_group.functions.id
  description                  = "AWS's services, through endpoints that were there."
  referenced_security_group_id = each.key
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

data "aws_ec2_managed_prefix_list" "s3" {
  name = "com.amazonaws.${local.region}.s3"
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.functions.id
  description       = "S3, through its gateway."
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "AWS's services for the functions of ${var.name}."
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "The functions."
  referenced_security_group_id = aws_security_group.functions.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_endpoint" "s3" {
  count = length(var.route_table_ids) > 0 ? 1 : 0

  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids
  tags              = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "service" {
  for_each = toset(var.interface_endpoints)

  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  tags                = { Name = "${var.name}-${each.key}" }
}
