# What the function may do, and nothing besides. It deletes no object and reads nothing that it set aside.

locals {
  files = module.bucket["files"].arn

  policy_statements = concat([
    { sid = "ReadTargetLogin", actions = ["secretsmanager:GetSecretValue"], resources = [aws_secretsmanager_secret.target.arn] },
    # GetObjectVersion is for a file that was overwritten since: each event is about one version. GetObject is for a file
    # that was there before the bucket kept versions, which an event names none for.
    { sid = "ReadDroppedFiles", actions = ["s3:GetObject", "s3:GetObjectVersion"], resources = ["${local.files}/*"] },
    # Nothing lists. Without this right S3 answers 403 for a file that is gone, which must be told from a refusal.
    { sid = "BeToldWhatIsGone", actions = ["s3:ListBucket"], resources = [local.files] },
    {
      # AbortMultipartUpload is used only when an upload breaks off: its parts would cost until the lifecycle rule comes.
      sid       = "SetBadRowsAside"
      actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
      resources = ["${module.bucket["rejected"].arn}/${local.quarantine_prefix}/*"]
    },
    {
      # ReceiveMessage, DeleteMessage, ChangeMessageVisibility and GetQueueAttributes are called by Lambda in the
      # function's name, not by its code.
      sid       = "TakeMessages"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
      resources = [module.queue.arn]
    },
    { sid = "GiveMessagesUp", actions = ["sqs:SendMessage"], resources = [module.queue.dead_letters.arn] },
    ],
    var.key_arn == null ? [] : [
      # GenerateDataKey is for writing and sending, Decrypt for reading and receiving.
      { sid = "UseTheKey", actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [var.key_arn] },
    ],
  )
}
