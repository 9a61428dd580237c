//! Messages that lie close to a mapping.

use crate::mapping::{MeasureRule, TableMapping};
use crate::path::{ColumnPath, Segment};
use crate::record::MeasureKind;
use crate::time::TimeFormat;
use crate::value::{Number, Object, Value};

use super::super::times::time_text;
use super::Random;
use super::mappings::format;

/// Names that a message may bring, known or not.
const NAMES: [&str; 34] = [
    "ts",
    "TS",
    "Ts",
    "deviceId",
    "deviceid",
    "DEVICEID",
    "place",
    "Place",
    "pos",
    "temp",
    "Temp",
    "TEMP",
    "count",
    "Count",
    "ok",
    "OK",
    "note",
    "Note",
    "deep",
    "a.b",
    "A.B",
    "a[0]",
    "é",
    "É",
    "i̇",
    "İ",
    "ας",
    "ΑΣ",
    "quote\"'\\",
    "new\nline",
    "__import__('os')",
    "__dt",
    "__partition_x",
    "extra",
];

const INNER: [&str; 9] = ["site", "floor", "Site", "a", "b", "c", "x.y", "z\"[", "\\"];

const STRINGS: [&str; 44] = [
    "",
    "x",
    "d-1",
    "true",
    "TRUE",
    "False",
    "falſe",
    "NaN",
    "Infinity",
    "-Infinity",
    "inf",
    "nan",
    "0",
    "-0",
    "27",
    "27.0",
    " 27",
    "27 ",
    "1e3",
    "1E3",
    "+1",
    "1_000",
    "0x10",
    "٣",
    "1.",
    ".5",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1e400",
    "é",
    "😀",
    "\u{0}\u{1}\u{1f}\u{7f}\u{85}\u{2028}",
    "\"\\/\u{8}\u{c}\n\r\t",
    "2023-06-21",
    "1687331100",
    "1687331100123.9",
    "-0.0000000015",
    "1e-30",
    "0e99999999999",
    "00",
    "1e",
    "e5",
    "-",
];

const NUMBERS: [&str; 40] = [
    "0",
    "-0",
    "-0.0",
    "0.0",
    "1",
    "-1",
    "27",
    "27.0",
    "27.50",
    "2.7e1",
    "1e3",
    "1E3",
    "1E+3",
    "1e-3",
    "10e-1",
    "0.1",
    "1e16",
    "9999999999999998",
    "1e15",
    "0.0001",
    "0.00009999",
    "1e-7",
    "5e-324",
    "2e-324",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "1e400",
    "-1e400",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "92233720368547758070e-1",
    "0e999999999999",
    "1e999999999999",
    "1687331100",
    "1687331100123",
    "1687331100123456789",
    "-0.0000000005",
];

pub(super) fn message(random: &mut Random, mapping: &TableMapping) -> Object {
    let mut message = Object::new();
    for rule in &mapping.measures {
        if !random.once_in(5) {
            let value = measure_value(random, rule);
            put(random, &mut message, &rule.column, value);
        }
    }
    for rule in &mapping.dimensions {
        if !random.once_in(5) {
            let value = if random.once_in(3) { any_value(random, 0) } else { Value::String(random.of(&["d1", "d2", "é"]).to_owned()) };
            // All dimensions together end at 2,048 bytes.
            let room = 2048 - mapping.dimensions.iter().map(|rule| rule.name.len()).sum::<usize>();
            let value = if random.once_in(25) { Value::String("d".repeat(room + 1 - random.below(6))) } else { value };
            put(random, &mut message, &rule.column, value);
        }
    }
    if !random.once_in(20) {
        let value = if random.once_in(10) { any_value(random, 0) } else { time_value(random, &mapping.time.format) };
        put(random, &mut message, &mapping.time.column, value);
    }
    for _ in 0..random.below(3) {
        let (name, value) = (random.of(&NAMES).to_owned(), any_value(random, 0));
        message.entry(name).or_insert(value);
    }
    // The order of a message's names decides which spelling counts and which unknown column is named.
    let turns = random.below(message.len());
    (0..turns).for_each(|_| {
        if let Some((name, value)) = message.shift_remove_index(0) {
            message.insert(name, value);
        }
    });
    message
}

/// Puts a value where a path leads, sometimes under another spelling.
pub(super) fn put(random: &mut Random, message: &mut Object, column: &ColumnPath, value: Value) {
    let Some((Segment::Name(top), rest)) = column.segments().split_first() else { return };
    let top = if random.once_in(12) {
        top.to_uppercase()
    } else if random.once_in(12) {
        top.to_lowercase()
    } else {
        top.clone()
    };
    let slot = message.entry(top).or_insert(Value::Null);
    put_inside(random, slot, rest, value);
}

