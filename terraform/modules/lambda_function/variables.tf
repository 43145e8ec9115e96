variable "name" {
  description = "The function's name."
  type        = string

  validation {
    condition     = length(var.name) <= 55
    error_message = "A role's name has at most 64 characters, and the function's is the beginning of it."
  }
}

variable "description" {
  description = "What the function does, in a sentence."
  type        = string
}

variable "handler" {
  description = "The Python function that Lambda calls, such as load.warehouse.handler.lambda_handler."
  type        = string
}

variable "package" {
  description = "The zips of the function and of its layer, as `make build` wrote them."
  type        = object({ function = string, layer = string })

  validation {
    condition     = alltrue([for path in values(var.package) : fileexists(path)])
    error_message = "The function's package is not there. Run `make build` first."
  }
}

variable "artifacts_bucket" {
  description = "The bucket that packages go up through, because Lambda itself takes no more than 50 MB."
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

variable "limits" {
  description = "Memory, scratch space, time, and reserved concurrency (null shares the account's)."
  type = object({
    memory_mb            = number
    scratch_mb           = number
    timeout_seconds      = number
    reserved_concurrency = number
  })
}

variable "environment" {
  description = "The function's environment variables; names of secrets, never secrets."
  type        = map(string)
}

variable "policy_statements" {
  description = "What the function may do, beside logging: named actions on named resources."
  type        = list(object({ sid = string, actions = list(string), resources = list(string) }))

  validation {
    condition     = !anytrue([for action in flatten(var.policy_statements[*].actions) : strcontains(action, "*")])
    error_message = "Name each action: a role with a wildcard is allowed what nobody thought of."
  }

  validation {
    condition     = !contains(flatten(var.policy_statements[*].resources), "*")
    error_message = "Name each resource: a role for everything is one for other people's things."
  }
}

variable "network" {
  description = "Subnets and security groups to attach to; null attaches to none."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "tracing" {
  description = "Send traces to X-Ray."
  type        = bool
  default     = false
}

variable "key_arn" {
  description = "The KMS key that logs are encrypted with; null is CloudWatch's own."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "metric_namespace" {
  description = "Where the metric of CRITICAL lines goes."
  type        = string
}

variable "alerts_topic_arn" {
  description = "The topic that alarms tell."
  type        = string
}

variable "permissions_boundary" {
  description = "The name of a policy that no role may exceed; null is none."
  type        = string
  default     = null
}
