//! Whether one record can be part of a request, by itself: the service refuses all hundred for the sake of one.
//!
//! The mapping refuses most of this before; here it is checked again, at the last place before the wire, against what the
//! service states and nothing else.

use std::collections::BTreeSet;

use super::limits::{
    DIMENSION_NAME_BYTES_MAX, DIMENSIONS_BYTES_MAX, DIMENSIONS_PER_RECORD_MAX, MEASURE_NAME_BYTES_MAX, MEASURES_BYTES_MAX,
    MEASURES_PER_RECORD_MAX, STRING_BYTES_MAX, is_reserved,
};
use crate::record::{Measure, Record};

/// Why a record cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it has no dimension")]
    NoDimension,
    #[error("it has {0} dimensions; {DIMENSIONS_PER_RECORD_MAX} are allowed")]
    TooManyDimensions(usize),
    #[error("it has no measure")]
    NoMeasure,
    #[error("it has {0} measures; {MEASURES_PER_RECORD_MAX} are allowed")]
    TooManyMeasures(usize),
    #[error("`{name}` is no name for a {what}: {why}")]
    Name { what: &'static str, name: String, why: String },
    #[error("dimension `{0}` is empty")]
    EmptyDimension(String),
    #[error("`{0}` names two columns")]
    TwiceNamed(String),
    #[error("names and values of its dimensions have {0} bytes; {DIMENSIONS_BYTES_MAX} are allowed")]
    DimensionBytes(usize),
    #[error("measure `{name}` has {bytes} bytes; 1 to {STRING_BYTES_MAX} are allowed")]
    StringBytes { name: String, bytes: usize },
    #[error("its measure values have {0} bytes; {MEASURES_BYTES_MAX} are allowed")]
    MeasureBytes(usize),
    #[error("measure `{0}` is not a finite number")]
    NonFinite(String),
}

/// Whether the service could take `record`.
///
/// # Errors
/// The first limit that it breaks.
pub fn validate(record: &Record) -> Result<(), Unfit> {
    check_name("measure name", &record.measure_name, MEASURE_NAME_BYTES_MAX, false)?;
    let mut names = BTreeSet::new();
    check_dimensions(record, &mut names)?;
    check_measures(record, &mut names)
}

fn check_dimensions<'a>(record: &'a Record, names: &mut BTreeSet<&'a str>) -> Result<(), Unfit> {
    match record.dimensions.len() {
        0 => return Err(Unfit::NoDimension),
        count if count > DIMENSIONS_PER_RECORD_MAX => return Err(Unfit::TooManyDimensions(count)),
        _ => {}
    }
    let mut bytes = 0;
    for (name, value) in &record.dimensions {
        check_name("dimension", name, DIMENSION_NAME_BYTES_MAX, true)?;
        if value.is_empty() {
            return Err(Unfit::EmptyDimension(name.to_string()));
        }
        if !names.insert(name) {
            return Err(Unfit::TwiceNamed(name.to_string()));
        }
        bytes += name.len() + value.len();
    }
    if bytes > DIMENSIONS_BYTES_MAX { Err(Unfit::DimensionBytes(bytes)) } else { Ok(()) }
}

fn check_measures<'a>(record: &'a Record, names: &mut BTreeSet<&'a str>) -> Result<(), Unfit> {
    match record.measures.len() {
        0 => return Err(Unfit::NoMeasure),
        count if count > MEASURES_PER_RECORD_MAX => return Err(Unfit::TooManyMeasures(count)),
        _ => {}
    }
    let mut bytes = 0;
    for (name, measure) in &record.measures {
        check_name("measure", name, MEASURE_NAME_BYTES_MAX, true)?;
        if !names.insert(name) {
            return Err(Unfit::TwiceNamed(name.to_string()));
        }
        bytes += match measure {
            Measure::Double(value) if !value.is_finite() => return Err(Unfit::NonFinite(name.to_string())),
            Measure::Varchar(text) if text.is_empty() || text.len() > STRING_BYTES_MAX => {
                return Err(Unfit::StringBytes { name: name.to_string(), bytes: text.len() });
            }
            Measure::Varchar(text) => text.len(),
            Measure::Boolean(_) => 1,
            Measure::Double(_) | Measure::Bigint(_) | Measure::Timestamp(_) => 8,
        };
    }
    if bytes > MEASURES_BYTES_MAX { Err(Unfit::MeasureBytes(bytes)) } else { Ok(()) }
}

