//! Answers of the query service, read back into records. Every scalar comes as text.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_timestreamquery::types::Datum;

use super::fault::one_line;
use crate::record::{Measure, MeasureKind, Record};
use crate::target::{Bucket, Cell, ReadFault, ReadShape};
use crate::time::Nanos;

/// The columns that a table has, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Columns(BTreeMap<String, MeasureKind>);

impl Columns {
    #[cfg(test)]
    pub(super) fn new(columns: impl IntoIterator<Item = (String, MeasureKind)>) -> Self {
        Self(columns.into_iter().collect())
    }

    #[cfg(test)]
    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Takes one row of `DESCRIBE`: the name, the type, and what we have no use for. A type that no record can have is passed
    /// over, as is its column.
    pub(super) fn add(&mut self, row: &[Datum]) -> Result<(), ReadFault> {
        let [name, kind, ..] = row else {
            return Err(malformed("DESCRIBE gave a row of fewer than two columns".to_owned()));
        };
        let (Some(name), Some(kind)) = (scalar(name)?, scalar(kind)?) else {
            return Err(malformed("DESCRIBE gave a column without name or type".to_owned()));
        };
        if let Some(kind) = MeasureKind::from_name(kind) {
            self.0.insert(name.to_owned(), kind);
        }
        Ok(())
    }

    /// The type of the column called `name`.
    pub(super) fn kind(&self, name: &str) -> Option<MeasureKind> {
        self.0.get(name).copied()
    }

    /// Whether nothing was ever written: then there are no columns to ask for.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One row of a bucket query.
pub(super) fn bucket(row: &[Datum]) -> Result<Bucket, ReadFault> {
    let [from, rows, digest] = row else {
        return Err(malformed(format!("a bucket of {} columns instead of 3", row.len())));
    };
    let (Some(from), Some(rows)) = (scalar(from)?, scalar(rows)?) else {
        return Err(malformed("a bucket without time or count".to_owned()));
    };
    let digest = scalar(digest)?.unwrap_or("0");
    Ok(Bucket { from: timestamp(from)?, rows: number("count", rows)?, digest: number("digest", digest)? })
}

/// One row of a query for cells.
pub(super) fn cell(row: &[Datum]) -> Result<Cell, ReadFault> {
    let [from, slice, rows @ ..] = row else {
        return Err(malformed(format!("a cell of {} columns instead of 4", row.len())));
    };
    let slice = scalar(slice)?.ok_or_else(|| malformed("a cell without a slice".to_owned()))?;
    let Bucket { from, rows, digest } = match rows {
        [rows, digest] => bucket(&[from.clone(), rows.clone(), digest.clone()])?,
        _ => return Err(malformed(format!("a cell of {} columns instead of 4", row.len()))),
    };
    Ok(Cell { from, slice: number("slice", slice)?, rows, digest })
}

/// How the columns of a row query become a record.
#[derive(Debug)]
pub(super) struct RowReader {
    dimensions: Vec<Arc<str>>,
    measures: Vec<(Arc<str>, MeasureKind)>,
    measure_name: Arc<str>,
}

impl RowReader {
    /// For the query that [`super::sql::rows`] writes for the same shape and columns.
    pub(super) fn new(shape: &ReadShape, columns: &Columns) -> Self {
        let dimensions = shape.dimensions.iter().filter(|name| columns.kind(name).is_some()).map(|name| name.as_str().into());
        let measures = shape.measures.iter().filter_map(|(name, _)| Some((name.as_str().into(), columns.kind(name)?)));
        Self { dimensions: dimensions.collect(), measures: measures.collect(), measure_name: shape.measure_name.as_str().into() }
    }

