//! The queries that can be emitted: a small tree of our own, whose every text is printed by `print`.

/// A query with its order and limit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) body: Body,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<Digits>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Block(Box<Block>),
    /// `UNION ALL` and its like; at least two parts.
    Set {
        first: Box<Self>,
        rest: Vec<(&'static str, Self)>,
    },
    Nested(Box<Query>),
}

/// One SELECT.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Block {
    pub(super) distinct: bool,
    pub(super) items: Vec<Item>,
    pub(super) from: Option<Source>,
    pub(super) filter: Option<Node>,
    pub(super) group: Vec<Node>,
    pub(super) having: Option<Node>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) node: Node,
    pub(super) alias: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// A table; with a filter, only these rows of it.
    Table {
        database: String,
        table: String,
        filter: Option<Box<Node>>,
        alias: Option<String>,
    },
    Query {
        query: Box<Query>,
        alias: Option<String>,
    },
    Join {
        left: Box<Self>,
        right: Box<Self>,
        word: &'static str,
        on: Option<Box<Node>>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) node: Node,
    pub(super) descending: Option<bool>,
    pub(super) nulls_first: Option<bool>,
}

/// Decimal digits and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digits(String);

impl Digits {
    pub(super) fn new(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| Self(text.to_owned()))
    }

    pub(super) fn of(count: u32) -> Self {
        Self(count.to_string())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A number literal: digits, a point, an exponent, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number(String);

impl Number {
    pub(super) fn new(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
        let begins = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        (plain && begins && text.len() <= 400 && text.parse::<f64>().is_ok()).then(|| Self(text.to_owned()))
    }

    pub(super) fn whole(count: u64) -> Self {
        Self(count.to_string())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An expression. Every `&'static str` is a word of ours.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Column {
        relation: Option<String>,
        name: String,
    },
    Text(String),
    Number(Number),
    Boolean(bool),
    Null,
    /// `TIMESTAMP '…'`, `DATE '…'`.
    Literal {
        word: &'static str,
        text: String,
    },
    Interval {
        count: Digits,
        unit: &'static str,
    },
    /// `@scheduled_runtime`
    RunTime,
    /// `current_date`
    Word(&'static str),
    Call(Box<Call>),
    Unary {
        op: &'static str,
        operand: Box<Self>,
    },
    Binary {
        op: &'static str,
        left: Box<Self>,
        right: Box<Self>,
    },
    /// `IS NULL` and its like.
    Is {
        operand: Box<Self>,
        test: &'static str,
    },
    IsDistinct {
        left: Box<Self>,
        right: Box<Self>,
        negated: bool,
    },
    Between {
        operand: Box<Self>,
        low: Box<Self>,
        high: Box<Self>,
        negated: bool,
    },
    In {
        operand: Box<Self>,
        list: Vec<Self>,
        negated: bool,
    },
    InQuery {
        operand: Box<Self>,
        query: Box<Query>,
        negated: bool,
    },
    Like {
        operand: Box<Self>,
        pattern: Box<Self>,
        escape: Option<Box<Self>>,
        negated: bool,
    },
    Case {
        operand: Option<Box<Self>>,
        arms: Vec<(Self, Self)>,
        otherwise: Option<Box<Self>>,
    },
    Cast {
        operand: Box<Self>,
        target: &'static str,
        tried: bool,
    },
    Exists {
        query: Box<Query>,
        negated: bool,
    },
    Query(Box<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) distinct: bool,
    /// `count(*)`
    pub(super) star: bool,
    pub(super) arguments: Vec<Node>,
    pub(super) filter: Option<Node>,
    pub(super) over: Option<Over>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Over {
    pub(super) partition: Vec<Node>,
    pub(super) order: Vec<Order>,
    pub(super) frame: Option<Frame>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) unit: &'static str,
    pub(super) start: (Option<Digits>, &'static str),
    pub(super) end: Option<(Option<Digits>, &'static str)>,
}

impl Node {
    pub(super) fn call(name: &'static str, arguments: Vec<Self>) -> Self {
        Self::Call(Box::new(Call { name, distinct: false, star: false, arguments, filter: None, over: None }))
    }

    pub(super) fn binary(op: &'static str, left: Self, right: Self) -> Self {
        Self::Binary { op, left: Box::new(left), right: Box::new(right) }
    }

    pub(super) fn cast(self, target: &'static str, tried: bool) -> Self {
        Self::Cast { operand: Box::new(self), target, tried }
    }

    pub(super) fn day_start(self) -> Self {
        Self::call("date_trunc", vec![Self::Text("day".to_owned()), self])
    }

    pub(super) fn plus_day(self) -> Self {
        Self::binary("+", self, Self::Interval { count: Digits::of(1), unit: "DAY" })
    }

    /// Both, where there are two.
    pub(super) fn and(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self::binary("AND", one, other)),
            (one, other) => one.or(other),
        }
    }
}
