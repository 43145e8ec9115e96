"""Extraction's real files through transformation: what COPY writes is what DuckDB reads."""

import datetime
from contextlib import closing
from urllib.parse import urlsplit

import pg8000.native
import pytest

from extraction.database.pipeline import extract_batch
from extraction.database.run import Run
from extraction.database.wiring import open_ports
from tests.factories import Stage, sql_model, write_project
from utils.postgres.url import parse_url

# Each type with values of its edges; what is here must reach the Parquet as the text that PostgreSQL has for it.
VALUES = {
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "numeric(10,2)": ["-99999999.99", "NaN", "0.00"],
    "numeric(38,0)": ["9" * 38],
    "numeric(39,1)": ["9" * 38 + ".9"],
    "numeric": ["1e100", "0.1234567890123456789012345678901234567890", "NaN"],
    "real": ["3.4028235e+38", "1e-45", "NaN", "-Infinity"],
    "double precision": ["1.7976931348623157e+308", "5e-324", "0.1", "Infinity"],
    "boolean": ["true", "false"],
    "text": ["", "NULL", "a,b", 'say "so"', "two\nlines\r\n", "\\.", " é😀 "],
    "character varying(5)": ["", "ab"],
    "character(3)": ["abc"],
    "date": ["0001-01-01", "9999-12-31", "0044-03-15 BC", "infinity", "5874897-12-31"],
    "time(3)": ["00:00:00", "24:00:00", "14:20:52.186"],
    "time with time zone": ["10:00:00+05:30"],
    "timestamp(3)": ["2022-11-03 14:20:52.186", "0044-03-15 01:02:03 BC", "294276-12-31 23:59:59", "-infinity"],
    "timestamp with time zone": ["2022-11-03 14:20:52.186123+02", "0044-03-15 01:02:03+00 BC", "infinity"],
    "interval": ["1 year 2 mons -3 days 04:05:06.789"],
    "uuid": ["9b2f4a3e-58c1-4a8c-9f0e-6f0a2a1c7d11"],
    "jsonb": ['{"a": [1, null, "\\u00e9"]}'],
    "bytea": ["\\x00ff"],
    "text[]": ['{a,NULL,"NULL","",NULL}', "{}"],
    "inet": ["192.168.0.1/24"],
    "tstzrange": ['["2022-01-01 00:00:00+00","2023-01-01 00:00:00+00")'],
}


@pytest.fixture
def source(make_database):
    url = make_database()
    parts = urlsplit(url)
    with closing(pg8000.native.Connection("postgres", parts.hostname, parts.path[1:], parts.port)) as connection:
        yield url, connection


@pytest.mark.parametrize("kind", VALUES)
def test_every_value_of_a_type_arrives_as_postgres_writes_it(source, tmp_path, kind):
    url, connection = source
    create(connection, "item", kind, [*VALUES[kind], None])
    stage = Stage(write_project(tmp_path / "project", {"dim_item.sql": sql_model("SELECT id, value")}), tmp_path)

    extract(stage, url)
    stage.transform()

    create(connection, "loaded", stage.table("dim_item").columns[1].type, texts(stage))
    difference = "SELECT id, CAST(value AS text) FROM {} EXCEPT SELECT id, CAST(value AS text) FROM {}"
    assert connection.run(difference.format("item", "loaded")) == []
    assert connection.run(difference.format("loaded", "item")) == []


def create(connection, table, kind, values):
    connection.run("SET TimeZone = 'UTC'")
    connection.run(f"CREATE TABLE {table} (id serial PRIMARY KEY, value {kind})")
    for value in values:
        connection.run(f"INSERT INTO {table} (value) VALUES (CAST(CAST(:value AS text) AS {kind}))", value=value)


def extract(stage, url):
    run = Run("run-1", datetime.datetime(2024, 11, 21, tzinfo=datetime.UTC), "aaaa0001")
    with open_ports(stage.project, parse_url(url), stage.landing, stage.processed) as ports:
        extract_batch(run, ports)


def texts(stage):
    """Return the values in the order of their ids, as the warehouse is given them."""
    exact = "_exact['value']" if len(stage.rows("dim_item", columns="* EXCLUDE (value)")[0]) == 3 else "NULL"
    rows = stage.rows("dim_item", columns=f"id, coalesce({exact}, CAST(value AS VARCHAR))")
    return [text for _, text in rows]
