"""What extraction decides without a database: names, horizons, what to read whole, which joins to follow."""

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from extraction.database.audit import audit, held_since
from extraction.database.closure import Closure
from extraction.database.files import data_key
from extraction.database.pipeline import Extraction, summary
from extraction.database.plan import plan_table
from extraction.database.snapshot import HEARTBEAT, check_continuity, needs_heartbeat
from extraction.database.sql import cursor_since, header, written_since
from extraction.database.start import FIRST
from extraction.database.wiring import Config
from tests.manifest_factories import column, landing_manifest, snapshot, source_table
from utils.errors import ConfigurationError, ResyncNeededError, SourceBehindError
from utils.paths import Path, Step
from utils.postgres.names import TableName
from utils.project import Project
from utils.store import DataFile

NOON = datetime(2024, 11, 21, 12, 5, 9, 123999, tzinfo=timezone(timedelta(hours=2)))
HEAVY = ("pandas", "pyarrow", "duckdb", "numpy")


def test_a_file_is_named_by_its_table_the_start_of_the_run_in_utc_and_the_attempt():
    assert data_key("staff", NOON, "0badcafe", "changed") == (
        "staff/2024/11/21/10-05/staff-20241121T100509123-0badcafe.csv"
    )


def test_the_other_roles_say_so_in_their_names():
    assert data_key("hr.staff", NOON, "0badcafe", "context").endswith(
        "/hr.staff-20241121T100509123-0badcafe-context.csv"
    )


def test_a_table_name_cannot_leave_its_folder():
    assert data_key('a/../"b"', NOON, "0badcafe", "changed").startswith("a%2F..%2F%22b%22/2024/")


def test_the_lambda_handler_imports_neither_pandas_nor_pyarrow_nor_duckdb():
    code = f"import sys, extraction.database.handler; print([n for n in {HEAVY} if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_every_missing_setting_is_named_at_once():
    with pytest.raises(ConfigurationError, match="lacks PROJECT, PROCESSED, SOURCE_SECRET"):
        Config.from_env({"LANDING": "s3://landing"})


def test_a_header_quotes_every_name():
    table = source_table(columns=(column("id"), column('odd "name"')))

    assert header(table) == b'"id","odd ""name"""\n'


def test_a_horizon_past_32_bits_is_compared_by_its_last_32():
    assert "'5'::" in written_since(2**32 + 5, "t")


def test_a_horizon_that_is_too_old_needs_a_resync_from_the_first_transaction_too_many():
    last = snapshot(horizon=1000, next_xid=1000)

    check_continuity(last, snapshot(horizon=1000, next_xid=1000 + 2**31 - 1))
    with pytest.raises(ResyncNeededError):
        check_continuity(last, snapshot(horizon=1000, next_xid=1000 + 2**31))


@pytest.mark.parametrize("lag", [{"horizon": 999}, {"next_xid": 1009}, {"timeline": 1, "horizon": 2000}])
def test_a_replica_that_has_seen_less_than_the_last_batch_is_retried(lag):
    last = snapshot(horizon=1000, next_xid=1010, timeline=2)

    check_continuity(last, replace(last, in_recovery=True))
    with pytest.raises(SourceBehindError, match="has not caught up"):
        check_continuity(last, replace(last, in_recovery=True, **lag))


def test_a_replica_that_follows_a_newer_timeline_needs_a_resync():
    last = snapshot(horizon=1000, next_xid=1010, timeline=2)

    with pytest.raises(ResyncNeededError, match="restored or promoted"):
        check_continuity(last, replace(last, in_recovery=True, timeline=3))


def test_a_heartbeat_is_due_only_when_it_would_move_the_horizon():
    last = snapshot(horizon=1000)

    assert needs_heartbeat(last, snapshot(horizon=1001, next_xid=1000 + HEARTBEAT))
    assert not needs_heartbeat(last, snapshot(horizon=1000, next_xid=1000 + HEARTBEAT))
    assert not needs_heartbeat(last, snapshot(horizon=1001, next_xid=999 + HEARTBEAT))


def test_the_horizons_age_is_how_long_a_transaction_is_known_to_be_open():
    last = snapshot(next_xid=1000, taken_at="2024-11-21T12:00:00.000000+00:00")
    now = snapshot(horizon=999, taken_at="2024-11-21T12:30:00.000000+00:00")

    assert audit(held_since(last, now)).horizon_age_seconds == 1800
    assert audit(held_since(last, replace(now, horizon=1000))).horizon_age_seconds == 0
    assert audit(held_since(None, now)).horizon_age_seconds == 0


def test_a_horizon_that_stays_is_as_old_as_the_first_snapshot_that_saw_it():
    first = snapshot(horizon=999, next_xid=1000, taken_at="2024-11-21T12:00:00.000000+00:00")
    second = held_since(first, replace(first, next_xid=2000, taken_at="2024-11-21T12:05:00.000000+00:00"))

    third = held_since(second, replace(second, next_xid=3000, taken_at="2024-11-21T12:10:00.000000+00:00"))
    moved = held_since(third, replace(third, horizon=1500, taken_at="2024-11-21T12:15:00.000000+00:00"))

    assert audit(third).horizon_age_seconds == 600
    assert audit(third).horizon_transactions_behind == 2001
    assert audit(moved).horizon_age_seconds == 300


