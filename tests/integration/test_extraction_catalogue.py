"""What the catalogue says of columns, keys and settings, and what it refuses."""

from pathlib import Path

import pytest

from extraction.database.catalogue import read_catalogue
from extraction.database.snapshot import begin
from extraction.database.wiring import open_source
from tests.extraction_harness import DEPARTMENT, SCHEMA, STAFF, Extraction, make_project, model
from utils.errors import ConfigurationError
from utils.manifest import ForeignKey
from utils.postgres.url import parse_url

TYPES = """
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TYPE pair AS (a int, b int);
    CREATE TYPE span AS RANGE (subtype = float8);
    CREATE DOMAIN money2 AS numeric(10,2);
    CREATE DOMAIN price AS money2 NOT NULL;
    CREATE TABLE kinds (
        id bigint PRIMARY KEY, price price, code varchar(3), fixed char(5), at timestamp(3), zoned timestamptz,
        clock time(2), mood mood, moods mood[], pair pair, days date[], grid int[][], span span, ints int4range,
        doc jsonb, raw bytea, uid uuid, free numeric, prices money2[]
    )
"""
EXPECTED = {
    "id": "bigint",
    "price": "numeric(10,2)",
    "code": "character varying(3)",
    "fixed": "character(5)",
    "at": "timestamp(3) without time zone",
    "zoned": "timestamp with time zone",
    "clock": "time(2) without time zone",
    "mood": "text",
    "moods": "text[]",
    "pair": "text",
    "days": "date[]",
    "grid": "integer[]",
    "span": "text",
    "ints": "int4range",
    "doc": "jsonb",
    "raw": "bytea",
    "uid": "uuid",
    "free": "numeric",
    "prices": "text[]",
}


@pytest.fixture
def catalogue(make_database, tmp_path: Path):
    """Return a function that reads the catalogue of a source made by the statements."""

    def read(models: dict[str, str], *statements: str, pipeline: str = "") -> dict:
        extraction = Extraction(make_database(), make_project(tmp_path / "project", models, pipeline), tmp_path)
        extraction.edit(*statements)
        with open_source(parse_url(extraction.url, {})) as source:
            begin(source)
            return read_catalogue(source, extraction.project)

    return read


def test_types_end_where_postgresqls_own_begin(catalogue):
    columns = catalogue({"dim": model("kinds")}, TYPES)["kinds"].columns

    assert {column.name: column.type for column in columns} == EXPECTED
    assert next(column for column in columns if column.name == "price").declared == "public.price"


KEYS = """
    CREATE TABLE keyed (b int, a int, code text UNIQUE, part text, expr text, PRIMARY KEY (b, a) INCLUDE (expr));
    CREATE UNIQUE INDEX ON keyed (part) WHERE a > 0;
    CREATE UNIQUE INDEX ON keyed (lower(expr));
    CREATE INDEX ON keyed (a);
"""


def test_only_full_unique_indexes_are_keys(catalogue):
    table = catalogue({"dim": model("keyed")}, KEYS)["keyed"]

    assert table.primary_key == ("b", "a")
    assert table.unique_keys == (("b", "a"), ("code",))


def test_keys_of_columns_that_are_not_read_are_left_out(catalogue):
    table = catalogue({"dim": model("keyed")}, KEYS, pipeline="[tables.keyed]\nexclude = ['code']\n")["keyed"]

    assert table.unique_keys == (("b", "a"),)


def test_foreign_keys_lead_to_tracked_tables_by_their_names_in_the_project(catalogue):
    staff = catalogue({"dim": STAFF}, SCHEMA)["staff"]

    assert set(staff.foreign_keys) == {
        ForeignKey(("department_id",), "department", ("id",)),
        ForeignKey(("boss_id",), "staff", ("id",)),
    }


def test_a_default_cursor_holds_only_where_there_is_such_a_column(catalogue):
    tables = catalogue(
        {"a": model("department"), "b": model("plain")},
        SCHEMA,
        "CREATE TABLE plain (id int PRIMARY KEY)",
        pipeline='cursor = "updated"\n',
    )

    assert (tables["department"].cursor, tables["plain"].cursor) == ("updated", None)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("exclude = ['id']", "excludes department.id, a part of its key"),
        ("exclude = ['nmae']", "excludes department.nmae, which the source does not have"),
        ("cursor = 'changed'", "department.changed as cursor"),
        ("key = ['nr']", "department.nr as key, which the source does not have"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(catalogue, settings, words):
    with pytest.raises(ConfigurationError, match=words):
        catalogue({"dim": DEPARTMENT}, SCHEMA, pipeline=f"[tables.department]\n{settings}\n")


def test_a_missing_table_is_refused_by_name(catalogue):
    with pytest.raises(ConfigurationError, match=r"no table public\.nowhere, which the project reads as nowhere"):
        catalogue({"dim": model("nowhere")})


def test_a_table_under_two_names_is_refused(catalogue):
    with pytest.raises(ConfigurationError, match="names one table twice"):
        catalogue({"a": DEPARTMENT, "b": model("public.department")}, SCHEMA)
