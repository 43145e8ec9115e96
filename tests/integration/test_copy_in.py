"""COPY into a table: a stream that breaks and a server that refuses both leave the session usable."""

import pytest
from pg8000.exceptions import DatabaseError

from load.files.wiring import TARGET
from utils.postgres.connection import connect
from utils.postgres.session import sqlstate
from utils.postgres.url import parse_url

COPY = "COPY t FROM STDIN (FORMAT csv)"


@pytest.fixture
def session(make_database):
    with connect(parse_url(make_database()), TARGET) as session:
        session.run("CREATE TABLE t (id integer)")
        session.run("BEGIN")
        yield session


def test_a_stream_that_breaks_raises_its_own_error_and_the_session_goes_on(session):
    def broken():
        yield b"1\n"
        raise KeyError("the source died")

    session.run("SAVEPOINT s")
    with pytest.raises(KeyError, match="the source died"):
        session.copy_in(COPY, broken())

    session.run("ROLLBACK TO SAVEPOINT s")
    assert session.copy_in(COPY, [b"1\n", b"2\n"]) == 2


def test_a_refusal_is_noticed_before_the_whole_stream_was_sent(session):
    taken = []

    def endless():
        for number in range(5000):
            taken.append(number)
            yield b"x\n" if not number else b"1\n" * 100_000

    with pytest.raises(DatabaseError) as refused:
        session.copy_in(COPY, endless())

    assert sqlstate(refused.value) == "22P02"
    assert len(taken) < 1000
