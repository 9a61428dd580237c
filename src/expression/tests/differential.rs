//! The evaluator against the emitted Python, on random expressions and messages: the same value, the same verdict, the same text.
//!
//! The functions of double precision must agree to the last bit where both sides call the same mathematical library, as on
//! Linux with glibc: Rust and `CPython` pass them on to it. On another platform the last digit of `acos asin atan atan2 cos
//! cosh exp ln log power sin sinh tan tanh` may differ, and of nothing else (`sqrt` is exact everywhere).
//!
//! `IOTA2TS_EXPRESSION_CASES=300000` sets the number of cases, `IOTA2TS_EXPRESSION_SEED` another seed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::generate::{self, Random};
use super::python_side;
use crate::expression::datum::{Inner, write_object};
use crate::expression::number::Numeric;
use crate::expression::{
    Datum, DivisionByZero, Expression, MathResult, Switches, Verdict, WholeDecimals, evaluate, filter_passes, filter_to_python,
    math_result, math_to_python, parse_math, to_python,
};
use crate::value::{Object, Value};

const CASES: usize = 20_000;
const SEED: u64 = 20_251_215;
/// Messages for each expression, and expressions for each run of Python.
const MESSAGES: usize = 10;
const EXPRESSIONS: usize = 1_500;

#[allow(clippy::disallowed_methods, reason = "whoever runs the test says how many cases it tries")]
fn from_environment<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number")),
        Err(_) => default,
    }
}

#[test]
fn the_evaluator_and_the_emitted_python_agree_on_random_cases() {
    let cases: usize = from_environment("IOTA2TS_EXPRESSION_CASES", CASES);
    let mut random = Random(from_environment("IOTA2TS_EXPRESSION_SEED", SEED));
    let mut left = cases.div_ceil(MESSAGES);
    let mut kinds = BTreeMap::new();
    while left > 0 {
        let count = left.min(EXPRESSIONS);
        left -= count;
        let cases: Vec<Case> = (0..count).map(|_| case(&mut random)).collect();
        compare(&cases, &mut kinds);
    }
    // A generator that gives Undefined only would prove nothing.
    for kind in ["undefined", "boolean", "int", "decimal", "text", "null", "array", "object"] {
        assert!(kinds.get(kind).is_some_and(|count| *count * 400 > cases), "too few cases end in {kind}: {kinds:?}");
    }
}

/// Edges that chance seldom finds, with every setting of the switch that they touch.
const EDGES: [&str; 42] = [
    "power(19510316491641.3125, 1)",
    "power(9007199254740993, 1)",
    "power(0, -1)",
    "power(0, -1E400)",
    "power(-1E-400, -1)",
    "power(1, 1E400)",
    "power(-8, 1 / 3.0)",
    "power(10, 308)",
    "power(10, 309)",
    "power(10, -330)",
    "trunc(1 / 30.0, 33)",
    "trunc(1 / 30.0, 34)",
    "trunc(1 / 30.0, 35)",
    "trunc(1 / 3E33, 34)",
    "trunc(-1 / 3.0, -1)",
    "trunc(9.999999999999999999999999999999999, 32)",
    "round(0.49999999999999999)",
    "round(9999999999999999999999999999999999.5)",
    "round(999999999999999999999999999999999.5)",
    "ceil(999999999999999999999999999999999.5)",
    "ceil(-0.5)",
    "ceil(1E-999)",
    "9999999999999999999999999999999999 + 1",
    "5000000000000000000000000000000000 * 2",
    "9999999999999999999999999999999999 * 9999999999999999999999999999999999",
    "9.999999999999999999999999999999999E999 + 1E966",
    "9.999999999999999999999999999999999E999 + 4E965",
    "1E-999 * 0.9",
    "1E-500 * 1E-500",
    "1E999 % 3",
    "1E34 % 3",
    "1E33 % 3",
    "10.5 % 1E-33",
    "-7 / 2",
    "-7 % 2",
    "7 % -2.5",
    "0 / 5.0 * -1",
    "atan2(0 * -1, -1)",
    "atan2(-1E-400, -1)",
    "sqrt(-1E-400)",
    "tan(1.5707963267948966)",
    "ln(1E-400)",
];

#[test]
fn they_agree_on_the_edges() {
    let mut cases = Vec::new();
    for text in EDGES {
        for division_by_zero in [DivisionByZero::Undefined, DivisionByZero::DropMessage] {
            for whole_decimals in [WholeDecimals::Keep, WholeDecimals::BecomeInt] {
                let switches = Switches { division_by_zero, whole_decimals, ..Switches::default() };
                cases.push(Case { expression: parse_math(text).unwrap(), switches, messages: vec![Object::new(); MESSAGES] });
            }
        }
    }
    compare(&cases, &mut BTreeMap::new());
}

struct Case {
    expression: Expression,
    switches: Switches,
    messages: Vec<Object>,
}

