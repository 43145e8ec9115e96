"""How a dropped file's rows meet each other, and those that the table holds."""

import threading
import tracemalloc
from dataclasses import replace

import pytest

from load.files import staging
from load.files.wiring import TARGET
from tests.file_drops import Drop, csv
from utils.postgres.connection import connect
from utils.postgres.session import transaction
from utils.postgres.url import parse_url

ROWS = '[columns]\nid = { type = "integer" }\nmodel = { type = "text" }\nfuel = { type = "integer" }\n'
KEY = 'key = ["id"]\n'


@pytest.fixture
def drop(make_database, tmp_path):
    return Drop(make_database(), tmp_path)


def rejected(drop):
    return [(row["line"], row["rule"]) for row in drop.rejected()]


def test_append_adds_rows_to_those_there(drop):
    drop.declare(readings=ROWS)

    drop.drop("readings/a.csv", csv((1, "a", 1)))
    drop.drop("readings/b.csv", csv((1, "b", 1)))

    assert drop.rows() == [[1, "a"], [1, "b"]]


def test_upsert_takes_the_files_row_for_each_key_and_its_last_one(drop):
    drop.declare(readings=f'mode = "upsert"\nfile_column = "file"\n{KEY}{ROWS}')
    drop.drop("readings/a.csv", csv((1, "a", 1), (2, "a", 1)))

    report = drop.drop("readings/b.csv", csv((2, "b", 1), (3, "b", 1), (3, "last", 1)))

    assert (report.read, report.copied, report.repeated, report.rejected) == (3, 2, 1, 0)
    assert drop.rows() == [[1, "a"], [2, "b"], [3, "last"]]
    assert drop.rows(columns="id, file")[1] == [2, "drop/readings/b.csv"]


def test_a_file_that_replaces_its_partitions_leaves_the_others(drop):
    drop.declare(readings=f'mode = "replace-partition"\nreplace_by = ["model"]\n{ROWS}')
    drop.drop("readings/a.csv", csv((1, "a", 1), (2, "b", 1), (3, "", 1)))

    drop.drop("readings/b.csv", csv((7, "b", 1), (8, "", 1)))

    assert drop.rows() == [[1, "a"], [7, "b"], [8, None]]


def test_of_rows_with_one_key_the_first_stays_and_the_others_are_rejected(drop):
    drop.declare(readings=f'repeated = "reject"\n{KEY}{ROWS}')
    drop.drop("readings/a.csv", csv((1, "a", 1), (1, "again", 1), (2, "a", 1)))

    drop.drop("readings/b.csv", csv((2, "known", 1), (3, "b", 1), (3, "again", 1)))

    assert drop.rows() == [[1, "a"], [2, "a"], [3, "b"]]
    assert sorted(rejected(drop)) == [(2, "repeated"), (3, "repeated"), (4, "repeated")]
    assert drop.ledger() == [["loaded", 3, 2, 1], ["loaded", 3, 1, 2]]


def test_of_rows_with_one_key_the_last_stays_also_in_the_table(drop):
    drop.declare(readings=f'repeated = "keep-last"\n{KEY}{ROWS}')

    drop.drop("readings/a.csv", csv((1, "a", 1), (1, "last", 1), (2, "a", 1)))
    drop.drop("readings/b.csv", csv((2, "later", 1)))

    assert drop.rows() == [[1, "last"], [2, "later"]]
    assert drop.ledger("rows_copied, rows_repeated, rows_rejected") == [[2, 1, 0], [1, 0, 0]]


def test_a_file_that_is_still_being_read_holds_up_no_other_of_its_table(drop):
    drop.declare(readings=f'mode = "upsert"\nnew_content = "replace"\nfile_column = "file"\n{KEY}{ROWS}')
    drop.drop("readings/a.csv", csv((1, "first", 1)))
    again, other = (drop.put(f"readings/{name}.csv", csv((1, name, 1))) for name in "ab")

    drop.load(again, lambda ports: replace(ports, objects=Meanwhile(drop.objects, lambda: drop.load(other))))

    assert drop.rows(columns="model, file") == [["a", "drop/readings/a.csv"]]


