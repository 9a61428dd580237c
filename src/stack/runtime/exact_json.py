"""JSON whose numbers keep the text that they were written with.

A value is made of dict, list, str, bool, None and Number. Nothing passes through a float.
"""

import json
import re

__all__ = ["Number", "loads", "dumps"]

DEPTH_MAX = 100

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


class Number:
    """A JSON number by its text. Two numbers are equal where their texts are."""

    __slots__ = ("text",)

    def __init__(self, text):
        if type(text) is not str or _JSON_NUMBER.fullmatch(text) is None:
            raise ValueError("not a JSON number")
        object.__setattr__(self, "text", text)

    def __setattr__(self, name, value):
        raise AttributeError("a Number does not change")

    def __delattr__(self, name):
        raise AttributeError("a Number does not change")

    def __eq__(self, other):
        return self.text == other.text if type(other) is Number else NotImplemented

    def __hash__(self):
        return hash(self.text)

    def __repr__(self):
        return f"Number({self.text!r})"

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return (Number, (self.text,))


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def loads(data):
    """The value of a JSON text, numbers as Number.

    Raises ValueError for what is not JSON, for NaN and Infinity, for a name twice in one object, for half a surrogate
    pair, and for arrays and objects more than DEPTH_MAX deep.
    """
    if isinstance(data, str):
        text = data
        text.encode("utf-8")
    else:
        text = bytes(data).decode("utf-8")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("arrays and objects are nested too deep") from None
    if text.count("[") + text.count("{") > DEPTH_MAX or _SURROGATE.search(text) is not None:
        _check(value)
    return value


def _object(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


def _constant(name):
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_constant
)


def _check(value):
    """Walks a value without recursion: depth and strings."""
    level = [value]
    depth = 0
    while level:
        below = []
        inside = False
        for item in level:
            if type(item) is str:
                item.encode("utf-8")
            elif type(item) is list:
                inside = True
                below.extend(item)
            elif type(item) is dict:
                inside = True
                below.extend(item.keys())
                below.extend(item.values())
        depth += inside
        if depth > DEPTH_MAX:
            raise ValueError("arrays and objects are nested too deep")
        level = below


def dumps(value):
    """A value as compact JSON: numbers by their text, letters beyond ASCII as they are."""
    out = []
    _write(value, out.append)
    return "".join(out)


_write_string = json.JSONEncoder(ensure_ascii=False).encode


def _write(value, out):
    kind = type(value)
    if value is None:
        out("null")
    elif kind is bool:
        out("true" if value else "false")
    elif kind is str:
        out(_write_string(value))
    elif kind is Number:
        out(value.text)
    elif kind is list:
        out("[")
        for at, item in enumerate(value):
            if at:
                out(",")
            _write(item, out)
        out("]")
    elif kind is dict:
        out("{")
        for at, (name, item) in enumerate(value.items()):
            if type(name) is not str:
                raise TypeError("a name of an object is a string")
            if at:
                out(",")
            out(_write_string(name))
            out(":")
            _write(item, out)
        out("}")
    else:
        raise TypeError(f"{kind.__name__} is not a value of a message")
