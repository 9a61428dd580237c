//! A record as the service takes it: merged with the common attributes, typed, and held against the rules that need no table.

use std::collections::BTreeSet;

use super::request::{WireDimension, WireMeasureValue, WireRecord};
use super::value::{self, Datum, NoValue};
use crate::local::failure::Failure;
use crate::local::timestream::names::{self, column_name_problem};
use crate::local::timestream::store::RecordKind;
use crate::local::timestream::switches::{LimitHandling, NonFiniteHandling, PreEpochTimes, RecordSize, Switches};
use crate::record::MeasureKind;

/// Facts: WriteRecords limits that are not part of the API model. All in bytes, or counts.
const RECORD_BYTES_MAX: usize = 2048;
const DIMENSION_BYTES_MAX: usize = 2048;
const MEASURE_VALUE_BYTES_MAX: usize = 2048;
const MEASURE_VALUES_MAX: usize = 256;

/// One record, ready for its table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Incoming {
    /// Sorted by name.
    pub(crate) dimensions: Vec<(String, String)>,
    pub(crate) measure_name: String,
    pub(crate) kind: RecordKind,
    /// Column and value. A record that is not MULTI has one, in a column such as `measure_value::double`.
    pub(crate) values: Vec<(String, Datum)>,
    /// Nanoseconds since the epoch, exact; the window decides whether it can be stored.
    pub(crate) time: i128,
    pub(crate) version: i64,
    /// A reason to reject it that needed no table.
    pub(crate) refusal: Option<String>,
}

/// The column that single values of a kind share.
pub(crate) fn single_value_column(kind: MeasureKind) -> String {
    format!("measure_value::{}", kind.name().to_ascii_lowercase())
}

impl Incoming {
    /// Merges `own` with `common`, and types it.
    ///
    /// # Errors
    /// A ValidationException, which fails the request as a whole.
    pub(super) fn read(own: WireRecord, common: &WireRecord, switches: &Switches) -> Result<Self, Failure> {
        let unit_name = own.time_unit.as_deref().or(common.time_unit.as_deref()).unwrap_or("MILLISECONDS");
        let unit = value::unit_nanos(unit_name);
        let dimensions = dimensions(own.dimensions.unwrap_or_default(), common.dimensions.as_deref().unwrap_or_default())?;
        let measure_name = own.measure_name.or_else(|| common.measure_name.clone());
        let measure_name = measure_name.ok_or_else(|| Failure::validation("A measure name is required for a record."))?;
        if let Some(problem) = column_name_problem(&measure_name) {
            return Err(Failure::validation(problem));
        }
        let time = own.time.as_deref().or(common.time.as_deref()).and_then(|text| value::instant(text, unit));
        let too_early = |time: i128| time < 0 && switches.pre_epoch_times == PreEpochTimes::Refuse;
        let time = time.filter(|time| !too_early(*time)).ok_or_else(|| Failure::validation("Invalid time for record."))?;
        let version = own.version.or(common.version).unwrap_or(1);
        if version < 1 {
            return Err(Failure::validation(format!("The record version {version} is invalid: a version must be 1 or greater.")));
        }
        let kind = own.measure_value_type.as_deref().or(common.measure_value_type.as_deref()).unwrap_or("DOUBLE");
        let mut attributes = own.measure_values.unwrap_or_default();
        attributes.extend(common.measure_values.iter().flatten().cloned());
        let single = own.measure_value.as_deref().or(common.measure_value.as_deref());

        let mut typing = Typing { unit, switches, refusal: None };
        let (kind, values) = match MeasureKind::from_name(kind) {
            Some(kind) => (RecordKind::Single(kind), typing.single(kind, single, &attributes)?),
            None => (RecordKind::Multi, typing.multi(single, attributes)?),
        };
        let refusal = typing.refusal;
        let mut record = Self { dimensions, measure_name, kind, values, time, version, refusal };
        record.check_names()?;
        record.check_limits(switches)?;
        Ok(record)
    }

    /// A dimension may not share its name with a measure (facts §1.1).
    fn check_names(&self) -> Result<(), Failure> {
        let is_dimension = |name: &str| self.dimensions.binary_search_by(|(dimension, _)| dimension.as_str().cmp(name)).is_ok();
        let mut measures = std::iter::once(self.measure_name.as_str()).chain(self.values.iter().map(|(name, _)| name.as_str()));
        match measures.find(|name| is_dimension(name)) {
            None => Ok(()),
            Some(name) => Err(Failure::validation(format!("The name {name} cannot be both a dimension name and a measure name."))),
        }
    }

    fn check_limits(&mut self, switches: &Switches) -> Result<(), Failure> {
        let Some(problem) = self.limit_problem(switches.record_size) else { return Ok(()) };
        match switches.limits {
            LimitHandling::FailRequest => Err(Failure::validation(problem)),
            LimitHandling::RejectRecord => {
                self.refusal.get_or_insert(problem);
                Ok(())
            }
        }
    }

