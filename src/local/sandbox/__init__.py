"""Run a deployment zip as Lambda would: its real runtime client, its limits, its error names."""

from local.sandbox.code import unzip
from local.sandbox.function import Function, OnLog, ignore_logs
from local.sandbox.functions import Functions
from local.sandbox.runtime_api import Result
from local.sandbox.spec import FunctionSpec

__all__ = ["Function", "FunctionSpec", "Functions", "OnLog", "Result", "ignore_logs", "unzip"]
