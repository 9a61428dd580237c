"""Drives the embedded services beside Timestream and S3 with boto3, and holds every answer against the service models that botocore ships.

Usage: python tests/boto3_services.py PATH_TO_IOTA2TS
Needs boto3. Talks to loopback only. The endpoint comes from the environment that `iota2ts local` prints, and from nowhere else.
"""

import datetime
import json
import os
import re
import sys
import tempfile

import boto3
from botocore.config import Config
from botocore.validate import ParamValidator
from embedded import Local, check, passed, refused

NOW = datetime.datetime(2025, 12, 15, tzinfo=datetime.timezone.utc)


def hold_against_model(http_response, parsed, model, **_):
    """Every answer of every call: members that the model requires are there, values are of its types, sets and patterns, nothing is unknown."""
    shape = model.output_shape
    if http_response.status_code >= 300 or shape is None:
        return
    report = ParamValidator().validate({k: v for k, v in parsed.items() if k != "ResponseMetadata"}, shape)
    # The least lengths and values bind requests only: Kinesis itself answers with an empty ShardLevelMetrics and a FailedRecordCount of 0.
    wrong = [error for error in report._errors if error[0] not in ("invalid length", "invalid range")]
    check(not wrong, f"{model.name}: {wrong}")
    if "payload" not in shape.serialization:
        walk(json.loads(http_response.text or "{}"), shape, model.name)


