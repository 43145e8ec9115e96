import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records_harness import file_column, file_table, read, rejected_of, rows_of
from utils.errors import FileRefusedError

ARRAY, LINES = "reading/a.json", "reading/a.jsonl"
NESTED = file_table(
    file_column("id", "integer"), file_column("city", path="location[0]"), file_column("zone", path="at.zone")
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
records = st.lists(
    st.fixed_dictionaries({"a": texts, "b": st.one_of(st.none(), st.booleans(), st.integers(), texts)}), max_size=20
)
ARRAY_OR_LINES = pytest.mark.parametrize("key", [ARRAY, LINES])


@given(records, st.integers(), st.sampled_from([None, 2]), st.booleans())
def test_whatever_was_dumped_as_an_array_is_read_back_with_its_raw_texts(values, cut, indent, ascii_only):
    body = json.dumps(values, indent=indent, ensure_ascii=ascii_only)

    found = read(file_table("a", "b"), body, ARRAY, cut)

    assert found.rows == [as_row(value) for value in values]
    assert [json.loads(raw) for raw in found.raws] == values
    assert all(raw in body and raw[0] + raw[-1] == "{}" for raw in found.raws)
    assert found.lines == list(range(1, len(values) + 1))


@given(records, st.integers(), st.sampled_from(["\n", "\r\n"]))
def test_whatever_was_dumped_as_lines_is_read_back_with_its_raw_texts(values, cut, end):
    lines = [json.dumps(value) for value in values]

    found = read(file_table("a", "b"), end.join(lines), LINES, cut)

    assert (found.rows, found.raws) == ([as_row(value) for value in values], lines)
    assert found.lines == list(range(1, len(values) + 1))


def as_row(value):
    words = {None: None, True: "true", False: "false"}
    b = value["b"]
    return value["a"], words[b] if b is None or isinstance(b, bool) else str(b)


def as_file(key, record):
    return f"[{record}]" if key == ARRAY else record


@ARRAY_OR_LINES
def test_values_are_found_by_path_and_null_where_the_path_ends(key):
    assert rows_of(NESTED, as_file(key, '{"id": 1, "location": ["Leeds"], "at": {"zone": "UTC"}}'), key) == [
        ("1", "Leeds", "UTC")
    ]
    assert rows_of(NESTED, as_file(key, '{"id": 1, "location": [], "at": null}'), key) == [("1", None, None)]


@ARRAY_OR_LINES
def test_numbers_keep_their_spelling_also_inside_a_document(key):
    table = file_table(file_column("n", "numeric"), file_column("d", "jsonb"), file_column("t"))
    record = '{"n": 1.10, "d": {"x": [1e5, "1", null, true]}, "t": [2.50]}'

    assert rows_of(table, as_file(key, record), key) == [("1.10", '{"x": [1e5, "1", null, true]}', "[2.50]")]


def test_a_text_in_a_json_column_stays_a_json_text():
    assert rows_of(file_table(file_column("d", "json")), '[{"d": "x\\"y"}, {"d": null}]', ARRAY) == [
        ('"x\\"y"',),
        (None,),
    ]


@ARRAY_OR_LINES
@pytest.mark.parametrize(
    ("record", "says"),
    [
        ('{"id": 1, "city": "Leeds"}', "does not know: 'city'"),
        ("7", "is not an object"),
        ('{"id": 1, "location": "Leeds"}', "city: the value is no array"),
        ('{"id": 1, "at": ["UTC"]}', "zone: the value is no object"),
        ('{"id": 1, "location": ["\\u0000"]}', "NUL"),
        ('{"id": 1, "location": ["\\ud800"]}', "surrogate"),
    ],
)
def test_a_record_of_another_shape_is_rejected_with_its_raw_text(key, record, says):
    rejected = rejected_of(NESTED, as_file(key, record), key)

    assert (rejected.line, rejected.rule, rejected.raw) == (1, "malformed", record)
    assert says in rejected.reason


def test_records_may_be_arrays_where_the_paths_say_so():
    table = file_table(file_column("a", path="[0]"), file_column("b", path="[1].c"))

    assert rows_of(table, '["x", {"c": 1}]\n', LINES) == [("x", "1")]
    assert rejected_of(table, '{"a": 1}', LINES).reason == "is not an array"


def test_a_line_that_is_not_json_is_rejected_and_its_neighbours_stand():
    found = read(file_table("a"), '{"a": 1}\n{"a": \n\n{"a": 2} 3\n{"a": 4}', LINES)

    assert (found.rows, found.lines) == ([("1",), ("4",)], [1, 5])
    assert [(one.line, one.rule, one.raw) for one in found.rejected] == [
        (2, "malformed", '{"a": '),
        (4, "malformed", '{"a": 2} 3'),
    ]


@pytest.mark.parametrize(
    ("key", "body", "says"),
    [
        (ARRAY, "", "empty"),
        (ARRAY, '{"a": 1}\n{"a": 2}', "ends in .jsonl"),
        (LINES, '[{"a": 1}]', "an array. End its name"),
        (ARRAY, '[{"a": 1}', "ends in the middle"),
        (ARRAY, '[{"a": 1},', "ends in the middle"),
        (ARRAY, '[{"a": 1}]\n[]', "behind the array"),
        (ARRAY, '[{"a": 1}\n{"a": 2}]', "a comma is missing"),
        (ARRAY, '[{"a": 1},\n{"a": oops, "long enough": true}]', "element 2: Expecting value at line 2"),
        (ARRAY, "<html>", "does not begin with"),
        (ARRAY, "[", "not closed"),
        (ARRAY, "[" * 5000, "nested too deeply"),
    ],
)
def test_what_is_no_such_file_is_refused_and_named(key, body, says):
    with pytest.raises(FileRefusedError, match=says):
        read(file_table("a"), body, key, cut=3 if len(body) < 100 else None)


def test_an_empty_array_and_an_empty_jsonl_have_no_rows():
    assert rows_of(file_table("a"), " [ ] \n", ARRAY) == rows_of(file_table("a"), "", LINES) == []


@ARRAY_OR_LINES
def test_a_record_past_the_set_maximum_refuses_the_file(key):
    body = as_file(key, '{"a": "' + "x" * 300 + '"}')

    with pytest.raises(FileRefusedError, match="longer than 100"):
        read(file_table("a", max_record_length=100), body, key, cut=1)
