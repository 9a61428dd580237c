//! Tokens → tree, by precedence: OR, AND, NOT, comparison, sum, product.
//!
//! The depth of every tree is bounded so that neither this parser, nor a recursive walk over the tree, nor the JSON of a
//! spec, nor Python's own parser of what is emitted can run out of stack.

use super::ast::{Binary, Expression, Function, Operator};
use super::error::{ParseError, ParseReason, Position};
use super::iot_sql::to_iot_sql;
use super::lexer::{Lexeme, Token, tokens};
use super::number::Numeric;

/// The longest text, in bytes. The service took 256 characters; a longer text is read, to be as forgiving as that is safe.
pub const TEXT_MAX: usize = 4096;

/// The deepest tree, where NOT counts 1, an operator 2 and a function 3: the levels that they take in JSON (whose reader
/// stops at 128). In a text, parentheses count 1 as well.
pub const DEPTH_MAX: usize = 100;

/// Which activity an expression belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Filter,
    Math,
}

/// Reads the condition of a filter activity.
pub fn parse_filter(text: &str) -> Result<Expression, ParseError> {
    parse(text, Kind::Filter)
}

/// Reads the expression of a math activity.
pub fn parse_math(text: &str) -> Result<Expression, ParseError> {
    parse(text, Kind::Math)
}

fn parse(text: &str, kind: Kind) -> Result<Expression, ParseError> {
    if text.len() > TEXT_MAX {
        return Err(ParseError { at: Position { byte: 0, column: 1 }, reason: ParseReason::TooLong { bytes: text.len() } });
    }
    parse_any_length(text, kind)
}

/// Whether a tree that came from a file is one that the parser could have made: every emitter is safe on it, and no
/// recursive walk over it runs out of stack.
pub fn check(expression: &Expression, kind: Kind) -> Result<(), ParseError> {
    // What is written out and read back as the same tree is a tree of the language.
    match parse_any_length(&to_iot_sql(expression), kind) {
        Ok(read) if read == *expression => Ok(()),
        Ok(_) => {
            let reason = ParseReason::Tree { what: "a name or a number of the expression is none" };
            Err(ParseError { at: Position { byte: 0, column: 1 }, reason })
        }
        Err(error) => Err(error),
    }
}

fn parse_any_length(text: &str, kind: Kind) -> Result<Expression, ParseError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), kind, nesting: 0 };
    let at = parser.position();
    if parser.at_end() {
        return Err(ParseError { at, reason: ParseReason::Empty });
    }
    let tree = parser.condition()?;
    if !parser.at_end() {
        return Err(parser.trailing());
    }
    match not_a_condition(&tree.expression) {
        Some(what) if kind == Kind::Filter => Err(ParseError { at, reason: ParseReason::NotCondition { what } }),
        _ => Ok(tree.expression),
    }
}

/// What an expression is that cannot be true, whatever the message.
pub(super) fn not_a_condition(expression: &Expression) -> Option<&'static str> {
    match expression {
        Expression::Number(_) => Some("a number"),
        Expression::Text(_) => Some("a string"),
        Expression::Null => Some("NULL"),
        Expression::Binary(binary) if binary.operator.is_arithmetic() => Some("a sum or a product"),
        _ => None,
    }
}

/// How tightly an operator binds, loosest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Operand,
}

impl Binding {
    fn of(operator: Operator) -> Self {
        match operator {
            Operator::Or => Self::Or,
            Operator::And => Self::And,
            Operator::Add | Operator::Subtract => Self::Sum,
            Operator::Multiply | Operator::Divide | Operator::Remainder => Self::Product,
            _ => Self::Comparison,
        }
    }

    fn tighter(self) -> Self {
        match self {
            Self::Or => Self::And,
            Self::And => Self::Not,
            Self::Not => Self::Comparison,
            Self::Comparison => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product | Self::Operand => Self::Operand,
        }
    }
}

/// A tree and how deep it is.
struct Tree {
    expression: Expression,
    depth: usize,
}

impl Tree {
    fn leaf(expression: Expression) -> Self {
        Self { expression, depth: 1 }
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    kind: Kind,
    /// How deep the place lies: parentheses and NOTs around it count 1, operators 2, calls 3.
    nesting: usize,
}

/// Keywords that begin what the language does not have, with what to write instead.
const CONSTRUCTS: [(&str, &str); 5] = [
    ("LIKE", "compare with `=`; patterns need a lambda activity"),
    ("IN", "write `x = 1 OR x = 2`"),
    ("BETWEEN", "write `x >= 1 AND x <= 2`"),
    ("IS", "write `x = NULL` or `x <> NULL`; an attribute that is missing is neither"),
    ("CASE", "use one pipeline for each case, or a lambda activity"),
];

fn construct(word: &str) -> Option<ParseReason> {
    let (written, instead) = CONSTRUCTS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(word))?;
    Some(ParseReason::Construct { written, instead })
}

