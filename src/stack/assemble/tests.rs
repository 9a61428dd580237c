use super::*;
use crate::inventory::{Activity, ActivityKind, Origin, Pipeline, RuleChannel, TopicRule};
use crate::mapping::{DimensionRule, MeasureRule, Policies, TimeRule};
use crate::settings::{TargetSettings, WriteSettings};
use crate::stack::report::RuleOnlyReport;
use crate::time::TimeFormat;

fn origin() -> Origin {
    Origin { file: "f".into(), path: String::new() }
}

fn pipeline(name: &str, channel: &str, store: &str, steps: Vec<ActivityKind>) -> Pipeline {
    let ends = [ActivityKind::Channel { channel_name: channel.into() }, ActivityKind::Datastore { datastore_name: store.into() }];
    let [first, last] = ends;
    let kinds = std::iter::once(first).chain(steps).chain([last]);
    let activities = kinds.enumerate().map(|(at, kind)| Activity { name: format!("step {at}"), kind }).collect();
    Pipeline { name: name.into(), origin: origin(), activities, tags: BTreeMap::new() }
}

fn topic_rule(name: &str, sql: &str, channels: &[&str]) -> TopicRule {
    TopicRule {
        name: name.into(),
        origin: origin(),
        sql: sql.into(),
        sql_version: "2016-03-23".into(),
        enabled: true,
        description: String::new(),
        channels: channels.iter().map(|channel| RuleChannel { channel: (*channel).into(), batch_mode: false }).collect(),
        other_actions: vec![],
    }
}

fn settings(stores: &[&str]) -> Settings {
    let mapping = |store: &&str| TableMapping {
        store: (*store).into(),
        route: None,
        table: format!("table_{store}"),
        time: TimeRule { column: "ts".parse().unwrap(), format: TimeFormat::EpochMillis },
        measure_name: "telemetry".into(),
        dimensions: vec![DimensionRule { column: "device_id".parse().unwrap(), name: "device_id".into() }],
        measures: vec![MeasureRule { column: "temp".parse().unwrap(), name: "temp".into(), kind: MeasureKind::Double, format: None }],
        ignored: vec![],
        policies: Policies::default(),
    };
    Settings {
        raw: Vec::new(),
        functions: BTreeMap::new(),
        invoked_functions: BTreeMap::new(),
        switches: crate::transform::TransformSwitches::default(),
        history: "h".into(),
        target: TargetSettings {
            database: "plant".into(),
            memory_hours: 24,
            magnetic_days: 400,
            rejected_data_bucket: None,
            rejected_data_prefix: String::new(),
            partition_dimension: None,
        },
        write: WriteSettings::default(),
        tables: stores.iter().map(mapping).collect(),
        skipped_stores: vec![],
    }
}

fn assembled(pipelines: Vec<Pipeline>, rules: Vec<TopicRule>, settings: &Settings) -> Stack {
    let inventory = Inventory {
        pipelines: pipelines.into_iter().map(|pipeline| (pipeline.name.clone(), pipeline)).collect(),
        rules: rules.into_iter().map(|rule| (rule.name.clone(), rule)).collect(),
        ..Inventory::empty()
    };
    assemble(StackInputs { inventory: &inventory, settings, switches: &TransformSwitches::default() }).unwrap()
}

fn file<'s>(stack: &'s Stack, path: &str) -> &'s str {
    &stack.files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} in {:?}", stack.report.files)).text
}

#[test]
fn a_rule_feeds_every_channel_that_it_fed() {
    let pipelines = vec![pipeline("one", "a", "s", vec![]), pipeline("two", "b", "s", vec![]), pipeline("three", "a", "s", vec![])];
    let stack = assembled(pipelines, vec![topic_rule("all", "SELECT * FROM 'x'", &["a", "b", "nowhere"])], &settings(&["s"]));
    let template = file(&stack, "stack/template.yaml");
    assert_eq!(template.matches("Type: \"AWS::Kinesis::Stream\"").count(), 2);
    assert_eq!(template.matches("- Kinesis:").count(), 2);
    assert_eq!(template.matches("Type: \"AWS::Serverless::Function\"").count(), 3);
    let codes: Vec<&str> = stack.report.rules[0].remarks.iter().map(|remark| remark.code.as_str()).collect();
    assert_eq!(codes, ["channel_without_function"]);
}

