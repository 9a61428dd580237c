"""Messages to records: what `records.py` is written with.

One message becomes one record of Timestream, or is refused for one reason. The backfill of the history follows the same rules, to
the byte, so that what both write is the same record and writing it twice changes nothing.

- A null and a missing value are the same: the measure or dimension is left out.
- A number keeps the text in which the device wrote it until it is given a type here: 9007199254740993 stays that.
- A top-level name is found exactly, or by the one known name that differs in case only.
- Every value that a policy leaves out or cuts is noted in `omitted`; every refused message has a code and its column.
"""

import fractions
import json
import re

import instants
from exact_json import Number

# Limits of WriteRecords, in bytes of UTF-8: one string, all measure values of a record, names and values of its dimensions.
STRING_BYTES_MAX = 2048
MEASURE_VALUES_BYTES_MAX = 2048
DIMENSIONS_BYTES_MAX = 2048

# How much of a value a reason shows, in characters.
EXCERPT_CHARS_MAX = 60

_NON_FINITE = ("NaN", "Infinity", "-Infinity")
_EXPONENT = re.compile(r"[eE]\+?(?=[0-9])|E(?=-)")
_CUT = "string cut to fit"


class Refused(Exception):
    """Why a message becomes no record: a stable code, the column it is about (or None), and one line for people."""

    def __init__(self, code, column, detail):
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.column = column
        self.detail = detail


class Mapped:
    """A message as a record: its table, the record as WriteRecords takes it, what was left out, and the table's collision policy."""

    def __init__(self, table, record, omitted, collisions):
        self.table = table
        self.record = record
        self.omitted = omitted
        self.collisions = collisions


# --- which column a value belongs to


class _Node:
    def __init__(self):
        self.names = {}
        self.elements = {}
        self.column = None
        self.ignored = False

    def descend(self, path):
        node = self
        for step in path:
            inside = node.names if isinstance(step, str) else node.elements
            node = inside.setdefault(step, _Node())
        return node


class Columns:
    """The columns that a mapping knows: `read` by their names, each with its way into a message, and those left behind on purpose."""

    def __init__(self, read, ignored, empty_strings):
        self.root = _Node()
        # An empty string is as good as a null.
        self.empty_is_void = empty_strings == "omit"
        for column, path in read.items():
            self.root.descend(path).column = column
        for path in ignored:
            self.root.descend(path).ignored = True
        # Known top-level names by their lower-case form; None where two share one.
        self.by_lower_case = {}
        for name in self.root.names:
            lower = name.lower()
            self.by_lower_case[lower] = None if lower in self.by_lower_case else name

    def find(self, message):
        """The values by column, and the first column that the mapping does not know (or None)."""
        found = _Found(self.empty_is_void)
        for name, value in message.items():
            node = self.root.names.get(name)
            if node is None:
                if _is_partition_column(name):
                    continue
                node = self._other_spelling(name, message)
                if node is not None and node.column is not None and node.column in found.values:
                    node = None
            if node is not None:
                found.visit(node, value, (name,), tolerant=False)
            elif not found.is_void(value):
                found.not_known((name,))
        return found.values, found.unknown

    def _other_spelling(self, name, message):
        known = self.by_lower_case.get(name.lower())
        return None if known is None or known in message else self.root.names[known]


class _Found:
    def __init__(self, empty_is_void):
        self.values = {}
        self.unknown = None
        self.empty_is_void = empty_is_void

    def visit(self, node, value, path, tolerant):
        """Takes the value, or what lies inside it. `tolerant`: something above is ignored, so what is not known here is too."""
        tolerant = tolerant or node.ignored
        if value is None:
            return
        if isinstance(value, dict) and node.names:
            for name, inner in value.items():
                self._visit_inside(node.names.get(name), inner, path + (name,), tolerant)
        elif isinstance(value, list) and node.elements:
            for index, inner in enumerate(value):
                # An element goes by the name of its array.
                self._visit_inside(node.elements.get(index), inner, path, tolerant)
        elif node.column is not None:
            self.values[node.column] = value
        elif not tolerant and not self.is_void(value):
            self.not_known(path)

    def _visit_inside(self, node, value, path, tolerant):
        if node is not None:
            self.visit(node, value, path, tolerant)
        elif not tolerant and not self.is_void(value):
            self.not_known(path)

    def is_void(self, value):
        """Whether a value says nothing: leaving it behind loses nothing."""
        if value is None:
            return True
        if isinstance(value, str):
            return self.empty_is_void and value == ""
        return isinstance(value, dict) and all(self.is_void(inner) for inner in value.values())

    def not_known(self, path):
        if self.unknown is None:
            self.unknown = ".".join(re.sub(r"([.\[\]\\])", r"\\\1", name) for name in path)


def _is_partition_column(name):
    """Columns that IoT Analytics adds by itself. They say when it stored a row, not when the event was."""
    return name in ("__dt", "__year", "__month", "__day", "__hour") or name.startswith("__partition_")


