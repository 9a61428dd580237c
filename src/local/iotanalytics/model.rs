//! The requests of the API, as shapes (source: API model iotanalytics 2017-11-27).

use super::shape::{Member, Pattern, Shape, Text};

const fn must(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, required: true, shape }
}

const fn may(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, required: false, shape }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Letters, digits, `_`, and what else is allowed.
fn of_word_and(text: &str, others: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || others.contains(c))
}

/// Text without control characters, but for the tabulator.
fn is_single_line(text: &str) -> bool {
    text.chars().all(|c| c == '\t' || (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}'))
}

/// No second underscore and nothing but letters and digits before it (facts: the published pattern is stricter than the prose).
fn is_column_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let second = bytes.next().is_none_or(|byte| byte.is_ascii_alphanumeric());
    first && second && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

const NAME_PATTERN: Pattern = Pattern { text: "(^(?!_{2}))(^[a-zA-Z0-9_]+$)", holds: |text| is_word(text) && !text.starts_with("__") };
const KEY_PREFIX_PATTERN: Pattern =
    Pattern { text: "^[a-zA-Z0-9!_.*'()/{}:-]*/$", holds: |text| text.ends_with('/') && of_word_and(text, "!.*'()/{}:-") };

pub(super) const NAME: Shape = Shape::Text(Text::like(1, 128, NAME_PATTERN));
const TEXT: Shape = Shape::Text(Text::of(0, usize::MAX));
const ROLE: Shape = Shape::Text(Text::of(20, 2048));
pub(super) const ARN: Shape = ROLE;
const BUCKET: Shape = Shape::Text(Text::like(3, 255, Pattern { text: "^[a-zA-Z0-9.\\-_]*$", holds: |text| of_word_and(text, ".-") }));
const KEY_PREFIX: Shape = Shape::Text(Text::like(1, 255, KEY_PREFIX_PATTERN));
const BUCKET_KEY: Shape =
    Shape::Text(Text::like(1, 255, Pattern { text: "^[a-zA-Z0-9!_.*'()/{}:-]*$", holds: |text| of_word_and(text, "!.*'()/{}:-") }));
const EMPTY: Shape = Shape::Record(&[]);
const FLAG: Shape = Shape::Flag;
const POSITIVE: Shape = Shape::Whole { min: 1, max: i32::MAX as i64 };
const WHOLE: Shape = Shape::Whole { min: i32::MIN as i64, max: i32::MAX as i64 };

const RETENTION: Shape = Shape::Record(&[may("unlimited", &FLAG), may("numberOfDays", &POSITIVE)]);
const TAG_TEXT: Shape = Shape::Text(Text::of(1, 256));
pub(super) const TAGS: Shape = Shape::List { of: &Shape::Record(&[must("key", &TAG_TEXT), must("value", &TAG_TEXT)]), min: 1, max: 50 };
pub(super) const TAG_KEYS: Shape = Shape::List { of: &TAG_TEXT, min: 1, max: 50 };

const CUSTOMER_MANAGED: Shape = Shape::Record(&[must("bucket", &BUCKET), may("keyPrefix", &KEY_PREFIX), must("roleArn", &ROLE)]);
const CHANNEL_STORAGE: Shape = Shape::Record(&[may("serviceManagedS3", &EMPTY), may("customerManagedS3", &CUSTOMER_MANAGED)]);

pub(super) const CREATE_CHANNEL: Shape = Shape::Record(&[
    must("channelName", &NAME),
    may("channelStorage", &CHANNEL_STORAGE),
    may("retentionPeriod", &RETENTION),
    may("tags", &TAGS),
]);

const SITEWISE: Shape =
    Shape::Record(&[must("customerManagedS3Storage", &Shape::Record(&[must("bucket", &BUCKET), may("keyPrefix", &KEY_PREFIX)]))]);
const DATASTORE_STORAGE: Shape = Shape::Record(&[
    may("serviceManagedS3", &EMPTY),
    may("customerManagedS3", &CUSTOMER_MANAGED),
    may("iotSiteWiseMultiLayerStorage", &SITEWISE),
]);
const COLUMN_NAME: Shape =
    Shape::Text(Text::like(1, 255, Pattern { text: "^[A-Za-z_]([A-Za-z0-9]*|[A-Za-z0-9][A-Za-z0-9_]*)$", holds: is_column_name }));
const COLUMN_TYPE: Shape = Shape::Text(Text::like(
    1,
    131_072,
    Pattern { text: "^[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\t]*$", holds: is_single_line },
));
const COLUMNS: Shape = Shape::List { of: &Shape::Record(&[must("name", &COLUMN_NAME), must("type", &COLUMN_TYPE)]), min: 0, max: 100 };
const FILE_FORMAT: Shape = Shape::Record(&[
    may("jsonConfiguration", &EMPTY),
    may("parquetConfiguration", &Shape::Record(&[may("schemaDefinition", &Shape::Record(&[may("columns", &COLUMNS)]))])),
]);
const PARTITION_NAME: Shape = Shape::Text(Text::like(1, 128, Pattern { text: "^[a-zA-Z0-9_]+$", holds: is_word }));
const TIMESTAMP_FORMAT: Shape =
    Shape::Text(Text::like(1, 50, Pattern { text: "^[a-zA-Z0-9\\s\\[\\]_,.'/:-]*$", holds: |text| of_word_and(text, " \t\r\n[],.'/:-") }));
const PARTITIONS: Shape = Shape::Record(&[may(
    "partitions",
    &Shape::List {
        of: &Shape::Record(&[
            may("attributePartition", &Shape::Record(&[must("attributeName", &PARTITION_NAME)])),
            may("timestampPartition", &Shape::Record(&[must("attributeName", &PARTITION_NAME), may("timestampFormat", &TIMESTAMP_FORMAT)])),
        ]),
        min: 0,
        max: 25,
    },
)]);

pub(super) const CREATE_DATASTORE: Shape = Shape::Record(&[
    must("datastoreName", &NAME),
    may("datastoreStorage", &DATASTORE_STORAGE),
    may("retentionPeriod", &RETENTION),
    may("tags", &TAGS),
    may("fileFormatConfiguration", &FILE_FORMAT),
    may("datastorePartitions", &PARTITIONS),
]);

const ACTIVITY_NAME: Shape = Shape::Text(Text::of(1, 128));
const ATTRIBUTE: Text = Text::of(1, 256);
const ATTRIBUTE_TEXT: Shape = Shape::Text(ATTRIBUTE);
const ATTRIBUTE_LIST: Shape = Shape::List { of: &ATTRIBUTE_TEXT, min: 1, max: 50 };
const ENRICH: Shape = Shape::Record(&[
    must("name", &ACTIVITY_NAME),
    must("attribute", &ATTRIBUTE_TEXT),
    must("thingName", &ATTRIBUTE_TEXT),
    must("roleArn", &ROLE),
    may("next", &ACTIVITY_NAME),
]);
const LIST_ACTIVITY: Shape =
    Shape::Record(&[must("name", &ACTIVITY_NAME), must("attributes", &ATTRIBUTE_LIST), may("next", &ACTIVITY_NAME)]);
pub(super) const ACTIVITY: Shape = Shape::Record(&[
    may("channel", &Shape::Record(&[must("name", &ACTIVITY_NAME), must("channelName", &NAME), may("next", &ACTIVITY_NAME)])),
    may(
        "lambda",
        &Shape::Record(&[
            must("name", &ACTIVITY_NAME),
            must(
                "lambdaName",
                &Shape::Text(Text::like(
                    1,
                    64,
                    Pattern { text: "^[a-zA-Z0-9_-]+$", holds: |text| of_word_and(text, "-") && !text.is_empty() },
                )),
            ),
            must("batchSize", &Shape::Whole { min: 1, max: 1000 }),
            may("next", &ACTIVITY_NAME),
        ]),
    ),
    may("datastore", &Shape::Record(&[must("name", &ACTIVITY_NAME), must("datastoreName", &NAME)])),
    may(
        "addAttributes",
        &Shape::Record(&[
            must("name", &ACTIVITY_NAME),
            must("attributes", &Shape::Map { key: ATTRIBUTE, value: ATTRIBUTE }),
            may("next", &ACTIVITY_NAME),
        ]),
    ),
    may("removeAttributes", &LIST_ACTIVITY),
    may("selectAttributes", &LIST_ACTIVITY),
    may("filter", &Shape::Record(&[must("name", &ACTIVITY_NAME), must("filter", &ATTRIBUTE_TEXT), may("next", &ACTIVITY_NAME)])),
    may(
        "math",
        &Shape::Record(&[
            must("name", &ACTIVITY_NAME),
            must("attribute", &ATTRIBUTE_TEXT),
            must("math", &ATTRIBUTE_TEXT),
            may("next", &ACTIVITY_NAME),
        ]),
    ),
    may("deviceRegistryEnrich", &ENRICH),
    may("deviceShadowEnrich", &ENRICH),
]);

pub(super) const CREATE_PIPELINE: Shape = Shape::Record(&[
    must("pipelineName", &NAME),
    must("pipelineActivities", &Shape::List { of: &ACTIVITY, min: 1, max: 25 }),
    may("tags", &TAGS),
]);

const RULE_NAME: Shape = Shape::Text(Text::like(1, 128, Pattern { text: "^[a-zA-Z0-9_]+$", holds: is_word }));
const FILTERS: Shape = Shape::List {
    of: &Shape::Record(&[may("deltaTime", &Shape::Record(&[must("offsetSeconds", &WHOLE), must("timeExpression", &TEXT)]))]),
    min: 0,
    max: 1,
};
const VARIABLE: Shape = Shape::Record(&[
    must("name", &TAG_TEXT),
    may("stringValue", &Shape::Text(Text::of(0, 1024))),
    may("doubleValue", &Shape::Number),
    may("datasetContentVersionValue", &Shape::Record(&[must("datasetName", &NAME)])),
    may("outputFileUriValue", &Shape::Record(&[must("fileName", &Shape::Text(Text::of(1, 255)))])),
]);
const CONTAINER: Shape = Shape::Record(&[
    must("image", &Shape::Text(Text::of(0, 255))),
    must("executionRoleArn", &ROLE),
    must(
        "resourceConfiguration",
        &Shape::Record(&[
            must("computeType", &Shape::OneOf(&["ACU_1", "ACU_2"])),
            must("volumeSizeInGB", &Shape::Whole { min: 1, max: 50 }),
        ]),
    ),
    may("variables", &Shape::List { of: &VARIABLE, min: 0, max: 50 }),
]);
const ACTIONS: Shape = Shape::List {
    of: &Shape::Record(&[
        may("actionName", &RULE_NAME),
        may("queryAction", &Shape::Record(&[must("sqlQuery", &TEXT), may("filters", &FILTERS)])),
        may("containerAction", &CONTAINER),
    ]),
    min: 1,
    max: 1,
};
const TRIGGERS: Shape = Shape::List {
    of: &Shape::Record(&[
        may("schedule", &Shape::Record(&[may("expression", &TEXT)])),
        may("dataset", &Shape::Record(&[must("name", &NAME)])),
    ]),
    min: 0,
    max: 5,
};
const GLUE_NAME: Shape = Shape::Text(Text::like(
    1,
    150,
    Pattern { text: "[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\t]*", holds: is_single_line },
));
const S3_DESTINATION: Shape = Shape::Record(&[
    must("bucket", &BUCKET),
    must("key", &BUCKET_KEY),
    may("glueConfiguration", &Shape::Record(&[must("tableName", &GLUE_NAME), must("databaseName", &GLUE_NAME)])),
    must("roleArn", &ROLE),
]);
const INPUT_NAME: Shape = Shape::Text(Text::like(
    1,
    128,
    Pattern { text: "^[a-zA-Z][a-zA-Z0-9_]*$", holds: |text| is_word(text) && text.starts_with(|c: char| c.is_ascii_alphabetic()) },
));
const DELIVERY: Shape = Shape::List {
    of: &Shape::Record(&[
        may("entryName", &TEXT),
        must(
            "destination",
            &Shape::Record(&[
                may("iotEventsDestinationConfiguration", &Shape::Record(&[must("inputName", &INPUT_NAME), must("roleArn", &ROLE)])),
                may("s3DestinationConfiguration", &S3_DESTINATION),
            ]),
        ),
    ]),
    min: 0,
    max: 20,
};
const LATE_DATA: Shape = Shape::List {
    of: &Shape::Record(&[
        may("ruleName", &RULE_NAME),
        must(
            "ruleConfiguration",
            &Shape::Record(&[may(
                "deltaTimeSessionWindowConfiguration",
                &Shape::Record(&[must("timeoutInMinutes", &Shape::Whole { min: 1, max: 60 })]),
            )]),
        ),
    ]),
    min: 1,
    max: 1,
};

pub(super) const CREATE_DATASET: Shape = Shape::Record(&[
    must("datasetName", &NAME),
    must("actions", &ACTIONS),
    may("triggers", &TRIGGERS),
    may("contentDeliveryRules", &DELIVERY),
    may("retentionPeriod", &RETENTION),
    may("versioningConfiguration", &Shape::Record(&[may("unlimited", &FLAG), may("maxVersions", &Shape::Whole { min: 1, max: 1000 })])),
    may("tags", &TAGS),
    may("lateDataRules", &LATE_DATA),
]);

pub(super) const BATCH_PUT_MESSAGE: Shape = Shape::Record(&[
    must("channelName", &NAME),
    must(
        "messages",
        &Shape::List {
            of: &Shape::Record(&[
                must("messageId", &Shape::Text(Text::like(1, 128, Pattern { text: "\\p{ASCII}*", holds: str::is_ascii }))),
                must("payload", &Shape::Blob),
            ]),
            min: 0,
            max: usize::MAX,
        },
    ),
]);

pub(super) const RUN_PIPELINE_ACTIVITY: Shape =
    Shape::Record(&[must("pipelineActivity", &ACTIVITY), must("payloads", &Shape::List { of: &Shape::Blob, min: 1, max: 10 })]);

const S3_PATH: Shape = Shape::Text(Text::like(
    1,
    1024,
    Pattern {
        text: "^[a-zA-Z0-9/_!'(){}\\*\\s\\.\\-\\=\\:]+$",
        holds: |text| !text.is_empty() && of_word_and(text, "/!'(){}* \t\r\n.-=:"),
    },
));
pub(super) const START_REPROCESSING: Shape = Shape::Record(&[
    may("startTime", &Shape::Time),
    may("endTime", &Shape::Time),
    may("channelMessages", &Shape::Record(&[may("s3Paths", &Shape::List { of: &S3_PATH, min: 1, max: 100 })])),
]);

pub(super) const VERSION: Shape = Shape::Text(Text::of(7, 36));
pub(super) const CREATE_CONTENT: Shape = Shape::Record(&[may("versionId", &VERSION)]);
pub(super) const PUT_LOGGING: Shape = Shape::Record(&[must(
    "loggingOptions",
    &Shape::Record(&[must("roleArn", &ROLE), must("level", &Shape::OneOf(&["ERROR"])), must("enabled", &FLAG)]),
)]);
pub(super) const TAG_RESOURCE: Shape = Shape::Record(&[must("tags", &TAGS)]);
pub(super) const PAGE_SIZE: Shape = Shape::Whole { min: 1, max: 250 };
pub(super) const SAMPLE_SIZE: Shape = Shape::Whole { min: 1, max: 10 };
