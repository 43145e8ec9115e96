variable "project" {
  description = "Which project to deploy: the folder of that name in projects/, and the first part of every resource's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.project))
    error_message = "project has 2 to 16 small letters, digits and hyphens, and starts with a letter: bucket names allow no more."
  }
}

variable "environment" {
  description = "Which deployment of the project this is, such as dev or prod: the second part of every resource's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,7}$", var.environment))
    error_message = "environment has 1 to 8 small letters and digits, and starts with a letter: bucket names allow no more."
  }
}

variable "region" {
  description = "The AWS region that everything is in, such as eu-west-2."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is an AWS region's name, such as eu-west-2."
  }
}

variable "tags" {
  description = "Tags for every resource, beside Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
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

# Alerts ------------------------------------------------------------------------------------------------------------

variable "alert_email" {
  description = "Who is told of failures; the address gets a mail from AWS that must be confirmed. Null subscribes nobody."
  type        = string
  default     = null

  validation {
    condition     = var.alert_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alert_email))
    error_message = "alert_email is an e-mail address."
  }
}

variable "freshness_period_seconds" {
  description = "How long a period is in which at least one run should succeed; not shorter than the schedule's interval."
  type        = number
  default     = 900

  validation {
    condition     = var.freshness_period_seconds % 60 == 0 && var.freshness_period_seconds >= 60 && var.freshness_period_seconds <= 604800
    error_message = "freshness_period_seconds is a multiple of 60 and at most seven days: CloudWatch allows no other."
  }

  validation {
    condition = try(
      var.freshness_period_seconds >= tonumber(regex("^rate\\((\\d+) ", var.schedule)[0]) * {
        minute = 60, hour = 3600, day = 86400
      }[regex("^rate\\(\\d+ (minute|hour|day)", var.schedule)[0]],
      true # a cron expression has no interval that could be compared
    )
    error_message = "freshness_period_seconds is shorter than the schedule's interval, so the alarm would never rest."
  }
}

variable "freshness_periods" {
  description = "After how many periods without a successful run the freshness alarm goes off."
  type        = number
  default     = 2

  validation {
    condition     = var.freshness_periods >= 1 && floor(var.freshness_periods) == var.freshness_periods
    error_message = "freshness_periods is a whole number of at least 1."
  }

  validation {
    condition = (
      var.freshness_periods * var.freshness_period_seconds <= (var.freshness_period_seconds >= 3600 ? 604800 : 86400)
    )
    error_message = "CloudWatch looks back one day, or seven when a period has at least an hour: lower freshness_periods."
  }
}

variable "max_horizon_age_seconds" {
  description = "How long a transaction of the source may hold the horizon back before the alarm goes off."
  type        = number
  default     = 3600

  validation {
    condition     = var.max_horizon_age_seconds >= 60
    error_message = "max_horizon_age_seconds is at least 60."
  }
}

# What outlives a redeploy ------------------------------------------------------------------------------------------

variable "protect_data" {
  description = "Refuse every plan that would destroy or replace a bucket, a secret, the alerts' topic, a registry or the database."
  type        = bool
  default     = true
}

variable "customer_managed_key" {
  description = "Encrypt buckets, secrets, alerts and logs with a KMS key of this deployment, instead of with AWS's own keys."
  type        = bool
  default     = false
}

variable "storage" {
  description = <<-E
    When objects move to cheaper classes (null is never), and when overwritten versions and abandoned uploads are removed;
    all in days. Current objects never expire: batches are the pipeline's state. Only classes that answer at once are
    offered, because a rebuild reads every batch again.
  E
  type = object({
    infrequent_access_days = optional(number, 60)
    glacier_instant_days   = optional(number, 180)
    noncurrent_days        = optional(number, 30)
    abandoned_upload_days  = optional(number, 2)
  })
  default = {}

  validation {
    condition     = coalesce(var.storage.infrequent_access_days, 30) >= 30
    error_message = "infrequent_access_days is at least 30: S3 allows no earlier move."
  }

  validation {
    condition = (
      coalesce(var.storage.glacier_instant_days, 100000) >= coalesce(var.storage.infrequent_access_days, 0) + 30
    )
    error_message = "glacier_instant_days is at least 30 days after infrequent_access_days: a class is paid for 30 days."
  }

  validation {
    condition     = var.storage.noncurrent_days >= 1 && var.storage.abandoned_upload_days >= 1
    error_message = "noncurrent_days and abandoned_upload_days are at least 1."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.log_retention_days)
    error_message = "log_retention_days is one of the numbers that CloudWatch knows: 7, 14, 30, 60, 90, 120, 150, 180, 365 ..."
  }
}

