output "name" {
  description = "What every resource's name begins with."
  value       = local.name
}

output "region" {
  description = "Where everything is."
  value       = var.region
}

output "state_machine_arn" {
  description = "The state machine that a run is an execution of; `make invoke` starts one."
  value       = one(module.warehouse[*].state_machine_arn)
}

output "function_names" {
  description = "The functions: the warehouse's three by stage, file_drop, exports, delta and changes, and ingest, query and delivery."
  value = merge(
    one(module.warehouse[*].function_names),
    one(module.export_delta[*].function_names),
    one(module.delivery[*].function_names),
    { for found in module.file_drop : "file_drop" => found.function_name if found.function_name != null },
  )
}

output "log_group_names" {
  description = "Where the functions and the state machines log; `make logs` follows them."
  value = merge(
    one(module.warehouse[*].log_group_names),
    one(module.export_delta[*].log_group_names),
    one(module.delivery[*].log_group_names),
    { for found in module.file_drop : "file_drop" => found.log_group_name if found.log_group_name != null },
  )
}

output "schedule_name" {
  description = "The schedule that starts runs."
  value       = one(module.warehouse[*].schedule_name)
}

output "dashboard_url" {
  description = "The dashboard of all that a person looks at first."
  value       = one(module.warehouse[*].dashboard_url)
}

output "glue_database" {
  description = "Where Athena finds the star schema; null without a catalogue."
  value       = one(module.warehouse[*].glue_database)
}

output "store" {
  description = "Both buckets as one store, as starlift's --store and STARLIFT_STORE take it."
  value       = "s3://${module.permanent.buckets.landing.id},s3://${module.permanent.buckets.processed.id}"
}

output "landing" {
  description = "The bucket of extracted CSV."
  value       = "s3://${module.permanent.buckets.landing.id}"
}

output "processed" {
  description = "The bucket of star-schema Parquet."
  value       = "s3://${module.permanent.buckets.processed.id}"
}

output "source_secret_name" {
  description = "The secret that `make secrets` puts the source's address and login into."
  value       = module.permanent.secrets.source.name
}

output "warehouse_secret_name" {
  description = "The secret that `make secrets` puts the warehouse's address and login into."
  value       = module.permanent.secrets.warehouse.name
}

output "files" {
  description = "Where files are dropped, as STARLIFT's commands name it; null without a file drop."
  value       = one(module.file_drop[*].files)
}

output "files_quarantine" {
  description = "Where the bad rows of dropped files are set aside; null without a file drop."
  value       = one(module.file_drop[*].quarantine)
}

output "files_queue_url" {
  description = "The queue of what was dropped; null without a file drop."
  value       = one(module.file_drop[*].queue_url)
}

output "files_dead_letters_url" {
  description = "The queue of what could not be loaded, for `starlift dlq`; null without a file drop."
  value       = one(module.file_drop[*].dead_letters_url)
}

output "files_secret_name" {
  description = "The secret that `make secrets` puts the dropped files' database into; null without a file drop."
  value       = one(module.file_drop[*].secret_name)
}

output "exports" {
  description = "Where full exports arrive, as starlift's --exports and STARLIFT_EXPORTS take it; null without exports."
  value       = one(module.export_delta[*].exports)
}

output "exports_registry" {
  description = "The registry of exports, as starlift's --registry and STARLIFT_REGISTRY take it; null without exports."
  value       = one(module.export_delta[*].registry)
}

output "exports_refused" {
  description = "Where deliveries are set aside that the target of exports refused; null without exports."
  value       = one(module.export_delta[*].refused)
}

output "exports_state_machine_arn" {
  description = "The state machine that takes a version of an export to its changes; null without exports."
  value       = one(module.export_delta[*].state_machine_arn)
}

output "exports_stream_name" {
  description = "The stream of changes; null without exports."
  value       = one(module.export_delta[*].stream_name)
}

output "exports_queue_url" {
  description = "The queue of exports that arrived; null without exports."
  value       = one(module.export_delta[*].queue_url)
}

output "exports_dead_letters_url" {
  description = "The queue of exports that could not be started, for `starlift dlq`; null without exports."
  value       = one(module.export_delta[*].dead_letters_url)
}

output "exports_secret_name" {
  description = "The secret that `make secrets` puts the database into that exports are applied to; null without exports."
  value       = one(module.export_delta[*].secret_name)
}

output "delivery_api" {
  description = "The API's address, to which senders add /ingest; null without delivery."
  value       = one(module.delivery[*].api)
}

output "delivery_api_keys" {
  description = "The ids, not the values, of the senders' keys, by sender; null without delivery."
  value       = one(module.delivery[*].api_keys)
}

output "delivery_raw" {
  description = "The lake; null without delivery."
  value       = one(module.delivery[*].raw)
}

output "delivery_glue_database" {
  description = "Where Athena finds the lake's tables; null without delivery."
  value       = one(module.delivery[*].glue_database)
}

output "delivery_workgroup" {
  description = "By which the query asks Athena; null without delivery."
  value       = one(module.delivery[*].workgroup)
}

output "delivery_ledger" {
  description = "The ledger of delivered records; null without delivery."
  value       = one(module.delivery[*].ledger)
}

output "delivery_queue_url" {
  description = "The queue of records on their way to the endpoint; null without delivery."
  value       = one(module.delivery[*].queue_url)
}

output "delivery_dead_letters_url" {
  description = "The queue of what was refused or given up, for `starlift dlq`; null without delivery."
  value       = one(module.delivery[*].dead_letters_url)
}

output "endpoint_secret_name" {
  description = "The secret that `make secrets` puts the endpoint's address and header into; null without delivery."
  value       = one(module.delivery[*].secret_name)
}

output "alerts_topic_arn" {
  description = "The topic that every alert goes to; subscribe more people or tools to it."
  value       = module.permanent.alerts_topic_arn
}

output "warehouse_database" {
  description = "Where the warehouse made here is, and the secret of its administrator; null when there is none."
  value = one([
    for database in module.warehouse_database :
    { host = database.host, port = database.port, dbname = database.dbname, administrator_secret_arn = database.administrator_secret_arn }
  ])
}

output "next_steps" {
  description = "What a person does after the first apply."
  value = join("\n", compact([
    var.alert_email == null ? "Set alert_email, or subscribe somebody to ${module.permanent.alerts_topic_arn}: nobody is told of failures." : "Confirm the mail that AWS sent to ${var.alert_email}; alerts reach nobody before.",
    "Put the logins with `make secrets`: ${join(", ", local.secret_names)}.",
    var.warehouse_enabled ? "Start a first run with `make invoke`; the schedule is ${var.schedule_enabled ? var.schedule : "off"}." : "",
    join("", [for found in module.file_drop : "Drop a first file: aws s3 cp FILE ${found.files}/TABLE/"]),
    join("", [for found in module.delivery : "Read a sender's key with aws apigateway get-api-key --include-value --api-key ${values(found.api_keys)[0]}, and post: curl -X POST ${found.api}/ingest -H \"x-api-key: ...\" -d @records.json"]),
    join("", [for found in module.export_delta : "Create the tables that exports are applied to, then write a first export: aws s3 cp FILE ${found.exports}/TENANT/TABLE/VERSION/"]),
  ]))
}

locals {
  secret_names = concat(
    var.warehouse_enabled ? [module.permanent.secrets.source.name, module.permanent.secrets.warehouse.name] : [],
    module.file_drop[*].secret_name,
    module.export_delta[*].secret_name,
    module.delivery[*].secret_name,
  )
}
