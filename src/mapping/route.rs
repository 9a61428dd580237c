//! Which of a store's mappings takes a row: by the text in one column.
//!
//! Census, backfill, verification and the generated handler route by the same rules:
//! - A store with one mapping and no route: it takes every row.
//! - The routing column is found as every column is: by its exact name, or by the one that differs in case only.
//! - Values are compared as the text that a VARCHAR measure would hold: strings as they are, numbers by their own digits,
//!   `true` and `false`, instants as ISO 8601, arrays and objects as compact JSON.
//! - Missing, null and the empty text are no value. A row without one goes to the mapping that takes all others, if there is one.
//! - The first mapping of a store is its *home*: rows that no mapping takes, and rows that could not be decoded, are counted there.

use std::collections::{BTreeMap, HashMap};

use super::columns::Columns;
use super::refusal::{excerpt, shown};
use super::{MappingError, Refusal, RefusalCode, RouteProblem, RuleProblem, TableMapping, Takes, check_routes, values};
use crate::path::ColumnPath;
use crate::value::{Object, Value};

/// Finds the mapping of a row among those of one store.
#[derive(Debug)]
pub struct Router {
    home: usize,
    /// None when the one mapping takes every row.
    choice: Option<Choice>,
}

#[derive(Debug)]
struct Choice {
    column: ColumnPath,
    columns: Columns,
    by_value: HashMap<String, usize>,
    otherwise: Option<usize>,
}

impl Router {
    /// Takes the mappings of one store, each with the number that [`Router::route`] answers with, in the order of the settings.
    ///
    /// # Errors
    /// When there is none, or when [`check_routes`] finds something wrong with them.
    pub fn new<'m>(mappings: impl IntoIterator<Item = (usize, &'m TableMapping)>) -> Result<Self, MappingError> {
        let mappings: Vec<(usize, &TableMapping)> = mappings.into_iter().collect();
        let rules: Vec<&TableMapping> = mappings.iter().map(|(_, mapping)| *mapping).collect();
        refuse_wrong(&rules)?;
        let Some((home, first)) = mappings.first() else {
            return Err(MappingError::Rules { store: String::new(), problems: Vec::new() });
        };
        let Some(route) = &first.route else { return Ok(Self { home: *home, choice: None }) };
        let mut choice =
            Choice { column: route.column.clone(), columns: Columns::only(&route.column), by_value: HashMap::new(), otherwise: None };
        for (number, mapping) in &mappings {
            match mapping.route.as_ref().map(|route| &route.takes) {
                Some(Takes::Values(values)) => choice.by_value.extend(values.iter().map(|value| (value.clone(), *number))),
                Some(Takes::Otherwise) | None => choice.otherwise = Some(*number),
            }
        }
        Ok(Self { home: *home, choice: Some(choice) })
    }

    /// The number of the store's first mapping: where rows are counted that no mapping takes.
    #[must_use]
    pub fn home(&self) -> usize {
        self.home
    }

    /// The number of the one mapping that takes a row of these columns.
    ///
    /// # Errors
    /// [`RefusalCode::NoRoute`] when none does.
    pub fn route(&self, row: &Object) -> Result<usize, Refusal> {
        let Some(choice) = &self.choice else { return Ok(self.home) };
        let found = choice.columns.find(row);
        let value = found.values.first().copied().flatten();
        choice.number(value).ok_or_else(|| choice.refusal(value))
    }
}

impl Choice {
    fn number(&self, value: Option<&Value>) -> Option<usize> {
        let taken = match value {
            None => None,
            Some(Value::String(text)) => self.by_value.get(text),
            Some(other) => self.by_value.get(&values::text(other)),
        };
        taken.copied().or(self.otherwise)
    }

    fn refusal(&self, value: Option<&Value>) -> Refusal {
        let column = shown(&self.column);
        let detail = match value.filter(|value| !is_empty(value)) {
            None => {
                format!(
                    "the routing column {column} is missing, null or empty; a [[table]] whose route has otherwise = true takes such rows"
                )
            }
            Some(value) => format!(
                "the routing column {column} is {}, which no route takes; add it to a route in migration.toml, or a [[table]] whose route \
                 has otherwise = true",
                excerpt(value)
            ),
        };
        Refusal { code: RefusalCode::NoRoute, column: Some(self.column.clone()), detail }
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::String(text) if text.is_empty())
}

/// The router of every store that `mappings` name; numbers count the mappings from 0.
///
/// # Errors
/// When [`check_routes`] finds something wrong.
pub fn routers<'m>(mappings: impl IntoIterator<Item = &'m TableMapping>) -> Result<BTreeMap<String, Router>, MappingError> {
    let mappings: Vec<&TableMapping> = mappings.into_iter().collect();
    refuse_wrong(&mappings)?;
    let mut stores: BTreeMap<&str, Vec<(usize, &TableMapping)>> = BTreeMap::new();
    for (number, mapping) in mappings.into_iter().enumerate() {
        stores.entry(&mapping.store).or_default().push((number, mapping));
    }
    stores.into_iter().map(|(store, mappings)| Ok((store.to_owned(), Router::new(mappings)?))).collect()
}

fn refuse_wrong(mappings: &[&TableMapping]) -> Result<(), MappingError> {
    let problems = check_routes(mappings);
    let Some(first) = problems.first() else { return Ok(()) };
    let store = mappings.get(first.mapping).map(|mapping| mapping.store.clone()).unwrap_or_default();
    let rule = |problem: RouteProblem| RuleProblem { subject: problem.field.to_owned(), cause: problem.cause, remedy: problem.remedy };
    Err(MappingError::Rules { store, problems: problems.into_iter().map(rule).collect() })
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
