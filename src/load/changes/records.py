"""Records of the stream as Lambda hands them over, read into changes or refused."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from load.changes.ports import Ports
from utils.changes import Change, Operation, Values, read_record
from utils.errors import ChangeRefusedError
from utils.export_table import ExportTable

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Delivered:
    """A change, the table that it belongs to, and the record that brought it."""

    number: str  # of the record within its shard, by which the next delivery is asked for
    bytes: int
    change: Change
    table: ExportTable


def record_number(record: Record) -> str:
    """Return what Lambda knows the record by."""
    return str(record["kinesis"]["sequenceNumber"])


def read_delivered(record: Record, ports: Ports) -> Delivered:
    """Read a record's change, from the store if it is too large for the stream, or refuse it."""
    try:
        change = read_record(base64.b64decode(record["kinesis"]["data"]), ports.bodies)
    except RecursionError as error:
        raise _malformed("it is nested too deeply") from error
    table = _table(change, ports.tables)
    _check(change, table)
    size = sum(len(value or "") for value in (change.after or change.key).values())
    return Delivered(record_number(record), size, change, table)


def _table(change: Change, tables: Mapping[str, ExportTable]) -> ExportTable:
    if not (_is_text(change.table) and _is_text(change.tenant)):
        raise _malformed("its table or tenant is no text")
    if change.table not in tables:
        raise ChangeRefusedError(
            f"The project declares no export {change.table!r}. Add exports/{change.table}.toml, or stop publishing it."
        )
    return tables[change.table]


def _is_text(value: object) -> bool:
    """Tell whether PostgreSQL can take the value as a text."""
    return isinstance(value, str) and "\0" not in value and value == value.encode("utf-8", "replace").decode()


def _check(change: Change, table: ExportTable) -> None:
    """Refuse a change that does not say all that applying it takes."""
    if set(change.key) != set(table.key):
        raise ChangeRefusedError(
            f"A change of {table.name} has the key {', '.join(change.key)}, but the project declares "
            f"{', '.join(table.key)}. Publish the export again, as its table is declared now."
        )
    if None in change.key.values():
        raise _malformed("a column of its key is null")
    if (change.after is None) != (change.op is Operation.DELETE):
        raise _malformed(f"{change.op} {'without' if change.after is None else 'with'} a row after it")
    if change.after is not None and not _holds(change.after, change.key):
        raise _malformed("its row is not that of its key")


def _holds(row: Values, key: Values) -> bool:
    return all(row.get(name) == value for name, value in key.items())


def _malformed(reason: str) -> ChangeRefusedError:
    return ChangeRefusedError(f"A record is no change: {reason}. Only Starlift may write to this stream.")
