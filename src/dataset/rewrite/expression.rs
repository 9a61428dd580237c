//! Expressions, form by form.

use sqlparser::ast::{BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, InTarget, TrimWhereField, UnaryOperator, Value};

use super::{DEPTH_MAX, Rewriter, Typed};
use crate::dataset::kind::Kind;
use crate::dataset::tree::Node;

const PLAIN: &str = "write it with comparisons, arithmetic, CASE, CAST and functions";

impl Rewriter<'_> {
    pub(super) fn expression(&mut self, expr: &Expr) -> Typed {
        self.depth += 1;
        let typed = if self.depth > DEPTH_MAX {
            self.too_deep();
            Typed::nothing()
        } else {
            self.form(expr)
        };
        self.depth -= 1;
        typed
    }

    /// As a value of the new query: a day is cut out of its instant, an instant's text is written.
    pub(super) fn value(&mut self, expr: &Expr) -> Typed {
        let typed = self.expression(expr);
        self.settle(typed)
    }

    pub(super) fn settle(&mut self, typed: Typed) -> Typed {
        match typed.kind {
            Kind::Day => Typed::new(typed.node.day_start(), Kind::Timestamp),
            Kind::DatePart => Typed { kind: Kind::Bigint, ..typed },
            Kind::InstantText => self.as_text(typed),
            _ => typed,
        }
    }

    fn form(&mut self, expr: &Expr) -> Typed {
        match expr {
            Expr::BinaryOp { .. } => self.chain(expr),
            Expr::Identifier(ident) => self.column(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(parts) => self.column(parts),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Expr::Nested(inner) => self.expression(inner),
            Expr::Value(value) => self.literal(&value.value),
            Expr::TypedString(typed) => self.typed_literal(typed),
            Expr::Interval(interval) => self.interval(interval),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::Function(function) => self.function(function),
            Expr::Cast { kind, expr, data_type, format } => self.cast(kind, expr, data_type, format.is_some()),
            Expr::Case { operand, conditions, else_result, .. } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            Expr::Between { expr, negated, low, high } => self.between(expr, low, high, *negated),
            Expr::In { expr, target, negated, global: false } => self.is_in(expr, target, *negated),
            Expr::Like { negated, any: false, expr, pattern, escape_char } => self.like(expr, pattern, escape_char.as_deref(), *negated),
            _ => self.rarer(expr),
        }
    }

    fn rarer(&mut self, expr: &Expr) -> Typed {
        match expr {
            Expr::IsNull(operand) => self.is(operand, "IS NULL"),
            Expr::IsNotNull(operand) => self.is(operand, "IS NOT NULL"),
            Expr::IsTrue(operand) => self.is(operand, "IS TRUE"),
            Expr::IsNotTrue(operand) => self.is(operand, "IS NOT TRUE"),
            Expr::IsFalse(operand) => self.is(operand, "IS FALSE"),
            Expr::IsNotFalse(operand) => self.is(operand, "IS NOT FALSE"),
            Expr::IsDistinctFrom(left, right) => self.is_distinct(left, right, false),
            Expr::IsNotDistinctFrom(left, right) => self.is_distinct(left, right, true),
            Expr::Exists { subquery, negated } => {
                let (query, _) = self.query(subquery);
                Typed::new(Node::Exists { query: Box::new(query), negated: *negated }, Kind::Boolean)
            }
            Expr::Subquery(subquery) => {
                let (query, shape) = self.query(subquery);
                let kind = shape.outputs.first().map_or(Kind::Unknown, |output| output.kind.clone());
                Typed::new(Node::Query(Box::new(query)), kind)
            }
            Expr::Extract { field, expr, .. } => self.extract(field, expr),
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => self.call_named("ceil", &[expr]),
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => self.call_named("floor", &[expr]),
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut arguments: Vec<&Expr> = vec![expr, from];
                arguments.extend(substring_for.as_deref());
                self.call_named("substr", &arguments)
            }
            Expr::Trim { trim_where, trim_what: None, expr, trim_characters: None } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "trim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                self.call_named(name, &[expr])
            }
            Expr::Position { expr, r#in } => self.call_named("strpos", &[r#in, expr]),
            Expr::AtTimeZone { timestamp, time_zone } => self.at_time_zone(timestamp, time_zone),
            Expr::Lambda(_) => self.refuse("a lambda expression", "rows hold no arrays now; name the columns that the array became"),
            Expr::Array(_) | Expr::Map(_) | Expr::Struct { .. } | Expr::Tuple(_) => {
                self.refuse("an array, a map or a row", "rows hold plain values now; write the columns one by one")
            }
            Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => {
                self.refuse("a grouping set", "write one query for each grouping and join them with UNION ALL")
            }
            _ => self.refuse("a form of expression in its query", PLAIN),
        }
    }

    /// A chain of operators leans to the left and can be long: it is walked, not descended.
    fn chain(&mut self, expr: &Expr) -> Typed {
        let mut links = Vec::new();
        let mut first = expr;
        while let Expr::BinaryOp { left, op, right } = first {
            links.push((op, right.as_ref()));
            first = left;
        }
        let mut value = self.expression(first);
        for (op, right) in links.into_iter().rev() {
            let right = self.expression(right);
            value = self.operator(op, value, right);
        }
        value
    }

    fn operator(&mut self, op: &BinaryOperator, left: Typed, right: Typed) -> Typed {
        match op {
            BinaryOperator::And => Typed::new(Node::binary("AND", left.node, right.node), Kind::Boolean),
            BinaryOperator::Or => Typed::new(Node::binary("OR", left.node, right.node), Kind::Boolean),
            BinaryOperator::Eq => self.compare("=", left, right),
            BinaryOperator::NotEq => self.compare("<>", left, right),
            BinaryOperator::Lt => self.compare("<", left, right),
            BinaryOperator::LtEq => self.compare("<=", left, right),
            BinaryOperator::Gt => self.compare(">", left, right),
            BinaryOperator::GtEq => self.compare(">=", left, right),
            BinaryOperator::Plus => self.arithmetic("+", left, right),
            BinaryOperator::Minus => self.arithmetic("-", left, right),
            BinaryOperator::Multiply => self.arithmetic("*", left, right),
            BinaryOperator::Divide => self.arithmetic("/", left, right),
            BinaryOperator::Modulo => self.arithmetic("%", left, right),
            BinaryOperator::StringConcat => {
                let (left, right) = (self.as_text(left), self.as_text(right));
                Typed::new(Node::binary("||", left.node, right.node), Kind::Varchar)
            }
            BinaryOperator::Arrow => self.refuse("a lambda expression", "rows hold no arrays now; name the columns that the array became"),
            _ => self.refuse("an operator in its query", PLAIN),
        }
    }

    fn unary(&mut self, op: UnaryOperator, operand: &Expr) -> Typed {
        let typed = self.expression(operand);
        match op {
            UnaryOperator::Not => Typed::new(Node::Unary { op: "NOT", operand: Box::new(typed.node) }, Kind::Boolean),
            UnaryOperator::Plus => typed,
            UnaryOperator::Minus => {
                let typed = self.as_number(typed);
                Typed::new(Node::Unary { op: "-", operand: Box::new(typed.node) }, typed.kind)
            }
            _ => self.refuse("an operator in its query", PLAIN),
        }
    }

    fn is(&mut self, operand: &Expr, test: &'static str) -> Typed {
        let operand = self.expression(operand);
        // Whether there is an instant does not depend on how it was written.
        Typed::new(Node::Is { operand: Box::new(operand.node), test }, Kind::Boolean)
    }

    fn is_distinct(&mut self, left: &Expr, right: &Expr, negated: bool) -> Typed {
        let (left, right) = (self.value(left), self.value(right));
        let (left, right) = self.align(left, right, true);
        Typed::new(Node::IsDistinct { left: Box::new(left.node), right: Box::new(right.node), negated }, Kind::Boolean)
    }

    fn case(&mut self, operand: Option<&Expr>, conditions: &[CaseWhen], otherwise: Option<&Expr>) -> Typed {
        let operand = operand.map(|operand| self.value(operand));
        let mut arms = Vec::new();
        let mut results: Vec<Typed> = Vec::new();
        for arm in conditions {
            let mut condition = self.expression(&arm.condition);
            if let Some(operand) = &operand {
                condition = self.align(operand.clone(), condition, true).1;
            }
            let result = self.value(&arm.result);
            arms.push((condition.node, result.node.clone()));
            results.push(result);
        }
        let otherwise = otherwise.map(|otherwise| self.value(otherwise));
        results.extend(otherwise.clone());
        let kind = common_kind(&results);
        let operand = operand.map(|operand| Box::new(operand.node));
        Typed::new(Node::Case { operand, arms, otherwise: otherwise.map(|otherwise| Box::new(otherwise.node)) }, kind)
    }

    fn like(&mut self, operand: &Expr, pattern: &Expr, escape: Option<&Expr>, negated: bool) -> Typed {
        let operand = self.expression(operand);
        let operand = Box::new(self.as_text(operand).node);
        let pattern = Box::new(self.value(pattern).node);
        let escape = escape.map(|escape| Box::new(self.value(escape).node));
        Typed::new(Node::Like { operand, pattern, escape, negated }, Kind::Boolean)
    }

    fn between(&mut self, operand: &Expr, low: &Expr, high: &Expr, negated: bool) -> Typed {
        let (operand, low, high) = (self.expression(operand), self.expression(low), self.expression(high));
        let plain = |typed: &Typed| !matches!(typed.kind, Kind::Day);
        if plain(&operand) && plain(&low) && plain(&high) {
            let (operand, low) = self.align(operand, low, false);
            let (operand, high) = self.align(operand, high, false);
            let [operand, low, high] = [operand, low, high].map(|typed| Box::new(typed.node));
            return Typed::new(Node::Between { operand, low, high, negated }, Kind::Boolean);
        }
        let from = self.compare(">=", operand.clone(), low);
        let to = self.compare("<=", operand, high);
        let both = Node::binary("AND", from.node, to.node);
        let node = if negated { Node::Unary { op: "NOT", operand: Box::new(both) } } else { both };
        Typed::new(node, Kind::Boolean)
    }

    fn is_in(&mut self, operand: &Expr, target: &InTarget, negated: bool) -> Typed {
        let operand = self.expression(operand);
        match target {
            InTarget::List(list) if operand.kind == Kind::Day => self.day_in(&operand, list, negated),
            InTarget::List(list) => {
                let mut operand = operand;
                let mut aligned = Vec::new();
                for item in list {
                    let item = self.expression(item);
                    let (left, item) = self.align(operand, item, true);
                    operand = left;
                    aligned.push(item.node);
                }
                Typed::new(Node::In { operand: Box::new(operand.node), list: aligned, negated }, Kind::Boolean)
            }
            InTarget::Subquery(subquery) => {
                let operand = self.settle(operand);
                let (query, _) = self.query(subquery);
                Typed::new(Node::InQuery { operand: Box::new(operand.node), query: Box::new(query), negated }, Kind::Boolean)
            }
            _ => self.refuse("IN with something other than a list or a subquery", PLAIN),
        }
    }

    fn day_in(&mut self, operand: &Typed, list: &[Expr], negated: bool) -> Typed {
        const DAYS_MAX: usize = 62;
        if list.len() > DAYS_MAX {
            return self.refuse("a list of more than 62 values of `__dt`", "write a range of days");
        }
        let mut any: Option<Node> = None;
        for item in list {
            let item = self.expression(item);
            let equal = self.compare("=", operand.clone(), item).node;
            any = Some(match any {
                None => equal,
                Some(before) => Node::binary("OR", before, equal),
            });
        }
        let any = any.unwrap_or(Node::Boolean(false));
        let node = if negated { Node::Unary { op: "NOT", operand: Box::new(any) } } else { any };
        Typed::new(node, Kind::Boolean)
    }

    fn extract(&mut self, field: &DateTimeField, operand: &Expr) -> Typed {
        let name = match field {
            DateTimeField::Year => "year",
            DateTimeField::Quarter => "quarter",
            DateTimeField::Month => "month",
            DateTimeField::Week(None) => "week",
            DateTimeField::Day => "day",
            DateTimeField::DayOfWeek | DateTimeField::Dow => "day_of_week",
            DateTimeField::DayOfYear | DateTimeField::Doy => "day_of_year",
            DateTimeField::Hour => "hour",
            DateTimeField::Minute => "minute",
            DateTimeField::Second => "second",
            _ => return self.refuse("this field of EXTRACT", "use year, month, day, hour, minute, second, day_of_week or day_of_year"),
        };
        self.call_named(name, &[operand])
    }

    fn at_time_zone(&mut self, timestamp: &Expr, zone: &Expr) -> Typed {
        let utc = matches!(zone, Expr::Value(value) if matches!(&value.value, Value::SingleQuotedString(zone) if zone.eq_ignore_ascii_case("utc")));
        if utc {
            return self.expression(timestamp);
        }
        self.refuse("AT TIME ZONE", "Timestream knows UTC only; add or subtract an interval")
    }
}

/// The type that results agree on.
pub(super) fn common_kind(results: &[Typed]) -> Kind {
    let mut kinds = results.iter().map(|typed| &typed.kind).filter(|kind| **kind != Kind::Null);
    let Some(first) = kinds.next() else { return Kind::Null };
    kinds.fold(first.clone(), |kind, other| match (&kind, other) {
        (a, b) if a == b => kind,
        (a, b) if a.is_whole() && b.is_whole() => Kind::Bigint,
        (a, b) if a.is_number() && b.is_number() => Kind::Double,
        (a, b) if a.is_instant() && b.is_instant() => Kind::Timestamp,
        _ => Kind::Unknown,
    })
}
