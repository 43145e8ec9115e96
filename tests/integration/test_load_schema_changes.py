"""Tables follow their models as long as no value is lost; anything else stops, loudly, and changes nothing."""

import logging

import pytest

from tests.load_factories import SALE, STAFF, TO_STAFF, Place, dimension, fact
from utils.errors import ConfigurationError, SchemaDriftError

TOWN = {**SALE, "town": "text"}
VERSIONS = "SELECT units, town, _batch, _current FROM fact_sale WHERE sale_id = 1 ORDER BY fact_sale_record_id"
NULLABLE = "SELECT NOT attnotnull FROM pg_attribute WHERE attrelid = 'fact_sale'::regclass AND attname = 'town'"


@pytest.fixture
def place(make_database, tmp_path):
    return Place(make_database(), tmp_path)


def refused_change(place, table):
    """Load a batch that cannot be, check that nothing changed, and return the error's text."""
    before = place.dump()
    place.transform(table)
    with pytest.raises(SchemaDriftError) as refusal:
        place.load()
    assert place.dump() == before
    return str(refusal.value)


def test_a_new_column_is_filled_in_place_and_makes_no_version(place):
    place.bring(fact().bringing((1, 1, 5)))

    counts = place.bring(fact(columns=TOWN).bringing((1, 1, 5, "york")))

    assert counts["fact_sale"]["loaded"] == 1
    assert place.ask(VERSIONS) == [[5, "york", 1, True]]
    assert place.ask("SELECT town FROM current_fact_sale") == [["york"]]


def test_a_new_column_whose_row_changed_otherwise_makes_a_version(place):
    place.bring(fact().bringing((1, 1, 5)))

    place.bring(fact(columns=TOWN).bringing((1, 1, 6, "york")))

    assert place.ask(VERSIONS) == [[5, None, 1, False], [6, "york", 2, True]]


def test_a_new_column_that_is_filled_batches_later_makes_no_version_either(place):
    place.bring(fact().bringing((1, 1, 5), (2, 1, 5)))
    place.bring(fact(columns=TOWN).bringing((2, 1, 5, "hull")))

    place.bring(fact(columns=TOWN).bringing((1, 1, 5, "york"), (2, 1, 5, "hull")))

    assert place.ask(VERSIONS) == [[5, "york", 1, True]]
    assert place.ask("SELECT count(*) FROM fact_sale") == [[2]]


def test_a_value_that_changes_after_the_column_was_filled_makes_a_version(place):
    place.bring(fact().bringing((1, 1, 5)))
    for town in ("york", "hull", None):
        place.bring(fact(columns=TOWN).bringing((1, 1, 5, town)))

    assert [row[1] for row in place.ask(VERSIONS)] == ["york", "hull", None]


def test_a_null_written_after_the_column_came_is_a_value(place):
    place.bring(fact().bringing((2, 1, 5)))
    for town in (None, "york"):
        place.bring(fact(columns=TOWN).bringing((1, 1, 5, town)))

    assert [row[1] for row in place.ask(VERSIONS)] == [None, "york"]


def test_a_required_new_column_is_required_once_every_row_has_it(place):
    required = fact().with_columns(TOWN, not_null=["town"])
    place.bring(fact().bringing((1, 1, 5), (2, 1, 5)))

    place.bring(required.bringing((1, 1, 5, "york")))
    first = place.ask(NULLABLE)
    place.bring(required.bringing((2, 1, 5, "hull")))

    assert (first, place.ask(NULLABLE)) == ([[True]], [[False]])


def test_a_column_that_holds_nulls_stays_nullable_and_says_so(place, caplog):
    place.bring(fact(columns=TOWN).bringing((1, 1, 5, None)))

    place.bring(fact().with_columns(TOWN, not_null=["town"]).bringing((2, 1, 5, "hull")))

    assert place.ask(NULLABLE) == [[True]]
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(record.message, record.column) for record in warnings] == [("column stays nullable", "town")]


def test_a_column_that_may_be_null_again_takes_nulls(place):
    place.bring(fact().with_columns(TOWN, not_null=["town"]).bringing((1, 1, 5, "york")))

    place.bring(fact(columns=TOWN).bringing((1, 1, 5, None)))

    assert [row[1] for row in place.ask(VERSIONS)] == ["york", None]


def test_a_dimensions_new_column_is_filled_by_its_row(place):
    place.bring(dimension().bringing((1, "ann"), (2, "bob")))

    counts = place.bring(dimension(columns={**STAFF, "town": "text"}).bringing((1, "ann", "york"), (2, "bob", None)))

    assert counts["dim_staff"] == {"loaded": 1, "skipped": 1, "quarantined": 0, "deleted": 0, "late": 0}


