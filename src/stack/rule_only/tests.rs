use super::*;
use crate::expression::{parse_filter, parse_math};
use crate::inventory::{Origin as Place, RuleChannel};
use crate::mapping::{DimensionRule, MeasureRule, Policies, TimeRule};
use crate::transform::{Fidelity, SPEC_VERSION, Step, TransformSwitches};

fn path(text: &str) -> ColumnPath {
    text.parse().unwrap()
}

fn spec(actions: Vec<Action>) -> TransformSpec {
    let step = |action| Step { activity: "step".into(), fidelity: Fidelity::Exact, action };
    TransformSpec {
        version: SPEC_VERSION,
        pipeline: "p".into(),
        channel: "c".into(),
        datastore: "d".into(),
        switches: TransformSwitches::default(),
        steps: actions.into_iter().map(step).collect(),
    }
}

fn mapping(measures: &[(&str, MeasureKind)]) -> TableMapping {
    TableMapping {
        store: "d".into(),
        route: None,
        table: "t".into(),
        time: TimeRule { column: path("ts"), format: TimeFormat::EpochMillis },
        measure_name: "m".into(),
        dimensions: vec![DimensionRule { column: path("id"), name: "device".into() }],
        measures: measures
            .iter()
            .map(|(name, kind)| MeasureRule { column: path(name), name: (*name).into(), kind: *kind, format: None })
            .collect(),
        ignored: vec![],
        policies: Policies::default(),
    }
}

fn topic_rule(sql: &str) -> TopicRule {
    TopicRule {
        name: "all".into(),
        origin: Place { file: "f".into(), path: String::new() },
        sql: sql.into(),
        sql_version: "2016-03-23".into(),
        enabled: true,
        description: String::new(),
        channels: vec![RuleChannel { channel: "c".into(), batch_mode: false }],
        other_actions: vec![],
    }
}

fn made(actions: Vec<Action>, mapping: &TableMapping) -> Result<RuleOnly, String> {
    make(&spec(actions), &[mapping], &[&topic_rule("SELECT * FROM 'plant/+'")])
}

fn filter(text: &str) -> Action {
    Action::Filter { text: text.into(), expression: parse_filter(text).unwrap() }
}

fn math(attribute: &str, text: &str) -> Action {
    Action::Math { attribute: attribute.into(), text: text.into(), expression: parse_math(text).unwrap() }
}

fn copy(from: &str, to: &str) -> Copy {
    Copy { from: path(from), to: to.into() }
}

#[test]
fn filters_copies_and_math_become_where_and_select() {
    let actions = vec![
        Action::AddAttributes { copies: vec![copy("hum", "humidity")] },
        filter("temp > 10 AND humidity < 90"),
        math("warm", "temp * 2"),
        filter("warm <> 30"),
        Action::SelectAttributes { selections: ["ts", "id", "temp", "humidity", "warm"].map(|name| copy(name, name)).to_vec() },
    ];
    let kinds = [("temp", MeasureKind::Bigint), ("humidity", MeasureKind::Varchar), ("warm", MeasureKind::Bigint)];
    let variant = made(actions, &mapping(&kinds)).unwrap();
    assert_eq!(
        variant.sql,
        "SELECT temp AS temp, hum AS humidity, temp * 2 AS warm FROM 'plant/+' WHERE temp > 10 AND hum < 90 AND temp * 2 <> 30"
    );
    assert_eq!((variant.sql_version.as_str(), variant.time.as_str(), variant.time_unit), ("2016-03-23", "${ts}", "MILLISECONDS"));
    assert_eq!(variant.dimensions, [("device".to_owned(), "${id}".to_owned())]);
}

#[test]
fn doubles_run_under_the_version_that_keeps_the_point() {
    let variant = made(vec![], &mapping(&[("temp", MeasureKind::Double)])).unwrap();
    assert_eq!(variant.sql_version, "2015-10-08");
    assert!(variant.differences.iter().any(|difference| difference.contains("10.0")), "{:?}", variant.differences);
}

#[test]
fn what_would_not_be_equal_is_refused_with_the_reason() {
    let double = mapping(&[("temp", MeasureKind::Double)]);
    for (actions, reason) in [
        (vec![math("temp", "temp * 1.8")], "old one stays"),
        (vec![Action::RemoveAttributes { paths: vec![path("temp")] }], "not in the message"),
        (vec![Action::RemoveAttributes { paths: vec![path("a.b")] }], "below the root"),
        (vec![Action::Lambda { function: "f".into(), batch_size: 1 }], "batches"),
        (vec![Action::DeviceShadowEnrich { attribute: "s".into(), thing_name: path("id") }], "thing"),
        (vec![Action::SelectAttributes { selections: vec![copy("temp", "temp")] }], "the time"),
        (vec![Action::RemoveAttributes { paths: vec![path("x")] }, filter("x > 1")], "not there any more"),
        (vec![filter("flag")], "comparison"),
        (vec![Action::AddAttributes { copies: vec![copy("a.t", "x")] }, filter("x > 1")], "nested"),
    ] {
        let refused = made(actions, &double).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
    for (mapping, reason) in [
        (TableMapping { time: TimeRule { column: path("ts"), format: TimeFormat::Iso8601 }, ..double.clone() }, "a text"),
        (mapping(&[("at", MeasureKind::Timestamp)]), "TIMESTAMP"),
        (mapping(&[("te mp", MeasureKind::Double)]), "name"),
        (mapping(&[]), "no measure"),
    ] {
        let refused = made(vec![], &mapping).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
    for rule in ["SELECT temp FROM 'a'", "SELECT * FROM 'a' WHERE temp > 1"] {
        assert!(make(&spec(vec![]), &[&double], &[&topic_rule(rule)]).is_err());
    }
    assert!(make(&spec(vec![]), &[&double], &[]).is_err());
    assert!(make(&spec(vec![]), &[&double, &double], &[&topic_rule("SELECT * FROM 'a'")]).is_err());
}
