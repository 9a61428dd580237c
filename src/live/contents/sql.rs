//! The SQL of temporary datasets, made of typed parts only.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::windows::{Window, day_text};
use crate::inventory::shown;

/// How long a name may be (facts: shapes and limits).
const NAME_CHARS_MAX: usize = 128;

/// The name of a datastore or dataset by the service's own rule: letters, digits and underscores, not two underscores at the front. Nothing
/// that passes can end a quoted identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceName(String);

/// A text that no resource can be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no name: datastores and datasets are called by 1 to 128 letters, digits and underscores, not two underscores first")]
pub struct NoName(String);

impl ResourceName {
    /// # Errors
    /// When the service would not take it for a name.
    pub fn new(text: &str) -> Result<Self, NoName> {
        let sound = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.is_empty() || text.len() > NAME_CHARS_MAX || text.starts_with("__") || !text.chars().all(sound) {
            return Err(NoName(shown(text)));
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ResourceName {
    type Error = NoName;

    fn try_from(text: String) -> Result<Self, NoName> {
        Self::new(&text)
    }
}

impl std::str::FromStr for ResourceName {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        Self::new(text)
    }
}

impl From<ResourceName> for String {
    fn from(name: ResourceName) -> Self {
        name.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Counts the rows of a store by the partition of their arrival.
pub(super) fn survey(store: &ResourceName) -> String {
    format!("SELECT __dt AS arrived, count(*) AS row_count FROM \"{store}\" GROUP BY __dt")
}

/// The rows of a store that arrived inside a window. The cast takes a partition column of text and one of timestamps alike: both are
/// seen (facts: datastore keys).
pub(super) fn window(store: &ResourceName, window: Window) -> String {
    let arrived = "CAST(__dt AS timestamp)";
    format!(
        "SELECT * FROM \"{store}\" WHERE {arrived} >= timestamp '{} 00:00:00' AND {arrived} < timestamp '{} 00:00:00'",
        day_text(window.from),
        day_text(window.to)
    )
}

/// The store whose rows a plain `SELECT * FROM store …` gives as they are; None for any other query, which may rename, join or count.
pub(super) fn plain_store(sql: &str) -> Option<ResourceName> {
    let mut words = sql.split_whitespace();
    let mut is = |expected: &str| words.next().is_some_and(|word| word.eq_ignore_ascii_case(expected));
    if !(is("SELECT") && is("*") && is("FROM")) {
        return None;
    }
    let name = words.next()?;
    let name = ['"', '`'].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(name);
    let store = ResourceName::new(&name.to_lowercase()).ok()?;
    match words.next() {
        None => Some(store),
        Some(word) if word.eq_ignore_ascii_case("WHERE") || word.eq_ignore_ascii_case("LIMIT") => Some(store),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_is_a_half_open_condition_on_arrival() {
        let store = ResourceName::new("plant_7").unwrap();
        assert_eq!(
            window(&store, Window { from: 20_000, to: 20_002 }),
            "SELECT * FROM \"plant_7\" WHERE CAST(__dt AS timestamp) >= timestamp '2024-10-04 00:00:00' \
             AND CAST(__dt AS timestamp) < timestamp '2024-10-06 00:00:00'"
        );
    }

    #[test]
    fn what_could_end_an_identifier_is_no_name() {
        for hostile in ["", "a\" OR 1=1 --", "a b", "a;b", "__dt", "a\n", "ä", "a.b", "`a`", &"x".repeat(129)] {
            assert!(ResourceName::new(hostile).is_err(), "{hostile:?}");
        }
        assert!(serde_json::from_str::<ResourceName>("\"a\\\" --\"").is_err(), "a state file is no way round the rule");
    }

    proptest! {
        #[test]
        fn every_name_that_passes_stays_inside_its_quotes(text in any::<String>()) {
            if let Ok(name) = ResourceName::new(&text) {
                prop_assert!(survey(&name).matches('"').count() == 2 && !name.as_str().contains(['"', '\'', '`', '\\', '-', ' ', ';']));
            }
        }
    }

    #[test]
    fn only_a_plain_query_names_its_store() {
        let named = |sql: &str| plain_store(sql).map(String::from);
        assert_eq!(named("SELECT * FROM plant").as_deref(), Some("plant"));
        assert_eq!(named("select *\nfrom \"Plant_1\" where __dt > current_date - interval '1' day").as_deref(), Some("plant_1"));
        for other in
            ["SELECT a FROM plant", "SELECT * FROM plant, other", "SELECT * FROM plant JOIN b ON x", "SELECT * FROM (SELECT 1)", "x"]
        {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