# The functions -----------------------------------------------------------------------------------------------------

variable "package_folder" {
  description = "Where `make build` wrote the zips; null is build/<runtime>-<architecture> of this repository."
  type        = string
  default     = null
}

variable "runtime" {
  description = "The functions' Python, which must be the one that the zips were built for."
  type        = string
  default     = "python3.13"

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13"], var.runtime)
    error_message = "runtime is python3.11, python3.12 or python3.13."
  }
}

variable "architecture" {
  description = "The functions' processor, which must be the one that the zips were built for: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "warehouse_functions" {
  description = <<-E
    Each stage's limits. A reserved concurrency of null shares the account's; correctness needs none, because of two runs
    that race for a batch one wins. Scratch space holds one batch of files at a time.
  E
  type = object({
    extraction = optional(object({
      memory_mb            = optional(number, 512)
      scratch_mb           = optional(number, 512)
      timeout_seconds      = optional(number, 900)
      reserved_concurrency = optional(number)
    }), {})
    transformation = optional(object({
      memory_mb            = optional(number, 1769) # one whole processor
      scratch_mb           = optional(number, 4096)
      timeout_seconds      = optional(number, 900)
      reserved_concurrency = optional(number)
    }), {})
    load = optional(object({
      memory_mb            = optional(number, 1024)
      scratch_mb           = optional(number, 4096)
      timeout_seconds      = optional(number, 900)
      reserved_concurrency = optional(number)
    }), {})
  })
  default = {}

  validation {
    condition     = alltrue([for limits in values(var.warehouse_functions) : limits.memory_mb >= 256 && limits.memory_mb <= 10240])
    error_message = "memory_mb is 256 to 10240."
  }

  validation {
    condition     = alltrue([for limits in values(var.warehouse_functions) : limits.scratch_mb >= 512 && limits.scratch_mb <= 10240])
    error_message = "scratch_mb is 512 to 10240: Lambda allows no other."
  }

  validation {
    condition     = alltrue([for limits in values(var.warehouse_functions) : limits.timeout_seconds >= 60 && limits.timeout_seconds <= 900])
    error_message = "timeout_seconds is 60 to 900: Lambda allows no more, and less leaves no time to connect and answer."
  }

  validation {
    condition     = alltrue([for limits in values(var.warehouse_functions) : coalesce(limits.reserved_concurrency, 1) >= 1])
    error_message = "reserved_concurrency is at least 1: none would stop the pipeline. Set schedule_enabled to false for that."
  }
}

variable "permissions_boundary" {
  description = "The name of a policy that no role made here may exceed, such as bootstrap makes for GitHub; null is none."
  type        = string
  default     = null
}

variable "tracing" {
  description = "Send traces of functions and state machine to X-Ray."
  type        = bool
  default     = false
}

# The warehouse pipeline --------------------------------------------------------------------------------------------

variable "functions_enabled" {
  description = "False takes the pipelines' functions down and leaves all data where it is: what `make destroy` does first."
  type        = bool
  default     = true
}

variable "warehouse_enabled" {
  description = "Deploy the warehouse pipeline: changed rows of a PostgreSQL into a star schema."
  type        = bool
  default     = true
}

variable "schedule" {
  description = "When runs start: an EventBridge Scheduler expression, such as rate(15 minutes) or cron(0 6 * * ? *), in UTC."
  type        = string
  default     = "rate(15 minutes)"

  validation {
    condition     = can(regex("^(rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\(\\S+( \\S+){5}\\))$", var.schedule))
    error_message = "schedule is rate(N minutes), rate(N hours), rate(N days) or cron() with six fields."
  }
}

