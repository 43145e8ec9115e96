"""Applying what changed between two exports to the first gives the second, whatever they hold."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exports import apply, compare_texts, csv_text, table

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            '"',
            '""',
            ",",
            "\n",
            "\r\n",
            "\r",
            "\\",
            "\\N",
            "NULL",
            "null",
            "'",
            "\u2028",
            "é",
            "é",
            "😀",
            "0",
            "00",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
VALUES = st.none() | TEXTS
COLUMNS = ("id", 'odd "name"', "ID", "\\value")


def exports(key_width):
    row = st.tuples(*([TEXTS] * key_width), *([VALUES] * (4 - key_width)))
    return st.lists(row, max_size=8, unique_by=lambda row: row[:key_width])


def rows_of(export):
    return [dict(zip(COLUMNS, row, strict=True)) for row in export]


def delta(before, after, key_width):
    with tempfile.TemporaryDirectory() as folder:
        settings = table(key=COLUMNS[:key_width])
        texts = [csv_text(COLUMNS, export) for export in (before, after)]
        return compare_texts(*texts, Path(folder), settings)[1]


@settings(max_examples=40)
@given(data=st.data(), key_width=st.sampled_from([1, 2]))
def test_applying_the_changes_gives_the_later_export_and_back_the_earlier_one(data, key_width):
    before, after = data.draw(exports(key_width)), data.draw(exports(key_width))
    key = COLUMNS[:key_width]

    there = apply(delta(before, after, key_width), rows_of(before), key)
    back = apply(delta(after, before, key_width), there.values(), key)

    assert there == {tuple(row[name] for name in key): row for row in rows_of(after)}
    assert back == {tuple(row[name] for name in key): row for row in rows_of(before)}


@settings(max_examples=20)
@given(export=exports(2))
def test_an_export_has_no_changes_from_itself_in_whatever_order(export):
    assert delta(export, export[::-1], 2) == []


@settings(max_examples=20)
@given(export=exports(2))
def test_changes_come_in_order_of_key_and_are_numbered_without_gaps(export):
    changes = delta([], export, 2)

    keys = [tuple(value.encode() for value in change.key.values()) for change in changes]
    assert keys == sorted(keys)
    assert [change.sequence for change in changes] == list(range(1, len(export) + 1))
