"""Drives the embedded Timestream with boto3, a client that was not written here, and checks what it answers.

Usage: python tests/boto3_embedded.py PATH_TO_IOTA2TS
Needs boto3. Talks to loopback only.
"""

import datetime
import os
import sys
import tempfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from embedded import Local, check, passed, refused

NOW = datetime.datetime(2025, 12, 15, tzinfo=datetime.timezone.utc)
NOW_MS = int(NOW.timestamp() * 1000)


def record(time_ms=NOW_MS - 60_000, dimensions=(("device", "d1"),), name="temp", value="1.5", kind="DOUBLE", **more):
    return {
        "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions],
        "MeasureName": name,
        "MeasureValue": value,
        "MeasureValueType": kind,
        "Time": str(time_ms),
        **more,
    }


def write_rules(write):
    def put(*records, **more):
        return write.write_records(DatabaseName="db1", TableName="t1", Records=list(records), **more)

    answer = put(record())
    check(answer["RecordsIngested"] == {"Total": 1, "MemoryStore": 1, "MagneticStore": 0}, answer)
    answer = put(record(time_ms=NOW_MS - 40 * 86_400_000))
    check(answer["RecordsIngested"]["MagneticStore"] == 1, answer)

    refused(lambda: put(*[record(time_ms=NOW_MS - i) for i in range(101)]), "ValidationException", 400, "less than or equal to 100")
    refused(lambda: put(record(dimensions=())), "ValidationException", 400, "At least one dimension is required for a record.")
    refused(lambda: put(record(dimensions=[(f"d{i}", "x") for i in range(129)])), "ValidationException", 400, "128")
    refused(lambda: put(record(value="x" * 2049, kind="VARCHAR", name="text")), "ValidationException", 400, "2048")
    refused(lambda: put(record(Version=0)), "ValidationException", 400)
    overlap = {"Dimensions": [{"Name": "device", "Value": "d9"}]}
    refused(lambda: put(record(), CommonAttributes=overlap), "ValidationException", 400)

    for reserved in ("time", "measure_name", "measure_value", "ts_x"):
        refusal = None
        try:
            put(record(dimensions=[("device", "d1"), (reserved, "x")]))
        except ClientError as error:
            refusal = error.response["Error"]["Code"]
        check(refusal in ("ValidationException", "RejectedRecordsException"), f"the reserved name {reserved} went through: {refusal}")
    for number in ("NaN", "Infinity", "hello"):
        refusal = None
        try:
            put(record(value=number))
        except ClientError as error:
            refusal = error.response["Error"]["Code"]
        check(refusal in ("ValidationException", "RejectedRecordsException"), f"{number} went through as a DOUBLE")

    put(record(time_ms=NOW_MS - 5, Version=200))
    put(record(time_ms=NOW_MS - 5, Version=200))  # the same again is no error
    answer = refused(lambda: put(record(time_ms=NOW_MS - 5, Version=2, value="9")), "RejectedRecordsException", 419)
    (rejected,) = answer["RejectedRecords"]
    check(rejected["RecordIndex"] == 0 and rejected["ExistingVersion"] == 200, rejected)
    check("The record version 2 is lower than the existing version 200." in rejected["Reason"], rejected)
    answer = refused(lambda: put(record(time_ms=NOW_MS - 5, Version=200, value="9")), "RejectedRecordsException", 419)
    check("A record already exists with the same time" in answer["RejectedRecords"][0]["Reason"], answer)
    put(record(time_ms=NOW_MS - 5, Version=201, value="9"))

    far = [record(time_ms=NOW_MS + 16 * 60_000), record(time_ms=NOW_MS - 400 * 86_400_000), record(time_ms=NOW_MS - 7)]
    answer = refused(lambda: put(*far), "RejectedRecordsException", 419)
    check([r["RecordIndex"] for r in answer["RejectedRecords"]] == [0, 1], "only the two outside the window are refused")
    check("outside the time range [" in answer["RejectedRecords"][1]["Reason"], answer)

    answer = refused(lambda: put(record(time_ms=NOW_MS - 8, value="true", kind="BOOLEAN")), "RejectedRecordsException", 419)
    check(len(answer["RejectedRecords"]) == 1, answer)

    multi = record(time_ms=NOW_MS - 9, name="all")
    multi.update(MeasureValueType="MULTI", MeasureValues=[{"Name": "a", "Value": "1", "Type": "BIGINT"}, {"Name": "b", "Value": "x", "Type": "VARCHAR"}])
    del multi["MeasureValue"]
    put(multi, CommonAttributes={"Dimensions": [{"Name": "site", "Value": "s1"}]})