def plan(now, before, **changes):
    start = replace(FIRST, since=snapshot(), before={before.name: before}, **changes)
    return plan_table(now, start, Project(folder=None, name="test"))


@pytest.mark.parametrize(
    "before",
    [
        source_table(columns=(column("id"),)),
        source_table(columns=(column("id"), column("name", type="integer"))),
        source_table(mode="full"),
        source_table(primary_key=()),
    ],
)
def test_a_table_with_values_never_read_is_read_whole(before):
    assert plan(source_table(whole=False), before).table.whole


def test_a_table_that_only_lost_a_column_is_read_by_its_changes():
    fewer = source_table(whole=False, columns=(column("id", not_null=True),))

    found = plan(fewer, source_table())

    assert (found.table.whole, found.definition_changed) == (False, True)


def test_a_high_water_mark_of_another_cursor_is_forgotten():
    now = source_table(whole=False, cursor="name")
    before = replace(now, cursor="id", high_water_mark="7")

    assert plan(now, before).table.previous_high_water_mark is None
    assert plan(now, replace(before, cursor="name")).table.previous_high_water_mark == "7"


def test_a_view_without_a_mark_is_read_whole():
    assert plan(source_table(whole=False, mode="overlap"), source_table(mode="overlap")).table.whole


def test_an_overlap_is_only_taken_off_times():
    table = source_table(cursor="at", columns=(column("at", type="timestamp(3) without time zone"),))

    assert "- '60 seconds'" in cursor_since(table, "2024-01-01", 60, "t")
    assert "seconds" not in cursor_since(source_table(cursor="id"), "5", 60, "t")


PARENT = source_table("parent", whole=False)
CHILD = source_table("child", whole=False, columns=(column("id"), column("parent_id")))
PATH = Path("child", (Step("child", ("parent_id",), "parent", ("id",)),))


def closure(*changed: str, **changes: object) -> Closure:
    tables = {"parent": PARENT, "child": CHILD}
    names = {name: TableName("public", name) for name in tables}
    conditions = {name: lambda alias: f"new({alias})" for name in changed}
    return Closure(**{"tables": tables, "names": names, "paths": (PATH,), "changed": conditions, **changes})


def test_nothing_is_asked_where_nothing_changed():
    nothing = closure()

    assert [nothing.affected("child"), nothing.context("parent")] == [None, None]


def test_a_changed_parent_affects_its_children():
    assert closure("parent").affected("child") == (
        '((t."parent_id") IN (SELECT l1."id" FROM "public"."parent" l1 WHERE new(l1)))'
    )


def test_a_changed_child_has_its_parent_as_context():
    assert closure("child").context("parent") == (
        '((t."id") IN (SELECT p1."parent_id" FROM "public"."child" p1 WHERE new(p1)))'
    )


def test_children_that_turned_out_unaffected_bring_nothing():
    assert closure("parent", unaffected=frozenset({"child"})).context("parent") is None


def test_a_table_that_is_whole_needs_neither_affected_nor_context_rows():
    whole = {"parent": replace(PARENT, whole=True), "child": replace(CHILD, whole=True)}

    found = closure("parent", "child", tables=whole)

    assert [found.affected("child"), found.context("parent")] == [None, None]


@pytest.mark.parametrize(
    ("on", "key", "compared"),
    [
        (column("parent_id", type="bigint"), column("id"), 't."parent_id"'),
        (column("parent_id", type="numeric(10,0)"), column("id"), 't."parent_id"'),
        (column("parent_id", type="text", declared="character varying(9)"), column("id"), 't."parent_id"::text'),
        (
            column("parent_id", type="text", declared="text"),
            column("id", type="character varying(3)", declared="character varying(3)"),
            't."parent_id"',
        ),
        (
            column("parent_id", type="text", declared='public."Kind"'),
            column("id", type="text", declared='public."Kind"'),
            't."parent_id"::text',
        ),
        (column("parent_id", type="uuid"), column("id", type="uuid"), 't."parent_id"'),
    ],
)
def test_columns_are_compared_as_they_are_only_where_postgresql_can(on, key, compared):
    tables = {"parent": replace(PARENT, columns=(key,)), "child": replace(CHILD, columns=(column("id"), on))}

    assert f"({compared}) IN" in closure("parent", tables=tables).affected("child")


def test_the_answer_counts_what_was_extracted_and_what_came_along():
    def file(rows):
        return DataFile("key", rows, 1, "sha")

    table = source_table(changed=(file(3),), affected=(file(2),), context=(file(4),))

    audit = {"horizon_age_seconds": 0, "horizon_transactions_behind": 0}
    assert summary("run-1", Extraction(landing_manifest(tables=(table,)), snapshot())) == {
        "run_id": "run-1",
        "batch": 1,
        "tables": {"staff": {"extracted": 3, "context": 6}},
        "audit": audit,
        "more": False,
    }
    nothing = {"run_id": "run-1", "batch": None, "tables": {}, "audit": audit, "more": False}
    assert summary("run-1", Extraction(None, snapshot())) == nothing
