"""Drives `iota2ts local` with the last AWS CLI and boto3 that knew AWS IoT Analytics, clients that were not written here.

Usage: python tests/aws_clients.py PATH_TO_IOTA2TS
Needs awscli 1.40 and boto3 of its time (tests/aws-clients.txt). Talks to loopback only.

Every answer's raw body is held against the API model that botocore ships: unknown members, missing ones, types, enums and lengths.
"""

import base64
import datetime
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
import embedded
from embedded import Local, check, refused

ROLE = "arn:aws:iam::000000000000:role/IoTAnalyticsServiceRole"


# What the model says of an answer ----------------------------------------------------------------------------------------------------


def against_model(shape, value, path):
    """What is wrong with `value`, as texts."""
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return [f"{path}: no object"]
        members = {shape.members[name].serialization.get("name", name): (name, shape.members[name]) for name in shape.members}
        wrong = [f"{path}.{name}: not in the model" for name in value if name not in members]
        present = {members[name][0] for name in value if name in members}
        wrong += [f"{path}.{name}: missing" for name in shape.required_members if name not in present]
        for name, inner in value.items():
            if name in members and inner is not None:
                wrong += against_model(members[name][1], inner, f"{path}.{name}")
        return wrong
    if kind == "list":
        if not isinstance(value, list):
            return [f"{path}: no list"]
        return [one for at, inner in enumerate(value) for one in against_model(shape.member, inner, f"{path}[{at}]")]
    if kind == "map":
        return [one for name, inner in value.items() for one in against_model(shape.value, inner, f"{path}.{name}")]
    if kind in ("string", "blob"):
        if not isinstance(value, str):
            return [f"{path}: no text"]
        wrong = []
        if kind == "blob":
            base64.b64decode(value, validate=True)
        elif shape.enum and value not in shape.enum:
            wrong.append(f"{path}: {value} is none of {shape.enum}")
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1 << 62)
        if not low <= len(value) <= high:
            wrong.append(f"{path}: {len(value)} characters")
        return wrong
    if kind in ("integer", "long"):
        return [] if isinstance(value, int) and not isinstance(value, bool) else [f"{path}: no whole number"]
    if kind in ("float", "double", "timestamp"):
        return [] if isinstance(value, (int, float)) and not isinstance(value, bool) else [f"{path}: no number"]
    if kind == "boolean":
        return [] if isinstance(value, bool) else [f"{path}: neither true nor false"]
    return [f"{path}: {kind} is not looked at here"]


def held_against_the_model(client):
    seen = set()

    def look(http_response, parsed, model, **_):
        status, body = http_response.status_code, http_response.content
        seen.add(model.name)
        if status >= 300:
            check(json.loads(body)["message"], f"{model.name}: an error without a message")
            check(http_response.headers["x-amzn-errortype"] in [error.name for error in model.error_shapes], f"{model.name}: {parsed}")
            return
        check(status == model.http.get("responseCode", 200), f"{model.name} came with status {status}")
        if model.output_shape is None or not body:
            check(not body or json.loads(body) == {}, f"{model.name}: a body that the model does not have")
            return
        wrong = against_model(model.output_shape, json.loads(body), model.name)
        check(not wrong, "; ".join(wrong))

    client.meta.events.register("after-call.*.*", look)
    return seen


# The recipe, command by command ------------------------------------------------------------------------------------------------------


