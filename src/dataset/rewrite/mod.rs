//! From the parser's tree to ours: every name is looked up, every expression gets a type.
//!
//! `select` does blocks and FROM, `scope` names, `expression` expressions, `compare` what meets an instant or a day,
//! `arithmetic` and `cast` the rest of the operators, `function` the table of functions.

mod arithmetic;
mod cast;
mod compare;
mod expression;
mod from;
mod function;
mod function_table;
mod literal;
mod scope;
mod select;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::finding::Findings;
use super::kind::Kind;
use super::store::Origin;
use super::tree::{Node, Query};
use super::view::StoreView;
use scope::Scope;

/// Expressions and subqueries inside each other: what is walked recursively.
const DEPTH_MAX: usize = 48;

/// An expression with its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Typed {
    pub(super) node: Node,
    pub(super) kind: Kind,
    pub(super) origin: Origin,
}

impl Typed {
    fn new(node: Node, kind: Kind) -> Self {
        Self { node, kind, origin: Origin::Other }
    }

    /// Stands where something could not be translated, so that the rest is still looked at.
    fn nothing() -> Self {
        Self::new(Node::Null, Kind::Unknown)
    }
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Output {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) origin: Origin,
    /// Whether rows are grouped by it.
    pub(super) key: bool,
}

/// A query, translated.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rewritten {
    pub(super) query: Query,
    pub(super) outputs: Vec<Output>,
    /// Tables that it reads.
    pub(super) tables: BTreeSet<String>,
    /// Whether its outermost block groups rows or folds them into one.
    pub(super) folds: bool,
    pub(super) groups: bool,
}

/// A deltaTime window, in terms of the old columns.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) expression: sqlparser::ast::Expr,
    /// Inclusive.
    pub(super) from: Node,
    /// Exclusive.
    pub(super) to: Node,
}

/// Translates `query`; with a window, every read of a datastore is bounded by it. None when there was an error.
pub(super) fn rewrite(
    query: &sqlparser::ast::Query,
    window: Option<&Window>,
    views: &[StoreView],
    database: &str,
    found: &mut Findings,
) -> Option<Rewritten> {
    let errors = found.errors();
    let mut rewriter = Rewriter {
        views,
        database,
        window,
        found,
        scopes: Vec::new(),
        depth: 0,
        tables: BTreeSet::new(),
        renamed: BTreeMap::new(),
        unverified: BTreeSet::new(),
    };
    let (query, shape) = rewriter.query(query);
    rewriter.report_collected();
    let tables = rewriter.tables;
    if found.errors() > errors {
        return None;
    }
    select::note_times(&shape.outputs, found);
    Some(Rewritten { query, outputs: shape.outputs, tables, folds: shape.folds, groups: shape.groups })
}

pub(super) struct Rewriter<'r> {
    views: &'r [StoreView],
    database: &'r str,
    window: Option<&'r Window>,
    found: &'r mut Findings,
    /// What names can mean, innermost last.
    scopes: Vec<Scope<'r>>,
    depth: usize,
    tables: BTreeSet<String>,
    /// Old name → new name, where they differ.
    renamed: BTreeMap<String, String>,
    /// Functions whose existence in Timestream is taken on trust.
    unverified: BTreeSet<&'static str>,
}

impl Rewriter<'_> {
    fn report_collected(&mut self) {
        if !self.renamed.is_empty() {
            let pairs: Vec<String> = self.renamed.iter().map(|(old, new)| format!("{old} is {new}")).collect();
            let cause = format!("columns have other names in the table: {}", super::finding::some(pairs.iter().map(String::as_str)));
            self.found.note("columns_renamed", cause, "nothing to do: the result keeps the old names");
        }
        if !self.unverified.is_empty() {
            let cause = format!(
                "it calls functions that Presto has and that we could not confirm for Timestream: {}",
                super::finding::some(self.unverified.iter().copied())
            );
            self.found.warn("function_unverified", cause, "send the query to PrepareQuery once before you rely on it");
        }
    }

    /// Refuses a part of the language by name.
    fn refuse(&mut self, what: &str, remedy: &str) -> Typed {
        self.found.error("sql_unsupported", format!("{what} is not translated"), remedy);
        Typed::nothing()
    }
}