#[test]
fn what_cannot_be_in_the_stack_is_left_out_and_keeps_nothing_back() {
    let pipelines = vec![
        pipeline("good", "a", "s", vec![]),
        pipeline("no_table", "b", "other", vec![]),
        pipeline("not_translated", "c", "s", vec![ActivityKind::Filter { filter: "temp LIKE 'x'".into() }]),
        Pipeline { activities: vec![], ..pipeline("only_named", "d", "s", vec![]) },
    ];
    let rules = vec![topic_rule("good", "SELECT * FROM 'x'", &["a"]), topic_rule("bad", "SELECT * FROM '{{resolve:ssm:x}}'", &["a"])];
    let stack = assembled(pipelines, rules, &settings(&["s"]));
    let left_out: Vec<&str> =
        stack.report.pipelines.iter().filter(|pipeline| pipeline.left_out.is_some()).map(|pipeline| pipeline.pipeline.as_str()).collect();
    assert_eq!(left_out, ["no_table", "not_translated", "only_named"]);
    assert!(!stack.report.is_complete());
    assert_eq!(stack.report.rules[0].new_rule, None);
    assert_eq!(stack.report.rules[0].remarks[0].code, "dynamic_reference");
    let template = file(&stack, "stack/template.yaml");
    assert!(!template.contains("resolve") && template.contains("good_to_timestream"), "{template}");
}

#[test]
fn names_that_differ_in_odd_characters_only_stay_apart() {
    let names = ["a.b", "a-b", "a/b", "A b", "a\nb", "温"];
    let pipelines = names.iter().map(|name| pipeline(name, name, "s", vec![])).collect();
    let rules = names.iter().map(|name| topic_rule(name, "SELECT * FROM 'x'", &[name])).collect();
    let stack = assembled(pipelines, rules, &settings(&["s"]));
    let folders: std::collections::BTreeSet<String> =
        stack.report.pipelines.iter().filter_map(|pipeline| pipeline.function.as_ref()).map(|folder| folder.to_lowercase()).collect();
    assert_eq!(folders.len(), names.len());
    let rules: std::collections::BTreeSet<&String> = stack.report.rules.iter().filter_map(|rule| rule.new_rule.as_ref()).collect();
    assert_eq!(rules.len(), names.len());
}

#[test]
fn a_pipeline_without_a_rule_tells_whom_to_change() {
    let stack = assembled(vec![pipeline("p", "pushed", "s", vec![])], vec![], &settings(&["s"]));
    assert!(file(&stack, "stack/README.md").contains("`ChannelPushedStreamName`"));
    assert!(matches!(stack.report.pipelines[0].rule_only, RuleOnlyReport::Refused { .. }));
}

#[test]
fn a_pipeline_that_a_rule_can_do_is_offered_as_one() {
    let filter = ActivityKind::Filter { filter: "temp > 10".into() };
    let rules = vec![topic_rule("r", "SELECT * FROM 'x'", &["c"])];
    let stack = assembled(vec![pipeline("p", "c", "s", vec![filter])], rules, &settings(&["s"]));
    let template = file(&stack, "stack/rule-only/p.yaml");
    assert!(template.contains("SELECT temp AS temp FROM 'x' WHERE temp > 10"), "{template}");
    assert!(template.contains("\"table_s_single\"") && !template.contains("Transform:"), "{template}");
}

#[test]
fn more_than_cloudformation_takes_is_said() {
    let many: Vec<Pipeline> = (0..60).map(|at| pipeline(&format!("p{at}"), "c", "s", vec![])).collect();
    let stack = assembled(many, vec![], &settings(&["s"]));
    assert_eq!(stack.report.remarks[0].code, "too_many_resources");
}

#[test]
fn without_tables_there_is_no_stack() {
    let (inventory, settings) = (Inventory::empty(), settings(&[]));
    let inputs = StackInputs { inventory: &inventory, settings: &settings, switches: &TransformSwitches::default() };
    assert_eq!(assemble(inputs), Err(StackError::NoTable));
}
