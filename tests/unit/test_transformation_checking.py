"""What `starlift check` finds before any row is read, without and with the source's catalogue."""

import pytest

from tests.factories import foreign_key, source, sql_model, write_project
from transformation.star_schema.checking import check_models
from utils.errors import ConfigurationError, ModelError, SchemaDriftError

ITEM = source(
    "item",
    {"id": "integer", "name": "text", "box_id": "integer", "at": "timestamp(3) without time zone"},
    foreign_keys=(foreign_key("box_id", "box", "box_id"),),
)
BOX = source("box", {"box_id": "integer", "name": "text"})
CATALOGUE = {"item": ITEM.table, "box": BOX.table}
CALENDAR = sql_model("SELECT calendar.date AS date_id", driving=None, kind="calendar", key="date_id")
PYTHON = '"""\nkind = "dimension"\nkey = "id"\ndriving = "item"\n{}\n"""\n{}\n'


def check(tmp_path, catalogue=CATALOGUE, **models):
    names = {f"{name}.sql" if name != "dim_py" else "dim_py.py": text for name, text in models.items()}
    return check_models(write_project(tmp_path, names, ids="id,nick\n1,a\n"), catalogue)


@pytest.mark.parametrize(
    ("model", "line", "says"),
    [
        (sql_model("SELECT item.name"), 3, "names id in key, but has no such column"),
        (sql_model("SELECT item.id, item.box_id AS id"), 7, "two columns called id"),
        (sql_model("SELECT item.id, item.box_id AS ID"), 7, "two columns called id and ID"),
        (sql_model("SELECT item.id", more='tests.not_null = ["nme"]'), 5, "names nme in not_null"),
        (sql_model("SELECT item.id", more="tests.range = { nme = [1, 2] }"), 5, "names nme in range"),
        (sql_model("SELECT item.id", more='tests.accepted = { nme = ["a"] }'), 5, "names nme in accepted"),
        (sql_model("SELECT item.id", more='tests.unique = [["nme"]]'), 5, "names nme in unique"),
        (sql_model("SELECT item.id", more='types = { nme = "int" }'), 5, "names nme in types"),
        (sql_model("SELECT item.id", more='references = { nme = "dim_date" }'), 5, "names nme in references"),
        (sql_model("SELECT item.id", more='lookups.ids = { file = "no.csv", on = "id" }'), 5, "which is not in"),
        (sql_model("SELECT item.id, sum(item.id) AS n"), 7, "aggregates"),
    ],
)
def test_a_mistake_is_found_without_a_database(tmp_path, model, line, says):
    with pytest.raises(ModelError, match=says) as refusal:
        check(tmp_path, None, dim_item=model, dim_date=CALENDAR)

    assert f"dim_item.sql:{line}: " in str(refusal.value)


@pytest.mark.parametrize(
    ("header", "body", "says"),
    [
        ("", "def build(item):\n    return item", "needs .types."),
        ('types.id = "int"', "def make(item):\n    return item", "has no function build"),
        ('types.id = "int"', "import no_such_module", "cannot be imported"),
        ('types.id = "int"', "def build(item) return", "cannot be imported"),
        ('types.name = "text"', "def build(item):\n    return item", "names id in key"),
    ],
)
def test_a_python_models_mistake_is_found_without_a_database(tmp_path, header, body, says):
    with pytest.raises(ModelError, match=says):
        check(tmp_path, None, dim_py=PYTHON.format(header, body))


def test_a_lookup_files_missing_column_is_found_without_a_database(tmp_path):
    model = sql_model("SELECT item.id", more='lookups.ids = { file = "ids.csv", on = "name" }')

    with pytest.raises(ConfigurationError, match=r"ids\.csv has no column name"):
        check(tmp_path, None, dim_item=model)


@pytest.mark.parametrize(
    ("body", "more", "says"),
    [
        ("SELECT item.id, name", "lookups.box = {}", "box and item both have"),
        ("SELECT item.id, item.id + item.name AS n", "", "cannot be computed"),
        ("SELECT item.id, upper(item.name, 1) AS n", "", "cannot be computed"),
        ("SELECT item.id, no_such(item.name) AS n", "", "cannot be computed"),
        ("SELECT item.id WHERE no_such(item.name)", "", "cannot be computed"),
        ("SELECT item.id, [item.id] AS n", "", "which PostgreSQL lacks; CAST it"),
        ("SELECT geomean(item.id) AS id", "", "aggregates rows"),
        ("SELECT item.name AS id", 'types.id = "json"', "keeps no key of type json; CAST it"),
        ("SELECT item.name AS id", 'types.id = "point[]"', r"keeps no key of type point\[\]"),
        ("SELECT item.id", 'tests.accepted = { id = ["a"] }', "accepted test that the type of id cannot answer"),
        ("SELECT item.id, item.name", "tests.range = { name = [1, 2] }", "range test that the type of name"),
        ("SELECT item.id + 1 AS id WHERE item.id > 1", "", "which rows are gone"),
        ("SELECT box.box_id AS id WHERE item.id > 1", "lookups.box = {}", "which rows are gone"),
        ("SELECT item.id, item.at AS day", 'references.day = "dim_date"', "references dim_date by day.*CAST it"),
        ("SELECT item.id", 'lookups.b = { table = "crate", on = "id", key = "id" }', "which the source does not have"),
    ],
)
def test_a_mistake_that_only_the_catalogue_shows_is_found_before_any_row(tmp_path, body, more, says):
    with pytest.raises(ModelError, match=says):
        check(tmp_path, dim_item=sql_model(body, more=more), dim_date=CALENDAR)


@pytest.mark.parametrize(
    "body", ["SELECT item.id, item.nme", "SELECT item.id, nme", "SELECT item.id WHERE item.nme > 1"]
)
def test_an_unknown_column_is_named_with_its_line(tmp_path, body):
    with pytest.raises(SchemaDriftError, match=r"dim_item\.sql:7: dim_item needs item\.nme"):
        check(tmp_path, dim_item=sql_model(body))


def test_a_calendar_has_no_where(tmp_path):
    calendar = sql_model("SELECT calendar.date AS id WHERE calendar.date > '2020-01-01'", driving=None, kind="calendar")

    with pytest.raises(ModelError, match="drop its WHERE"):
        check(tmp_path, dim_date=calendar)


def test_references_that_go_in_a_circle_are_refused(tmp_path):
    body = "SELECT item.id, item.box_id"
    models = {name: sql_model(body, more=f'references.box_id = "{other}"') for name, other in (("a", "b"), ("b", "a"))}

    with pytest.raises(ModelError, match="references it back"):
        check(tmp_path, None, **models)


def test_sound_models_give_the_warehouse_tables_in_load_order(tmp_path):
    fact = sql_model(
        "SELECT item.id, item.box_id, CAST(item.at AS date) AS day",
        kind="fact",
        more='references = { day = "dim_date", box_id = "dim_box" }',
    )

    tables = check(tmp_path, a_fact=fact, dim_date=CALENDAR, dim_box=sql_model("SELECT box_id", "box", key="box_id"))

    assert [table.name for table in tables] == ["dim_date", "dim_box", "a_fact"]
    assert [(column.name, column.type, column.not_null) for column in tables[2].columns] == [
        ("id", "integer", True),
        ("box_id", "integer", False),
        ("day", "date", False),
    ]


def test_a_hostile_function_reaches_no_file(tmp_path):
    (tmp_path / "secret").write_text("x")
    body = f"SELECT item.id, list_sum([length(content) for content in read_text('{tmp_path}/secret')]) AS n"

    with pytest.raises(ModelError):
        check(tmp_path, dim_item=sql_model(body))
