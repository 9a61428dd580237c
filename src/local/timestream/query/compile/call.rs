//! Calls of scalar functions.

use sqlparser::ast::{BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};
use sqlparser::tokenizer::Span;

use super::expression::{Frame, joined};
use super::scope::identifiers;
use super::{Compiler, Typed};
use crate::local::timestream::query::failure::QueryFailure;
use crate::local::timestream::query::scalar::Scalar::{
    self, Bigint, Boolean, Date, Double, Integer, Interval, Timestamp, Varbinary, Varchar,
};
use crate::local::timestream::query::syntax::at;

/// SQLite takes 1,000 arguments; a longer concatenation is one of concatenations.
const CONCAT_ARGUMENTS_MAX: usize = 500;

/// One way of calling a function; `runs` is what SQLite calls, or nothing where the value stays as it is.
struct Signature {
    name: &'static str,
    takes: &'static [Scalar],
    gives: Scalar,
    runs: &'static str,
}

const fn signature(name: &'static str, takes: &'static [Scalar], gives: Scalar, runs: &'static str) -> Signature {
    Signature { name, takes, gives, runs }
}

/// Facts: Query §3, and the developer guide's pages on string, mathematical, conversion and date / time functions.
static SIGNATURES: &[Signature] = &[
    signature("length", &[Varchar], Bigint, "ts_length"),
    signature("length", &[Varbinary], Bigint, "length"),
    signature("lower", &[Varchar], Varchar, "ts_lower"),
    signature("upper", &[Varchar], Varchar, "ts_upper"),
    signature("trim", &[Varchar], Varchar, "ts_trim"),
    signature("ltrim", &[Varchar], Varchar, "ts_ltrim"),
    signature("rtrim", &[Varchar], Varchar, "ts_rtrim"),
    signature("reverse", &[Varchar], Varchar, "ts_reverse"),
    signature("substr", &[Varchar, Bigint], Varchar, "ts_substr"),
    signature("substr", &[Varchar, Bigint, Bigint], Varchar, "ts_substr"),
    signature("substring", &[Varchar, Bigint], Varchar, "ts_substr"),
    signature("substring", &[Varchar, Bigint, Bigint], Varchar, "ts_substr"),
    signature("replace", &[Varchar, Varchar], Varchar, "ts_replace"),
    signature("replace", &[Varchar, Varchar, Varchar], Varchar, "ts_replace"),
    signature("strpos", &[Varchar, Varchar], Bigint, "ts_strpos"),
    signature("split_part", &[Varchar, Varchar, Bigint], Varchar, "ts_split_part"),
    signature("lpad", &[Varchar, Bigint, Varchar], Varchar, "ts_lpad"),
    signature("rpad", &[Varchar, Bigint, Varchar], Varchar, "ts_rpad"),
    signature("chr", &[Bigint], Varchar, "ts_chr"),
    signature("abs", &[Integer], Integer, "ts_abs_integer"),
    signature("abs", &[Bigint], Bigint, "ts_abs"),
    signature("abs", &[Double], Double, "abs"),
    signature("ceil", &[Integer], Integer, ""),
    signature("ceil", &[Bigint], Bigint, ""),
    signature("ceil", &[Double], Double, "ts_ceil"),
    signature("ceiling", &[Integer], Integer, ""),
    signature("ceiling", &[Bigint], Bigint, ""),
    signature("ceiling", &[Double], Double, "ts_ceil"),
    signature("floor", &[Integer], Integer, ""),
    signature("floor", &[Bigint], Bigint, ""),
    signature("floor", &[Double], Double, "ts_floor"),
    signature("round", &[Integer], Integer, ""),
    signature("round", &[Bigint], Bigint, ""),
    signature("round", &[Double], Double, "ts_round"),
    signature("round", &[Double, Bigint], Double, "ts_round"),
    signature("truncate", &[Double], Double, "ts_truncate"),
    signature("sign", &[Integer], Integer, "sign"),
    signature("sign", &[Bigint], Bigint, "sign"),
    signature("sign", &[Double], Double, "ts_sign"),
    signature("sqrt", &[Double], Double, "ts_sqrt"),
    signature("exp", &[Double], Double, "ts_exp"),
    signature("ln", &[Double], Double, "ts_ln"),
    signature("log2", &[Double], Double, "ts_log2"),
    signature("log10", &[Double], Double, "ts_log10"),
    signature("power", &[Double, Double], Double, "ts_power"),
    signature("pow", &[Double, Double], Double, "ts_power"),
    signature("is_finite", &[Double], Boolean, "ts_is_finite"),
    signature("is_infinite", &[Double], Boolean, "ts_is_infinite"),
    signature("bin", &[Timestamp, Interval], Timestamp, "ts_bin"),
    signature("date_trunc", &[Varchar, Timestamp], Timestamp, "ts_date_trunc"),
    signature("date", &[Timestamp], Date, "ts_timestamp_date"),
    signature("date", &[Varchar], Date, "ts_text_date"),
    signature("from_iso8601_timestamp", &[Varchar], Timestamp, "ts_text_timestamp"),
    signature("from_iso8601_date", &[Varchar], Date, "ts_text_date"),
    signature("from_milliseconds", &[Bigint], Timestamp, "ts_from_milliseconds"),
    signature("from_nanoseconds", &[Bigint], Timestamp, ""),
    signature("from_unixtime", &[Double], Timestamp, "ts_from_unixtime"),
    signature("to_milliseconds", &[Timestamp], Bigint, "ts_to_milliseconds"),
    signature("to_milliseconds", &[Interval], Bigint, "ts_to_milliseconds"),
    signature("to_nanoseconds", &[Timestamp], Bigint, ""),
    signature("to_nanoseconds", &[Interval], Bigint, ""),
    signature("to_unixtime", &[Timestamp], Double, "ts_to_unixtime"),
    signature("year", &[Timestamp], Bigint, "ts_year"),
    signature("month", &[Timestamp], Bigint, "ts_month"),
    signature("day", &[Timestamp], Bigint, "ts_day"),
    signature("hour", &[Timestamp], Bigint, "ts_hour"),
    signature("minute", &[Timestamp], Bigint, "ts_minute"),
    signature("second", &[Timestamp], Bigint, "ts_second"),
    signature("day_of_week", &[Timestamp], Bigint, "ts_day_of_week"),
    signature("day_of_year", &[Timestamp], Bigint, "ts_day_of_year"),
    signature("xxhash64", &[Varbinary], Varbinary, "ts_xxhash64"),
    signature("from_big_endian_64", &[Varbinary], Bigint, "ts_from_big_endian_64"),
    signature("to_big_endian_64", &[Bigint], Varbinary, "ts_to_big_endian_64"),
    signature("to_hex", &[Varbinary], Varchar, "ts_to_hex"),
    signature("from_hex", &[Varchar], Varbinary, "ts_from_hex"),
    signature("to_utf8", &[Varchar], Varbinary, "ts_to_utf8"),
];

