variable "name" {
  description = "What every resource's name begins with."
  type        = string
}

variable "project_folder" {
  description = "The project's folder inside the functions, such as projects/totesys."
  type        = string
}

variable "buckets" {
  description = "Name and ARN of the landing, processed and artifacts buckets."
  type = object({
    landing   = object({ id = string, arn = string })
    processed = object({ id = string, arn = string })
    artifacts = object({ id = string, arn = string })
  })
}

variable "secrets" {
  description = "Name and ARN of the source's and the warehouse's secret."
  type = object({
    source    = object({ name = string, arn = string })
    warehouse = object({ name = string, arn = string })
  })
}

variable "key_arn" {
  description = "The KMS key of buckets, secrets, topic and logs; null where AWS's own are used."
  type        = string
}

variable "package_folder" {
  description = "The folder with <stage>.zip and <stage>-layer.zip."
  type        = string
}

variable "runtime" {
  description = "The functions' Python."
  type        = string
}

variable "architecture" {
  description = "The functions' processor."
  type        = string
}

variable "functions" {
  description = "Each stage's memory, scratch space, time and reserved concurrency."
  type = map(object({
    memory_mb            = number
    scratch_mb           = number
    timeout_seconds      = number
    reserved_concurrency = number
  }))
}

variable "networks" {
  description = "What each stage attaches to; null attaches to none."
  type        = map(object({ subnet_ids = list(string), security_group_ids = list(string) }))
}

variable "tracing" {
  description = "Send traces to X-Ray."
  type        = bool
}

variable "glue_catalogue" {
  description = "Register the star schema in Glue."
  type        = bool
}

variable "schedule" {
  description = "When runs start."
  type        = string
}

variable "schedule_enabled" {
  description = "Whether the schedule starts runs."
  type        = bool
}

variable "alerts_topic_arn" {
  description = "The topic that alarms and failed runs tell."
  type        = string
}

variable "freshness_period_seconds" {
  description = "How long a period is in which at least one run should succeed."
  type        = number
}

variable "freshness_periods" {
  description = "After how many periods without a successful run the alarm goes off."
  type        = number
}

variable "max_horizon_age_seconds" {
  description = "How long a transaction may hold the horizon back before the alarm goes off."
  type        = number
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "permissions_boundary" {
  description = "The name of a policy that no role may exceed; null is none."
  type        = string
  default     = null
}
