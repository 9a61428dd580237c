//! `[switches]`: what no documentation settles about pipelines, as this migration takes it (docs/fidelity.md).

use super::reading::{Reading, Section, choices};
use crate::expression::{
    DivisionByZero, FilterTextTrue, IntegerDivision, NullEqualsNull, NullExistenceCheck, Switches, TextMath, UndefinedMath, WholeDecimals,
};
use crate::transform::{LambdaMayDrop, SelectedIndexName, SelectedNameClash, TransformSwitches};

const INTEGER_DIVISION: [(&str, IntegerDivision); 2] = [("truncate", IntegerDivision::Truncate), ("decimal", IntegerDivision::Decimal)];
const DIVISION_BY_ZERO: [(&str, DivisionByZero); 2] =
    [("undefined", DivisionByZero::Undefined), ("drop_message", DivisionByZero::DropMessage)];
const NULL_EQUALS_NULL: [(&str, NullEqualsNull); 2] = [("true", NullEqualsNull::True), ("undefined", NullEqualsNull::Undefined)];
const NULL_EXISTENCE_CHECK: [(&str, NullExistenceCheck); 2] =
    [("table", NullExistenceCheck::Table), ("existence", NullExistenceCheck::Existence)];
const FILTER_TEXT_TRUE: [(&str, FilterTextTrue); 2] = [("drop", FilterTextTrue::Drop), ("keep", FilterTextTrue::Keep)];
const UNDEFINED_MATH: [(&str, UndefinedMath); 2] =
    [("leave_unset", UndefinedMath::LeaveUnset), ("drop_message", UndefinedMath::DropMessage)];
const WHOLE_DECIMALS: [(&str, WholeDecimals); 2] = [("keep", WholeDecimals::Keep), ("become_int", WholeDecimals::BecomeInt)];
const TEXT_MATH: [(&str, TextMath); 2] = [("write", TextMath::Write), ("undefined", TextMath::Undefined)];
const SELECTED_NAME_CLASH: [(&str, SelectedNameClash); 2] =
    [("last_wins", SelectedNameClash::LastWins), ("first_wins", SelectedNameClash::FirstWins)];
const SELECTED_INDEX_NAME: [(&str, SelectedIndexName); 2] =
    [("array_name", SelectedIndexName::ArrayName), ("with_index", SelectedIndexName::WithIndex)];
const LAMBDA_MAY_DROP: [(&str, LambdaMayDrop); 2] = [("yes", LambdaMayDrop::Yes), ("no", LambdaMayDrop::No)];

const KEYS: [&str; 11] = [
    "integer_division",
    "division_by_zero",
    "null_equals_null",
    "null_existence_check",
    "filter_text_true",
    "undefined_math",
    "whole_decimals",
    "text_math",
    "selected_name_clash",
    "selected_index_name",
    "lambda_may_drop",
];

/// Reads the section; what it does not name keeps its default.
pub(super) fn read<'t>(reading: &mut Reading<'t>, root: &Section<'t>) -> Option<TransformSwitches> {
    let default = TransformSwitches::default();
    if !root.has("switches") {
        return Some(default);
    }
    let section = &reading.section(root, "switches", "a section [switches]")?;
    reading.only(section, &KEYS);
    let usual = default.expressions;
    Some(TransformSwitches {
        expressions: Switches {
            integer_division: reading.word(section, "integer_division", &INTEGER_DIVISION, usual.integer_division),
            division_by_zero: reading.word(section, "division_by_zero", &DIVISION_BY_ZERO, usual.division_by_zero),
            null_equals_null: reading.word(section, "null_equals_null", &NULL_EQUALS_NULL, usual.null_equals_null),
            null_existence_check: reading.word(section, "null_existence_check", &NULL_EXISTENCE_CHECK, usual.null_existence_check),
            filter_text_true: reading.word(section, "filter_text_true", &FILTER_TEXT_TRUE, usual.filter_text_true),
            undefined_math: reading.word(section, "undefined_math", &UNDEFINED_MATH, usual.undefined_math),
            whole_decimals: reading.word(section, "whole_decimals", &WHOLE_DECIMALS, usual.whole_decimals),
            text_math: reading.word(section, "text_math", &TEXT_MATH, usual.text_math),
        },
        selected_name_clash: reading.word(section, "selected_name_clash", &SELECTED_NAME_CLASH, default.selected_name_clash),
        selected_index_name: reading.word(section, "selected_index_name", &SELECTED_INDEX_NAME, default.selected_index_name),
        lambda_may_drop: reading.word(section, "lambda_may_drop", &LAMBDA_MAY_DROP, default.lambda_may_drop),
    })
}

/// What a switch is about, its key, its words and the word in force: one for each line of the section.
pub(super) fn lines(switches: &TransformSwitches) -> Vec<(&'static str, &'static str, String, &'static str)> {
    fn line<T: Copy + PartialEq>(
        what: &'static str,
        key: &'static str,
        words: &'static [(&'static str, T)],
        value: T,
    ) -> (&'static str, &'static str, String, &'static str) {
        let word = words.iter().find(|(_, meant)| *meant == value).map_or("", |(word, _)| *word);
        (what, key, choices(words.iter().map(|(word, _)| *word)), word)
    }
    let of = &switches.expressions;
    vec![
        line("A whole number divided by a whole number, as temp * 9 / 5", "integer_division", &INTEGER_DIVISION, of.integer_division),
        line("Division by zero, and results past 34 digits", "division_by_zero", &DIVISION_BY_ZERO, of.division_by_zero),
        line("NULL = NULL", "null_equals_null", &NULL_EQUALS_NULL, of.null_equals_null),
        line(
            "x <> NULL: by the table of comparisons, or as the check that x exists",
            "null_existence_check",
            &NULL_EXISTENCE_CHECK,
            of.null_existence_check,
        ),
        line("A filter whose result is the text \"true\"", "filter_text_true", &FILTER_TEXT_TRUE, of.filter_text_true),
        line("A math activity whose expression has no value", "undefined_math", &UNDEFINED_MATH, of.undefined_math),
        line("A decimal that is whole, as 5.0, inside an expression", "whole_decimals", &WHOLE_DECIMALS, of.whole_decimals),
        line("A math activity whose expression comes to a text", "text_math", &TEXT_MATH, of.text_math),
        line("Two selected paths with the same last name", "selected_name_clash", &SELECTED_NAME_CLASH, switches.selected_name_clash),
        line("The name of a selected array element", "selected_index_name", &SELECTED_INDEX_NAME, switches.selected_index_name),
        line("Whether a lambda activity may leave messages out", "lambda_may_drop", &LAMBDA_MAY_DROP, switches.lambda_may_drop),
    ]
}
