use proptest::prelude::*;

use super::*;
use crate::inventory::fixtures::{assert_blind, assert_errors, captured, pipeline, told};
use crate::inventory::{ActivityKind, DatasetAction, DeltaTime, FileFormat, Partition, Retention, Storage, Trigger, Versioning};

const ALL_TEN: &str = r#"{"pipeline":{"name":"p","arn":"a","reprocessingSummaries":[],"activities":[
 {"channel":{"name":"n0","channelName":"c","next":"n1"}},
 {"lambda":{"name":"n1","lambdaName":"f","batchSize":10,"next":"n2"},"math":{"name":"n2","attribute":"x","math":"a + 1","next":"n3"}},
 {"addAttributes":{"name":"n3","attributes":{"device.id":"id"},"next":"n4"}},
 {"removeAttributes":{"name":"n4","attributes":["device"],"next":"n5"}},
 {"selectAttributes":{"name":"n5","attributes":["id","x"],"next":"n6"}},
 {"filter":{"name":"n6","filter":"x > 1","next":"n7"}},
 {"deviceRegistryEnrich":{"name":"n7","attribute":"meta","thingName":"id","roleArn":"r","next":"n8"}},
 {"deviceShadowEnrich":{"name":"n8","attribute":"shadow","thingName":"id","roleArn":"r","next":"n9"}},
 {"datastore":{"name":"n9","datastoreName":"d"}}]}}"#;

