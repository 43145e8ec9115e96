import pytest

from utils.errors import ConfigurationError
from utils.postgres.names import TableName, identifier, literal, parse_table_name


@pytest.mark.parametrize(
    ("text", "schema", "table"),
    [
        ("staff", "public", "staff"),
        ("sales.Staff", "sales", "Staff"),
        ('"my.schema"."a ""b"""', "my.schema", 'a "b"'),
        ("Order Lines", "public", "Order Lines"),
    ],
)
def test_a_table_name_keeps_its_spelling(text, schema, table):
    assert parse_table_name(text, "public") == TableName(schema, table)


@pytest.mark.parametrize("text", ["", "a.b.c", "a..b", ".a", 'a."b'])
def test_what_is_no_table_name_is_refused(text):
    with pytest.raises(ConfigurationError, match="not a table name"):
        parse_table_name(text, "public")


def test_quotes_in_a_name_cannot_end_it():
    assert TableName("s", 'x"; DROP TABLE y; --').sql == '"s"."x""; DROP TABLE y; --"'


def test_quotes_and_backslashes_in_a_text_cannot_end_it():
    assert literal("it's") == "'it''s'"
    assert literal("a\\'b") == " E'a\\\\''b'"


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_postgresql_cannot_name_is_refused(name):
    with pytest.raises(ConfigurationError):
        identifier(name)
