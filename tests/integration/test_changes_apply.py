"""Changes into their target: in order, once, whatever is delivered again."""

from dataclasses import replace
from decimal import Decimal

from tests.changes_factories import deleted, with_key, written
from utils.changes import Operation
from utils.export_table import Deletes

PRICE = Decimal("1.50")


def test_a_delivery_inserts_updates_and_deletes(target):
    target.apply(written("1"), written("2", sequence=2), written("3", sequence=3))

    changed = replace(written("2", 2, 1, item="ink", amount=None), op=Operation.UPDATE)
    outcome = target.apply(changed, deleted("3", 2, 2), written("4", 2, 3))

    assert target.rows() == [[1, "pen", PRICE], [2, "ink", None], [4, "pen", PRICE]]
    assert outcome.counts == {"orders": {"written": 2, "deleted": 1, "skipped": 0}}
    assert outcome.refused is None


def test_null_stays_apart_from_the_empty_text(target):
    target.apply(written("1", item=""), written("2", sequence=2, item=None))

    assert [row[1] for row in target.rows()] == ["", None]


def test_a_delivery_that_comes_again_changes_nothing(target):
    changes = (written("1"), written("2", sequence=2), deleted("2", 2))
    target.apply(*changes)
    before = target.dump()

    outcome = target.apply(*changes)

    assert target.dump() == before
    assert outcome.counts == {"orders": {"written": 0, "deleted": 0, "skipped": 3}}


def test_an_insert_that_comes_again_does_not_bring_back_a_deleted_row(target):
    target.apply(written("1"))
    target.apply(deleted("1", 2))

    target.apply(written("1"))

    assert target.names() == []


def test_a_deleted_key_may_come_back_with_a_later_version(target):
    target.apply(written("1"), deleted("1", 2), written("1", 3, item="ink"))

    assert target.rows() == [[1, "ink", PRICE]]


def test_an_older_version_never_wins(target):
    target.apply(written("1", 3, item="new"))

    outcome = target.apply(written("1", 2, item="old"), deleted("1", 1))

    assert target.rows() == [[1, "new", PRICE]]
    assert outcome.counts["orders"]["skipped"] == 2


def test_of_several_changes_of_one_key_in_a_delivery_the_last_wins(target):
    target.apply(written("1"), deleted("1", 2), written("1", 3), written("2"), written("2", 2), deleted("2", 3))

    assert target.names() == [1]


def test_a_change_that_the_stream_holds_twice_in_one_delivery_is_applied_once(target):
    outcome = target.apply(written("1"), written("1"))

    assert target.names() == [1]
    assert outcome.counts["orders"] == {"written": 1, "deleted": 0, "skipped": 1}


def test_an_update_of_a_row_that_is_not_there_brings_it(target):
    target.apply(replace(written("1", 2), op=Operation.UPDATE))

    assert target.names() == [1]


def test_a_composite_key_is_applied_by_all_its_columns(bare_target):
    target = bare_target.with_table(key=("id", "line"))
    target.ask("CREATE TABLE orders (id text, line integer, item text, amount numeric, PRIMARY KEY (line, id))")
    first, second = (with_key(written("a", sequence=line), id="a", line=str(line)) for line in (1, 2))
    target.apply(first, second)

    target.apply(with_key(deleted("a", 2), id="a", line="1"))

    assert target.ask("SELECT id, line FROM orders") == [["a", 2]]


def test_marked_rows_stay_and_a_later_insert_clears_the_mark(target):
    target.ask("ALTER TABLE orders ADD deleted_at timestamptz")
    marking = target.with_table(deletes=Deletes.MARK)
    marking.apply(written("1"), written("2", sequence=2))

    marking.apply(deleted("1", 2), deleted("2", 2, 2))
    assert target.ask("SELECT count(*) FROM orders WHERE deleted_at IS NOT NULL") == [[2]]

    marking.apply(written("1", 3))
    assert target.ask("SELECT id FROM orders WHERE deleted_at IS NULL") == [[1]]


def test_a_mark_keeps_its_time_when_the_delete_comes_again(target):
    target.ask("ALTER TABLE orders ADD deleted_at timestamptz")
    marking = target.with_table(deletes=Deletes.MARK)
    marking.apply(written("1"), deleted("1", 2))
    before = target.rows()

    marking.apply(deleted("1", 2), deleted("1", 3))

    assert target.rows() == before


