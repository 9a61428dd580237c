//! Comparisons: what meets an instant, a day, or a dimension is put to the form that the new column has.

use super::literal::{read_instant, timestamp};
use super::{Rewriter, Typed};
use crate::dataset::kind::{Kind, epoch_power};
use crate::dataset::store::Origin;
use crate::dataset::tree::{Node, Number};
use crate::inventory::shown;
use crate::time::{Nanos, TimeFormat};
use crate::value::{Number as JsonNumber, Value as Json};

impl Rewriter<'_> {
    pub(super) fn compare(&mut self, op: &'static str, left: Typed, right: Typed) -> Typed {
        if left.kind == Kind::Day && right.kind != Kind::Null {
            return self.compare_day(op, left, right);
        }
        if right.kind == Kind::Day && left.kind != Kind::Null {
            return self.compare_day(mirrored(op), right, left);
        }
        let (left, right) = self.align(left, right, matches!(op, "=" | "<>"));
        Typed::new(Node::binary(op, left.node, right.node), Kind::Boolean)
    }

    /// Brings two operands to types that can be compared. `equality`: only equality is asked.
    pub(super) fn align(&mut self, left: Typed, right: Typed, equality: bool) -> (Typed, Typed) {
        if left.kind.is_instant() || left.kind == Kind::Date {
            return self.align_instant(left, right);
        }
        if right.kind.is_instant() || right.kind == Kind::Date {
            let (right, left) = self.align_instant(right, left);
            return (left, right);
        }
        match (&left.kind, &right.kind) {
            (Kind::Varchar, kind) if kind.is_number() && left.origin == Origin::Dimension => self.align_dimension(left, right, equality),
            (kind, Kind::Varchar) if kind.is_number() && right.origin == Origin::Dimension => {
                let (right, left) = self.align_dimension(right, left, equality);
                (left, right)
            }
            (Kind::Varchar, Kind::Boolean) if left.origin == Origin::Dimension => (left, self.text_of_boolean(right)),
            (Kind::Boolean, Kind::Varchar) if right.origin == Origin::Dimension => (self.text_of_boolean(left), right),
            (Kind::DatePart, Kind::Varchar) => (left, whole_of_text(right)),
            (Kind::Varchar, Kind::DatePart) => (whole_of_text(left), right),
            _ => (left, right),
        }
    }

    /// `true` as a dimension holds it.
    fn text_of_boolean(&mut self, truth: Typed) -> Typed {
        self.note_dimension("a truth value");
        let node = match truth.node {
            Node::Boolean(truth) => Node::Text(truth.to_string()),
            node => node.cast("VARCHAR", false),
        };
        Typed::new(node, Kind::Varchar)
    }

    fn note_dimension(&mut self, what: &str) {
        self.found.warn(
            "dimension_as_text",
            format!("a column that became a dimension is compared with {what}, and dimensions are texts"),
            "check that the two are written alike (`5` is not `5.0`), or make the column a measure",
        );
    }

    /// A dimension is a text, whatever the old column held.
    fn align_dimension(&mut self, dimension: Typed, number: Typed, equality: bool) -> (Typed, Typed) {
        self.note_dimension("a number");
        if let (true, Node::Number(digits)) = (equality, &number.node) {
            let text = Node::Text(digits.as_str().to_owned());
            return (dimension, Typed { node: text, kind: Kind::Varchar, ..number });
        }
        (Typed::new(dimension.node.cast("DOUBLE", true), Kind::Double), number)
    }

    /// `instant` is a timestamp or a date; what meets it becomes one too, or it becomes the number that it was.
    fn align_instant(&mut self, instant: Typed, other: Typed) -> (Typed, Typed) {
        if other.kind == Kind::Day || instant.kind == Kind::Day {
            let (instant, other) = (self.settle(instant), self.settle(other));
            return self.align_instant(instant, other);
        }
        if other.kind.is_instant() {
            return (as_instant(instant), other);
        }
        match (&instant.kind, &other.kind, &other.node) {
            (_, Kind::Date, _) if instant.kind == Kind::Date => (instant, other),
            (_, Kind::Date, _) => (instant, as_instant(other)),
            (Kind::Date, Kind::Varchar, Node::Text(text)) => match read_instant(text) {
                Some(moment) => (as_instant(instant), Typed { node: timestamp(moment), kind: Kind::Timestamp, ..other }),
                None => self.unreadable(&text.clone(), instant, other),
            },
            (_, Kind::Varchar, Node::Text(text)) => {
                let format = stamp_format(&instant.kind);
                let read = format.and_then(|format| format.try_read(&Json::String(text.clone())));
                match read.or_else(|| read_instant(text)) {
                    Some(moment) => (instant, Typed { node: timestamp(moment), kind: Kind::Timestamp, ..other }),
                    None => self.unreadable(&text.clone(), instant, other),
                }
            }
            (Kind::Stamp(format), kind, _) if kind.is_number() && epoch_power(format).is_some() => {
                let format = format.clone();
                self.align_epoch(&format, instant, other)
            }
            (_, Kind::Null | Kind::Unknown, _) => (instant, other),
            (_, Kind::Varchar, _) => {
                let instant = self.as_text(instant);
                (instant, other)
            }
            _ => {
                self.found.error(
                    "time_compared",
                    "the time is compared with something that is neither an instant nor what the store wrote it as",
                    "compare it with a timestamp",
                );
                (instant, other)
            }
        }
    }

    /// An epoch number that meets a number: with a literal or `to_unixtime(x)` the instants are compared, so that reading
    /// stays bounded; with anything else the numbers.
    fn align_epoch(&mut self, format: &TimeFormat, instant: Typed, other: Typed) -> (Typed, Typed) {
        let (negative, digits) = match &other.node {
            Node::Number(number) => (false, Some(number)),
            Node::Unary { op: "-", operand } => match operand.as_ref() {
                Node::Number(number) => (true, Some(number)),
                _ => (false, None),
            },
            _ => (false, None),
        };
        if let Some(digits) = digits {
            let text = format!("{}{}", if negative { "-" } else { "" }, digits.as_str());
            let read: Option<Nanos> = JsonNumber::parse(&text).and_then(|number| format.try_read(&Json::Number(number)));
            return match read {
                Some(moment) => (instant, Typed { node: timestamp(moment), kind: Kind::Timestamp, ..other }),
                None => self.unreadable(&text, instant, other),
            };
        }
        if let (TimeFormat::EpochSeconds, Node::Call(call)) = (format, &other.node)
            && let ("to_unixtime", [inner]) = (call.name, call.arguments.as_slice())
        {
            let inner = inner.clone();
            return (instant, Typed { node: inner, kind: Kind::Timestamp, ..other });
        }
        (self.as_number(instant), other)
    }

    fn unreadable(&mut self, text: &str, instant: Typed, other: Typed) -> (Typed, Typed) {
        let cause = format!("the time is compared with {}, which is no instant that can be read", shown(text));
        self.found.error("time_literal_unreadable", cause, "write it as YYYY-MM-DD hh:mm:ss, in UTC");
        (instant, other)
    }

    /// `__dt` was midnight of a day. The conditions are put to the instant itself, so that reading stays bounded.
    fn compare_day(&mut self, op: &'static str, day: Typed, other: Typed) -> Typed {
        let moment = match (&other.kind, &other.node) {
            (Kind::Varchar, Node::Text(text)) => match read_instant(text) {
                Some(moment) => timestamp(moment),
                None => {
                    let text = text.clone();
                    self.unreadable(&text, day, other);
                    return Typed::nothing();
                }
            },
            (Kind::Day, _) => {
                let (left, right) = (day.node.day_start(), other.node.day_start());
                return Typed::new(Node::binary(op, left, right), Kind::Boolean);
            }
            (kind, _) if kind.is_instant() || *kind == Kind::Date => as_instant(other).node,
            (Kind::Unknown, _) => other.node,
            _ => {
                self.found.error("time_compared", "`__dt` is compared with something that is no day", "compare it with a date");
                return Typed::nothing();
            }
        };
        let instant = day.node;
        let node = if is_midnight(&moment) { at_midnight(op, instant, moment) } else { at_any_time(op, instant, moment) };
        Typed::new(node, Kind::Boolean)
    }
}

