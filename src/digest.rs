//! The digest of a row that both sides of a verification can compute: this program from a source row, the target from
//! its own SQL. Sums of it over a bucket do not depend on the order of rows.
//!
//! The text of a row is `time|measure name|dimensions…|measures…`, every part closed by `|`: nanoseconds, then names and
//! strings as `<characters>:<text>`, numbers and booleans as the target's own `CAST(… AS varchar)` writes them, `~` for
//! what is absent. Its digest is `from_big_endian_64(xxhash64(CAST(text AS varbinary))) % 2^40`, which leaves room to add
//! up 2^23 rows in a bigint. A digest that differs only sends the verifier to the rows themselves; it is never a verdict.
//!
//! May be used by `verify` (source side), `target` (emits the same rule as SQL) and `local` (the number format only).

use std::fmt::Write as _;

use xxhash_rust::xxh64::xxh64;

use crate::record::{Measure, MeasureKind, Record};

/// Row digests lie strictly between minus and plus this.
pub const DIGEST_MODULUS: i64 = 1 << 40;

/// The digest of `record`, with `dimensions` and `measures` in the order of the table's shape.
#[must_use]
pub fn row_digest(record: &Record, dimensions: &[String], measures: &[(String, MeasureKind)]) -> i64 {
    let text = row_text(record, dimensions, measures);
    i64::from_be_bytes(xxh64(text.as_bytes(), 0).to_be_bytes()) % DIGEST_MODULUS
}

/// Dimension values are spread over so many slices: a power of two, so that fewer, larger ones are made of it by `% n`.
pub const SLICES_MAX: u16 = 4096;

/// The slice of `record`, by the values of its `dimensions` alone, so that all rows of a device are in one.
///
/// The text is `<characters>:<text>|` for every dimension, `~|` for one that is absent; the slice is
/// `abs(from_big_endian_64(xxhash64(CAST(text AS varbinary))) % 4096)`.
#[must_use]
pub fn dimension_slice(record: &Record, dimensions: &[String]) -> u16 {
    let mut text = String::new();
    push_dimensions(&mut text, record, dimensions);
    let hash = i64::from_be_bytes(xxh64(text.as_bytes(), 0).to_be_bytes());
    // The remainder is below 4096.
    u16::try_from(hash.unsigned_abs() % u64::from(SLICES_MAX)).unwrap_or_default()
}

/// The text that is hashed.
#[must_use]
pub fn row_text(record: &Record, dimensions: &[String], measures: &[(String, MeasureKind)]) -> String {
    let mut text = format!("{}|", record.time.0);
    push_string(&mut text, &record.measure_name);
    push_dimensions(&mut text, record, dimensions);
    for (name, _) in measures {
        match record.measures.iter().find(|(n, _)| **n == **name) {
            None => text.push_str("~|"),
            Some((_, Measure::Varchar(value))) => push_string(&mut text, value),
            Some((_, Measure::Double(value))) => {
                text.push_str(&double_text(*value));
                text.push('|');
            }
            Some((_, Measure::Bigint(value))) => push_display(&mut text, value),
            Some((_, Measure::Boolean(value))) => push_display(&mut text, value),
            Some((_, Measure::Timestamp(value))) => push_display(&mut text, value.0),
        }
    }
    text
}

fn push_dimensions(text: &mut String, record: &Record, dimensions: &[String]) {
    for name in dimensions {
        match record.dimensions.iter().find(|(n, _)| **n == **name) {
            Some((_, value)) => push_string(text, value),
            None => text.push_str("~|"),
        }
    }
}

fn push_string(text: &mut String, value: &str) {
    push_display(text, format_args!("{}:{value}", value.chars().count()));
}

fn push_display(text: &mut String, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    write!(text, "{value}|").unwrap_or_default();
}

/// A double as `CAST(x AS varchar)` writes it on the JVM: plain from 1e-3 up to 1e7, else `d.dE-n`; always with a
/// point. Inferred (docs/fidelity.md, Numbers as text). Minus zero is zero to the target.
#[must_use]
pub fn double_text(value: f64) -> String {
    if value == 0.0 {
        return "0.0".to_owned();
    }
    if (1e-3..1e7).contains(&value.abs()) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let scientific = format!("{value:E}");
    match scientific.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Nanos;

    #[test]
    fn doubles_are_written_as_on_the_jvm() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (20.0, "20.0"),
            (23.5, "23.5"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (-1.25e-9, "-1.25E-9"),
            (f64::MAX, "1.7976931348623157E308"),
        ] {
            assert_eq!(double_text(value), text);
        }
    }

    #[test]
    fn absent_and_empty_and_neighbouring_values_have_different_texts() {
        let record = |a: Option<&str>, b: Option<&str>| Record {
            dimensions: vec![("device".into(), "d|1".into())],
            measure_name: "m".into(),
            measures: [("a", a), ("b", b)].into_iter().filter_map(|(n, v)| Some((n.into(), Measure::Varchar(v?.to_owned())))).collect(),
            time: Nanos(5),
        };
        let shape = (vec!["device".to_owned()], vec![("a".to_owned(), MeasureKind::Varchar), ("b".to_owned(), MeasureKind::Varchar)]);
        let text = |r: &Record| row_text(r, &shape.0, &shape.1);
        assert_eq!(text(&record(Some("é~"), None)), "5|1:m|3:d|1|2:é~|~|");
        assert_ne!(text(&record(Some("~"), None)), text(&record(None, Some("~"))));
        assert_ne!(text(&record(Some("x|1:y"), None)), text(&record(Some("x"), Some("y"))));
    }
}
