//! Whether the mappings of a store take each row once, and whether those of a table agree on its columns.

use std::collections::{BTreeMap, BTreeSet};

use super::check::shown as shown_text;
use super::refusal::shown;
use super::{TableMapping, Takes};
use crate::record::MeasureKind;

/// Dimensions and measures of a table over all of its measure names (facts: WriteRecords limits).
const TABLE_DIMENSIONS_MAX: usize = 128;
const TABLE_MEASURES_MAX: usize = 1024;

/// One thing that is wrong between the mappings of a store or of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteProblem {
    /// The number of the mapping to change.
    pub mapping: usize,
    /// The key of its `[[table]]`.
    pub field: &'static str,
    /// One line.
    pub cause: String,
    /// One line: what to change in migration.toml.
    pub remedy: String,
}

/// Everything that keeps `mappings` from taking each row exactly once, or from sharing a table; nothing when all is well.
#[must_use]
pub fn check_routes(mappings: &[&TableMapping]) -> Vec<RouteProblem> {
    let mut problems = Vec::new();
    let mut stores: BTreeMap<&str, Store<'_>> = BTreeMap::new();
    let mut tables: BTreeMap<&str, Table<'_>> = BTreeMap::new();
    for (number, mapping) in mappings.iter().enumerate() {
        let mut add = |field, cause: String, remedy: String| problems.push(RouteProblem { mapping: number, field, cause, remedy });
        match stores.get_mut(mapping.store.as_str()) {
            Some(store) => store.add(mapping, &mut add),
            None => {
                let store = stores.entry(&mapping.store).or_insert(Store { first: mapping, values: BTreeSet::new(), has_otherwise: false });
                store.add_route(mapping, &mut add);
            }
        }
        match tables.get_mut(mapping.table.as_str()) {
            Some(table) => table.share(mapping, &mut add),
            None => {
                tables.insert(&mapping.table, Table::of(mapping));
            }
        }
    }
    problems
}

/// What the mappings of one store take so far.
struct Store<'m> {
    first: &'m TableMapping,
    values: BTreeSet<&'m str>,
    has_otherwise: bool,
}

/// Field, cause and remedy.
type Add<'a> = dyn FnMut(&'static str, String, String) + 'a;

impl<'m> Store<'m> {
    fn add(&mut self, mapping: &'m TableMapping, add: &mut Add<'_>) {
        let example = || "as route = { column = \"type\", values = [\"…\"] } or route = { column = \"type\", otherwise = true }".to_owned();
        match (&self.first.route, &mapping.route) {
            (_, None) => add(
                "store",
                format!("another [[table]] has the store `{}` already, and this one has no route", shown_text(&mapping.store)),
                format!("give each of them a route, {}", example()),
            ),
            (None, Some(_)) => add(
                "route",
                format!("another [[table]] takes all rows of the store `{}`, as it has no route", shown_text(&mapping.store)),
                format!("give that one a route too, {}", example()),
            ),
            (Some(first), Some(route)) if first.column != route.column => add(
                "route",
                format!("its column is {}, and another [[table]] of the store routes by {}", shown(&route.column), shown(&first.column)),
                "route all rows of a store by one column".to_owned(),
            ),
            (Some(_), Some(_)) => self.add_route(mapping, add),
        }
    }

    fn add_route(&mut self, mapping: &'m TableMapping, add: &mut Add<'_>) {
        match mapping.route.as_ref().map(|route| &route.takes) {
            None => {}
            Some(Takes::Otherwise) if self.has_otherwise => add(
                "route",
                "another [[table]] of the store has otherwise = true already".to_owned(),
                "leave it to one of them, and name the values of the other".to_owned(),
            ),
            Some(Takes::Otherwise) => self.has_otherwise = true,
            Some(Takes::Values(values)) => {
                if values.is_empty() {
                    add("route", "it names no value".to_owned(), "name at least one, or set otherwise = true".to_owned());
                }
                for value in values {
                    if value.is_empty() {
                        let remedy = "leave it out; rows without a value go where otherwise = true is";
                        add("route", "the empty text is no value".to_owned(), remedy.to_owned());
                    } else if !self.values.insert(value) {
                        let cause =
                            format!("the value \"{}\" is taken already, here or by another [[table]] of the store", shown_text(value));
                        add("route", cause, "name every value once".to_owned());
                    }
                }
            }
        }
    }
}

/// What the mappings of one table write to it so far.
struct Table<'m> {
    first: &'m TableMapping,
    measure_names: Vec<&'m str>,
    dimensions: Vec<&'m str>,
    measures: BTreeMap<&'m str, MeasureKind>,
}

impl<'m> Table<'m> {
    fn of(mapping: &'m TableMapping) -> Self {
        let mut table = Self { first: mapping, measure_names: Vec::new(), dimensions: Vec::new(), measures: BTreeMap::new() };
        table.take(mapping);
        table
    }

    fn take(&mut self, mapping: &'m TableMapping) {
        self.measure_names.push(&mapping.measure_name);
        for rule in &mapping.dimensions {
            if !self.dimensions.contains(&&*rule.name) {
                self.dimensions.push(&rule.name);
            }
        }
        for rule in &mapping.measures {
            self.measures.entry(&rule.name).or_insert(rule.kind);
        }
    }

    fn share(&mut self, mapping: &'m TableMapping, add: &mut Add<'_>) {
        let table = shown_text(&mapping.table);
        if self.first.store != mapping.store {
            // Two stores in one table would make each other's rows collide unseen.
            add("table", format!("another [[table]] has the table `{table}` already"), "each store needs its own".to_owned());
            return;
        }
        if self.measure_names.contains(&&*mapping.measure_name) {
            let name = shown_text(&mapping.measure_name);
            let cause = format!("another [[table]] writes to the table `{table}` under the measure name `{name}` already");
            add("measure_name", cause, "choose another measure name or another table, or put the values into one route".to_owned());
        }
        for rule in &mapping.measures {
            let name = shown_text(&rule.name);
            match self.measures.get(&*rule.name) {
                Some(kind) if *kind != rule.kind => {
                    let cause = format!(
                        "the measure `{name}` is {} here and {} in another [[table]] of the table `{table}`; a measure has one type per table",
                        rule.kind.name(),
                        kind.name()
                    );
                    add("measures", cause, "give them one type, or rename one of them".to_owned());
                }
                _ => {}
            }
            if self.dimensions.contains(&&*rule.name) {
                let cause = format!("`{name}` is a measure here and a dimension in another [[table]] of the table `{table}`");
                add("measures", cause, "rename one of them".to_owned());
            }
        }
        for rule in mapping.dimensions.iter().filter(|rule| self.measures.contains_key(&*rule.name)) {
            let name = shown_text(&rule.name);
            let cause = format!("`{name}` is a dimension here and a measure in another [[table]] of the table `{table}`");
            add("dimensions", cause, "rename one of them".to_owned());
        }
        self.take(mapping);
        for (field, what, count, max) in [
            ("dimensions", "dimensions", self.dimensions.len(), TABLE_DIMENSIONS_MAX),
            ("measures", "measures", self.measures.len(), TABLE_MEASURES_MAX),
        ] {
            if count > max {
                let cause = format!("the [[table]]s of the table `{table}` have {count} different {what}, and a table holds at most {max}");
                add(field, cause, "write some of them to another table".to_owned());
            }
        }
    }
}
