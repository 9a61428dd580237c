//! Topic rules: how the old SQL feeds a stream, and which texts of it can be understood.
//!
//! The SQL itself is kept to the letter; nothing here rewrites it.

use crate::mapping::TableMapping;
use crate::path::{ColumnPath, Segment};
use crate::transform::{Action, Copy, Step};

/// A rule's name ends at 128 characters; they are letters, digits and underscores.
const RULE_NAME_CHARS_MAX: usize = 128;
/// What the new rule is called behind the old one's name.
pub(crate) const TO_STREAM: &str = "_to_timestream";
/// And the rule that is a whole pipeline.
pub(crate) const ALONE: &str = "_rule_only";

/// Any shard will do: what every message gets that has no key of its own.
pub(crate) const ANY_SHARD: &str = "${newuuid()}";

/// The SQL version that knows CASE.
const CASE_SINCE: &str = "2016-03-23";

/// Words that IoT SQL would read as something else than an attribute.
const KEYWORDS: [&str; 22] = [
    "and", "as", "case", "else", "end", "exists", "false", "from", "get", "in", "insert", "like", "not", "null", "or", "select", "set",
    "then", "true", "value", "when", "where",
];

/// The name that the new rule gets beside the old one.
pub(crate) fn new_name(name: &str, ending: &str) -> String {
    let tame: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let room = RULE_NAME_CHARS_MAX - ending.len() - 4;
    let cut = tame.get(..room).unwrap_or(&tame).trim_matches('_');
    format!("{}{ending}", if cut.is_empty() { "rule" } else { cut })
}

/// The partition key of a rule's Kinesis action: the device where one can be told from the payload, so that its messages stay
/// in order, and any shard for a message that does not name it.
pub(crate) fn partition_key(sql: &str, sql_version: &str, steps: &[Step], mapping: &TableMapping, preferred: Option<&str>) -> String {
    let any = || ANY_SHARD.to_owned();
    if !keeps_payload(sql) || sql_version < CASE_SINCE {
        return any();
    }
    let of_device = |name: &str| {
        let lower = name.to_ascii_lowercase();
        lower.ends_with("id") || ["device", "sensor", "thing", "machine"].iter().any(|word| lower.contains(word))
    };
    let chosen = mapping
        .dimensions
        .iter()
        .find(|dimension| Some(&*dimension.name) == preferred)
        .or_else(|| mapping.dimensions.iter().find(|dimension| of_device(&dimension.name)));
    match chosen.and_then(|dimension| in_payload(&dimension.column, steps)).and_then(|path| attribute(&path)) {
        Some(attribute) => {
            format!("${{CASE isUndefined({attribute}) OR isNull({attribute}) WHEN true THEN newuuid() ELSE {attribute} END}}")
        }
        None => any(),
    }
}

/// Whether all of the payload stands in what the rule selects, under its own names.
fn keeps_payload(sql: &str) -> bool {
    let mut words = sql.split_whitespace();
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("select")) && words.next().is_some_and(|word| word == "*" || word == "*,")
}

/// The topic filter of a rule that selects everything and filters nothing: `SELECT * FROM 'topic'`.
pub(crate) fn whole_topic(sql: &str) -> Option<&str> {
    let rest = word(sql.trim(), "select")?.trim_start().strip_prefix('*')?;
    let rest = word(rest.trim_start(), "from")?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let topic = rest.strip_prefix(quote)?.strip_suffix(quote)?;
    (!topic.is_empty() && !topic.contains(['\'', '"', '\\'])).then_some(topic)
}

/// What follows `word` and a blank (or a star or quote, which need none).
fn word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let head = text.get(..word.len())?;
    let rest = text.get(word.len()..)?;
    let parted = rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '*' | '\'' | '"'));
    (head.eq_ignore_ascii_case(word) && parted).then_some(rest)
}

/// Where the payload holds what the pipeline's end calls `path`; none when it is computed, looked up or not told.
pub(crate) fn in_payload(path: &ColumnPath, steps: &[Step]) -> Option<ColumnPath> {
    let mut path = path.clone();
    for step in steps.iter().rev() {
        let root = root(&path)?.to_owned();
        match &step.action {
            Action::AddAttributes { copies } => {
                if let Some(copy) = written(copies, &root) {
                    path = moved(&path, &copy.from);
                }
            }
            Action::SelectAttributes { selections } => path = moved(&path, &written(selections, &root)?.from),
            Action::Math { attribute, .. }
            | Action::DeviceRegistryEnrich { attribute, .. }
            | Action::DeviceShadowEnrich { attribute, .. }
                if *attribute == root =>
            {
                return None;
            }
            Action::Lambda { .. } | Action::Unsupported { .. } => return None,
            Action::RemoveAttributes { .. }
            | Action::Filter { .. }
            | Action::Math { .. }
            | Action::DeviceRegistryEnrich { .. }
            | Action::DeviceShadowEnrich { .. } => {}
        }
    }
    Some(path)
}

fn root(path: &ColumnPath) -> Option<&str> {
    match path.segments().first() {
        Some(Segment::Name(name)) => Some(name),
        _ => None,
    }
}

/// The one copy that writes `name`; several are a clash that nobody here decides.
fn written<'c>(copies: &'c [Copy], name: &str) -> Option<&'c Copy> {
    let mut found = copies.iter().filter(|copy| copy.to == name);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// `path` with its root replaced by `from`; what is below an index is left out of it, as no name of IoT SQL reaches there.
fn moved(path: &ColumnPath, from: &ColumnPath) -> ColumnPath {
    path.segments().iter().skip(1).fold(from.clone(), |moved, segment| match segment {
        Segment::Name(name) => moved.child(name),
        Segment::Index(index) => moved.child(&format!("[{index}]")),
    })
}

/// `path` as IoT SQL names it without quotes; none when it cannot be named so.
pub(crate) fn attribute(path: &ColumnPath) -> Option<String> {
    let mut names = Vec::new();
    for segment in path.segments() {
        let Segment::Name(name) = segment else { return None };
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !KEYWORDS.contains(&name.to_ascii_lowercase().as_str());
        if !plain {
            return None;
        }
        names.push(name.as_str());
    }
    Some(names.join("."))
}

#[cfg(test)]
mod tests;
