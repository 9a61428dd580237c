//! Random expressions, messages and switches from a seed.

use crate::expression::{
    Binary, DivisionByZero, Expression, FilterTextTrue, Function, IntegerDivision, NullEqualsNull, NullExistenceCheck, Operator, Switches,
    TextMath, UndefinedMath, WholeDecimals,
};
use crate::value::{Number, Object, Value};

/// SplitMix64: the same sequence on every machine.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        crate::random::next(&mut self.0)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap())).collect()
    }
}

const EXPONENTS: [&str; 7] = ["e", "E", "e+", "E+", "e-", "E-", "E-"];

const NAMES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "temp", "nest", "deep", "missing"];

const STRINGS: [&str; 34] = [
    "",
    " ",
    "abc",
    "true",
    "FALSE",
    "True",
    "tru",
    "truE\n",
    "5",
    "-5",
    "007",
    "5\n",
    " 5",
    "+5",
    "5.",
    ".5",
    "1e5",
    "1E-3",
    "1E+3",
    "-0",
    "0.0",
    "-0.5",
    "NaN",
    "Infinity",
    "0x10",
    "1_0",
    "٣",
    "1E400",
    "1E1000",
    "1E-1001",
    "9999999999999999999999999999999999999",
    "\"q\\uote\"",
    "naïve 温度 😀 \u{7f}\u{1}\u{2028}",
    "fal\u{17f}e",
];

const NUMBERS: [&str; 46] = [
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "2",
    "3",
    "5",
    "7",
    "-7",
    "9",
    "10",
    "10.0",
    "20.0",
    "0.5",
    "-0.5",
    "1.5",
    "-1.5",
    "2.5",
    "0.1",
    "0.30",
    "68",
    "100",
    "1E2",
    "1e-2",
    "0E500",
    "3.141592653589793",
    "9007199254740993",
    "9999999999999999999999999999999999",
    "-9999999999999999999999999999999999",
    "10000000000000000000000000000000000",
    "99999999999999999999999999999999995",
    "1E33",
    "1E34",
    "1E40",
    "-25E-1",
    "1E308",
    "1.8E308",
    "1E-324",
    "9.99E999",
    "1E999",
    "1E1000",
    "1E-999",
    "1E-1000",
    "1E99999999999",
    "0.00000012",
];

/// A number as sensors send them: few digits, few decimals.
fn plain_number(random: &mut Random) -> String {
    let mut text = String::from(if random.chance(35) { "-" } else { "" });
    let end = *random.of(&[10, 10, 100, 1000]);
    text.push_str(&random.below(end).to_string());
    if random.chance(50) {
        text.push('.');
        text.push_str(match random.below(4) {
            0 => "5",
            1 => "0",
            2 => "25",
            _ => "12345",
        });
    }
    text
}

/// A JSON number: a noted one, or random digits, point and exponent.
pub(super) fn number(random: &mut Random) -> String {
    if random.chance(50) {
        return plain_number(random);
    }
    if random.chance(55) {
        return (*random.of(&NUMBERS)).to_owned();
    }
    let length = *random.of(&[1, 1, 2, 3, 5, 16, 17, 33, 34, 35, 60]);
    let mut text = String::from(if random.chance(30) { "-" } else { "" });
    let whole = random.digits(length);
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if random.chance(50) {
        let decimals = *random.of(&[1, 1, 2, 4, 17, 34, 40]);
        text.push('.');
        text.push_str(&random.digits(decimals));
    }
    if random.chance(20) {
        let exponent = *random.of(&[0, 1, 3, 10, 33, 34, 300, 310, 960, 990, 999, 1005, 2000]);
        text.push_str(EXPONENTS[random.below(EXPONENTS.len())]);
        text.push_str(&exponent.to_string());
    }
    text
}

fn string(random: &mut Random) -> String {
    if random.chance(70) { (*random.of(&STRINGS)).to_owned() } else { number(random) }
}

fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 10 } else { 14 }) {
        0 => Value::Null,
        1 => Value::Bool(random.chance(50)),
        2 | 3 => Value::String(string(random)),
        10 | 11 => Value::Array((0..random.below(4)).map(|_| value(random, depth - 1)).collect()),
        12 | 13 => Value::Object(object(random, depth - 1)),
        _ => Value::Number(Number::parse(&number(random)).unwrap()),
    }
}

fn object(random: &mut Random, depth: usize) -> Object {
    let mut object = Object::new();
    for _ in 0..random.below(5) {
        let name = (*random.of(&NAMES)).to_owned();
        object.insert(name, value(random, depth));
    }
    object
}

/// `a`, `b`, `c` and `temp` are mostly numbers, `d` is mostly a numeric string, `e` and `f` are mostly booleans or their strings,
/// and each of them can be anything or missing.
pub(super) fn message(random: &mut Random) -> Object {
    let mut message = Object::new();
    for name in &NAMES[..NAMES.len() - 1] {
        if random.chance(8) {
            continue;
        }
        let usual = random.chance(80);
        let value = match *name {
            "a" | "b" | "c" | "temp" if usual => Value::Number(Number::parse(&number(random)).unwrap()),
            "d" if usual => Value::String(number(random)),
            "e" if usual => Value::Bool(random.chance(50)),
            "f" if usual => Value::String(STRINGS[3 + random.below(5)].to_owned()),
            "nest" | "deep" if usual => Value::Object(object(random, 2)),
            _ => value(random, 2),
        };
        message.insert((*name).to_owned(), value);
    }
    // Values that are equal, or equal but for the order of keys, so that equality is met.
    if random.chance(25) {
        let original = *random.of(&["nest", "deep", "c"]);
        let mut copy = message.get(original).cloned().unwrap_or(Value::Null);
        if let Value::Object(object) = &mut copy {
            object.reverse();
            if random.chance(30) {
                copy = Value::Array(object.values().cloned().collect());
                message.insert(original.to_owned(), copy.clone());
            }
        }
        message.insert("b".to_owned(), copy.clone());
        message.insert("a".to_owned(), copy);
    }
    message
}

