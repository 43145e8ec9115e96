"""Databases with odd settings, rights, encodings and tables: the same result, or an error that names what is wrong."""

import itertools
import os

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.acceptance.command import Place, make_place
from tests.conftest import run_on_server
from utils.postgres.url import parse_url

HEADER = '/*\nkind = "dimension"\nkey = "id"\ndriving = "{driving}"\n{more}*/\n'
ITEM = HEADER.format(driving="item", more="") + "SELECT item.id, item.v\n"
SCHEMA = "CREATE TABLE item (id int PRIMARY KEY, v text); INSERT INTO item VALUES (1, 'a'), (2, 'b')"
TYPES = {
    "n": ("numeric(12, 3)", "1.5"),
    "f": ("float8", "0.30000000000000004"),
    "r": ("real", "1.1"),
    "d": ("date", "2024-02-03"),
    "t": ("timestamp", "2024-02-03 04:05:06.123456"),
    "z": ("timestamptz", "2024-02-03 04:05:06+02"),
    "i": ("interval", "-1 day +02:03:04"),
    "b": ("bytea", r"\xdeadbeef"),
    "m": ("money", "12.34"),
    "x": ("text", "a\\b''c\":d"),
    "j": ("jsonb", '{"a": "b\\\\c"}'),
    "a": ("text[]", '{NULL,"NULL",""}'),
    "u": ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "e": ("mood", "c\\d"),
}
TYPED = f"""
    CREATE TYPE mood AS ENUM ('c\\d');
    CREATE TABLE item (id int PRIMARY KEY, {", ".join(f"{name} {kind}" for name, (kind, _) in TYPES.items())});
    INSERT INTO item VALUES (1, {", ".join(f"'{value}'" for _, value in TYPES.values())});
    INSERT INTO item (id) VALUES (2)
"""
EVIL = """
    CREATE SCHEMA evil;
    CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT '1'$$;
    CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE sql AS $$SELECT NULL::regclass$$;
    CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS $$SELECT 'x'$$;
    CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS $$SELECT 'evil'$$
"""
_serial = itertools.count(1)
SETTINGS = {
    "search_path": "evil, pg_catalog",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "'Asia/Kathmandu'",
    "extra_float_digits": "'-15'",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "client_encoding": "LATIN1",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "'5s'",
    "lock_timeout": "'5s'",
    "idle_in_transaction_session_timeout": "'5s'",
    "row_security": "on",
    "xmlbinary": "hex",
    "xmloption": "document",
    "lc_monetary": "'C'",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "session_replication_role": "replica",
    "client_min_messages": "debug5",
    "plan_cache_mode": "force_generic_plan",
    "work_mem": "'64kB'",
    "constraint_exclusion": "on",
}


def refused(done, *says):
    assert done.exit_code == 1, (done.output, done.exception)
    told = " ".join(done.output.split())
    for text in ("Error: ", *says):
        assert text in told, told


def succeed(place, *verbs, **changes):
    for verb in verbs:
        done = place.starlift(verb, **changes)
        assert done.exit_code == 0, (done.output, done.exception)


def set_on(server, place, settings):
    """Set parameters for every session of both databases."""
    for url in (place.source, place.warehouse):
        for name, value in settings.items():
            run_on_server(server, f"ALTER DATABASE {parse_url(url).database} SET {name} = {value}")


def lift_typed(place, server, settings):
    """Run twice under settings; return what landed and what the warehouse holds, as default settings show it."""
    place.ask(f"{TYPED}; {EVIL}")
    place.ask(EVIL, "warehouse")
    set_on(server, place, settings)
    succeed(place, "run")
    place.ask("BEGIN READ WRITE; UPDATE public.item SET x = 'later', z = '2024-02-05 01:00+00' WHERE id = 1; COMMIT")
    succeed(place, "run", "verify", "status")
    for url in (place.source, place.warehouse):
        run_on_server(server, f"ALTER DATABASE {parse_url(url).database} RESET ALL")
    landed = sorted(path.read_bytes() for path in (place.store / "landing").rglob("*.csv"))
    return landed, place.dump("SELECT * FROM public.dim_item ORDER BY id", "warehouse")


def typed_place(folder, make_database):
    body = f"SELECT item.id, {', '.join(f'item.{name}' for name in TYPES)}, item.z + INTERVAL 1 DAY AS later"
    models = {"dim_item.sql": HEADER.format(driving="item", more='history = "versions"\n') + body}
    folder.mkdir()
    return make_place(folder, make_database, models)


ALONE = [{name: value} for name, value in SETTINGS.items()] if os.environ.get("STARLIFT_TEST_THOROUGH") else []


