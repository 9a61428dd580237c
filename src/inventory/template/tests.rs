use proptest::prelude::*;

use crate::inventory::fixtures::{assert_blind, assert_errors, captured, captured_with, told};
use crate::inventory::{ActivityKind, Delivery, Retention, Severity, Storage, Trigger};
use crate::spoilt::{changes, spoilt_text};

/// One stack with most of what templates do: names by reference, conditions, mappings, symbols, both list forms.
const STACK: &str = r#"
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  Days: {Type: Number, Default: 30}
  Batch: {Type: Number}
  Topics: {Type: CommaDelimitedList, Default: "plant/a, plant/b"}
  Secret: {Type: "AWS::SSM::Parameter::Value<String>", Default: /plant/bucket}
Mappings:
  Sites: {north: {site: hall_1}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsNotProd: !Not [!Condition IsProd]
  InEurope: !Equals [!Ref "AWS::Region", eu-central-1]
Resources:
  Raw:
    Type: AWS::IoTAnalytics::Channel
    Properties:
      ChannelName: !Sub "${Stage}_raw"
      ChannelStorage:
        CustomerManagedS3: {Bucket: !Ref Bucket, KeyPrefix: iot/, RoleArn: !GetAtt Role.Arn}
      RetentionPeriod: {Unlimited: false, NumberOfDays: !Ref Days}
      Tags:
        - {Key: level, Value: 3}
  Unnamed:
    Type: AWS::IoTAnalytics::Channel
  Store:
    Type: AWS::IoTAnalytics::Datastore
    Properties:
      DatastoreName: !Join ['_', [!Ref Stage, !FindInMap [Sites, north, site], !Select [1, !Split ['/', 'a/store']]]]
      RetentionPeriod: !If [IsProd, {Unlimited: true}, !Ref "AWS::NoValue"]
      DatastorePartitions:
        Partitions:
          - Partition: {AttributeName: device}
          - TimestampPartition: {AttributeName: at, TimestampFormat: yyyy-MM-dd}
  Flow:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineName: !Sub ["${p}_flow", {p: !Ref Stage}]
      PipelineActivities:
        - Datastore: {Name: keep, DatastoreName: !Ref Store}
          Filter: {Name: hot, Filter: "t > 40", Next: code}
          Channel: {Name: in, ChannelName: !Ref Raw, Next: hot}
          Lambda: {Name: code, LambdaName: !Ref Function, BatchSize: !Ref Batch, Next: keep}
  Function:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: clean}
  Hourly:
    Type: AWS::IoTAnalytics::Dataset
    Properties:
      DatasetName: hourly
      Actions:
        - ActionName: query
          QueryAction: {SqlQuery: !Sub "SELECT * FROM ${Store} WHERE region = '${AWS::Region}'"}
      Triggers:
        - Schedule: {ScheduleExpression: rate(1 hour)}
      ContentDeliveryRules:
        - Destination:
            S3DestinationConfiguration: {Bucket: !ImportValue Shared, Key: "a/!{iotanalytics:versionId}.csv", RoleArn: r}
  Rule:
    Type: AWS::IoT::TopicRule
    Properties:
      RuleName: feed
      TopicRulePayload:
        Sql: !Sub ["SELECT * FROM '${t}'", {t: !Select [1, !Ref Topics]}]
        RuleDisabled: false
        Actions:
          - IotAnalytics: {ChannelName: !Ref Raw, RoleArn: r, BatchMode: true}
          - S3: {BucketName: b, Key: k, RoleArn: r}
  OnlyInProd:
    Type: AWS::IoTAnalytics::Channel
    Condition: IsProd
    Properties: {ChannelName: prod_only}
  OnlyElsewhere:
    Type: AWS::IoTAnalytics::Channel
    Condition: IsNotProd
    Properties: {ChannelName: dev_only}
  OnlyInEurope:
    Type: AWS::IoTAnalytics::Channel
    Condition: InEurope
    Properties: {ChannelName: !If [InEurope, eu, other]}
  Pump:
    Type: AWS::IoT::Thing
    Properties: {ThingName: pump-7, AttributePayload: {Attributes: {hall: "1"}}}
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: x}
  Bucket: {Type: "AWS::S3::Bucket"}
  Role: {Type: "AWS::IAM::Role", Properties: {RoleName: r}}
