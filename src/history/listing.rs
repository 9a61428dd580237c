//! From what was found to a listing: classified, ordered, each key once. Pure; the same for a directory and a bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::key::{self, Place};
use super::sniff::Kind;
use super::{Listing, PassedOver, SourceObject};
use crate::encoding::hex;
use crate::provenance::ObjectId;

/// One file below the root that some layout claims.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) raw_key: String,
    pub(super) etag: String,
    pub(super) size_bytes: u64,
    pub(super) kind: Kind,
    pub(super) place: Place,
}

/// Puts the objects in time order. Of two whose decoded keys are equal the first by raw key is read: the second is another copy of
/// it, and reading both would count every row twice.
pub(super) fn assemble(root: String, mut found: Vec<Found>, mut passed_over: Vec<PassedOver>) -> Listing {
    found.sort_by(|a, b| a.raw_key.cmp(&b.raw_key));
    let mut first_by_key: BTreeMap<String, String> = BTreeMap::new();
    let mut dated = Vec::with_capacity(found.len());
    for Found { raw_key, etag, size_bytes, kind, place } in found {
        let key = key::decoded(&raw_key);
        if let Some(first) = first_by_key.get(&key) {
            passed_over.push(PassedOver { reason: format!("the same key as `{first}`, spelled differently"), key: raw_key });
            continue;
        }
        first_by_key.insert(key.clone(), raw_key.clone());
        let object = SourceObject {
            id: Arc::new(ObjectId { key, etag }),
            locator: raw_key,
            store: place.store,
            layout: place.layout,
            format: kind.format,
            gzip: kind.gzip,
            size_bytes,
            partitions: place.partitions.into(),
            pipeline: None,
        };
        dated.push((place.day, object));
    }
    dated.sort_by(|(day_a, a), (day_b, b)| (day_a, &a.id.key).cmp(&(day_b, &b.id.key)));
    passed_over.sort_by(|a, b| a.key.cmp(&b.key));
    Listing { root, objects: dated.into_iter().map(|(_, object)| object).collect(), passed_over }
}

impl Listing {
    /// SHA-256 in hexadecimal over key, etag and size of every object in order: two listings of one digest promise the same rows.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for object in &self.objects {
            // Lengths stand before the texts, so that no two listings run together into the same bytes.
            for text in [&object.id.key, &object.id.etag] {
                hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                hasher.update(text.as_bytes());
            }
            hasher.update(object.size_bytes.to_be_bytes());
        }
        hex(&hasher.finalize())
    }

    /// The stores that have objects here, channels among them.
    #[must_use]
    pub fn stores(&self) -> BTreeSet<String> {
        self.objects.iter().map(|object| object.store.clone()).collect()
    }
}
