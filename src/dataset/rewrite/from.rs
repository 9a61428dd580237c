//! FROM: tables, subqueries, joins, and the bounds that every read of a datastore gets.

use sqlparser::ast::{Ident, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor, TableWithJoins};

use super::scope::{Columns, Relation, Scope};
use super::select::{SUBSET, empty, single_name};
use super::{Rewriter, Typed, Window};
use crate::dataset::finding::some;
use crate::dataset::store::{self, Found};
use crate::dataset::tree::{Block, Body, Item, Node, Query, Source};
use crate::dataset::view::{Part, StoreView};
use crate::inventory::shown;
use crate::mapping::TableMapping;
use crate::path::Segment;

impl<'r> Rewriter<'r> {
    /// FROM, and what must be true of its rows besides WHERE.
    pub(super) fn from(&mut self, tables: &[TableWithJoins]) -> (Option<Source>, Option<Node>) {
        let alone = matches!(tables, [only] if only.joins.is_empty());
        let mut from: Option<Source> = None;
        for table in tables {
            let mut source = self.factor(&table.relation, alone);
            for join in &table.joins {
                source = self.join(source, join);
            }
            from = Some(match from {
                None => source,
                Some(left) => Source::Join { left: Box::new(left), right: Box::new(source), word: "CROSS JOIN", on: None },
            });
        }
        match from {
            Some(Source::Table { database, table, filter, alias }) => {
                (Some(Source::Table { database, table, filter: None, alias }), filter.map(|filter| *filter))
            }
            from => (from, None),
        }
    }

    fn join(&mut self, left: Source, join: &Join) -> Source {
        let first_of_right = self.scopes.last().map_or(0, |scope| scope.relations.len());
        let right = self.factor(&join.relation, false);
        let (word, constraint) = match &join.join_operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => ("JOIN", on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => ("LEFT JOIN", on),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => ("RIGHT JOIN", on),
            JoinOperator::FullOuter(on) => ("FULL JOIN", on),
            JoinOperator::CrossJoin(on) => ("CROSS JOIN", on),
            _ => {
                self.refuse("this kind of JOIN", "use INNER, LEFT, RIGHT, FULL or CROSS JOIN");
                ("CROSS JOIN", &JoinConstraint::None)
            }
        };
        let on = match constraint {
            JoinConstraint::On(condition) => Some(Box::new(self.expression(condition).node)),
            JoinConstraint::None => None,
            JoinConstraint::Using(names) => self.using(names, first_of_right).map(Box::new),
            JoinConstraint::Natural | JoinConstraint::UsingAlias(..) => {
                self.refuse("NATURAL JOIN, or USING with an alias,", "name the columns with USING or ON");
                None
            }
        };
        Source::Join { left: Box::new(left), right: Box::new(right), word, on }
    }

    /// USING as ON: the two columns can have different names now.
    fn using(&mut self, names: &[ObjectName], first_of_right: usize) -> Option<Node> {
        let mut condition = None;
        for name in names {
            let Some(ident) = single_name(name) else { continue };
            let path = [Segment::Name(ident.value.clone())];
            let scope = self.scopes.last()?;
            let side = |relations: &[Relation<'r>]| {
                relations.iter().find_map(|relation| match relation.find(&path) {
                    Found::Column(target) => Some(Typed {
                        node: Node::Column { relation: relation.alias.clone(), name: target.name },
                        kind: target.kind,
                        origin: target.origin,
                    }),
                    _ => None,
                })
            };
            let (left, right) = scope.relations.split_at(first_of_right.min(scope.relations.len()));
            let (Some(left), Some(right)) = (side(left), side(right)) else {
                let cause = format!("USING names {}, which is not a column of both sides", shown(&ident.value));
                self.found.error("unknown_column", cause, "correct the name, or join with ON");
                continue;
            };
            if let Some(scope) = self.scopes.last_mut() {
                scope.merged.push(ident.value.clone());
            }
            let equal = self.compare("=", left, right).node;
            condition = Node::and(condition, Some(equal));
        }
        condition
    }

