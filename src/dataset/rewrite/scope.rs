//! Names: which column of which relation an old query means.

use sqlparser::ast::{AccessExpr, Expr, Ident, Subscript, Value};

use super::{Output, Rewriter, Typed};
use crate::dataset::finding::some;
use crate::dataset::kind::Kind;
use crate::dataset::store::{self, Found, Origin, TIME};
use crate::dataset::tree::Node;
use crate::inventory::shown;
use crate::mapping::TableMapping;
use crate::path::{ColumnPath, Segment};

/// The relations that one FROM brings into sight.
#[derive(Debug, Default)]
pub(super) struct Scope<'r> {
    pub(super) relations: Vec<Relation<'r>>,
    /// Columns that USING made one of two; the left one is meant.
    pub(super) merged: Vec<String>,
    /// Names of the select list, while ORDER BY is translated.
    pub(super) outputs: Vec<(String, Typed)>,
}

#[derive(Debug)]
pub(super) struct Relation<'r> {
    /// How the old query calls it, in lower case.
    pub(super) name: Option<String>,
    /// The alias that the new query gives it.
    pub(super) alias: Option<String>,
    pub(super) columns: Columns<'r>,
}

#[derive(Debug, Clone)]
pub(super) enum Columns<'r> {
    Store(&'r TableMapping),
    Derived(Vec<Output>),
    /// A table that could not be translated: whatever is asked of it has been reported.
    Lost,
}

/// One place where a name could be found.
struct Hit {
    found: Found,
    alias: Option<String>,
    outer: bool,
}

impl Rewriter<'_> {
    /// The column that a dotted name means.
    pub(super) fn column(&mut self, parts: &[Ident]) -> Typed {
        let path: Vec<Segment> = parts.iter().map(|part| Segment::Name(part.value.clone())).collect();
        if let [single] = parts
            && let Some(typed) = self.output_named(&single.value)
        {
            return typed;
        }
        self.path(&path)
    }

    /// `device.coord[1]`; arrays of SQL count from 1.
    pub(super) fn access(&mut self, root: &Expr, chain: &[AccessExpr]) -> Typed {
        let mut path = match root {
            Expr::Identifier(ident) => vec![Segment::Name(ident.value.clone())],
            Expr::CompoundIdentifier(parts) => parts.iter().map(|part| Segment::Name(part.value.clone())).collect(),
            _ => return self.refuse("access into an expression", "name a column and the members inside it"),
        };
        for step in chain {
            let segment = match step {
                AccessExpr::Dot(Expr::Identifier(ident)) => Some(Segment::Name(ident.value.clone())),
                AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) => index_of(&value.value),
                _ => None,
            };
            let Some(segment) = segment else {
                return self.refuse("this access into an array or object", "use names, and whole numbers from 1 in brackets");
            };
            path.push(segment);
        }
        self.path(&path)
    }

    fn output_named(&self, name: &str) -> Option<Typed> {
        let outputs = &self.scopes.last()?.outputs;
        outputs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, typed)| typed.clone())
    }

    fn path(&mut self, path: &[Segment]) -> Typed {
        let written = written(path);
        let hits = self.hits(path);
        let best = hits.iter().filter(|hit| hit.found != Found::Missing);
        let columns: Vec<&Hit> =
            best.clone().filter(|hit| matches!(hit.found, Found::Column(_) | Found::Day | Found::DatePart(_))).collect();
        if columns.len() > 1 {
            let cause = format!("column {} is in more than one of the tables that are joined", shown(&written));
            self.found.error("column_ambiguous", cause, "write the table's name or alias in front of it");
            return Typed::nothing();
        }
        match columns.first().copied().or_else(|| best.clone().next()) {
            Some(hit) => self.found_column(&written, hit),
            None => self.unknown(&written),
        }
    }

    /// What the name means in the innermost scope that knows it.
    fn hits(&self, path: &[Segment]) -> Vec<Hit> {
        for (at, scope) in self.scopes.iter().enumerate().rev() {
            let outer = at + 1 < self.scopes.len();
            let alone = scope.relations.len() == 1 && !outer;
            let mut hits: Vec<Hit> = Vec::new();
            let qualifier = match path {
                [Segment::Name(first), _, ..] => Some(first.to_lowercase()),
                _ => None,
            };
            let named = scope.relations.iter().filter(|relation| qualifier.is_some() && relation.name == qualifier);
            let whole = scope.relations.iter();
            for (relation, path) in
                named.map(|relation| (relation, path.get(1..).unwrap_or_default())).chain(whole.map(|relation| (relation, path)))
            {
                let found = relation.find(path);
                if found != Found::Missing {
                    hits.push(Hit { found, alias: if alone { None } else { relation.alias.clone() }, outer });
                }
            }
            let merged = matches!(path, [Segment::Name(name)] if scope.merged.iter().any(|known| known.eq_ignore_ascii_case(name)));
            if merged {
                hits.truncate(1);
            }
            if !hits.is_empty() {
                return hits;
            }
        }
        Vec::new()
    }

    fn found_column(&mut self, written: &str, hit: &Hit) -> Typed {
        if hit.outer && hit.alias.is_none() {
            return self.refuse(
                &format!("column {} of an outer table without an alias", shown(written)),
                "give the outer table an alias and write it in front of the column",
            );
        }
        let column = |name: &str| Node::Column { relation: hit.alias.clone(), name: name.to_owned() };
        match &hit.found {
            Found::Column(target) => Typed { node: column(&target.name), kind: target.kind.clone(), origin: target.origin },
            Found::Day => {
                self.found.warn(
                    "ingestion_day",
                    "`__dt` was the approximate day on which the service took a message in; it is the day of the event now",
                    "widen the range by a day where messages came in late",
                );
                Typed::new(column(TIME), Kind::Day)
            }
            Found::DatePart(function) => {
                self.found.warn(
                    "partition_column",
                    "a partition column (`__year`, `__month`, `__day`, `__hour`) is computed from the event time now, so it spares no \
                     reading and cannot differ from it",
                    "add a condition on `time` to keep the query cheap",
                );
                Typed::new(Node::call(function, vec![column(TIME)]), Kind::DatePart)
            }
            Found::Ignored => {
                let cause = format!("column {} is left behind by the mapping", shown(written));
                self.found.error("column_left_behind", cause, "take it out of `ignored` in migration.toml, or out of the query");
                Typed::nothing()
            }
            Found::Parent(children) => {
                let cause = format!(
                    "{} was an object or array and is several columns now: {}",
                    shown(written),
                    some(children.iter().map(String::as_str))
                );
                self.found.error("column_flattened", cause, "name the members that the query needs");
                Typed::nothing()
            }
            Found::Missing => self.unknown(written),
        }
    }

    fn unknown(&mut self, written: &str) -> Typed {
        if self.scopes.iter().flat_map(|scope| &scope.relations).any(|relation| matches!(relation.columns, Columns::Lost)) {
            return Typed::nothing();
        }
        let known: Vec<String> = self.scopes.iter().rev().flat_map(|scope| &scope.relations).flat_map(Relation::names).collect();
        let there = if known.is_empty() { "no column at all".to_owned() } else { some(known.iter().map(String::as_str)) };
        let cause = format!("no column is called {}; there is {there}", shown(written));
        self.found.error("unknown_column", cause, "correct the name; if the pipeline never set it, the old query never found a row either");
        Typed::nothing()
    }
}

