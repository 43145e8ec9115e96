"""Values that DuckDB cannot hold: they arrive, change, leave and are compared like any other."""

import pytest

from tests.acceptance.command import make_place

KEYS = {
    "boolean": "t",
    "double precision": "1e300",
    "numeric(10,2)": "NaN",
    "date": "0044-03-15 BC",
    "timestamp": "0044-03-15 10:00:00 BC",
    "bytea": "\\x00ff",
}
MODEL = """/*
kind = "{}"
key = "k"
driving = "{table}"
[tests.range]
v = [0, 99]
*/
SELECT {table}.k, {table}.v WHERE v > 0
"""


@pytest.fixture
def keyed(tmp_path, make_database):
    tables = [f"t{number}" for number in range(len(KEYS))]
    kinds = {"dim": "dimension", "fact": "fact"}
    models = {
        f"{prefix}_{table}.sql": MODEL.format(kind, table=table) for prefix, kind in kinds.items() for table in tables
    }
    place = make_place(tmp_path, make_database, models)
    for table, (kind, key) in zip(tables, KEYS.items(), strict=True):
        place.ask(f"CREATE TABLE {table} (k {kind} PRIMARY KEY, v int); INSERT INTO {table} VALUES ('{key}', 1)")
    place.starlift("run")
    return place


def found(place, count):
    """Return how often each table has such a difference, and that no difference is real."""
    answer = place.answer("verify")
    assert answer["equal"], answer
    return {table[count] for table in answer["tables"].values()}


@pytest.mark.parametrize("value", [2, -1, 100])
def test_a_key_of_any_type_is_known_when_its_row_changes_leaves_or_is_refused(keyed, value):
    keyed.ask("; ".join(f"UPDATE t{number} SET v = {value}" for number in range(len(KEYS))))

    assert found(keyed, "pending") == {1}
    keyed.starlift("run")

    assert found(keyed, "pending") == {0}
    assert found(keyed, "rows") == {0 if value == -1 else 1}
    assert found(keyed, "quarantined") == {1 if value == 100 else 0}