    /// One table or subquery. `alone`: nothing is joined to it.
    fn factor(&mut self, factor: &TableFactor, alone: bool) -> Source {
        match factor {
            TableFactor::Table { name, alias, args: None, sample: None, version: None, with_hints, partitions, .. }
                if with_hints.is_empty() && partitions.is_empty() =>
            {
                self.table(name, alias.as_ref(), alone)
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let alias = self.alias(alias.as_ref());
                // A subquery in FROM does not see its neighbours.
                let scopes = std::mem::take(&mut self.scopes);
                let (query, shape) = self.query(subquery);
                self.scopes = scopes;
                self.relation(alias.as_deref(), alias.clone(), Columns::Derived(shape.outputs));
                Source::Query { query: Box::new(query), alias }
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                let mut source = self.factor(&table_with_joins.relation, false);
                for join in &table_with_joins.joins {
                    source = self.join(source, join);
                }
                source
            }
            TableFactor::Table { args: Some(_), .. } | TableFactor::UNNEST { .. } => {
                self.refuse("UNNEST", "rows hold no arrays now; name the columns that the array became");
                self.lost()
            }
            _ => {
                self.refuse("this kind of FROM", SUBSET);
                self.lost()
            }
        }
    }

    fn lost(&mut self) -> Source {
        self.relation(None, None, Columns::Lost);
        Source::Query { query: Box::new(empty()), alias: None }
    }

    fn table(&mut self, name: &ObjectName, alias: Option<&TableAlias>, alone: bool) -> Source {
        let parts: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        let Some(store) = parts.last() else { return self.lost() };
        let alias = self.alias(alias);
        let view = self.views.iter().find(|view| view.columns.store.eq_ignore_ascii_case(&store.value));
        let view = match (parts.as_slice(), view) {
            ([_], Some(view)) => view,
            ([first, ..], _) => {
                self.unknown_table(&first.value, &parts);
                return self.lost();
            }
            ([], _) => return self.lost(),
        };
        if let Some(conflict) = &view.conflict {
            let tables = some(view.parts.iter().map(|part| part.mapping.table.as_str()));
            let cause = format!("datastore {} went to {tables}, and {conflict}", shown(&store.value));
            self.found.error("store_in_several_tables", cause, "write the query for the table that you mean, or a UNION of them");
            return self.lost();
        }
        self.tables.extend(view.parts.iter().map(|part| part.mapping.table.clone()));
        let printed = alias.clone().or_else(|| (!alone).then(|| view.columns.store.clone()));
        let called = alias.as_deref().unwrap_or(&store.value).to_owned();
        self.relation(Some(&called), printed.clone(), Columns::Store(&view.columns));
        self.read(view, printed)
    }

    /// A store's one table with its bounds, or the union of its parts.
    fn read(&mut self, view: &'r StoreView, alias: Option<String>) -> Source {
        let window = self.window.and_then(|window| self.window_bounds(window, &view.columns));
        if let Some(table) = view.only_table() {
            // Where others write to the table too, these records are told by their measure names.
            let names = view.parts.iter().map(|part| &part.mapping.measure_name);
            let strangers = self.views.iter().flat_map(|other| &other.parts);
            let shared =
                strangers.clone().any(|part| part.mapping.table == table && names.clone().all(|name| *name != part.mapping.measure_name));
            let measure = shared.then(|| measure_is(names.map(ToString::to_string).collect()));
            let filter = Node::and(measure, window).map(Box::new);
            return Source::Table { database: self.database.to_owned(), table: table.to_owned(), filter, alias };
        }
        let mut parts = view.parts.iter().map(|part| self.part_of(view, part, window.as_ref()));
        let first = parts.next().unwrap_or_default();
        let rest = parts.map(|block| ("UNION ALL", Body::Block(Box::new(block)))).collect();
        let body = Body::Set { first: Box::new(Body::Block(Box::new(first))), rest };
        let query = Query { body, order: Vec::new(), limit: None };
        Source::Query { query: Box::new(query), alias: alias.or_else(|| Some(view.columns.store.clone())) }
    }

