//! Mappings that can be obeyed, and formats of times.

use crate::mapping::{
    Collisions, DimensionRule, EmptyStrings, MeasureRule, MissingDimension, Nested, NonFinite, OversizeStrings, Policies, TableMapping,
    TimeRule, UnknownColumn, WrongType, check_rules,
};
use crate::path::ColumnPath;
use crate::record::MeasureKind;
use crate::time::TimeFormat;

use super::{Random, path};

pub(super) const COLUMNS: [&str; 26] = [
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

pub(super) fn policies(random: &mut Random) -> Policies {
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
