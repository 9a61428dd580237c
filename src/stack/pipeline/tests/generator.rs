//! Pipelines and messages at random, the same for a seed.

use crate::expression::{
    DivisionByZero, FilterTextTrue, IntegerDivision, Kind, NullEqualsNull, NullExistenceCheck, Switches, TextMath, UndefinedMath,
    WholeDecimals,
};
use crate::inventory::ActivityKind;
use crate::transform::fixtures as make;
use crate::transform::{LambdaMayDrop, SelectedIndexName, SelectedNameClash, TransformSpec, TransformSwitches, translate};

/// SplitMix64.
pub(super) struct Random(pub(super) u64);

const NAMES: [&str; 12] = ["a", "b", "temp", "hum", "device", "id", "Temp", "list", "flag", "größe", "a_b", "thing"];
/// Names that paths and expressions cannot or need not say.
const ODD_NAMES: [&str; 8] = ["", "x y", "a.b", "a[0]", "__class__", "\"\\'", "\u{1b}[0m", "😀"];
const NUMBERS: [&str; 24] = [
    "0",
    "-0",
    "1",
    "2",
    "7",
    "-3",
    "20.0",
    "0.5",
    "-12.25",
    "1E2",
    "1.50E+1",
    "3e-2",
    "9007199254740993",
    "0.1",
    "0.30000000000000004",
    "9999999999999999999999999999999999",
    "12345678901234567890123456789012345678",
    "1E400",
    "1E-400",
    "9.99E999",
    "1E1000",
    "-1E-1001",
    "32",
    "1e308",
];
const TEXTS: [&str; 22] = [
    "",
    "12",
    "-0.5",
    "1e5",
    "1E+5",
    "+1",
    " 1",
    "1.",
    ".5",
    "NaN",
    "Infinity",
    "0x10",
    "true",
    "FALSE",
    "GOOD",
    "it's",
    "\"q\"",
    "\\",
    "line\nbreak",
    "\u{0}\u{7f}\u{2028}",
    "温度 😀",
    "pump-7",
];
const ACTIVITIES: [&str; 20] = [
    "MyActivity",
    "run",
    "sql",
    "message",
    "messages",
    "outcomes",
    "each",
    "find",
    "def",
    "class",
    "温度",
    "",
    "\"); import os #",
    "line\nbreak\r",
    "\"\"\"",
    "${x} {{y}} %s",
    "\\",
    "print",
    "__import__('os')",
    "My Activity",
];

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        crate::random::next(&mut self.0)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn either<T>(&mut self, a: T, b: T) -> T {
        if self.one_in(2) { a } else { b }
    }

    fn some<T>(&mut self, from: usize, to: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..from + self.below(to - from + 1)).map(|_| make(self)).collect()
    }

    pub(super) fn message(&mut self) -> String {
        self.object(3)
    }

    fn object(&mut self, depth: usize) -> String {
        let mut names = self.some(0, 10, |random| if random.one_in(12) { random.of(&ODD_NAMES) } else { random.of(&NAMES) });
        names.sort_unstable();
        names.dedup();
        // Any order, not only the sorted one.
        if self.one_in(2) {
            names.reverse();
        }
        let member = |name: &str| {
            let value = match name {
                "list" | "b" if depth > 0 => self.array(depth),
                "device" if depth > 0 => self.object(depth - 1),
                _ => self.value(depth),
            };
            format!("{}:{value}", serde_json::Value::from(name))
        };
        let members: Vec<String> = names.into_iter().map(member).collect();
        format!("{{{}}}", members.join(","))
    }

    fn value(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 8 } else { 12 }) {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 => "false".to_owned(),
            3..=5 => self.of(&NUMBERS).to_owned(),
            6 | 7 => serde_json::Value::from(self.of(&TEXTS)).to_string(),
            8 | 9 => self.array(depth),
            _ => self.object(depth - 1),
        }
    }

    fn array(&mut self, depth: usize) -> String {
        format!("[{}]", self.some(0, 4, |random| random.value(depth - 1)).join(","))
    }

    /// Paths that have to do with each other: elements of one array, or the same name in several places.
    fn paths(&mut self, from: usize, to: usize) -> Vec<String> {
        let array = self.of(&["list", "b", "device.list", "list[1]", "device.b"]);
        let last = self.of(&["a", "b", "list[0]", "list[1].a"]);
        match self.below(3) {
            0 => self.some(from, to, |random| format!("{array}[{}]{}", random.below(4), random.of(&["", "", ".a", "[0]"]))),
            1 => self.some(from, to, |random| format!("{}{last}", random.of(&["", "device.", "temp.", "list[0].", "device.device."]))),
            _ => self.some(from, to, Self::path),
        }
    }

    /// A path as definitions write them.
    fn path(&mut self) -> String {
        let mut path = if self.one_in(20) { self.of(&ODD_NAMES).to_owned() } else { self.of(&NAMES).to_owned() };
        for _ in 0..self.below(4) {
            if self.one_in(3) {
                path.push_str(&format!("[{}]", self.below(4)));
            } else {
                path.push('.');
                path.push_str(self.of(&NAMES));
            }
        }
        path
    }

    fn new_name(&mut self) -> String {
        match self.below(10) {
            0 => self.of(&ODD_NAMES).to_owned(),
            1 => self.path(),
            _ => self.of(&NAMES).to_owned(),
        }
    }

    fn operand(&mut self, depth: usize, of: Kind) -> String {
        match self.below(if depth == 0 { 8 } else { 14 }) {
            0..=3 => {
                let names = self.some(1, 3, |random| random.of(&NAMES));
                let names = if self.one_in(2) { names[..1].to_vec() } else { names };
                names.join(".")
            }
            4 | 5 => self.of(&["0", "1", "2", "32", "5.0", "9.0", "0.1", "1.8", "-3", "1E3", "10"]).to_owned(),
            6 if of == Kind::Filter => format!("'{}'", self.of(&TEXTS).replace('\'', "''")),
            7 if of == Kind::Filter => self.of(&["true", "NULL", "false"]).to_owned(),
            6 | 7 => self.of(&NAMES).to_owned(),
            8..=10 => {
                let operator = self.of(&["+", "-", "*", "/", "%"]);
                format!("({} {operator} {})", self.operand(depth - 1, of), self.operand(depth - 1, of))
            }
            _ if of == Kind::Filter => self.operand(depth - 1, of),
            _ => {
                let name = self.of(&[
                    "abs", "ceil", "Round", "sign", "sqrt", "exp", "ln", "log", "sin", "cos", "tan", "tanh", "atan", "mod", "power",
                    "trunc", "atan2",
                ]);
                let first = self.operand(depth - 1, of);
                if ["mod", "power", "trunc", "atan2"].contains(&name) {
                    format!("{name}({first}, {})", self.operand(depth - 1, of))
                } else {
                    format!("{name}({first})")
                }
            }
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 5 } else { 9 }) {
            0..=4 => {
                let operator = self.of(&["=", "<>", "<", "<=", ">", ">=", "<>"]);
                format!("{} {operator} {}", self.operand(1, Kind::Filter), self.operand(1, Kind::Filter))
            }
            5 | 6 => format!("({}) AND ({})", self.condition(depth - 1), self.condition(depth - 1)),
            7 => format!("{} OR {}", self.condition(depth - 1), self.condition(depth - 1)),
            _ => format!("NOT ({})", self.condition(depth - 1)),
        }
    }

    fn activity(&mut self) -> ActivityKind {
        match self.below(17) {
            0..=2 => {
                let paths = self.paths(1, 4);
                ActivityKind::AddAttributes { attributes: paths.into_iter().map(|path| (path, self.new_name())).collect() }
            }
            3 | 4 => ActivityKind::RemoveAttributes { attributes: self.paths(1, 4) },
            5 | 16 => ActivityKind::SelectAttributes { attributes: self.paths(2, 6) },
            6..=8 => {
                let depth = self.below(3);
                make::filter(&self.condition(depth))
            }
            9..=12 => {
                let depth = self.below(4);
                make::math(&self.new_name(), &self.operand(depth, Kind::Math))
            }
            13 => make::registry(&self.new_name(), &self.either("thing".to_owned(), "device.id".to_owned())),
            14 => make::shadow(&self.new_name(), &self.either("thing".to_owned(), "id".to_owned())),
            _ => make::lambda(self.of(&["marks", "sifts"]), u32::try_from(1 + self.below(5)).unwrap()),
        }
    }

    fn switches(&mut self) -> TransformSwitches {
        if self.one_in(2) {
            return TransformSwitches::default();
        }
        TransformSwitches {
            expressions: Switches {
                integer_division: self.either(IntegerDivision::Truncate, IntegerDivision::Decimal),
                division_by_zero: self.either(DivisionByZero::Undefined, DivisionByZero::DropMessage),
                null_equals_null: self.either(NullEqualsNull::True, NullEqualsNull::Undefined),
                null_existence_check: self.either(NullExistenceCheck::Table, NullExistenceCheck::Existence),
                filter_text_true: self.either(FilterTextTrue::Drop, FilterTextTrue::Keep),
                undefined_math: self.either(UndefinedMath::LeaveUnset, UndefinedMath::DropMessage),
                whole_decimals: self.either(WholeDecimals::Keep, WholeDecimals::BecomeInt),
                text_math: self.either(TextMath::Write, TextMath::Undefined),
            },
            selected_name_clash: self.either(SelectedNameClash::LastWins, SelectedNameClash::FirstWins),
            selected_index_name: self.either(SelectedIndexName::ArrayName, SelectedIndexName::WithIndex),
            lambda_may_drop: LambdaMayDrop::Yes,
        }
    }

    /// A pipeline with every step translated.
    pub(super) fn spec(&mut self) -> TransformSpec {
        let switches = self.switches();
        let activities = self.some(1, 7, |random| (random.of(&ACTIVITIES), random.translated_activity()));
        translate(&make::pipeline(&activities), &switches, None).unwrap().spec
    }

    fn translated_activity(&mut self) -> ActivityKind {
        loop {
            let activity = self.activity();
            if make::spec(&[("A", activity.clone())]).is_complete() {
                return activity;
            }
        }
    }
}
