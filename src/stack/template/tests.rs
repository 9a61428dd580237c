//! The template of a deployment that has one of everything.

use std::collections::BTreeSet;

use super::model::*;
use super::*;
use crate::record::MeasureKind;

/// Two pipelines of one channel, a channel that nobody feeds by rule, a scheduled dataset, enrichment, a lambda activity.
fn everything() -> Deployment {
    let watched = |measure_name: &str| Watched {
        measure_name: measure_name.to_owned(),
        dimensions: vec!["device_id".into(), "li'n\"e".into()],
        numbers: vec!["temp".into(), "humi\"dity".into()],
    };
    let table = |id: &str, name: &str, results: bool, watched: Vec<Watched>| Table {
        results,
        id: format!("Timestream{id}"),
        name: name.to_owned(),
        partition_dimension: Some("device_id".into()),
        watched,
    };
    let channel = |id: &str, name: &str| Channel { id: format!("Channel{id}"), name: name.to_owned(), folder: name.to_owned() };
    let function = |id: &str, folder: &str, channel: usize| Function {
        id: format!("Pipeline{id}"),
        pipeline: folder.to_owned(),
        folder: folder.to_owned(),
        channel,
        tables: vec![0, 1],
        reads_registry: true,
        reads_shadows: true,
        calls: vec!["clean_up".into()],
    };
    Deployment {
        database: "plant".into(),
        memory_hours: 24,
        magnetic_days: 4_000,
        rejected_data_bucket: None,
        rejected_data_prefix: "rejected/".into(),
        tables: vec![
            table("Factory", "factory", false, vec![watched("telemetry"), watched("gate")]),
            table("Pumps", "pumps", false, vec![]),
            table("Hot", "hot_hourly", true, vec![]),
        ],
        channels: vec![channel("Raw", "raw"), channel("Pushed", "pushed")],
        rules: vec![Rule {
            id: "RuleAll".into(),
            name: "all".into(),
            new_name: "all_to_timestream".into(),
            sql: "SELECT *, topic(2) AS line FROM 'plant/+/telemetry' WHERE x <> '${y}'".into(),
            sql_version: "2016-03-23".into(),
            enabled: true,
            outlets: vec![Outlet { channel: 0, partition_key: "${newuuid()}".into() }],
        }],
        functions: vec![function("Factory", "factory", 0), function("Pumps", "pumps", 1)],
        queries: vec![Query {
            id: "DatasetHot".into(),
            dataset: "hot".into(),
            name: "hot".into(),
            sql: format!("SELECT bin(time, 1h) AS hour, device_id, max(temp) AS peak\nFROM \"{DATABASE_PLACEHOLDER}\".\"factory\""),
            schedule: "rate(1 hour)".into(),
            reads: vec![0],
            writes: 2,
            time_column: "hour".into(),
            measure_name: "hot".into(),
            dimensions: vec!["device_id".into()],
            measures: vec![QueryMeasure { column: "peak".into(), name: "peak".into(), kind: MeasureKind::Double }],
            report_prefix: "scheduled-queries/hot/".into(),
        }],
        anomaly_table: "anomalies".into(),
    }
}

fn resources(text: &str) -> Vec<&str> {
    let from = text.find("\nResources:\n").unwrap();
    let till = text.find("\nOutputs:\n").unwrap();
    text[from..till].lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).filter(|id| !id.starts_with(' ')).collect()
}

#[test]
fn resources_are_unique_counted_and_named_by_letters_and_digits() {
    let template = render(&everything()).unwrap();
    let ids = resources(&template.text);
    assert_eq!(ids.len(), template.resources);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_alphanumeric())), "{ids:?}");
}

/// Endings of one kind: an ID `A` + `XB` must not be the ID `AX` + `B`.
#[test]
fn no_ending_of_an_id_is_the_end_of_another() {
    let template = render(&everything()).unwrap();
    let ids = resources(&template.text);
    for stem in ["PipelineFactory", "ChannelRaw", "RuleAll", "TimestreamFactory", "DatasetHot"] {
        let endings: Vec<&str> = ids.iter().filter_map(|id| id.strip_prefix(stem)).collect();
        assert!(endings.len() > 1, "{stem}");
        for (one, other) in endings.iter().flat_map(|one| endings.iter().map(move |other| (one, other))) {
            assert!(one == other || !one.ends_with(other), "{stem}: {one} and {other}");
        }
    }
}

#[test]
fn a_rule_keeps_its_sql_to_the_letter() {
    let text = render(&everything()).unwrap().text;
    assert!(text.contains(r#"Sql: "SELECT *, topic(2) AS line FROM 'plant/+/telemetry' WHERE x <> '${y}'""#), "{text}");
    assert!(text.contains(r#"AwsIotSqlVersion: "2016-03-23""#));
}

#[test]
fn every_wildcard_is_one_that_cannot_be_narrower() {
    let text = render(&everything()).unwrap().text;
    let mut stars = BTreeSet::new();
    let mut actions: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        match line {
            "Action:" => actions.clear(),
            "- \"*\"" => stars.extend(std::mem::take(&mut actions)),
            line if line.starts_with("- \"timestream:") => actions.push(line),
            _ => {}
        }
    }
    assert_eq!(Vec::from_iter(stars), ["- \"timestream:DescribeEndpoints\"", "- \"timestream:SelectValues\""]);
}

#[test]
fn data_outlives_the_stack() {
    let text = render(&everything()).unwrap().text;
    for (at, _) in text.match_indices("Type: \"AWS::Timestream::Table\"").chain(text.match_indices("Type: \"AWS::S3::Bucket\"\n")) {
        let head = &text[at..at + 250];
        assert!(head.contains("DeletionPolicy: \"RetainExceptOnCreate\"") && head.contains("UpdateReplacePolicy: \"Retain\""), "{head}");
    }
}

#[test]
fn a_dynamic_reference_is_refused_wherever_it_stands() {
    let hostile = "{{resolve:secretsmanager:key}}".to_owned();
    let spoil: [fn(&mut Deployment, String); 6] = [
        |deployment, text| deployment.rules[0].sql = text,
        |deployment, text| deployment.queries[0].sql = text,
        |deployment, text| deployment.queries[0].schedule = text,
        |deployment, text| deployment.queries[0].measures[0].column = text,
        |deployment, text| deployment.functions[0].pipeline = text,
        |deployment, text| deployment.tables[0].watched[0].numbers[0] = text,
    ];
    for spoil in spoil {
        let mut deployment = everything();
        spoil(&mut deployment, hostile.clone());
        assert!(render(&deployment).is_err());
    }
}

#[test]
fn the_same_deployment_gives_the_same_text() {
    assert_eq!(render(&everything()).unwrap().text, render(&everything()).unwrap().text);
}

#[test]
fn a_deployment_without_rules_queries_or_functions_is_whole() {
    let bare = Deployment { rules: vec![], queries: vec![], functions: vec![], channels: vec![], ..everything() };
    let text = render(&bare).unwrap().text;
    for unused in ["StreamMode", "BatchSize", "RulesEnabled", "CreateScheduledQueries"] {
        assert!(!text.contains(unused), "{unused}");
    }
}
