//! The examples of the guide, and names that try to become code, under a real Python.

use super::harness::{Case, engine_says, python_says, script_says};
use crate::inventory::ActivityKind;
use crate::stack::pipeline::{PipelineCodeError, render};
use crate::transform::fixtures::{add, filter, lambda, math, registry, remove, select, shadow, spec};
use crate::transform::{LambdaMayDrop, SPEC_VERSION, SelectedNameClash, TransformSpec};

fn case(activities: &[(&str, ActivityKind)], messages: &[&str]) -> Case {
    Case { spec: spec(activities), messages: messages.iter().map(|message| (*message).to_owned()).collect() }
}

#[test]
fn documented_activities_do_what_the_guide_shows() {
    let device = r#"{"device":{"id":"device-9","coord":[48.1371079,-11.5753822]}}"#;
    let adding = add(&[("device.id", "id"), ("device.coord[0]", "lat"), ("device.coord[1]", "lon")]);
    let celsius = math("tempC", "((temp - 32) * 5.0) / 9.0");
    let of_thing = r#"{"temp":51,"device":{"thingName":"pump-7"}}"#;
    let known = r#""attributes":{"floor":"2","Zimmer":"Küche"},"thingId":"0a"}"#;
    let expected = [
        (
            case(&[("A", adding.clone())], &[device]),
            r#"[["kept",{"device":{"id":"device-9","coord":[48.1371079,-11.5753822]},"lat":48.1371079,"lon":-11.5753822,"id":"device-9"}]]"#.to_owned(),
        ),
        (
            case(&[("A", adding), ("R", remove(&["device"]))], &[device]),
            r#"[["kept",{"lat":48.1371079,"lon":-11.5753822,"id":"device-9"}]]"#.to_owned(),
        ),
        (
            case(
                &[("S", select(&["device.temp", "device.hum", "light"]))],
                &[r#"{"device":{"id":"device-9","coord":[1.5,2.5],"temp":51,"hum":39},"light":88}"#, r#"{"dark":1}"#],
            ),
            r#"[["kept",{"temp":51,"hum":39,"light":88}],["dropped","S"]]"#.to_owned(),
        ),
        (
            case(&[("F", filter("temp > 40 AND hum < 20"))], &[r#"{"temp":41,"hum":19}"#, r#"{"temp":40,"hum":19}"#, r#"{"temp":41}"#]),
            r#"[["kept",{"temp":41,"hum":19}],["dropped","F"],["dropped","F"]]"#.to_owned(),
        ),
        (case(&[("M", math("tempC", "(tempF - 32) / 2"))], &[r#"{"tempF":50}"#]), r#"[["kept",{"tempF":50,"tempC":9}]]"#.to_owned()),
        (
            case(&[("M", celsius)], &[r#"{"humidity":51,"temp":68}"#, r#"{"humidity":51,"temp":32}"#]),
            r#"[["kept",{"humidity":51,"temp":68,"tempC":20}],["kept",{"humidity":51,"temp":32,"tempC":0}]]"#.to_owned(),
        ),
        (
            case(&[("R", registry("metadata", "device.thingName"))], &[of_thing]),
            format!(
                r#"[["kept",{{"temp":51,"device":{{"thingName":"pump-7"}},"metadata":{{"defaultClientId":"pump-7","thingTypeName":"pump","thingArn":"arn:aws:iot:eu-west-1:123456789012:thing/pump-7","version":3,"thingName":"pump-7",{known}}}]]"#
            ),
        ),
        (
            case(&[("S", shadow("shadow", "device.thingName"))], &[of_thing, r#"{"device":{"thingName":"a thing"}}"#]),
            r#"[["kept",{"temp":51,"device":{"thingName":"pump-7"},"shadow":{"state":{"desired":{"x":1.5},"reported":{"x":[1,null,true]}},"metadata":{},"timestamp":1600000000,"version":9}}],["kept",{"device":{"thingName":"a thing"}}]]"#.to_owned(),
        ),
        (
            case(&[("L", lambda("sifts", 2)), ("M", math("n", "a + 1"))], &[r#"{"b":1}"#, r#"{"a":2}"#, r#"{"a":3}"#]),
            r#"[["kept",{"a":2,"batch":1,"n":3}],["dropped","L"],["kept",{"a":3,"batch":1,"n":4}]]"#.to_owned(),
        ),
        (case(&[], &["{}", r#"{"a":1E5}"#]), r#"[["kept",{}],["kept",{"a":1E5}]]"#.to_owned()),
    ];
    let (cases, said): (Vec<Case>, Vec<String>) = expected.into_iter().unzip();
    for ((case, python), said) in cases.iter().zip(python_says(&cases)).zip(said) {
        assert_eq!(python, said);
        assert_eq!(engine_says(case), said);
    }
}

#[test]
fn undocumented_corners_go_the_same_way() {
    let message = r#"{"a":{"t":1},"b":{"t":2},"l":[0,1,2,3]}"#;
    let clash = || case(&[("S", select(&["a.t", "b.t", "c.t"]))], &[message]);
    let mut first = clash();
    first.spec.switches.selected_name_clash = SelectedNameClash::FirstWins;
    let elements = case(&[("R", remove(&["a", "b", "l[0]", "l[2]", "l[9]"]))], &[message]);
    let swapped = case(&[("A", add(&[("a", "b"), ("b", "a"), ("c", "d")])), ("R", remove(&["l", "a.t"]))], &[message]);
    let cases = [clash(), first, elements, swapped];
    let expected = [r#"[["kept",{"t":2}]]"#, r#"[["kept",{"t":1}]]"#, r#"[["kept",{"l":[1,3]}]]"#, r#"[["kept",{"a":{},"b":{"t":1}}]]"#];
    for ((case, python), expected) in cases.iter().zip(python_says(&cases)).zip(expected) {
        assert_eq!(python, expected);
        assert_eq!(engine_says(case), expected);
    }
}

#[test]
fn a_function_that_fails_or_answers_too_much_stops_the_batch() {
    let mut strict = case(&[("L", lambda("sifts", 5))], &["{}", r#"{"a":1}"#]);
    strict.spec.switches.lambda_may_drop = LambdaMayDrop::No;
    let cases = [case(&[("L", lambda("fails", 5))], &["{}"]), case(&[("L", lambda("adds", 5))], &["{}"]), strict];
    let said = python_says(&cases);
    assert!(said[0].starts_with("RuntimeError: the function 'fails' failed"), "{}", said[0]);
    assert_eq!(said[1], "RuntimeError: 'L': the function returned more messages than it was given");
    assert_eq!(said[2], "RuntimeError: 'L': the function returned another number of messages than it was given");
}

#[test]
fn a_thing_is_asked_for_once_a_minute() {
    let case = case(&[("R", registry("r", "thing")), ("S", shadow("s", "thing"))], &[]);
    let script = r#"
import boto3, pipeline_0, time
run = lambda name: pipeline_0.run([{"thing": name}])
for name in ["pump-7", "gone", "not a thing's name", "", "pump-7", "gone", None, 7]:
    run(name)
print([kind[0] + "=" + name for kind, name in boto3._Client.asked])
now = time.monotonic()
time.monotonic = lambda: now + 61
run("pump-7")
print(len(boto3._Client.asked))
for number in range(1500):
    run("t%d" % number)
print(len(pipeline_0.registry_answers) <= 1000, len(pipeline_0.shadow_answers) <= 1000)
"#;
    assert_eq!(script_says(case, script), "['r=pump-7', 's=pump-7', 'r=gone', 's=gone']\n6\nTrue True\n");
}

const HOSTILE: [&str; 9] = [
    "\"\"\"\nraise SystemExit(7)\n\"\"\"",
    "\"); raise SystemExit(7) #",
    "'); raise SystemExit(7) #",
    "x\n    raise SystemExit(7)\r\u{85}\u{2028}raise SystemExit(7)",
    "\\",
    "\\\"",
    "{__import__('os')._exit(7)}",
    "${AWS::AccountId} {{x}} %(x)s",
    "\u{0}\u{1b}]0;x\u{7}😀",
];

#[test]
fn hostile_names_stay_text() {
    let mut cases = Vec::new();
    for text in HOSTILE {
        let quoted = format!("'{}'", text.replace('\'', "''"));
        let name = serde_json::Value::from(text).to_string();
        let message = format!("{{{name}:1,\"a\":{name},\"l\":[1,2]}}");
        let mut hostile = case(
            &[
                (text, filter(&format!("a = {quoted}"))),
                (text, math(text, "a")),
                (text, add(&[("l[0]", text), ("a", "b")])),
                (text, registry(text, "a")),
            ],
            &[&message, "{\"a\":1}"],
        );
        hostile.spec.pipeline = text.to_owned();
        hostile.spec.channel = text.to_owned();
        hostile.spec.datastore = text.to_owned();
        cases.push(hostile);
        cases.push(case(&[(text, remove(&["l"])), (text, select(&[text, "a"]))], &[&message, "{\"l\":1}"]));
    }
    // What cannot be translated is refused, which is inert too.
    cases.retain(|case| case.spec.is_complete());
    assert!(cases.len() > HOSTILE.len());
    for (case, python) in cases.iter().zip(python_says(&cases)) {
        assert_eq!(python, engine_says(case));
        let code = render(&case.spec).unwrap();
        assert!(code.is_ascii() && !code.contains('\r'));
    }
}

#[test]
fn the_deepest_expressions_run() {
    let sum = (0..127).fold(String::from("a"), |sum, _| sum + "+a");
    let texts = [sum, "(".repeat(120) + "a" + &")".repeat(120), "abs(".repeat(60) + "a" + &")".repeat(60)];
    let mut cases: Vec<Case> = texts.iter().map(|text| case(&[("M", math("x", text))], &["{\"a\":2}"])).collect();
    cases.push(case(&[("F", filter(&("NOT ".repeat(63) + "a")))], &["{\"a\":true}"]));
    cases.push(case(
        &[("A", add(&[(&["a"; 128].join("."), "x")])), ("R", remove(&[&["a"; 128].join(".")]))],
        &[&("{\"a\":".repeat(60) + "1" + &"}".repeat(60))],
    ));
    cases.retain(|case| case.spec.is_complete());
    for (case, python) in cases.iter().zip(python_says(&cases)) {
        assert_eq!(python, engine_says(case));
    }
}

#[test]
fn each_activity_is_a_function_of_its_name() {
    let spec = spec(&[
        ("FilterActivity", filter("a > 1")),
        ("filter activity", filter("a > 2")),
        ("run", filter("a > 3")),
        ("class", filter("a > 4")),
        ("温度", filter("a > 5")),
    ]);
    let code = render(&spec).unwrap();
    for name in ["filter_activity", "filter_activity_2", "run_activity", "class_", "unnamed"] {
        assert_eq!(code.matches(&format!("\ndef {name}(message):")).count(), 1, "{name}\n{code}");
    }
    assert!(code.contains("# a > 1\n") && !code.contains("boto3"), "{code}");
    assert_eq!(code, render(&spec).unwrap());
}

#[test]
fn what_is_not_translated_gives_no_code() {
    let error = render(&spec(&[("F", filter("a LIKE 'b'"))])).unwrap_err();
    assert!(matches!(&error, PipelineCodeError::Manual { activity, .. } if activity == "F"));
    assert!(error.hint().is_some());
    let error = render(&spec(&[("L", lambda("${Decoder}", 3))])).unwrap_err();
    assert!(matches!(error, PipelineCodeError::SymbolicFunction { .. }));
    let other = TransformSpec { version: SPEC_VERSION + 1, ..spec(&[]) };
    assert!(matches!(render(&other), Err(PipelineCodeError::Version { .. })));
}
