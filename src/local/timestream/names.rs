//! What the service forbids in the names of dimensions and measures, beyond the API model.
//!
//! The two pages that list reserved names differ; this is their union (facts §1.1).

/// Bytes of a dimension name.
pub(super) const DIMENSION_NAME_BYTES_MAX: usize = 60;
/// Bytes of a measure name, a database name, a table name.
pub(super) const NAME_BYTES_MAX: usize = 256;

const RESERVED: [&str; 4] = ["measure_name", "measure_value", "time", "ts_non_existent_col"];
const RESERVED_PREFIXES: [&str; 3] = ["measure_name", "measure_value", "ts_"];

/// Why `name` cannot name a dimension or a measure of a multi-measure record: both become columns. The service's words.
pub(super) fn column_name_problem(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some(format!("The name {name} is reserved and cannot be used as a dimension or measure name."));
    }
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        return Some(format!("The name {name} cannot be used as a dimension or measure name: the prefix {prefix} is reserved."));
    }
    if name.contains(':') {
        return Some(format!("The name {name} cannot be used as a dimension or measure name: it contains a colon."));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_and_prefixes_of_both_pages_are_refused() {
        for name in
            ["time", "measure_value", "measure_name", "ts_non_existent_col", "ts_x", "measure_name2", "measure_value::double", "a:b"]
        {
            assert!(column_name_problem(name).is_some(), "{name}");
        }
        for name in ["Time", "timestamp", "ts", "tsx", "measure", "температура", "12", "a.b-c d"] {
            assert_eq!(column_name_problem(name), None, "{name}");
        }
    }
}
