"""The embedded DuckDB: what it may reach, and how its failures are named."""

import duckdb
import pytest

from tests.factories import Stage, source, sql_model, write_project
from transformation.star_schema import wiring
from transformation.star_schema.database import open_engine, shut_off
from transformation.star_schema.pipeline import transform_batch
from utils.errors import ConfigurationError, ResourceExhaustedError

ITEM = source("item", {"id": "integer", "name": "text", "day": "date"})


@pytest.fixture
def engine(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with open_engine(scratch, 200) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('{outside}')",
        "SELECT * FROM read_csv('{outside}')",
        "COPY (SELECT 1) TO '{outside}'",
        "ATTACH '{outside}'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
    ],
)
def test_nothing_outside_the_batch_can_be_reached(engine, tmp_path, statement):
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\n")
    shut_off(engine, [tmp_path / "scratch"], [])

    with pytest.raises(duckdb.Error, match=r"disabled|locked|Cannot|Permission"):
        engine.execute(statement.format(outside=outside))

    assert outside.read_text() == "secret\n"


def test_what_the_batch_holds_can_be_read(engine, tmp_path):
    inside, named = tmp_path / "scratch" / "a.csv", tmp_path / "b.csv"
    for path in (inside, named):
        path.write_text("x\n1\n")

    shut_off(engine, [tmp_path / "scratch"], [named])

    assert engine.execute(f"SELECT sum(x) FROM read_csv(['{inside}', '{named}'])").fetchall() == [(2,)]


def test_memory_that_runs_short_is_named_with_the_remedy(tmp_path):
    greedy = "CREATE TABLE t AS SELECT md5(CAST(i AS VARCHAR)) AS m FROM range(2000000) AS r(i)"

    def exhaust():
        with open_engine(tmp_path, 20) as engine:
            engine.execute("SET max_temp_directory_size = '1MB'")
            engine.execute(greedy)

    with pytest.raises(ResourceExhaustedError, match="Give the function more"):
        exhaust()


def test_a_session_counts_time_in_utc_and_downloads_nothing(engine):
    settings = ("TimeZone", "autoinstall_known_extensions", "autoload_known_extensions", "threads")

    found = [str(engine.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]) for name in settings]

    assert found == ["UTC", "False", "False", "2"]


def run(tmp_path, model, *rows, **lookups):
    stage = Stage(write_project(tmp_path / "project", {"dim_item.sql": model}, **lookups), tmp_path)
    stage.land(ITEM.holding(*rows))
    stage.transform()
    return stage


def test_dates_and_truth_values_of_the_header_are_compared_as_such(tmp_path):
    more = "tests.range = { day = [2024-01-01, 2024-12-31] }\ntests.accepted = { named = [true] }"
    body = "SELECT item.id, item.day, item.name IS NOT NULL AS named"

    done = run(tmp_path, sql_model(body, more=more), (1, "a", "2024-05-05"), (2, "a", "2025-05-05"), (3, None, None))

    assert [row[0] for row in done.rows("dim_item")] == [1]
    assert [found["rule"] for found in done.quarantined("dim_item")] == ["range", "accepted"]


def test_a_lookup_file_that_is_not_utf8_is_named(tmp_path):
    model = sql_model("SELECT item.id", more='lookups.names = { file = "names.csv", on = "name" }')
    stage = Stage(write_project(tmp_path / "project", {"dim_item.sql": model}, names="x"), tmp_path)
    (tmp_path / "project" / "lookups" / "names.csv").write_bytes(b"name,nick\nJos\xe9,J\n")
    stage.land(ITEM.holding((1, "a", None)))

    with pytest.raises(ConfigurationError, match=r"names\.csv.*UTF-8|names\.csv cannot be read"):
        stage.transform()


def test_a_batch_can_be_computed_without_the_ones_before_it(tmp_path):
    stage = Stage(write_project(tmp_path / "project", {"dim_item.sql": sql_model("SELECT item.id")}), tmp_path)
    stage.land(ITEM.holding((1, None, None)))
    stage.land(ITEM.holding((2, None, None)), number=2)

    with wiring.open_ports(stage.project, stage.landing, stage.processed, stage.scratch) as ports:
        manifest = transform_batch("verify", ports.landing.read(2), ports)

    assert (manifest.number, manifest.tables[0].rows[0].rows) == (2, 1)


def test_a_function_that_fails_for_one_row_quarantines_it(tmp_path):
    model = sql_model("SELECT item.id, regexp_matches(item.name, item.name) AS m")

    done = run(tmp_path, model, (1, "(", None), (2, "a", None))

    assert done.rows("dim_item") == [(2, True)]
    assert [found["key"] for found in done.quarantined("dim_item")] == [{"id": "1"}]
