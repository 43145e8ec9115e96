# What GitHub's workflows may do fits into what IAM takes, also for the longest names that are allowed.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = module.state.aws_s3_bucket.this
  values = { id = "p234567890123456-state-123456789012-ap-southeast-2", arn = "arn:aws:s3:::p234567890123456-state-123456789012-ap-southeast-2" }
}

variables {
  project           = "p234567890123456"
  region            = "ap-southeast-2" # as long as the longest
  github_repository = "example/warehouse"
}

run "policies_of_the_longest_names_are_no_longer_than_iam_takes" {
  module {
    source = "./bootstrap"
  }

  assert {
    condition     = { for which, policy in aws_iam_role_policy.github : which => length(policy.policy) if length(policy.policy) > 10240 } == {}
    error_message = "All inline policies of a role together have 10,240 characters: ${jsonencode({ for which, policy in aws_iam_role_policy.github : which => length(policy.policy) })}."
  }

  assert {
    condition     = length(aws_iam_policy.boundary[0].policy) <= 6144
    error_message = "A managed policy has 6,144 characters: ${length(aws_iam_policy.boundary[0].policy)}."
  }
}

run "nor_where_every_name_begins_longer" {
  module {
    source = "./bootstrap"
  }

  variables {
    region = "us-gov-west-1"
  }

  override_data {
    target = data.aws_partition.this
    values = { partition = "aws-us-gov" }
  }

  assert {
    condition     = { for which, policy in aws_iam_role_policy.github : which => length(policy.policy) if length(policy.policy) > 10240 } == {}
    error_message = "All inline policies of a role together have 10,240 characters: ${jsonencode({ for which, policy in aws_iam_role_policy.github : which => length(policy.policy) })}."
  }

  assert {
    condition     = length(aws_iam_policy.boundary[0].policy) <= 6144
    error_message = "A managed policy has 6,144 characters: ${length(aws_iam_policy.boundary[0].policy)}."
  }
}
