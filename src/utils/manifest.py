"""Manifests: the small records that make a batch exist, in landing and in processed alike."""

import dataclasses
import hashlib
import json
import types
import typing
from dataclasses import dataclass
from typing import Any, TypeVar

from utils.errors import IntegrityError
from utils.store import DataFile

FORMAT = 2  # raised when an older reader could misread a newer manifest
SEAL = "sha256"  # of the manifest without it, so that no field is changed by hand and believed


@dataclass(frozen=True)
class Snapshot:
    """What one transaction could see of the source."""

    horizon: int  # 64-bit transaction id; the next run reads rows written at or after it
    next_xid: int
    system_identifier: str
    timeline: int
    in_recovery: bool
    taken_at: str  # ISO 8601, UTC, by the source's clock
    horizon_held_since: str | None = None  # ISO 8601, UTC; None when no transaction known to be older is open
    database: int | None = None  # its oid, which tells it from others of the same server


@dataclass(frozen=True)
class Column:
    """One source column, with the type that its CSV values have.

    Domains appear as their base type, enums and types of extensions as text; `declared` keeps the source's
    own word for it.
    """

    name: str
    type: str  # as PostgreSQL's format_type() writes it: numeric(10,2), timestamp(3) without time zone
    declared: str
    not_null: bool


@dataclass(frozen=True)
class ForeignKey:
    """Columns of one table that name a row of another."""

    columns: tuple[str, ...]
    table: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class SourceTable:
    """One tracked table in one batch: its schema, and the files that hold its rows.

    `changed` holds rows written since the last horizon; `affected` holds unchanged rows whose lookups
    changed; `context` holds unchanged rows that the others look up; `keys` holds the primary key of every
    row there is, by which the warehouse finds those that were deleted.
    """

    name: str  # as the project writes it: "staff", or "sales.staff" outside the default schema
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...]  # the primary key is one of them
    foreign_keys: tuple[ForeignKey, ...]
    mode: str  # "changes": by horizon; "overlap": by cursor column, best effort; "full": read whole
    whole: bool  # this batch holds every row of the table
    cursor: str | None
    high_water_mark: str | None  # greatest cursor value read so far; an audit figure, never the state
    previous_high_water_mark: str | None
    content: str | None = None  # checksum of the last whole read, where nothing else tells a change
    changed: tuple[DataFile, ...] = ()
    affected: tuple[DataFile, ...] = ()
    context: tuple[DataFile, ...] = ()
    keys: tuple[DataFile, ...] = ()
    keys_content: str | None = None  # checksum of the keys when they were last compared
    parts: tuple[int, ...] = ()  # oids of the table and its partitions; a new one brings rows older than they seem

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Every file of the table in this batch."""
        return self.changed + self.affected + self.context + self.keys


@dataclass(frozen=True)
class LandingManifest:
    """One batch of source rows. It is written last, create-if-absent; the batch exists when it does."""

    number: int
    run_id: str
    token: str  # new at every attempt
    started_at: str
    project: str
    predecessor: str | None  # checksum of the manifest before
    base: int  # number of the newest batch, up to this one, that holds every table whole
    snapshot: Snapshot
    tables: tuple[SourceTable, ...]
    models: tuple[str, ...] = ()  # of the project as it was; a new one needs its tables read whole
    supersedes: tuple[int, ...] = ()  # batches whose files were lost; this one holds their rows
    paths: tuple[str, ...] = ()  # the chains of lookups that its rows were read along
    format: int = FORMAT


@dataclass(frozen=True)
class WarehouseColumn:
    """One warehouse column with its PostgreSQL type."""

    name: str
    type: str
    not_null: bool


@dataclass(frozen=True)
class Reference:
    """Columns of one warehouse table that name a row of another by its key."""

    columns: tuple[str, ...]
    table: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class WarehouseTable:
    """One warehouse table in one batch: what it must look like, and the files that hold its rows."""

    name: str
    kind: str  # "dimension", "fact" or "calendar"
    load: str  # "merge" or "replace"
    key: tuple[str, ...]
    columns: tuple[WarehouseColumn, ...]
    references: tuple[Reference, ...]
    unique: tuple[tuple[str, ...], ...]  # beyond the key; rows that break it are quarantined
    record_id: str | None  # serial column of a fact's versions
    source: str | None  # the driving table's name in the landing manifest
    rows: tuple[DataFile, ...] = ()  # Parquet: the columns, then _late, then _exact where needed
    gone: tuple[DataFile, ...] = ()  # Parquet: key columns of rows that the model no longer yields
    present: tuple[DataFile, ...] = ()  # Parquet: keys, as text, of every source row; what lacks here was deleted
    quarantine: tuple[DataFile, ...] = ()  # JSON lines: key, row, rule, reason
    max_deleted_share: float | None = None  # of the rows in force, in one batch; None where deletes are not looked for
    definition: str | None = None  # checksum of the model as it was
    history: str = "latest"  # or "versions": a dimension's earlier versions are kept beside it

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Every file of the table in this batch."""
        return self.rows + self.gone + self.present + self.quarantine


@dataclass(frozen=True)
class ProcessedManifest:
    """One batch as star-schema Parquet; of several attempts at one number the highest counts."""

    number: int
    attempt: int
    run_id: str
    project: str
    landing: str  # checksum of the landing manifest it was made from
    predecessor: str | None  # checksum of the landing manifest before that
    base: int
    snapshot: Snapshot
    calendar: tuple[str, str] | None  # first and last date that any calendar row must cover so far
    tables: tuple[WarehouseTable, ...]
    format: int = FORMAT


def encode(manifest: LandingManifest | ProcessedManifest) -> bytes:
    """Return the manifest's bytes, sealed by their checksum; equal manifests have equal bytes."""
    record = dataclasses.asdict(manifest)
    return _body({**record, SEAL: checksum(_body(record))})


def _body(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=1, ensure_ascii=False).encode()


def checksum(body: bytes) -> str:
    """Return the SHA-256 that the next manifest and the ledger know this one by."""
    return hashlib.sha256(body).hexdigest()


Manifest = TypeVar("Manifest", LandingManifest, ProcessedManifest)


def decode(kind: type[Manifest], body: bytes, name: str) -> Manifest:
    """Read a manifest's bytes, or raise IntegrityError that names the object."""
    try:
        record = json.loads(body)
        if record["format"] != FORMAT:
            raise IntegrityError(f"{name} has manifest format {record['format']}; this Starlift reads {FORMAT}.")
        if record.pop(SEAL) != checksum(_body(record)):
            raise IntegrityError(f"{name} was altered after it was written. Restore that object's first version.")
        manifest: Manifest = _build(kind, record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(
            f"{name} is not a manifest: {error!r:.200}. Restore that object's first version."
        ) from error
    return manifest


def _build(kind: Any, value: Any) -> Any:
    """Turn JSON back into the frozen dataclasses it came from."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _build(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_build(inner, item) for item in value)
    if isinstance(kind, types.UnionType):
        inner = next(option for option in typing.get_args(kind) if option is not types.NoneType)
        return None if value is None else _build(inner, value)
    return value
