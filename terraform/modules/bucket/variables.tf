variable "name" {
  description = "The bucket's name, unique in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 small letters, digits and hyphens."
  }
}

variable "encrypts_with_key" {
  description = "Encrypt with the key of key_arn instead of with S3's own; said apart, because the key may not exist yet."
  type        = bool
  default     = false
}

variable "key_arn" {
  description = "The KMS key that objects are encrypted with; null is S3's own."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Let the bucket be destroyed with what is in it."
  type        = bool
  default     = false
}

variable "infrequent_access_days" {
  description = "After how many days objects move to STANDARD_IA; null is never."
  type        = number
  default     = null
}

variable "glacier_instant_days" {
  description = "After how many days objects move to GLACIER_IR; null is never."
  type        = number
  default     = null
}

variable "noncurrent_days" {
  description = "After how many days overwritten and deleted versions are removed."
  type        = number
}

variable "abandoned_upload_days" {
  description = "After how many days the parts of an upload that was never completed are removed."
  type        = number
}

variable "expiry_days" {
  description = "After how many days objects are removed, by the beginning of their keys; others never are."
  type        = map(number)
  default     = {}
}
