"""Odd tables, views and encodings: they arrive as they are, or an error names what is wrong."""

import os

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.acceptance.command import Place, make_place, refused
from tests.conftest import run_on_server
from utils.postgres.url import parse_url

HEADER = '/*\nkind = "dimension"\nkey = "id"\ndriving = "{driving}"\n{more}*/\n'
ITEM = HEADER.format(driving="item", more="") + "SELECT item.id, item.v\n"
SCHEMA = "CREATE TABLE item (id int PRIMARY KEY, v text); INSERT INTO item VALUES (1, 'a'), (2, 'b')"


@pytest.fixture
def place(tmp_path, make_database):
    place = make_place(tmp_path, make_database, {"dim_item.sql": ITEM})
    place.ask(SCHEMA)
    return place


def read_view(place):
    """Let the project read a view in place of the table."""
    model = HEADER.format(driving="seen", more="") + "SELECT seen.id, seen.v"
    (place.project / "models/dim_item.sql").write_text(model)
    (place.project / "pipeline.toml").write_text('[tables.seen]\nkey = ["id"]\n')


VIEWS = {
    "nextval('ids')": ("QueryError", "read-only transaction"),
    "write()": ("QueryError", "read-only transaction"),
    "(1 / (random() * 0)::int)::text": ("QueryError", "division by zero"),
}


@pytest.mark.parametrize("expression", VIEWS)
def test_a_view_that_writes_or_fails_is_named_and_not_retried(place, expression):
    error, says = VIEWS[expression]
    place.ask("""CREATE SEQUENCE ids; CREATE TABLE log (t text); CREATE FUNCTION write() RETURNS text LANGUAGE sql AS
                 $$INSERT INTO public.log VALUES ('written') RETURNING t$$""")
    place.ask(f"CREATE VIEW seen AS SELECT 1 AS id, {expression}::text AS v")
    read_view(place)

    done = place.starlift("run")

    refused(done, error, says, "seen")
    assert "run the same command again" not in done.output
    assert place.ask("SELECT count(*) FROM log") == [[0]]


@pytest.mark.parametrize("expression", ["random()", "clock_timestamp()", "txid_current()"])
def test_a_view_that_answers_anew_each_time_is_loaded_as_it_was_seen(place, expression):
    place.ask(f"CREATE VIEW seen AS SELECT 1 AS id, ({expression})::text AS v")
    read_view(place)

    place.succeed("run", "run")

    landed = max((place.store / "landing/seen").rglob("*.csv"), key=lambda path: path.stat().st_mtime).read_text()
    assert place.ask("SELECT v FROM dim_item", "warehouse")[0][0] in landed


ODD_TABLES = """
    CREATE TABLE self (id int PRIMARY KEY, up int REFERENCES self, other int REFERENCES self);
    INSERT INTO self VALUES (1, 2, 2), (2, 1, NULL), (3, 3, 3);
    CREATE TABLE made (id int PRIMARY KEY, a int, c int GENERATED ALWAYS AS IDENTITY,
                       b int GENERATED ALWAYS AS (a * 2) STORED);
    INSERT INTO made VALUES (1, 2); ALTER TABLE made DROP COLUMN a CASCADE; ALTER TABLE made ADD a text DEFAULT 'new';
    CREATE TABLE parent (id int PRIMARY KEY, a int); CREATE TABLE child (more int, PRIMARY KEY (id)) INHERITS (parent);
    INSERT INTO parent VALUES (1, 2); INSERT INTO child VALUES (2, 3, 4);
    CREATE TABLE part (id int, k text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
    CREATE TABLE "part;one" PARTITION OF part FOR VALUES IN ('a') PARTITION BY RANGE (id);
    CREATE TABLE "part two" PARTITION OF "part;one" DEFAULT; CREATE TABLE rest PARTITION OF part DEFAULT;
    INSERT INTO part VALUES (1, 'a'), (2, 'b'); CREATE TABLE bare (); CREATE UNLOGGED TABLE quick AS SELECT 1 AS id;
    CREATE SCHEMA starlift; CREATE TABLE starlift.ledger (id int PRIMARY KEY); INSERT INTO starlift.ledger VALUES (7)
"""


