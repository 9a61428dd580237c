//! How links hold together.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{EVIDENCE_VERSION, Evidence, Link};
use crate::encoding::hex;

/// What the first link follows.
pub(super) fn head(version: u32, tool_version: &str) -> String {
    hashed(&["iota2ts evidence", &version.to_string(), tool_version])
}

pub(super) fn hash(previous: &str, kind: &str, body: &Value) -> String {
    hashed(&[previous, kind, &body.to_string()])
}

/// Lengths stand before the texts, so that no two lists run together into the same bytes.
fn hashed(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hex(&hasher.finalize())
}

/// Links the parts in their order.
pub(super) fn forge(tool_version: &str, parts: Vec<(&'static str, Value)>) -> Evidence {
    let mut previous = head(EVIDENCE_VERSION, tool_version);
    let links = parts.into_iter().map(|(kind, body)| {
        let hash = hash(&previous, kind, &body);
        Link { kind: kind.to_owned(), body, previous: std::mem::replace(&mut previous, hash.clone()), hash }
    });
    Evidence { version: EVIDENCE_VERSION, tool_version: tool_version.to_owned(), links: links.collect() }
}

/// The first link that does not follow from what stands before it.
pub(super) fn broken(evidence: &Evidence) -> Option<String> {
    let mut previous = head(evidence.version, &evidence.tool_version);
    for (at, link) in evidence.links.iter().enumerate() {
        if link.previous != previous {
            return Some(format!("link {} does not follow the one before it", at + 1));
        }
        if link.hash != hash(&link.previous, &link.kind, &link.body) {
            return Some(format!("link {} was edited", at + 1));
        }
        previous.clone_from(&link.hash);
    }
    None
}
