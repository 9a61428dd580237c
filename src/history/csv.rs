//! CSV as Athena writes it, and with it every delivered dataset: a header, all fields quoted, `""` for a quote inside, line ends and
//! commas inside quotes. An empty field without quotes is null, `""` is the empty string, and everything else is text.
//!
//! The `csv` crate does not tell a quoted field from a bare one, hence a splitter of our own.

use std::collections::BTreeSet;
use std::io::{self, BufRead};

use super::read::{Handover, Stop, shown, stop_of};
use super::{RAW_EXCERPT_BYTES_MAX, ReadLimits};
use crate::value::{Object, Value};

const BOM: &[u8] = &[0xef, 0xbb, 0xbf];

/// Reads the rows of a CSV object. Rows are numbered from the one after the header.
pub(super) fn read(input: impl BufRead, limits: &ReadLimits, handover: &mut Handover<'_, '_>) -> Result<(), Stop> {
    let mut records = Records { input, row_bytes_max: limits.row_bytes_max, offset: 0, held: Vec::new() };
    let columns = loop {
        let Some(header) = records.next().map_err(|error| stop_of(error, handover.key()))? else { return Ok(()) };
        let text = header.bytes.strip_prefix(BOM).unwrap_or(header.bytes);
        if header.fault.is_some() || !text.is_empty() {
            break header_columns(text, header.fault, limits).map_err(Stop::Damage)?;
        }
    };
    while let Some(record) = records.next().map_err(|error| stop_of(error, handover.key()))? {
        // A blank line is a null where there is one column, and nothing where there are more.
        if columns.len() > 1 && record.fault.is_none() && record.bytes.is_empty() {
            continue;
        }
        match row(&record, &columns, limits) {
            Ok(columns) => handover.good(Some(record.offset), columns)?,
            Err(reason) => handover.bad(Some(record.offset), reason, record.bytes)?,
        }
    }
    Ok(())
}

fn header_columns(text: &[u8], fault: Option<Fault>, limits: &ReadLimits) -> Result<Vec<String>, String> {
    let fields = fields(text, fault, limits).map_err(|reason| format!("the header cannot be read: {reason}"))?;
    let mut seen = BTreeSet::new();
    for (at, name) in (1..).zip(&fields) {
        match name.as_deref() {
            None | Some("") => return Err(format!("column {at} of the header has no name")),
            Some(name) if !seen.insert(name) => return Err(format!("two columns of the header are called `{}`", shown(name))),
            Some(_) => {}
        }
    }
    Ok(fields.into_iter().flatten().collect())
}

fn row(record: &Record<'_>, columns: &[String], limits: &ReadLimits) -> Result<Object, String> {
    let fields = fields(record.bytes, record.fault, limits)?;
    if fields.len() != columns.len() {
        return Err(format!("the row has {} fields, and the header has {}", fields.len(), columns.len()));
    }
    let value = |field: Option<String>| field.map_or(Value::Null, Value::String);
    Ok(columns.iter().cloned().zip(fields.into_iter().map(value)).collect())
}

/// The fields of a record; `None` is an empty one without quotes.
fn fields(bytes: &[u8], fault: Option<Fault>, limits: &ReadLimits) -> Result<Vec<Option<String>>, String> {
    match fault {
        None => {}
        Some(Fault::TooLong) => return Err(format!("the row exceeds the limit of {} bytes", limits.row_bytes_max)),
        Some(Fault::AfterQuote) => return Err("something follows a closing quote".to_owned()),
        Some(Fault::OpenQuote { bytes, lines }) => {
            return Err(format!("a quote is never closed: the last {bytes} bytes of the object, {lines} lines, are this one row"));
        }
    }
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8 from byte {} of the row on", error.valid_up_to()))?;
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted),
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                ((!field.is_empty()).then(|| field.to_owned()), after)
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

/// The field whose opening quote stands before `text`, and what follows its closing quote.
fn quoted_field(text: &str) -> (Option<String>, &str) {
    let mut field = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('"') {
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(inside) => {
                field.push('"');
                rest = inside;
            }
            None => return (Some(field), after),
        }
    }
    // Not reached: a record whose quotes do not close is at fault.
    field.push_str(rest);
    (Some(field), "")
}

