variable "name" {
  description = "What every resource's name begins with."
  type        = string
}

variable "has_functions" {
  description = "Whether functions and state machine are there; without them exports wait in the queue, and changes in the stream."
  type        = bool
  default     = true
}

variable "project_folder" {
  description = "The project's folder inside the functions, such as projects/totesys."
  type        = string
}

variable "artifacts_bucket" {
  description = "The bucket that packages go up through."
  type        = string
}

variable "package_folder" {
  description = "The folder with <function>.zip and <function>-layer.zip of each function."
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

variable "stream" {
  description = "The stream's shards, null for on-demand, and how long it keeps changes."
  type        = object({ shards = number, retention_hours = number })
}

variable "delta" {
  description = "What the function gets that compares exports, and what one of its queries may read where Athena compares them."
  type        = object({ memory_mb = number, scratch_mb = number, max_scanned_bytes = number })
}

variable "changes" {
  description = "The limits of the function that applies changes, what it is given at once, and how long changes may wait."
  type = object({
    memory_mb       = number
    timeout_seconds = number
    batch_size      = number
    batch_seconds   = number
    parallelization = number
    max_retries     = number
    max_age_seconds = number
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
  description = "The KMS key of buckets, queues, registry, stream, secret and logs; null where AWS's own are used. S3 must be allowed to use it."
  type        = string
}

variable "network" {
  description = "Subnets and security groups that the database is reached through; null attaches to none. Only the function that applies changes is there."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
}

variable "tracing" {
  description = "Send traces to X-Ray."
  type        = bool
}

variable "alerts_topic_arn" {
  description = "The topic that alarms, refusals and failed executions tell."
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
