import pytest

from utils.errors import ConfigurationError
from utils.postgres.column_types import comparable, equatable, widens
from utils.postgres.type_names import spell_types


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("smallint", "integer"),
        ("integer", "bigint"),
        ("bigint", "numeric"),
        ("bigint", "numeric(21,2)"),
        ("integer", "numeric(10,0)"),
        ("numeric(10,2)", "numeric(12,2)"),
        ("numeric(10,2)", "numeric(11,3)"),
        ("numeric(10,2)", "numeric"),
        ("real", "double precision"),
        ("character varying(3)", "character varying(5)"),
        ("character varying(3)", "character varying"),
        ("character varying", "text"),
        ("character(4)", "text"),
        ("text", "character varying"),
        ("timestamp(3) without time zone", "timestamp without time zone"),
        ("timestamp(3) with time zone", "timestamp(6) with time zone"),
        ("jsonb", "jsonb"),
    ],
)
def test_a_type_widens_into_one_that_holds_all_its_values(old, new):
    assert widens(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bigint", "integer"),
        ("bigint", "numeric(18,0)"),
        ("numeric", "numeric(38,10)"),
        ("numeric(10,2)", "numeric(11,4)"),
        ("numeric(10,2)", "numeric(10,1)"),
        ("integer", "text"),
        ("integer", "real"),
        ("double precision", "real"),
        ("text", "character varying(5)"),
        ("character varying(5)", "character varying(3)"),
        ("text", "character(4)"),
        ("timestamp without time zone", "timestamp(3) without time zone"),
        ("timestamp without time zone", "timestamp with time zone"),
        ("integer", "integer[]"),
        ("date", "timestamp without time zone"),
    ],
)
def test_no_other_type_counts_as_wider(old, new):
    assert not widens(old, new)


@pytest.mark.parametrize("kind", ["json", "xml", "point", "interval(3)", "json[]", "jsonb", "numeric", "real[]"])
def test_types_whose_equality_lies_or_lacks_are_compared_as_text(kind):
    assert comparable("a", kind, "t") == 't."a"::text'


@pytest.mark.parametrize("kind", ["integer", "text", "numeric(10,2)", "timestamp without time zone", "integer[]"])
def test_types_with_equality_are_compared_as_they_are(kind):
    assert comparable("a", kind, "t") == 't."a"'


@pytest.mark.parametrize("kind", ["numeric", "jsonb", "double precision"])
def test_what_postgresql_calls_equal_is_one_value_to_a_unique_test(kind):
    assert equatable("a", kind, "t") == 't."a"'


@pytest.mark.parametrize("kind", ["integer); DROP TABLE staff; --", "text, b text", "int'", "", "a;b"])
def test_what_is_no_types_name_reaches_no_statement(kind):
    with pytest.raises(ConfigurationError, match="not the name of a PostgreSQL type"):
        spell_types(None, [kind])
