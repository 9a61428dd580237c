//! The database and the table: made with everything that cannot be changed later, or checked for it.

use aws_sdk_timestreamwrite::Client;
use aws_sdk_timestreamwrite::error::BuildError;
use aws_sdk_timestreamwrite::types::{
    MagneticStoreRejectedDataLocation, MagneticStoreWriteProperties, PartitionKey, PartitionKeyEnforcementLevel, PartitionKeyType,
    RetentionProperties, S3Configuration, S3EncryptionOption, Schema, Table, TableStatus,
};

use super::fault::Failure;
use super::limits::{MAGNETIC_DAYS_MAX, MEMORY_HOURS_MAX};
use crate::target::{Prepared, TableSpec, WriteFault};

/// Looks for the table; makes it, and its database, when it is not there. Safe to repeat after any fault.
pub(super) async fn prepare(client: &Client, spec: &TableSpec) -> Result<Prepared, WriteFault> {
    if let Some(table) = describe_table(client, spec).await? {
        return suits(spec, &table).map(|remarks| Prepared::Existing { remarks });
    }
    make_database(client, spec).await?;
    let properties = Properties::of(spec).map_err(|error| WriteFault::Invalid { message: error.to_string() })?;
    let created = client
        .create_table()
        .database_name(&spec.database)
        .table_name(&spec.table)
        .retention_properties(properties.retention)
        .magnetic_store_write_properties(properties.magnetic_writes)
        .set_schema(properties.schema)
        .send()
        .await;
    let Err(error) = created else { return Ok(Prepared::Created) };
    let failure = Failure::of(&error);
    if !failure.is_conflict() {
        return Err(failure.into_write_fault());
    }
    // Somebody made it in between: it is judged as any table that is there.
    match describe_table(client, spec).await? {
        Some(table) => suits(spec, &table).map(|remarks| Prepared::Existing { remarks }),
        None => Err(failure.into_write_fault()),
    }
}

async fn describe_table(client: &Client, spec: &TableSpec) -> Result<Option<Table>, WriteFault> {
    match client.describe_table().database_name(&spec.database).table_name(&spec.table).send().await {
        Ok(answer) => match answer.table {
            Some(table) => Ok(Some(table)),
            None => Err(WriteFault::Unanswered { message: "DescribeTable answered without a table".to_owned() }),
        },
        Err(error) => {
            let failure = Failure::of(&error);
            if failure.is_not_found() { Ok(None) } else { Err(failure.into_write_fault()) }
        }
    }
}

/// Looks before it makes: looking is allowed five times a second, making once (facts: control API rates).
async fn make_database(client: &Client, spec: &TableSpec) -> Result<(), WriteFault> {
    let Err(error) = client.describe_database().database_name(&spec.database).send().await else { return Ok(()) };
    let failure = Failure::of(&error);
    if !failure.is_not_found() {
        return Err(failure.into_write_fault());
    }
    let Err(error) = client.create_database().database_name(&spec.database).send().await else { return Ok(()) };
    let failure = Failure::of(&error);
    if failure.is_conflict() { Ok(()) } else { Err(failure.into_write_fault()) }
}

/// What a table is created with.
struct Properties {
    retention: RetentionProperties,
    magnetic_writes: MagneticStoreWriteProperties,
    schema: Option<Schema>,
}

impl Properties {
    fn of(spec: &TableSpec) -> Result<Self, BuildError> {
        let signed = |value: u64, most: u64| value.clamp(1, most).cast_signed();
        let retention = RetentionProperties::builder()
            .memory_store_retention_period_in_hours(signed(spec.memory_hours, MEMORY_HOURS_MAX))
            .magnetic_store_retention_period_in_days(signed(spec.magnetic_days, MAGNETIC_DAYS_MAX))
            .build()?;
        let location = spec.rejected_data.as_ref().map(|(bucket, prefix)| {
            let prefix = (!prefix.is_empty()).then(|| prefix.clone());
            let s3 =
                S3Configuration::builder().bucket_name(bucket).set_object_key_prefix(prefix).encryption_option(S3EncryptionOption::SseS3);
            MagneticStoreRejectedDataLocation::builder().s3_configuration(s3.build()).build()
        });
        let magnetic_writes = MagneticStoreWriteProperties::builder()
            .enable_magnetic_store_writes(true)
            .set_magnetic_store_rejected_data_location(location)
            .build()?;
        let key = spec.partition_dimension.as_ref().map(|dimension| {
            // OPTIONAL: a row that lacks the dimension is still written. The level can be raised later, the key cannot.
            PartitionKey::builder()
                .r#type(PartitionKeyType::Dimension)
                .name(dimension)
                .enforcement_in_record(PartitionKeyEnforcementLevel::Optional)
                .build()
        });
        let schema = key.transpose()?.map(|key| Schema::builder().composite_partition_key(key).build());
        Ok(Self { retention, magnetic_writes, schema })
    }
}

