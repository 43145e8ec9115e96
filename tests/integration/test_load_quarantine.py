"""Rows wait for their parent or for a person, are told of once, and leave when their key comes right."""

import logging

import pytest

from tests.load_factories import SALE, TO_STAFF, Place, dimension, fact, reference, refused, replaced

WAITING = "SELECT model, key, rule, waiting, batch FROM starlift.quarantine ORDER BY model, key::text"
SALES = "SELECT sale_id, staff_id, units, _batch FROM fact_sale ORDER BY fact_sale_record_id"
ANN, SALES_FACT = (1, "ann"), fact(references=TO_STAFF)
UNITS = refused("fact_sale", {"sale_id": "1"}, {"sale_id": "1", "staff_id": "1", "units": "0"})


@pytest.fixture
def place(make_database, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    return Place(make_database(), tmp_path)


def alerts(caplog):
    found = [
        (record.levelname, record.message, record.tables) for record in caplog.records if hasattr(record, "tables")
    ]
    caplog.clear()
    return found


def test_a_fact_without_its_parent_waits_and_is_released_when_the_parent_comes(place):
    first = place.bring(dimension(), SALES_FACT.bringing((1, 1, 5), (2, 9, 7)))
    waiting = place.ask(WAITING)

    second = place.bring(dimension().bringing(ANN), SALES_FACT)

    assert first["fact_sale"] == {"loaded": 0, "skipped": 0, "quarantined": 2, "deleted": 0, "late": 0}
    assert waiting[0] == ["fact_sale", {"sale_id": "1"}, "reference", True, 1]
    assert second["fact_sale"] == {"loaded": 1, "skipped": 0, "quarantined": 0, "deleted": 0, "late": 0}
    assert place.ask(SALES) == [[1, 1, 5, 2]]
    assert place.ask(WAITING) == [["fact_sale", {"sale_id": "2"}, "reference", True, 1]]


def test_a_fact_follows_its_quarantined_parent_and_leaves_with_it(place):
    bad = refused("dim_staff", {"staff_id": "1"}, {"staff_id": "1", "name": None}, "name: is null")

    place.bring(dimension().bringing((2, "bob"), quarantined=[bad]), SALES_FACT.bringing((1, 1, 5), (2, 2, 6)))
    before = place.ask(SALES)
    place.bring(dimension().bringing(ANN), SALES_FACT)

    assert before == [[2, 2, 6, 1]]
    assert place.ask(SALES) == [[2, 2, 6, 1], [1, 1, 5, 2]]
    assert place.ask(WAITING) == []


def test_a_waiting_dimension_makes_its_facts_wait_and_all_leave_together(place):
    team = dimension("dim_team", {"team_id": "integer"})
    staff = dimension(references=(reference("name", "dim_team", "team_id"),)).with_columns(
        {"staff_id": "integer", "name": "integer"}
    )

    place.bring(team, staff.bringing((1, 7)), SALES_FACT.bringing((1, 1, 5)))
    waiting = place.ask(WAITING)
    place.bring(team.bringing((7,)), staff, SALES_FACT)

    assert [row[0] for row in waiting] == ["dim_staff", "fact_sale"]
    assert place.ask(SALES) == [[1, 1, 5, 2]]
    assert place.ask(WAITING) == []


def test_rows_that_refer_to_their_own_table_wait_for_the_whole_chain(place):
    columns = {"staff_id": "integer", "boss_id": "integer"}
    staff = dimension(columns=columns, references=(reference("boss_id", "dim_staff", "staff_id"),))

    place.bring(staff.bringing((1, None), (2, 1), (3, 4), (4, 5), (5, 6)))
    first = place.ask("SELECT staff_id FROM dim_staff ORDER BY 1")
    place.bring(staff.bringing((6, 1)))

    assert first == [[1], [2]]
    assert place.ask("SELECT count(*) FROM dim_staff") == [[6]]
    assert place.ask(WAITING) == []


def test_a_null_reference_needs_no_parent(place):
    place.bring(dimension(), SALES_FACT.bringing((1, None, 5)))

    assert place.ask(SALES) == [[1, None, 5, 1]]


def test_a_deleted_parent_is_a_parent_still(place):
    place.bring(dimension().bringing(ANN), SALES_FACT)
    place.bring(dimension().bringing(gone=[(1,)]), SALES_FACT.bringing((1, 1, 5)))

    assert place.ask(SALES) == [[1, 1, 5, 2]]


def test_a_newer_row_takes_the_place_of_the_one_that_waited(place):
    place.bring(dimension(), SALES_FACT.bringing((1, 9, 5)))
    place.bring(dimension(), SALES_FACT.bringing((1, 8, 6)))
    (waiting,) = place.ask('SELECT "row" FROM starlift.quarantine')

    place.bring(dimension().bringing((8, "eve"), (9, "old")), SALES_FACT)

    assert waiting == [{"sale_id": "1", "staff_id": "8", "units": "6"}]
    assert place.ask(SALES) == [[1, 8, 6, 3]]


def test_a_refused_row_takes_the_place_of_the_one_that_waited(place):
    place.bring(dimension(), SALES_FACT.bringing((1, 1, 5)))

    place.bring(dimension().bringing(ANN), SALES_FACT.bringing(quarantined=[UNITS]))

    assert place.ask(SALES) == []
    assert place.ask(WAITING) == [["fact_sale", {"sale_id": "1"}, "range", False, 2]]


def test_a_waiting_row_that_is_gone_is_forgotten(place):
    place.bring(dimension(), SALES_FACT.bringing((1, 1, 5)))

    place.bring(dimension().bringing(ANN), SALES_FACT.bringing(gone=[(1,)]))

    assert place.ask(SALES) == []
    assert place.ask(WAITING) == []


def test_a_refused_row_leaves_when_its_key_loads(place):
    place.bring(fact().bringing(quarantined=[UNITS]))

    place.bring(fact().bringing((1, 1, 5)))

    assert place.ask(WAITING) == []


def test_only_rows_new_in_quarantine_raise_the_alert(place, caplog):
    other = refused("fact_sale", {"sale_id": "2"}, {"sale_id": "2", "staff_id": "1", "units": "-1"})

    place.bring(fact().bringing(quarantined=[UNITS]))
    first = alerts(caplog)
    place.bring(fact().bringing(quarantined=[UNITS]))
    same = alerts(caplog)
    place.bring(fact().bringing(quarantined=[UNITS, other]))

    assert first == [("CRITICAL", "new rows in quarantine", {"fact_sale": 1})]
    assert same == [("WARNING", "rows quarantined", {"fact_sale": 1})]
    assert [(level, tables) for level, _, tables in alerts(caplog)] == [
        ("CRITICAL", {"fact_sale": 1}),
        ("WARNING", {"fact_sale": 1}),
    ]


def test_a_row_that_waits_on_is_not_told_again(place, caplog):
    place.bring(dimension(), SALES_FACT.bringing((1, 1, 5)))
    first = alerts(caplog)

    counts = place.bring(dimension().bringing((2, "bob")), SALES_FACT)

    assert first == [("CRITICAL", "new rows in quarantine", {"fact_sale": 1})]
    assert alerts(caplog) == []
    assert counts["fact_sale"]["quarantined"] == 0


def test_no_row_and_no_key_reaches_the_log(place, caplog):
    place.bring(
        fact().bringing((77123, 1, 5), quarantined=[refused("fact_sale", {"sale_id": "88123"}, {"a": "secret"})])
    )

    text = " ".join(str(record.__dict__) for record in caplog.records)
    assert not any(secret in text for secret in ("77123", "88123", "secret"))


def test_of_rows_that_share_a_unique_value_the_lowest_key_stays(place):
    table = dimension(unique=(("name",),))

    counts = place.bring(table.bringing((3, "ann"), (1, "ann"), (2, "bob"), (4, None), (5, None)))

    assert counts["dim_staff"]["quarantined"] == 1
    assert place.ask("SELECT staff_id FROM dim_staff ORDER BY 1") == [[1], [2], [4], [5]]
    assert place.ask(WAITING) == [["dim_staff", {"staff_id": "3"}, "unique", False, 1]]


@pytest.mark.parametrize(("kind", "values"), [("numeric", ("1.0", "1.00")), ("double precision", ("0", "-0"))])
def test_values_that_postgresql_calls_equal_are_one_value_to_a_unique_test(place, kind, values):
    table = dimension(columns={"staff_id": "integer", "rate": kind}, unique=(("rate",),))

    place.bring(table.bringing(*enumerate(values)))

    assert [row[1:3] for row in place.ask(WAITING)] == [[{"staff_id": "1"}, "unique"]]


def test_the_row_that_held_a_unique_value_before_keeps_it(place):
    table = dimension(unique=(("name",),))
    place.bring(table.bringing((5, "ann")))

    place.bring(table.bringing((1, "ann")))
    place.bring(table.bringing((2, "ann"), (5, "ann")))

    assert place.ask("SELECT staff_id FROM dim_staff") == [[5]]


def test_rows_may_swap_their_unique_values(place):
    table = dimension(unique=(("name",),))
    place.bring(table.bringing((1, "ann"), (2, "bob")))

    counts = place.bring(table.bringing((1, "bob"), (2, "ann")))

    assert counts["dim_staff"]["loaded"] == 2


def test_a_value_that_a_refused_row_keeps_holding_is_not_free(place):
    table = fact(references=TO_STAFF, unique=(("units",),))
    place.bring(dimension().bringing(ANN), table.bringing((1, 1, 5)))

    place.bring(dimension(), table.bringing((1, 9, 6), (2, 1, 5)))

    assert place.ask("SELECT sale_id, units FROM current_fact_sale") == [[1, 5]]
    assert [row[2] for row in place.ask(WAITING)] == ["reference", "unique"]


def test_a_replaced_tables_rows_wait_for_their_parents_too(place):
    rates = replaced(columns=SALE, references=TO_STAFF)

    place.bring(dimension().bringing(ANN), rates.bringing((1, 1, 5), (2, 2, 6), (3, 3, 7)))
    first = place.ask("SELECT sale_id FROM rates")
    place.bring(dimension().bringing((2, "bob")), rates)
    second = place.ask("SELECT sale_id FROM rates ORDER BY 1")
    place.bring(dimension(), rates.bringing((4, 1, 1)))

    assert (first, second) == ([[1]], [[1], [2]])
    assert place.ask("SELECT sale_id FROM rates") == [[4]]
    assert place.ask(WAITING) == []


def test_a_row_from_before_a_required_column_waits_until_it_comes_again(place):
    wider = SALES_FACT.with_columns({**SALE, "town": "text"}, not_null=["town"])
    place.bring(dimension(), SALES_FACT.bringing((1, 1, 5)))

    place.bring(dimension().bringing(ANN), wider)
    waiting = place.ask(WAITING)
    place.bring(dimension(), wider.bringing((1, 1, 5, "york")))

    assert len(waiting) == 1
    assert place.ask("SELECT town FROM current_fact_sale") == [["york"]]
    assert place.ask(WAITING) == []


def test_more_columns_than_a_function_takes_arguments_can_wait(place):
    columns = {"sale_id": "integer", "staff_id": "integer", **{f"c{n}": "text" for n in range(120)}}
    table = fact(columns=columns, references=TO_STAFF)

    place.bring(dimension(), table.bringing((1, 1, *(str(n) for n in range(120)))))
    place.bring(dimension().bringing(ANN), table)

    assert place.ask("SELECT c0, c119 FROM current_fact_sale") == [["0", "119"]]
