//! Records as the SDK takes them.

use aws_sdk_timestreamwrite::error::BuildError;
use aws_sdk_timestreamwrite::types::{Dimension, MeasureValue, MeasureValueType, Record as WireRecord, TimeUnit};

use crate::record::{MeasureKind, Record};

/// A batch on the wire: what all records share, and the records.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) common: WireRecord,
    pub(super) records: Vec<WireRecord>,
}

/// Puts `records` under one `version`. What they share (type, unit, version, and the measure name where it is one) stands
/// in the common attributes, once.
pub(super) fn batch(records: &[&Record], version: i64) -> Result<Batch, BuildError> {
    let first = records.first().map(|record| &record.measure_name);
    let shared_name = first.filter(|name| records.iter().all(|record| record.measure_name == **name));
    let common = WireRecord::builder()
        .set_measure_name(shared_name.map(|name| name.to_string()))
        .measure_value_type(MeasureValueType::Multi)
        .time_unit(TimeUnit::Nanoseconds)
        .version(version)
        .build();
    let records = records.iter().map(|record| wire(record, shared_name.is_none())).collect::<Result<_, _>>()?;
    Ok(Batch { common, records })
}

fn wire(record: &Record, with_name: bool) -> Result<WireRecord, BuildError> {
    let dimensions = record.dimensions.iter().map(|(name, value)| Dimension::builder().name(&**name).value(value).build());
    let measures = record.measures.iter().map(|(name, measure)| {
        MeasureValue::builder().name(&**name).value(measure.to_timestream()).r#type(measure_type(measure.kind())).build()
    });
    Ok(WireRecord::builder()
        .set_dimensions(Some(dimensions.collect::<Result<_, _>>()?))
        .set_measure_values(Some(measures.collect::<Result<_, _>>()?))
        .set_measure_name(with_name.then(|| record.measure_name.to_string()))
        .time(record.time.0.to_string())
        .build())
}

fn measure_type(kind: MeasureKind) -> MeasureValueType {
    match kind {
        MeasureKind::Double => MeasureValueType::Double,
        MeasureKind::Bigint => MeasureValueType::Bigint,
        MeasureKind::Boolean => MeasureValueType::Boolean,
        MeasureKind::Varchar => MeasureValueType::Varchar,
        MeasureKind::Timestamp => MeasureValueType::Timestamp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Measure;
    use crate::time::Nanos;
    use proptest::prelude::*;

    fn record(measure_name: &str) -> Record {
        Record {
            dimensions: vec![("device".into(), "d1".into())],
            measure_name: measure_name.into(),
            measures: vec![("at".into(), Measure::Timestamp(Nanos(-5)))],
            time: Nanos(1_700_000_000_000_000_001),
        }
    }

    #[test]
    fn what_all_share_is_said_once() {
        let (a, b) = (record("m"), record("m"));
        let same = batch(&[&a, &b], 7).unwrap();
        assert_eq!(same.common.measure_name(), Some("m"));
        assert_eq!(same.common.version(), Some(7));
        assert_eq!(same.common.time_unit(), Some(&TimeUnit::Nanoseconds));
        assert_eq!(same.common.measure_value_type(), Some(&MeasureValueType::Multi));
        let one = &same.records[0];
        assert_eq!((one.measure_name(), one.version(), one.time()), (None, None, Some("1700000000000000001")));
        assert_eq!(one.measure_values()[0].value(), "-5");
    }

    #[test]
    fn different_measure_names_stand_with_their_records() {
        let (a, b) = (record("m"), record("n"));
        let mixed = batch(&[&a, &b], 1).unwrap();
        assert_eq!(mixed.common.measure_name(), None);
        assert_eq!(mixed.records.iter().map(WireRecord::measure_name).collect::<Vec<_>>(), [Some("m"), Some("n")]);
    }

    proptest! {
        #[test]
        fn doubles_read_back_bit_for_bit_but_for_minus_zero(value in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
            let text = Measure::Double(value).to_timestream();
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), (value + 0.0).to_bits());
        }
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!(Measure::Double(-0.0).to_timestream(), "0");
        assert_eq!(Measure::Double(1e300).to_timestream(), "1e300");
        assert_eq!(Measure::Double(26.5).to_timestream(), "26.5");
    }
}
