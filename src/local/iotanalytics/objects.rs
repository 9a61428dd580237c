//! The objects of channels and datastores: where they lie, what they are called, what is in them (facts: storage in S3).
//!
//! A channel's object is gzip of one message a line: a message as it came if it is JSON on one line, in one line if it is other JSON, and
//! in an envelope with Base64 if it is no JSON. What the real service does is documented nowhere (docs/fidelity.md).

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::Service;
use super::columns::{self, Column};
use super::route::Resource;
use super::store::Kept;
use crate::encoding::{base64, from_base64};
use crate::local::ACCOUNT;
use crate::local::exception::Exception;
use crate::local::s3::{Buckets, Stored};
use crate::time::{DAY_NANOS, JavaPattern, Nanos, TimeFormat};
use crate::value::{Object, Value as Cell, object_to_json};

/// The bucket of all service-managed storage.
pub(super) const MANAGED_BUCKET: &str = "managed";
/// Facts: both published keys of channel objects span 30 seconds.
const WINDOW_MILLIS: i64 = 30_000;

/// Where the objects of a resource lie.
pub(super) struct Shelf<'s> {
    pub(super) buckets: &'s Buckets,
    pub(super) bucket: String,
    /// Of all its objects: `<prefix>channel/<name>/`.
    pub(super) prefix: String,
    pub(super) is_managed: bool,
}

impl Shelf<'_> {
    /// Every object, in the order of the keys.
    pub(super) fn all(&self) -> Result<Vec<(String, Stored)>, Exception> {
        Ok(self.buckets.list(&self.bucket, &self.prefix, None, usize::MAX)?)
    }
}