/// `day(instant) op midnight`, exactly.
fn at_midnight(op: &str, instant: Node, midnight: Node) -> Node {
    let from = |midnight: Node| Node::binary(">=", instant.clone(), midnight);
    let before = |midnight: Node| Node::binary("<", instant.clone(), midnight);
    let next = midnight.clone().plus_day();
    match op {
        ">=" => from(midnight),
        ">" => from(next),
        "<" => before(midnight),
        "<=" => before(next),
        _ => {
            let within = Node::binary("AND", from(midnight), before(next));
            if op == "<>" { Node::Unary { op: "NOT", operand: Box::new(within) } } else { within }
        }
    }
}

/// `day(instant) op moment`, with a bound on the instant that follows from it.
fn at_any_time(op: &'static str, instant: Node, moment: Node) -> Node {
    let day = Node::binary(op, instant.clone().day_start(), moment.clone());
    let bound = match op {
        ">=" | ">" => Node::binary(">=", instant, moment),
        "<=" | "<" => Node::binary("<", instant, moment.plus_day()),
        "=" => {
            let from = Node::binary(">=", instant.clone(), moment.clone());
            Node::binary("AND", from, Node::binary("<", instant, moment.plus_day()))
        }
        _ => return day,
    };
    Node::binary("AND", bound, day)
}

