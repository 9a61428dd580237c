//! The text of one JSON row as a value.
//!
//! serde_json would do but for three things that rows are owed: a number keeps its very text (serde_json rewrites exponents), a name
//! that stands twice in one object is an error (there, the last one wins), and no name is special (under `arbitrary_precision` a
//! message can pass an object off as a number). The grammar is RFC 8259's, exactly; tests hold it against serde_json.

use indexmap::map::Entry;
use memchr::memchr2;

use super::read::shown;
use crate::value::{Number, Object, Value};

/// Reads `bytes` as one value and nothing else.
///
/// # Errors
/// What is wrong, and at which byte of the row.
pub(crate) fn parse(bytes: &[u8], nesting_max: usize) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8 from byte {} of the row on", error.valid_up_to()))?;
    let mut parser = Parser { text, at: 0, nesting_max };
    parser.white_space();
    let value = parser.value(1)?;
    parser.white_space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.expected("the end of the row")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nesting_max: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `byte` if it stands here.
    fn accept(&mut self, byte: u8) -> bool {
        let stands_here = self.peek().is_some_and(|here| here == byte);
        self.at += usize::from(stands_here);
        stands_here
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, what: &str) -> String {
        format!("not JSON: {what} at byte {} of the row", self.at)
    }

    fn expected(&self, what: &str) -> String {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let found = found.map_or_else(|| "the row ends".to_owned(), |c| format!("`{}`", c.escape_debug()));
        self.wrong(&format!("expected {what} and found {found}"))
    }

    /// The value that begins here; `level` is its depth if it is a container.
    fn value(&mut self, level: usize) -> Result<Value, String> {
        match self.peek() {
            Some(b'{') => self.object(level),
            Some(b'[') => self.array(level),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.literal(),
        }
    }

    fn literal(&mut self) -> Result<Value, String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    /// Steps into a container.
    fn enter(&mut self, level: usize) -> Result<(), String> {
        if level > self.nesting_max {
            return Err(format!("the row nests deeper than {} levels", self.nesting_max));
        }
        self.at += 1;
        self.white_space();
        Ok(())
    }

    fn object(&mut self, level: usize) -> Result<Value, String> {
        self.enter(level)?;
        let mut object = Object::new();
        if self.accept(b'}') {
            return Ok(Value::Object(object));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.expected("a name"));
            }
            let name = self.string()?;
            self.white_space();
            if !self.accept(b':') {
                return Err(self.expected("`:`"));
            }
            self.white_space();
            let value = self.value(level + 1)?;
            match object.entry(name) {
                Entry::Occupied(taken) => {
                    return Err(self.wrong(&format!("`{}` stands twice in one object, the second time", shown(taken.key()))));
                }
                Entry::Vacant(free) => drop(free.insert(value)),
            }
            if self.ends(b'}', "`,` or `}`")? {
                return Ok(Value::Object(object));
            }
        }
    }

    fn array(&mut self, level: usize) -> Result<Value, String> {
        self.enter(level)?;
        let mut items = Vec::new();
        if self.accept(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(level + 1)?);
            if self.ends(b']', "`,` or `]`")? {
                return Ok(Value::Array(items));
            }
        }
    }

    /// True when the container ends here, false when a comma says that it goes on.
    fn ends(&mut self, close: u8, expected: &str) -> Result<bool, String> {
        self.white_space();
        if self.accept(close) {
            return Ok(true);
        }
        if !self.accept(b',') {
            return Err(self.expected(expected));
        }
        self.white_space();
        Ok(false)
    }

    /// The string whose opening quote stands here.
    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let begin = self.at;
        let plain = self.plain();
        if self.accept(b'"') {
            return Ok(plain.to_owned());
        }
        let mut string = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(self.expected("no control character in a string")),
                None => return Err(self.wrong(&format!("the string from byte {} on is not closed", begin.saturating_sub(1)))),
            }
            string.push_str(self.plain());
        }
    }

    /// The characters up to the next quote, backslash or control character.
    fn plain(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = memchr2(b'"', b'\\', rest.as_bytes()).unwrap_or(rest.len());
        let control = rest.as_bytes().get(..length).unwrap_or_default().iter().position(|byte| *byte < 0x20);
        let length = control.unwrap_or(length);
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// The character for which the escape that begins here stands.
    fn escape(&mut self) -> Result<char, String> {
        self.at += 1;
        let escaped = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `\uXXXX`, or two of them for a character beyond 16 bits; the `u` stands here.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hexadecimal()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let is_pair = first < 0xdc00 && self.accept(b'\\') && self.peek() == Some(b'u');
        let second = if is_pair { self.hexadecimal()? } else { 0 };
        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
        let c = low.and_then(|low| char::from_u32(0x10000 + ((first - 0xd800) << 10) + low));
        c.ok_or_else(|| self.wrong("half of a surrogate pair"))
    }

    /// The four digits after the `u` that stands here.
    fn hexadecimal(&mut self) -> Result<u32, String> {
        self.at += 1;
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code =
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(|| self.expected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Value, String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default();
        let number = Number::parse(text).ok_or_else(|| self.wrong(&format!("`{}` is no number", shown(text))))?;
        self.at += length;
        Ok(Value::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Value, String> {
        parse(text.as_bytes(), 50)
    }

    #[test]
    fn errors_name_the_place() {
        for (text, error) in [
            ("{\"a\":tru}", "not JSON: expected a value and found `t` at byte 5 of the row"),
            ("{\"a\" 1}", "not JSON: expected `:` and found `1` at byte 5 of the row"),
            ("{\"a\":1,}", "not JSON: expected a name and found `}` at byte 7 of the row"),
            ("[1 2]", "not JSON: expected `,` or `]` and found `2` at byte 3 of the row"),
            ("{\"a\":01}", "not JSON: `01` is no number at byte 5 of the row"),
            ("{} x", "not JSON: expected the end of the row and found `x` at byte 3 of the row"),
            ("\"abc", "not JSON: the string from byte 0 on is not closed at byte 4 of the row"),
            ("\"\u{1}\"", "not JSON: expected no control character in a string and found `\\u{1}` at byte 1 of the row"),
            ("{\"a\":1,\"\\u0061\":2}", "not JSON: `a` stands twice in one object, the second time at byte 17 of the row"),
        ] {
            assert_eq!(read(text).unwrap_err(), error);
        }
        assert_eq!(parse(b"[\"\xff\"]", 9).unwrap_err(), "not UTF-8 from byte 2 of the row on");
        assert_eq!(parse(b"[[1]]", 1).unwrap_err(), "the row nests deeper than 1 levels");
    }

    #[test]
    fn escapes_stand_for_their_characters() {
        let text = r#""\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00 \u0000""#;
        assert_eq!(read(text).unwrap(), Value::String("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1F600} \0".to_owned()));
        for wrong in [r#""\ud800""#, r#""\ude00""#, r#""\ud83d\ud83d""#, r#""\ud83dx""#, r#""\u12""#, r#""\u+123""#, r#""\x""#, r#""\""#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        /// The same texts are JSON here and there, and mean the same.
        #[test]
        fn serde_json_agrees(text in r#"[\[\]{}",:\\/ubn0-9eE+.\-tfalsrn \u{e9}]{0,24}|\{"[ab]":-?[0-9]{0,3}(\.[0-9]{0,2})?(e[+-]?[0-9]{0,2})?,"[cd]":("(\\[nu"]|[0-9d ]){0,8}"|\[true,null\]|\{\})\}"#) {
            let there = serde_json::from_str::<serde_json::Value>(&text);
            match (read(&text), there) {
                (Ok(here), Ok(there)) => prop_assert_eq!(here.to_json(), there),
                (Err(_), Err(_)) => {}
                (Err(error), Ok(_)) => prop_assert!(error.contains("stands twice"), "{} {}", &text, error),
                (Ok(here), Err(error)) => prop_assert!(false, "{} {:?} {}", &text, here, error),
            }
        }
    }
}