#[test]
fn a_described_pipeline_has_all_ten_activities() {
    let captured = captured(&[("p.json", ALL_TEN)]);
    assert_errors(&captured, &[]);
    let activities = &captured.inventory.pipelines["p"].activities;
    let names: Vec<&str> = activities.iter().map(|activity| activity.name.as_str()).collect();
    assert_eq!(names, ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"]);
    assert_eq!(activities[1].kind, ActivityKind::Lambda { lambda_name: "f".into(), batch_size: 10 });
    let mapping = BTreeMap::from([("device.id".to_owned(), "id".to_owned())]);
    assert_eq!(activities[3].kind, ActivityKind::AddAttributes { attributes: mapping });
    assert_blind(&captured, "pipeline p", "activity `n1`: what the function `f` does");
    assert_blind(&captured, "pipeline p", "activity `n7`: no thing of the registry was captured");
    assert_blind(&captured, "pipeline p", "activity `n8`: no shadow was captured");
    assert_blind(&captured, "pipeline p", "the channel `c` is described by nobody");
    assert_blind(&captured, "pipeline p", "the datastore `d` is described by nobody");
}

#[test]
fn a_datastore_is_read_in_every_storage_and_format() {
    let captured = captured(&[
        (
            "a.json",
            r#"{"datastore":{"name":"a","arn":"x","storage":{"customerManagedS3":{"bucket":"b","keyPrefix":"p","roleArn":"arn:aws:iam::123456789012:role/r"}},
             "fileFormatConfiguration":{"parquetConfiguration":{"schemaDefinition":{"columns":[{"name":"t","type":"double"}]}}},
             "datastorePartitions":{"partitions":[{"attributePartition":{"attributeName":"s"}},{"timestampPartition":{"attributeName":"t"}}]}},
             "statistics":{}}"#,
        ),
        (
            "b.json",
            r#"{"datastoreName":"b","datastoreStorage":{"iotSiteWiseMultiLayerStorage":{"customerManagedS3Storage":{"bucket":"b"}}}}"#,
        ),
        ("c.json", r#"{"datastoreSummaries":[{"datastoreName":"c","fileFormatType":"JSON","datastoreStorage":{"serviceManagedS3":{}}}]}"#),
        ("d.json", r#"{"datastoreName":"d","datastoreArn":"x","retentionPeriod":{"unlimited":true}}"#),
    ]);
    assert_errors(&captured, &[]);
    let stores = &captured.inventory.datastores;
    assert_eq!(stores["a"].storage, Storage::CustomerManaged { bucket: "b".into(), key_prefix: "p/".into() });
    assert!(matches!(&stores["a"].format, FileFormat::Parquet { columns } if columns[0].column_type == "double"));
    assert_eq!(stores["a"].partitions[1], Partition::Timestamp { attribute: "t".into(), format: None });
    assert_eq!(stores["b"].storage, Storage::SiteWise { bucket: "b".into(), key_prefix: String::new() });
    assert_eq!((&stores["c"].storage, &stores["c"].format), (&Storage::ServiceManaged, &FileFormat::Json));
    assert_eq!((&stores["d"].storage, stores["d"].retention), (&Storage::Unknown, Retention::Unlimited));
    assert_blind(&captured, "datastore d", "listed and not wholly described");
    assert!(told(&captured, Severity::Warning)[0].contains("does not end in `/`"));
}

#[test]
fn what_the_service_would_have_refused_is_refused() {
    let captured = captured(&[
        ("a.json", r#"{"ChannelName":"a","Tags":[],"ChannelStorage":{"ServiceManagedS3":{}}}"#),
        ("b.json", r#"{"ChannelName":"b","ChannelStorage":{"CustomerManagedS3":{"Bucket":"b","KeyPrefix":"p/","RoleArn":"nobody"}}}"#),
        ("c.json", r#"{"channel":{"name":"c","tags":[]}}"#),
    ]);
    let told = told(&captured, Severity::Error);
    assert!(matches!(&told[..], [tags, role] if tags.contains("lists no tag") && role.contains("is no ARN of a role")), "{told:?}");
}

#[test]
fn datasets_are_read_and_the_stores_they_read_are_looked_up() {
    let captured = captured(&[
        (
            "q.json",
            r#"{"dataset":{"name":"q","status":"ACTIVE","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT * FROM Known JOIN gone ON 1=1",
             "filters":[{"deltaTime":{"offsetSeconds":-180,"timeExpression":"from_unixtime(t)"}}]}}],
             "triggers":[{"schedule":{"expression":"rate(1 hour)"}}],"versioningConfiguration":{"maxVersions":3},
             "lateDataRules":[{"ruleName":"l","ruleConfiguration":{"deltaTimeSessionWindowConfiguration":{"timeoutInMinutes":5}}}]}}"#,
        ),
        ("known.json", r#"{"datastoreName":"known"}"#),
        (
            "k.json",
            r#"{"datasetName":"k","actions":[{"actionName":"a","containerAction":{"image":"i","executionRoleArn":"r",
             "resourceConfiguration":{"computeType":"ACU_1","volumeSizeInGB":5},"variables":[{"name":"v","stringValue":"s"}]}}],
             "triggers":[{"dataset":{"name":"q"}}]}"#,
        ),
        (
            "list.json",
            r#"{"datasetSummaries":[{"datasetName":"q"},{"datasetName":"only_listed","actions":[{"actionName":"x","actionType":"QUERY"}]}]}"#,
        ),
    ]);
    assert_errors(&captured, &[]);
    let q = &captured.inventory.datasets["q"];
    let Some(DatasetAction::Query { delta_time, .. }) = &q.action else { panic!("{q:?}") };
    assert_eq!(*delta_time, Some(DeltaTime { offset_seconds: -180, time_expression: "from_unixtime(t)".into() }));
    assert_eq!((q.versioning, q.late_data_timeout_minutes), (Versioning::MaxVersions(3), Some(5)));
    assert_eq!(captured.inventory.datasets["k"].triggers, [Trigger::Dataset { name: "q".into() }]);
    let spots: Vec<&str> = captured.inventory.blind_spots.iter().filter(|s| s.subject == "dataset q").map(|s| s.unknown.as_str()).collect();
    assert_eq!(spots, ["its query reads `gone`, which nobody described; capture describe-datastore"]);
    assert_blind(&captured, "dataset k", "what the container `i` does");
    assert_blind(&captured, "dataset only_listed", "listed and not described");
}

