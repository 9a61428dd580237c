//! What one row becomes: a multi-measure record, and the identity that the target gives it.
//!
//! Invariant: two rows that map to the same dimensions, measure name and time have the same [`RecordKey`] whatever the
//! order of their columns (facts: a record's key is all dimension names and values, the measure name and the time).
//!
//! Every room above may use this.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::time::Nanos;

/// A typed measure value. There is no null and no NaN: such a measure is left out of its record.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    Double(f64),
    Bigint(i64),
    Boolean(bool),
    Varchar(String),
    Timestamp(Nanos),
}

/// The type of a measure; one per measure name and table, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MeasureKind {
    Double,
    Bigint,
    Boolean,
    Varchar,
    Timestamp,
}

impl MeasureKind {
    /// The name on the wire and in `migration.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Double => "DOUBLE",
            Self::Bigint => "BIGINT",
            Self::Boolean => "BOOLEAN",
            Self::Varchar => "VARCHAR",
            Self::Timestamp => "TIMESTAMP",
        }
    }

    /// The kind called `name`, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Double, Self::Bigint, Self::Boolean, Self::Varchar, Self::Timestamp]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl Measure {
    #[must_use]
    pub fn kind(&self) -> MeasureKind {
        match self {
            Self::Double(_) => MeasureKind::Double,
            Self::Bigint(_) => MeasureKind::Bigint,
            Self::Boolean(_) => MeasureKind::Boolean,
            Self::Varchar(_) => MeasureKind::Varchar,
            Self::Timestamp(_) => MeasureKind::Timestamp,
        }
    }

    /// The value as text, as Timestream takes it. A timestamp is in nanoseconds, the unit of every record's time here.
    #[must_use]
    pub fn to_timestream(&self) -> String {
        match self {
            // Minus zero would come back as zero, and the two are one value (docs/fidelity.md).
            Self::Double(value) if *value == 0.0 => "0".to_owned(),
            // The shortest text that reads back as the same double.
            Self::Double(value) => format!("{value:?}"),
            Self::Bigint(value) => value.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Varchar(value) => value.clone(),
            Self::Timestamp(value) => value.0.to_string(),
        }
    }
}

/// One multi-measure record. Dimensions are sorted by name; measures stand in the mapping's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub dimensions: Vec<(Arc<str>, String)>,
    pub measure_name: Arc<str>,
    pub measures: Vec<(Arc<str>, Measure)>,
    pub time: Nanos,
}

/// The identity of a record at the target: 128 bits over dimensions, measure name and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(pub u128);

impl Record {
    /// The identity. Names and values are length-prefixed, so that no two different keys share their bytes.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        let mut hasher = Xxh3::new();
        for (name, value) in &self.dimensions {
            feed(&mut hasher, name.as_bytes());
            feed(&mut hasher, value.as_bytes());
        }
        feed(&mut hasher, self.measure_name.as_bytes());
        hasher.update(&self.time.0.to_le_bytes());
        RecordKey(hasher.digest128())
    }

    /// A digest of the measures, names and values, in whatever order they stand: equal for equal content.
    #[must_use]
    pub fn content_digest(&self) -> u64 {
        self.measures.iter().fold(0, |sum: u64, (name, measure)| {
            let mut hasher = Xxh3::new();
            feed(&mut hasher, name.as_bytes());
            match measure {
                // -0.0 and 0.0 are one value to the target.
                Measure::Double(f) => feed(&mut hasher, &(f + 0.0).to_bits().to_le_bytes()),
                Measure::Bigint(i) => feed(&mut hasher, &i.to_le_bytes()),
                Measure::Boolean(b) => feed(&mut hasher, &[u8::from(*b)]),
                Measure::Varchar(s) => feed(&mut hasher, s.as_bytes()),
                Measure::Timestamp(t) => feed(&mut hasher, &t.0.to_le_bytes()),
            }
            hasher.update(measure.kind().name().as_bytes());
            sum.wrapping_add(hasher.digest())
        })
    }

    /// What the service meters for this record, in bytes (facts: metered size of an event): 8 for the time, names and
    /// values of dimensions, measure names, and 8 a number, 1 a boolean, the UTF-8 length of a string.
    #[must_use]
    pub fn metered_bytes(&self) -> u64 {
        let dimensions: usize = self.dimensions.iter().map(|(name, value)| name.len() + value.len()).sum();
        let measures: usize = self
            .measures
            .iter()
            .map(|(name, measure)| {
                name.len()
                    + match measure {
                        Measure::Boolean(_) => 1,
                        Measure::Varchar(s) => s.len(),
                        Measure::Double(_) | Measure::Bigint(_) | Measure::Timestamp(_) => 8,
                    }
            })
            .sum();
        (8 + dimensions + self.measure_name.len() + measures) as u64
    }
}

fn feed(hasher: &mut Xxh3, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(dimensions: &[(&str, &str)], measures: &[(&str, Measure)]) -> Record {
        Record {
            dimensions: dimensions.iter().map(|(n, v)| (Arc::from(*n), (*v).to_owned())).collect(),
            measure_name: "telemetry".into(),
            measures: measures.iter().map(|(n, m)| (Arc::from(*n), m.clone())).collect(),
            time: Nanos(7),
        }
    }

    #[test]
    fn names_and_values_never_run_into_each_other() {
        assert_ne!(record(&[("ab", "c")], &[]).key(), record(&[("a", "bc")], &[]).key());
    }

    #[test]
    fn content_ignores_the_order_of_measures_and_the_sign_of_zero() {
        let one = record(&[], &[("a", Measure::Bigint(1)), ("b", Measure::Double(-0.0))]);
        let two = record(&[], &[("b", Measure::Double(0.0)), ("a", Measure::Bigint(1))]);
        assert_eq!(one.content_digest(), two.content_digest());
        assert_ne!(one.content_digest(), record(&[], &[("a", Measure::Double(1.0)), ("b", Measure::Double(0.0))]).content_digest());
    }

    #[test]
    fn metered_size_follows_the_published_rule() {
        let it = record(
            &[("device", "d1")],
            &[("temp", Measure::Double(1.5)), ("ok", Measure::Boolean(true)), ("s", Measure::Varchar("é".into()))],
        );
        assert_eq!(it.metered_bytes(), 8 + 8 + 9 + (4 + 8) + (2 + 1) + (1 + 2));
    }
}
