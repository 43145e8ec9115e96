"""Names that try to break out of SQL, TOML, paths and the terminal: each arrives as it is, or is refused by name."""

import os

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.acceptance.command import make_place
from utils.postgres.names import identifier, literal
from utils.project import read_project

NAMES = [
    *("it's", 'do"uble', '"', '""', "semi;colon", "--dash", "/*c*/", "*/ DROP TABLE victim", "$$", "a$$b$$c", "$1"),
    *("x'; DROP TABLE victim; --", 'x"; DROP TABLE victim; --', "100%", "%s", ":name", "a:b", "a::b", "{x}", "#x", "?"),
    *("back\\slash", "end\\", "\\'", "new\nline", "tab\tx", "\x01", "\x1b[2J", "\x7f", " ", " lead", "trail ", "a, b"),
    *("a.b", ".", "..", "../../etc", "/abs", "x" * 63, "é" * 31, "日本", "中国", "שלום", "\u202eevil", "\u2028x", "😀"),
    *("[/red]", "[bold]x", ":heart:", "select", "user", "table", "order", "NULL", "true", "1a", "calendar", "CON"),
    *("_batch", "_current", "_deleted", "_late", "_exact", "valid_from", "is_current", "rowid", "current_x", "place"),
    *("a-b", "a_b", "Case", "cASE", "staging_0", "gone_0", "quarantine", "ledger", "_log", "_", "__"),
]
FEW = [  # each table costs a tenth of a second
    *("it's", 'do"uble', "a.b", "..", "../../etc", "x'; DROP TABLE victim; --", "*/ DROP TABLE victim", "a$$b:c%s"),
    *("end\\", "new\nline", "\x7f", " ", "x" * 63, "日本", "中国", "[/red]", "select", "a-b", "a_b", "Case", "cASE"),
]
THOROUGH = os.environ.get("STARLIFT_TEST_THOROUGH")
VICTIM = "CREATE TABLE victim (id int PRIMARY KEY); INSERT INTO victim VALUES (1); "


def draft(place):
    drafted = CliRunner().invoke(app, ["init", str(place.project), "--source", place.source])
    assert drafted.exit_code == 0, drafted.output


def succeed(place, *verbs):
    for verb in verbs:
        done = place.starlift(verb)
        assert done.exit_code == 0, done.output


def lift(place, edit):
    """Draft the project, run it before and after an edit of every row, and leave both databases compared."""
    draft(place)
    succeed(place, "check", "run")
    place.ask(edit)
    succeed(place, "run", "verify", "status")
    assert place.ask("SELECT count(*) FROM victim") == [[1]]


def warehouse_tables(place):
    """Return each source table's name in the warehouse, quoted."""
    return {model.driving: identifier(model.name) for model in read_project(place.project).models}


@pytest.fixture
def place(tmp_path, make_database):
    return make_place(tmp_path, make_database)


def test_a_table_of_any_name_arrives_in_a_warehouse_table_of_its_own(place):
    tables = [name for name in NAMES if not name.startswith("_")] if THOROUGH else FEW
    for name in tables:
        place.ask(f"CREATE TABLE {identifier(name)} AS SELECT 1 AS id, {literal(name)} AS name")
        place.ask(f"ALTER TABLE {identifier(name)} ADD PRIMARY KEY (id)")

    draft(place)
    succeed(place, "run", "verify")

    found = warehouse_tables(place)
    assert len(found) == len(set(found.values())) == len(tables)
    arrived = [place.ask(f"SELECT name FROM {table}", "warehouse")[0][0] for table in found.values()]
    assert sorted(arrived) == sorted(tables)


def test_a_column_of_any_name_arrives_with_its_values(place):
    columns = [name for name in NAMES if name not in {"cASE"}]
    declared = ", ".join(f"{identifier(name)} text" for name in columns)
    place.ask(f"{VICTIM}CREATE TABLE item (id int PRIMARY KEY, {declared})")
    place.ask(f"INSERT INTO item VALUES (1, {', '.join(map(literal, columns))})")

    lift(place, "UPDATE item SET id = id")

    arrived = place.ask("SELECT d.* FROM dim_item d", "warehouse")[0]
    assert arrived[: len(columns) + 1] == [1, *columns]


