"""Which version an object belongs to, and which of two versions is the later one."""

import re
from collections.abc import Mapping

from utils.errors import ExportRefusedError
from utils.export_table import ExportTable, ExportVersion

SHAPE = "tenant/table/version/file"

Rank = tuple[tuple[int, int, str], ...]
"""Compares as versions are ordered."""


def parse_key(key: str) -> tuple[ExportVersion, str]:
    """Return an object's version and the file's name, or raise ExportRefusedError."""
    parts = key.split("/")
    if len(parts) != 4 or not all(map(_is_name, parts)):
        raise ExportRefusedError(
            f"{key!r} is not where an export belongs. Write it as {SHAPE}, none of which is empty, '.' or '..'.",
            key=key,
        )
    tenant, table, version, file = parts
    return ExportVersion(tenant, table, version), file


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..") and part.isprintable()


def declared(tables: Mapping[str, ExportTable], version: ExportVersion) -> ExportTable:
    """Return the declaration of a version's table, or raise ExportRefusedError."""
    table = tables.get(version.table)
    if table is None:
        raise ExportRefusedError(
            f"{version.prefix}: the project declares no table {version.table!r}; its tables are "
            f"{', '.join(sorted(tables)) or 'none'}. Write exports/{version.table}.toml, deploy, and start it again.",
            tenant=version.tenant,
            table=version.table,
            version=version.version,
        )
    return table


def rank(version: str, table: ExportTable) -> Rank:
    """Return what orders a version: its text, or the groups of the table's pattern, as numbers where they are."""
    if table.version_pattern is None:
        return ((1, 0, version),)
    found = re.fullmatch(table.version_pattern, version)
    if found is None:
        raise ExportRefusedError(
            f"{table.name}: the version {version!r} does not match version_pattern {table.version_pattern!r} of "
            f"exports/{table.name}.toml. Name the export so that it does, or correct the pattern.",
            table=table.name,
            version=version,
        )
    # The text comes last, so that no two versions share a rank: v1 and v01 are two exports.
    return (*(_part(group or "") for group in found.groups()), (1, 0, version))


def rank_of_earlier(version: str, table: ExportTable) -> Rank:
    """Return the rank of a version in the registry; those that a changed pattern no longer matches come first."""
    try:
        return rank(version, table)
    except ExportRefusedError:
        return ()


def _part(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)
