"""A throw-away PostgreSQL server on this machine, gone when its user is."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from local.postgres.binaries import is_root, own, run_unprivileged, runnable_programs, unprivileged

HOST = "127.0.0.1"
ATTEMPTS = 3  # another program may take the free port before the server does
STOP_TIMEOUT = 30.0  # seconds; an immediate stop takes about 0.1
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
MakeData = Callable[[Path, Path], None]
"""Given PostgreSQL's programs and the path of a data folder, makes that folder."""

# The pipe at the guard's standard input closes when its starter ends, however it ends: even SIGKILL leaves
# neither a server nor a folder behind.
GUARD = 'read -r _; "$@" >/dev/null 2>&1; rm -rf -- "$0"'


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL did not start."""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server that trusts every connection from this machine."""

    port: int
    folder: Path
    guard: subprocess.Popen[str]
    programs: Path

    def url(self, database: str, user: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://{user}@{HOST}:{self.port}/{database}?sslmode=disable"

    def stop(self) -> None:
        """Stop the server and remove its data; stopping twice is harmless."""
        if self.guard.stdin:
            self.guard.stdin.close()
        self.guard.wait(STOP_TIMEOUT)


def create_cluster(programs: Path, data: Path) -> None:
    """Make the data folder of an empty cluster."""
    options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
    created = run_unprivileged(programs / "initdb", "-D", data, *options)
    if created.returncode:
        raise EmbeddedPostgresError(f"initdb failed: {created.stderr.strip()}")


@contextlib.contextmanager
def embedded_postgres(
    version: int = 18, settings: Mapping[str, str] = NO_SETTINGS, make_data: MakeData = create_cluster
) -> Iterator[EmbeddedPostgres]:
    """Run a server for as long as the block lasts, with an empty data directory unless another is made."""
    server = start_postgres(version, settings, make_data)
    try:
        yield server
    finally:
        server.stop()


def start_postgres(
    version: int = 18, settings: Mapping[str, str] = NO_SETTINGS, make_data: MakeData = create_cluster
) -> EmbeddedPostgres:
    """Start a server that ends with this process, or earlier by its `stop`."""
    folder = _make_folder()
    try:
        programs = runnable_programs(version, folder)
        make_data(programs, folder / "data")
        port = _start_server(programs, folder, settings)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return EmbeddedPostgres(port, folder, _start_guard(programs, folder), programs)


def _make_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="starlift-postgres-"))
    own(folder)
    if is_root() and run_unprivileged("test", "-w", folder).returncode:
        folder.rmdir()
        raise EmbeddedPostgresError(f"The user nobody cannot reach {folder.parent}: set TMPDIR to a folder it can.")
    return folder


def _start_server(programs: Path, folder: Path, settings: Mapping[str, str]) -> int:
    for _ in range(ATTEMPTS):
        port = _free_port()
        _write_settings(folder / "data", {**settings, "port": str(port)})
        started = run_unprivileged(programs / "pg_ctl", "start", "-w", "-D", folder / "data", "-l", folder / "log")
        if started.returncode == 0:
            return port
    log = (folder / "log").read_text(errors="replace")
    raise EmbeddedPostgresError(f"PostgreSQL did not start. Its log ends:\n{log[-2000:]}")


def _write_settings(data: Path, settings: Mapping[str, str]) -> None:
    fixed = {"listen_addresses": HOST, "unix_socket_directories": ""}
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in {**settings, **fixed}.items()]
    path = data / "postgresql.auto.conf"
    path.write_text("".join(lines))
    own(path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _start_guard(programs: Path, folder: Path) -> subprocess.Popen[str]:
    stop = [programs / "pg_ctl", "stop", "-w", "-m", "immediate", "-D", folder / "data"]
    command = ["/bin/sh", "-c", GUARD, str(folder), *map(str, stop)]
    # A session of its own, so that Ctrl-C reaches the starter first and not the guard.
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, **unprivileged())
