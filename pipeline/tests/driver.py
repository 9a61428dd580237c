"""Runs pipelines on messages: for each line of cases.jsonl, `[module, messages]`, one line of outcomes."""

import importlib
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))
sys.dont_write_bytecode = True

import iot_sql as sql  # noqa: E402

for line in (folder / "cases.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
    name, messages = sql.loads(line)
    try:
        outcomes = importlib.import_module(name).run(messages)
        print(sql.dumps([list(outcome) for outcome in outcomes]).encode("utf-8").hex())
    except Exception as error:
        print(f"{type(error).__name__}: {error}".encode("utf-8").hex())
