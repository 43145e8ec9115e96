"""What waits in the warehouse's quarantine, and what a person may do with it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from extraction.database import named_rows
from extraction.database.catalogue import read_catalogue
from extraction.database.wiring import open_source
from load.warehouse import ledger
from load.warehouse.wiring import WAREHOUSE
from local.warehouse.run import Job, Request, run_once
from transformation.star_schema.select_list import Item, parse_body
from utils.errors import ConfigurationError
from utils.manifest import SourceTable
from utils.model import Model
from utils.postgres.connection import Connection, connect
from utils.postgres.url import DatabaseUrl
from utils.project import Project

ID_LENGTH = 12  # hexadecimal digits: enough for a million entries
READ = """
SELECT model, key::text AS key, content, rule, reason, "row"::text AS row, batch,
       first_seen::text AS first_seen, waiting
FROM starlift.quarantine ORDER BY first_seen DESC, model, key::text
"""
DROP = "DELETE FROM starlift.quarantine WHERE (model, key, content) = (:model, CAST(:key AS jsonb), :content)"


@dataclass(frozen=True)
class Entry:
    """One row in quarantine."""

    id: str
    model: str
    key: Mapping[str, str | None]
    content: str  # checksum of the row
    rule: str
    reason: str
    row: Mapping[str, str | None]
    batch: int  # the last one that brought it
    first_seen: str
    waiting: bool  # for its parent; it joins its table by itself once that is there


@dataclass(frozen=True)
class Replay:
    """What became of the entries that were read again."""

    batch: int | None
    left: tuple[Entry, ...]  # no longer in quarantine
    gone: tuple[Entry, ...]  # no longer in the source, and so dropped
    stayed: tuple[Entry, ...]  # with the reason that holds now
    read_whole: tuple[str, ...]  # tables of which single rows could not be named


def read_entries(warehouse: DatabaseUrl, model: str | None = None) -> list[Entry]:
    """Return what waits in quarantine, newest first."""
    with connect(warehouse, WAREHOUSE) as session:
        entries = _entries(session)
    return [entry for entry in entries if model in {None, entry.model}]


def _entries(session: Connection) -> list[Entry]:
    if not ledger.exists(session, "quarantine"):
        return []
    return [_entry(row) for row in session.rows(READ)]


def _entry(row: Mapping[str, object]) -> Entry:
    name = "\n".join(str(row[part]) for part in ("model", "key", "content"))
    values = {**row, "key": json.loads(str(row["key"])), "row": json.loads(str(row["row"]))}
    return Entry(id=hashlib.sha256(name.encode()).hexdigest()[:ID_LENGTH], **values)


def choose(entries: Iterable[Entry], ids: Iterable[str]) -> list[Entry]:
    """Return the entries that are named by their ids or by the beginnings of these."""
    known = list(entries)
    return [_find(known, text) for text in ids]


def _find(entries: list[Entry], text: str) -> Entry:
    found = [entry for entry in entries if entry.id.startswith(text.lower())]
    if len(found) == 1:
        return found[0]
    said = "fits several entries; give more of it" if found else "is no entry's id; see `starlift quarantine list`"
    raise ConfigurationError(f"{text!r} {said}.")


def drop(warehouse: DatabaseUrl, entries: Iterable[Entry]) -> int:
    """Forget entries, and return how many were still there."""
    with connect(warehouse, WAREHOUSE) as session:
        return sum(_drop(session, entry) for entry in entries)


def _drop(session: Connection, entry: Entry) -> int:
    session.run(DROP, model=entry.model, key=json.dumps(entry.key), content=entry.content)
    return int(session.row_count)


def replay(job: Job, entries: list[Entry]) -> Replay:
    """Read the rows behind entries again from the source, as a new batch, and load it.

    A newer version that the warehouse holds already stays: what is read is the row as it is now.
    """
    if not entries:
        return Replay(None, (), (), (), ())
    plan = _plan(job.project, job.source, entries)
    report = run_once(job, Request(rows=plan.rows, backfill=tuple(plan.whole)))
    now = read_entries(job.warehouse)
    again = {_row(entry): entry for entry in now if entry.batch >= (report.batch or 0)}
    asked = {_row(entry): entry for entry in entries if entry not in plan.gone}
    left = [entry for row, entry in asked.items() if row not in again]
    over = {_row(entry) for entry in left}
    drop(job.warehouse, [*plan.gone, *(entry for entry in now if _row(entry) in over)])
    stayed = [again[row] for row in asked if row in again]
    return Replay(report.batch, tuple(left), tuple(plan.gone), tuple(stayed), tuple(sorted(plan.whole)))


def _row(entry: Entry) -> tuple[str, ...]:
    """Return what tells an entry's row from others, whatever it holds by now; without a key that is all it holds."""
    return entry.model, json.dumps(entry.key), "" if entry.key else entry.content


@dataclass
class _Plan:
    rows: dict[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    gone: list[Entry] = field(default_factory=list)


def _plan(project: Project, source: DatabaseUrl, entries: Iterable[Entry]) -> _Plan:
    """Find how to read the entries' rows again, and which of them the source has no more."""
    models, plan = {model.name: model for model in project.models}, _Plan()
    with open_source(source) as session:
        tables = read_catalogue(session, project)
        for entry in entries:
            model = models.get(entry.model)
            if model is None or model.driving is None:
                raise ConfigurationError(
                    f"The project has no model {entry.model}; drop its entries instead: "
                    f"starlift quarantine drop --model {entry.model}"
                )
            table = tables[model.driving]
            key = _source_key(model, table, entry)
            if key is None:
                plan.whole.add(table.name)
            elif _exists(session, project, table, key):
                plan.rows[table.name] = (*plan.rows.get(table.name, ()), key)
            else:
                plan.gone.append(entry)
    return plan


def _source_key(model: Model, table: SourceTable, entry: Entry) -> dict[str, str] | None:
    """Return the driving table's columns that name the entry's row, None where its key does not tell."""
    if model.path.suffix == ".py" or table.mode != "changes":
        return None
    given = {column: text for column in table.primary_key if (text := entry.key.get(f"{table.name}.{column}"))}
    if given:  # the model's key is not known
        return given
    items = {item.name: item for item in parse_body(model).items}
    if not set(model.key) <= items.keys() & entry.key.keys():
        return None
    columns = {name: _plain_column(items[name], model, table) for name in model.key}
    values = {column: entry.key[name] for name, column in columns.items() if column}
    texts = {column: text for column, text in values.items() if text is not None}
    return texts if len(texts) == len(model.key) else None


def _plain_column(item: Item, model: Model, table: SourceTable) -> str | None:
    """Return the driving table's column that a key hands on as it is."""
    reference = item.references[0] if item.bare else None
    if reference is None or reference.alias not in {None, model.alias}:
        return None
    return reference.column if reference.column in {column.name for column in table.columns} else None


def _exists(session: Connection, project: Project, table: SourceTable, key: Mapping[str, str]) -> bool:
    condition = named_rows.named(table, [key])("t")
    query = f"SELECT EXISTS (SELECT FROM {project.table_name(table.name).sql} t WHERE {condition})"
    return session.value(query) is True
