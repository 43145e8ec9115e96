# Applied once for a project in an account and region, before anything else: the bucket that Terraform keeps its state in.
# Its own state is a file here, which may be lost: `terraform import module.state.aws_s3_bucket.this NAME` brings it back.

provider "aws" {
  region                      = var.region
  access_key                  = local.is_emulated ? "testing" : null
  secret_key                  = local.is_emulated ? "testing" : null
  max_retries                 = local.is_emulated ? 3 : null
  s3_use_path_style           = local.is_emulated
  skip_credentials_validation = local.is_emulated
  skip_metadata_api_check     = local.is_emulated

  default_tags {
    tags = {
      Project   = var.project
      ManagedBy = "terraform"
    }
  }

  dynamic "endpoints" {
    for_each = local.is_emulated ? [var.aws_endpoint] : []
    content {
      iam = endpoints.value
      s3  = endpoints.value
      sts = endpoints.value
    }
  }
}

data "aws_caller_identity" "this" {}

locals {
  is_emulated = var.aws_endpoint != null
  account     = data.aws_caller_identity.this.account_id
}

module "state" {
  source = "../modules/bucket"

  name                  = "${var.project}-state-${local.account}-${var.region}"
  force_destroy         = var.force_destroy
  noncurrent_days       = 365 # a year of states to go back to
  abandoned_upload_days = 2
}
