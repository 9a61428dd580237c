//! What a stack's template says that matters on one machine: tables, streams, functions, and which stream feeds which function.
//!
//! Parameters have their default values. Names that CloudFormation would make up are the logical IDs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::PumpError;
use crate::inventory::{StackResource, stack_resources};

/// A stack as it can run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    pub(super) databases: Vec<String>,
    /// CreateTable requests.
    pub(super) tables: Vec<Value>,
    pub(super) streams: Vec<StreamOf>,
    pub(super) mappings: Vec<Mapping>,
}

/// A stream of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamOf {
    pub(super) name: String,
    pub(super) mode: String,
    pub(super) shards: u32,
    pub(super) retention_hours: i64,
}

/// A function's code and surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    /// The name of its folder.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    /// `module.function`.
    pub(super) handler: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) timeout_seconds: u64,
}

/// An event source mapping: a stream, a function, and how one feeds the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) stream: String,
    pub(super) function: Function,
    pub(super) batch_size: i64,
    /// What arrived before the stack came is left out.
    pub(super) from_latest: bool,
    pub(super) bisects: bool,
    pub(super) reports_failures: bool,
    /// None means for ever.
    pub(super) retries_max: Option<u64>,
    pub(super) record_age_max_seconds: Option<i64>,
}

/// How long a function may take where the template says nothing, as in Lambda.
const TIMEOUT_SECONDS: u64 = 3;
const BATCH_SIZE: i64 = 100;
const ON_DEMAND_SHARDS: u32 = 4;
const RETENTION_HOURS: i64 = 24;

impl Stack {
    /// Reads the template of a folder that `translate` wrote.
    ///
    /// # Errors
    /// [`PumpError`] if there is no template, it cannot be read, or no stream feeds a function in it.
    pub fn read(dir: &Path) -> Result<Self, PumpError> {
        let path = dir.join("template.yaml");
        let unreadable = |cause: String| PumpError::Template { path: path.clone(), cause };
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        let resources = stack_resources(&text).map_err(unreadable)?;
        let stack = Self::of(&resources, dir);
        if stack.mappings.is_empty() {
            return Err(PumpError::NothingToRun { path });
        }
        for mapping in &stack.mappings {
            let file = mapping.function.handler.rsplit_once('.').map_or("handler", |(module, _)| module);
            if !mapping.function.folder.join(format!("{file}.py")).is_file() {
                return Err(PumpError::NoCode { function: mapping.function.name.clone(), folder: mapping.function.folder.clone() });
            }
        }
        Ok(stack)
    }

    fn of(resources: &[StackResource], dir: &Path) -> Self {
        let of_kind = |kind: &'static str| resources.iter().filter(move |resource| resource.kind == kind);
        let databases: BTreeMap<&str, String> =
            of_kind("AWS::Timestream::Database").map(|resource| (resource.logical.as_str(), named(resource, "DatabaseName"))).collect();
        let tables = of_kind("AWS::Timestream::Table").map(|resource| table(resource, &databases)).collect();
        let streams = of_kind("AWS::Kinesis::Stream").map(stream).collect();
        let functions: BTreeMap<&str, Function> = resources
            .iter()
            .filter(|resource| matches!(resource.kind.as_str(), "AWS::Serverless::Function" | "AWS::Lambda::Function"))
            .filter_map(|resource| Some((resource.logical.as_str(), function(resource, dir)?)))
            .collect();
        let names: BTreeMap<&str, String> =
            of_kind("AWS::Kinesis::Stream").map(|resource| (resource.logical.as_str(), named(resource, "Name"))).collect();
        let mapping = |resource: &StackResource| {
            let properties = &resource.properties;
            let stream = names.get(reference(&properties["EventSourceArn"])?)?.clone();
            let function = functions.get(reference(&properties["FunctionName"])?)?.clone();
            let limit = |name: &str| whole(&properties[name]).filter(|limit| *limit >= 0);
            Some(Mapping {
                stream,
                function,
                batch_size: whole(&properties["BatchSize"]).unwrap_or(BATCH_SIZE).clamp(1, 10_000),
                from_latest: properties["StartingPosition"] == "LATEST",
                bisects: is_true(&properties["BisectBatchOnFunctionError"]),
                reports_failures: properties["FunctionResponseTypes"]
                    .as_array()
                    .is_some_and(|types| types.iter().any(|one| one == "ReportBatchItemFailures")),
                retries_max: limit("MaximumRetryAttempts").and_then(|limit| u64::try_from(limit).ok()),
                record_age_max_seconds: limit("MaximumRecordAgeInSeconds"),
            })
        };
        let mappings = of_kind("AWS::Lambda::EventSourceMapping").filter_map(mapping).collect();
        Self { databases: databases.into_values().collect(), tables, streams, mappings }
    }

