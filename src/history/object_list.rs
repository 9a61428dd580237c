//! The objects of a listing, packed: a hundred thousand of them take about ten megabytes.
//!
//! What many objects share is kept once: folder and partition columns, store and format. Their own texts stand in one piece of memory.
//! A [`SourceObject`] is put together when it is asked for, and gone when it was read.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use super::{Format, Layout, SourceObject};
use crate::provenance::ObjectId;

/// Objects in an order, each with its number from 0. Clones share the memory.
#[derive(Clone, Default)]
pub struct ObjectList(Arc<Packed>);

#[derive(Clone, Default)]
struct Packed {
    entries: Vec<Entry>,
    /// Of each object, one after the other, each behind its length: its locator behind the folder, its ETag, and its key behind the
    /// folder where that is another text.
    texts: Vec<u8>,
    folders: Shared<Folder>,
    kinds: Shared<Kind>,
    /// The objects' numbers in the order of their keys, once somebody looks for one.
    by_key: OnceLock<Vec<u32>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where its texts begin.
    at: usize,
    size_bytes: u64,
    folder: u32,
    kind: u32,
}

/// What the objects of one folder share.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Folder {
    /// Both with the `/` at their end, or empty.
    locator: Box<str>,
    key: Box<str>,
    partitions: Arc<[(String, String)]>,
}

/// What the objects of one store share, mostly.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    store: Box<str>,
    layout: Layout,
    format: Format,
    gzip: bool,
    pipeline: Option<Arc<str>>,
    /// Whether the key has a name of its own behind the folder.
    own_name: bool,
}

/// Things that are kept once, by number.
struct Shared<T> {
    all: Vec<Arc<T>>,
    numbers: HashMap<Arc<T>, u32>,
    last: u32,
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), numbers: self.numbers.clone(), last: self.last }
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { all: Vec::new(), numbers: HashMap::new(), last: 0 }
    }
}

impl<T: Eq + Hash> Shared<T> {
    fn get(&self, number: u32) -> Option<&T> {
        self.all.get(usize::try_from(number).ok()?).map(Arc::as_ref)
    }

    /// The number of what `is` describes and `make` makes. Objects come folder by folder, so it is mostly that of the last one.
    fn number(&mut self, is: impl FnOnce(&T) -> bool, make: impl FnOnce() -> T) -> u32 {
        if !self.get(self.last).is_some_and(is) {
            let made = Arc::new(make());
            // Never more of them than objects, which have numbers of this size.
            let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
            let all = &mut self.all;
            self.last = *self.numbers.entry(made).or_insert_with_key(|made| {
                all.push(Arc::clone(made));
                next
            });
        }
        self.last
    }
}

/// A key or locator as folder and name.
fn parted(text: &str) -> (&str, &str) {
    text.split_at(text.rfind('/').map_or(0, |at| at + 1))
}

/// The order of two texts, each given in two pieces.
fn in_order(a: (&str, &str), b: (&str, &str)) -> Ordering {
    if a.0 == b.0 {
        return a.1.cmp(b.1);
    }
    a.0.bytes().chain(a.1.bytes()).cmp(b.0.bytes().chain(b.1.bytes()))
}

/// Writes a text behind its length: seven bits of it a byte, the lowest first, and the eighth says that more follow.
fn append(texts: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length > 0x7f {
        texts.push(0x80 | u8::try_from(length & 0x7f).unwrap_or(0));
        length >>= 7;
    }
    texts.push(u8::try_from(length).unwrap_or(0));
    texts.extend_from_slice(text.as_bytes());
}

/// Takes the first text off.
fn next<'a>(texts: &mut &'a [u8]) -> Option<&'a str> {
    let (mut length, mut shift) = (0, 0);
    loop {
        let (byte, rest) = texts.split_first()?;
        *texts = rest;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let (text, rest) = texts.split_at_checked(length)?;
    *texts = rest;
    str::from_utf8(text).ok()
}

/// Whether two pieces together are `text`.
fn is_whole((folder, name): (&str, &str), text: &str) -> bool {
    text.strip_prefix(folder) == Some(name)
}

