import pytest

from transformation.star_schema.types import from_duckdb, spelled_out, to_duckdb, to_warehouse


@pytest.mark.parametrize(
    ("postgres", "duckdb"),
    [
        ("smallint", "SMALLINT"),
        ("integer", "INTEGER"),
        ("bigint", "BIGINT"),
        ("numeric(10,2)", "DECIMAL(10,2)"),
        ("numeric(38,0)", "DECIMAL(38,0)"),
        ("numeric(39,0)", "VARCHAR"),  # wider than DuckDB's
        ("numeric(3,-2)", "VARCHAR"),
        ("numeric(2,5)", "VARCHAR"),
        ("numeric", "VARCHAR"),
        ("real", "FLOAT"),
        ("double precision", "DOUBLE"),
        ("boolean", "BOOLEAN"),
        ("text", "VARCHAR"),
        ("character varying(3)", "VARCHAR"),
        ("character(5)", "VARCHAR"),
        ("date", "DATE"),
        ("time(3) without time zone", "TIME"),
        ("time with time zone", "VARCHAR"),
        ("timestamp(3) without time zone", "TIMESTAMP"),
        ("timestamp with time zone", "TIMESTAMP WITH TIME ZONE"),
        ("uuid", "VARCHAR"),
        ("jsonb", "VARCHAR"),
        ("bytea", "VARCHAR"),
        ("interval", "VARCHAR"),
        ("integer[]", "VARCHAR"),
        ("tstzrange", "VARCHAR"),
    ],
)
def test_a_source_type_is_read_as_what_holds_its_ordinary_values(postgres, duckdb):
    assert to_duckdb(postgres) == duckdb


@pytest.mark.parametrize(
    ("source", "warehouse"),
    [
        ("character varying(3)", "text"),
        ("character(5)", "text"),
        ("timestamp(3) without time zone", "timestamp without time zone"),
        ("timestamp(6) with time zone", "timestamp with time zone"),
        ("time(0) without time zone", "time without time zone"),
        ("numeric(10,2)", "numeric(10,2)"),
        ("jsonb", "jsonb"),
        ("integer[]", "integer[]"),
    ],
)
def test_a_passed_through_column_keeps_its_type_without_limits(source, warehouse):
    assert to_warehouse(source) == warehouse


@pytest.mark.parametrize(
    ("duckdb", "postgres"),
    [
        ("VARCHAR", "text"),
        ("DECIMAL(13,2)", "numeric(13,2)"),
        ("HUGEINT", "numeric(38,0)"),
        ("UBIGINT", "numeric(20,0)"),
        ("TIMESTAMP", "timestamp without time zone"),
        ("TIMESTAMP WITH TIME ZONE", "timestamp with time zone"),
        ("INTEGER[]", None),
        ("INTERVAL", None),
    ],
)
def test_a_computed_column_gets_the_type_that_holds_it_or_none(duckdb, postgres):
    assert from_duckdb(duckdb) == postgres


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("int", "integer"),
        ("INT8", "bigint"),
        ("decimal(5)", "numeric(5,0)"),
        ("numeric(10, 2)", "numeric(10,2)"),
        ("timestamptz", "timestamp with time zone"),
        ("timestamp(3)", "timestamp(3) without time zone"),
        ("timestamp(3) with time zone", "timestamp(3) with time zone"),
        ("double  precision", "double precision"),
        ("varchar", "varchar"),
        ("", ""),
    ],
)
def test_any_spelling_of_a_type_in_a_header_is_understood(written, spelled):
    assert spelled_out(written) == spelled
