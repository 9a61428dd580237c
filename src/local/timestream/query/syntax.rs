//! From text to a syntax tree that is bounded in size and depth.
//!
//! Timestream writes intervals as `15m` or `2d`. To the tokenizer that is a number and a word that touch; the pair
//! becomes one token before parsing, so that neither strings nor identifiers that look alike are ever touched.

use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::failure::QueryFailure;

/// Facts: Query, `QueryString`.
pub(super) const QUERY_CHARS_MAX: usize = 262_144;
/// Parentheses, CASEs and subqueries inside each other. The parser takes several stack frames for each.
const NESTING_MAX: usize = 40;
/// Operators that one expression can chain: trees lean to the left and are walked and dropped recursively.
pub(super) const CHAIN_MAX: usize = 900;

/// A statement.
#[derive(Debug)]
pub(super) enum Parsed {
    Select(Box<Query>),
    Show(Show),
}

/// A statement that asks what there is.
#[derive(Debug)]
pub(super) enum Show {
    Databases,
    Tables { database: Name },
    Measures { database: Name, table: Name },
    Describe { database: Name, table: Name },
}

/// A name as it was written.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) value: String,
    pub(super) span: Span,
}

/// `line 1:8: `, or nothing where the parser knows no place.
pub(super) fn at(span: Span) -> String {
    if span.start.line == 0 { String::new() } else { format!("line {}:{}: ", span.start.line, span.start.column) }
}

/// Presto's lexical rules: only `"` quotes identifiers, strings know no backslash.
#[derive(Debug)]
struct Presto;

impl Dialect for Presto {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
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

/// Parses one statement. The tree can be deep: only `reading` has the stack for it.
pub(super) fn parse(text: &str) -> Result<Parsed, QueryFailure> {
    let chars = text.chars().count();
    if chars == 0 || chars > QUERY_CHARS_MAX {
        return Err(QueryFailure::Validation(format!(
            "1 validation error detected: Value at 'queryString' failed to satisfy constraint: Member must have length between 1 and {QUERY_CHARS_MAX}, inclusive"
        )));
    }
    let tokens = Tokenizer::new(&Presto, text).tokenize_with_location().map_err(|error| misspelt(&error.message, error.location))?;
    let tokens = join_intervals(tokens)?;
    refuse_long_chains(&tokens)?;
    let words: Vec<&TokenWithSpan> = tokens.iter().filter(|token| is_significant(token)).collect();
    match words.first().map(|token| (keyword(token), token.span)) {
        None => Err(QueryFailure::Validation("The query is empty".to_owned())),
        Some((Some(word), _)) if word == "SHOW" => show(&words).map(Parsed::Show),
        Some((Some(word), _)) if word == "DESCRIBE" || word == "DESC" => describe(&words).map(Parsed::Show),
        Some((Some(word), _)) if word == "SELECT" || word == "WITH" => select(tokens),
        Some((None, _)) if words.first().is_some_and(|token| token.token == Token::LParen) => select(tokens),
        Some((Some(word), span)) => Err(QueryFailure::not_served(at(span), format_args!("the statement {word}"))),
        Some((None, span)) => Err(QueryFailure::Validation(format!("{}a query begins with SELECT, WITH, SHOW or DESCRIBE", at(span)))),
    }
}

fn select(tokens: Vec<TokenWithSpan>) -> Result<Parsed, QueryFailure> {
    let mut parser = Parser::new(&Presto).with_recursion_limit(NESTING_MAX).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| syntax_failure(&error))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Ok(Parsed::Select(query)),
        (_, false) => Err(QueryFailure::Validation("Only one statement can be sent in a query".to_owned())),
        _ => Err(QueryFailure::not_served("", "a statement other than SELECT, SHOW or DESCRIBE")),
    }
}

fn misspelt(message: &str, location: sqlparser::tokenizer::Location) -> QueryFailure {
    QueryFailure::Validation(format!("line {}:{}: {message}", location.line, location.column))
}

fn syntax_failure(error: &ParserError) -> QueryFailure {
    let text = match error {
        ParserError::RecursionLimitExceeded => return QueryFailure::Validation(format!("The query nests more than {NESTING_MAX} levels")),
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
    };
    let Some((message, place)) = text.rsplit_once(" at Line: ") else { return QueryFailure::Validation(text.clone()) };
    QueryFailure::Validation(format!("line {}: {message}", place.replace(", Column: ", ":")))
}

