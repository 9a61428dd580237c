//! Cuts a stream of JSON into rows without decoding it: memory holds one row, never the object.
//!
//! Rows are the values one after the other, on lines of their own or not, and the elements of arrays that begin at the top. White
//! space and commas between rows mean nothing. What is not JSON is cut so that as little as possible is lost, and so that no
//! part of a broken row is ever taken for a row:
//!
//! - When the first line that holds anything is complete by itself, rows are taken to be lines. A row that is wrong then ends with its
//!   line, and a line that begins with `{` or `[` no further right than the line of the open row begins a new one.
//! - Otherwise rows span lines, and a row that is wrong ends before the next line that begins with `{` no further right than the line
//!   on which the row began. A `{` there is also where an open row turns out to be wrong, if no value can stand there.
//!
//! Valid JSON is never cut by either rule as long as nested objects are indented or stay on the line of their key.

use std::io::{self, BufRead};

use memchr::{memchr, memchr3};

use super::{RAW_EXCERPT_BYTES_MAX, ReadLimits};

/// Containers deeper than this are only counted: which of them are arrays is not kept.
const KINDS_KEPT: usize = 128;

/// The bytes of one row.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// Where it begins in the stream.
    pub(super) offset: u64,
    /// The whole row, or its beginning if it is at fault.
    pub(super) bytes: &'a [u8],
    pub(super) fault: Option<Fault>,
}

/// Why a row need not be decoded: it cannot be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    TooLong,
    TooDeep,
    /// A string runs into the end of its line.
    OpenString,
    /// `}` closes `[`, or the other way round.
    Mismatch,
    /// The next row begins before this one is closed.
    Open,
    /// The stream ends before this row does.
    Cut,
}

/// Cuts `input` into rows.
pub(super) struct Framer<R> {
    input: R,
    limits: ReadLimits,
    cutter: Cutter,
    held: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> Framer<R> {
    pub(super) fn new(input: R, limits: &ReadLimits) -> Self {
        Self { input, limits: *limits, cutter: Cutter::new(limits.nesting_max), held: Vec::new(), ended: false }
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// Those of the input. A row that they interrupt is not handed on.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame<'_>>> {
        self.held.clear();
        if self.held.capacity() > 1024 * 1024 {
            self.held.shrink_to(64 * 1024);
        }
        loop {
            let chunk = match self.input.fill_buf() {
                Ok([]) => return Ok(self.finish()),
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mut at = 0;
            let mut row = None;
            while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
                let step = self.cutter.step(rest);
                if step.belongs {
                    let bytes = rest.get(..step.length).unwrap_or(rest);
                    hold(&mut self.held, bytes, &mut self.cutter, &self.limits);
                }
                at += step.length;
                if step.ends {
                    row = self.cutter.open.take();
                    break;
                }
            }
            self.input.consume(at);
            if let Some(row) = row {
                return Ok(Some(Frame { offset: row.offset, bytes: &self.held, fault: row.fault }));
            }
        }
    }

    /// In a file of lines, decodes the next line if all of it is at hand and `decode` can make a whole row of it: most rows are
    /// like that, and need not be looked at byte by byte first. `None` says nothing about the line; [`Framer::next`] cuts it.
    ///
    /// # Errors
    /// Those of the input.
    pub(super) fn next_line<T>(&mut self, decode: impl FnOnce(&[u8]) -> Option<T>) -> io::Result<Option<(u64, T)>> {
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
                Err(error) => return Err(error),
            };
            if self.cutter.open.is_some() || !matches!(chunk.first(), Some(b'\n' | b'\r')) {
                break;
            }
            // What is left of the line before.
            let step = self.cutter.step(chunk);
            self.input.consume(step.length);
        }
        if self.cutter.lines != Some(true) || self.cutter.array.is_some() || self.cutter.column > 0 {
            return Ok(None);
        }
        let chunk = self.input.fill_buf()?;
        let line = memchr(b'\n', chunk).and_then(|end| chunk.get(..end));
        let Some(line) = line.filter(|line| line.len() <= self.limits.row_bytes_max && line.first() == Some(&b'{')) else {
            return Ok(None);
        };
        let Some(decoded) = decode(line) else { return Ok(None) };
        let (offset, length) = (self.cutter.offset, line.len() + 1);
        self.cutter.offset = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        self.input.consume(length);
        Ok(Some((offset, decoded)))
    }

    fn finish(&mut self) -> Option<Frame<'_>> {
        self.ended = true;
        let row = self.cutter.open.take()?;
        let cut = row.depth > 0 || row.in_string;
        self.cutter.ended_inside = true;
        Some(Frame { offset: row.offset, bytes: &self.held, fault: row.fault.or(cut.then_some(Fault::Cut)) })
    }

    /// Where the array began that was still open when the stream ended, if no row shows that already.
    pub(super) fn open_array(&self) -> Option<u64> {
        self.cutter.array.filter(|_| self.ended && !self.cutter.ended_inside)
    }
}

