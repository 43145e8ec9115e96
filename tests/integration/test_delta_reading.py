"""Exports read where they lie: unpacked once, their keys before the join, and one file's fault told from another's."""

import contextlib
import gzip
import random
import resource

import duckdb
import pytest

from tests.exports import ORDERS, compare_files, table, write_files
from transformation.delta.compare import DIFFERING, compare
from transformation.delta.engine import open_engine
from transformation.delta.export import ExportFile, read_export
from utils.errors import DuplicateKeyError, ExportChangedError, ExportRefusedError, ResourceExhaustedError
from utils.export_table import Format

SAME_HASH = 6289507739342993550  # as a key (2, this) has the hash of (1, 1) in DuckDB
BEFORE, AFTER = b"id,note\n1,a\n2,b\n", b"id,note\n1,a\n2,c\n"


class Overwriting:
    """A connection to DuckDB before whose join a file is overwritten."""

    def __init__(self, connection, path, text):
        self._connection, self._path, self._text = connection, path, text

    def execute(self, sql):
        if sql.startswith(f"CREATE TABLE {DIFFERING}"):
            self._path.write_bytes(self._text)
        return self._connection.execute(sql)


@contextlib.contextmanager
def files_of_at_most(limit):
    """Let no file of this process grow larger, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def packed(folder, name, content):
    (file,) = write_files(folder, name, [gzip.compress(content)])
    return [ExportFile(file.path, f"{name}.csv.gz")]


@pytest.mark.parametrize("text", [AFTER + b"2,d\n", b"id,note\n1,a\n2,d\n"])
def test_an_export_that_is_overwritten_between_its_keys_and_the_join_is_refused(tmp_path, text):
    files = [write_files(tmp_path, name, [content]) for name, content in (("before", BEFORE), ("after", AFTER))]
    with open_engine(tmp_path, 300) as engine:
        exports = [read_export(file, ORDERS, tmp_path, engine) for file in files]

        with pytest.raises(ExportChangedError, match=r"after-0\.csv was overwritten while it was read"):
            compare(*exports, ORDERS, Overwriting(engine, files[1][0].path, text))


@pytest.mark.parametrize("broken", [b"id,note\n3,c,more\n", b"id,note\n3,\xff\n", b'id,note\n3,"c\n'])
def test_of_several_files_the_broken_one_is_named(tmp_path, broken):
    before = write_files(tmp_path, "before", [BEFORE])
    after = write_files(tmp_path, "after", [AFTER, broken, b"id,note\n4,d\n"])

    with pytest.raises(ExportRefusedError, match=r"after-1\.csv cannot be read at line 2"):
        compare_files(before, after, tmp_path)


def test_one_name_in_two_exports_is_two_files_when_unpacked(tmp_path):
    before, after = (packed(tmp_path / name, "orders", text) for name, text in (("old", BEFORE), ("new", AFTER)))

    _, (change,) = compare_files(before, after, tmp_path)

    assert (change.before["note"], change.after["note"]) == ("b", "c")


def test_no_room_to_unpack_is_named_with_its_remedy(tmp_path):
    after = packed(tmp_path, "after", BEFORE + random.Random(1).randbytes(1 << 20).hex().encode())

    with files_of_at_most(1 << 20), pytest.raises(ResourceExhaustedError, match=r"ephemeral storage.*TMPDIR"):
        compare_files(None, after, tmp_path)


@pytest.mark.parametrize("twice", [False, True])
def test_two_keys_of_one_hash_are_two_keys_and_one_key_twice_is_not(tmp_path, twice):
    rows = f"(1, 1), (2, {SAME_HASH})" + (", (2, 7), (2, 7)" if twice else "")
    path = tmp_path / "after-0"
    relation = f"(SELECT a::BIGINT AS a, b::BIGINT AS b FROM (VALUES {rows}) AS t(a, b))"
    assert duckdb.execute(f"SELECT count(DISTINCT hash(a, b)) FROM {relation} WHERE b <> 7").fetchone() == (1,)
    duckdb.execute(f"COPY {relation} TO '{path}' (FORMAT parquet)")

    settings = table(key=("a", "b"), format=Format.PARQUET)
    refused = pytest.raises(DuplicateKeyError, match=r"a=2, b=7 \(2 rows\)") if twice else contextlib.nullcontext()
    with refused:
        comparison, _ = compare_files(None, [ExportFile(path, "after.parquet")], tmp_path, settings)
        assert comparison.counts.inserted == 2
