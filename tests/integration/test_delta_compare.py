"""What changed between two exports, on exports that can be checked by hand."""

import gzip
import json

import pytest

from tests.exports import apply, compare_files, compare_texts, table, write_files
from transformation.delta.engine import open_engine
from utils.changes import Operation, to_json
from utils.errors import DuplicateKeyError, ExportRefusedError, ResourceExhaustedError, SchemaDriftError

BEFORE = "id,name,note\n1,Ann,\n2,Bob,x\n3,Cy,\n"


def told(changes):
    return [(change.op.value, change.key, change.before, change.after) for change in changes]


def counted(comparison):
    counts = comparison.counts
    return counts.inserted, counts.updated, counts.deleted, counts.unchanged


def test_three_rows_with_one_of_each_change(tmp_path):
    after = "id,name,note\n1,Ann,\n2,Bob,y\n4,Di,\n"

    comparison, changes = compare_texts(BEFORE, after, tmp_path)

    assert counted(comparison) == (1, 1, 1, 1)
    assert told(changes) == [
        ("UPDATE", {"id": "2"}, {"id": "2", "name": "Bob", "note": "x"}, {"id": "2", "name": "Bob", "note": "y"}),
        ("DELETE", {"id": "3"}, {"id": "3", "name": "Cy", "note": None}, None),
        ("INSERT", {"id": "4"}, None, {"id": "4", "name": "Di", "note": None}),
    ]


