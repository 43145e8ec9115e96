"""Servers made of another's data: hot standbys and restores, and what a test does to them."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local.postgres.binaries import own, run_unprivileged
from local.postgres.embedded import HOST, EmbeddedPostgres, embedded_postgres
from tests.acceptance.shop import ask
from utils.postgres.url import parse_url

STUCK = 0.2  # seconds without progress after which replay waits for a query
PATIENCE = 30.0  # seconds until a test gives up on a server
CARELESS = {"fsync": "off", "max_prepared_transactions": "20"}
STANDBY = {
    **CARELESS,
    "max_standby_streaming_delay": "0",  # the replay never waits for a query: it cancels it
    "wal_retrieve_retry_interval": "100ms",
}


def on(server: EmbeddedPostgres, query: str, database: str = "postgres", **parameters: object) -> list[list[object]]:
    """Run a statement on a server."""
    return ask(parse_url(server.url(database)), query, **parameters)


def await_true(found: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, "the servers took too long"
        time.sleep(0.02)


def copy_by_backup(server: EmbeddedPostgres, signal: str) -> Callable[[Path, Path], None]:
    """Return what makes a data folder from a running server's; `signal` says what it is to become."""

    def make(programs: Path, data: Path) -> None:
        address = ["-h", HOST, "-p", str(server.port), "-U", "postgres"]
        options = ["-D", str(data), "--checkpoint=fast", "--no-sync"]
        done = run_unprivileged(programs / "pg_basebackup", *address, *options)
        assert done.returncode == 0, done.stderr
        (data / signal).touch()
        own(data / signal)

    return make


@contextlib.contextmanager
def run_standby(primary: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """Run a hot standby that streams from a primary."""
    settings = {**STANDBY, "primary_conninfo": f"host={HOST} port={primary.port} user=postgres"}
    with embedded_postgres(settings=settings, make_data=copy_by_backup(primary, "standby.signal")) as server:
        yield server


@dataclass(frozen=True)
class Pair:
    """A primary and the standby that streams from it."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres

    def catch_up(self) -> None:
        """Wait until the standby has replayed all that the primary has written."""
        written = on(self.primary, "SELECT pg_current_wal_insert_lsn()::text")[0][0]
        on(self.primary, "SELECT pg_log_standby_snapshot()")  # which has the WAL before it written out
        replayed = "SELECT pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn)"
        await_true(lambda: on(self.standby, replayed, written=written)[0][0])

    def await_replay_or_conflict(self) -> None:
        """Wait until the standby has replayed all that the primary has written, or replays no more of it."""
        written = on(self.primary, "SELECT pg_current_wal_insert_lsn()::text")[0][0]
        on(self.primary, "SELECT pg_log_standby_snapshot()")
        await_true(lambda: on(self.standby, f"SELECT pg_last_wal_receive_lsn() >= '{written}'")[0][0])
        replayed = None
        while replayed != (replayed := on(self.standby, "SELECT pg_last_wal_replay_lsn()")):
            time.sleep(STUCK)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Hold the standby's replay for as long as the block lasts."""
        on(self.standby, "SELECT pg_wal_replay_pause()")
        await_true(lambda: on(self.standby, "SELECT pg_get_wal_replay_pause_state()") == [["paused"]])
        try:
            yield
        finally:
            on(self.standby, "SELECT pg_wal_replay_resume()")


def copy_folder(source: Path, target: Path) -> None:
    """Copy the data folder of a stopped server, for the user that runs servers."""
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        own(path)


ARCHIVING = {**CARELESS, "archive_mode": "on", "archive_command": "cp %p ../%f.part && mv ../%f.part ../%f"}


def mark_restore_point(server: EmbeddedPostgres, name: str) -> None:
    """Name this moment of an archiving server, and have the log up to it archived."""
    query = "SELECT pg_walfile_name(pg_create_restore_point(:name))"
    segment = str(on(server, query, name=name)[0][0])
    on(server, "SELECT pg_switch_wal()")
    await_true((server.folder / segment).exists)


@contextlib.contextmanager
def run_restored(server: EmbeddedPostgres, backup: Path, point: str) -> Iterator[EmbeddedPostgres]:
    """Run a server restored from a backup of another and its archive, to a named point and a new timeline."""
    settings = {
        **CARELESS,
        "restore_command": f"cp {server.folder}/%f %p",
        "recovery_target_name": point,
        "recovery_target_action": "promote",
    }
    make = lambda _programs, data: copy_folder(backup, data)  # noqa: E731
    with embedded_postgres(settings=settings, make_data=make) as restored:
        await_true(lambda: on(restored, "SELECT NOT pg_is_in_recovery()")[0][0])
        yield restored


def control(server: EmbeddedPostgres, *command: str) -> None:
    """Stop or start a server where it is."""
    options = ["-w", "-D", server.folder / "data", "-l", server.folder / "log"]
    done = run_unprivileged(server.programs / "pg_ctl", *command, *options)
    assert done.returncode == 0, done.stderr
