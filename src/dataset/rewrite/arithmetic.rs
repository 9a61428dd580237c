//! Arithmetic, and an instant as the number or text that it was.

use super::compare::as_instant;
use super::expression::common_kind;
use super::{Rewriter, Typed};
use crate::dataset::kind::{Kind, epoch_format, epoch_power};
use crate::dataset::store::Origin;
use crate::dataset::tree::{Node, Number};
use crate::time::TimeFormat;

impl Rewriter<'_> {
    pub(super) fn arithmetic(&mut self, op: &'static str, left: Typed, right: Typed) -> Typed {
        if let Some(scaled) = rescaled(op, &left, &right) {
            return scaled;
        }
        let (left, right) = (self.settle(left), self.settle(right));
        if left.kind == Kind::Interval || right.kind == Kind::Interval {
            return self.with_interval(op, left, right);
        }
        let instants = [&left, &right].iter().filter(|side| matches!(side.kind, Kind::Timestamp | Kind::Date)).count();
        if instants > 0 {
            let remedy = "use date_diff('second', earlier, later) for a difference, and an interval for a shift";
            return self.refuse("arithmetic with a timestamp or a date other than with an interval", remedy);
        }
        let (left, right) = (self.as_number(left), self.as_number(right));
        let kind = match common_kind(&[left.clone(), right.clone()]) {
            kind if kind.is_number() => kind,
            _ => Kind::Unknown,
        };
        Typed::new(Node::binary(op, left.node, right.node), kind)
    }

    fn with_interval(&mut self, op: &'static str, left: Typed, right: Typed) -> Typed {
        let kind = match (&left.kind, &right.kind) {
            (Kind::Interval, Kind::Interval) => Kind::Interval,
            (Kind::Date, Kind::Interval) | (Kind::Interval, Kind::Date) => Kind::Date,
            (one, other) if one.is_instant() || other.is_instant() => Kind::Timestamp,
            (Kind::Interval, kind) | (kind, Kind::Interval) if kind.is_whole() => Kind::Interval,
            (Kind::Unknown | Kind::Null, _) | (_, Kind::Unknown | Kind::Null) => Kind::Unknown,
            _ => return self.refuse("an interval beside something other than a time", "add intervals to timestamps and dates only"),
        };
        // A date takes whole days only; a finer shift makes a timestamp of it, as it did in Presto through an error.
        let fine = |side: &Typed| matches!(side.node, Node::Interval { unit: "SECOND" | "MINUTE" | "HOUR", .. });
        if kind == Kind::Date && (fine(&left) || fine(&right)) {
            let (left, right) = (as_instant(left), as_instant(right));
            return Typed::new(Node::binary(op, left.node, right.node), Kind::Timestamp);
        }
        Typed::new(Node::binary(op, left.node, right.node), kind)
    }

    /// As the number that the old column held.
    pub(super) fn as_number(&mut self, typed: Typed) -> Typed {
        let typed = self.settle(typed);
        match &typed.kind {
            Kind::Stamp(format) => match format {
                TimeFormat::EpochSeconds => Typed::new(Node::call("to_unixtime", vec![typed.node]), Kind::Double),
                TimeFormat::EpochMillis => Typed::new(Node::call("to_milliseconds", vec![typed.node]), Kind::Bigint),
                TimeFormat::EpochMicros => {
                    let nanos = Node::call("to_nanoseconds", vec![typed.node]);
                    Typed::new(Node::binary("/", nanos, Node::Number(Number::whole(1_000))), Kind::Bigint)
                }
                TimeFormat::EpochNanos => Typed::new(Node::call("to_nanoseconds", vec![typed.node]), Kind::Bigint),
                TimeFormat::Iso8601 | TimeFormat::Athena | TimeFormat::Java(_) => {
                    self.refuse("arithmetic with a time that the store held as text", "use to_unixtime(…) of the timestamp")
                }
            },
            Kind::Varchar if typed.origin == Origin::Dimension => {
                self.found.warn(
                    "dimension_as_number",
                    "it computes with a column that became a dimension, and dimensions are texts",
                    "make the column a measure where it is a figure",
                );
                Typed::new(typed.node.cast("DOUBLE", true), Kind::Double)
            }
            _ => typed,
        }
    }

    /// As the text that the old column held.
    pub(super) fn as_text(&mut self, typed: Typed) -> Typed {
        match &typed.kind {
            Kind::Stamp(format) if epoch_power(format).is_some() => {
                let number = self.as_number(typed);
                Typed::new(number.node.cast("VARCHAR", false), Kind::Varchar)
            }
            Kind::Stamp(_) | Kind::InstantText => {
                self.found.warn(
                    "time_as_text",
                    "it uses the time as a text, and the text is Timestream's ISO 8601 now: nine decimals, and `Z` for UTC",
                    "compare and cut instants with date_trunc, date_format and comparisons instead",
                );
                self.unverified.insert("to_iso8601");
                Typed::new(Node::call("to_iso8601", vec![typed.node]), Kind::Varchar)
            }
            Kind::Day => Typed::new(typed.node.day_start().cast("VARCHAR", false), Kind::Varchar),
            Kind::DatePart => Typed { kind: Kind::Bigint, ..typed },
            _ => typed,
        }
    }
}

/// `ts / 1000` is the same instant in another unit.
fn rescaled(op: &str, left: &Typed, right: &Typed) -> Option<Typed> {
    let (stamp, factor) = match (op, &left.kind, &right.kind) {
        ("/" | "*", Kind::Stamp(_), _) => (left, right),
        ("*", _, Kind::Stamp(_)) => (right, left),
        _ => return None,
    };
    let Kind::Stamp(format) = &stamp.kind else { return None };
    let power = epoch_power(format)?;
    let Node::Number(number) = &factor.node else { return None };
    let steps = match number.as_str().strip_suffix(".0").unwrap_or(number.as_str()) {
        "1000" | "1e3" | "1E3" => 3,
        "1000000" | "1e6" | "1E6" => 6,
        "1000000000" | "1e9" | "1E9" => 9,
        _ => return None,
    };
    let power = if op == "/" { power.checked_sub(steps)? } else { power + steps };
    Some(Typed { kind: Kind::Stamp(epoch_format(power)?), ..stamp.clone() })
}
