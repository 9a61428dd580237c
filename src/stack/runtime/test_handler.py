"""Tests of this function: `python -m unittest` in its folder. No network, and no boto3 is needed."""

import base64
import contextlib
import io
import json
import os
import unittest
from unittest import mock

import handler
import mapping
import records
import timestream

# Messages, and what becomes of them: ("written", table, record), ("filtered", activity) or ("refused", code, column). The records
# are those that the backfill makes of the same messages.
SAMPLES = []


class ServiceError(Exception):
    """An answer of the service that is no success, as botocore raises it."""

    def __init__(self, code, status, message="", **more):
        super().__init__(f"{code}: {message}")
        self.response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}


def rejected(*reasons):
    """Some records of a request were rejected: (index, reason, existing version or None)."""
    told = [{"RecordIndex": at, "Reason": reason} | ({"ExistingVersion": version} if version else {}) for at, reason, version in reasons]
    return ServiceError("RejectedRecordsException", 419, "One or more records have been rejected.", RejectedRecords=told)


def outside(from_, to):
    return f"The record timestamp is outside the time range [{from_}, {to}) of the data ingestion window."


class FakeTimestream:
    """Takes the records of every request, unless the next answer, or the answer to all of `always`, is an error."""

    def __init__(self, *answers, always=None):
        self.answers = list(answers)
        self.always = always
        self.requests = []

    def write_records(self, *, DatabaseName, TableName, CommonAttributes, Records):
        whole = [CommonAttributes | record for record in Records]
        self.requests.append((DatabaseName, TableName, whole))
        answer = self.answers.pop(0) if self.answers else self.always
        if callable(answer):
            answer = answer(whole)
        if answer is not None:
            raise answer
        return {"RecordsIngested": {"Total": len(whole)}}

    def written(self):
        return [(table, record) for _database, table, whole in self.requests for record in whole]


