//! Calls.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowSpec, WindowType,
};

use super::compare::as_instant;
use super::expression::common_kind;
use super::function_table::{Class, Entry, Gives, Standing, advice, lookup};
use super::select::single_name;
use super::{Rewriter, Typed};
use crate::dataset::kind::{Kind, epoch_power};
use crate::dataset::tree::{Call, Digits, Frame, Node, Over};
use crate::inventory::shown;

impl Rewriter<'_> {
    pub(super) fn function(&mut self, function: &Function) -> Typed {
        let Some(name) = single_name(&function.name).map(|name| name.value.to_lowercase()) else {
            return self.refuse("a function of another catalog", "write it with functions that Timestream documents");
        };
        let plain =
            matches!(function.parameters, FunctionArguments::None) && function.within_group.is_empty() && !function.uses_odbc_syntax;
        if !plain || function.null_treatment.is_some() {
            return self.refuse(&format!("this form of the function {}", shown(&name)), "write name(arguments)");
        }
        let (arguments, distinct, star) = match &function.args {
            FunctionArguments::None => (Vec::new(), false, false),
            FunctionArguments::Subquery(_) => return self.refuse("a subquery as arguments", "write the arguments one by one"),
            FunctionArguments::List(list) => {
                let distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
                match plain_arguments(&list.args) {
                    Some(_) if !list.clauses.is_empty() => return self.refuse("a clause inside a call", "write name(arguments)"),
                    Some(Arguments::Star) if name == "count" && !distinct => (Vec::new(), false, true),
                    Some(Arguments::List(list)) => (list, distinct, false),
                    _ => return self.refuse("this form of an argument", "write name(arguments)"),
                }
            }
        };
        let filter = function.filter.as_ref().map(|filter| self.expression(filter).node);
        let over = function.over.as_ref().and_then(|over| self.over(over));
        let mut typed = self.call(&name, &arguments);
        match &mut typed.node {
            Node::Call(call) => {
                (call.distinct, call.star, call.filter, call.over) = (distinct, star, filter, over);
            }
            _ if distinct || filter.is_some() || over.is_some() => {
                return self.refuse(&format!("FILTER, DISTINCT or OVER of {}", shown(&name)), "use them with aggregates only");
            }
            _ => {}
        }
        typed
    }

    /// A form of its own in the parser's tree that is a call all the same.
    pub(super) fn call_named(&mut self, name: &str, arguments: &[&Expr]) -> Typed {
        self.call(name, arguments)
    }

    fn call(&mut self, name: &str, arguments: &[&Expr]) -> Typed {
        if name == "current_date" && arguments.is_empty() {
            return Typed::new(Node::Word("current_date"), Kind::Date);
        }
        if let Some(typed) = self.time_reader(name, arguments) {
            return typed;
        }
        let Some(entry) = lookup(name) else {
            let cause = format!("the function {} is not known to be in Timestream", shown(name));
            self.found.error("function_refused", cause, advice(name));
            return Typed::nothing();
        };
        if entry.standing == Standing::Unverified {
            self.unverified.insert(entry.name);
        }
        let arguments: Vec<Typed> = arguments.iter().map(|argument| self.argument(argument, entry)).collect();
        let kind = match &entry.gives {
            Gives::Fixed(kind) => kind.clone(),
            Gives::Same(_) if name == "coalesce" || name == "greatest" || name == "least" => common_kind(&arguments),
            Gives::Same(_) if name == "if" => common_kind(arguments.get(1..).unwrap_or_default()),
            Gives::Same(at) => arguments.get(*at).map_or(Kind::Unknown, |argument| argument.kind.clone()),
        };
        let kind = if kind == Kind::Integer && name == "sum" { Kind::Bigint } else { kind };
        Typed::new(Node::call(entry.emits, arguments.into_iter().map(|argument| argument.node).collect()), kind)
    }

    fn argument(&mut self, argument: &Expr, entry: &Entry) -> Typed {
        let typed = self.expression(argument);
        match entry.takes {
            Class::Any => self.settle(typed),
            Class::Number => self.as_number(typed),
            Class::Text => self.text_argument(typed),
            Class::Time => {
                let typed = if typed.kind == Kind::InstantText { Typed { kind: Kind::Timestamp, ..typed } } else { self.settle(typed) };
                // A duration and a unit stand among the arguments too.
                if typed.kind == Kind::Date && entry.name == "date_trunc" { as_instant(typed) } else { typed }
            }
        }
    }

    /// A position or a length among texts stays a number.
    fn text_argument(&mut self, typed: Typed) -> Typed {
        if typed.kind.is_number() { self.settle(typed) } else { self.as_text(typed) }
    }

    /// Functions that made an instant of a number or a text, or the other way round. Where the store's own time goes in,
    /// the instant is there already.
    fn time_reader(&mut self, name: &str, arguments: &[&Expr]) -> Option<Typed> {
        let (first, rest) = arguments.split_first()?;
        match (name, rest) {
            ("from_unixtime", []) => {
                let typed = self.expression(first);
                Some(self.instant_of_epoch(typed))
            }
            ("from_unixtime", _) => Some(self.refuse("from_unixtime with a time zone", "Timestream knows UTC only; add an interval")),
            ("from_iso8601_timestamp" | "date", []) | ("date_parse" | "parse_datetime", [_]) => {
                let typed = self.expression(first);
                Some(self.read_text(name, typed, rest))
            }
            ("to_iso8601", []) => {
                let typed = self.expression(first);
                Some(match typed.kind {
                    Kind::Timestamp | Kind::Stamp(_) => Typed { kind: Kind::InstantText, ..typed },
                    Kind::Date | Kind::Day => {
                        let typed = self.settle(typed);
                        Typed { kind: Kind::InstantText, ..as_instant(typed) }
                    }
                    _ => self.refuse("to_iso8601 of something other than a time", "call it with a timestamp"),
                })
            }
            ("to_unixtime", []) => {
                let typed = self.expression(first);
                let typed = self.settle(typed);
                Some(Typed::new(Node::call("to_unixtime", vec![as_instant(typed).node]), Kind::Double))
            }
            _ => None,
        }
    }

    fn instant_of_epoch(&mut self, typed: Typed) -> Typed {
        match &typed.kind {
            Kind::Stamp(format) => {
                match epoch_power(format) {
                    Some(0) => {}
                    Some(_) => self.found.warn(
                        "epoch_unit",
                        format!("it takes the time for seconds, and the store wrote it as {format}; the instant itself is used"),
                        "nothing to do if the column's format in migration.toml is right",
                    ),
                    None => self.found.warn(
                        "epoch_unit",
                        format!("it takes the time for seconds, and the store wrote it as text ({format}); the instant itself is used"),
                        "nothing to do if the column's format in migration.toml is right",
                    ),
                }
                Typed { kind: Kind::Timestamp, ..typed }
            }
            Kind::Timestamp => typed,
            _ => {
                let typed = self.as_number(typed);
                Typed::new(Node::call("from_unixtime", vec![typed.node]), Kind::Timestamp)
            }
        }
    }

    fn read_text(&mut self, name: &str, typed: Typed, rest: &[&Expr]) -> Typed {
        let is_date = name == "date";
        match &typed.kind {
            Kind::Day => typed,
            Kind::Stamp(_) | Kind::InstantText | Kind::Timestamp if !is_date => Typed { kind: Kind::Timestamp, ..typed },
            Kind::Stamp(_) | Kind::InstantText | Kind::Timestamp => Typed::new(Node::call("date", vec![typed.node]), Kind::Date),
            _ => {
                let emits = match name {
                    "date" => "date",
                    "from_iso8601_timestamp" => "from_iso8601_timestamp",
                    "date_parse" => "date_parse",
                    _ => "parse_datetime",
                };
                if let Some(entry) = lookup(emits).filter(|entry| entry.standing == Standing::Unverified) {
                    self.unverified.insert(entry.name);
                }
                let mut arguments = vec![typed.node];
                for argument in rest {
                    arguments.push(self.value(argument).node);
                }
                Typed::new(Node::call(emits, arguments), if is_date { Kind::Date } else { Kind::Timestamp })
            }
        }
    }

    fn over(&mut self, over: &WindowType) -> Option<Over> {
        let WindowType::WindowSpec(WindowSpec { window_name: None, partition_by, order_by, window_frame }) = over else {
            self.refuse("a named window", "write the window behind OVER");
            return None;
        };
        let partition = partition_by.iter().map(|expr| self.value(expr).node).collect();
        let order = order_by.iter().map(|by| self.order(by)).collect();
        let frame = match window_frame.as_ref().map(frame) {
            Some(None) => {
                self.refuse("this frame of a window", "use ROWS or RANGE with whole numbers");
                None
            }
            frame => frame.flatten(),
        };
        Some(Over { partition, order, frame })
    }
}

