import pytest
from benchmarks.cost import (
    Drop,
    Exports,
    Use,
    drop_table,
    export_table,
    monthly_costs,
    monthly_drop_costs,
    monthly_export_costs,
    table,
)
from benchmarks.delivery_cost import Posts, delivery_table, million_table, monthly_delivery_costs

from local.packaging.packages import ROOT


def test_the_documents_tables_are_those_that_the_formulas_make():
    told = (ROOT / "docs/operations.md").read_text()

    assert "\n".join(table()) in told
    assert "\n".join(drop_table()) in told
    assert "\n".join(export_table()) in told


def test_many_small_files_cost_more_than_few_large_ones_of_as_many_bytes():
    many, few = monthly_drop_costs(Drop(1000, 1)), monthly_drop_costs(Drop(1, 1000))

    assert many["Lambda"] > few["Lambda"]
    assert many["S3, each month's files"] == few["S3, each month's files"]


def test_half_the_runs_cost_half_of_what_runs_cost():
    often, rarely = monthly_costs(Use(4, 0)), monthly_costs(Use(2, 0))

    assert rarely["Lambda"] * 2 == often["Lambda"]
    assert rarely["Step Functions"] * 2 == often["Step Functions"]


def test_rows_cost_lambda_and_storage_and_no_transitions():
    few, many = monthly_costs(Use(1, 1_000)), monthly_costs(Use(1, 1_000_000))

    assert many["Lambda"] > few["Lambda"]
    assert many["S3, each month's batches"] == 1000 * few["S3, each month's batches"]
    assert many["Step Functions"] == few["Step Functions"]


def test_a_stream_without_shards_costs_more_by_its_changes_and_one_with_shards_by_its_shards():
    on_demand, provisioned = (
        [monthly_export_costs(Exports(1, 1e6, changes, shards))["stream"] for changes in (0, 1e6)] for shards in (0, 2)
    )

    assert on_demand[1] - on_demand[0] > 0.1
    assert provisioned[1] - provisioned[0] < 0.1
    assert provisioned[0] == 2 * monthly_export_costs(Exports(0, 0, 0, 1))["stream"]


def test_the_tables_of_delivery_are_those_that_its_formulas_make():
    told = (ROOT / "docs/operations.md").read_text()

    assert "\n".join(delivery_table()) in told
    assert "\n".join(million_table()) in told


def test_records_posted_one_by_one_cost_more_by_all_that_is_paid_by_the_object():
    single, many = (monthly_delivery_costs(Posts(1e6, a_post)) for a_post in (1, 100))

    assert single["S3 requests"] == pytest.approx(100 * many["S3 requests"])
    assert single["API Gateway"] == pytest.approx(100 * many["API Gateway"])
    assert single["ledger"] == many["ledger"]
