"""Parquet's values as texts."""

import duckdb

from tests.exports import compare_files, table, write_files
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


def test_parquet_values_become_text_without_loss(tmp_path):
    items = ", ".join(f"{value} AS {name}" for name, (value, _) in VALUES.items())
    duckdb.execute(f"SET TimeZone = 'UTC'; COPY (SELECT 1 AS id, {items}) TO '{tmp_path / 'after-0'}' (FORMAT parquet)")
    (file,) = write_files(tmp_path, "after", [(tmp_path / "after-0").read_bytes()])

    _, (change,) = compare_files(None, [file], tmp_path, table(format=Format.PARQUET))

    assert change.after == {"id": "1", **{name: text for name, (_, text) in VALUES.items()}}


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
