"""What the warehouse's tables become, decided without a warehouse."""

import pytest

from load.warehouse.catalogue import ExistingColumn, ExistingReference, ExistingTable
from load.warehouse.schema import added_columns, columns_to_tighten, held_types, plan_changes
from tests.load_factories import STAFF, TO_STAFF, dimension, fact, replaced
from utils.errors import SchemaDriftError


def existing(columns=STAFF, **changes):
    values = {
        "columns": (
            *(ExistingColumn(name, kind, name == "staff_id") for name, kind in columns.items()),
            ExistingColumn("_batch", "bigint", not_null=True),
            ExistingColumn("_deleted", "boolean", not_null=True),
        ),
        "primary_key": ("staff_id",),
    }
    return ExistingTable(**values | changes)


def plan(found, wanted):
    return plan_changes(found, wanted.table, "public", batch=7)


def test_a_table_as_the_model_says_needs_nothing():
    done = plan(existing(), dimension())

    assert (done.before, done.after) == ((), ())


def test_a_new_table_gets_its_keys_and_references_only_once_it_is_filled():
    done = plan(None, fact(references=TO_STAFF))

    assert len(done.before) == 1
    assert "PRIMARY KEY" not in done.before[0]
    assert [statement.split(" (")[0] for statement in done.after] == [
        'ALTER TABLE "public"."fact_sale" ADD PRIMARY KEY',
        'CREATE UNIQUE INDEX ON "public"."fact_sale"',
        'CREATE UNIQUE INDEX ON "public"."fact_sale"',
        'ALTER TABLE "public"."fact_sale" ADD FOREIGN KEY',
        'CREATE OR REPLACE VIEW "public"."current_fact_sale" AS SELECT "fact_sale_record_id", "sale_id", "staff_id", '
        '"units" FROM "public"."fact_sale" WHERE _current AND NOT _deleted',
    ]


def test_a_table_without_a_key_gets_none():
    assert plan(None, replaced()).after == ()


def test_a_new_column_is_nullable_until_it_is_filled_and_marked_with_its_batch():
    done = plan(existing(), dimension().with_columns({**STAFF, "town": "text"}, not_null=["town"]))

    assert done.before == (
        'ALTER TABLE "public"."dim_staff" ADD COLUMN "town" text',
        'COMMENT ON COLUMN "public"."dim_staff"."town" IS \'starlift: added in batch 7\'',
    )


def test_a_wider_type_is_taken_over():
    done = plan(existing({**STAFF, "name": "character varying(5)"}), dimension())

    assert done.before == ('ALTER TABLE "public"."dim_staff" ALTER COLUMN "name" TYPE text',)


def test_a_wider_column_than_the_model_needs_is_kept():
    found = existing({"staff_id": "bigint", "name": "text"})

    assert plan(found, dimension()).before == ()
    assert held_types(found, dimension().table) == {"staff_id": "bigint", "name": "text"}


@pytest.mark.parametrize(
    ("found", "wanted", "says"),
    [
        (existing({**STAFF, "name": "integer"}), dimension(), "Only wider types"),
        (existing({**STAFF, "town": "text"}), dimension(), "DROP COLUMN"),
        (existing(primary_key=("name",)), dimension(), "key"),
        (ExistingTable((ExistingColumn("staff_id", "integer", not_null=True),)), dimension(), "_batch, _deleted"),
        (existing(), fact("dim_staff", STAFF), "_current"),
        (None, dimension("d" * 64), "63 bytes"),
        (None, fact("f" * 60), "63 bytes"),
        (None, fact("f" * 54), "63 bytes"),
    ],
)
def test_anything_else_is_refused_with_what_to_do(found, wanted, says):
    with pytest.raises(SchemaDriftError, match=says):
        plan(found, wanted)


def test_a_column_that_may_be_null_again_is_let_go():
    strict = tuple(ExistingColumn(found.name, found.type, not_null=True) for found in existing().columns)

    done = plan(ExistingTable(strict, ("staff_id",)), dimension())

    assert done.before == ('ALTER TABLE "public"."dim_staff" ALTER COLUMN "name" DROP NOT NULL',)


def test_a_column_that_the_model_never_leaves_null_is_to_be_tightened():
    wanted = dimension().with_columns(STAFF, not_null=["name"]).table

    assert columns_to_tighten(existing(), wanted) == ("name",)
    assert columns_to_tighten(None, wanted) == ()


def test_references_follow_the_model():
    stale = ExistingReference("old_fkey", TO_STAFF[0])

    dropped = plan(existing(references=(stale,)), dimension())
    added = plan(existing(), dimension(references=TO_STAFF))

    assert dropped.before == ('ALTER TABLE "public"."dim_staff" DROP CONSTRAINT "old_fkey"',)
    assert "ADD FOREIGN KEY" in added.after[0]


def test_a_columns_mark_lasts_until_it_is_removed():
    marked = ExistingTable(
        (*existing().columns, ExistingColumn("town", "text", not_null=False, added=3)), ("staff_id",)
    )
    wanted = dimension(columns={**STAFF, "town": "text", "street": "text"}).table

    assert added_columns(marked, wanted, batch=7) == {"town": 3, "street": 7}


def test_a_view_is_dropped_for_a_wider_type_and_made_again_with_its_grants():
    columns = {"fact_sale_record_id": "bigint", "sale_id": "smallint", "staff_id": "integer", "units": "integer"}
    view = tuple(ExistingColumn(name, kind, not_null=False) for name, kind in columns.items())
    system = tuple(ExistingColumn(name, "boolean", not_null=True) for name in ("_batch", "_current", "_deleted"))
    found = ExistingTable((*view, *system), (), ("sale_id",), view=view, view_grants=(("SELECT", "reader"),))

    done = plan(found, fact())

    assert done.before[0] == 'DROP VIEW "public"."current_fact_sale"'
    assert done.after[-1] == 'GRANT SELECT ON "public"."current_fact_sale" TO reader'
