//! From the tree to text. Whatever a name or a text holds, it stays inside its quotes.

use super::tree::{Block, Body, Call, Frame, Item, Node, Order, Over, Query, Source};

/// How tightly the parts of an expression hold together.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const TEST: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const SIGN: u8 = 7;
const ATOM: u8 = 8;

/// A query on one line.
pub(super) fn query(query: &Query) -> String {
    let mut out = Printer::default();
    out.query(query);
    out.0
}

/// A text in single quotes.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[derive(Default)]
struct Printer(String);

impl Printer {
    fn word(&mut self, word: &str) {
        self.0.push_str(word);
    }

    fn name(&mut self, name: &str) {
        self.0.push('"');
        self.0.push_str(&name.replace('"', "\"\""));
        self.0.push('"');
    }

    fn text(&mut self, it: &str) {
        self.0.push_str(&text(it));
    }

    fn query(&mut self, query: &Query) {
        self.body(&query.body);
        self.order(&query.order, " ORDER BY ");
        if let Some(limit) = &query.limit {
            self.word(" LIMIT ");
            self.word(limit.as_str());
        }
    }

    fn nested(&mut self, query: &Query) {
        self.word("(");
        self.query(query);
        self.word(")");
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Block(block) => self.block(block),
            Body::Nested(query) => self.nested(query),
            Body::Set { first, rest } => {
                self.member(first);
                for (word, part) in rest {
                    self.word(" ");
                    self.word(word);
                    self.word(" ");
                    self.member(part);
                }
            }
        }
    }

    /// A part of a set operation: another set operation keeps its parentheses.
    fn member(&mut self, body: &Body) {
        let set = matches!(body, Body::Set { .. });
        if set {
            self.word("(");
        }
        self.body(body);
        if set {
            self.word(")");
        }
    }

    fn block(&mut self, block: &Block) {
        self.word(if block.distinct { "SELECT DISTINCT " } else { "SELECT " });
        self.list(&block.items, Self::item);
        if let Some(from) = &block.from {
            self.word(" FROM ");
            self.source(from);
        }
        if let Some(filter) = &block.filter {
            self.word(" WHERE ");
            self.node(filter, OR);
        }
        if !block.group.is_empty() {
            self.word(" GROUP BY ");
            self.list(&block.group, |out, node| out.node(node, OR));
        }
        if let Some(having) = &block.having {
            self.word(" HAVING ");
            self.node(having, OR);
        }
    }

    fn item(&mut self, item: &Item) {
        self.node(&item.node, OR);
        self.alias(item.alias.as_deref());
    }

    fn alias(&mut self, alias: Option<&str>) {
        if let Some(alias) = alias {
            self.word(" AS ");
            self.name(alias);
        }
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Table { database, table, filter, alias } => {
                if filter.is_some() {
                    self.word("(SELECT * FROM ");
                }
                self.name(database);
                self.word(".");
                self.name(table);
                if let Some(filter) = filter {
                    self.word(" WHERE ");
                    self.node(filter, OR);
                    self.word(")");
                }
                self.alias(alias.as_deref());
            }
            Source::Query { query, alias } => {
                self.nested(query);
                self.alias(alias.as_deref());
            }
            Source::Join { left, right, word, on } => {
                self.source(left);
                self.word(" ");
                self.word(word);
                self.word(" ");
                let chained = matches!(**right, Source::Join { .. });
                self.word(if chained { "(" } else { "" });
                self.source(right);
                self.word(if chained { ")" } else { "" });
                if let Some(on) = on {
                    self.word(" ON ");
                    self.node(on, OR);
                }
            }
        }
    }

    fn order(&mut self, order: &[Order], words: &str) {
        if order.is_empty() {
            return;
        }
        self.word(words);
        self.list(order, |out, by| {
            out.node(&by.node, OR);
            match by.descending {
                Some(true) => out.word(" DESC"),
                Some(false) => out.word(" ASC"),
                None => {}
            }
            match by.nulls_first {
                Some(true) => out.word(" NULLS FIRST"),
                Some(false) => out.word(" NULLS LAST"),
                None => {}
            }
        });
    }

    fn list<T>(&mut self, items: &[T], print: impl Fn(&mut Self, &T)) {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.word(", ");
            }
            print(self, item);
        }
    }

    /// `node`, in parentheses where it holds together less tightly than `least`.
    fn node(&mut self, node: &Node, least: u8) {
        let open = level(node) < least;
        if open {
            self.word("(");
        }
        self.bare(node);
        if open {
            self.word(")");
        }
    }

    fn bare(&mut self, node: &Node) {
        match node {
            Node::Column { relation, name } => {
                if let Some(relation) = relation {
                    self.name(relation);
                    self.word(".");
                }
                self.name(name);
            }
            Node::Text(it) => self.text(it),
            Node::Number(number) => self.word(number.as_str()),
            Node::Boolean(truth) => self.word(if *truth { "true" } else { "false" }),
            Node::Null => self.word("NULL"),
            Node::Literal { word, text } => {
                self.word(word);
                self.word(" ");
                self.text(text);
            }
            Node::Interval { count, unit } => {
                self.word("INTERVAL '");
                self.word(count.as_str());
                self.word("' ");
                self.word(unit);
            }
            Node::RunTime => self.word("@scheduled_runtime"),
            Node::Word(word) => self.word(word),
            Node::Call(call) => self.call(call),
            Node::Unary { op, operand } => self.unary(op, operand),
            Node::Binary { op, left, right } => self.binary(op, left, right),
            Node::Case { operand, arms, otherwise } => self.case(operand.as_deref(), arms, otherwise.as_deref()),
            Node::Cast { operand, target, tried } => {
                self.word(if *tried { "TRY_CAST(" } else { "CAST(" });
                self.node(operand, OR);
                self.word(" AS ");
                self.word(target);
                self.word(")");
            }
            Node::Exists { query, negated } => {
                self.word(if *negated { "NOT EXISTS " } else { "EXISTS " });
                self.nested(query);
            }
            Node::Query(query) => self.nested(query),
            test => self.test(test),
        }
    }

    fn test(&mut self, node: &Node) {
        let not = |negated: bool| if negated { " NOT" } else { "" };
        match node {
            Node::Is { operand, test } => {
                self.node(operand, SUM);
                self.word(" ");
                self.word(test);
            }
            Node::IsDistinct { left, right, negated } => {
                self.node(left, SUM);
                self.word(if *negated { " IS NOT DISTINCT FROM " } else { " IS DISTINCT FROM " });
                self.node(right, SUM);
            }
            Node::Between { operand, low, high, negated } => {
                self.node(operand, SUM);
                self.word(not(*negated));
                self.word(" BETWEEN ");
                self.node(low, SUM);
                self.word(" AND ");
                self.node(high, SUM);
            }
            Node::In { operand, list, negated } => {
                self.node(operand, SUM);
                self.word(not(*negated));
                self.word(" IN (");
                self.list(list, |out, item| out.node(item, OR));
                self.word(")");
            }
            Node::InQuery { operand, query, negated } => {
                self.node(operand, SUM);
                self.word(not(*negated));
                self.word(" IN ");
                self.nested(query);
            }
            Node::Like { operand, pattern, escape, negated } => {
                self.node(operand, SUM);
                self.word(not(*negated));
                self.word(" LIKE ");
                self.node(pattern, SUM);
                if let Some(escape) = escape {
                    self.word(" ESCAPE ");
                    self.node(escape, SUM);
                }
            }
            _ => {}
        }
    }

    fn unary(&mut self, op: &str, operand: &Node) {
        self.word(op);
        if op == "NOT" {
            self.word(" ");
            self.node(operand, NOT);
        } else {
            // Two signs in a row would begin a comment.
            self.node(operand, ATOM);
        }
    }

    fn binary(&mut self, op: &str, left: &Node, right: &Node) {
        let level = operator_level(op);
        // Comparisons do not chain; everything else leans to the left.
        self.node(left, if level == TEST { SUM } else { level });
        self.word(" ");
        self.word(op);
        self.word(" ");
        // `a AND (b AND c)` needs no parentheses.
        self.node(right, if level <= AND { level } else { level + 1 });
    }

    fn case(&mut self, operand: Option<&Node>, arms: &[(Node, Node)], otherwise: Option<&Node>) {
        self.word("CASE");
        if let Some(operand) = operand {
            self.word(" ");
            self.node(operand, OR);
        }
        for (condition, result) in arms {
            self.word(" WHEN ");
            self.node(condition, OR);
            self.word(" THEN ");
            self.node(result, OR);
        }
        if let Some(otherwise) = otherwise {
            self.word(" ELSE ");
            self.node(otherwise, OR);
        }
        self.word(" END");
    }

    fn call(&mut self, call: &Call) {
        self.word(call.name);
        self.word(if call.distinct { "(DISTINCT " } else { "(" });
        if call.star {
            self.word("*");
        }
        self.list(&call.arguments, |out, argument| out.node(argument, OR));
        self.word(")");
        if let Some(filter) = &call.filter {
            self.word(" FILTER (WHERE ");
            self.node(filter, OR);
            self.word(")");
        }
        if let Some(over) = &call.over {
            self.over(over);
        }
    }

    fn over(&mut self, over: &Over) {
        self.word(" OVER (");
        if !over.partition.is_empty() {
            self.word("PARTITION BY ");
            self.list(&over.partition, |out, node| out.node(node, OR));
        }
        self.order(&over.order, if over.partition.is_empty() { "ORDER BY " } else { " ORDER BY " });
        if let Some(Frame { unit, start, end }) = &over.frame {
            self.word(" ");
            self.word(unit);
            self.word(if end.is_some() { " BETWEEN " } else { " " });
            for (at, (count, word)) in std::iter::once(start).chain(end).enumerate() {
                self.word(if at > 0 { " AND " } else { "" });
                if let Some(count) = count {
                    self.word(count.as_str());
                    self.word(" ");
                }
                self.word(word);
            }
        }
        self.word(")");
    }
}

fn level(node: &Node) -> u8 {
    match node {
        Node::Binary { op, .. } => operator_level(op),
        Node::Unary { op: "NOT", .. } => NOT,
        Node::Unary { .. } => SIGN,
        Node::Is { .. } | Node::IsDistinct { .. } | Node::Between { .. } | Node::In { .. } | Node::InQuery { .. } | Node::Like { .. } => {
            TEST
        }
        Node::Exists { negated: true, .. } => NOT,
        _ => ATOM,
    }
}

fn operator_level(op: &str) -> u8 {
    match op {
        "OR" => OR,
        "AND" => AND,
        "+" | "-" | "||" => SUM,
        "*" | "/" | "%" => PRODUCT,
        _ => TEST,
    }
}
