//! Rows in, figures out: the part of a survey that reads nothing itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::column::ColumnCounter;
use super::{COLUMNS_MAX, Extent, StoreSurvey, Survey, is_partition_column, merge};
use crate::history::{BadRow, ObjectRead, Row, SourceObject};
use crate::path::ColumnPath;
use crate::value::{Object, Value};

/// Collects the figures of all stores. Objects are announced one after the other; rows belong to the last one announced.
#[derive(Debug, Default)]
pub struct SurveyBuilder {
    stores: Vec<StoreBuilder>,
    by_name: BTreeMap<String, usize>,
    current: usize,
    /// Different values that all columns remember together.
    remembered: u64,
}

/// One store's columns as a tree of names, so that no path is written out per row.
#[derive(Debug)]
struct StoreBuilder {
    survey: StoreSurvey,
    nodes: Vec<Node>,
    columns: Vec<ColumnCounter>,
    /// Top-level columns by lower-case name.
    spellings: BTreeMap<String, Vec<usize>>,
    /// The lower-case names that have more than one spelling.
    watched: BTreeSet<String>,
    /// The lower-case names of which one row had two spellings.
    together: BTreeSet<String>,
    partitions: BTreeSet<String>,
    object_rows: u64,
}

#[derive(Debug)]
struct Node {
    /// None for the message itself.
    path: Option<ColumnPath>,
    names: HashMap<Box<str>, usize>,
    column: Option<usize>,
}

impl SurveyBuilder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an object of the listing into its store, whether its rows are read or not.
    pub fn listed(&mut self, object: &SourceObject) {
        let at = self.store(&object.store);
        if let Some(store) = self.stores.get_mut(at) {
            store.survey.objects += 1;
            store.survey.bytes += object.size_bytes;
            if !store.survey.layouts.contains(&object.layout) {
                store.survey.layouts.push(object.layout);
            }
            if !store.survey.formats.contains(&object.format) {
                store.survey.formats.push(object.format);
            }
        }
    }

    /// The rows of `object` follow.
    pub fn object(&mut self, object: &SourceObject) {
        self.current = self.store(&object.store);
        if let Some(store) = self.stores.get_mut(self.current) {
            store.object_rows = 0;
            store.partitions = object.partitions.iter().map(|(name, _)| name.clone()).collect();
        }
    }

    pub fn row(&mut self, row: &Row) {
        if let Some(store) = self.stores.get_mut(self.current) {
            store.row(&row.columns, &mut self.remembered);
        }
    }

    pub fn bad(&mut self, _row: &BadRow) {
        if let Some(store) = self.stores.get_mut(self.current) {
            store.survey.bad_rows += 1;
            store.object_rows += 1;
        }
    }

    /// A message that a pipeline drops says nothing about the rows.
    pub fn filtered(&mut self) {
        if let Some(store) = self.stores.get_mut(self.current) {
            store.survey.filtered_rows += 1;
            store.object_rows += 1;
        }
    }

    /// The object that was announced last is over. `cut` says that the survey stopped before its end.
    pub fn end(&mut self, object: &SourceObject, read: &ObjectRead, cut: bool) {
        let Some(store) = self.stores.get_mut(self.current) else { return };
        store.survey.sampled |= cut;
        match &read.damage {
            Some(reason) => store.survey.damaged.push((object.id.key.clone(), reason.clone())),
            None => store.survey.empty_objects += u64::from(store.object_rows == 0),
        }
    }

    /// Notes that objects of `store` were left out.
    pub fn sampled(&mut self, store: &str) {
        let at = self.store(store);
        if let Some(store) = self.stores.get_mut(at) {
            store.survey.sampled = true;
        }
    }

    #[must_use]
    pub fn finish(self, extent: Extent) -> Survey {
        let mut stores = self.stores;
        let finished = self.by_name.into_iter().map(|(name, at)| {
            let store = stores.get_mut(at).map(|store| std::mem::replace(store, StoreBuilder::new()));
            (name, store.map(StoreBuilder::finish).unwrap_or_default())
        });
        Survey { extent, stores: finished.collect() }
    }

    fn store(&mut self, name: &str) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let at = self.stores.len();
        self.stores.push(StoreBuilder::new());
        self.by_name.insert(name.to_owned(), at);
        at
    }
}

