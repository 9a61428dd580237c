//! What the service says of a record that it did not take, while it took the others (HTTP 419).

use aws_sdk_timestreamwrite::types::RejectedRecord;

use super::fault::one_line;
use crate::target::{Rejection, RejectionCause};

/// The rejections of a batch of `sent` records, by index; `None` when the answer does not say which records it means.
pub(super) fn rejections(rejected: &[RejectedRecord], sent: usize) -> Option<Vec<Rejection>> {
    if rejected.is_empty() {
        return None;
    }
    let mut found = Vec::with_capacity(rejected.len());
    for one in rejected {
        let index = usize::try_from(one.record_index()).ok().filter(|index| *index < sent)?;
        let reason = one.reason().unwrap_or("no reason given");
        found.push(Rejection { index, cause: cause(reason, one.existing_version()), reason: one_line(reason) });
    }
    // Two reasons for one record are one rejection.
    found.sort_by_key(|rejection: &Rejection| rejection.index);
    found.dedup_by_key(|rejection| rejection.index);
    Some(found)
}

/// Reads the cause off the words, which is all there is to go by (facts: reason strings seen).
pub(super) fn cause(reason: &str, existing_version: Option<i64>) -> RejectionCause {
    if reason.contains("outside the time range") {
        let (from, to) = window(reason).unzip();
        return RejectionCause::OutsideWindow { from, to };
    }
    if existing_version.is_some() || reason.contains("lower than the existing version") {
        return RejectionCause::OlderVersion { existing: existing_version };
    }
    if reason.contains("already exists with the same time") {
        return RejectionCause::Conflict;
    }
    RejectionCause::Other
}

/// The window that the service accepts, `[from, to)`.
fn window(reason: &str) -> Option<(String, String)> {
    let (_, rest) = reason.split_once('[')?;
    let (inside, _) = rest.split_once([')', ']'])?;
    let (from, to) = inside.split_once(',')?;
    let (from, to) = (from.trim(), to.trim());
    (!from.is_empty() && !to.is_empty()).then(|| (from.to_owned(), to.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_that_were_seen_have_their_causes() {
        let outside = "The record timestamp is outside the time range [2023-02-13T19:22:45.051Z, 2023-02-20T20:02:45.051Z) of the data ingestion window.";
        let range = (Some("2023-02-13T19:22:45.051Z".to_owned()), Some("2023-02-20T20:02:45.051Z".to_owned()));
        assert_eq!(cause(outside, None), RejectionCause::OutsideWindow { from: range.0, to: range.1 });
        let unstated = "The record timestamp is outside the time range of the data ingestion window.";
        assert_eq!(cause(unstated, None), RejectionCause::OutsideWindow { from: None, to: None });
        let older =
            "The record version 2 is lower than the existing version 200. A higher version is required to update the measure value.";
        assert_eq!(cause(older, Some(200)), RejectionCause::OlderVersion { existing: Some(200) });
        assert_eq!(cause(older, None), RejectionCause::OlderVersion { existing: None });
        let same = "A record already exists with the same time, dimensions, measure name, and record version. A higher record version must be specified in order to update the measure value.";
        assert_eq!(cause(same, None), RejectionCause::Conflict);
        assert_eq!(cause("The measure name has another type.", None), RejectionCause::Other);
    }

    #[test]
    fn an_index_outside_the_batch_or_no_index_at_all_is_no_answer() {
        let at = |index| RejectedRecord::builder().record_index(index).reason("r").build();
        assert_eq!(rejections(&[], 5), None);
        assert_eq!(rejections(&[at(5)], 5), None);
        assert_eq!(rejections(&[at(-1)], 5), None);
        let two = rejections(&[at(4), at(0), at(4)], 5).unwrap();
        assert_eq!(two.iter().map(|rejection| rejection.index).collect::<Vec<_>>(), [0, 4]);
    }
}
