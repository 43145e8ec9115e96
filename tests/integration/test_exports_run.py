"""Exports taken from their folder to the target by one command: `starlift exports run`."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cli.main import app
from local.exports import run as exports_run
from utils.registry.sqlite import SqliteRegistry

HEADER = "id,item,amount\n"
V1 = HEADER + "1,pen,1.50\n2,ink,2.50\n3,,3.50\n"
V2 = HEADER + '1,pen,1.50\n2,"",9.99\n4,pad,4.50\n'
ROWS_V1 = [[1, "pen", "1.50"], [2, "ink", "2.50"], [3, None, "3.50"]]
ROWS_V2 = [[1, "pen", "1.50"], [2, "", "9.99"], [4, "pad", "4.50"]]


class Shop:
    """A project, a folder in which exports arrive, and the command over them."""

    def __init__(self, place, **settings):
        self.place, self.folder = place, place.folder
        (self.folder / "exports").mkdir()
        self.declare(**settings)

    def declare(self, **settings):
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in {"key": ["id"], **settings}.items()]
        (self.folder / "exports" / "orders.toml").write_text("".join(lines))

    def deliver(self, version, content=V1, file="orders.csv"):
        path = self.folder / "arrived" / "acme" / "orders" / version / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def options(self, verb="run"):
        places = {"--project": self.folder, "--exports": self.folder / "arrived", "--registry": self.registry}
        changes = ["--changes", str(self.folder / "changes")] if verb == "run" else []
        found = [str(part) for pair in places.items() for part in pair]
        return [*found, "--warehouse", self.place.url, *changes]

    @property
    def registry(self):
        return self.folder / "registry.sqlite"

    def run(self, *more):
        return CliRunner().invoke(app, ["exports", "run", "acme/orders", *more, *self.options()])

    def resync(self):
        return CliRunner().invoke(app, ["exports", "resync", "acme/orders", "--yes", *self.options("resync")])

    def rows(self):
        return [[*row[:2], str(row[2])] for row in self.place.ask("SELECT id, item, amount FROM orders ORDER BY id")]

    def end_lease(self):
        registry = SqliteRegistry(self.registry)
        assert registry.write(replace(registry.head("acme/orders"), lease_until=0), ())

    def statuses(self):
        return {entry.version: entry.status.value for entry in SqliteRegistry(self.registry).entries("acme/orders")}


@pytest.fixture
def shop(target):
    return Shop(target)


def test_every_version_that_arrived_reaches_the_target_in_order_and_once(shop):
    shop.deliver("v2", V2)
    shop.deliver("v1", V1)

    result = shop.run()

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "acme/orders v1 succeeded: 3 inserted, 0 updated, 0 deleted",
        "acme/orders v2 succeeded: 1 inserted, 1 updated, 1 deleted",
    ]
    assert shop.rows() == ROWS_V2
    assert "nothing complete and new" in shop.run().stdout


def test_a_long_run_tells_how_far_it_is(shop, monkeypatch):
    monkeypatch.setattr(exports_run, "TOLD_EVERY", 2)
    shop.deliver("v1")

    assert "applied                                        3 changes" in shop.run().stderr


def test_dropped_columns_wait_for_a_confirmation(shop):
    shop.deliver("v1")
    shop.deliver("v2", "id,item\n1,pen\n2,\n3,pad\n")

    assert "run it with --accept-dropped-columns" in " ".join(shop.run().stderr.split())
    assert shop.run("v2", "--accept-dropped-columns").exit_code == 0
    assert shop.rows() == [[1, "pen", "1.50"], [2, None, "2.50"], [3, "pad", "3.50"]]


@pytest.mark.parametrize(
    ("option", "reason"),
    [("--exports", "is not a folder"), ("--project", "A project is"), ("--registry", "There is no registry")],
)
def test_a_place_that_is_not_there_is_named_and_not_made(shop, option, reason):
    shop.deliver("v1")
    shop.run()
    verb = "resync" if option == "--registry" else "run"
    options = [*shop.options(verb), option, str(shop.folder / "typo")]

    refused = CliRunner().invoke(app, ["exports", verb, "acme/orders", *options])

    assert refused.exit_code != 0
    assert reason in " ".join(refused.stderr.split())
    assert not (shop.folder / "typo").exists()


def test_a_version_waits_for_the_object_that_closes_it(shop):
    shop.declare(closed_by="_SUCCESS")
    shop.deliver("v1")

    assert "nothing complete and new" in shop.run().stdout
    shop.deliver("v1", "", "_SUCCESS")
    assert "v1 succeeded" in shop.run().stdout


def test_a_change_that_the_target_refuses_stops_its_version_which_goes_on_once_that_is_mended(shop):
    shop.place.ask("ALTER TABLE orders DROP COLUMN item")
    shop.deliver("v1")

    refused = shop.run()
    shop.place.ask("ALTER TABLE orders ADD COLUMN item text")

    assert refused.exit_code == 1
    assert "lacks the column item" in refused.stderr
    assert shop.run().exit_code == 0
    assert shop.rows() == ROWS_V1


def test_many_deletes_wait_for_a_confirmation_of_that_version(shop):
    rows = HEADER + "".join(f"{number},pen,1.00\n" for number in range(20))
    shop.deliver("v1", rows)
    shop.deliver("v2", V1)

    assert "run it with --accept-deletes" in " ".join(shop.run().stderr.split())
    assert "Name it after TENANT/TABLE" in shop.run("--accept-deletes").stderr
    assert shop.run("v2", "--accept-deletes").exit_code == 0
    assert shop.rows() == ROWS_V1


def test_a_failed_version_does_not_keep_a_later_one_out(shop):
    shop.deliver("v1")
    shop.deliver("v2", HEADER + "1,pen,1\n1,pen,2\n")
    assert shop.run().exit_code == 1

    shop.deliver("v3", V2)

    assert shop.run().exit_code == 0
    assert shop.rows() == ROWS_V2
    assert shop.statuses() == {"v1": "succeeded", "v2": "superseded", "v3": "succeeded"}


def test_a_version_given_up_lets_the_next_one_in_which_a_resync_completes(shop):
    shop.deliver("v1", HEADER + "1,pen,1.50\n2,ink,many\n")
    assert "22P02" in shop.run().stderr
    given_up = ["exports", "give-up", "acme/orders", "v1", "--yes", "--registry", str(shop.registry)]
    assert CliRunner().invoke(app, given_up).exit_code == 0

    shop.deliver("v2", V2)

    assert shop.run().exit_code == 0
    assert shop.resync().exit_code == 0
    assert shop.rows() == ROWS_V2


def test_an_older_version_comes_back_only_by_a_replay(shop):
    for version, content in (("v1", V1), ("v2", V2)):
        shop.deliver(version, content)
    shop.run()

    assert shop.run("v1").exit_code == 0
    assert shop.rows() == ROWS_V2
    assert shop.run("v1", "--replay").exit_code == 0
    assert shop.rows() == ROWS_V1


def test_json_is_one_object_with_every_version_and_its_error(shop):
    shop.deliver("v1")
    shop.deliver("v2", HEADER + "1,pen,1\n1,pen,2\n")

    result = shop.run("--json")

    first, second = json.loads(result.stdout)["versions"]
    assert (first["status"], first["counts"]["inserted"]) == ("succeeded", 3)
    assert (second["status"], second["error"]["type"]) == ("failed", "DuplicateKeyError")
    assert result.exit_code == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_run_ended_by_a_signal_is_finished_by_the_next(shop, sent):
    shop.deliver("v1", HEADER + "".join(f"{number},pen,1.00\n" for number in range(20_000)))
    command = [sys.executable, "-c", "from cli.main import app; app()", "exports", "run", "acme/orders"]
    with subprocess.Popen([*command, *shop.options()], stderr=subprocess.PIPE, text=True) as process:
        while "20,000 inserted" not in process.stderr.readline():  # it publishes from here
            assert process.poll() is None
        os.kill(process.pid, sent)

    if sent is signal.SIGKILL:
        assert "LockHeldError" in shop.run().stderr
        shop.end_lease()
    assert shop.run().exit_code == 0
    assert len(shop.rows()) == 20_000
