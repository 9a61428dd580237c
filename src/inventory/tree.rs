//! A document as a tree that remembers where each value stands, whichever notation it was written in.

use indexmap::IndexMap;

use crate::value::{Number, Value};

/// A value and the line it begins on, counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) data: Data,
}

/// Keys keep their order. A number keeps its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    /// Text with a part that a template leaves to the stack, as `${AWS::Region}`. No reader of files makes one; resolving a template does.
    Symbol(String),
    List(Vec<Node>),
    Map(IndexMap<String, Node>),
}

impl Node {
    pub(crate) fn new(line: u32, data: Data) -> Self {
        Self { line, data }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    pub(crate) fn as_map(&self) -> Option<&IndexMap<String, Self>> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a value that is text in its own notation; not of a symbol.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.data == Data::Null
    }

    /// The word that messages use for this kind of value.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::Text(_) => "text",
            Data::Symbol(_) => "a value that only the stack knows",
            Data::List(_) => "a list",
            Data::Map(_) => "an object",
        }
    }

    /// How many nodes the tree has and how deep it is, counting no further than `budget` nodes.
    pub(crate) fn measure(&self, budget: &mut usize) -> Option<usize> {
        *budget = budget.checked_sub(1)?;
        let mut depth = 0;
        match &self.data {
            Data::List(items) => {
                for item in items {
                    depth = depth.max(item.measure(budget)?);
                }
            }
            Data::Map(map) => {
                for value in map.values() {
                    depth = depth.max(value.measure(budget)?);
                }
            }
            _ => {}
        }
        Some(depth + 1)
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Null => serde_json::Value::Null,
            Data::Bool(b) => (*b).into(),
            Data::Number(text) => match Number::parse(text) {
                Some(number) => Value::Number(number).to_json(),
                None => text.clone().into(),
            },
            Data::Text(text) | Data::Symbol(text) => text.clone().into(),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Map(map) => serde_json::Value::Object(map.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
        }
    }
}

/// `path` and one key more: `Resources.P`.
pub(crate) fn join(path: &str, key: &str) -> String {
    let key = super::problem::printable(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// `path` and one index more, from 0: `PipelineActivities[3]`.
pub(crate) fn nth(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
