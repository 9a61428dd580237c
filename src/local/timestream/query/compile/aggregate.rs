//! Calls of aggregate functions.

use sqlparser::ast::{DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned as _};
use sqlparser::tokenizer::Span;

use super::call::{plain_argument, unexpected};
use super::expression::Frame;
use super::operator::widen;
use super::{Compiler, Typed};
use crate::local::timestream::query::failure::QueryFailure;
use crate::local::timestream::query::scalar::Scalar;
use crate::local::timestream::query::syntax::at;

const AGGREGATES: [&str; 20] = [
    "count",
    "count_if",
    "sum",
    "avg",
    "min",
    "max",
    "min_by",
    "max_by",
    "approx_distinct",
    "bool_and",
    "bool_or",
    "every",
    "arbitrary",
    "stddev",
    "stddev_samp",
    "stddev_pop",
    "variance",
    "var_samp",
    "var_pop",
    "geometric_mean",
];

pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name)
}

impl Compiler<'_> {
    pub(super) fn aggregate(&mut self, name: &str, function: &Function, span: Span, frame: &mut Frame<'_>) -> Result<Typed, QueryFailure> {
        let Frame::Groups { input, aggregates, .. } = frame else {
            self.met_aggregate = true;
            return Err(QueryFailure::Validation(format!("{}Cannot nest aggregations or use '{name}' here", at(span))));
        };
        // Inside an aggregate the select list is out of sight.
        let aliases = std::mem::take(&mut self.aliases);
        let compiled = self.aggregate_sql(name, function, span, &mut Frame::Rows(input));
        self.aliases = aliases;
        let compiled = compiled?;
        let position = aggregates.iter().position(|known| *known == compiled.sql).unwrap_or_else(|| {
            aggregates.push(compiled.sql.clone());
            aggregates.len() - 1
        });
        Ok(Typed::new(format!("a{position}"), compiled.kind))
    }

    fn aggregate_sql(&mut self, name: &str, function: &Function, span: Span, rows: &mut Frame<'_>) -> Result<Typed, QueryFailure> {
        let FunctionArguments::List(list) = &function.args else {
            return Err(QueryFailure::not_served(at(span), format_args!("this form of calling {name}")));
        };
        if !list.clauses.is_empty() {
            return Err(QueryFailure::not_served(at(span), format_args!("a clause inside {name}")));
        }
        let filter = match &function.filter {
            None => String::new(),
            Some(condition) => {
                let condition_typed = self.expression(condition, rows)?;
                if !matches!(condition_typed.kind, Scalar::Boolean | Scalar::Unknown) {
                    return Err(QueryFailure::Validation(format!("{}FILTER must evaluate to a boolean", at(condition.span()))));
                }
                format!(" FILTER (WHERE {})", condition_typed.sql)
            }
        };
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        if let ("count", [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)], false) = (name, list.args.as_slice(), distinct) {
            return Ok(Typed::new(format!("count(*){filter}"), Scalar::Bigint));
        }
        let mut arguments = Vec::new();
        for argument in &list.args {
            arguments.push(self.expression(plain_argument(argument, span)?, rows)?);
        }
        let distinct = if distinct { "DISTINCT " } else { "" };
        let (sql, kind) = match (name, arguments.as_slice()) {
            (_, [one]) => one_argument(name, one, distinct),
            ("min_by" | "max_by", [value, by]) if distinct.is_empty() => {
                Some((format!("ts_{name}({}, {})", value.sql, by.sql), value.kind))
            }
            _ => None,
        }
        .ok_or_else(|| unexpected(name, &arguments, &format!("another form of {name}"), span))?;
        Ok(Typed::new(format!("{sql}{filter}"), kind))
    }
}

fn one_argument(name: &str, it: &Typed, distinct: &str) -> Option<(String, Scalar)> {
    let sql = &it.sql;
    let is_boolean = matches!(it.kind, Scalar::Boolean | Scalar::Unknown);
    let is_ordered = it.kind != Scalar::Varbinary;
    Some(match name {
        "count" => (format!("count({distinct}{sql})"), Scalar::Bigint),
        // Exact: within the published error of the real one.
        "approx_distinct" => (format!("count(DISTINCT {sql})"), Scalar::Bigint),
        "count_if" if is_boolean => (format!("count(CASE WHEN {sql} THEN 1 END)"), Scalar::Bigint),
        // SQLite's own sum of integers fails on overflow.
        "sum" if it.kind.is_whole() => (format!("sum({distinct}{sql})"), Scalar::Bigint),
        "sum" if it.kind == Scalar::Double => (format!("ts_sum_double({distinct}{sql})"), Scalar::Double),
        "avg" if it.kind.is_numeric() => (format!("ts_avg({distinct}{})", widen(it.clone(), Scalar::Double).sql), Scalar::Double),
        "min" | "max" if is_ordered => (format!("{name}({sql})"), it.kind),
        "arbitrary" => (format!("min({sql})"), it.kind),
        "bool_and" | "every" if is_boolean => (format!("min({sql})"), Scalar::Boolean),
        "bool_or" if is_boolean => (format!("max({sql})"), Scalar::Boolean),
        "stddev" | "stddev_samp" | "stddev_pop" | "variance" | "var_samp" | "var_pop" | "geometric_mean" if it.kind.is_numeric() => {
            let function = match name {
                "stddev" => "stddev_samp",
                "variance" => "var_samp",
                other => other,
            };
            (format!("ts_{function}({distinct}{})", widen(it.clone(), Scalar::Double).sql), Scalar::Double)
        }
        _ => return None,
    })
}
