"""Decisions about dropped files that need no database: order, pace, names, rows as COPY has them."""

import pytest

from load.files.copying import encoded
from load.files.ledger import is_older
from load.files.pace import paced
from load.files.ports import DroppedFile
from load.files.quarantine import QuarantineWriter, quarantine_key
from utils.errors import FileTooLargeError, ObjectStoreUnavailableError
from utils.file_table import FileTable
from utils.folder_store import FolderStore
from utils.postgres.names import TableName
from utils.records import Rejected

MEGABYTE = 1_000_000
TABLE = FileTable(TableName("public", "readings"), "readings", ())
REJECTED = Rejected(2, "id", "type", "It is no number.", "x,y")


@pytest.mark.parametrize(
    ("sequencer", "than", "older"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6", True),
        ("0055AED6DCD90281E6", "0055AED6DCD90281E5", False),
        ("00AA", "00AA", False),
        ("00AA", "00AA00", False),  # filled up with zeros on the right they are equal
        ("00AA", "00AA01", True),
        ("00B", "00AFFF", False),
        ("00AA01", "00B", True),
        ("00af", "00B0", True),
        ("", "00AA", False),
        ("00AA", "", False),
    ],
)
def test_sequencers_are_compared_as_s3_says(sequencer, than, older):
    assert is_older(sequencer, than) is older


class Clock:
    """Passes a second with each block, and has so many to give."""

    def __init__(self, seconds):
        self.now, self.seconds = 0.0, seconds

    def left(self):
        return self.seconds - self.now

    def blocks(self, count):
        for _ in range(count):
            self.now += 1
            yield bytes(MEGABYTE)


def read_at(clock, size):
    count = 0
    for _ in paced(clock.blocks(size // MEGABYTE), size, clock.left, lambda: clock.now):
        count += 1
    return count


def read_ever_slower(clock, size):
    for _ in paced(clock.blocks(size // MEGABYTE), size, clock.left, lambda: clock.now):
        clock.now += 1 if clock.now > 12 else 0


def test_a_file_that_fits_its_time_is_read_to_the_end():
    assert read_at(Clock(seconds=200), 100 * MEGABYTE) == 100


def test_a_file_that_cannot_finish_is_refused_after_the_first_seconds_with_advice():
    clock = Clock(seconds=200)

    with pytest.raises(
        FileTooLargeError, match=r"Split it into files of at most 16\d MB, or load it from another host"
    ):
        read_at(clock, 1000 * MEGABYTE)

    assert clock.now < 15


def test_a_file_that_becomes_slow_is_refused_before_its_time_is_over():
    clock = Clock(seconds=60)

    with pytest.raises(FileTooLargeError):
        read_ever_slower(clock, 35 * MEGABYTE)

    assert clock.left() > 0


def test_without_a_deadline_no_file_is_too_large():
    assert sum(1 for _ in paced([b"x"] * 5, 10**15, lambda: float("inf"))) == 5


def test_rows_are_encoded_as_copy_reads_them():
    assert encoded([("a", None), ("", "b")]) == b"a\t\\N\n\tb\n"
    assert encoded([("t\tn\nr\rb\\", "\\N")], ("file", None)) == b"t\\tn\\nr\\rb\\\\\t\\\\N\tfile\t\\N\n"
    assert encoded([]) == b""


@pytest.mark.parametrize(
    "key", ["readings/../../x", "readings/a/b", "readings/" + "ü" * 500, "readings/..", "readings//"]
)
def test_a_quarantine_key_stays_in_its_tables_folder_and_is_no_longer_than_a_name(key):
    found = quarantine_key(TABLE, DroppedFile("b", key, "etag"))

    folder, name = found.split("/")
    assert (folder, name[-6:]) == ("readings", ".jsonl")
    assert len(name) < 200


def test_other_content_has_another_quarantine_and_the_same_content_the_same():
    keys = [quarantine_key(TABLE, DroppedFile("b", "readings/a", etag)) for etag in ("1", "2", "1")]

    assert keys[0] == keys[2] != keys[1]


def test_quarantine_is_there_when_it_is_closed(tmp_path):
    writer = QuarantineWriter(FolderStore(tmp_path), "t/a.jsonl")

    for _ in range(50):
        writer.add([REJECTED] * 100)
    writer.close()

    assert len((tmp_path / "t/a.jsonl").read_text().splitlines()) == writer.count == 5000


def test_an_abandoned_quarantine_leaves_nothing(tmp_path):
    writer = QuarantineWriter(FolderStore(tmp_path), "t/a.jsonl")
    writer.add([REJECTED])

    writer.abandon()

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class FullStore(FolderStore):
    def write(self, key, blocks):
        next(iter(blocks))
        raise ObjectStoreUnavailableError(f"No room for {key}.")


def fill(writer):
    for _ in range(100):
        writer.add([REJECTED])
    writer.close()


def test_a_quarantine_that_cannot_be_written_is_not_silent(tmp_path):
    writer = QuarantineWriter(FullStore(tmp_path), "t/a.jsonl")

    with pytest.raises(ObjectStoreUnavailableError):
        fill(writer)
