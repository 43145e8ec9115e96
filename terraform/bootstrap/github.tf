# Optional: the two roles that GitHub Actions takes on, without a stored key. The one that plans may only read, and no data;
# the one that applies makes, changes and removes what this repository deploys, and may give roles no more than the boundary.

locals {
  has_github = var.github_repository != null
  issuer     = "token.actions.githubusercontent.com"
  partition  = data.aws_partition.this.partition
  names      = "${var.project}-*" # every deployment of the project

  # Which runs of the workflow may take on which role, by the token's subject.
  github_roles = local.has_github ? {
    plan   = "repo:${var.github_repository}:pull_request"
    deploy = "repo:${var.github_repository}:environment:${var.github_environment}"
  } : {}

  provider_arn = local.has_github ? (
    var.create_github_provider ? aws_iam_openid_connect_provider.github[0].arn : "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"
  ) : null
}

data "aws_partition" "this" {}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.has_github && var.create_github_provider ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "github" {
  for_each = local.github_roles

  name                 = "${var.project}-github-${each.key}"
  description          = "Taken on by ${each.value}."
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = { "${local.issuer}:aud" = "sts.amazonaws.com", "${local.issuer}:sub" = each.value } }
    }]
  })
}

resource "aws_iam_role_policy" "github" {
  for_each = local.github_roles

  name   = each.key
  role   = aws_iam_role.github[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.github_statements[each.key] })
}

# What no role that a workflow makes can exceed, whatever its own policy says: what a stage may do, on the project's things.
resource "aws_iam_policy" "boundary" {
  count = local.has_github ? 1 : 0

  name        = "${var.project}-boundary"
  description = "The most that a role of ${var.project} may do."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.boundary_statements })
}
