"""Dropped files: good rows enter their table once, whatever comes how often and in which order."""

import threading
from dataclasses import replace

import pytest

from load.files.ledger import Outcome
from tests.file_drops import PLAIN, READINGS, Drop, csv
from transformation.records.text import FIRST_LENGTH
from utils.errors import ObjectChangedError


@pytest.fixture
def drop(make_database, tmp_path):
    return Drop(make_database(), tmp_path).declare(readings=READINGS, plain=PLAIN)


@pytest.mark.parametrize("table", ["readings", "plain"])
def test_a_file_delivered_again_changes_nothing(drop, table):
    text = csv((1, "a", 5), (2, "b", 6)) if table == "readings" else csv((1, "a"), (2, "b"), header="id,model\n")
    dropped = drop.put(f"{table}/2026/x.csv", text)

    outcomes = [drop.load(dropped).outcome for _ in range(3)]

    assert outcomes == [Outcome.LOADED, Outcome.KNOWN, Outcome.KNOWN]
    assert drop.rows(table) == [[1, "a"], [2, "b"]]
    assert drop.ledger() == [["loaded", 2, 2, 0]]


def test_the_ledger_says_what_came_from_where_and_how_long_it_took(drop):
    drop.load(drop.put("readings/a.csv", csv((1, "a", 5)), version="v1"))

    (row,) = drop.ledger(
        "bucket, key, version, processed_at <= clock_timestamp(), processing_time > interval '0', rows_copied, "
        "rows_rejected, file_size_bytes, target_table"
    )

    assert row == ["drop", "readings/a.csv", "v1", True, True, 1, 0, 20, '"public"."readings"']


def test_the_same_bytes_put_again_are_not_loaded_again(drop):
    first = drop.put("readings/a.csv", csv((1, "a", 5)), version="v1")
    second = drop.put("readings/a.csv", csv((1, "a", 5)), version="v2")

    assert [drop.load(found).outcome for found in (first, second)] == [Outcome.LOADED, Outcome.KNOWN]
    assert drop.rows() == [[1, "a"]]


