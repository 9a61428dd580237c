import base64
import binascii
import json
import os
import time

import exact_json
import pipeline
import records
import timestream

# The pipeline whose work this is.
PIPELINE = "the pipeline's name"

# Settings come from the environment.
#   DATABASE_NAME          the Timestream database (the tables stand in records.py)
#   DEAD_LETTER_QUEUE_URL  an SQS queue for messages that cannot be written, or
#   DEAD_LETTER_BUCKET     an S3 bucket for them (this one counts when both are set), under
#   DEAD_LETTER_PREFIX     this prefix
#   METRICS_NAMESPACE      the CloudWatch namespace of the counts

# No request to Timestream is begun in the last seconds of the function: reporting takes time too.
RESERVE_SECONDS_MAX = 12.0

# SQS takes ten messages of together 256 KiB in one request.
QUEUE_ENTRIES_MAX = 10
QUEUE_BYTES_MAX = 200_000

# What becomes of a message. Each message ends in exactly one of these, and each is counted by exactly one of them.
UNDECODABLE = "undecodable"  # it is no JSON object
FILTERED = "filtered"  # an activity dropped it, as its definition says
REFUSED = "refused"  # the mapping has no record for it
COLLISION = "collision"  # it has the key of another message of the batch, and other values
DUPLICATE = "duplicate"  # it says the same as another message of the batch
# ... or timestream.WRITTEN, REJECTED, SUPERSEDED, UNDELIVERED.

# These are kept for a person to look at; all others have arrived, or were meant not to.
DEAD_LETTERS = (UNDECODABLE, REFUSED, COLLISION, timestream.REJECTED)

_clients = {}


class Message:
    """One message of the batch, and what became of it."""

    def __init__(self, source, text, value=None, element=None):
        self.source = source  # the place of its stream record in the event
        self.element = element  # its place in the JSON array that the stream record holds, if so
        self.text = text  # as it came
        self.value = value
        self.mapped = None
        self.others = []  # messages of the batch with the same key
        self.state = None
        self.cause = None  # a code: the activity, the refusal, the cause of the rejection
        self.column = None
        self.reason = None

    def end(self, state, cause=None, reason=None, column=None):
        self.state, self.cause, self.reason, self.column = state, cause, reason, column


def lambda_handler(event, context):
    """One batch of the stream. Answers which stream record is the first that must be handed out again, if any."""
    sources = sources_of(event)
    messages = [message for at, source in enumerate(sources) for message in decode(at, source)]
    counts = {}
    run_pipeline(messages)
    make_records(messages, counts)
    write(messages, context, counts)

    first_open = first_undelivered(messages)
    settled = [message for message in messages if first_open is None or message.source < first_open]
    # What is handed out again is judged again: only what is settled is reported, so that nothing is reported twice.
    first_unsaved = save_dead_letters([message for message in settled if message.state in DEAD_LETTERS], sources)
    if first_unsaved is not None:
        first_open = with_whole_groups(messages, first_unsaved)
        settled = [message for message in settled if message.source < first_open]
    report(settled, len(messages) - len(settled), counts)

    if first_open is None:
        return {"batchItemFailures": []}
    sequence_number = sources[first_open].get("sequenceNumber")
    if sequence_number is None:
        # Nobody holds a message that came by a direct invocation; an error makes the caller try again.
        raise RuntimeError("not every message could be delivered, see the log")
    return {"batchItemFailures": [{"itemIdentifier": sequence_number}]}


# --- the event


def sources_of(event):
    """The stream records of a Kinesis event: data and where it stands. Any other event is taken as the message itself."""
    stream_records = event.get("Records") if isinstance(event, dict) else None
    if isinstance(stream_records, list) and stream_records and all(_is_stream_record(one) for one in stream_records):
        return [_source(one) for one in stream_records]
    # Invoked directly, by a rule's lambda action or by hand. Lambda has parsed the JSON already, so a number has lost the text that
    # the device wrote (1.50 is 1.5 here); through the stream it keeps it.
    return [{"text": json.dumps(event, ensure_ascii=False)}]


def _is_stream_record(one):
    return isinstance(one, dict) and isinstance(one.get("kinesis"), dict) and isinstance(one["kinesis"].get("data"), str)


def _source(one):
    kinesis = one["kinesis"]
    return {
        "data": kinesis["data"],
        "sequenceNumber": kinesis.get("sequenceNumber"),
        "partitionKey": kinesis.get("partitionKey"),
        "stream": str(one.get("eventSourceARN", "")).rpartition("/")[2],
        "shard": str(one.get("eventID", "")).partition(":")[0],
    }


def decode(at, source):
    """The messages of one stream record: one object, or the objects of an array (a rule in batch mode sends those)."""
    try:
        text = source["text"] if "text" in source else _payload(source["data"])
    except ValueError as error:
        message = Message(at, source["data"])
        message.end(UNDECODABLE, "not_text", str(error))
        return [message]
    try:
        value = exact_json.loads(text)
    except ValueError as error:
        message = Message(at, text)
        message.end(UNDECODABLE, "not_json", str(error))
        return [message]
    if not isinstance(value, list):
        return [_object(Message(at, text, value))]
    return [_object(Message(at, exact_json.dumps(one), one, element)) for element, one in enumerate(value)]


