"""Facts keep every version; what is equal, older or gone is told apart."""

import pytest

from tests.load_factories import Place, dimension, fact
from utils.errors import DuplicateKeyError

VERSIONS = "SELECT units, _batch, _current, _deleted FROM fact_sale WHERE sale_id = 1 ORDER BY fact_sale_record_id"
CURRENT = "SELECT sale_id, units FROM current_fact_sale ORDER BY 1"


@pytest.fixture
def place(make_database, tmp_path):
    return Place(make_database(), tmp_path)


def test_a_fact_that_goes_and_comes_back_to_a_value_has_three_versions(place):
    for units in (5, 6, 5):
        place.bring(fact().bringing((1, 1, units)))

    assert place.ask(VERSIONS) == [[5, 1, False, False], [6, 2, False, False], [5, 3, True, False]]
    assert place.ask(CURRENT) == [[1, 5]]


def test_an_equal_fact_gains_no_version(place):
    place.bring(fact().bringing((1, 1, 5), (2, 1, 5)))

    counts = place.bring(fact().bringing((1, 1, 5), (2, 1, 6)))

    assert counts["fact_sale"] == {"loaded": 1, "skipped": 1, "quarantined": 0, "deleted": 0, "late": 0}
    assert place.ask(VERSIONS) == [[5, 1, True, False]]


def test_null_and_a_value_are_different_versions(place):
    for units in (None, 5, None):
        place.bring(fact().bringing((1, 1, units)))

    assert [row[0] for row in place.ask(VERSIONS)] == [None, 5, None]


def test_a_gone_fact_gets_a_closing_version_and_leaves_the_current_view(place):
    place.bring(fact().bringing((1, 1, 5), (2, 1, 7)))

    place.bring(fact().bringing(gone=[(1,), (99,)]))

    assert place.ask(VERSIONS) == [[5, 1, False, False], [5, 2, True, True]]
    assert place.ask(CURRENT) == [[2, 7]]


def test_a_fact_that_is_gone_twice_is_closed_once(place):
    place.bring(fact().bringing((1, 1, 5)))
    place.bring(fact().bringing(gone=[(1,)]))

    place.bring(fact().bringing(gone=[(1,)]))

    assert len(place.ask(VERSIONS)) == 2


def test_a_fact_that_returns_unchanged_after_it_was_gone_is_current_again(place):
    place.bring(fact().bringing((1, 1, 5)))
    place.bring(fact().bringing(gone=[(1,)]))

    place.bring(fact().bringing((1, 1, 5)))

    assert place.ask(VERSIONS) == [[5, 1, False, False], [5, 2, False, True], [5, 3, True, False]]
    assert place.ask(CURRENT) == [[1, 5]]


def test_a_key_that_a_batch_brings_and_says_is_gone_is_brought(place):
    place.bring(fact().bringing((1, 1, 5)))

    place.bring(fact().bringing((1, 1, 6), gone=[(1,)]))

    assert place.ask(CURRENT) == [[1, 6]]


def test_an_older_batch_loaded_late_does_not_overwrite_a_newer_one(place):
    place.bring(fact().bringing((1, 1, 5)), dimension().bringing((1, "ann")))
    place.bring(fact().bringing((1, 1, 6)), dimension().bringing((1, "bob")))
    place.ask("UPDATE fact_sale SET _batch = _batch + 10; UPDATE dim_staff SET _batch = _batch + 10")

    place.bring(fact().bringing((1, 1, 7)), dimension().bringing((1, "eve")))

    assert place.ask(CURRENT) == [[1, 6]]
    assert place.ask("SELECT name FROM dim_staff") == [["bob"]]


def test_the_database_itself_allows_one_current_version_a_key(place):
    place.bring(fact().bringing((1, 1, 5)))
    indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = 'fact_sale' ORDER BY 1"

    assert any("(sale_id) WHERE _current" in row[0] for row in place.ask(indexes))
    assert any("(sale_id, _batch)" in row[0] for row in place.ask(indexes))


def test_late_rows_count_only_when_they_are_not_equal(place):
    place.bring(fact().bringing((1, 1, 5), (2, 1, 5)), dimension().bringing((1, "ann")))

    counts = place.bring(
        fact().bringing((1, 1, 5), (2, 1, 6), (3, 1, 1), late=True), dimension().bringing((1, "bob"), late=True)
    )

    assert counts["fact_sale"]["late"] == 2
    assert counts["dim_staff"]["late"] == 1


def test_composite_keys_name_one_row_together(place):
    lines = fact(columns={"sale_id": "integer", "line": "text", "units": "integer"}, key=("sale_id", "line"))
    place.bring(lines.bringing((1, "a", 5), (1, "b", 5)))

    place.bring(lines.bringing((1, "a", 6), gone=[(1, "b")]))

    assert place.ask("SELECT sale_id, line, units FROM current_fact_sale") == [[1, "a", 6]]


def test_a_key_that_a_batch_holds_twice_stops_the_load_by_name(place):
    place.transform(fact().bringing((1, 1, 5), (1, 1, 6)))

    with pytest.raises(DuplicateKeyError, match="fact_sale"):
        place.load()
