"""Databases that stop, connections that are cut, stores that are full or refuse: named, and healed by the next run."""

import itertools
import os
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from local.postgres.binaries import run_unprivileged
from local.postgres.embedded import embedded_postgres
from tests.acceptance.twins import make_twins
from tests.conftest import run_on_server
from tests.processes import NAMED
from tests.side_effects import Watched
from utils import errors

STEP = itertools.count(1)
NOTE = 1_000_000  # bytes of each sale's note: more than the sockets between hold
ROOM = 100_000  # bytes that a full disk has left
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'starlift%'"
SOURCE_POINTS = ("landing file: half written", "landing manifest: not written")
WAREHOUSE_POINTS = (
    "lock: not sent",
    "staging COPY: half sent",
    "merge: not sent",
    "ledger row: done",
    "commit: not sent",
)
FULL = {
    "extraction": "ResourceExhaustedError: No room left to write",
    "transformation": "ResourceExhaustedError: Scratch space cannot be used",
}
REFUSALS = {
    ("PutObject", "/landing/_log/0", 503, "SlowDown"): errors.ObjectStoreUnavailableError,
    ("PutObject", "/landing/_log/0", 409, "ConditionalRequestConflict"): errors.ObjectStoreUnavailableError,
    ("PutObject", "/landing/", 403, "AccessDenied"): errors.AccessDeniedError,
    ("PutObject", "/processed/", 500, "InternalError"): errors.ObjectStoreUnavailableError,
    ("PutObject", "/processed/_log/0", 403, "ExpiredToken"): errors.AccessDeniedError,
    ("GetObject", "/processed/_log/0", 503, "ServiceUnavailable"): errors.ObjectStoreUnavailableError,
    ("HeadObject", "/landing/", 403, "403"): errors.AccessDeniedError,
}

pytestmark = pytest.mark.timeout(600)


def restart(server):
    """Stop a server at once, as a power cut would, and start it again."""
    where = ["-D", server.folder / "data", "-l", server.folder / "log"]
    done = run_unprivileged(server.programs / "pg_ctl", "restart", "-w", "-m", "immediate", *where)
    assert done.returncode == 0, done.stderr


def cut(server):
    run_on_server(server, CUT)


class Once:
    """Does something the first time that a point is reached."""

    def __init__(self, point, disaster):
        self.point, self.disaster, self.done = point, disaster, False

    def __call__(self, point):
        if point == self.point and not self.done:
            self.done = True
            self.disaster()


@pytest.fixture(scope="module")
def servers():
    """Return a source's server and a warehouse's, which nobody else minds losing for a moment.

    The source confirms transactions before they are on disk: what a run saw must survive a crash all the same.
    """
    lazy = {"fsync": "off", "synchronous_commit": "off", "wal_writer_delay": "1s"}
    with embedded_postgres(settings=lazy) as source, embedded_postgres(settings={"fsync": "off"}) as warehouse:
        yield SimpleNamespace(source=source, warehouse=warehouse)


@pytest.fixture(scope="module")
def own_twins(servers, tmp_path_factory):
    """Return twins that have run once, on those servers; each test heals what it breaks."""
    for server, name in ((servers.source, "source"), (servers.warehouse, "one"), (servers.warehouse, "other")):
        run_on_server(server, f"CREATE DATABASE {name}")
    warehouses = servers.warehouse.url("one"), servers.warehouse.url("other")
    return begun(make_twins(tmp_path_factory.mktemp("own"), servers.source.url("source"), warehouses))


def begun(twins):
    """Let both twins run once."""
    twins.run()
    twins.assert_same()
    return twins


@pytest.mark.parametrize("point", SOURCE_POINTS)
@pytest.mark.parametrize("disaster", [restart, cut])
def test_a_source_lost_while_it_is_read_is_named_and_nothing_is_lost(own_twins, servers, disaster, point):
    own_twins.edit(next(STEP), NOTE)
    once = Once(point, lambda: disaster(servers.source))

    if point == "landing file: half written":
        with pytest.raises(errors.SourceUnavailableError):
            Watched(own_twins.disturbed.job, once).run()
    else:
        Watched(own_twins.disturbed.job, once).run()

    assert once.done
    own_twins.run()
    own_twins.assert_same()


