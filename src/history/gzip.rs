//! Gzip as it is found: any number of members one after the other, cut off, or with something behind them.

use std::io::{self, BufRead, Read};
use std::mem;

use flate2::bufread::GzDecoder;

use super::read::{Damaged, is_of_data};

/// Unpacks all members as one stream. What is wrong with the data comes as [`Damaged`] after everything that could be unpacked;
/// errors of the input come through as they are.
pub(super) struct Members<R> {
    state: State<R>,
    unpacked_bytes: u64,
    members: u64,
}

enum State<R> {
    Between(R),
    Inside(Box<GzDecoder<R>>),
    Ended,
    Broken(String),
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(input: R) -> Self {
        Self { state: State::Between(input), unpacked_bytes: 0, members: 0 }
    }

    fn damage(&mut self, what: &str) -> io::Error {
        let what = format!("{what} after {} uncompressed bytes", self.unpacked_bytes);
        self.state = State::Broken(what.clone());
        io::Error::new(io::ErrorKind::InvalidData, Damaged(what))
    }

    /// Enters the next member, or finds that there is none.
    fn enter(&mut self, mut input: R) -> io::Result<()> {
        let first = loop {
            match input.fill_buf() {
                Ok(buffered) => break buffered.first().copied(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.state = State::Between(input);
                    return Err(error);
                }
            }
        };
        match first {
            None => self.state = State::Ended,
            Some(0x1f) => self.state = State::Inside(Box::new(GzDecoder::new(input))),
            Some(_) if self.members == 0 => return Err(self.damage("the data is not gzip")),
            Some(_) => return Err(self.damage("something that is not gzip follows the gzip data")),
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Broken(what) => {
                    self.state = State::Broken(what.clone());
                    return Err(io::Error::new(io::ErrorKind::InvalidData, Damaged(what)));
                }
                State::Between(input) => self.enter(input)?,
                State::Inside(mut decoder) => match decoder.read(buffer) {
                    Ok(0) => {
                        self.members += 1;
                        self.state = State::Between(decoder.into_inner());
                    }
                    Ok(read) => {
                        self.unpacked_bytes = self.unpacked_bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                        self.state = State::Inside(decoder);
                        return Ok(read);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted || !is_of_data(&error) => {
                        self.state = State::Inside(decoder);
                        return Err(error);
                    }
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.damage("the gzip data is cut off")),
                    Err(error) => return Err(self.damage(&format!("the gzip data is corrupt ({error})"))),
                },
            }
        }
    }
}