    /// The streams that may be put into, and the functions that they feed.
    #[must_use]
    pub fn feeds(&self) -> Vec<(String, String)> {
        self.mappings.iter().map(|mapping| (mapping.stream.clone(), mapping.function.name.clone())).collect()
    }
}

/// A property that names a resource, or the logical ID where the stack would make a name up.
fn named(resource: &StackResource, property: &str) -> String {
    let given = resource.properties.get(property).and_then(Value::as_str).filter(|name| !name.contains("${"));
    given.unwrap_or(&resource.logical).to_owned()
}

/// The logical ID in `${Id}` or `${Id.Attribute}`.
fn reference(value: &Value) -> Option<&str> {
    let inner = value.as_str()?.strip_prefix("${")?.strip_suffix('}')?;
    inner.split('.').next()
}

/// A CreateTable request. Where reports of refused rows go is left out when only a stack would know the bucket.
fn table(resource: &StackResource, databases: &BTreeMap<&str, String>) -> Value {
    let properties = &resource.properties;
    let database = reference(&properties["DatabaseName"]).and_then(|logical| databases.get(logical).cloned());
    let database = database.unwrap_or_else(|| properties["DatabaseName"].as_str().unwrap_or_default().to_owned());
    let mut request = Map::new();
    request.insert("DatabaseName".to_owned(), database.into());
    request.insert("TableName".to_owned(), named(resource, "TableName").into());
    if let Some(retention) = properties.get("RetentionProperties").and_then(Value::as_object) {
        let hours_and_days: Map<String, Value> =
            retention.iter().filter_map(|(name, value)| Some((name.clone(), whole(value)?.into()))).collect();
        request.insert("RetentionProperties".to_owned(), hours_and_days.into());
    }
    if let Some(writes) = properties.get("MagneticStoreWriteProperties") {
        request.insert(
            "MagneticStoreWriteProperties".to_owned(),
            json!({ "EnableMagneticStoreWrites": is_true(&writes["EnableMagneticStoreWrites"]) }),
        );
    }
    if let Some(schema) = properties.get("Schema") {
        request.insert("Schema".to_owned(), schema.clone());
    }
    Value::Object(request)
}

fn stream(resource: &StackResource) -> StreamOf {
    let properties = &resource.properties;
    let mode = properties["StreamModeDetails"]["StreamMode"].as_str().unwrap_or("PROVISIONED").to_owned();
    let given = whole(&properties["ShardCount"]).and_then(|count| u32::try_from(count).ok()).filter(|count| (1..=1000).contains(count));
    let shards = given.unwrap_or(if mode == "ON_DEMAND" { ON_DEMAND_SHARDS } else { 1 });
    let retention_hours = whole(&properties["RetentionPeriodHours"]).unwrap_or(RETENTION_HOURS);
    StreamOf { name: named(resource, "Name"), mode, shards, retention_hours }
}

fn function(resource: &StackResource, dir: &Path) -> Option<Function> {
    let properties = &resource.properties;
    // A path below the template. What lies elsewhere is not this stack's.
    let below = Path::new(properties["CodeUri"].as_str()?);
    let inside = below.components().all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir));
    if !inside {
        return None;
    }
    let name = below.file_name()?.to_str()?.to_owned();
    // A value that only a stack knows, such as the address of a queue, is none here.
    let variables = properties["Environment"]["Variables"].as_object().into_iter().flatten();
    let environment =
        variables.filter_map(|(name, value)| Some((name.clone(), value.as_str().filter(|text| !text.contains("${"))?.to_owned())));
    Some(Function {
        name,
        folder: dir.join(below),
        handler: properties["Handler"].as_str()?.to_owned(),
        environment: environment.collect(),
        timeout_seconds: whole(&properties["Timeout"])
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(TIMEOUT_SECONDS)
            .clamp(1, 900),
    })
}

/// A whole number, or the text of one: that is what a parameter gives.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true) || value.as_str() == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Parameters:
  DatabaseName: { Type: String, Default: "plant" }
  CreateTables: { Type: String, Default: "true" }
  Hours: { Type: Number, Default: 12 }
  Batch: { Type: Number, Default: 25 }
  Age: { Type: Number, Default: -1 }
Conditions:
  MakeTables: !Equals [!Ref CreateTables, "true"]
  Never: !Equals [!Ref CreateTables, "false"]