    /// The first documented limit that the record goes beyond.
    fn limit_problem(&self, record_size: RecordSize) -> Option<String> {
        let too_long = |name: &str, max: usize| name.len() > max;
        if let Some((name, _)) = self.dimensions.iter().find(|(name, _)| too_long(name, names::DIMENSION_NAME_BYTES_MAX)) {
            let max = names::DIMENSION_NAME_BYTES_MAX;
            return Some(format!("The dimension name {} is longer than {max} bytes.", shortened(name)));
        }
        let mut measures = std::iter::once(&self.measure_name).chain(self.values.iter().map(|(name, _)| name));
        if let Some(name) = measures.find(|name| too_long(name, names::NAME_BYTES_MAX)) {
            return Some(format!("The measure name {} is longer than {} bytes.", shortened(name), names::NAME_BYTES_MAX));
        }
        if self.kind == RecordKind::Multi && self.values.len() > MEASURE_VALUES_MAX {
            return Some(format!("The record has {} measures, more than {MEASURE_VALUES_MAX}.", self.values.len()));
        }
        let dimension_bytes: usize = self.dimensions.iter().map(|(name, value)| name.len() + value.len()).sum();
        if dimension_bytes > DIMENSION_BYTES_MAX {
            return Some(format!("The names and values of the dimensions have {dimension_bytes} bytes, more than {DIMENSION_BYTES_MAX}."));
        }
        let value_bytes: usize = self.values.iter().map(|(_, value)| value.metered_bytes()).sum();
        if value_bytes > MEASURE_VALUE_BYTES_MAX {
            return Some(format!("The measure values of the record have {value_bytes} bytes, more than {MEASURE_VALUE_BYTES_MAX}."));
        }
        if record_size == RecordSize::Unlimited {
            return None;
        }
        let attribute_names: usize = match self.kind {
            RecordKind::Multi => self.values.iter().map(|(name, _)| name.len()).sum(),
            RecordKind::Single(_) => 0,
        };
        let record_bytes = 8 + dimension_bytes + self.measure_name.len() + attribute_names + value_bytes;
        (record_bytes > RECORD_BYTES_MAX).then(|| format!("The record has {record_bytes} bytes, more than {RECORD_BYTES_MAX}."))
    }
}

/// The dimensions of a record and the common ones together, sorted.
fn dimensions(own: Vec<WireDimension>, common: &[WireDimension]) -> Result<Vec<(String, String)>, Failure> {
    let own_names: BTreeSet<&str> = own.iter().filter_map(|dimension| dimension.name.as_deref()).collect();
    let common_names = common.iter().filter_map(|dimension| dimension.name.as_deref());
    if let Some(name) = common_names.into_iter().find(|name| own_names.contains(name)) {
        let problem = format!("The dimension {name} is specified both in the common attributes and in a record.");
        return Err(Failure::validation(problem));
    }
    let mut merged = Vec::with_capacity(own.len() + common.len());
    for dimension in own.into_iter().chain(common.iter().cloned()) {
        // The model requires both; `request` has checked it.
        let (name, value) = (dimension.name.unwrap_or_default(), dimension.value.unwrap_or_default());
        if let Some(problem) = column_name_problem(&name) {
            return Err(Failure::validation(problem));
        }
        if value.is_empty() {
            return Err(Failure::validation(format!("The value of dimension {name} is empty.")));
        }
        merged.push((name, value));
    }
    if merged.is_empty() {
        return Err(Failure::validation("At least one dimension is required for a record."));
    }
    merged.sort_unstable();
    match merged.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(merged),
        Some(pair) => Err(Failure::validation(format!("The dimension {} is specified more than once in a record.", pair[0].0))),
    }
}

struct Typing<'a> {
    unit: i128,
    switches: &'a Switches,
    refusal: Option<String>,
}

impl Typing<'_> {
    fn single(&mut self, kind: MeasureKind, value: Option<&str>, attributes: &[WireMeasureValue]) -> Result<Vec<(String, Datum)>, Failure> {
        if kind == MeasureKind::Timestamp {
            return Err(Failure::validation("TIMESTAMP is an invalid measure value type."));
        }
        if !attributes.is_empty() {
            return Err(Failure::validation("MeasureValues are only allowed for the measure value type MULTI."));
        }
        let text = value.ok_or_else(|| Failure::validation("A measure value is required for a record."))?;
        Ok(self.typed(text, kind)?.map(|value| (single_value_column(kind), value)).into_iter().collect())
    }

    fn multi(&mut self, value: Option<&str>, attributes: Vec<WireMeasureValue>) -> Result<Vec<(String, Datum)>, Failure> {
        if value.is_some() {
            return Err(Failure::validation("MeasureValue is not allowed for the measure value type MULTI: use MeasureValues."));
        }
        if attributes.is_empty() {
            return Err(Failure::validation("MeasureValues are required for the measure value type MULTI."));
        }
        let mut seen = BTreeSet::new();
        let mut values = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            let (name, kind) = (attribute.name.unwrap_or_default(), attribute.kind.unwrap_or_default());
            let Some(kind) = MeasureKind::from_name(&kind) else {
                return Err(Failure::validation("MULTI is an invalid measure value type for a measure of a multi-measure record."));
            };
            if let Some(problem) = column_name_problem(&name) {
                return Err(Failure::validation(problem));
            }
            if !seen.insert(name.clone()) {
                return Err(Failure::validation(format!("The measure {name} is specified more than once in a record.")));
            }
            if let Some(value) = self.typed(attribute.value.as_deref().unwrap_or_default(), kind)? {
                values.push((name, value));
            }
        }
        Ok(values)
    }

    /// The typed value; none for one that makes its record be rejected.
    fn typed(&mut self, text: &str, kind: MeasureKind) -> Result<Option<Datum>, Failure> {
        let no_value = match value::read(text, kind, self.unit) {
            Ok(value) => return Ok(Some(value)),
            Err(no_value) => no_value,
        };
        let reason = format!("Invalid value {} for {} measure value type.", shortened(text), kind.name().to_ascii_lowercase());
        if no_value == NoValue::NonFinite && self.switches.non_finite == NonFiniteHandling::RejectRecord {
            self.refusal.get_or_insert(reason);
            return Ok(None);
        }
        Err(Failure::validation(reason))
    }
}

/// At most 80 characters of a text that may be very long.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}
