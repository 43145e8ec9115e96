"""Parquet's values as texts."""

import duckdb
import pytest

from tests.exports import compare_files, table, write_files
from transformation.delta.export import ALIKE
from utils.errors import DuplicateKeyError, ExportRefusedError
from utils.export_table import Format

VALUES = {
    "double": ("1e22::DOUBLE", "1e+22"),
    "float": ("0.1::FLOAT", "0.1"),
    "decimal": ("12345678901234567890.12300::DECIMAL(25, 5)", "12345678901234567890.12300"),
    "integer": ("18446744073709551615::UBIGINT", "18446744073709551615"),
    "nanoseconds": ("'2024-01-01 00:00:00.123456789'::TIMESTAMP_NS", "2024-01-01 00:00:00.123456789"),
    "instant": ("'2024-06-01 02:00:00+02'::TIMESTAMPTZ", "2024-06-01 00:00:00+00"),
    "truth": ("true", "true"),
    "bytes": ("'\\x00A'::BLOB", "\\x0041"),
    "list": ("['a, b', NULL]", '["a, b",null]'),
    "record": ("{'a': 123456789012345678.12345::DECIMAL(25, 5)}", '{"a":123456789012345678.12345}'),
    "nothing": ("NULL::INTEGER", None),
    "empty": ("''", ""),
}

SAMPLES = {
    **dict.fromkeys((kind for kind in ALIKE if kind.startswith("TIMESTAMP")), "'2026-11-21 01:02:03'"),
    "DATE": "'2026-11-21'",
    "TIME": "'01:02:03'",
    "UUID": "'6ec57f84-c680-4d3a-b778-0123456789ab'",
    "BLOB": "'a'",
}


def test_parquet_values_become_text_without_loss(tmp_path):
    items = ", ".join(f"{value} AS {name}" for name, (value, _) in VALUES.items())
    duckdb.execute(f"SET TimeZone = 'UTC'; COPY (SELECT 1 AS id, {items}) TO '{tmp_path / 'after-0'}' (FORMAT parquet)")
    files = write_files(tmp_path, "after", [(tmp_path / "after-0").read_bytes()])

    _, (change,) = compare_files(None, files, tmp_path, table(format=Format.PARQUET))

    assert change.after == {"id": "1", **{name: text for name, (_, text) in VALUES.items()}}


def export_of(folder, value):
    """Write an export of one row with a value, and return its file."""
    duckdb.execute(f"COPY (SELECT 1 AS id, {value} AS n) TO '{folder / 'after-0'}' (FORMAT parquet)")
    return write_files(folder, "after", [(folder / "after-0").read_bytes()])


@pytest.mark.parametrize("digits", [2, 16, 37])
@pytest.mark.parametrize(
    ("nested", "json"),
    [
        ("[{n}, NULL]", "[{n},null]"),
        ("[{{'a': [{n}]}}]", '[{{"a":[{n}]}}]'),
        ("{{'DECIMAL(16,16)': 1, 'a \"b': {n}}}", '{{"DECIMAL(16,16)":1,"a \\"b":{n}}}'),
        ("map {{'.5': {n}}}", '{{".5":{n}}}'),
    ],
)
def test_decimals_below_one_are_exact_and_json_inside_lists_and_records(tmp_path, nested, json, digits):
    number = f"-0.{'12' * 19}"[: digits + 3]
    files = export_of(tmp_path, nested.format(n=f"CAST('{number}' AS DECIMAL({digits}, {digits}))"))

    _, (change,) = compare_files(None, files, tmp_path, table(format=Format.PARQUET))

    assert change.after["n"] == json.format(n=number)


def test_nested_decimals_that_json_cannot_have_are_refused_by_name(tmp_path):
    files = export_of(tmp_path, "['0.1'::DECIMAL(38, 38)]")

    with pytest.raises(ExportRefusedError, match="has n of lists or records with decimals of 38 digits"):
        compare_files(None, files, tmp_path, table(format=Format.PARQUET))


def test_a_double_that_differs_in_its_last_bit_is_a_change(tmp_path):
    for name, value in (("before", "0.1"), ("after", "0.1 + 1.3877787807814457e-17")):
        duckdb.execute(f"COPY (SELECT 1 AS id, ({value})::DOUBLE AS n) TO '{tmp_path / name}' (FORMAT parquet)")
    files = [write_files(tmp_path, name, [(tmp_path / name).read_bytes()]) for name in ("before", "after")]

    assert compare_files(*files, tmp_path, table(format=Format.PARQUET))[0].counts.updated == 1


def test_a_folder_s_name_is_no_column(tmp_path):
    (tmp_path / "day=2026-11-21").mkdir()
    duckdb.execute(f"COPY (SELECT 1 AS id) TO '{tmp_path / 'day=2026-11-21' / 'after-0'}' (FORMAT parquet)")
    content = (tmp_path / "day=2026-11-21" / "after-0").read_bytes()
    (file,) = write_files(tmp_path / "day=2026-11-21", "after", [content])

    assert compare_files(None, [file], tmp_path, table(format=Format.PARQUET))[0].columns == ("id",)


def updates(folder, before, after):
    """Return how many rows differ between exports of one value each."""
    for name, value in (("before", before), ("after", after)):
        duckdb.execute(f"COPY (SELECT 1 AS id, {value} AS n) TO '{folder / name}' (FORMAT parquet)")
    files = [write_files(folder, name, [(folder / name).read_bytes()]) for name in ("before", "after")]
    return compare_files(*files, folder, table(format=Format.PARQUET))[0].counts.updated


@pytest.mark.parametrize("kind", sorted([*ALIKE, "DECIMAL(9, 2)", "DOUBLE", "TIME"]))
def test_a_value_of_each_type_is_no_change_from_itself_and_one_from_null(tmp_path, kind):
    value = f"CAST({SAMPLES.get(kind, '7')} AS {kind})"

    assert updates(tmp_path, value, value) == 0
    assert updates(tmp_path, value, f"CAST(NULL AS {kind})") == 1


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("0.0::DOUBLE", "-0.0::DOUBLE", 1),
        ("7::INTEGER", "7::BIGINT", 0),
        ("1.5::DECIMAL(5, 1)", "1.50::DECIMAL(5, 2)", 1),
        ("'7'", "7::INTEGER", 0),
        ("DATE '2026-11-21'", "'2026-11-21'", 0),
        ("[1, NULL]", "[1, 2]", 1),
    ],
)
def test_values_are_the_same_just_if_their_texts_are(tmp_path, before, after, changed):
    assert updates(tmp_path, before, after) == changed


def test_a_key_that_occurs_twice_is_shown_as_its_text(tmp_path):
    duckdb.execute(f"COPY (SELECT '\\x00A'::BLOB AS id FROM range(2)) TO '{tmp_path / 'after-0'}' (FORMAT parquet)")
    files = write_files(tmp_path, "after", [(tmp_path / "after-0").read_bytes()])

    with pytest.raises(DuplicateKeyError, match=r"id=\\x0041 \(2 rows\)"):
        compare_files(None, files, tmp_path, table(format=Format.PARQUET))
