"""What the security tools find and we leave as it is, each with its reason; a reason that nothing needs must go."""

from collections.abc import Mapping
from types import MappingProxyType

BANDIT: Mapping[str, str] = MappingProxyType(
    {
        "B101": "ruff's S101 holds the same, with the reason at each line",
        "B105": "ruff's S105 and S106 hold the same, with the reason at each line",
        "B310": "ruff's S310 holds the same, with the reason at each line",
        "B311": "ruff's S311 holds the same, with the reason at each line",
        "B404": "programs are started: pip, terraform, PostgreSQL, the runtime client",
        "B603": "from lists of arguments, never through a shell",
        "B607": "found on PATH on purpose: a person chooses their terraform",
        "B608": "SQL is built here: names go through identifier(), texts through literal(), values are bound; "
        "tests/unit/test_names.py holds both",
    }
)

CHECKOV: Mapping[str, str] = MappingProxyType(
    {
        "CKV_AWS_18": "access logs would cost more than the buckets; CloudTrail's data events tell the same",
        "CKV_AWS_116": "the state machine, or a queue with dead letters, calls the functions, retries and alerts",
        "CKV_AWS_118": "Performance Insights shows what a warehouse's slow load needs; enhanced monitoring costs extra",
        "CKV_AWS_120": "every request brings records; there is no answer that could be given twice",
        "CKV_AWS_144": "another region's copy is a decision for a project; docs/operations.md says how to move",
        "CKV_AWS_145": "the bucket of states has AWS's own key, so that it can be read when the project's key is lost",
        "CKV_AWS_161": "the functions log in with their secret, as at a source that is not on RDS",
        "CKV_AWS_173": "the environment holds names only; logins are in Secrets Manager",
        "CKV_AWS_225": "as CKV_AWS_120",
        "CKV_AWS_237": "senders hold an API's address, so while data is protected no plan may replace it",
        "CKV_AWS_272": "who may sign could also deploy; zips are named by their content and come from pinned hashes",
        "CKV_AWS_285": "an execution's input may name rows by their keys, so it is kept out of the log",
        "CKV_AWS_290": "as CKV_AWS_355",
        "CKV_AWS_297": "the schedule's input is an empty object",
        "CKV_AWS_355": "API Gateway tries the account's one role for logs against groups that are not ours; "
        "tests/terraform/test_configuration.py holds that each star says why",
        "CKV_AWS_394": "two or three zones are taken, whichever; none is more special than another",
        "CKV2_AWS_4": "execution logs would hold headers, and keys with them; access logs tell who asked",
        "CKV2_AWS_5": "the group is attached to the functions, through a variable that checkov does not follow",
        "CKV2_AWS_11": "a VPC with one database and one function, both closed by their security groups",
        "CKV2_AWS_29": "keys, a rate and a daily quota are before the function; a firewall would cost more than all",
        "CKV2_AWS_51": "the API calls a function, by IAM, and no server that could ask for a certificate",
        "CKV2_AWS_57": "a source's password is not ours to rotate; docs/operations.md says how a person does it",
        "unreadable terraform/variables.tf": "it only declares, with a condition that checkov's parser does not know",
        "CKV2_AWS_62": "nothing waits for an object: the state machine knows what was written",
    }
)

SECRETS: Mapping[str, str] = MappingProxyType(
    {
        r'"(testing|demo|any)"': "login of an emulator, or of a server on this machine that asks for none",
        r's3cret|hush-hush|"old"': "made up by a test, which holds that it does not show",
        r'token=|"token"': "tells two attempts of a run apart",
        r"(SOURCE|WAREHOUSE)_SECRET|secret_(name|arn)|secretsmanager|secrets +=": "a secret's name, not what it holds",
        '"x-api-key": "another"': "a key that the API refuses",
        "user:password@host": "the form of a database's address",
        "A0EEBC999C0B4EF8": "a UUID of a test",
        "0055AED6DCD90281E|ETAG": "what S3 says of an object: its sequencer, its etag",
        "manage_master_user_password": "RDS makes and keeps it",
        "The password belongs in PGPASSWORD|Correct the password": "what a person is told",
    }
)
