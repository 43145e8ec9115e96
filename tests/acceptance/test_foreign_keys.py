"""Lookups along foreign keys whose two columns PostgreSQL calls equal, though their texts or types differ."""

import pytest

from tests.acceptance.command import make_place

# By table: the child's type and value, then the parent's. One table's values are all within DuckDB's types.
PAIRS = {
    "ordinary": [
        ("numeric", "1", "numeric", "1.0"),
        ("numeric", "100", "numeric(10,2)", "100"),
        ("integer", "10", "numeric", "10.00"),
        ("numeric(12,4)", "0.5", "numeric(10,2)", "0.5"),
        ("character(4)", "a", "character(6)", "a"),
        ("character varying(6)", "a", "character(4)", "a"),
        ("character(4)", "a", "text", "a"),
        ("date", "2024-01-01", "timestamp", "2024-01-01"),
        ("double precision", "-0", "double precision", "0"),
        ("double precision", "NaN", "double precision", "NaN"),
        ("real", "0.5", "double precision", "0.5"),
        ("uuid", "A0EEBC999C0B4EF8BB6D6BB9BD380A11", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("cidr", "10.0.0.0/8", "inet", "10.0.0.0/8"),
    ],
    "beyond": [
        ("numeric", "7", "numeric", "7.00"),
        ("numeric(10,2)", "NaN", "numeric(12,2)", "NaN"),
        ("date", "0044-03-15 BC", "date", "0044-03-15 BC"),
        ("timestamp(3)", "0044-03-15 BC", "timestamp", "0044-03-15 BC"),
        ("timestamptz", "0044-03-15 10:00:00+00 BC", "timestamptz", "0044-03-15 12:00:00+02 BC"),
    ],
}
MODEL = """/*
kind = "dimension"
key = "id"
driving = "{table}"
[lookups]
{lookups}
*/
SELECT {table}.id, {titles}
"""


def parents(table):
    return [f"{table}_parent{number}" for number in range(len(PAIRS[table]))]


def write_model(table):
    lookups = "\n".join(f"{parent} = {{}}" for parent in parents(table))
    titles = ", ".join(f"{parent}.title AS {parent}" for parent in parents(table))
    return MODEL.format(table=table, lookups=lookups, titles=titles)


def fill(place, table):
    """Fill a table with one row a pair, so that no row is read again for the sake of another pair's parent."""
    columns = [
        f"of_{parent} {pair[0]} REFERENCES {parent}" for parent, pair in zip(parents(table), PAIRS[table], strict=True)
    ]
    made = [
        f"CREATE TABLE {parent} (k {there} PRIMARY KEY, title text); INSERT INTO {parent} VALUES ('{key}')"
        for parent, (_, _, there, key) in zip(parents(table), PAIRS[table], strict=True)
    ]
    rows = [
        f"INSERT INTO {table} (id, of_{parent}) VALUES ({number}, '{pair[1]}')"
        for number, (parent, pair) in enumerate(zip(parents(table), PAIRS[table], strict=True))
    ]
    place.ask("; ".join([*made, f"CREATE TABLE {table} (id int PRIMARY KEY, {', '.join(columns)})", *rows]))


@pytest.fixture
def family(tmp_path, make_database):
    place = make_place(tmp_path, make_database, {f"dim_{table}.sql": write_model(table) for table in PAIRS})
    for table in PAIRS:
        fill(place, table)
    return place


def give_title(place, title):
    place.ask("; ".join(f"UPDATE {parent} SET title = '{title}'" for table in PAIRS for parent in parents(table)))
    done = place.starlift("run")
    assert done.exit_code == 0, done.output


def titles(place, table):
    rows = place.ask(f"SELECT id, coalesce({', '.join(parents(table))}) FROM dim_{table}", "warehouse")
    return {PAIRS[table][number]: title for number, title in rows}


@pytest.mark.parametrize("table", list(PAIRS))
def test_a_foreign_key_finds_its_parent_whatever_their_types(family, table):
    give_title(family, "first")

    assert titles(family, table) == dict.fromkeys(PAIRS[table], "first")


@pytest.mark.parametrize("table", list(PAIRS))
def test_a_changed_parent_reaches_the_rows_that_refer_to_it_whatever_their_types(family, table):
    give_title(family, "first")

    give_title(family, "second")

    assert titles(family, table) == dict.fromkeys(PAIRS[table], "second")