impl Packed {
    fn push(&mut self, object: &SourceObject) {
        let ((locator_folder, locator), (key_folder, key)) = (parted(&object.locator), parted(&object.id.key));
        let own_name = key != locator;
        let folder = self.folders.number(
            |folder| &*folder.locator == locator_folder && &*folder.key == key_folder && folder.partitions == object.partitions,
            || Folder { locator: locator_folder.into(), key: key_folder.into(), partitions: Arc::clone(&object.partitions) },
        );
        let kind = self.kinds.number(
            |kind| {
                (&*kind.store, kind.layout, kind.format, kind.gzip) == (&object.store, object.layout, object.format, object.gzip)
                    && (&kind.pipeline, kind.own_name) == (&object.pipeline, own_name)
            },
            || Kind {
                store: object.store.as_str().into(),
                layout: object.layout,
                format: object.format,
                gzip: object.gzip,
                pipeline: object.pipeline.clone(),
                own_name,
            },
        );
        let at = self.texts.len();
        for text in [locator, &object.id.etag].into_iter().chain(own_name.then_some(key)) {
            append(&mut self.texts, text);
        }
        self.entries.push(Entry { at, size_bytes: object.size_bytes, folder, kind });
        self.by_key.take();
    }

    fn listed(&self, number: usize) -> Option<Listed<'_>> {
        let entry = self.entries.get(number)?;
        let (folder, kind) = (self.folders.get(entry.folder)?, self.kinds.get(entry.kind)?);
        let mut texts = self.texts.get(entry.at..)?;
        let (locator, etag) = (next(&mut texts)?, next(&mut texts)?);
        let key = if kind.own_name { next(&mut texts)? } else { locator };
        Some(Listed { locator: (&folder.locator, locator), key: (&folder.key, key), etag, folder, kind, size_bytes: entry.size_bytes })
    }
}

/// An object where it lies, with its texts in two pieces.
struct Listed<'a> {
    locator: (&'a str, &'a str),
    key: (&'a str, &'a str),
    etag: &'a str,
    folder: &'a Folder,
    kind: &'a Kind,
    size_bytes: u64,
}

impl Listed<'_> {
    fn object(&self) -> SourceObject {
        let whole = |(folder, name): (&str, &str)| [folder, name].concat();
        SourceObject {
            id: Arc::new(ObjectId { key: whole(self.key), etag: self.etag.to_owned() }),
            locator: whole(self.locator),
            store: (*self.kind.store).to_owned(),
            layout: self.kind.layout,
            format: self.kind.format,
            gzip: self.kind.gzip,
            size_bytes: self.size_bytes,
            partitions: Arc::clone(&self.folder.partitions),
            pipeline: self.kind.pipeline.clone(),
        }
    }
}

impl ObjectList {
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The object of this number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<SourceObject> {
        self.0.listed(number).map(|listed| listed.object())
    }

    /// The object of this number, as units and keys of a census have it.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Option<SourceObject> {
        self.get(usize::try_from(number).ok()?)
    }

    /// All objects in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = SourceObject> + Clone + '_ {
        (0..self.len()).filter_map(|number| self.get(number))
    }

    /// The number of the object with this key. Where several have it (a channel may feed many stores), the last one's.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<u32> {
        let packed = &*self.0;
        let by_key = packed.by_key.get_or_init(|| {
            let mut numbers: Vec<u32> = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect();
            numbers.sort_by(|a, b| self.order_of_keys(*a, *b));
            numbers
        });
        let is_behind = |number: &u32| self.key_of(*number).is_none_or(|of| in_order(of, ("", key)).is_le());
        let found = by_key.partition_point(is_behind).checked_sub(1).and_then(|at| by_key.get(at).copied())?;
        self.has_key(found, key).then_some(found)
    }

    /// The bytes of the object of this number, as they are stored.
    #[must_use]
    pub fn size_bytes(&self, number: u32) -> Option<u64> {
        self.0.entries.get(usize::try_from(number).ok()?).map(|entry| entry.size_bytes)
    }

    /// Whether the object of this number has this key.
    #[must_use]
    pub fn has_key(&self, number: u32, key: &str) -> bool {
        self.key_of(number).is_some_and(|of| is_whole(of, key))
    }

    /// Whether the object of this number has this key and this ETag.
    #[must_use]
    pub fn is(&self, number: u32, key: &str, etag: &str) -> bool {
        let listed = usize::try_from(number).ok().and_then(|number| self.0.listed(number));
        listed.is_some_and(|listed| listed.etag == etag && is_whole(listed.key, key))
    }

    pub fn push(&mut self, object: &SourceObject) {
        Arc::make_mut(&mut self.0).push(object);
    }

    /// The same objects, of those numbers, in that order.
    pub(super) fn arranged(mut self, numbers: &[u32]) -> Self {
        let packed = Arc::make_mut(&mut self.0);
        let entry = |number: &u32| packed.entries.get(usize::try_from(*number).ok()?).copied();
        packed.entries = numbers.iter().filter_map(entry).collect();
        packed.texts.shrink_to_fit();
        packed.by_key.take();
        self
    }

    /// How the keys of two objects stand to each other.
    pub(super) fn order_of_keys(&self, a: u32, b: u32) -> Ordering {
        self.key_of(a).zip(self.key_of(b)).map_or(Ordering::Equal, |(a, b)| in_order(a, b))
    }

    /// How the locators of two objects stand to each other.
    pub(super) fn order_of_locators(&self, a: u32, b: u32) -> Ordering {
        let locator = |number: u32| self.0.listed(usize::try_from(number).ok()?).map(|listed| listed.locator);
        locator(a).zip(locator(b)).map_or(Ordering::Equal, |(a, b)| in_order(a, b))
    }

    fn key_of(&self, number: u32) -> Option<(&str, &str)> {
        self.0.listed(usize::try_from(number).ok()?).map(|listed| listed.key)
    }
}

