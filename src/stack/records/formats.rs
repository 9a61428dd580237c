//! Time formats as Python expressions over `instants.py`.

use crate::python;
use crate::time::TimeFormat;
use crate::time::java::{Field, JavaPattern, Part, Presence};

/// The formats of one module: a Java pattern is compiled once, under a name.
#[derive(Debug, Default)]
pub(super) struct Formats {
    patterns: Vec<JavaPattern>,
}

impl Formats {
    /// The expression of a format.
    pub(super) fn expression(&mut self, format: &TimeFormat) -> String {
        match format {
            TimeFormat::EpochSeconds => "instants.epoch_s".to_owned(),
            TimeFormat::EpochMillis => "instants.epoch_ms".to_owned(),
            TimeFormat::EpochMicros => "instants.epoch_us".to_owned(),
            TimeFormat::EpochNanos => "instants.epoch_ns".to_owned(),
            TimeFormat::Iso8601 => "instants.iso8601".to_owned(),
            TimeFormat::Athena => "instants.athena".to_owned(),
            TimeFormat::Java(pattern) => {
                let at = self.patterns.iter().position(|known| known == pattern).unwrap_or_else(|| {
                    self.patterns.push(pattern.clone());
                    self.patterns.len() - 1
                });
                format!("PATTERN_{}", at + 1)
            }
        }
    }

    /// The statements that compile the patterns asked for so far.
    pub(super) fn statements(&self) -> String {
        let mut code = String::new();
        for (at, pattern) in (1..).zip(&self.patterns) {
            code.push_str(&format!("\n{}\nPATTERN_{at} = instants.java(\n", python::comment(&format!("The Java pattern {pattern}"))));
            push_parts(&mut code, pattern.parts(), 1);
            code.push_str(")\n");
        }
        code
    }
}

fn push_parts(code: &mut String, parts: &[Part], depth: usize) {
    let indent = "    ".repeat(depth);
    for part in parts {
        let call = match part {
            Part::Literal(text) => format!("literal({})", python::string(text)),
            Part::Number { field, digits_min, digits_max, reserve } => {
                let reserve = if *reserve == 0 { String::new() } else { format!(", reserve={reserve}") };
                format!("number({}, {digits_min}, {digits_max}{reserve})", python::string(field_name(*field)))
            }
            Part::Fraction(digits) => format!("fraction({digits})"),
            Part::HalfDay => "half_day()".to_owned(),
            Part::Offset { zulu, colon, minutes, seconds } => {
                let truth = |truth: &bool| if *truth { "True" } else { "False" };
                let (minutes, seconds) = (presence_name(*minutes), presence_name(*seconds));
                format!("offset(zulu={}, colon={}, minutes=\"{minutes}\", seconds=\"{seconds}\")", truth(zulu), truth(colon))
            }
            Part::ZoneName => "zone_name()".to_owned(),
            Part::Optional(inner) => {
                code.push_str(&format!("{indent}instants.optional(\n"));
                push_parts(code, inner, depth + 1);
                code.push_str(&format!("{indent}),\n"));
                continue;
            }
        };
        code.push_str(&format!("{indent}instants.{call},\n"));
    }
}

fn field_name(field: Field) -> &'static str {
    match field {
        Field::Year => "year",
        Field::ShortYear => "short_year",
        Field::Month => "month",
        Field::Day => "day",
        Field::Hour => "hour",
        Field::ClockHour => "clock_hour",
        Field::HalfHour => "half_hour",
        Field::Minute => "minute",
        Field::Second => "second",
        Field::Nano => "nano",
    }
}

fn presence_name(presence: Presence) -> &'static str {
    match presence {
        Presence::Never => "never",
        Presence::Optional => "optional",
        Presence::Always => "always",
    }
}
