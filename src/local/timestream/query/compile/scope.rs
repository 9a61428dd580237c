//! Names: which column or table an identifier means.
//!
//! Names of Timestream are case sensitive; Presto folds what is not quoted. So an exact match wins, and an unquoted name
//! without one may match in another case, if only one column does.

use sqlparser::ast::{Ident, ObjectName};

use super::{FoundTable, TableShape, Typed};
use crate::local::timestream::query::Catalogue;
use crate::local::timestream::query::failure::QueryFailure;
use crate::local::timestream::query::syntax::{Name, at};

/// The columns that a block's FROM brings into sight.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Names by which the relation can be qualified: `["alias"]`, or `["database", "table"]`.
    pub(super) path: Vec<String>,
    pub(super) columns: Vec<(String, Typed)>,
}

impl Scope {
    /// The column that `parts` names: the last part is the column, those before it the relation.
    pub(super) fn resolve(&self, parts: &[Ident]) -> Result<(&str, &Typed), QueryFailure> {
        let Some((last, qualifiers)) = parts.split_last() else {
            return Err(QueryFailure::Validation("an empty name".to_owned()));
        };
        let written = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
        let place = at(parts.first().map_or(last.span, |part| part.span));
        let missing = || QueryFailure::Validation(format!("{place}Column '{written}' does not exist"));
        if !self.is_named(qualifiers) {
            return Err(missing());
        }
        let matching = |same: fn(&str, &str) -> bool| self.columns.iter().filter(|(name, _)| same(name, &last.value)).collect::<Vec<_>>();
        let mut found = matching(|a, b| a == b);
        if found.is_empty() && last.quote_style.is_none() {
            found = matching(str::eq_ignore_ascii_case);
        }
        match found.as_slice() {
            [] => Err(missing()),
            [(name, typed)] => Ok((name, typed)),
            _ => Err(QueryFailure::Validation(format!("{place}Column '{written}' is ambiguous"))),
        }
    }

    /// Whether `qualifiers` is a tail of this relation's path.
    pub(super) fn is_named(&self, qualifiers: &[Ident]) -> bool {
        let Some(start) = self.path.len().checked_sub(qualifiers.len()) else { return false };
        self.path.iter().skip(start).zip(qualifiers).all(|(name, qualifier)| is_same_name(name, qualifier))
    }
}

/// Exact, or in another case when the identifier is not quoted.
pub(super) fn is_same_name(name: &str, ident: &Ident) -> bool {
    name == ident.value || (ident.quote_style.is_none() && name.eq_ignore_ascii_case(&ident.value))
}

/// The plain identifiers of a dotted name.
pub(super) fn identifiers(name: &ObjectName) -> Option<Vec<Ident>> {
    name.0.iter().map(|part| part.as_ident().cloned()).collect()
}

/// The shape of a table that a query names, under its real names.
pub(in super::super) fn find_table(catalogue: &dyn Catalogue, database: &Ident, table: &Ident) -> Result<FoundTable, QueryFailure> {
    let missing = || QueryFailure::Validation(format!("{}Table {}.{} does not exist", at(database.span), database.value, table.value));
    if let Some(shape) = catalogue.shape(&database.value, &table.value)? {
        return Ok((database.value.clone(), table.value.clone(), shape));
    }
    let real_database = only(catalogue.databases()?.into_iter().filter(|name| is_same_name(name, database))).ok_or_else(missing)?;
    let tables = catalogue.tables(&real_database)?.ok_or_else(missing)?;
    let real_table = only(tables.into_iter().filter(|name| is_same_name(name, table))).ok_or_else(missing)?;
    let shape = catalogue.shape(&real_database, &real_table)?.ok_or_else(missing)?;
    Ok((real_database, real_table, shape))
}

/// The shape of a table that SHOW or DESCRIBE names.
pub(in super::super) fn table_shape(catalogue: &dyn Catalogue, database: &Name, table: &Name) -> Result<TableShape, QueryFailure> {
    let ident = |name: &Name| Ident { value: name.value.clone(), quote_style: None, span: name.span };
    find_table(catalogue, &ident(database), &ident(table)).map(|(_, _, shape)| shape)
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    if items.next().is_some() { None } else { Some(first) }
}
