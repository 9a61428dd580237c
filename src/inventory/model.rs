//! The one set of types that every form of a definition is read into.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The version of `inventory.json` that this tool writes; a higher one is refused. A lower one is read as it is and keeps its number, so
/// that the plan which is bound to its digest stays good. Version 2 brought [`Observed`].
pub const INVENTORY_VERSION: u32 = 2;

/// Everything that could be learnt about a customer's IoT Analytics resources, in stable order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// [`INVENTORY_VERSION`], or the lower one that the file had.
    pub version: u32,
    /// The files in which definitions were found, by name below the folder they were given in, with a digest each.
    pub sources: Vec<SourceFile>,
    pub channels: BTreeMap<String, Channel>,
    pub pipelines: BTreeMap<String, Pipeline>,
    pub datastores: BTreeMap<String, Datastore>,
    pub datasets: BTreeMap<String, Dataset>,
    /// Topic rules that feed a channel.
    pub rules: BTreeMap<String, TopicRule>,
    pub things: BTreeMap<String, Thing>,
    /// Hand-written functions that write to Timestream already.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub handlers: BTreeMap<String, Handler>,
    /// What the service had done so far, where it was captured.
    #[serde(default, skip_serializing_if = "Observed::is_empty")]
    pub observed: Observed,
    /// What could not be seen: named, so that nobody takes silence for absence.
    pub blind_spots: Vec<BlindSpot>,
}

#[cfg(test)]
impl Inventory {
    /// One that holds nothing.
    pub(crate) fn empty() -> Self {
        Self {
            version: INVENTORY_VERSION,
            sources: Vec::new(),
            channels: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            datastores: BTreeMap::new(),
            datasets: BTreeMap::new(),
            rules: BTreeMap::new(),
            things: BTreeMap::new(),
            handlers: BTreeMap::new(),
            observed: Observed::default(),
            blind_spots: Vec::new(),
        }
    }
}

/// What the service had done with the definitions when they were captured: state, which no template holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The contents that datasets had, by dataset; the newest first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contents: BTreeMap<String, Vec<DatasetContent>>,
    /// The reprocessings of pipelines, by pipeline; the newest first. Messages that went through a pipeline twice are stored twice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reprocessings: BTreeMap<String, Vec<Reprocessing>>,
    /// The account's logging options in the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
}

impl Observed {
    /// Whether nothing of the kind was captured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One content of a dataset, as ListDatasetContents tells it. Times are ISO 8601 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatasetContent {
    pub created_at: Option<String>,
    pub version: String,
    /// `CREATING`, `SUCCEEDED` or `FAILED`.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub scheduled_at: Option<String>,
    pub completed_at: Option<String>,
}

/// One run of a pipeline over messages that it had seen before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reprocessing {
    pub created_at: Option<String>,
    pub id: String,
    /// `RUNNING`, `SUCCEEDED`, `CANCELLED` or `FAILED`.
    pub status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Logging {
    pub role_arn: String,
    pub level: String,
    pub enabled: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    pub name: String,
    pub sha256: String,
}

/// Something that the inventory knows it does not know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlindSpot {
    /// What is meant, as `pipeline factory_pipeline` or `template stack.yaml: Resources.Rule`.
    pub subject: String,
    /// What is not known about it, and what to capture to know it.
    pub unknown: String,
}

/// Where a definition was read, for messages: file name and the path inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    pub file: String,
    /// As `Resources.Pipeline.Properties.PipelineActivities[0].Filter`; empty for the whole file.
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// As everywhere here: symbolic, with a part like `${Resource}`, where a template leaves the name to its stack.
    pub name: String,
    pub origin: Origin,
    pub storage: Storage,
    pub retention: Retention,
    pub tags: BTreeMap<String, String>,
}

/// Where the service kept the objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Storage {
    ServiceManaged,
    CustomerManaged {
        bucket: String,
        /// Empty, or ending in `/` (unless it is symbolic).
        key_prefix: String,
    },
    /// AWS IoT SiteWise multi-layer storage (datastores only).
    SiteWise {
        bucket: String,
        key_prefix: String,
    },
    /// A list operation names the resource and does not describe it.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retention {
    Unlimited,
    Days(u64),
    /// Not stated.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    pub name: String,
    pub origin: Origin,
    /// In the order of `next`, from the channel to the datastore. Empty when only the name is known.
    pub activities: Vec<Activity>,
    pub tags: BTreeMap<String, String>,
}

