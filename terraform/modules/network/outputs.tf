output "subnet_ids" {
  description = "The subnets to attach to, known once the ways out are there."
  value       = var.subnet_ids

  depends_on = [aws_vpc_endpoint.s3, aws_vpc_endpoint.service]
}

output "security_group_ids" {
  description = "The security groups to attach with."
  value       = [aws_security_group.functions.id]

  depends_on = [
    aws_vpc_security_group_egress_rule.databases,
    aws_vpc_security_group_egress_rule.services,
    aws_vpc_security_group_egress_rule.s3,
  ]
}

output "functions_security_group_id" {
  description = "The functions' security group, for a database's rule that lets them in."
  value       = aws_security_group.functions.id
}

output "services" {
  description = "AWS's services that have an endpoint here."
  value       = toset(keys(aws_vpc_endpoint.service))
}