def test_a_key_of_any_name_finds_its_rows_in_dimension_fact_quarantine_and_among_the_deleted(place):
    key = ", ".join(map(identifier, NAMES[:30]))
    declared = ", ".join(f"{identifier(name)} text" for name in NAMES[:30])
    place.ask(f"{VICTIM}CREATE TABLE item ({declared}, born date, PRIMARY KEY ({key}))")
    place.ask(f"INSERT INTO item VALUES ({', '.join(map(literal, NAMES[:30]))}, '2024-01-01')")
    place.ask(f"INSERT INTO item VALUES ({', '.join(map(literal, NAMES[1:31]))}, '9024-01-01')")
    draft(place)
    with (place.project / "pipeline.toml").open("a") as stream:
        stream.write('[tables.item]\ndeletes = "compare-keys"\n')
    model = place.project / "models/dim_item.sql"
    model.write_text(model.read_text().replace("[tests]", "[tests]\nrange = { born = [2000-01-01, 2050-01-01] }"))

    succeed(place, "run", "verify")
    place.ask("DELETE FROM item")
    succeed(place, "run", "verify")

    assert place.ask("SELECT _deleted FROM dim_item", "warehouse") == [[True]]
    assert place.answer("status")["quarantine"] == {}


def test_a_schema_of_any_name_is_read(place):
    for name in FEW:
        place.ask(f"CREATE SCHEMA {identifier(name)}")
        place.ask(f"CREATE TABLE {identifier(name)}.item AS SELECT 1 AS id, {literal(name)} AS name")

    draft(place)
    succeed(place, "run", "verify")

    arrived = [place.ask(f"SELECT name FROM {table}", "warehouse")[0][0] for table in warehouse_tables(place).values()]
    assert sorted(arrived) == sorted(FEW)


def test_types_labels_and_domains_of_any_name_arrive(place):
    names = [name for name in NAMES if len(name.encode()) < 60]
    for name in names:
        of, domain = identifier(name + "_e"), identifier(name + "_d")
        place.ask(f"CREATE TYPE {of} AS ENUM ({literal(name)}, 'other'); CREATE DOMAIN {domain} AS {of}")
    columns = [f"e{n} {identifier(f'{x}_e')}[], d{n} {identifier(f'{x}_d')}" for n, x in enumerate(names)]
    values = [f"ARRAY[{literal(x)}]::{identifier(f'{x}_e')}[], {literal(x)}" for x in names]
    place.ask(f"CREATE TABLE item (id int PRIMARY KEY, {', '.join(columns)})")
    place.ask(f"{VICTIM}INSERT INTO item VALUES (1, {', '.join(values)})")

    lift(place, "UPDATE item SET id = id")

    arrived = place.ask(f"SELECT {', '.join(f'e{n}[1], d{n}' for n in range(len(names)))} FROM dim_item", "warehouse")
    assert arrived == [[label for name in names for label in (name, name)]]


def test_tables_whose_names_differ_only_in_case_keep_their_own_rows(place):
    place.ask("""CREATE TABLE item (id int PRIMARY KEY, v text); CREATE TABLE "Item" (id int PRIMARY KEY, v text);
                 INSERT INTO item VALUES (1, 'lower'); INSERT INTO "Item" VALUES (1, 'upper')""")
    draft(place)

    succeed(place, "run")

    found = warehouse_tables(place)
    values = {key: place.ask(f"SELECT v FROM {table}", "warehouse")[0][0] for key, table in found.items()}
    assert values == {"item": "lower", "Item": "upper"}


@pytest.mark.parametrize("more", ['"V" text', '"_starlift_role" text', '"_STARLIFT_raw:v" text'])
def test_a_column_that_could_not_be_told_apart_is_left_out_by_the_draft_and_refused_without(place, more):
    place.ask(f"CREATE TABLE item (id int PRIMARY KEY, v text, {more}); INSERT INTO item VALUES (1, 'mine', 'other')")
    draft(place)
    succeed(place, "check", "run", "verify")
    assert place.ask("SELECT v FROM dim_item", "warehouse") == [["mine"]]
    (place.project / "pipeline.toml").write_text("")

    for verb in ("check", "run"):
        done = place.starlift(verb)
        assert done.exit_code == 1
        assert "ConfigurationError: item has the column" in " ".join(done.output.split())


def test_a_name_commands_neither_the_terminal_nor_the_report(place):
    name = "\x1b]0;owned\x07\u202e[/red]:heart:"
    place.ask(f"CREATE TABLE {identifier(name)} (id int PRIMARY KEY); INSERT INTO {identifier(name)} VALUES (1)")
    draft(place)

    done = place.starlift("run")

    assert r"\x1b]0;owned\x07\u202e[/red]:heart:" in done.stdout
    assert not set("\x1b\x07\u202e") & set(done.output)


def test_what_a_draft_leaves_out_cannot_write_settings(place):
    view = "x\n[tables.item]\nexclude = ['v']\n#"
    place.ask(f"CREATE TABLE item (id int PRIMARY KEY, v text); CREATE VIEW {identifier(view)} AS SELECT 1 AS a")

    draft(place)

    assert not read_project(place.project).settings
