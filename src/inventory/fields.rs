//! Reads one field at a time, in the API's spelling or the template's, and says what is wrong with it.
//!
//! A reader goes on after a mistake, so that all of them are found at once; whoever builds a definition compares
//! [`Findings::errors`] before and after to know whether it is whole.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::problem::{Findings, shown};
use super::tree::{Data, Node, join, nth};

/// Whose spelling a definition uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `channelName`: the API's and the command line's.
    Api,
    /// `ChannelName`: CloudFormation's, which also takes `"5"` for a number.
    Template,
}

/// A value and where it stands in its file.
#[derive(Debug, Clone)]
pub(crate) struct Place<'n> {
    pub(crate) node: &'n Node,
    pub(crate) path: String,
}

impl<'n> Place<'n> {
    pub(crate) fn line(&self) -> Option<u32> {
        Some(self.node.line)
    }

    /// What stands under exactly this key. A null is nothing: skeletons of the command line are full of them.
    pub(crate) fn child(&self, key: &str) -> Option<Self> {
        let node = self.node.get(key).filter(|node| !node.is_null())?;
        Some(Self { node, path: join(&self.path, key) })
    }

    pub(crate) fn items(&self) -> Vec<Self> {
        let items = self.node.as_list().unwrap_or_default();
        items.iter().enumerate().map(|(index, node)| Self { node, path: nth(&self.path, index) }).collect()
    }

    /// Keys and values, in their order, without nulls.
    pub(crate) fn entries(&self) -> Vec<(&'n str, Self)> {
        let entries = self.node.as_map().into_iter().flatten().filter(|(_, node)| !node.is_null());
        entries.map(|(key, node)| (key.as_str(), Self { node, path: join(&self.path, key) })).collect()
    }

    /// Whether only the stack knows this value.
    pub(crate) fn is_symbol(&self) -> bool {
        matches!(self.node.data, Data::Symbol(_))
    }
}

pub(crate) struct Reader<'f> {
    pub(crate) form: Form,
    pub(crate) findings: &'f mut Findings,
}

