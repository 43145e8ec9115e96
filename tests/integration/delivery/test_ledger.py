"""The ledger of delivered records: one contract, over DynamoDB as over SQLite."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import boto3
import pytest

from tests.delivery_factories import NOON, Clock, make_ledger, opened
from utils.delivered.dynamodb import DynamoLedger
from utils.delivered.ledger import Claim, Outcome
from utils.delivered.open_ledger import open_ledger
from utils.delivery_project import DAY_SECONDS
from utils.errors import ConfigurationError, LedgerUnavailableError

pytestmark = pytest.mark.timeout(120)

MINE, OTHERS = Claim("mine", NOON + 60), Claim("others", NOON + 60)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request, tmp_path, services, monkeypatch, clock):
    monkeypatch.setenv("AWS_ENDPOINT_URL", services)
    return opened(make_ledger(request.param, tmp_path), clock)


def test_a_new_record_is_not_settled_and_may_be_claimed(ledger):
    assert ledger.settled({"a", "b"}) == set()
    assert ledger.claim({"a", "b"}, MINE) == {"a", "b"}
    assert ledger.settled({"a", "b"}) == set()


@pytest.mark.parametrize("outcome", Outcome)
def test_what_was_settled_is_not_claimed_again(ledger, outcome):
    ledger.claim({"a", "b"}, MINE)

    ledger.settle({"a"}, outcome)

    assert ledger.settled({"a", "b", "c"}) == {"a"}
    assert ledger.claim({"a", "b", "c"}, MINE) == {"b", "c"}


def test_what_another_worker_claimed_is_left_to_it(ledger):
    ledger.claim({"a"}, OTHERS)

    assert ledger.claim({"a", "b"}, MINE) == {"b"}


def test_a_claim_lapses_once_its_worker_can_no_longer_be_at_work(ledger, clock):
    ledger.claim({"a"}, OTHERS)
    clock.now = OTHERS.until + 1

    assert ledger.claim({"a"}, MINE) == {"a"}


def test_a_claim_whose_answer_got_lost_may_be_repeated(ledger):
    assert [ledger.claim({"a"}, MINE) for _ in range(2)] == [{"a"}, {"a"}]


def test_a_released_record_may_be_claimed_by_others(ledger):
    ledger.claim({"a", "b"}, MINE)

    ledger.release({"a"}, MINE)

    assert ledger.claim({"a", "b"}, OTHERS) == {"a"}


def test_neither_anothers_claim_nor_what_is_settled_is_released(ledger):
    ledger.claim({"a"}, OTHERS)
    ledger.settle({"b"}, Outcome.DELIVERED)

    ledger.release({"a", "b", "never seen"}, MINE)

    assert ledger.claim({"a", "b"}, MINE) == set()


def test_a_refused_record_is_claimed_only_when_it_is_replayed(ledger):
    ledger.settle({"refused"}, Outcome.REFUSED)
    ledger.settle({"delivered"}, Outcome.DELIVERED)

    assert ledger.claim({"refused", "delivered"}, MINE) == set()
    assert ledger.claim({"refused", "delivered"}, MINE, again=True) == {"refused"}


def test_what_was_delivered_stays_delivered(ledger):
    ledger.settle({"a"}, Outcome.DELIVERED)

    ledger.settle({"a"}, Outcome.REFUSED)

    assert ledger.claim({"a"}, MINE, again=True) == set()


def test_of_workers_who_claim_at_once_each_record_goes_to_one(ledger):
    ids = {str(number) for number in range(30)}
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda name: ledger.claim(ids, Claim(name, NOON + 60)), "abcd"))

    assert sorted(record for part in taken for record in part) == sorted(ids)


def test_a_record_is_remembered_longer_than_a_queue_keeps_a_message(ledger, clock):
    ledger.settle({"a"}, Outcome.DELIVERED)
    clock.now += 15 * DAY_SECONDS

    assert ledger.settled({"a"}) == {"a"}


def test_hundreds_of_records_are_asked_for_at_once(ledger):
    ids = {f"{number:03}" for number in range(250)}
    ledger.settle({"007", "249"}, Outcome.DELIVERED)

    assert ledger.settled(ids) == {"007", "249"}


def test_dynamodb_is_told_when_it_may_forget_a_record(tmp_path, services, monkeypatch, clock):
    monkeypatch.setenv("AWS_ENDPOINT_URL", services)
    name = make_ledger("dynamodb", tmp_path)
    opened(name, clock).settle({"a"}, Outcome.DELIVERED)

    (item,) = boto3.client("dynamodb").scan(TableName=name.removeprefix("dynamodb://"))["Items"]

    assert item == {"id": {"S": "a"}, "outcome": {"S": "delivered"}, "expires_at": {"N": str(NOON + 30 * DAY_SECONDS)}}


def test_sqlite_forgets_a_record_after_its_time(tmp_path, clock):
    ledger = opened(make_ledger("sqlite", tmp_path), clock)
    ledger.settle({"a"}, Outcome.DELIVERED)
    clock.now += 31 * DAY_SECONDS

    assert ledger.settled({"a"}) == set()


@pytest.mark.parametrize("name", ["", "dynamodb://", "s3://bucket"])
def test_a_name_that_means_no_ledger_is_refused(name):
    with pytest.raises(ConfigurationError, match="dynamodb://table"):
        open_ledger(name)


class BusyDynamo:
    """A client of the real table that answers for one record a call, and for none of the first calls."""

    def __init__(self, silent):
        self.client, self.silent, self.calls = boto3.client("dynamodb"), silent, 0

    def batch_get_item(self, RequestItems):  # noqa: N803 - as the client has it
        self.calls += 1
        ((table, asked),) = RequestItems.items()
        if self.calls <= self.silent:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        answer = self.client.batch_get_item(RequestItems={table: {**asked, "Keys": asked["Keys"][:1]}})
        rest = asked["Keys"][1:]
        return {**answer, "UnprocessedKeys": {table: {**asked, "Keys": rest}} if rest else {}}


@pytest.fixture
def busy(tmp_path, services, monkeypatch):
    """Return a ledger of twelve delivered records whose table answers slowly, and the pauses that it makes."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", services)
    made, pauses = opened(make_ledger("dynamodb", tmp_path), Clock()), []
    made.settle({f"{number:02}" for number in range(12)}, Outcome.DELIVERED)
    return lambda silent: (replace(made, client=BusyDynamo(silent), pause=pauses.append), pauses)