/// Keeps a row's bytes up to the limit, and of a row at fault only what a person is shown.
fn hold(held: &mut Vec<u8>, bytes: &[u8], cutter: &mut Cutter, limits: &ReadLimits) {
    let Some(row) = &mut cutter.open else { return };
    if row.fault.is_none() && held.len() + bytes.len() > limits.row_bytes_max {
        row.fault = Some(Fault::TooLong);
    }
    let kept = match row.fault {
        None => bytes.len(),
        Some(_) => bytes.len().min(RAW_EXCERPT_BYTES_MAX.saturating_sub(held.len())),
    };
    held.extend_from_slice(bytes.get(..kept).unwrap_or_default());
}

/// What the next bytes are.
struct Step {
    length: usize,
    /// They belong to the open row.
    belongs: bool,
    /// The open row ends after them (before what follows, when there are none).
    ends: bool,
}

impl Step {
    const BETWEEN: Self = Self { length: 1, belongs: false, ends: false };
    const TAKE: Self = Self { length: 1, belongs: true, ends: false };
    const TAKE_AND_END: Self = Self { length: 1, belongs: true, ends: true };
    const END_BEFORE: Self = Self { length: 0, belongs: false, ends: true };
}

/// A row whose end has not been seen.
struct OpenRow {
    offset: u64,
    /// Where its line began to hold anything: the column.
    indent: u64,
    scalar: bool,
    depth: usize,
    /// Bit n: the container at depth n+1 is an array.
    arrays: u128,
    in_string: bool,
    escaped: bool,
    /// The last byte outside of strings that is no white space.
    last: u8,
    /// Its first line has ended.
    spans_lines: bool,
    /// Nothing in it counts any more; look for the next row only.
    lost: bool,
    fault: Option<Fault>,
}

struct Cutter {
    nesting_max: usize,
    offset: u64,
    column: u64,
    /// Column of the first byte on this line that is no white space, once there was one.
    indent: Option<u64>,
    /// Rows are lines. Unknown until the first line that holds anything has ended.
    lines: Option<bool>,
    begun: bool,
    /// Where the open top-level array begins.
    array: Option<u64>,
    open: Option<OpenRow>,
    ended_inside: bool,
}

impl Cutter {
    fn new(nesting_max: usize) -> Self {
        Self { nesting_max, offset: 0, column: 0, indent: None, lines: None, begun: false, array: None, open: None, ended_inside: false }
    }

    /// Looks at `rest`, which is not empty.
    fn step(&mut self, rest: &[u8]) -> Step {
        let Some(&byte) = rest.first() else { return Step::END_BEFORE };
        let step = match &mut self.open {
            None => self.between(byte),
            Some(row) if row.lost => self.lost(byte),
            Some(row) if row.in_string => self.in_string(rest),
            Some(row) if row.scalar => self.scalar(byte),
            Some(_) => self.container(byte),
        };
        if step.length > 0 {
            self.advance(byte, step.length);
        }
        step
    }

    fn advance(&mut self, byte: u8, length: usize) {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(length);
        if byte == b'\n' {
            self.column = 0;
            self.indent = None;
        } else {
            if self.indent.is_none() && !byte.is_ascii_whitespace() {
                self.indent = Some(self.column);
            }
            self.column = self.column.saturating_add(length);
        }
    }

    fn between(&mut self, byte: u8) -> Step {
        match byte {
            b'\n' => {
                if self.begun && self.lines.is_none() {
                    self.lines = Some(self.array.is_none());
                }
                return Step::BETWEEN;
            }
            b' ' | b'\t' | b'\r' | b',' => return Step::BETWEEN,
            // The byte order mark, which may only stand at the beginning.
            0xef | 0xbb | 0xbf if self.offset < 3 && !self.begun => {
                return Step::BETWEEN;
            }
            _ => self.begun = true,
        }
        let line_begins = self.indent.is_none();
        match byte {
            b']' if self.array.is_some() => self.array = None,
            // In a file of lines, an array that was never closed ended with its line.
            b'[' if self.array.is_none() || (line_begins && self.lines == Some(true)) => self.array = Some(self.offset),
            _ => {
                self.begin(byte);
                return Step::TAKE;
            }
        }
        Step::BETWEEN
    }

    fn begin(&mut self, byte: u8) {
        let container = matches!(byte, b'{' | b'[');
        self.open = Some(OpenRow {
            offset: self.offset,
            indent: self.indent.unwrap_or(self.column),
            scalar: !container,
            depth: usize::from(container),
            arrays: u128::from(byte == b'['),
            in_string: byte == b'"',
            escaped: false,
            last: byte,
            spans_lines: false,
            lost: false,
            fault: (container && self.nesting_max == 0).then_some(Fault::TooDeep),
        });
    }

    /// Marks the open row as wrong and looks for its end.
    fn lose(&mut self, fault: Fault, byte: u8) -> Step {
        if let Some(row) = &mut self.open {
            row.fault = row.fault.or(Some(fault));
            row.lost = true;
            row.in_string = false;
        }
        self.lost(byte)
    }