class Cli:
    def __init__(self, url, environment):
        self.url, self.environment = url, environment

    def __call__(self, *words):
        command = [sys.executable, "-m", "awscli", "--endpoint-url", self.url, "--output", "json", *words]
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        check(ran.returncode == 0, f"aws {' '.join(words[:2])}: {ran.stderr.strip()}")
        return json.loads(ran.stdout) if ran.stdout.strip() else None

    def refused(self, code, *words):
        command = [sys.executable, "-m", "awscli", "--endpoint-url", self.url, "--output", "json", *words]
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        check(ran.returncode != 0 and f"({code})" in ran.stderr, f"aws {' '.join(words[:2])} should be refused with {code}: {ran.stderr}")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def recipe(aws):
    """Legacy half of the recipe that this project grew from: names with `_`, since the service allows no `-`."""
    channel, store, pipeline, dataset = "iot_sensor_channel_x", "iot_sensor_datastore_x", "iot_sensor_pipeline_x", "iot_sensor_dataset_x"
    aws.refused("InvalidRequestException", "iotanalytics", "create-channel", "--channel-name", "iot-sensor-channel-x")
    made = aws("iotanalytics", "create-channel", "--channel-name", channel, "--retention-period", "unlimited=true")
    check(made["channelArn"].endswith(f":channel/{channel}"), made)
    check(aws("iotanalytics", "describe-channel", "--channel-name", channel)["channel"]["status"] == "ACTIVE", "describe-channel")
    aws("iotanalytics", "create-datastore", "--datastore-name", store, "--retention-period", "unlimited=true")
    described = aws("iotanalytics", "describe-datastore", "--datastore-name", store)["datastore"]
    check(described["retentionPeriod"] == {"unlimited": True}, described)
    activities = [
        {"channel": {"name": "ChannelActivity", "channelName": channel, "next": "FilterActivity"}},
        {"filter": {"name": "FilterActivity", "filter": "temperature > 0 AND temperature < 100", "next": "MathActivity"}},
        {"math": {"name": "MathActivity", "math": "temperature_celsius", "attribute": "temperature_celsius", "next": "AddAttributesActivity"}},
        {"addAttributes": {"name": "AddAttributesActivity", "attributes": {"location": "factory_floor_1", "device_type": "temperature_sensor"}, "next": "DatastoreActivity"}},
        {"datastore": {"name": "DatastoreActivity", "datastoreName": store}},
    ]
    aws("iotanalytics", "create-pipeline", "--pipeline-name", pipeline, "--pipeline-activities", json.dumps(activities))
    check(aws("iotanalytics", "describe-pipeline", "--pipeline-name", pipeline)["pipeline"]["activities"] == activities, "describe-pipeline")
    sql = f"SELECT * FROM {store} WHERE temperature_celsius > 25 ORDER BY timestamp DESC LIMIT 100"
    actions = json.dumps([{"actionName": "SqlAction", "queryAction": {"sqlQuery": sql}}])
    triggers = json.dumps([{"schedule": {"expression": "rate(1 hour)"}}])
    aws("iotanalytics", "create-dataset", "--dataset-name", dataset, "--actions", actions, "--triggers", triggers)
    # This CLI encodes payloads itself, so they are given as they are; version 2, for which the recipe was written, wants them encoded.
    readings = [
        {"timestamp": now(), "deviceId": "sensor001", "temperature": 23.5, "humidity": 65.2},
        {"timestamp": now(), "deviceId": "sensor002", "temperature": 28.7, "humidity": 58.9},
    ]
    messages = json.dumps([{"messageId": f"msg00{at}", "payload": json.dumps(reading)} for at, reading in enumerate(readings, 1)])
    check(aws("iotanalytics", "batch-put-message", "--channel-name", channel, "--messages", messages) == {"batchPutMessageErrorEntries": []}, "batch-put-message")
    content = ("iotanalytics", "get-dataset-content", "--dataset-name", dataset, "--version-id", "$LATEST")
    aws.refused("ResourceNotFoundException", *content)
    # The recipe's math activity computes a name that no message has, so there is no such column: its dataset never works.
    aws("iotanalytics", "create-dataset-content", "--dataset-name", dataset)
    answer = settled(lambda: aws(*content))
    check(answer["status"]["state"] == "FAILED" and "temperature_celsius" in answer["status"]["reason"], answer)
    # With the mistake mended it does.
    mended = json.dumps([{"actionName": "SqlAction", "queryAction": {"sqlQuery": sql.replace("temperature_celsius", "temperature")}}])
    aws("iotanalytics", "update-dataset", "--dataset-name", dataset, "--actions", mended)
    aws("iotanalytics", "create-dataset-content", "--dataset-name", dataset)
    answer = settled(lambda: aws(*content))
    with urllib.request.urlopen(answer["entries"][0]["dataURI"]) as response:
        csv = response.read().decode()
    check(csv.splitlines()[1].startswith(f'"{readings[1]["timestamp"]}","sensor002","28.7","58.9"'), csv)
    check(len(csv.splitlines()) == 2, csv)
    for words in (("delete-dataset", "--dataset-name", dataset), ("delete-pipeline", "--pipeline-name", pipeline),
                  ("delete-datastore", "--datastore-name", store), ("delete-channel", "--channel-name", channel)):
        check(aws("iotanalytics", *words) is None, words[0])
    aws.refused("ResourceNotFoundException", "iotanalytics", "describe-channel", "--channel-name", channel)
    # The recipe lists runs of a pipeline, which neither CLI nor service could; and it asks services that are not embedded.
    aws.refused("UnknownOperationException", "logs", "describe-log-groups", "--log-group-name-prefix", "/aws/lambda/ProcessIoTData")


