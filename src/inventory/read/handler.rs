//! Hand-written Lambda functions that write to Timestream: what can be told from their Python text without running it.
//!
//! Only what the source does is kept, never the source: it may hold anything, secrets included. The names it reads from a
//! message are the one exception, and only where they look like the names of columns.

use std::collections::BTreeSet;

use super::super::model::{Handler, Origin};

/// Longer names are no columns.
const NAME_CHARS_MAX: usize = 128;
/// Tokens of one source that are looked at.
const TOKENS_MAX: usize = 200_000;

/// A piece of Python source: comments and white space are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
    /// The end of a logical line.
    End,
}

/// Reads the source of a function; none when it writes nothing to Timestream.
pub(crate) fn handler(name: String, origin: Origin, source: &str) -> Option<Handler> {
    let tokens = tokens(source);
    let is_word = |wanted: &str| tokens.iter().any(|token| matches!(token, Token::Word(word) if word == wanted));
    if !is_word("write_records") {
        return None;
    }
    let reads = reads(&tokens);
    Some(Handler {
        name,
        origin,
        is_fed_by_kinesis: reads.contains("kinesis"),
        decodes_base64: ["b64decode", "standard_b64decode", "urlsafe_b64decode", "a2b_base64", "decodebytes"].into_iter().any(is_word),
        asks_the_clock: asks_the_clock(&tokens),
        handles_rejected_records: is_word("RejectedRecordsException"),
        conditions: conditions(&tokens),
        reads: reads.into_iter().filter(|name| !ENVELOPE.contains(&name.as_str())).collect(),
    })
}

/// Names that belong to the event and to WriteRecords, not to a message.
const ENVELOPE: [&str; 18] = [
    "Records",
    "kinesis",
    "data",
    "sequenceNumber",
    "Time",
    "TimeUnit",
    "Dimensions",
    "Name",
    "Value",
    "MeasureName",
    "MeasureValue",
    "MeasureValueType",
    "MeasureValues",
    "Type",
    "Version",
    "DimensionValueType",
    "DATABASE_NAME",
    "TABLE_NAME",
];

/// Names in `…["name"]` and `….get("name"`.
fn reads(tokens: &[Token]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for window in tokens.windows(3) {
        let name = match window {
            [Token::Sign('['), Token::Text(name), Token::Sign(']')] => name,
            [Token::Word(get), Token::Sign('('), Token::Text(name)] if get == "get" || get == "pop" => name,
            _ => continue,
        };
        if is_name(name) {
            names.insert(name.clone());
        }
    }
    names
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    begins && text.len() <= NAME_CHARS_MAX && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `time.time()`, `time_ns()`, `datetime.now()`, `utcnow()`.
fn asks_the_clock(tokens: &[Token]) -> bool {
    tokens.windows(4).any(|window| match window {
        [Token::Word(module), Token::Sign('.'), Token::Word(call), Token::Sign('(')] => {
            (module == "time" && matches!(call.as_str(), "time" | "time_ns")) || matches!(call.as_str(), "now" | "utcnow" | "today")
        }
        [Token::Word(call), Token::Sign('('), ..] => call == "time_ns",
        _ => false,
    })
}

/// Names that stand on a line which decides something: after `if`, `elif`, `while`, or before `continue`.
fn conditions(tokens: &[Token]) -> BTreeSet<String> {
    let decides = |token: &Token| matches!(token, Token::Word(word) if matches!(word.as_str(), "if" | "elif" | "while" | "filter"));
    let lines = tokens.split(|token| *token == Token::End).filter(|line| line.iter().any(decides));
    let names = lines.flatten().filter_map(|token| match token {
        Token::Word(word) | Token::Text(word) if is_name(word) => Some(word.clone()),
        _ => None,
    });
    names.filter(|name| !KEYWORDS.contains(&name.as_str())).collect()
}

const KEYWORDS: [&str; 13] = ["if", "elif", "while", "filter", "not", "and", "or", "in", "is", "None", "True", "False", "get"];

/// The tokens of Python source, as far as names, texts and line ends go. Anything else is a sign.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = source.chars().peekable();
    let mut open: u32 = 0;
    while let Some(c) = chars.next() {
        if tokens.len() >= TOKENS_MAX {
            break;
        }
        match c {
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '\n' if open == 0 => tokens.push(Token::End),
            '\\' => {
                chars.next_if_eq(&'\n');
            }
            c if c.is_whitespace() => {}
            '"' | '\'' => tokens.push(Token::Text(text(&mut chars, c))),
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            c => {
                match c {
                    '(' | '[' | '{' => open += 1,
                    ')' | ']' | '}' => open = open.saturating_sub(1),
                    _ => {}
                }
                tokens.push(Token::Sign(c));
            }
        }
    }
    tokens
}

