"""Dimensions hold the latest version; calendars too; tables without a key are replaced as a whole."""

import pytest

from tests.load_factories import TO_STAFF, Place, dimension, fact, reference, replaced
from utils.errors import IntegrityError

STAFF_ROWS = "SELECT staff_id, name, _batch, _deleted FROM dim_staff ORDER BY 1"
RATES = "SELECT staff_id, name, _batch FROM rates ORDER BY 1, 2"


@pytest.fixture
def place(make_database, tmp_path):
    return Place(make_database(), tmp_path)


def test_a_changed_row_is_overwritten_an_equal_one_skipped_and_a_new_one_inserted(place):
    place.bring(dimension().bringing((1, "ann"), (2, "bob")))

    counts = place.bring(dimension().bringing((1, "ann"), (2, "eve"), (3, None)))

    assert counts["dim_staff"] == {"loaded": 2, "skipped": 1, "quarantined": 0, "deleted": 0, "late": 0}
    assert place.ask(STAFF_ROWS) == [[1, "ann", 1, False], [2, "eve", 2, False], [3, None, 2, False]]


def test_a_gone_row_is_marked_and_its_return_clears_the_mark(place):
    place.bring(dimension().bringing((1, "ann")), fact(references=TO_STAFF).bringing((1, 1, 5)))

    gone = place.bring(dimension().bringing(gone=[(1,)]), fact(references=TO_STAFF))
    marked = place.ask(STAFF_ROWS)
    place.bring(dimension().bringing((1, "ann")), fact(references=TO_STAFF))

    assert gone["dim_staff"]["deleted"] == 1
    assert marked == [[1, "ann", 2, True]]
    assert place.ask(STAFF_ROWS) == [[1, "ann", 3, False]]


def test_a_calendar_grows_and_keeps_its_days(place):
    calendar = dimension("dim_date", {"date_id": "date", "year": "integer"}, kind="calendar")
    place.bring(calendar.bringing(("2024-12-31", 2024)))

    counts = place.bring(calendar.bringing(("2024-12-31", 2024), ("2025-01-01", 2025)))

    assert counts["dim_date"]["loaded"] == 1
    assert place.ask("SELECT date_id::text FROM dim_date ORDER BY 1") == [["2024-12-31"], ["2025-01-01"]]


def test_a_dimension_of_nothing_but_its_key_loads_twice(place):
    table = dimension("dim_code", {"code": "text"})

    counts = [place.bring(table.bringing(("a",)))["dim_code"]["loaded"] for _ in range(2)]

    assert counts == [1, 0]


def test_a_replaced_table_holds_exactly_the_last_file_as_often_as_it_says(place):
    place.bring(replaced().bringing((1, "a"), (1, "a"), (None, None)))

    counts = place.bring(replaced().bringing((1, "a"), (2, "b"), (2, "b")))

    assert counts["rates"]["loaded"] == 3
    assert place.ask(RATES) == [[1, "a", 2], [2, "b", 2], [2, "b", 2]]


def test_an_equal_file_leaves_a_replaced_table_alone_and_another_count_does_not(place):
    place.bring(replaced().bringing((1, "a"), (None, None)))

    equal = place.bring(replaced().bringing((None, None), (1, "a")))
    twice = place.bring(replaced().bringing((1, "a"), (1, "a"), (None, None)))

    assert equal["rates"] == {"loaded": 0, "skipped": 2, "quarantined": 0, "deleted": 0, "late": 0}
    assert twice["rates"]["loaded"] == 3


def test_an_empty_file_empties_a_replaced_table_and_no_file_leaves_it(place):
    place.bring(replaced().bringing((1, "a")))
    place.bring(replaced())
    left = place.ask(RATES)

    place.bring(replaced().bringing())

    assert left == [[1, "a", 1]]
    assert place.ask(RATES) == []


def test_a_replaced_parent_may_change_under_its_children_but_not_lose_one_they_need(place):
    parent, child = replaced("dim_staff", key=("staff_id",)), fact(references=TO_STAFF)
    place.bring(parent.bringing((1, "a"), (2, "b")), child.bringing((1, 1, 5)))

    place.bring(parent.bringing((1, "x")), child)
    place.transform(parent.bringing((3, "c")), child)

    with pytest.raises(IntegrityError, match="lacks a row that another table refers to"):
        place.load()
    assert place.ask("SELECT staff_id, name FROM dim_staff") == [[1, "x"]]


def test_foreign_keys_are_real_and_chains_of_dimensions_load_in_order(place):
    team = dimension("dim_team", {"team_id": "integer"})
    staff = dimension(
        columns={"staff_id": "integer", "team_id": "integer"}, references=(reference("team_id", "dim_team", "team_id"),)
    )

    place.bring(team.bringing((7,)), staff.bringing((1, 7)), fact(references=TO_STAFF).bringing((1, 1, 5)))

    keys = (
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
    )
    assert place.ask(keys) == [["dim_staff", "dim_team"], ["fact_sale", "dim_staff"]]
