//! What the service takes (facts: WriteRecords limits and naming rules), in bytes of UTF-8 unless a name says otherwise.

pub const DIMENSIONS_PER_RECORD_MAX: usize = 128;
pub const MEASURES_PER_RECORD_MAX: usize = 256;
pub const DIMENSION_NAME_BYTES_MAX: usize = 60;
pub const MEASURE_NAME_BYTES_MAX: usize = 256;
/// All names and values of a record's dimensions together.
pub const DIMENSIONS_BYTES_MAX: usize = 2048;
/// A string measure.
pub const STRING_BYTES_MAX: usize = 2048;
/// All measure values of a multi-measure record together.
pub const MEASURES_BYTES_MAX: usize = 2048;
/// A query string, in characters.
pub const QUERY_CHARACTERS_MAX: usize = 262_144;
pub const MEMORY_HOURS_MAX: u64 = 8_766;
pub const MAGNETIC_DAYS_MAX: u64 = 73_000;

/// Whether `name` may not name a dimension or measure (facts: the union of what two pages of the documentation say).
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    matches!(name, "time" | "ts_non_existent_col")
        || name.starts_with("ts_")
        || name.starts_with("measure_name")
        || name.starts_with("measure_value")
}
