# Taking the functions of every pipeline down, as `make destroy` does first, in a plan that changes other things as well.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  project              = "totesys"
  environment          = "dev"
  region               = "eu-west-2"
  package_folder       = "tests/packages"
  api_document         = "tests/packages/openapi.json"
  protect_data         = false
  file_drop_enabled    = true
  export_delta_enabled = true
  delivery_enabled     = true
}

run "every_pipeline_is_deployed" {
  assert {
    condition     = length(output.function_names) == 10
    error_message = "Three of the warehouse, one of dropped files, three of full exports, three of the delivery."
  }
}

# From what was deployed by one apply: a second one would leave another state, from which the plan is another one too.
run "functions_go_also_while_what_they_work_on_changes" {
  variables {
    functions_enabled  = false
    log_retention_days = 7
    storage            = { noncurrent_days = 7 }
    export_delta       = { stream = { retention_hours = 48 } }
  }

  assert {
    condition     = output.function_names == {}
    error_message = "Nothing waits for itself."
  }
}