def test_a_table_that_answers_in_parts_is_asked_for_the_rest_after_a_pause(busy):
    ledger, pauses = busy(silent=3)

    assert len(ledger.settled({f"{number:02}" for number in range(12)})) == 12

    assert len(pauses) == 3 + 11
    assert all(0 <= pause <= 5 for pause in pauses)


def test_a_table_that_answers_nothing_is_left_to_a_later_run(busy):
    ledger, pauses = busy(silent=1000)

    with pytest.raises(LedgerUnavailableError, match="left 12 records unanswered"):
        ledger.settled({f"{number:02}" for number in range(12)})

    assert len(pauses) < 10


def test_a_table_that_does_not_exist_is_named(services, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", services)

    with pytest.raises(ConfigurationError, match="There is no DynamoDB table nowhere"):
        DynamoLedger("nowhere").claim({"a"}, MINE)


def test_a_table_that_cannot_be_reached_is_retried_later(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(LedgerUnavailableError, match="cannot be reached"):
        DynamoLedger("ledger").settled({"a"})


def test_a_file_that_is_no_ledger_is_named(tmp_path):
    (tmp_path / "text").write_text("not SQLite " * 100)

    with pytest.raises(ConfigurationError, match="is no delivery ledger"):
        open_ledger(str(tmp_path / "text")).settled({"a"})
