//! The columns that a mapping knows, as a tree of names: one walk over a row finds them all, and what it does not know.

use std::collections::{BTreeMap, HashMap};

use super::{EmptyStrings, TableMapping};
use crate::path::{ColumnPath, Segment};
use crate::survey::is_partition_column;
use crate::value::{Object, Value};

/// The known columns. Each that is read has a place, counted from 0.
#[derive(Debug)]
pub(super) struct Columns {
    root: Node,
    places: usize,
    /// Known top-level columns by their lower-case name; none where two share one.
    by_lower_case: HashMap<String, Option<String>>,
    /// An empty string is as good as a null.
    empty_is_void: bool,
}

#[derive(Debug, Default)]
struct Node {
    names: HashMap<String, Self>,
    elements: BTreeMap<usize, Self>,
    place: Option<usize>,
    ignored: bool,
}

/// What a walk over a row found.
pub(super) struct Found<'r> {
    /// The value of each place; null is as good as absent.
    pub(super) values: Vec<Option<&'r Value>>,
    /// The first column that the mapping does not know.
    pub(super) unknown: Option<ColumnPath>,
    empty_is_void: bool,
}

impl Columns {
    /// The columns of `rules`, and the path of each place.
    pub(super) fn new(rules: &TableMapping) -> (Self, Vec<ColumnPath>) {
        let read = std::iter::once(&rules.time.column)
            .chain(rules.dimensions.iter().map(|rule| &rule.column))
            .chain(rules.measures.iter().map(|rule| &rule.column));
        let (mut columns, paths) = Self::read(read, rules.policies.empty_strings == EmptyStrings::Omit);
        for path in &rules.ignored {
            columns.root.descend(path).ignored = true;
        }
        if let Some(route) = &rules.route {
            // The route has read it: a mapping need not name it again.
            let node = columns.root.descend(&route.column);
            node.ignored |= node.place.is_none() && node.is_leaf();
        }
        columns.index_spellings();
        (columns, paths)
    }

    /// One column and nothing else; its place is 0.
    pub(super) fn only(path: &ColumnPath) -> Self {
        let (mut columns, _) = Self::read(std::iter::once(path), true);
        columns.index_spellings();
        columns
    }

    fn read<'p>(read: impl Iterator<Item = &'p ColumnPath>, empty_is_void: bool) -> (Self, Vec<ColumnPath>) {
        let mut columns = Self { root: Node::default(), places: 0, by_lower_case: HashMap::new(), empty_is_void };
        let mut paths = Vec::new();
        for path in read {
            let node = columns.root.descend(path);
            if node.place.is_none() {
                node.place = Some(paths.len());
                paths.push(path.clone());
            }
        }
        columns.places = paths.len();
        (columns, paths)
    }

    fn index_spellings(&mut self) {
        for name in self.root.names.keys() {
            let slot = self.by_lower_case.entry(name.to_lowercase());
            slot.and_modify(|name| *name = None).or_insert_with(|| Some(name.clone()));
        }
    }

    /// Walks `row` once. A name is found exactly, or at the top level by the one known name that differs in case only and
    /// that the row does not bring itself (a store can hold JSON with `deviceId` beside delivered CSV with `deviceid`).
    pub(super) fn find<'r>(&self, row: &'r Object) -> Found<'r> {
        let mut found = Found { values: vec![None; self.places], unknown: None, empty_is_void: self.empty_is_void };
        for (name, value) in row {
            let node = match self.root.names.get(name) {
                Some(node) => Some(node),
                None if is_partition_column(name) => continue,
                None => self.other_spelling(name, row).filter(|node| node.place.is_none_or(|place| !found.has(place))),
            };
            match node {
                Some(node) => node.visit(value, &mut found, &mut || ColumnPath::top(name), false),
                None if found.is_void(value) => {}
                None => found.not_known(|| ColumnPath::top(name)),
            }
        }
        found
    }

    fn other_spelling(&self, name: &str, row: &Object) -> Option<&Node> {
        let known = if name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            self.by_lower_case.get(name)?
        } else {
            self.by_lower_case.get(&name.to_lowercase())?
        };
        let known = known.as_ref()?;
        if row.contains_key(known) {
            return None;
        }
        self.root.names.get(known)
    }
}

impl Node {
    fn descend(&mut self, path: &ColumnPath) -> &mut Self {
        path.segments().iter().fold(self, |node, segment| match segment {
            Segment::Name(name) => node.names.entry(name.clone()).or_default(),
            Segment::Index(index) => node.elements.entry(*index).or_default(),
        })
    }

    fn is_leaf(&self) -> bool {
        self.names.is_empty() && self.elements.is_empty()
    }

    /// Takes `value`, or what lies inside it. `tolerant`: something above is ignored, so what is not known here is too.
    ///
    /// Depth is bounded by the reader ([`crate::history::ReadLimits`]).
    fn visit<'r>(&self, value: &'r Value, found: &mut Found<'r>, path: &mut dyn FnMut() -> ColumnPath, tolerant: bool) {
        let tolerant = tolerant || self.ignored;
        match value {
            Value::Null => {}
            Value::Object(object) if !self.names.is_empty() => {
                for (name, inner) in object {
                    match self.names.get(name) {
                        Some(node) => node.visit(inner, found, &mut || path().child(name), tolerant),
                        None if tolerant || found.is_void(inner) => {}
                        None => found.not_known(|| path().child(name)),
                    }
                }
            }
            Value::Array(items) if !self.elements.is_empty() => {
                for (index, inner) in items.iter().enumerate() {
                    match self.elements.get(&index) {
                        Some(node) => node.visit(inner, found, path, tolerant),
                        None if tolerant || found.is_void(inner) => {}
                        None => found.not_known(&mut *path),
                    }
                }
            }
            value => match self.place {
                Some(place) => {
                    if let Some(slot) = found.values.get_mut(place) {
                        *slot = Some(value);
                    }
                }
                None if tolerant || found.is_void(value) => {}
                None => found.not_known(&mut *path),
            },
        }
    }
}

impl Found<'_> {
    fn has(&self, place: usize) -> bool {
        self.values.get(place).is_some_and(Option::is_some)
    }

    /// True when a value says nothing: leaving it behind loses nothing.
    fn is_void(&self, value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::String(text) => self.empty_is_void && text.is_empty(),
            Value::Object(object) => object.values().all(|inner| self.is_void(inner)),
            _ => false,
        }
    }

    fn not_known(&mut self, path: impl FnOnce() -> ColumnPath) {
        if self.unknown.is_none() {
            self.unknown = Some(path());
        }
    }
}
