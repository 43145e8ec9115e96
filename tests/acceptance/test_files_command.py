"""`starlift files load|upload` and `starlift dlq`: the function's work, and its left-overs, at a person's hand."""

import json

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from load.files.dead_letters import DeadLetterQueue
from load.files.events import Message
from local.file_loading import FileJob, find_file, load_one
from tests.file_drops import READINGS, Drop, csv
from utils.errors import FileRefusedError
from utils.postgres.url import parse_url

GOOD = csv((1, "a", 5), (2, "b", 5))


@pytest.fixture
def drop(make_database, tmp_path, bucket, monkeypatch):
    endpoint = bucket.environment["AWS_ENDPOINT_URL_S3"]
    for name, value in {**bucket.environment, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    return Drop(make_database(), tmp_path).declare(readings=READINGS)


def starlift(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def load(drop, *files, code=0):
    where = ("--project", drop.folder / "project", "--target", drop.url, "--quarantine", drop.quarantine.root)
    result = starlift("files", "load", *where, "--json", *files)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)["files"]


def make_file(drop, name, text):
    path = drop.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_local_files_are_loaded_once_into_the_table_of_their_folder(drop):
    paths = [make_file(drop, f"readings/{n}.csv", csv((n, "a", 5))) for n in range(2)]

    first, second = (load(drop, *paths) for _ in range(2))

    assert [found["outcome"] for found in first + second] == ["loaded", "loaded", "known", "known"]
    assert drop.rows() == [[0, "a"], [1, "a"]]
    assert drop.ledger("bucket, key")[0] == ["file", "readings/0.csv"]


def test_a_named_table_takes_a_file_from_anywhere_and_bad_rows_are_counted(drop):
    (found,) = load(drop, "--table", "readings", make_file(drop, "x/y.csv", csv((1, "a", 5), ("", "b", 5))))

    assert (found["copied"], found["rejected"]) == (1, 1)
    assert [row["line"] for row in drop.rejected()] == [3]


def test_a_file_that_is_refused_keeps_no_other_out_and_the_command_fails(drop):
    paths = [make_file(drop, "readings/bad.csv", "id\n1\n"), make_file(drop, "readings/good.csv", GOOD)]

    found = load(drop, *paths, drop.folder / "none.csv", code=1)

    assert [record["outcome"] for record in found] == ["refused", "loaded", "failed"]
    assert found[0]["error"]["type"] == "FileRefusedError"


@pytest.mark.parametrize("change", [b"", b"3,c,7\n"], ids=["rewritten", "longer"])
def test_a_file_that_is_written_to_while_it_is_loaded_is_refused(drop, change):
    path = make_file(drop, "readings/a.csv", GOOD)
    job, found = FileJob(drop.folder / "project", parse_url(drop.url), str(drop.quarantine.root)), find_file(str(path))

    with pytest.raises(FileRefusedError, match="Load it again when it is complete"):
        load_one(job, found, lambda _count: path.write_bytes(GOOD.encode() + change))

    assert drop.rows() == []


def test_a_name_that_no_file_can_have_keeps_no_other_file_out(drop):
    found = load(drop, "x" * 5000, make_file(drop, "readings/good.csv", GOOD), code=1)

    assert [record["outcome"] for record in found] == ["failed", "loaded"]


def test_uploaded_files_load_from_their_addresses(drop, bucket):
    path = make_file(drop, "any/a b+c.csv", GOOD)
    result = starlift("files", "upload", path, "--to", f"{bucket.url}/readings/2026", "--json")

    (address,) = json.loads(result.stdout)["files"]
    (found,) = load(drop, address)

    assert address == f"{bucket.url}/readings/2026/a b+c.csv"
    assert (found["outcome"], found["copied"]) == ("loaded", 2)


@pytest.mark.parametrize("arguments", [["--to", "s3://bucket"], ["--to", "folder"]])
def test_an_upload_to_no_folder_of_a_bucket_is_refused(drop, arguments):
    result = starlift("files", "upload", make_file(drop, "a.csv", GOOD), *arguments)

    assert result.exit_code == 1
    assert "names no folder of a bucket" in result.output


@pytest.fixture
def queues(drop):
    """Return a queue and its dead-letter queue, which holds two messages."""
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName=f"dead-{id(drop)}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    main = sqs.create_queue(QueueName=f"main-{id(drop)}", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    for key in ("a", "b"):
        error = FileRefusedError(f"{key} is bad.", key=f"readings/{key}.csv")
        DeadLetterQueue(dead, sqs).send(Message("m", f'{{"Records": [], "of": "{key}"}}', 3), error)
    return sqs, main, dead


def listed(dead):
    return json.loads(starlift("dlq", "list", "--dlq", dead, "--json").stdout)["messages"]


def test_dead_letters_are_listed_with_their_reasons_and_stay(queues):
    _, _, dead = queues

    first, second = listed(dead), listed(dead)

    assert sorted(letter["reason"] for letter in first) == ["a is bad.", "b is bad."]
    assert sorted(letter["id"] for letter in first) == sorted(letter["id"] for letter in second)
    assert "readings/a.csv" in starlift("dlq", "list", "--dlq", dead).output


def test_one_dead_letter_is_shown_whole(queues):
    _, _, dead = queues
    wanted = listed(dead)[0]

    found = json.loads(starlift("dlq", "show", wanted["id"][:10], "--dlq", dead, "--json").stdout)

    assert found == wanted


def test_a_replayed_message_goes_back_to_its_queue_and_the_others_stay(queues):
    sqs, main, dead = queues
    wanted = listed(dead)[0]

    assert starlift("dlq", "replay", wanted["id"], "--dlq", dead).exit_code == 0

    (found,) = sqs.receive_message(QueueUrl=main)["Messages"]
    assert found["Body"] == wanted["body"]
    assert len(listed(dead)) == 1


def test_dropped_messages_are_gone_and_nobody_is_asked_with_yes(queues):
    _, _, dead = queues

    assert starlift("dlq", "drop", "--all", "--dlq", dead).exit_code == 1
    assert starlift("dlq", "drop", "--all", "--yes", "--dlq", dead).exit_code == 0

    assert listed(dead) == []


@pytest.mark.parametrize("arguments", [["replay"], ["drop", "x", "--all"], ["show", "zzz"], ["drop", "zzz", "--yes"]])
def test_a_wrong_choice_of_messages_is_named_and_changes_nothing(queues, arguments):
    _, _, dead = queues

    assert starlift("dlq", *arguments, "--dlq", dead).exit_code == 1
    assert len(listed(dead)) == 2


def test_a_queue_that_is_not_there_is_named(drop):
    result = starlift("dlq", "list", "--dlq", "no-such-queue")

    assert result.exit_code == 1
    assert "There is no queue no-such-queue" in result.output