def modern_half(aws):
    stream = "iot-sensor-stream-x"
    aws("kinesis", "create-stream", "--stream-name", stream, "--shard-count", "1")
    aws("kinesis", "wait", "stream-exists", "--stream-name", stream)
    reading = json.dumps({"timestamp": now(), "deviceId": "sensor001", "temperature": 26.3, "humidity": 60.1})
    put = aws("kinesis", "put-record", "--stream-name", stream, "--partition-key", "sensor001", "--data", reading)
    shard = ("--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")
    iterator = aws("kinesis", "get-shard-iterator", "--stream-name", stream, *shard)["ShardIterator"]
    (record,) = aws("kinesis", "get-records", "--shard-iterator", iterator)["Records"]
    check(base64.b64decode(record["Data"]).decode() == reading, record)
    aws("kinesis", "delete-stream", "--stream-name", stream)
    payload = {"sql": "SELECT * FROM 'topic/sensor/data'", "description": "Route sensor data to IoT Analytics",
               "actions": [{"iotAnalytics": {"channelName": "iot_sensor_channel_x", "roleArn": ROLE}}]}
    aws("iot", "create-topic-rule", "--rule-name", "IoTAnalyticsRule", "--topic-rule-payload", json.dumps(payload))
    check(aws("iot", "get-topic-rule", "--rule-name", "IoTAnalyticsRule")["rule"]["sql"] == payload["sql"], "get-topic-rule")
    database, table = "iot-sensor-db-x", "sensor-data"
    aws("timestream-write", "create-database", "--database-name", database)
    retention = json.dumps({"MemoryStoreRetentionPeriodInHours": 24, "MagneticStoreRetentionPeriodInDays": 365})
    aws("timestream-write", "create-table", "--database-name", database, "--table-name", table, "--retention-properties", retention)
    record = {"Time": str(int(time.time() * 1000)), "TimeUnit": "MILLISECONDS", "MeasureName": "temperature", "MeasureValue": "26.3",
              "MeasureValueType": "DOUBLE", "Dimensions": [{"Name": "DeviceId", "Value": "sensor001"}]}
    aws("timestream-write", "write-records", "--database-name", database, "--table-name", table, "--records", json.dumps([record]))
    sql = f'SELECT * FROM "{database}"."{table}" WHERE time > ago(1h) ORDER BY time DESC LIMIT 10'
    check(len(aws("timestream-query", "query", "--query-string", sql)["Rows"]) == 1, "timestream-query query")
    aws("timestream-write", "delete-table", "--database-name", database, "--table-name", table)
    aws("timestream-write", "delete-database", "--database-name", database)


# Every operation ---------------------------------------------------------------------------------------------------------------------


def settled(ask):
    for _ in range(200):
        answer = ask()
        if answer["status"]["state"] != "CREATING":
            return answer
        time.sleep(0.05)
    raise SystemExit("FAILED: the content is never made")