variable "schedule_enabled" {
  description = "Whether the schedule starts runs; without it `make invoke` does, and the freshness alarm tells nobody."
  type        = bool
  default     = true
}

variable "glue_catalogue" {
  description = "Register the star schema's Parquet in Glue, so that Athena sees it."
  type        = bool
  default     = true
}

# The file drop -----------------------------------------------------------------------------------------------------

variable "file_drop_enabled" {
  description = "Deploy the file drop: CSV, JSON and JSONL from a bucket into the tables that their folders name."
  type        = bool
  default     = false
}

variable "file_drop" {
  description = <<-E
    The file drop's limits. With a batch of one a file has all of the function's time, and one that runs out of it takes no
    other along; more suits many small files. Each of max_concurrency functions holds one connection to the database. A
    file that waits for longer than max_age_seconds raises an alarm.
  E
  type = object({
    memory_mb            = optional(number, 256)
    timeout_seconds      = optional(number, 900)
    reserved_concurrency = optional(number)
    batch_size           = optional(number, 1)
    max_concurrency      = optional(number, 5)
    max_age_seconds      = optional(number, 3600)
  })
  default = {}

  validation {
    condition     = var.file_drop.memory_mb >= 256 && var.file_drop.memory_mb <= 10240
    error_message = "file_drop.memory_mb is 256 to 10240."
  }

  validation {
    condition     = var.file_drop.timeout_seconds >= 60 && var.file_drop.timeout_seconds <= 900
    error_message = "file_drop.timeout_seconds is 60 to 900: Lambda allows no more, and less leaves no time to connect and answer."
  }

  validation {
    condition     = var.file_drop.batch_size >= 1 && var.file_drop.batch_size <= 10
    error_message = "file_drop.batch_size is 1 to 10: SQS hands out no more at once."
  }

  validation {
    condition     = var.file_drop.max_concurrency >= 2 && var.file_drop.max_concurrency <= 1000
    error_message = "file_drop.max_concurrency is 2 to 1000: Lambda allows no other."
  }

  validation {
    condition     = coalesce(var.file_drop.reserved_concurrency, var.file_drop.max_concurrency) >= var.file_drop.max_concurrency
    error_message = "file_drop.reserved_concurrency is at least max_concurrency: a throttled message counts as received, and three times lead to the dead letters."
  }

  validation {
    condition     = var.file_drop.max_age_seconds >= 60
    error_message = "file_drop.max_age_seconds is at least 60."
  }
}

# Full exports ------------------------------------------------------------------------------------------------------

variable "export_delta_enabled" {
  description = "Deploy full exports: each new export of a table compared with the last, its changes applied to a database."
  type        = bool
  default     = false
}

