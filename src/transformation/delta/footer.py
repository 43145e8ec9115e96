"""What a version's Parquet files say of themselves at their end: columns, types, rows. No row is downloaded for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from transformation.delta.engine import named_file
from utils.errors import ExportRefusedError
from utils.export_files import ExportFiles
from utils.export_table import ExportVersion
from utils.postgres.names import literal
from utils.store import ObjectStore, StoredObject

MAGIC = b"PAR1"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # what the catalogue can hold and Athena finds in a file
FOLDER = re.compile(r"[A-Za-z0-9._=+/-]+")  # what is read alike as a key of S3 and as a folder of Athena
KINDS = {  # by DuckDB's name; DuckDB and Athena cast these, and no others, to the same text
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "DATE": "date",
}
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


@dataclass(frozen=True)
class Side:
    """One version where it is: its columns with the catalogue's types, in the order of its first file."""

    version: ExportVersion
    kinds: Mapping[str, str]
    rows: int
    content: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The names as the export has them."""
        return tuple(self.kinds)


def read_side(found: ExportFiles, store: ObjectStore, scratch: Path, connection: duckdb.DuckDBPyConnection) -> Side:
    """Read every file's footer, or raise ExportRefusedError where Athena would not read what DuckDB reads."""
    if not FOLDER.fullmatch(found.version.prefix):
        raise ExportRefusedError(
            f"{found.version.prefix} cannot be a folder of Athena's: tenant and version may hold letters without "
            'accents, digits and any of ._=+- there. Name them so, or set engine = "duckdb".',
            version=found.version.version,
        )
    footers = [_read(file, store, scratch, connection) for file in found.files]
    kinds = footers[0][0]
    for file, (others, _) in zip(found.files, footers, strict=True):
        if others != kinds:
            differ = sorted({name for name, _ in set(others.items()) ^ set(kinds.items())})
            raise ExportRefusedError(
                f"{file.key} and {found.files[0].key} are one export but differ in {', '.join(differ)}. Export them "
                "again.",
                file=file.key,
            )
    return Side(found.version, kinds, sum(rows for _, rows in footers), found.content)


def _read(
    file: StoredObject, store: ObjectStore, scratch: Path, connection: duckdb.DuckDBPyConnection
) -> tuple[Mapping[str, str], int]:
    """Return a file's columns and how many rows it has."""
    path = scratch / "footer"
    path.write_bytes(_footer(file, store))
    where = literal(str(path))
    with named_file(file.key):
        described = connection.execute(
            f"DESCRIBE SELECT * FROM read_parquet({where}, hive_partitioning = false)"
        ).fetchall()
        named = {name for (name,) in connection.execute(f"SELECT name FROM parquet_schema({where})").fetchall()}
        ((rows,),) = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({where})").fetchall()
    if renamed := sorted({name for name, *_ in described} - named):
        raise ExportRefusedError(
            f"{file.key} has columns whose names differ only in case: {', '.join(renamed)} is not its own name. Name "
            'them apart, or set engine = "duckdb".',
            file=file.key,
        )
    return _kinds(file.key, [(name, kind) for name, kind, *_ in described]), rows


def _footer(file: StoredObject, store: ObjectStore) -> bytes:
    """Return a Parquet file without its rows."""
    end = store.read_end(file.key, 8) if file.bytes > 8 else b""
    size = int.from_bytes(end[:4], "little") + 8
    if end[4:] != MAGIC or size > file.bytes:
        raise ExportRefusedError(f"{file.key} is no whole Parquet file. Export it again.", file=file.key)
    return MAGIC + store.read_end(file.key, size)


def _kinds(key: str, described: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    kinds = {name: _kind(kind) for name, kind in described}
    wrong = [f"{name} ({kind})" for name, kind in described if kinds[name] is None]
    wrong += [repr(name) for name in kinds if not NAME.fullmatch(name)]
    if wrong:
        raise ExportRefusedError(
            f"In {key} Athena would not read {', '.join(wrong)} as DuckDB does. Names may hold letters without "
            "accents, digits and _; types may be texts, signed whole numbers, decimals with a digit before the point, "
            'dates and booleans (docs/exports.md). Export texts instead, or set engine = "duckdb".',
            file=key,
        )
    return {name: kind for name, kind in kinds.items() if kind}


def _kind(kind: str) -> str | None:
    """Return the catalogue's type, None for one whose text is not proven to be the same."""
    if (found := DECIMAL.fullmatch(kind)) and int(found[1]) > int(
        found[2]
    ):  # DuckDB writes .05 where there is no digit
        return kind.lower()
    return KINDS.get(kind)
