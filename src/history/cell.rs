//! One cell of a Parquet column as a value.
//!
//! - Integers and decimals keep every digit; a 32-bit float is the shortest text that reads back as that float (`0.1`, not
//!   `0.10000000149011612`), because that is what the writer meant.
//! - TIMESTAMP and DATE are instants, taken as UTC where the type has no zone; TIME is text (`07:05:00.123`).
//! - Bytes are text if they are UTF-8, which is how many writers store strings; else they are written as hexadecimal digits after `0x`.
//! - A map with keys that are strings is an object, any other an array of `{"key": …, "value": …}`.

use arrow::array::{Array, AsArray as _, Decimal32Array, Decimal64Array, Decimal128Array, Decimal256Array, MapArray};
use arrow::datatypes::{self as types, ArrowPrimitiveType, DataType, TimeUnit};
use arrow::downcast_dictionary_array;

use super::ReadLimits;
use super::read::shown;
use crate::encoding::hex;
use crate::time::{DAY_NANOS, Nanos};
use crate::value::{Number, Object, Value};

/// What a value costs of a row's limit beside its text: about what it takes in memory.
const VALUE_BYTES: usize = 8;

/// What the rest of a row may still take.
pub(super) struct Budget {
    pub(super) bytes: usize,
    pub(super) limits: ReadLimits,
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| format!("the row exceeds the limit of {} bytes", self.limits.row_bytes_max))?;
        Ok(())
    }

    fn enter(&self, level: usize) -> Result<(), String> {
        if level > self.limits.nesting_max {
            return Err(format!("the row nests deeper than {} levels", self.limits.nesting_max));
        }
        Ok(())
    }
}

/// The value of a cell. `level` is the depth at which it stands in its row: 2 for the value of a column.
///
/// # Errors
/// The reason for which there is none: the row is a bad row.
pub(super) fn value(array: &dyn Array, row: usize, level: usize, budget: &mut Budget) -> Result<Value, String> {
    budget.spend(VALUE_BYTES)?;
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    match array.data_type() {
        DataType::Null => Ok(Value::Null),
        DataType::Boolean => Ok(Value::Bool(array.as_boolean().value(row))),
        DataType::Utf8 => string(array.as_string::<i32>().value(row), budget),
        DataType::LargeUtf8 => string(array.as_string::<i64>().value(row), budget),
        DataType::Utf8View => string(array.as_string_view().value(row), budget),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row), budget),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row), budget),
        DataType::BinaryView => bytes(array.as_binary_view().value(row), budget),
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(row), budget),
        DataType::List(_) => list(&*array.as_list::<i32>().value(row), level, budget),
        DataType::LargeList(_) => list(&*array.as_list::<i64>().value(row), level, budget),
        DataType::FixedSizeList(..) => list(&*array.as_fixed_size_list().value(row), level, budget),
        DataType::Struct(fields) => {
            budget.enter(level)?;
            let mut object = Object::with_capacity(fields.len());
            for (field, column) in fields.iter().zip(array.as_struct().columns()) {
                let value = value(column, row, level + 1, budget)?;
                insert(&mut object, field.name().clone(), value, budget)?;
            }
            Ok(Value::Object(object))
        }
        DataType::Map(..) => map(array.as_map(), row, level, budget),
        DataType::Dictionary(..) => downcast_dictionary_array!(
            array => match array.key(row) {
                Some(key) => value(array.values(), key, level, budget),
                None => Ok(Value::Null),
            },
            other => Err(not_read(other))
        ),
        _ => number_or_time(array, row),
    }
}

fn not_read(data_type: &DataType) -> String {
    format!("values of the type {} are not read", shown(&data_type.to_string()))
}