variable "export_delta" {
  description = <<-E
    The limits of full exports. A stream without shards is on-demand; what it forgets before it is applied comes back by a
    resync only. delta.scratch_mb is twice both exports unpacked, or six times a first one (docs/exports.md).
    delta.max_scanned_bytes ends a query of Athena's that reads more. Each shard times changes.parallelization is a connection to the database. A change that fails changes.max_retries times is set aside;
    changes that wait for longer than changes.max_age_seconds raise an alarm.
  E
  type = object({
    stream = optional(object({
      shards          = optional(number)
      retention_hours = optional(number, 168)
    }), {})
    delta = optional(object({
      memory_mb  = optional(number, 1769) # one whole processor
      scratch_mb = optional(number, 10240)

      max_scanned_bytes = optional(number, 107374182400) # a hundred GiB, fifty cents
    }), {})
    changes = optional(object({
      memory_mb       = optional(number, 512)
      timeout_seconds = optional(number, 300)
      batch_size      = optional(number, 1000)
      batch_seconds   = optional(number, 1)
      parallelization = optional(number, 1)
      max_retries     = optional(number, 20)
      max_age_seconds = optional(number, 3600)
    }), {})
  })
  default = {}

  validation {
    condition     = coalesce(var.export_delta.stream.shards, 1) >= 1
    error_message = "export_delta.stream.shards is at least 1, or left out for on-demand."
  }

  validation {
    condition     = var.export_delta.stream.retention_hours >= 24 && var.export_delta.stream.retention_hours <= 8760
    error_message = "export_delta.stream.retention_hours is 24 to 8760: Kinesis allows no other."
  }

  validation {
    condition     = var.export_delta.delta.memory_mb >= 1024 && var.export_delta.delta.memory_mb <= 10240
    error_message = "export_delta.delta.memory_mb is 1024 to 10240: DuckDB gets what is beyond 600."
  }

  validation {
    condition     = var.export_delta.delta.scratch_mb >= 512 && var.export_delta.delta.scratch_mb <= 10240
    error_message = "export_delta.delta.scratch_mb is 512 to 10240: Lambda allows no other."
  }

  validation {
    condition     = var.export_delta.delta.max_scanned_bytes >= 10485760
    error_message = "export_delta.delta.max_scanned_bytes is at least 10485760: Athena allows no less."
  }

  validation {
    condition     = var.export_delta.changes.memory_mb >= 256 && var.export_delta.changes.memory_mb <= 10240
    error_message = "export_delta.changes.memory_mb is 256 to 10240."
  }

  validation {
    condition     = var.export_delta.changes.timeout_seconds >= 60 && var.export_delta.changes.timeout_seconds <= 900
    error_message = "export_delta.changes.timeout_seconds is 60 to 900: Lambda allows no more, and less leaves no time to connect and answer."
  }

  validation {
    condition     = var.export_delta.changes.batch_size >= 1 && var.export_delta.changes.batch_size <= 10000
    error_message = "export_delta.changes.batch_size is 1 to 10000: Kinesis hands out no more at once."
  }

  validation {
    condition     = var.export_delta.changes.batch_seconds >= 0 && var.export_delta.changes.batch_seconds <= 300
    error_message = "export_delta.changes.batch_seconds is 0 to 300."
  }

  validation {
    condition     = var.export_delta.changes.parallelization >= 1 && var.export_delta.changes.parallelization <= 10
    error_message = "export_delta.changes.parallelization is 1 to 10: Lambda allows no more."
  }

  validation {
    condition     = var.export_delta.changes.max_retries >= 0 && var.export_delta.changes.max_retries <= 10000
    error_message = "export_delta.changes.max_retries is 0 to 10000; without an end a change that no target takes would stop its shard."
  }

  validation {
    condition     = var.export_delta.changes.max_age_seconds >= 60
    error_message = "export_delta.changes.max_age_seconds is at least 60."
  }
}

# Delivery ----------------------------------------------------------------------------------------------------------

variable "delivery_enabled" {
  description = "Deploy delivery: records in by POST, a query over them on a schedule, batches out to an HTTP endpoint."
  type        = bool
  default     = false
}

variable "api_document" {
  description = "The project's openapi.json; null is that of its folder in projects/."
  type        = string
  default     = null
}

