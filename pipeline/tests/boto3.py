"""Stands in for boto3 in tests: things and functions that answer from things.json and from here."""

import io
import json
import pathlib

import iot_sql as sql

KNOWN = json.loads((pathlib.Path(__file__).parent / "things.json").read_text(encoding="utf-8"))


class _Exceptions:
    class ResourceNotFoundException(Exception):
        pass


class _Client:
    exceptions = _Exceptions
    asked = []

    def describe_thing(self, thingName):
        self.asked.append(("registry", thingName))
        if thingName not in KNOWN["registry"]:
            raise self.exceptions.ResourceNotFoundException(thingName)
        return {"ResponseMetadata": {"HTTPStatusCode": 200}, **KNOWN["registry"][thingName]}

    def get_thing_shadow(self, thingName):
        self.asked.append(("shadow", thingName))
        if thingName not in KNOWN["shadows"]:
            raise self.exceptions.ResourceNotFoundException(thingName)
        return {"payload": io.BytesIO(json.dumps(KNOWN["shadows"][thingName]).encode("utf-8"))}

    def invoke(self, FunctionName, Payload):
        self.asked.append((FunctionName, Payload))
        messages = sql.loads(Payload)
        if FunctionName == "fails":
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "no"}')}
        if FunctionName == "adds":
            messages.append({})
        if FunctionName == "sifts":
            messages = [message for message in messages if "a" in message]
        answer = [{**message, "batch": sql.Number(str(len(messages)))} for message in messages]
        return {"StatusCode": 200, "Payload": io.BytesIO(sql.dumps(answer).encode("utf-8"))}


def client(service):
    assert service in ("iot", "iot-data", "lambda"), service
    return _Client()
