"""A streaming standby as the source: nothing lost, conflicts and lag retried, a promotion noticed."""

import contextlib
import threading
from dataclasses import replace

import pytest

from extraction.database.wiring import open_source
from local.postgres.embedded import embedded_postgres
from tests.acceptance.shop import make_world
from tests.acceptance.sources import assert_refused, place_of
from tests.acceptance.test_concurrent_writers import write_until
from tests.fakes import Fuse
from tests.replication import CARELESS, Pair, await_true, on, run_standby
from utils.errors import SourceBehindError, SourceUnavailableError
from utils.postgres.url import parse_url

pytestmark = pytest.mark.timeout(120)

WRITERS = 3
BATCHES, TRANSACTIONS = 8, 30  # beside each other


@pytest.fixture(scope="module")
def pair():
    with embedded_postgres(settings=CARELESS) as primary, run_standby(primary) as standby:
        yield Pair(primary, standby)


@pytest.fixture
def primary_world(pair, make_database, tmp_path):
    name = tmp_path.name
    on(pair.primary, f'CREATE DATABASE "{name}"')
    yield make_world(tmp_path, pair.primary.url(name), make_database())
    on(pair.primary, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def world(pair, primary_world):
    """Read the standby; edits go to the primary."""
    pair.catch_up()
    return replace(primary_world, source=parse_url(pair.standby.url(primary_world.source.database)))


def edit(pair, world, statement):
    """Change the primary, and let the standby replay it."""
    on(pair.primary, statement, world.source.database)
    pair.catch_up()


@contextlib.contextmanager
def open_transaction(world, statement):
    """Hold a transaction open on the primary; the caller commits it."""
    with open_source(world.source) as session:
        session.run("BEGIN")
        session.run(statement)
        yield session


class AtStep(Fuse):
    """Does something at one of a run's side effects, instead of killing it."""

    def __init__(self, step, action):
        super().__init__()
        self.step, self.action = step, action

    def burn(self):
        super().burn()
        if self.steps == self.step:
            self.action()


def test_a_standby_is_read_like_a_primary(pair, world):
    world.run()
    edit(pair, world, "UPDATE sale SET units = 70 WHERE sale_id = 1")
    edit(pair, world, "UPDATE team SET title = 'west' WHERE team_id = 2")

    number = world.run()

    assert number == 2
    assert world.versions(1) == [1, 70]
    world.assert_equal()


def test_a_change_that_commits_on_the_primary_after_later_ones_is_not_lost(pair, world, primary_world):
    world.run()
    with open_transaction(primary_world, "UPDATE sale SET units = 70 WHERE sale_id = 1") as late:
        for units in (71, 72):
            edit(pair, world, f"UPDATE sale SET units = {units} WHERE sale_id = 2")
            world.run()
        held = world.versions(1)
        late.run("COMMIT")
    pair.catch_up()

    world.run()

    assert held == [1]
    assert (world.versions(1), world.versions(2)) == ([1, 70], [2, 71, 72])
    world.assert_equal()


def run_beside_writers(world, done):
    """Run until there are enough batches and transactions, again where replay cancels a run."""
    batches = 0
    while batches < BATCHES or sum(done.values()) < TRANSACTIONS:
        with contextlib.suppress(SourceUnavailableError):
            batches += world.run() is not None


def test_no_committed_change_is_lost_beside_writers_on_the_primary(pair, world, primary_world):
    stop, done = threading.Event(), {}
    writing = [(stop, primary_world.source, seed, done) for seed in range(WRITERS)]
    writers = [threading.Thread(target=write_until, args=arguments) for arguments in writing]
    for writer in writers:
        writer.start()
    run_beside_writers(world, done)
    stop.set()
    for writer in writers:
        writer.join(30)
    pair.catch_up()
    world.run()

    world.assert_equal()
    assert world.ask_source(SALES) == primary_world.ask_source(SALES)


CLERKS = "SELECT clerk_id, md5(name) FROM dim_clerk ORDER BY 1"
SALES = "SELECT * FROM sale ORDER BY 1"
SMALL = "UPDATE clerk SET name = name || '!'"
LARGE = "UPDATE clerk SET name = repeat(md5(name), 200000)"  # 25 MB, more than the sockets between hold
VACUUM = ("DELETE FROM sale WHERE sale_id = 12", "VACUUM sale")
LOCK = ("ALTER TABLE clerk ADD COLUMN note text",)


@pytest.mark.parametrize(
    ("change", "conflict"),
    [(SMALL, VACUUM), (LARGE, VACUUM), (LARGE, LOCK)],
    ids=["vacuum between copies", "vacuum within a copy", "lock within a copy"],
)
def test_a_run_that_replay_cancels_is_retried_and_heals(pair, world, change, conflict):
    def cancel():
        for statement in conflict:
            on(pair.primary, statement, world.source.database)
        pair.await_replay_or_conflict()

    world.run()
    edit(pair, world, "UPDATE sale SET units = 101 WHERE sale_id = 1")
    edit(pair, world, change)

    # A connection that is reset takes the server's last words with it.
    with pytest.raises(SourceUnavailableError, match=r"conflict with recovery|cannot be reached"):
        world.run(AtStep(1, cancel))
    world.run()

    assert world.ask_warehouse("SELECT count(*) FROM starlift.ledger") == [[2]]
    assert world.versions(1) == [1, 101]
    assert world.ask_warehouse(CLERKS) == world.ask_source(CLERKS.replace("dim_", ""))


def test_a_standby_behind_the_last_batch_is_retried_until_it_caught_up(pair, world, primary_world):
    world.run()
    with pair.paused():
        on(pair.primary, "UPDATE sale SET units = 70 WHERE sale_id = 1", world.source.database)
        primary_world.run()
        with pytest.raises(SourceBehindError, match="has not caught up"):
            world.run()
    edit(pair, world, "UPDATE sale SET units = 71 WHERE sale_id = 1")

    world.run()

    assert world.versions(1) == [1, 70, 71]
    world.assert_equal()


def test_a_standby_behind_the_last_batch_is_noticed_though_both_have_the_same_transaction_open(
    pair, world, primary_world
):
    world.run()
    with open_transaction(primary_world, "UPDATE sale SET units = 60 WHERE sale_id = 3"):
        edit(pair, world, "UPDATE sale SET units = 69 WHERE sale_id = 1")
        with pair.paused():
            on(pair.primary, "UPDATE sale SET units = 70 WHERE sale_id = 1", world.source.database)
            primary_world.run()
            with pytest.raises(SourceBehindError, match="has not caught up"):
                world.run()
        pair.catch_up()
        world.run()

    assert world.versions(1) == [1, 70]


def test_the_source_may_be_the_primary_in_one_run_and_its_standby_in_the_next(pair, world, primary_world):
    with open_transaction(primary_world, "UPDATE sale SET units = 60 WHERE sale_id = 3") as late:
        for number, source in enumerate([world, primary_world] * 2):
            edit(pair, world, f"UPDATE sale SET units = 70 + {number} WHERE sale_id = 1")
            source.run()
        late.run("COMMIT")
    pair.catch_up()
    world.run()

    assert world.versions(1) == [70, 71, 72, 73]
    assert world.versions(3) == [3, 60]
    world.assert_equal()


@pytest.fixture
def promotable(pair, primary_world):
    """A standby of its own for a test that promotes it."""
    with run_standby(pair.primary) as standby:
        found = Pair(pair.primary, standby)
        found.catch_up()
        yield found


def promote(pair, world):
    """Promote the standby while it has much to write, so that its first checkpoint takes a while."""
    on(pair.primary, "CREATE TABLE ballast AS SELECT i FROM generate_series(1, 100000) i", world.source.database)
    pair.catch_up()
    assert on(pair.standby, "SELECT pg_promote()") == [[True]]


def test_a_standby_promoted_after_the_primary_was_read_needs_a_resync(promotable, primary_world):
    world, place = primary_world, place_of(primary_world, promotable.standby)
    world.run()
    with promotable.paused():
        world.ask_source("UPDATE sale SET units = 70 WHERE sale_id = 1")
        world.run()
    promote(promotable, world)
    place.ask("UPDATE sale SET units = 71 WHERE sale_id = 2")

    assert_refused(place)
    assert place.starlift("run", "--resync").exit_code == 0

    assert (world.versions(1), world.versions(2)) == ([1, 70], [2, 71])
    assert place.answer("verify")["equal"]
    assert place.answer("run")["batch"] is None


def test_a_standby_promoted_without_any_change_needs_a_resync_that_makes_no_version(promotable, primary_world):
    world, place = primary_world, place_of(primary_world, promotable.standby)
    place.starlift("run")
    promote(promotable, world)

    assert_refused(place)
    assert place.starlift("run", "--resync").exit_code == 0

    assert world.ask_warehouse("SELECT count(*) FROM fact_sale") == [[12]]
    assert place.answer("run")["batch"] is None


def test_a_standby_that_follows_a_promoted_one_needs_a_resync_too(promotable, primary_world):
    timeline = "SELECT received_tli FROM pg_stat_wal_receiver WHERE status = 'streaming'"
    with run_standby(promotable.standby) as follower:
        primary_world.run()
        Pair(promotable.primary, follower).catch_up()
        on(promotable.standby, "SELECT pg_promote()")
        await_true(lambda: on(follower, timeline) == [[2]])
        primary_world.ask_source("UPDATE sale SET units = 70 WHERE sale_id = 1")
        primary_world.run()  # the old primary does not know yet that it is no longer one

        assert_refused(place_of(primary_world, follower))
