import pytest

from tests.factories import Stage, foreign_key, source, write_project
from transformation.star_schema import frames
from utils.errors import ModelError

TYPES = {
    "id": "integer",
    "name": "text",
    "amount": "numeric(10,2)",
    "at": "timestamp(3) without time zone",
    "box": "integer",
}
ITEM = source("item", TYPES, foreign_keys=(foreign_key("box", "box", "box_id"),))
BOX = source("box", {"box_id": "integer", "size": "text"})
HEADER = '''"""
kind = "dimension"
key = "id"
driving = "item"
lookups.box = {}
[types]
%s
"""
import pandas as pd


def build(item, box):
'''


def item(number=1, **changes):
    return tuple((dict.fromkeys(TYPES) | {"id": number} | changes).values())


@pytest.fixture
def run(tmp_path):
    def transform(body, *rows, types='id = "integer"\nname = "text"', boxes=(), key="id"):
        model = HEADER.replace('key = "id"', f'key = "{key}"') % types + "".join(
            f"    {line}\n" for line in body.split("\n")
        )
        stage = Stage(write_project(tmp_path / "project", {"dim_item.py": model}), tmp_path)
        stage.land(ITEM.holding(*rows), BOX.holding(context=boxes))
        stage.transform()
        return stage

    return transform


def test_a_model_gets_one_row_aligned_frame_for_each_alias(run):
    body = 'return item[["id"]].assign(name=box["size"].fillna("none"))'

    done = run(body, item(1, box=7), item(2), item(3, box=8), boxes=[(7, "S"), (8, None)])

    assert done.rows("dim_item") == [(1, "S"), (2, "none"), (3, "none")]


def test_frames_have_arrow_types_so_that_nothing_is_guessed(run):
    body = 'return item[["id"]].assign(name=", ".join(str(kind) for kind in item.dtypes))'

    done = run(body, item())

    assert done.rows("dim_item")[0][1] == (
        "int32[pyarrow], string[pyarrow], decimal128(10, 2)[pyarrow], timestamp[us][pyarrow], int32[pyarrow]"
    )


def test_types_of_the_header_are_the_tables_and_values_are_cast_to_them(run):
    types = 'id = "int"\namount = "numeric(12,3)"\nat = "time"'
    body = 'return item[["id", "amount"]].assign(at=item["at"].dt.time)'

    done = run(body, item(amount="1.50", at="2024-01-01 10:00:00.123"), types=types)

    assert [column.type for column in done.table("dim_item").columns] == [
        "integer",
        "numeric(12,3)",
        "time without time zone",
    ]
    assert [list(map(str, row)) for row in done.rows("dim_item")] == [["1", "1.500", "10:00:00.123000"]]


def test_a_row_that_build_leaves_out_is_gone(run):
    done = run('return item.loc[item["id"] != 2, ["id", "name"]]', item(1), item(2), item(3))

    assert done.rows("dim_item") == [(1, None), (3, None)]
    assert done.gone("dim_item") == [(2,)]


def test_rows_are_computed_in_chunks(run, monkeypatch):
    monkeypatch.setattr(frames, "CHUNK_ROWS", 2)

    done = run('return item[["id"]].assign(name=str(len(item)))', *[item(number) for number in range(5)])

    assert sorted(name for _, name in done.rows("dim_item")) == ["1", "2", "2", "2", "2"]


def test_an_output_that_does_not_fit_its_type_is_quarantined(run):
    done = run('return item[["id", "name"]]', item(1, name="7"), item(2, name="x"), types='id = "int"\nname = "int"')

    assert done.rows("dim_item") == [(1, 7)]
    assert done.quarantined("dim_item")[0]["row"] == {"id": "2", "name": "x"}


def test_a_value_that_a_frame_cannot_hold_is_quarantined_and_never_shown_as_null(run):
    done = run('return item[["id", "name"]]', item(1, name="a", amount="NaN"), item(2))

    assert done.rows("dim_item") == [(2, None)]
    assert done.quarantined("dim_item") == [
        {
            "model": "dim_item",
            "key": {"id": "1"},
            "rule": "cast",
            "reason": "item.amount cannot be read",
            "row": {"id": "1", "name": "a"},
        }
    ]


@pytest.mark.parametrize(
    ("body", "line", "says"),
    [
        ('return item[["id", "nope"]]', 14, "KeyError.*nope"),
        ("return item.id + box", 14, "build"),
        ('return item[["id"]]', 6, r"returns the columns id, but \[types\] has id, name"),
        ('return item[["id", "name"]].reset_index(drop=True).set_axis(item.index + 9)', 1, "index is not of the rows"),
        ('return pd.concat([item[["id", "name"]]] * 2)', 1, "index is not of the rows"),
        ("return 7", 1, "build"),
    ],
)
def test_a_mistake_in_build_names_its_file_and_line(run, tmp_path, body, line, says):
    with pytest.raises(ModelError, match=says) as refusal:
        run(body, item())

    assert f"dim_item.py:{line}:" in str(refusal.value)


def test_a_key_that_driving_lacks_cannot_be_told_gone(run):
    body = 'return item.loc[item["id"] < 0, ["id"]].rename(columns={"id": "number"})'

    with pytest.raises(ModelError, match="so that what is gone can be told"):
        run(body, item(), types='number = "int"', key="number")
