//! The part of Java's DateTimeFormatter patterns that states an instant.
//!
//! Letters: `y` `u` year, `M` month, `d` day, `H` `k` hour of the day, `h` with `a` hour of the half day, `m` minute, `s`
//! second, `S` fraction, `n` nanosecond, `X` `x` `Z` offset, `z` the names UTC and GMT; quoted text, other characters as they
//! stand, and optional parts in brackets. Every other letter is refused by name when the pattern is read, so that no row
//! ever meets a pattern that is half understood. Without an offset a time is UTC; a time of day that is not stated is zero.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use super::Nanos;
use super::format::Unreadable;
use super::text::{Civil, Cursor};

/// A pattern that has been understood.
#[derive(Debug, Clone)]
pub struct JavaPattern {
    text: Arc<str>,
    parts: Arc<[Part]>,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternProblem {
    #[error("the pattern is empty")]
    Empty,
    #[error("the pattern has {0} characters; {PATTERN_CHARS_MAX} are the limit")]
    TooLong(usize),
    #[error("the letter `{0}` is not supported (known: y u M d H h k m s S n a X x Z z)")]
    Letter(char),
    #[error("`{0}` repeated {1} times is not supported")]
    Count(char, usize),
    #[error("`{0}` is reserved")]
    Reserved(char),
    #[error("a quote is not closed")]
    OpenQuote,
    #[error("a bracket is not closed, or closes what is not open")]
    Bracket,
    #[error("it states no {0}, so it is no instant")]
    Missing(&'static str),
    #[error("`h` needs `a`, for the half of the day")]
    HalfDay,
}

/// The service takes 50 (facts: custom partitions).
const PATTERN_CHARS_MAX: usize = 256;

/// A number wider than this overflows every field.
const DIGITS_MAX: usize = 9;

/// One part of a pattern. For whoever writes the pattern in another language; texts are read by [`super::TimeFormat`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Literal(String),
    /// `reserve`: digits that belong to the fixed-width numbers right behind it (`yMMdd`).
    Number {
        field: Field,
        digits_min: usize,
        digits_max: usize,
        reserve: usize,
    },
    /// Exactly so many digits of a fraction.
    Fraction(usize),
    HalfDay,
    Offset {
        zulu: bool,
        colon: bool,
        minutes: Presence,
        seconds: Presence,
    },
    ZoneName,
    Optional(Vec<Self>),
}

/// Whether a part of an offset is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Never,
    Optional,
    Always,
}

/// What a number of a pattern states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Year,
    /// Two digits, 2000 to 2099.
    ShortYear,
    Month,
    Day,
    Hour,
    /// 1 to 24.
    ClockHour,
    /// 1 to 12.
    HalfHour,
    Minute,
    Second,
    Nano,
}

impl JavaPattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Result<Self, PatternProblem> {
        let length = text.chars().count();
        match length {
            0 => return Err(PatternProblem::Empty),
            _ if length > PATTERN_CHARS_MAX => return Err(PatternProblem::TooLong(length)),
            _ => {}
        }
        let mut chars = text.chars().peekable();
        let mut parts = parts(&mut chars, 0)?;
        reserve_digits(&mut parts);
        for (name, fields) in [("year", [Field::Year, Field::ShortYear]), ("month", [Field::Month; 2]), ("day", [Field::Day; 2])] {
            if !states(&parts, &|part| matches!(part, Part::Number { field, .. } if fields.contains(field))) {
                return Err(PatternProblem::Missing(name));
            }
        }
        let half_hours = states(&parts, &|part| matches!(part, Part::Number { field: Field::HalfHour, .. }));
        if half_hours && !states(&parts, &|part| *part == Part::HalfDay) {
            return Err(PatternProblem::HalfDay);
        }
        Ok(Self { text: text.into(), parts: parts.into() })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern as it was understood.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The instant that `text` states.
    pub(super) fn read(&self, text: &str) -> Result<Nanos, Unreadable> {
        let mut cursor = Cursor(text.as_bytes());
        let mut fields = Fields::default();
        read_parts(&self.parts, &mut cursor, &mut fields).filter(|()| cursor.0.is_empty()).ok_or(Unreadable::Text)?;
        fields.civil().ok_or(Unreadable::Text)?.instant()
    }
}

impl PartialEq for JavaPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for JavaPattern {}

