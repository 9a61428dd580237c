//! Text → tokens, each with its place. What belongs to another language is refused here, by name.

use super::error::{ParseError, ParseReason, Position, shown};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// An attribute, a keyword or a function, as it is written.
    Word(String),
    Number(String),
    /// A string literal, its quotes undone.
    Text(String),
    /// An operator, a parenthesis, a comma or a dot.
    Sign(&'static str),
    End,
}

impl Lexeme {
    /// As a message names it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(text) | Self::Number(text) => shown(text),
            Self::Text(_) => "a string".to_owned(),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) at: Position,
    pub(super) lexeme: Lexeme,
}

/// The signs of the language; longer ones first.
const SIGNS: [&str; 15] = ["<>", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ",", "."];

/// What other languages write, with what to write here. Looked up before [`SIGNS`].
const FOREIGN: [(&str, &str); 18] = [
    ("==", "write `=`"),
    ("!=", "write `<>`"),
    ("=>", "write `>=`"),
    ("=<", "write `<=`"),
    ("><", "write `<>`"),
    ("&&", "write `AND`"),
    ("||", "write `OR` between conditions, `+` between strings"),
    ("**", "write `power(x, y)` in a math activity"),
    ("//", "write `/`; comments are not part of an expression"),
    ("/*", "take the comment out of the expression"),
    ("--", "take the comment out; two minus signs need a blank between them: `a - -5`"),
    ("&", "write `AND`"),
    ("|", "write `OR`"),
    ("!", "write `NOT`"),
    ("^", "write `power(x, y)` in a math activity"),
    ("[", "copy the element to a name of its own with an addAttributes activity first (`\"list[0]\": \"first\"`)"),
    ("{", "put the value itself in its place: nothing is substituted inside an expression"),
    ("$", "put the value itself in its place: nothing is substituted inside an expression"),
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer { text, byte: 0, column: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let at = lexer.position();
        let lexeme = lexer.next()?;
        let end = lexeme == Lexeme::End;
        tokens.push(Token { at, lexeme });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    byte: usize,
    column: usize,
}

impl<'a> Lexer<'a> {
    fn position(&self) -> Position {
        Position { byte: self.byte, column: self.column }
    }

    fn error(&self, reason: ParseReason) -> ParseError {
        ParseError { at: self.position(), reason }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.byte..).unwrap_or_default()
    }

    /// Takes `part`, which the rest begins with.
    fn take(&mut self, part: &str) {
        self.byte += part.len();
        self.column += part.chars().count();
    }

    /// The longest beginning of the rest of which every character is as `wanted`.
    fn run(&self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        rest.split_at(rest.find(|c| !wanted(c)).unwrap_or(rest.len())).0
    }

    fn skip_blanks(&mut self) {
        let blanks = self.run(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
        self.take(blanks);
    }

    fn next(&mut self) -> Result<Lexeme, ParseError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Lexeme::End) };
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.run(is_word);
            self.take(word);
            return Ok(Lexeme::Word(word.to_owned()));
        }
        if first.is_ascii_digit() || first == '.' && rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit()) && !self.after_word() {
            return self.number();
        }
        match first {
            '\'' => return self.string(),
            '"' => return Err(self.error(ParseReason::DoubleQuotes)),
            _ => {}
        }
        if let Some((written, instead)) = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign)) {
            return Err(self.error(ParseReason::Operator { written, instead }));
        }
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => {
                self.take(sign);
                Ok(Lexeme::Sign(sign))
            }
            None => Err(self.error(ParseReason::Character { character: first })),
        }
    }

    /// Whether the place follows a name at once, so that a dot here goes down into it (`a.5`, which is then refused as a name).
    fn after_word(&self) -> bool {
        self.text.get(..self.byte).and_then(|before| before.chars().next_back()).is_some_and(is_word)
    }

    fn number(&mut self) -> Result<Lexeme, ParseError> {
        let rest = self.rest();
        let mut before = ' ';
        let length = rest
            .find(|c: char| {
                let in_number = is_word(c) || c == '.' || matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
                before = c;
                !in_number
            })
            .unwrap_or(rest.len());
        let text = rest.split_at(length).0;
        if crate::value::Number::parse(text).is_none() {
            return Err(self.error(ParseReason::Number { text: text.to_owned() }));
        }
        self.take(text);
        Ok(Lexeme::Number(text.to_owned()))
    }

    fn string(&mut self) -> Result<Lexeme, ParseError> {
        let mut content = String::new();
        let mut rest = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = rest.next() {
            if c != '\'' {
                content.push(c);
            } else if rest.next_if(|(_, next)| *next == '\'').is_some() {
                content.push('\'');
            } else {
                let literal = self.rest().split_at(at + 1).0;
                self.take(literal);
                return Ok(Lexeme::Text(content));
            }
        }
        Err(self.error(ParseReason::OpenString))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