def test_of_two_workers_at_once_one_loads(drop):
    dropped, outcomes = drop.put("readings/a.csv", csv(*((n, "a", 5) for n in range(2000)))), []
    workers = [threading.Thread(target=lambda: outcomes.append(drop.load(dropped).outcome)) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(outcomes) == [Outcome.KNOWN] * 3 + [Outcome.LOADED]
    assert len(drop.rows()) == 2000


def test_removing_the_ledgers_row_loads_the_file_again_in_the_place_of_its_rows(drop):
    dropped = drop.put("readings/a.csv", csv((1, "a", 5)))
    drop.load(dropped)

    drop.ask("DELETE FROM starlift.processed_files")

    assert drop.load(dropped).outcome is Outcome.LOADED
    assert drop.rows() == [[1, "a"]]


NEW_CONTENT = {
    "replace": [[2, "new"], [3, "c"], [9, "other"]],
    "append": [[1, "a"], [2, "b"], [2, "new"], [3, "c"], [9, "other"]],
    "upsert": [[1, "a"], [2, "new"], [3, "c"], [9, "other"]],
    "ignore": [[1, "a"], [2, "b"], [9, "other"]],
}


@pytest.mark.parametrize("setting", NEW_CONTENT)
def test_new_content_of_a_key_is_taken_as_its_table_says(drop, setting):
    key = 'key = ["id"]\n' if setting == "upsert" else ""
    drop.declare(readings=f'new_content = "{setting}"\n{key}{READINGS}')
    drop.drop("readings/other.csv", csv((9, "other", 5)))
    drop.drop("readings/a.csv", csv((1, "a", 5), (2, "b", 5)))

    report = drop.drop("readings/a.csv", csv((2, "new", 5), (3, "c", 5)))

    assert report.outcome is (Outcome.IGNORED if setting == "ignore" else Outcome.LOADED)
    assert drop.rows() == NEW_CONTENT[setting]
    assert len(drop.ledger()) == 3


def test_an_older_version_that_arrives_late_loses_and_is_recorded(drop):
    old = drop.put("readings/a.csv", csv((1, "old", 5)))
    new = drop.put("readings/a.csv", csv((1, "new", 5)))

    assert [drop.load(found).outcome for found in (new, old, old)] == [
        Outcome.LOADED,
        Outcome.SUPERSEDED,
        Outcome.SUPERSEDED,
    ]
    assert drop.rows() == [[1, "new"]]
    assert drop.ledger("outcome, rows_copied") == [["loaded", 1], ["superseded", 0]]


def test_what_came_between_two_deliveries_of_one_content_is_older_than_the_later(drop):
    first = drop.put("readings/a.csv", csv((1, "a", 5)))
    between = drop.put("readings/a.csv", csv((1, "b", 5)))
    again = drop.put("readings/a.csv", csv((1, "a", 5)))

    outcomes = [drop.load(found).outcome for found in (first, again, between)]

    assert outcomes == [Outcome.LOADED, Outcome.KNOWN, Outcome.SUPERSEDED]
    assert drop.rows() == [[1, "a"]]


def test_content_that_comes_back_after_another_is_loaded_again(drop):
    for name in ("a", "b", "a"):
        assert drop.drop("readings/a.csv", csv((1, name, 5))).outcome is Outcome.LOADED

    assert drop.rows() == [[1, "a"]]


def test_an_overwritten_object_is_left_to_the_event_of_its_new_content(drop):
    old = drop.put("readings/a.csv", csv((1, "old", 5)))
    new = drop.put("readings/a.csv", csv((1, "new", 5)))

    assert [drop.load(found).outcome for found in (old, new)] == [Outcome.SUPERSEDED, Outcome.LOADED]
    assert drop.rows() == [[1, "new"]]


def test_content_loaded_by_hand_is_not_replaced_by_an_older_event_once_its_own_has_come(drop):
    body = csv((1, "old", 5))
    old = drop.put("readings/a.csv", body, version="v1")
    new = drop.put("readings/a.csv", csv((1, "new", 5)), version="v2")

    outcomes = [drop.load(found).outcome for found in (replace(new, sequencer=""), new)]
    drop.objects.put("readings/a.csv", body.encode())

    assert [*outcomes, drop.load(old).outcome] == [Outcome.LOADED, Outcome.KNOWN, Outcome.SUPERSEDED]
    assert drop.rows() == [[1, "new"]]


@pytest.mark.parametrize("order", [(0, 1, 0, 1), (1, 0, 1, 0)])
def test_where_new_content_is_appended_every_content_is_there_once_in_whatever_order_they_come(drop, order):
    bodies = [csv((n, "a"), header="id,model\n") for n in range(2)]
    files = [drop.put("plain/a.csv", body, version=f"v{n}") for n, body in enumerate(bodies)]

    for place in order:
        drop.objects.put("plain/a.csv", bodies[place].encode())
        drop.load(files[place])

    assert drop.rows("plain") == [[0, "a"], [1, "a"]]


def test_files_of_one_name_loaded_by_hand_again_change_nothing(drop):
    bodies = [csv((n, "a"), header="id,model\n") for n in range(2)]

    for body in bodies * 2:
        drop.load(drop.put("plain/a.csv", body, sequencer=""))

    assert drop.rows("plain") == [[0, "a"], [1, "a"]]


def test_a_file_overwritten_while_it_is_read_leaves_nothing_in_quarantine_and_no_thread(drop):
    dropped = drop.put("readings/a.csv", csv(*[("x", "a", 5)] * 12_000))
    before, objects = threading.active_count(), replace(drop.objects, block_bytes=FIRST_LENGTH)

    report = drop.load(dropped, lambda ports: replace(ports, objects=Overwritten(objects)))

    assert report.outcome is Outcome.SUPERSEDED
    assert drop.rejected() == []
    assert threading.active_count() == before


class Overwritten:
    """Breaks off when a file is read to its end."""

    def __init__(self, objects):
        self.objects = objects

    def read(self, dropped):
        yield from self.objects.read(dropped)
        raise ObjectChangedError


def test_one_key_in_two_buckets_is_two_files(drop):
    dropped = drop.put("readings/a.csv", csv((1, "a", 5)))

    drop.load(dropped)
    drop.load(replace(dropped, bucket="other"))

    assert drop.rows(columns="id, source_file") == [[1, "drop/readings/a.csv"], [1, "other/readings/a.csv"]]
