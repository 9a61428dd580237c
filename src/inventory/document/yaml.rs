//! YAML, from the parser's events, so that depth, aliases and repeated keys are judged before a tree exists.
//!
//! CloudFormation's short forms become their long forms here: `!Ref X` is `{Ref: X}`, `!Sub …` is `{"Fn::Sub": …}`. From here on there is one form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::super::problem::shown;
use super::super::tree::{Data, Node, join, nth};
use super::{DEPTH_MAX, DOCUMENTS_MAX, Fault, NODES_MAX, Parsed, line_number};
use crate::value::Number;

/// The documents of `text`.
pub(super) fn parse(text: &str) -> Result<Parsed, Fault> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder { open: Vec::new(), anchors: BTreeMap::new(), budget: NODES_MAX, parsed: Parsed::default() };
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let column = Some(line_number(error.marker().col() + 1));
                return Err(Fault { line: line_number(error.marker().line()), column, reason: error.info().to_owned() });
            }
        }
    }
    Ok(builder.parsed)
}

/// A list or mapping that has begun and not ended.
struct Open<'t> {
    line: u32,
    anchor: usize,
    call: Option<String>,
    content: Content<'t>,
}

enum Content<'t> {
    List(Vec<Node>),
    Map { entries: IndexMap<String, Node>, key: Option<Cow<'t, str>> },
}

struct Builder<'t> {
    open: Vec<Open<'t>>,
    anchors: BTreeMap<usize, Node>,
    budget: usize,
    parsed: Parsed,
}

impl<'t> Builder<'t> {
    fn event(&mut self, event: Event<'t>, span: Span) -> Result<(), Fault> {
        let line = line_number(span.start.line());
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => Ok(()),
            Event::SequenceStart(anchor, tag) => self.begin(line, anchor, tag.as_deref(), Content::List(Vec::new())),
            Event::MappingStart(anchor, tag) => {
                self.begin(line, anchor, tag.as_deref(), Content::Map { entries: IndexMap::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let data = match open.content {
                        Content::List(items) => Data::List(items),
                        Content::Map { entries, .. } => Data::Map(entries),
                    };
                    self.complete(open.line, open.anchor, open.call, data)
                }
                None => Err(fault(line, "a collection ends that did not begin")),
            },
            Event::Scalar(text, style, anchor, tag) => self.scalar(line, text, style, anchor, tag.as_deref()),
            Event::Alias(anchor) => self.alias(line, anchor),
        }
    }

    fn begin(&mut self, line: u32, anchor: usize, tag: Option<&Tag>, content: Content<'t>) -> Result<(), Fault> {
        if self.expects_key() {
            return Err(fault(line, "a key is a list or an object; only text can be a key here"));
        }
        let call = tag.and_then(call_of);
        self.open.push(Open { line, anchor, call, content });
        if self.open.len() > DEPTH_MAX {
            return Err(fault(line, format!("more than {DEPTH_MAX} levels deep")));
        }
        Ok(())
    }

    fn scalar(&mut self, line: u32, text: Cow<'t, str>, style: ScalarStyle, anchor: usize, tag: Option<&Tag>) -> Result<(), Fault> {
        if self.expects_key() {
            return self.key(line, text);
        }
        let call = tag.and_then(call_of);
        let plain = style == ScalarStyle::Plain && call.is_none() && !tag.is_some_and(is_text_tag);
        let data = if plain { plain_scalar(text) } else { Data::Text(text.into_owned()) };
        self.complete(line, anchor, call, data)
    }

    fn alias(&mut self, line: u32, anchor: usize) -> Result<(), Fault> {
        if self.expects_key() {
            return Err(fault(line, "a key is an alias; only text can be a key here"));
        }
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(fault(line, "an alias stands inside what it names"));
        };
        // Counted before it is copied: a few nested aliases can stand for more nodes than any memory holds.
        let Some(depth) = node.measure(&mut self.budget) else {
            return Err(too_many_nodes(line));
        };
        if depth + self.open.len() > DEPTH_MAX {
            return Err(fault(line, format!("more than {DEPTH_MAX} levels deep")));
        }
        let node = node.clone();
        self.place(node)
    }

    /// A node is whole: remembers it if it has an anchor and puts it where it belongs.
    fn complete(&mut self, line: u32, anchor: usize, call: Option<String>, data: Data) -> Result<(), Fault> {
        self.budget = self.budget.checked_sub(1).ok_or_else(|| too_many_nodes(line))?;
        let mut node = Node::new(line, data);
        if let Some(name) = call {
            node = Node::new(line, Data::Map(IndexMap::from([(name, node)])));
        }
        if anchor > 0 {
            // An anchor keeps a copy, so it counts like an alias.
            node.measure(&mut self.budget).ok_or_else(|| too_many_nodes(line))?;
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), Fault> {
        if let Some(reason) = self.doubt() {
            self.parsed.doubts.push((self.path(), node.line, reason));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key }) => {
                entries.insert(key.take().unwrap_or_default().into_owned(), node);
            }
            None if self.parsed.documents.len() >= DOCUMENTS_MAX => {
                return Err(fault(node.line, format!("more than {DOCUMENTS_MAX} documents in one file")));
            }
            // `---` before the end of a file makes an empty document.
            None if node.is_null() => {}
            None => self.parsed.documents.push(node),
        }
        Ok(())
    }

    /// What is wrong with the key that is about to get its value.
    fn doubt(&self) -> Option<String> {
        let Some(Open { content: Content::Map { entries, key: Some(key) }, .. }) = self.open.last() else {
            return None;
        };
        if key == "<<" {
            return Some("the merge key `<<` is not applied: write its keys out".to_owned());
        }
        entries.contains_key(key.as_ref()).then(|| format!("the key {} stands twice in one object", shown(key)))
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, line: u32, text: Cow<'t, str>) -> Result<(), Fault> {
        match self.open.last_mut() {
            Some(Open { content: Content::Map { key, .. }, .. }) => {
                *key = Some(text);
                Ok(())
            }
            _ => Err(fault(line, "a key stands outside an object")),
        }
    }

    fn path(&self) -> String {
        self.open.iter().fold(String::new(), |path, open| match &open.content {
            Content::List(items) => nth(&path, items.len()),
            Content::Map { key, .. } => join(&path, key.as_deref().unwrap_or_default()),
        })
    }
}

fn fault(line: u32, reason: impl Into<String>) -> Fault {
    Fault { line, column: None, reason: reason.into() }
}

fn too_many_nodes(line: u32) -> Fault {
    fault(line, format!("more than {NODES_MAX} values, aliases counted as what they stand for"))
}

/// The long form of a short form's name; none for tags of YAML itself.
fn call_of(tag: &Tag) -> Option<String> {
    if tag.handle != "!" || tag.suffix.is_empty() {
        return None;
    }
    match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => Some(name.to_owned()),
        name => Some(format!("Fn::{name}")),
    }
}

fn is_text_tag(tag: &Tag) -> bool {
    (tag.is_yaml_core_schema() && tag.suffix == "str") || (tag.handle == "!" && tag.suffix.is_empty())
}

/// A plain scalar by YAML 1.2's core schema, without its hexadecimal and octal numbers and infinities, which no definition has.
fn plain_scalar(text: Cow<'_, str>) -> Data {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        number if Number::parse(number).is_some() => Data::Number(number.to_owned()),
        _ => Data::Text(text.into_owned()),
    }
}
