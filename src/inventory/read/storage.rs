//! Channels and datastores: where objects are kept, for how long, and in which format.

use super::super::fields::{Form, Place, Reader, is_symbolic};
use super::super::model::{Channel, Datastore, FileFormat, Partition, Retention, SchemaColumn, Storage};

/// How much a form says of a channel or datastore, which decides what an absent field means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it: what is absent has the service's default.
    Whole,
    /// A list entry or the answer of a create call: what is absent is not known.
    Part,
}

/// Field names of storage: `storage` in Describe answers, `channelStorage` elsewhere.
pub(crate) fn channel(reader: &mut Reader<'_>, at: &Place<'_>, name: String, storage_key: &str, extent: Extent) -> Option<Channel> {
    let errors = reader.findings.errors();
    let channel = Channel {
        name,
        origin: reader.findings.origin(&at.path),
        storage: storage(reader, at, storage_key, extent, false),
        retention: retention(reader, at),
        tags: reader.tags(at),
    };
    (reader.findings.errors() == errors).then_some(channel)
}

/// As [`channel`], with format and partitions.
pub(crate) fn datastore(reader: &mut Reader<'_>, at: &Place<'_>, name: String, storage_key: &str, extent: Extent) -> Option<Datastore> {
    let errors = reader.findings.errors();
    let datastore = Datastore {
        name,
        origin: reader.findings.origin(&at.path),
        storage: storage(reader, at, storage_key, extent, true),
        retention: retention(reader, at),
        format: format(reader, at, extent),
        partitions: partitions(reader, at),
        tags: reader.tags(at),
    };
    (reader.findings.errors() == errors).then_some(datastore)
}

/// `retentionPeriod`: unlimited, or days from 1.
pub(crate) fn retention(reader: &mut Reader<'_>, at: &Place<'_>) -> Retention {
    let Some(period) = reader.field(at, "retentionPeriod").filter(|place| !place.is_symbol()) else {
        return Retention::Unknown;
    };
    if !reader.is_object(&period) {
        return Retention::Unknown;
    }
    let unlimited = reader.field(&period, "unlimited").filter(|place| !place.is_symbol()).and_then(|place| reader.boolean(&place));
    if unlimited == Some(true) {
        return Retention::Unlimited;
    }
    let days = reader.field(&period, "numberOfDays").filter(|place| !place.is_symbol());
    let days = days.and_then(|place| reader.integer(&place, 1..=i64::MAX));
    days.and_then(|days| u64::try_from(days).ok()).map_or(Retention::Unknown, Retention::Days)
}

fn storage(reader: &mut Reader<'_>, at: &Place<'_>, key: &str, extent: Extent, is_datastore: bool) -> Storage {
    let absent = if extent == Extent::Whole { Storage::ServiceManaged } else { Storage::Unknown };
    let Some(place) = reader.field(at, key) else {
        return absent;
    };
    if place.is_symbol() {
        return Storage::Unknown;
    }
    let kinds = ["serviceManagedS3", "customerManagedS3", "iotSiteWiseMultiLayerStorage"].map(|kind| reader.spelt(kind));
    let Some((member, inner)) = reader.only_member(&place, "kind of storage") else {
        return Storage::Unknown;
    };
    if member == kinds[0] {
        return Storage::ServiceManaged;
    }
    if member == kinds[1] {
        return customer_managed(reader, &inner)
            .map_or(Storage::Unknown, |(bucket, key_prefix)| Storage::CustomerManaged { bucket, key_prefix });
    }
    if member == kinds[2] && is_datastore {
        let bucket = reader.required(&inner, "customerManagedS3Storage").and_then(|s3| customer_managed(reader, &s3));
        return bucket.map_or(Storage::Unknown, |(bucket, key_prefix)| Storage::SiteWise { bucket, key_prefix });
    }
    reader.findings.error(&inner.path, inner.line(), format!("is no kind of storage; expected one of {}", kinds.join(", ")));
    Storage::Unknown
}

