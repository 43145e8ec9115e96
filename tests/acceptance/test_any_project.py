"""Any project, not only totesys: every type, every shape of table, drafted from the catalogue and run at once."""

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.acceptance.command import make_place

VALUES = {
    "smallint": ["1", "-32768"],
    "integer": ["7", "-2147483648"],
    "bigint": ["9223372036854775807"],
    "numeric": ["12345678901234567890.123456789", "NaN", "0.10"],
    "numeric(10,2)": ["1.50", "NaN"],
    "numeric(38,0)": ["99999999999999999999999999999999999999"],
    "numeric(40,5)": ["1.5"],
    "real": ["1.1", "NaN", "-Infinity"],
    "double precision": ["0.1", "Infinity", "1e300", "1e-5"],
    "boolean": ["t", "f"],
    "text": ["", "NULL", 'a"b\n,c\\', "NaN", "é"],
    "varchar(5)": ["", "abc"],
    "char(4)": ["ab"],
    "date": ["2024-02-29", "infinity", "0044-03-15 BC", "9999-12-31"],
    "time": ["24:00:00", "00:00:00.000001"],
    "timetz": ["10:00:00+02"],
    "timestamp": ["2024-01-01 00:00:00.123456", "infinity", "-infinity", "0044-03-15 10:00:00 BC"],
    "timestamptz": ["2024-01-01 00:00:00.123456+02", "-infinity"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "json": ['{"a" :  1}'],
    "jsonb": ['{"a": [1, null]}'],
    "bytea": ["\\x00ff", "\\x"],
    "mood": ["sad"],
    "mood[]": ["{sad}"],
    "integer[]": ["{1,NULL}"],
    "text[]": ['{"",NULL,"a,b"}'],
    "interval": ["1 year 2 days 03:00:00.5"],
    "inet": ["10.0.0.1/8"],
    "cidr": ["10.0.0.0/8"],
    "macaddr": ["08:00:2b:01:02:03"],
    "int4range": ["[1,5)"],
    "positive": ["5"],
    "bit(3)": ["101"],
    "point": ["(1,2)"],
}
ODD = """
    CREATE SCHEMA "Other Place"; CREATE TYPE kind AS ENUM ('a', 'b');
    CREATE TABLE "Order Lines" ("Line" int, "select" int, "Amount" numeric(12, 2) NOT NULL, _note text,
                                PRIMARY KEY ("Line", "select"));
    CREATE TABLE person (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, boss uuid
        REFERENCES person);
    CREATE TABLE husband (id int PRIMARY KEY, wife int);
    CREATE TABLE wife (id int PRIMARY KEY, husband int REFERENCES husband);
    ALTER TABLE husband ADD FOREIGN KEY (wife) REFERENCES wife;
    CREATE TABLE no_key (a int, b text); CREATE TABLE empty (id int PRIMARY KEY, "end" date);
    CREATE TABLE "Other Place"."Thing" (code text PRIMARY KEY, kind kind);
    CREATE TABLE visit (id int, day date, person uuid REFERENCES person, thing text REFERENCES "Other Place"."Thing",
                        PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
    CREATE TABLE visit_2024 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE visit_2025 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE VIEW names AS SELECT name FROM person;
    INSERT INTO "Order Lines" VALUES (1, 1, 1.5, 'n'), (1, 2, 2, NULL);
    INSERT INTO person (name) VALUES ('ann'), ('bob'); UPDATE person SET boss = (SELECT id FROM person WHERE
        name = 'ann');
    INSERT INTO husband VALUES (1, NULL); INSERT INTO wife VALUES (2, 1); UPDATE husband SET wife = 2;
    INSERT INTO no_key VALUES (1, 'x'), (1, 'x'), (NULL, ''); INSERT INTO "Other Place"."Thing" VALUES ('007', 'a');
    INSERT INTO visit SELECT i, '2024-12-30'::date + i, (SELECT min(id::text)::uuid FROM person), '007' FROM
        generate_series(1, 4) i;
"""
EDITS = """
    UPDATE "Order Lines" SET "Amount" = 9 WHERE "select" = 2; UPDATE person SET name = 'eve' WHERE name = 'bob';
    DELETE FROM no_key WHERE a IS NULL; INSERT INTO no_key VALUES (2, 'y'); UPDATE visit SET thing = NULL WHERE id = 3;
    UPDATE "Other Place"."Thing" SET kind = 'b'; INSERT INTO empty VALUES (1, '2024-01-01');
"""


def columns():
    return {f"{number} {kind}": kind for number, kind in enumerate(VALUES)}


def literal(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def rows():
    for number in range(5):
        values = [kinds[number] if number < len(kinds) else None for kinds in VALUES.values()]
        yield f"({number + 1}, 1, 1, {', '.join(map(literal, values))})"


@pytest.fixture
def typed(tmp_path, make_database):
    place = make_place(tmp_path, make_database)
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns().items())
    place.ask("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (value > 0)")
    place.ask("CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1)")
    for table, references in (("thing", ""), ("event", "REFERENCES parent")):
        keys = f"id int PRIMARY KEY, a int {references}, b int {references}"
        place.ask(f"CREATE TABLE {table} ({keys}, {declared}); INSERT INTO {table} VALUES {', '.join(rows())}")
    return place


def draft(place):
    drafted = CliRunner().invoke(app, ["init", str(place.project), "--source", place.source])
    assert drafted.exit_code == 0, drafted.output


def run(place):
    done = place.starlift("run")
    assert done.exit_code == 0, done.output
    return done


def is_equal(place):
    found = place.answer("verify")
    return found["equal"] and not any(table["pending"] for table in found["tables"].values())


def test_every_type_arrives_unchanged_in_dimensions_and_facts(typed):
    draft(typed)

    run(typed)

    names = ", ".join(f'"{name}"' for name in ("id", "a", "b", *columns()))
    for source, target in (("thing", "dim_thing"), ("event", "current_fact_event")):
        wanted = typed.dump(f"SELECT {names} FROM {source} ORDER BY id", "source")
        assert typed.dump(f"SELECT {names} FROM {target} ORDER BY id", "warehouse") == wanted
    assert is_equal(typed)


def test_types_without_edits_are_equal_and_an_edit_of_each_is_found(typed):
    draft(typed)
    run(typed)
    assert typed.answer("run")["batch"] is None
    typed.ask("UPDATE thing SET b = b; UPDATE event SET b = b")

    touched = typed.answer("run")["tables"]
    for name in columns():
        typed.ask(f'UPDATE event SET "{name}" = NULL WHERE id = 1')
    edited = typed.answer("run")["tables"]

    assert [touched[table]["loaded"] for table in ("dim_thing", "fact_event")] == [0, 0]
    assert edited["fact_event"]["loaded"] == 1
    assert is_equal(typed)


def test_a_draft_of_an_odd_database_checks_runs_and_verifies_at_once(tmp_path, make_database):
    place = make_place(tmp_path, make_database)
    place.ask(ODD)
    draft(place)

    assert place.starlift("check").exit_code == 0
    run(place)
    assert is_equal(place)
    assert place.answer("run")["batch"] is None
    place.ask(EDITS)
    run(place)

    assert is_equal(place)
    assert place.ask("SELECT count(*) FROM dim_no_key", "warehouse") == [[3]]


def test_a_where_that_stops_matching_closes_the_row_and_opens_it_again(tmp_path, make_database):
    header = 'kind = "{}"\nkey = "id"\ndriving = "t"\n'
    body = "SELECT t.id, t.v WHERE t.v > 0"
    models = {
        f"{kind}_t.sql": f"/*\n{header.format(full)}*/\n{body}"
        for kind, full in (("dim", "dimension"), ("fact", "fact"))
    }
    place = make_place(tmp_path, make_database, models)
    place.ask("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2)")
    run(place)

    for value in (-1, 5):
        place.ask(f"UPDATE t SET v = {value} WHERE id = 1")
        run(place)
        assert is_equal(place)

    assert place.ask("SELECT v, _deleted FROM fact_t WHERE id = 1 ORDER BY _batch", "warehouse") == [
        [1, False],
        [1, True],
        [5, False],
    ]


def test_a_view_is_read_by_its_cursor_or_whole(tmp_path, make_database):
    model = '/*\nkind = "dimension"\nkey = "id"\ndriving = "{0}"\n*/\nSELECT {0}.id, {0}.v'
    pipeline = '[tables.whole]\nkey = ["id"]\n[tables.latest]\nkey = ["id"]\ncursor = "seen"\n'
    models = {f"dim_{view}.sql": model.format(view) for view in ("whole", "latest")}
    place = make_place(tmp_path, make_database, models, pipeline)
    place.ask("CREATE TABLE t (id int PRIMARY KEY, v int, seen timestamptz DEFAULT now()); INSERT INTO t VALUES (1, 1)")
    place.ask("CREATE VIEW whole AS SELECT id, v FROM t; CREATE VIEW latest AS SELECT * FROM t")
    run(place)

    place.ask("UPDATE t SET v = 2, seen = now()")
    run(place)

    assert place.ask("SELECT v FROM dim_whole UNION ALL SELECT v FROM dim_latest", "warehouse") == [[2], [2]]


def test_lookups_follow_aliases_chains_composite_keys_and_the_table_itself(tmp_path, make_database):
    model = """/*
kind = "dimension"
key = "id"
driving = "employee"
[lookups]
boss = { table = "employee", on = "boss_id" }
home = { table = "site", on = ["country", "site"] }
region = { from = "home" }
*/
SELECT employee.id, boss.name AS boss, home.name AS home, region.name AS region
"""
    place = make_place(tmp_path, make_database, {"dim_employee.sql": model})
    place.ask("""
        CREATE TABLE region (id int PRIMARY KEY, name text); INSERT INTO region VALUES (1, 'north');
        CREATE TABLE site (country text, code int, name text, region_id int REFERENCES region, PRIMARY KEY
        (country, code));
        INSERT INTO site VALUES ('x', 1, 'here', 1), ('x', 2, 'there', NULL);
        CREATE TABLE employee (id int PRIMARY KEY, name text, boss_id int REFERENCES employee, country text, site int,
                               FOREIGN KEY (country, site) REFERENCES site);
        INSERT INTO employee VALUES (1, 'ann', NULL, 'x', 1), (2, 'bob', 1, 'x', 2), (3, 'cy', 2, NULL, NULL)
    """)
    run(place)

    place.ask("UPDATE region SET name = 'far north'; UPDATE employee SET name = 'anna' WHERE id = 1")
    run(place)

    assert is_equal(place)
    wanted = [[1, None, "here", "far north"], [2, "anna", "there", None], [3, "bob", None, None]]
    assert place.ask("SELECT id, boss, home, region FROM dim_employee ORDER BY 1", "warehouse") == wanted


def test_a_model_added_to_a_running_project_gets_the_rows_that_were_there(tmp_path, make_database):
    model = '/*\nkind = "dimension"\nkey = "id"\ndriving = "t"\n*/\nSELECT t.id'
    place = make_place(tmp_path, make_database, {"dim_old.sql": model})
    place.ask("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
    run(place)

    (place.project / "models/dim_new.sql").write_text(model)
    run(place)

    assert place.ask("SELECT count(*) FROM dim_new", "warehouse") == [[2]]
    assert is_equal(place)
