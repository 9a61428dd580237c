//! One row in, one record or one reason out.

use std::sync::Arc;

use super::columns::Columns;
use super::refusal::{excerpt, shown};
use super::values::{self, Misfit};
use super::{
    EmptyStrings, MappingError, MeasureRule, MissingDimension, NonFinite, OversizeStrings, Refusal, RefusalCode, TableMapping,
    UnknownColumn, WrongType, check_rules,
};
use crate::history::Row;
use crate::path::ColumnPath;
use crate::record::{Measure, Record};
use crate::target::ReadShape;
use crate::time::Nanos;
use crate::value::Value;

/// The longest string value, in bytes (facts: WriteRecords limits).
pub const STRING_BYTES_MAX: usize = 2048;
/// All measure values of a record together, in bytes (facts: measure value size per multi-measure record).
pub const MEASURE_VALUES_BYTES_MAX: usize = 2048;
/// Names and values of a record's dimensions together, in bytes (facts: dimension name+value pair size per series).
pub const DIMENSIONS_BYTES_MAX: usize = 2048;

/// Obeys one table's rules. A pure function of the rules and the row.
#[derive(Debug)]
pub struct Mapper {
    rules: TableMapping,
    columns: Columns,
    time: usize,
    dimensions: Vec<usize>,
    measures: Vec<usize>,
}

/// What a row became.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    pub record: Record,
    /// Values that did not arrive, or not whole, because a policy says so. A null or missing value is none.
    pub omitted: Vec<Omission>,
}

/// One value that was left out or cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omission {
    /// The measure's name, or the dimension's.
    pub measure: Arc<str>,
    pub why: &'static str,
}

impl Mapper {
    /// Takes rules that [`check_rules`] finds nothing wrong with; sorts their dimensions by name.
    pub fn new(rules: &TableMapping) -> Result<Self, MappingError> {
        let problems = check_rules(rules);
        if !problems.is_empty() {
            return Err(MappingError::Rules { store: rules.store.clone(), problems });
        }
        let mut rules = rules.clone();
        rules.dimensions.sort_by(|a, b| a.name.cmp(&b.name));
        let (columns, paths) = Columns::new(&rules);
        // Every rule's column has a place by construction.
        let place = |column: &ColumnPath| paths.iter().position(|path| path == column).unwrap_or(usize::MAX);
        let time = place(&rules.time.column);
        let dimensions = rules.dimensions.iter().map(|rule| place(&rule.column)).collect();
        let measures = rules.measures.iter().map(|rule| place(&rule.column)).collect();
        Ok(Self { rules, columns, time, dimensions, measures })
    }

    /// The rules, dimensions sorted by name.
    #[must_use]
    pub fn rules(&self) -> &TableMapping {
        &self.rules
    }

    /// How the table's rows are read back.
    #[must_use]
    pub fn shape(&self) -> ReadShape {
        ReadShape {
            table: self.rules.table.clone(),
            measure_name: self.rules.measure_name.to_string(),
            reads: crate::target::Reads::All,
            dimensions: self.rules.dimensions.iter().map(|rule| rule.name.to_string()).collect(),
            measures: self.rules.measures.iter().map(|rule| (rule.name.to_string(), rule.kind)).collect(),
        }
    }

    /// The record that `row` becomes, or the one reason why it becomes none: the first that is met in the order of
    /// [`RefusalCode::ALL`], measures in the order of their rules.
    pub fn map(&self, row: &Row) -> Result<Mapped, Refusal> {
        let found = self.columns.find(&row.columns);
        if let (Some(column), UnknownColumn::Quarantine) = (&found.unknown, self.rules.policies.unknown_column) {
            let detail = format!("the mapping does not name the column {}", shown(column));
            return Err(Refusal { code: RefusalCode::UnknownColumn, column: Some(column.clone()), detail });
        }
        let value = |place: usize| found.values.get(place).copied().flatten();
        let mut omitted = Vec::new();
        let time = self.time(value(self.time))?;
        let dimensions = self.dimensions(value, &mut omitted)?;
        let measures = self.measures(value, &mut omitted)?;
        Ok(Mapped { record: Record { dimensions, measure_name: self.rules.measure_name.clone(), measures, time }, omitted })
    }

    fn time(&self, value: Option<&Value>) -> Result<Nanos, Refusal> {
        let column = &self.rules.time.column;
        match value {
            None => Err(refuse(RefusalCode::NoTime, column, format!("the time column {} is missing or null", shown(column)))),
            Some(Value::String(text)) if text.is_empty() => {
                Err(refuse(RefusalCode::NoTime, column, format!("the time column {} is empty", shown(column))))
            }
            Some(value) => self
                .rules
                .time
                .format
                .read(value)
                .map_err(|error| refuse(RefusalCode::BadTime, column, format!("the time column {}: {error}", shown(column)))),
        }
    }

