variable "name" {
  description = "What every resource's name begins with."
  type        = string
}

variable "has_functions" {
  description = "Whether the functions are there; without them the API answers 500, and records wait in lake and queue."
  type        = bool
  default     = true
}

variable "project_folder" {
  description = "The project's folder inside the functions, such as projects/sensors."
  type        = string
}

variable "api_document" {
  description = "The project's openapi.json: what the API takes in, and so what the lake's table holds."
  type        = string

  validation {
    condition     = fileexists(var.api_document)
    error_message = "The project has no openapi.json. Declare its records in delivery.toml, and run python -m local.delivery.api_document with the project's folder."
  }
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

variable "api" {
  description = "Who may post, how much, and whether this deployment sets the account's role for access logs."
  type = object({
    senders             = set(string)
    requests_per_second = number
    burst               = number
    requests_per_day    = number
    sets_account_role   = bool
  })
}

variable "ingest" {
  description = "The limits of the function that takes records in."
  type        = object({ memory_mb = number, reserved_concurrency = number })
}

variable "query" {
  description = "When the query runs, what it may read, and how long it may be silent."
  type = object({
    memory_mb           = number
    schedule            = string
    schedule_enabled    = bool
    max_scanned_bytes   = number
    max_silence_seconds = number
    results_days        = number
  })
}

variable "delivery" {
  description = "The limits of the function that posts, what it is given at once, and when somebody is told."
  type = object({
    memory_mb       = number
    timeout_seconds = number
    batch_size      = number
    batch_seconds   = number
    max_concurrency = number
    max_receives    = number
    max_age_seconds = number
    max_failures    = number
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
  description = "The KMS key of buckets, queues, ledger, secret, results and logs; null where AWS's own are used."
  type        = string
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
