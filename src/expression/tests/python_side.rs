//! Running `python3` on `iot_sql.py`; and what `exact_json.py` promises about JSON.

use std::path::Path;
use std::process::Command;

const IOT_SQL_PY: &str = include_str!("../../stack/runtime/iot_sql.py");
const EXACT_JSON_PY: &str = include_str!("../../stack/runtime/exact_json.py");

/// Runs `main.py` beside `iot_sql.py` and gives what it prints.
pub(super) fn run(directory: &Path, main: &str) -> String {
    std::fs::write(directory.join("iot_sql.py"), IOT_SQL_PY).unwrap();
    std::fs::write(directory.join("exact_json.py"), EXACT_JSON_PY).unwrap();
    std::fs::write(directory.join("main.py"), main).unwrap();
    let started = Command::new("python3").args(["-B", "main.py"]).current_dir(directory).env("PYTHONUTF8", "1").output();
    let output = started.unwrap_or_else(|error| panic!("python3 is needed to test the generated code, and cannot be started: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn json_is_read_strictly_and_written_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let printed = run(
        directory.path(),
        r#"
import copy, pickle
import iot_sql as sql

for text in ['{"a":1E5,"b":[-0.0,12345678901234567890123,1e-7,true,false,null],"c":{"d":"é😀\\n\\u0001\\"\\\\"}}', '5', '""', '[]', '"\\ud83d\\ude00"']:
    value = sql.loads(text)
    assert sql.loads(text.encode()) == value
    assert sql.loads(sql.dumps(value)) == value, text
assert sql.dumps(sql.loads(' { "a" : 1.0E+5 , "\\u00e9" : [ 1 , "\\ud83d\\ude00" ] } ')) == '{"a":1.0E+5,"é":[1,"😀"]}'
assert sql.dumps(sql.loads('"\\u0000\\u001f\\u007f/"')) == '"\\u0000\\u001f\x7f/"'

hostile = [
    "", "nul", "{", "[1,]", "{'a':1}", "NaN", "[Infinity]", "-Infinity", "01", "+1", "1.", ".5", "1e", "0x1", "[1] 2",
    '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"b":{"a":1,"a":1}}', '"\\ud800"', '{"\\udc00":1}', '"\\ud83d\\ud83d"', '"a\nb"', "\ufeff1",
    "[" * 101 + "]" * 101, '{"a":' * 101 + "1" + "}" * 101, "[" * 1_000_000, '{"a":' * 1_000_000, "\u0663", "1\u0663",
    b"\xff", b'"\xed\xa0\x80"', b"\x00", b"\xfe\xff\x001", "\ud800", '"\ud800"',
]
for text in hostile:
    try:
        value = sql.loads(text)
    except ValueError:
        continue
    raise AssertionError(f"read as JSON: {text[:40]!r}")
sql.loads("[" * 100 + "]" * 100)
sql.loads("[" + "[]," * 1000 + "[]]")
assert sql.loads("9" * 100_000).text == "9" * 100_000

number = sql.Number("1.0")
assert number == sql.Number("1.0") and number != sql.Number("1") and number != 1 and hash(number) == hash(sql.Number("1.0"))
assert copy.deepcopy([number]) == [number] and pickle.loads(pickle.dumps(number)) == number and repr(number) == "Number('1.0')"
for change in [lambda: setattr(number, "text", "2"), lambda: delattr(number, "text"), lambda: setattr(number, "x", 1)]:
    try:
        change()
    except AttributeError:
        continue
    raise AssertionError("a Number changed")
for text in ["", "1\n", "1_0", "NaN", "٣", 1, None]:
    try:
        sql.Number(text)
    except ValueError:
        continue
    raise AssertionError(f"a Number: {text!r}")
for value in [1, 1.5, sql.UNDEFINED, {1: "a"}, ("a",), b"a"]:
    try:
        sql.dumps([value])
    except TypeError:
        continue
    raise AssertionError(f"written as JSON: {value!r}")
try:
    bool(sql.UNDEFINED)
except TypeError:
    print("done")
"#,
    );
    assert_eq!(printed.trim(), "done");
}