impl Compiler<'_> {
    pub(super) fn function(&mut self, function: &Function, span: Span, frame: &mut Frame<'_>) -> Result<Typed, QueryFailure> {
        let parts = identifiers(&function.name).unwrap_or_default();
        let [name] = parts.as_slice() else { return Err(not_registered(&function.name.to_string(), span)) };
        let name = name.value.to_ascii_lowercase();
        if function.over.is_some() {
            return Err(QueryFailure::not_served(at(span), "a window function"));
        }
        let plain = !function.uses_odbc_syntax
            && matches!(function.parameters, FunctionArguments::None)
            && function.within_group.is_empty()
            && function.null_treatment.is_none();
        if !plain {
            return Err(QueryFailure::not_served(at(span), format_args!("this form of calling {name}")));
        }
        if super::aggregate::is_aggregate(&name) {
            return self.aggregate(&name, function, span, frame);
        }
        let arguments: &[FunctionArg] = match &function.args {
            FunctionArguments::None => &[],
            FunctionArguments::List(list) if list.duplicate_treatment.is_none() && list.clauses.is_empty() && function.filter.is_none() => {
                &list.args
            }
            _ => return Err(QueryFailure::not_served(at(span), format_args!("this form of calling {name}"))),
        };
        let mut typed = Vec::with_capacity(arguments.len());
        for argument in arguments {
            typed.push(self.expression(plain_argument(argument, span)?, frame)?);
        }
        self.call(&name, typed, span)
    }

    /// Calls `name`, in lower case, with compiled arguments.
    pub(super) fn call(&mut self, name: &str, arguments: Vec<Typed>, span: Span) -> Result<Typed, QueryFailure> {
        if let Some(special) = self.special(name, &arguments, span) {
            return special;
        }
        let known: Vec<&Signature> = SIGNATURES.iter().filter(|signature| signature.name == name).collect();
        if known.is_empty() {
            return Err(not_registered(name, span));
        }
        let is_exact = |signature: &Signature| signature.takes.iter().copied().eq(arguments.iter().map(|argument| argument.kind));
        let exact = known.iter().filter(|signature| is_exact(signature));
        for signature in exact.chain(&known) {
            if signature.takes.len() != arguments.len() {
                continue;
            }
            let coerced: Option<Vec<Typed>> =
                arguments.iter().zip(signature.takes).map(|(argument, kind)| self.coerce(argument, *kind)).collect();
            if let Some(coerced) = coerced {
                return Ok(Typed::new(format!("{}({})", signature.runs, joined(&coerced)), signature.gives));
            }
        }
        let expected = known.iter().map(|signature| format!("{name}({})", kinds(signature.takes.iter().copied())));
        Err(unexpected(name, &arguments, &expected.collect::<Vec<_>>().join(", "), span))
    }

    /// Functions whose type depends on their arguments, or that know the time.
    fn special(&mut self, name: &str, arguments: &[Typed], span: Span) -> Option<Result<Typed, QueryFailure>> {
        let owned = || arguments.to_vec();
        Some(match (name, arguments) {
            ("now" | "current_timestamp", []) => Ok(Typed::new(self.parameters.integer(self.now.0), Timestamp)),
            ("current_date", []) => Ok(Typed::new(self.parameters.integer(self.now.day()), Date)),
            ("ago", [back]) if back.kind == Interval => {
                Ok(Typed::new(format!("ts_time_sub({}, {})", self.parameters.integer(self.now.0), back.sql), Timestamp))
            }
            ("pi", []) => Ok(Typed::new(self.parameters.real(std::f64::consts::PI), Double)),
            ("e", []) => Ok(Typed::new(self.parameters.real(std::f64::consts::E), Double)),
            ("infinity", []) => Ok(Typed::new(self.parameters.real(f64::INFINITY), Double)),
            ("mod", [left, right]) => self.binary(&BinaryOperator::Modulo, left.clone(), right.clone(), span),
            ("concat", [_, _, ..]) => self.concat(arguments, span),
            ("coalesce", [_, _, ..]) => {
                self.unify(owned(), span, name).map(|(list, kind)| Typed::new(format!("coalesce({})", joined(&list)), kind))
            }
            ("greatest" | "least", [one]) => Ok(one.clone()),
            ("greatest" | "least", [_, _, ..]) => {
                let function = if name == "greatest" { "max" } else { "min" };
                self.unify(owned(), span, name).map(|(list, kind)| Typed::new(format!("{function}({})", joined(&list)), kind))
            }
            ("nullif", [first, _]) => {
                let kind = first.kind;
                let sql = &first.sql;
                self.unify(owned(), span, name)
                    .map(|(list, _)| Typed::new(format!("(CASE WHEN {} THEN NULL ELSE {sql} END)", equal(&list)), kind))
            }
            ("if", [test, rest @ ..]) if matches!(rest.len(), 1 | 2) && matches!(test.kind, Boolean | Scalar::Unknown) => {
                self.unify(rest.to_vec(), span, name).map(|(list, kind)| {
                    let otherwise = list.get(1).map_or("NULL", |otherwise| otherwise.sql.as_str());
                    Typed::new(format!("(CASE WHEN {} THEN {} ELSE {otherwise} END)", test.sql, list[0].sql), kind)
                })
            }
            ("ago" | "concat" | "coalesce" | "nullif" | "if" | "mod" | "now" | "greatest" | "least", _) => {
                Err(unexpected(name, arguments, &format!("another form of {name}"), span))
            }
            _ => return None,
        })
    }

    fn concat(&mut self, arguments: &[Typed], span: Span) -> Result<Typed, QueryFailure> {
        if !arguments.iter().all(|argument| matches!(argument.kind, Varchar | Scalar::Unknown)) {
            return Err(unexpected("concat", arguments, "concat(varchar, ...)", span));
        }
        let parts: Vec<String> = arguments.chunks(CONCAT_ARGUMENTS_MAX).map(|chunk| format!("ts_concat({})", joined(chunk))).collect();
        let sql = if parts.len() == 1 { parts.concat() } else { format!("ts_concat({})", parts.join(", ")) };
        Ok(Typed::new(sql, Varchar))
    }
}

fn equal(list: &[Typed]) -> String {
    list.iter().map(|item| item.sql.as_str()).collect::<Vec<_>>().join(" = ")
}

/// The expression of an ordinary argument.
pub(super) fn plain_argument(argument: &FunctionArg, span: Span) -> Result<&Expr, QueryFailure> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
        _ => Err(QueryFailure::not_served(at(span), "this form of an argument")),
    }
}

fn not_registered(name: &str, span: Span) -> QueryFailure {
    QueryFailure::Validation(format!("{}Function {name} not registered (or not served by the embedded service)", at(span)))
}

/// Presto's words.
pub(super) fn unexpected(name: &str, arguments: &[Typed], expected: &str, span: Span) -> QueryFailure {
    let given = kinds(arguments.iter().take(8).map(|argument| argument.kind));
    QueryFailure::Validation(format!("{}Unexpected parameters ({given}) for function {name}. Expected: {expected}", at(span)))
}

fn kinds(kinds: impl Iterator<Item = Scalar>) -> String {
    kinds.map(Scalar::sql_name).collect::<Vec<_>>().join(", ")
}
