variable "name" {
  description = "What every resource's name begins with."
  type        = string
}

variable "alert_email" {
  description = "Who is told of failures; null subscribes nobody."
  type        = string
}

variable "protect_data" {
  description = "Refuse every plan that would destroy or replace what is here."
  type        = bool
}

variable "customer_managed_key" {
  description = "Encrypt with a key of this deployment instead of with AWS's own keys."
  type        = bool
}

variable "announcing_buckets" {
  description = "Which buckets may announce what arrives in them to an encrypted queue, such as files."
  type        = list(string)
  default     = []
}

variable "storage" {
  description = "When objects move to cheaper classes, and when versions and uploads are removed, in days."
  type = object({
    infrequent_access_days = number
    glacier_instant_days   = number
    noncurrent_days        = number
    abandoned_upload_days  = number
  })
}