impl std::fmt::Debug for ObjectList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for ObjectList {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl FromIterator<SourceObject> for ObjectList {
    fn from_iter<I: IntoIterator<Item = SourceObject>>(objects: I) -> Self {
        let mut packed = Packed::default();
        objects.into_iter().for_each(|object| packed.push(&object));
        Self(Arc::new(packed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, locator: &str, store: &str, etag: &str) -> SourceObject {
        SourceObject {
            id: Arc::new(ObjectId { key: key.to_owned(), etag: etag.to_owned() }),
            locator: locator.to_owned(),
            store: store.to_owned(),
            layout: Layout::Datastore,
            format: Format::Json,
            gzip: etag.is_empty(),
            size_bytes: u64::try_from(key.len()).unwrap(),
            partitions: Arc::new([("__dt".to_owned(), store.to_owned())]),
            pipeline: key.contains('p').then(|| Arc::from("clean")),
        }
    }

    fn objects() -> Vec<SourceObject> {
        vec![
            object("d/a b/1.json", "d/a%20b/1.json", "one", "e1"),
            object("d/a b/2 é.json", "d/a%20b/2%20é.json", "one", ""),
            object("d/a b/1.json", "d/a%20b/1.json", "two", "e1"),
            object("", "", "", ""),
            object("top", "top", "one", "e2"),
            object("d/", "d/x", "one", "e3"),
            object(&format!("d/{}", "é".repeat(200)), &"x".repeat(20_000), "one", &"e".repeat(128)),
            object("d/a b/1.json/p", "d/a b/1.json/p", "one", "e4"),
        ]
    }

    #[test]
    fn what_goes_in_comes_out() {
        let list: ObjectList = objects().into_iter().collect();
        assert_eq!(list.iter().collect::<Vec<_>>(), objects());
        assert_eq!((list.len(), list.numbered(8), list.get(usize::MAX)), (8, None, None));
        let mut more = list.clone();
        more.push(&objects()[4]);
        assert_eq!((list.len(), more.len(), more.get(8)), (8, 9, Some(objects().remove(4))));
        assert_ne!(list, more);
        assert_eq!(list.clone().arranged(&[4, 0]).iter().map(|object| object.id.key.clone()).collect::<Vec<_>>(), ["top", "d/a b/1.json"]);
    }

    #[test]
    fn an_object_is_found_by_its_whole_key_and_no_other() {
        let mut list: ObjectList = objects().into_iter().collect();
        for (number, key) in [(1, "d/a b/2 é.json"), (2, "d/a b/1.json"), (3, ""), (4, "top"), (5, "d/"), (7, "d/a b/1.json/p")] {
            assert_eq!(list.find(key), Some(number), "{key}");
        }
        for stranger in ["d", "d/a b/1.jso", "d/a b/1.json/", "d/a%20b/1.json", "a", "zz"] {
            assert_eq!(list.find(stranger), None, "{stranger}");
        }
        list.push(&object("zz", "zz", "one", "e"));
        assert_eq!(list.find("zz"), Some(8));
        assert!(list.is(1, "d/a b/2 é.json", "") && list.is(4, "top", "e2"));
        assert!(!list.is(4, "top", "e1") && !list.is(4, "to", "e2") && !list.is(9, "top", "e2"));
    }

    #[test]
    fn keys_are_ordered_as_whole_texts_and_not_by_their_folders() {
        let (first, second) = (("a/", "b"), ("a", "/c"));
        assert_eq!(in_order(first, second), Ordering::Less);
        // `-` comes before `/`: the folder's name alone would say otherwise.
        assert_eq!(in_order(("a/", "b"), ("a-b/", "a")), Ordering::Greater);
        assert_eq!(in_order(("a/b/", ""), ("a/", "b/")), Ordering::Equal);
    }
}
