variable "project" {
  description = "The project, as in the deployments' own variable."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.project))
    error_message = "project has 2 to 16 small letters, digits and hyphens, and starts with a letter: bucket names allow no more."
  }
}

variable "region" {
  description = "The AWS region that the state is in."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is an AWS region's name, such as eu-west-2."
  }
}

variable "force_destroy" {
  description = "Let the bucket be destroyed with the states in it; Terraform then no longer knows what it has made."
  type        = bool
  default     = false
}

variable "aws_endpoint" {
  description = "Where an AWS emulator listens, for tests; null is AWS itself."
  type        = string
  default     = null

  validation {
    condition     = var.aws_endpoint == null || can(regex("^https?://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?$", var.aws_endpoint))
    error_message = "aws_endpoint is the address of an emulator on this machine, such as http://127.0.0.1:5000."
  }
}

variable "github_repository" {
  description = "The repository, as OWNER/NAME, whose workflows may plan and deploy; null makes no roles for it."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[\\w.-]+/[\\w.-]+$", var.github_repository))
    error_message = "github_repository is OWNER/NAME, without wildcards: a token of any other repository must not fit."
  }
}

variable "github_environment" {
  description = "The GitHub environment, with its reviewers, behind which a workflow may deploy."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[\\w-]+$", var.github_environment))
    error_message = "github_environment is the environment's name, without wildcards."
  }
}

variable "create_github_provider" {
  description = "Make the account trust GitHub's tokens; false where it does already, because there is one provider in an account."
  type        = bool
  default     = true
}
