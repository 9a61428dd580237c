//! CloudFormation templates as typed YAML: the only way a text becomes part of one.
//!
//! Every text is written in double quotes, ASCII only, so that nothing in it is YAML. References are made from names of
//! ours, never from text. The one thing that no quoting stops is a dynamic reference (`{{resolve:…}}`): CloudFormation
//! looks for it in the finished value, wherever it came from, so a text that holds one is refused ([`foreign`]).

use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// A value of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Boolean(bool),
    Integer(i64),
    /// Always quoted.
    Text(String),
    List(Vec<Self>),
    Map(Map),
    /// A short intrinsic function (`!Ref`, `!GetAtt`, `!If`) and what it is given.
    Tagged(&'static str, Box<Self>),
    /// `!Ref`, `!GetAtt` and `!Condition` of a name.
    Name(&'static str, String),
    /// `!Sub`: literal pieces are escaped.
    Sub(Vec<Piece>),
}

/// A part of a `!Sub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Stands as it is, `${` included.
    Literal(String),
    /// `${Name}` or `${Name.Attribute}`.
    Reference(String),
}

/// Keys and values in the order they were put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Map(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    comment: Option<String>,
    key: String,
    value: Node,
}

impl Map {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// This map with one entry more.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl Into<Node>) -> Self {
        self.put(key, value);
        self
    }

    /// This map with one entry more where there is a value.
    #[must_use]
    pub(crate) fn with_some(self, key: &str, value: Option<impl Into<Node>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(crate) fn put(&mut self, key: &str, value: impl Into<Node>) {
        self.0.push(Entry { comment: None, key: key.to_owned(), value: value.into() });
    }

    /// An entry with a line of comment above it.
    pub(crate) fn put_noted(&mut self, comment: &str, key: &str, value: impl Into<Node>) {
        self.0.push(Entry { comment: Some(comment.to_owned()), key: key.to_owned(), value: value.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Node {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Map> for Node {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Node {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Node {
    fn from(items: [T; N]) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// `!Ref name`
pub(crate) fn reference(name: &str) -> Node {
    Node::Name("Ref", name.to_owned())
}

/// `!GetAtt resource.attribute`
pub(crate) fn attribute(resource: &str, attribute: &str) -> Node {
    Node::Name("GetAtt", format!("{resource}.{attribute}"))
}

/// `!Condition name`, inside another condition.
pub(crate) fn condition(name: &str) -> Node {
    Node::Name("Condition", name.to_owned())
}

/// `!Equals [!Ref parameter, value]`
pub(crate) fn equals(parameter: &str, value: &str) -> Node {
    Node::Tagged("Equals", Box::new([reference(parameter), value.into()].into()))
}

pub(crate) fn not(inner: Node) -> Node {
    Node::Tagged("Not", Box::new([inner].into()))
}

pub(crate) fn and(inner: impl Into<Node>) -> Node {
    Node::Tagged("And", Box::new(inner.into()))
}

/// `!If [condition, yes, no]`
pub(crate) fn choose(condition: &str, yes: impl Into<Node>, no: impl Into<Node>) -> Node {
    Node::Tagged("If", Box::new(Node::List(vec![condition.into(), yes.into(), no.into()])))
}

/// `!If [condition, yes, no value]`
pub(crate) fn only_if(condition: &str, yes: impl Into<Node>) -> Node {
    choose(condition, yes, reference("AWS::NoValue"))
}

/// `!Sub` of a template of ours: `${Name}` is a reference, `${@key}` is replaced by the piece called `key`.
pub(crate) fn sub(template: &'static str, pieces: &[(&str, Piece)]) -> Node {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("${") {
        if !before.is_empty() {
            found.push(Piece::Literal(before.to_owned()));
        }
        let Some((name, after)) = behind.split_once('}') else { break };
        match name.strip_prefix('@') {
            Some(key) => found.extend(pieces.iter().find(|(known, _)| *known == key).map(|(_, piece)| piece.clone())),
            None => found.push(Piece::Reference(name.to_owned())),
        }
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Piece::Literal(rest.to_owned()));
    }
    Node::Sub(found)
}

/// A text that CloudFormation would not leave alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it holds `{{{{resolve:`, which CloudFormation would resolve as a dynamic reference")]
pub struct DynamicReference;

/// Whether `text`, which is not ours, can stand in a template and mean itself.
///
/// # Errors
/// When it holds the beginning of a dynamic reference.
pub(crate) fn foreign(text: &str) -> Result<&str, DynamicReference> {
    if text.to_ascii_lowercase().contains("{{resolve:") { Err(DynamicReference) } else { Ok(text) }
}

/// The template as text, closed by a line break.
pub(crate) fn render(template: &Map) -> String {
    let mut out = String::new();
    write_map(&mut out, 0, template);
    out
}

fn write_map(out: &mut String, indent: usize, map: &Map) {
    for entry in &map.0 {
        if let Some(comment) = &entry.comment {
            push(out, format_args!("{:indent$}# {}\n", "", one_line(comment)));
        }
        push(out, format_args!("{:indent$}{}:", "", key(&entry.key)));
        write_value(out, indent, &entry.value);
    }
}

/// The value behind `key:` or `-`, up to and with the end of its last line.
fn write_value(out: &mut String, indent: usize, value: &Node) {
    match value {
        Node::Boolean(truth) => push(out, format_args!(" {truth}\n")),
        Node::Integer(number) => push(out, format_args!(" {number}\n")),
        Node::Text(text) => push(out, format_args!(" {}\n", quoted(text, indent + 2))),
        Node::Name(tag, name) => push(out, format_args!(" !{tag} {}\n", tame(name))),
        Node::Sub(pieces) => push(out, format_args!(" !Sub {}\n", quoted(&substitution(pieces), indent + 2))),
        Node::Tagged(tag, inner) => {
            push(out, format_args!(" !{tag}"));
            write_value(out, indent, inner);
        }
        Node::List(items) if items.is_empty() => out.push_str(" []\n"),
        Node::Map(map) if map.is_empty() => out.push_str(" {}\n"),
        Node::List(items) => {
            out.push('\n');
            for item in items {
                write_item(out, indent + 2, item);
            }
        }
        Node::Map(map) => {
            out.push('\n');
            write_map(out, indent + 2, map);
        }
    }
}

fn write_item(out: &mut String, indent: usize, item: &Node) {
    push(out, format_args!("{:indent$}-", ""));
    match item {
        // `- Key: value`, the other keys below the first.
        Node::Map(map) if !map.is_empty() && map.0.iter().all(|entry| entry.comment.is_none()) => {
            let mut inner = String::new();
            write_map(&mut inner, indent + 2, map);
            out.push(' ');
            out.push_str(inner.trim_start_matches(' '));
        }
        other => write_value(out, indent, other),
    }
}

/// A key of ours stands bare; any other is quoted, words that YAML reads as booleans among them.
fn key(text: &str) -> String {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if bare { text.to_owned() } else { scalar(text, None) }
}

/// Letters, digits, dots and colons: all that a name of a template can hold.
fn tame(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':')).collect()
}

/// What `!Sub` is given: `${` of literal pieces becomes `${!`, which stands for itself.
fn substitution(pieces: &[Piece]) -> String {
    // Neighbouring literals are joined first, so that a `$` and a `{` cannot meet unseen.
    let mut text = String::new();
    let mut literal = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(part) => literal.push_str(part),
            Piece::Reference(name) => {
                text.push_str(&std::mem::take(&mut literal).replace("${", "${!"));
                push(&mut text, format_args!("${{{}}}", tame(name)));
            }
        }
    }
    text.push_str(&literal.replace("${", "${!"));
    text
}

/// A text in double quotes. One of several lines is written over as many, each below the other.
fn quoted(text: &str, indent: usize) -> String {
    scalar(text, text.trim_end_matches('\n').contains('\n').then_some(indent))
}

fn scalar(text: &str, indent: Option<usize>) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut line_begins = false;
    for c in text.chars() {
        match c {
            // The blanks that begin a continued line would be folded away.
            ' ' if line_begins => out.push_str("\\ "),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if u32::from(c) <= 0xff => push(&mut out, format_args!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) <= 0xffff => push(&mut out, format_args!("\\u{:04x}", u32::from(c))),
            c => push(&mut out, format_args!("\\U{:08x}", u32::from(c))),
        }
        line_begins = false;
        if let (Some(indent), '\n') = (indent, c) {
            // A backslash at the end of a line joins it to the next.
            push(&mut out, format_args!("\\\n{:indent$}", ""));
            line_begins = true;
        }
    }
    out.push('"');
    out
}

/// A comment's text: escaped as a scalar is, without its quotes.
fn one_line(text: &str) -> String {
    let escaped = scalar(text, None);
    escaped.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().replace("\\\"", "\"")
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or_default();
}
