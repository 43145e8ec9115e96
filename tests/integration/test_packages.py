"""The real zips, in the sandbox: what was left out of them is not missed."""

import os

import pytest

from local.packages import build_packages
from local.sandbox import Function, FunctionSpec, unzip
from local.sandbox.runtime_packages import runtime_packages

PROBES = {
    "extraction": "import boto3, pg8000.native, pythonjsonlogger, utils.errors",
    "load": "import boto3, duckdb, pg8000.native, pythonjsonlogger, utils.errors",
    "transformation": """
import awswrangler, boto3, duckdb, pandas, pyarrow.parquet, pythonjsonlogger, tempfile, utils.errors
path = tempfile.mktemp(".parquet")
frame = pandas.DataFrame({"units": [1, 2], "currency": ["GBP", None]})
duckdb.from_df(frame).write_parquet(path)
assert pyarrow.parquet.read_table(path).num_rows == 2
assert pandas.read_parquet(path).equals(frame)
""",
}


@pytest.fixture(scope="module")
def zips():
    return build_packages(say=lambda _line: None)


@pytest.mark.parametrize("stage", PROBES)
def test_a_packages_parts_import_where_only_the_zip_and_the_runtime_are(stage, zips, tmp_path):
    code = unzip(zips[stage].read_bytes())
    (tmp_path / "probe.py").write_text(f"{PROBES[stage]}\ndef lambda_handler(event, context): return 'imported'")
    path = os.pathsep.join(map(str, [code, tmp_path, runtime_packages()]))
    spec = FunctionSpec(stage, "probe.lambda_handler", code, {"PYTHONPATH": path}, memory_mb=1024, timeout=60)
    function = Function(spec)

    result = function.invoke({})
    function.close()

    assert result.error is None
    assert result.payload == "imported"
