//! Reports of records that the service took with a 200 and dropped afterwards: updates of the magnetic store that are not newer
//! (facts: asynchronous rejection). They lie in S3, at the rejected-data location of the table.
//!
//! The layout for magnetic writes is not documented. Read is that of its family, the reports of scheduled queries: wherever an object
//! has a `reason` beside `records`. Names may begin in lower or upper case. What cannot be read is said, never passed over.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use serde_json::Value;

use super::fault::one_line;
use super::rejection::cause;
use crate::record::Record;
use crate::target::LateRejection;
use crate::time::Nanos;

/// A report larger than this is not read.
const REPORT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Folders inside folders.
const DEPTH_MAX: usize = 64;
const NESTING_MAX: usize = 16;

/// Where reports lie.
#[derive(Debug, Clone)]
pub enum ReportsAt {
    /// A directory, with whatever folders below it.
    Directory(PathBuf),
    Bucket {
        bucket: String,
        prefix: String,
        sdk_config: Box<SdkConfig>,
        /// An endpoint instead of AWS; buckets are then part of the path.
        endpoint_url: Option<String>,
    },
}

/// One report, or why it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The path below the directory, or the key.
    pub name: String,
    pub rejections: Result<Vec<LateRejection>, String>,
}

/// Why reports could not be had at all.
#[derive(Debug, thiserror::Error)]
pub enum ReportsError {
    #[error("the reports of rejected data below `{path}` cannot be read: {source}", path = path.display())]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("the reports of rejected data in `s3://{bucket}` cannot be listed: {reason}")]
    Bucket { bucket: String, reason: String },
}

impl ReportsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Directory { .. } => "name a directory, or s3://bucket/prefix".to_owned(),
            Self::Bucket { .. } => "it needs s3:ListBucket on the bucket and s3:GetObject below the prefix".to_owned(),
        })
    }
}

impl ReportsAt {
    /// Hands every report to `each`, in the order of names.
    ///
    /// # Errors
    /// [`ReportsError`] when the place cannot be listed. A single report that cannot be read is handed on as such.
    pub async fn read(&self, each: &mut (dyn FnMut(Report) + Send)) -> Result<(), ReportsError> {
        match self {
            Self::Directory(path) => below(path, path, 0, each),
            Self::Bucket { bucket, prefix, sdk_config, endpoint_url } => {
                let mut config = aws_sdk_s3::config::Builder::from(&**sdk_config);
                if let Some(url) = endpoint_url {
                    config = config.endpoint_url(url);
                }
                let elsewhere = endpoint_url.is_some() || sdk_config.endpoint_url().is_some();
                let client = aws_sdk_s3::Client::from_conf(config.force_path_style(elsewhere).build());
                in_bucket(&client, bucket, prefix, each).await
            }
        }
    }
}

fn below(root: &Path, folder: &Path, depth: usize, each: &mut (dyn FnMut(Report) + Send)) -> Result<(), ReportsError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportsError::Directory { path, source }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        paths.push(entry.map_err(failed(folder))?.path());
    }
    paths.sort();
    for path in paths {
        // A link is followed to a file, never to a folder: so there are no circles.
        let kind = std::fs::symlink_metadata(&path).map_err(failed(&path))?.file_type();
        if kind.is_dir() {
            if depth < DEPTH_MAX {
                below(root, &path, depth + 1, each)?;
            }
            continue;
        }
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if is_report(&name) {
            each(Report { name, rejections: of_file(&path).and_then(|bytes| rejections(&bytes)) });
        }
    }
    Ok(())
}

/// Reports are JSON; an unfinished upload or a note beside them is none.
fn is_report(name: &str) -> bool {
    name.len() >= 5 && name.as_bytes()[name.len() - 5..].eq_ignore_ascii_case(b".json")
}

