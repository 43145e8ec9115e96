"""One transaction a batch: whole or not at all, in order, once, and only from the store it belongs to."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from load.warehouse import ledger
from load.warehouse.pipeline import load_pending
from load.warehouse.session import lock_warehouse
from load.warehouse.wiring import WAREHOUSE
from tests.fakes import Crash, Fuse, FusedSession
from tests.load_factories import TO_STAFF, Place, dimension, fact, names
from utils.deadline import no_deadline
from utils.errors import IntegrityError, WarehouseBusyError, WarehouseUnavailableError
from utils.postgres.connection import connect
from utils.postgres.session import transaction
from utils.postgres.url import parse_url
from utils.store import DataFile

STEPS = 200  # more than a load has; the loop ends when a load outlives its fuse
LEDGER = "SELECT batch FROM starlift.ledger ORDER BY 1"


@pytest.fixture
def place(make_database, tmp_path):
    return Place(make_database(), tmp_path)


@contextmanager
def other_session(place):
    with connect(parse_url(place.url), WAREHOUSE) as session:
        yield session


class WatchedSession:
    """A session that runs a check after every statement."""

    def __init__(self, session, check):
        self._session, self._check = session, check

    def run(self, sql, **parameters):
        found = self._session.run(sql, **parameters)
        if sql != "COMMIT":
            self._check(sql)
        return found

    def __getattr__(self, name):
        return getattr(self._session, name)


def both(number):
    """Return a dimension and a fact that change in every batch."""
    return dimension().bringing((1, f"ann {number}")), fact(references=TO_STAFF).bringing((1, 1, number))


def load_with(place, wrap):
    with place.ports() as ports:
        return load_pending("run-1", replace(ports, warehouse=wrap(ports.warehouse)), no_deadline)


def test_pending_batches_load_oldest_first_and_the_answer_adds_them_up(place):
    for number in (1, 2):
        place.transform(*both(number))

    answer = place.load()

    assert (answer["run_id"], answer["batches"], answer["more"]) == ("run-1", [1, 2], False)
    assert answer["tables"]["fact_sale"] == {"loaded": 2, "skipped": 0, "quarantined": 0, "deleted": 0, "late": 0}
    assert place.ask("SELECT units FROM fact_sale ORDER BY fact_sale_record_id") == [[1], [2]]


def test_loading_again_changes_nothing(place):
    place.bring(*both(1))
    before = place.dump()

    answer = place.load()

    assert answer == {"run_id": "run-1", "batches": [], "tables": {}, "more": False}
    assert place.dump() == before


def test_a_deadline_ends_the_loop_after_one_batch_at_least(place):
    for number in (1, 2):
        place.transform(*both(number))

    answers = [place.load(deadline=lambda _longest: False) for _ in range(2)]

    assert [(answer["batches"], answer["more"]) for answer in answers] == [([1], True), ([2], False)]


def test_a_reader_never_sees_half_a_batch(place):
    place.bring(*both(1))
    seen = set()
    with other_session(place) as reader:

        def look(_sql):
            rows = reader.run("SELECT name, units FROM dim_staff CROSS JOIN current_fact_sale")
            seen.update(map(tuple, rows))

        place.transform(*both(2))
        load_with(place, lambda session: WatchedSession(session, look))
        assert seen == {("ann 1", 1)}
        look("")
        assert seen == {("ann 1", 1), ("ann 2", 2)}


@pytest.mark.parametrize("batch", [1, 2])
def test_a_crash_at_any_step_leaves_everything_as_it_was(place, batch):
    for number in range(1, batch):
        place.bring(*both(number))
    place.transform(*both(batch))
    before = place.dump()
    for step in range(1, STEPS):
        fuse = Fuse(blow_at=step)
        try:
            load_with(place, lambda session, fuse=fuse: FusedSession(session, fuse))
        except Crash:
            committed = place.dump() != before
            assert not committed or names(place.ask(LEDGER))[-1] == batch
            if committed:
                break
        else:
            break
    assert step > 20


def test_a_killed_connection_leaves_nothing_and_the_next_load_heals(place):
    place.transform(*both(1))
    others = "pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"

    def kill_in_merge(sql):
        if sql.startswith("INSERT INTO"):
            place.ask(f"SELECT pg_terminate_backend(pid) FROM {others}")

    with pytest.raises(WarehouseUnavailableError):
        load_with(place, lambda session: WatchedSession(session, kill_in_merge))

    assert place.dump() == [[], {}]
    assert place.load()["batches"] == [1]


def test_a_second_load_waits_no_longer_than_the_lock_timeout_and_may_be_retried(place):
    place.transform(*both(1))
    with other_session(place) as other:
        other.run("BEGIN")
        lock_warehouse(other, "public")

        with pytest.raises(WarehouseBusyError):
            place.load(lock_seconds=0.1)

        other.run("COMMIT")
    assert place.load()["batches"] == [1]


def test_a_load_that_finds_its_batch_loaded_meanwhile_does_nothing(place):
    place.transform(*both(1))
    answers = []
    with other_session(place) as other:
        other.run("BEGIN")
        lock_warehouse(other, "public")
        loads = [threading.Thread(target=lambda: answers.append(place.load())) for _ in range(2)]
        for load in loads:
            load.start()
        time.sleep(0.5)
        other.run("COMMIT")
        for load in loads:
            load.join(30)

    assert sorted(len(answer["batches"]) for answer in answers) == [0, 1]
    assert place.ask("SELECT count(*) FROM fact_sale") == [[1]]


@pytest.fixture
def interruptible():
    """Let SIGINT interrupt, though a shell that put the tests into the background had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_rows_are_copied_neither_hangs_nor_commits(place):
    place.transform(*both(1))

    class Interrupted:
        def __init__(self, session):
            self._session = session

        def copy_in(self, statement, blocks):
            def interrupted():
                yield next(iter(blocks))
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1)

            return self._session.copy_in(statement, interrupted())

        def __getattr__(self, name):
            return getattr(self._session, name)

    with pytest.raises(KeyboardInterrupt):
        load_with(place, Interrupted)

    assert place.dump() == [[], {}]