#[test]
fn topic_rules_are_read_in_every_form() {
    let payload = r#"{"sql":"SELECT * FROM 'a'","actions":[{"iotAnalytics":{"channelName":"c","roleArn":"r"}}]}"#;
    let captured = captured(&[
        ("bare_rule.json", payload),
        ("created.json", &format!(r#"{{"ruleName":"created","topicRulePayload":{payload}}}"#)),
        (
            "got.json",
            r#"{"ruleArn":"x","rule":{"ruleName":"got","sql":"SELECT a FROM 'b'","description":"","ruleDisabled":true,"awsIotSqlVersion":"2016-03-23",
             "actions":[{"iotAnalytics":{"channelArn":"arn:aws:iotanalytics:eu-west-1:1:channel/gone","batchMode":true}},{"s3":{}}],"errorAction":{"sqs":{}}}}"#,
        ),
        ("c.json", r#"{"channelName":"c"}"#),
        ("silent.json", r#"{"channelName":"silent"}"#),
    ]);
    assert_errors(&captured, &[]);
    let rules = &captured.inventory.rules;
    assert_eq!(rules.keys().collect::<Vec<_>>(), ["bare_rule", "created", "got"]);
    assert_eq!((rules["created"].sql_version.as_str(), rules["created"].enabled), ("2015-10-08", true));
    let got = &rules["got"];
    assert_eq!((got.enabled, got.channels[0].channel.as_str(), got.channels[0].batch_mode), (false, "gone", true));
    assert_eq!(got.other_actions, ["s3", "error:sqs"]);
    assert_blind(&captured, "rule got", "it feeds the channel `gone`, which nobody described");
    assert_blind(&captured, "channel silent", "no captured topic rule feeds it");
    assert!(!captured.inventory.blind_spots.iter().any(|spot| spot.subject == "channel c"));
}

#[test]
fn bare_properties_activity_lists_streams_and_lists_of_documents_are_read() {
    let captured = captured(&[
        (
            "create.json",
            r#"{"PipelineName":"props","Tags":[{"Key":"k","Value":"v"}],"PipelineActivities":[
            {"Channel":{"Name":"a","ChannelName":"c","Next":"b"}},{"Datastore":{"Name":"b","DatastoreName":"d"}}]}"#,
        ),
        ("my_flow.json", r#"[{"channel":{"name":"a","channelName":"c","next":"b"}},{"datastore":{"name":"b","datastoreName":"d"}}]"#),
        ("stream.json", r#"{"channelName":"one"} {"channel":{"name":"two","arn":"x"}}"#),
        ("many.json", r#"[{"datastoreName":"three"},{"datastore":{"name":"four","arn":"x"}}]"#),
        ("cli.yaml", "channel:\n  arn: x\n  name: five\n  status: ACTIVE\n"),
    ]);
    assert_errors(&captured, &[]);
    let inventory = &captured.inventory;
    assert_eq!(inventory.pipelines.keys().collect::<Vec<_>>(), ["my_flow", "props"]);
    assert_eq!(inventory.channels.keys().collect::<Vec<_>>(), ["five", "one", "two"]);
    assert_eq!(inventory.channels["two"].origin.path, "document 2.channel");
    assert_eq!(inventory.datastores["four"].origin.path, "[1].datastore");
}

#[test]
fn mistakes_of_all_files_are_told_at_once_each_with_its_place() {
    let broken = pipeline(
        "f",
        r#"{"addAttributes":{"name":"f","attributes":{"a":123},"next":"l"}},
           {"lambda":{"name":"l","lambdaName":"x","batchSize":"5","next":"g"}},
           {"guess":{"name":"g","next":"m"}},
           {"math":{"name":"m","attribute":"x","Math":"a","next":"r"}},
           {"removeAttributes":{"name":"r","attributes":[],"next":"end"}},"#,
    );
    let captured = captured(&[
        ("a.json", &broken),
        ("b.json", r#"{"datasetName":"q","actions":[]}"#),
        ("c.json", r#"{"channelName":"c","channelStorage":{"customerManagedS3":{"keyPrefix":"x/"}}}"#),
        ("d.json", r#"{"channelName":"#),
        ("e.json", r#"{"datastoreName":"d","retentionPeriod":{"numberOfDays":"many"}}"#),
    ]);
    assert_errors(
        &captured,
        &[
            "a.json:3: pipelineActivities[1].addAttributes.attributes.a: must be text and is a number `123`",
            "a.json:4: pipelineActivities[2].lambda.batchSize: must be a whole number and is text `5`",
            "pipelineActivities[3].guess: `guess` is no activity type",
            "pipelineActivities[2].lambda.next: no activity is named `g`",
            "pipelineActivities[4].math: has no `math`, which is required",
            "pipelineActivities[4].math: is never reached",
            "pipelineActivities[5].removeAttributes.attributes: names 0 attributes",
            "b.json:1: actions: has 0 actions; a dataset has exactly one",
            "c.json:1: channelStorage.customerManagedS3: has no `bucket`, which is required",
            "d.json:1: is not valid JSON: EOF while parsing a value (line 1 column 15)",
            "e.json:1: retentionPeriod.numberOfDays: must be a whole number and is text `many`",
        ],
    );
    let warnings = told(&captured, Severity::Warning);
    assert!(
        warnings.iter().any(|w| w.contains("`Math` is no field of this activity and is passed over; `math` is meant?")),
        "{warnings:?}"
    );
    let inventory = &captured.inventory;
    assert!(inventory.pipelines.is_empty() && inventory.channels.is_empty() && inventory.datastores.is_empty());
}

#[test]
fn names_that_break_the_rule_are_kept_with_a_warning() {
    let captured = captured(&[("c.json", r#"{"channelName":"iot-sensor-channel-x1"}"#), ("d.json", r#"{"datastoreName":"__d"}"#)]);
    assert_errors(&captured, &[]);
    assert_eq!(told(&captured, Severity::Warning).len(), 2);
    assert!(captured.inventory.channels.contains_key("iot-sensor-channel-x1"));
}

#[test]
fn what_is_no_definition_is_named_as_passed_over() {
    let captured = captured(&[
        ("policy.json", r#"{"Version":"2012-10-17","Statement":[]}"#),
        ("package.json", r#"{"name":"x","version":"1.0.0"}"#),
        ("history.json", "{\"channelName\":\"radio 3\",\"t\":1}\n{\"deviceId\":\"a\",\"t\":2}\n"),
        ("activity.json", r#"{"channel":{"name":"a","channelName":"c","next":"b"}}"#),
        ("put.json", r#"{"channelName":"c","messages":[{"messageId":"1","payload":"e30="}]}"#),
        ("reprocess.json", r#"{"pipelineName":"p","startTime":1}"#),
        ("readme.txt", "hello"),
        ("network.yaml", "Resources:\n  V: {Type: 'AWS::EC2::VPC'}\n"),
        (".hidden.json", "{"),
        ("node_modules/x/y.json", "{"),
        ("sub/deep/c.JSON", r#"{"channelName":"c"}"#),
    ]);
    assert_errors(&captured, &[]);
    let passed_over: Vec<&str> = captured.problems.iter().filter(|p| p.reason.contains("passed over")).map(|p| p.file.as_str()).collect();
    let expected = [
        "activity.json",
        "history.json",
        "network.yaml",
        "node_modules",
        "package.json",
        "policy.json",
        "put.json",
        "readme.txt",
        "reprocess.json",
    ];
    assert_eq!(passed_over, expected);
    assert_eq!(captured.inventory.sources.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["sub/deep/c.JSON"]);
}

#[test]
fn nothing_found_is_an_error_and_a_missing_path_too() {
    assert_errors(&captured(&[("x.json", "{}")]), &["no definition of IoT Analytics was found (files read: 1)"]);
    let missing = capture(&[PathBuf::from("/nowhere/at/all")], &BTreeMap::new()).unwrap_err();
    assert!(matches!(missing, CaptureError::Read { .. }) && missing.hint().is_some());
    assert!(matches!(capture(&[], &BTreeMap::new()), Err(CaptureError::NothingGiven)));
}

#[test]
fn a_file_too_large_is_told_and_only_an_error_when_it_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.json");
    File::create(&path).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
    for (given, severity) in [(folder.path().to_owned(), Severity::Warning), (path, Severity::Error)] {
        let captured = capture(&[given], &BTreeMap::new()).unwrap();
        let problem = captured.problems.iter().find(|p| p.file == "huge.json").unwrap();
        assert!(problem.severity == severity && problem.reason.contains("larger than 16777216 bytes"), "{problem:?}");
    }
}

#[test]
fn text_of_files_reaches_messages_escaped() {
    let captured = captured(&[("e.json", r#"{"channelName":"c","channelStorage":{"\u001b[2Jcustom\u202e":{}}}"#)]);
    let told = told(&captured, Severity::Note).concat();
    assert!(told.contains(r"\u{1b}[2Jcustom\u{202e}") && !told.contains('\u{1b}'), "{told}");
}

/// Hyphens in every name, a rule without a role, attributes that look like constants: made like this by many a tutorial.
#[test]
fn definitions_as_tutorials_make_them_are_captured() {
    let captured = captured(&[
        ("channel.json", r#"{"channelName":"hall-channel-x1","retentionPeriod":{"unlimited":true}}"#),
        ("store.json", r#"{"datastoreName":"hall-store-x1","retentionPeriod":{"unlimited":true}}"#),
        (
            "pipeline.json",
            r#"{"pipelineName":"hall-pipeline-x1","pipelineActivities":[
             {"channel":{"name":"In","channelName":"hall-channel-x1","next":"Valid"}},
             {"filter":{"name":"Valid","filter":"t > 0 AND t < 100","next":"Copy"}},
             {"math":{"name":"Copy","math":"t_c","attribute":"t_c","next":"Place"}},
             {"addAttributes":{"name":"Place","attributes":{"location":"hall_1"},"next":"Out"}},
             {"datastore":{"name":"Out","datastoreName":"hall-store-x1"}}]}"#,
        ),
        (
            "rule.json",
            r#"{"ruleName":"HallRule","topicRulePayload":{"sql":"SELECT * FROM \"hall/data\"","description":"d",
             "actions":[{"iotAnalytics":{"channelName":"hall-channel-x1"}}]}}"#,
        ),
        (
            "dataset.json",
            r#"{"datasetName":"hall-dataset-x1","actions":[{"actionName":"Sql","queryAction":
             {"sqlQuery":"SELECT * FROM hall-store-x1 WHERE t_c > 25 ORDER BY timestamp DESC LIMIT 100"}}],
             "triggers":[{"schedule":{"expression":"rate(1 hour)"}}]}"#,
        ),
    ]);
    assert_errors(&captured, &[]);
    assert_eq!(told(&captured, Severity::Warning).len(), 4, "one warning for each name: {:?}", captured.problems);
    assert_eq!(captured.inventory.pipelines["hall-pipeline-x1"].activities.len(), 5);
    assert_eq!(captured.inventory.blind_spots, [], "all that they name is there");
}

/// Files that agree, disagree and refer to each other.
const MIXED: [(&str, &str); 8] = [
    ("one/c.json", r#"{"channelName":"c","retentionPeriod":{"unlimited":true}}"#),
    ("two/c.json", r#"{"channelName":"c","retentionPeriod":{"numberOfDays":3}}"#),
    ("two/list.json", r#"{"channelSummaries":[{"channelName":"b"},{"channelName":"c"}]}"#),
    ("one/p.json", ALL_TEN),
    ("three/r.json", r#"{"sql":"SELECT * FROM 'a'","actions":[{"iotAnalytics":{"channelName":"c"}}]}"#),
    ("three/t.json", r#"{"thingName":"t","thingId":"1"}"#),
    ("one/t.shadow.json", r#"{"state":{"desired":{}},"version":1}"#),
    ("four/bad.json", "{"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Neither the order of the paths nor that in which files were made changes a byte.
    #[test]
    fn order_changes_nothing(
        files in Just(MIXED.to_vec()).prop_shuffle(),
        folders in Just(vec!["one", "two", "three", "four", "two/list.json"]).prop_shuffle(),
    ) {
        let capture_in = |files: &[(&str, &str)], folders: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = root.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            let paths: Vec<PathBuf> = folders.iter().map(|folder| root.path().join(folder)).collect();
            let captured = capture(&paths, &BTreeMap::new()).unwrap();
            (captured.inventory.to_json(), captured.problems)
        };
        let expected = capture_in(&MIXED, &["one", "two", "three", "four", "two/list.json"]);
        prop_assert_eq!(capture_in(&files, &folders), expected);
    }
}
