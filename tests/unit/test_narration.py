"""Log lines told as sentences: what a person reads while a run is at work."""

import pytest

from local.narration import counted, narrate


@pytest.mark.parametrize(("number", "told"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1000, "1,000 rows")])
def test_a_count_and_its_noun_agree(number, told):
    assert counted(number, "row") == told


def test_a_table_of_one_row_is_told_in_the_singular():
    told = narrate("table loaded", {"table": "dim_maker", "row_count": 1})

    assert told.split() == ["loaded", "dim_maker", "1", "row"]


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("keys", ["compared", "maker", "98", "keys"]),
        ("changed", ["extracted", "maker", "98", "rows"]),
        ("affected", ["joined", "maker", "98", "rows"]),
        ("context", ["joined", "maker", "98", "rows"]),
    ],
)
def test_only_what_changed_is_told_as_extracted(role, told):
    assert narrate("table extracted", {"table": "maker", "row_count": 98, "role": role}).split() == told


def test_the_warning_of_changed_models_ends_with_the_command_that_rebuilds_them():
    told = narrate("model changed without rebuild", {"models": ["dim_maker", "fact_item"]})

    assert told.startswith("dim_maker, fact_item: the model changed")
    assert told.endswith("starlift run --rebuild dim_maker --rebuild fact_item")
