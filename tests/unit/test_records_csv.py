import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records_harness import file_column, file_table, read, rejected_of, rows_of
from transformation.records import text
from utils.errors import FileRefusedError
from utils.file_table import CsvFormat

TWO = file_table("a", "b")
ends = st.sampled_from(["\n", "\r\n"])
texts = st.text(st.sampled_from('ab",;\n\r é😀\\.'), max_size=8)
values = st.lists(st.tuples(texts, texts), max_size=20)


@given(values, ends, st.integers(), st.booleans(), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_whatever_a_csv_writer_wrote_is_read_back_with_its_lines_and_raw_texts(rows, end, cut, has_end, quoting):
    records = [written(row, end, quoting) for row in [("a", "b"), *rows]]
    body = "".join(records)

    found = read(TWO, body if has_end else body.removesuffix(end), cut=cut)

    assert [tuple(value or "" for value in row) for row in found.rows] == rows
    assert found.raws == [record.removesuffix(end) for record in records[1:]]
    assert found.lines == [1 + "".join(records[: place + 1]).count("\n") for place in range(len(rows))]


def written(row, end, quoting):
    file = io.StringIO(newline="")
    lone = any("\r" in value for value in row)  # which older writers leave without quotes
    csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL if lone else quoting).writerow(row)
    return file.getvalue()


def test_columns_are_mapped_by_the_header_and_not_by_their_place():
    table = file_table(file_column("a", source="Alpha"), "b")

    assert rows_of(table, "b,Alpha\n1,2\n") == [("2", "1")]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("a,b,extra", "does not know: 'extra'"),
        ("a", "lacks: 'b'"),
        ("a,b,a", "more than once: 'a'"),
        ("a, b", "lacks: 'b'"),
        ('a,"b', "not closed"),
        ('a,"b"x', "is not CSV"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file_and_names_the_column(header, says):
    with pytest.raises(FileRefusedError, match=says):
        read(TWO, f"{header}\n1,2\n")


def test_a_header_of_any_length_makes_a_message_that_a_log_can_bear():
    with pytest.raises(FileRefusedError, match="and 950 more") as refused:
        read(file_table("a"), ",".join(f"{'x' * 500}{n}" for n in range(1000)) + "\n")

    assert len(str(refused.value)) < 10_000


def test_a_column_to_ignore_may_be_there_and_is_left_out():
    assert rows_of(file_table("a", ignored=("note",)), "note,a\nx,1\n") == [("1",)]


def test_an_empty_file_is_refused_and_one_of_a_header_alone_has_no_rows():
    with pytest.raises(FileRefusedError, match="empty"):
        read(TWO, "")
    assert rows_of(TWO, "a,b\n") == rows_of(TWO, "a,b") == []


@pytest.mark.parametrize(
    ("form", "body", "row"),
    [
        (CsvFormat(), ',""', (None, "")),
        (CsvFormat(null="NA"), 'NA,"NA"', (None, "NA")),
        (CsvFormat(null="NA"), ",x", ("", "x")),
        (CsvFormat(), '"say ""hi""",""', ('say "hi"', "")),
    ],
)
def test_null_is_the_marker_that_is_not_quoted(form, body, row):
    assert rows_of(file_table("a", "b", csv=form), f"a,b\n{body}\n") == [row]


def test_delimiter_quote_and_encoding_are_the_tables():
    form = CsvFormat(delimiter=";", quote="'", encoding="cp1252")

    assert rows_of(file_table("a", "b", csv=form), "a;b\n'1;€';é\n".encode("cp1252")) == [("1;€", "é")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_belongs_to_no_column(encoding):
    table = file_table("a", csv=CsvFormat(encoding="utf-16" if encoding == "utf-16" else "utf-8"))

    assert rows_of(table, "a\né\n".encode(encoding)) == [("é",)]


def test_text_in_another_encoding_refuses_the_file_and_says_where():
    with pytest.raises(FileRefusedError, match="not utf-8: byte 6"):
        read(TWO, b"a,b\n1,\xe9\n")


def test_a_line_feed_inside_a_value_stays_where_lines_end_in_returns(monkeypatch):
    monkeypatch.setattr(text, "FIRST_LENGTH", 4)  # so that the feed comes after the lines showed how they end

    body = "a,b\r" + "1,2\r" * 20 + '3,"x\ny"\r'

    assert read(file_table("a", "b"), body, cut=1).rows[-1] == ("3", "x\ny")


def test_old_line_ends_are_known():
    assert rows_of(TWO, "a,b\r1,2\r3,4") == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("1", "has 1 values"),
        ("1,2,3", "has 3 values"),
        ('"1"x,2', "is not CSV"),
        ('5" pipe,2', "a quote stands inside"),
        ("1\r2,3", "is not CSV"),
        ("1,\x002", "NUL"),
    ],
)
def test_a_malformed_record_is_rejected_and_its_neighbours_stand(record, says):
    found = read(TWO, f"a,b\nx,y\n{record}\nz,\n")

    (rejected,) = found.rejected
    assert (rejected.line, rejected.rule, rejected.raw) == (3, "malformed", record)
    assert says in rejected.reason
    assert (found.rows, found.lines, found.raws) == ([("x", "y"), ("z", None)], [2, 4], ["x,y", "z,"])


def test_a_quote_that_is_never_closed_rejects_the_rest():
    found = read(TWO, 'a,b\n1,2\n"3,4\n5,6\n')

    assert found.rows == [("1", "2")]
    assert [(one.line, one.raw) for one in found.rejected] == [(3, '"3,4\n5,6')]


def test_empty_lines_are_no_records_unless_a_record_is_one_value():
    assert read(TWO, "a,b\n\n1,2\n\n").lines == [3]
    assert rows_of(file_table("a"), "a\n1\n\n2\n") == [("1",), (None,), ("2",)]


@pytest.mark.parametrize("body", ["a,b\n" + "x" * 300, 'a,b\n"' + "x\n" * 300, "x" * 300, "a,b\n" + "x" * 200 + ",1\n"])
def test_a_record_past_the_set_maximum_refuses_the_file(body):
    with pytest.raises(FileRefusedError, match="longer than 100"):
        read(file_table("a", "b", max_record_length=100), body, cut=1)


def test_the_line_of_a_record_counts_the_lines_inside_earlier_ones():
    assert rejected_of(TWO, 'a,b\n"1\n\n2",3\nbad\n').line == 5
