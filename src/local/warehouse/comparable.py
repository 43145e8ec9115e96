"""SQL that makes values of a model and of the warehouse comparable, whatever DuckDB can hold of them.

The model's rows are `e`, with their types, and the exact texts of values beyond those types in `_exact`; the
warehouse's rows are text.
"""

from collections.abc import Iterable
from pathlib import Path

from transformation.star_schema.types import TEXT
from utils.postgres.names import identifier, literal

EXACT = "MAP(VARCHAR, VARCHAR)"


def json_lines(path: Path) -> str:
    """Return the relation of quarantined rows in a file, as far as their keys go."""
    return f"read_json({literal(str(path))}, format = 'newline_delimited', columns = {{key: 'JSON'}})"


def held_value(text: str, kind: str) -> str:
    """Return the warehouse's text as a value; DuckDB would read a timestamp's BC as AD."""
    return text if kind == TEXT else f"CASE WHEN suffix({text}, 'BC') THEN NULL ELSE TRY_CAST({text} AS {kind}) END"


def held_text(text: str, kind: str) -> str:
    """Return the warehouse's text as DuckDB writes the same value, or as it is where DuckDB cannot hold it."""
    return text if kind == TEXT else f"coalesce(CAST({held_value(text, kind)} AS VARCHAR), {text})"


def model_text(name: str) -> str:
    """Return a value of the model as text."""
    return f"coalesce(e._exact[{literal(name)}], CAST(e.{identifier(name)} AS VARCHAR))"


def model_texts(names: Iterable[str]) -> str:
    """Return values of the model as text, by their names."""
    return ", ".join(f"{model_text(name)} AS {identifier(name)}" for name in names)