class Routes:
    """Which of a store's mappings takes a message: by the text in one column, found as every column is. A message whose value no
    mapping takes, or that has none, goes to `otherwise`; where there is none it is refused."""

    def __init__(self, column, path, by_value, *, otherwise):
        self.column = column
        self.columns = Columns({column: path}, [], "omit")
        self.by_value = by_value
        self.otherwise = otherwise

    def taker_of(self, message):
        values, _ = self.columns.find(message)
        value = values.get(self.column)
        taker = self.otherwise if value is None else self.by_value.get(text_of(value), self.otherwise)
        if taker is None:
            what = "missing, null or empty" if value is None or value == "" else _excerpt(value)
            raise Refused("no_route", self.column, f"the routing column {_shown(self.column)} is {what}, which no route takes")
        return taker


# --- a message under the policies of its mapping


class Policies:
    """What is done with values that have no single right answer: "omit" or "quarantine" (refuse the message), unless said otherwise.

    `oversize_strings`: "quarantine" or "truncate"; `missing_dimension`: "omit", "quarantine" or "fill" (with the text `fill`);
    `unknown_column`: "quarantine" or "ignore".
    """

    def __init__(self, *, empty_strings, non_finite, oversize_strings, missing_dimension, wrong_type, unknown_column, fill=None):
        self.empty_strings = empty_strings
        self.non_finite = non_finite
        self.oversize_strings = oversize_strings
        self.missing_dimension = missing_dimension
        self.wrong_type = wrong_type
        self.unknown_column = unknown_column
        self.fill = fill


class Row:
    """One message. Its methods are called in the order time, dimensions, measures; the first reason to refuse it is raised."""

    def __init__(self, message, columns, policies):
        self.policies = policies
        # Values that did not arrive, or not whole, because a policy says so: (measure or dimension, why).
        self.omitted = []
        self.values, unknown = columns.find(message)
        if unknown is not None and policies.unknown_column == "quarantine":
            raise Refused("unknown_column", unknown, f"the mapping does not name the column {_shown(unknown)}")

    def time(self, column, read):
        """The event's own time, in nanoseconds."""
        value = self.values.get(column)
        if value is None or value == "":
            raise Refused("no_time", column, f"the time column {_shown(column)} is missing, null or empty")
        instant = read(value)
        if instant is None:
            raise Refused("bad_time", column, f"the time column {_shown(column)}: {_excerpt(value)} is no instant in its format")
        return instant

    def dimensions(self, *rules):
        """The dimensions, from pairs of a dimension and its column."""
        dimensions = []
        for name, column in rules:
            text = self._dimension(name, column)
            if text is not None:
                dimensions.append({"Name": name, "Value": text})
        if not dimensions:
            raise Refused("no_dimension", None, "no dimension has a value, and Timestream needs at least one")
        size = sum(_bytes(dimension["Name"]) + _bytes(dimension["Value"]) for dimension in dimensions)
        if size > DIMENSIONS_BYTES_MAX:
            raise Refused("dimensions_too_large", None, f"the dimensions take {size} bytes; {DIMENSIONS_BYTES_MAX} are the limit")
        return dimensions

    def _dimension(self, name, column):
        value = self.values.get(column)
        missing = self.policies.missing_dimension
        if value == "":
            if self.policies.empty_strings == "quarantine":
                raise Refused("empty_string", column, f"the dimension {_shown(column)} is an empty string")
            if missing == "omit":
                self.omitted.append((name, "empty string"))
            value = None
        if value is not None:
            return text_of(value)
        if missing == "quarantine":
            raise Refused("missing_dimension", column, f"the dimension {_shown(column)} is missing")
        return self.policies.fill if missing == "fill" else None

    def measures(self, *rules):
        """The measure values, from triples of a measure, its type and its column."""
        measures = []
        for name, kind, column in rules:
            value = self.values.get(column)
            text = None if value is None else self._measure(name, kind, column, value)
            if text is not None:
                measures.append({"Name": name, "Value": text, "Type": kind.name})
        if not measures:
            raise Refused("no_measure", None, "no measure has a value, and Timestream needs at least one")
        size = sum(measure_bytes(measure) for measure in measures)
        if size > MEASURE_VALUES_BYTES_MAX and not (self.policies.oversize_strings == "truncate" and self._cut_to_fit(measures, size)):
            detail = f"the values of the measures take {size} bytes; {MEASURE_VALUES_BYTES_MAX} are the limit of a record"
            raise Refused("record_too_large", None, detail)
        return measures

    def _measure(self, name, kind, column, value):
        text = None if value == "" else kind.read(value)
        if text is not None:
            return self._string(name, column, text) if kind is varchar else text
        if value == "":
            code, policy, why = "empty_string", self.policies.empty_strings, "empty string"
        elif value in _NON_FINITE:
            code, policy, why = "non_finite", self.policies.non_finite, "not a finite number"
        else:
            code, policy, why = "wrong_type", self.policies.wrong_type, "not of the measure's type"
        if policy == "omit":
            self.omitted.append((name, why))
            return None
        raise Refused(code, column, f"{_shown(column)} is {_excerpt(value)}, which is no {kind.name}")

    def _string(self, name, column, text):
        size = _bytes(text)
        if size <= STRING_BYTES_MAX:
            return text
        if self.policies.oversize_strings == "quarantine":
            raise Refused("oversize_string", column, f"{_shown(column)} has {size} bytes; {STRING_BYTES_MAX} are the limit of a string")
        self.omitted.append((name, _CUT))
        return _truncated(text, STRING_BYTES_MAX)

    def _cut_to_fit(self, measures, size):
        """Cuts the longest string, the first among equals, until the values fit; false when no cutting helps."""
        while size > MEASURE_VALUES_BYTES_MAX:
            strings = [measure for measure in measures if measure["Type"] == varchar.name]
            if not strings:
                return False
            longest = max(strings, key=lambda measure: _bytes(measure["Value"]))
            before = _bytes(longest["Value"])
            longest["Value"] = _truncated(longest["Value"], max(before - (size - MEASURE_VALUES_BYTES_MAX), 0))
            if longest["Value"] == "":
                return False
            size -= before - _bytes(longest["Value"])
            if (longest["Name"], _CUT) not in self.omitted:
                self.omitted.append((longest["Name"], _CUT))
        return True


