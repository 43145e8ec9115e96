"""Tables of every kind, names of every kind, and sources that refuse."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from extraction.database.catalogue import read_catalogue
from extraction.database.snapshot import BEGIN, begin
from extraction.database.wiring import open_source
from tests.extraction_harness import DEPARTMENT, SCHEMA, Extraction, make_project, model, table_of
from utils.errors import AccessDeniedError, ConfigurationError, SourceUnavailableError
from utils.postgres.url import parse_url

READER = "extraction_reader"


@pytest.fixture
def make(make_database, tmp_path: Path) -> Iterator:
    """Return a function that gives a project over a source made by the statements."""
    made = []

    def extraction(models: dict[str, str], *statements: str, pipeline: str = "") -> Extraction:
        project = make_project(tmp_path / "project", models, pipeline)
        made.append(Extraction(make_database(), project, tmp_path / "store"))
        made[-1].edit(*statements)
        return made[-1]

    yield extraction
    for found in made:
        found.close()


def create_reader(extraction: Extraction, *grants: str) -> None:
    create = f"DO $$ BEGIN CREATE ROLE {READER} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$"
    extraction.edit(create, *(grant.format(READER) for grant in grants))
    extraction.user = READER


def test_a_role_that_may_only_select_is_enough(make):
    extraction = make({"dim": DEPARTMENT}, SCHEMA)
    create_reader(extraction, "GRANT SELECT ON department TO {}")
    extraction.run()
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 2")

    assert extraction.ids(extraction.run(), "department") == [2]


def test_a_table_that_the_role_may_not_read_is_named(make):
    extraction = make({"dim": DEPARTMENT}, SCHEMA)
    create_reader(extraction)

    with pytest.raises(AccessDeniedError, match=f"permission denied for table department.*Grant {READER} what it"):
        extraction.run()


def test_hidden_rows_are_an_error_and_not_an_empty_batch(make):
    extraction = make({"dim": DEPARTMENT}, SCHEMA, "ALTER TABLE department ENABLE ROW LEVEL SECURITY")
    create_reader(extraction, "GRANT SELECT ON department TO {}")

    with pytest.raises(AccessDeniedError, match=r"Row-level security hides rows of public\.department.*BYPASSRLS"):
        extraction.run()


def test_a_policy_that_a_view_hides_behind_is_an_error_as_well(make):
    extraction = make(
        {"dim": model("seen")},
        SCHEMA,
        "ALTER TABLE department ENABLE ROW LEVEL SECURITY",
        "DO $$ BEGIN CREATE ROLE extraction_owner; EXCEPTION WHEN duplicate_object THEN END $$",
        "GRANT SELECT ON department TO extraction_owner",
        "CREATE VIEW seen AS SELECT * FROM department",
        "ALTER VIEW seen OWNER TO extraction_owner",
        pipeline="[tables.seen]\nkey = ['id']\n",
    )
    create_reader(extraction, "GRANT SELECT ON seen TO {}")

    with pytest.raises(AccessDeniedError, match="row-level security"):
        extraction.run()
    extraction.edit("DROP VIEW seen", "REVOKE ALL ON department FROM extraction_owner")


def test_a_server_without_tls_is_refused_unless_the_url_says_so(make):
    extraction = make({"dim": DEPARTMENT}, SCHEMA)
    extraction.url = extraction.url.replace("sslmode=disable", "sslmode=verify-full")

    with pytest.raises(ConfigurationError, match="offers no TLS"):
        extraction.run()


def test_a_source_that_does_not_answer_is_retried(make):
    extraction = make({"dim": DEPARTMENT}, SCHEMA)
    extraction.url = "postgresql://postgres@127.0.0.1:1/none?sslmode=disable"

    with pytest.raises(SourceUnavailableError, match="cannot be reached"):
        extraction.run()


def test_a_table_behind_a_migration_is_retried(make, monkeypatch):
    monkeypatch.setattr("extraction.database.snapshot.BEGIN", BEGIN.replace("'60s'", "'100ms'"))
    extraction = make({"dim": DEPARTMENT}, SCHEMA)
    migration = extraction.session()
    migration.run("BEGIN")
    migration.run("ALTER TABLE department ADD x int")

    with pytest.raises(SourceUnavailableError, match="lock timeout"):
        extraction.run()


def test_names_are_read_as_they_are_spelt(make):
    name = '"Odd ""Name"", %/x"'
    extraction = make(
        {"dim": model(name.replace('"', '\\"'))},
        f"""CREATE TABLE {name} ("Id" int PRIMARY KEY, "a,b" text, "select" text)""",
        f"INSERT INTO {name} VALUES (1, 'x', 'y')",
    )

    batch = extraction.run()

    assert extraction.rows(batch, name) == [{"Id": "1", "a,b": "x", "select": "y"}]
    assert (
        table_of(batch, name).changed[0].key.startswith("%22Odd%20%22%22Name%22%22%2C%20%25%2Fx%22/2024/11/21/12-00/")
    )


def test_a_table_of_another_schema_keeps_its_name_and_its_keys(make):
    extraction = make(
        {"dim": model("hr.person", "department = {}")},
        SCHEMA,
        "CREATE SCHEMA hr",
        "CREATE TABLE hr.person (id int PRIMARY KEY, department_id int REFERENCES department)",
        "INSERT INTO hr.person VALUES (1, 2)",
    )

    batch = extraction.run()

    assert table_of(batch, "hr.person").foreign_keys[0].table == "department"
    assert extraction.ids(batch, "hr.person") == [1]


PARTITIONED = """
    CREATE TABLE event (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
    CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
    CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
    INSERT INTO event VALUES (1, '2024-01-05'), (2, '2024-02-05');
"""


def test_a_partitioned_table_is_read_by_its_changes(make):
    extraction = make({"fact": model("event")}, PARTITIONED)
    extraction.run()
    extraction.edit("INSERT INTO event VALUES (3, '2024-02-06')", "UPDATE event SET day = '2024-02-07' WHERE id = 1")

    batch = extraction.run()

    assert table_of(batch, "event").mode == "changes"
    assert extraction.ids(batch, "event") == [1, 3]


ELSEWHERE = """
    CREATE TABLE event (id int, day date) PARTITION BY RANGE (day);
    CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-02-01') PARTITION BY RANGE (day);
    CREATE FOREIGN DATA WRAPPER nothing;
    CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;
    CREATE FOREIGN TABLE event_2 PARTITION OF event_1 FOR VALUES FROM ('2024-01-01') TO ('2024-01-09') SERVER elsewhere;
"""


def test_a_partition_in_another_server_takes_its_table_out_of_reading_by_changes(make):
    extraction = make({"fact": model("event")}, ELSEWHERE, pipeline="[tables.event]\nkey = ['id', 'day']\n")

    with open_source(parse_url(extraction.url, {})) as source:
        assert read_catalogue(source, extraction.project)["event"].mode == "full"


VIEW = "CREATE VIEW seen AS SELECT id, name, updated FROM department"
CURSOR = 'cursor = "updated"\n[tables.seen]\nkey = ["id"]\noverlap_seconds = 60\n'


def test_a_view_with_a_key_and_a_cursor_is_read_from_behind_its_mark(make):
    extraction = make({"dim": model("seen")}, SCHEMA, VIEW, pipeline=CURSOR)
    extraction.run()
    extraction.edit(
        "INSERT INTO department VALUES (4, 'near', '2024-01-02 23:59:30'), (5, 'far', '2023-01-01'), (6, 'none', NULL)"
    )

    batch = extraction.run()

    assert (table_of(batch, "seen").mode, table_of(batch, "seen").whole) == ("overlap", False)
    assert extraction.ids(batch, "seen") == [3, 4]


def test_a_quiet_view_makes_no_batch(make):
    extraction = make({"dim": model("seen")}, SCHEMA, VIEW, pipeline=CURSOR)
    extraction.run()
    extraction.edit("INSERT INTO department VALUES (4, 'x', '2024-06-01')")
    extraction.run()
    before = extraction.files()

    assert extraction.run() is None
    assert extraction.files() == before


def test_a_view_without_a_cursor_is_read_whole_when_it_differs(make):
    extraction = make({"dim": model("seen", key="", more='load = "replace"')}, SCHEMA, VIEW)
    extraction.run()
    quiet = extraction.run()
    extraction.edit("DELETE FROM sale", "DELETE FROM department WHERE id = 3")

    batch = extraction.run()

    assert quiet is None
    assert table_of(batch, "seen").whole
    assert extraction.ids(batch, "seen") == [1, 2]


def test_a_table_without_a_key_is_read_whole_when_a_row_of_it_is_gone(make):
    extraction = make(
        {"log": model("log", key="", more='load = "replace"')},
        "CREATE TABLE log (id int)",
        "INSERT INTO log VALUES (1), (1), (2)",
    )
    extraction.run()
    quiet = extraction.run()
    extraction.edit("DELETE FROM log WHERE id = 2")

    assert quiet is None
    assert extraction.ids(extraction.run(), "log") == [1, 1]


def test_a_table_without_a_key_that_becomes_empty_makes_a_batch(make):
    extraction = make(
        {"log": model("log", key="", more='load = "replace"')},
        "CREATE TABLE log (id int)",
        "INSERT INTO log VALUES (1)",
    )
    extraction.run()
    extraction.edit("DELETE FROM log")

    table = table_of(extraction.run(), "log")

    assert (table.whole, table.changed) == (True, ())
    assert extraction.run() is None


def test_a_table_read_whole_is_read_again_when_what_it_looks_up_changed(make):
    extraction = make(
        {"log": model("log", 'department = { on = "d" }', key="", more='load = "replace"')},
        SCHEMA,
        "CREATE TABLE log (id int, d int)",
        "INSERT INTO log VALUES (1, 1), (2, 2)",
    )
    extraction.run()
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 2")

    batch = extraction.run()

    assert extraction.roles(batch) == {"log": {"changed": [1, 2]}, "department": {"changed": [2], "context": [1]}}


def test_the_table_of_a_replaced_model_is_read_whole_or_not_at_all(make):
    extraction = make({"dim": model("department", key="", more='load = "replace"')}, SCHEMA)
    extraction.run()
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 2")

    assert extraction.ids(extraction.run(), "department") == [1, 2, 3]


def test_a_materialized_view_with_a_declared_key_is_read_by_its_changes(make):
    extraction = make(
        {"dim": model("kept")},
        SCHEMA,
        "CREATE MATERIALIZED VIEW kept AS SELECT id, name FROM department",
        "CREATE UNIQUE INDEX ON kept (id)",
        pipeline="[tables.kept]\nkey = ['id']\n",
    )
    extraction.run()
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 2", "REFRESH MATERIALIZED VIEW CONCURRENTLY kept")

    assert extraction.ids(extraction.run(), "kept") == [2]


def test_an_excluded_column_never_lands(make):
    extraction = make({"dim": DEPARTMENT}, SCHEMA, pipeline="[tables.department]\nexclude = ['name']\n")

    batch = extraction.run()

    assert set(extraction.rows(batch, "department")[0]) == {"id", "updated"}
    assert b"Sales" not in b"".join(extraction.landing.read(key) for key in extraction.files())


def test_the_databases_own_settings_do_not_change_how_money_is_written(make):
    extraction = make({"dim": DEPARTMENT}, SCHEMA)
    extraction.edit(f"ALTER DATABASE {extraction.database} SET lc_monetary = 'POSIX'")

    with open_source(parse_url(extraction.url, {})) as connection:
        begin(connection)

        assert connection.value("SELECT current_setting('lc_monetary')") == "C"
