import gzip
import random
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.records_harness import cut_up, file_table, read, rows_of
from transformation.records import text
from transformation.records.compression import STEP, decompressed
from transformation.records.formats import Compression, format_of
from transformation.records.read import read_chunks
from utils.errors import FileRefusedError

NARROW = file_table("a", "b", max_record_length=1 << 15)
BODY, ROWS = b"a\n1\n2\n", [("1",), ("2",)]
COMPRESS = {".gz": gzip.compress, ".zst": zstandard.compress}
EACH = pytest.mark.parametrize("suffix", COMPRESS)


@pytest.mark.parametrize(("suffix", "compress"), [("", bytes), *COMPRESS.items(), (".GZ", gzip.compress)])
def test_a_file_is_what_its_name_says(suffix, compress):
    assert rows_of(file_table("a"), compress(BODY), f"reading/a b+c.csv{suffix}") == ROWS


@EACH
@given(st.binary(max_size=2000), st.binary(max_size=100), st.integers())
def test_compressed_parts_put_one_after_another_are_one_file(suffix, first, second, cut):
    body = COMPRESS[suffix](first) + COMPRESS[suffix](second)

    found = b"".join(decompressed("a", cut_up(body, cut), format_of(f"a.csv{suffix}").compression))

    assert found == first + second


@EACH
@given(st.text("é😀\n", max_size=50), st.integers(0, 200), st.integers())
def test_a_character_may_lie_across_two_compressed_parts(suffix, text, at, cut):
    body = f"a\n{text}".encode()

    chunk = read(file_table("a"), COMPRESS[suffix](body[:at]) + COMPRESS[suffix](body[at:]), f"a.csv{suffix}", cut)

    assert chunk.rows == read(file_table("a"), body).rows


@EACH
def test_a_character_may_lie_across_two_blocks_of_what_the_compressor_wrote(suffix):
    draw = random.Random(1)
    lines = ["".join(draw.choices("é€😀àüabc", k=60)) for _ in range(4000)]
    body = COMPRESS[suffix]("\n".join(["a", *lines]).encode())

    chunks = list(read_chunks(file_table("a"), f"a.csv{suffix}", (body[at : at + 7] for at in range(0, len(body), 7))))

    assert [row for chunk in chunks for (row,) in chunk.rows] == lines


@EACH
@pytest.mark.parametrize("spoil", [lambda body: body[:-3], lambda body: body[:12], lambda body: body + b"more"])
def test_a_cut_or_damaged_file_is_refused(suffix, spoil):
    with pytest.raises(FileRefusedError, match=r"ends in the middle|is damaged"):
        read(file_table("a"), spoil(COMPRESS[suffix](BODY)), f"a.csv{suffix}", cut=1)


@EACH
def test_content_that_is_not_compressed_as_the_name_says_is_refused(suffix):
    with pytest.raises(FileRefusedError, match="as its name says"):
        read(file_table("a"), BODY, f"a.csv{suffix}")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (gzip.compress(BODY), "gzip"),
        (zstandard.compress(BODY), "zstd"),
        (b"PK\x03\x04x", "Excel"),
        (b"PAR1x", "Parquet"),
    ],
)
def test_content_that_the_name_keeps_quiet_about_is_refused_by_its_name(body, says):
    with pytest.raises(FileRefusedError, match=says):
        read(file_table("a"), body, "a.csv", cut=1)


@pytest.mark.parametrize("key", ["reading/a", "reading/a.txt", "reading/a.csv.bz2", "a.csv/b"])
def test_a_name_that_says_nothing_is_refused(key):
    with pytest.raises(FileRefusedError, match=r"Known are \.csv"):
        read(file_table("a"), BODY, key)


@EACH
def test_a_bomb_gives_small_blocks_only(suffix):
    bomb = COMPRESS[suffix](bytes(20 << 20))

    assert max(map(len, decompressed("a", [bomb], format_of(f"a.csv{suffix}").compression))) <= STEP


@pytest.mark.parametrize(
    ("key", "begin", "more"),
    [
        ("a.csv", b"a,b\n", b"12345678901234567890,x\n" * 400),
        ("a.csv", b"a,b\n", b"x" * (1 << 13)),
        ("a.csv", b'a,b\n"', b"some line\n" * 800),
        ("a.jsonl", b"", b'{"a": 1, "b": "x"}\n' * 400),
        ("a.jsonl", b"", b'{"a": "' + b"x" * (1 << 13)),
        ("a.json", b"[", b'{"a": 1, "b": "x"},\n' * 400),
        ("a.json", b"[", b" " * (1 << 13)),
        ("a.json", b'[{"a": [', b"[1, 2], " * (1 << 10)),
    ],
)
def test_memory_is_flat_whatever_never_ends(key, begin, more, monkeypatch):
    monkeypatch.setattr(text, "GROUP_LENGTH", 1 << 15)  # so that a small file has many groups too

    peaks = [peak_of(key, begin, more, blocks) for blocks in (30, 120)]

    assert peaks[1] < peaks[0] * 1.2


def peak_of(key, begin, more, blocks):
    tracemalloc.start()
    try:
        for _ in read_chunks(NARROW, key, (begin if at == 0 else more for at in range(blocks))):
            pass
    except FileRefusedError:
        pass  # a record past the maximum, or the end of what was not closed
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def test_every_compression_has_a_suffix():
    assert {format_of(f"a.csv{suffix}").compression for suffix in ("", *COMPRESS)} == set(Compression)
