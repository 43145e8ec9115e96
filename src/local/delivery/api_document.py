"""The OpenAPI document of a project's API: what Terraform makes the REST API of, and what the tests hold it to.

`python -m local.delivery.api_document projects/sensors` writes it anew from delivery.toml.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from utils.delivery_project import DeliveryProject, FieldType, RecordField, read_delivery
from utils.errors import ConfigurationError

FILE = "openapi.json"
INTEGRATION = "${ingest_invoke_arn}"  # filled in by Terraform's templatefile
VALIDATOR = "headers only"

JsonSchema = dict[str, Any]

# No `nullable`, `example` or numbers' `format`: API Gateway's models are JSON Schema draft 4, which knows none.
SCHEMAS: Mapping[FieldType, JsonSchema] = MappingProxyType(
    {
        FieldType.STRING: {"type": "string", "pattern": r"^[^\u0000]*$"},
        FieldType.INTEGER: {"type": "integer"},
        FieldType.NUMBER: {"type": "number"},
        FieldType.BOOLEAN: {"type": "boolean"},
        FieldType.TIMESTAMP: {"type": "string", "format": "date-time"},
    }
)
TEXT: JsonSchema = {"type": "string"}
COUNT: JsonSchema = {"type": "integer", "minimum": 0}


def document(project: DeliveryProject, name: str) -> dict[str, Any]:
    """Return the document as JSON."""
    return {
        "openapi": "3.0.1",
        "info": {"title": name, "version": "1.0", "description": f"Takes in records of {name}."},
        "paths": {"/ingest": {"post": _operation()}},
        "components": {
            "securitySchemes": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
            "schemas": {
                "Record": _record(project),
                "Records": _records(project),
                "Stored": _object(count=COUNT, stored=COUNT, objectKeys={"type": "array", "items": TEXT}),
                "Refused": _refused(),
                "Failed": {"oneOf": [_reference("Unstored"), _reference("Gateway")]},
                "Unstored": _object(error=TEXT),
                "Gateway": _object(message=TEXT),
            },
        },
        "x-amazon-apigateway-api-key-source": "HEADER",
        # Terraform reads no TOML; by this it knows how long receipts are needed.
        "x-starlift-max-past-seconds": project.ingest.max_past_seconds,
        # The function checks bodies, because API Gateway would not tell which record is wrong and why.
        "x-amazon-apigateway-request-validators": {
            VALIDATOR: {"validateRequestBody": False, "validateRequestParameters": True}
        },
    }


def _operation() -> dict[str, Any]:
    return {
        "operationId": "ingest",
        "summary": "Store one record or an array of records: all of them or, if one is wrong, none.",
        "security": [{"api_key": []}],
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Stands for this POST; a repeat with the same key and records stores nothing new.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            }
        ],
        "requestBody": {"required": True, "content": _json("Records")},
        "responses": {
            "200": _answer("Every record is stored.", "Stored"),
            "400": _answer("Nothing was stored; the reasons tell what is wrong.", "Refused"),
            "403": _answer("The key is missing or wrong.", "Gateway"),
            "409": _answer("The Idempotency-Key was used for other records; nothing was stored.", "Refused"),
            "413": _answer("The body is larger than AWS takes.", "Gateway"),
            "429": _answer("More requests than the usage plan allows; try later.", "Gateway"),
            "500": _answer("The store failed, or the function had no turn; send the same POST again.", "Failed"),
            "502": _answer("The function failed; send the same POST again.", "Gateway"),
            "503": _answer("API Gateway has no answer; send the same POST again.", "Gateway"),
            "504": _answer("The function took too long; send the same POST again.", "Gateway"),
        },
        "x-amazon-apigateway-request-validator": VALIDATOR,
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": INTEGRATION,
            "passthroughBehavior": "when_no_match",
            "timeoutInMillis": 29_000,
        },
    }


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": _reference(schema)}}


def _reference(schema: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


def _object(**properties: JsonSchema) -> JsonSchema:
    return {"type": "object", "required": [*properties], "properties": properties, "additionalProperties": False}


def _refused() -> JsonSchema:
    reason = {**_object(index=COUNT, field=TEXT, reason=TEXT), "required": ["reason"]}
    return _object(error=TEXT, reasons={"type": "array", "items": reason}, moreReasons=COUNT)


def _record(project: DeliveryProject) -> JsonSchema:
    properties = {field.name: _field(field) for field in project.fields}
    required = [field.name for field in project.fields if field.required]
    return {"type": "object", "properties": properties, "additionalProperties": False} | (
        {"required": required} if required else {}
    )


def _records(project: DeliveryProject) -> JsonSchema:
    one = _reference("Record")
    return {"oneOf": [one, {"type": "array", "minItems": 1, "maxItems": project.ingest.max_records, "items": one}]}


def _field(field: RecordField) -> JsonSchema:
    is_string = field.type is FieldType.STRING
    limits = {
        "minimum": field.minimum,
        "maximum": field.maximum,
        "minLength": 1 if field.required and is_string else None,
        "maxLength": field.max_length,
    }
    return {**SCHEMAS[field.type], **{name: value for name, value in limits.items() if value is not None}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document of the project folder that is named, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="local.delivery.api_document", description="Write openapi.json from delivery.toml."
    )
    parser.add_argument("project", type=Path, help="the project folder")
    folder = parser.parse_args(arguments).project
    try:
        (folder / FILE).write_text(text(folder))
    except (ConfigurationError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the reason a person waits for
        return 1
    print(f"written to {folder / FILE}")  # noqa: T201 - the answer a person waits for
    return 0


def check_written(folder: Path) -> None:
    """Refuse a document that says something else than delivery.toml: the API would be made of it."""
    path = folder / FILE
    if not path.exists() or path.read_text() != text(folder):
        raise ConfigurationError(f"{path} is not what delivery.toml declares. Write it anew: {command(folder)}")


def command(folder: Path) -> str:
    """Return what a person types to write the document."""
    return f".venv/bin/python -m local.delivery.api_document {shlex.quote(str(folder))}"


def text(folder: Path) -> str:
    """Return a project's document as its file holds it."""
    return json.dumps(document(read_delivery(folder), folder.resolve().name), indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
