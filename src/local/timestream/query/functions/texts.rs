//! Functions of strings. Positions and lengths count Unicode code points.

use rusqlite::types::Value;
use rusqlite::{Connection, functions::Context};

use super::{Fault, integer, scalar, text};

/// Bytes of a string that a function may build: enough for a row of a thousand of the longest values there can be.
const TEXT_BYTES_MAX: usize = 4 << 20;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    scalar(connection, "length", |c| count(text(c, 0)?.chars().count()))?;
    scalar(connection, "lower", |c| bounded(text(c, 0)?.to_lowercase()))?;
    scalar(connection, "upper", |c| bounded(text(c, 0)?.to_uppercase()))?;
    scalar(connection, "trim", |c| bounded(text(c, 0)?.trim().to_owned()))?;
    scalar(connection, "ltrim", |c| bounded(text(c, 0)?.trim_start().to_owned()))?;
    scalar(connection, "rtrim", |c| bounded(text(c, 0)?.trim_end().to_owned()))?;
    scalar(connection, "reverse", |c| bounded(text(c, 0)?.chars().rev().collect()))?;
    scalar(connection, "concat", concat)?;
    scalar(connection, "substr", substr)?;
    scalar(connection, "replace", replace)?;
    scalar(connection, "strpos", |c| {
        let all = text(c, 0)?;
        match all.find(text(c, 1)?) {
            Some(start) => count(all[..start].chars().count() + 1),
            None => count(0),
        }
    })?;
    scalar(connection, "split_part", split_part)?;
    scalar(connection, "lpad", |c| padded(c, true))?;
    scalar(connection, "rpad", |c| padded(c, false))?;
    scalar(connection, "chr", |c| {
        let code = integer(c, 0)?;
        let character = u32::try_from(code).ok().and_then(char::from_u32);
        character.map(|it| Value::Text(it.to_string())).ok_or_else(|| format!("Not a valid Unicode code point: {code}"))
    })?;
    scalar(connection, "like", like)
}

fn count(value: usize) -> Result<Value, Fault> {
    i64::try_from(value).map(Value::Integer).map_err(|_| "a length beyond bigint".to_owned())
}

fn bounded(value: String) -> Result<Value, Fault> {
    if value.len() > TEXT_BYTES_MAX { Err(too_long()) } else { Ok(Value::Text(value)) }
}

fn too_long() -> Fault {
    format!("a varchar of more than {TEXT_BYTES_MAX} bytes")
}

fn concat(c: &Context<'_>) -> Result<Value, Fault> {
    let mut joined = String::new();
    for index in 0..c.len() {
        joined.push_str(text(c, index)?);
        if joined.len() > TEXT_BYTES_MAX {
            return Err(too_long());
        }
    }
    Ok(Value::Text(joined))
}

/// Presto's substr: positions from 1, from the end when negative, nothing at 0.
fn substr(c: &Context<'_>) -> Result<Value, Fault> {
    let all = text(c, 0)?;
    let start = integer(c, 1)?;
    let wanted = if c.len() > 2 { integer(c, 2)? } else { i64::MAX };
    let length = i64::try_from(all.chars().count()).unwrap_or(i64::MAX);
    let from = if start < 0 { length.saturating_add(start) } else { start - 1 };
    if start == 0 || from < 0 || wanted <= 0 {
        return Ok(Value::Text(String::new()));
    }
    let (skip, take) = (usize::try_from(from).unwrap_or(usize::MAX), usize::try_from(wanted).unwrap_or(usize::MAX));
    bounded(all.chars().skip(skip).take(take).collect())
}

fn replace(c: &Context<'_>) -> Result<Value, Fault> {
    let (all, part) = (text(c, 0)?, text(c, 1)?);
    let by = if c.len() > 2 { text(c, 2)? } else { "" };
    let found = all.matches(part).count();
    let grown = all.len().saturating_add(found.saturating_mul(by.len()));
    if grown > TEXT_BYTES_MAX {
        return Err(too_long());
    }
    bounded(all.replace(part, by))
}

fn split_part(c: &Context<'_>) -> Result<Value, Fault> {
    let (all, delimiter, position) = (text(c, 0)?, text(c, 1)?, integer(c, 2)?);
    let index = usize::try_from(position).ok().and_then(|position| position.checked_sub(1));
    let index = index.ok_or_else(|| "Index must be greater than zero".to_owned())?;
    if delimiter.is_empty() {
        // Every character is a field of its own.
        return Ok(all.chars().nth(index).map_or(Value::Null, |it| Value::Text(it.to_string())));
    }
    Ok(all.split(delimiter).nth(index).map_or(Value::Null, |part| Value::Text(part.to_owned())))
}

fn padded(c: &Context<'_>, left: bool) -> Result<Value, Fault> {
    let (all, size, pad) = (text(c, 0)?, integer(c, 1)?, text(c, 2)?);
    let size = usize::try_from(size).ok().filter(|size| *size <= TEXT_BYTES_MAX / 4);
    let size = size.ok_or_else(|| "Target length must be in the range [0..1048576]".to_owned())?;
    if pad.is_empty() {
        return Err("Padding string must not be empty".to_owned());
    }
    let kept: String = all.chars().take(size).collect();
    let padding: String = pad.chars().cycle().take(size.saturating_sub(all.chars().count())).collect();
    bounded(if left { padding + &kept } else { kept + &padding })
}

/// One element of a LIKE pattern.
enum Pattern {
    Any,
    One,
    Char(char),
}

fn like(c: &Context<'_>) -> Result<Value, Fault> {
    let escape = if c.len() > 2 { text(c, 2)? } else { "" };
    let mut escapes = escape.chars();
    let escape = escapes.next();
    if escapes.next().is_some() || (c.len() > 2 && escape.is_none()) {
        return Err("Escape string must be a single character".to_owned());
    }
    let pattern = read_pattern(text(c, 1)?, escape)?;
    let all: Vec<char> = text(c, 0)?.chars().collect();
    Ok(Value::Integer(i64::from(is_like(&all, &pattern))))
}

fn read_pattern(pattern: &str, escape: Option<char>) -> Result<Vec<Pattern>, Fault> {
    let mut elements = Vec::new();
    let mut chars = pattern.chars();
    while let Some(it) = chars.next() {
        elements.push(match it {
            _ if Some(it) == escape => match chars.next() {
                Some(literal) if matches!(literal, '%' | '_') || Some(literal) == escape => Pattern::Char(literal),
                _ => return Err("Escape character must be followed by '%', '_' or the escape character itself".to_owned()),
            },
            '%' => Pattern::Any,
            '_' => Pattern::One,
            _ => Pattern::Char(it),
        });
    }
    Ok(elements)
}

/// Goes back to the last `%` only, so the time is at most the product of both lengths.
fn is_like(all: &[char], pattern: &[Pattern]) -> bool {
    let (mut at, mut element) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < all.len() {
        let fits = match pattern.get(element) {
            Some(Pattern::Any) => {
                retry = Some((at, element + 1));
                element += 1;
                continue;
            }
            Some(Pattern::One) => true,
            Some(Pattern::Char(it)) => all.get(at) == Some(it),
            None => false,
        };
        if fits {
            (at, element) = (at + 1, element + 1);
        } else if let Some((start, after)) = retry {
            retry = Some((start + 1, after));
            (at, element) = (start + 1, after);
        } else {
            return false;
        }
    }
    pattern.iter().skip(element).all(|rest| matches!(rest, Pattern::Any))
}