class Meanwhile:
    """Does something before a file is read."""

    def __init__(self, objects, do):
        self.objects, self.do = objects, do

    def read(self, dropped):
        self.do()
        return self.objects.read(dropped)


def test_a_file_waits_for_its_turn_longer_than_for_other_locks(drop):
    drop.declare(readings=f'mode = "upsert"\n{KEY}{ROWS}')
    dropped = drop.put("readings/a.csv", csv((1, "a", 1)))
    load = threading.Thread(target=drop.load, args=(dropped, lambda ports: replace(ports, lock_seconds=0.1)))

    with connect(parse_url(drop.url), TARGET) as other, transaction(other, 5):
        other.run(staging.LOCK, name='"public"."readings"')
        load.start()
        while not drop.ask(WAITING):
            other.run("SELECT pg_sleep(0.01)")
        other.run("SELECT pg_sleep(0.3)")
    load.join()

    assert drop.rows() == [[1, "a"]]


WAITING = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_long_rows_that_are_rejected_together_are_not_in_memory_together(drop):
    drop.declare(readings=f'repeated = "reject"\n{KEY}{ROWS}')
    dropped = drop.put("readings/a.csv", csv(*((1, "x" * 900_000, n) for n in range(30))))

    tracemalloc.start()
    report = drop.load(dropped)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert report.rejected == 29
    assert peak < 2.5 * dropped.bytes  # of which these tests' bucket takes two


def test_rows_that_repeat_a_declared_key_unasked_are_refused_by_the_table(drop):
    drop.declare(readings=f"{KEY}{ROWS}")

    drop.drop("readings/a.csv", csv((1, "a", 1), (1, "again", 1), ("", "none", 1)))

    assert drop.rows() == [[1, "a"]]
    assert rejected(drop) == [(3, "constraint"), (4, "constraint")]


def test_staged_rows_that_a_constraint_refuses_go_to_quarantine_alone(drop):
    drop.declare(readings=f'mode = "upsert"\n{KEY}{ROWS}')
    drop.ask("CREATE TABLE public.readings (id integer PRIMARY KEY, model text, fuel integer CHECK (fuel < 50))")

    drop.drop("readings/a.csv", csv(*((n, "a", 60 if n in {3, 7, 11} else 5) for n in range(20))))

    assert len(drop.rows()) == 17
    assert rejected(drop) == [(5, "constraint"), (9, "constraint"), (13, "constraint")]


def test_values_arrive_as_they_are_whatever_they_hold(drop):
    drop.declare(readings=ROWS, staged=f'mode = "upsert"\n{KEY}{ROWS}')
    texts = ["tab\there", "back\\slash", "\\N", 'quo""te', "line\nbreak", "cr\r\nlf", "ünï→", "a:b :c", "'"]
    body = csv(*((n, f'"{text}"', 1) for n, text in enumerate(texts)))

    for table in ("readings", "staged"):
        drop.drop(f"{table}/a.csv", body)

        assert [row[1] for row in drop.rows(table)] == [text.replace('""', '"') for text in texts]


@pytest.mark.parametrize("mode", ["", 'file_column = "file"\n', f'mode = "upsert"\n{KEY}'])
def test_null_and_the_empty_text_stay_apart(drop, mode):
    drop.declare(readings=f"{mode}{ROWS}")

    drop.drop("readings/a.csv", 'id,model,fuel\n1,,\n2,"",3\n')

    assert drop.rows() == [[1, None], [2, ""]]


def test_columns_load_by_name_in_any_order(drop):
    drop.declare(readings=ROWS)

    drop.drop("readings/a.csv", "fuel,id,model\n9,1,a\n")

    assert drop.rows(columns="id, model, fuel") == [[1, "a", 9]]
