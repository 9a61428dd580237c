"""Instants: nanoseconds since 1970-01-01T00:00:00Z in 64 bits, read exactly from every form that a message holds.

No time passes through a float, and digits finer than a nanosecond are cut toward minus infinity. A value that cannot be read is
None: never "now", never the time at which a message happened to arrive.

A format is a function from a value of a message to an instant, or None. `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, `iso8601` and
`athena` are formats; `java(...)` makes one from the parts of a Java DateTimeFormatter pattern.
"""

import datetime
import re

from exact_json import Number

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
SECOND_NANOS = 1_000_000_000
DAY_NANOS = 86_400 * SECOND_NANOS

# A text longer than this is no instant; it is not looked at.
TEXT_BYTES_MAX = 256

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()

# A number as JSON writes it. ASCII only: other scripts have digits too.
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?)([0-9]+))?")
_DATE = rb"(\d{4})-(\d\d)-(\d\d)"
_ISO_8601 = re.compile(_DATE + rb"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?)?")
_ATHENA = re.compile(_DATE + rb" (\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?: UTC)?")


def scaled(text, scale, floor):
    """The number `text` times 10^`scale` as an integer of 64 bits, exactly; None when it is no number or does not fit.

    Digits finer than that are cut toward minus infinity if `floor`; otherwise they must be zero.
    """
    parts = _NUMBER.fullmatch(text)
    if parts is None:
        return None
    sign, whole, fraction, exponent_sign, exponent = parts.groups()
    digits = whole + (fraction or "")
    # How many of the digits stand left of the point, after scaling.
    kept = len(whole) + scale + _exponent(exponent_sign, exponent)
    left = digits[: max(kept, 0)].lstrip("0")
    cut = digits[max(kept, 0) :].strip("0") != ""
    missing = kept - len(digits)
    if len(left) > 20 or (left and missing > 20) or (cut and not floor):
        return None
    value = int(left or "0") * 10 ** max(missing, 0) if left else 0
    if sign:
        value = -value - 1 if cut else -value
    return value if INT64_MIN <= value <= INT64_MAX else None


def is_number(text):
    """Whether a text is of JSON's number grammar."""
    return _NUMBER.fullmatch(text) is not None


def _exponent(sign, digits):
    # An exponent of absurd length is still a number: it saturates, and the value then over- or underflows.
    digits = (digits or "").lstrip("0")
    magnitude = 1_000_000 if len(digits) > 7 else min(int(digits or "0"), 1_000_000)
    return -magnitude if sign == "-" else magnitude


def _epoch(scale):
    def read(value):
        text = value.text if isinstance(value, Number) else value
        if not isinstance(text, str) or len(text.encode()) > TEXT_BYTES_MAX:
            return None
        return scaled(text, scale, floor=True)

    return read


# Seconds, and their thousandths, since 1970: whole or fractional, as a number or as text.
epoch_s = _epoch(9)
epoch_ms = _epoch(6)
epoch_us = _epoch(3)
epoch_ns = _epoch(0)


def iso8601(value):
    """`2023-06-21T07:05:00.123Z`: a date, or date and time, with `Z`, an offset, or neither (then UTC).

    The leap second `23:59:60` UTC is the second after `23:59:59`, which is also the next day's first. `:60` anywhere else is no time.
    """
    parts = _full_match(_ISO_8601, value)
    if parts is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = parts
    offset = int(offset_hours or 0) * 3600 + int(offset_minutes or 0) * 60
    if int(offset_hours or 0) > 18 or int(offset_minutes or 0) > 59:
        return None
    clock = (int(hour or 0), int(minute or 0), int(second or 0))
    is_leap_second = clock[2] == 60
    if is_leap_second:
        clock = (clock[0], clock[1], 59)
    nanos = _fraction(fraction)
    begun = _instant(int(year), int(month), int(day), *clock, 0 if is_leap_second else nanos, -offset if sign == b"-" else offset)
    if begun is None or not is_leap_second:
        return begun
    if begun % DAY_NANOS != DAY_NANOS - SECOND_NANOS:
        return None
    return _in_range(begun + SECOND_NANOS + nanos)


def athena(value):
    """`2023-06-21 07:05:00.123`, UTC, with or without ` UTC` behind it; the seconds are always there."""
    parts = _full_match(_ATHENA, value)
    if parts is None:
        return None
    *date_and_clock, fraction = parts
    return _instant(*(int(part) for part in date_and_clock), _fraction(fraction), 0)


def _full_match(pattern, value):
    if not isinstance(value, str):
        return None
    text = value.encode()
    matched = pattern.fullmatch(text) if len(text) <= TEXT_BYTES_MAX else None
    return matched.groups() if matched else None


def _fraction(digits):
    return int((digits or b"")[:9].ljust(9, b"0"))


