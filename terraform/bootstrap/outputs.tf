output "state_bucket" {
  description = "The bucket that `terraform init -backend-config=bucket=...` names."
  value       = module.state.id
}

output "backend_config" {
  description = "What `terraform init` is told for an environment, beside key=<environment>/terraform.tfstate."
  value       = { bucket = module.state.id, region = var.region }
}

output "github_roles" {
  description = "The roles for the repository's variables AWS_PLAN_ROLE (plan) and AWS_DEPLOY_ROLE (deploy); empty without a repository."
  value       = { for which, role in aws_iam_role.github : which => role.arn }
}

output "permissions_boundary" {
  description = "The name for the deployments' variable permissions_boundary where a workflow deploys; null without a repository."
  value       = one(aws_iam_policy.boundary[*].name)
}
