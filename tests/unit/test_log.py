import io
import json
import logging

import pytest

from utils import log
from utils.errors import IntegrityError, SourceUnavailableError


@pytest.fixture
def lines():
    root, kept = logging.getLogger(), logging.getLogger().handlers[:]
    stream = io.StringIO()
    root.handlers = [logging.StreamHandler(stream)]
    log.configure("extraction")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers = kept
    log.bind()


def test_a_line_is_one_object_with_the_runs_fields(lines):
    log.bind(run_id="r1")

    logging.getLogger("x").info("table extracted", extra={"table": "staff"})

    (line,) = lines()
    wanted = {"message": "table extracted", "level": "INFO", "service": "extraction", "run_id": "r1", "table": "staff"}
    assert wanted.items() <= line.items()
    assert "timestamp" in line


def test_binding_again_forgets_the_last_runs_fields(lines):
    log.bind(run_id="r1", batch=1)
    log.bind(run_id="r2")

    logging.getLogger("x").info("m")

    assert lines()[0]["run_id"] == "r2"
    assert "batch" not in lines()[0]


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (IntegrityError("bad", key="k"), "CRITICAL"),
        (SourceUnavailableError("away"), "WARNING"),
        (KeyError("bug"), "CRITICAL"),
    ],
)
def test_a_failure_is_logged_once_at_the_boundary_and_raised(lines, error, level):
    @log.logs_failures
    def handler(_event, _context):
        raise error

    with pytest.raises(type(error)):
        handler({}, None)

    (line,) = lines()
    assert (line["level"], line["error_type"]) == (level, type(error).__name__)


def test_a_handler_that_ends_no_lines_gets_lines_that_end_themselves():
    class LambdaHandler(logging.Handler):
        written = ""

        def emit(self, record):
            self.written += self.format(record)

    root, kept, handler = logging.getLogger(), logging.getLogger().handlers[:], LambdaHandler()
    root.handlers = [handler]
    log.configure("load")
    logging.getLogger("x").info("a")
    logging.getLogger("x").info("b")
    root.handlers = kept

    assert [json.loads(line)["message"] for line in handler.written.splitlines()] == ["a", "b"]