enum Arguments<'e> {
    Star,
    List(Vec<&'e Expr>),
}

fn plain_arguments(arguments: &[FunctionArg]) -> Option<Arguments<'_>> {
    if let [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] = arguments {
        return Some(Arguments::Star);
    }
    let plain = arguments.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    plain.collect::<Option<Vec<_>>>().map(Arguments::List)
}

fn frame(frame: &WindowFrame) -> Option<Frame> {
    let unit = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => return None,
    };
    let end = frame.end_bound.as_ref().map(bound);
    Some(Frame { unit, start: bound(&frame.start_bound)?, end: if let Some(end) = end { Some(end?) } else { None } })
}

fn bound(bound: &WindowFrameBound) -> Option<(Option<Digits>, &'static str)> {
    let digits = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            sqlparser::ast::Value::Number(digits, false) => Digits::new(digits),
            _ => None,
        },
        _ => None,
    };
    Some(match bound {
        WindowFrameBound::CurrentRow => (None, "CURRENT ROW"),
        WindowFrameBound::Preceding(None) => (None, "UNBOUNDED PRECEDING"),
        WindowFrameBound::Following(None) => (None, "UNBOUNDED FOLLOWING"),
        WindowFrameBound::Preceding(Some(count)) => (Some(digits(count)?), "PRECEDING"),
        WindowFrameBound::Following(Some(count)) => (Some(digits(count)?), "FOLLOWING"),
    })
}

impl Call {
    /// Whether it folds rows of its block.
    pub(super) fn folds(&self) -> bool {
        self.over.is_none() && super::function_table::is_aggregate(self.name)
    }
}
