"""Reads cases, one JSON object a line: the text of a records.py and the texts of messages. Prints what becomes of each message."""

import json
import sys

import exact_json

for line in open("cases.jsonl", encoding="utf-8"):
    case = json.loads(line)
    module = {"__name__": "records"}
    exec(compile(case["records"], "records.py", "exec"), module)
    for text in case["messages"]:
        message = exact_json.loads(text)
        try:
            mapped = module["map_message"](message)
        except module["Refused"] as refused:
            outcome = {"code": refused.code, "column": refused.column}
            assert refused.detail.isprintable(), refused.detail
        else:
            assert module["record_of"](message) == (mapped.table, mapped.record)
            outcome = {"table": mapped.table, "record": mapped.record, "omitted": mapped.omitted}
        sys.stdout.write(json.dumps(outcome) + "\n")
