//! What a survey measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::history::{Format, Layout};
use crate::path::ColumnPath;
use crate::time::{Nanos, TimeFormat};

/// What the history holds, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    pub extent: Extent,
    /// By datastore name.
    pub stores: BTreeMap<String, StoreSurvey>,
}

/// How much was read. Figures of a sample are of the sample, never scaled up silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Extent {
    Full,
    /// `objects_read` of `objects_total`, at most `rows_per_object_max` rows of each.
    Sample {
        objects_read: u64,
        objects_total: u64,
        rows_per_object_max: u64,
    },
}

/// Without a row and without a column: what a survey starts from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StoreSurvey {
    pub layouts: Vec<Layout>,
    pub formats: Vec<Format>,
    /// All objects of the store and their bytes, from the listing.
    pub objects: u64,
    pub bytes: u64,
    /// Rows decoded.
    pub rows: u64,
    pub bad_rows: u64,
    /// Messages that a pipeline drops. None but where rows come from a channel.
    #[serde(default)]
    pub filtered_rows: u64,
    /// Objects that could not be read to their end, key and reason, in the listing's order.
    pub damaged: Vec<(String, String)>,
    /// Objects that hold no row.
    pub empty_objects: u64,
    /// True when not every row of every object was read: the figures are of a sample.
    pub sampled: bool,
    /// In order of first appearance; at most [`COLUMNS_MAX`].
    pub columns: Vec<ColumnSurvey>,
    /// Values that belong to columns beyond [`COLUMNS_MAX`], or to a top-level column without a name.
    pub values_beyond_columns: u64,
}

/// More columns of one store than this are counted and not measured. Timestream itself ends at 128 dimensions and 1,024
/// measures a table (facts: WriteRecords limits).
pub const COLUMNS_MAX: usize = 4_096;

/// True for the columns that the service adds to a store's keys (facts: datastore keys, custom partitions). No message
/// can hold such a name: two leading underscores are not allowed there.
#[must_use]
pub fn is_partition_column(name: &str) -> bool {
    matches!(name, "__dt" | "__year" | "__month" | "__day" | "__hour") || name.starts_with("__partition_")
}

/// One leaf column: nested objects are followed to their leaves, arrays are leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSurvey {
    pub path: ColumnPath,
    /// Other spellings that were counted as this column, because they differ in case only and no row has both: Athena
    /// lower-cases the names in a delivered CSV of a store whose messages say `deviceId`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_spellings: Vec<String>,
    /// True for a column that comes from the object's key.
    pub partition: bool,
    /// Rows that have the column, null or not.
    pub present: u64,
    pub kinds: KindCounts,
    /// The longest text of the column in bytes: a string, or an array as JSON.
    pub string_bytes_max: u64,
    /// Different values seen, counted up to [`DISTINCT_MAX`].
    pub distinct: u64,
    /// True when there are more than [`DISTINCT_MAX`], or when all columns together had too many to go on counting.
    pub distinct_more: bool,
    /// How many there are: exactly, or within a few percent when `distinct_more` is true.
    #[serde(default)]
    pub distinct_estimate: u64,
    /// The most frequent values with their row counts, at most 20. Exact while `distinct_more` is false; otherwise they
    /// are of the rows before the counting stopped.
    pub frequent: Vec<(String, u64)>,
    /// Formats in which more values than not could be read as a plausible instant, the one that reads most of them first.
    pub times: Vec<TimeReading>,
    /// A few values as they stand, for messages.
    pub examples: Vec<String>,
}

/// Distinct values are counted exactly up to here.
pub const DISTINCT_MAX: u64 = 10_000;

/// How many values of each kind a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KindCounts {
    pub nulls: u64,
    pub booleans: u64,
    /// Numbers that are whole and fit 64 bits, however written (`27`, `27.0`).
    pub integers: u64,
    /// Numbers that are not, and fit a double.
    pub decimals: u64,
    /// Numbers that fit neither.
    pub numbers_too_large: u64,
    /// Whole numbers beyond 2^53, strings among them, whether they fit 64 bits or not: a DOUBLE would round them.
    #[serde(default)]
    pub wide_integers: u64,
    /// Strings, all kinds together, empty ones apart.
    pub strings: u64,
    pub empty_strings: u64,
    /// Of the strings, those that read as an integer of 64 bits.
    pub integer_strings: u64,
    /// Of the strings, those that read as another number.
    pub decimal_strings: u64,
    /// Of the strings, `true` and `false` in any case.
    pub boolean_strings: u64,
    /// Of the strings, `NaN`, `Infinity` and `-Infinity`, as Athena writes them.
    #[serde(default)]
    pub non_finite_strings: u64,
    pub timestamps: u64,
    pub non_finite: u64,
    pub arrays: u64,
    /// Objects without any key; others are followed to their leaves.
    pub empty_objects: u64,
}

/// A column read as instants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeReading {
    pub format: TimeFormat,
    pub earliest: Nanos,
    pub latest: Nanos,
    /// Values that this format cannot read.
    #[serde(default)]
    pub unreadable: u64,
}

impl KindCounts {
    /// Values that say something: neither null, nor an empty string, nor an object without keys.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.booleans + self.numbers() + self.strings + self.timestamps + self.arrays
    }

    /// Numbers of every size, written as such.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.integers + self.decimals + self.numbers_too_large + self.non_finite
    }

    /// Strings that read as a number, NaN and the infinities among them.
    #[must_use]
    pub fn numeric_strings(&self) -> u64 {
        self.integer_strings + self.decimal_strings + self.non_finite_strings
    }

    /// These counts and those of `other`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            nulls: self.nulls + other.nulls,
            booleans: self.booleans + other.booleans,
            integers: self.integers + other.integers,
            decimals: self.decimals + other.decimals,
            numbers_too_large: self.numbers_too_large + other.numbers_too_large,
            wide_integers: self.wide_integers + other.wide_integers,
            strings: self.strings + other.strings,
            empty_strings: self.empty_strings + other.empty_strings,
            integer_strings: self.integer_strings + other.integer_strings,
            decimal_strings: self.decimal_strings + other.decimal_strings,
            boolean_strings: self.boolean_strings + other.boolean_strings,
            non_finite_strings: self.non_finite_strings + other.non_finite_strings,
            timestamps: self.timestamps + other.timestamps,
            non_finite: self.non_finite + other.non_finite,
            arrays: self.arrays + other.arrays,
            empty_objects: self.empty_objects + other.empty_objects,
        }
    }
}
