//! What the API model forbids, answered as the real front end words it: all violations at once, with paths that count from 1.
//!
//! Source: an observed message of Timestream for the form of a path; the other services that this framework stands in front of are given
//! the same words: `Value 'X' at 'records.1.member.dimensions.1.member.dimensionValueType' failed to satisfy constraint: …`.

use std::fmt::Display;

use super::failure::{ErrorKind, Failure};

/// Violations that a message spells out; the count in front is of all.
const SPELLED_OUT_MAX: usize = 10;
/// Characters of an offending value that a message repeats.
const VALUE_CHARS_MAX: usize = 256;

/// Collects the violations of one request.
#[derive(Debug, Default)]
pub(in crate::local) struct Violations {
    count: usize,
    spelled_out: Vec<String>,
}

impl Violations {
    /// One more: `value` at `path`; `rule` begins with "Member must".
    pub(in crate::local) fn add(&mut self, path: impl Display, value: Option<&str>, rule: impl Display) {
        self.count += 1;
        if self.spelled_out.len() == SPELLED_OUT_MAX {
            return;
        }
        let value = match value {
            None => "null".to_owned(),
            Some(value) => format!("'{}'", abridged(value)),
        };
        self.spelled_out.push(format!("Value {value} at '{path}' failed to satisfy constraint: {rule}"));
    }

    /// The member must be there.
    pub(in crate::local) fn required<T>(&mut self, path: impl Display, value: Option<&T>) {
        if value.is_none() {
            self.add(path, None, "Member must not be null");
        }
    }

    /// Characters of a text that may be missing.
    pub(in crate::local) fn length(&mut self, path: impl Display, value: Option<&str>, min: usize, max: usize) {
        if let Some(value) = value {
            self.size(path, value, value.chars().count(), min, max);
        }
    }

    /// Items of a list that may be missing.
    pub(in crate::local) fn items<T>(&mut self, path: impl Display, list: Option<&Vec<T>>, min: usize, max: usize) {
        if let Some(list) = list {
            self.size(path, &format!("[{} members]", list.len()), list.len(), min, max);
        }
    }

    /// What is so long, and shown like this.
    pub(in crate::local) fn size(&mut self, path: impl Display, shown: &str, size: usize, min: usize, max: usize) {
        if size < min {
            self.add(path, Some(shown), format_args!("Member must have length greater than or equal to {min}"));
        } else if size > max {
            self.add(path, Some(shown), format_args!("Member must have length less than or equal to {max}"));
        }
    }

    /// A number that may be missing.
    pub(in crate::local) fn range(&mut self, path: impl Display, value: Option<i64>, min: i64, max: i64) {
        let Some(value) = value else { return };
        let shown = value.to_string();
        if value < min {
            self.add(path, Some(&shown), format_args!("Member must have value greater than or equal to {min}"));
        } else if value > max {
            self.add(path, Some(&shown), format_args!("Member must have value less than or equal to {max}"));
        }
    }

    /// One of a set of words, if it is there.
    pub(in crate::local) fn one_of(&mut self, path: impl Display, value: Option<&str>, words: &[&str]) {
        if let Some(value) = value
            && !words.contains(&value)
        {
            self.add(path, Some(value), format_args!("Member must satisfy enum value set: [{}]", words.join(", ")));
        }
    }

    /// A text of a pattern, if it is there; `fits` decides.
    pub(in crate::local) fn pattern(&mut self, path: impl Display, value: Option<&str>, pattern: &str, fits: impl Fn(&str) -> bool) {
        if let Some(value) = value
            && !fits(value)
        {
            self.add(path, Some(value), format_args!("Member must satisfy regular expression pattern: {pattern}"));
        }
    }

    /// The ValidationException, if anything was violated.
    pub(in crate::local) fn finish(self) -> Result<(), Failure> {
        self.message().map_or(Ok(()), |message| Err(Failure::new(ErrorKind::Constraint, message)))
    }

    /// What a ValidationException says, if anything was violated: the same words in front of every service of that framework.
    pub(in crate::local) fn message(self) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let errors = if self.count == 1 { "error" } else { "errors" };
        Some(format!("{} validation {errors} detected: {}", self.count, self.spelled_out.join("; ")))
    }
}

/// The beginning of `value`, so that a message stays readable whatever was sent.
fn abridged(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        None => value.to_owned(),
        Some((end, _)) => format!("{}…", &value[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(check: impl FnOnce(&mut Violations)) -> Option<String> {
        let mut violations = Violations::default();
        check(&mut violations);
        violations.finish().err().map(|failure| failure.message)
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        let long = "é".repeat(2048);
        assert_eq!(message(|v| v.length("x", Some(&long), 1, 2048)), None);
        assert!(message(|v| v.length("x", Some(&format!("{long}a")), 1, 2048)).is_some());
        assert!(message(|v| v.length("x", Some(""), 1, 2048)).is_some());
        assert_eq!(message(|v| v.length("x", None, 1, 2048)), None);
        assert_eq!(message(|v| v.length("x", Some("é"), 1, 2)), None);
        assert!(message(|v| v.length("x", Some("é"), 2, 2)).is_some());
    }

    #[test]
    fn messages_have_the_observed_form() {
        let one = message(|v| v.one_of("records.1.member.timeUnit", Some("X"), &["SECONDS", "MILLISECONDS"])).unwrap();
        assert_eq!(
            one,
            "1 validation error detected: Value 'X' at 'records.1.member.timeUnit' failed to satisfy constraint: \
             Member must satisfy enum value set: [SECONDS, MILLISECONDS]"
        );
        let two = message(|v| {
            v.required::<i64>("databaseName", None);
            v.range("maxResults", Some(21), 1, 20);
        })
        .unwrap();
        assert!(two.starts_with("2 validation errors detected: Value null at 'databaseName' failed"), "{two}");
        assert!(
            two.ends_with("; Value '21' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 20")
        );
    }

    #[test]
    fn a_message_stays_readable_whatever_was_sent() {
        let many = message(|v| (0..500).for_each(|i| v.add(i, Some(&"x".repeat(9000)), "Member must not be"))).unwrap();
        assert!(many.starts_with("500 validation errors detected: "));
        assert!(many.len() < 10_000, "{}", many.len());
    }
}
