"""Changes that a target cannot take: all before them are committed, and they are named without their values."""

import hashlib
import json
from dataclasses import replace

import pytest

from tests.changes_factories import deleted, written
from utils.changes import Operation, Reference, to_json
from utils.errors import (
    AccessDeniedError,
    ChangeRefusedError,
    IntegrityError,
    ObjectMissingError,
    SchemaDriftError,
    WarehouseBusyError,
    WarehouseUnavailableError,
)
from utils.export_table import Deletes

SECRET = "hush-hush"


def refuse(target, *changes):
    """Apply changes of which one is refused, and return its record's number and the error."""
    refused = target.apply(*changes).refused
    assert refused is not None
    return refused.number, refused.error


@pytest.mark.parametrize("at", [1, 2, 5, 8, 9])
def test_all_before_the_first_value_that_does_not_cast_is_committed_and_nothing_after_it(target, at):
    changes = [written(str(key), sequence=key) for key in range(1, 10)]
    changes[at - 1] = written(str(at), sequence=at, amount=SECRET)
    if at < 9:
        changes[8] = written("9", sequence=9, amount=SECRET)

    number, error = refuse(target, *changes)

    assert (number, target.names()) == (str(at), list(range(1, at)))
    assert error.fields["column"] == "amount"


def test_what_was_refused_is_applied_when_it_comes_again_to_a_mended_target(target):
    target.ask("ALTER TABLE orders ALTER item TYPE varchar(3)")
    changes = [written("1"), written("2", sequence=2, item="paper"), written("3", sequence=3)]
    refuse(target, *changes)
    target.ask("ALTER TABLE orders ALTER item TYPE text")

    target.apply(*changes[1:])

    assert target.names() == [1, 2, 3]