"#;

#[test]
fn a_stack_is_read_with_its_references_resolved() {
    let captured = captured_with(&[("stack.yaml", STACK)], &[("Batch", "10")]);
    assert_errors(&captured, &[]);
    let inventory = &captured.inventory;
    let raw = &inventory.channels["dev_raw"];
    assert_eq!(raw.storage, Storage::CustomerManaged { bucket: "${Bucket}".into(), key_prefix: "iot/".into() });
    assert_eq!((raw.retention, raw.tags["level"].as_str()), (Retention::Days(30), "3"));
    assert_eq!(inventory.datastores["dev_hall_1_store"].partitions.len(), 2);
    assert_eq!(inventory.datastores["dev_hall_1_store"].retention, Retention::Unknown);
    let flow = &inventory.pipelines["dev_flow"];
    assert_eq!(flow.origin.path, "Resources.Flow.Properties");
    let kinds: Vec<&ActivityKind> = flow.activities.iter().map(|activity| &activity.kind).collect();
    assert_eq!(
        kinds,
        [
            &ActivityKind::Channel { channel_name: "dev_raw".into() },
            &ActivityKind::Filter { filter: "t > 40".into() },
            &ActivityKind::Lambda { lambda_name: "clean".into(), batch_size: 10 },
            &ActivityKind::Datastore { datastore_name: "dev_hall_1_store".into() },
        ]
    );
    let hourly = &inventory.datasets["hourly"];
    assert_eq!(hourly.triggers, [Trigger::Schedule { expression: "rate(1 hour)".into() }]);
    let Delivery::S3 { bucket, .. } = &hourly.deliveries[0] else { panic!("{:?}", hourly.deliveries) };
    assert_eq!(bucket, "${Fn::ImportValue(Shared)}");
    let rule = &inventory.rules["feed"];
    assert_eq!((rule.sql.as_str(), rule.sql_version.as_str(), rule.enabled), ("SELECT * FROM 'plant/b'", "2015-10-08", true));
    assert_eq!((rule.channels[0].channel.as_str(), rule.channels[0].batch_mode), ("dev_raw", true));
    assert_eq!(rule.other_actions, ["s3"]);
    assert_eq!(inventory.things["pump-7"].registry.as_ref().unwrap()["attributes"]["hall"], "1");
    let channels: Vec<&str> = inventory.channels.keys().map(String::as_str).collect();
    assert_eq!(channels, ["${Fn::If(InEurope)}", "${Unnamed}", "dev_only", "dev_raw"]);
}

#[test]
fn what_only_the_stack_knows_stays_symbolic_and_is_named() {
    let captured = captured_with(&[("stack.yaml", STACK)], &[("Batch", "10")]);
    for (path, text) in [
        ("Resources.Raw.Properties.ChannelStorage.CustomerManagedS3.RoleArn", "`${Role.Arn}` is an attribute"),
        ("Resources.Raw.Properties.ChannelStorage.CustomerManagedS3.Bucket", "`${Bucket}` is the name that CloudFormation gave"),
        ("Resources.Unnamed", "`${Unnamed}` is the name that CloudFormation gave"),
        (
            "Resources.Hourly.Properties.Actions[0].QueryAction.SqlQuery",
            "`${AWS::Region}` is known to the stack only; give it as `AWS::Region=VALUE`",
        ),
        ("Resources.OnlyInEurope", "depends on the condition `InEurope`: `${AWS::Region}` is not known"),
        ("Resources.Nested", "nested stack"),
    ] {
        assert_blind(&captured, &format!("template stack.yaml: {path}"), text);
    }
}

