//! What a table may be given at creation, and what may be changed later.

use super::tags::WireTag;
use crate::local::constraints::Violations;
use crate::local::failure::Failure;
use crate::local::timestream::store::{
    MagneticStoreWriteProperties, PartitionKey, Properties, RetentionProperties, S3Configuration, Schema,
};

/// Facts: limits of retention.
const MEMORY_HOURS_MAX: i64 = 8766;
const MAGNETIC_DAYS_MAX: i64 = 73_000;
const MEMORY_HOURS_DEFAULT: i64 = 6;

const BUCKET_PATTERN: &str = r"[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9]";
const PREFIX_PATTERN: &str = r"[a-zA-Z0-9|!\-_*'\(\)]([a-zA-Z0-9]|[!\-_*'\(\)\/.])+";

/// CreateTable and UpdateTable as they come off the wire. (One flat shape: a flattened one inside would not read numbers
/// under serde_json's `arbitrary_precision`.)
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireTable {
    pub(super) database_name: Option<String>,
    pub(super) table_name: Option<String>,
    pub(super) tags: Option<Vec<WireTag>>,
    retention_properties: Option<RetentionProperties>,
    magnetic_store_write_properties: Option<MagneticStoreWriteProperties>,
    schema: Option<Schema>,
}

impl WireTable {
    /// Holds the properties against the API model.
    pub(super) fn check(&self, violations: &mut Violations) {
        if let Some(retention) = self.retention_properties {
            let (memory, magnetic) = (retention.memory_store_retention_period_in_hours, retention.magnetic_store_retention_period_in_days);
            violations.required("retentionProperties.memoryStoreRetentionPeriodInHours", memory.as_ref());
            violations.range("retentionProperties.memoryStoreRetentionPeriodInHours", memory, 1, MEMORY_HOURS_MAX);
            violations.required("retentionProperties.magneticStoreRetentionPeriodInDays", magnetic.as_ref());
            violations.range("retentionProperties.magneticStoreRetentionPeriodInDays", magnetic, 1, MAGNETIC_DAYS_MAX);
        }
        if let Some(magnetic) = &self.magnetic_store_write_properties {
            let enabled = magnetic.enable_magnetic_store_writes;
            violations.required("magneticStoreWriteProperties.enableMagneticStoreWrites", enabled.as_ref());
            let location = magnetic.magnetic_store_rejected_data_location.as_ref();
            if let Some(s3) = location.and_then(|location| location.s3_configuration.as_ref()) {
                check_s3(violations, s3);
            }
        }
        if let Some(keys) = self.schema.as_ref().and_then(|schema| schema.composite_partition_key.as_ref()) {
            violations.items("schema.compositePartitionKey", Some(keys), 1, usize::MAX);
            for (index, key) in keys.iter().enumerate() {
                check_partition_key(violations, key, &format!("schema.compositePartitionKey.{}.member", index + 1));
            }
        }
    }

    /// The properties of a new table.
    pub(super) fn create(self) -> Result<Properties, Failure> {
        let retention = self.retention_properties.unwrap_or(RetentionProperties {
            memory_store_retention_period_in_hours: Some(MEMORY_HOURS_DEFAULT),
            magnetic_store_retention_period_in_days: Some(MAGNETIC_DAYS_MAX),
        });
        let magnetic = self.magnetic_store_write_properties.unwrap_or(MagneticStoreWriteProperties {
            enable_magnetic_store_writes: Some(false),
            magnetic_store_rejected_data_location: None,
        });
        let key = match self.schema.and_then(|schema| schema.composite_partition_key) {
            None => PartitionKey { kind: Some("MEASURE".to_owned()), ..PartitionKey::default() },
            Some(keys) => only_key(keys)?,
        };
        let schema = Schema { composite_partition_key: Some(vec![key]) };
        Ok(Properties { retention_properties: retention, magnetic_store_write_properties: magnetic, schema })
    }

    /// The properties of a table after an update; parts that are not named stay.
    pub(super) fn update(self, stored: &Properties) -> Result<Properties, Failure> {
        let mut updated = stored.clone();
        if let Some(retention) = self.retention_properties {
            updated.retention_properties = retention;
        }
        if let Some(magnetic) = self.magnetic_store_write_properties {
            updated.magnetic_store_write_properties = magnetic;
        }
        if let Some(keys) = self.schema.and_then(|schema| schema.composite_partition_key) {
            let key = only_key(keys)?;
            let stored_key = stored.schema.composite_partition_key.as_ref().and_then(|keys| keys.first());
            if stored_key.is_some_and(|stored| (&stored.kind, &stored.name) != (&key.kind, &key.name)) {
                return Err(Failure::validation("The type and the name of a partition key cannot be changed."));
            }
            updated.schema.composite_partition_key = Some(vec![key]);
        }
        Ok(updated)
    }
}

fn check_s3(violations: &mut Violations, s3: &S3Configuration) {
    let path = |member: &str| format!("magneticStoreWriteProperties.magneticStoreRejectedDataLocation.s3Configuration.{member}");
    violations.length(path("bucketName"), s3.bucket_name.as_deref(), 3, 63);
    violations.pattern(path("bucketName"), s3.bucket_name.as_deref(), BUCKET_PATTERN, |name| {
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        edge(name.bytes().next()) && edge(name.bytes().last()) && name.bytes().all(inner)
    });
    violations.length(path("objectKeyPrefix"), s3.object_key_prefix.as_deref(), 1, 928);
    violations.pattern(path("objectKeyPrefix"), s3.object_key_prefix.as_deref(), PREFIX_PATTERN, |prefix| {
        let mut bytes = prefix.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"|!-_*'()".contains(&byte));
        first && prefix.len() > 1 && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!-_*'()/.".contains(&byte))
    });
    violations.one_of(path("encryptionOption"), s3.encryption_option.as_deref(), &["SSE_S3", "SSE_KMS"]);
    violations.length(path("kmsKeyId"), s3.kms_key_id.as_deref(), 1, 2048);
}

fn check_partition_key(violations: &mut Violations, key: &PartitionKey, path: &str) {
    violations.required(format_args!("{path}.type"), key.kind.as_ref());
    violations.one_of(format_args!("{path}.type"), key.kind.as_deref(), &["DIMENSION", "MEASURE"]);
    violations.length(format_args!("{path}.name"), key.name.as_deref(), 1, usize::MAX);
    violations.one_of(format_args!("{path}.enforcementInRecord"), key.enforcement_in_record.as_deref(), &["REQUIRED", "OPTIONAL"]);
}

/// The API takes a list, the service one key (facts §1.5).
fn only_key(keys: Vec<PartitionKey>) -> Result<PartitionKey, Failure> {
    let [key] = <[PartitionKey; 1]>::try_from(keys)
        .map_err(|_| Failure::validation("You have specified too many partition keys. Only 1 partition keys can be specified."))?;
    if key.kind.as_deref() == Some("MEASURE") {
        if key.name.is_some() || key.enforcement_in_record.is_some() {
            return Err(Failure::validation("A partition key of type MEASURE cannot have a name or an enforcement level."));
        }
        return Ok(key);
    }
    let Some(name) = key.name.as_deref() else {
        return Err(Failure::validation("A partition key of type DIMENSION must have a name."));
    };
    if let Some(problem) = crate::local::timestream::names::column_name_problem(name) {
        return Err(Failure::validation(problem));
    }
    // Which level holds when none is given is not known; the stricter one shows what would be missing.
    let level = key.enforcement_in_record.clone().unwrap_or_else(|| "REQUIRED".to_owned());
    Ok(PartitionKey { enforcement_in_record: Some(level), ..key })
}
