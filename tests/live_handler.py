"""Runs a generated function with boto3 against the embedded Timestream, and prints what the table then holds.

Usage: python tests/live_handler.py PATH_TO_IOTA2TS FUNCTION_FOLDER DATA_FOLDER DATABASE TABLE MESSAGES
MESSAGES holds a message a line, as they reach the stream; a file without a line only reads the table. Talks to loopback only.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import time

import boto3

BATCH = 25


def event(lines, first):
    def record(number, line):
        return {
            "kinesis": {"data": base64.b64encode(line).decode(), "sequenceNumber": str(first + number), "partitionKey": "p"},
            "eventID": f"shardId-000000000000:{first + number}",
            "eventSource": "aws:kinesis",
            "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
        }

    return {"Records": [record(number, line) for number, line in enumerate(lines)]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ensure_table(write, database, table):
    for call in (
        lambda: write.create_database(DatabaseName=database),
        lambda: write.create_table(
            DatabaseName=database,
            TableName=table,
            RetentionProperties={"MemoryStoreRetentionPeriodInHours": 12, "MagneticStoreRetentionPeriodInDays": 73000},
            MagneticStoreWriteProperties={"EnableMagneticStoreWrites": True},
        ),
    ):
        try:
            call()
        except write.exceptions.ConflictException:
            pass


def rows(query, database, table):
    found = []
    for page in query.get_paginator("query").paginate(QueryString=f'SELECT * FROM "{database}"."{table}"'):
        names = [column["Name"] for column in page["ColumnInfo"]]
        for row in page["Rows"]:
            found.append({name: datum.get("ScalarValue") for name, datum in zip(names, row["Data"])})
    return sorted(found, key=lambda row: json.dumps(row, sort_keys=True))


def main(binary, function, data, database, table, messages):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([binary, "--quiet", "local", "--listen", f"127.0.0.1:{port}", "--data-dir", data], stdout=subprocess.DEVNULL)
    try:
        os.environ.update(AWS_ACCESS_KEY_ID="embedded", AWS_SECRET_ACCESS_KEY="embedded", AWS_DEFAULT_REGION="us-east-1")
        os.environ.update(AWS_REGION="us-east-1", DATABASE_NAME=database)
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        # Given as an argument: boto3's endpoint discovery overrides an endpoint that only the environment names.
        write = boto3.client("timestream-write", endpoint_url=url)
        query = boto3.client("timestream-query", endpoint_url=url)
        ensure_table(write, database, table)
        lines = [line for line in open(messages, "rb").read().split(b"\n") if line]
        sys.path.insert(0, function)
        failures = []
        if lines:
            import handler

            handler._clients["timestream-write"] = write
            # What the function prints goes to its log, not into this answer.
            out, sys.stdout = sys.stdout, sys.stderr
            for first in range(0, len(lines), BATCH):
                failures += handler.lambda_handler(event(lines[first : first + BATCH], first), None)["batchItemFailures"]
            sys.stdout = out
        print(json.dumps({"rows": rows(query, database, table), "failures": failures}))
    finally:
        server.terminate()
        server.wait()


main(*sys.argv[1:])
