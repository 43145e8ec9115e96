# A deployment to try things in: data may be destroyed, logs are short, and runs start every quarter of an hour.
project            = "totesys"
region             = "eu-west-2"
environment        = "dev"
protect_data       = false
log_retention_days = 14
schedule           = "rate(15 minutes)"
