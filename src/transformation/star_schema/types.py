"""PostgreSQL's types in DuckDB and back."""

import re

PLAIN = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
}
FROM_DUCKDB = {duckdb: postgres for postgres, duckdb in PLAIN.items()} | {
    "VARCHAR": "text",
    "TINYINT": "smallint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(38,0)",
}
TEXT = "VARCHAR"
ALIASES = {
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "decimal": "numeric",
}
_SPELLED = re.compile(r"(.+?) ?(\([\d,-]+\))?( with(?:out)? time zone)?\Z")
_TEXTS = re.compile(r"(character varying|character|name)(\(\d+\))?\Z")
_PRECISION = re.compile(r"(timestamp|time|interval)( [a-z ]+?)?\(\d\)")
_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)\Z")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)\Z")


def to_duckdb(postgres: str) -> str:
    """Return the DuckDB type that holds every ordinary value of a PostgreSQL type; text where there is none."""
    postgres = spelled_out(postgres)
    if found := _NUMERIC.match(postgres):
        precision, scale = int(found.group(1)), int(found.group(2))
        return f"DECIMAL({precision},{scale})" if precision <= 38 and 0 <= scale <= precision else TEXT
    return PLAIN.get(to_warehouse(postgres), TEXT)


def spelled_out(postgres: str) -> str:
    """Return a type as format_type() writes it, from any spelling that people use in a header."""
    found = _SPELLED.match(" ".join(postgres.lower().split()).replace(", ", ","))
    if found is None:
        return postgres
    name, limit, zone = found.groups(default="")
    base, has_zone, rest = ALIASES.get(name, name).partition(" with")
    if base == "numeric" and limit and "," not in limit:
        limit = limit.replace(")", ",0)")
    return f"{base}{limit}{zone or has_zone + rest}"


def to_warehouse(postgres: str) -> str:
    """Return the type of a column passed through unchanged: the source's, without limits that could only break it."""
    if _TEXTS.match(postgres):
        return "text"
    return _PRECISION.sub(lambda found: found.group(1) + (found.group(2) or ""), postgres)


def from_duckdb(duckdb: str) -> str | None:
    """Return the PostgreSQL type of a computed column, None when there is none."""
    if found := _DECIMAL.match(duckdb):
        return f"numeric({found.group(1)},{found.group(2)})"
    return FROM_DUCKDB.get(duckdb)