    fn lost(&mut self, byte: u8) -> Step {
        let lines = self.lines == Some(true);
        if byte == b'\n' && self.lines.is_none() {
            self.lines = Some(false);
        }
        let (line_begins, column) = (self.indent.is_none(), self.column);
        let Some(row) = &mut self.open else { return Step::BETWEEN };
        let ends = if lines && !row.spans_lines { byte == b'\n' } else { byte == b'{' && line_begins && column <= row.indent };
        if ends {
            return Step::END_BEFORE;
        }
        row.spans_lines |= byte == b'\n';
        Step::TAKE
    }

    /// Up to something that matters in a string, or to the end of the bytes at hand.
    fn in_string(&mut self, rest: &[u8]) -> Step {
        let Some(row) = &mut self.open else { return Step::BETWEEN };
        if row.escaped && rest.first() != Some(&b'\n') {
            row.escaped = false;
            return Step::TAKE;
        }
        match memchr3(b'"', b'\\', b'\n', rest) {
            None => return Step { length: rest.len(), ..Step::TAKE },
            Some(0) => {}
            Some(length) => return Step { length, ..Step::TAKE },
        }
        match rest.first() {
            Some(b'"') => {
                row.in_string = false;
                row.last = b'"';
            }
            Some(b'\\') => row.escaped = true,
            // JSON has no line end inside a string.
            _ => return self.lose(Fault::OpenString, b'\n'),
        }
        Step::TAKE
    }

    /// A row that is neither object nor array. At the top it takes the rest of its line: what begins wrong is one bad row.
    fn scalar(&mut self, byte: u8) -> Step {
        let in_array = self.array.is_some();
        let Some(row) = &mut self.open else { return Step::BETWEEN };
        match byte {
            b'\n' => Step::END_BEFORE,
            b',' | b']' if in_array => Step::END_BEFORE,
            _ => {
                row.in_string = byte == b'"';
                Step::TAKE
            }
        }
    }

    fn container(&mut self, byte: u8) -> Step {
        let (line_begins, column, lines, nesting_max) = (self.indent.is_none(), self.column, self.lines, self.nesting_max);
        let Some(row) = &mut self.open else { return Step::BETWEEN };
        match byte {
            b' ' | b'\t' | b'\r' => return Step::TAKE,
            b'\n' => {
                row.spans_lines = true;
                if lines.is_none() {
                    self.lines = Some(false);
                }
                return Step::TAKE;
            }
            b'"' => row.in_string = true,
            b'{' | b'[' => {
                let first_on_line = line_begins && row.spans_lines && column <= row.indent;
                let is_next_row = if lines == Some(true) { true } else { byte == b'{' && !row.value_may_stand() };
                if first_on_line && is_next_row {
                    row.fault = row.fault.or(Some(Fault::Open));
                    return Step::END_BEFORE;
                }
                row.enter(byte == b'[', nesting_max);
            }
            b'}' | b']' => {
                if row.leave(byte == b']') {
                    return if row.depth == 0 { Step::TAKE_AND_END } else { Step::TAKE };
                }
                return self.lose(Fault::Mismatch, byte);
            }
            _ => {}
        }
        row.last = byte;
        Step::TAKE
    }
}

impl OpenRow {
    fn enter(&mut self, array: bool, nesting_max: usize) {
        if self.depth < KINDS_KEPT {
            let bit = 1_u128 << self.depth;
            self.arrays = if array { self.arrays | bit } else { self.arrays & !bit };
        }
        self.depth += 1;
        if self.depth > nesting_max {
            self.fault = self.fault.or(Some(Fault::TooDeep));
        }
    }

    /// False when the container is of the other kind.
    fn leave(&mut self, array: bool) -> bool {
        if self.in_array().is_some_and(|in_array| in_array != array) {
            return false;
        }
        self.depth = self.depth.saturating_sub(1);
        self.last = if array { b']' } else { b'}' };
        true
    }

    fn in_array(&self) -> Option<bool> {
        let at = self.depth.checked_sub(1)?;
        (at < KINDS_KEPT).then(|| self.arrays >> at & 1 == 1)
    }

    /// True where JSON allows a value to begin.
    fn value_may_stand(&self) -> bool {
        match self.in_array() {
            Some(true) => matches!(self.last, b'[' | b','),
            Some(false) => self.last == b':',
            None => matches!(self.last, b'[' | b',' | b':'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn memory_holds_a_row_and_no_more() {
        let limits = ReadLimits { row_bytes_max: 100_000, ..ReadLimits::default() };
        for filling in [b'x', b'[', b'\\'] {
            let endless = io::Cursor::new(b"{\"a\":\"").chain(io::repeat(filling).take(5_000_000)).chain(io::Cursor::new(b"\n{}"));
            let mut framer = Framer::new(io::BufReader::new(endless), &limits);
            let first = framer.next().unwrap().unwrap();
            assert_eq!((first.offset, first.fault), (0, Some(Fault::TooLong)));
            assert!(framer.held.capacity() <= 2 * limits.row_bytes_max, "{}", framer.held.capacity());
        }
    }
}
