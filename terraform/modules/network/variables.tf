variable "name" {
  description = "What every resource's name begins with."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "The subnets that functions and endpoints are in."
  type        = list(string)
}

variable "route_table_ids" {
  description = "The route tables that get a way to S3; none where there is one already."
  type        = list(string)
  default     = []
}

variable "interface_endpoints" {
  description = "The services that get an endpoint in the VPC."
  type        = list(string)
}

variable "endpoint_security_group_ids" {
  description = "The security groups of endpoints that the VPC has already; they let the functions in themselves."
  type        = list(string)
  default     = []
}

variable "database_cidrs" {
  description = "The addresses that hold the databases."
  type        = list(string)
}

variable "database_ports" {
  description = "The ports that the databases listen on."
  type        = list(number)
  default     = [5432]
}