/// The content of a string literal whose first quote has been read, escapes as they stand.
fn text(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, quote: char) -> String {
    let mut content = String::new();
    let triple = chars.next_if_eq(&quote).is_some();
    if triple && chars.next_if_eq(&quote).is_none() {
        return content; // "" alone
    }
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                content.push(c);
                content.extend(chars.next());
            }
            '\n' if !triple => break,
            c if c == quote && !triple => break,
            c if c == quote => {
                content.push(c);
                if content.ends_with(&[quote; 3].iter().collect::<String>()) {
                    content.truncate(content.len() - 3);
                    break;
                }
            }
            c => content.push(c),
        }
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Option<Handler> {
        handler("f".to_owned(), Origin { file: "f.py".to_owned(), path: String::new() }, source)
    }

    const CARELESS: &str = r#"
import json, time, boto3
ts = boto3.client("timestream-write")
def handler(event, context):
    """Not b64decode, not if humidity."""
    out = []
    for r in event["Records"]:
        body = json.loads(r['kinesis']["data"])  # base64.b64decode?
        out.append({"Time": str(int(time.time() * 1000)), "Dimensions": [{"Name": "id", "Value": body.get("deviceId", "x")}],
                    "MeasureValue": str(body["flow"])})
    if out:
        ts.write_records(DatabaseName="d", TableName="t", Records=out)
"#;

    #[test]
    fn a_careless_handler_is_seen_through_without_being_run() {
        let handler = read(CARELESS).unwrap();
        assert!(handler.is_fed_by_kinesis && !handler.decodes_base64 && handler.asks_the_clock && !handler.handles_rejected_records);
        assert_eq!(handler.reads, BTreeSet::from(["deviceId".to_owned(), "flow".to_owned()]));
        assert_eq!(handler.conditions, BTreeSet::from(["out".to_owned()]));
    }

    #[test]
    fn a_careful_handler_shows_its_care() {
        let handler = read(
            "import base64\nfrom datetime import datetime\nfor r in e['Records']:\n  m = loads(base64.b64decode(r['kinesis']['data']))\n  \
             if (m['flow'] > 0 and\n      m['open']):\n    w.write_records(Records=[t(m['ts'])])\nexcept c.exceptions.RejectedRecordsException:\n  pass\n",
        )
        .unwrap();
        assert!(handler.decodes_base64 && !handler.asks_the_clock && handler.handles_rejected_records);
        assert!(handler.conditions.contains("flow") && handler.conditions.contains("open"));
    }

    #[test]
    fn what_writes_nothing_to_timestream_is_no_handler() {
        for source in ["", "print('write_records')", "# write_records\n", "\"\"\"write_records(", "'unclosed write_records\n"] {
            assert_eq!(read(source), None, "{source}");
        }
    }

    #[test]
    fn no_text_that_is_no_column_name_is_kept() {
        let handler = read("w.write_records(token['a secret with blanks'], x.get('k/ey'), y['ok'])").unwrap();
        assert_eq!(handler.reads, BTreeSet::from(["ok".to_owned()]));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_its_end(source in proptest::prelude::any::<String>()) {
            let _ = read(&(source + "\nwrite_records"));
        }
    }
}
