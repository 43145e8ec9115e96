"""The zips that are deployed, for Lambda's Python on both processors: read, since this machine may run neither."""

import pytest

from local.packaging.build_target import ARCHITECTURES, on_lambda
from local.packaging.functions import FUNCTIONS, HANDLERS
from local.packaging.packages import LIMIT, Build, build_packages
from tests.lambda_packages import (
    ELF_MACHINES,
    NEVER_IMPORTED,
    Contents,
    from_elsewhere,
    runnable_tags,
    with_requirements,
)

pytestmark = pytest.mark.timeout(600)
ALSO_IN = {"file_drop": {"transformation"}}  # decision 0012
WHERE = [(architecture, stage) for architecture in ARCHITECTURES for stage in FUNCTIONS]


@pytest.fixture
def contents(lambda_packages, request):
    architecture, stage = request.param
    return Contents(lambda_packages[architecture][stage], architecture)


everywhere = pytest.mark.parametrize("contents", WHERE, indirect=True, ids="-".join)


@everywhere
def test_every_package_of_a_layer_is_a_wheel_that_lambdas_python_runs(contents):
    runnable = runnable_tags(contents.architecture)

    assert contents.distributions
    assert [each.name for each in contents.distributions.values() if not each.tags & runnable] == []


@everywhere
def test_every_binary_is_for_the_functions_processor(contents):
    assert contents.machines() <= {ELF_MACHINES[contents.architecture]}
    assert bool(contents.machines()) == bool({"duckdb", "numpy", "zstandard"} & set(contents.distributions))


@everywhere
def test_a_function_with_its_layer_is_within_lambdas_limit(contents):
    assert 0 < contents.package.unzipped_bytes <= LIMIT
    assert contents.package.function.stat().st_size < 1_000_000


@everywhere
def test_what_a_function_imports_is_in_its_layer_or_in_the_runtime(contents):
    assert from_elsewhere(contents.imported()) - contents.modules() == set()


@everywhere
def test_what_a_layers_packages_ask_for_is_in_it(contents):
    asked = {name for each in contents.distributions.values() for name in each.requires}

    assert from_elsewhere(asked) - set(contents.distributions) - NEVER_IMPORTED == set()


@everywhere
def test_a_layer_holds_nothing_that_its_function_does_not_need(contents):
    imported = {name for module in contents.imported() for name in contents.owners(module)}

    assert with_requirements(imported, contents.distributions) == set(contents.distributions)


@everywhere
def test_a_function_holds_its_own_stage_and_the_project(contents):
    tops = {name.partition("/")[0] for name in contents.function}

    stage = HANDLERS[contents.package.stage].partition(".")[0]

    assert tops - ALSO_IN.get(contents.package.stage, set()) == {stage, "utils", "projects"}
    assert "projects/totesys/pipeline.toml" in contents.function


def test_the_same_inputs_make_the_same_bytes_in_another_folder(lambda_packages, tmp_path):
    again = build_packages(Build(on_lambda("arm64"), folder=tmp_path, say=lambda _line: None), ["extraction"])[
        "extraction"
    ]

    first = lambda_packages["arm64"]["extraction"]
    assert again.function.read_bytes() == first.function.read_bytes()
    assert again.layer.read_bytes() == first.layer.read_bytes()
