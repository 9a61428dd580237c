//! Blocks: SELECT, FROM, WHERE, GROUP BY, HAVING, set operations, ORDER BY, LIMIT.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, LimitClause, ObjectName, OrderByExpr, OrderByKind, OrderBySort, Query as OldQuery, Select,
    SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Value, WildcardAdditionalOptions,
};

use super::scope::{Columns, Relation, Scope};
use super::{DEPTH_MAX, Output, Rewriter, Typed};
use crate::dataset::finding::{Findings, some};
use crate::dataset::kind::Kind;
use crate::dataset::store::{Origin, Target};
use crate::dataset::tree::{Block, Body, Digits, Item, Node, Order, Query};

/// What is known of a query's result.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) outputs: Vec<Output>,
    pub(super) folds: bool,
    pub(super) groups: bool,
}

pub(super) const SUBSET: &str =
    "datasets allowed SELECT, FROM, JOIN, WHERE, GROUP BY, HAVING, UNION, ORDER BY and LIMIT; write it with these";

impl Rewriter<'_> {
    pub(super) fn query(&mut self, query: &OldQuery) -> (Query, Shape) {
        self.depth += 1;
        let done = if self.depth > DEPTH_MAX {
            self.too_deep();
            (empty(), Shape::default())
        } else {
            self.query_inside(query)
        };
        self.depth -= 1;
        done
    }

    pub(super) fn too_deep(&mut self) {
        let cause = format!("its query nests more than {DEPTH_MAX} levels deep");
        self.found.error("sql_too_large", cause, "simplify the query, or write it anew for Timestream");
    }

    fn query_inside(&mut self, query: &OldQuery) -> (Query, Shape) {
        if query.with.is_some() {
            self.refuse("WITH", "the service took none; write the common table as a subquery in FROM");
        }
        if query.fetch.is_some() || query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
            self.refuse("a clause after LIMIT", SUBSET);
        }
        if !query.locks.is_empty() || !query.pipe_operators.is_empty() {
            self.refuse("a clause after LIMIT", SUBSET);
        }
        let sort: &[OrderByExpr] = match query.order_by.as_ref().map(|order| (&order.kind, &order.interpolate)) {
            None => &[],
            Some((OrderByKind::Expressions(sort), None)) => sort,
            Some(_) => {
                self.refuse("ORDER BY ALL", SUBSET);
                &[]
            }
        };
        let limit = self.limit(query.limit_clause.as_ref());
        match query.body.as_ref() {
            SetExpr::Select(select) => {
                let (block, order, shape) = self.block(select, sort);
                (Query { body: Body::Block(Box::new(block)), order, limit }, shape)
            }
            body => {
                let (body, shape) = self.body(body);
                let order = self.order_by_outputs(sort, &shape.outputs);
                (Query { body, order, limit }, shape)
            }
        }
    }

    fn limit(&mut self, clause: Option<&LimitClause>) -> Option<Digits> {
        let limit = match clause {
            None => return None,
            Some(LimitClause::LimitOffset { limit, offset: None, limit_by }) if limit_by.is_empty() => limit.as_ref()?,
            Some(_) => {
                self.refuse("OFFSET", "leave it out, or number the rows with row_number()");
                return None;
            }
        };
        let digits = match limit {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, false) => Digits::new(digits),
                _ => None,
            },
            _ => None,
        };
        if digits.is_none() {
            self.refuse("a LIMIT that is no whole number", "write a whole number");
        }
        digits
    }

    /// Set operations lean to the left and can be long: they are walked, not descended.
    fn body(&mut self, body: &SetExpr) -> (Body, Shape) {
        let mut rest = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            rest.push((self.set_word(*op, *set_quantifier), right.as_ref()));
            first = left;
        }
        let (first, shape) = self.part(first);
        if rest.is_empty() {
            return (first, shape);
        }
        let mut parts = Vec::new();
        for (word, part) in rest.into_iter().rev() {
            let (part, other) = self.part(part);
            if other.outputs.len() != shape.outputs.len() && !other.outputs.is_empty() && !shape.outputs.is_empty() {
                let cause = format!(
                    "the parts of its {word} have {} and {} columns now (`SELECT *` is the mapping's columns)",
                    shape.outputs.len(),
                    other.outputs.len()
                );
                self.found.error("union_widths", cause, "name the columns in each part");
            }
            parts.push((word, part));
        }
        // What is a time in every part is one in the whole; finer distinctions are not kept.
        let outputs = shape.outputs.into_iter().map(|output| Output { key: false, ..output }).collect();
        (Body::Set { first: Box::new(first), rest: parts }, Shape { outputs, folds: false, groups: false })
    }

    fn set_word(&mut self, op: SetOperator, quantifier: SetQuantifier) -> &'static str {
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::Distinct | SetQuantifier::None => false,
            _ => {
                self.refuse("UNION BY NAME", SUBSET);
                false
            }
        };
        match (op, all) {
            (SetOperator::Union, true) => "UNION ALL",
            (SetOperator::Union, false) => "UNION",
            (SetOperator::Intersect, false) => "INTERSECT",
            (SetOperator::Except, false) => "EXCEPT",
            _ => {
                self.refuse("this set operation", SUBSET);
                "UNION"
            }
        }
    }

    fn part(&mut self, body: &SetExpr) -> (Body, Shape) {
        match body {
            SetExpr::Select(select) => {
                let (block, _, shape) = self.block(select, &[]);
                (Body::Block(Box::new(block)), shape)
            }
            SetExpr::Query(query) => {
                let (query, shape) = self.query(query);
                (Body::Nested(Box::new(query)), shape)
            }
            SetExpr::SetOperation { .. } => {
                self.depth += 1;
                let done = if self.depth > DEPTH_MAX { (Body::Nested(Box::new(empty())), Shape::default()) } else { self.body(body) };
                if self.depth > DEPTH_MAX {
                    self.too_deep();
                }
                self.depth -= 1;
                done
            }
            _ => {
                self.refuse("VALUES, or a statement inside the query,", SUBSET);
                (Body::Nested(Box::new(empty())), Shape::default())
            }
        }
    }

    fn block(&mut self, select: &Select, sort: &[OrderByExpr]) -> (Block, Vec<Order>, Shape) {
        self.refuse_clauses(select);
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => {
                self.refuse("DISTINCT ON", SUBSET);
                false
            }
        };
        self.scopes.push(Scope::default());
        let (from, filter) = self.from(&select.from);
        let condition = select.selection.as_ref().map(|condition| self.expression(condition).node);
        let filter = Node::and(condition, filter);
        let (items, mut outputs) = self.items(&select.projection);
        let keys = self.group_keys(&select.group_by, &items, &mut outputs);
        let having = select.having.as_ref().map(|having| self.expression(having).node);
        let has_star = select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
        let order = self.order_in_block(sort, &items, &outputs, has_star);
        let groups = !keys.is_empty();
        let folds = groups || having.is_some() || items.iter().any(|item| has_aggregate(&item.node));
        self.scopes.pop();
        (Block { distinct, items, from, filter, group: keys, having }, order, Shape { outputs, folds, groups })
    }

    fn refuse_clauses(&mut self, select: &Select) {
        let plain = select.top.is_none()
            && select.select_modifiers.is_none()
            && select.exclude.is_none()
            && select.into.is_none()
            && select.lateral_views.is_empty()
            && select.prewhere.is_none()
            && select.connect_by.is_empty()
            && select.cluster_by.is_empty()
            && select.distribute_by.is_empty()
            && select.sort_by.is_empty()
            && select.named_window.is_empty()
            && select.qualify.is_none()
            && select.value_table_mode.is_none()
            && matches!(select.flavor, SelectFlavor::Standard);
        if !plain {
            self.refuse("a clause of this SELECT", SUBSET);
        }
    }

    fn items(&mut self, projection: &[SelectItem]) -> (Vec<Item>, Vec<Output>) {
        let mut items = Vec::new();
        let mut outputs: Vec<Output> = Vec::new();
        for item in projection {
            match item {
                SelectItem::Wildcard(options) => self.star(None, options, &mut items, &mut outputs),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let name = single_name(name).map(|name| name.value.to_lowercase());
                    self.star(name.as_deref(), options, &mut items, &mut outputs);
                }
                SelectItem::UnnamedExpr(expr) => {
                    let typed = self.expression(expr);
                    let name = natural_name(expr).unwrap_or_else(|| format!("_col{}", outputs.len()));
                    self.item(name, typed, &mut items, &mut outputs);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let typed = self.expression(expr);
                    self.item(alias.value.clone(), typed, &mut items, &mut outputs);
                }
                _ => {
                    self.refuse("this item of the SELECT list", SUBSET);
                }
            }
        }
        (items, outputs)
    }

    fn star(&mut self, qualifier: Option<&str>, options: &WildcardAdditionalOptions, items: &mut Vec<Item>, outputs: &mut Vec<Output>) {
        if options.opt_ilike.is_some()
            || options.opt_exclude.is_some()
            || options.opt_except.is_some()
            || options.opt_replace.is_some()
            || options.opt_rename.is_some()
        {
            self.refuse("a `*` with an option", "name the columns");
        }
        let Some(scope) = self.scopes.last() else { return };
        let several = scope.relations.len() > 1;
        let mut columns: Vec<(String, Node, Target)> = Vec::new();
        for (at, relation) in scope.relations.iter().enumerate().filter(|(_, it)| qualifier.is_none() || it.name.as_deref() == qualifier) {
            for (name, target) in relation.all() {
                let merged = at > 0 && qualifier.is_none() && scope.merged.iter().any(|known| known.eq_ignore_ascii_case(&name));
                if !merged {
                    let alias = if several { relation.alias.clone() } else { None };
                    columns.push((name, Node::Column { relation: alias, name: target.name.clone() }, target));
                }
            }
        }
        let lost = scope.relations.iter().any(|relation| matches!(relation.columns, Columns::Lost));
        if columns.is_empty() && !lost {
            self.refuse("a `*` that means no table of this FROM", "write the table's name or alias in front of it");
        }
        for (name, node, target) in columns {
            self.item(name, Typed { node, kind: target.kind, origin: target.origin }, items, outputs);
        }
    }

    /// One column of the result, under the name that it had.
    fn item(&mut self, name: String, typed: Typed, items: &mut Vec<Item>, outputs: &mut Vec<Output>) {
        let typed = self.settle(typed);
        let alias = match &typed.node {
            Node::Column { name: new, .. } if new.eq_ignore_ascii_case(&name) => None,
            Node::Column { name: new, .. } => {
                self.renamed.insert(name.clone(), new.clone());
                Some(name.clone())
            }
            _ => Some(name.clone()),
        };
        let name = match (&alias, &typed.node) {
            (None, Node::Column { name, .. }) => name.clone(),
            _ => name,
        };
        outputs.push(Output { name, kind: typed.kind, origin: typed.origin, key: false });
        items.push(Item { node: typed.node, alias });
    }

    fn group_keys(&mut self, group_by: &GroupByExpr, items: &[Item], outputs: &mut [Output]) -> Vec<Node> {
        let expressions = match group_by {
            GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => expressions,
            _ => {
                self.refuse("GROUP BY ALL, or with a modifier,", "name the columns to group by");
                return Vec::new();
            }
        };
        let mut keys = Vec::new();
        for expr in expressions {
            let node = match position(expr).and_then(|at| items.get(at)) {
                Some(item) => item.node.clone(),
                None => {
                    let typed = self.expression(expr);
                    self.settle(typed).node
                }
            };
            for (item, output) in items.iter().zip(outputs.iter_mut()) {
                output.key |= item.node == node;
            }
            keys.push(node);
        }
        keys
    }

    fn order_in_block(&mut self, sort: &[OrderByExpr], items: &[Item], outputs: &[Output], has_star: bool) -> Vec<Order> {
        if has_star && sort.iter().any(|by| position(&by.expr).is_some()) {
            self.refuse("ORDER BY a position beside `SELECT *`", "write the column's name: positions are others now");
        }
        let named = items.iter().zip(outputs).filter_map(|(item, output)| {
            let alias = item.alias.clone()?;
            let node = Node::Column { relation: None, name: alias.clone() };
            Some((alias, Typed { node, kind: output.kind.clone(), origin: output.origin }))
        });
        let named: Vec<(String, Typed)> = named.collect();
        if let Some(scope) = self.scopes.last_mut() {
            scope.outputs = named;
        }
        let order = sort.iter().map(|by| self.order(by)).collect();
        if let Some(scope) = self.scopes.last_mut() {
            scope.outputs.clear();
        }
        order
    }

    /// ORDER BY around a set operation: only names of the result and positions.
    fn order_by_outputs(&mut self, sort: &[OrderByExpr], outputs: &[Output]) -> Vec<Order> {
        let columns = Columns::Derived(outputs.to_vec());
        self.scopes.push(Scope { relations: vec![Relation { name: None, alias: None, columns }], ..Scope::default() });
        let order = sort.iter().map(|by| self.order(by)).collect();
        self.scopes.pop();
        order
    }

    pub(super) fn order(&mut self, by: &OrderByExpr) -> Order {
        if by.with_fill.is_some() {
            self.refuse("WITH FILL", SUBSET);
        }
        let descending = match &by.options.sort {
            None => None,
            Some(OrderBySort::Asc) => Some(false),
            Some(OrderBySort::Desc) => Some(true),
            Some(OrderBySort::Using(_)) => {
                self.refuse("ORDER BY USING", SUBSET);
                None
            }
        };
        let typed = self.expression(&by.expr);
        Order { node: self.settle(typed).node, descending, nulls_first: by.options.nulls_first }
    }
}

