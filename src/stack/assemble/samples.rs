//! Messages for the generated tests of a function, each with what the engine and the mapper here make of it.
//!
//! They are made up from what the pipeline and the mapping read, so that a filter lets most of them through. Whatever comes of
//! them is the expectation: the generated code must come to the same.

use std::sync::Arc;

use crate::expression::{Expression, Operator};
use crate::history::Row;
use crate::mapping::{Mapper, Router, TableMapping};
use crate::path::{ColumnPath, Segment};
use crate::provenance::{ObjectId, Provenance};
use crate::record::MeasureKind;
use crate::stack::handler::{Expected, Sample};
use crate::stack::rule;
use crate::time::TimeFormat;
use crate::transform::{Action, Engine, Enrichment, Outcome, TransformSpec};
use crate::value::{Number, Object, Value};

/// Samples for `spec` and `mappings`; none when a step asks somebody else, as the tests run without a network.
pub(super) fn of(spec: &TransformSpec, mappings: &[&TableMapping]) -> Vec<Sample> {
    let asks =
        |action: &Action| matches!(action, Action::Lambda { .. } | Action::DeviceRegistryEnrich { .. } | Action::DeviceShadowEnrich { .. });
    if spec.steps.iter().any(|step| asks(&step.action)) {
        return Vec::new();
    }
    let Ok(engine) = Engine::new(spec, Enrichment::default(), None) else { return Vec::new() };
    let Some(judge) = Judge::new(engine, mappings) else { return Vec::new() };
    let mut samples = Vec::new();
    for mapping in mappings {
        let whole = message(spec, mapping, &Skip::Nothing);
        samples.extend(judge.sample(&format!("a message for the table {}", mapping.table), whole));
        samples.extend(judge.sample("one without its time", message(spec, mapping, &Skip::Time)));
        samples.extend(judge.sample("one without its measures", message(spec, mapping, &Skip::Measures)));
    }
    samples.extend(judge.sample("a message without anything", Object::new()));
    samples
}

/// What a message lacks.
#[derive(PartialEq)]
enum Skip {
    Nothing,
    Time,
    Measures,
}

/// The way that the backfill takes a raw message.
struct Judge {
    engine: Engine,
    router: Router,
    mappers: Vec<Mapper>,
    place: Provenance,
}

impl Judge {
    fn new(engine: Engine, mappings: &[&TableMapping]) -> Option<Self> {
        let router = Router::new(mappings.iter().copied().enumerate()).ok()?;
        let mappers = mappings.iter().map(|mapping| Mapper::new(mapping)).collect::<Result<_, _>>().ok()?;
        let object = Arc::new(ObjectId { key: "sample".to_owned(), etag: String::new() });
        Some(Self { engine, router, mappers, place: Provenance { object, row: 1, byte_offset: None } })
    }

    fn sample(&self, title: &str, message: Object) -> Option<Sample> {
        let mut kept = message.clone();
        let expected = match self.engine.apply(&mut kept).ok()? {
            Outcome::Dropped { step } => Expected::Dropped { activity: self.engine.activity(step).to_owned() },
            Outcome::Kept { .. } => match self.router.route(&kept) {
                Err(refusal) => Expected::Refused(refusal),
                Ok(at) => {
                    let mapper = self.mappers.get(at)?;
                    Expected::of(&mapper.rules().table, mapper.map(&Row { provenance: self.place.clone(), columns: kept }))
                }
            },
        };
        Some(Sample { title: title.to_owned(), message, expected })
    }
}

/// A message that holds what the expressions and the mapping read, where the payload is the place for it.
fn message(spec: &TransformSpec, mapping: &TableMapping, skip: &Skip) -> Object {
    let mut message = Object::new();
    for (at, step) in spec.steps.iter().enumerate() {
        let before = spec.steps.get(..at).unwrap_or_default();
        if let Action::Filter { expression, .. } | Action::Math { expression, .. } = &step.action {
            read(expression, &mut |names, value| {
                let mut names = names.iter();
                let Some(root) = names.next() else { return };
                let path = names.fold(ColumnPath::top(root), |path, name| path.child(name));
                if let Some(path) = rule::in_payload(&path, before) {
                    put(&mut message, &path, value);
                }
            });
        }
    }
    let mut put_column = |column: &ColumnPath, value: Value| {
        if let Some(path) = rule::in_payload(column, &spec.steps) {
            put(&mut message, &path, value);
        }
    };
    if *skip != Skip::Time {
        put_column(&mapping.time.column, instant(&mapping.time.format));
    }
    if *skip != Skip::Measures {
        for measure in &mapping.measures {
            let value = match measure.kind {
                MeasureKind::Double => number("21.5"),
                MeasureKind::Bigint => number("21"),
                MeasureKind::Boolean => Value::Bool(true),
                MeasureKind::Varchar => Value::String("text".to_owned()),
                MeasureKind::Timestamp => measure.format.as_ref().map_or_else(|| number("0"), instant),
            };
            put_column(&measure.column, value);
        }
    }
    for dimension in &mapping.dimensions {
        put_column(&dimension.column, Value::String(format!("{}-1", dimension.name)));
    }
    if let Some(route) = &mapping.route
        && let crate::mapping::Takes::Values(values) = &route.takes
        && let Some(value) = values.first()
    {
        put_column(&route.column, Value::String(value.clone()));
    }
    message
}

/// The attributes that an expression reads, each with a value that it may like: the one it is compared with where that is a text.
fn read(expression: &Expression, found: &mut impl FnMut(&[String], Value)) {
    match expression {
        Expression::Attribute(names) => found(names, number("21.5")),
        Expression::Not(inner) => read(inner, found),
        Expression::Binary(binary) => match (&binary.left, &binary.right) {
            (Expression::Attribute(names), Expression::Text(text)) if binary.operator == Operator::Equal => {
                found(names, Value::String(text.clone()));
            }
            (left, right) => {
                read(left, found);
                read(right, found);
            }
        },
        Expression::Call { arguments, .. } => arguments.iter().for_each(|argument| read(argument, found)),
        Expression::Number(_) | Expression::Text(_) | Expression::Boolean(_) | Expression::Null => {}
    }
}

/// Puts a value where nothing is yet.
fn put(message: &mut Object, path: &ColumnPath, value: Value) {
    let Some((last, way)) = path.segments().split_last() else { return };
    let mut place = message;
    for segment in way {
        let Segment::Name(name) = segment else { return };
        match place.entry(name.clone()).or_insert_with(|| Value::Object(Object::new())) {
            Value::Object(below) => place = below,
            _ => return,
        }
    }
    if let Segment::Name(name) = last {
        place.entry(name.clone()).or_insert(value);
    }
}

/// One instant in every format that says how it is written.
fn instant(format: &TimeFormat) -> Value {
    match format {
        TimeFormat::EpochSeconds => number("1760000000"),
        TimeFormat::EpochMillis => number("1760000000123"),
        TimeFormat::EpochMicros => number("1760000000123456"),
        TimeFormat::EpochNanos => number("1760000000123456789"),
        TimeFormat::Iso8601 | TimeFormat::Java(_) => Value::String("2025-10-09T08:53:20.123Z".to_owned()),
        TimeFormat::Athena => Value::String("2025-10-09 08:53:20.123".to_owned()),
    }
}

fn number(text: &str) -> Value {
    Number::parse(text).map_or(Value::Null, Value::Number)
}