impl StoreBuilder {
    fn new() -> Self {
        Self {
            survey: StoreSurvey::default(),
            nodes: vec![Node { path: None, names: HashMap::new(), column: None }],
            columns: Vec::new(),
            spellings: BTreeMap::new(),
            watched: BTreeSet::new(),
            together: BTreeSet::new(),
            partitions: BTreeSet::new(),
            object_rows: 0,
        }
    }

    fn row(&mut self, columns: &Object, remembered: &mut u64) {
        self.survey.rows += 1;
        self.object_rows += 1;
        self.walk(0, columns, remembered);
        let row = self.survey.rows;
        for name in &self.watched {
            let columns = self.spellings.get(name).map_or(&[][..], Vec::as_slice);
            let here = columns.iter().filter(|at| self.columns.get(**at).is_some_and(|column| column.last_row == row));
            if here.count() > 1 && !self.together.contains(name) {
                self.together.insert(name.clone());
            }
        }
    }

    /// Depth is bounded by the reader ([`crate::history::ReadLimits`]).
    fn walk(&mut self, node: usize, object: &Object, remembered: &mut u64) {
        for (name, value) in object {
            let Some(child) = self.child(node, name) else {
                self.survey.values_beyond_columns += 1;
                continue;
            };
            match value {
                Value::Object(inner) if !inner.is_empty() => self.walk(child, inner, remembered),
                leaf => self.leaf(child, leaf, remembered),
            }
        }
    }

    fn child(&mut self, node: usize, name: &str) -> Option<usize> {
        if let Some(child) = self.nodes.get(node)?.names.get(name) {
            return Some(*child);
        }
        // An inner node costs as much as a column, so both have the one limit. A path cannot begin with an empty name.
        if self.nodes.len() > COLUMNS_MAX || (node == 0 && name.is_empty()) {
            return None;
        }
        let path = match &self.nodes.get(node)?.path {
            None => ColumnPath::top(name),
            Some(parent) => parent.child(name),
        };
        let child = self.nodes.len();
        self.nodes.push(Node { path: Some(path), names: HashMap::new(), column: None });
        self.nodes.get_mut(node)?.names.insert(name.into(), child);
        Some(child)
    }

    fn leaf(&mut self, node: usize, value: &Value, remembered: &mut u64) {
        let row = self.survey.rows;
        let Some(at) = self.column(node) else { return };
        if let Some(column) = self.columns.get_mut(at) {
            column.count(value, row, remembered);
        }
    }

    /// The column of a node, made when it is first met.
    fn column(&mut self, node: usize) -> Option<usize> {
        let here = self.nodes.get_mut(node)?;
        if here.column.is_some() {
            return here.column;
        }
        let at = self.columns.len();
        here.column = Some(at);
        let path = here.path.clone()?;
        let name = merge::top_level_name(&path).map(str::to_owned);
        let partition = name.as_deref().is_some_and(|name| self.partitions.contains(name) || is_partition_column(name));
        self.columns.push(ColumnCounter::new(path, partition));
        if let Some(name) = name {
            let lower = name.to_lowercase();
            let spellings = self.spellings.entry(lower.clone()).or_default();
            spellings.push(at);
            if spellings.len() > 1 {
                self.watched.insert(lower);
            }
        }
        Some(at)
    }

    fn finish(self) -> StoreSurvey {
        let followed: BTreeSet<usize> = self.nodes.iter().filter(|node| !node.names.is_empty()).filter_map(|node| node.column).collect();
        let apart = |name: &str, columns: &[usize]| {
            self.watched.contains(name) && !self.together.contains(name) && !columns.iter().any(|at| followed.contains(at))
        };
        let mergeable = self.spellings.iter().filter(|(name, columns)| apart(name, columns)).map(|(_, columns)| columns.clone());
        let columns = merge::spellings(self.columns, mergeable.collect());
        StoreSurvey { columns, ..self.survey }
    }
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
