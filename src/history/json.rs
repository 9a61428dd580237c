//! JSON rows: one object each.

use std::io::BufRead;

use super::ReadLimits;
use super::framing::{Fault, Frame, Framer};
use super::parse::parse;
use super::read::{Handover, Stop, stop_of};
use crate::value::{Object, Value};

/// Deeper rows would be read, but not by everything that reads them later: serde_json stops here.
const NESTING_MAX: usize = 127;

/// Reads the rows of a JSON object.
pub(super) fn read(input: impl BufRead, limits: &ReadLimits, handover: &mut Handover<'_, '_>) -> Result<(), Stop> {
    let limits = ReadLimits { nesting_max: limits.nesting_max.min(NESTING_MAX), ..*limits };
    let mut framer = Framer::new(input, &limits);
    loop {
        let line = framer.next_line(|line| object(parse(line, limits.nesting_max).ok()?).ok());
        if let Some((offset, columns)) = line.map_err(|error| stop_of(error, handover.key()))? {
            handover.good(Some(offset), columns)?;
            continue;
        }
        let Some(frame) = framer.next().map_err(|error| stop_of(error, handover.key()))? else { break };
        match message(&frame, &limits) {
            Ok(columns) => handover.good(Some(frame.offset), columns)?,
            Err(reason) => handover.bad(Some(frame.offset), reason, frame.bytes)?,
        }
    }
    match framer.open_array() {
        Some(offset) => Err(Stop::Damage(format!("the array that begins at byte {offset} is not closed"))),
        None => Ok(()),
    }
}

fn message(frame: &Frame<'_>, limits: &ReadLimits) -> Result<Object, String> {
    match frame.fault {
        None => object(parse(frame.bytes, limits.nesting_max)?),
        Some(Fault::TooLong) => Err(format!("the row exceeds the limit of {} bytes", limits.row_bytes_max)),
        Some(Fault::TooDeep) => Err(format!("the row nests deeper than {} levels", limits.nesting_max)),
        Some(Fault::OpenString) => Err("a string is not closed on its line".to_owned()),
        Some(Fault::Mismatch) => Err("a bracket closes a brace, or a brace a bracket".to_owned()),
        Some(Fault::Open) => Err("the next row begins before this one is closed".to_owned()),
        Some(Fault::Cut) => Err("the object ends in the middle of this row".to_owned()),
    }
}

fn object(value: Value) -> Result<Object, String> {
    let article = match &value {
        Value::Object(_) | Value::Array(_) => "an ",
        Value::Null => "",
        _ => "a ",
    };
    match value {
        Value::Object(columns) => Ok(columns),
        other => Err(format!("a row is an object, and this is {article}{}", other.kind())),
    }
}
