"""Runs one generated function for the embedded services, as AWS Lambda would: warm, one batch at a time.

Usage: python -c THIS FOLDER HANDLER ENDPOINT_URL
Reads an event a line and answers a line of JSON. What the function prints goes to stderr, its log.
"""

import importlib
import json
import os
import sys
import time
import traceback


class Context:
    """What Lambda hands to a handler beside the event, as far as functions use it."""

    def __init__(self, function, seconds, request):
        self.function_name = function
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = "512"
        self.invoked_function_arn = f"arn:aws:lambda:{os.environ['AWS_REGION']}:000000000000:function:{function}"
        self.aws_request_id = request
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self):
        return max(0, int((self._end - time.monotonic()) * 1000))


def described(error):
    return {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": traceback.format_exc().splitlines()}


def endpoint_for_every_client(boto3, url):
    """A client that the function makes talks to the embedded services. An endpoint that is given is not discovered anew."""
    real = boto3.client

    def client(service, *arguments, **named):
        if len(arguments) < 5:
            named.setdefault("endpoint_url", url)
        return real(service, *arguments, **named)

    boto3.client = client


def main(folder, entry, url):
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    try:
        import boto3
    except ImportError as error:
        return answer({"missing": str(error)})
    endpoint_for_every_client(boto3, url)
    sys.dont_write_bytecode = True
    sys.path.insert(0, folder)
    module, _, name = entry.rpartition(".")
    try:
        handler = getattr(importlib.import_module(module), name)
    except BaseException as error:
        return answer({"broken": described(error)})
    answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            returned = handler(asked["event"], Context(asked["function"], asked["seconds"], asked["request"]))
            answer({"returned": returned})
        except Exception as error:
            sys.stderr.write(traceback.format_exc())
            answer({"error": described(error)})
        sys.stderr.flush()


main(*sys.argv[1:])
