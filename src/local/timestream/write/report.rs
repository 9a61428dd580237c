//! Reports of magnetic writes that were taken and then dropped: `rejected/<bucket>/<prefix>/<database>/<table>/<report id>.json`
//! below the data directory.
//!
//! The layout of the real report is not known; this is the one of scheduled queries, which belongs to the same family
//! (facts §1.5). The path below bucket and prefix is chosen.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::WriteRequest;
use super::record::Incoming;
use super::value::Datum;
use crate::local::timestream::store::RecordKind;
use crate::time::Nanos;

/// A record that was dropped.
#[derive(Debug)]
pub(super) struct Drop<'a> {
    pub(super) record: &'a Incoming,
    pub(super) reason: String,
}

/// Bytes of one part of a path, so that it can be a file name anywhere.
const PART_BYTES_MAX: usize = 200;

/// Writes one report.
pub(super) fn write_report(
    root: &Path,
    bucket: &str,
    prefix: &str,
    request: &WriteRequest,
    drops: &[Drop<'_>],
    now: Nanos,
) -> std::io::Result<()> {
    let id = report_id(drops, now);
    let mut directory: PathBuf = root.join(safe(bucket));
    let parts = prefix.split('/').filter(|part| !part.is_empty()).chain([request.database.as_str(), request.table.as_str()]);
    directory.extend(parts.map(safe));
    std::fs::create_dir_all(&directory)?;
    let body = report(&id, drops).to_string();
    // Whoever lists the directory sees whole reports only.
    let unfinished = directory.join(format!("{id}.tmp"));
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(body.as_bytes())?;
    drop(file);
    std::fs::rename(unfinished, directory.join(format!("{id}.json")))
}

/// A part of a path that stays inside its directory whatever it says: dots alone, separators and control characters are
/// written as `%2e` and its like.
fn safe(part: &str) -> String {
    let only_dots = part.bytes().all(|b| b == b'.');
    let mut safe = String::with_capacity(part.len());
    for c in part.chars() {
        if c == '/' || c == '\\' || c == '%' || c.is_control() || (only_dots && c == '.') {
            safe.push_str(&format!("%{:02x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    if safe.len() <= PART_BYTES_MAX {
        return safe;
    }
    // Long names are cut; a digest of the whole keeps them apart.
    let end = (0..=PART_BYTES_MAX).rev().find(|end| safe.is_char_boundary(*end)).unwrap_or(0);
    format!("{}-{:016x}", &safe[..end], xxhash_rust::xxh3::xxh3_64(part.as_bytes()))
}

/// Of the form of a UUID; the same for the same drops at the same instant.
fn report_id(drops: &[Drop<'_>], now: Nanos) -> String {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(&now.0.to_le_bytes());
    for drop in drops {
        hasher.update(dropped(drop.record).to_string().as_bytes());
    }
    let hex = format!("{:032x}", hasher.digest128());
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn report(id: &str, drops: &[Drop<'_>]) -> Value {
    let mut by_reason: Map<String, Value> = Map::new();
    for drop in drops {
        let records = by_reason.entry(drop.reason.clone()).or_insert_with(|| json!([]));
        if let Some(records) = records.as_array_mut() {
            records.push(dropped(drop.record));
        }
    }
    let errors: Vec<Value> = by_reason.into_iter().map(|(reason, records)| json!({ "reason": reason, "records": records })).collect();
    json!({ "reportId": id, "errors": errors })
}

fn dropped(record: &Incoming) -> Value {
    let dimension = |(name, value): &(String, String)| json!({ "name": name, "value": value, "dimensionValueType": null });
    let measure = |(name, value): &(String, Datum)| json!({ "name": name, "value": value.text(), "type": value.kind().name() });
    let (single, multi) = match record.kind {
        RecordKind::Single(_) => (record.values.first().map(|(_, value)| value.text()), None),
        RecordKind::Multi => (None, Some(record.values.iter().map(measure).collect::<Vec<_>>())),
    };
    json!({
        "dimensions": record.dimensions.iter().map(dimension).collect::<Vec<_>>(),
        "measureName": record.measure_name,
        "measureValue": single,
        "measureValues": multi,
        "measureValueType": record.kind.name(),
        "time": record.time.to_string(),
        "timeUnit": "NANOSECONDS",
        "version": record.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_directory() {
        assert_eq!(safe(".."), "%2e%2e");
        assert_eq!(safe("a/../b\\c\n"), "a%2f..%2fb%5cc%0a");
        assert_eq!(safe("a..b-1_c"), "a..b-1_c");
        let (one, other) = ("n".repeat(256), format!("{}x", "n".repeat(255)));
        assert_ne!(safe(&one), safe(&other));
        assert!(safe(&one).len() < 255);
    }
}