#[test]
fn given_parameters_decide_and_unused_ones_are_told() {
    let given = [("Batch", "5"), ("Stage", "prod"), ("AWS::Region", "eu-central-1"), ("Stagee", "x")];
    let captured = captured_with(&[("stack.yaml", STACK)], &given);
    let channels: Vec<&str> = captured.inventory.channels.keys().map(String::as_str).collect();
    assert_eq!(channels, ["${Unnamed}", "eu", "prod_only", "prod_raw"]);
    assert_eq!(captured.inventory.datastores["prod_hall_1_store"].retention, Retention::Unlimited);
    let warnings = told(&captured, Severity::Warning);
    assert!(warnings.iter().any(|w| w == "(parameters): no template uses the parameter `Stagee`"), "{warnings:?}");
}

#[test]
fn a_number_without_a_value_is_an_error_that_names_the_parameter() {
    let captured = captured(&[("stack.yaml", STACK)]);
    assert_errors(&captured, &["PipelineActivities[0].Lambda.BatchSize: must be a whole number, and only the stack knows it: `${Batch}`"]);
    assert!(captured.inventory.pipelines.is_empty());
}

#[test]
fn json_long_forms_and_yaml_short_forms_read_alike() {
    let json = r#"{"Parameters":{"P":{"Type":"String","Default":"x"}},"Resources":{
        "C":{"Type":"AWS::IoTAnalytics::Channel","Properties":{"ChannelName":{"Fn::Sub":"${P}_c"}}},
        "R":{"Type":"AWS::IoT::TopicRule","Properties":{"RuleName":"r","TopicRulePayload":{"Sql":{"Fn::Join":["",["SELECT * FROM '",{"Ref":"P"},"'"]]},
            "Actions":[{"IotAnalytics":{"ChannelName":{"Ref":"C"}}}]}}}}}"#;
    let yaml = "Parameters:\n  P: {Type: String, Default: x}\nResources:\n  C:\n    Type: AWS::IoTAnalytics::Channel\n    Properties: {ChannelName: !Sub '${P}_c'}\n  R:\n    Type: AWS::IoT::TopicRule\n    Properties:\n      RuleName: r\n      TopicRulePayload:\n        Sql: !Join ['', [\"SELECT * FROM '\", !Ref P, \"'\"]]\n        Actions: [{IotAnalytics: {ChannelName: !Ref C}}]\n";
    let (mut one, mut two) = (captured(&[("t.template", json)]).inventory, captured(&[("t.template", yaml)]).inventory);
    assert_eq!(one.rules["r"].sql, "SELECT * FROM 'x'");
    assert_eq!(one.rules["r"].channels[0].channel, "x_c");
    one.sources.clear();
    two.sources.clear();
    assert_eq!(one, two);
}

#[test]
fn the_answer_of_get_template_is_read_in_both_shapes() {
    let object = r#"{"TemplateBody":{"Resources":{"C":{"Type":"AWS::IoTAnalytics::Channel","Properties":{"ChannelName":"c"}}}}}"#;
    let text = r#"{"TemplateBody":"Resources:\n  D:\n    Type: AWS::IoTAnalytics::Channel\n    Properties:\n      ChannelName: d\n","StagesAvailable":[]}"#;
    let captured = captured(&[("a.json", object), ("b.json", text)]);
    assert_errors(&captured, &[]);
    assert_eq!(captured.inventory.channels["c"].origin.path, "TemplateBody.Resources.C.Properties");
    assert_eq!(captured.inventory.channels["d"].origin.path, "TemplateBody.Resources.D.Properties");
}

