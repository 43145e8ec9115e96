variable "name" {
  description = "What every resource's name begins with."
  type        = string
}

variable "has_function" {
  description = "Whether the function is there; without it files wait in the queue."
  type        = bool
  default     = true
}

variable "project_folder" {
  description = "The project's folder inside the function, such as projects/totesys."
  type        = string
}

variable "artifacts_bucket" {
  description = "The bucket that packages go up through."
  type        = string
}

variable "package_folder" {
  description = "The folder with file_drop.zip and file_drop-layer.zip."
  type        = string
}

variable "runtime" {
  description = "The function's Python."
  type        = string
}

variable "architecture" {
  description = "The function's processor."
  type        = string
}

variable "settings" {
  description = "The function's limits, how many messages it takes at once, and how long a file may wait."
  type = object({
    memory_mb            = number
    timeout_seconds      = number
    reserved_concurrency = number
    batch_size           = number
    max_concurrency      = number
    max_age_seconds      = number
  })
}

variable "storage" {
  description = "When files move to cheaper classes, and when versions and uploads are removed, in days."
  type = object({
    infrequent_access_days = number
    glacier_instant_days   = number
    noncurrent_days        = number
    abandoned_upload_days  = number
  })
}

variable "protect_data" {
  description = "Refuse every plan that would destroy or replace what is here."
  type        = bool
}

variable "encrypts_with_key" {
  description = "Encrypt with the key of key_arn instead of with AWS's own; said apart, because the key may not exist yet."
  type        = bool
}

variable "key_arn" {
  description = "The KMS key of buckets, queues, secret and logs; null where AWS's own are used. S3 must be allowed to use it."
  type        = string
}

variable "network" {
  description = "Subnets and security groups to attach to; null attaches to none. They need a way to SQS."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
}

variable "tracing" {
  description = "Send traces to X-Ray."
  type        = bool
}

variable "alerts_topic_arn" {
  description = "The topic that alarms tell."
  type        = string
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