def test_an_unreadable_parquet_file_stops_the_load_by_its_name(place):
    written = place.store.write("dim_staff/bad.parquet", [b"PAR1 nonsense PAR1"])
    file = DataFile("dim_staff/bad.parquet", 1, written.bytes, written.sha256)
    place.transform(tables=(replace(dimension().table, rows=(file,)),))

    with pytest.raises(IntegrityError, match=r"dim_staff/bad\.parquet"):
        place.load()


def test_a_store_with_fewer_batches_than_the_warehouse_is_refused(place, tmp_path):
    for number in (1, 2):
        place.bring(*both(number))
    other = Place(place.url, tmp_path / "other")
    other.folder.mkdir()
    other.transform(*both(1))

    with pytest.raises(IntegrityError, match="ends at batch 1, but the warehouse holds batch 2"):
        other.load()


def test_a_store_that_does_not_chain_to_the_ledger_is_refused_and_changes_nothing(place):
    place.bring(*both(1))
    before = place.dump()
    place.transform(*both(2), predecessor="f" * 64)

    with pytest.raises(IntegrityError, match=r"follows a batch with checksum ffffffffffff\.\.\., but"):
        place.load()
    assert place.dump() == before


def test_an_empty_warehouse_starts_at_the_base_when_the_first_batch_is_not_there(place):
    place.transform(*both(4), number=4, base=4)
    place.transform(*both(5), number=5, base=4)
    place.store.put("_log/newest", b"5")

    assert place.load()["batches"] == [4, 5]


def test_the_highest_attempt_at_a_batch_counts(place):
    place.transform(dimension().bringing((1, "wrong")))
    place.transform(dimension().bringing((1, "right")), number=1, attempt=2)

    place.load()

    assert place.ask("SELECT name, attempt FROM dim_staff, starlift.ledger") == [["right", 2]]


def test_the_ledger_tells_what_was_loaded_newest_first(place):
    with other_session(place) as session:
        assert ledger.read_recent(session, 5) == []
        assert ledger.read_last(session) is None

    for number in (1, 2):
        place.bring(*both(number))

    with other_session(place) as session:
        rows = ledger.read_recent(session, 5)
        assert ledger.read_last(session) == rows[0]
    assert [(row.batch, row.landing_checksum[-1], row.tables["fact_sale"]["loaded"]) for row in rows] == [
        (2, "2", 1),
        (1, "1", 1),
    ]


def test_a_role_without_create_loads_into_a_prepared_warehouse(place, postgres_server):
    place.bring(*both(1))
    role = f"loader_{os.getpid()}"
    place.ask(
        f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA public, starlift TO {role}; "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, starlift TO {role}; "
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
    )
    database = place.url.rpartition("/")[2].partition("?")[0]
    place.transform(*both(2))

    mine = Place(postgres_server.url(database, role), place.folder)
    try:
        assert mine.load()["batches"] == [2]
    finally:
        place.ask(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_the_warehouse_schema_is_created_and_nothing_else_is_touched(make_database, tmp_path):
    place = Place(make_database(), tmp_path, schema='Star "x"')

    place.bring(*both(1))

    assert place.ask('SELECT units FROM "Star ""x""".current_fact_sale') == [[1]]
    assert place.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [[0]]


def test_fetched_files_are_gone_after_the_batch(place):
    place.bring(*both(1))

    assert list(place.folder.glob("starlift-load-*")) == []


def test_nothing_pending_is_answered_without_duckdb(place):
    script = (
        "import sys; from tests.load_factories import Place; from pathlib import Path; "
        "duckdb = [sys.modules.pop(name) for name in list(sys.modules) if name.split('.')[0] == 'duckdb']; "
        f"Place({place.url!r}, Path({str(place.folder)!r})).load(); print('duckdb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "False\n"


def test_the_locks_holder_may_not_idle_in_its_transaction_for_hours(place):
    with other_session(place) as session, transaction(session, 5):
        timeouts = "'idle_in_transaction_session_timeout', 'lock_timeout'"
        found = session.run(f"SELECT setting FROM pg_settings WHERE name IN ({timeouts}) ORDER BY name")

    assert found == [["300000"], ["5000"]]
