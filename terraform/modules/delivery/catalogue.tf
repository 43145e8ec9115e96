# The lake as Athena sees it. Partitions are computed from the query's own conditions: nothing lists or registers them.

locals {
  results = "s3://${module.bucket["results"].id}/"

  types = { string = "string", integer = "bigint", number = "double", boolean = "boolean" }
  declared = [
    for name, schema in local.document.components.schemas.Record.properties :
    { name = lower(name), type = local.types[schema.type] } # a timestamp is text of one length, which sorts as time does
  ]
  origin = [{ name = "id", type = "string" }, { name = "objectkey", type = "string" }]
  tables = {
    raw    = concat(local.origin, local.declared)
    queued = [{ name = "id", type = "string" }]
  }
  partitions = {
    year  = { range = "1970,2199", digits = 4 }
    month = { range = "1,12", digits = 2 }
    day   = { range = "1,31", digits = 2 }
    hour  = { range = "0,23", digits = 2 }
  }
  partition_folder = join("/", [for name in ["year", "month", "day", "hour"] : "${name}=$${${name}}"])
  projection = merge([
    for name, values in local.partitions : {
      "projection.${name}.type"   = "integer"
      "projection.${name}.range"  = values.range
      "projection.${name}.digits" = tostring(values.digits)
    }
  ]...)
}

resource "aws_glue_catalog_database" "this" {
  name        = "${replace(var.name, "-", "_")}_delivery"
  description = "Records that came by POST, and which of them are queued."
}

resource "aws_glue_catalog_table" "this" {
  for_each = local.tables

  name          = each.key
  database_name = aws_glue_catalog_database.this.name
  table_type    = "EXTERNAL_TABLE"

  parameters = merge(local.projection, {
    EXTERNAL                    = "TRUE"
    classification              = "json"
    "projection.enabled"        = "true"
    "storage.location.template" = "${local.raw}/${each.key}/${local.partition_folder}"
  })

  storage_descriptor {
    location      = "${local.raw}/${each.key}/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      # Names in lower case are what Glue has; a line that is no JSON should fail the query, not be left out.
      parameters = { "case.insensitive" = "TRUE", "ignore.malformed.json" = "FALSE" }
    }

    dynamic "columns" {
      for_each = each.value
      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }

  dynamic "partition_keys" {
    for_each = ["year", "month", "day", "hour"]
    content {
      name = partition_keys.value
      type = "string"
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name          = "${var.name}-delivery"
  description   = "The queries of ${var.name}."
  force_destroy = true # with the queries that it remembers

  configuration {
    enforce_workgroup_configuration    = true # whoever asks
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.query.max_scanned_bytes

    result_configuration {
      output_location       = local.results
      expected_bucket_owner = local.account

      encryption_configuration {
        encryption_option = var.encrypts_with_key ? "SSE_KMS" : "SSE_S3"
        kms_key_arn       = var.key_arn
      }
    }
  }
}
