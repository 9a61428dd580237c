"""Records brought to Amazon Timestream, however often that takes within the time given, until every one of them has an outcome.

- At most 100 records go in one request, so the records of a batch are split.
- One record that is malformed has the service refuse its whole request: records are checked before they are sent, and a request
  that is refused all the same is halved until the culprit stands alone.
- A throttle and a broken answer are asked again after a pause, while there is time. What is still open then is `undelivered`: the
  stream keeps it, and hands it out again.
- Writing a record again under the same version changes nothing, so asking twice never makes two rows.
- RejectedRecordsException means that the other records of the request are stored. Each rejected one is told by its cause.
"""

import math
import random
import re
import time

import instants

RECORDS_PER_REQUEST_MAX = 100

# Limits of one record (Timestream quotas), in bytes of UTF-8 unless a name says otherwise.
DIMENSIONS_MAX = 128
MEASURES_MAX = 256
DIMENSION_NAME_BYTES_MAX = 60
MEASURE_NAME_BYTES_MAX = 256
DIMENSIONS_BYTES_MAX = 2048
STRING_BYTES_MAX = 2048
MEASURE_VALUES_BYTES_MAX = 2048

# What becomes of a record.
WRITTEN = "written"
REJECTED = "rejected"
SUPERSEDED = "superseded"
UNDELIVERED = "undelivered"

# Why a record is rejected.
LATE = "late"
FUTURE = "future"
OUTSIDE_WINDOW = "outside_window"
CONFLICT = "conflict"
TYPE_CONFLICT = "type_conflict"
INVALID = "invalid"
OTHER = "other"

# Pauses in seconds: the first, which doubles with every attempt, and the longest. A throttle of the memory store passes while one
# keeps sending, because the service scales up; the magnetic store wants less traffic.
MEMORY_THROTTLE = (0.05, 2.0)
MAGNETIC_THROTTLE = (0.5, 20.0)
NO_ANSWER = (0.2, 5.0)

# A request is asked so many times at most, however much time there is.
ATTEMPTS_MAX = 12