/// Whether a table that is there can take the history. Differences that do no harm come back as remarks.
fn suits(spec: &TableSpec, table: &Table) -> Result<Vec<String>, WriteFault> {
    let name = format!("table {}.{}", spec.database, spec.table);
    let refuse = |what: String| Err(WriteFault::Refused { message: format!("{name} {what}") });
    let later = "changing it later does not open the window for old rows at once, so start with a new table";
    if table.table_status() == Some(&TableStatus::Deleting) {
        return refuse("is being deleted".to_owned());
    }
    let writes = table.magnetic_store_write_properties();
    if !writes.is_some_and(|writes| writes.enable_magnetic_store_writes) {
        return refuse(format!("has magnetic store writes off (EnableMagneticStoreWrites), and old rows need them; {later}"));
    }
    let Some(retention) = table.retention_properties() else {
        return refuse("does not state its retention".to_owned());
    };
    let (hours, days) = (retention.memory_store_retention_period_in_hours, retention.magnetic_store_retention_period_in_days);
    if days < spec.magnetic_days.min(MAGNETIC_DAYS_MAX).cast_signed() {
        let wanted = spec.magnetic_days;
        return refuse(format!(
            "keeps {days} days in the magnetic store (MagneticStoreRetentionPeriodInDays), and the history needs {wanted}; {later}"
        ));
    }
    let mut remarks = Vec::new();
    if days != spec.magnetic_days.cast_signed() {
        remarks.push(format!("{name} keeps {days} days in the magnetic store, and {} were planned", spec.magnetic_days));
    }
    if hours != spec.memory_hours.cast_signed() {
        remarks.push(format!("{name} keeps {hours} hours in the memory store, and {} were planned", spec.memory_hours));
    }
    remarks.extend(location_remark(&name, spec, table));
    remarks.extend(partition_remark(&name, spec, table));
    Ok(remarks)
}

fn location_remark(name: &str, spec: &TableSpec, table: &Table) -> Option<String> {
    let there = table.magnetic_store_write_properties()?.magnetic_store_rejected_data_location();
    let bucket = there.and_then(|location| location.s3_configuration()?.bucket_name());
    match (&spec.rejected_data, bucket) {
        (Some((wanted, _)), Some(bucket)) if wanted != bucket => {
            Some(format!("{name} reports refused magnetic writes to bucket {bucket}, and {wanted} was planned"))
        }
        (Some((wanted, _)), None) => Some(format!("{name} reports refused magnetic writes nowhere, and bucket {wanted} was planned")),
        _ => None,
    }
}

fn partition_remark(name: &str, spec: &TableSpec, table: &Table) -> Option<String> {
    let key = table.schema().and_then(|schema| schema.composite_partition_key().first());
    let there = key.filter(|key| *key.r#type() == PartitionKeyType::Dimension).and_then(PartitionKey::name);
    let enforced = key.and_then(PartitionKey::enforcement_in_record) == Some(&PartitionKeyEnforcementLevel::Required);
    match (spec.partition_dimension.as_deref(), there) {
        (wanted, Some(dimension)) if wanted != Some(dimension) && enforced => {
            Some(format!("{name} is partitioned by {dimension} and refuses records that lack it, which was not planned"))
        }
        (wanted, there) if wanted != there => Some(format!(
            "{name} is partitioned by {}, and {} was planned; that cannot be changed",
            there.unwrap_or("the measure name"),
            wanted.unwrap_or("the measure name")
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> TableSpec {
        TableSpec {
            database: "plant".into(),
            table: "factory".into(),
            memory_hours: 24,
            magnetic_days: 400,
            rejected_data: Some(("reports".into(), "rejected/".into())),
            partition_dimension: Some("device".into()),
        }
    }

    fn table(spec: &TableSpec) -> aws_sdk_timestreamwrite::types::builders::TableBuilder {
        let properties = Properties::of(spec).unwrap();
        Table::builder()
            .table_status(TableStatus::Active)
            .retention_properties(properties.retention)
            .magnetic_store_write_properties(properties.magnetic_writes)
            .set_schema(properties.schema)
    }

    fn retention(hours: i64, days: i64) -> RetentionProperties {
        RetentionProperties::builder()
            .memory_store_retention_period_in_hours(hours)
            .magnetic_store_retention_period_in_days(days)
            .build()
            .unwrap()
    }

    fn refusal(table: &Table) -> String {
        match suits(&spec(), table) {
            Err(WriteFault::Refused { message }) => message,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_table_as_we_create_it_suits_without_a_remark() {
        assert_eq!(suits(&spec(), &table(&spec()).build()), Ok(vec![]));
        let plain = TableSpec { rejected_data: None, partition_dimension: None, ..spec() };
        assert_eq!(suits(&plain, &table(&plain).build()), Ok(vec![]));
    }

    #[test]
    fn what_would_lose_rows_is_refused_by_name() {
        let off = MagneticStoreWriteProperties::builder().enable_magnetic_store_writes(false).build().unwrap();
        let message = refusal(&table(&spec()).magnetic_store_write_properties(off).build());
        assert!(message.contains("EnableMagneticStoreWrites") && message.contains("at once"), "{message}");
        let message = refusal(&table(&spec()).retention_properties(retention(24, 399)).build());
        assert!(message.contains("399 days") && message.contains("at once"), "{message}");
        assert!(refusal(&table(&spec()).table_status(TableStatus::Deleting).build()).contains("deleted"));
    }

    #[test]
    fn what_only_differs_is_remarked_on() {
        let other = TableSpec { rejected_data: None, partition_dimension: None, ..spec() };
        let remarks = suits(&spec(), &table(&other).retention_properties(retention(6, 500)).build()).unwrap();
        assert_eq!(remarks.len(), 4, "{remarks:?}");
        assert!(remarks.iter().any(|remark| remark.contains("measure name")), "{remarks:?}");
    }
}
