//! What Timestream lets a thing be called (facts: WriteRecords limits, names).
//!
//! The service words its rule twice and differently; both are obeyed. Control characters are refused besides: nothing says
//! that they are legal, and no query could show them.

use std::collections::BTreeSet;

/// Longest name of a dimension, in bytes.
pub const DIMENSION_NAME_BYTES_MAX: usize = 60;
/// Longest name of a measure, in bytes.
pub const MEASURE_NAME_BYTES_MAX: usize = 256;
/// Longest and shortest name of a table or database, in bytes (AWS::Timestream::Table: `[a-zA-Z0-9_.-]{3,256}`).
pub const RESOURCE_NAME_BYTES_MAX: usize = 256;
pub const RESOURCE_NAME_BYTES_MIN: usize = 3;

/// Names that the service keeps for itself.
const RESERVED: [&str; 4] = ["measure_name", "measure_value", "time", "ts_non_existent_col"];
const RESERVED_PREFIXES: [&str; 3] = ["ts_", "measure_name", "measure_value"];

/// What a proposal puts in front of a name that the service keeps for itself.
const PREFIX: &str = "col_";

/// Why a name is not legal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    #[error("it is empty")]
    Empty,
    #[error("it has {bytes} bytes; at most {bytes_max} are allowed")]
    TooLong { bytes: usize, bytes_max: usize },
    #[error("it has {bytes} bytes; at least {bytes_min} are needed")]
    TooShort { bytes: usize, bytes_min: usize },
    #[error("Timestream reserves it")]
    Reserved,
    #[error("Timestream reserves names that begin with `{0}`")]
    ReservedPrefix(&'static str),
    #[error("it holds {0:?}, which is not allowed")]
    Character(char),
}

/// A legal name of a dimension?
pub fn dimension_name(name: &str) -> Result<(), NameProblem> {
    column_name(name, DIMENSION_NAME_BYTES_MAX)
}

/// A legal name of a measure, and of the multi-measure as a whole?
pub fn measure_name(name: &str) -> Result<(), NameProblem> {
    column_name(name, MEASURE_NAME_BYTES_MAX)
}

/// A legal name of a table?
pub fn table_name(name: &str) -> Result<(), NameProblem> {
    resource_name(name)
}

/// A legal name of a database?
pub fn database_name(name: &str) -> Result<(), NameProblem> {
    resource_name(name)
}

fn column_name(name: &str, bytes_max: usize) -> Result<(), NameProblem> {
    if name.is_empty() {
        return Err(NameProblem::Empty);
    }
    if name.len() > bytes_max {
        return Err(NameProblem::TooLong { bytes: name.len(), bytes_max });
    }
    if RESERVED.contains(&name) {
        return Err(NameProblem::Reserved);
    }
    if let Some(prefix) = RESERVED_PREFIXES.into_iter().find(|prefix| name.starts_with(prefix)) {
        return Err(NameProblem::ReservedPrefix(prefix));
    }
    match name.chars().find(|c| *c == ':' || c.is_control()) {
        Some(c) => Err(NameProblem::Character(c)),
        None => Ok(()),
    }
}

fn resource_name(name: &str) -> Result<(), NameProblem> {
    match name.len() {
        0 => return Err(NameProblem::Empty),
        bytes if bytes > RESOURCE_NAME_BYTES_MAX => return Err(NameProblem::TooLong { bytes, bytes_max: RESOURCE_NAME_BYTES_MAX }),
        bytes if bytes < RESOURCE_NAME_BYTES_MIN => return Err(NameProblem::TooShort { bytes, bytes_min: RESOURCE_NAME_BYTES_MIN }),
        _ => {}
    }
    match name.chars().find(|c| !is_resource_character(*c)) {
        Some(c) => Err(NameProblem::Character(c)),
        None => Ok(()),
    }
}

fn is_resource_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// A name like `name` that is legal for a dimension and for a measure. Letters and digits of every script, `_`, `-` and `.`
/// stay, all else becomes `_`; a legal name that is made of those only comes back as it is.
#[must_use]
pub fn legalise(name: &str) -> String {
    legal_column_name(name, DIMENSION_NAME_BYTES_MAX)
}

/// As [`legalise`], with the length of a measure's name.
#[must_use]
pub fn legalise_measure(name: &str) -> String {
    legal_column_name(name, MEASURE_NAME_BYTES_MAX)
}

