//! Random mappings, and random messages that lie close to them.

mod mappings;
mod messages;

use crate::mapping::{MeasureRule, Route, TableMapping, Takes, check_routes, check_rules};
use crate::record::MeasureKind;
use crate::value::{Number, Object, Value};

use self::mappings::{COLUMNS, format, mapping, policies};
use self::messages::{message, put, time_value};
use super::{Case, path};

/// The same numbers for the same seed everywhere (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        crate::random::next(&mut self.0)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    pub(super) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

/// A case: a mapping and messages for it.
pub(super) fn case(random: &mut Random, messages: usize) -> Case {
    let mapping = mapping(random);
    let messages = (0..messages).map(|_| message(random, &mapping)).collect();
    Case { mappings: vec![mapping], messages }
}

/// A case in which one column says which of up to three mappings takes a message.
pub(super) fn routed_case(random: &mut Random, messages: usize) -> Case {
    const VALUES: [[&str; 2]; 3] = [["pump", "1"], ["ofen \"é\"\n", "true"], ["1.50", "[1]"]];
    let column = path(random.of(&COLUMNS));
    let catch_all = random.once_in(2);
    let count = 1 + random.below(3);
    let mut mappings: Vec<TableMapping> = Vec::new();
    for (at, values) in VALUES.iter().enumerate().take(count) {
        let takes = match at + 1 == count && catch_all {
            true => Takes::Otherwise,
            false => Takes::Values(values.map(str::to_owned).to_vec()),
        };
        let route = Some(Route { column: column.clone(), takes });
        let mapping = TableMapping { store: "plant".to_owned(), table: format!("table{at}"), route, ..mapping(random) };
        // Under a column of a value of its own a mapping may not be obeyed any more; then it is left out.
        if check_rules(&mapping).is_empty() {
            mappings.push(mapping);
        }
    }
    if mappings.is_empty() || !check_routes(&mappings.iter().collect::<Vec<_>>()).is_empty() {
        return case(random, messages);
    }
    let messages = (0..messages).map(|_| {
        let taker = mappings[random.below(mappings.len())].clone();
        let mut message = message(random, &taker);
        if !random.once_in(4) {
            let values = random.pick(&VALUES);
            let text = random.of(&values).to_owned();
            let number = Number::parse(&text).filter(|_| random.once_in(2)).map(Value::Number);
            put(random, &mut message, &column, number.unwrap_or(Value::String(text)));
        }
        message
    });
    Case { messages: messages.collect::<Vec<_>>(), mappings: mappings.clone() }
}

/// A case in which only the time, and a measure that is one, can be wrong.
pub(super) fn time_case(random: &mut Random, messages: usize) -> Case {
    let mut mapping = super::examples::plant();
    (mapping.time.format, mapping.policies) = (format(random), policies(random));
    mapping.measures.truncate(1);
    mapping.measures.push(MeasureRule {
        column: path("seen"),
        name: "seen".into(),
        kind: MeasureKind::Timestamp,
        format: Some(mapping.time.format.clone()),
    });
    let message = |random: &mut Random| {
        let mut message: Object =
            [("deviceId", "d"), ("temperature", "1")].map(|(name, text)| (name.to_owned(), Value::String(text.to_owned()))).into();
        message.insert("place".to_owned(), Value::Object([("site".to_owned(), Value::String("n".to_owned()))].into()));
        message.insert("timestamp".to_owned(), time_value(random, &mapping.time.format));
        message.insert("seen".to_owned(), time_value(random, &mapping.time.format));
        message
    };
    let messages = (0..messages).map(|_| message(random)).collect();
    Case { mappings: vec![mapping], messages }
}