variable "delivery" {
  description = <<-E
    The limits of delivery. Each of api.senders gets a key, and may post so much. API Gateway has one role for the access
    logs of all APIs of an account and region: set api.sets_account_role to false where another deployment or person sets
    it. query.max_scanned_bytes ends a query that reads more. delivery.max_concurrency POSTs reach the endpoint at a time;
    a message that fails is tried again after six times delivery.timeout_seconds and a minute, delivery.max_receives
    times, which is how long the endpoint may be down. Records that wait for longer than delivery.max_age_seconds, and
    more than delivery.max_failures failed batches in five minutes, raise an alarm.
  E
  type = object({
    api = optional(object({
      senders             = optional(set(string), ["sender"])
      requests_per_second = optional(number, 20)
      burst               = optional(number, 40)
      requests_per_day    = optional(number, 500000)
      sets_account_role   = optional(bool, true)
    }), {})
    ingest = optional(object({
      memory_mb            = optional(number, 512)
      reserved_concurrency = optional(number)
    }), {})
    query = optional(object({
      memory_mb           = optional(number, 1024)
      schedule            = optional(string, "rate(15 minutes)")
      schedule_enabled    = optional(bool, true)
      max_scanned_bytes   = optional(number, 10737418240) # ten GiB, five cents
      max_silence_seconds = optional(number, 3600)
      results_days        = optional(number, 7)
    }), {})
    delivery = optional(object({
      memory_mb       = optional(number, 512)
      timeout_seconds = optional(number, 120)
      batch_size      = optional(number, 10)
      batch_seconds   = optional(number, 5)
      max_concurrency = optional(number, 2)
      max_receives    = optional(number, 300) # 65 hours, a weekend
      max_age_seconds = optional(number, 3600)
      max_failures    = optional(number, 0)
    }), {})
  })
  default = {}

  validation {
    condition     = length(var.delivery.api.senders) > 0 && alltrue([for name in var.delivery.api.senders : can(regex("^[a-zA-Z0-9-]{1,64}$", name))])
    error_message = "delivery.api.senders are one or more names of letters, digits and hyphens."
  }

  validation {
    condition     = var.delivery.api.requests_per_second > 0 && var.delivery.api.burst >= 1 && var.delivery.api.requests_per_day >= 1
    error_message = "delivery.api's requests_per_second, burst and requests_per_day are above 0."
  }

  validation {
    condition     = alltrue([for each in [var.delivery.ingest, var.delivery.query, var.delivery.delivery] : each.memory_mb >= 256 && each.memory_mb <= 10240])
    error_message = "memory_mb is 256 to 10240."
  }

  validation {
    condition     = can(regex("^(rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\(\\S+( \\S+){5}\\))$", var.delivery.query.schedule))
    error_message = "delivery.query.schedule is rate(N minutes), rate(N hours), rate(N days) or cron() with six fields."
  }

  validation {
    condition     = var.delivery.query.max_scanned_bytes >= 10485760
    error_message = "delivery.query.max_scanned_bytes is at least 10485760: Athena allows no less."
  }

  validation {
    condition     = var.delivery.query.max_silence_seconds % 60 == 0 && var.delivery.query.max_silence_seconds >= 60 && var.delivery.query.max_silence_seconds <= 604800
    error_message = "delivery.query.max_silence_seconds is a multiple of 60 and at most seven days: CloudWatch allows no other."
  }

  validation {
    condition = try(
      var.delivery.query.max_silence_seconds >= tonumber(regex("^rate\\((\\d+) ", var.delivery.query.schedule)[0]) * {
        minute = 60, hour = 3600, day = 86400
      }[regex("^rate\\(\\d+ (minute|hour|day)", var.delivery.query.schedule)[0]],
      true # a cron expression has no interval that could be compared
    )
    error_message = "delivery.query.max_silence_seconds is shorter than the schedule's interval, so the alarm would never rest."
  }

  validation {
    condition     = var.delivery.query.results_days >= 1
    error_message = "delivery.query.results_days is at least 1."
  }

  validation {
    condition     = var.delivery.delivery.timeout_seconds >= 120 && var.delivery.delivery.timeout_seconds <= 900
    error_message = "delivery.delivery.timeout_seconds is 120 to 900: a POST is begun only while 40 seconds are left, and Lambda allows no more."
  }

  validation {
    condition     = var.delivery.delivery.batch_size >= 1 && var.delivery.delivery.batch_size <= 20 && var.delivery.delivery.batch_seconds >= 1 && var.delivery.delivery.batch_seconds <= 300
    error_message = "delivery.delivery.batch_size is 1 to 20, of messages of 256 KiB, and batch_seconds 1 to 300: Lambda takes no more at once."
  }

  validation {
    condition     = var.delivery.delivery.max_concurrency >= 2 && var.delivery.delivery.max_concurrency <= 1000
    error_message = "delivery.delivery.max_concurrency is 2 to 1000: Lambda allows no other."
  }

  validation {
    condition     = var.delivery.delivery.max_receives >= 3 && var.delivery.delivery.max_receives <= 1000
    error_message = "delivery.delivery.max_receives is 3 to 1000: SQS allows no more, and fewer give records up at the first trouble."
  }

  validation {
    condition     = (6 * var.delivery.delivery.timeout_seconds + 60) * var.delivery.delivery.max_receives <= 6 * 24 * 3600
    error_message = "delivery.delivery.max_receives, each after six times timeout_seconds and a minute, take more than six days: the queue would forget messages before they reach the dead-letter queue. Lower one of them."
  }

  validation {
    condition     = var.delivery.delivery.max_age_seconds >= 60 && var.delivery.delivery.max_failures >= 0
    error_message = "delivery.delivery.max_age_seconds is at least 60, and max_failures at least 0."
  }
}

