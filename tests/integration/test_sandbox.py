import functools
import io
import os
import textwrap
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from local.sandbox import Function, FunctionSpec, code, unzip


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", textwrap.dedent(text))
    return buffer.getvalue()


@pytest.fixture
def make_function():
    """Return a function that makes a Lambda function of the given code, closed after the test."""
    made = []

    def make(code, on_log=lambda _name, _line: None, **settings):
        defaults = {"handler": "code.lambda_handler", "environment": {}, "memory_mb": 256, "timeout": 10}
        spec = FunctionSpec(name="stage", code=unzip(zipped(code=code)), **{**defaults, **settings})
        made.append(Function(spec, on_log))
        return made[-1]

    yield make
    for function in made:
        function.close()


def test_a_handler_answers_its_event_from_a_process_of_its_own(make_function):
    function = make_function(
        """
        import os
        def lambda_handler(event, context):
            return {"echo": event, "pid": os.getpid()}
        """
    )

    first, second = function.invoke({"run_id": "é1"}), function.invoke({"run_id": "2"})

    assert first.error is None
    assert first.payload["echo"] == {"run_id": "é1"}
    assert first.payload["pid"] == second.payload["pid"] != os.getpid()


def test_an_error_arrives_by_its_bare_class_name_and_the_process_stays_warm(make_function):
    function = make_function(
        """
        class SourceUnavailableError(Exception): ...
        def lambda_handler(event, context):
            if event["fail"]:
                raise SourceUnavailableError("no route")
            return "well"
        """
    )

    failed, well = function.invoke({"fail": True}), function.invoke({"fail": False})

    assert failed.error["errorType"] == "SourceUnavailableError"
    assert failed.error["errorMessage"] == "no route"
    assert "raise SourceUnavailableError" in "".join(failed.error["stackTrace"])
    assert well.payload == "well"


def test_a_package_missing_from_the_zip_is_missing_although_this_environment_has_it(make_function):
    function = make_function("import pandas\ndef lambda_handler(event, context): ...")

    errors = [function.invoke({}).error for _ in range(2)]

    assert [error["errorType"] for error in errors] == ["Runtime.ImportModuleError"] * 2
    assert "No module named 'pandas'" in errors[0]["errorMessage"]


def test_boto3_comes_with_the_runtime(make_function):
    function = make_function("import boto3\ndef lambda_handler(event, context): return boto3.__version__")

    assert function.invoke({}).error is None


def test_only_the_functions_own_environment_is_seen(make_function, monkeypatch):
    monkeypatch.setenv("STARLIFT_SECRET_OF_THE_DEVELOPER", "x")
    function = make_function(
        "import os\ndef lambda_handler(event, context): return dict(os.environ)",
        environment={"LANDING": "s3://landing"},
    )

    environment = function.invoke({}).payload

    assert environment["LANDING"] == "s3://landing"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert "STARLIFT_SECRET_OF_THE_DEVELOPER" not in environment


def test_a_handler_that_outlives_its_timeout_is_killed_under_the_name_aws_gives(make_function):
    function = make_function(
        """
        import os, time
        def lambda_handler(event, context):
            left = context.get_remaining_time_in_millis()
            time.sleep(event["seconds"])
            return left
        """,
        timeout=0.5,
    )

    assert 0 < function.invoke({"seconds": 0}).payload <= 500
    error = function.invoke({"seconds": 30}).error
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 0.50 seconds")
    assert function.invoke({"seconds": 0}).error is None


def test_a_handler_past_its_memory_is_killed_and_the_next_event_finds_a_new_process(make_function):
    function = make_function(
        """
        def lambda_handler(event, context):
            held = [b"x" * 1_000_000 for _ in range(event["megabytes"])]
            return len(held)
        """,
        memory_mb=128,
    )

    killed, well = function.invoke({"megabytes": 500}), function.invoke({"megabytes": 10})

    assert killed.error["errorType"] == "Runtime.ExitError"
    assert killed.error["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert well.payload == 10


def test_every_line_is_handed_on_before_the_answer(make_function):
    lines = []

    def slow_log(name, line):
        time.sleep(0.0002)
        lines.append((name, line))

    function = make_function(
        """
        import sys
        def lambda_handler(event, context):
            for number in range(2000):
                print(number)
            print("to stderr", file=sys.stderr)
        """,
        on_log=slow_log,
    )

    function.invoke({})

    assert lines == [("stage", str(number)) for number in range(2000)] + [("stage", "to stderr")]


def test_an_event_after_a_process_died_idle_finds_a_new_one(make_function):
    function = make_function("import os\ndef lambda_handler(event, context): return os.getpid()")
    first = function.invoke({}).payload

    psutil.Process(first).kill()
    while psutil.pid_exists(first):
        time.sleep(0.01)

    second = function.invoke({})
    assert second.error is None
    assert second.payload != first


def test_two_events_at_once_get_two_processes(make_function):
    function = make_function(
        "import os, time\ndef lambda_handler(event, context): time.sleep(0.5); return os.getpid()",
    )
    results = []
    threads = [threading.Thread(target=lambda: results.append(function.invoke({}).payload)) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(results)) == 2


def test_a_large_answer_arrives_whole(make_function):
    function = make_function("def lambda_handler(event, context): return 'é' * 1_000_000")

    assert function.invoke({}).payload == "é" * 1_000_000


def test_temporary_files_are_private_and_go_with_the_process(make_function):
    function = make_function(
        """
        import os, tempfile
        def lambda_handler(event, context):
            file = tempfile.NamedTemporaryFile(delete=False)
            return [file.name, os.getpid()]
        """
    )

    path, pid = function.invoke({}).payload
    assert os.path.exists(path)
    function.close()

    assert not os.path.exists(os.path.dirname(path))
    assert not psutil.pid_exists(pid)


def test_ending_a_process_prints_nothing(make_function, capfd):
    function = make_function("import time\ndef lambda_handler(event, context): time.sleep(event)", timeout=0.2)

    for _ in range(5):
        function.invoke(0)
        function.invoke(9)
        function.invoke(0)
        function.close()

    assert capfd.readouterr() == ("", "")


def test_a_warm_call_takes_milliseconds(make_function):
    function = make_function("def lambda_handler(event, context): return 1")
    function.invoke({})

    assert min(seconds_of(lambda: function.invoke({})) for _ in range(20)) < 0.02  # 0.044 when small packets wait


def seconds_of(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def test_a_package_that_many_ask_for_at_once_is_unzipped_once(monkeypatch):
    monkeypatch.setattr(code, "_folder", functools.cache(code._folder.__wrapped__))
    package, ready = zipped(code="pass"), threading.Barrier(8)

    def unzip_together(_number):
        ready.wait()
        return unzip(package)

    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(unzip_together, range(8)))
    assert len(folders) == 1