/// Joins a whole number and a word that touches it into an interval literal, carried by a national string (`N'…'`),
/// which the dialect does not have itself.
fn join_intervals(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, QueryFailure> {
    let mut joined: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        if let Token::NationalStringLiteral(_) = token.token {
            return Err(QueryFailure::not_served(at(token.span), "a national string"));
        }
        if let Token::Word(word) = &token.token
            && word.quote_style.is_none()
            && let Some(last) = joined.last_mut()
            && let Token::Number(digits, false) = &last.token
        {
            let literal = format!("{digits}{}", word.value);
            if interval_nanos(&literal).is_none() {
                return Err(QueryFailure::Validation(format!("{}'{literal}' is not an interval", at(last.span))));
            }
            last.token = Token::NationalStringLiteral(literal);
            continue;
        }
        joined.push(token);
    }
    Ok(joined)
}

/// The nanoseconds of `15m` (facts: supported data types: a whole number and a unit in the singular).
pub(super) fn interval_nanos(literal: &str) -> Option<i64> {
    let split = literal.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = literal.split_at(split);
    let count: i64 = digits.parse().ok()?;
    count.checked_mul(unit_nanos(unit)?)
}

/// The nanoseconds of a unit of fixed length.
pub(super) fn unit_nanos(unit: &str) -> Option<i64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "ns" | "nanosecond" => 1,
        "us" | "microsecond" => 1_000,
        "ms" | "millisecond" => 1_000_000,
        "s" | "second" => 1_000_000_000,
        "m" | "minute" => 60_000_000_000,
        "h" | "hour" => 3_600_000_000_000,
        "d" | "day" => 86_400_000_000_000,
        _ => return None,
    })
}

/// Bounds the depth of the tree before there is one. A chain is what stands between two commas of one pair of
/// parentheses; the longest path through the tree takes its operators plus those of the deepest pair inside it.
fn refuse_long_chains(tokens: &[TokenWithSpan]) -> Result<(), QueryFailure> {
    let mut open: Vec<Chain> = vec![Chain::default()];
    for token in tokens {
        let depth = open.len();
        let Some(chain) = open.last_mut() else { return Ok(()) };
        match &token.token {
            Token::LParen | Token::LBracket => open.push(Chain::default()),
            Token::RParen | Token::RBracket if depth > 1 => {
                let inner = open.pop().map_or(0, Chain::depth);
                if let Some(chain) = open.last_mut() {
                    chain.inner = chain.inner.max(inner);
                }
            }
            Token::Comma => chain.close_segment(),
            _ if is_operator(token) => chain.operators += 1,
            _ => {}
        }
        if open.last().is_some_and(|chain| chain.operators + chain.inner > CHAIN_MAX) {
            return Err(QueryFailure::Validation(format!("{}an expression chains more than {CHAIN_MAX} operators", at(token.span))));
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Chain {
    operators: usize,
    inner: usize,
    deepest: usize,
}

impl Chain {
    fn close_segment(&mut self) {
        self.deepest = self.deepest.max(self.operators + self.inner);
        (self.operators, self.inner) = (0, 0);
    }
    fn depth(mut self) -> usize {
        self.close_segment();
        self.deepest
    }
}

/// Every symbol counts as an operator, and every word that can join or end an expression.
fn is_operator(token: &TokenWithSpan) -> bool {
    const WORDS: [&str; 24] = [
        "AND",
        "OR",
        "XOR",
        "NOT",
        "IS",
        "ISNULL",
        "NOTNULL",
        "LIKE",
        "ILIKE",
        "RLIKE",
        "REGEXP",
        "SIMILAR",
        "BETWEEN",
        "IN",
        "COLLATE",
        "AT",
        "UNION",
        "EXCEPT",
        "MINUS",
        "INTERSECT",
        "DIV",
        "OVERLAPS",
        "MEMBER",
        "OPERATOR",
    ];
    match &token.token {
        Token::Word(_) => keyword(token).is_some_and(|word| WORDS.contains(&word.as_str())),
        Token::Whitespace(_) | Token::Number(..) | Token::SingleQuotedString(_) | Token::NationalStringLiteral(_) => false,
        Token::HexStringLiteral(_) | Token::SemiColon | Token::Period | Token::EOF | Token::LParen | Token::RParen | Token::Comma => false,
        _ => true,
    }
}

fn is_significant(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab) | Token::EOF)
        && !matches!(token.token, Token::Whitespace(_))
}

/// An unquoted word in upper case.
fn keyword(token: &TokenWithSpan) -> Option<String> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    }
}

