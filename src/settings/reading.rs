//! A TOML document read strictly: every value through its type and range, every mistake noted with its line.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use toml_edit::{Array, Item, TableLike, Value};

use super::problem::SettingsProblem;

/// The document's text and the mistakes found in it so far.
pub(super) struct Reading<'t> {
    text: &'t str,
    pub(super) problems: Vec<SettingsProblem>,
}

/// One table of the document, inline or not.
#[derive(Clone)]
pub(super) struct Section<'t> {
    /// Dotted, empty for the root.
    path: String,
    table: &'t dyn TableLike,
    line: usize,
}

impl<'t> Section<'t> {
    pub(super) fn root(table: &'t dyn TableLike) -> Self {
        Self { path: String::new(), table, line: 1 }
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn holds_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(Item::is_table_like)
    }
}

impl<'t> Reading<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: Vec::new() }
    }

    /// The line, from 1, on which `span` begins.
    pub(super) fn line(&self, span: Option<Range<usize>>) -> Option<usize> {
        let before = self.text.as_bytes().get(..span?.start)?;
        Some(1 + before.iter().filter(|byte| **byte == b'\n').count())
    }

    pub(super) fn refuse(&mut self, line: usize, key: String, message: impl Into<String>) {
        self.problems.push(SettingsProblem { line, key, message: message.into() });
    }

    /// Notes a mistake at `key` of `section`, or at the section when the key is not there.
    pub(super) fn refuse_key(&mut self, section: &Section<'t>, key: &str, message: impl Into<String>) {
        let line = self.key_line(section, key);
        self.refuse(line, section.path_of(key), message);
    }

    fn key_line(&self, section: &Section<'t>, key: &str) -> usize {
        let found = section.table.get_key_value(key);
        let span = found.and_then(|(key, item)| key.span().or_else(|| item.span()));
        self.line(span).unwrap_or(section.line)
    }

    /// Notes every key of `section` that is not in `known`.
    pub(super) fn only(&mut self, section: &Section<'t>, known: &[&str]) {
        let unknown: Vec<String> =
            section.table.iter().map(|(key, _)| key.to_owned()).filter(|key| !known.contains(&key.as_str())).collect();
        for key in unknown {
            self.refuse_key(section, &key, format!("there is no such setting; allowed here are {}", known.join(", ")));
        }
    }

    fn required(&mut self, section: &Section<'t>, key: &str, what: &str) -> Option<&'t Item> {
        let found = section.table.get(key);
        if found.is_none() {
            self.refuse_key(section, key, format!("it is missing; it must be {what}"));
        }
        found
    }

    fn wrong_type(&mut self, section: &Section<'t>, key: &str, found: &Item, what: &str) {
        self.refuse_key(section, key, format!("found {}; it must be {what}", described(found)));
    }

    pub(super) fn string(&mut self, section: &Section<'t>, key: &str, what: &str) -> Option<String> {
        let item = self.required(section, key, what)?;
        match item.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                self.wrong_type(section, key, item, what);
                None
            }
        }
    }

    pub(super) fn optional_string(&mut self, section: &Section<'t>, key: &str, what: &str) -> Option<String> {
        if section.has(key) { self.string(section, key, what) } else { None }
    }

    /// A string read by its own parser.
    pub(super) fn parsed<T: std::str::FromStr<Err: Display>>(&mut self, section: &Section<'t>, key: &str, what: &str) -> Option<T> {
        let text = self.string(section, key, what)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(reason) => {
                self.refuse_key(section, key, one_line(&reason.to_string()));
                None
            }
        }
    }

    pub(super) fn integer<T: TryFrom<i64> + Display>(&mut self, section: &Section<'t>, key: &str, range: RangeInclusive<i64>) -> Option<T> {
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        let item = self.required(section, key, &what)?;
        let value = item.as_integer().filter(|value| range.contains(value)).and_then(|value| T::try_from(value).ok());
        if value.is_none() {
            self.wrong_type(section, key, item, &what);
        }
        value
    }

    /// One of a few words; `default` where the key is not there.
    pub(super) fn word<T: Copy>(&mut self, section: &Section<'t>, key: &str, words: &[(&str, T)], default: T) -> T {
        let Some(item) = section.table.get(key) else { return default };
        match words.iter().find(|(word, _)| item.as_str() == Some(word)) {
            Some((_, value)) => *value,
            None => {
                self.wrong_type(section, key, item, &choices(words.iter().map(|(word, _)| *word)));
                default
            }
        }
    }

    pub(super) fn section(&mut self, section: &Section<'t>, key: &str, what: &str) -> Option<Section<'t>> {
        let item = self.required(section, key, what)?;
        match item.as_table_like() {
            Some(table) => Some(Section { path: section.path_of(key), table, line: self.key_line(section, key) }),
            None => {
                self.wrong_type(section, key, item, what);
                None
            }
        }
    }

    /// The tables of a list, written as `[[key]]` or as an array of inline tables. A list that is not there is a mistake.
    pub(super) fn sections(&mut self, section: &Section<'t>, key: &str, what: &str) -> Option<Vec<Section<'t>>> {
        let item = self.required(section, key, what)?;
        let path = section.path_of(key);
        if let Some(tables) = item.as_array_of_tables() {
            let each = |(at, table): (usize, &'t toml_edit::Table)| {
                let line = self.line(table.span()).unwrap_or(section.line);
                Section { path: format!("{path}[{at}]"), table, line }
            };
            return Some(tables.iter().enumerate().map(each).collect());
        }
        let values = self.array(section, key, item, what)?;
        let mut found = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let line = self.line(value.span()).unwrap_or(section.line);
            match value.as_inline_table() {
                Some(table) => found.push(Section { path: format!("{path}[{at}]"), table, line }),
                None => {
                    let message = format!("found {}; it must be a table in braces", described_value(value));
                    self.refuse(line, format!("{path}[{at}]"), message);
                }
            }
        }
        Some(found)
    }

    /// A list of strings, each with its line; empty where the key is not there.
    pub(super) fn strings(&mut self, section: &Section<'t>, key: &str, what: &str) -> Vec<(usize, String)> {
        let Some(item) = section.table.get(key) else { return Vec::new() };
        let Some(values) = self.array(section, key, item, what) else { return Vec::new() };
        let mut found = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let line = self.line(value.span()).unwrap_or(section.line);
            match value.as_str() {
                Some(text) => found.push((line, text.to_owned())),
                None => {
                    let key = format!("{}[{at}]", section.path_of(key));
                    self.refuse(line, key, format!("found {}; it must be a string", described_value(value)));
                }
            }
        }
        found
    }

    /// A list of values as text: what a route compares. A number with a point has more than one text, so it is refused.
    pub(super) fn texts(&mut self, section: &Section<'t>, key: &str, what: &str) -> Option<Vec<String>> {
        let item = self.required(section, key, what)?;
        let values = self.array(section, key, item, what)?;
        let mut found = Vec::new();
        for (at, value) in values.iter().enumerate() {
            match value {
                Value::String(text) => found.push(text.value().clone()),
                Value::Integer(number) => found.push(number.value().to_string()),
                Value::Boolean(truth) => found.push(truth.value().to_string()),
                other => {
                    let line = self.line(value.span()).unwrap_or(section.line);
                    let key = format!("{}[{at}]", section.path_of(key));
                    self.refuse(line, key, format!("found {}; write it as a string, as it stands in the rows", described_value(other)));
                }
            }
        }
        (found.len() == values.len()).then_some(found)
    }

    /// Whether `true` stands there; anything else is a mistake.
    pub(super) fn truth(&mut self, section: &Section<'t>, key: &str) -> bool {
        let Some(item) = self.required(section, key, "true") else { return false };
        let is_true = item.as_bool() == Some(true);
        if !is_true {
            self.wrong_type(section, key, item, "true, or left out");
        }
        is_true
    }

    fn array(&mut self, section: &Section<'t>, key: &str, item: &'t Item, what: &str) -> Option<&'t Array> {
        let array = item.as_array();
        if array.is_none() {
            self.wrong_type(section, key, item, what);
        }
        array
    }
}