fn of_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(REPORT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > REPORT_BYTES_MAX { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> String {
    format!("it has more than {REPORT_BYTES_MAX} bytes")
}

async fn in_bucket(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    prefix: &str,
    each: &mut (dyn FnMut(Report) + Send),
) -> Result<(), ReportsError> {
    let mut token = None;
    loop {
        let page = client.list_objects_v2().bucket(bucket).prefix(prefix).set_continuation_token(token).send().await;
        let page = page.map_err(|error| {
            let code = error.as_service_error().and_then(|error| error.code()).map(str::to_owned);
            let reason = code.unwrap_or_else(|| one_line(&DisplayErrorContext(&error).to_string()));
            ReportsError::Bucket { bucket: bucket.to_owned(), reason }
        })?;
        for object in page.contents() {
            let Some(key) = object.key().filter(|key| is_report(key)) else { continue };
            let large = object.size().and_then(|size| u64::try_from(size).ok()).is_some_and(|size| size > REPORT_BYTES_MAX);
            let bytes = if large { Err(too_large()) } else { of_object(client, bucket, key).await };
            each(Report { name: key.to_owned(), rejections: bytes.and_then(|bytes| rejections(&bytes)) });
        }
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            return Ok(());
        }
    }
}

async fn of_object(client: &aws_sdk_s3::Client, bucket: &str, key: &str) -> Result<Vec<u8>, String> {
    let got = client.get_object().bucket(bucket).key(key).send().await;
    let got = got.map_err(|error| match error.as_service_error().and_then(|error| error.meta().code()) {
        Some(code) => code.to_owned(),
        None => one_line(&DisplayErrorContext(&error).to_string()),
    })?;
    Ok(got.body.collect().await.map_err(|error| error.to_string())?.to_vec())
}

/// The records of one report.
fn rejections(bytes: &[u8]) -> Result<Vec<LateRejection>, String> {
    let report: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
    let mut found = Vec::new();
    let mut groups = 0;
    gather(&report, 0, &mut groups, &mut found)?;
    if groups == 0 { Err("it has no `reason` beside `records`".to_owned()) } else { Ok(found) }
}

fn gather(value: &Value, depth: usize, groups: &mut usize, found: &mut Vec<LateRejection>) -> Result<(), String> {
    if depth > NESTING_MAX {
        return Ok(());
    }
    if let (Some(reason), Some(records)) = (text(value, "reason"), member(value, "records").and_then(Value::as_array)) {
        *groups += 1;
        for record in records {
            let key = record_of(record)?.key();
            found.push(LateRejection { key, cause: cause(reason, None), reason: one_line(reason) });
        }
        return Ok(());
    }
    match value {
        Value::Array(all) => all.iter().try_for_each(|one| gather(one, depth + 1, groups, found)),
        Value::Object(all) => all.values().try_for_each(|one| gather(one, depth + 1, groups, found)),
        _ => Ok(()),
    }
}

/// As much of a record as its identity needs.
fn record_of(value: &Value) -> Result<Record, String> {
    let mut dimensions = Vec::new();
    for dimension in member(value, "dimensions").and_then(Value::as_array).ok_or("a record has no dimensions")? {
        let (Some(name), Some(value)) = (text(dimension, "name"), text(dimension, "value")) else {
            return Err("a dimension has no name or no value".to_owned());
        };
        dimensions.push((name.into(), value.to_owned()));
    }
    dimensions.sort_by(|(a, _): &(std::sync::Arc<str>, String), (b, _)| a.cmp(b));
    let measure_name = text(value, "measureName").ok_or("a record has no measure name")?.into();
    let time = member(value, "time").ok_or("a record has no time")?;
    let time = match time {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    let unit = match text(value, "timeUnit").unwrap_or("NANOSECONDS") {
        "SECONDS" => 1_000_000_000,
        "MILLISECONDS" => 1_000_000,
        "MICROSECONDS" => 1_000,
        "NANOSECONDS" => 1,
        other => return Err(format!("`{}` is no unit of time", one_line(other))),
    };
    let time = time.and_then(|time: i64| time.checked_mul(unit)).ok_or("the time of a record is no number of its unit")?;
    Ok(Record { dimensions, measure_name, measures: Vec::new(), time: Nanos(time) })
}

/// A member by its name, which begins in lower case here.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object.get(name).or_else(|| {
        let (first, rest) = name.split_at_checked(1)?;
        object.get(&format!("{}{rest}", first.to_ascii_uppercase()))
    })
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    member(value, name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::RejectionCause;

    /// The sample of the reports' family (facts: asynchronous rejection).
    const SAMPLE: &str = r#"{"reportId":"r","errors":[{"reason":"The record timestamp is outside the time range [a, b) of the memory store.",
        "records":[{"dimensions":[{"name":"room","value":"hall","dimensionValueType":null},{"name":"device","value":"d1"}],"measureName":"m",
        "measureValue":"1.0","measureValues":null,"measureValueType":"DOUBLE","time":"1797393807000000000","timeUnit":null}]}]}"#;

    fn key_of(time: i64) -> crate::record::RecordKey {
        let dimensions = vec![("device".into(), "d1".to_owned()), ("room".into(), "hall".to_owned())];
        Record { dimensions, measure_name: "m".into(), measures: Vec::new(), time: Nanos(time) }.key()
    }

    #[test]
    fn a_report_names_its_records_whatever_the_case_and_the_unit() {
        let sample = rejections(SAMPLE.as_bytes()).unwrap();
        assert_eq!(sample.len(), 1);
        assert_eq!(sample[0].key, key_of(1_797_393_807_000_000_000));
        assert!(matches!(sample[0].cause, RejectionCause::OutsideWindow { .. }));
        let upper = r#"[{"Reason":"The record version 1 is lower than the existing version 9.","Records":[{"Dimensions":[{"Name":"device",
            "Value":"d1"},{"Name":"room","Value":"hall"}],"MeasureName":"m","Time":1797393807,"TimeUnit":"SECONDS"}]}]"#;
        let upper = rejections(upper.as_bytes()).unwrap();
        assert_eq!((upper[0].key, &upper[0].cause), (sample[0].key, &RejectionCause::OlderVersion { existing: None }));
    }

    #[test]
    fn a_report_that_cannot_be_read_is_said_and_the_others_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        write("a/good.json", SAMPLE);
        write("a/half.json", &SAMPLE[..40]);
        write("other.json", "{}");
        write("time.json", &SAMPLE.replace("1797393807000000000", "soon"));
        write("notes.txt", "nothing");
        let mut told = Vec::new();
        let at = ReportsAt::Directory(directory.path().to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(at.read(&mut |report| told.push((report.name, report.rejections.map(|found| found.len()).is_ok())))).unwrap();
        let told: Vec<(&str, bool)> = told.iter().map(|(name, read)| (name.as_str(), *read)).collect();
        assert_eq!(told, [("a/good.json", true), ("a/half.json", false), ("other.json", false), ("time.json", false)]);
        let nowhere = ReportsAt::Directory(directory.path().join("nowhere"));
        assert!(runtime.block_on(nowhere.read(&mut |_| {})).unwrap_err().hint().is_some());
    }
}
