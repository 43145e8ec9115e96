"""`make secrets`: ask for the databases' logins and the endpoint, and put them where only the functions read them."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from load.delivery.endpoint import parse_endpoint
from local.cloud.account import first_post, read_outputs
from local.cloud.deployment import Deployment
from local.cloud.terminal import Terminal
from utils.postgres.url import VERIFIED

ASKED = {
    "source": "The database to read; a login that may only SELECT is enough.",
    "warehouse": "The database to write.",
    "files": "The database of dropped files; a login that may create and write its tables.",
    "exports": "The database that exports are applied to; a login that may change its tables (docs/exports.md).",
    "endpoint": "Where records are delivered to, and the header that opens the door (docs/delivery.md).",
}
# The output that tells whether the pipeline is deployed that a login is for.
PIPELINES = {
    "source": "state_machine_arn",
    "warehouse": "state_machine_arn",
    "files": "files",
    "exports": "exports",
    "endpoint": "delivery_api",
}
Login = dict[str, Any]


def put_secrets(deployment: Deployment, terminal: Terminal) -> None:
    """Ask for what opens each database and endpoint that is deployed for, and put it as a new version of its secret."""
    account, outputs = read_outputs(deployment)
    secrets = account.client("secretsmanager")
    for kind, about in ASKED.items():
        if not outputs.get(PIPELINES[kind]):
            continue
        name = outputs[f"{kind}_secret_name"]
        terminal.step(f"{kind}: {about}")
        before = _before(secrets, name) or _made_here(kind, outputs)
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps(_ask(kind, terminal, before)))
        terminal.say(f"put into {name}", "green")
    terminal.say(f"\nNext: {_next(deployment, outputs)}", "green")


def _next(deployment: Deployment, outputs: Mapping[str, Any]) -> str:
    if outputs.get("state_machine_arn"):
        return deployment.command("invoke")
    if files := outputs.get("files"):
        return f"aws s3 cp FILE {files}/TABLE/"
    if exports := outputs.get("exports"):
        return f"aws s3 cp FILE {exports}/TENANT/TABLE/VERSION/"
    return first_post(str(outputs["delivery_api"]))


def _ask(kind: str, terminal: Terminal, before: Login) -> Login:
    return _ask_endpoint(terminal, before) if kind == "endpoint" else _ask_login(terminal, before)


def _ask_endpoint(terminal: Terminal, before: Login) -> Login:
    """Ask for the endpoint's address and header, with all but the header's value as defaults."""
    asked = {
        "url": terminal.ask("  URL", before.get("url", ""), _is_https, "An address is such as https://example.org/in."),
        "header_name": terminal.ask("  header", before.get("header_name", "Authorization")),
    }
    known = str(before.get("header_value", ""))
    value = terminal.ask_hidden("  its value" + (" (empty keeps the last)" if known else ""), optional=bool(known))
    found = {**asked, "header_value": value or known}
    parse_endpoint(found, "endpoint")  # or the function would be the first to say what is wrong
    return found


def _is_https(url: str) -> bool:
    return url.startswith("https://")


def _ask_login(terminal: Terminal, before: Login) -> Login:
    """Ask for one login, with all but the password of the last as defaults."""
    asked = {
        "host": terminal.ask("  host", before.get("host", "")),
        "port": int(terminal.ask("  port", str(before.get("port", 5432)), str.isdigit, "A port is a number.")),
        "dbname": terminal.ask("  database", before.get("dbname", "")),
        "username": terminal.ask("  user", before.get("username", "")),
        "sslmode": terminal.ask(
            "  sslmode", before.get("sslmode", "verify-full"), VERIFIED.__contains__, "verify-full or verify-ca."
        ),
    }
    authority = terminal.ask("  sslrootcert (or public)", before.get("sslrootcert") or "public")
    known = str(before.get("password", ""))
    password = terminal.ask_hidden("  password" + (" (empty keeps the last)" if known else ""), optional=bool(known))
    return {**asked, **({"sslrootcert": authority} if authority != "public" else {}), "password": password or known}


def _before(secrets: Any, name: str) -> Login:
    """Return the login that the secret holds, nothing if it is empty, unreadable to us, or no JSON."""
    try:
        found = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    except (ClientError, KeyError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _made_here(kind: str, outputs: Mapping[str, Any]) -> Login:
    """Return where the warehouse is that Terraform made, if it made one."""
    made = outputs.get("warehouse_database") if kind not in {"source", "endpoint"} else None
    return {name: made[name] for name in ("host", "port", "dbname")} if made else {}
