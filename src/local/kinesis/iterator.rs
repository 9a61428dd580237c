//! Shard iterators: opaque to clients, good for five minutes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::shards;
use crate::local::exception::Exception;
use crate::time::Nanos;

const GOOD_FOR_MILLIS: i64 = 300_000;

/// Where reading stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Iterator {
    /// The stream's number in the store: a stream made anew under the same name is another one.
    pub(super) stream: i64,
    pub(super) name: String,
    pub(super) shard: u32,
    /// The first place that is read.
    pub(super) place: i64,
}

impl Iterator {
    pub(super) fn issue(&self, now: Nanos) -> String {
        let text = format!("{}/{}/{}/{}/{}", self.stream, self.name, self.shard, self.place, millis(now));
        STANDARD.encode(format!("{text}/{:016x}", seal(&text)))
    }

    /// Reads what [`Self::issue`] wrote.
    pub(super) fn read(token: &str, now: Nanos) -> Result<Self, Exception> {
        let (iterator, issued) = parse(token).ok_or_else(|| Exception::refused("InvalidArgumentException", "Invalid ShardIterator."))?;
        if millis(now) - issued > GOOD_FOR_MILLIS {
            let message = format!(
                "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the future than \
                 the tolerated delay of {GOOD_FOR_MILLIS} milliseconds.",
                Nanos(issued.saturating_mul(1_000_000)),
                now
            );
            return Err(Exception::refused("ExpiredIteratorException", message));
        }
        Ok(iterator)
    }

    pub(super) fn shard_id(&self) -> String {
        shards::id(self.shard)
    }
}

fn parse(token: &str) -> Option<(Iterator, i64)> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (text, sealed) = text.rsplit_once('/')?;
    if u64::from_str_radix(sealed, 16) != Ok(seal(text)) {
        return None;
    }
    let mut parts = text.split('/');
    let mut part = || parts.next();
    let stream = part()?.parse().ok()?;
    let name = part()?.to_owned();
    let shard = part()?.parse().ok()?;
    let place = part()?.parse().ok()?;
    Some((Iterator { stream, name, shard, place }, part()?.parse().ok()?))
}

/// Tells a token of ours from one that was changed on the way; no secret.
fn seal(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

fn millis(instant: Nanos) -> i64 {
    instant.0.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = Nanos(1_700_000_000_000_000_000);

    fn iterator() -> Iterator {
        Iterator { stream: 7, name: "a-stream".into(), shard: 2, place: 41 }
    }

    #[test]
    fn an_iterator_reads_back_for_five_minutes() {
        let token = iterator().issue(NOW);
        let later = |millis: i64| Nanos(NOW.0 + millis * 1_000_000);
        assert_eq!(Iterator::read(&token, NOW).unwrap(), iterator());
        assert_eq!(Iterator::read(&token, later(300_000)).unwrap(), iterator());
        let expired = Iterator::read(&token, later(300_001)).unwrap_err();
        assert_eq!(expired.code, "ExpiredIteratorException");
        assert!(expired.message.contains("2023-11-14"), "{}", expired.message);
    }

    #[test]
    fn a_token_that_was_changed_is_none() {
        let token = iterator().issue(NOW);
        let inner = String::from_utf8(STANDARD.decode(&token).unwrap()).unwrap();
        let forged = STANDARD.encode(inner.replacen("/41/", "/40/", 1));
        for bad in ["", "x", "AAAA", &forged] {
            assert_eq!(Iterator::read(bad, NOW).unwrap_err().message, "Invalid ShardIterator.", "{bad}");
        }
    }
}
