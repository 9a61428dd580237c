"""Stands in for iot_sql.py in tests: JSON values with numbers that keep their text, and nothing else."""

import json


class Number:
    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Number) and self.text == other.text

    def __hash__(self):
        return hash(self.text)


def _object(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


def _constant(name):
    raise ValueError(f"{name} is not JSON")


def loads(data):
    return json.loads(data, object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_constant)


def dumps(value):
    if isinstance(value, Number):
        return value.text
    if isinstance(value, list):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{dumps(name)}:{dumps(inner)}" for name, inner in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