/// One step of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    pub name: String,
    #[serde(flatten)]
    pub kind: ActivityKind,
}

/// The ten activity types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "activity", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ActivityKind {
    Channel {
        channel_name: String,
    },
    Lambda {
        lambda_name: String,
        batch_size: u32,
    },
    Datastore {
        datastore_name: String,
    },
    /// Existing path → new name. It copies; it never sets constants (facts: addAttributes).
    AddAttributes {
        attributes: BTreeMap<String, String>,
    },
    RemoveAttributes {
        attributes: Vec<String>,
    },
    SelectAttributes {
        attributes: Vec<String>,
    },
    Filter {
        filter: String,
    },
    Math {
        attribute: String,
        math: String,
    },
    DeviceRegistryEnrich {
        attribute: String,
        thing_name: String,
        role_arn: String,
    },
    DeviceShadowEnrich {
        attribute: String,
        thing_name: String,
        role_arn: String,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Datastore {
    pub name: String,
    pub origin: Origin,
    pub storage: Storage,
    pub retention: Retention,
    pub format: FileFormat,
    pub partitions: Vec<Partition>,
    pub tags: BTreeMap<String, String>,
}

/// The format the service wrote a datastore's objects in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FileFormat {
    Json,
    Parquet { columns: Vec<SchemaColumn> },
    Unknown,
}

/// A column of a Parquet datastore, its type in Hive's spelling (`bigint`, `array<struct<name:string>>`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaColumn {
    pub name: String,
    pub column_type: String,
}

/// A custom partition of a datastore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Partition {
    Attribute {
        attribute: String,
    },
    /// `format` is a Java DateTimeFormatter pattern; none means seconds since the epoch.
    Timestamp {
        attribute: String,
        format: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    pub name: String,
    pub origin: Origin,
    /// None when only the name is known (list operations do not carry definitions).
    pub action: Option<DatasetAction>,
    pub triggers: Vec<Trigger>,
    pub deliveries: Vec<Delivery>,
    pub retention: Retention,
    pub versioning: Versioning,
    pub late_data_timeout_minutes: Option<u32>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DatasetAction {
    Query { name: String, sql: String, delta_time: Option<DeltaTime> },
    Container { name: String, image: String, execution_role_arn: String, compute_type: String, volume_size_gb: u32, variables: Vec<String> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaTime {
    pub offset_seconds: i64,
    pub time_expression: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    Schedule { expression: String },
    Dataset { name: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Delivery {
    S3 { bucket: String, key: String, role_arn: String },
    IotEvents { input: String, role_arn: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Versioning {
    Unlimited,
    MaxVersions(u32),
    /// The service's default: the latest, and the latest that succeeded.
    Default,
}

/// An IoT Core topic rule with at least one action that feeds a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicRule {
    pub name: String,
    pub origin: Origin,
    pub sql: String,
    /// As stated, or the default that applies when it is not: `2015-10-08` through the API and CloudFormation.
    pub sql_version: String,
    pub enabled: bool,
    pub description: String,
    pub channels: Vec<RuleChannel>,
    /// The kinds of the rule's other actions, as `lambda`, `s3`.
    pub other_actions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleChannel {
    pub channel: String,
    pub batch_mode: bool,
}

/// A registry thing, and its shadow where one was captured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    pub name: String,
    pub origin: Origin,
    /// The DescribeThing answer.
    pub registry: Option<serde_json::Value>,
    /// The classic shadow document.
    pub shadow: Option<serde_json::Value>,
}

/// A hand-written Lambda function that writes to Timestream: what its Python text shows. The text itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    pub name: String,
    pub origin: Origin,
    /// It reads `kinesis` of its event's records.
    pub is_fed_by_kinesis: bool,
    pub decodes_base64: bool,
    /// It asks for the present time.
    pub asks_the_clock: bool,
    pub handles_rejected_records: bool,
    /// Names on lines that decide something.
    pub conditions: BTreeSet<String>,
    /// Names that it reads from a message.
    pub reads: BTreeSet<String>,
}