@pytest.mark.parametrize("settings", [SETTINGS, *ALONE], ids=lambda settings: "-".join(list(settings)[:2]))
def test_settings_of_role_and_database_change_nothing(tmp_path, make_database, postgres_server, settings):
    usual = lift_typed(typed_place(tmp_path / "usual", make_database), postgres_server, {})

    odd = lift_typed(typed_place(tmp_path / "odd", make_database), postgres_server, settings)

    assert odd == usual


@pytest.fixture
def place(tmp_path, make_database):
    place = make_place(tmp_path, make_database, {"dim_item.sql": ITEM})
    place.ask(SCHEMA)
    return place


@pytest.fixture
def role(place):
    """Return a function that makes a role of no rights in a database, and gives the database's URL for it."""
    made = []

    def make(rights, where="source"):
        name = f"hostile_{os.getpid()}_{next(_serial)}"
        place.ask(f"CREATE ROLE {name} LOGIN")
        place.ask("; ".join(rights).replace("ROLE", name), where)
        made.append(name)
        return getattr(place, where).replace("postgres@", f"{name}@")

    yield make
    for name in made:
        for where in ("source", "warehouse"):
            place.ask(f"DROP OWNED BY {name} CASCADE", where)
        place.ask(f"DROP ROLE {name}")


def read_view(place):
    """Let the project read a view in place of the table."""
    model = HEADER.format(driving="seen", more="") + "SELECT seen.id, seen.v"
    (place.project / "models/dim_item.sql").write_text(model)
    (place.project / "pipeline.toml").write_text('[tables.seen]\nkey = ["id"]\n')


HIDING = "CREATE POLICY few ON item USING (id = 1)"
ENABLE = "ALTER TABLE item ENABLE ROW LEVEL SECURITY"


@pytest.mark.parametrize(
    "rights",
    [
        ["GRANT SELECT ON item TO ROLE", ENABLE, HIDING],
        ["GRANT SELECT ON item TO ROLE", ENABLE],
        ["ALTER TABLE item OWNER TO ROLE", ENABLE, "ALTER TABLE item FORCE ROW LEVEL SECURITY", HIDING],
    ],
)
def test_rows_hidden_from_a_role_are_an_error_to_init_and_run(place, role, tmp_path, rights):
    url = role(rights)

    for verb in ("run", "check"):
        refused(place.starlift(verb, source=url), "AccessDeniedError", "public.item", "BYPASSRLS")
    refused(CliRunner().invoke(app, ["init", str(tmp_path / "new"), "--source", url]), "AccessDeniedError")
    assert not place.store.exists()


@pytest.mark.parametrize("view", ["CREATE VIEW seen WITH (security_invoker) AS", "CREATE VIEW seen AS"])
def test_rows_hidden_behind_a_view_are_an_error(place, role, view):
    read_view(place)
    url = role([f"{view} SELECT * FROM item", "GRANT SELECT ON item, seen TO ROLE", "ALTER VIEW seen OWNER TO ROLE"])
    place.ask(f"{ENABLE}; {HIDING}")

    refused(place.starlift("run", source=url), "AccessDeniedError", "row-level security")


def test_rows_hidden_in_the_warehouse_are_an_error_and_not_written_twice(place, role):
    place.ask("GRANT ALL ON SCHEMA public TO PUBLIC", "warehouse")
    url = role([f"GRANT ALL ON DATABASE {parse_url(place.warehouse).database} TO ROLE"], "warehouse")
    succeed(place, "run", warehouse=url)
    for what in ("ENABLE", "FORCE"):
        place.ask(f"ALTER TABLE dim_item {what} ROW LEVEL SECURITY", "warehouse")
    place.ask("CREATE POLICY few ON dim_item USING (id = 1) WITH CHECK (true)", "warehouse")
    place.ask("UPDATE item SET v = 'c'")

    refused(place.starlift("run", warehouse=url), "AccessDeniedError", "row-level security", "dim_item")

    assert place.ask("SELECT v FROM dim_item ORDER BY id", "warehouse") == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("rights", "says"),
    [
        (["SELECT 1"], "permission denied for table item"),
        (["GRANT SELECT (id) ON item TO ROLE"], "permission denied for table item"),
        (["REVOKE ALL ON SCHEMA public FROM PUBLIC", "GRANT SELECT ON item TO ROLE"], "denied for schema public"),
    ],
)
def test_a_role_that_may_not_read_is_told_what_and_nothing_lands(place, role, rights, says):
    refused(place.starlift("run", source=role(rights)), "AccessDeniedError", says, "Grant")


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

    succeed(place, "run", "run")

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
    succeed(place, "check", "run", "verify")

    place.ask("UPDATE child SET a = 9; UPDATE part SET k = 'a' WHERE id = 2")
    place.ask("UPDATE self SET up = NULL; UPDATE made SET a = ''")
    succeed(place, "run")

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

    succeed(place, "run", "verify", "status")

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
