//! Why a text is not an expression that this tool takes, where it stands, and what to write instead.

use std::fmt;

use super::ast::Function;
use super::parser::{DEPTH_MAX, TEXT_MAX};

/// A place in the text of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub byte: usize,
    /// Characters, counted from 1.
    pub column: usize,
}

/// A text that is no expression of a filter or a math activity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {}: {reason}", at.column)]
pub struct ParseError {
    pub at: Position,
    pub reason: ParseReason,
}

impl ParseError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        self.reason.hint()
    }
}

/// What is wrong at the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseReason {
    #[error("the expression is empty")]
    Empty,
    #[error("the expression has {bytes} bytes, more than {TEXT_MAX}")]
    TooLong { bytes: usize },
    #[error("the expression is nested too deep")]
    TooDeep,
    #[error("{} has no place in an expression", shown(&character.to_string()))]
    Character { character: char },
    #[error("the string that begins here has no end")]
    OpenString,
    #[error("a string stands in double quotes")]
    DoubleQuotes,
    /// An operator of another language.
    #[error("`{written}` is not an operator of this language")]
    Operator { written: &'static str, instead: &'static str },
    /// A construct of SQL that neither filters nor math activities are documented to take.
    #[error("`{written}` is not part of this language")]
    Construct { written: &'static str, instead: &'static str },
    #[error("{} is not a number of this language", shown(text))]
    Number { text: String },
    #[error("{} is beyond 34 digits or 9.99E999", shown(text))]
    NumberRange { text: String },
    #[error("`-` stands before something that is not a number")]
    Minus,
    #[error("there is no function {}", shown(name))]
    UnknownFunction { name: String, instead: &'static str },
    #[error("`{}` is a function, and a filter is not documented to take any", function.name())]
    FunctionInFilter { function: Function },
    #[error("`{}` takes {}, not {found}", function.name(), arguments(*expected))]
    Arity { function: Function, expected: usize, found: usize },
    #[error("`{written}` stands in a math expression, which must be a number")]
    NotMath { written: String },
    #[error("a filter must be a condition, and this is {what}")]
    NotCondition { what: &'static str },
    #[error("a comparison follows a comparison")]
    ComparisonChain,
    #[error("an attribute, a number or a string is missing before {found}")]
    Operand { found: String },
    #[error("an operator is missing before {found}")]
    Continuation { found: String },
    #[error("a `)` is missing before {found}")]
    Close { found: String },
    #[error("a name is missing after the dot, before {found}")]
    Name { found: String },
    /// A tree that did not come from a text says what no text can.
    #[error("{what}")]
    Tree { what: &'static str },
}

impl ParseReason {
    fn hint(&self) -> String {
        match self {
            Self::Empty => "write a condition such as `temp > 40 AND hum < 20`, or a sum such as `(temp - 32) * 5.0 / 9.0`".to_owned(),
            Self::TooLong { .. } => "the service took at most 256 characters: split the expression over several activities".to_owned(),
            Self::TooDeep => format!(
                "split the expression over several activities, or use fewer parentheses (the limit is {DEPTH_MAX}: a parenthesis counts 1, an operator 2, a function 3)"
            ),
            Self::Character { .. } => {
                "names are letters, digits and underscores; copy any other attribute to such a name with an addAttributes activity first"
                    .to_owned()
            }
            Self::OpenString => "end it with a single quote; a quote inside a string is written twice".to_owned(),
            Self::DoubleQuotes => "write strings in single quotes: 'GOOD'".to_owned(),
            Self::Operator { instead, .. } | Self::Construct { instead, .. } | Self::UnknownFunction { instead, .. } => {
                (*instead).to_owned()
            }
            Self::Number { .. } => "write digits, with digits on both sides of a point: 0.5, 12, 1.5E-3".to_owned(),
            Self::NumberRange { .. } => "write a number that the service could hold".to_owned(),
            Self::Minus => "write `0 - x`, or `x * -1`".to_owned(),
            Self::FunctionInFilter { .. } => {
                "compute the value in a math activity before the filter, and compare the attribute that it sets".to_owned()
            }
            Self::Arity { function, expected, .. } => {
                let names = ["x", "y"].into_iter().take(*expected).collect::<Vec<_>>().join(", ");
                format!("write `{}({names})`", function.name())
            }
            Self::NotMath { .. } => {
                "write attributes, numbers, `+ - * / %`, parentheses and the functions of the math activity only".to_owned()
            }
            Self::NotCondition { .. } => "compare it with something, as in `temp > 40`".to_owned(),
            Self::ComparisonChain => "join two comparisons with AND, as in `a < b AND b < c`".to_owned(),
            Self::Operand { .. } => "write what the operator works on; NOT after an operator stands in parentheses".to_owned(),
            Self::Continuation { .. } => "join the two with an operator, or take one of them out".to_owned(),
            Self::Close { .. } => "close every parenthesis that is open".to_owned(),
            Self::Name { .. } => {
                "write the name of an attribute; what is no plain name must be copied with an addAttributes activity first".to_owned()
            }
            Self::Tree { .. } => "make the expression from its text again".to_owned(),
        }
    }
}

fn arguments(count: usize) -> &'static str {
    if count == 1 { "1 argument" } else { "2 arguments" }
}

/// At most this many characters of a definition stand in a message.
const SHOWN_CHARS_MAX: usize = 40;

/// Text of a definition as it may stand in a message: cut, quoted, and with nothing in it that moves a cursor or turns a line.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::from("`");
    for (at, c) in text.chars().enumerate() {
        if at == SHOWN_CHARS_MAX {
            out.push('…');
            break;
        }
        if c.is_control() || !c.is_ascii() && !c.is_alphanumeric() {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out.push('`');
    out
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}", self.column)
    }
}
