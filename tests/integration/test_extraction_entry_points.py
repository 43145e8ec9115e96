"""The ways into extraction: the Lambda's handler, and the comparison's two readings."""

import json
import logging
from pathlib import Path

import pytest
from moto import mock_aws

from extraction.database.handler import lambda_handler
from extraction.database.snapshot import begin
from extraction.database.whole import extract_whole_and_pending
from tests.extraction_harness import SALE, SCHEMA, STAFF, Extraction, make_project, table_of
from utils.errors import ConfigurationError
from utils.folder_store import FolderStore
from utils.postgres.url import parse_url

EVENT = {"run_id": "run-1", "started_at": "2024-11-21T12:00:00.123Z"}


@pytest.fixture
def extraction(make_database, tmp_path: Path) -> Extraction:
    models = {"dim_staff": STAFF, "fact_sale": SALE}
    found = Extraction(make_database(), make_project(tmp_path / "project", models), tmp_path / "store")
    found.edit(SCHEMA)
    return found


@pytest.fixture
def environment(extraction, monkeypatch):
    """Set the Lambda's environment, with the source's address in a secret."""
    import boto3

    url = parse_url(extraction.url, {})
    secret = {"host": url.host, "port": url.port, "dbname": url.database, "username": url.user, "password": "x"}
    with mock_aws():
        text = json.dumps({**secret, "sslmode": "disable"})
        boto3.client("secretsmanager").create_secret(Name="source", SecretString=text)
        monkeypatch.setenv("PROJECT", str(extraction.project.folder))
        monkeypatch.setenv("LANDING", extraction.landing.url)
        monkeypatch.setenv("PROCESSED", extraction.processed.url)
        monkeypatch.setenv("SOURCE_SECRET", "source")
        yield


@pytest.mark.usefixtures("environment")
def test_the_lambda_answers_with_the_batch_and_its_counts(extraction):
    first = lambda_handler(EVENT, None)
    again = lambda_handler({**EVENT, "run_id": "run-2"}, None)

    assert (first["run_id"], first["batch"], first["more"]) == ("run-1", 1, False)
    assert first["tables"]["sale"] == {"extracted": 4, "context": 0}
    assert (again["batch"], again["tables"], again["audit"]["horizon_age_seconds"]) == (None, {}, 0)
    assert any("/2024/11/21/12-00/sale-20241121T120000123-" in key for key in extraction.files())


@pytest.mark.usefixtures("environment")
def test_the_lambda_reads_tables_whole_when_asked(extraction):
    lambda_handler(EVENT, None)

    backfilled = lambda_handler({**EVENT, "run_id": "run-2", "request": {"backfill": ["staff"]}}, None)
    resynced = lambda_handler({**EVENT, "run_id": "run-3", "request": {"resync": True}}, None)

    assert backfilled["tables"]["staff"]["extracted"] == 4
    assert backfilled["tables"]["sale"]["extracted"] == 0
    assert resynced["tables"]["sale"]["extracted"] == 4


@pytest.mark.usefixtures("environment")
def test_the_lambda_lands_nothing_for_a_request_that_it_does_not_know(extraction):
    with pytest.raises(ConfigurationError, match="backfil"):
        lambda_handler({**EVENT, "request": {"backfil": ["staff"]}}, None)

    assert not extraction.files()


def test_a_comparison_reads_everything_and_apart_what_is_pending(extraction, tmp_path):
    horizon = extraction.run().snapshot.horizon
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 2")
    stores = FolderStore(tmp_path / "whole"), FolderStore(tmp_path / "pending")

    whole, pending = extract_whole_and_pending(extraction.project, parse_url(extraction.url, {}), horizon, *stores)

    assert all(table.whole for table in whole.tables)
    assert [file.rows for file in table_of(whole, "sale").changed] == [4]
    assert [file.rows for file in table_of(pending, "department").changed] == [1]
    assert [file.rows for file in table_of(pending, "sale").affected] == [1]
    assert all(stores[1].exists(file.key) for table in pending.tables for file in table.files)


def test_nothing_is_pending_in_a_quiet_source_or_without_a_horizon(extraction, tmp_path):
    horizon = extraction.run().snapshot.horizon
    url = parse_url(extraction.url, {})

    for number, known in enumerate((horizon, None)):
        stores = FolderStore(tmp_path / f"whole{number}"), FolderStore(tmp_path / f"pending{number}")
        assert extract_whole_and_pending(extraction.project, url, known, *stores)[1] is None


def test_a_server_older_than_snapshots_is_refused():
    class Old:
        def value(self, _statement):
            return 120009

    with pytest.raises(ConfigurationError, match="PostgreSQL 12; Starlift needs 13 or newer"):
        begin(Old())


def test_a_long_table_tells_how_far_it_is(extraction, caplog, monkeypatch):
    monkeypatch.setattr("extraction.database.reader.PROGRESS_SECONDS", -1.0)
    caplog.set_level(logging.INFO)

    extraction.run()

    told = [record for record in caplog.records if record.message == "table extracting" and record.table == "sale"]
    assert told[-1].row_count == 4
    assert told[-1].bytes > 0


def test_each_file_and_each_batch_is_logged_once(extraction, caplog):
    caplog.set_level(logging.INFO)

    extraction.run()

    messages = [record.message for record in caplog.records]
    assert (messages.count("table extracted"), messages.count("batch extracted")) == (3, 1)
    batch = next(record for record in caplog.records if record.message == "batch extracted")
    assert (batch.row_count, batch.horizon_age_seconds) == (11, 0)
