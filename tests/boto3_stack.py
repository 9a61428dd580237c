"""Runs stacks with `iota2ts local --with-stack`: what boto3 puts into the embedded stream must come out of the embedded Timestream.

Usage: python tests/boto3_stack.py PATH_TO_IOTA2TS TRANSLATED_STACK
Needs boto3. Talks to loopback only. TRANSLATED_STACK is what `translate` made of the plant of tests/it/services.rs.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time

import boto3
from embedded import Local, check, passed

NOW = "2025-12-15T00:00:00Z"
DEADLINE_SECONDS = 60


def until(probe, what):
    """Asks again until there is an answer. Functions work on their own; nothing says when they are done."""
    end = time.monotonic() + DEADLINE_SECONDS
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise SystemExit(f"FAILED: {what} did not happen within {DEADLINE_SECONDS} s")
        time.sleep(0.05)


class Running(Local):
    """The embedded services with a stack."""

    def __init__(self, program, data, stack):
        environment = {"HOME": data, "IOTA2TS_NOW": NOW}
        super().__init__(program, data, "--with-stack", stack, "--python", sys.executable, environment=environment, stderr=subprocess.PIPE)
        self.notes = []
        threading.Thread(target=lambda: self.notes.extend(self.process.stderr), daemon=True).start()

    def __enter__(self):
        super().__enter__()
        self.feeds = self.said["feeds"]
        os.environ.update(dict(self.said["environment"]))
        return self

    def why(self):
        # The notes are read by a thread of their own.
        time.sleep(0.2)
        return "\n" + "".join(self.notes)

    def noted(self, *words):
        return [note for note in list(self.notes) if all(word in note for word in words)]

    def until_noted(self, *words):
        """What a function did is noted after it was done, and so after whatever it did can be seen."""
        until(lambda: self.noted(*words), f"a note with {words}")


def rows(database, table):
    query = boto3.client("timestream-query")
    found = []
    for page in query.get_paginator("query").paginate(QueryString=f'SELECT * FROM "{database}"."{table}"'):
        names = [column["Name"] for column in page["ColumnInfo"]]
        found += [{name: datum.get("ScalarValue") for name, datum in zip(names, row["Data"])} for row in page["Rows"]]
    return found


def letters():
    s3 = boto3.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="dead-letters").get("Contents", [])]
    return {key: s3.get_object(Bucket="dead-letters", Key=key)["Body"].read().decode() for key in keys}


def put(stream, messages, key="press-1"):
    records = [{"PartitionKey": key, "Data": one if isinstance(one, bytes) else json.dumps(one).encode()} for one in messages]
    answer = boto3.client("kinesis").put_records(StreamName=stream, Records=records)
    check(answer["FailedRecordCount"] == 0, answer)


def reading(minute, temperature):
    return {"ts": f"2025-12-14T23:{minute:02}:00.000Z", "device": "press-1", "temperature": temperature}


def translated(program, stack, data):
    """From put-record to the row, by the code that `translate` generated."""
    with Running(program, data, stack) as local:
        check(len(local.feeds) == 1, local.feeds)
        stream = local.feeds[0]["stream"]
        boto3.client("kinesis").get_waiter("stream_exists").wait(StreamName=stream)
        put(stream, [reading(1, 21.5)])
        first = until(lambda: rows("plant", "plant"), "the first row")
        check(len(first) == 1 and float(first[0]["temperature"]) == 21.5 and float(first[0]["kelvin"]) == 294.65, first)
        check(first[0]["time"].startswith("2025-12-14 23:01:00"), first)
        # Dropped by the filter; no JSON; and one that says the same again.
        put(stream, [reading(2, 500), b"no json", reading(1, 21.5), reading(3, 40)])
        until(lambda: len(rows("plant", "plant")) == 2, "the second row")
        kept = until(letters, "the dead letter")
        check(len(kept) == 1 and "no json" in next(iter(kept.values())), kept)
        local.until_noted("4 records done")
    # What was settled stays settled: a new process hands nothing out again, and goes on.
    with Running(program, data, stack) as local:
        put(local.feeds[0]["stream"], [reading(4, 50)])
        until(lambda: len(rows("plant", "plant")) == 3, "the third row")
        local.until_noted("1 records done")
        check(len(local.noted("records done")) == 1, local.notes)


TEMPLATE = """
Resources:
  Stream: {Type: "AWS::Kinesis::Stream", Properties: {Name: by-hand, ShardCount: 1}}
  Function:
    Type: "AWS::Serverless::Function"
    Properties: {CodeUri: functions/by_hand/, Handler: handler.lambda_handler, Timeout: 5}
  Mapping:
    Type: "AWS::Lambda::EventSourceMapping"
    Properties:
      EventSourceArn: !GetAtt Stream.Arn
      FunctionName: !Ref Function
      StartingPosition: TRIM_HORIZON
      BatchSize: 10
      BisectBatchOnFunctionError: true
      FunctionResponseTypes: [ReportBatchItemFailures]
      MaximumRetryAttempts: 2
