//! Python source text, emitted so that no text from outside can become code.
//!
//! Invariant: a literal made here is ASCII, stands on one line, and reads back in Python as exactly the text it was made from.
//!
//! Every room above may use this; it uses nothing.

use std::fmt::Write as _;

/// `text` as a Python string literal in double quotes, ASCII only.
#[must_use]
pub fn string(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            ' '..='~' => literal.push(c),
            c if u32::from(c) <= 0xff => push(&mut literal, format_args!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) <= 0xffff => push(&mut literal, format_args!("\\u{:04x}", u32::from(c))),
            c => push(&mut literal, format_args!("\\U{:08x}", u32::from(c))),
        }
    }
    literal.push('"');
    literal
}

/// `text` as a comment of one line: `# …`, control characters and everything beyond ASCII escaped.
#[must_use]
pub fn comment(text: &str) -> String {
    let escaped = string(text);
    let inner = escaped.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    // Inside a comment quotes and backslashes need no escape; the rest keeps its own.
    format!("# {}", inner.replace("\\\"", "\""))
}

/// A Python identifier that reminds of `text`: lower-case letters, digits and underscores, never a keyword, never empty.
/// Different texts can give the same identifier; whoever needs them apart adds a number.
#[must_use]
pub fn identifier(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    for c in text.chars().take(80) {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
        before = Some(c);
    }
    let name = name.trim_matches('_');
    match name.chars().next() {
        None => "unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n_{name}"),
        Some(_) if KEYWORDS.contains(&name) => format!("{name}_"),
        Some(_) => name.to_owned(),
    }
}

/// Python's lower-case keywords (True, False and None have capitals, and identifiers here have none).
const KEYWORDS: [&str; 35] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for",
    "from", "global", "if", "import", "in", "is", "lambda", "match", "nonlocal", "not", "or", "pass", "raise", "return", "try", "type",
    "while", "with", "yield", "case",
];

fn push(literal: &mut String, escape: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = literal.write_fmt(escape);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 8] = [
        "\"); __import__('os').system('id') #",
        "line\nbreak\r\u{2028}\u{85}",
        "back\\slash\\",
        "\"\"\"",
        "${x} {{y}} %s {z}",
        "\u{0}\u{1b}[31m",
        "naïve 温度 😀",
        "",
    ];

    #[test]
    fn literals_hold_nothing_that_could_end_them() {
        for text in HOSTILE {
            let literal = string(text);
            assert!(literal.is_ascii() && !literal.contains(['\n', '\r']), "{literal}");
            let inner = &literal[1..literal.len() - 1];
            let mut escaped = false;
            for c in inner.chars() {
                assert!(escaped || c != '"', "{literal}");
                escaped = !escaped && c == '\\';
            }
            assert!(!escaped, "{literal}");
        }
    }

    #[test]
    fn comments_stay_on_their_line() {
        for text in HOSTILE {
            let comment = comment(text);
            assert!(comment.starts_with("# ") && comment.is_ascii() && !comment.contains(['\n', '\r']), "{comment}");
        }
    }

    #[test]
    fn identifiers_are_identifiers() {
        for (text, name) in [
            ("FilterActivity", "filter_activity"),
            ("my-step 2", "my_step_2"),
            ("import", "import_"),
            ("温度", "unnamed"),
            ("9lives", "n_9lives"),
            ("); import os", "import_os"),
        ] {
            assert_eq!(identifier(text), name);
        }
    }
}
