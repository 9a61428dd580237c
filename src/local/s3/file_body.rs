//! A part of a file as the body of an answer, a piece at a time.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

use crate::local::faults::Fault;

const PIECE_BYTES: u64 = 64 * 1024;

pub(super) struct FileBody {
    file: File,
    left: u64,
    /// Ends early, as a broken connection does, when this many bytes are left.
    cut_at_left: Option<u64>,
    sent: bool,
    /// What every piece waits for.
    pause: Option<Duration>,
    pausing: Option<Pin<Box<Sleep>>>,
}

impl FileBody {
    /// The bytes of `range`, with the trouble that a rule has for them.
    pub(super) fn new(path: &Path, range: &Range<u64>, fault: Option<&Fault>) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(range.start))?;
        let left = range.end - range.start;
        let cut_at_left = (fault == Some(&Fault::TruncatedBody)).then_some(left / 2);
        let pause = if let Some(Fault::SlowBody(pause)) = fault { Some(*pause) } else { None };
        Ok(Self { file, left, cut_at_left, sent: false, pause, pausing: None })
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    /// Reads a small piece of a local file, which does not block for long.
    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if let Some(pause) = self.pause {
            let pausing = self.pausing.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            ready!(pausing.as_mut().poll(context));
            self.pausing = None;
        }
        let stop = self.cut_at_left.unwrap_or(0);
        if self.left <= stop && !self.sent {
            // What was read so far leaves this machine before the connection breaks.
            self.sent = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.left <= stop {
            return Poll::Ready(Some(Err(io::Error::other("the body is cut off, as a fault rule asks"))));
        }
        let wanted = PIECE_BYTES.min(self.left - stop);
        let mut piece = vec![0; usize::try_from(wanted).unwrap_or(0)];
        Poll::Ready(Some(match self.file.read_exact(&mut piece) {
            Ok(()) => {
                self.left -= wanted;
                Ok(Frame::data(Bytes::from(piece)))
            }
            Err(error) => Err(error),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