fn show(words: &[&TokenWithSpan]) -> Result<Show, QueryFailure> {
    let what = words.get(1).and_then(|token| keyword(token)).unwrap_or_default();
    let from = words.get(2).and_then(|token| keyword(token));
    let has_from = from.as_deref().is_some_and(|word| word == "FROM" || word == "IN");
    match (what.as_str(), has_from) {
        ("DATABASES", false) => {
            names(words, 2, 0)?;
            Ok(Show::Databases)
        }
        ("TABLES", true) => {
            let [database] = <[Name; 1]>::try_from(names(words, 3, 1)?).map_err(|_| incomplete(words))?;
            Ok(Show::Tables { database })
        }
        ("MEASURES", true) => {
            let [database, table] = <[Name; 2]>::try_from(names(words, 3, 2)?).map_err(|_| incomplete(words))?;
            Ok(Show::Measures { database, table })
        }
        _ => Err(QueryFailure::not_served(
            at(words.get(1).map_or(Span::empty(), |token| token.span)),
            "SHOW other than DATABASES, TABLES FROM <database> and MEASURES FROM <database>.<table>",
        )),
    }
}

fn describe(words: &[&TokenWithSpan]) -> Result<Show, QueryFailure> {
    let [database, table] = <[Name; 2]>::try_from(names(words, 1, 2)?).map_err(|_| incomplete(words))?;
    Ok(Show::Describe { database, table })
}

fn incomplete(words: &[&TokenWithSpan]) -> QueryFailure {
    QueryFailure::Validation(format!("{}the statement is incomplete", at(words.last().map_or(Span::empty(), |token| token.span))))
}

/// Exactly `count` names with points between them, from word `start` on, then nothing but semicolons.
fn names(words: &[&TokenWithSpan], start: usize, count: usize) -> Result<Vec<Name>, QueryFailure> {
    let mut rest = words.get(start..).unwrap_or_default().iter();
    let mut names = Vec::new();
    let unexpected = |token: &TokenWithSpan| QueryFailure::Validation(format!("{}mismatched input '{}'", at(token.span), token.token));
    while names.len() < count {
        if !names.is_empty() {
            match rest.next() {
                Some(token) if token.token == Token::Period => {}
                Some(token) => return Err(unexpected(token)),
                None => return Err(incomplete(words)),
            }
        }
        match rest.next() {
            Some(TokenWithSpan { token: Token::Word(word), span }) => names.push(Name { value: word.value.clone(), span: *span }),
            Some(token) => return Err(unexpected(token)),
            None => return Err(incomplete(words)),
        }
    }
    match rest.find(|token| token.token != Token::SemiColon) {
        Some(token) => Err(unexpected(token)),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_numbers_that_touch_a_unit() {
        assert_eq!(interval_nanos("15m"), Some(900_000_000_000));
        assert_eq!(interval_nanos("1day"), Some(86_400_000_000_000));
        for wrong in ["15", "m", "1x", "1.5h", "99999999999d"] {
            assert_eq!(interval_nanos(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_only_looks_like_an_interval_is_left_alone() {
        for sql in ["SELECT '1h'", "SELECT 1 h", "SELECT \"1h\" FROM a.b", "SELECT 1e5, 1.5", "SELECT ago(15m) -- 1zz"] {
            assert!(parse(sql).is_ok(), "{sql}: {:?}", parse(sql));
        }
        let refusal = parse("SELECT ago(1fortnight)").unwrap_err();
        assert_eq!(refusal, QueryFailure::Validation("line 1:12: '1fortnight' is not an interval".to_owned()));
    }

    #[test]
    fn statements_that_are_no_queries_are_refused_by_name() {
        for (sql, word) in [("INSERT INTO a.b VALUES (1)", "INSERT"), ("unload (select 1) to 's3://x'", "UNLOAD"), ("drop table x", "DROP")]
        {
            let QueryFailure::Validation(message) = parse(sql).unwrap_err() else { panic!("{sql}") };
            assert_eq!(message, format!("line 1:1: the statement {word} is not served by the embedded service"));
        }
        assert!(matches!(parse("SELECT 1; SELECT 2"), Err(QueryFailure::Validation(m)) if m.starts_with("Only one statement")));
        assert!(matches!(parse("SELECT 1;"), Ok(Parsed::Select(_))));
    }

    #[test]
    fn show_and_describe_take_quoted_names_and_nothing_more() {
        assert!(matches!(parse("SHOW TABLES FROM \"my-db\";"), Ok(Parsed::Show(Show::Tables { database })) if database.value == "my-db"));
        assert!(matches!(parse("describe a.\"b;--\""), Ok(Parsed::Show(Show::Describe { table, .. })) if table.value == "b;--"));
        for wrong in
            ["SHOW", "SHOW TABLES", "SHOW TABLES FROM", "SHOW MEASURES FROM a", "DESCRIBE a.b.c", "DESCRIBE a.b x", "SHOW DATABASES x"]
        {
            assert!(matches!(parse(wrong), Err(QueryFailure::Validation(_))), "{wrong}");
        }
    }
}