/// One line, or several where quotes hold line ends, without the line end that closes it.
struct Record<'a> {
    offset: u64,
    bytes: &'a [u8],
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    TooLong,
    AfterQuote,
    OpenQuote { bytes: u64, lines: u64 },
}

/// Where in a record the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldBegins,
    Bare,
    Quoted,
    /// After a quote inside quotes: the end of the field, or the first half of `""`.
    Quote,
}

struct Records<R> {
    input: R,
    row_bytes_max: usize,
    /// Of the next byte.
    offset: u64,
    held: Vec<u8>,
}

impl<R: BufRead> Records<R> {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// Those of the input. A record that they interrupt is not handed on.
    fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        self.held.clear();
        if self.held.capacity() > 1024 * 1024 {
            self.held.shrink_to(64 * 1024);
        }
        let begin = self.offset;
        let mut state = State::FieldBegins;
        let mut fault = None;
        let mut lines = 1_u64;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok([]) => break,
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mut end = None;
            for (at, &byte) in chunk.iter().enumerate().skip(mark_bytes(self.offset, &self.held, chunk)) {
                if byte == b'\n' {
                    if state != State::Quoted {
                        end = Some(at);
                        break;
                    }
                    lines += 1;
                }
                state = follow(state, byte, &mut fault);
            }
            let bytes = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or(chunk);
            hold(&mut self.held, bytes, self.row_bytes_max, &mut fault);
            let consumed = bytes.len() + usize::from(end.is_some());
            self.input.consume(consumed);
            self.offset = self.offset.saturating_add(u64::try_from(consumed).unwrap_or(u64::MAX));
            if end.is_some() {
                return Ok(Some(Self::record(&self.held, begin, fault)));
            }
        }
        if self.offset == begin {
            return Ok(None);
        }
        if state == State::Quoted {
            fault = Some(Fault::OpenQuote { bytes: self.offset - begin, lines });
        }
        Ok(Some(Self::record(&self.held, begin, fault)))
    }

    fn record(held: &[u8], offset: u64, fault: Option<Fault>) -> Record<'_> {
        Record { offset, bytes: held.strip_suffix(b"\r").unwrap_or(held), fault }
    }
}

/// How many of the bytes at hand belong to the byte order mark: a quote right after it opens a field. `held` is what stands
/// before them in the first record.
fn mark_bytes(offset: u64, held: &[u8], chunk: &[u8]) -> usize {
    let begins = usize::try_from(offset).is_ok_and(|offset| offset == held.len());
    let left = BOM.strip_prefix(held).filter(|_| begins).unwrap_or_default();
    left.iter().zip(chunk).take_while(|(mark, byte)| mark == byte).count()
}

fn follow(state: State, byte: u8, fault: &mut Option<Fault>) -> State {
    match (state, byte) {
        (State::Quoted, b'"') => State::Quote,
        (State::Quoted, _) | (State::FieldBegins | State::Quote, b'"') => State::Quoted,
        (_, b',') => State::FieldBegins,
        // The first half of the line end.
        (State::Quote, b'\r') => State::Quote,
        (State::Quote, _) => {
            *fault = fault.or(Some(Fault::AfterQuote));
            State::Bare
        }
        (State::FieldBegins | State::Bare, _) => State::Bare,
    }
}

/// Keeps a record's bytes up to the limit, and of one that exceeds it only what a person is shown.
fn hold(held: &mut Vec<u8>, bytes: &[u8], row_bytes_max: usize, fault: &mut Option<Fault>) {
    if held.len() + bytes.len() > row_bytes_max {
        *fault = Some(Fault::TooLong);
    }
    let kept = match fault {
        Some(Fault::TooLong) => bytes.len().min(RAW_EXCERPT_BYTES_MAX.saturating_sub(held.len())),
        _ => bytes.len(),
    };
    held.extend_from_slice(bytes.get(..kept).unwrap_or_default());
}