fn check_name(what: &'static str, name: &str, bytes_max: usize, is_column: bool) -> Result<(), Unfit> {
    let refuse = |why: String| Err(Unfit::Name { what, name: name.to_owned(), why });
    if name.is_empty() {
        return refuse("it is empty".to_owned());
    }
    if name.len() > bytes_max {
        return refuse(format!("it has {} bytes, and {bytes_max} are allowed", name.len()));
    }
    if is_column && is_reserved(name) {
        return refuse("it is reserved".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Nanos;

    fn record(dimensions: Vec<(&str, String)>, measures: Vec<(&str, Measure)>) -> Record {
        Record {
            dimensions: dimensions.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            measure_name: "telemetry".into(),
            measures: measures.into_iter().map(|(name, measure)| (name.into(), measure)).collect(),
            time: Nanos(1),
        }
    }

    fn with_measure(name: &str, measure: Measure) -> Record {
        record(vec![("device", "d".into())], vec![(name, measure)])
    }

    fn with_dimension(name: &str, value: &str) -> Record {
        record(vec![(name, value.into())], vec![("temp", Measure::Bigint(1))])
    }

    fn text(bytes: usize) -> Measure {
        Measure::Varchar("x".repeat(bytes))
    }

    #[test]
    fn each_limit_holds_at_its_edge_and_breaks_behind_it() {
        let numbered = |prefix: &str, count: usize| (0..count).map(|at| format!("{prefix}{at}")).collect::<Vec<_>>();
        let dimensions = |count| {
            let names = numbered("d", count);
            record(names.iter().map(|name| (name.as_str(), "v".to_owned())).collect(), vec![("m", Measure::Bigint(1))])
        };
        let measures = |count| {
            let names = numbered("m", count);
            record(vec![("d", "v".into())], names.iter().map(|name| (name.as_str(), Measure::Boolean(true))).collect())
        };
        for (fits, breaks) in [
            (dimensions(128), dimensions(129)),
            (measures(256), measures(257)),
            (with_dimension(&"d".repeat(60), "v"), with_dimension(&"d".repeat(61), "v")),
            (with_dimension(&"é".repeat(30), "v"), with_dimension(&"é".repeat(31), "v")),
            (with_measure(&"m".repeat(256), Measure::Bigint(1)), with_measure(&"m".repeat(257), Measure::Bigint(1))),
            (with_dimension("d", &"v".repeat(2047)), with_dimension("d", &"v".repeat(2048))),
            (with_measure("m", text(2048)), with_measure("m", text(2049))),
            (with_measure("m", text(1)), with_measure("m", text(0))),
            (with_measure("m", Measure::Double(f64::MAX)), with_measure("m", Measure::Double(f64::INFINITY))),
            (
                record(vec![("d", "v".into())], vec![("a", text(2000)), ("b", text(48))]),
                record(vec![("d", "v".into())], vec![("a", text(2000)), ("b", text(49))]),
            ),
        ] {
            assert_eq!(validate(&fits), Ok(()));
            assert!(validate(&breaks).is_err(), "{breaks:?}");
        }
    }

    #[test]
    fn what_has_nothing_to_say_or_says_it_twice_is_refused() {
        assert_eq!(validate(&record(vec![], vec![("m", Measure::Bigint(1))])), Err(Unfit::NoDimension));
        assert_eq!(validate(&record(vec![("d", "v".into())], vec![])), Err(Unfit::NoMeasure));
        assert_eq!(validate(&with_dimension("d", "")), Err(Unfit::EmptyDimension("d".into())));
        let overlap = record(vec![("a", "v".into())], vec![("a", Measure::Bigint(1))]);
        assert_eq!(validate(&overlap), Err(Unfit::TwiceNamed("a".into())));
    }

    #[test]
    fn reserved_names_are_refused() {
        for name in ["time", "ts_x", "measure_name", "measure_value", "measure_value::double", "ts_non_existent_col", ""] {
            assert!(validate(&with_measure(name, Measure::Bigint(1))).is_err(), "{name}");
            assert!(validate(&with_dimension(name, "v")).is_err(), "{name}");
        }
        assert_eq!(validate(&with_measure("Time", Measure::Bigint(1))), Ok(()));
    }
}
