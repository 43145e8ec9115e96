from benchmarks.cost import Use, monthly_costs, table

from local.packages import ROOT


def test_the_documents_table_is_the_one_that_the_formula_makes():
    assert "\n".join(table()) in (ROOT / "docs/operations.md").read_text()


def test_half_the_runs_cost_half_of_what_runs_cost():
    often, rarely = monthly_costs(Use(4, 0)), monthly_costs(Use(2, 0))

    assert rarely["Lambda"] * 2 == often["Lambda"]
    assert rarely["Step Functions"] * 2 == often["Step Functions"]


def test_rows_cost_lambda_and_storage_and_no_transitions():
    few, many = monthly_costs(Use(1, 1_000)), monthly_costs(Use(1, 1_000_000))

    assert many["Lambda"] > few["Lambda"]
    assert many["S3, each month's batches"] == 1000 * few["S3, each month's batches"]
    assert many["Step Functions"] == few["Step Functions"]
