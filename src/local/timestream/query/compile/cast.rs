//! CAST and TRY_CAST.

use sqlparser::ast::{CharacterLength, DataType, ExactNumberInfo, TimezoneInfo};
use sqlparser::tokenizer::Span;

use super::{Compiler, Typed};
use crate::local::timestream::query::failure::QueryFailure;
use crate::local::timestream::query::scalar::Scalar;
use crate::local::timestream::query::syntax::at;

impl Compiler<'_> {
    pub(super) fn cast_to(&mut self, operand: Typed, data_type: &DataType, is_try: bool, span: Span) -> Result<Typed, QueryFailure> {
        let (target, length) = match data_type {
            DataType::BigInt(None) => (Scalar::Bigint, None),
            DataType::Int(None) | DataType::Integer(None) => (Scalar::Integer, None),
            DataType::Double(ExactNumberInfo::None) | DataType::DoublePrecision => (Scalar::Double, None),
            DataType::Boolean => (Scalar::Boolean, None),
            DataType::Varchar(None) => (Scalar::Varchar, None),
            DataType::Varchar(Some(CharacterLength::IntegerLength { length, unit: None })) => {
                (Scalar::Varchar, i64::try_from(*length).ok())
            }
            DataType::Timestamp(None, TimezoneInfo::None) => (Scalar::Timestamp, None),
            DataType::Date => (Scalar::Date, None),
            DataType::Varbinary(None) => (Scalar::Varbinary, None),
            other => return Err(QueryFailure::not_served(at(span), format_args!("CAST to {other}"))),
        };
        let from = operand.kind;
        let Some(sql) = cast_sql(&operand.sql, from, target, is_try) else {
            return Err(QueryFailure::Validation(format!("{}Cannot cast {} to {}", at(span), from.sql_name(), target.sql_name())));
        };
        let Some(length) = length else { return Ok(Typed::new(sql, target)) };
        let (first, length) = (self.parameters.integer(1), self.parameters.integer(length));
        Ok(Typed::new(format!("ts_substr({sql}, {first}, {length})"), target))
    }
}

/// Conversions that can fail are functions in two variants, of which `ts_try_…` gives NULL.
fn cast_sql(it: &str, from: Scalar, to: Scalar, is_try: bool) -> Option<String> {
    use Scalar::{Bigint, Boolean, Date, Double, Integer, Interval, Timestamp, Unknown, Varbinary, Varchar};
    let tried = if is_try { "ts_try_" } else { "ts_" };
    Some(match (from, to) {
        (Unknown, _) => "NULL".to_owned(),
        (a, b) if a == b => it.to_owned(),
        (Integer, Bigint) | (Boolean, Bigint | Integer) => it.to_owned(),
        (Bigint, Integer) => format!("{tried}int({it})"),
        (Bigint | Integer | Boolean, Double) => format!("CAST({it} AS REAL)"),
        (Bigint | Integer, Varchar) => format!("CAST({it} AS TEXT)"),
        (Bigint | Integer | Double, Boolean) => format!("({it} <> 0)"),
        (Double, Bigint) => format!("{tried}double_bigint({it})"),
        (Double, Integer) => format!("{tried}int({tried}double_bigint({it}))"),
        (Double, Varchar) => format!("ts_double_text({it})"),
        (Boolean, Varchar) => format!("(CASE {it} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"),
        (Varchar, Bigint) => format!("{tried}text_bigint({it})"),
        (Varchar, Integer) => format!("{tried}int({tried}text_bigint({it}))"),
        (Varchar, Double) => format!("{tried}text_double({it})"),
        (Varchar, Boolean) => format!("{tried}text_boolean({it})"),
        (Varchar, Timestamp) => format!("{tried}text_timestamp({it})"),
        (Varchar, Date) => format!("{tried}text_date({it})"),
        (Varchar, Varbinary) => format!("CAST({it} AS BLOB)"),
        (Timestamp, Varchar) => format!("ts_timestamp_text({it})"),
        (Timestamp, Date) => format!("ts_timestamp_date({it})"),
        (Date, Timestamp) => format!("ts_date_timestamp({it})"),
        (Date, Varchar) => format!("ts_date_text({it})"),
        (Interval, Varchar) => format!("ts_interval_text({it})"),
        _ => return None,
    })
}
