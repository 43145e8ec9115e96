"""What the wait for the source's disk does where no server here can take it."""

import pytest
from pg8000.exceptions import DatabaseError

from extraction.database import durability
from extraction.database.durability import wait_until_durable
from utils.errors import SourceUnavailableError

PAGE = 8192


class Source:
    """Answers where its log ends, and then, question by question, how far it is on disk."""

    def __init__(self, written, *flushed):
        self.written, self.flushed = written, list(flushed)

    def value(self, statement):
        if statement == durability.WRITTEN:
            return self.written
        if statement == durability.ROUNDS:
            return "0.02"
        return self.flushed.pop(0) if len(self.flushed) > 1 else self.flushed[0]


def test_a_lazy_source_is_waited_for():
    source = Source(3 * PAGE + 500, 0, PAGE, 3 * PAGE + 500)

    wait_until_durable(source)

    assert source.flushed == [3 * PAGE + 500]


def test_the_header_of_a_page_yet_to_be_written_is_not_waited_for():
    wait_until_durable(Source(3 * PAGE + 24, 3 * PAGE))


def test_a_standby_is_not_asked():
    wait_until_durable(Source(None))


def test_a_source_whose_disk_stalls_is_named(monkeypatch):
    monkeypatch.setattr(durability, "PATIENCE", 0.05)

    with pytest.raises(SourceUnavailableError, match="stalled"):
        wait_until_durable(Source(2 * PAGE + 500, PAGE))


def test_a_page_that_only_open_transactions_write_to_is_not_waited_for():
    wait_until_durable(Source(PAGE + 500, PAGE))


class Refusing:
    def __init__(self, state):
        self.state = state

    def value(self, _statement):
        raise DatabaseError({"C": self.state, "M": "no"})


def test_a_service_that_has_no_such_log_is_not_waited_for():
    wait_until_durable(Refusing("0A000"))


def test_any_other_refusal_is_an_error():
    with pytest.raises(DatabaseError):
        wait_until_durable(Refusing("42501"))
