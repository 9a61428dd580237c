//! Parquet datastores: Hive's column types, and rows in them (facts: Parquet column types).
//!
//! What the real service does with a value of another type is not documented; here it becomes null, and attributes that the schema does
//! not name are left out (docs/fidelity.md).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, MapArray,
    StringArray, StructArray, TimestampNanosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;

use crate::time::TimeFormat;
use crate::value::{Object, Value};

/// Types inside types (facts: quotas).
const DEPTH_MAX: usize = 100;

/// One column of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    name: String,
    kind: Hive,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hive {
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Boolean,
    Text,
    Date,
    Timestamp,
    Array(Box<Self>),
    /// By text: message attributes have no other names.
    Map(Box<Self>),
    Struct(Vec<(String, Self)>),
}

impl Column {
    /// # Errors
    /// What is wrong with the type.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, String> {
        let mut rest = text;
        let kind = Hive::read(&mut rest, 0).filter(|_| rest.trim().is_empty());
        let kind = kind.ok_or_else(|| format!("The type {text} of the column {name} is not supported."))?;
        Ok(Self { name: name.to_lowercase(), kind })
    }

    fn field(&self) -> Field {
        Field::new(&self.name, self.kind.data_type(), true)
    }
}

impl Hive {
    fn read(rest: &mut &str, depth: usize) -> Option<Self> {
        if depth > DEPTH_MAX {
            return None;
        }
        let word = word(rest).to_lowercase();
        Some(match word.as_str() {
            "tinyint" => Self::TinyInt,
            "smallint" => Self::SmallInt,
            "int" | "integer" => Self::Int,
            "bigint" => Self::BigInt,
            "float" => Self::Float,
            "double" => Self::Double,
            "boolean" => Self::Boolean,
            "string" => Self::Text,
            "char" | "varchar" => {
                take(rest, '(')?;
                self::word(rest).parse::<u32>().ok()?;
                take(rest, ')')?;
                Self::Text
            }
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "array" => {
                take(rest, '<')?;
                let of = Self::read(rest, depth + 1)?;
                take(rest, '>')?;
                Self::Array(Box::new(of))
            }
            "map" => {
                take(rest, '<')?;
                if Self::read(rest, depth + 1)? != Self::Text {
                    return None;
                }
                take(rest, ',')?;
                let value = Self::read(rest, depth + 1)?;
                take(rest, '>')?;
                Self::Map(Box::new(value))
            }
            "struct" => {
                take(rest, '<')?;
                let mut fields = Vec::new();
                loop {
                    let name = self::word(rest).to_lowercase();
                    if name.is_empty() {
                        return None;
                    }
                    take(rest, ':')?;
                    fields.push((name, Self::read(rest, depth + 1)?));
                    if take(rest, ',').is_none() {
                        break;
                    }
                }
                take(rest, '>')?;
                Self::Struct(fields)
            }
            _ => return None,
        })
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::TinyInt => DataType::Int8,
            Self::SmallInt => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Text => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Nanosecond, None),
            Self::Array(of) => DataType::List(item(of)),
            Self::Map(value) => DataType::Map(entries(value), false),
            Self::Struct(fields) => DataType::Struct(struct_fields(fields)),
        }
    }

    /// The values as a column; what is not of the type is null.
    fn array(&self, values: &[Option<&Value>]) -> ArrayRef {
        match self {
            Self::TinyInt => Arc::new(values.iter().map(|v| i8::try_from(whole(*v)?).ok()).collect::<Int8Array>()),
            Self::SmallInt => Arc::new(values.iter().map(|v| i16::try_from(whole(*v)?).ok()).collect::<Int16Array>()),
            Self::Int => Arc::new(values.iter().map(|v| i32::try_from(whole(*v)?).ok()).collect::<Int32Array>()),
            Self::BigInt => Arc::new(values.iter().map(|v| whole(*v)).collect::<Int64Array>()),
            Self::Float =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "a FLOAT column holds the nearest float")]
                Arc::new(values.iter().map(|v| double(*v).map(|value| value as f32)).collect::<Float32Array>())
            }
            Self::Double => Arc::new(values.iter().map(|v| double(*v)).collect::<Float64Array>()),
            Self::Boolean => {
                Arc::new(values.iter().map(|v| if let Some(Value::Bool(flag)) = v { Some(*flag) } else { None }).collect::<BooleanArray>())
            }
            Self::Text => Arc::new(values.iter().map(|v| text(*v)).collect::<StringArray>()),
            Self::Date => Arc::new(values.iter().map(|v| i32::try_from(instant(*v)?.day()).ok()).collect::<Date32Array>()),
            Self::Timestamp => Arc::new(values.iter().map(|v| Some(instant(*v)?.0)).collect::<TimestampNanosecondArray>()),
            Self::Array(of) => {
                let lists: Vec<Option<&Vec<Value>>> =
                    values.iter().map(|v| if let Some(Value::Array(items)) = v { Some(items) } else { None }).collect();
                let items: Vec<Option<&Value>> = lists.iter().flatten().flat_map(|items| items.iter().map(Some)).collect();
                let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.map_or(0, |items| items.len())));
                Arc::new(ListArray::new(item(of), offsets, of.array(&items), nulls(&lists)))
            }
            Self::Map(value) => {
                let maps = objects(values);
                let names: Vec<Value> = maps.iter().flatten().flat_map(|map| map.keys().cloned().map(Value::String)).collect();
                let names: Vec<Option<&Value>> = names.iter().map(Some).collect();
                let inner: Vec<Option<&Value>> = maps.iter().flatten().flat_map(|map| map.values().map(Some)).collect();
                let offsets = OffsetBuffer::from_lengths(maps.iter().map(|map| map.map_or(0, Object::len)));
                let pairs = StructArray::new(pair_fields(value), vec![Self::Text.array(&names), value.array(&inner)], None);
                Arc::new(MapArray::new(entries(value), offsets, pairs, nulls(&maps), false))
            }
            Self::Struct(fields) => {
                let structs = objects(values);
                let columns = fields.iter().map(|(name, kind)| {
                    let column: Vec<Option<&Value>> = structs.iter().map(|object| find(object.as_ref().copied()?, name)).collect();
                    kind.array(&column)
                });
                Arc::new(StructArray::new(struct_fields(fields), columns.collect(), nulls(&structs)))
            }
        }
    }
}