#[test]
fn conditions_are_decided_only_when_they_can_be() {
    let stack = |condition: &str| {
        format!(
            "Parameters: {{P: {{Type: String, Default: a}}, Q: {{Type: String}}}}\nConditions: {{C: {condition}}}\nResources:\n  X:\n    Type: AWS::IoTAnalytics::Channel\n    Properties: {{ChannelName: !If [C, yes_, no_]}}\n"
        )
    };
    for (condition, expected) in [
        ("!And [!Equals [!Ref P, a], !Equals [b, b]]", "yes_"),
        ("!And [!Equals [!Ref P, b], !Equals [!Ref Q, b]]", "no_"),
        ("!And [!Equals [!Ref P, a], !Equals [!Ref Q, b]]", "${Fn::If(C)}"),
        ("!Or [!Equals [!Ref P, a], !Equals [!Ref Q, b]]", "yes_"),
        ("!Or [!Equals [!Ref P, b], !Equals [!Ref Q, b]]", "${Fn::If(C)}"),
        ("!Not [!Equals [!Ref P, a]]", "no_"),
        ("!Condition C", "${Fn::If(C)}"),
        ("!Equals [a]", "${Fn::If(C)}"),
    ] {
        let captured = captured(&[("t.yaml", &stack(condition))]);
        assert_eq!(captured.inventory.channels.keys().next().unwrap(), expected, "{condition}");
    }
}

#[test]
fn a_template_that_refers_to_itself_or_grows_comes_to_an_end() {
    let mut chain = "Resources:\n".to_owned();
    for i in 0..300 {
        let name = format!("!Sub '${{R{0}}}${{R{0}}}'", (i + 1) % 300);
        chain += &format!("  R{i}: {{Type: AWS::IoTAnalytics::Channel, Properties: {{ChannelName: {name}}}}}\n");
    }
    let captured = captured(&[("loop.yaml", &chain)]);
    assert!(captured.inventory.channels.keys().all(|name| name.len() <= 300 * 1024));
    assert!(captured.inventory.blind_spots.iter().any(|spot| spot.unknown.contains("text of more than")));
}

#[test]
fn mistakes_in_a_template_are_told_with_their_path_and_line() {
    let captured = captured(&[(
        "t.yaml",
        "Resources:
  P:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineName: p
      PipelineActivities:
        - Channel: {Name: c, ChannelName: x, Next: f}
          Filter:
            Name: f
            Filter: a > 1
            Next: nowhere
          Datastore: {Name: d, DatastoreName: y}
  C: {Type: 'AWS::IoTAnalytics::Channel', Properties: {ChannelName: x, RetentionPeriod: {NumberOfDays: 0}}}
",
    )]);
    assert_errors(
        &captured,
        &[
            "t.yaml:11: Resources.P.Properties.PipelineActivities[0].Filter.Next: no activity is named `nowhere`",
            "Resources.P.Properties.PipelineActivities[0].Datastore: is never reached",
            "t.yaml:13: Resources.C.Properties.RetentionPeriod.NumberOfDays: must be at least 1 and is 0",
        ],
    );
}

proptest! {
    /// As YAML and as JSON.
    #[test]
    fn spoilt_templates_are_read_or_refused(changes in changes(), json in any::<bool>()) {
        let (name, text) = if json { ("t.json", JSON_STACK) } else { ("t.yaml", STACK) };
        let captured = captured(&[(name, &spoilt_text(text, &changes))]);
        for told in told(&captured, Severity::Note) {
            prop_assert!(!told.chars().any(char::is_control), "{told:?}");
            prop_assert!(told.chars().count() < 2000, "{told}");
        }
        drop(captured.inventory.to_json());
    }
}

const JSON_STACK: &str = r#"{"Parameters":{"Stage":{"Type":"String","Default":"dev"}},
 "Conditions":{"C":{"Fn::Equals":[{"Ref":"Stage"},"prod"]}},
 "Resources":{"Raw":{"Type":"AWS::IoTAnalytics::Channel","Condition":"C","Properties":{"ChannelName":{"Fn::Sub":"${Stage}_raw"}}},
 "Flow":{"Type":"AWS::IoTAnalytics::Pipeline","Properties":{"PipelineName":{"Fn::Join":["_",[{"Ref":"Stage"},"flow"]]},
  "PipelineActivities":[{"Channel":{"Name":"in","ChannelName":{"Ref":"Raw"},"Next":"out"}},
   {"Datastore":{"Name":"out","DatastoreName":{"Fn::If":["C","a","b"]}}}]}}}}"#;