/// `"a", "b" or "c"`.
pub(super) fn choices<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut quoted: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    match (quoted.pop(), quoted.is_empty()) {
        (Some(last), false) => format!("{} or {last}", quoted.join(", ")),
        (last, _) => last.unwrap_or_default(),
    }
}

/// What stands in the file, for a message: a short value as it is, anything else by its kind.
fn described(item: &Item) -> String {
    item.as_value().map_or_else(|| format!("a {}", item.type_name()), described_value)
}

fn described_value(value: &Value) -> String {
    const SHOWN_MAX: usize = 60;
    match value {
        Value::String(text) => match one_line(text.value()) {
            text if text.chars().count() > SHOWN_MAX => format!("\"{}…\"", text.chars().take(SHOWN_MAX).collect::<String>()),
            text => format!("\"{text}\""),
        },
        Value::Integer(number) => number.value().to_string(),
        Value::Float(number) => number.value().to_string(),
        Value::Boolean(truth) => truth.value().to_string(),
        Value::Datetime(_) => "a date or time".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::InlineTable(_) => "a table".to_owned(),
    }
}

/// `text` without line breaks, control characters and invisible marks that change how a line reads.
pub(super) fn one_line(text: &str) -> String {
    let visible = |c: char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| visible(*c)).collect()
}