    fn dimensions<'r>(
        &self,
        value: impl Fn(usize) -> Option<&'r Value>,
        omitted: &mut Vec<Omission>,
    ) -> Result<Vec<(Arc<str>, String)>, Refusal> {
        let mut dimensions = Vec::with_capacity(self.rules.dimensions.len());
        let mut bytes = 0;
        for (rule, place) in self.rules.dimensions.iter().zip(&self.dimensions) {
            let text = match value(*place) {
                None => None,
                Some(Value::String(text)) if text.is_empty() => {
                    if self.rules.policies.empty_strings == EmptyStrings::Quarantine {
                        let detail = format!("the dimension {} is an empty string", shown(&rule.column));
                        return Err(refuse(RefusalCode::EmptyString, &rule.column, detail));
                    }
                    if self.rules.policies.missing_dimension == MissingDimension::Omit {
                        omitted.push(Omission { measure: rule.name.clone(), why: "empty string" });
                    }
                    None
                }
                Some(value) => Some(values::text(value)),
            };
            let text = match (text, &self.rules.policies.missing_dimension) {
                (Some(text), _) => text,
                (None, MissingDimension::Omit) => continue,
                (None, MissingDimension::Fill(filling)) => filling.clone(),
                (None, MissingDimension::Quarantine) => {
                    let detail = format!("the dimension {} is missing", shown(&rule.column));
                    return Err(refuse(RefusalCode::MissingDimension, &rule.column, detail));
                }
            };
            bytes += rule.name.len() + text.len();
            dimensions.push((rule.name.clone(), text));
        }
        if dimensions.is_empty() {
            let detail = "no dimension has a value, and Timestream needs at least one".to_owned();
            return Err(Refusal { code: RefusalCode::NoDimension, column: None, detail });
        }
        if bytes > DIMENSIONS_BYTES_MAX {
            let detail = format!("the dimensions take {bytes} bytes; {DIMENSIONS_BYTES_MAX} are the limit");
            return Err(Refusal { code: RefusalCode::DimensionsTooLarge, column: None, detail });
        }
        Ok(dimensions)
    }

    fn measures<'r>(
        &self,
        value: impl Fn(usize) -> Option<&'r Value>,
        omitted: &mut Vec<Omission>,
    ) -> Result<Vec<(Arc<str>, Measure)>, Refusal> {
        let mut measures = Vec::with_capacity(self.rules.measures.len());
        let mut bytes = 0;
        for (rule, place) in self.rules.measures.iter().zip(&self.measures) {
            let Some(value) = value(*place) else { continue };
            if let Some(measure) = self.measure(rule, value, omitted)? {
                bytes += values::size(&measure);
                measures.push((rule.name.clone(), measure));
            }
        }
        if measures.is_empty() {
            let detail = "no measure has a value, and Timestream needs at least one".to_owned();
            return Err(Refusal { code: RefusalCode::NoMeasure, column: None, detail });
        }
        if bytes <= MEASURE_VALUES_BYTES_MAX {
            return Ok(measures);
        }
        if self.rules.policies.oversize_strings == OversizeStrings::Truncate && cut_to_fit(&mut measures, bytes, omitted) {
            return Ok(measures);
        }
        let detail = format!("the values of the measures take {bytes} bytes; {MEASURE_VALUES_BYTES_MAX} are the limit of a record");
        Err(Refusal { code: RefusalCode::RecordTooLarge, column: None, detail })
    }

    /// The measure, or none where a policy leaves it out.
    fn measure(&self, rule: &MeasureRule, value: &Value, omitted: &mut Vec<Omission>) -> Result<Option<Measure>, Refusal> {
        let policies = &self.rules.policies;
        let (code, omit, why) = match values::measure(value, rule.kind, rule.format.as_ref()) {
            Ok(Measure::Varchar(mut text)) => {
                if text.len() > STRING_BYTES_MAX {
                    if policies.oversize_strings == OversizeStrings::Quarantine {
                        let detail =
                            format!("{} has {} bytes; {STRING_BYTES_MAX} are the limit of a string", shown(&rule.column), text.len());
                        return Err(refuse(RefusalCode::OversizeString, &rule.column, detail));
                    }
                    values::truncate(&mut text, STRING_BYTES_MAX);
                    omitted.push(Omission { measure: rule.name.clone(), why: CUT });
                }
                return Ok(Some(Measure::Varchar(text)));
            }
            Ok(measure) => return Ok(Some(measure)),
            Err(Misfit::Empty) => (RefusalCode::EmptyString, policies.empty_strings == EmptyStrings::Omit, "empty string"),
            Err(Misfit::NonFinite) => (RefusalCode::NonFinite, policies.non_finite == NonFinite::Omit, "not a finite number"),
            Err(Misfit::WrongType) => (RefusalCode::WrongType, policies.wrong_type == WrongType::Omit, "not of the measure's type"),
        };
        if omit {
            omitted.push(Omission { measure: rule.name.clone(), why });
            return Ok(None);
        }
        let detail = match code {
            RefusalCode::EmptyString => format!("{} is an empty string", shown(&rule.column)),
            _ => format!("{} is the {} {}, which is no {}", shown(&rule.column), value.kind(), excerpt(value), rule.kind.name()),
        };
        Err(refuse(code, &rule.column, detail))
    }
}

/// Why a string arrived shorter than it was.
const CUT: &str = "string cut to fit";

/// Cuts the longest string, the first among equals, until the values fit; false when no cutting helps.
fn cut_to_fit(measures: &mut [(Arc<str>, Measure)], mut bytes: usize, omitted: &mut Vec<Omission>) -> bool {
    while bytes > MEASURE_VALUES_BYTES_MAX {
        let mut longest: Option<(&Arc<str>, &mut String)> = None;
        for (name, measure) in measures.iter_mut() {
            if let Measure::Varchar(text) = measure
                && longest.as_ref().is_none_or(|(_, other)| text.len() > other.len())
            {
                longest = Some((name, text));
            }
        }
        let Some((name, text)) = longest else { return false };
        let before = text.len();
        values::truncate(text, before.saturating_sub(bytes - MEASURE_VALUES_BYTES_MAX));
        if text.is_empty() {
            return false;
        }
        bytes -= before - text.len();
        if !omitted.iter().any(|omission| omission.measure == *name && omission.why == CUT) {
            omitted.push(Omission { measure: name.clone(), why: CUT });
        }
    }
    true
}

fn refuse(code: RefusalCode, column: &ColumnPath, detail: String) -> Refusal {
    Refusal { code, column: Some(column.clone()), detail }
}

#[cfg(test)]
#[path = "mapper_tests.rs"]
mod tests;