# Networks ----------------------------------------------------------------------------------------------------------

variable "vpc" {
  description = <<-E
    A VPC of yours that the functions attach to, for databases that are not on the internet; null attaches none. Route tables
    get a gateway endpoint for S3, leave them out where there is one; interface endpoints cost by the hour each, leave out
    those that the VPC has (secretsmanager, logs, sns and glue unless given, and sqs for the file drop) and name the security
    groups of those in endpoint_security_group_ids. Functions may reach database_cidrs on database_ports, the endpoints and S3,
    and nothing else.
  E
  type = object({
    vpc_id                      = string
    subnet_ids                  = list(string)
    route_table_ids             = optional(list(string), [])
    interface_endpoints         = optional(list(string))
    endpoint_security_group_ids = optional(list(string), [])
    database_cidrs              = list(string)
    database_ports              = optional(list(number), [5432])
  })
  default = null

  validation {
    condition     = var.vpc == null ? true : length(var.vpc.subnet_ids) > 0 && length(var.vpc.database_cidrs) > 0
    error_message = "vpc needs at least one subnet and one range of addresses that holds the databases."
  }

  validation {
    condition     = var.vpc == null ? true : alltrue([for cidr in var.vpc.database_cidrs : can(cidrhost(cidr, 0))])
    error_message = "vpc.database_cidrs are ranges such as 10.0.0.0/16."
  }

  validation {
    condition = var.vpc == null ? true : alltrue([
      for name in coalesce(var.vpc.interface_endpoints, []) : contains(["secretsmanager", "logs", "sns", "sqs", "glue", "kms", "xray"], name)
    ])
    error_message = "vpc.interface_endpoints are among secretsmanager, logs, sns, sqs, glue, kms and xray."
  }

  validation {
    condition = try(var.vpc.interface_endpoints, null) == null ? true : length(var.vpc.endpoint_security_group_ids) > 0 || alltrue([
      for name in concat(["secretsmanager"], var.glue_catalogue ? ["glue"] : [], var.file_drop_enabled ? ["sqs"] : []) :
      contains(var.vpc.interface_endpoints, name)
    ])
    error_message = <<-E
      The functions could not reach secretsmanager, glue for glue_catalogue, or sqs for the file drop. Name them in vpc.interface_endpoints, or
      where the VPC has them the endpoints' security groups in vpc.endpoint_security_group_ids.
    E
  }
}

variable "warehouse_database" {
  description = <<-E
    An RDS PostgreSQL as the warehouse, private and encrypted, in a VPC of its own that the load function attaches to;
    null where there is a warehouse already.
  E
  type = object({
    instance_class       = optional(string, "db.t4g.small")
    engine_version       = optional(string, "18")
    storage_gb           = optional(number, 50)
    max_storage_gb       = optional(number, 500)
    multi_az             = optional(bool, false)
    backup_days          = optional(number, 14)
    cidr                 = optional(string, "10.71.0.0/24")
    availability_zones   = optional(number, 2)
    performance_insights = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.warehouse_database == null ? true : can(cidrsubnets(var.warehouse_database.cidr, 2, 2, 2))
    error_message = "warehouse_database.cidr is a range of at least 64 addresses, such as 10.71.0.0/24."
  }

  validation {
    condition     = var.warehouse_database == null ? true : contains([2, 3], var.warehouse_database.availability_zones)
    error_message = "warehouse_database.availability_zones is 2 or 3: RDS asks for two."
  }

  validation {
    condition     = var.warehouse_database == null ? true : var.warehouse_database.backup_days >= 1 && var.warehouse_database.backup_days <= 35
    error_message = "warehouse_database.backup_days is 1 to 35."
  }
}