    /// One part of a store, under the names of the whole.
    fn part_of(&self, view: &StoreView, part: &Part, window: Option<&Node>) -> Block {
        let column = |name: String| Node::Column { relation: None, name };
        let items = store::columns(&view.columns).into_iter().map(|(path, target)| match part.name_of(path) {
            Some(name) if name == target.name => Item { node: column(name), alias: None },
            Some(name) => Item { node: column(name), alias: Some(target.name) },
            None => Item { node: Node::Null.cast(target.kind.sql_name(), false), alias: Some(target.name) },
        });
        let from = Source::Table { database: self.database.to_owned(), table: part.mapping.table.clone(), filter: None, alias: None };
        let measure = part.shared.then(|| measure_is(vec![part.mapping.measure_name.to_string()]));
        Block { items: items.collect(), from: Some(from), filter: Node::and(measure, window.cloned()), ..Block::default() }
    }

    fn unknown_table(&mut self, first: &str, parts: &[&Ident]) {
        if parts.len() > 1 {
            let cause = format!("it reads {}, a table of an AWS IoT SiteWise store or of another catalog", shown(&joined(parts)));
            self.found.error("table_elsewhere", cause, "that data is not migrated; query it where it is");
        } else {
            let known = self.views.iter().map(|view| view.columns.store.as_str());
            let cause = match known.len() {
                0 => format!("it reads datastore {}, and no datastore is mapped", shown(first)),
                _ => format!("it reads datastore {}; mapped are {}", shown(first), some(known)),
            };
            self.found.error("unknown_table", cause, "migrate that datastore too, or correct the name");
        }
    }

    fn window_bounds(&mut self, window: &Window, mapping: &'r TableMapping) -> Option<Node> {
        let alone = Relation { name: None, alias: None, columns: Columns::Store(mapping) };
        let scopes = std::mem::replace(&mut self.scopes, vec![Scope { relations: vec![alone], ..Scope::default() }]);
        let errors = self.found.errors();
        let typed = self.expression(&window.expression);
        self.scopes = scopes;
        if self.found.errors() > errors {
            return None;
        }
        let typed = self.settle(typed);
        if !typed.kind.is_instant() {
            let cause = "the time expression of its deltaTime window gives no instant";
            self.found.error("window_expression", cause, "write an expression that gives a timestamp, as from_unixtime(ts)");
            return None;
        }
        let from = Node::binary(">=", typed.node.clone(), window.from.clone());
        Some(Node::binary("AND", from, Node::binary("<", typed.node, window.to.clone())))
    }

    fn relation(&mut self, name: Option<&str>, alias: Option<String>, columns: Columns<'r>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.relations.push(Relation { name: name.map(str::to_lowercase), alias, columns });
        }
    }

    fn alias(&mut self, alias: Option<&TableAlias>) -> Option<String> {
        let alias = alias?;
        if !alias.columns.is_empty() || alias.at.is_some() {
            self.refuse("a list of column names behind an alias", "name the columns inside the subquery");
        }
        Some(alias.name.value.clone())
    }
}

fn joined(parts: &[&Ident]) -> String {
    parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".")
}

fn measure_is(mut names: Vec<String>) -> Node {
    let column = Node::Column { relation: None, name: "measure_name".to_owned() };
    if names.len() == 1
        && let Some(name) = names.pop()
    {
        return Node::binary("=", column, Node::Text(name));
    }
    let list = names.into_iter().map(Node::Text).collect();
    Node::In { operand: Box::new(column), list, negated: false }
}
