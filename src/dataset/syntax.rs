//! From text to the parser's tree, bounded in size and depth before there is one.

use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::finding::Findings;
use crate::inventory::printable;

/// The service took queries of 131,072 characters at the most (API model).
const CHARS_MAX: usize = 131_072;
/// Parentheses, CASEs and subqueries inside each other (a subquery counts twice). The parser takes about 100 KB of stack for
/// each when it is not optimised, which is why a translation runs on a stack of its own.
const NESTING_MAX: usize = 40;
/// Operators that one expression can chain: trees lean to the left and are dropped recursively.
const CHAIN_MAX: usize = 500;

/// Why a text is no query that can be translated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SyntaxProblem {
    #[error("its query has {0} characters; between 1 and {CHARS_MAX} are read")]
    Length(usize),
    #[error("its query nests more than {NESTING_MAX} levels deep, or chains more than {CHAIN_MAX} operators")]
    Depth,
    #[error("its query leaves a part to the template that it stands in, at line {}, column {}", .0.line, .0.column)]
    Symbolic(Location),
    #[error("its query cannot be read: {0}")]
    Unreadable(String),
    #[error("its query is no single SELECT")]
    NoSelect,
}

impl SyntaxProblem {
    pub(super) fn report(&self, found: &mut Findings) {
        let (code, remedy) = match self {
            Self::Symbolic(_) => ("sql_symbolic", "capture the dataset as it was deployed, or write the name into the definition"),
            Self::Depth | Self::Length(_) => ("sql_too_large", "simplify the query, or write it anew for Timestream"),
            Self::Unreadable(_) | Self::NoSelect => {
                ("sql_unreadable", "correct the query in the definition, or write it anew for Timestream")
            }
        };
        found.error(code, self.to_string(), remedy);
    }
}

/// The lexical rules of the service: Presto's, and backticks (facts: quoting). Strings know no backslash.
#[derive(Debug)]
struct DatasetSql;

impl Dialect for DatasetSql {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }
    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }
    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_'
    }
    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }
    fn supports_group_by_expr(&self) -> bool {
        true
    }
}

/// Parses one SELECT.
pub(super) fn parse(text: &str) -> Result<Query, SyntaxProblem> {
    match parse_statement(tokens(text)?)? {
        Statement::Query(query) => Ok(*query),
        _ => Err(SyntaxProblem::NoSelect),
    }
}

/// Parses one expression, by way of a query that selects it alone.
pub(super) fn parse_expression(text: &str) -> Result<sqlparser::ast::Expr, SyntaxProblem> {
    let tokens = tokens(text)?;
    let mut parser = Parser::new(&DatasetSql).with_recursion_limit(NESTING_MAX).with_tokens_with_locations(tokens);
    let expression = parser.parse_expr().map_err(|error| problem_of(&error))?;
    match parser.next_token().token {
        Token::EOF => Ok(expression),
        other => Err(SyntaxProblem::Unreadable(format!("{} stands behind its end", printable(&other.to_string())))),
    }
}

fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, SyntaxProblem> {
    let chars = text.chars().count();
    if chars == 0 || chars > CHARS_MAX {
        return Err(SyntaxProblem::Length(chars));
    }
    let tokens = Tokenizer::new(&DatasetSql, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| {
        let place = error.location;
        SyntaxProblem::Unreadable(format!("{} at line {}, column {}", printable(&error.message), place.line, place.column))
    })?;
    if let Some(symbol) = tokens.windows(2).find(|pair| is_symbol(pair)).and_then(|pair| pair.first()) {
        return Err(SyntaxProblem::Symbolic(symbol.span.start));
    }
    refuse_long_chains(&tokens)?;
    Ok(tokens)
}

/// `${` outside of strings and quoted names.
fn is_symbol(pair: &[TokenWithSpan]) -> bool {
    let [dollar, brace] = pair else { return false };
    matches!(&dollar.token, Token::Placeholder(_) | Token::Char('$')) && brace.token == Token::LBrace
}

fn parse_statement(tokens: Vec<TokenWithSpan>) -> Result<Statement, SyntaxProblem> {
    let mut parser = Parser::new(&DatasetSql).with_recursion_limit(NESTING_MAX).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| problem_of(&error))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(SyntaxProblem::NoSelect),
    }
}

fn problem_of(error: &ParserError) -> SyntaxProblem {
    match error {
        ParserError::RecursionLimitExceeded => SyntaxProblem::Depth,
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            let mut shown: String = printable(text).chars().take(200).collect();
            if shown.is_empty() {
                shown.push_str("it ends too early");
            }
            SyntaxProblem::Unreadable(shown)
        }
    }
}

/// Bounds the depth of the tree before there is one: the operators between two commas of one pair of parentheses, plus
/// those of the deepest pair inside it.
fn refuse_long_chains(tokens: &[TokenWithSpan]) -> Result<(), SyntaxProblem> {
    // Of each open pair: operators since the last comma, the deepest pair inside, the deepest segment so far.
    let mut open: Vec<(usize, usize, usize)> = vec![(0, 0, 0)];
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => open.push((0, 0, 0)),
            Token::RParen | Token::RBracket if open.len() > 1 => {
                let (links, inner, deepest) = open.pop().unwrap_or_default();
                if let Some(outer) = open.last_mut() {
                    outer.1 = outer.1.max(deepest.max(links + inner));
                }
            }
            Token::Comma => {
                if let Some((links, inner, deepest)) = open.last_mut() {
                    (*links, *inner, *deepest) = (0, 0, (*deepest).max(*links + *inner));
                }
            }
            _ if is_link(&token.token) => {
                if let Some(last) = open.last_mut() {
                    last.0 += 1;
                }
            }
            _ => {}
        }
        if open.last().is_some_and(|(links, inner, _)| links + inner > CHAIN_MAX) {
            return Err(SyntaxProblem::Depth);
        }
    }
    Ok(())
}

/// Every symbol can join expressions, and so can every keyword.
fn is_link(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.quote_style.is_none() && word.keyword != sqlparser::keywords::Keyword::NoKeyword,
        Token::Whitespace(_) | Token::Number(..) | Token::SingleQuotedString(_) | Token::SemiColon | Token::Period | Token::EOF => false,
        _ => true,
    }
}
