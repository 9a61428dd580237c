use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::json;

use super::super::fixtures::{add, filter, lambda, math, registry, remove, select, shadow, spec};
use super::super::json::{parsed, text};
use super::super::lambda::LambdaError;
use super::*;
use crate::inventory::ActivityKind;

fn engine(activities: &[(&str, ActivityKind)]) -> Engine {
    Engine::new(&spec(activities), Enrichment::default(), None).unwrap()
}

#[track_caller]
fn kept(engine: &Engine, before: &str, after: &str) {
    let mut message = parsed(before);
    let outcome = engine.apply(&mut message).unwrap();
    assert!(matches!(outcome, Outcome::Kept { .. }), "{outcome:?}");
    assert_eq!(text(&message), after);
    let run = engine.run(vec![parsed(before)]).unwrap();
    assert_eq!(run, [(outcome, message)], "a batch of one ends alike");
}

#[track_caller]
fn dropped(engine: &Engine, before: &str, by: &str) {
    let outcome = engine.apply(&mut parsed(before)).unwrap();
    let Outcome::Dropped { step } = outcome else { panic!("{before} was kept") };
    assert_eq!(engine.activity(step), by);
    assert_eq!(engine.run(vec![parsed(before)]).unwrap()[0].0, outcome);
}

/// The examples of the user guide, in our own figures.
#[test]
fn documented_activities_do_what_the_guide_shows() {
    let device = r#"{"device":{"id":"device-9","coord":[48.1371079,-11.5753822]}}"#;
    let promoted = r#"{"device":{"id":"device-9","coord":[48.1371079,-11.5753822]},"lat":48.1371079,"lon":-11.5753822,"id":"device-9"}"#;
    let adding = add(&[("device.id", "id"), ("device.coord[0]", "lat"), ("device.coord[1]", "lon")]);
    kept(&engine(&[("A", adding.clone())]), device, promoted);
    kept(&engine(&[("A", adding), ("R", remove(&["device"]))]), device, r#"{"lat":48.1371079,"lon":-11.5753822,"id":"device-9"}"#);

    let nested = r#"{"device":{"id":"device-9","coord":[1.5,2.5],"temp":51,"hum":39},"light":88}"#;
    kept(&engine(&[("S", select(&["device.temp", "device.hum", "light"]))]), nested, r#"{"temp":51,"hum":39,"light":88}"#);

    let filtering = engine(&[("F", filter("temp > 40 AND hum < 20"))]);
    kept(&filtering, r#"{"temp":41,"hum":19}"#, r#"{"temp":41,"hum":19}"#);
    dropped(&filtering, r#"{"temp":40,"hum":19}"#, "F");
    dropped(&filtering, r#"{"temp":41,"hum":20}"#, "F");
    dropped(&filtering, r#"{"temp":41}"#, "F");

    kept(&engine(&[("M", math("tempC", "(tempF - 32) / 2"))]), r#"{"tempF":50}"#, r#"{"tempF":50,"tempC":9}"#);
    let celsius = engine(&[("M", math("tempC", "((temp - 32) * 5.0) / 9.0"))]);
    kept(&celsius, r#"{"humidity":51, "temp":68}"#, r#"{"humidity":51,"temp":68,"tempC":20}"#);
    kept(&celsius, r#"{"humidity":51, "temp":32}"#, r#"{"humidity":51,"temp":32,"tempC":0}"#);
}

#[test]
fn things_are_enriched_from_what_was_captured() {
    let answer = json!({"thingName": "pump-9", "thingTypeName": "pump", "thingArn": "arn", "thingId": "id", "version": 1,
        "attributes": {}, "defaultClientId": "pump-9", "billingGroupName": "north"});
    let document = json!({"state": {"reported": {"on": true}}, "timestamp": 7, "version": 2});
    let enrichment = Enrichment {
        registry: BTreeMap::from([("pump-9".to_owned(), answer)]),
        shadows: BTreeMap::from([("pump-9".to_owned(), document)]),
    };
    let steps = spec(&[("R", registry("metadata", "device.thingName")), ("S", shadow("shadow", "device.thingName"))]);
    let engine = Engine::new(&steps, enrichment, None).unwrap();
    kept(
        &engine,
        r#"{"temp":51,"device":{"thingName":"pump-9"}}"#,
        r#"{"temp":51,"device":{"thingName":"pump-9"},"metadata":{"defaultClientId":"pump-9","thingTypeName":"pump","thingArn":"arn","version":1,"thingName":"pump-9","attributes":{},"thingId":"id"},"shadow":{"state":{"reported":{"on":true}},"timestamp":7,"version":2}}"#,
    );
    for unknown in [r#"{"device":{"thingName":"pump-8"},"shadow":1}"#, r#"{"device":{"thingName":9}}"#, r#"{"device":"pump-9"}"#] {
        let mut message = parsed(unknown);
        assert_eq!(engine.apply(&mut message).unwrap(), Outcome::Kept { not_enriched: 2 });
        assert_eq!(text(&message), unknown, "the message is as it was");
        assert_eq!(engine.run(vec![parsed(unknown)]).unwrap()[0].0, Outcome::Kept { not_enriched: 2 });
    }
}

#[test]
fn a_message_with_nothing_left_is_dropped_where_that_happened() {
    let removing = engine(&[("R", remove(&["a", "b"])), ("M", math("c", "1 + 1"))]);
    dropped(&removing, r#"{"a":1,"b":2}"#, "R");
    kept(&removing, r#"{"a":1,"d":3}"#, r#"{"d":3,"c":2}"#);
    dropped(&engine(&[("S", select(&["a.b"]))]), r#"{"a":1,"b":2}"#, "S");
}

#[test]
fn numbers_that_only_pass_through_keep_their_text() {
    let engine = engine(&[("A", add(&[("a", "copy")])), ("M", math("b", "b * 2")), ("F", filter("a > 0"))]);
    kept(&engine, r#"{"a":1.50E2,"b":2.50,"c":-0.0}"#, r#"{"a":1.50E2,"b":5,"c":-0.0,"copy":1.50E2}"#);
}

#[test]
fn a_message_may_have_names_that_differ_in_case() {
    kept(&engine(&[("R", remove(&["Foo"]))]), r#"{"foo":1,"Foo":2,"FOO":3}"#, r#"{"foo":1,"FOO":3}"#);
}

#[test]
fn steps_that_are_not_translated_are_refused_not_skipped() {
    for broken in
        [filter("temp LIKE 'a%'"), math("x", "floor(y)"), add(&[("a..b", "c")]), remove(&["a["]), select(&[".a"]), registry("m", "x]")]
    {
        let error = Engine::new(&spec(&[("Ok", filter("a > 1")), ("Bad", broken)]), Enrichment::default(), None).unwrap_err();
        assert!(matches!(&error, EngineError::Manual { activity, .. } if activity == "Bad"), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn other_versions_are_refused() {
    let other = TransformSpec { version: SPEC_VERSION + 1, ..spec(&[]) };
    assert!(matches!(Engine::new(&other, Enrichment::default(), None), Err(EngineError::Version { .. })));
}

/// Notes what it was asked, leaves out messages whose `n` is odd if told so, and marks the rest.
#[derive(Debug, Default)]
struct Function {
    batches: Mutex<Vec<usize>>,
    filters: bool,
    adds: bool,
}

impl LambdaFunction for Function {
    fn call(&self, function: &str, messages: &[Object]) -> Result<Vec<Object>, LambdaError> {
        assert_eq!(function, "decode");
        self.batches.lock().unwrap().push(messages.len());
        let mut out: Vec<Object> = messages
            .iter()
            .filter(|message| !self.filters || matches!(&message["n"], crate::value::Value::Number(n) if n.to_i64().unwrap() % 2 == 0))
            .cloned()
            .collect();
        out.iter_mut().for_each(|message| drop(message.insert("seen".to_owned(), crate::value::Value::Bool(true))));
        if self.adds {
            out.push(Object::new());
        }
        Ok(out)
    }
}

fn numbered(range: std::ops::Range<u32>) -> Vec<Object> {
    range.map(|n| parsed(&format!(r#"{{"n":{n}}}"#))).collect()
}

#[test]
fn a_function_gets_batches_of_what_reaches_it() {
    let function = Arc::new(Function::default());
    let steps = spec(&[("F", filter("n <> 3")), ("L", lambda("decode", 3)), ("M", math("m", "n * 2"))]);
    let engine = Engine::new(&steps, Enrichment::default(), Some(function.clone())).unwrap();
    assert!(engine.asks_a_function());
    let run = engine.run(numbered(0..8)).unwrap();
    assert_eq!(*function.batches.lock().unwrap(), [3, 3, 1]);
    assert_eq!(run[3].0, Outcome::Dropped { step: 0 });
    for n in [0, 1, 2, 4, 5, 6, 7] {
        assert_eq!(text(&run[n].1), format!(r#"{{"n":{n},"seen":true,"m":{}}}"#, n * 2));
    }
    let mut one = parsed(r#"{"n":9}"#);
    assert_eq!(engine.apply(&mut one).unwrap(), Outcome::Kept { not_enriched: 0 });
    assert_eq!(text(&one), r#"{"n":9,"seen":true,"m":18}"#);
}

#[test]
fn messages_that_a_function_leaves_out_are_dropped_at_the_end_of_their_batch() {
    let function = Arc::new(Function { filters: true, ..Function::default() });
    let engine = Engine::new(&spec(&[("L", lambda("decode", 4))]), Enrichment::default(), Some(function)).unwrap();
    let run = engine.run(numbered(0..6)).unwrap();
    let outcomes: Vec<bool> = run.iter().map(|(outcome, _)| matches!(outcome, Outcome::Kept { .. })).collect();
    assert_eq!(outcomes, [true, true, false, false, true, false]);
    assert_eq!(text(&run[1].1), r#"{"n":2,"seen":true}"#);
    assert_eq!(text(&run[4].1), r#"{"n":4,"seen":true}"#);
}

#[test]
fn a_function_may_not_add_messages_nor_drop_them_when_the_switch_says_so() {
    let adds: Arc<dyn LambdaFunction> = Arc::new(Function { adds: true, ..Function::default() });
    let engine = Engine::new(&spec(&[("L", lambda("decode", 4))]), Enrichment::default(), Some(adds)).unwrap();
    assert!(matches!(engine.run(numbered(0..4)), Err(EngineError::LambdaCount { given: 4, returned: 5, .. })));

    let mut strict = spec(&[("L", lambda("decode", 4))]);
    strict.switches.lambda_may_drop = LambdaMayDrop::No;
    let filters: Arc<dyn LambdaFunction> = Arc::new(Function { filters: true, ..Function::default() });
    let engine = Engine::new(&strict, Enrichment::default(), Some(filters)).unwrap();
    let error = engine.run(numbered(0..4)).unwrap_err();
    assert_eq!(error.to_string(), "the activity `L`: the function was given 4 messages and returned 2");
    assert!(error.hint().unwrap().contains("lambda_may_drop"));
}

#[test]
fn a_lambda_step_without_a_function_is_refused_at_once() {
    let error = Engine::new(&spec(&[("L", lambda("decode", 4))]), Enrichment::default(), None).unwrap_err();
    assert!(matches!(error, EngineError::NoFunction { .. }));
}