"""

HANDLER = '''
import base64, json, os, boto3

seen = os.path.join(os.path.dirname(__file__), "seen.jsonl")
later = set()

def lambda_handler(event, context):
    failures = []
    for record in event["Records"]:
        text = base64.b64decode(record["kinesis"]["data"]).decode()
        assert record["eventSource"] == "aws:kinesis" and record["eventSourceARN"].endswith(":stream/by-hand")
        assert 0 < context.get_remaining_time_in_millis() <= 5000
        if text == "die":
            os._exit(3)
        if text == "poison":
            raise ValueError("cannot be eaten")
        if text.startswith("later") and text not in later:
            later.add(text)
            failures.append({"itemIdentifier": record["kinesis"]["sequenceNumber"]})
            break
        with open(seen, "a") as out:
            out.write(json.dumps(text) + "\\n")
    return {"batchItemFailures": failures}
'''


def by_hand(program, folder):
    """What Lambda does when a function is not done with a batch: from where it says, halved, and given up in the end."""
    stack = os.path.join(folder, "stack")
    function = os.path.join(stack, "functions", "by_hand")
    os.makedirs(function)
    open(os.path.join(stack, "template.yaml"), "w").write(TEMPLATE)
    open(os.path.join(function, "handler.py"), "w").write(HANDLER)
    seen_file = os.path.join(function, "seen.jsonl")

    def seen():
        return [json.loads(line) for line in open(seen_file)] if os.path.exists(seen_file) else []

    with Running(program, os.path.join(folder, "data"), stack) as local:
        put("by-hand", [b"a", b"later-1", b"b", b"c"])
        until(lambda: "c" in seen(), "what was put off")
        # Settled up to what was put off, which comes again with all behind it: nothing before it twice, and in order.
        check(seen() == ["a", "later-1", "b", "c"], seen())
        local.until_noted("3 of 4 records come again")

        put("by-hand", [b"d", b"poison", b"e"])
        until(lambda: "e" in seen(), "what stands behind a bad record")
        given_up = {key: json.loads(text) for key, text in letters().items()}
        check(len(given_up) == 1, given_up)
        letter = next(iter(given_up.values()))
        check(letter["KinesisBatchInfo"]["batchSize"] == 1 and letter["requestContext"]["condition"] == "RetryAttemptsExhausted", letter)
        check("cannot be eaten" in letter["responseContext"]["functionError"], letter)
        check(len(letter["payload"]["Records"]) == 1, letter)
        local.until_noted("1 records were given up", "s3://dead-letters/by_hand/")

        put("by-hand", [b"die"])
        until(lambda: len(letters()) == 2, "the end of a batch that kills its process")
        put("by-hand", [b"f"])
        until(lambda: "f" in seen(), "a new process")
        check(seen()[-1] == "f", seen())
        local.until_noted("its process ended")


def main(program, stack):
    with tempfile.TemporaryDirectory() as folder:
        translated(program, stack, os.path.join(folder, "translated"))
        by_hand(program, os.path.join(folder, "by-hand"))
    passed()


if __name__ == "__main__":
    main(*sys.argv[1:])