fn leaf(random: &mut Random) -> Expression {
    match random.below(20) {
        0 => Expression::Null,
        1 => Expression::Boolean(random.chance(50)),
        2 | 3 => Expression::Text(string(random)),
        4..=8 => loop {
            let text = number(random);
            if crate::expression::number::Numeric::of_literal(&text).is_some() {
                return Expression::Number(text);
            }
        },
        9 => Expression::Attribute(vec![(*random.of(&["nest", "deep", "a"])).to_owned(), (*random.of(&NAMES)).to_owned()]),
        _ => Expression::Attribute(vec![(*random.of(&NAMES)).to_owned()]),
    }
}

/// A tree of any shape, conditions among sums and functions among conditions too.
pub(super) fn expression(random: &mut Random, depth: usize) -> Expression {
    if depth == 0 || random.chance(15) {
        return leaf(random);
    }
    match random.below(20) {
        0 => Expression::Not(Box::new(expression(random, depth - 1))),
        1..=5 => {
            let function = *random.of(&Function::ALL);
            let count = if random.chance(2) { random.below(4) } else { function.arity() };
            Expression::Call { function, arguments: (0..count).map(|_| expression(random, depth - 1)).collect() }
        }
        6..=8 => condition(random, depth),
        _ => {
            let operator = *random.of(&Operator::ALL);
            binary(operator, expression(random, depth - 1), expression(random, depth - 1))
        }
    }
}

/// Comparisons joined by AND, OR and NOT: what filters are made of, and what a random shape seldom gives.
pub(super) fn condition(random: &mut Random, depth: usize) -> Expression {
    if random.chance(10) {
        return Expression::Attribute(vec![(*random.of(&["e", "f", "a"])).to_owned()]);
    }
    if random.chance(10) {
        let names = ["a", "b", "c", "nest", "deep"];
        let mut side = || Expression::Attribute(vec![names[random.below(names.len())].to_owned()]);
        let (left, right) = (side(), side());
        return binary(*random.of(&[Operator::Equal, Operator::NotEqual]), left, right);
    }
    match random.below(4) {
        0 if depth > 1 => Expression::Not(Box::new(condition(random, depth - 1))),
        1 if depth > 1 => {
            let operator = *random.of(&[Operator::And, Operator::Or]);
            binary(operator, condition(random, depth - 1), condition(random, depth - 1))
        }
        _ => {
            let operator = *random.of(&Operator::ALL[2..8]);
            let right = if random.chance(10) { Expression::Null } else { sum(random, depth - 1) };
            binary(operator, sum(random, depth - 1), right)
        }
    }
}

/// Arithmetic and functions on attributes and numbers: what math is made of.
pub(super) fn sum(random: &mut Random, depth: usize) -> Expression {
    if depth == 0 || random.chance(20) {
        return match random.below(20) {
            0..=8 => Expression::Attribute(vec![NAMES[random.below(4)].to_owned()]),
            9..=16 => Expression::Number(plain_number(random)),
            _ => leaf(random),
        };
    }
    if random.chance(10) {
        // Cuts and rounds the very quotients and products that have the digits for it.
        let function = *random.of(&[Function::Trunc, Function::Round, Function::Ceil]);
        let places = if function == Function::Trunc { vec![Expression::Number(plain_number(random))] } else { vec![] };
        return Expression::Call { function, arguments: std::iter::once(sum(random, depth - 1)).chain(places).collect() };
    }
    if random.chance(25) {
        let function = *random.of(&Function::ALL);
        return Expression::Call { function, arguments: (0..function.arity()).map(|_| sum(random, depth - 1)).collect() };
    }
    binary(*random.of(&Operator::ALL[8..]), sum(random, depth - 1), sum(random, depth - 1))
}

fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    Expression::Binary(Box::new(Binary { operator, left, right }))
}

pub(super) fn switches(random: &mut Random) -> Switches {
    if random.chance(40) {
        return Switches::default();
    }
    Switches {
        integer_division: *random.of(&[IntegerDivision::Truncate, IntegerDivision::Decimal]),
        division_by_zero: *random.of(&[DivisionByZero::Undefined, DivisionByZero::DropMessage]),
        null_equals_null: *random.of(&[NullEqualsNull::True, NullEqualsNull::Undefined]),
        null_existence_check: *random.of(&[NullExistenceCheck::Table, NullExistenceCheck::Existence]),
        filter_text_true: *random.of(&[FilterTextTrue::Drop, FilterTextTrue::Keep]),
        undefined_math: *random.of(&[UndefinedMath::LeaveUnset, UndefinedMath::DropMessage]),
        whole_decimals: *random.of(&[WholeDecimals::Keep, WholeDecimals::BecomeInt]),
        text_math: *random.of(&[TextMath::Write, TextMath::Undefined]),
    }
}