CAUSES = {
    "a type": (None, written("1", amount=SECRET), "22P02"),
    "a length": ("ALTER TABLE orders ALTER item TYPE varchar(3)", written("1", item=SECRET), "22001"),
    "a check": ("ALTER TABLE orders ADD CHECK (length(item) < 5)", written("1", item=SECRET), "23514"),
    "not null": ("ALTER TABLE orders ALTER item SET NOT NULL", written("1", item=None), "23502"),
    "another key": ("ALTER TABLE orders ADD UNIQUE (item)", written("1", item=SECRET), "23505"),
    "at commit": ("ALTER TABLE orders ADD UNIQUE (item) DEFERRABLE", written("1", item=SECRET), "23505"),
    "half a character": (None, written("1", item=f"{SECRET}\ud800"), "22021"),
    "a zero byte": (None, written("1", item=f"{SECRET}\0"), "22021"),
    "a huge order": (None, written("1", 2**70, item=SECRET), "22003"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_refusal_names_the_cause_and_never_the_value(target, cause):
    statement, change, state = CAUSES[cause]
    target.apply(written("9", item=SECRET if "UNIQUE" in (statement or "") else "pen"))
    if statement:
        target.ask(statement)

    _, error = refuse(target, change)

    assert isinstance(error, ChangeRefusedError)
    assert error.fields["sqlstate"] == state
    assert SECRET not in f"{error} {error.fields} {error.__cause__}"


def test_a_key_too_long_for_an_index_is_refused(bare_target):
    bare_target.ask("CREATE TABLE orders (id text PRIMARY KEY, item text, amount numeric)")
    key = "".join(hashlib.sha256(str(part).encode()).hexdigest() for part in range(200))

    assert refuse(bare_target, written(key))[1].fields["sqlstate"] == "54000"


def test_a_child_without_its_parent_is_refused(target):
    target.ask("CREATE TABLE lines (id integer PRIMARY KEY REFERENCES orders, item text, amount numeric)")

    _, error = refuse(target.with_table("lines"), replace(written("1"), table="lines"))

    assert error.fields["constraint"] == "lines_id_fkey"


MALFORMED = {
    "no JSON": b"{",
    "no change": b"{}",
    "too deep": b"[" * 100_000,
    "no text": to_json(written("1")).replace('"acme"', "5", 1).encode(),
    "half a tenant": to_json(replace(written("1"), tenant="\ud800")).encode("utf-8", "surrogatepass"),
    "no row": to_json(replace(written("1"), after=None)).encode(),
    "a row too many": to_json(replace(written("1"), op=Operation.DELETE)).encode(),
    "a null key": to_json(replace(written("1"), key={"id": None})).encode(),
    "another key": to_json(replace(written("1"), key={"id": "2"})).encode(),
    "a key of other columns": to_json(replace(written("1"), key={"item": "pen"})).encode(),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_record_is_refused_and_all_before_it_are_committed(target, what):
    number, error = refuse(target, written("7"), MALFORMED[what], written("8", sequence=2))

    assert (number, target.names()) == ("2", [7])
    assert isinstance(error, ChangeRefusedError | IntegrityError)


def test_a_table_that_the_project_does_not_declare_is_refused_by_name(target):
    _, error = refuse(target, replace(written("1"), table="invoices"))

    assert "exports/invoices.toml" in str(error)


def test_a_target_that_is_not_there_comes_with_the_statement_that_creates_it(bare_target):
    marking = bare_target.with_table(deletes=Deletes.MARK, tenant_column="tenant")

    _, error = refuse(marking, written("1"))

    assert isinstance(error, SchemaDriftError)
    bare_target.ask(str(error).partition("your choice: ")[2])
    assert marking.apply(written("1")).refused is None


@pytest.mark.parametrize(
    ("breaking", "settings", "named"),
    [
        ("DROP COLUMN amount", {}, 'ADD COLUMN "amount" text'),
        ("DROP CONSTRAINT orders_pkey", {}, 'ADD UNIQUE ("id")'),
        ("ADD spare text", {"deletes": Deletes.MARK}, 'ADD COLUMN "deleted_at" timestamptz'),
        ("ADD spare text", {"tenant_column": "tenant"}, 'ADD COLUMN "tenant" text'),
    ],
)
def test_what_a_target_lacks_is_named_with_its_remedy(target, breaking, settings, named):
    target.ask(f"ALTER TABLE orders {breaking}")

    _, error = refuse(target.with_table(**settings), written("1"))

    assert isinstance(error, SchemaDriftError)
    target.ask(f"ALTER TABLE orders {named}")
    assert named in str(error)


@pytest.mark.parametrize(
    ("column", "settings"), [("deleted_at", {"deletes": Deletes.MARK}), ("t", {"tenant_column": "t"})]
)
def test_an_export_may_not_bring_a_column_that_starlift_fills(target, column, settings):
    target.ask(f"ALTER TABLE orders ADD {column} text")

    _, error = refuse(target.with_table(**settings), written("1", **{column: None}))

    assert f"has a column {column}" in str(error)


def test_a_column_that_the_target_computes_is_refused(target):
    target.ask("ALTER TABLE orders DROP amount, ADD amount numeric GENERATED ALWAYS AS (1) STORED")

    assert "computes its column amount" in str(refuse(target, written("1"))[1])


def test_a_second_tenant_of_a_target_without_a_tenant_column_is_refused(target):
    number, error = refuse(target, written("1"), replace(written("1", item="ink"), tenant="other"))

    assert (number, target.rows()[0][1]) == ("2", "pen")
    assert "tenant_column" in str(error)


def test_a_large_change_is_fetched_from_the_store(target):
    body = to_json(written("1", item="long" * 1000)).encode()
    target.store.put("large/1", body)
    reference = Reference("large/1", hashlib.sha256(body).hexdigest(), len(body)).to_json("id")

    target.apply(reference.encode())

    assert target.rows()[0][1] == "long" * 1000


def test_a_large_change_that_the_store_lost_is_refused(target):
    reference = Reference("large/1", "0" * 64, 1).to_json("id").encode()

    number, error = refuse(target, written("1"), reference)

    assert (number, target.names()) == ("2", [1])
    assert isinstance(error, ObjectMissingError)


def test_large_changes_are_committed_in_portions_that_fit_memory(target, monkeypatch):
    monkeypatch.setattr("load.changes.pipeline.PORTION_BYTES", 10)

    outcome = target.apply(*(written(str(key), sequence=key) for key in range(1, 8)), deleted("2", 2))

    assert target.names() == [1, 3, 4, 5, 6, 7]
    assert outcome.counts["orders"] == {"written": 7, "deleted": 1, "skipped": 0}


def test_an_unreachable_target_fails_the_whole_delivery_for_a_retry(target):
    away = replace(target, url=target.url.rpartition(":")[0] + ":1/postgres")

    with pytest.raises(WarehouseUnavailableError):
        away.apply(written("1"))


def test_a_locked_target_fails_the_whole_delivery_for_a_retry(target):
    target.apply(written("1"))

    with target.ports() as holder:
        holder.target.run("BEGIN")
        holder.target.run("LOCK TABLE orders")
        with pytest.raises(WarehouseBusyError):
            target.apply(written("2"), written("3"), lock_seconds=0.1)


@pytest.fixture
def weak_role(target):
    target.ask("CREATE ROLE weak LOGIN")
    yield replace(target, url=target.url.replace("postgres@", "weak@"))
    target.ask("DROP ROLE weak")


def test_a_role_without_rights_fails_the_whole_delivery(target, weak_role):
    target.apply(written("1"))

    with pytest.raises(AccessDeniedError):
        weak_role.apply(written("2"))


def test_a_refusal_can_be_told_as_json(target):
    _, error = refuse(target, written("1", amount=SECRET))

    assert json.loads(json.dumps(error.fields)) == {"sqlstate": "22P02", "column": "amount"}
