import pytest

from tests.factories import sql_model
from transformation.star_schema.select_list import parse_body
from utils.errors import ModelError
from utils.model_file import read_model

BODY_LINE = 7  # of the first line after the header that sql_model() writes


def model(tmp_path, body, **header):
    path = tmp_path / "dim_item.sql"
    path.write_text(sql_model(body, **header))
    return read_model(path)


def test_a_body_is_read_as_columns_with_their_expressions(tmp_path):
    found = parse_body(model(tmp_path, "SELECT item.id, upper(item.name) AS name WHERE item.id > 0"))

    assert found.names == ["id", "name"]
    assert [item.bare for item in found.items] == [True, False]
    assert found.where == "(item.id > 0)"


def test_a_reference_knows_its_line(tmp_path):
    found = parse_body(model(tmp_path, "SELECT\n    item.id,\n    -- é, two bytes\n    item.name"))

    assert [item.references[0].line for item in found.items] == [BODY_LINE + 1, BODY_LINE + 3]


def test_a_column_that_is_quoted_or_left_unqualified_is_a_plain_reference(tmp_path):
    found = parse_body(model(tmp_path, 'SELECT id, item."select" AS chosen'))

    assert [(item.references[0].alias, item.references[0].column) for item in found.items] == [
        (None, "id"),
        ("item", "select"),
    ]


def test_the_parameter_of_a_lambda_is_not_taken_for_a_column(tmp_path):
    found = parse_body(model(tmp_path, "SELECT id, list_sum(list_filter([id], lambda x: x > 1)) AS total"))

    assert {reference.column for reference in found.items[1].references} == {"id"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("SELECT item.id FROM item", "has a FROM"),
        ("SELECT item.id, sum(item.n) AS n", "aggregates with sum"),
        ("SELECT item.id, count(*) AS n", "aggregates with count"),
        ("SELECT item.id, row_number() OVER () AS n", "window"),
        ("SELECT item.id, (SELECT 1) AS n", "subquery"),
        ("SELECT item.id, (SELECT content FROM read_text('/etc/passwd')) AS n", "subquery"),
        ("SELECT item.id WHERE item.id IN (SELECT 1)", "subquery"),
        ("SELECT item.id, unnest([1, 2]) AS n", "several rows of one"),
        ("SELECT *", r"selects \*"),
        ("SELECT item.*", r"selects \*"),
        ("SELECT COLUMNS('i.*')", r"selects \*"),
        ("SELECT DISTINCT item.id", "DISTINCT"),
        ("SELECT item.id ORDER BY 1", "ORDER BY"),
        ("SELECT item.id LIMIT 1", "LIMIT"),
        ("SELECT item.id QUALIFY item.id > 1", "QUALIFY"),
        ("SELECT item.id USING SAMPLE 10%", "sample"),
        ("SELECT item.id GROUP BY ALL", "groups rows"),
        ("SELECT item.id UNION SELECT item.id", "more than one SELECT"),
        ("WITH x AS (SELECT 1) SELECT item.id", "more than one SELECT"),
        ("SELECT item.id; SELECT 1", "needs one SELECT"),
        ("", "needs one SELECT"),
        ("DROP TABLE item", "is not a SELECT"),
        ("SELECT item.id,, item.name", "is not a SELECT"),
        ("SELECT item.id, now() AS at", "another answer each time"),
        ("SELECT item.id, random() AS r", "another answer each time"),
        ("SELECT item.id, getvariable('x') AS r", "another answer each time"),
        ("SELECT item.id, current_setting('temp_directory') AS r", "another answer each time"),
        ("SELECT item.id, item.n + 1", "without a name"),
        ("SELECT item.id AS _id", "leading _"),
        ("SELECT item.id, other.name", "reads other, which is not in its header"),
        ("SELECT #1 AS id", "position"),
        ("SELECT $1 AS id", "parameter"),
        ("SELECT DEFAULT AS id", "DEFAULT"),
    ],
)
def test_what_a_batch_cannot_answer_is_refused_with_file_and_line(tmp_path, body, says):
    found = model(tmp_path, body)

    with pytest.raises(ModelError, match=says) as refusal:
        parse_body(found)

    assert str(refusal.value).startswith(f"{found.path}:")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("SELECT\n    item.id,\n    sum(item.n) AS n", BODY_LINE + 2),
        ("SELECT\n    item.id,,\n    item.n", BODY_LINE + 1),
        ("SELECT\n    item.id\nFROM item", BODY_LINE + 2),
        ("SELECT\n    item.id\nWHERE item.id IN (SELECT 1)", BODY_LINE + 2),
        ("SELECT\n    'é' AS e,\n    other.id", BODY_LINE + 2),
    ],
)
def test_a_refusal_names_the_line_of_what_is_refused(tmp_path, body, line):
    found = model(tmp_path, body)

    with pytest.raises(ModelError) as refusal:
        parse_body(found)

    assert str(refusal.value).startswith(f"{found.path}:{line}: ")
