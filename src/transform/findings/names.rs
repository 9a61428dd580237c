//! The names that a pipeline gives to attributes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::{Report, root};
use crate::expression::Expression;
use crate::path::ColumnPath;
use crate::transform::finding::{FindingCode, FindingGrade, listed};
use crate::transform::language;
use crate::transform::model::{Action, TransformSpec};

/// The longest name that the service took.
const NAME_CHARS_MAX: usize = 255;

/// By the documented rule in words: letters, digits and underscores, beginning with a letter or one underscore (facts: message model).
pub(super) fn is_field_name(name: &str) -> bool {
    let rest = name.strip_prefix('_').unwrap_or(name);
    let underscore = rest.len() < name.len();
    let begins = rest.chars().next().map_or(underscore, |c| c.is_ascii_alphabetic() || (c.is_ascii_digit() && underscore));
    begins && name.len() <= NAME_CHARS_MAX && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The names that a step writes at the root, beyond those that are there under the same name.
pub(super) fn written(action: &Action) -> Vec<&str> {
    match action {
        Action::AddAttributes { copies } | Action::SelectAttributes { selections: copies } => {
            copies.iter().map(|copy| copy.to.as_str()).collect()
        }
        Action::Math { attribute, .. } | Action::DeviceRegistryEnrich { attribute, .. } | Action::DeviceShadowEnrich { attribute, .. } => {
            vec![attribute]
        }
        _ => Vec::new(),
    }
}

/// The paths that a step reads.
pub(super) fn read(action: &Action) -> Vec<ColumnPath> {
    let of = |expression: &Expression| language::attributes(expression);
    match action {
        Action::AddAttributes { copies } | Action::SelectAttributes { selections: copies } => {
            copies.iter().map(|copy| copy.from.clone()).collect()
        }
        Action::Filter { expression, .. } | Action::Math { expression, .. } => of(expression),
        Action::DeviceRegistryEnrich { thing_name, .. } | Action::DeviceShadowEnrich { thing_name, .. } => vec![thing_name.clone()],
        Action::RemoveAttributes { .. } | Action::Lambda { .. } | Action::Unsupported { .. } => Vec::new(),
    }
}

pub(super) fn check(spec: &TransformSpec, report: &mut Report) {
    for step in &spec.steps {
        let written: BTreeSet<&str> = written(&step.action).into_iter().collect();
        let refused: Vec<&str> = written.iter().copied().filter(|name| !is_field_name(name)).collect();
        if !refused.is_empty() {
            report.add(
                FindingCode::FieldNameRefused,
                FindingGrade::Warning,
                &step.activity,
                format!(
                    "{} is no name that the service took: letters, digits and underscores, beginning with a letter or one underscore",
                    listed(refused)
                ),
                "give it such a name, or map it to another in `migration.toml`".to_owned(),
            );
        }
        let capitals: Vec<&str> =
            written.into_iter().filter(|name| is_field_name(name) && name.chars().any(|c| c.is_ascii_uppercase())).collect();
        if !capitals.is_empty() {
            report.add(
                FindingCode::FieldNameUpperCase,
                FindingGrade::Note,
                &step.activity,
                format!("{} has capitals, and the service's tables had all columns in lower case", listed(capitals)),
                "write the name in lower case where datasets are queried".to_owned(),
            );
        }
    }
    check_case(spec, report);
}

/// Names that differ in nothing but capitals are two attributes to an activity and one column to a table.
fn check_case(spec: &TransformSpec, report: &mut Report) {
    let mut spellings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for step in &spec.steps {
        let read = read(&step.action);
        let names = written(&step.action).into_iter().chain(read.iter().map(root));
        for name in names {
            spellings.entry(name.to_lowercase()).or_default().insert(name.to_owned());
        }
    }
    for names in spellings.values().filter(|names| names.len() > 1) {
        report.add(
            FindingCode::NamesDifferInCase,
            FindingGrade::Warning,
            "",
            format!(
                "{} differ only in capitals: activities take them for different attributes, the service's tables for one column",
                listed(names.iter().map(String::as_str))
            ),
            "use one spelling, that of the messages".to_owned(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_follow_the_rule_in_words() {
        for good in ["temp", "a", "a_b", "_temp_01", "_1", "t_", "_", "Temp2"] {
            assert!(is_field_name(good), "{good}");
        }
        for bad in ["", "__temp", "1a", "a-b", "a b", "a.b", "é", "${x}", &"a".repeat(256)] {
            assert!(!is_field_name(bad), "{bad}");
        }
    }
}