impl Hash for JavaPattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for JavaPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads parts up to the end, or to the bracket that closes this level.
fn parts(chars: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Vec<Part>, PatternProblem> {
    let mut parts = Vec::new();
    while let Some(c) = chars.next() {
        match c {
            '\'' => push_literal(&mut parts, &quoted(chars)?),
            '[' => parts.push(Part::Optional(self::parts(chars, depth + 1)?)),
            ']' if depth > 0 => return Ok(parts),
            ']' => return Err(PatternProblem::Bracket),
            '{' | '}' | '#' => return Err(PatternProblem::Reserved(c)),
            c if c.is_ascii_alphabetic() => {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                parts.push(letters(c, count)?);
            }
            c => push_literal(&mut parts, c.encode_utf8(&mut [0; 4])),
        }
    }
    if depth > 0 { Err(PatternProblem::Bracket) } else { Ok(parts) }
}

/// The text up to the closing quote; `''` is one quote, inside and outside.
fn quoted(chars: &mut Peekable<Chars<'_>>) -> Result<String, PatternProblem> {
    if chars.next_if_eq(&'\'').is_some() {
        return Ok("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match chars.next().ok_or(PatternProblem::OpenQuote)? {
            '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return Ok(text),
            c => text.push(c),
        }
    }
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Literal(before)) => before.push_str(text),
        _ => parts.push(Part::Literal(text.to_owned())),
    }
}

/// What a run of one letter means (java.time.format.DateTimeFormatterBuilder.appendPattern).
fn letters(letter: char, count: usize) -> Result<Part, PatternProblem> {
    use Presence::{Always, Never, Optional};
    let refuse = Err(PatternProblem::Count(letter, count));
    let number = |field, digits_min, digits_max| Ok(Part::Number { field, digits_min, digits_max, reserve: 0 });
    let field = match letter {
        'y' | 'u' => {
            return match count {
                2 => number(Field::ShortYear, 2, 2),
                // Four letters and more: exactly so many digits, as a longer year would need a plus sign.
                4..=DIGITS_MAX => number(Field::Year, count, count),
                1 | 3 => number(Field::Year, count, DIGITS_MAX),
                _ => refuse,
            };
        }
        'n' if count <= DIGITS_MAX => return number(Field::Nano, count, DIGITS_MAX),
        'S' if count <= 9 => return Ok(Part::Fraction(count)),
        'a' if count == 1 => return Ok(Part::HalfDay),
        'z' if count <= 4 => return Ok(Part::ZoneName),
        'X' | 'x' => {
            let zulu = letter == 'X';
            let (colon, minutes, seconds) = match count {
                1 => (false, Optional, Never),
                2 => (false, Always, Never),
                3 => (true, Always, Never),
                4 => (false, Always, Optional),
                5 => (true, Always, Optional),
                _ => return refuse,
            };
            return Ok(Part::Offset { zulu, colon, minutes, seconds });
        }
        'Z' if count <= 3 => return Ok(Part::Offset { zulu: false, colon: false, minutes: Always, seconds: Never }),
        'Z' if count == 5 => return Ok(Part::Offset { zulu: true, colon: true, minutes: Always, seconds: Optional }),
        'M' => Field::Month,
        'd' => Field::Day,
        'H' => Field::Hour,
        'k' => Field::ClockHour,
        'h' => Field::HalfHour,
        'm' => Field::Minute,
        's' => Field::Second,
        'n' | 'S' | 'a' | 'z' | 'Z' => return refuse,
        _ => return Err(PatternProblem::Letter(letter)),
    };
    match count {
        1 => number(field, 1, DIGITS_MAX),
        2 => number(field, 2, 2),
        // Three letters are a month's name, which depends on a locale.
        _ => refuse,
    }
}

/// A number of open width leaves the digits of the fixed numbers right behind it alone.
fn reserve_digits(parts: &mut [Part]) {
    let mut behind = 0;
    for part in parts.iter_mut().rev() {
        match part {
            Part::Number { digits_min, digits_max, reserve, .. } => {
                if digits_min == digits_max {
                    behind += *digits_max;
                } else {
                    *reserve = behind;
                    behind = 0;
                }
            }
            Part::Fraction(digits) => behind += *digits,
            Part::Optional(inner) => {
                reserve_digits(inner);
                behind = 0;
            }
            _ => behind = 0,
        }
    }
}

fn states(parts: &[Part], is: &dyn Fn(&Part) -> bool) -> bool {
    parts.iter().any(|part| is(part) || matches!(part, Part::Optional(inner) if states(inner, is)))
}

/// What has been read so far.
#[derive(Debug, Clone, Copy, Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    half_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nanos: Option<i64>,
    offset_seconds: Option<i64>,
}