fn customer_managed(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<(String, String)> {
    let bucket = reader.required_text(at, "bucket");
    let place = reader.field(at, "keyPrefix");
    // Answers may hold an empty prefix for none.
    let prefix = place.as_ref().filter(|place| place.node.as_text() != Some("")).and_then(|place| reader.text(place)).unwrap_or_default();
    let key_prefix = if prefix.is_empty() || prefix.ends_with('/') || is_symbolic(&prefix) {
        prefix
    } else {
        if let Some(place) = place {
            reader.findings.warn(
                &place.path,
                place.line(),
                "the prefix does not end in `/`, as the service demands; it is taken as if it did",
            );
        }
        prefix + "/"
    };
    // Nothing here needs the role, but a definition that the service never took is not what was in force.
    if let Some(place) = reader.field(at, "roleArn") {
        let role = place.node.as_text().filter(|role| !is_symbolic(role) && !role.starts_with("arn:"));
        if role.is_some() {
            reader.findings.error(
                &place.path,
                place.line(),
                "is no ARN of a role; the service refuses it, so nothing was ever deployed like this",
            );
        }
    }
    Some((bucket?, key_prefix))
}

fn format(reader: &mut Reader<'_>, at: &Place<'_>, extent: Extent) -> FileFormat {
    // ListDatastores carries the format's name only.
    if let Some(kind) = reader.field(at, "fileFormatType").and_then(|place| place.node.as_text().map(str::to_owned)) {
        return match kind.as_str() {
            "JSON" => FileFormat::Json,
            "PARQUET" => FileFormat::Parquet { columns: Vec::new() },
            _ => FileFormat::Unknown,
        };
    }
    let Some(place) = reader.field(at, "fileFormatConfiguration") else {
        return if extent == Extent::Whole { FileFormat::Json } else { FileFormat::Unknown };
    };
    if place.is_symbol() {
        return FileFormat::Unknown;
    }
    let Some((member, inner)) = reader.only_member(&place, "file format") else {
        return FileFormat::Unknown;
    };
    if member == reader.spelt("jsonConfiguration") {
        return FileFormat::Json;
    }
    if member != reader.spelt("parquetConfiguration") {
        reader.findings.error(&inner.path, inner.line(), "is no file format; expected jsonConfiguration or parquetConfiguration");
        return FileFormat::Unknown;
    }
    let Some(schema) = reader.field(&inner, "schemaDefinition") else {
        return FileFormat::Parquet { columns: Vec::new() };
    };
    let columns = reader.field(&schema, "columns").and_then(|place| reader.list(&place)).unwrap_or_default();
    let columns = columns.iter().filter_map(|column| {
        let name = reader.required_text(column, "name");
        let column_type = reader.required_text(column, "type");
        Some(SchemaColumn { name: name?, column_type: column_type? })
    });
    FileFormat::Parquet { columns: columns.collect() }
}

fn partitions(reader: &mut Reader<'_>, at: &Place<'_>) -> Vec<Partition> {
    let Some(place) = reader.field(at, "datastorePartitions").filter(|place| !place.is_symbol()) else {
        return Vec::new();
    };
    let Some(list) = reader.field(&place, "partitions").filter(|place| !place.is_symbol()) else {
        return Vec::new();
    };
    let items = reader.list(&list).unwrap_or_default();
    if items.len() > 25 {
        reader.findings.error(&list.path, list.line(), format!("has {} partitions; the service takes 25", items.len()));
        return Vec::new();
    }
    items.iter().filter_map(|item| partition(reader, item)).collect()
}

fn partition(reader: &mut Reader<'_>, item: &Place<'_>) -> Option<Partition> {
    let (member, inner) = reader.only_member(item, "partition")?;
    let is_attribute = match reader.form {
        Form::Api => member == "attributePartition",
        Form::Template => matches!(member, "Partition" | "AttributePartition"),
    };
    if is_attribute {
        return Some(Partition::Attribute { attribute: reader.required_text(&inner, "attributeName")? });
    }
    if member == reader.spelt("timestampPartition") {
        let attribute = reader.required_text(&inner, "attributeName");
        let format = reader.optional_text(&inner, "timestampFormat");
        return Some(Partition::Timestamp { attribute: attribute?, format });
    }
    reader.findings.error(&inner.path, inner.line(), "is no kind of partition; expected an attribute or a timestamp partition");
    None
}