@pytest.mark.parametrize("point", WAREHOUSE_POINTS)
@pytest.mark.parametrize("disaster", [restart, cut])
def test_a_warehouse_lost_while_it_is_loaded_is_named_and_the_batch_waits(own_twins, servers, disaster, point):
    own_twins.edit(next(STEP))

    with pytest.raises(errors.WarehouseUnavailableError):
        Watched(own_twins.disturbed.job, Once(point, lambda: disaster(servers.warehouse))).run()

    own_twins.run()
    own_twins.assert_same()


def test_a_warehouse_lost_after_the_commit_has_the_batch(own_twins, servers):
    own_twins.edit(next(STEP))
    once = Once("commit: done", lambda: restart(servers.warehouse))

    Watched(own_twins.disturbed.job, once).run()

    assert once.done
    own_twins.assert_same()


@pytest.mark.parametrize("stage", FULL)
def test_a_disk_that_is_full_is_named_and_leaves_no_batch(make_database, tmp_path, stage):
    twins = begun(make_twins(tmp_path, make_database(), (make_database(), make_database())))
    twins.edit(7, NOTE)
    if stage == "transformation":
        run_stages_until(twins, "extraction: ended")

    child = twins.start(file_bytes=ROOM)

    assert child.end() == NAMED
    assert child.points[-1].startswith(FULL[stage])
    twins.run()
    twins.assert_same()


def run_stages_until(twins, point):
    class EnoughError(Exception):
        pass

    def enough():
        raise EnoughError

    with pytest.raises(EnoughError):
        Watched(twins.disturbed.job, Once(point, enough)).run()


@pytest.fixture(scope="module")
def twins_of_bucket(postgres_server, bucket, tmp_path_factory):
    """Return twins of which the disturbed one keeps its batches in an emulated bucket, and has run once."""
    urls = []
    for name in ("source", "one", "other"):
        run_on_server(postgres_server, f"CREATE DATABASE outages_{os.getpid()}_{name}")
        urls.append(postgres_server.url(f"outages_{os.getpid()}_{name}"))
    twins = make_twins(tmp_path_factory.mktemp("bucket"), urls[0], (urls[1], urls[2]), f"{bucket.url}/store")
    return begun(replace(twins, disturbed=replace(twins.disturbed, environment=bucket.environment)))


@pytest.fixture
def bucket_twins(twins_of_bucket, bucket, monkeypatch):
    """Let this process find the bucket too, and not wait between an operation's attempts."""
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
    return twins_of_bucket


def answer(status, code):
    body = f"<Error><Code>{code}</Code><Message>for a test</Message></Error>".encode()
    raw = SimpleNamespace(stream=lambda **_: iter([body]), read=BytesIO(body).read)
    return AWSResponse("http://127.0.0.1", status, {}, raw)


def intercept(operation, handler):
    """Let a handler answer an operation's requests, or return None to let one through."""
    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register(f"before-send.s3.{operation}", handler)


@pytest.fixture
def usual_session():
    yield
    boto3.setup_default_session()


@pytest.mark.usefixtures("usual_session")
@pytest.mark.parametrize(("refusal", "named"), REFUSALS.items(), ids=[key[3] for key in REFUSALS])
def test_a_bucket_that_refuses_is_named_and_nothing_is_lost(bucket_twins, refusal, named):
    operation, part, status, code = refusal
    bucket_twins.edit(next(STEP))
    intercept(operation, lambda request, **_: answer(status, code) if part in request.url else None)

    with pytest.raises(named):
        Watched(bucket_twins.disturbed.job).run()

    bucket_twins.run()
    bucket_twins.assert_same()


@pytest.mark.usefixtures("usual_session")
def test_a_manifest_whose_answer_is_lost_is_the_runs_own(bucket_twins):
    bucket_twins.edit(next(STEP))
    lost = []

    def lose(request, **_):
        if "_log/0" not in request.url or request.url in lost:
            return None
        lost.append(request.url)
        URLLib3Session().send(request)
        return answer(503, "ServiceUnavailable")

    intercept("PutObject", lose)
    Watched(bucket_twins.disturbed.job).run()

    assert len(lost) == 2, "the landing manifest's answer and the processed one's"
    bucket_twins.assert_same()