def _instant(year, month, day, hour, minute, second, nanos, offset_seconds):
    """The instant of a civil time; None when there is no such day or time of day, or beyond 64 bits."""
    if hour > 23 or minute > 59 or second > 59:
        return None
    try:
        days = datetime.date(year, month, day).toordinal() - _EPOCH_DAY
    except (ValueError, OverflowError):
        return None
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset_seconds
    return _in_range(seconds * SECOND_NANOS + nanos)


def _in_range(nanos):
    return nanos if INT64_MIN <= nanos <= INT64_MAX else None


# --- Java patterns. A part takes the bytes, the place to read from and the fields stated so far; it gives the next place, or None.


def java(*parts):
    """The format of a Java pattern. Without an offset a time is UTC; a time of day that is not stated is zero."""

    def read(value):
        text = value.text if isinstance(value, Number) else value
        if not isinstance(text, str):
            return None
        text, fields = text.encode(), {}
        if len(text) > TEXT_BYTES_MAX or _read_parts(parts, text, 0, fields) != len(text):
            return None
        return _stated(fields)

    return read


def literal(expected):
    """This very text."""
    expected = expected.encode()

    def read(text, at, _fields):
        return at + len(expected) if text.startswith(expected, at) else None

    return read


def number(field, digits_min, digits_max, reserve=0):
    """Digits of a field; `reserve` of them belong to the fixed-width numbers right behind it."""

    def read(text, at, fields):
        digits = min(max(_run(text, at) - reserve, 0), digits_max)
        if digits < digits_min:
            return None
        return at + digits if _set(fields, field, int(text[at : at + digits])) else None

    return read


def fraction(digits):
    """Exactly so many digits of a second's fraction."""

    def read(text, at, fields):
        if _run(text, at) < digits:
            return None
        nanos = int(text[at : at + digits]) * 10 ** (9 - digits)
        return at + digits if _state(fields, "nano", nanos) else None

    return read


def half_day():
    """AM or PM."""

    def read(text, at, fields):
        mark = text[at : at + 2].lower()
        return at + 2 if mark in (b"am", b"pm") and _state(fields, "afternoon", mark == b"pm") else None

    return read


def offset(zulu, colon, minutes, seconds):
    """The distance from UTC. `zulu`: `Z` is zero; `minutes` and `seconds`: "never", "optional" or "always" there."""

    def two_digits(text, at):
        return (int(text[at : at + 2]), at + 2) if _run(text, at) >= 2 else (None, at)

    def following(text, at, presence):
        here = text[at : at + 1] == b":" if colon else _run(text, at) >= 2
        if presence == "never" or (presence == "optional" and not here):
            return 0, at
        if not here:
            return None, at
        return two_digits(text, at + 1 if colon else at)

    def read(text, at, fields):
        if zulu and text[at : at + 1] == b"Z":
            return at + 1 if _state(fields, "offset", 0) else None
        sign = {b"+": 1, b"-": -1}.get(text[at : at + 1])
        if sign is None:
            return None
        hour, at = two_digits(text, at + 1)
        minute, at = following(text, at, minutes) if hour is not None else (None, at)
        second, at = following(text, at, seconds) if minute is not None else (None, at)
        if second is None or hour > 18 or minute > 59 or second > 59:
            return None
        return at if _state(fields, "offset", sign * (hour * 3600 + minute * 60 + second)) else None

    return read


def zone_name():
    """UTC or GMT."""

    def read(text, at, fields):
        return at + 3 if text[at : at + 3].lower() in (b"utc", b"gmt") and _state(fields, "offset", 0) else None

    return read


def optional(*parts):
    """Parts that may be missing, all of them."""

    def read(text, at, fields):
        before = dict(fields)
        end = _read_parts(parts, text, at, fields)
        if end is None:
            fields.clear()
            fields.update(before)
            return at
        return end

    return read


def _read_parts(parts, text, at, fields):
    for part in parts:
        at = part(text, at, fields)
        if at is None:
            return None
    return at


def _run(text, at):
    """How many digits come next."""
    end = at
    while end < len(text) and 48 <= text[end] <= 57:
        end += 1
    return end - at


def _set(fields, field, value):
    if field == "short_year":
        return _state(fields, "year", 2000 + value)
    if field == "clock_hour":
        return 1 <= value <= 24 and _state(fields, "hour", value % 24)
    if field == "half_hour":
        return 1 <= value <= 12 and _state(fields, "half_hour", value % 12)
    return _state(fields, field, value)


def _state(fields, field, value):
    """Notes a value, unless another one was stated before."""
    return fields.setdefault(field, value) == value


def _stated(fields):
    if "half_hour" in fields and "afternoon" in fields:
        if not _state(fields, "hour", fields["half_hour"] + (12 if fields["afternoon"] else 0)):
            return None
    if "hour" in fields and "afternoon" in fields and (fields["hour"] >= 12) != fields["afternoon"]:
        return None
    if not all(field in fields for field in ("year", "month", "day")):
        return None
    clock = (fields.get(field, 0) for field in ("hour", "minute", "second", "nano", "offset"))
    return _instant(fields["year"], fields["month"], fields["day"], *clock)
