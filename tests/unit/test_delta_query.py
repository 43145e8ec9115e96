"""The comparison's SQL in Athena's dialect."""

import duckdb
import pytest

from transformation.delta import query
from transformation.delta.query import Shape

SHAPE = Shape(3, (1, 2))
QUERIES = {
    "delta": query.delta("earlier_export", "later_export", SHAPE),
    "keys_twice": query.keys_twice("earlier_export", SHAPE),
    "keys_missing": query.keys_missing("earlier_export", SHAPE),
    "dates_beyond": query.dates_beyond("earlier_export", SHAPE, [2, 3]),
    "texts": query.delta(
        "(SELECT CAST('a' AS VARCHAR) AS c1, CAST(NULL AS VARCHAR) AS c2, CAST(NULL AS VARCHAR) AS c3 WHERE 1 = 0)",
        '(SELECT CAST("c1" AS VARCHAR) AS c1, CAST("c2" AS VARCHAR) AS c2, CAST("c3" AS VARCHAR) AS c3 '
        "FROM later_export)",
        SHAPE,
    ),
}
ROWS = {
    "earlier_export": "('1', 'a', NULL), ('2', 'b', ''), ('3', 'c', 'x')",
    "later_export": "('1', 'a', ''), ('2', 'b', '')",
}


@pytest.fixture
def engine():
    with duckdb.connect() as connection:
        for name, rows in ROWS.items():
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM (VALUES {rows}) AS t(c1, c2, c3)")
        yield connection


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_read_as_athena_s_means_the_same_to_duckdb(name, engine):
    sqlglot = pytest.importorskip("sqlglot")

    (translated,) = sqlglot.transpile(
        QUERIES[name], read="athena", write="duckdb", error_level=sqlglot.ErrorLevel.RAISE
    )

    assert sorted(engine.execute(translated).fetchall(), key=str) == sorted(
        engine.execute(QUERIES[name]).fetchall(), key=str
    )


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_needs_no_translation_for_athena(name):
    sqlglot = pytest.importorskip("sqlglot")

    (as_athena,) = sqlglot.transpile(QUERIES[name], read="duckdb", write="athena")

    assert as_athena.lower() == QUERIES[name].lower()


def test_null_is_distinct_from_the_empty_text_and_not_from_null(engine):
    found = engine.execute(QUERIES["delta"]).fetchall()

    assert sorted(row[:2] for row in found) == [("DELETE", "3"), ("UPDATE", "1")]
