# The deployment that people rely on.
project              = "totesys"
region               = "eu-west-2"
environment          = "prod"
protect_data         = true
customer_managed_key = true
log_retention_days   = 365
schedule             = "rate(15 minutes)"