fn legal_column_name(name: &str, bytes_max: usize) -> String {
    let tame: String = name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' }).collect();
    let lower = tame.to_lowercase();
    let reserved = RESERVED.contains(&lower.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    let whole = if tame.is_empty() || reserved { format!("{PREFIX}{tame}") } else { tame };
    cut(&whole, bytes_max).to_owned()
}

/// A table's or database's name like `name`.
#[must_use]
pub fn legalise_resource(name: &str) -> String {
    let tame: String = name.chars().map(|c| if is_resource_character(c) { c } else { '_' }).collect();
    cut(&format!("{tame:_<RESOURCE_NAME_BYTES_MIN$}"), RESOURCE_NAME_BYTES_MAX).to_owned()
}

/// `name`, or `name_2`, `name_3` and so on: the first that is not taken, whatever its case. It is taken afterwards.
///
/// Timestream tells `Temp` from `temp`; people and most SQL tools do not.
pub fn unique(name: &str, bytes_max: usize, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number: u64 = 1;
    while !taken.insert(candidate.to_lowercase()) {
        number += 1;
        let ending = format!("_{number}");
        candidate = format!("{}{ending}", cut(name, bytes_max.saturating_sub(ending.len())));
    }
    candidate
}

/// The beginning of `text`, at most `bytes_max`, whole characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_wordings_of_the_rule_are_obeyed() {
        for reserved in ["time", "measure_value", "ts_non_existent_col", "measure_name"] {
            assert!(dimension_name(reserved).is_err() && measure_name(reserved).is_err(), "{reserved}");
        }
        assert_eq!(measure_name("ts_ms"), Err(NameProblem::ReservedPrefix("ts_")));
        assert_eq!(measure_name("measure_value::double"), Err(NameProblem::ReservedPrefix("measure_value")));
        assert_eq!(dimension_name("measure_names"), Err(NameProblem::ReservedPrefix("measure_name")));
        assert_eq!(dimension_name("a:b"), Err(NameProblem::Character(':')));
        assert_eq!(dimension_name("a\u{1b}[31m"), Err(NameProblem::Character('\u{1b}')));
        for legal in ["ts", "Time", "température", "a b", "timestamp", "tsx"] {
            assert_eq!(dimension_name(legal), Ok(()), "{legal}");
        }
    }

    #[test]
    fn lengths_are_counted_in_bytes() {
        assert_eq!(dimension_name(&"x".repeat(60)), Ok(()));
        assert_eq!(dimension_name(&"é".repeat(31)), Err(NameProblem::TooLong { bytes: 62, bytes_max: 60 }));
        assert_eq!(measure_name(&"x".repeat(256)), Ok(()));
        assert!(measure_name(&"x".repeat(257)).is_err());
        assert_eq!(table_name("ab"), Err(NameProblem::TooShort { bytes: 2, bytes_min: 3 }));
        assert!(database_name("a b c").is_err());
    }

    #[test]
    fn proposals_stay_close_to_the_name() {
        for (name, proposed) in
            [("deviceId", "deviceId"), ("temp °C", "temp__C"), ("time", "col_time"), ("ts_ms", "col_ts_ms"), ("", "col_"), ("a\nb", "a_b")]
        {
            assert_eq!(legalise(name), proposed);
        }
        assert_eq!((legalise_resource("é"), legalise_resource("plant floor")), ("___".to_owned(), "plant_floor".to_owned()));
    }

    proptest! {
        #[test]
        fn proposals_are_legal_whatever_the_name(name in ".{0,400}") {
            prop_assert_eq!(dimension_name(&legalise(&name)), Ok(()));
            prop_assert_eq!(measure_name(&legalise_measure(&name)), Ok(()));
            prop_assert_eq!(table_name(&legalise_resource(&name)), Ok(()));
        }

        #[test]
        fn proposals_never_share_a_name(names in prop::collection::vec("[aAbB_:]{0,3}|x{250,300}|time|TS_é*", 0..30)) {
            let mut taken = BTreeSet::new();
            let made: Vec<String> = names.iter().map(|name| unique(&legalise_measure(name), MEASURE_NAME_BYTES_MAX, &mut taken)).collect();
            let different: BTreeSet<String> = made.iter().map(|name| name.to_lowercase()).collect();
            prop_assert_eq!(different.len(), made.len());
            for name in &made {
                prop_assert_eq!(measure_name(name), Ok(()));
            }
        }
    }
}
