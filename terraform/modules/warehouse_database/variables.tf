variable "name" {
  description = "What every resource's name begins with."
  type        = string
}

variable "settings" {
  description = "The instance's size, version, storage, backups and addresses."
  type = object({
    instance_class       = string
    engine_version       = string
    storage_gb           = number
    max_storage_gb       = number
    multi_az             = bool
    backup_days          = number
    cidr                 = string
    availability_zones   = number
    performance_insights = bool
  })
}

variable "protect_data" {
  description = "Refuse to destroy or replace the database."
  type        = bool
}

variable "key_arn" {
  description = "The KMS key of storage and administrator's secret; null where AWS's own are used."
  type        = string
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "interface_endpoints" {
  description = "AWS's services that the functions in its network ask for, beside S3."
  type        = list(string)
  default     = ["secretsmanager"]
}
