//! Blocks: WITH, SELECT, FROM, WHERE, GROUP BY, HAVING, DISTINCT, ORDER BY, LIMIT.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, LimitClause, OrderByExpr, OrderByKind, OrderBySort, Query, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Spanned as _, TableAlias, TableFactor, Value, WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Span;

use super::expression::Frame;
use super::scope::{Scope, identifiers, is_same_name};
use super::{Compiler, OutColumn, Relation, Typed};
use crate::local::timestream::query::failure::QueryFailure;
use crate::local::timestream::query::scalar::Scalar;
use crate::local::timestream::query::syntax::at;

/// Common tables of one WITH.
const COMMON_TABLES_MAX: usize = 32;
/// Columns of a select list, wildcards expanded: SQLite's own limit.
const COLUMNS_MAX: usize = 2_000;

/// One place of the select list, wildcards expanded.
enum Item<'q> {
    Expression { expr: &'q Expr, alias: Option<&'q Ident> },
    Column { name: String, typed: Typed },
}

/// FROM and WHERE of a block, ready to be read from.
struct Input {
    /// ` FROM … WHERE …`, or nothing.
    sql: String,
    scope: Scope,
}

impl Compiler<'_> {
    pub(super) fn query(&mut self, query: &Query) -> Result<Relation, QueryFailure> {
        let Query { with, body, order_by, limit_clause, fetch, locks, for_clause, settings, format_clause, pipe_operators } = query;
        let span = body.span();
        let extras = fetch.is_some() || !locks.is_empty() || for_clause.is_some() || settings.is_some() || format_clause.is_some();
        if extras || !pipe_operators.is_empty() {
            return Err(QueryFailure::not_served(at(span), "a clause after ORDER BY other than LIMIT"));
        }
        let tables_in_sight = self.tables.len();
        if let Some(with) = with {
            if with.recursive || with.cte_tables.len() > COMMON_TABLES_MAX {
                return Err(QueryFailure::not_served(at(span), "WITH RECURSIVE, or more than 32 common tables,"));
            }
            for table in &with.cte_tables {
                if !table.alias.columns.is_empty() {
                    return Err(QueryFailure::not_served(at(table.alias.name.span), "a column list of a common table"));
                }
                let relation = self.query(&table.query)?;
                self.tables.push((table.alias.name.value.clone(), relation));
            }
        }
        let sort: &[OrderByExpr] = match order_by.as_ref().map(|order_by| (&order_by.kind, &order_by.interpolate)) {
            None => &[],
            Some((OrderByKind::Expressions(sort), None)) => sort,
            Some(_) => return Err(QueryFailure::not_served(at(span), "ORDER BY ALL")),
        };
        let limit = self.limit(limit_clause.as_ref(), span)?;
        let relation = match body.as_ref() {
            SetExpr::Select(select) => self.block(select, sort, &limit)?,
            SetExpr::Query(inner) if sort.is_empty() && limit.is_empty() => self.query(inner)?,
            SetExpr::Query(_) => return Err(QueryFailure::not_served(at(span), "ORDER BY or LIMIT around a parenthesised query")),
            SetExpr::SetOperation { op, .. } => return Err(QueryFailure::not_served(at(span), op)),
            SetExpr::Values(_) => return Err(QueryFailure::not_served(at(span), "VALUES")),
            _ => return Err(QueryFailure::not_served(at(span), "a statement other than SELECT")),
        };
        self.tables.truncate(tables_in_sight);
        Ok(relation)
    }

    fn limit(&mut self, clause: Option<&LimitClause>, span: Span) -> Result<String, QueryFailure> {
        let expr = match clause {
            None => return Ok(String::new()),
            Some(LimitClause::LimitOffset { limit, offset: None, limit_by }) if limit_by.is_empty() => limit,
            Some(_) => return Err(QueryFailure::not_served(at(span), "OFFSET")),
        };
        let Some(expr) = expr else { return Ok(String::new()) };
        let Some(count) = whole_literal(expr) else {
            return Err(QueryFailure::Validation(format!("{}LIMIT takes a whole number", at(expr.span()))));
        };
        Ok(format!(" LIMIT {}", self.parameters.integer(count)))
    }

    fn block(&mut self, select: &Select, sort: &[OrderByExpr], limit: &str) -> Result<Relation, QueryFailure> {
        refuse_clauses(select)?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(QueryFailure::not_served(at(select.span()), "DISTINCT ON")),
        };
        let input = self.input(select)?;
        let items = expand(&select.projection, &input.scope)?;
        let keys = self.group_keys(&select.group_by, &items, &input.scope)?;

        // Tried over rows first: that is how an aggregate anywhere in the block is found.
        self.met_aggregate = false;
        let over_rows = self.outputs(&items, sort, select.having.as_ref(), &mut Frame::Rows(&input.scope));
        let grouped = keys.is_some() || select.having.is_some() || self.met_aggregate;
        self.met_aggregate = false;
        let (outputs, from) = if grouped {
            let keys = keys.unwrap_or_default();
            let mut aggregates = Vec::new();
            let mut frame = Frame::Groups { input: &input.scope, keys: &keys, aggregates: &mut aggregates };
            let outputs = self.outputs(&items, sort, select.having.as_ref(), &mut frame)?;
            let having = outputs.having.as_ref().map(|having| format!(" WHERE {having}")).unwrap_or_default();
            (outputs, format!(" FROM ({}){having}", groups_sql(&keys, &aggregates, &input.sql)))
        } else {
            (over_rows?, input.sql)
        };

        let list =
            outputs.columns.iter().enumerate().map(|(n, (_, typed))| format!("{} AS o{n}", typed.sql)).collect::<Vec<_>>().join(", ");
        let order = order_sql(&outputs, distinct, sort)?;
        let sql = format!("SELECT {}{list}{from}{order}{limit}", if distinct { "DISTINCT " } else { "" });
        let columns = outputs.columns.into_iter().map(|(column, _)| column).collect();
        Ok(Relation { sql, columns })
    }

    fn input(&mut self, select: &Select) -> Result<Input, QueryFailure> {
        let mut conditions = Vec::new();
        let (from, scope) = match select.from.as_slice() {
            [] => (String::new(), Scope::default()),
            [table] if table.joins.is_empty() => self.relation(&table.relation, &mut conditions)?,
            _ => return Err(QueryFailure::not_served(at(select.span()), "JOIN (a query reads one table)")),
        };
        if let Some(condition) = &select.selection {
            self.met_aggregate = false;
            let typed = self.expression(condition, &mut Frame::Rows(&scope));
            if self.met_aggregate {
                return Err(QueryFailure::Validation(format!("{}WHERE clause cannot contain aggregations", at(condition.span()))));
            }
            conditions.push(condition_sql(typed?, condition, "WHERE")?);
        }
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        Ok(Input { sql: format!("{from}{filter}"), scope })
    }

    /// ` FROM …` and its columns; rows that are not visible yet go into `conditions`.
    fn relation(&mut self, factor: &TableFactor, conditions: &mut Vec<String>) -> Result<(String, Scope), QueryFailure> {
        let relation_name = format!("r{}", self.relations);
        self.relations += 1;
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                sample: None,
                ..
            } if with_hints.is_empty() && partitions.is_empty() => {
                let parts = identifiers(name).unwrap_or_default();
                match parts.as_slice() {
                    [single] => {
                        let common = self.tables.iter().rev().find(|(known, _)| is_same_name(known, single));
                        let Some((known, relation)) = common.cloned() else {
                            let message =
                                format!("{}A table is named as \"database\".\"table\", '{}' is not", at(single.span), single.value);
                            return Err(QueryFailure::Validation(message));
                        };
                        derived(&relation_name, &relation, alias.as_ref(), vec![known])
                    }
                    [database, table] => {
                        let (database, table, shape) = (self.find_table)(database, table)?;
                        let column = |column: &crate::local::timestream::query::ColumnShape| {
                            (column.name.clone(), Typed::new(format!("{relation_name}.{}", physical(&column.physical)), column.kind))
                        };
                        let columns = shape.columns.iter().map(column).collect();
                        conditions.push(format!("{relation_name}.visible_at <= {}", self.parameters.integer(self.now.0)));
                        let path = path_of(alias.as_ref(), vec![database, table])?;
                        Ok((format!(" FROM {} AS {relation_name}", physical(&shape.physical)), Scope { path, columns }))
                    }
                    _ => Err(QueryFailure::Validation(format!("{}A table is named as \"database\".\"table\"", at(name.span())))),
                }
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let relation = self.query(subquery)?;
                derived(&relation_name, &relation, alias.as_ref(), Vec::new())
            }
            other => Err(QueryFailure::not_served(at(other.span()), "FROM other than a table or a subquery")),
        }
    }

    /// The keys of GROUP BY, or `None` without one.
    fn group_keys(&mut self, group_by: &GroupByExpr, items: &[Item<'_>], scope: &Scope) -> Result<Option<Vec<Typed>>, QueryFailure> {
        let expressions = match group_by {
            GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => expressions,
            _ => return Err(QueryFailure::not_served("", "GROUP BY ALL, or with a modifier,")),
        };
        if expressions.is_empty() {
            return Ok(None);
        }
        let mut keys: Vec<Typed> = Vec::new();
        for expr in expressions {
            let key = match whole_literal(expr) {
                Some(position) => match item_at(items, position, expr, "GROUP BY")? {
                    Item::Expression { expr, .. } => self.group_key(expr, scope)?,
                    Item::Column { typed, .. } => typed.clone(),
                },
                None => self.group_key(expr, scope)?,
            };
            if !keys.iter().any(|known| known.sql == key.sql) {
                keys.push(key);
            }
        }
        Ok(Some(keys))
    }

    fn group_key(&mut self, expr: &Expr, scope: &Scope) -> Result<Typed, QueryFailure> {
        self.met_aggregate = false;
        let key = self.expression(expr, &mut Frame::Rows(scope));
        if self.met_aggregate {
            return Err(QueryFailure::Validation(format!("{}GROUP BY clause cannot contain aggregations", at(expr.span()))));
        }
        key
    }

    /// Everything that the outer part of a block computes. All of it is compiled even after an error, so that an
    /// aggregate further on is met.
    fn outputs(
        &mut self,
        items: &[Item<'_>],
        sort: &[OrderByExpr],
        having: Option<&Expr>,
        frame: &mut Frame<'_>,
    ) -> Result<Outputs, QueryFailure> {
        let columns: Vec<Result<(OutColumn, Typed), QueryFailure>> =
            items.iter().enumerate().map(|(position, item)| self.output(position, item, frame)).collect();
        let having = having.map(|expr| self.expression(expr, frame).and_then(|typed| condition_sql(typed, expr, "HAVING")));
        self.aliases = columns.iter().flatten().map(|(column, typed)| (column.name.clone(), typed.clone())).collect();
        let sort: Vec<Result<Typed, QueryFailure>> = sort.iter().map(|key| self.sort_key(key, frame)).collect();
        self.aliases.clear();
        Ok(Outputs {
            columns: columns.into_iter().collect::<Result<_, _>>()?,
            having: having.transpose()?,
            sort: sort.into_iter().collect::<Result<_, _>>()?,
        })
    }

    fn output(&mut self, position: usize, item: &Item<'_>, frame: &mut Frame<'_>) -> Result<(OutColumn, Typed), QueryFailure> {
        let (typed, name, aliased) = match item {
            Item::Column { name, typed } => {
                (self.grouped(typed, frame).ok_or_else(|| not_grouped(Span::empty(), name))?, Some(name.clone()), false)
            }
            Item::Expression { expr, alias } => {
                let typed = self.expression(expr, frame)?;
                let own_name = || self.column_name(expr, frame.input());
                (typed, alias.map(|alias| alias.value.clone()).or_else(own_name), alias.is_some())
            }
        };
        let name = name.unwrap_or_else(|| format!("_col{position}"));
        Ok((OutColumn { name, aliased, kind: typed.kind }, typed))
    }

    fn sort_key(&mut self, key: &OrderByExpr, frame: &mut Frame<'_>) -> Result<Typed, QueryFailure> {
        if key.with_fill.is_some() || matches!(key.options.sort, Some(OrderBySort::Using(_))) {
            return Err(QueryFailure::not_served(at(key.expr.span()), "ORDER BY with an option"));
        }
        let Some(position) = whole_literal(&key.expr) else { return self.expression(&key.expr, frame) };
        let index = usize::try_from(position).ok().and_then(|position| position.checked_sub(1));
        match index.and_then(|index| self.aliases.get(index)) {
            Some((_, typed)) => Ok(typed.clone()),
            None => Err(no_position(position, &key.expr, "ORDER BY")),
        }
    }

    /// The name of a column that is selected as it is.
    fn column_name(&self, expr: &Expr, scope: &Scope) -> Option<String> {
        let parts = match expr {
            Expr::Identifier(ident) => vec![ident.clone()],
            Expr::CompoundIdentifier(parts) => parts.clone(),
            other => super::expression::measure_value_column(other).map(|ident| vec![ident])?,
        };
        scope.resolve(&parts).ok().map(|(name, _)| name.to_owned())
    }
}

struct Outputs {
    columns: Vec<(OutColumn, Typed)>,
    having: Option<String>,
    sort: Vec<Typed>,
}

/// Presto's words for a column that is neither grouped nor aggregated.
pub(super) fn not_grouped(span: Span, name: &str) -> QueryFailure {
    QueryFailure::Validation(format!("{}'{name}' must be an aggregate expression or appear in GROUP BY clause", at(span)))
}

/// Names written into SQL are the store's own; whatever else a shape may hold is quoted.
pub(in super::super) fn physical(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn condition_sql(typed: Typed, expr: &Expr, clause: &str) -> Result<String, QueryFailure> {
    match typed.kind {
        Scalar::Boolean | Scalar::Unknown => Ok(typed.sql),
        other => {
            let message = format!("{}{clause} clause must evaluate to a boolean: actual type {}", at(expr.span()), other.sql_name());
            Err(QueryFailure::Validation(message))
        }
    }
}

fn groups_sql(keys: &[Typed], aggregates: &[String], input: &str) -> String {
    let keys_listed = keys.iter().enumerate().map(|(n, key)| format!("{} AS g{n}", key.sql));
    let aggregates_listed = aggregates.iter().enumerate().map(|(n, aggregate)| format!("{aggregate} AS a{n}"));
    let mut list = keys_listed.chain(aggregates_listed).collect::<Vec<_>>();
    if list.is_empty() {
        // Without a key or an aggregate there is still one group.
        list.push("count(*) AS a0".to_owned());
    }
    let positions = (1..=keys.len()).map(|position| position.to_string()).collect::<Vec<_>>().join(", ");
    let group_by = if keys.is_empty() { String::new() } else { format!(" GROUP BY {positions}") };
    format!("SELECT {}{input}{group_by}", list.join(", "))
}

/// Presto sorts NULLs last in either direction, SQLite does not.
fn order_sql(outputs: &Outputs, distinct: bool, sort: &[OrderByExpr]) -> Result<String, QueryFailure> {
    let mut terms = Vec::new();
    for (key, clause) in outputs.sort.iter().zip(sort) {
        let selected = outputs.columns.iter().position(|(_, typed)| typed.sql == key.sql);
        let term = match selected {
            Some(n) => format!("o{n}"),
            None if distinct => {
                let message = format!("{}For SELECT DISTINCT, ORDER BY expressions must appear in select list", at(clause.expr.span()));
                return Err(QueryFailure::Validation(message));
            }
            None => key.sql.clone(),
        };
        let direction = if matches!(clause.options.sort, Some(OrderBySort::Desc)) { "DESC" } else { "ASC" };
        let nulls = if clause.options.nulls_first == Some(true) { "FIRST" } else { "LAST" };
        terms.push(format!("{term} {direction} NULLS {nulls}"));
    }
    Ok(if terms.is_empty() { String::new() } else { format!(" ORDER BY {}", terms.join(", ")) })
}

fn derived(name: &str, relation: &Relation, alias: Option<&TableAlias>, path: Vec<String>) -> Result<(String, Scope), QueryFailure> {
    let columns =
        relation.columns.iter().enumerate().map(|(n, column)| (column.name.clone(), Typed::new(format!("{name}.o{n}"), column.kind)));
    let scope = Scope { path: path_of(alias, path)?, columns: columns.collect() };
    Ok((format!(" FROM ({}) AS {name}", relation.sql), scope))
}

fn path_of(alias: Option<&TableAlias>, own: Vec<String>) -> Result<Vec<String>, QueryFailure> {
    match alias {
        None => Ok(own),
        Some(alias) if alias.columns.is_empty() && alias.at.is_none() => Ok(vec![alias.name.value.clone()]),
        Some(alias) => Err(QueryFailure::not_served(at(alias.name.span), "a column list of a table alias")),
    }
}

fn expand<'q>(projection: &'q [SelectItem], scope: &Scope) -> Result<Vec<Item<'q>>, QueryFailure> {
    let mut items = Vec::new();
    let all = || scope.columns.iter().map(|(name, typed)| Item::Column { name: name.clone(), typed: typed.clone() });
    for item in projection {
        match item {
            SelectItem::UnnamedExpr(expr) => items.push(Item::Expression { expr, alias: None }),
            SelectItem::ExprWithAlias { expr, alias } => items.push(Item::Expression { expr, alias: Some(alias) }),
            SelectItem::Wildcard(options) if is_plain(options) => {
                if scope.columns.is_empty() {
                    return Err(QueryFailure::Validation(format!(
                        "{}SELECT * not allowed in queries without FROM clause",
                        at(item.span())
                    )));
                }
                items.extend(all());
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) if is_plain(options) => {
                let parts = identifiers(name).unwrap_or_default();
                if parts.is_empty() || !scope.is_named(&parts) {
                    return Err(QueryFailure::Validation(format!("{}Table '{name}' not found", at(item.span()))));
                }
                items.extend(all());
            }
            other => return Err(QueryFailure::not_served(at(other.span()), "this form of a select list")),
        }
        if items.len() > COLUMNS_MAX {
            return Err(QueryFailure::Validation(format!("A select list has at most {COLUMNS_MAX} columns")));
        }
    }
    if items.is_empty() {
        return Err(QueryFailure::Validation("A select list has at least one column".to_owned()));
    }
    Ok(items)
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    let WildcardAdditionalOptions { wildcard_token: _, opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, opt_alias } = options;
    opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none()
}

fn whole_literal(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, false) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn item_at<'i, 'q>(items: &'i [Item<'q>], position: i64, expr: &Expr, clause: &str) -> Result<&'i Item<'q>, QueryFailure> {
    let index = usize::try_from(position).ok().and_then(|position| position.checked_sub(1));
    index.and_then(|index| items.get(index)).ok_or_else(|| no_position(position, expr, clause))
}

fn no_position(position: i64, expr: &Expr, clause: &str) -> QueryFailure {
    QueryFailure::Validation(format!("{}{clause} position {position} is not in select list", at(expr.span())))
}

fn refuse_clauses(select: &Select) -> Result<(), QueryFailure> {
    let plain = select.optimizer_hints.is_empty()
        && select.select_modifiers.is_none()
        && select.top.is_none()
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
    if plain { Ok(()) } else { Err(QueryFailure::not_served(at(select.span()), "a clause of this SELECT")) }
}