fn put_inside(random: &mut Random, slot: &mut Value, rest: &[Segment], value: Value) {
    match rest.split_first() {
        None => *slot = value,
        Some((Segment::Name(name), rest)) => {
            if !matches!(slot, Value::Object(_)) {
                *slot = Value::Object(Object::new());
            }
            let Value::Object(object) = slot else { return };
            put_inside(random, object.entry(name.clone()).or_insert(Value::Null), rest, value);
        }
        Some((Segment::Index(index), rest)) => {
            if !matches!(slot, Value::Array(_)) {
                *slot = Value::Array(Vec::new());
            }
            let Value::Array(items) = slot else { return };
            while items.len() <= *index {
                let filler = if random.once_in(3) { any_value(random, 1) } else { Value::Null };
                items.push(filler);
            }
            put_inside(random, &mut items[*index], rest, value);
        }
    }
}

fn any_value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth > 3 { 8 } else { 11 }) {
        0 => Value::Null,
        1 => Value::Bool(random.once_in(2)),
        2..=4 => Value::Number(any_number(random)),
        5..=7 => Value::String(any_string(random)),
        8 => Value::Array((0..random.below(4)).map(|_| any_value(random, depth + 1)).collect()),
        _ => Value::Object((0..random.below(4)).map(|_| (random.of(&INNER).to_owned(), any_value(random, depth + 1))).collect()),
    }
}

fn any_number(random: &mut Random) -> Number {
    match random.below(6) {
        0 => random.next().cast_signed().into(),
        5 => {
            // Sixteen digits and a quarter or an eighth: two shortest texts can be equally close to one of these.
            let whole = 500_000_000_000_000 + random.next() % 600_000_000_000_000;
            let shift = random.below(8);
            let ending = random.of(&["25", "75", "125", "375", "5", "0", "625", "0625"]);
            Number::parse(&format!("{}{}.{ending}", random.of(&["", "-"]), whole >> shift)).unwrap()
        }
        1 => loop {
            if let Some(number) = Number::from_f64(f64::from_bits(random.next())) {
                return number;
            }
        },
        2 => {
            // Any text of the grammar.
            let digits = |random: &mut Random, most| {
                (0..=random.below(most)).map(|_| char::from(b'0' + u8::try_from(random.below(10)).unwrap())).collect::<String>()
            };
            let whole = digits(random, 25);
            let whole = whole.trim_start_matches('0');
            let fraction = if random.once_in(2) { format!(".{}", digits(random, 25)) } else { String::new() };
            let exponent = if random.once_in(3) {
                format!("{}{}{}", random.of(&["e", "E"]), random.of(&["", "+", "-"]), digits(random, 3))
            } else {
                String::new()
            };
            let text = format!("{}{}{fraction}{exponent}", random.of(&["", "-"]), if whole.is_empty() { "0" } else { whole });
            Number::parse(&text).unwrap()
        }
        _ => Number::parse(random.of(&NUMBERS)).unwrap(),
    }
}

fn any_string(random: &mut Random) -> String {
    match random.below(8) {
        0 => any_number(random).to_string(),
        1 => random.of(&["x", "é", "温", "😀", "\"", "\n"]).repeat(random.below(2100)),
        2 => random.of(&["a", "é", "😀"]).repeat(random.below(1100)) + random.of(&STRINGS),
        3 => {
            let format = format(random);
            time_text(random, &format)
        }
        _ => random.of(&STRINGS).to_owned(),
    }
}

fn measure_value(random: &mut Random, rule: &MeasureRule) -> Value {
    if random.once_in(6) {
        return any_value(random, 0);
    }
    match rule.kind {
        MeasureKind::Double | MeasureKind::Bigint if random.once_in(4) => Value::String(any_number(random).to_string()),
        MeasureKind::Double | MeasureKind::Bigint => Value::Number(any_number(random)),
        MeasureKind::Boolean if random.once_in(2) => Value::String(random.of(&["true", "TRUE", "fAlse", "no", ""]).to_owned()),
        MeasureKind::Boolean => Value::Bool(random.once_in(2)),
        MeasureKind::Varchar if random.once_in(3) => Value::String(random.of(&["x", "é", "温", "😀a"]).repeat(400 + random.below(400))),
        MeasureKind::Varchar => Value::String(any_string(random)),
        MeasureKind::Timestamp => match &rule.format {
            Some(format) => time_value(random, format),
            None => any_value(random, 0),
        },
    }
}

pub(super) fn time_value(random: &mut Random, format: &TimeFormat) -> Value {
    let text = time_text(random, format);
    match Number::parse(&text) {
        Some(number) if !random.once_in(4) => Value::Number(number),
        _ => Value::String(text),
    }
}
