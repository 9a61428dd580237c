"""What the programs here that drive `iota2ts local` share: the services for as long as a block lasts, and checks that are counted."""

import json
import subprocess

from botocore.exceptions import ClientError

checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        raise SystemExit(f"FAILED: {what}")


def refused(call, code, status, *words):
    """The call must fail with this error code and HTTP status, and the message must hold all the words."""
    try:
        call()
    except ClientError as error:
        answer = error.response
        check(answer["Error"]["Code"] == code, f"expected {code}, got {answer['Error']}")
        got = answer["ResponseMetadata"]["HTTPStatusCode"]
        check(got == status, f"{code} came with status {got} instead of {status}")
        for word in words:
            check(word in answer["Error"]["Message"], f"`{word}` is not in: {answer['Error']['Message']}")
        return answer
    raise SystemExit(f"FAILED: expected {code}, but the call went through")


def passed():
    """The last line of a program all of whose checks held."""
    print(f"{checks} passed, 0 failed")


class Local:
    """The embedded services, for as long as the block lasts. `said` is what they print when they are ready."""

    def __init__(self, program, data, *more, environment=None, stderr=subprocess.DEVNULL):
        command = [program, "--output", "json", "local", "--listen", "127.0.0.1:0", "--data-dir", data, *more]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def __enter__(self):
        text = ""
        for line in self.process.stdout:
            text += line
            try:
                self.said = json.loads(text)
                return self
            except json.JSONDecodeError:
                continue
        raise SystemExit(f"FAILED: the embedded services did not start{self.why()}")

    def why(self):
        """What is known of a start that failed."""
        return ""

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
