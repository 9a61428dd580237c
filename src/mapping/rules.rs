//! The decisions of a mapping: which column becomes what. Written by a proposal, edited by a person, obeyed by the mapper.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::path::ColumnPath;
use crate::record::MeasureKind;
use crate::time::TimeFormat;

/// How the rows of one store, or those of them that a route picks, become the records of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableMapping {
    /// The datastore whose rows these are.
    pub store: String,
    /// Which of the store's rows; all of them where there is none. A store with several mappings has one in each.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub route: Option<Route>,
    /// The Timestream table they go to.
    pub table: String,
    pub time: TimeRule,
    /// The one multi-measure name of these records. Mappings of one table have different ones.
    pub measure_name: Arc<str>,
    /// Sorted by name.
    pub dimensions: Vec<DimensionRule>,
    pub measures: Vec<MeasureRule>,
    /// Columns that are left behind on purpose.
    pub ignored: Vec<ColumnPath>,
    pub policies: Policies,
}

/// Which rows of its store a mapping takes: those with certain values in one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The same in all mappings of a store.
    pub column: ColumnPath,
    pub takes: Takes,
}

/// The rows that a route takes. Values are compared as text: numbers by their own digits, so `1` and `"1"` are one value,
/// and `1` and `1.0` are two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Takes {
    /// Rows with one of these values. Never empty, and none of them is the empty text.
    Values(Vec<String>),
    /// Rows that no other mapping of the store takes, those without a value among them.
    Otherwise,
}

/// Which column is the event time. Never `__dt`, never the present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeRule {
    pub column: ColumnPath,
    pub format: TimeFormat,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DimensionRule {
    pub column: ColumnPath,
    pub name: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureRule {
    pub column: ColumnPath,
    pub name: Arc<str>,
    pub kind: MeasureKind,
    /// Only for [`MeasureKind::Timestamp`]: how the column is written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub format: Option<TimeFormat>,
}

/// What is done with values that have no single right answer. Each is a setting with a stated default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    pub nested: Nested,
    pub empty_strings: EmptyStrings,
    pub non_finite: NonFinite,
    pub oversize_strings: OversizeStrings,
    pub missing_dimension: MissingDimension,
    pub wrong_type: WrongType,
    pub unknown_column: UnknownColumn,
    pub collisions: Collisions,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            nested: Nested::Flatten { separator: "_".to_owned() },
            empty_strings: EmptyStrings::Omit,
            non_finite: NonFinite::Omit,
            oversize_strings: OversizeStrings::Quarantine,
            missing_dimension: MissingDimension::Omit,
            wrong_type: WrongType::Quarantine,
            unknown_column: UnknownColumn::Quarantine,
            collisions: Collisions::Quarantine,
        }
    }
}

/// How objects and arrays are proposed: one column a leaf, or one column of JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nested {
    Flatten { separator: String },
    JsonText,
}

/// Timestream has no empty string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyStrings {
    /// The measure or dimension is left out, as a null is.
    Omit,
    Quarantine,
}

/// Timestream cannot store NaN and the infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonFinite {
    Omit,
    Quarantine,
}

/// A string value ends at 2,048 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OversizeStrings {
    Quarantine,
    /// Cut at the last whole character that fits.
    Truncate,
}

/// A dimension whose column is missing or null in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingDimension {
    /// The record goes without it, as long as one dimension is left.
    Omit,
    Quarantine,
    /// This text stands in for it.
    Fill(String),
}

/// A value that is not of its measure's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongType {
    Quarantine,
    /// The measure is left out of the record, and counted.
    Omit,
}

/// A column that the mapping does not name (possible after a sampled survey, or when the source grew).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownColumn {
    Quarantine,
    Ignore,
}

/// Rows with the same dimensions, measure name and time, and other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collisions {
    /// None of them is written; all are kept, each naming the others.
    Quarantine,
    /// The first in the history's order is written, the others are quarantined and name it.
    KeepFirst,
    /// The last is written.
    KeepLast,
}
