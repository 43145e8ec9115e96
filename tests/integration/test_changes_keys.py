"""Keys that are written in several ways: one row of the target, and none that is lost."""

import pytest

from tests.changes_factories import deleted, written


def test_keys_that_the_target_calls_equal_are_one_key_and_a_new_spelling_is_not_a_delete(target):
    target.apply(written("7"))

    target.apply(written("07", 2, 1, item="ink"), deleted("7", 2, 2))
    target.apply(deleted("7", 2, 2), written("07", 2, 1, item="ink"))

    assert [row[:2] for row in target.rows()] == [[7, "ink"]]


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [("numeric", "1.0", "1"), ("numeric", "1", "1.00"), ("amount", "1", "1.0"), ("double precision", "0", "-0")],
)
def test_a_key_is_known_in_each_spelling(target, kind, first, second):
    target.ask("CREATE DOMAIN amount AS numeric")
    target.ask(f"ALTER TABLE orders ALTER id TYPE {kind}")
    target.apply(written(first))

    target.apply(written(second, 2, 1))
    target.apply(deleted(first, 2, 2))

    assert len(target.names()) == 1


@pytest.mark.parametrize("kind", ["interval", "jsonb", "numeric[]", "numrange", 'text COLLATE "folds"'])
def test_a_key_that_is_equal_in_spellings_that_no_text_joins_is_refused(bare_target, kind):
    bare_target.ask("CREATE COLLATION folds (provider = libc, locale = 'C')")
    bare_target.ask("UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'folds'")  # ICU is not here
    bare_target.ask(f"CREATE TABLE orders (id {kind} PRIMARY KEY, item text, amount numeric)")

    refused = bare_target.apply(written("1")).refused

    assert "calls values equal that are written differently" in str(refused.error)


@pytest.mark.parametrize("in_one_delivery", [True, False])
def test_two_rows_of_one_export_with_a_key_that_the_target_calls_equal_are_not_made_one(target, in_one_delivery):
    first, second = written("07", sequence=1, item="ink"), written("7", sequence=2)

    deliveries = [[first, second, written("8")]] if in_one_delivery else [[first], [second, written("8")]]
    outcomes = [target.apply(*changes) for changes in deliveries]

    assert outcomes[-1].refused.change == second.idempotency_key
    assert [row[:2] for row in target.rows()] == [[7, "ink"]]
