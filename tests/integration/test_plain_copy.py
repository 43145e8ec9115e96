import contextlib
import csv
import io
from contextlib import closing

import pg8000.native
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.records_harness import cut_up, file_column, file_table, read
from transformation.records.plain import plain_copy
from utils.errors import FileRefusedError, NotPlainError
from utils.file_table import CsvFormat
from utils.postgres.names import column_list, literal

TABLE = file_table("a", "b", "c")
FORM = {"delimiter": st.sampled_from(",;\t|"), "quote": st.sampled_from("\"'"), "null": st.sampled_from(["", "NA"])}
CHARACTERS = {"utf-8": "aNA\"',;\t|\n é€\\.", "cp1252": "aNA\"',;\n é€", "iso8859-1": "aNA\"',;\n é"}
forms = st.builds(CsvFormat, encoding=st.sampled_from(sorted(CHARACTERS)), **FORM)


@pytest.fixture(scope="module")
def connection(postgres_server):
    with closing(pg8000.native.Connection("postgres", "127.0.0.1", "postgres", postgres_server.port)) as connection:
        connection.run("CREATE TEMP TABLE reading (n serial, a text, b text, c text)")
        yield connection


def copied(connection, plain):
    """Return the rows that the server reads from a plain copy's bytes."""
    texts = {"DELIMITER": plain.delimiter, "QUOTE": plain.quote, "NULL": plain.null, "ENCODING": plain.encoding}
    options = ", ".join(f"{name} {literal(text)}" for name, text in texts.items())
    connection.run("TRUNCATE reading")
    statement = f"COPY reading ({column_list(plain.columns)}) FROM STDIN (FORMAT csv, {options})"
    connection.run(statement, stream=io.BytesIO(b"".join(plain.blocks)))
    return [tuple(row) for row in connection.run("SELECT a, b, c FROM reading ORDER BY n")]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forms, st.data(), st.integers(), st.permutations("abc"), st.sampled_from(["\n", "\r\n"]))
def test_copy_reads_from_a_plain_file_what_read_chunks_does(connection, form, data, cut, header, end):
    texts = st.text(st.sampled_from(CHARACTERS[form.encoding]), max_size=6)
    rows = data.draw(st.lists(st.tuples(texts, texts, texts), max_size=8))
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=form.delimiter, quotechar=form.quote, lineterminator=end)
    writer.writerows([header, *rows])
    body, table = file.getvalue().encode(form.encoding), file_table("a", "b", "c", csv=form)

    try:
        plain = copied(connection, plain_copy(table, "reading/a.csv", cut_up(body, cut)))
    except NotPlainError:
        assert b"\\." in body
    else:
        found = read(table, body, cut=cut)
        assert not found.rejected
        assert plain == list(found.rows)


@pytest.mark.parametrize("body", ["\\.\n1,2,3\n", 'x "y" z,2,3\n', '"x"y,2,3\n', "1,2,3\n\\.", '1,"a\n\\.\nb",3\n'])
def test_what_copy_would_read_otherwise_than_meant_is_not_plain(body):
    plain = plain_copy(TABLE, "reading/a.csv", cut_up(f"a,b,c\n{body}".encode(), 1))

    with pytest.raises(NotPlainError):
        list(plain.blocks)


def values(quote):
    """Yield lines of quoted values that hold a line's end, and end where the next quote is missing."""
    yield b"a,b,c\n"
    yield from [b'1,"x\n', b'y",2\n'] * 20
    yield quote
    yield from [b"no quote in here\n"] * 10


@pytest.mark.parametrize(("quote", "is_plain"), [(b"", True), (b'"', False)])
def test_a_quote_that_is_not_closed_is_not_plain_or_the_server_would_gather_the_rest(quote, is_plain):
    plain = plain_copy(file_table("a", "b", "c", max_record_length=100), "reading/a.csv", values(quote))

    with contextlib.nullcontext() if is_plain else pytest.raises(NotPlainError, match="not closed"):
        list(plain.blocks)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (file_table(file_column("a", required=True)), "a.csv"),
        (file_table(file_column("a", trim=True)), "a.csv"),
        (file_table("a", ignored=("b",)), "a.csv"),
        (file_table("a", csv=CsvFormat(encoding="utf-16")), "a.csv"),
        (file_table("a"), "a.json"),
        (file_table("a"), "a.jsonl"),
    ],
)
def test_what_must_be_looked_at_is_not_plain(table, key):
    assert plain_copy(table, key, [b"a\n1\n"]) is None


def test_a_header_that_does_not_fit_is_refused_on_the_short_way_too():
    with pytest.raises(FileRefusedError, match="lacks: 'c'"):
        plain_copy(TABLE, "a.csv", [b"a,b\n"])


@pytest.mark.parametrize("body", [b"", b"a,b,c", b'"a,b,c\n', b"x" * 2_000_000])
def test_a_header_that_is_not_found_at_once_is_left_to_the_long_way(body):
    assert plain_copy(TABLE, "a.csv", [body]) is None


def test_a_byte_order_mark_and_a_compressed_header_are_no_obstacle(connection):
    import gzip

    body = gzip.compress("\ufeffc,a,b\n1,é,\n".encode())

    assert copied(connection, plain_copy(TABLE, "a.csv.gz", cut_up(body, 3))) == [("é", None, "1")]
