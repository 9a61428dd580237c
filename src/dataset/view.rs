//! A datastore as one table: its rows can have gone to several, by a route.

use super::store;
use crate::mapping::{DimensionRule, MeasureRule, TableMapping};
use crate::path::ColumnPath;
use crate::record::MeasureKind;

/// A datastore, and where its rows are now.
#[derive(Debug)]
pub(super) struct StoreView {
    /// All columns of all its mappings, under one name each.
    pub(super) columns: TableMapping,
    /// In the order of the mappings.
    pub(super) parts: Vec<Part>,
    /// Why the parts do not make one table.
    pub(super) conflict: Option<String>,
    /// Whether every part calls its columns as `columns` does.
    pub(super) same_names: bool,
}

/// The records of one mapping.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) mapping: TableMapping,
    /// Whether other records are in its table too.
    pub(super) shared: bool,
}

impl StoreView {
    /// The views of all stores that `mappings` name.
    pub(super) fn all(mappings: &[&TableMapping]) -> Vec<Self> {
        let mut views: Vec<Self> = Vec::new();
        for mapping in mappings {
            let others = mappings.iter().filter(|other| other.table == mapping.table && other.measure_name != mapping.measure_name);
            let part = Part { mapping: (*mapping).clone(), shared: others.count() > 0 };
            match views.iter_mut().find(|view| view.columns.store.eq_ignore_ascii_case(&mapping.store)) {
                Some(view) => view.join(part),
                None => views.push(Self { columns: (*mapping).clone(), parts: vec![part], conflict: None, same_names: true }),
            }
        }
        views
    }

    fn join(&mut self, part: Part) {
        let other = &part.mapping;
        if other.time != self.columns.time {
            self.conflict = Some("its time is read from different columns or in different formats".to_owned());
        }
        for (column, target) in store::columns(other) {
            let known = find(&self.columns, column);
            let (kind, format) = kind_of(other, column);
            match known {
                None if target.origin == store::Origin::Dimension => {
                    self.columns.dimensions.push(DimensionRule { column: column.clone(), name: target.name.as_str().into() });
                }
                None => {
                    self.columns.measures.push(MeasureRule { column: column.clone(), name: target.name.as_str().into(), kind, format });
                }
                Some(known) => {
                    self.same_names &= known.name == target.name;
                    if kind_of(&self.columns, column).0 != kind {
                        self.conflict =
                            Some(format!("its column {} has different types in them", crate::inventory::shown(&column.to_string())));
                    }
                    if known.origin == store::Origin::Dimension && target.origin != store::Origin::Dimension {
                        self.demote(column);
                    }
                }
            }
        }
        self.columns.ignored.extend(other.ignored.iter().cloned());
        self.parts.push(part);
    }

    /// What is a dimension in one part only is a text in the whole.
    fn demote(&mut self, column: &ColumnPath) {
        if let Some(at) = self.columns.dimensions.iter().position(|rule| same(&rule.column, column)) {
            let rule = self.columns.dimensions.remove(at);
            self.columns.measures.push(MeasureRule { column: rule.column, name: rule.name, kind: MeasureKind::Varchar, format: None });
        }
    }

    /// The table, where there is only one and it can be read as it is.
    pub(super) fn only_table(&self) -> Option<&str> {
        let first = self.parts.first()?;
        let one = self.parts.iter().all(|part| part.mapping.table == first.mapping.table);
        (one && self.same_names).then_some(first.mapping.table.as_str())
    }
}

impl Part {
    /// What this part calls a column of the view.
    pub(super) fn name_of(&self, column: &ColumnPath) -> Option<String> {
        find(&self.mapping, column).map(|target| target.name)
    }
}

fn find(mapping: &TableMapping, column: &ColumnPath) -> Option<store::Target> {
    store::columns(mapping).into_iter().find(|(known, _)| same(known, column)).map(|(_, target)| target)
}

fn same(one: &ColumnPath, other: &ColumnPath) -> bool {
    one.to_string().to_lowercase() == other.to_string().to_lowercase()
}

/// The type that a column is stored as; a dimension is a text.
fn kind_of(mapping: &TableMapping, column: &ColumnPath) -> (MeasureKind, Option<crate::time::TimeFormat>) {
    let measure = mapping.measures.iter().find(|rule| same(&rule.column, column));
    let dimension = mapping.dimensions.iter().any(|rule| same(&rule.column, column));
    match measure {
        _ if same(&mapping.time.column, column) => (MeasureKind::Timestamp, Some(mapping.time.format.clone())),
        Some(rule) if !dimension => (rule.kind, rule.format.clone()),
        _ => (MeasureKind::Varchar, None),
    }
}