fn number_or_time(array: &dyn Array, row: usize) -> Result<Value, String> {
    let int = |value: i64| Ok(Value::Number(value.into()));
    match array.data_type() {
        DataType::Int8 => int(at::<types::Int8Type>(array, row).into()),
        DataType::Int16 => int(at::<types::Int16Type>(array, row).into()),
        DataType::Int32 => int(at::<types::Int32Type>(array, row).into()),
        DataType::Int64 => int(at::<types::Int64Type>(array, row)),
        DataType::UInt8 => int(at::<types::UInt8Type>(array, row).into()),
        DataType::UInt16 => int(at::<types::UInt16Type>(array, row).into()),
        DataType::UInt32 => int(at::<types::UInt32Type>(array, row).into()),
        DataType::UInt64 => Ok(Value::Number(at::<types::UInt64Type>(array, row).into())),
        DataType::Float16 => float32(at::<types::Float16Type>(array, row).to_f32()),
        DataType::Float32 => float32(at::<types::Float32Type>(array, row)),
        DataType::Float64 => {
            let float = at::<types::Float64Type>(array, row);
            Ok(Number::from_f64(float).map_or(Value::NonFinite(float), Value::Number))
        }
        DataType::Decimal32(..) => decimal(array.as_any().downcast_ref::<Decimal32Array>().map(|a| a.value_as_string(row))),
        DataType::Decimal64(..) => decimal(array.as_any().downcast_ref::<Decimal64Array>().map(|a| a.value_as_string(row))),
        DataType::Decimal128(..) => decimal(array.as_any().downcast_ref::<Decimal128Array>().map(|a| a.value_as_string(row))),
        DataType::Decimal256(..) => decimal(array.as_any().downcast_ref::<Decimal256Array>().map(|a| a.value_as_string(row))),
        DataType::Date32 => instant(at::<types::Date32Type>(array, row).into(), DAY_NANOS, "days"),
        DataType::Date64 => instant(at::<types::Date64Type>(array, row), 1_000_000, "ms"),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => instant(at::<types::TimestampSecondType>(array, row), 1_000_000_000, "s"),
            TimeUnit::Millisecond => instant(at::<types::TimestampMillisecondType>(array, row), 1_000_000, "ms"),
            TimeUnit::Microsecond => instant(at::<types::TimestampMicrosecondType>(array, row), 1_000, "us"),
            TimeUnit::Nanosecond => instant(at::<types::TimestampNanosecondType>(array, row), 1, "ns"),
        },
        DataType::Time32(TimeUnit::Second) => time_of_day(at::<types::Time32SecondType>(array, row).into(), 1_000_000_000),
        DataType::Time32(_) => time_of_day(at::<types::Time32MillisecondType>(array, row).into(), 1_000_000),
        DataType::Time64(TimeUnit::Microsecond) => time_of_day(at::<types::Time64MicrosecondType>(array, row), 1_000),
        DataType::Time64(_) => time_of_day(at::<types::Time64NanosecondType>(array, row), 1),
        other => Err(not_read(other)),
    }
}

/// The element of an array whose type is known.
fn at<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

fn string(text: &str, budget: &mut Budget) -> Result<Value, String> {
    budget.spend(text.len())?;
    Ok(Value::String(text.to_owned()))
}

fn bytes(bytes: &[u8], budget: &mut Budget) -> Result<Value, String> {
    budget.spend(bytes.len())?;
    Ok(Value::String(std::str::from_utf8(bytes).map_or_else(|_| hexadecimal(bytes), str::to_owned)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    format!("0x{}", hex(bytes))
}

fn float32(float: f32) -> Result<Value, String> {
    if !float.is_finite() {
        return Ok(Value::NonFinite(float.into()));
    }
    // `{:?}` is the shortest text that reads back as this very f32, and of JSON's grammar (`0.1`, `1e-7`).
    Number::parse(&format!("{float:?}")).map(Value::Number).ok_or_else(|| format!("{float:?} is no number"))
}

fn decimal(text: Option<String>) -> Result<Value, String> {
    let text = text.ok_or("a decimal column of another width than its type")?;
    Number::parse(&text).map(Value::Number).ok_or_else(|| format!("`{}` is no number", shown(&text)))
}

fn instant(count: i64, unit_nanos: i64, unit: &str) -> Result<Value, String> {
    let nanos = count.checked_mul(unit_nanos);
    nanos
        .map(|nanos| Value::Timestamp(Nanos(nanos)))
        .ok_or_else(|| format!("{count} {unit} from 1970 is outside of the years 1677 to 2262"))
}

fn time_of_day(count: i64, unit_nanos: i64) -> Result<Value, String> {
    let nanos = count.checked_mul(unit_nanos).filter(|nanos| (0..DAY_NANOS).contains(nanos));
    let nanos = nanos.ok_or_else(|| format!("{count} is no time of a day"))?;
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction > 0 {
        text.push_str(format!(".{fraction:09}").trim_end_matches('0'));
    }
    Ok(Value::String(text))
}

fn list(items: &dyn Array, level: usize, budget: &mut Budget) -> Result<Value, String> {
    budget.enter(level)?;
    let items: Result<Vec<Value>, String> = (0..items.len()).map(|row| value(items, row, level + 1, budget)).collect();
    items.map(Value::Array)
}

fn map(array: &MapArray, row: usize, level: usize, budget: &mut Budget) -> Result<Value, String> {
    budget.enter(level)?;
    let entries = array.value(row);
    let [keys, values] = entries.columns() else { return Err("a map whose entries are no pairs".to_owned()) };
    let named =
        matches!(keys.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Binary | DataType::BinaryView);
    let mut object = Object::new();
    let mut pairs = Vec::new();
    for entry in 0..entries.len() {
        let key = value(keys, entry, level + 1, budget)?;
        let of_key = value(values, entry, level + 1, budget)?;
        match key {
            Value::String(name) if named => insert(&mut object, name, of_key, budget)?,
            key => pairs.push(Value::Object([("key".to_owned(), key), ("value".to_owned(), of_key)].into_iter().collect())),
        }
    }
    match (named, pairs.is_empty()) {
        (true, true) => Ok(Value::Object(object)),
        (true, false) => Err("a map has a null key".to_owned()),
        (false, _) => Ok(Value::Array(pairs)),
    }
}

fn insert(object: &mut Object, name: String, value: Value, budget: &mut Budget) -> Result<(), String> {
    budget.spend(name.len())?;
    if object.contains_key(&name) {
        return Err(format!("`{}` stands twice in one object", shown(&name)));
    }
    object.insert(name, value);
    Ok(())
}
