terraform {
  required_version = ">= 1.11" # the state's lock file, and mocks that hold while planning

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # Bucket, key and region come from `terraform init -backend-config`; bootstrap's outputs say them.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
