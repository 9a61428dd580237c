//! What a person should know about a pipeline's own definition.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingGrade {
    /// The pipeline cannot be run as it stands, or nothing comes out of it.
    Error,
    /// It does something else than its author meant, or than this migration can know.
    Warning,
    /// Good to know.
    Note,
}

/// One thing about one activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformFinding {
    pub code: FindingCode,
    pub grade: FindingGrade,
    pub pipeline: String,
    /// The activity it is about; empty for the pipeline as a whole.
    pub activity: String,
    /// What is so, in one sentence. Names stand in it between backticks, cut and escaped.
    pub cause: String,
    /// What to do about it, in one sentence.
    pub remedy: String,
}

/// The stable names of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    ExpressionNotTranslated,
    PathNotTranslated,
    ConstantInAddAttributes,
    TemplateInAddAttributes,
    AddedNameTaken,
    MathWithoutEffect,
    FilterDropsEverything,
    FilterAlwaysTheSame,
    ReadsMissingAttribute,
    RemovesNothing,
    SetAndDiscarded,
    IntegerDivision,
    DivisionByZero,
    NullCheck,
    NothingSelected,
    SelectedNameClash,
    SelectedElement,
    NestedRemoval,
    FieldNameRefused,
    FieldNameUpperCase,
    NamesDifferInCase,
    EnrichedWithToday,
    FunctionNotSeen,
}

impl FindingCode {
    pub const ALL: [Self; 23] = [
        Self::ExpressionNotTranslated,
        Self::PathNotTranslated,
        Self::ConstantInAddAttributes,
        Self::TemplateInAddAttributes,
        Self::AddedNameTaken,
        Self::MathWithoutEffect,
        Self::FilterDropsEverything,
        Self::FilterAlwaysTheSame,
        Self::ReadsMissingAttribute,
        Self::RemovesNothing,
        Self::SetAndDiscarded,
        Self::IntegerDivision,
        Self::DivisionByZero,
        Self::NullCheck,
        Self::NothingSelected,
        Self::SelectedNameClash,
        Self::SelectedElement,
        Self::NestedRemoval,
        Self::FieldNameRefused,
        Self::FieldNameUpperCase,
        Self::NamesDifferInCase,
        Self::EnrichedWithToday,
        Self::FunctionNotSeen,
    ];

    /// As reports and scripts name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExpressionNotTranslated => "expression_not_translated",
            Self::PathNotTranslated => "path_not_translated",
            Self::ConstantInAddAttributes => "constant_in_add_attributes",
            Self::TemplateInAddAttributes => "template_in_add_attributes",
            Self::AddedNameTaken => "added_name_taken",
            Self::MathWithoutEffect => "math_without_effect",
            Self::FilterDropsEverything => "filter_drops_everything",
            Self::FilterAlwaysTheSame => "filter_always_the_same",
            Self::ReadsMissingAttribute => "reads_missing_attribute",
            Self::RemovesNothing => "removes_nothing",
            Self::SetAndDiscarded => "set_and_discarded",
            Self::IntegerDivision => "integer_division",
            Self::DivisionByZero => "division_by_zero",
            Self::NullCheck => "null_check",
            Self::NothingSelected => "nothing_selected",
            Self::SelectedNameClash => "selected_name_clash",
            Self::SelectedElement => "selected_element",
            Self::NestedRemoval => "nested_removal",
            Self::FieldNameRefused => "field_name_refused",
            Self::FieldNameUpperCase => "field_name_upper_case",
            Self::NamesDifferInCase => "names_differ_in_case",
            Self::EnrichedWithToday => "enriched_with_today",
            Self::FunctionNotSeen => "function_not_seen",
        }
    }
}

/// Names as a message lists them: at most five, then how many more.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const LISTED_MAX: usize = 5;
    let names: Vec<&str> = names.into_iter().collect();
    let mut text = names.iter().take(LISTED_MAX).map(|name| crate::inventory::shown(name)).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED_MAX {
        text.push_str(&format!(" and {} more", names.len() - LISTED_MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_alike_everywhere() {
        for code in FindingCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