def walk(value, shape, path):
    if shape.type_name == "structure":
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        check(set(value) <= set(known), f"{path} has members that the model does not know: {sorted(set(value) - set(known))}")
        for name, inner in value.items():
            walk(inner, known[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            walk(inner, shape.member, f"{path}[]")
    elif shape.type_name == "map":
        for key, inner in value.items():
            walk(inner, shape.value, f"{path}.{key}")
    elif shape.type_name == "string":
        pattern = shape.metadata.get("pattern")
        check(not shape.enum or value in shape.enum, f"{path}: {value} is none of {shape.enum}")
        check(not pattern or re.fullmatch(pattern, value), f"{path}: {value} is not of the pattern {pattern}")


def kinesis(client):
    client.create_stream(StreamName="readings", ShardCount=2)
    # The recipe's `aws kinesis wait stream-exists` is this waiter.
    client.get_waiter("stream_exists").wait(StreamName="readings")
    described = client.describe_stream(StreamName="readings")["StreamDescription"]
    check(described["StreamStatus"] == "ACTIVE" and len(described["Shards"]) == 2, described)
    check(described["StreamCreationTimestamp"] == NOW, described["StreamCreationTimestamp"])
    summary = client.describe_stream_summary(StreamARN=described["StreamARN"])["StreamDescriptionSummary"]
    check((summary["OpenShardCount"], summary["RetentionPeriodHours"]) == (2, 24), summary)
    check(client.list_streams()["StreamNames"] == ["readings"], "list_streams")
    shards = [shard["ShardId"] for shard in client.list_shards(StreamName="readings")["Shards"]]
    check(shards == ["shardId-000000000000", "shardId-000000000001"], shards)

    put = [client.put_record(StreamName="readings", PartitionKey="sensor001", Data=bytes([0, 255, n])) for n in range(3)]
    check(len({one["ShardId"] for one in put}) == 1, "one key, one shard")
    numbers = [int(one["SequenceNumber"]) for one in put]
    check(numbers == sorted(set(numbers)), numbers)
    many = client.put_records(StreamName="readings", Records=[{"PartitionKey": f"k{n}", "Data": f"{n}".encode()} for n in range(50)])
    check(many["FailedRecordCount"] == 0 and len(many["Records"]) == 50, many)

    read = []
    for shard in shards:
        iterator = client.get_shard_iterator(StreamName="readings", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while True:
            page = client.get_records(ShardIterator=iterator, Limit=20)
            read += page["Records"]
            iterator = page["NextShardIterator"]
            if page["MillisBehindLatest"] == 0:
                break
    check(len(read) == 53, len(read))
    check(sorted(one["Data"] for one in read if one["PartitionKey"] == "sensor001") == [bytes([0, 255, n]) for n in range(3)], "bytes")
    check({one["ApproximateArrivalTimestamp"] for one in read} == {NOW}, "arrival")
    home = put[0]["ShardId"]
    for how, expected in [
        ({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": put[1]["SequenceNumber"]}, bytes([0, 255, 1])),
        ({"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": put[1]["SequenceNumber"]}, bytes([0, 255, 2])),
        ({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": NOW}, bytes([0, 255, 0])),
    ]:
        iterator = client.get_shard_iterator(StreamName="readings", ShardId=home, **how)["ShardIterator"]
        check(client.get_records(ShardIterator=iterator, Limit=1)["Records"][0]["Data"] == expected, how)

    client.add_tags_to_stream(StreamName="readings", Tags={"plant": "one"})
    check(client.list_tags_for_stream(StreamName="readings")["Tags"] == [{"Key": "plant", "Value": "one"}], "tags")
    client.remove_tags_from_stream(StreamName="readings", TagKeys=["plant"])

    missing = ["Stream gone under account 000000000000 not found."]
    refused(lambda: client.put_record(StreamName="gone", PartitionKey="k", Data=b""), "ResourceNotFoundException", 400, *missing)
    refused(lambda: client.create_stream(StreamName="readings", ShardCount=1), "ResourceInUseException", 400, "already exists")
    refused(lambda: client.create_stream(StreamName="b a d", ShardCount=1), "ValidationException", 400, "at 'streamName'")
    refused(lambda: client.get_records(ShardIterator="AAAA"), "InvalidArgumentException", 400, "Invalid ShardIterator.")
    refused(lambda: client.describe_limits(), "UnknownOperationException", 400, "DescribeLimits", "PutRecords")
    client.delete_stream(StreamName="readings")
    client.get_waiter("stream_not_exists").wait(StreamName="readings")


def rules(client):
    action = {"iotAnalytics": {"channelName": "readings", "roleArn": "arn:aws:iam::000000000000:role/r"}}
    # The recipe's own rule, double quotes and all.
    payload = {"sql": 'SELECT * FROM "topic/sensor/data"', "description": "Route sensor data", "actions": [action]}
    client.create_topic_rule(ruleName="IoTAnalyticsRule", topicRulePayload=payload)
    got = client.get_topic_rule(ruleName="IoTAnalyticsRule")
    check(got["ruleArn"].endswith(":rule/IoTAnalyticsRule"), got)
    check({name: got["rule"][name] for name in payload} == payload and got["rule"]["createdAt"] == NOW, got)
    listed = client.list_topic_rules()["rules"]
    check([(rule["ruleName"], rule["topicPattern"]) for rule in listed] == [("IoTAnalyticsRule", "topic/sensor/data")], listed)
    client.replace_topic_rule(ruleName="IoTAnalyticsRule", topicRulePayload={**payload, "ruleDisabled": True})
    check(client.get_topic_rule(ruleName="IoTAnalyticsRule")["rule"]["ruleDisabled"], "replace")
    client.enable_topic_rule(ruleName="IoTAnalyticsRule")
    check(not client.get_topic_rule(ruleName="IoTAnalyticsRule")["rule"]["ruleDisabled"], "enable")
    again = lambda: client.create_topic_rule(ruleName="IoTAnalyticsRule", topicRulePayload=payload)
    answer = refused(again, "ResourceAlreadyExistsException", 409)
    check(answer["resourceId"] == "IoTAnalyticsRule", answer)
    wrong = lambda: client.create_topic_rule(ruleName="wrong", topicRulePayload={**payload, "sql": "no sql"})
    refused(wrong, "SqlParseException", 400)
    client.delete_topic_rule(ruleName="IoTAnalyticsRule")
    refused(lambda: client.get_topic_rule(ruleName="IoTAnalyticsRule"), "UnauthorizedException", 401, "IoTAnalyticsRule")
    refused(lambda: client.list_jobs(), "UnknownOperationException", 404, "/jobs", "GetTopicRule")


def things(client, shadows):
    made = client.create_thing(thingName="pump:7", attributePayload={"attributes": {"site": "north", "line": "2"}})
    described = client.describe_thing(thingName="pump:7")
    check(described["thingId"] == made["thingId"] and described["attributes"] == {"site": "north", "line": "2"}, described)
    client.update_thing(thingName="pump:7", attributePayload={"attributes": {"line": "3"}, "merge": True})
    check(client.describe_thing(thingName="pump:7")["version"] == 2, "version")
    for n in range(7):
        client.create_thing(thingName=f"press-{n}")
    names = [thing["thingName"] for page in client.get_paginator("list_things").paginate(maxResults=3) for thing in page["things"]]
    check(names == sorted(names) and len(names) == 8, names)
    refused(lambda: client.describe_thing(thingName="gone"), "ResourceNotFoundException", 404, "gone")
    refused(lambda: client.create_thing(thingName="no blanks"), "InvalidRequestException", 400, "thingName")
    refused(lambda: client.update_thing(thingName="pump:7", expectedVersion=9), "VersionConflictException", 409)

    refused(lambda: shadows.get_thing_shadow(thingName="pump:7"), "ResourceNotFoundException", 404, "No shadow exists with name: 'pump:7'")
    sent = {"state": {"reported": {"rpm": 900, "on": True}, "desired": {"rpm": 1000}}}
    accepted = json.loads(shadows.update_thing_shadow(thingName="pump:7", payload=json.dumps(sent))["payload"].read())
    check((accepted["version"], accepted["state"]) == (1, sent["state"]), accepted)
    shadow = json.loads(shadows.get_thing_shadow(thingName="pump:7")["payload"].read())
    check(shadow["state"] == {**sent["state"], "delta": {"rpm": 1000}}, shadow)
    check(shadow["metadata"]["reported"]["rpm"]["timestamp"] == int(NOW.timestamp()), shadow)
    shadows.update_thing_shadow(thingName="pump:7", shadowName="config", payload=b'{"state":{"desired":{"x":1}}}')
    check(shadows.list_named_shadows_for_thing(thingName="pump:7")["results"] == ["config"], "named shadows")
    late = lambda: shadows.update_thing_shadow(thingName="pump:7", payload=b'{"state":{},"version":7}')
    refused(late, "ConflictException", 409, "Version conflict")
    shadows.delete_thing_shadow(thingName="pump:7")
    client.delete_thing(thingName="pump:7")
    client.delete_thing(thingName="pump:7")


def not_served(session, config):
    """Services that are not here say so by name, in the form that their client reads: XML, JSON with a target, REST."""
    asked = [
        ("sts", "get_caller_identity", "the operation GetCallerIdentity"),
        ("secretsmanager", "get_random_password", "the operation GetRandomPassword"),
        ("lambda", "list_functions", "GET /2015-03-31/functions"),
    ]
    for service, operation, named in asked:
        client = session.client(service, config=config)
        answer = refused(getattr(client, operation), "UnknownOperationException", STATUS[service], f"`{service}`", named)
        check("Served are Timestream" in answer["Error"]["Message"], answer)


STATUS = {"sts": 404, "secretsmanager": 400, "lambda": 404}


def discovery(session, config):
    """botocore discovers Timestream's endpoint although the environment names one; what it discovers must lead back here."""
    write, query = session.client("timestream-write", config=config), session.client("timestream-query", config=config)
    write.create_database(DatabaseName="discovered")
    check(query.query(QueryString="SHOW DATABASES")["Rows"] == [{"Data": [{"ScalarValue": "discovered"}]}], "query")


def main(program):
    with tempfile.TemporaryDirectory() as data:
        environment = {"HOME": data, "IOTA2TS_NOW": NOW.isoformat().replace("+00:00", "Z")}
        with Local(program, os.path.join(data, "services"), environment=environment, stderr=None) as local:
            os.environ.update(dict(local.said["environment"]))
            session = boto3.Session()
            config = Config(retries={"total_max_attempts": 1})
            session.events.register("after-call.*.*", hold_against_model)
            kinesis(session.client("kinesis", config=config))
            rules(session.client("iot", config=config))
            things(session.client("iot", config=config), session.client("iot-data", config=config))
            discovery(session, config)
            not_served(session, config)
    passed()


if __name__ == "__main__":
    main(sys.argv[1])