    /// The record that a row holds. What is NULL is not part of it.
    pub(super) fn record(&self, row: &[Datum]) -> Result<Record, ReadFault> {
        let wanted = 2 + self.dimensions.len() + self.measures.len();
        let [time, measure_name, rest @ ..] = row else {
            return Err(malformed(format!("a row of {} columns instead of {wanted}", row.len())));
        };
        if row.len() != wanted {
            return Err(malformed(format!("a row of {} columns instead of {wanted}", row.len())));
        }
        let time = timestamp(scalar(time)?.ok_or_else(|| malformed("a row without a time".to_owned()))?)?;
        let measure_name = match scalar(measure_name)? {
            Some(name) if *name == *self.measure_name => Arc::clone(&self.measure_name),
            Some(name) => name.into(),
            None => return Err(malformed("a row without a measure name".to_owned())),
        };
        let (dimension_data, measure_data) = rest.split_at(self.dimensions.len());
        let mut dimensions = Vec::with_capacity(self.dimensions.len());
        for (name, datum) in self.dimensions.iter().zip(dimension_data) {
            if let Some(value) = scalar(datum)? {
                dimensions.push((Arc::clone(name), value.to_owned()));
            }
        }
        dimensions.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut measures = Vec::with_capacity(self.measures.len());
        for ((name, kind), datum) in self.measures.iter().zip(measure_data) {
            if let Some(value) = scalar(datum)? {
                measures.push((Arc::clone(name), measure(*kind, value)?));
            }
        }
        Ok(Record { dimensions, measure_name, measures, time })
    }
}

fn measure(kind: MeasureKind, text: &str) -> Result<Measure, ReadFault> {
    Ok(match kind {
        MeasureKind::Double => Measure::Double(number("double", text)?),
        MeasureKind::Bigint => Measure::Bigint(number("bigint", text)?),
        MeasureKind::Boolean => Measure::Boolean(number("boolean", text)?),
        MeasureKind::Varchar => Measure::Varchar(text.to_owned()),
        MeasureKind::Timestamp => Measure::Timestamp(timestamp(text)?),
    })
}

fn number<N: std::str::FromStr>(what: &str, text: &str) -> Result<N, ReadFault> {
    text.parse().map_err(|_| malformed(format!("`{text}` is no {what}")))
}

/// The text of a scalar; `None` for NULL.
fn scalar(datum: &Datum) -> Result<Option<&str>, ReadFault> {
    match (datum.scalar_value(), datum.null_value()) {
        (Some(text), _) => Ok(Some(text)),
        (None, Some(true)) => Ok(None),
        (None, _) => Err(malformed("a value that is neither a scalar nor NULL".to_owned())),
    }
}

/// `YYYY-MM-DD hh:mm:ss[.n…]` with up to nine decimals, UTC.
fn timestamp(text: &str) -> Result<Nanos, ReadFault> {
    let parsed = || {
        // Shape first: the parser behind would also take offsets and other forms.
        let is_plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b' ' | b':' | b'.'));
        if !is_plain || text.as_bytes().get(10) != Some(&b' ') || text.len() < 19 {
            return None;
        }
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let instant = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
        i64::try_from(instant.as_nanosecond()).ok().map(Nanos)
    };
    parsed().ok_or_else(|| malformed(format!("`{text}` is no timestamp")))
}

fn malformed(message: String) -> ReadFault {
    ReadFault::Malformed { message: one_line(&message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: &str) -> Datum {
        Datum::builder().scalar_value(value).build()
    }

    fn null() -> Datum {
        Datum::builder().null_value(true).build()
    }

    fn shape() -> ReadShape {
        ReadShape {
            table: "t".into(),
            measure_name: "m".into(),
            reads: crate::target::Reads::All,
            dimensions: vec!["a".into(), "z".into()],
            measures: vec![
                ("d".into(), MeasureKind::Double),
                ("i".into(), MeasureKind::Bigint),
                ("b".into(), MeasureKind::Boolean),
                ("s".into(), MeasureKind::Varchar),
                ("t".into(), MeasureKind::Timestamp),
                ("never".into(), MeasureKind::Double),
            ],
        }
    }

    fn columns() -> Columns {
        let mut columns = Columns::default();
        for (name, kind) in
            [("a", "varchar"), ("z", "varchar"), ("d", "double"), ("i", "bigint"), ("b", "boolean"), ("s", "varchar"), ("t", "timestamp")]
        {
            columns.add(&[text(name), text(kind), text("X")]).unwrap();
        }
        columns
    }

    #[test]
    fn a_row_becomes_the_record_that_was_written_without_its_nulls() {
        let reader = RowReader::new(&shape(), &columns());
        let row = [
            text("2023-06-21 07:05:00.123456789"),
            text("m"),
            null(),
            text("press"),
            text("1.0E7"),
            text("-9223372036854775808"),
            text("true"),
            text("é|~"),
            null(),
        ];
        let record = reader.record(&row).unwrap();
        assert_eq!(record.time, Nanos(1_687_331_100_123_456_789));
        assert_eq!(record.dimensions, [("z".into(), "press".to_owned())]);
        let measures = [
            ("d".into(), Measure::Double(1e7)),
            ("i".into(), Measure::Bigint(i64::MIN)),
            ("b".into(), Measure::Boolean(true)),
            ("s".into(), Measure::Varchar("é|~".into())),
        ];
        assert_eq!(record.measures, measures);
        let mut short = row.to_vec();
        short.pop();
        assert!(matches!(reader.record(&short), Err(ReadFault::Malformed { .. })));
        let mut odd = row.to_vec();
        odd[5] = text("12.5");
        assert!(matches!(reader.record(&odd), Err(ReadFault::Malformed { .. })));
    }

    #[test]
    fn a_bucket_is_read_with_and_without_its_digest() {
        let row = [text("2023-06-21 00:00:00.000000000"), text("12"), text("-77")];
        assert_eq!(bucket(&row).unwrap(), Bucket { from: Nanos(1_687_305_600_000_000_000), rows: 12, digest: -77 });
        assert!(bucket(&[text("2023-06-21 00:00:00.000000000"), text("-1"), null()]).is_err());
    }

    #[test]
    fn texts_that_are_no_timestamp_are_malformed() {
        for bad in
            ["", "2023-06-21", "2023-06-21T07:05:00Z", "2023-06-21 07:05:00+02:00", "2023-13-01 00:00:00.000000000", "9999-01-01 00:00:00"]
        {
            assert!(timestamp(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_reads_back_to_the_nanosecond(nanos in any::<i64>()) {
            prop_assert_eq!(timestamp(&Nanos(nanos).to_timestream()).unwrap(), Nanos(nanos));
        }
    }
}
