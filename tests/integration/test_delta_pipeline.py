"""One version from its files to the stream: computed once, resumed where it stopped, by its owner only."""

import pytest

from tests.delta_fakes import HeldLease, Shard, land, ports, received, task
from tests.exports import apply
from tests.fakes import Crash, Fuse, FusedStore
from transformation.delta.handler import task_of
from transformation.delta.pipeline import publish_delta
from utils.deadline import no_deadline
from utils.errors import (
    ExportChangedError,
    IntegrityError,
    LockLostError,
    SchemaDriftError,
    TooManyDeletesError,
)
from utils.folder_store import FolderStore
from utils.registry.claim import Claim

FIRST = "id,name\n1,Ann\n2,Bob\n"
SECOND = "id,name\n1,Anne\n3,Cy\n"


def many(count):
    return "id,name\n" + "".join(f"{number:05d},x\n" for number in range(count))


@pytest.fixture
def made(tmp_path):
    found = ports(tmp_path)
    land(found, "v1", FIRST)
    land(found, "v2", SECOND)
    return found


def test_a_first_version_is_all_inserts_and_a_later_one_what_changed(made, tmp_path):
    first = publish_delta(task(), made, no_deadline)
    later = ports(tmp_path, stream=made.stream)
    second = publish_delta(task("v2", 2, "v1"), later, no_deadline)

    changes = received(made)
    assert [change.op.value for change in changes] == ["INSERT", "INSERT", "UPDATE", "DELETE", "INSERT"]
    assert [(change.order, change.sequence) for change in changes] == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
    assert [row["name"] for row in apply(changes, [], ("id",)).values()] == ["Anne", "Cy"]
    assert [answer["counts"]["published"] for answer in (first, second)] == [2, 3]


def test_a_version_with_the_same_content_begins_no_publishing(made):
    land(made, "v2", FIRST)

    answer = publish_delta(task("v2", 2, "v1"), made, no_deadline)

    assert (answer["counts"]["unchanged"], answer["more"]) == (2, False)
    assert not made.lease.begun
    assert made.stream.calls == []


def test_time_that_runs_short_answers_more_and_the_next_attempt_goes_on(made):
    land(made, "v1", many(3_000))

    first = publish_delta(task(), made, lambda _longest: False)
    rest = publish_delta(task(), made, no_deadline)

    assert (first["more"], rest["more"]) == (True, False)
    assert sorted(change.sequence for change in received(made)) == list(range(1, 3_001))


def test_changes_are_computed_once_for_an_order(made):
    publish_delta(task(), made, no_deadline)
    made.exports.delete("acme/orders/v1/orders.csv")

    assert publish_delta(task(), made, no_deadline)["counts"]["inserted"] == 2


@pytest.mark.parametrize("given", [1, 3])
def test_an_order_that_a_registry_which_was_set_back_gives_again_is_refused(made, tmp_path, given):
    publish_delta(task("v2", given), made, no_deadline)
    again = ports(tmp_path)

    with pytest.raises(IntegrityError, match=f"changes up to order {given} were made before"):
        publish_delta(task("v1", 1), again, no_deadline)

    assert (received(again), again.lease.skipped) == ([], given)


def test_files_that_were_overwritten_after_their_registration_are_refused(made, tmp_path):
    altered = ports(tmp_path, known_content=lambda _version: "another checksum")

    with pytest.raises(ExportChangedError, match="v1 is no longer what was registered"):
        publish_delta(task(), altered, no_deadline)


class OverwrittenMeanwhile(FolderStore):
    """A store of which a file is overwritten before it is fetched."""

    def fetch(self, key, folder):
        self.put(key, b"id,name\n9,other\n")
        return super().fetch(key, folder)


def test_files_that_are_overwritten_before_they_are_fetched_are_refused(made, tmp_path):
    with pytest.raises(ExportChangedError, match="v1 is no longer what was registered"):
        publish_delta(task(), ports(tmp_path, exports=OverwrittenMeanwhile(made.exports.root)), no_deadline)


def test_too_many_deletes_stop_it_until_they_are_accepted(made):
    land(made, "v1", many(44))
    land(made, "v2", many(32))

    with pytest.raises(TooManyDeletesError, match=r"12 of 44 rows.*25%.*accept_deletes"):
        publish_delta(task("v2", 2, "v1"), made, no_deadline)

    assert publish_delta(task("v2", 2, "v1", ["deletes"]), made, no_deadline)["counts"]["deleted"] == 12


def test_a_dropped_column_stops_it_until_it_is_accepted(made):
    land(made, "v2", "id\n1\n2\n")

    with pytest.raises(SchemaDriftError, match=r"no longer has name.*accept_dropped_columns"):
        publish_delta(task("v2", 2, "v1"), made, no_deadline)

    assert publish_delta(task("v2", 2, "v1", ["dropped_columns"]), made, no_deadline)["counts"]["unchanged"] == 2


def test_a_confirmation_counts_only_for_the_version_it_was_given_for():
    claim = Claim("acme", "orders", "v1", 1, 1, None, "execution")
    given = {"version": "v2", "accept_deletes": True}

    assert task_of(claim, given).accepted == frozenset()
    assert task_of(claim, {**given, "version": "v1"}).accepted == {"deletes"}


def test_a_late_owner_computes_and_publishes_nothing(made, tmp_path):
    late = ports(tmp_path, lease=HeldLease(asked_at_most=0))

    with pytest.raises(LockLostError):
        publish_delta(task(), late, no_deadline)

    assert not any(late.changes.list(""))


class _AfterTelling(Shard):
    """A stream that takes nothing before the registry knows that it will."""

    def __init__(self, lease):
        super().__init__()
        self.lease = lease

    def put(self, records):
        assert self.lease.begun
        return super().put(records)


def test_the_registry_is_told_before_the_first_change_enters_the_stream(made, tmp_path):
    lease = HeldLease()

    publish_delta(task(), ports(tmp_path, lease=lease, stream=_AfterTelling(lease)), no_deadline)

    assert lease.done == 2


class _FusedLease(HeldLease):
    def __init__(self, fuse):
        super().__init__()
        self.fuse = fuse

    def begin(self):
        self.fuse.burn()
        super().begin()

    def save_published(self, sequence):
        self.fuse.burn()
        super().save_published(sequence)
        self.fuse.burn()


class _FusedShard(Shard):
    def __init__(self, fuse):
        super().__init__()
        self.fuse = fuse

    def put(self, records):
        self.fuse.burn()
        refused = super().put(records)
        self.fuse.burn()
        return refused


def _fused(folder, blow_at=None):
    fuse = Fuse(blow_at)
    store = FusedStore(folder / "changes", fuse)
    return ports(folder, changes=store, lease=_FusedLease(fuse), stream=_FusedShard(fuse))


def _steps(folder):
    made = _fused(folder)
    land(made, "v1", FIRST)
    publish_delta(task(), made, no_deadline)
    return made.stream.fuse.steps


def test_every_change_is_in_the_stream_whatever_step_the_first_attempt_died_at(tmp_path):
    for step in range(1, _steps(tmp_path / "clean") + 1):
        made = _fused(tmp_path / str(step), step)
        land(made, "v1", FIRST)
        with pytest.raises(Crash):
            publish_delta(task(), made, no_deadline)
        made.stream.fuse.__init__()

        publish_delta(task(), made, no_deadline)

        assert {change.sequence for change in received(made)} == {1, 2}
        assert made.lease.done == 2