def _payload(data):
    """The text of a payload. Kinesis hands data out in base64: reading it as JSON without decoding it is a classic mistake."""
    data = data.strip()
    if data[:1] in ("{", "["):
        # No base64 begins like this: a hand-made test event with plain JSON.
        return data
    try:
        payload = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the data is not base64: {error}") from error
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the payload is not UTF-8: {error.reason} at byte {error.start}") from error


def _object(message):
    if not isinstance(message.value, dict):
        message.end(UNDECODABLE, "not_an_object", "a message is a JSON object")
    return message


# --- from messages to records


def run_pipeline(messages):
    """The activities. Forgetting the filter here is how rows come into a table that the old datastore never had."""
    alive = [message for message in messages if message.state is None]
    if not alive:
        return
    outcomes = pipeline.run([message.value for message in alive])
    if len(outcomes) != len(alive):
        raise RuntimeError(f"the pipeline was given {len(alive)} messages and answered about {len(outcomes)}")
    for message, (verdict, what) in zip(alive, outcomes):
        if verdict == "kept":
            message.value = what
        else:
            message.end(FILTERED, what)


def make_records(messages, counts):
    """The mapping: every column that it names goes into the record (the humidity too), and the time is the event's own, never now."""
    for message in messages:
        if message.state is not None:
            continue
        try:
            mapped = records.map_message(message.value)
        except records.Refused as refused:
            message.end(REFUSED, refused.code, refused.detail, refused.column)
            continue
        except Exception as error:  # One message that nobody foresaw does not stop the stream.
            message.end(REFUSED, "failed", f"{type(error).__name__}: {error}")
            continue
        counts["omitted"] = counts.get("omitted", 0) + len(mapped.omitted)
        message.mapped = mapped
        unfit = timestream.unfit(mapped.record)
        if unfit is not None:
            message.end(REFUSED, "unfit", unfit)


def write(messages, context, counts):
    """Writes what is left, and notes what became of it."""
    ready = [message for message in messages if message.state is None]
    verdicts = timestream.collisions(_rows(ready), [message.mapped.collisions for message in ready])
    for message, verdict in zip(ready, verdicts):
        if verdict is None:
            continue
        what, others = verdict
        message.others = [ready[other] for other in others]
        state = DUPLICATE if what == "duplicate" else COLLISION
        named = ", ".join(sorted({str(other.source) for other in message.others})[:3])
        message.end(state, None, f"it has the key of the stream records {named} of its batch")
    sending = [message for message in ready if message.state is None]
    if not sending:
        return
    outcomes = timestream.write(timestream_client(), database_name(), _rows(sending), _seconds_left(context), counts)
    for message, outcome in zip(sending, outcomes):
        message.end(outcome.state, outcome.cause, outcome.reason)


def _rows(messages):
    return [(message.mapped.table, message.mapped.record) for message in messages]


def _seconds_left(context):
    """How long requests may still be begun, asked again and again."""
    if not hasattr(context, "get_remaining_time_in_millis"):
        end = time.monotonic() + 60
        return lambda: end - time.monotonic()
    reserve = min(RESERVE_SECONDS_MAX, context.get_remaining_time_in_millis() / 3000)
    return lambda: context.get_remaining_time_in_millis() / 1000 - reserve


def first_undelivered(messages):
    """The first stream record with a message that must come again, or None. The stream hands out everything from there on."""
    first = None
    for message in messages:
        if message.state == timestream.UNDELIVERED and (first is None or message.source < first):
            first = message.source
            log("not delivered, the stream hands it out again", cause=message.cause, reason=message.reason)
    return None if first is None else with_whole_groups(messages, first)


def with_whole_groups(messages, first):
    """The stream record to go on from, no later than `first`, that tears no group of colliding messages apart.

    Under the policy "quarantine" none of them is written; one that came again alone would be.
    """
    moved = True
    while moved:
        moved = False
        for message in messages:
            is_held_back = message.state == COLLISION and message.mapped.collisions == "quarantine"
            if is_held_back and message.source < first and any(other.source >= first for other in message.others):
                first, moved = message.source, True
    return first


# --- what must not be lost


def save_dead_letters(messages, sources):
    """Keeps messages that were not written, with their reason and place. Gives the first stream record where that failed, or None."""
    letters = [(message.source, dead_letter(message, sources[message.source])) for message in messages]
    if not letters:
        return None
    try:
        if os.environ.get("DEAD_LETTER_BUCKET"):
            return _save_in_bucket(letters, sources)
        if os.environ.get("DEAD_LETTER_QUEUE_URL"):
            return _save_in_queue(letters)
    except Exception as error:
        log("dead letters were not saved", error=f"{type(error).__name__}: {error}")
        return letters[0][0]
    for _source_at, letter in letters:
        log("a message was not written", **letter)
    return None