def test_a_line_holds_what_the_change_says_of_itself(tmp_path):
    _, changes = compare_texts(BEFORE, "id,name,note\n", tmp_path)

    lines = (tmp_path / "changes.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [json.loads(to_json(change)) for change in changes]


def test_a_hundred_thousand_rows_after_three_are_three_updates_and_the_rest_inserts(tmp_path):
    after = "id,name,note\n" + "".join(f"{number},new,\n" for number in range(1, 100_001))

    comparison, changes = compare_texts(BEFORE, after, tmp_path)

    assert counted(comparison) == (99_997, 3, 0, 0)
    assert {change.key["id"] for change in changes if change.op is Operation.UPDATE} == {"1", "2", "3"}
    assert [change.sequence for change in changes] == list(range(1, 100_001))


def test_without_an_earlier_version_every_row_is_new(tmp_path):
    assert counted(compare_texts(None, BEFORE, tmp_path)[0]) == (3, 0, 0, 0)


def test_the_same_content_is_no_change(tmp_path):
    comparison, changes = compare_texts(BEFORE, BEFORE, tmp_path)

    assert (counted(comparison), changes) == ((0, 0, 0, 3), [])


def test_an_empty_export_deletes_every_row(tmp_path):
    assert counted(compare_texts(BEFORE, "id,name,note\n", tmp_path)[0]) == (0, 0, 3, 0)


def test_null_to_empty_text_is_an_update(tmp_path):
    _, changes = compare_texts(BEFORE, BEFORE.replace("1,Ann,", '1,Ann,""'), tmp_path)

    assert [(change.before["note"], change.after["note"]) for change in changes] == [(None, "")]


def test_the_declared_null_counts_only_unquoted(tmp_path):
    before, after = 'id,a,b\n1,\\N,"\\N"\n', 'id,a,b\n1,,"\\N"\n'

    _, changes = compare_texts(before, after, tmp_path, table(null="\\N"))

    assert told(changes) == [
        ("UPDATE", {"id": "1"}, {"id": "1", "a": None, "b": "\\N"}, {"id": "1", "a": "", "b": "\\N"})
    ]


def test_texts_that_mean_the_same_number_are_different_texts(tmp_path):
    assert counted(compare_texts("id,n\n007,1.0\n", "id,n\n7,1.0\n", tmp_path)[0]) == (1, 0, 1, 0)


def test_reordered_columns_change_nothing(tmp_path):
    assert compare_texts("id,a,b\n1,x,y\n", "b,id,a\ny,1,x\n", tmp_path)[1] == []


def test_an_added_column_updates_the_rows_in_which_it_is_not_null(tmp_path):
    comparison, changes = compare_texts("id,a\n1,x\n2,y\n", "id,a,b\n1,x,\n2,y,z\n", tmp_path)

    assert comparison.added == ("b",)
    assert told(changes) == [("UPDATE", {"id": "2"}, {"id": "2", "a": "y", "b": None}, {"id": "2", "a": "y", "b": "z"})]


def test_a_dropped_column_is_named_and_in_no_change(tmp_path):
    comparison, changes = compare_texts("id,a,b\n1,x,z\n2,y,z\n", "id,a\n1,x\n2,w\n", tmp_path)

    assert comparison.dropped == ("b",)
    assert told(changes) == [("UPDATE", {"id": "2"}, {"id": "2", "a": "y"}, {"id": "2", "a": "w"})]


def test_an_export_without_its_key_is_refused(tmp_path):
    with pytest.raises(SchemaDriftError, match="lacks the key's id"):
        compare_texts(BEFORE, "name,note\nAnn,\n", tmp_path)


@pytest.mark.parametrize("double_is_earlier", [True, False])
def test_a_key_that_two_rows_have_stops_it_with_examples(tmp_path, double_is_earlier):
    sides = [BEFORE + "2,Bob,again\n2,Bob,x\n", BEFORE]

    with pytest.raises(DuplicateKeyError, match=r"id=2 \(3 rows\)"):
        compare_texts(*(sides if double_is_earlier else sides[::-1]), tmp_path)


@pytest.mark.parametrize("lacking_is_earlier", [True, False])
def test_a_key_with_null_in_any_part_stops_it_with_examples(tmp_path, lacking_is_earlier):
    sides = ["id,line\n1,\n", "id,line\n1,1\n"]

    with pytest.raises(ExportRefusedError, match="id=1, line=NULL"):
        compare_texts(*(sides if lacking_is_earlier else sides[::-1]), tmp_path, table(key=("id", "line")))


def test_several_files_with_columns_in_any_order_are_one_export(tmp_path):
    before = write_files(tmp_path, "before", [BEFORE])
    after = write_files(tmp_path, "after", ["id,name,note\n1,Ann,\n", "note,id,name\nx,2,Bob\n,3,Cy\n"])

    assert compare_files(before, after, tmp_path)[1] == []


def test_files_of_one_export_with_different_columns_are_refused(tmp_path):
    files = write_files(tmp_path, "after", ["id,name\n1,Ann\n", "id,note\n2,x\n"])

    with pytest.raises(ExportRefusedError, match="differ in name, note"):
        compare_files(None, files, tmp_path)


def test_gzip_is_read_even_in_several_members(tmp_path):
    text = gzip.compress(b"id,name,note\n1,Ann,\n") + gzip.compress(b"2,Bob,x\n3,Cy,\n")
    (file,) = write_files(tmp_path, "after", [text])
    file = type(file)(file.path, "orders.csv.gz")

    assert compare_files(write_files(tmp_path, "before", [BEFORE]), [file], tmp_path)[1] == []


WHOLE = gzip.compress(b"id,a\n" + b"".join(b"%d,%d\n" % (number, number * 7919) for number in range(2_000)))


@pytest.mark.parametrize(
    "broken",
    [WHOLE[:-400], WHOLE[:-8], WHOLE[:-8] + b"\0" + WHOLE[-7:], WHOLE + b"more", b"id,a\n1,2\n"],
    ids=["cut", "without its end", "other checksum", "more behind it", "no gzip"],
)
def test_a_gzip_that_is_not_whole_is_refused(tmp_path, broken):
    (file,) = write_files(tmp_path, "after", [broken])

    with pytest.raises(ExportRefusedError, match=r"orders.csv.gz is no whole gzip file"):
        compare_files(None, [type(file)(file.path, "orders.csv.gz")], tmp_path)


def test_declared_columns_stand_for_a_header(tmp_path):
    settings = table(columns=("id", "name"), delimiter="\t")

    _, changes = compare_texts("1\tAnn\n", "1\tAnne\n", tmp_path, settings)

    assert told(changes) == [("UPDATE", {"id": "1"}, {"id": "1", "name": "Ann"}, {"id": "1", "name": "Anne"})]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no header line"),
        (b"id,id\n1,2\n", "names 'id' twice"),
        (b"id,\n1,2\n", "column without a name"),
        (b"id,a\n1\n", r"line 2: Expected Number of Columns: 2 Found: 1"),
        (b"id,a\n1,2,secret\n", "line 2: Expected Number of Columns: 2 Found: 3"),
        (b'id,a\n1,"secret\n', "line 2: a quote is not closed"),
        (b"id,a\n1,\xff\n", "line 2: it is not UTF-8"),
        (b"id,a\n1,2\n3,4\r\n5,6\n", "lines end in more than one way"),
        ("ä,id\n1,2\n".encode("latin-1"), "as UTF-8"),
    ],
)
def test_a_broken_file_is_refused_with_its_line_and_without_its_values(tmp_path, text, reason):
    with pytest.raises(ExportRefusedError, match=reason) as refused:
        compare_texts(BEFORE, text, tmp_path)

    assert "secret" not in str(refused.value)


def test_names_that_differ_only_in_case_are_different_columns(tmp_path):
    _, changes = compare_texts("id,a,A\n1,x,y\n", "id,a,A\n1,x,z\n", tmp_path)

    assert changes[0].after == {"id": "1", "a": "x", "A": "z"}


def test_memory_or_disk_that_runs_short_is_named_with_its_remedy(tmp_path):
    with pytest.raises(ResourceExhaustedError, match=r"ephemeral storage.*TMPDIR"):
        _fill(tmp_path)


def _fill(folder):
    with open_engine(folder, 50) as engine:
        engine.execute("SET max_temp_directory_size = '1MB'")
        engine.execute("CREATE TABLE big AS SELECT repeat(md5(i::VARCHAR), 10) AS c1 FROM range(1_000_000) t(i)")


def test_applying_the_changes_of_an_example_gives_the_later_export(tmp_path):
    _, changes = compare_texts(BEFORE, "id,name,note\n1,Ann,\n4,Di,\n", tmp_path)
    rows = [{"id": "1", "name": "Ann", "note": None}, {"id": "2", "name": "Bob", "note": "x"}]

    held = apply(changes, [*rows, {"id": "3", "name": "Cy", "note": None}], ("id",))

    assert sorted(held) == [("1",), ("4",)]
