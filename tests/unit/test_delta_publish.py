"""Publishing changes: batches as full as they may be, every record in, none overtaken by a later one of its row."""

import itertools
from dataclasses import replace

import pytest

from tests.delta_fakes import HeldLease, LostReplies, Shard, ports, received
from transformation.delta import publish as publishing
from transformation.delta.ports import Record
from transformation.delta.publish import MAX_BYTES, MAX_RECORD_BYTES, batches, publish
from utils.changes import Change, Operation, to_json
from utils.deadline import no_deadline
from utils.errors import LockLostError, ServiceUnavailableError


def inserted(sequence, text="x"):
    key = {"id": f"{sequence:05d}"}
    return Change(Operation.INSERT, "acme", "orders", key, None, {**key, "note": text}, "v1", 1, sequence)


@pytest.fixture
def changes_file(tmp_path):
    def write(changes):
        path = tmp_path / "changes.jsonl"
        path.write_text("".join(f"{to_json(change)}\n" for change in changes))
        return path

    return write


def sequences(made):
    return [change.sequence for change in received(made)]


def test_a_batch_is_full_at_500_records():
    found = list(batches([Record(b"x", "key")] * 1_001, 0))

    assert [len(batch.records) for batch in found] == [500, 500, 1]
    assert [batch.last for batch in found] == [500, 1_000, 1_001]


def test_a_batch_is_full_at_5_mb_with_partition_keys():
    record = Record(b"x" * (MAX_BYTES // 5 - 64), "k" * 64)

    assert [len(batch.records) for batch in batches([record] * 11, 0)] == [5, 5, 1]


def test_every_change_gets_in_though_many_are_refused_at_first(tmp_path, changes_file):
    made = ports(tmp_path, stream=Shard(lambda call, count: range(0, count, 2) if call < 8 else ()))

    done = publish(changes_file(map(inserted, range(1, 1_201))), "large", made, no_deadline)

    assert done == made.lease.done == 1_200
    assert sorted(sequences(made)) == list(range(1, 1_201))


def test_a_lost_answer_repeats_changes_and_leaves_none_out(tmp_path, changes_file):
    made = ports(tmp_path, stream=LostReplies())

    publish(changes_file(map(inserted, range(1, 4))), "large", made, no_deadline)

    assert sequences(made) == [1, 2, 3, 1, 2, 3]


def test_publishing_resumes_after_the_last_change_that_is_in_for_certain(tmp_path, changes_file):
    made = ports(tmp_path, lease=HeldLease(done=3))

    publish(changes_file(map(inserted, range(1, 6))), "large", made, no_deadline)

    assert sequences(made) == [4, 5]


def test_publishing_stops_before_its_deadline_and_says_how_far_it_came(tmp_path, changes_file):
    made, file = ports(tmp_path), changes_file(map(inserted, range(1, 5_001)))

    done = publish(file, "large", made, lambda _longest: False)

    assert 0 < done == made.lease.done < 5_000
    assert publish(file, "large", made, no_deadline) == 5_000
    assert sorted(sequences(made)) == list(range(1, 5_001))


def test_a_stream_that_keeps_refusing_fails_the_attempt_and_nothing_is_noted(tmp_path, changes_file, monkeypatch):
    monkeypatch.setattr(publishing, "PATIENCE", 0.0)
    made = ports(tmp_path, stream=Shard(lambda _call, _count: [0]))

    with pytest.raises(ServiceUnavailableError, match=r"refuses 1 changes.*more shards"):
        publish(changes_file([inserted(1), inserted(2)]), "large", made, no_deadline)

    assert made.lease.done == 0


def test_a_late_owner_sends_nothing_more(tmp_path, changes_file):
    made = ports(tmp_path, lease=HeldLease(asked_at_most=0))

    with pytest.raises(LockLostError):
        publish(changes_file([inserted(1)]), "large", made, no_deadline)

    assert made.stream.calls == []


def test_an_owner_that_loses_the_lock_between_attempts_sends_nothing_again(tmp_path, changes_file):
    refusing = Shard(lambda _call, count: range(count))
    made = ports(tmp_path, lease=HeldLease(asked_at_most=1), stream=refusing)

    with pytest.raises(LockLostError):
        publish(changes_file([inserted(1)]), "large", made, no_deadline)

    assert refusing.calls == [1]


def test_a_change_too_large_for_the_stream_goes_through_the_store(tmp_path, changes_file):
    made, large = ports(tmp_path), inserted(2, "x" * MAX_RECORD_BYTES)

    publish(changes_file([inserted(1), large, inserted(3)]), "large", made, no_deadline)

    assert received(made) == [inserted(1), large, inserted(3)]
    assert all(record.bytes <= MAX_RECORD_BYTES for record in made.stream.records)


def test_a_large_change_is_in_the_store_before_it_is_referred_to(tmp_path, changes_file):
    made = ports(tmp_path)
    checked = replace(made, stream=_Resolving(made))

    publish(changes_file([inserted(1, "x" * MAX_RECORD_BYTES)]), "large", checked, no_deadline)

    assert checked.stream.calls == [1]


class _Resolving(Shard):
    def __init__(self, made):
        super().__init__()
        self.made = made

    def put(self, records):
        self.records = list(records)
        assert received(replace(self.made, stream=self))
        self.records = []
        return super().put(records)


def test_no_change_is_overtaken_by_a_later_one_of_its_row_though_any_may_be_refused(tmp_path, changes_file):
    stream, orders = Shard(lambda call, count: range(call % 3, count, 3) if call % 4 else ()), itertools.count(1)
    for order in itertools.islice(orders, 3):
        lease = HeldLease()  # the next version's, given only when all of the one before is in
        changes = [replace(inserted(sequence), version=f"v{order}", order=order) for sequence in range(1, 1_101)]
        publish(changes_file(changes), "large", ports(tmp_path, lease=lease, stream=stream), no_deadline)

    by_row = {}
    for change in received(ports(tmp_path, stream=stream)):
        by_row.setdefault(change.key["id"], []).append(change.order)
    assert set(map(tuple, by_row.values())) == {(1, 2, 3)}