def dead_letter(message, source):
    """What is kept of a message that was not written."""
    place = {field: source.get(field) for field in ("stream", "shard", "sequenceNumber", "partitionKey")}
    why = {"state": message.state, "cause": message.cause, "column": message.column, "reason": message.reason}
    record = message.mapped.record if message.mapped else None
    return {"pipeline": PIPELINE, **why, **place, "element": message.element, "message": message.text, "record": record}


def _save_in_bucket(letters, sources):
    # The same batch has the same name, so that handing it out again keeps one copy.
    first, last = sources[letters[0][0]], sources[letters[-1][0]]
    name = f"{first.get('shard') or 'direct'}/{first.get('sequenceNumber') or time.time_ns()}-{last.get('sequenceNumber') or 0}.jsonl"
    key = f"{os.environ.get('DEAD_LETTER_PREFIX', '')}{PIPELINE}/{name}"
    body = "".join(json.dumps(letter) + "\n" for _source_at, letter in letters)
    client("s3").put_object(Bucket=os.environ["DEAD_LETTER_BUCKET"], Key=key, Body=body.encode(), ContentType="application/x-ndjson")
    return None


def _save_in_queue(letters):
    for batch in _queue_batches(letters):
        entries = [{"Id": str(at), "MessageBody": body} for at, (_source_at, body) in enumerate(batch)]
        answer = client("sqs").send_message_batch(QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"], Entries=entries)
        failed = answer.get("Failed") or []
        if failed:
            log("dead letters were not taken by the queue", failed=len(failed), reason=str(failed[0].get("Message")))
            return min(batch[int(one["Id"])][0] for one in failed)
    return None


def _queue_batches(letters):
    batch, size = [], 0
    for source_at, letter in letters:
        body = json.dumps(letter)
        if len(body) > QUEUE_BYTES_MAX:
            # The stream still holds the payload under its sequence number; the log holds it for longer.
            log("a message was not written, and is too long for the queue", **letter)
            body = json.dumps({**letter, "message": letter["message"][:10_000], "record": None, "cut": True})
        if batch and (len(batch) == QUEUE_ENTRIES_MAX or size + len(body) > QUEUE_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append((source_at, body))
        size += len(body)
    if batch:
        yield batch


# --- what is counted


def report(settled, undelivered, counts):
    """Counts as CloudWatch metrics, through the log (embedded metric format). Received = the sum of all states."""
    by_state = {}
    by_cause = {}
    for message in settled:
        by_state[message.state] = by_state.get(message.state, 0) + 1
        if message.cause is not None:
            by_cause[message.state, message.cause] = by_cause.get((message.state, message.cause), 0) + 1
    _metrics(
        {},
        {
            "Received": len(settled),
            "Undecodable": by_state.get(UNDECODABLE, 0),
            "Filtered": by_state.get(FILTERED, 0),
            "Refused": by_state.get(REFUSED, 0),
            "Collisions": by_state.get(COLLISION, 0),
            "Duplicates": by_state.get(DUPLICATE, 0),
            "Rejected": by_state.get(timestream.REJECTED, 0),
            "Superseded": by_state.get(timestream.SUPERSEDED, 0),
            "Written": by_state.get(timestream.WRITTEN, 0),
            # Not states: late ones are among the rejected, undelivered ones come again and are received then.
            "Late": by_cause.get((timestream.REJECTED, timestream.LATE), 0),
            "Undelivered": undelivered,
            "OmittedValues": counts.get("omitted", 0),
            "Requests": counts.get("requests", 0),
            "Retries": counts.get("retries", 0),
            "Throttles": counts.get("throttles", 0),
        },
    )
    # One more metric tells why: by activity, by code of the refusal, by cause of the rejection.
    for (state, cause), count in by_cause.items():
        _metrics({"State": state, "Cause": cause[:250]}, {"Messages": count})


def _metrics(dimensions, metrics):
    dimensions = {"Pipeline": PIPELINE, **dimensions}
    described = [{"Name": name, "Unit": "Count"} for name in metrics]
    namespace = os.environ.get("METRICS_NAMESPACE", "iota2ts")
    directive = {"Namespace": namespace, "Dimensions": [list(dimensions)], "Metrics": described}
    print(json.dumps({"_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}, **dimensions, **metrics}))


def log(what, **fields):
    print(json.dumps({"log": what, **fields}, default=str))


# --- clients


def database_name():
    return os.environ["DATABASE_NAME"]


def timestream_client():
    if "timestream-write" not in _clients:
        import boto3
        from botocore.config import Config

        # One call is one attempt: timestream.py decides when to ask again. Endpoint discovery is boto3's.
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=8)
        _clients["timestream-write"] = boto3.client("timestream-write", config=config)
    return _clients["timestream-write"]


def client(service):
    if service not in _clients:
        import boto3

        _clients[service] = boto3.client(service)
    return _clients[service]
