//! An object's bytes: whole, as they come, or a range. Each under the ETag that was listed.

use std::io::{self, Read};
use std::sync::Arc;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::runtime::Handle;

use super::{ATTEMPTS, PAUSE, Reach, fault};
use crate::history::source::Ranges;
use crate::history::{HistoryError, SourceObject};

/// Asks for the bytes from `from` up to `to`.
async fn get(reach: &Reach, object: &SourceObject, from: u64, to: u64) -> Result<GetObjectOutput, HistoryError> {
    let mut request = reach.client.get_object().bucket(&reach.bucket).key(reach.key(object)).if_match(format!("\"{}\"", object.id.etag));
    if (from, to) != (0, object.size_bytes) {
        request = request.range(format!("bytes={from}-{}", to.saturating_sub(1)));
    }
    request.send().await.map_err(|error| fault::of_object(&error, reach, object))
}

/// All bytes from `from` up to `to`, or an error; never fewer.
async fn part(reach: &Reach, object: &SourceObject, from: u64, to: u64) -> Result<Bytes, HistoryError> {
    let mut got = BytesMut::with_capacity(usize::try_from(to - from).unwrap_or(0));
    let mut attempt = 0;
    loop {
        let at = from + u64::try_from(got.len()).unwrap_or(u64::MAX);
        let mut body = get(reach, object, at, to).await?.body;
        let broken = loop {
            match body.try_next().await {
                Ok(Some(piece)) => got.extend_from_slice(&piece),
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        let have = from + u64::try_from(got.len()).unwrap_or(u64::MAX);
        if have == to && broken.is_none() {
            return Ok(got.freeze());
        }
        if have > at {
            // Attempts without any progress are counted: many readers share an unsteady network.
            attempt = 0;
        }
        attempt = again(attempt, have, to, broken, object).await?;
    }
}

/// Waits before the next attempt, or says why there is none.
async fn again(attempt: u32, have: u64, to: u64, broken: Option<String>, object: &SourceObject) -> Result<u32, HistoryError> {
    let what = broken.unwrap_or_else(|| "the answer ended".to_owned());
    if have > to || attempt + 1 >= ATTEMPTS {
        let said = format!("the answer broke off {ATTEMPTS} times, last at byte {have} of {to}: {what}");
        return Err(HistoryError::Read { key: object.id.key.clone(), source: io::Error::other(said) });
    }
    tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
    Ok(attempt + 1)
}

/// A small object.
pub(super) async fn whole(reach: &Reach, object: &SourceObject) -> Result<Bytes, HistoryError> {
    if object.size_bytes == 0 {
        // A range of nothing cannot be asked for; whether it is still the listed one can.
        let asked = reach.client.head_object().bucket(&reach.bucket).key(reach.key(object)).if_match(format!("\"{}\"", object.id.etag));
        return asked.send().await.map(|_| Bytes::new()).map_err(|error| fault::of_object(&error, reach, object));
    }
    part(reach, object, 0, object.size_bytes).await
}

/// A large object from its first byte to its last, as it comes.
pub(super) struct Streamed {
    reach: Arc<Reach>,
    object: SourceObject,
    runtime: Handle,
    body: Option<ByteStream>,
    piece: Bytes,
    at: u64,
    attempt: u32,
}

impl Streamed {
    pub(super) fn begin(reach: Arc<Reach>, object: SourceObject, runtime: Handle) -> Result<Self, HistoryError> {
        let body = runtime.block_on(get(&reach, &object, 0, object.size_bytes))?.body;
        Ok(Self { reach, object, runtime, body: Some(body), piece: Bytes::new(), at: 0, attempt: 0 })
    }

    /// The next piece; none at the end of the object.
    async fn next(&mut self) -> Result<Bytes, HistoryError> {
        let size = self.object.size_bytes;
        loop {
            if self.at == size {
                return Ok(Bytes::new());
            }
            let broken = match &mut self.body {
                Some(body) => match body.try_next().await {
                    Ok(Some(piece)) if piece.is_empty() => continue,
                    Ok(Some(piece)) => {
                        self.at += u64::try_from(piece.len()).unwrap_or(u64::MAX);
                        self.attempt = 0;
                        return Ok(piece);
                    }
                    Ok(None) => None,
                    Err(error) => Some(error.to_string()),
                },
                None => None,
            };
            self.attempt = again(self.attempt, self.at, size, broken, &self.object).await?;
            self.body = Some(get(&self.reach, &self.object, self.at, size).await?.body);
        }
    }
}

impl Read for Streamed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let runtime = self.runtime.clone();
            self.piece = runtime.block_on(self.next()).map_err(io::Error::other)?;
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// A large object, a range at a time.
pub(super) struct RangedObject {
    reach: Arc<Reach>,
    object: SourceObject,
    runtime: Handle,
}

impl RangedObject {
    pub(super) fn new(reach: Arc<Reach>, object: SourceObject, runtime: Handle) -> Self {
        Self { reach, object, runtime }
    }
}

impl Ranges for RangedObject {
    fn size_bytes(&self) -> u64 {
        self.object.size_bytes
    }

    fn read_range(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let end = offset + u64::try_from(length).unwrap_or(u64::MAX);
        let read = self.runtime.block_on(part(&self.reach, &self.object, offset, end));
        read.map(|bytes| bytes.to_vec()).map_err(io::Error::other)
    }
}
