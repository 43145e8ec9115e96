"""`starlift sink` as a person starts it: a process of its own that prints what it gets."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cli.main import app
from local.packaging.packages import ROOT

pytestmark = pytest.mark.timeout(120)


@contextmanager
def started(folder, *options):
    command = [sys.executable, "-c", "from cli.main import main; main()"]
    process = subprocess.Popen(
        [*command, "sink", "--file", str(folder / "sink.sqlite"), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process, process.stdout.readline().split()[-1]
    finally:
        process.kill()
        process.communicate()


def post(url, *ids, **headers):
    body = json.dumps([{"id": one} for one in ids]).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def attempt(url, batch):
    try:
        return post(url, *batch)
    except (OSError, http.client.HTTPException):
        return None


def said(url, batch=()):
    body = json.dumps([{"id": one} for one in batch]).encode() if batch else None
    with urllib.request.urlopen(url, body, timeout=10) as answer:
        return json.load(answer)


def test_it_prints_each_post_and_at_the_end_what_it_holds(tmp_path):
    with started(tmp_path, "--header", "X-Key: sesame", "--refuse", "bad") as (process, url):
        statuses = [post(url, "a"), *(post(url, one, "b", **{"X-Key": "sesame"}) for one in ("a", "a", "bad"))]
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=30)

    assert statuses == [401, 200, 200, 422]
    assert [line.strip() for line in printed.splitlines()] == [
        "POST 401: 0 records, 0 new",
        "POST 200: 2 records, 2 new",
        "POST 200: 2 records, 0 new",
        "POST 422: 2 records, 0 new",
    ]
    assert "2 records in" in told


def test_it_goes_wrong_as_it_is_told(tmp_path):
    with started(tmp_path, "--fail", "429", "--retry-after", "1", "--times", "2") as (_process, url):
        assert [post(url, "a") for _ in range(3)] == [429, 429, 200]


def test_what_was_answered_for_outlives_a_kill_among_posts_at_once_and_is_there_once(tmp_path):
    batches = [[f"r-{number}", f"r-{number + 1}"] for number in range(60)]  # each record comes twice
    answered = set()
    with started(tmp_path) as (process, url), ThreadPoolExecutor(6) as senders:
        for number, status in enumerate(senders.map(lambda batch: attempt(url, batch), batches)):
            answered.update(batches[number] if status == 200 else ())
            if number == 20:
                process.kill()

    with started(tmp_path) as (_process, url):
        kept = {record["id"] for record in said(f"{url}_sink/records")}
        new = sum(said(url, batch)["new"] for batch in batches)

    assert len(answered) >= 20
    assert answered <= kept
    assert len(kept) + new == 61


@pytest.mark.parametrize("header", ["X-Key", "X-Key:", ": sesame"])
def test_a_header_of_another_form_is_wrong_usage(tmp_path, header):
    found = CliRunner().invoke(app, ["sink", "--file", str(tmp_path / "sink.sqlite"), "--header", header])

    assert found.exit_code == 2
    assert "name and a value" in found.output


@pytest.mark.parametrize("options", [["--retry-after", "5"], ["--times", "2"], ["--each", "2"]])
def test_how_to_go_wrong_without_at_what_is_told_instead_of_passed_over(tmp_path, options):
    found = CliRunner().invoke(app, ["sink", "--file", str(tmp_path / "sink.sqlite"), "--port", "0", *options])

    assert found.exit_code == 1
    assert "--fail, --delay or --cut" in found.output


def test_documents_that_help_names_are_there():
    told = CliRunner().invoke(app, ["sink", "--help"]).output

    named = re.findall(r"docs/[a-z-]+\.md", told)
    assert named
    assert all((ROOT / name).exists() for name in named)