def test_types_widen_with_their_values_and_make_no_version(place):
    columns = {"sale_id": "integer", "staff_id": "smallint", "units": "numeric(5,1)"}
    wider = {"sale_id": "bigint", "staff_id": "integer", "units": "numeric(12,2)"}
    place.bring(fact(columns=columns).bringing((1, 1, "5.5")))

    counts = place.bring(fact(columns=wider).bringing((1, 1, "5.50"), (5_000_000_000, 70_000, "1234567890.12")))

    assert counts["fact_sale"] == {"loaded": 1, "skipped": 1, "quarantined": 0, "deleted": 0, "late": 0}
    assert place.ask("SELECT sale_id::text, staff_id, units::text FROM current_fact_sale ORDER BY 1") == [
        ["1", 1, "5.50"],
        ["5000000000", 70_000, "1234567890.12"],
    ]


def test_a_key_that_facts_refer_to_widens_with_them(place):
    place.bring(dimension().bringing((1, "ann")), fact(references=TO_STAFF).bringing((1, 1, 5)))

    wide = dimension(columns={"staff_id": "bigint", "name": "text"})
    place.bring(
        wide.bringing((5_000_000_000, "eve")),
        fact(columns={**SALE, "staff_id": "bigint"}, references=TO_STAFF).bringing((2, 5_000_000_000, 1)),
    )

    assert place.ask("SELECT count(*) FROM current_fact_sale JOIN dim_staff USING (staff_id)") == [[2]]


def test_who_may_read_the_view_may_read_it_after_a_type_widened(place):
    place.bring(fact().bringing((1, 1, 5)))
    place.ask("GRANT SELECT ON current_fact_sale TO PUBLIC")

    place.bring(fact(columns={**SALE, "units": "bigint"}).bringing((1, 1, 6)))

    assert place.ask("SELECT has_table_privilege('pg_monitor', 'current_fact_sale', 'SELECT')") == [[True]]


def test_a_view_that_was_dropped_comes_back(place):
    place.bring(fact().bringing((1, 1, 5)))
    place.ask("DROP VIEW current_fact_sale")

    place.bring(fact())

    assert place.ask("SELECT units FROM current_fact_sale") == [[5]]


def test_a_new_reference_becomes_a_foreign_key_and_a_dropped_one_goes(place):
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"
    place.bring(dimension().bringing((1, "ann")), fact().bringing((1, 1, 5)))

    place.bring(dimension(), fact(references=TO_STAFF))
    with_key = place.ask(keys)
    place.bring(dimension(), fact())

    assert (with_key, place.ask(keys)) == ([[1]], [[0]])


def test_a_new_reference_that_rows_break_is_refused(place):
    place.bring(dimension(), fact().bringing((1, 9, 5)))
    place.transform(dimension(), fact(references=TO_STAFF))

    with pytest.raises(SchemaDriftError, match="violates foreign key"):
        place.load()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (fact(columns={**SALE, "units": "text"}), "Only wider types"),
        (fact(columns={name: SALE[name] for name in ("sale_id", "units")}), 'DROP COLUMN "staff_id"'),
        (fact(key=("sale_id", "staff_id")), "has the key"),
        (dimension("fact_sale", SALE), "has the key"),
    ],
)
def test_what_would_lose_or_change_values_is_refused_with_what_to_do(place, table, says):
    place.bring(fact().bringing((1, 1, 5)))

    assert says in refused_change(place, table)


def test_the_way_out_that_the_refusal_names_works(place):
    place.bring(fact().bringing((1, 1, 5)))
    fewer = fact(columns={name: SALE[name] for name in ("sale_id", "units")})
    remedy = refused_change(place, fewer).rpartition("drop it: ")[2].rstrip(".")
    place.ask(remedy)

    place.load()

    assert place.ask("SELECT * FROM current_fact_sale") == [[1, 1, 5]]


def test_a_table_that_was_made_by_hand_is_left_alone(place):
    place.ask("CREATE TABLE dim_staff (staff_id int PRIMARY KEY, name text)")

    assert "Move it away" in refused_change(place, dimension().bringing((1, "ann")))


def test_a_view_of_somebody_else_in_the_way_of_a_wider_type_is_named(place):
    place.bring(fact().bringing((1, 1, 5)))
    place.ask("CREATE VIEW report AS SELECT units FROM fact_sale")

    assert "used by a view" in refused_change(place, fact(columns={**SALE, "units": "bigint"}))


def test_a_type_that_is_none_is_refused_before_it_reaches_a_statement(place):
    place.transform(dimension(columns={"staff_id": "integer", "name": "text); DROP SCHEMA public CASCADE; --"}))

    with pytest.raises(ConfigurationError, match="not the name of a PostgreSQL type"):
        place.load()