/// Whether `word` cannot name an attribute at the root of a message.
pub(super) fn is_reserved(word: &str) -> bool {
    ["AND", "OR", "NOT", "TRUE", "FALSE", "NULL"].iter().any(|keyword| keyword.eq_ignore_ascii_case(word)) || construct(word).is_some()
}

impl Parser {
    fn position(&mut self) -> Position {
        self.tokens.peek().map_or(Position { byte: 0, column: 1 }, |token| token.at)
    }

    fn peek(&mut self) -> &Lexeme {
        self.tokens.peek().map_or(&Lexeme::End, |token| &token.lexeme)
    }

    fn at_end(&mut self) -> bool {
        *self.peek() == Lexeme::End
    }

    fn error(&mut self, reason: ParseReason) -> ParseError {
        ParseError { at: self.position(), reason }
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        self.tokens.next_if(|token| matches!(token.lexeme, Lexeme::Sign(found) if found == sign)).is_some()
    }

    fn at_keyword(&mut self, keyword: &str) -> bool {
        matches!(self.peek(), Lexeme::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// What is wrong where an expression is whole and the text goes on.
    fn trailing(&mut self) -> ParseError {
        let reason = match self.peek() {
            Lexeme::Word(word) => construct(word),
            Lexeme::Sign("<" | "<=" | ">" | ">=" | "=" | "<>") => Some(ParseReason::ComparisonChain),
            _ => None,
        };
        let found = self.peek().shown();
        // `x NOT IN (…)`: the word after NOT says more than NOT.
        let reason = reason.or_else(|| {
            let mut ahead = self.tokens.clone();
            let not = matches!(ahead.next()?.lexeme, Lexeme::Word(word) if word.eq_ignore_ascii_case("NOT"));
            match ahead.next()?.lexeme {
                Lexeme::Word(word) if not => construct(&word),
                _ => None,
            }
        });
        self.error(reason.unwrap_or(ParseReason::Continuation { found }))
    }

    /// Goes down by as many levels as `by` says, for as long as `inner` runs.
    fn nested<T>(&mut self, by: usize, inner: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        if self.nesting + by > DEPTH_MAX {
            return Err(self.error(ParseReason::TooDeep));
        }
        self.nesting += by;
        let result = inner(self);
        self.nesting -= by;
        result
    }

    /// Math takes no conditions: refused where the operator or the literal stands.
    fn refuse_in_math(&self, at: Position, written: &str) -> Result<(), ParseError> {
        match self.kind {
            Kind::Filter => Ok(()),
            Kind::Math => Err(ParseError { at, reason: ParseReason::NotMath { written: written.to_owned() } }),
        }
    }

    fn deeper(expression: Expression, at: Position, by: usize, below: usize) -> Result<Tree, ParseError> {
        let depth = below + by;
        if depth > DEPTH_MAX { Err(ParseError { at, reason: ParseReason::TooDeep }) } else { Ok(Tree { expression, depth }) }
    }

    fn binary(at: Position, operator: Operator, left: Tree, right: Tree) -> Result<Tree, ParseError> {
        let below = left.depth.max(right.depth);
        let expression = Expression::Binary(Box::new(Binary { operator, left: left.expression, right: right.expression }));
        Self::deeper(expression, at, 2, below)
    }

    fn condition(&mut self) -> Result<Tree, ParseError> {
        self.at_least(Binding::Or)
    }

    /// An expression of operators that bind as `loosest` or tighter.
    fn at_least(&mut self, loosest: Binding) -> Result<Tree, ParseError> {
        // Operators that can still follow: no comparison after a comparison, or after NOT, which took what it binds.
        let mut tightest = Binding::Product;
        let mut left = if loosest <= Binding::Not && self.at_keyword("NOT") {
            tightest = Binding::And;
            self.negation()?
        } else {
            self.operand()?
        };
        loop {
            let at = self.position();
            let Some((operator, binding)) = self.take_operator(loosest, tightest) else { return Ok(left) };
            if !operator.is_arithmetic() {
                self.refuse_in_math(at, operator.sql())?;
            }
            let right = self.nested(2, |parser| parser.at_least(binding.tighter()))?;
            left = Self::binary(at, operator, left, right)?;
            if binding == Binding::Comparison {
                tightest = Binding::And;
            }
        }
    }

    fn negation(&mut self) -> Result<Tree, ParseError> {
        let at = self.position();
        self.refuse_in_math(at, "NOT")?;
        self.tokens.next();
        let inner = self.nested(1, |parser| parser.at_least(Binding::Not))?;
        Self::deeper(Expression::Not(Box::new(inner.expression)), at, 1, inner.depth)
    }

    /// The next operator, if it binds within these bounds.
    fn take_operator(&mut self, loosest: Binding, tightest: Binding) -> Option<(Operator, Binding)> {
        let operator = match self.peek() {
            Lexeme::Sign(sign) => Operator::ALL.into_iter().find(|operator| operator.sql() == *sign),
            Lexeme::Word(word) => Operator::ALL.into_iter().find(|operator| operator.sql().eq_ignore_ascii_case(word)),
            _ => None,
        }?;
        let binding = Binding::of(operator);
        (loosest <= binding && binding <= tightest).then(|| self.tokens.next())?;
        Some((operator, binding))
    }

    fn operand(&mut self) -> Result<Tree, ParseError> {
        let at = self.position();
        match self.peek().clone() {
            Lexeme::Number(text) => {
                self.tokens.next();
                Self::number(at, text)
            }
            Lexeme::Text(content) => {
                self.refuse_in_math(at, "a string")?;
                self.tokens.next();
                Ok(Tree::leaf(Expression::Text(content)))
            }
            Lexeme::Sign("-") => {
                self.tokens.next();
                match self.peek().clone() {
                    Lexeme::Number(text) => {
                        self.tokens.next();
                        Self::number(at, format!("-{text}"))
                    }
                    _ => Err(ParseError { at, reason: ParseReason::Minus }),
                }
            }
            Lexeme::Sign("(") => {
                self.tokens.next();
                let inner = self.nested(1, Self::condition)?;
                self.close()?;
                Ok(inner)
            }
            Lexeme::Word(word) => {
                if let Some(reason) = construct(&word) {
                    return Err(ParseError { at, reason });
                }
                self.word(at, word)
            }
            found => Err(ParseError { at, reason: ParseReason::Operand { found: found.shown() } }),
        }
    }

    fn number(at: Position, text: String) -> Result<Tree, ParseError> {
        if Numeric::of_literal(&text).is_none() {
            return Err(ParseError { at, reason: ParseReason::NumberRange { text } });
        }
        Ok(Tree::leaf(Expression::Number(text)))
    }

    fn close(&mut self) -> Result<(), ParseError> {
        if self.take_sign(")") {
            return Ok(());
        }
        if self.at_end() {
            let found = self.peek().shown();
            return Err(self.error(ParseReason::Close { found }));
        }
        Err(self.trailing())
    }

    /// An attribute, a literal or a call: what begins with a word.
    fn word(&mut self, at: Position, word: String) -> Result<Tree, ParseError> {
        let literal = match word.to_ascii_uppercase().as_str() {
            "TRUE" => Some(Expression::Boolean(true)),
            "FALSE" => Some(Expression::Boolean(false)),
            "NULL" => Some(Expression::Null),
            "AND" | "OR" | "NOT" => return Err(ParseError { at, reason: ParseReason::Operand { found: Lexeme::Word(word).shown() } }),
            _ => None,
        };
        self.tokens.next();
        if let Some(literal) = literal {
            self.refuse_in_math(at, &word.to_ascii_uppercase())?;
            return Ok(Tree::leaf(literal));
        }
        if self.take_sign("(") {
            return self.call(at, &word);
        }
        let mut names = vec![word];
        while self.take_sign(".") {
            match self.peek().clone() {
                Lexeme::Word(name) if !is_reserved(&name) => {
                    self.tokens.next();
                    names.push(name);
                }
                found => return Err(self.error(ParseReason::Name { found: found.shown() })),
            }
        }
        Ok(Tree::leaf(Expression::Attribute(names)))
    }

    fn call(&mut self, at: Position, name: &str) -> Result<Tree, ParseError> {
        let Some(function) = Function::ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(name)) else {
            return Err(ParseError { at, reason: ParseReason::UnknownFunction { name: name.to_owned(), instead: instead_of(name) } });
        };
        if self.kind == Kind::Filter {
            return Err(ParseError { at, reason: ParseReason::FunctionInFilter { function } });
        }
        let mut arguments = Vec::new();
        let mut below = 0;
        if !self.take_sign(")") {
            loop {
                let argument = self.nested(3, Self::condition)?;
                below = below.max(argument.depth);
                arguments.push(argument.expression);
                if !self.take_sign(",") {
                    break;
                }
            }
            self.close()?;
        }
        let (expected, found) = (function.arity(), arguments.len());
        if expected != found {
            return Err(ParseError { at, reason: ParseReason::Arity { function, expected, found } });
        }
        Self::deeper(Expression::Call { function, arguments }, at, 3, below)
    }
}

/// What to write for a function that the math activity does not have.
fn instead_of(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "floor" => "write `0 - ceil(0 - x)`",
        "ceiling" => "write `ceil(x)`",
        "pow" => "write `power(x, y)`",
        "log10" => "write `log(x)`, whose base is 10",
        "remainder" => "write `mod(x, y)`",
        "truncate" => "write `trunc(x, places)`",
        "isnull" | "isundefined" | "coalesce" | "nvl" => "write `x = NULL` or `x <> NULL`; an attribute that is missing is neither",
        "get" => "copy the value to a plain name with an addAttributes activity first",
        "cast" => "leave it out: numeric strings are converted by the operators themselves",
        _ => {
            "use abs, acos, asin, atan, atan2, ceil, cos, cosh, exp, ln, log, mod, power, round, sign, sin, sinh, sqrt, tan, tanh or trunc; \
             anything else needs a lambda activity"
        }
    }
}
