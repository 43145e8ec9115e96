"""How AWS delivers a shard's records to a function, by its documentation: the second emulator only repeats what failed.

It knows no partial answer, halves nothing, never gives up, and has no failure destination.
"""

import datetime
import json
import os
import urllib.request
import uuid

OURS = "http://127.0.0.1:" + os.environ.get("GATEWAY_PORT", "")


def deliver(records, mapping, run):
    """Deliver records as the mapping says, until each was taken or set aside."""
    waiting = [(records, 0)]
    while waiting:
        batch, tries = waiting.pop(0)
        waiting[:0] = after(batch, tries, run(batch), mapping)


def after(batch, tries, result, mapping):
    """Return what is delivered next of a batch, each part with how often it was tried in vain."""
    if result.get("error"):
        if len(batch) > 1 and mapping.get("BisectBatchOnFunctionError"):
            half = len(batch) // 2  # splitting does not consume the retries
            return [(batch[:half], tries), (batch[half:], tries)]
        return again(batch, tries + 1, mapping)
    refused = first_refused(batch, result, mapping)
    if refused is None:
        return []
    return again(batch[refused:], tries + 1 if refused == 0 else 0, mapping)


def again(batch, tries, mapping):
    if tries <= mapping.get("MaximumRetryAttempts", -1) or mapping.get("MaximumRetryAttempts", -1) < 0:
        return [(batch, tries)]
    set_aside(batch, tries, mapping)
    return []


def first_refused(batch, result, mapping):
    """Return the place of the first record that the function's answer names."""
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return None
    body = result.get("body")
    answer = json.loads(body) if isinstance(body, (str, bytes)) else body
    named = {failure["itemIdentifier"] for failure in (answer or {}).get("batchItemFailures") or []}
    numbers = [record["kinesis"]["sequenceNumber"] for record in batch]
    return min((place for place, number in enumerate(numbers) if number in named), default=None)


def set_aside(batch, tries, mapping):
    """Put the delivery into the bucket of the failure destination, where there is one."""
    bucket = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "").rpartition(":::")[2]
    if not bucket:
        return
    now = datetime.datetime.now(datetime.UTC)
    shard = batch[0]["eventID"].partition(":")[0]
    key = f"aws/lambda/{mapping['UUID']}/{shard}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
    body = {
        "requestContext": {
            "functionArn": mapping["FunctionArn"],
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": tries,
        },
        "KinesisBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": batch[0]["kinesis"]["sequenceNumber"],
            "endSequenceNumber": batch[-1]["kinesis"]["sequenceNumber"],
            "batchSize": len(batch),
            "streamArn": mapping["EventSourceArn"],
        },
        "payload": json.dumps({"Records": batch}),
    }
    request = urllib.request.Request(f"{OURS}/{bucket}/{key}", json.dumps(body).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=30).close()


def of_streams(execute, mappings):
    """Return what runs a function as before, except that records of a stream are delivered as above."""

    def run(function, event, *rest):
        records = event.get("Records") or [{}] if isinstance(event, dict) else [{}]
        if records[0].get("eventSource") != "aws:kinesis":
            return execute(function, event, *rest)
        arn = records[0]["eventSourceARN"]
        (mapping,) = [found for found in mappings() if found["EventSourceArn"] == arn]
        deliver(records, mapping, lambda batch: execute(function, {"Records": batch}, *rest))
        return {"body": {}, "error": False, "log": ""}

    return run