def test_tenants_share_a_target_by_their_column(bare_target):
    target = bare_target.with_table(tenant_column="tenant")
    target.ask("CREATE TABLE orders (tenant text, id integer, item text, amount numeric, PRIMARY KEY (tenant, id))")
    other = replace(written("1", item="ink"), tenant="other")
    target.apply(written("1"), other)

    target.apply(deleted("1", 2))

    assert target.ask("SELECT tenant, id, item FROM orders") == [["other", 1, "ink"]]


def test_a_delivery_holds_changes_of_several_tables(target):
    target.ask("CREATE TABLE lines (LIKE orders INCLUDING ALL)")
    both = target.with_table("lines")

    outcome = both.apply(written("1"), replace(written("5"), table="lines"), written("2", sequence=2))

    assert (target.names(), [row[0] for row in target.rows("lines")]) == ([1, 2], [5])
    assert {name: counts["written"] for name, counts in outcome.counts.items()} == {"orders": 2, "lines": 1}


def test_a_column_that_a_later_version_adds_is_not_emptied_by_an_earlier_one(target):
    target.ask("ALTER TABLE orders ADD note text")
    target.apply(written("1", 2, note="kept"))

    target.apply(written("1", 3), written("2", 3, 2, note="new"), written("1", 4, 1, item="ink"))

    assert target.ask("SELECT id, item, note FROM orders ORDER BY 1") == [[1, "ink", "kept"], [2, "pen", "new"]]


def test_a_column_that_only_the_middle_one_of_three_versions_has_keeps_its_value(target):
    first, second, third = written("1"), written("1", 2, amount="9"), written("1", 3, item="ink")
    first, third = (replace(change, after={"id": "1", "item": change.after["item"]}) for change in (first, third))

    target.apply(first, second, third)

    assert target.rows() == [[1, "ink", 9]]


def test_columns_may_have_any_name(bare_target):
    names = ("place", "series", "version", 'qu"ote', "select", "c0", "a b;--", "Ä" * 31)
    target = bare_target.with_table(key=("deleted",))
    listed = ", ".join('"{}" text'.format(name.replace('"', '""')) for name in names)
    target.ask(f'CREATE TABLE orders ("deleted" text PRIMARY KEY, {listed})')
    key = {"deleted": "k"}
    change = replace(written("x"), key=key, after={**dict.fromkeys(names, "v"), **key})

    target.apply(change)

    assert target.rows() == [["k", *["v"] * len(names)]]


def test_an_identity_column_takes_the_exports_values(bare_target):
    bare_target.ask(
        "CREATE TABLE orders (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text, amount numeric)"
    )

    bare_target.apply(written("41"))

    assert bare_target.names() == [41]


def test_a_table_of_nothing_but_its_key_is_filled(bare_target):
    bare_target.ask("CREATE TABLE orders (id integer PRIMARY KEY)")
    only = replace(written("1"), after={"id": "1"})

    bare_target.apply(only, replace(only, order=2))

    assert bare_target.names() == [1]


def test_parents_are_written_before_their_children_and_deleted_after_them(target):
    target.ask("CREATE TABLE lines (id integer PRIMARY KEY REFERENCES orders, item text, amount numeric)")
    both = target.with_table("lines")
    both.apply(replace(written("1"), table="lines"), written("1"))

    both.apply(deleted("1", 2), replace(deleted("1", 2), table="lines"))

    assert (target.names(), target.rows("lines")) == ([], [])


def test_a_deferrable_reference_may_move_in_the_delivery_that_deletes_its_parent(target):
    target.ask("CREATE TABLE lines (id integer PRIMARY KEY, item integer REFERENCES orders DEFERRABLE, amount numeric)")
    both = target.with_table("lines")
    both.apply(written("1"), written("2", sequence=2), replace(written("1", item="1"), table="lines"))

    both.apply(deleted("1", 2), replace(written("1", 2, item="2"), table="lines"))

    assert (target.names(), both.rows("lines")[0][1]) == ([2], 2)


def test_a_deferrable_unique_value_may_move_between_rows_of_a_delivery(target):
    target.ask("ALTER TABLE orders ADD UNIQUE (item) DEFERRABLE")
    target.apply(written("1", item="a"), written("2", sequence=2, item="b"))

    target.apply(written("1", 2, 1, item="b"), written("2", 2, 2, item="a"))

    assert [row[1] for row in target.rows()] == ["b", "a"]