impl Fields {
    fn set(&mut self, field: Field, value: i64) -> Option<()> {
        match field {
            Field::Year => state(&mut self.year, value),
            Field::ShortYear => state(&mut self.year, 2000 + value),
            Field::Month => state(&mut self.month, value),
            Field::Day => state(&mut self.day, value),
            Field::Hour => state(&mut self.hour, value),
            Field::ClockHour if (1..=24).contains(&value) => state(&mut self.hour, value % 24),
            Field::HalfHour if (1..=12).contains(&value) => state(&mut self.half_hour, value % 12),
            Field::ClockHour | Field::HalfHour => None,
            Field::Minute => state(&mut self.minute, value),
            Field::Second => state(&mut self.second, value),
            Field::Nano => state(&mut self.nanos, value),
        }
    }

    fn civil(mut self) -> Option<Civil> {
        if let (Some(half_hour), Some(afternoon)) = (self.half_hour, self.afternoon) {
            state(&mut self.hour, half_hour + if afternoon { 12 } else { 0 })?;
        }
        if let (Some(hour), Some(afternoon)) = (self.hour, self.afternoon)
            && (hour >= 12) != afternoon
        {
            return None;
        }
        Some(Civil {
            year: self.year?,
            month: self.month?,
            day: self.day?,
            hour: self.hour.unwrap_or(0),
            minute: self.minute.unwrap_or(0),
            second: self.second.unwrap_or(0),
            nanos: self.nanos.unwrap_or(0),
            offset_seconds: self.offset_seconds.unwrap_or(0),
        })
    }
}

/// Notes `value`, unless another one was stated before.
fn state<T: PartialEq + Copy>(slot: &mut Option<T>, value: T) -> Option<()> {
    (*slot.get_or_insert(value) == value).then_some(())
}

fn read_parts(parts: &[Part], cursor: &mut Cursor<'_>, fields: &mut Fields) -> Option<()> {
    for part in parts {
        match part {
            Part::Literal(text) => cursor.eat_text(text)?,
            Part::Number { field, digits_min, digits_max, reserve } => {
                let digits = cursor.run().saturating_sub(*reserve).min(*digits_max);
                if digits < *digits_min {
                    return None;
                }
                let value = cursor.digits(digits)?;
                fields.set(*field, value)?;
            }
            Part::Fraction(digits) => {
                let value = cursor.digits(*digits)?;
                let missing = u32::try_from(9 - digits).ok()?;
                state(&mut fields.nanos, value * 10_i64.pow(missing))?;
            }
            Part::HalfDay => {
                let afternoon = cursor.eat(b"AaPp")?.eq_ignore_ascii_case(&b'p');
                cursor.eat(b"Mm")?;
                state(&mut fields.afternoon, afternoon)?;
            }
            Part::Offset { zulu, colon, minutes, seconds } => {
                let offset = read_offset(cursor, *zulu, *colon, *minutes, *seconds)?;
                state(&mut fields.offset_seconds, offset)?;
            }
            Part::ZoneName => {
                let name = cursor.0.get(..3)?;
                if !name.eq_ignore_ascii_case(b"UTC") && !name.eq_ignore_ascii_case(b"GMT") {
                    return None;
                }
                cursor.0 = cursor.0.get(3..)?;
                state(&mut fields.offset_seconds, 0)?;
            }
            Part::Optional(inner) => {
                let (before, fields_before) = (*cursor, *fields);
                if read_parts(inner, cursor, fields).is_none() {
                    *cursor = before;
                    *fields = fields_before;
                }
            }
        }
    }
    Some(())
}

fn read_offset(cursor: &mut Cursor<'_>, zulu: bool, colon: bool, minutes: Presence, seconds: Presence) -> Option<i64> {
    if zulu && cursor.eat(b"Z").is_some() {
        return Some(0);
    }
    let sign = if cursor.eat(b"+-")? == b'-' { -1 } else { 1 };
    let hours = cursor.digits(2)?;
    let mut next = |presence| -> Option<i64> {
        let here = if colon { cursor.0.first() == Some(&b':') } else { cursor.run() >= 2 };
        match presence {
            Presence::Never => return Some(0),
            Presence::Optional if !here => return Some(0),
            Presence::Always if !here => return None,
            Presence::Optional | Presence::Always => {}
        }
        if colon {
            cursor.eat(b":")?;
        }
        cursor.digits(2)
    };
    let (minutes, seconds) = (next(minutes)?, next(seconds)?);
    (hours <= 18 && minutes < 60 && seconds < 60).then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

#[cfg(test)]
#[path = "java_tests.rs"]
mod tests;