impl Reader<'_> {
    /// A key in the spelling of this form, from the API's.
    pub(crate) fn spelt(&self, api: &str) -> String {
        match self.form {
            Form::Api => api.to_owned(),
            Form::Template => capitalised(api),
        }
    }

    pub(crate) fn field<'n>(&self, at: &Place<'n>, api: &str) -> Option<Place<'n>> {
        at.child(&self.spelt(api))
    }

    /// A field whose two spellings differ in more than their first letter.
    pub(crate) fn field_named<'n>(&self, at: &Place<'n>, api: &str, template: &str) -> Option<Place<'n>> {
        match self.form {
            Form::Api => at.child(api),
            Form::Template => at.child(template),
        }
    }

    pub(crate) fn required<'n>(&mut self, at: &Place<'n>, api: &str) -> Option<Place<'n>> {
        let key = self.spelt(api);
        self.must(at, &key)
    }

    pub(crate) fn required_named<'n>(&mut self, at: &Place<'n>, api: &str, template: &str) -> Option<Place<'n>> {
        let key = if self.form == Form::Api { api } else { template };
        self.must(at, key)
    }

    fn must<'n>(&mut self, at: &Place<'n>, key: &str) -> Option<Place<'n>> {
        if !self.is_object(at) {
            return None;
        }
        let found = at.child(key);
        if found.is_none() {
            self.findings.error(&at.path, at.line(), format!("has no {}, which is required", shown(key)));
        }
        found
    }

    pub(crate) fn required_text(&mut self, at: &Place<'_>, api: &str) -> Option<String> {
        let place = self.required(at, api)?;
        self.text(&place)
    }

    pub(crate) fn optional_text(&mut self, at: &Place<'_>, api: &str) -> Option<String> {
        let place = self.field(at, api)?;
        self.text(&place)
    }

    /// Text, kept as it is where a part of it is symbolic.
    pub(crate) fn text(&mut self, place: &Place<'_>) -> Option<String> {
        match &place.node.data {
            Data::Text(text) if text.is_empty() => {
                self.findings.error(&place.path, place.line(), "is empty text");
                None
            }
            Data::Text(text) | Data::Symbol(text) => Some(text.clone()),
            _ => self.wrong_type(place, "text"),
        }
    }

    /// A whole number within `range`.
    pub(crate) fn integer(&mut self, place: &Place<'_>, range: RangeInclusive<i64>) -> Option<i64> {
        let text = match &place.node.data {
            Data::Number(text) => text,
            Data::Text(text) if self.form == Form::Template => text,
            _ => return self.wrong_type(place, "a whole number"),
        };
        let Ok(value) = text.parse::<i64>() else {
            self.findings.error(&place.path, place.line(), format!("must be a whole number and is {}", shown(text)));
            return None;
        };
        if !range.contains(&value) {
            let (low, high) = (range.start(), range.end());
            let bounds = if *high == i64::MAX { format!("at least {low}") } else { format!("{low} to {high}") };
            self.findings.error(&place.path, place.line(), format!("must be {bounds} and is {value}"));
            return None;
        }
        Some(value)
    }

    pub(crate) fn boolean(&mut self, place: &Place<'_>) -> Option<bool> {
        match &place.node.data {
            Data::Bool(value) => Some(*value),
            Data::Text(text) if self.form == Form::Template && text.eq_ignore_ascii_case("true") => Some(true),
            Data::Text(text) if self.form == Form::Template && text.eq_ignore_ascii_case("false") => Some(false),
            _ => self.wrong_type(place, "true or false"),
        }
    }

    pub(crate) fn list<'n>(&mut self, place: &Place<'n>) -> Option<Vec<Place<'n>>> {
        match &place.node.data {
            Data::List(_) => Some(place.items()),
            _ => self.wrong_type(place, "a list"),
        }
    }

    /// A list of texts; the mistakes are reported and left out.
    pub(crate) fn texts(&mut self, place: &Place<'_>) -> Option<Vec<String>> {
        let items = self.list(place)?;
        Some(items.iter().filter_map(|item| self.text(item)).collect())
    }

    /// Whether the place holds an object; says so if not.
    pub(crate) fn is_object(&mut self, place: &Place<'_>) -> bool {
        match &place.node.data {
            Data::Map(_) => true,
            _ => {
                self.wrong_type::<()>(place, "an object");
                false
            }
        }
    }

    /// The one member that an object has, as `schedule` or `dataset` of a trigger.
    pub(crate) fn only_member<'n>(&mut self, place: &Place<'n>, of: &str) -> Option<(&'n str, Place<'n>)> {
        if !self.is_object(place) {
            return None;
        }
        let mut entries = place.entries();
        if entries.len() != 1 {
            self.findings.error(&place.path, place.line(), format!("must hold exactly one {of} and holds {}", entries.len()));
            return None;
        }
        entries.pop()
    }

    fn wrong_type<T>(&mut self, place: &Place<'_>, expected: &str) -> Option<T> {
        let reason = match &place.node.data {
            Data::Symbol(text) => {
                format!("must be {expected}, and only the stack knows it: {} (give its parameters values)", shown(text))
            }
            Data::Number(text) | Data::Text(text) => format!("must be {expected} and is {} {}", place.node.kind(), shown(text)),
            _ => format!("must be {expected} and is {}", place.node.kind()),
        };
        self.findings.error(&place.path, place.line(), reason);
        None
    }

    /// `tags`: a list of key and value. Templates may hold numbers and booleans there, which CloudFormation writes as text.
    pub(crate) fn tags(&mut self, at: &Place<'_>) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        let Some(place) = self.field(at, "tags").filter(|place| !place.is_symbol()) else {
            return tags;
        };
        let items = self.list(&place).unwrap_or_default();
        // Answers list no tags where there are none; CloudFormation refuses an empty list.
        if items.is_empty() && self.form == Form::Template {
            self.findings.error(
                &place.path,
                place.line(),
                "lists no tag; CloudFormation refuses an empty list, so nothing was ever deployed like this",
            );
        }
        for item in items {
            if item.is_symbol() {
                continue;
            }
            let key = self.required_text(&item, "key");
            let value = match self.field(&item, "value").map(|v| (v.node.data.clone(), v)) {
                Some((Data::Text(text) | Data::Symbol(text) | Data::Number(text), _)) => Some(text),
                Some((Data::Bool(value), _)) => Some(value.to_string()),
                Some((_, place)) => self.wrong_type(&place, "text"),
                None => Some(String::new()),
            };
            if let (Some(key), Some(value)) = (key, value) {
                tags.insert(key, value);
            }
        }
        tags
    }

    /// Warns of a resource name that the service's rule does not allow (facts: `(^(?!_{2}))(^[a-zA-Z0-9_]+$)`, 1 to 128).
    pub(crate) fn check_name(&mut self, name: &str, place: &Place<'_>) {
        if is_symbolic(name) {
            return;
        }
        let characters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !characters || name.len() > 128 || name.starts_with("__") {
            let rule = "letters, digits and underscores, at most 128, not beginning with two underscores";
            self.findings.warn(&place.path, place.line(), format!("the name {} breaks the service's rule: {rule}", shown(name)));
        }
    }

    /// Warns of text longer than the service takes.
    pub(crate) fn check_length(&mut self, text: &str, chars_max: usize, place: &Place<'_>) {
        let count = text.chars().count();
        if count > chars_max && !is_symbolic(text) {
            self.findings.warn(&place.path, place.line(), format!("has {count} characters; the service takes {chars_max}"));
        }
    }
}

/// Whether a text has a part that only the stack knows.
pub(crate) fn is_symbolic(text: &str) -> bool {
    text.contains("${")
}

pub(crate) fn capitalised(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

pub(crate) fn uncapitalised(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}