def queries(query):
    answer = query.query(QueryString='SELECT count(*) AS n FROM "db1"."t1" WHERE time = TIMESTAMP \'2025-12-14 23:59:59.993000000\'')
    check(answer["ColumnInfo"] == [{"Name": "n", "Type": {"ScalarType": "BIGINT"}}], answer)
    check(answer["Rows"] == [{"Data": [{"ScalarValue": "1"}]}], answer)  # stored although its batch had rejections
    answer = query.query(QueryString='SELECT site, a, b, "measure_value::double" FROM "db1"."t1" WHERE measure_name = \'all\'')
    check(answer["Rows"][0]["Data"] == [{"ScalarValue": "s1"}, {"ScalarValue": "1"}, {"ScalarValue": "x"}, {"NullValue": True}], answer)
    refused(lambda: query.query(QueryString='SELECT nothing FROM "db1"."t1"'), "ValidationException", 400, "nothing")
    refused(lambda: query.query(QueryString='DROP TABLE "db1"."t1"'), "ValidationException", 400)
    pages, rows, token = 0, 0, None
    while True:
        more = {"NextToken": token} if token else {}
        answer = query.query(QueryString='SELECT * FROM "db1"."t1"', MaxRows=2, **more)
        pages, rows, token = pages + 1, rows + len(answer["Rows"]), answer.get("NextToken")
        check(len(answer["Rows"]) <= 2, "a page holds more than MaxRows")
        if not token:
            break
    total = query.query(QueryString='SELECT count(*) FROM "db1"."t1"')["Rows"][0]["Data"][0]["ScalarValue"]
    check(rows == int(total) and pages > 1, f"{rows} rows in {pages} pages, and count(*) says {total}")


def resources(write):
    check(write.describe_endpoints()["Endpoints"][0]["CachePeriodInMinutes"] > 0, "describe_endpoints")
    write.create_database(DatabaseName="db1")
    refused(lambda: write.create_database(DatabaseName="db1"), "ConflictException", 409)
    refused(lambda: write.create_table(DatabaseName="nowhere", TableName="t1"), "ResourceNotFoundException", 404)
    table = write.create_table(
        DatabaseName="db1",
        TableName="t1",
        RetentionProperties={"MemoryStoreRetentionPeriodInHours": 24, "MagneticStoreRetentionPeriodInDays": 365},
        MagneticStoreWriteProperties={"EnableMagneticStoreWrites": True},
    )["Table"]
    check(table["TableStatus"] == "ACTIVE" and table["RetentionProperties"]["MemoryStoreRetentionPeriodInHours"] == 24, table)
    check(isinstance(table["CreationTime"], datetime.datetime), "times are instants on the wire")
    check([t["TableName"] for t in write.list_tables(DatabaseName="db1")["Tables"]] == ["t1"], "list_tables")
    check(write.describe_database(DatabaseName="db1")["Database"]["TableCount"] == 1, "describe_database")
    updated = write.update_table(
        DatabaseName="db1", TableName="t1", RetentionProperties={"MemoryStoreRetentionPeriodInHours": 24, "MagneticStoreRetentionPeriodInDays": 366}
    )["Table"]
    check(updated["RetentionProperties"]["MagneticStoreRetentionPeriodInDays"] == 366, updated)


def clean_up(write):
    write.delete_table(DatabaseName="db1", TableName="t1")
    refused(lambda: write.describe_table(DatabaseName="db1", TableName="t1"), "ResourceNotFoundException", 404)
    write.delete_database(DatabaseName="db1")
    check(write.list_databases()["Databases"] == [], "nothing is left")


def main(program):
    with tempfile.TemporaryDirectory() as data:
        environment = {"PATH": os.environ["PATH"], "HOME": data, "IOTA2TS_NOW": NOW.isoformat().replace("+00:00", "Z")}
        with Local(program, data, environment=environment, stderr=None) as local:
            endpoint = dict(local.said["environment"])["AWS_ENDPOINT_URL"]
            session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
            config = Config(retries={"total_max_attempts": 1})
            write = session.client("timestream-write", endpoint_url=endpoint, config=config)
            query = session.client("timestream-query", endpoint_url=endpoint, config=config)
            resources(write)
            write_rules(write)
            queries(query)
            clean_up(write)
    passed()


if __name__ == "__main__":
    main(sys.argv[1])
