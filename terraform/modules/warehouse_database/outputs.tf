output "host" {
  description = "The database's address, for the warehouse's secret."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "The port it listens on."
  value       = aws_db_instance.this.port
}

output "dbname" {
  description = "The database on it."
  value       = aws_db_instance.this.db_name
}

output "administrator_secret_arn" {
  description = "The secret that RDS keeps the administrator's login in; make a login for the load with it."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

output "subnet_ids" {
  description = "The subnets that a function attaches to."
  value       = module.network.subnet_ids
}

output "security_group_ids" {
  description = "The security groups that a function attaches with."
  value       = module.network.security_group_ids
}
