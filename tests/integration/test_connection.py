import itertools
import socket

import pytest

from utils.errors import (
    AccessDeniedError,
    ConfigurationError,
    QueryError,
    RowTooLargeError,
    SourceUnavailableError,
    WarehouseBusyError,
    WarehouseUnavailableError,
)
from utils.postgres.connection import Role, connect, named_errors
from utils.postgres.copy_out import READ_BYTES
from utils.postgres.url import parse_url

SOURCE = Role("source", SourceUnavailableError)
WAREHOUSE = Role("warehouse", WarehouseUnavailableError)
MEGABYTES = 100 << 20


@pytest.fixture
def url(make_database):
    return parse_url(make_database())


def test_rows_come_out_in_blocks_and_are_counted(url):
    with connect(url, SOURCE) as session:
        rows = session.copy_out("COPY (SELECT i, NULL, '' FROM generate_series(1, 50000) i) TO STDOUT CSV", MEGABYTES)
        text = b"".join(rows)

    assert rows.rows == 50_000
    assert text.startswith(b'1,,""\n2,,""\n')
    assert text.count(b"\n") == 50_000


@pytest.mark.parametrize("size", [1, READ_BYTES - 6, READ_BYTES, READ_BYTES + 1, 3 * READ_BYTES + 7])
def test_a_row_of_any_size_arrives_whole(url, size):
    with connect(url, SOURCE) as session:
        query = f"SELECT repeat('x', {size}) FROM generate_series(1, 3)"
        text = b"".join(session.copy_out(f"COPY ({query}) TO STDOUT CSV", MEGABYTES))

    assert text == (b"x" * size + b"\n") * 3


def test_a_row_over_the_maximum_is_named(url):
    with connect(url, SOURCE) as session, pytest.raises(RowTooLargeError, match="larger than the maximum"):
        list(session.copy_out("COPY (SELECT repeat('x', 2000000)) TO STDOUT CSV", 1_000_000))


def test_a_server_notices_within_minutes_that_a_client_is_gone(url):
    with connect(url, WAREHOUSE) as session:
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        idle, interval, count = (int(session.value(f"SELECT current_setting('{name}')")) for name in names)

    assert 0 < idle + interval * count <= 120


def test_an_error_in_the_middle_of_a_copy_is_raised(url):
    query = "SELECT 1 / (i - 40000) FROM generate_series(1, 50000) i"

    with pytest.raises(QueryError, match="division by zero"), connect(url, SOURCE) as session:
        list(session.copy_out(f"COPY ({query}) TO STDOUT CSV", MEGABYTES))


def test_a_connection_cut_in_the_middle_of_a_copy_is_retryable(url):
    def cut():
        with connect(url, SOURCE) as session, connect(url, SOURCE) as other:
            pid = session.value("SELECT pg_backend_pid()")
            query = "SELECT repeat('x', 1000) FROM generate_series(1, 500000)"
            rows = iter(session.copy_out(f"COPY ({query}) TO STDOUT", MEGABYTES))
            next(rows)
            other.run("SELECT pg_terminate_backend(:pid)", pid=pid)
            list(rows)

    with pytest.raises(SourceUnavailableError):
        cut()


@pytest.mark.parametrize("read", ["run", "copy_out"])
def test_a_server_that_ends_the_session_is_quoted(url, read):
    def end(session):
        statement = "SELECT pg_terminate_backend(pg_backend_pid())"
        return session.run(statement) if read == "run" else list(session.copy_out(f"COPY ({statement}) TO STDOUT", 9))

    with pytest.raises(SourceUnavailableError, match=r"says: terminating connection .* \(SQLSTATE 57P01\)"):
        with connect(url, SOURCE) as session:
            end(session)


def test_rows_go_in_and_are_counted(url):
    with connect(url, SOURCE) as session:
        session.run("CREATE TABLE t (a int, b text)")
        taken = session.copy_in("COPY t FROM STDIN CSV", itertools.repeat(b'1,"x"\n', 1000))

        assert taken == session.value("SELECT count(*) FROM t") == 1000


def test_an_unreachable_server_is_retryable_and_named():
    nowhere = parse_url("postgresql://app:s3cret@127.0.0.1:1/shop?sslmode=disable")

    with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1:1/shop") as refusal, connect(nowhere, SOURCE):
        pass

    assert "s3cret" not in str(refusal.value)


def test_a_server_without_tls_is_refused_unless_the_url_says_so(url):
    verified = parse_url(f"postgresql://postgres@127.0.0.1:{url.port}/{url.database}")

    with pytest.raises(ConfigurationError, match="offers no TLS"), connect(verified, SOURCE):
        pass


def test_a_missing_database_and_a_missing_role_are_named(url):
    for wrong, kind in (
        ("postgres@127.0.0.1:{}/nowhere", ConfigurationError),
        ("nobody@127.0.0.1:{}/postgres", AccessDeniedError),
    ):
        where = parse_url(f"postgresql://{wrong.format(url.port)}?sslmode=disable")
        with pytest.raises(kind, match=r"nowhere|nobody"), connect(where, SOURCE):
            pass


def test_a_wrong_password_is_named_with_where_to_correct_it(url):
    refusal = "DO $$ BEGIN RAISE 'password authentication failed' USING ERRCODE = '28P01'; END $$"

    with pytest.raises(AccessDeniedError, match="Correct the password"), connect(url, SOURCE) as session:
        session.run(refusal)


def test_a_table_without_select_is_denied_by_name(url):
    with connect(url, SOURCE) as session:
        session.run("CREATE TABLE kept (a int); CREATE ROLE no_reader; SET ROLE no_reader")
        with pytest.raises(AccessDeniedError, match="kept"), named_errors(url, SOURCE):
            session.run("SELECT * FROM kept")
        session.run("RESET ROLE; DROP ROLE no_reader")


def test_a_lock_that_does_not_come_means_the_warehouse_is_busy(url):
    with connect(url, WAREHOUSE) as session, connect(url, WAREHOUSE) as other:
        other.run("BEGIN; SELECT pg_advisory_xact_lock(1)")
        with pytest.raises(WarehouseBusyError), named_errors(url, WAREHOUSE):
            session.run("SET lock_timeout = '50ms'; SELECT pg_advisory_xact_lock(1)")


def test_nagles_algorithm_is_off_and_a_dead_peer_is_noticed(url):
    with connect(url, SOURCE) as session:
        assert session._usock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert session._usock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        assert session._usock.gettimeout() is None