class FakeQueue:
    def __init__(self, fail=()):
        self.fail = fail
        self.letters = []

    def send_message_batch(self, *, QueueUrl, Entries):
        if len(Entries) > 10 or sum(len(entry["MessageBody"]) for entry in Entries) > 256 * 1024:
            raise ServiceError("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400)
        failed = [entry for entry in Entries if entry["Id"] in self.fail]
        self.letters += [json.loads(entry["MessageBody"]) for entry in Entries if entry not in failed]
        return {"Failed": [{"Id": entry["Id"], "Message": "no"} for entry in failed]}


class FakeBucket:
    def __init__(self):
        self.objects = {}

    def put_object(self, *, Bucket, Key, Body, ContentType):
        self.objects[Bucket, Key] = [json.loads(line) for line in Body.decode().splitlines()]


class Context:
    """A function with so much time left; a pause takes its part of it."""

    def __init__(self, seconds=60):
        self.milliseconds = seconds * 1000

    def get_remaining_time_in_millis(self):
        return self.milliseconds

    def sleep(self, seconds):
        self.milliseconds -= seconds * 1000


def event(*payloads):
    """A Kinesis event: payloads are bytes, or texts."""
    return {
        "Records": [
            {
                "eventSource": "aws:kinesis",
                "eventID": f"shardId-000000000001:{at + 100}",
                "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/telemetry",
                "kinesis": {
                    "sequenceNumber": str(at + 100),
                    "partitionKey": "d",
                    "approximateArrivalTimestamp": 1.0,
                    "data": base64.b64encode(payload if isinstance(payload, bytes) else payload.encode()).decode(),
                },
            }
            for at, payload in enumerate(payloads)
        ]
    }


class HandlerTest(unittest.TestCase):
    """Runs the handler against fakes."""

    def setUp(self):
        self.clients = {"timestream-write": FakeTimestream(), "sqs": FakeQueue(), "s3": FakeBucket()}
        self.environment = {"DATABASE_NAME": "plant_db", "DEAD_LETTER_QUEUE_URL": "https://queue"}
        self.context = Context()
        self.enterContext(mock.patch.object(handler, "_clients", self.clients))

    def run_handler(self, event_):
        """The numbers of the stream records that come again; counts and log lines are kept."""
        printed = io.StringIO()
        with mock.patch.dict(os.environ, self.environment, clear=True), contextlib.redirect_stdout(printed):
            with mock.patch.object(timestream.write, "__defaults__", (self.context.sleep, lambda: 0.5)):
                answer = handler.lambda_handler(event_, self.context)
        lines = [json.loads(line) for line in printed.getvalue().splitlines()]
        self.log = [line for line in lines if "log" in line]
        metrics = [line for line in lines if "_aws" in line]
        self.counts = next(line for line in metrics if "Received" in line)
        self.causes = {line["Cause"]: line["Messages"] for line in metrics if "Cause" in line}
        states = ("Undecodable", "Filtered", "Refused", "Collisions", "Duplicates", "Rejected", "Superseded", "Written")
        self.assertEqual(self.counts["Received"], sum(self.counts[state] for state in states), "a message is in one state")
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    @property
    def timestream(self):
        return self.clients["timestream-write"]

    @property
    def letters(self):
        return self.clients["sqs"].letters


class Samples(HandlerTest):
    """Messages of this pipeline, from the stream to the request."""

    def test_samples(self):
        for title, text, expected in SAMPLES:
            with self.subTest(title):
                self.setUp()
                self.assertEqual(self.run_handler(event(text)), [])
                if expected[0] == "written":
                    self.assertEqual(self.timestream.requests, [("plant_db", expected[1], [expected[2]])])
                    self.assertEqual(self.letters, [])
                    continue
                self.assertEqual(self.timestream.requests, [])
                if expected[0] == "filtered":
                    self.assertEqual((self.counts["Filtered"], self.causes), (1, {expected[1]: 1}))
                    self.assertEqual(self.letters, [])
                else:
                    self.assertEqual([(letter["cause"], letter["column"]) for letter in self.letters], [expected[1:]])

    def test_all_samples_in_one_batch(self):
        kept = [text for _title, text, expected in SAMPLES if expected[0] == "written"]
        self.assertEqual(self.run_handler(event(*(text for _title, text, _expected in SAMPLES))), [])
        counts = self.counts
        self.assertEqual(counts["Written"] + counts["Duplicates"] + counts["Collisions"], len(kept))

    def test_an_array_is_its_messages(self):
        self.run_handler(event("[" + ",".join(text for _title, text, _expected in SAMPLES) + "]"))
        self.assertEqual(self.counts["Received"], len(SAMPLES))

    def test_a_message_without_its_time_is_refused_and_never_written_as_of_now(self):
        with self.assertRaises(records.Refused):
            records.record_of({})


def synthetic_record(message):
    """A record that no mapping is needed for."""
    record = {
        "Dimensions": [{"Name": "device", "Value": message["device"]}],
        "MeasureName": "telemetry",
        "MeasureValueType": "MULTI",
        "MeasureValues": [{"Name": "value", "Value": message["value"], "Type": "VARCHAR"}],
        "Time": message.get("time", "1700000000000000000"),
        "TimeUnit": "NANOSECONDS",
        "Version": 5,
    }
    if message["value"] == "refuse":
        raise mapping.Refused("wrong_type", "value", "it is no such thing")
    return mapping.Mapped(message.get("table", "plant"), record, [], message.get("policy", "quarantine"))


def message(device, value="v", **more):
    return json.dumps({"device": device, "value": value, **more})


class Delivery(HandlerTest):
    """What happens between a record and the table, for whatever record: the pipeline and the mapping are replaced."""

    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(handler.pipeline, "run", lambda messages: [("kept", message) for message in messages]))
        self.enterContext(mock.patch.object(handler.records, "map_message", synthetic_record))

    def devices(self):
        return [record["Dimensions"][0]["Value"] for _table, record in self.timestream.written()]

    def test_what_cannot_be_read_is_kept_with_its_place(self):
        payloads = ["{", b"\xff\xfe", "5", '{"device":1,"device":2}', message("d1")]
        bad = event(*payloads)
        bad["Records"][0]["kinesis"]["data"] = "*no base64*"
        self.assertEqual(self.run_handler(bad), [])
        self.assertEqual((self.counts["Undecodable"], self.counts["Written"]), (4, 1))
        self.assertEqual([letter["cause"] for letter in self.letters], ["not_text", "not_text", "not_an_object", "not_json"])
        first = self.letters[0]
        self.assertIn("base64", first["reason"])
        self.assertEqual((first["stream"], first["shard"], first["sequenceNumber"]), ("telemetry", "shardId-000000000001", "100"))
        self.assertEqual((self.letters[1]["message"], self.letters[3]["message"]), ("//4=", payloads[3]))

    def test_plain_json_in_a_hand_made_event_and_a_direct_invocation_are_read(self):
        by_hand = event(message("d1"))
        by_hand["Records"][0]["kinesis"]["data"] = message("d1")
        self.assertEqual(self.run_handler(by_hand), [])
        self.assertEqual(self.run_handler(json.loads(message("d2"))), [])
        self.assertEqual(self.run_handler([json.loads(message("d3")), json.loads(message("d4"))]), [])
        self.assertEqual(self.devices(), ["d1", "d2", "d3", "d4"])

    def test_a_refused_message_is_kept_and_the_others_are_written(self):
        self.assertEqual(self.run_handler(event(f"[{message('d1', 'refuse')},{message('d2')}]")), [])
        self.assertEqual((self.devices(), self.counts["Refused"], self.causes), (["d2"], 1, {"wrong_type": 1}))
        (letter,) = self.letters
        self.assertEqual((letter["cause"], letter["column"], letter["element"], letter["record"]), ("wrong_type", "value", 0, None))

    def test_a_record_that_would_sink_its_request_is_not_sent(self):
        self.run_handler(event(message("d1"), message("d" * 3000), message("d2", "")))
        self.assertEqual((self.devices(), self.causes), (["d1"], {"unfit": 2}))

    def test_a_hundred_and_one_are_two_requests_and_every_table_has_its_own(self):
        self.run_handler(event(*(message(f"d{at}") for at in range(101)), message("x", table="other")))
        self.assertEqual([(table, len(whole)) for _db, table, whole in self.timestream.requests], [("plant", 100), ("plant", 1), ("other", 1)])
        self.assertEqual(self.counts["Written"], 102)

    def test_rejected_records_are_told_by_their_cause(self):
        window = outside("2024-01-01T00:00:00.000Z", "2024-01-08T00:00:00.000Z")
        lower = "The record version 5 is lower than the existing version 9. A higher version is required to update the measure value."
        same = "A record already exists with the same time, dimensions, measure name, and record version."
        self.clients["timestream-write"] = FakeTimestream(
            rejected((0, window, None), (1, window, None), (2, lower, 9), (3, same, None), (4, "Measure value type differs", None), (6, "?", None))
        )
        times = {0: "1600000000000000000", 1: "1800000000000000000"}
        payloads = [message(f"d{at}", time=times.get(at, "1704100000000000000")) for at in range(7)]
        self.assertEqual(self.run_handler(event(*payloads)), [])
        causes = {"late": 1, "future": 1, "conflict": 1, "type_conflict": 1, "other": 1}
        self.assertEqual(self.causes, causes)
        self.assertEqual((self.counts["Written"], self.counts["Rejected"], self.counts["Late"], self.counts["Superseded"]), (1, 5, 1, 1))
        self.assertEqual([letter["cause"] for letter in self.letters], list(causes))
        self.assertEqual(self.letters[0]["record"]["Time"], times[0])

    def test_a_window_that_is_not_stated_is_a_cause_too(self):
        self.clients["timestream-write"] = FakeTimestream(rejected((0, "The record timestamp is outside the time range.", None)))
        self.run_handler(event(message("d1")))
        self.assertEqual(self.causes, {"outside_window": 1})

    def test_an_answer_that_does_not_say_which_is_no_answer(self):
        for wrong in (rejected(), rejected((7, "?", None)), rejected((-1, "?", None))):
            self.clients["timestream-write"] = FakeTimestream(wrong)
            self.assertEqual(self.run_handler(event(message("d1"))), [])
            self.assertEqual((len(self.timestream.requests), self.counts["Written"], self.counts["Rejected"]), (2, 1, 0))

    def test_one_invalid_record_does_not_sink_the_others(self):
        def answer(whole):
            bad = any(record["Dimensions"][0]["Value"] == "d41" for record in whole)
            return ServiceError("ValidationException", 400, "something is wrong") if bad else None

        self.clients["timestream-write"] = FakeTimestream(always=answer)
        self.assertEqual(self.run_handler(event(*(message(f"d{at}") for at in range(100)))), [])
        self.assertEqual((self.counts["Written"], self.causes), (99, {"invalid": 1}))
        self.assertEqual([json.loads(letter["message"])["device"] for letter in self.letters], ["d41"])
        self.assertLess(len(self.timestream.requests), 20)

    def test_a_throttle_that_passes_is_waited_for(self):
        throttle = ServiceError("ThrottlingException", 429, "Rate exceeded")
        self.clients["timestream-write"] = FakeTimestream(throttle, ServiceError("InternalServerException", 500), ConnectionError("reset"))
        self.assertEqual(self.run_handler(event(message("d1"))), [])
        self.assertEqual((self.counts["Written"], self.counts["Retries"], self.counts["Throttles"]), (1, 3, 1))
        self.assertLess(self.context.milliseconds, 60_000)

    def test_from_the_first_undelivered_record_on_the_stream_hands_out_again(self):
        for always in (ServiceError("ThrottlingException", 429, "see ActiveMagneticStorePartitions"), ServiceError("Odd", 503)):
            self.setUp()
            self.clients["timestream-write"] = FakeTimestream(None, always=always)
            payloads = ["{", *(message(f"d{at}") for at in range(150)), "["]
            self.assertEqual(self.run_handler(event(*payloads)), ["201"])
            # What comes again is counted then, and kept then.
            self.assertEqual((self.counts["Written"], self.counts["Received"], self.counts["Undelivered"]), (100, 101, 51))
            self.assertEqual([letter["sequenceNumber"] for letter in self.letters], ["100"])
            self.assertEqual([line["log"] for line in self.log], ["not delivered, the stream hands it out again"])
            self.assertGreater(self.context.milliseconds, 5_000)

    def test_retries_end_before_the_function_does(self):
        self.context = Context(seconds=3)
        self.clients["timestream-write"] = FakeTimestream(always=ServiceError("ThrottlingException", 429, "magnetic"))
        self.assertEqual(self.run_handler(event(message("d1"))), ["100"])
        self.assertGreaterEqual(self.context.milliseconds, 1000)
        self.context = Context(seconds=0)
        self.timestream.requests.clear()
        self.assertEqual(self.run_handler(event(message("d1"))), ["100"])
        self.assertEqual(self.timestream.requests, [])

    def test_retries_end_however_much_time_there_is_and_a_magnetic_throttle_waits_longer(self):
        spent = []
        for words in ("Rate exceeded", "see ActiveMagneticStorePartitions"):
            self.context = Context(seconds=900)
            self.clients["timestream-write"] = FakeTimestream(always=ServiceError("ThrottlingException", 429, words))
            self.assertEqual(self.run_handler(event(message("d1"))), ["100"])
            self.assertEqual(len(self.timestream.requests), timestream.ATTEMPTS_MAX)
            spent.append(900_000 - self.context.milliseconds)
        self.assertGreater(spent[1], 4 * spent[0])

    def test_what_only_a_person_can_mend_is_asked_once_and_kept_in_the_stream(self):
        for code, status in (("AccessDeniedException", 403), ("ResourceNotFoundException", 404), ("ServiceQuotaExceededException", 402)):
            self.clients["timestream-write"] = FakeTimestream(always=ServiceError(code, status))
            self.assertEqual(self.run_handler(event(message("d1"))), ["100"])
            self.assertEqual((len(self.timestream.requests), self.letters), (1, []))

    def test_a_direct_invocation_that_fails_is_an_error(self):
        self.clients["timestream-write"] = FakeTimestream(always=ServiceError("AccessDeniedException", 403))
        with self.assertRaises(RuntimeError):
            self.run_handler(json.loads(message("d1")))

    def test_messages_that_say_the_same_are_sent_once(self):
        self.run_handler(event(message("d1"), message("d1"), message("d2")))
        self.assertEqual((self.devices(), self.counts["Duplicates"], self.letters), (["d1", "d2"], 1, []))

    def test_collisions_follow_the_policy(self):
        for policy, written in (("quarantine", []), ("keep_first", ["a"]), ("keep_last", ["c"])):
            self.setUp()
            values = ["a", "b", "c", "a"] if policy == "keep_first" else ["a", "b", "c"]
            self.run_handler(event(*(message("d1", value, policy=policy) for value in values)))
            sent = [record["MeasureValues"][0]["Value"] for _table, record in self.timestream.written()]
            self.assertEqual(sent, written, policy)
            self.assertEqual(self.counts["Collisions"], len(self.letters))
            self.assertEqual(len(self.letters) + len(sent) + self.counts["Duplicates"], len(values))

    def test_colliding_messages_come_again_together(self):
        throttle = ServiceError("AccessDeniedException", 403)
        self.clients["timestream-write"] = FakeTimestream(always=throttle)
        payloads = [message("d1"), message("x", "a"), message("y"), message("x", "b")]
        self.assertEqual(self.run_handler(event("{", *payloads[1:2], payloads[0], payloads[3])), ["101"])
        self.assertEqual([letter["sequenceNumber"] for letter in self.letters], ["100"])

    def test_a_dead_letter_that_is_not_saved_comes_again(self):
        self.clients["sqs"] = FakeQueue(fail=["1"])
        self.assertEqual(self.run_handler(event("{", message("d1"), "[1", message("d2"))), ["102"])
        self.assertEqual((self.counts["Received"], self.counts["Undecodable"], self.counts["Written"]), (2, 1, 1))
        self.clients["sqs"] = None
        self.assertEqual(self.run_handler(event(message("d1"), "{")), ["101"])

    def test_dead_letters_go_to_a_bucket_or_into_the_log(self):
        self.environment = {"DATABASE_NAME": "plant_db", "DEAD_LETTER_BUCKET": "letters", "DEAD_LETTER_PREFIX": "dead/"}
        self.run_handler(event("{", "}"))
        ((bucket, key),) = self.clients["s3"].objects
        self.assertEqual(bucket, "letters")
        self.assertEqual(key, f"dead/{handler.PIPELINE}/shardId-000000000001/100-101.jsonl")
        self.assertEqual(len(self.clients["s3"].objects[bucket, key]), 2)
        self.environment = {"DATABASE_NAME": "plant_db"}
        self.run_handler(event("{"))
        self.assertEqual([(line["log"], line["message"]) for line in self.log], [("a message was not written", "{")])

    def test_a_letter_that_is_too_long_for_the_queue_is_cut_there_and_whole_in_the_log(self):
        self.run_handler(event('"' + "x" * 300_000, *["{"] * 25))
        self.assertEqual(len(self.letters), 26)
        self.assertTrue(self.letters[0]["cut"])
        self.assertEqual(len(self.log[0]["message"]), 300_001)

    def test_a_failure_that_nobody_foresaw_concerns_one_message(self):
        self.assertEqual(self.run_handler(event("{}", message("d1"))), [])
        self.assertEqual((self.devices(), self.causes), (["d1"], {"failed": 1}))

    def test_a_pipeline_that_loses_count_is_an_error(self):
        with mock.patch.object(handler.pipeline, "run", lambda messages: []), self.assertRaises(RuntimeError):
            self.run_handler(event(message("d1")))


if __name__ == "__main__":
    unittest.main()
