"""Every row of a batch brings all that it joins to, whatever brought it in."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.extraction_harness import (
    DEPARTMENT,
    SALE,
    SCHEMA,
    STAFF,
    Extraction,
    connect,
    make_project,
    model,
    table_of,
)
from utils.errors import ModelError


@pytest.fixture
def make(make_database, tmp_path: Path) -> Iterator:
    """Return a function that extracts a source's first batch, so that only changes are left to find."""
    made = []

    def extraction(models: dict[str, str], *statements: str, pipeline: str = "") -> Extraction:
        project = make_project(tmp_path / "project", models, pipeline)
        made.append(Extraction(make_database(), project, tmp_path / "store"))
        made[-1].edit(SCHEMA, *statements)
        made[-1].run()
        return made[-1]

    yield extraction
    for found in made:
        found.close()


def test_a_changed_department_brings_its_staff(make):
    extraction = make({"dim_staff": STAFF})
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 1")

    assert extraction.roles(extraction.run()) == {"department": {"changed": [1]}, "staff": {"affected": [10, 11]}}


def test_a_changed_member_of_staff_brings_the_department(make):
    extraction = make({"dim_staff": STAFF})
    extraction.edit("UPDATE staff SET name = 'x' WHERE id = 20")

    assert extraction.roles(extraction.run()) == {"staff": {"changed": [20]}, "department": {"context": [2]}}


def test_a_row_is_in_one_role_only(make):
    extraction = make({"dim_staff": STAFF})
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 1", "UPDATE staff SET name = 'x' WHERE id = 10")

    batch = extraction.run()

    assert extraction.roles(batch) == {"department": {"changed": [1]}, "staff": {"changed": [10], "affected": [11]}}


def test_a_chain_is_followed_up_and_then_down(make):
    extraction = make({"fact_sale": SALE, "dim_department": DEPARTMENT})
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 1")

    assert extraction.roles(extraction.run()) == {
        "department": {"changed": [1]},
        "sale": {"affected": [100, 101]},
        "staff": {"context": [10, 11]},
    }


def test_a_new_sale_brings_the_whole_chain(make):
    extraction = make({"fact_sale": SALE})
    extraction.edit("INSERT INTO sale VALUES (400, 20, 1)")

    assert extraction.roles(extraction.run()) == {
        "sale": {"changed": [400]},
        "staff": {"context": [20]},
        "department": {"context": [2]},
    }


def test_an_affected_row_is_followed_for_all_models_of_its_table(make):
    boss = model("staff", 'boss = { table = "staff", on = "boss_id", key = "id" }')
    extraction = make({"dim_staff": STAFF, "dim_boss": boss})
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 2")

    assert extraction.roles(extraction.run()) == {
        "department": {"changed": [2]},
        "staff": {"affected": [20], "context": [10]},
    }


def test_an_affected_row_that_is_looked_up_as_well_is_not_context(make):
    boss = model("staff", 'boss = { table = "staff", on = "boss_id", key = "id" }')
    extraction = make({"dim_staff": STAFF, "dim_boss": boss})
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 1")

    assert extraction.roles(extraction.run())["staff"] == {"affected": [10, 11]}


def test_a_table_that_looks_itself_up_brings_both_ends(make):
    boss = model("staff", 'boss = { table = "staff", on = "boss_id", key = "id" }')
    extraction = make({"dim_staff": boss})
    extraction.edit("UPDATE staff SET name = 'x' WHERE id = 20")

    assert extraction.roles(extraction.run()) == {"staff": {"changed": [20], "affected": [30], "context": [10]}}


def test_two_aliases_of_one_table_are_both_followed(make):
    boss = model(
        "staff",
        'boss = { table = "staff", on = "boss_id", key = "id" }\n'
        'chief = { table = "staff", from = "boss", on = "boss_id", key = "id" }',
    )
    extraction = make({"dim_staff": boss})
    extraction.edit("UPDATE staff SET name = 'x' WHERE id = 30")

    assert extraction.roles(extraction.run()) == {"staff": {"changed": [30], "context": [10, 20]}}


def test_a_moved_child_brings_its_new_parent_and_not_the_old(make):
    extraction = make({"dim_staff": STAFF})
    extraction.edit("UPDATE staff SET department_id = 3 WHERE id = 10")

    assert extraction.roles(extraction.run()) == {"staff": {"changed": [10]}, "department": {"context": [3]}}


def test_tables_that_look_each_other_up_end_the_search(make):
    extraction = make(
        {"dim_staff": STAFF, "dim_department": model("department", 'head = { table = "staff", on = "head_id" }')},
        "ALTER TABLE department ADD head_id int REFERENCES staff",
        "UPDATE department SET head_id = 20 WHERE id = 1",
    )
    extraction.edit("UPDATE staff SET name = 'x' WHERE id = 20")

    assert extraction.roles(extraction.run()) == {
        "staff": {"changed": [20]},
        "department": {"affected": [1], "context": [2]},
    }


