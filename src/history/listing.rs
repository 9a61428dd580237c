//! From what was found to a listing: classified, ordered, each key once. Pure; the same for a directory and a bucket.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::key::{self, Place};
use super::sniff::Kind;
use super::{Listing, ObjectList, PassedOver, SourceObject};
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

/// What was found so far, in any order.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    objects: ObjectList,
    /// Of each object, for the order; those without one come first.
    days: Vec<i64>,
    passed_over: Vec<PassedOver>,
}

impl Gathered {
    pub(super) fn found(&mut self, found: Found) {
        let Found { raw_key, etag, size_bytes, kind, place } = found;
        self.days.push(place.day.unwrap_or(i64::MIN));
        self.objects.push(&SourceObject {
            id: Arc::new(ObjectId { key: key::decoded(&raw_key), etag }),
            locator: raw_key,
            store: place.store,
            layout: place.layout,
            format: kind.format,
            gzip: kind.gzip,
            size_bytes,
            partitions: place.partitions.into(),
            pipeline: None,
        });
    }

    pub(super) fn pass_over(&mut self, key: String, reason: &str) {
        self.passed_over.push(PassedOver { key, reason: reason.to_owned() });
    }

    /// How many objects were found.
    pub(super) fn objects(&self) -> usize {
        self.objects.len()
    }

    /// Whether nothing lies there at all.
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.passed_over.is_empty()
    }

    /// Puts the objects in time order. Of two whose decoded keys are equal the first by raw key is read: the second is another copy
    /// of it, and reading both would count every row twice.
    pub(super) fn listing(mut self, root: String) -> Listing {
        let objects = &self.objects;
        let mut order: Vec<u32> = (0..u32::try_from(objects.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by(|a, b| objects.order_of_keys(*a, *b).then_with(|| objects.order_of_locators(*a, *b)));
        let mut copies = Vec::new();
        order.dedup_by(|number, first| {
            let is_copy = objects.order_of_keys(*number, *first).is_eq();
            if is_copy {
                copies.extend(objects.numbered(*number).zip(objects.numbered(*first)));
            }
            is_copy
        });
        let day = |number: u32| usize::try_from(number).ok().and_then(|at| self.days.get(at));
        // Stable: within a day the order of the keys stays.
        order.sort_by_key(|number| day(*number));
        for (copy, first) in copies {
            self.passed_over
                .push(PassedOver { reason: format!("the same key as `{}`, spelled differently", first.locator), key: copy.locator });
        }
        self.passed_over.sort_by(|a, b| a.key.cmp(&b.key));
        Listing { root, objects: self.objects.arranged(&order), passed_over: self.passed_over }
    }
}

impl Listing {
    /// SHA-256 in hexadecimal over key, etag and size of every object in order: two listings of one digest promise the same rows.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for object in self.objects.iter() {
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
        self.objects.iter().map(|object| object.store).collect()
    }
}
