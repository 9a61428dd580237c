//! Functions of varbinary.

use std::fmt::Write as _;

use rusqlite::Connection;
use rusqlite::types::Value;
use xxhash_rust::xxh64::xxh64;

use super::{blob, integer, scalar, text};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    scalar(connection, "xxhash64", |c| Ok(Value::Blob(xxh64(blob(c, 0)?, 0).to_be_bytes().to_vec())))?;
    scalar(connection, "from_big_endian_64", |c| {
        let bytes = blob(c, 0)?;
        let word = <[u8; 8]>::try_from(bytes).map_err(|_| format!("expected 8-byte input, but got instead: {}", bytes.len()))?;
        Ok(Value::Integer(i64::from_be_bytes(word)))
    })?;
    scalar(connection, "to_big_endian_64", |c| Ok(Value::Blob(integer(c, 0)?.to_be_bytes().to_vec())))?;
    scalar(connection, "to_hex", |c| {
        let bytes = blob(c, 0)?;
        let mut digits = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            // Writing to a String cannot fail.
            write!(digits, "{byte:02X}").unwrap_or_default();
        }
        Ok(Value::Text(digits))
    })?;
    scalar(connection, "from_hex", |c| {
        let digits = text(c, 0)?;
        read_hex(digits).map(Value::Blob).ok_or_else(|| "a text that is not hexadecimal".to_owned())
    })?;
    scalar(connection, "to_utf8", |c| Ok(Value::Blob(text(c, 0)?.as_bytes().to_vec())))
}

/// Bytes from pairs of hexadecimal digits.
pub(in super::super) fn read_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
            }
            _ => None,
        })
        .collect()
}
