//! Random mappings, and random messages that lie close to them.

use crate::mapping::{
    Collisions, DimensionRule, EmptyStrings, MeasureRule, MissingDimension, Nested, NonFinite, OversizeStrings, Policies, Route,
    TableMapping, Takes, TimeRule, UnknownColumn, WrongType, check_routes, check_rules,
};
use crate::path::{ColumnPath, Segment};
use crate::record::MeasureKind;
use crate::time::TimeFormat;
use crate::value::{Number, Object, Value};

use super::times::time_text;
use super::{Case, path};

/// The same numbers for the same seed everywhere (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    pub(super) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

const COLUMNS: [&str; 26] = [
    "ts",
    "Ts",
    "deviceId",
    "deviceid",
    "place.site",
    "place.floor",
    "place",
    "pos[0]",
    "pos[1]",
    "pos",
    "temp",
    "TEMP",
    "count",
    "ok",
    "note",
    "deep.a.b[2].c",
    "deep.a",
    "a\\.b",
    "a\\[0\\]",
    "é",
    "İ",
    "ΑΣ",
    "quote\"'\\\\",
    "new\nline",
    "__import__('os')",
    "__hour",
];

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

const PATTERNS: [&str; 24] = [
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "yyyy-MM-dd'T'HH:mm:ssXXX",
    "yyyy-MM-dd HH:mm:ss Z",
    "yyyyMMddHHmmss",
    "yyyyMMddHHmmssSSS",
    "yMMdd HHmm",
    "yMMddHHmmssSSS",
    "dd/MM/yy h:mm a",
    "M/d/yyyy k:mm",
    "yyyy-MM-dd[ HH:mm[:ss]]",
    "yyyy-MM-dd[ HH:mm:ss]['T'HH:mm:ss]",
    "uuuu-MM-dd HH:mm:ss z",
    "yyyy-MM-dd HH:mm:ss.n",
    "yyyy-MM-dd 'o''clock é' HH:mm",
    "yyyy-MM-dd",
    "yyyyyy-MM-dd",
    "y-M-d H:m:s.SSSSSSSSSxxxxx",
    "yyyy-MM-dd'T'HH:mm:ssXXXX",
    "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXXXX]",
    "d.M.yyyy HH:mm:ssZZZZZ",
    "yyyyyyyyy-MM-dd HH a hh",
    "yyyy-MM-dd hh:mm:ss.nnnnnnnnn a[ x][ zzz]",
];

/// A random mapping that can be obeyed.
pub(super) fn mapping(random: &mut Random) -> TableMapping {
    loop {
        let mapping = any_mapping(random);
        if check_rules(&mapping).is_empty() {
            return mapping;
        }
    }
}

fn any_mapping(random: &mut Random) -> TableMapping {
    let columns = |random: &mut Random, most: usize| {
        let mut columns: Vec<ColumnPath> = (0..=random.below(most)).map(|_| path(random.of(&COLUMNS))).collect();
        columns.sort();
        columns.dedup();
        columns
    };
    let dimensions: Vec<DimensionRule> = columns(random, 4)
        .into_iter()
        .zip(["z\"dim", "device", "Ürea", "__import__('os')"])
        .map(|(column, name)| DimensionRule { column, name: name.into() })
        .collect();
    let kinds = [MeasureKind::Double, MeasureKind::Bigint, MeasureKind::Boolean, MeasureKind::Varchar, MeasureKind::Timestamp];
    let measures: Vec<MeasureRule> = columns(random, 8)
        .into_iter()
        .enumerate()
        .map(|(at, column)| {
            let kind = random.pick(&kinds);
            let format = (kind == MeasureKind::Timestamp && !random.once_in(6)).then(|| format(random));
            MeasureRule { column, name: format!("m{at} '\"\\{{}}%s").into(), kind, format }
        })
        .collect();
    let ignored = if random.once_in(2) { columns(random, 3) } else { Vec::new() };
    TableMapping {
        store: random.of(&["plant", "a\"\"\"b\nimport os", "\\"]).to_owned(),
        route: None,
        table: "plant".to_owned(),
        // A plain format in every second mapping, so that messages come further than their time.
        time: TimeRule {
            column: path(random.of(&COLUMNS)),
            format: if random.once_in(2) { TimeFormat::EpochMillis } else { format(random) },
        },
        measure_name: random.of(&["telemetry", "m \"\"\" é\\"]).into(),
        dimensions,
        measures,
        ignored,
        policies: policies(random),
    }
}

fn policies(random: &mut Random) -> Policies {
    let long = "f".repeat(random.below(2048) + 1);
    Policies {
        nested: Nested::JsonText,
        empty_strings: random.pick(&[EmptyStrings::Omit, EmptyStrings::Quarantine]),
        non_finite: random.pick(&[NonFinite::Omit, NonFinite::Quarantine]),
        oversize_strings: random.pick(&[OversizeStrings::Quarantine, OversizeStrings::Truncate]),
        missing_dimension: random.pick(&[
            MissingDimension::Omit,
            MissingDimension::Quarantine,
            MissingDimension::Fill("un\"known\n".to_owned()),
            MissingDimension::Fill(long),
        ]),
        wrong_type: random.pick(&[WrongType::Quarantine, WrongType::Omit]),
        // Mostly ignored, or few messages would come further.
        unknown_column: random.pick(&[UnknownColumn::Quarantine, UnknownColumn::Ignore, UnknownColumn::Ignore]),
        collisions: random.pick(&[Collisions::Quarantine, Collisions::KeepFirst, Collisions::KeepLast]),
    }
}

