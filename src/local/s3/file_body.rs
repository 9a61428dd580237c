//! A part of a file as the body of an answer, a piece at a time.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

const PIECE_BYTES: u64 = 64 * 1024;

pub(super) struct FileBody {
    file: File,
    left: u64,
    /// Ends early, as a broken connection does, when this many bytes are left.
    cut_at_left: Option<u64>,
}

impl FileBody {
    /// The bytes of `range`; with `cut`, only the first half of them.
    pub(super) fn new(path: &Path, range: &Range<u64>, cut: bool) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(range.start))?;
        let left = range.end - range.start;
        Ok(Self { file, left, cut_at_left: cut.then_some(left / 2) })
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    /// Reads a small piece of a local file, which does not block for long.
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let stop = self.cut_at_left.unwrap_or(0);
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