# --- values by type: each `read` gives the text on the wire, or None when the value is not of the type


class Kind:
    def __init__(self, name, read):
        self.name = name
        self.read = read


def _number_text(value):
    return value.text if isinstance(value, Number) else value if isinstance(value, str) else None


def _double(value):
    """The nearest double of any number that does not overflow. Minus zero is zero: the target knows one zero only."""
    text = _number_text(value)
    if text is None or not instants.is_number(text):
        return None
    double = float(text)
    if double in (float("inf"), float("-inf")):
        return None
    return "0" if double == 0 else double_text(double)


def double_text(double):
    """The shortest text that reads back as the same double, exponents without `+` and leading zeros."""
    mantissa, mark, exponent = repr(double).partition("e")
    if len(mantissa) > 16 and mantissa[-1] in "02468":
        # Two texts of 16 digits can be equally short and equally close. Python takes the even one, the backfill the one further
        # from zero: the same double, but the same text is better.
        further = mantissa[:-1] + chr(ord(mantissa[-1]) + 1)
        between = fractions.Fraction(mantissa + mark + exponent) + fractions.Fraction(further + mark + exponent)
        if between == 2 * fractions.Fraction(double) and float(further + mark + exponent) == double:
            mantissa = further
    return f"{mantissa}e{int(exponent)}" if mark else mantissa


def _bigint(value):
    """Whole numbers however they are written (`27`, `27.0`, `1e3`, `"27"`), if they fit 64 bits."""
    text = _number_text(value)
    whole = None if text is None else instants.scaled(text, 0, floor=False)
    return None if whole is None else str(whole)


def _boolean(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.isascii() and value.lower() in ("true", "false"):
        return value.lower()
    return None


def text_of(value):
    """A value as text: strings as they are, numbers by their own text, arrays and objects as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, Number):
        return value.text
    return json_text(value)


def json_text(value):
    """Compact JSON: names in their order, characters beyond ASCII as they are, exponents as `e+5` and `e-5`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return _EXPONENT.sub(lambda mark: "e" if value.text[mark.end()] == "-" else "e+", value.text)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ",".join(json_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(name)}:{json_text(inner)}" for name, inner in value.items()) + "}"
    raise TypeError(f"{type(value).__name__} is no value of a message")


def timestamp(read):
    """The type TIMESTAMP of a column that is written in the format `read`; without a format no value is of it."""

    def text(value):
        instant = read(value) if read else None
        return None if instant is None else str(instant)

    return Kind("TIMESTAMP", text)


double = Kind("DOUBLE", _double)
bigint = Kind("BIGINT", _bigint)
boolean = Kind("BOOLEAN", _boolean)
varchar = Kind("VARCHAR", text_of)


def measure_bytes(measure):
    """What a measure's value takes of a record's room."""
    if measure["Type"] == "VARCHAR":
        return _bytes(measure["Value"])
    return 1 if measure["Type"] == "BOOLEAN" else 8


def _bytes(text):
    return len(text.encode())


def _truncated(text, bytes_max):
    """At most so many bytes, whole characters."""
    return text.encode()[:bytes_max].decode(errors="ignore")


# --- for messages to people


def _excerpt(value):
    kinds = {Number: "number", bool: "boolean", str: "string", list: "array", dict: "object"}
    kind = kinds.get(type(value), "value")
    text = text_of(value)
    return f"the {kind} {json.dumps(text[:EXCERPT_CHARS_MAX])}" + ("…" if len(text) > EXCERPT_CHARS_MAX else "")


def _shown(column):
    return json.dumps(column[:200])
