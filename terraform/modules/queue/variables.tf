variable "name" {
  description = "The queue's name; that of its dead letters begins with it."
  type        = string
}

variable "function_timeout_seconds" {
  description = "How long the function may take that messages are given to."
  type        = number
}

variable "max_receives" {
  description = "How often a message is given to the function before it is a dead letter."
  type        = number
}

variable "announcing_bucket_arn" {
  description = "The bucket of this account that announces its objects here; null where a function sends."
  type        = string
  default     = null
}

variable "encrypts_with_key" {
  description = "Encrypt with the key of key_arn instead of with AWS's own; said apart, because the key may not exist yet."
  type        = bool
}

variable "key_arn" {
  description = "The KMS key of both queues; null where AWS's own is used."
  type        = string
}

variable "alarms" {
  description = "What the alarms' names begin with, what each tells a person, and how long a message may wait."
  type = object({
    name            = string
    dead_letters    = string
    waiting         = string
    max_age_seconds = number
  })
}

variable "alerts_topic_arn" {
  description = "The topic that alarms tell."
  type        = string
}