impl Service {
    pub(super) fn shelf(&self, kind: Resource, kept: &Kept) -> Shelf<'_> {
        let customer = kept.definition.pointer(&format!("/{}Storage/customerManagedS3", kind.word()));
        let text = |member: &str| customer.and_then(|storage| storage.get(member)).and_then(Value::as_str).unwrap_or_default();
        let prefix = format!("{}{}/{}/", text("keyPrefix"), kind.word(), kept.name);
        match customer {
            Some(_) => Shelf { buckets: &self.customer, bucket: text("bucket").to_owned(), prefix, is_managed: false },
            None => Shelf { buckets: &self.managed, bucket: MANAGED_BUCKET.to_owned(), prefix, is_managed: true },
        }
    }

    /// Puts messages into their channel.
    pub(super) fn keep_messages(&self, channel: &Kept, messages: &[(String, Vec<u8>)]) -> Result<(), Exception> {
        let mut body = Vec::new();
        for (id, payload) in messages {
            body.extend(line(id, payload));
            body.push(b'\n');
        }
        let (shelf, now) = (self.shelf(Resource::Channel, channel), self.clock.now());
        let serial = self.store().next_serial()?;
        let key = format!("{}{}{}", shelf.prefix, day_folder(now), object_name(&channel.name, now, serial, "json.gz"));
        shelf.buckets.put(&shelf.bucket, &key, &packed(&body)?)?;
        Ok(self.store().arrived(Resource::Channel, &channel.name, now)?)
    }

    /// Puts what came out of a pipeline into its datastore. A datastore that is gone takes nothing.
    pub(super) fn store_rows(&self, datastore: &str, rows: &[Object]) -> Result<(), Exception> {
        let Some(datastore) = self.store().get(Resource::Datastore, datastore)? else { return Ok(()) };
        if rows.is_empty() {
            return Ok(());
        }
        let (shelf, now) = (self.shelf(Resource::Datastore, &datastore), self.clock.now());
        let columns = columns_of(&datastore.definition)?;
        for (folder, rows) in by_partition(&datastore.definition, rows, now)? {
            let (body, extension) = match &columns {
                Some(columns) => (columns::parquet(columns, &rows).map_err(Exception::internal)?, "parquet"),
                None => (packed(&lines(&rows))?, "json.gz"),
            };
            let serial = self.store().next_serial()?;
            let key = format!("{}{folder}{}", shelf.prefix, object_name(&datastore.name, now, serial, extension));
            shelf.buckets.put(&shelf.bucket, &key, &body)?;
        }
        Ok(self.store().arrived(Resource::Datastore, &datastore.name, now)?)
    }

    /// Up to `most` messages, the latest first, of the objects whose window touches the span.
    pub(super) fn latest_messages(
        &self,
        channel: &Kept,
        from: Option<Nanos>,
        to: Option<Nanos>,
        most: usize,
    ) -> Result<Vec<Vec<u8>>, Exception> {
        let shelf = self.shelf(Resource::Channel, channel);
        let mut found = Vec::new();
        for (key, stored) in shelf.all()?.into_iter().rev().filter(|(key, _)| is_within(key, from, to)) {
            let mut messages = messages_in(&key, &stored)?;
            messages.reverse();
            found.extend(messages);
            if found.len() >= most {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }

    /// All messages of the objects whose windows begin in `from..to`.
    pub(super) fn messages_between(&self, channel: &Kept, from: Option<Nanos>, to: Option<Nanos>) -> Result<Vec<Vec<u8>>, Exception> {
        let mut found = Vec::new();
        for (key, stored) in self.shelf(Resource::Channel, channel).all()?.into_iter().filter(|(key, _)| is_within(key, from, to)) {
            found.extend(messages_in(&key, &stored)?);
        }
        Ok(found)
    }

    /// All messages of the objects called `paths`.
    pub(super) fn messages_at(&self, channel: &Kept, paths: &[String]) -> Result<Vec<Vec<u8>>, Exception> {
        let shelf = self.shelf(Resource::Channel, channel);
        // Facts: customer-managed storage only.
        if shelf.is_managed {
            return Err(Exception::invalid_request("channelMessages can only be given for a channel in customer-managed storage."));
        }
        let mut found = Vec::new();
        for path in paths {
            let stored = shelf.buckets.head(&shelf.bucket, path)?.filter(|_| path.starts_with(&shelf.prefix));
            let stored =
                stored.ok_or_else(|| Exception::invalid_request(format!("{path} is no object of the channel {}.", channel.name)))?;
            found.extend(messages_in(path, &stored)?);
        }
        Ok(found)
    }

    /// Bytes of all objects.
    pub(super) fn stored_bytes(&self, kind: Resource, kept: &Kept) -> Result<u64, Exception> {
        match kind {
            Resource::Channel | Resource::Datastore => Ok(self.shelf(kind, kept).all()?.iter().map(|(_, stored)| stored.size_bytes).sum()),
            Resource::Pipeline | Resource::Dataset => Ok(0),
        }
    }

    /// Removes service-managed objects of a resource that goes. A customer's objects are the customer's.
    pub(super) fn remove_managed_objects(&self, kind: Resource, kept: &Kept) -> Result<(), Exception> {
        if matches!(kind, Resource::Channel | Resource::Datastore) {
            let shelf = self.shelf(kind, kept);
            if shelf.is_managed {
                for (key, _) in shelf.all()? {
                    shelf.buckets.delete(&shelf.bucket, &key)?;
                }
            }
        }
        Ok(())
    }
}

/// The columns of a Parquet datastore; none for JSON.
pub(super) fn columns_of(definition: &Value) -> Result<Option<Vec<Column>>, Exception> {
    let Some(parquet) = definition.pointer("/fileFormatConfiguration/parquetConfiguration") else { return Ok(None) };
    let given = parquet.pointer("/schemaDefinition/columns").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let column = |column: &Value| {
        let text = |member: &str| column.get(member).and_then(Value::as_str).unwrap_or_default();
        Column::read(text("name"), text("type")).map_err(Exception::invalid_request)
    };
    let columns = given.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        return Err(Exception::invalid_request("A Parquet datastore needs the columns of its schema."));
    }
    Ok(Some(columns))
}

/// One message as a line of a channel's object.
fn line(id: &str, payload: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<Value>(payload) {
        Ok(_) if !payload.contains(&b'\n') && !payload.contains(&b'\r') => payload.to_vec(),
        Ok(value) => value.to_string().into_bytes(),
        Err(_) => json!({ "messageId": id, "payload": base64(payload) }).to_string().into_bytes(),
    }
}

/// The messages of a channel's object, as `line` wrote them.
fn messages_in(key: &str, stored: &Stored) -> Result<Vec<Vec<u8>>, Exception> {
    let file = std::fs::File::open(&stored.file).map_err(Exception::internal)?;
    let mut text = Vec::new();
    MultiGzDecoder::new(file).read_to_end(&mut text).map_err(|error| Exception::internal(format!("{key}: {error}")))?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(|line| unwrapped(line).unwrap_or_else(|| line.to_vec())).collect())
}

/// The bytes in an envelope of ours; none where the line is the message itself.
fn unwrapped(line: &[u8]) -> Option<Vec<u8>> {
    let Ok(Value::Object(members)) = serde_json::from_slice(line) else { return None };
    let (Some(Value::String(_)), Some(Value::String(payload)), 2) = (members.get("messageId"), members.get("payload"), members.len())
    else {
        return None;
    };
    from_base64(payload).filter(|bytes| serde_json::from_slice::<Value>(bytes).is_err())
}

