//! Which type a measure gets. It is fixed for ever with the first write, so every doubt is said aloud.

use super::count_of;
use crate::record::MeasureKind;
use crate::survey::{ColumnSurvey, KindCounts};
use crate::time::TimeFormat;

/// The type of one column, and why.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) kind: MeasureKind,
    pub(super) format: Option<TimeFormat>,
    pub(super) reason: String,
    pub(super) doubts: Vec<String>,
}

impl Decision {
    fn new(kind: MeasureKind, reason: impl Into<String>) -> Self {
        Self { kind, format: None, reason: reason.into(), doubts: Vec::new() }
    }

    fn but(mut self, doubt: impl Into<String>) -> Self {
        self.doubts.push(doubt.into());
        self
    }
}

/// `csv_only`: the store has no typed format, so its texts are the only witness of its types.
pub(super) fn decide(column: &ColumnSurvey, csv_only: bool, sampled: bool) -> Decision {
    let kinds = &column.kinds;
    let values = kinds.values();
    if kinds.arrays > 0 {
        return arrays(kinds, values);
    }
    if kinds.timestamps > 0 {
        return timestamps(column, values);
    }
    // Texts count as what they say when nothing better is known of the column, or when it is a number elsewhere.
    let texts_speak = csv_only || kinds.numbers() > 0;
    let texts = if texts_speak { *kinds } else { KindCounts { integer_strings: 0, decimal_strings: 0, non_finite_strings: 0, ..*kinds } };
    if kinds.numbers() + texts.numeric_strings() == values && kinds.numbers() + texts.integer_strings + texts.decimal_strings > 0 {
        return numbers(kinds, values, sampled);
    }
    let truths = kinds.booleans + if csv_only || kinds.booleans > 0 { kinds.boolean_strings } else { 0 };
    if truths == values {
        return Decision::new(MeasureKind::Boolean, format!("{}, all true or false", count_of(values, "value")));
    }
    if kinds.strings == values {
        return strings(column, values, csv_only);
    }
    let several = several(kinds);
    Decision::new(MeasureKind::Varchar, format!("its values are of several kinds: {several}")).but(format!(
        "values of several kinds ({several}) fit no type but VARCHAR, which cannot be computed with; another type quarantines the rest"
    ))
}

fn arrays(kinds: &KindCounts, values: u64) -> Decision {
    if kinds.arrays == values {
        return Decision::new(MeasureKind::Varchar, "arrays, as compact JSON text: Timestream has no type for them");
    }
    Decision::new(MeasureKind::Varchar, format!("arrays among other kinds: {}", several(kinds)))
        .but("arrays become JSON text and other values their own text, all in one VARCHAR")
}

fn timestamps(column: &ColumnSurvey, values: u64) -> Decision {
    let kinds = &column.kinds;
    if kinds.timestamps == values {
        return Decision::new(MeasureKind::Timestamp, format!("{}, all typed timestamps", count_of(values, "value")));
    }
    match column.times.iter().find(|reading| reading.unreadable == 0) {
        Some(reading) => Decision {
            format: Some(reading.format.clone()),
            ..Decision::new(MeasureKind::Timestamp, format!("typed timestamps, and texts that all read as {}", reading.format))
        },
        None => Decision::new(MeasureKind::Varchar, format!("timestamps among other kinds: {}", several(kinds)))
            .but("not all values read as instants, so instants become ISO 8601 text"),
    }
}

fn numbers(kinds: &KindCounts, values: u64, sampled: bool) -> Decision {
    if kinds.numbers_too_large > 0 {
        return Decision::new(
            MeasureKind::Varchar,
            format!("{} too large for a DOUBLE among {values}", count_of(kinds.numbers_too_large, "number")),
        )
        .but("some numbers are too large for any numeric type, so all are kept as text");
    }
    let decimals = kinds.decimals + kinds.decimal_strings;
    let non_finite = kinds.non_finite + kinds.non_finite_strings;
    if decimals + non_finite > 0 {
        let whole = values - decimals - non_finite;
        let decision = Decision::new(
            MeasureKind::Double,
            format!("{}, {decimals} with decimals, {whole} whole; the type is fixed for ever", count_of(values, "number")),
        );
        return match kinds.wide_integers {
            0 => decision,
            wide => decision
                .but(format!("{} beyond 2^53, which a DOUBLE rounds; VARCHAR would keep them exact", count_of(wide, "whole number"))),
        };
    }
    let decision = Decision::new(
        MeasureKind::Bigint,
        format!("{}, all whole; the type is fixed for ever, and a later decimal is refused", count_of(values, "number")),
    );
    if !sampled {
        return decision;
    }
    let safe = if kinds.wide_integers > 0 { "DOUBLE would round its numbers beyond 2^53" } else { "DOUBLE is the safe type" };
    decision.but(format!("only whole numbers in a sample; a later decimal would be refused, for the type is fixed for ever. {safe}"))
}

fn strings(column: &ColumnSurvey, values: u64, csv_only: bool) -> Decision {
    let kinds = &column.kinds;
    let mut reason = format!("{}, the longest of {} bytes", count_of(values, "text"), column.string_bytes_max);
    let as_time = column.times.iter().find(|reading| reading.unreadable == 0);
    if let Some(reading) = as_time {
        reason.push_str(&format!("; all of them read as {}, so TIMESTAMP with that format would do too", reading.format));
    } else if kinds.numeric_strings() == values {
        reason.push_str("; all of them are numbers written as text, and stay as they were sent");
    }
    let decision = Decision::new(MeasureKind::Varchar, reason);
    let numeric = kinds.numeric_strings();
    let struct_text = column.examples.iter().any(|example| example.starts_with('{') && example.contains('='));
    if struct_text {
        return decision.but("looks like Athena's text of a nested value, which is no JSON and cannot be taken apart again");
    }
    if csv_only && numeric > 0 && numeric < values {
        return decision
            .but(format!("{numeric} of {values} texts read as numbers and the others do not; a numeric type would quarantine those"));
    }
    decision
}

fn several(kinds: &KindCounts) -> String {
    let counts = [
        (kinds.booleans, "boolean"),
        (kinds.numbers(), "number"),
        (kinds.strings, "text"),
        (kinds.timestamps, "timestamp"),
        (kinds.arrays, "array"),
    ];
    let parts: Vec<String> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| count_of(*count, what)).collect();
    parts.join(", ")
}