impl Relation<'_> {
    pub(super) fn find(&self, path: &[Segment]) -> Found {
        if path.is_empty() {
            return Found::Missing;
        }
        match &self.columns {
            Columns::Store(mapping) => store::find(mapping, path),
            Columns::Lost => Found::Missing,
            Columns::Derived(outputs) => {
                let [Segment::Name(name)] = path else { return Found::Missing };
                let output = outputs.iter().find(|output| output.name.eq_ignore_ascii_case(name));
                output.map_or(Found::Missing, |output| {
                    Found::Column(store::Target { name: output.name.clone(), kind: output.kind.clone(), origin: output.origin })
                })
            }
        }
    }

    /// The old names of its columns, with where they are now.
    pub(super) fn all(&self) -> Vec<(String, store::Target)> {
        match &self.columns {
            Columns::Store(mapping) => {
                let columns = store::columns(mapping).into_iter();
                columns.map(|(column, target)| (star_name(column, &target), target)).collect()
            }
            Columns::Lost => Vec::new(),
            Columns::Derived(outputs) => outputs
                .iter()
                .map(|output| {
                    let target = store::Target { name: output.name.clone(), kind: output.kind.clone(), origin: output.origin };
                    (output.name.clone(), target)
                })
                .collect(),
        }
    }

    fn names(&self) -> Vec<String> {
        match &self.columns {
            Columns::Store(mapping) => store::columns(mapping).into_iter().map(|(column, _)| column.to_string()).collect(),
            _ => self.all().into_iter().map(|(name, _)| name).collect(),
        }
    }
}

/// What `SELECT *` calls a column: its own name, or the new one where it stood inside an object.
fn star_name(column: &ColumnPath, target: &store::Target) -> String {
    match column.segments() {
        [Segment::Name(name)] => name.clone(),
        _ if target.origin == Origin::Time => column.flattened("_"),
        _ => target.name.clone(),
    }
}

pub(super) fn index_of(value: &Value) -> Option<Segment> {
    let Value::Number(digits, false) = value else { return None };
    digits.parse::<usize>().ok()?.checked_sub(1).map(Segment::Index)
}

/// A path as the old query wrote it.
fn written(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Name(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Segment::Index(index) => text.push_str(&format!("[{}]", index + 1)),
        }
    }
    text
}
