from pathlib import Path

import pytest

from local.telemetry.generator import SPOILERS, write_files
from local.telemetry.shape import Format, Order
from tests.records_harness import read
from utils.file_project import read_file_project

TABLE = read_file_project(Path(__file__).parents[2] / "projects" / "telemetry").tables["vehicle_readings"]
EACH = pytest.mark.parametrize("format_", Format)


@EACH
def test_generated_files_are_what_the_project_takes(tmp_path, format_):
    paths = write_files(tmp_path, Order(format_, files=2, records=300, bad_share=0, seed=1))

    found = [read(TABLE, path.read_bytes(), str(path)) for path in paths]

    assert [(len(one.rows), one.rejected) for one in found] == [(300, [])] * 2
    assert found[0].rows != found[1].rows


def test_every_format_holds_the_same_readings(tmp_path):
    orders = [Order(format_, files=1, records=50, bad_share=0.2, seed=3) for format_ in Format]

    csv, json, jsonl = (read(TABLE, path.read_bytes(), str(path)) for o in orders for path in write_files(tmp_path, o))

    assert csv.rows == json.rows == jsonl.rows
    assert len(csv.rejected) == len(json.rejected) == len(jsonl.rejected) > 0


@EACH
def test_the_same_order_writes_the_same_bytes(tmp_path, format_):
    order = Order(format_, files=1, records=20, bad_share=0.5, seed=7)

    (first,), (second,) = write_files(tmp_path / "a", order), write_files(tmp_path / "b", order)

    assert first.read_bytes() == second.read_bytes()


@EACH
def test_each_bad_reading_is_rejected_by_a_rule_of_its_own(tmp_path, format_):
    (path,) = write_files(tmp_path, Order(format_, files=1, records=400, bad_share=1, seed=1))

    found = read(TABLE, path.read_bytes(), str(path))

    assert not found.rows
    assert len({(one.column, one.rule) for one in found.rejected}) == len(SPOILERS)


@EACH
def test_a_file_without_records_is_whole(tmp_path, format_):
    (path,) = write_files(tmp_path, Order(format_, files=1, records=0, bad_share=0, seed=1))

    assert not read(TABLE, path.read_bytes(), str(path)).rows
