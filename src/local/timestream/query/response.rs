//! The shapes that the service answers with (facts: Query response; every scalar is a string).

use serde_json::{Value, json};

use super::scalar::Scalar;

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    Null,
    Scalar(String),
    Array(Vec<Self>),
    Row(Vec<Self>),
}

/// One row of cells, in the order of the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Datum>);

/// Name and type of a column. Fields of a row have them too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// `None` for the elements of an array.
    pub name: Option<String>,
    pub kind: ColumnType,
}

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    Scalar(Scalar),
    Array(Box<ColumnInfo>),
    Row(Vec<ColumnInfo>),
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryResponse {
    pub query_id: String,
    /// There is more when this is set.
    pub next_token: Option<String>,
    pub rows: Vec<Row>,
    pub columns: Vec<ColumnInfo>,
}

/// What PrepareQuery with `ValidateOnly` says: columns, and whether the query named them itself. There are no parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedQuery {
    pub query_string: String,
    pub columns: Vec<(ColumnInfo, bool)>,
}

impl Datum {
    /// The wire form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => json!({"NullValue": true}),
            Self::Scalar(text) => json!({"ScalarValue": text}),
            Self::Array(items) => json!({"ArrayValue": items.iter().map(Self::to_json).collect::<Vec<_>>()}),
            Self::Row(fields) => json!({"RowValue": {"Data": fields.iter().map(Self::to_json).collect::<Vec<_>>()}}),
        }
    }

    /// Reads the wire form back; `None` when it is none.
    pub(super) fn from_json(value: Value) -> Option<Self> {
        let Value::Object(map) = value else { return None };
        let (key, content) = map.into_iter().next()?;
        let all = |items: Value| match items {
            Value::Array(items) => items.into_iter().map(Self::from_json).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        match (key.as_str(), content) {
            ("NullValue", _) => Some(Self::Null),
            ("ScalarValue", Value::String(text)) => Some(Self::Scalar(text)),
            ("ArrayValue", items) => Some(Self::Array(all(items)?)),
            ("RowValue", Value::Object(mut row)) => Some(Self::Row(all(row.shift_remove("Data")?)?)),
            _ => None,
        }
    }

    /// About as many bytes as the wire form takes.
    fn wire_bytes(&self) -> usize {
        match self {
            Self::Null => 19,
            Self::Scalar(text) => 19 + text.len(),
            Self::Array(items) | Self::Row(items) => 28 + items.iter().map(Self::wire_bytes).sum::<usize>(),
        }
    }
}

impl Row {
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"Data": self.0.iter().map(Datum::to_json).collect::<Vec<_>>()})
    }

    /// About as many bytes as the wire form takes, for the limit of a page.
    pub(super) fn wire_bytes(&self) -> usize {
        12 + self.0.iter().map(Datum::wire_bytes).sum::<usize>()
    }
}

impl ColumnInfo {
    /// A column of scalars.
    #[must_use]
    pub fn scalar(name: impl Into<String>, kind: Scalar) -> Self {
        Self { name: Some(name.into()), kind: ColumnType::Scalar(kind) }
    }

    #[must_use]
    pub fn to_json(&self) -> Value {
        let kind = self.kind.to_json();
        match &self.name {
            Some(name) => json!({"Name": name, "Type": kind}),
            None => json!({"Type": kind}),
        }
    }
}

impl ColumnType {
    fn to_json(&self) -> Value {
        match self {
            Self::Scalar(kind) => json!({"ScalarType": kind.wire_name()}),
            Self::Array(element) => json!({"ArrayColumnInfo": element.to_json()}),
            Self::Row(fields) => json!({"RowColumnInfo": fields.iter().map(ColumnInfo::to_json).collect::<Vec<_>>()}),
        }
    }
}

impl QueryResponse {
    /// The body of the answer. Nothing is metered here, so the status counts no bytes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "QueryId": self.query_id,
            "Rows": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "ColumnInfo": self.columns.iter().map(ColumnInfo::to_json).collect::<Vec<_>>(),
            "QueryStatus": {"ProgressPercentage": 100.0, "CumulativeBytesScanned": 0, "CumulativeBytesMetered": 0},
        });
        if let Some(token) = &self.next_token {
            body["NextToken"] = json!(token);
        }
        body
    }
}

impl PreparedQuery {
    #[must_use]
    pub fn to_json(&self) -> Value {
        let column = |(info, aliased): &(ColumnInfo, bool)| {
            let mut shape = info.to_json();
            shape["Aliased"] = json!(aliased);
            shape
        };
        json!({"QueryString": self.query_string, "Columns": self.columns.iter().map(column).collect::<Vec<_>>(), "Parameters": []})
    }
}