COMPOSITE = """
    CREATE TABLE rate (code text, day date, rate numeric, PRIMARY KEY (code, day));
    CREATE TABLE trade (id int PRIMARY KEY, code text, day date, FOREIGN KEY (code, day) REFERENCES rate);
    INSERT INTO rate VALUES ('EUR', '2024-01-01', 1), ('EUR', '2024-01-02', 2), ('USD', '2024-01-01', 3);
    INSERT INTO trade VALUES (1, 'EUR', '2024-01-01'), (2, 'EUR', '2024-01-02'), (3, NULL, '2024-01-01');
"""


def test_a_composite_key_is_compared_as_a_whole(make):
    extraction = make({"fact_trade": model("trade", "rate = {}")}, COMPOSITE)
    extraction.edit("UPDATE rate SET rate = 9 WHERE code = 'EUR' AND day = '2024-01-02'")

    batch = extraction.run()

    assert extraction.ids(batch, "trade", "affected") == [2]


def test_a_changed_row_whose_key_is_half_null_brings_no_parent(make):
    extraction = make({"fact_trade": model("trade", "rate = {}")}, COMPOSITE)
    extraction.edit("UPDATE trade SET day = '2024-01-02' WHERE id = 3")

    assert not table_of(extraction.run(), "rate").files


def test_columns_of_different_types_are_compared_as_text(make):
    extraction = make(
        {"dim_note": model("note", 'staff = { on = "about", key = "id" }')},
        "CREATE TABLE note (id int PRIMARY KEY, about text)",
        "INSERT INTO note VALUES (1, '10'), (2, 'nobody')",
    )
    extraction.edit("UPDATE staff SET name = 'x' WHERE id = 10")
    up = extraction.run()
    extraction.edit("UPDATE note SET about = '20' WHERE id = 2")

    assert extraction.ids(up, "note", "affected") == [1]
    assert extraction.ids(extraction.run(), "staff", "context") == [20]


def test_a_table_looked_up_by_two_keys_brings_rows_by_either(make):
    lookups = 'by_id = { table = "staff", on = "a" }\nby_name = { table = "staff", on = "b", key = "name" }'
    extraction = make(
        {"dim_call": model("call", lookups)},
        "ALTER TABLE staff ADD UNIQUE (name)",
        "CREATE TABLE call (id int PRIMARY KEY, a int REFERENCES staff, b text)",
        "INSERT INTO call VALUES (1, 10, NULL)",
    )
    extraction.edit("UPDATE call SET b = 'Dan'")

    assert extraction.ids(extraction.run(), "staff", "context") == [10, 30]


def test_a_table_read_whole_brings_the_context_of_all_its_rows(make):
    extraction = make({"dim_staff": STAFF})

    batch = extraction.run(backfill=("staff",))

    assert extraction.ids(batch, "department", "context") == [1, 2]


def test_a_lookup_whose_parent_is_a_lookup_file_is_refused_with_its_line(make, tmp_path):
    lookups = 'codes = { file = "codes.csv", on = "name" }\nsale = { from = "codes", on = "id", key = "id" }'

    with pytest.raises(ModelError, match=r"dim_staff.sql:8: dim_staff looks up sale from codes, a lookup file"):
        make({"dim_staff": model("staff", lookups)})


BIG = """
    CREATE TABLE parent (id int PRIMARY KEY, other int, name text);
    CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent, twin_id int REFERENCES parent);
    INSERT INTO parent SELECT i, i % 100, 'n' FROM generate_series(1, 20000) i;
    INSERT INTO child SELECT i, i % 20000 + 1, (i * 7) % 20000 + 1 FROM generate_series(1, 60000) i;
    ANALYZE parent, child;
"""
CHILD = model("child", 'a = { table = "parent", on = "parent_id" }\nb = { table = "parent", on = "twin_id" }')


def test_the_closure_is_planned_as_joins_and_never_compares_each_row_with_each(make):
    extraction = make({"fact_child": CHILD}, BIG)
    extraction.edit("UPDATE parent SET name = 'x' WHERE id % 2 = 0", "UPDATE child SET twin_id = 1 WHERE id % 2 = 0")

    _, statements = extraction.run_recorded()

    plans = [plan_of(extraction, statement) for statement in statements]
    assert len(plans) >= 4
    assert [plan for plan in plans if "SubPlan" in plan or "Materialize" in plan] == []


def plan_of(extraction: Extraction, copy: str) -> str:
    select = copy.removeprefix("COPY (").removesuffix(") TO STDOUT (FORMAT csv)")
    with closing(connect(extraction.url)) as session:
        return "\n".join(line for (line,) in session.run(f"EXPLAIN {select}"))
