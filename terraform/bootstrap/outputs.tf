output "state_bucket" {
  description = "The bucket that `terraform init -backend-config=bucket=...` names."
  value       = module.state.id
}

output "backend_config" {
  description = "What `terraform init` is told for an environment, beside key=<environment>/terraform.tfstate."
  value       = { bucket = module.state.id, region = var.region }
}
