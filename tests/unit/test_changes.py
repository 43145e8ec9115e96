"""A change's form in the stream."""

import hashlib

import pytest

from utils.changes import Change, Operation, Reference, from_json, read_record, to_json
from utils.errors import IntegrityError
from utils.folder_store import FolderStore


def change(key="1", **more):
    row = {"id": key, "name": 'Ann "Ä"\n', "note": None}
    values = {"op": Operation.UPDATE, "key": {"id": key}, "before": row, "after": {**row, "note": ""}, "sequence": 1}
    return Change(**{"tenant": "acme", "table": "orders", "version": "v1", "order": 1, **values, **more})


def test_a_change_survives_its_json_form_with_null_apart_from_empty():
    assert from_json(to_json(change())) == change()


def test_a_change_is_one_line():
    assert "\n" not in to_json(change())


def test_a_version_that_is_replayed_has_changes_of_its_own():
    assert change(order=3).idempotency_key != change(order=1).idempotency_key


def test_all_changes_of_a_row_share_a_partition_key():
    first, later = change(), change(op=Operation.DELETE, after=None, version="v2", order=2)

    assert first.partition_key == later.partition_key


def test_rows_of_other_keys_tenants_and_tables_have_other_partition_keys():
    rows = [change(), change("2"), change(tenant="other"), change(table="lines"), change(key={"id": "1", "line": None})]

    assert len({row.partition_key for row in rows}) == len(rows)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"op":"UPSERT"}', to_json(change()).replace('"1"', "1")])
def test_what_is_no_change_is_refused(text):
    with pytest.raises(IntegrityError, match="no change"):
        from_json(text)


def test_a_reference_leads_to_the_change(tmp_path):
    store, body = FolderStore(tmp_path), to_json(change()).encode()
    store.put("large/1", body)
    reference = Reference("large/1", hashlib.sha256(body).hexdigest(), len(body))

    assert read_record(reference.to_json("id").encode(), store) == change()


def test_a_reference_to_an_altered_change_is_refused(tmp_path):
    store = FolderStore(tmp_path)
    store.put("large/1", to_json(change()).encode())

    with pytest.raises(IntegrityError, match="not the change"):
        read_record(Reference("large/1", "0" * 64, 1).to_json("id").encode(), store)