/// A file of the rows, without compression as the service wrote it.
pub(super) fn parquet(columns: &[Column], rows: &[&Object]) -> Result<Vec<u8>, parquet::errors::ParquetError> {
    let schema = Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Fields>()));
    let arrays = columns.iter().map(|column| {
        let values: Vec<Option<&Value>> = rows.iter().map(|row| find(row, &column.name)).collect();
        column.kind.array(&values)
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays.collect())?;
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None)?;
    writer.write(&batch)?;
    writer.into_inner()
}

/// The member called `name`, in whatever case.
fn find<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    object.get(name).or_else(|| object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn word<'t>(rest: &mut &'t str) -> &'t str {
    let text = rest.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, behind) = text.split_at(end);
    *rest = behind;
    word
}

fn take(rest: &mut &str, mark: char) -> Option<()> {
    *rest = rest.trim_start().strip_prefix(mark)?;
    Some(())
}

fn item(of: &Hive) -> Arc<Field> {
    Arc::new(Field::new("element", of.data_type(), true))
}

fn pair_fields(value: &Hive) -> Fields {
    Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", value.data_type(), true)])
}

fn entries(value: &Hive) -> Arc<Field> {
    Arc::new(Field::new("key_value", DataType::Struct(pair_fields(value)), false))
}

fn struct_fields(fields: &[(String, Hive)]) -> Fields {
    fields.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)).collect()
}

fn nulls<T>(values: &[Option<T>]) -> Option<NullBuffer> {
    Some(values.iter().map(Option::is_some).collect::<Vec<bool>>().into())
}

fn objects<'v>(values: &[Option<&'v Value>]) -> Vec<Option<&'v Object>> {
    values.iter().map(|value| if let Some(Value::Object(object)) = value { Some(object) } else { None }).collect()
}

fn whole(value: Option<&Value>) -> Option<i64> {
    if let Some(Value::Number(number)) = value { number.to_i64() } else { None }
}

fn double(value: Option<&Value>) -> Option<f64> {
    if let Some(Value::Number(number)) = value { number.to_f64() } else { None }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_json().to_string()),
    }
}

fn instant(value: Option<&Value>) -> Option<crate::time::Nanos> {
    let value = value?;
    TimeFormat::Athena.try_read(value).or_else(|| TimeFormat::Iso8601.try_read(value)).or_else(|| match value {
        Value::Number(_) => TimeFormat::EpochMillis.try_read(value),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_to_any_depth_and_nonsense_is_refused() {
        let deep = Column::read("C", " struct<a:array<int>, b : map<string,varchar(12)>>").unwrap();
        assert_eq!((deep.name.as_str(), deep.field().data_type().to_string().contains("List")), ("c", true));
        for wrong in ["", "int int", "array<int", "struct<>", "map<int,int>", "decimal(10,2)", "varchar", &"array<".repeat(200)] {
            assert!(Column::read("c", wrong).is_err(), "{wrong}");
        }
    }
}