_THROTTLES = {"ThrottlingException", "TooManyRequestsException", "Throttling"}
_NO_ANSWERS = {"InternalServerException", "InternalFailure", "InvalidEndpointException", "ServiceUnavailableException"}
_INVALID = {"ValidationException", "SerializationException", "ParamValidationError"}
# Only a person can mend these: nothing is asked again.
_FINAL = {
    "AccessDeniedException",
    "ConflictException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "NoCredentialsError",
    "NoRegionError",
    "PartialCredentialsError",
    "ResourceNotFoundException",
    "ServiceQuotaExceededException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}


class Outcome:
    """What became of one record: its state, the cause where it was rejected, and the service's own words."""

    def __init__(self, state, cause=None, reason=None):
        self.state = state
        self.cause = cause
        self.reason = reason

    def __repr__(self):
        return f"Outcome({self.state}, {self.cause}, {self.reason})"


def write(client, database, rows, seconds_left, counts, sleep=time.sleep, jitter=random.random):
    """Writes rows, pairs of a table and a record, and gives an outcome for each, in their order.

    `seconds_left` is asked before every request: none is begun when it says zero or less. `counts` is a dictionary in which
    `requests`, `retries` and `throttles` are counted. After the first request that stays open nothing more is sent.
    """
    outcomes = [None] * len(rows)
    sender = _Sender(client, database, seconds_left, counts, sleep, jitter)
    # The last chunk is the next: halves of a refused request go out in order.
    chunks = list(reversed(_chunks(rows)))
    while chunks:
        chunk = chunks.pop()
        table = rows[chunk[0]][0]
        records = [rows[at][1] for at in chunk]
        try:
            answers = sender.send(table, records)
        except _Invalid as invalid:
            if len(chunk) > 1:
                middle = len(chunk) // 2
                chunks += [chunk[middle:], chunk[:middle]]
                continue
            answers = [Outcome(REJECTED, INVALID, invalid.reason)]
        except _Open as still_open:
            undelivered = Outcome(UNDELIVERED, still_open.cause, still_open.reason)
            return [outcome or undelivered for outcome in outcomes]
        for at, answer in zip(chunk, answers):
            outcomes[at] = answer
    return outcomes


def _chunks(rows):
    """The places of rows of one table, at most 100 at a time, in the order in which each chunk begins."""
    chunks = []
    filling = {}
    for at, (table, _record) in enumerate(rows):
        chunk = filling.get(table)
        if chunk is None or len(chunk) == RECORDS_PER_REQUEST_MAX:
            chunk = filling[table] = []
            chunks.append(chunk)
        chunk.append(at)
    return chunks


class _Invalid(Exception):
    """The whole request was refused because of something in it; nothing of it is stored."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class _Open(Exception):
    """A request without an answer that counts, and no time or no use to ask again."""

    def __init__(self, cause, reason):
        super().__init__(reason)
        self.cause = cause
        self.reason = reason


class _Sender:
    def __init__(self, client, database, seconds_left, counts, sleep, jitter):
        self.client = client
        self.database = database
        self.seconds_left = seconds_left
        self.counts = counts
        self.sleep = sleep
        self.jitter = jitter

    def send(self, table, records):
        """One request, asked until there is an answer about every record."""
        request = request_of(self.database, table, records)
        attempt = 0
        fault = _Open("no_time", "there was no time left to begin the request")
        while self.seconds_left() > 0:
            self._count("requests")
            try:
                self.client.write_records(**request)
                return [Outcome(WRITTEN)] * len(records)
            except Exception as error:
                code, reason = _code(error), _one_line(error)
                if code == "RejectedRecordsException":
                    answers = _rejections(error, records)
                    if answers is not None:
                        return answers
                    reason = "records were rejected, and the answer does not say which"
                elif code in _INVALID:
                    raise _Invalid(reason) from error
                elif code in _FINAL:
                    raise _Open(code, reason) from error
                fault = _Open(code, reason)
            pause = self._pause(fault, attempt)
            attempt += 1
            if attempt == ATTEMPTS_MAX or pause >= self.seconds_left():
                break
            self.sleep(pause)
            self._count("retries")
        raise fault

    def _pause(self, fault, attempt):
        first, longest = NO_ANSWER
        if fault.cause in _THROTTLES:
            self._count("throttles")
            first, longest = MAGNETIC_THROTTLE if "magnetic" in fault.reason.lower() else MEMORY_THROTTLE
        # Anything between nothing and the doubled pause, so that many functions do not come back together.
        return min(first * 2 ** min(attempt, 30), longest) * self.jitter()

    def _count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1


def request_of(database, table, records):
    """The request. What all its records share is said once, as that is cheaper."""
    common = {"MeasureValueType": "MULTI", "TimeUnit": "NANOSECONDS", "Version": records[0]["Version"]}
    if all(record["MeasureName"] == records[0]["MeasureName"] for record in records):
        common["MeasureName"] = records[0]["MeasureName"]
    slim = [{field: value for field, value in record.items() if common.get(field) != value} for record in records]
    return {"DatabaseName": database, "TableName": table, "CommonAttributes": common, "Records": slim}


# --- what the service answers


def _code(error):
    """The service's error code, or the name of the exception when the service never answered."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return type(error).__name__
    code = response.get("Error", {}).get("Code", "")
    if code in _THROTTLES | _NO_ANSWERS | _INVALID | _FINAL or code == "RejectedRecordsException":
        return code
    # A code that is not known here: the status says what kind it is.
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    by_status = {429: "ThrottlingException", 400: "ValidationException", 413: "ValidationException", 401: "AccessDeniedException"}
    by_status |= {403: "AccessDeniedException", 404: "ResourceNotFoundException", 402: "ServiceQuotaExceededException"}
    return by_status.get(status, code or "no code")


def _rejections(error, records):
    """An outcome for each record of a request of which some were rejected; None when the answer does not say which."""
    rejected = error.response.get("RejectedRecords") or []
    outcomes = [Outcome(WRITTEN)] * len(records)
    for one in rejected:
        at = one.get("RecordIndex", -1)
        if not 0 <= at < len(records):
            return None
        if outcomes[at].state == WRITTEN:
            outcomes[at] = _rejection(records[at], one.get("Reason") or "no reason given", one.get("ExistingVersion"))
    return outcomes if rejected else None


def _rejection(record, reason, existing_version):
    """Reads the cause off the words, which is all that the service gives."""
    words = reason.lower()
    if "outside the time range" in words:
        return Outcome(REJECTED, _side_of_window(int(record["Time"]), reason), reason)
    if "already exists with the same time" in words:
        # The same key and version with another value: the first that came stays, and this one is a loss unless it is kept elsewhere.
        return Outcome(REJECTED, CONFLICT, reason)
    if existing_version is not None or "lower than the existing version" in words:
        # Somebody wrote this record under a higher version: what is there is newer, and nothing is lost.
        if existing_version is None or existing_version >= record["Version"]:
            return Outcome(SUPERSEDED, None, reason)
        return Outcome(REJECTED, CONFLICT, reason)
    if "type" in words:
        # A measure has one type per table for ever. No text of the service for this is documented.
        return Outcome(REJECTED, TYPE_CONFLICT, reason)
    return Outcome(REJECTED, OTHER, reason)


def _side_of_window(time_nanos, reason):
    """Whether a record came too late or is of the future, by the window that the service states as `[from, to)`."""
    stated = re.search(r"\[([^,\])]+),([^,\])]+)[\])]", reason)
    bounds = [_milliseconds(bound.strip()) for bound in stated.groups()] if stated else [None, None]
    if bounds[0] is not None and time_nanos < bounds[0] * 1_000_000:
        return LATE
    if bounds[1] is not None and time_nanos >= bounds[1] * 1_000_000:
        return FUTURE
    return OUTSIDE_WINDOW


def _milliseconds(text):
    instant = instants.iso8601(text)
    return None if instant is None else instant // 1_000_000


def _one_line(error):
    text = " ".join(str(error).split())
    return text if len(text) <= 600 else text[:600] + "…"


# --- before sending


def unfit(record):
    """Why the service could not take a record, or None. It would refuse the other 99 with it."""
    dimensions, measures = record["Dimensions"], record["MeasureValues"]
    names = [(one["Name"], DIMENSION_NAME_BYTES_MAX) for one in dimensions] + [(one["Name"], MEASURE_NAME_BYTES_MAX) for one in measures]
    if not 1 <= len(dimensions) <= DIMENSIONS_MAX:
        return f"it has {len(dimensions)} dimensions; 1 to {DIMENSIONS_MAX} are allowed"
    if not 1 <= len(measures) <= MEASURES_MAX:
        return f"it has {len(measures)} measures; 1 to {MEASURES_MAX} are allowed"
    if len({name for name, _limit in names}) < len(names):
        return "a name stands for two columns"
    for name, limit in names:
        if not 1 <= _bytes(name) <= limit or _is_reserved(name):
            return f"{name!r} is no name for a column"
    if not 1 <= _bytes(record["MeasureName"]) <= MEASURE_NAME_BYTES_MAX:
        return "its measure name is empty or too long"
    if any(one["Value"] == "" for one in dimensions):
        return "a dimension is empty"
    size = sum(_bytes(one["Name"]) + _bytes(one["Value"]) for one in dimensions)
    if size > DIMENSIONS_BYTES_MAX:
        return f"names and values of its dimensions have {size} bytes; {DIMENSIONS_BYTES_MAX} are allowed"
    if any(not 1 <= _bytes(one["Value"]) <= STRING_BYTES_MAX for one in measures):
        return f"a measure is empty or has more than {STRING_BYTES_MAX} bytes"
    if any(one["Type"] == "DOUBLE" and not math.isfinite(float(one["Value"])) for one in measures):
        return "a measure is not a finite number"
    size = sum(_bytes(one["Value"]) if one["Type"] == "VARCHAR" else 1 if one["Type"] == "BOOLEAN" else 8 for one in measures)
    if size > MEASURE_VALUES_BYTES_MAX:
        return f"its measure values have {size} bytes; {MEASURE_VALUES_BYTES_MAX} are allowed"
    return None


def _is_reserved(name):
    return name in ("time", "ts_non_existent_col") or name.startswith(("ts_", "measure_name", "measure_value"))


def _bytes(text):
    return len(text.encode())


# --- records with the same key: dimensions, measure name and time


def collisions(rows, policies):
    """For each row, a pair of a table and a record: None when it is sent, or ("duplicate" | "collision", places of the other rows).

    A row that says the same as another is a duplicate. Where rows of one key differ, the policy decides (one for each row), as in
    the backfill: "keep_first" and "keep_last" send one, "quarantine" sends none. This sees one batch. Across batches Timestream itself
    keeps the first, and rejects the second as a conflict, whatever the policy.
    """
    places = {}
    for at, (table, record) in enumerate(rows):
        dimensions = tuple((one["Name"], one["Value"]) for one in record["Dimensions"])
        places.setdefault((table, dimensions, record["MeasureName"], record["Time"]), []).append(at)
    verdicts = [None] * len(rows)
    for sharing in places.values():
        if len(sharing) > 1:
            _judge(rows, sharing, policies[sharing[0]], verdicts)
    return verdicts


def _judge(rows, sharing, policy, verdicts):
    contents = {at: frozenset((one["Name"], one["Type"], one["Value"]) for one in rows[at][1]["MeasureValues"]) for at in sharing}
    kept = contents[sharing[0]] if policy == "keep_first" else contents[sharing[-1]] if policy == "keep_last" else None
    if len(set(contents.values())) == 1:
        kept = contents[sharing[0]]
    sent = None
    for at in sharing:
        if contents[at] != kept:
            verdicts[at] = ("collision", [other for other in sharing if contents[other] != contents[at]])
        elif sent is None:
            sent = at
        else:
            verdicts[at] = ("duplicate", [sent])