/// Says once that an old column of numbers or texts is a timestamp in the result.
pub(super) fn note_times(outputs: &[Output], found: &mut Findings) {
    let times = outputs.iter().filter(|output| matches!(output.kind, Kind::Stamp(_)));
    let names: Vec<&str> = times.map(|output| output.name.as_str()).collect();
    if !names.is_empty() {
        let cause = format!("its result held {} as the store wrote it, and gives a timestamp now", some(names));
        found.note("time_is_timestamp", cause, "convert it where the reader needs the old form");
    }
}

pub(super) fn empty() -> Query {
    Query { body: Body::Block(Box::default()), order: Vec::new(), limit: None }
}

pub(super) fn single_name(name: &ObjectName) -> Option<&Ident> {
    match name.0.as_slice() {
        [part] => part.as_ident(),
        _ => None,
    }
}

/// The name that a column has in the result when the query gives it none.
fn natural_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
        Expr::Nested(inner) => natural_name(inner),
        _ => None,
    }
}

/// The place in the select list, counted from 0, that a bare whole number means.
fn position(expr: &Expr) -> Option<usize> {
    let Expr::Value(value) = expr else { return None };
    let Value::Number(digits, false) = &value.value else { return None };
    digits.parse::<usize>().ok()?.checked_sub(1)
}

fn has_aggregate(node: &Node) -> bool {
    match node {
        Node::Call(call) => call.folds() || call.arguments.iter().any(has_aggregate),
        Node::Binary { left, right, .. } => has_aggregate(left) || has_aggregate(right),
        Node::Unary { operand, .. } | Node::Cast { operand, .. } | Node::Is { operand, .. } => has_aggregate(operand),
        Node::Case { arms, otherwise, .. } => {
            arms.iter().any(|(_, result)| has_aggregate(result)) || otherwise.as_deref().is_some_and(has_aggregate)
        }
        _ => false,
    }
}

impl Output {
    /// A column that identifies a series: a dimension, or a text that rows are grouped by.
    pub(in crate::dataset) fn is_dimension(&self) -> bool {
        self.kind == Kind::Varchar && (self.origin == Origin::Dimension || self.key)
    }
}
