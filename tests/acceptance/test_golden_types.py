"""Every PostgreSQL type, by golden files: what is inserted, landed as CSV, written as Parquet, held by the warehouse.

STARLIFT_WRITE_GOLDEN=1 writes the files anew, as the newest version has it; a person then reads what became different.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pg8000.native
import pytest

from local.postgres.embedded import EmbeddedPostgres, embedded_postgres
from tests.acceptance.command import Place, make_place
from tests.golden_types import (
    Golden,
    Stations,
    field_text,
    fill_source,
    means,
    models,
    read_goldens,
    read_stations,
    write_golden,
)
from utils.errors import QueryError

VERSIONS = (16, 18)
EXPECTED = {golden.name: golden for golden in read_goldens(VERSIONS[-1])}
NAMES = list(EXPECTED)
WRITE = bool(os.environ.get("STARLIFT_WRITE_GOLDEN"))
FAST = {"fsync": "off", "synchronous_commit": "off"}
STORABLE = """
    SELECT t.typname::text FROM pg_catalog.pg_type t WHERE t.typtype IN ('b', 'r', 'm') AND t.typcategory <> 'A'
    AND t.typnamespace = 'pg_catalog'::regnamespace UNION VALUES ('int2vector'), ('oidvector')
"""
USED = """
    SELECT t.typname::text FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = '"all"'::regclass
"""
COMPUTED = '/*\nkind = "dimension"\nkey = "id"\ndriving = "all"\n*/\nSELECT id, coalesce({0}, {0}) AS value\n'
REFUSED = "SELECT model, (key ->> 'id')::int, rule, reason FROM starlift.quarantine"


@dataclass(frozen=True)
class Journeys:
    """All golden types through two runs on one version of PostgreSQL, and what was seen of them."""

    goldens: dict[str, Golden]
    place: Place
    stations: dict[str, Stations]
    read_again: dict
    verified: dict


@pytest.fixture(scope="module", params=VERSIONS)
def journeys(request, tmp_path_factory) -> Iterator[Journeys]:
    goldens = read_goldens(request.param)
    texts = models(goldens) | {f"dim_{g.name}.sql": COMPUTED.format(g.column) for g in goldens if beyond(g)}
    with embedded_postgres(request.param, FAST) as server:
        place = make_place(tmp_path_factory.mktemp("golden"), databases(server), texts)
        fill_source(place, goldens)
        done = place.starlift("run")
        assert done.exit_code == 0, done.output
        stations = {table: read_stations(place, table, goldens) for table in ("all", "ordinary")}
        read_again = place.answer("run", "--resync")
        yield Journeys({g.name: g for g in goldens}, place, stations, read_again, place.answer("verify"))


def beyond(golden: Golden) -> list[int]:
    """Return the rows whose values DuckDB's types cannot hold."""
    return [row for row, value in enumerate(golden.values, 1) if "exact" in value]


def databases(server: EmbeddedPostgres):
    names = (f"golden_{number}" for number in itertools.count())

    def make() -> str:
        name = next(names)
        with closing(pg8000.native.Connection("postgres", "127.0.0.1", "postgres", server.port)) as connection:
            connection.run(f"CREATE DATABASE {name} TEMPLATE template0")
        return server.url(name)

    return make


@pytest.mark.parametrize("name", NAMES)
def test_each_value_of_a_type_arrives_as_its_golden_file_says(journeys, name):
    golden = journeys.goldens[name]

    found = journeys.stations["all"].content(golden)

    if WRITE and golden.version == VERSIONS[-1]:
        write_golden(golden, found)
        pytest.fail("The golden file is written anew. Read the difference, then run without STARLIFT_WRITE_GOLDEN.")
    assert found == golden.expected


@pytest.mark.parametrize("name", NAMES)
def test_values_beside_none_that_is_beyond_duckdb_arrive_the_same(journeys, name):
    golden = journeys.goldens[name].ordinary

    assert journeys.stations["ordinary"].content(golden) == golden.expected


@pytest.mark.parametrize("table", ["all", "ordinary"])
def test_null_of_any_type_stays_null(journeys, table):
    found = {name: values[0] for name, values in journeys.stations[table].values.items()}

    assert found == dict.fromkeys(NAMES, ("", None, None, None))


def test_a_model_that_computes_with_a_value_beyond_duckdb_has_its_row_refused_by_name(journeys):
    expected = {(f"dim_{g.name}", row) for g in journeys.goldens.values() for row in beyond(g)}

    refused = journeys.place.ask(REFUSED, "warehouse")

    assert {(model, row) for model, row, _, _ in refused} == expected
    assert {(rule, reason) for _, _, rule, reason in refused} == {("cast", "value could not be computed")}


def test_every_value_read_again_is_equal(journeys):
    counts = [journeys.read_again["tables"][table] for table in ("dim_ordinary", "fact_all")]

    assert [count["loaded"] for count in counts] == [0, 0]
    assert all(count["skipped"] for count in counts)


def test_verify_finds_no_difference_in_any_type(journeys):
    rows = 1 + max(len(golden.values) for golden in journeys.goldens.values())

    assert journeys.verified["equal"]
    assert [journeys.verified["tables"][table]["rows"] for table in ("dim_ordinary", "fact_all")] == [rows, rows]


def test_every_type_that_postgresql_stores_has_a_golden_file(journeys):
    storable = {name for (name,) in journeys.place.ask(STORABLE)}
    used = {name for (name,) in journeys.place.ask(USED)}

    for name in sorted(storable - used):
        with pytest.raises(QueryError, match=r"unsupported XML feature|cannot accept a value"):
            journeys.place.ask(f"SELECT ''::pg_catalog.\"{name}\"")


def test_a_golden_file_says_why_the_warehouse_has_another_type():
    said = {name for name, golden in EXPECTED.items() if "why" in golden.content}

    assert said == {n for n, g in EXPECTED.items() if g.content["source_type"] != g.content["warehouse_type"]}


def test_a_golden_file_loses_nothing_and_notes_what_its_parquet_does_not_say():
    for name, golden in EXPECTED.items():
        for value in golden.values:
            text = field_text(value["csv"])
            is_said = means(golden.content["arrow_type"], value, text)
            found = value["warehouse"], value.get("exact", text), "note" in value
            assert found == (text, text, not is_said), name