pub(super) fn format(random: &mut Random) -> TimeFormat {
    match random.below(9) {
        0 => TimeFormat::EpochSeconds,
        1 => TimeFormat::EpochMillis,
        2 => TimeFormat::EpochMicros,
        3 => TimeFormat::EpochNanos,
        4 => TimeFormat::Iso8601,
        5 => TimeFormat::Athena,
        6 => any_pattern(random),
        _ => format!("java:{}", random.of(&PATTERNS)).parse().unwrap(),
    }
}

/// A pattern of random letters that is understood.
fn any_pattern(random: &mut Random) -> TimeFormat {
    let letters = [
        "y", "yy", "yyyy", "uuuu", "M", "MM", "d", "dd", "H", "HH", "k", "kk", "h", "hh", "a", "m", "mm", "s", "ss", "S", "SSS", "n", "nn",
        "X", "XX",
    ];
    let more = ["XXX", "XXXX", "XXXXX", "x", "xxx", "Z", "ZZZZZ", "z", "[", "]", "[", "]", "-", ":", " ", ".", "'T'", "''", "é", "/"];
    loop {
        let mut pattern = String::new();
        for _ in 0..random.below(8) {
            pattern.push_str(if random.once_in(2) { random.of(&letters) } else { random.of(&more) });
        }
        for (needed, others) in [("y", "u"), ("M", "M"), ("d", "d")] {
            if !pattern.contains(needed) && !pattern.contains(others) {
                pattern.push_str(needed);
            }
        }
        if let Ok(format) = format!("java:{pattern}").parse() {
            return format;
        }
    }
}

/// A case: a mapping and messages for it.
pub(super) fn case(random: &mut Random, messages: usize) -> Case {
    let mapping = mapping(random);
    let messages = (0..messages).map(|_| message(random, &mapping)).collect();
    Case { mappings: vec![mapping], messages }
}

/// A case in which one column says which of up to three mappings takes a message.
pub(super) fn routed_case(random: &mut Random, messages: usize) -> Case {
    const VALUES: [[&str; 2]; 3] = [["pump", "1"], ["ofen \"é\"\n", "true"], ["1.50", "[1]"]];
    let column = path(random.of(&COLUMNS));
    let catch_all = random.once_in(2);
    let count = 1 + random.below(3);
    let mut mappings: Vec<TableMapping> = Vec::new();
    for (at, values) in VALUES.iter().enumerate().take(count) {
        let takes = match at + 1 == count && catch_all {
            true => Takes::Otherwise,
            false => Takes::Values(values.map(str::to_owned).to_vec()),
        };
        let route = Some(Route { column: column.clone(), takes });
        let mapping = TableMapping { store: "plant".to_owned(), table: format!("table{at}"), route, ..mapping(random) };
        // Under a column of a value of its own a mapping may not be obeyed any more; then it is left out.
        if check_rules(&mapping).is_empty() {
            mappings.push(mapping);
        }
    }
    if mappings.is_empty() || !check_routes(&mappings.iter().collect::<Vec<_>>()).is_empty() {
        return case(random, messages);
    }
    let messages = (0..messages).map(|_| {
        let taker = mappings[random.below(mappings.len())].clone();
        let mut message = message(random, &taker);
        if !random.once_in(4) {
            let values = random.pick(&VALUES);
            let text = random.of(&values).to_owned();
            let number = Number::parse(&text).filter(|_| random.once_in(2)).map(Value::Number);
            put(random, &mut message, &column, number.unwrap_or(Value::String(text)));
        }
        message
    });
    Case { messages: messages.collect::<Vec<_>>(), mappings: mappings.clone() }
}

/// A case in which only the time, and a measure that is one, can be wrong.
pub(super) fn time_case(random: &mut Random, messages: usize) -> Case {
    let mut mapping = super::examples::plant();
    (mapping.time.format, mapping.policies) = (format(random), policies(random));
    mapping.measures.truncate(1);
    mapping.measures.push(MeasureRule {
        column: path("seen"),
        name: "seen".into(),
        kind: MeasureKind::Timestamp,
        format: Some(mapping.time.format.clone()),
    });
    let message = |random: &mut Random| {
        let mut message: Object =
            [("deviceId", "d"), ("temperature", "1")].map(|(name, text)| (name.to_owned(), Value::String(text.to_owned()))).into();
        message.insert("place".to_owned(), Value::Object([("site".to_owned(), Value::String("n".to_owned()))].into()));
        message.insert("timestamp".to_owned(), time_value(random, &mapping.time.format));
        message.insert("seen".to_owned(), time_value(random, &mapping.time.format));
        message
    };
    let messages = (0..messages).map(|_| message(random)).collect();
    Case { mappings: vec![mapping], messages }
}

fn message(random: &mut Random, mapping: &TableMapping) -> Object {
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
fn put(random: &mut Random, message: &mut Object, column: &ColumnPath, value: Value) {
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