Resources:
  Database: { Type: "AWS::Timestream::Database", Properties: { DatabaseName: !Ref DatabaseName } }
  ReadingsTable:
    Type: "AWS::Timestream::Table"
    Condition: MakeTables
    Properties:
      DatabaseName: !If [MakeTables, !Ref Database, !Ref DatabaseName]
      TableName: "readings"
      RetentionProperties: { MemoryStoreRetentionPeriodInHours: !Ref Hours, MagneticStoreRetentionPeriodInDays: 400 }
      MagneticStoreWriteProperties:
        EnableMagneticStoreWrites: true
        MagneticStoreRejectedDataLocation: { S3Configuration: { BucketName: !Ref Bucket, EncryptionOption: SSE_S3 } }
  OtherTable: { Type: "AWS::Timestream::Table", Condition: Never, Properties: { DatabaseName: x, TableName: "other" } }
  Bucket: { Type: "AWS::S3::Bucket" }
  PlantStream: { Type: "AWS::Kinesis::Stream", Properties: { StreamModeDetails: { StreamMode: PROVISIONED }, ShardCount: 2, RetentionPeriodHours: 168 } }
  NamedStream: { Type: "AWS::Kinesis::Stream", Properties: { Name: "by-name" } }
  Queue: { Type: "AWS::SQS::Queue" }
  PlantFunction:
    Type: "AWS::Serverless::Function"
    Properties:
      CodeUri: "functions/plant/"
      Handler: "handler.lambda_handler"
      Timeout: 120
      Environment: { Variables: { DATABASE_NAME: !Ref DatabaseName, DEAD_LETTER_QUEUE_URL: !Ref Queue } }
  OutsideFunction: { Type: "AWS::Serverless::Function", Properties: { CodeUri: "../elsewhere/", Handler: "handler.lambda_handler" } }
  PlantMapping:
    Type: "AWS::Lambda::EventSourceMapping"
    Properties:
      EventSourceArn: !GetAtt PlantStream.Arn
      FunctionName: !Ref PlantFunction
      StartingPosition: TRIM_HORIZON
      BatchSize: !Ref Batch
      BisectBatchOnFunctionError: true
      FunctionResponseTypes: ["ReportBatchItemFailures"]
      MaximumRetryAttempts: 7
      MaximumRecordAgeInSeconds: !Ref Age
  OutsideMapping: { Type: "AWS::Lambda::EventSourceMapping", Properties: { EventSourceArn: !GetAtt NamedStream.Arn, FunctionName: !Ref OutsideFunction } }
"#;

    #[test]
    fn a_template_is_read_under_the_defaults_of_its_parameters() {
        let stack = Stack::of(&stack_resources(TEMPLATE).unwrap(), Path::new("/stack"));
        assert_eq!(stack.databases, ["plant"]);
        let table = json!({
            "DatabaseName": "plant",
            "TableName": "readings",
            "RetentionProperties": { "MemoryStoreRetentionPeriodInHours": 12, "MagneticStoreRetentionPeriodInDays": 400 },
            "MagneticStoreWriteProperties": { "EnableMagneticStoreWrites": true },
        });
        assert_eq!(stack.tables, [table]);
        let streams: Vec<_> = stack.streams.iter().map(|stream| (stream.name.as_str(), stream.shards, stream.retention_hours)).collect();
        assert_eq!(streams, [("PlantStream", 2, 168), ("by-name", 1, 24)]);
        let [mapping] = stack.mappings.as_slice() else { panic!("{:?}", stack.mappings) };
        assert_eq!(
            (mapping.stream.as_str(), mapping.batch_size, mapping.bisects, mapping.reports_failures),
            ("PlantStream", 25, true, true)
        );
        assert_eq!((mapping.retries_max, mapping.record_age_max_seconds, mapping.from_latest), (Some(7), None, false));
        let function = &mapping.function;
        assert_eq!((function.name.as_str(), function.folder.as_path()), ("plant", Path::new("/stack/functions/plant/")));
        assert_eq!(function.environment, BTreeMap::from([("DATABASE_NAME".to_owned(), "plant".to_owned())]));
    }

    #[test]
    fn a_folder_without_a_stack_says_so() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Stack::read(dir.path()), Err(PumpError::Template { .. })));
        std::fs::write(dir.path().join("template.yaml"), "AWSTemplateFormatVersion: \"2010-09-09\"\nResources: {}\n").unwrap();
        assert!(matches!(Stack::read(dir.path()), Err(PumpError::NothingToRun { .. })));
        std::fs::write(dir.path().join("template.yaml"), TEMPLATE).unwrap();
        assert!(matches!(Stack::read(dir.path()), Err(PumpError::NoCode { .. })));
        std::fs::write(dir.path().join("template.yaml"), "a: [").unwrap();
        assert!(matches!(Stack::read(dir.path()), Err(PumpError::Template { .. })));
    }
}