fn lines(rows: &[&Object]) -> Vec<u8> {
    let mut body = Vec::new();
    for row in rows {
        body.extend(object_to_json(row).to_string().into_bytes());
        body.push(b'\n');
    }
    body
}

fn packed(body: &[u8]) -> Result<Vec<u8>, Exception> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).map_err(Exception::internal)
}

fn millis(now: Nanos) -> i64 {
    now.0.div_euclid(1_000_000)
}

/// `__dt=2020-02-29 00:00:00/`: the UTC day, with a space and colons.
fn day_folder(now: Nanos) -> String {
    let window = Nanos(millis(now).div_euclid(WINDOW_MILLIS) * WINDOW_MILLIS * 1_000_000);
    let midnight = Nanos(window.day() * DAY_NANOS).to_timestream();
    format!("__dt={}/", midnight.get(..19).unwrap_or(&midnight))
}

fn object_name(resource: &str, now: Nanos, serial: i64, extension: &str) -> String {
    let start = millis(now).div_euclid(WINDOW_MILLIS) * WINDOW_MILLIS;
    format!("{start}_{}_{ACCOUNT}_{resource}_0_{serial}.0.{extension}", start + WINDOW_MILLIS)
}

/// Whether the window that a channel's key names begins in the span. A key that names none is in every span.
fn is_within(key: &str, from: Option<Nanos>, to: Option<Nanos>) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    let Some(start) = name.split('_').next().and_then(|start| start.parse::<i64>().ok()) else { return true };
    let (begin, end) = (start.saturating_mul(1_000_000), (start + WINDOW_MILLIS).saturating_mul(1_000_000));
    from.is_none_or(|from| end > from.0) && to.is_none_or(|to| begin < to.0)
}

/// The rows by the folder they belong into.
fn by_partition<'r>(definition: &Value, rows: &'r [Object], now: Nanos) -> Result<Vec<(String, Vec<&'r Object>)>, Exception> {
    let partitions = definition.pointer("/datastorePartitions/partitions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if partitions.is_empty() {
        return Ok(vec![(day_folder(now), rows.iter().collect())]);
    }
    let mut folders: Vec<(String, Vec<&Object>)> = Vec::new();
    for row in rows {
        let mut folder = String::new();
        for partition in partitions {
            folder.push_str(&partition_folder(partition, row)?);
        }
        match folders.iter_mut().find(|(known, _)| *known == folder) {
            Some((_, rows)) => rows.push(row),
            None => folders.push((folder, vec![row])),
        }
    }
    Ok(folders)
}

/// `__partition_x=v/`, or `__year=2021/__month=6/__day=1/__hour=3/` (facts: custom partitions; the paths are inferred).
fn partition_folder(partition: &Value, row: &Object) -> Result<String, Exception> {
    const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
    if let Some(name) = partition.pointer("/attributePartition/attributeName").and_then(Value::as_str) {
        let value = match row.get(name) {
            None | Some(Cell::Null) => NULL.to_owned(),
            Some(Cell::String(text)) => hive_escaped(text),
            Some(other) => hive_escaped(&other.to_json().to_string()),
        };
        return Ok(format!("__partition_{}={value}/", name.to_lowercase()));
    }
    let Some(timestamp) = partition.get("timestampPartition") else { return Ok(String::new()) };
    let name = timestamp.get("attributeName").and_then(Value::as_str).unwrap_or_default();
    let format = match timestamp.get("timestampFormat").and_then(Value::as_str) {
        None => TimeFormat::EpochSeconds,
        Some(pattern) => TimeFormat::Java(JavaPattern::new(pattern).map_err(|problem| Exception::invalid_request(problem.to_string()))?),
    };
    let Some(time) = row.get(name).and_then(|value| format.try_read(value)) else {
        return Ok(format!("__year={NULL}/__month={NULL}/__day={NULL}/__hour={NULL}/"));
    };
    let text = time.to_timestream();
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or_default();
    Ok(format!("__year={}/__month={}/__day={}/__hour={}/", part(0..4), part(5..7), part(8..10), part(11..13)))
}

/// A value as Hive writes it into a key. Only what could end the folder's name, or look like an escape, must be escaped.
fn hive_escaped(text: &str) -> String {
    if text.is_empty() {
        return "__HIVE_DEFAULT_PARTITION__".to_owned();
    }
    let mut escaped = String::new();
    for character in text.chars() {
        if character.is_control() || "\"#%'*/:=?\\{}[]^".contains(character) {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                escaped.push('%');
                escaped.extend(
                    [byte >> 4, byte & 0xf]
                        .into_iter()
                        .filter_map(|digit| char::from_digit(digit.into(), 16))
                        .map(|c| c.to_ascii_uppercase()),
                );
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}
