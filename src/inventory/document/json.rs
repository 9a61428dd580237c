//! JSON: serde_json judges the text, then a cursor cuts it up, because line numbers and keys that stand twice are lost in serde_json's own values.

use indexmap::IndexMap;
use serde::de::IgnoredAny;

use super::super::problem::shown;
use super::super::tree::{Data, Node, join, nth};
use super::{DEPTH_MAX, DOCUMENTS_MAX, Fault, NODES_MAX, Parsed, line_number};

/// The values of `text`: one, or several after each other as loops over a command write them.
pub(super) fn parse(text: &str) -> Result<Parsed, Fault> {
    for (count, value) in serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>().enumerate() {
        if let Err(error) = value {
            return Err(fault_of(&error));
        }
        if count >= DOCUMENTS_MAX {
            return Err(Fault { line: 1, column: None, reason: format!("more than {DOCUMENTS_MAX} values in one file") });
        }
    }
    let mut cursor = Cursor { text, at: 0, line: 1, depth: 0, nodes: 0, doubts: Vec::new() };
    let mut documents = Vec::new();
    while cursor.peek().is_some() {
        documents.push(cursor.value("")?);
    }
    Ok(Parsed { documents, doubts: cursor.doubts })
}

fn fault_of(error: &serde_json::Error) -> Fault {
    let whole = error.to_string();
    let reason = whole.split(" at line ").next().unwrap_or_default().to_owned();
    Fault { line: line_number(error.line()), column: Some(line_number(error.column())), reason }
}

/// Walks a text that is known to be JSON.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    depth: usize,
    nodes: usize,
    doubts: Vec<(String, u32, String)>,
}

impl<'t> Cursor<'t> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'\n' => self.line = self.line.saturating_add(1),
                b' ' | b'\t' | b'\r' => {}
                other => return Some(*other),
            }
            self.at += 1;
        }
        None
    }

    /// Takes the next byte if it is `byte`.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault { line: self.line, column: None, reason: reason.into() }
    }

    fn value(&mut self, path: &str) -> Result<Node, Fault> {
        let first = self.peek();
        let line = self.line;
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.fault(format!("more than {NODES_MAX} values")));
        }
        let data = match first {
            Some(b'{') => self.nested(path, Self::object)?,
            Some(b'[') => self.nested(path, Self::array)?,
            Some(b'"') => Data::Text(self.string()?),
            _ => match self.word() {
                "null" => Data::Null,
                "true" => Data::Bool(true),
                "false" => Data::Bool(false),
                number => Data::Number(number.to_owned()),
            },
        };
        Ok(Node::new(line, data))
    }

    fn nested(&mut self, path: &str, read: fn(&mut Self, &str) -> Result<Data, Fault>) -> Result<Data, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault(format!("more than {DEPTH_MAX} levels deep")));
        }
        self.at += 1;
        let data = read(self, path);
        self.depth -= 1;
        data
    }

    fn object(&mut self, path: &str) -> Result<Data, Fault> {
        let mut map = IndexMap::new();
        while !self.take(b'}') {
            self.take(b',');
            if self.peek().is_none() {
                return Err(self.fault("an object does not end"));
            }
            let line = self.line;
            let key = self.string()?;
            self.take(b':');
            let place = join(path, &key);
            let value = self.value(&place)?;
            if map.contains_key(&key) {
                self.doubts.push((place, line, format!("the key {} stands twice in one object", shown(&key))));
            }
            map.insert(key, value);
        }
        Ok(Data::Map(map))
    }

    fn array(&mut self, path: &str) -> Result<Data, Fault> {
        let mut items = Vec::new();
        while !self.take(b']') {
            self.take(b',');
            if self.peek().is_none() {
                return Err(self.fault("a list does not end"));
            }
            items.push(self.value(&nth(path, items.len()))?);
        }
        Ok(Data::List(items))
    }

    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at;
        let mut escaped = false;
        let length = self.text.as_bytes().iter().skip(start + 1).position(|byte| {
            let end = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            end
        });
        let Some(length) = length else {
            return Err(self.fault("a string does not end"));
        };
        self.at = start + length + 2;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        // What is left to judge are escapes such as half a surrogate pair.
        serde_json::from_str(quoted).map_err(|error| self.fault(fault_of(&error).reason))
    }

    fn word(&mut self) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find([',', ']', '}', ' ', '\t', '\r', '\n', '{', '[', '"']).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }
}