def every_operation(client, s3):
    seen = held_against_the_model(client)
    s3.create_bucket(Bucket="plant-data")
    storage = {"customerManagedS3": {"bucket": "plant-data", "keyPrefix": "iot/", "roleArn": ROLE}}
    tags = [{"key": "line", "value": "7"}]
    arn = client.create_channel(channelName="readings", channelStorage=storage, tags=tags)["channelArn"]
    columns = [{"name": "device", "type": "string"}, {"name": "temperature", "type": "double"}]
    client.create_datastore(datastoreName="plant", datastoreStorage=storage,
                            fileFormatConfiguration={"parquetConfiguration": {"schemaDefinition": {"columns": columns}}},
                            datastorePartitions={"partitions": [{"attributePartition": {"attributeName": "device"}}]})
    activities = [{"channel": {"name": "in", "channelName": "readings", "next": "warm"}},
                  {"filter": {"name": "warm", "filter": "temperature > 10", "next": "out"}},
                  {"datastore": {"name": "out", "datastoreName": "plant"}}]
    client.create_pipeline(pipelineName="clean", pipelineActivities=activities)
    actions = [{"actionName": "q", "queryAction": {"sqlQuery": "SELECT device, temperature FROM plant ORDER BY device"}}]
    rules = [{"entryName": "rows", "destination": {"s3DestinationConfiguration": {"bucket": "plant-data", "key": "out/!{iotanalytics:versionId}.csv", "roleArn": ROLE}}}]
    client.create_dataset(datasetName="warm", actions=actions, triggers=[{"schedule": {"expression": "cron(0 12 * * ? *)"}}], contentDeliveryRules=rules,
                          versioningConfiguration={"unlimited": True}, retentionPeriod={"numberOfDays": 3}, tags=tags)
    refused(lambda: client.create_channel(channelName="readings"), "ResourceAlreadyExistsException", 409)
    refused(lambda: client.describe_dataset(datasetName="none"), "ResourceNotFoundException", 404)
    refused(lambda: client.create_dataset(datasetName="two_kinds", actions=actions, triggers=[{}]), "InvalidRequestException", 400)

    messages = [{"messageId": str(at), "payload": json.dumps({"device": f"d{at}", "temperature": at * 10}).encode()} for at in range(5)]
    too_large = {"messageId": "large", "payload": b"x" * (128 * 1024 + 1)}
    errors = client.batch_put_message(channelName="readings", messages=[*messages, too_large])["batchPutMessageErrorEntries"]
    check([entry["messageId"] for entry in errors] == ["large"], errors)
    refused(lambda: client.batch_put_message(channelName="readings", messages=[messages[0]] * 2), "InvalidRequestException", 400)
    check(len(client.sample_channel_data(channelName="readings", maxMessages=3)["payloads"]) == 3, "sample_channel_data")
    day = datetime.timedelta(days=1)
    today = datetime.datetime.now(datetime.timezone.utc)
    check(client.sample_channel_data(channelName="readings", startTime=today + day, endTime=today + 2 * day)["payloads"] == [], "a span without messages")
    ran = client.run_pipeline_activity(pipelineActivity=activities[1], payloads=[m["payload"] for m in messages[:3]])
    check([json.loads(p)["device"] for p in ran["payloads"]] == ["d2"] and ran["logResult"] == "", ran)

    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="plant-data")["Contents"]]
    (raw,) = [key for key in keys if key.startswith("iot/channel/readings/__dt=")]
    check(re.fullmatch(r"iot/channel/readings/__dt=\d{4}-\d\d-\d\d 00:00:00/\d{13}_\d{13}_0{12}_readings_0_\d+\.0\.json\.gz", raw), raw)
    lines = gzip.decompress(s3.get_object(Bucket="plant-data", Key=raw)["Body"].read()).splitlines()
    check([line for line in lines] == [m["payload"] for m in messages], "the channel's object holds the messages as they came")
    check(len([key for key in keys if "/datastore/plant/__partition_device=" in key]) == 3, keys)
    started = client.start_pipeline_reprocessing(pipelineName="clean", channelMessages={"s3Paths": [raw]})["reprocessingId"]
    client.cancel_pipeline_reprocessing(pipelineName="clean", reprocessingId=started)

    version = client.create_dataset_content(datasetName="warm")["versionId"]
    answer = settled(lambda: client.get_dataset_content(datasetName="warm", versionId=version))
    check(answer["entries"][0]["entryName"] == "rows", answer)
    with urllib.request.urlopen(answer["entries"][0]["dataURI"]) as response:
        fetched = response.read()
    check(fetched == b'"device","temperature"\n' + b"".join(b'"d%d","%d.0"\n' % (at, at * 10) for at in (2, 2, 3, 3, 4, 4)), fetched)
    check(s3.get_object(Bucket="plant-data", Key=f"out/{version}.csv")["Body"].read() == fetched, "the content was delivered")
    forged = answer["entries"][0]["dataURI"].replace("X-Amz-Expires=7200", "X-Amz-Expires=7201")
    try:
        urllib.request.urlopen(forged)
        raise SystemExit("FAILED: an address whose signature is wrong was served")
    except urllib.error.HTTPError as error:
        check(error.code == 403, error)
    client.list_dataset_contents(datasetName="warm", scheduledOnOrAfter=today - day, scheduledBefore=today + day)

    client.describe_channel(channelName="readings", includeStatistics=True)
    client.describe_datastore(datastoreName="plant", includeStatistics=True)
    client.describe_pipeline(pipelineName="clean")
    client.describe_dataset(datasetName="warm")
    for number in range(3):
        client.create_channel(channelName=f"more_{number}")
    pages = [[one["channelName"] for one in page["channelSummaries"]]
             for page in client.get_paginator("list_channels").paginate(PaginationConfig={"PageSize": 3})]
    check(pages == [["more_0", "more_1", "more_2"], ["readings"]], pages)
    check(client.list_datastores()["datastoreSummaries"][0]["fileFormatType"] == "PARQUET", "list_datastores")
    client.list_pipelines()
    check(client.list_datasets()["datasetSummaries"][0]["actions"] == [{"actionName": "q", "actionType": "QUERY"}], "list_datasets")

    refused(client.describe_logging_options, "ResourceNotFoundException", 404)
    client.put_logging_options(loggingOptions={"roleArn": ROLE, "level": "ERROR", "enabled": True})
    client.describe_logging_options()
    client.tag_resource(resourceArn=arn, tags=[{"key": "hall", "value": "north & south"}])
    client.untag_resource(resourceArn=arn, tagKeys=["line"])
    check(client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "hall", "value": "north & south"}], "tags")

    client.update_channel(channelName="readings", retentionPeriod={"numberOfDays": 3})
    client.update_datastore(datastoreName="plant", retentionPeriod={"unlimited": True})
    client.update_pipeline(pipelineName="clean", pipelineActivities=activities)
    client.update_dataset(datasetName="warm", actions=actions)
    client.delete_dataset_content(datasetName="warm", versionId=version)
    client.delete_dataset(datasetName="warm")
    client.delete_pipeline(pipelineName="clean")
    client.delete_datastore(datastoreName="plant")
    client.delete_channel(channelName="readings")
    missing = set(client.meta.service_model.operation_names) - seen
    check(not missing, f"operations that nothing here asks for: {sorted(missing)}")
    return len(seen)


def main():
    with tempfile.TemporaryDirectory() as directory, Local(sys.argv[1], os.path.join(directory, "data")) as local:
        url = local.said["endpoint_url"]
        keys = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded", "AWS_DEFAULT_REGION": "us-east-1"}
        nowhere = os.path.join(directory, "none")
        environment = {"PATH": os.environ["PATH"], "HOME": directory, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": nowhere,
                       "AWS_SHARED_CREDENTIALS_FILE": nowhere, **keys}
        os.environ.update(environment)
        aws = Cli(url, environment)
        recipe(aws)
        modern_half(aws)
        client, s3 = boto3.client("iotanalytics", endpoint_url=url), boto3.client("s3", endpoint_url=url)
        operations = every_operation(client, s3)
    print(f"the AWS CLI ran the recipe; {operations} operations of IoT Analytics answered as the API model says; {embedded.checks} checks")


if __name__ == "__main__":
    main()