/// Whether an expression is always midnight.
fn is_midnight(node: &Node) -> bool {
    match node {
        Node::Literal { text, .. } => text.len() == 10 || text.ends_with(" 00:00:00"),
        Node::Call(call) => match (call.name, call.arguments.as_slice()) {
            ("date_trunc", [Node::Text(unit), _]) => matches!(unit.as_str(), "day" | "week" | "month" | "quarter" | "year"),
            ("date", _) => true,
            _ => false,
        },
        Node::Cast { operand, target, .. } => *target == "DATE" || (*target == "TIMESTAMP" && is_midnight(operand)),
        Node::Binary { op: "+" | "-", left, right } => match right.as_ref() {
            Node::Interval { unit, .. } => matches!(*unit, "DAY" | "WEEK" | "MONTH" | "YEAR") && is_midnight(left),
            _ => false,
        },
        _ => false,
    }
}

/// A date as the timestamp of its midnight, written so that nothing has to be converted implicitly.
pub(super) fn as_instant(typed: Typed) -> Typed {
    if typed.kind != Kind::Date {
        return typed;
    }
    Typed { node: midnight_of(typed.node), kind: Kind::Timestamp, origin: typed.origin }
}

fn midnight_of(date: Node) -> Node {
    match date {
        Node::Word("current_date") => Node::call("now", Vec::new()).day_start(),
        Node::Literal { word: "DATE", text } => Node::Literal { word: "TIMESTAMP", text: format!("{text} 00:00:00") },
        Node::Binary { op: op @ ("+" | "-"), left, right } if matches!(*right, Node::Interval { .. }) => {
            Node::binary(op, midnight_of(*left), *right)
        }
        other => other.cast("TIMESTAMP", false),
    }
}

fn stamp_format(kind: &Kind) -> Option<&TimeFormat> {
    match kind {
        Kind::Stamp(format) => Some(format),
        _ => None,
    }
}

/// A text of digits (`'06'`) as the whole number that it states; any other is cast.
fn whole_of_text(typed: Typed) -> Typed {
    if let Node::Text(text) = &typed.node
        && let Ok(count) = text.trim().parse::<u64>()
    {
        return Typed { node: Node::Number(Number::whole(count)), kind: Kind::Bigint, ..typed };
    }
    Typed { node: typed.node.cast("BIGINT", true), kind: Kind::Bigint, ..typed }
}

fn mirrored(op: &'static str) -> &'static str {
    match op {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}