def test_generated_dropped_inherited_partitioned_and_self_referring_tables_arrive(tmp_path, make_database):
    place = make_place(tmp_path, make_database)
    place.ask(ODD_TABLES)
    assert CliRunner().invoke(app, ["init", str(place.project), "--source", place.source]).exit_code == 0
    place.succeed("check", "run", "verify")

    place.ask("UPDATE child SET a = 9; UPDATE part SET k = 'a' WHERE id = 2")
    place.ask("UPDATE self SET up = NULL; UPDATE made SET a = ''")
    place.succeed("run")

    assert place.ask("SELECT id, a FROM dim_parent ORDER BY 1", "warehouse") == [[1, 2], [2, 9]]
    assert place.ask("SELECT up FROM dim_self", "warehouse") == [[None]] * 3
    assert place.ask("SELECT id, k FROM dim_part WHERE NOT _deleted ORDER BY 1, 2", "warehouse")[0] == [1, "a"]
    assert place.ask("SELECT a FROM dim_made", "warehouse") == [[""]]


def test_a_key_that_parent_and_child_share_is_named(place):
    place.ask("CREATE TABLE more () INHERITS (item); INSERT INTO more VALUES (1, 'twice')")

    refused(place.starlift("run"), "DuplicateKeyError", "(id) = (1) twice")


def encoded(postgres_server, encoding):
    name = f"hostile_{os.getpid()}_{encoding.lower()}"
    locale = "LC_COLLATE 'C' LC_CTYPE 'C'"
    run_on_server(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' {locale}")
    return postgres_server.url(name)


@pytest.fixture
def in_encoding(postgres_server):
    """Return a function that makes a database of an encoding."""
    made = []

    def make(encoding):
        made.append(encoded(postgres_server, encoding))
        return made[-1]

    yield make
    for url in made:
        run_on_server(postgres_server, f"DROP DATABASE {parse_url(url).database} WITH (FORCE)")


@pytest.mark.parametrize(
    ("encoding", "text", "arrives"),
    [
        ("LATIN1", "chr(233) || chr(129)", "é\x81"),
        ("WIN1252", "chr(128) || chr(233)", "€é"),
        ("SQL_ASCII", r"E'\xc3\xa9'", "é"),
        ("UTF8", "'é€日😀'", "é€日😀"),
    ],
)
@pytest.mark.parametrize("role", ["source", "warehouse"])
def test_text_arrives_from_and_in_databases_of_any_encoding(place, in_encoding, role, encoding, text, arrives):
    if role == "warehouse" and encoding in {"LATIN1", "WIN1252"}:
        text, arrives = "chr(233)", "é"
    place = Place(place.project, *places(place, role, in_encoding(encoding)), place.store)
    place.ask(f"DROP TABLE IF EXISTS item; {SCHEMA}; UPDATE item SET v = {text}")

    place.succeed("run", "verify", "status")

    assert place.ask("SELECT v FROM dim_item", "warehouse") == [[arrives]] * 2


def places(place, role, url):
    return (url, place.warehouse) if role == "source" else (place.source, url)


@pytest.mark.parametrize(
    ("encoding", "text", "says"),
    [("SQL_ASCII", r"E'\xe9'", "0xe9"), ("WIN1252", "chr(129)", "0x81")],
)
def test_text_that_has_no_meaning_is_named_with_its_table_and_a_remedy(place, in_encoding, encoding, text, says):
    url = in_encoding(encoding)
    odd = Place(place.project, url, place.warehouse, place.store)
    odd.ask(f"{SCHEMA}; UPDATE item SET v = {text} WHERE id = 2")

    refused(odd.starlift("run"), "QueryError", says, '"public"."item"', "exclude")

    assert place.ask("SELECT to_regclass('dim_item')", "warehouse") == [[None]]


def test_text_that_the_warehouse_cannot_hold_is_named_and_nothing_is_loaded(place, in_encoding):
    place.ask("UPDATE item SET v = '€日'")
    narrow = in_encoding("LATIN1")

    refused(place.starlift("run", warehouse=narrow), "QueryError", 'no equivalent in encoding "LATIN1"')

    place = Place(place.project, place.source, narrow, place.store)
    assert place.ask("SELECT to_regclass('dim_item')", "warehouse") == [[None]]
