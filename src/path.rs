//! Where a value stands in a message: `device.coord[0]`.
//!
//! A segment is a name or an index. A dot, a bracket or a backslash that belongs to a name is written with a backslash in
//! front, so every list of segments has one text and every text one list of segments.
//!
//! Every room above may use this; it uses only [`crate::value`].

use std::fmt;
use std::str::FromStr;

use crate::value::{Object, Value};

/// One step into a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    Name(String),
    Index(usize),
}

/// A column of a store: the way from the message to one of its values. Never empty; the first segment is a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnPath(Vec<Segment>);

/// Why a text is not a column path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a column path: {reason}")]
pub struct PathError {
    pub text: String,
    pub reason: &'static str,
}

impl ColumnPath {
    /// The top-level column called `name`, whatever characters it holds.
    #[must_use]
    pub fn top(name: &str) -> Self {
        Self(vec![Segment::Name(name.to_owned())])
    }

    /// The path of these segments; `None` unless there is a first one and it is a name.
    #[must_use]
    pub fn from_segments(segments: Vec<Segment>) -> Option<Self> {
        matches!(segments.first(), Some(Segment::Name(_))).then_some(Self(segments))
    }

    /// This path, one name deeper.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let mut segments = self.0.clone();
        segments.push(Segment::Name(name.to_owned()));
        Self(segments)
    }

    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The value at this path; `None` when there is none (which is not the same as a null).
    #[must_use]
    pub fn find<'a>(&self, message: &'a Object) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        let Segment::Name(name) = first else { return None };
        rest.iter().try_fold(message.get(name)?, |value, segment| match (segment, value) {
            (Segment::Name(name), Value::Object(object)) => object.get(name),
            (Segment::Index(index), Value::Array(items)) => items.get(*index),
            _ => None,
        })
    }

    /// The names joined by `separator`, indexes as plain numbers: what a flattened column is called.
    #[must_use]
    pub fn flattened(&self, separator: &str) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|segment| match segment {
                Segment::Name(name) => name.clone(),
                Segment::Index(index) => index.to_string(),
            })
            .collect();
        parts.join(separator)
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Name(name) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    for c in name.chars() {
                        if matches!(c, '.' | '[' | ']' | '\\') {
                            f.write_str("\\")?;
                        }
                        write!(f, "{c}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl FromStr for ColumnPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let refuse = |reason| PathError { text: text.to_owned(), reason };
        let mut segments = Vec::new();
        let mut chars = text.chars().peekable();
        let mut name = String::new();
        // True where a name may begin: at the start and behind a dot.
        let mut name_open = true;
        while let Some(c) = chars.next() {
            match c {
                '\\' => name.push(chars.next().ok_or_else(|| refuse("it ends in a backslash"))?),
                '.' | '[' => {
                    if name_open {
                        segments.push(Segment::Name(std::mem::take(&mut name)));
                    }
                    name_open = c == '.';
                    if c == '[' {
                        let mut digits = String::new();
                        for d in chars.by_ref().take_while(|d| *d != ']') {
                            digits.push(d);
                        }
                        let index = digits.parse().map_err(|_| refuse("an index is a whole number in brackets"))?;
                        segments.push(Segment::Index(index));
                    }
                }
                ']' => return Err(refuse("a bracket closes that never opened")),
                _ if !name_open => return Err(refuse("a dot or a bracket must follow an index")),
                c => name.push(c),
            }
        }
        if name_open {
            segments.push(Segment::Name(name));
        }
        match segments.first() {
            Some(Segment::Name(first)) if !(first.is_empty() && segments.len() > 1) => Ok(Self(segments)),
            _ => Err(refuse("it must begin with a name")),
        }
    }
}

impl serde::Serialize for ColumnPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ColumnPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(json: &str) -> Object {
        match Value::from(serde_json::from_str::<serde_json::Value>(json).unwrap()) {
            Value::Object(object) => object,
            other => panic!("not an object: {other:?}"),
        }
    }

    #[test]
    fn finds_nested_values_and_array_elements() {
        let message = message(r#"{"device":{"id":"d1","coord":[47.6,-122.3]},"a.b":1}"#);
        let find = |path: &str| path.parse::<ColumnPath>().unwrap().find(&message).map(|v| v.to_json().to_string());
        assert_eq!(find("device.id").as_deref(), Some("\"d1\""));
        assert_eq!(find("device.coord[1]").as_deref(), Some("-122.3"));
        assert_eq!(find("a\\.b").as_deref(), Some("1"));
        assert_eq!(find("device.coord[2]"), None);
        assert_eq!(find("device.id.deeper"), None);
    }

    #[test]
    fn refuses_texts_that_are_no_path() {
        for bad in ["a[", "a[x]", "a[0]b", "]", "a\\", "[0]", ".a"] {
            assert!(bad.parse::<ColumnPath>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_path_reads_back(names in prop::collection::vec("[a-z.\\[\\]\\\\ é]{1,6}", 1..4), index in prop::option::of(0usize..9)) {
            let mut segments: Vec<Segment> = names.into_iter().map(Segment::Name).collect();
            segments.extend(index.map(Segment::Index));
            let path = ColumnPath(segments);
            prop_assert_eq!(path.to_string().parse::<ColumnPath>().unwrap(), path);
        }

        /// Where it is one, it is the path that its own text says.
        #[test]
        fn spoilt_paths_are_read_or_refused(text in r"([a-z.\[\]\\0-9]|é|\PC){0,30}") {
            if let Ok(path) = text.parse::<ColumnPath>() {
                prop_assert_eq!(path.to_string().parse::<ColumnPath>().unwrap(), path);
            }
        }
    }
}
