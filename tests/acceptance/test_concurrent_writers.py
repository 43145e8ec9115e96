"""Writers that commit late, roll back, edit in silence and use savepoints, beside runs that never wait for them."""

import random
import threading
import time

import pytest
from pg8000.exceptions import DatabaseError

from extraction.database.wiring import open_source
from local.warehouse.verification import verify
from tests.acceptance.shop import make_world

SECONDS = 12.0
WRITERS = 4


@pytest.fixture
def world(make_database, tmp_path):
    return make_world(tmp_path, make_database(), make_database())


def edit(session, dice, number):
    """Do one random thing to one row."""
    row = {"id": dice.randint(1, 12), "units": number}
    choice = dice.randrange(5)
    if choice == 0:
        session.run("UPDATE sale SET units = :units, last_updated = now() WHERE sale_id = :id", **row)
    elif choice == 1:
        session.run("UPDATE sale SET units = :units WHERE sale_id = :id", **row)  # in silence
    elif choice == 2:
        session.run("UPDATE sale SET clerk_id = 1 + :units % 4 WHERE sale_id = :id", **row)
    elif choice == 3:
        session.run("UPDATE team SET title = :title WHERE team_id = :id", title=f"team {number}", id=1 + number % 2)
    else:
        values = "(:id, 1 + :id % 4, 1, '2024-05-05')"
        session.run(f"INSERT INTO sale VALUES {values} ON CONFLICT (sale_id) DO NOTHING", id=1000 + number)


def write_one_transaction(session, dice, number):
    """Edit, perhaps under a savepoint, hold the transaction open for a while, then commit or roll back."""
    session.run("BEGIN")
    edit(session, dice, number)
    session.run("SAVEPOINT before")
    edit(session, dice, number + 1)
    if dice.random() < 0.3:
        session.run("ROLLBACK TO SAVEPOINT before")
    time.sleep(dice.random() * dice.choice([0.01, 0.05, 1.0]))
    session.run("ROLLBACK" if dice.random() < 0.2 else "COMMIT")


def write_until(stop, url, seed, done):
    dice = random.Random(seed)
    with open_source(url) as session:
        for number in range(seed * 100_000, seed * 100_000 + 100_000, 2):
            if stop.is_set():
                return
            try:
                write_one_transaction(session, dice, number)
            except DatabaseError:  # a deadlock between writers is theirs to bear
                session.run("ROLLBACK")
            done[seed] = done.get(seed, 0) + 1


def test_no_committed_change_is_lost_beside_concurrent_writers(world):
    stop, done = threading.Event(), {}
    writers = [threading.Thread(target=write_until, args=(stop, world.source, seed, done)) for seed in range(WRITERS)]
    for writer in writers:
        writer.start()
    deadline, batches = time.monotonic() + SECONDS, 0
    while time.monotonic() < deadline:
        batches += world.run() is not None
    stop.set()
    for writer in writers:
        writer.join(30)
    world.run()

    world.assert_equal()
    assert all(table.is_equal and not table.pending for table in verify(world.project, world.source, world.warehouse))
    assert batches > 5
    assert sum(done.values()) > 50


def test_no_two_neighbouring_versions_of_a_fact_are_equal(world):
    for number in range(3):
        world.run()
        world.ask_source("UPDATE sale SET units = units + :more WHERE sale_id % 2 = 0", more=number % 2)

    world.run()

    assert world.versions(1) == [1]
    assert world.versions(2) == [2, 3]
