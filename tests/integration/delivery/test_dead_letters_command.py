"""`starlift dlq` over what a delivery gave up: refused records and whole messages."""

import json
import uuid

import pytest
from typer.testing import CliRunner

from cli.main import app
from load.delivery.answers import Answer
from load.delivery.dead_letters import DeadLetterQueue
from tests.delivery_factories import sqs_at


@pytest.fixture
def queues(services, monkeypatch):
    """Return the URLs of a queue and of its dead letters, with a refused record and a whole message in these."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", services)
    sqs, name = sqs_at(services), uuid.uuid4().hex
    dead = sqs.create_queue(QueueName=f"dead-{name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    queue = sqs.create_queue(QueueName=f"queue-{name}", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    DeadLetterQueue(dead, sqs).send_record({"id": "cold", "temperature": -500}, Answer(422, "below zero"), 1)
    sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"records": [{"id": "a"}, {"id": "b"}]}))
    return queue, dead


def dlq(*words):
    done = CliRunner().invoke(app, ["dlq", *words], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


def test_the_list_says_which_records_wait_and_why(queues):
    told = " ".join(dlq("list", "--dlq", queues[1]).split())

    assert "about" in told
    assert "record cold" in told
    assert "The endpoint answered 422" in told
    assert "2 records, the first a" in told


def test_a_machine_gets_the_first_id_and_the_number_of_records(queues):
    told = json.loads(dlq("list", "--dlq", queues[1], "--json"))["messages"]

    assert sorted((each["key"], each["records"]) for each in told) == [("a", 2), ("cold", 1)]


def test_all_go_back_to_the_queue_that_they_are_the_dead_letters_of(queues):
    queue, dead = queues

    assert "Sent 2 again." in dlq("replay", "--all", "--dlq", dead.rpartition("/")[2])

    found = sqs_at(dead.rpartition("/")[0].rpartition("/")[0]).receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    assert len(found["Messages"]) == 2
    assert "Nothing is in the dead-letter queue." in dlq("list", "--dlq", dead)


def test_what_is_dropped_is_said_to_stay_in_the_lake(queues):
    assert "Dropped 2. Files and records stay where they are." in dlq("drop", "--all", "--yes", "--dlq", queues[1])
