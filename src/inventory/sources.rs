//! Which tables a dataset's query reads: the names after FROM and JOIN, and after commas between them.
//!
//! This is no parser. It skips strings and comments, and the FROM of functions such as `extract(day FROM t)`.

/// A table's name, in its parts: `my_store.raw` has two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) parts: Vec<String>,
}

impl Table {
    pub(crate) fn text(&self) -> String {
        self.parts.join(".")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// Between double quotes or backticks: never a keyword.
    Quoted(String),
    Mark(char),
}

impl Token {
    fn is_word(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

/// The tables that `sql` reads, in order of first mention.
pub(crate) fn tables_read(sql: &str) -> Vec<Table> {
    let tokens = tokens(sql);
    let mut tables = Vec::new();
    // One entry per open parenthesis: whether a query stands in it.
    let mut in_query = vec![true];
    let mut in_from = vec![false];
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let query_here = in_query.last().copied().unwrap_or(true);
        match token {
            Token::Mark('(') => {
                let holds_select = tokens.get(at).is_some_and(|next| next.is_word("select"));
                // Parentheses around tables, not those of a function or of a column list.
                let opens_tables = at
                    .checked_sub(2)
                    .and_then(|before| tokens.get(before))
                    .is_some_and(|before| before.is_word("from") || before.is_word("join") || matches!(before, Token::Mark('(' | ',')));
                let groups_tables = in_from.last() == Some(&true) && opens_tables && !holds_select;
                in_query.push(holds_select || groups_tables);
                in_from.push(groups_tables);
                if groups_tables {
                    table_at(&tokens, &mut at, &mut tables);
                }
            }
            Token::Mark(')') => {
                in_query.pop();
                in_from.pop();
            }
            Token::Mark(',') if in_from.last() == Some(&true) => table_at(&tokens, &mut at, &mut tables),
            _ if (token.is_word("from") || token.is_word("join")) && query_here => {
                if let Some(from) = in_from.last_mut() {
                    *from = true;
                }
                table_at(&tokens, &mut at, &mut tables);
            }
            _ if ["where", "group", "having", "order", "union", "select", "limit", "on", "using"]
                .iter()
                .any(|word| token.is_word(word)) =>
            {
                if let Some(from) = in_from.last_mut() {
                    *from = false;
                }
            }
            _ => {}
        }
    }
    tables
}

/// Takes a table's name at `at`, if one stands there; a name before a parenthesis is a function.
fn table_at(tokens: &[Token], at: &mut usize, tables: &mut Vec<Table>) {
    let mut parts = Vec::new();
    let mut index = *at;
    while let Some(Token::Word(name) | Token::Quoted(name)) = tokens.get(index) {
        parts.push(name.clone());
        index += 1;
        if tokens.get(index) != Some(&Token::Mark('.')) {
            break;
        }
        index += 1;
    }
    let is_keyword = tokens.get(*at).is_some_and(|token| ["select", "lateral", "unnest", "values"].iter().any(|word| token.is_word(word)));
    if parts.is_empty() || is_keyword || tokens.get(index) == Some(&Token::Mark('(')) {
        return;
    }
    *at = index;
    let table = Table { parts };
    if !tables.contains(&table) {
        tables.push(table);
    }
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\'' => (None, quoted_length(rest, '\'')),
            '"' | '`' => {
                let length = quoted_length(rest, first);
                let inner = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
                (Some(Token::Quoted(inner.to_owned())), length)
            }
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, rest.find("*/").map_or(rest.len(), |end| end + 2)),
            c if is_name(c) => {
                // Names with hyphens were refused by the service and are written all the same.
                let length = rest.find(|c: char| !is_name(c) && c != '-').unwrap_or(rest.len());
                (rest.get(..length).map(|word| Token::Word(word.to_owned())), length)
            }
            c if c.is_whitespace() => (None, c.len_utf8()),
            c => (Some(Token::Mark(c)), c.len_utf8()),
        };
        out.extend(token);
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    out
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '{' | '}' | ':')
}

/// The bytes from an opening quote to behind its closing one; a doubled quote is part of the text.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text.get(at..).and_then(|rest| rest.find(quote)) {
        at += end + 1;
        if !text.get(at..).is_some_and(|rest| rest.starts_with(quote)) {
            return at;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_after_from_and_join_are_found_and_nothing_else() {
        for (sql, expected) in [
            ("SELECT * FROM plant", "plant"),
            ("select a from \"Plant 7\" where b = 'FROM nowhere' -- from a comment", "Plant 7"),
            ("SELECT a FROM `plant` p JOIN dim.site s ON p.x = s.x", "plant dim.site"),
            ("SELECT a FROM one, two x, three WHERE a IN (SELECT b FROM four)", "one two three four"),
            ("SELECT extract(day FROM t), trim(BOTH ' ' FROM u) FROM plant", "plant"),
            ("SELECT * FROM (SELECT * FROM inner_one LIMIT 1) q, outer_one", "inner_one outer_one"),
            ("SELECT * FROM plant CROSS JOIN UNNEST(readings) AS t(r)", "plant"),
            ("SELECT * FROM my-store-ab12 WHERE a > 1, 2", "my-store-ab12"),
            ("SELECT /* FROM x */ 1", ""),
            ("SELECT 'it''s FROM x' FROM plant UNION ALL SELECT * FROM plant", "plant"),
            ("SELECT * FROM (plant JOIN site ON a = b)", "plant site"),
            ("SELECT * FROM ${Store}", "${Store}"),
        ] {
            let found: Vec<String> = tables_read(sql).iter().map(Table::text).collect();
            assert_eq!(found.join(" "), expected, "{sql}");
        }
    }
}