fn case(random: &mut Random) -> Case {
    let depth = 1 + random.below(4);
    let expression = match random.below(5) {
        0 | 1 => generate::sum(random, depth),
        2 => generate::condition(random, depth),
        _ => generate::expression(random, depth),
    };
    let switches = generate::switches(random);
    Case { expression, switches, messages: (0..MESSAGES).map(|_| generate::message(random)).collect() }
}

/// The Python that prints one line for each expression and message: value, filter and math.
const FOOT: &str = r#"
import decimal

def outcome(function, message, shown):
    try:
        return shown(function(message))
    except sql.DropMessage:
        return "drop"

def value(v):
    if v is sql.UNDEFINED: return "undefined"
    if v is None: return "null"
    if type(v) is bool: return f"boolean {str(v).lower()}"
    if type(v) is int: return f"int {v}"
    if type(v) is decimal.Decimal: return f"decimal {sql.result(v).text}"
    if type(v) is str: return f"text {sql.dumps(v)}"
    if type(v) is list: return f"array {sql.dumps(v)}"
    if type(v) is dict: return f"object {sql.dumps(v)}"
    raise TypeError(type(v))

def verdict(v):
    return {True: "passes", False: "drops"}[v]

def written(v):
    return "unset" if v is sql.UNDEFINED else sql.dumps(v)

with open("messages.jsonl", "rb") as file:
    for number, line in enumerate(file):
        message = sql.loads(line)
        before = sql.dumps(message)
        assert before.encode() == line.rstrip(b"\n"), line
        at = number // MESSAGES
        print(outcome(VALUES[at], message, value), outcome(FILTERS[at], message, verdict), outcome(MATH[at], message, written), sep="\t")
        assert sql.dumps(message) == before
"#;

fn compare(cases: &[Case], kinds: &mut BTreeMap<String, usize>) {
    let mut main = format!("import iot_sql as sql\n\nMESSAGES = {MESSAGES}\nVALUES, FILTERS, MATH = [], [], []\n");
    let mut lines = String::new();
    for Case { expression, switches, messages } in cases {
        let emitted = [to_python(expression, switches), filter_to_python(expression, switches), math_to_python(expression, switches)];
        for (list, python) in ["VALUES", "FILTERS", "MATH"].iter().zip(emitted) {
            writeln!(main, "{list}.append(lambda message: {python})").unwrap();
        }
        for message in messages {
            write_object(&mut lines, message);
            lines.push('\n');
        }
    }
    main.push_str(FOOT);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("messages.jsonl"), lines).unwrap();
    let printed = python_side::run(directory.path(), &main);
    let mut printed = printed.lines();
    for Case { expression, switches, messages } in cases {
        for message in messages {
            let value = shown_value(expression, message, switches);
            *kinds.entry(value.split(' ').next().unwrap().to_owned()).or_default() += 1;
            let ours = format!("{value}\t{}\t{}", shown_verdict(expression, message, switches), shown_math(expression, message, switches));
            assert_eq!(printed.next().unwrap_or_default(), ours, "{expression:?}\n{switches:?}\n{message:?}");
        }
    }
    assert_eq!(printed.next(), None);
}

fn json(value: &Value) -> String {
    let mut out = String::new();
    crate::expression::datum::write_json(&mut out, value);
    out
}

fn shown_value(expression: &Expression, message: &Object, switches: &Switches) -> String {
    let Ok(datum) = evaluate(expression, message, switches) else { return "drop".to_owned() };
    let text = datum.to_value().as_ref().map(json).unwrap_or_default();
    match datum {
        Datum(Inner::Undefined) => "undefined".to_owned(),
        Datum(Inner::Null) => "null".to_owned(),
        Datum(Inner::Boolean(_)) => format!("boolean {text}"),
        Datum(Inner::Number(Numeric::Int(_))) => format!("int {text}"),
        Datum(Inner::Number(Numeric::Decimal(_))) => format!("decimal {text}"),
        Datum(Inner::Text(_)) => format!("text {text}"),
        Datum(Inner::Array(_)) => format!("array {text}"),
        Datum(Inner::Object(_)) => format!("object {text}"),
    }
}

/// The Python raises what the evaluator counts as a dropped message.
fn shown_verdict(expression: &Expression, message: &Object, switches: &Switches) -> &'static str {
    match (evaluate(expression, message, switches), filter_passes(expression, message, switches)) {
        (Err(_), Verdict::Drops) => "drop",
        (Ok(_), Verdict::Drops) => "drops",
        (_, Verdict::Passes) => "passes",
    }
}

fn shown_math(expression: &Expression, message: &Object, switches: &Switches) -> String {
    match math_result(expression, message, switches) {
        MathResult::Write(value) => json(&value),
        MathResult::LeaveUnset => "unset".to_owned(),
        MathResult::DropMessage => "drop".to_owned(),
    }
}
