//! Contents of datasets: made on demand, kept as CSV in the embedded S3, handed out through presigned addresses, delivered.
//!
//! Schedules are kept and described, and nobody waits for them: contents are made when they are asked for.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::config::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use serde_json::{Map, Value, json};

use super::model::{CREATE_CONTENT, PAGE_SIZE, VERSION};
use super::resources::{page_begin, page_token};
use super::route::Resource;
use super::store::{Content, Kept};
use super::{Query, Service, seconds, shape, uuid};
use crate::local::exception::Exception;
use crate::local::s3::SECRET_ACCESS_KEY;
use crate::time::{Clock as _, Nanos, SystemClock};

/// The bucket of results, named as the service names its own.
const RESULTS_BUCKET: &str = "aws-iot-analytics-datasets-00000000-0000-4000-8000-000000000000";
/// Facts: `X-Amz-Expires=7200`.
const ADDRESS_LIFE: Duration = Duration::from_secs(7200);
const PAGE_DEFAULT: usize = 100;
const LATEST: &str = "$LATEST";
const LATEST_SUCCEEDED: &str = "$LATEST_SUCCEEDED";

/// The span of a deltaTime filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// The time expression, as it was defined: SQL of the customer's own query.
    pub(super) expression: String,
    /// None for the first content: its lower bound is not documented (facts: deltaTime).
    pub(super) from: Option<Nanos>,
    pub(super) to: Nanos,
}

impl Service {
    pub(super) fn create_content(self: &Arc<Self>, name: &str, request: &Map<String, Value>) -> Result<Value, Exception> {
        let dataset = self.known(Resource::Dataset, name)?;
        shape::check(&CREATE_CONTENT, &Value::Object(request.clone()), "")?;
        let now = self.clock.now();
        let given = request.get("versionId").and_then(Value::as_str);
        // Facts: versionId may only be given for deltaTime datasets.
        if given.is_some() && delta_time(&dataset).is_none() {
            return Err(Exception::invalid_request("A versionId can only be given for a dataset with a deltaTime filter."));
        }
        let content = {
            let store = self.store();
            let serial = store.next_serial()?;
            let version = given.map_or_else(|| uuid(name, serial, now), str::to_owned);
            let entry = dataset.definition.pointer("/contentDeliveryRules/0/entryName").and_then(Value::as_str).map(str::to_owned);
            let content =
                Content { serial, version, created: now, completed: None, state: "CREATING".to_owned(), reason: None, entry, key: None };
            store.put_content(name, &content)?;
            content
        };
        let answer = json!({ "versionId": content.version });
        let service = Arc::clone(self);
        // Blocking, and nobody waits: clients poll.
        drop(tokio::task::spawn_blocking(move || service.make(&dataset, content)));
        Ok(answer)
    }

    /// Makes a content, and remembers how that ended.
    fn make(&self, dataset: &Kept, mut content: Content) {
        match self.made(dataset, &content) {
            Ok(key) => {
                content.state = "SUCCEEDED".to_owned();
                content.key = Some(key);
            }
            Err(reason) => {
                content.state = "FAILED".to_owned();
                content.reason = Some(reason);
            }
        }
        content.completed = Some(self.clock.now());
        let kept = self.store().put_content(&dataset.name, &content).map_err(Exception::from);
        if let Err(exception) = kept.and_then(|()| self.prune(dataset)) {
            tracing::error!(dataset = %dataset.name, ?exception, "the end of a content could not be kept");
        }
    }

    fn made(&self, dataset: &Kept, content: &Content) -> Result<String, String> {
        let action = dataset.definition.pointer("/actions/0/queryAction");
        let Some(sql) = action.and_then(|action| action.get("sqlQuery")).and_then(Value::as_str) else {
            return Err("The embedded service runs no containers.".to_owned());
        };
        let window = delta_time(dataset).map(|(expression, offset)| self.window(dataset, content, expression, offset)).transpose();
        let csv = self.ask(sql, window.map_err(|exception| exception.message)?.as_ref())?;
        let key = format!("results/{}.csv", uuid(&dataset.name, -content.serial, content.created));
        let put = || {
            self.customer.create_bucket(RESULTS_BUCKET)?;
            self.customer.put(RESULTS_BUCKET, &key, csv.as_bytes())
        };
        put().map_err(|error| error.to_string())?;
        self.deliver(dataset, content, &csv)?;
        Ok(key)
    }

    /// From the end of the last content that succeeded to now, moved by the offset.
    fn window(&self, dataset: &Kept, content: &Content, expression: String, offset: Nanos) -> Result<Window, Exception> {
        let last =
            self.store().contents(&dataset.name)?.into_iter().find(|other| other.state == "SUCCEEDED" && other.serial < content.serial);
        let moved = |time: Nanos| Nanos(time.0.saturating_add(offset.0));
        Ok(Window { expression, from: last.map(|last| moved(last.created)), to: moved(content.created) })
    }

    /// Writes the content where the delivery rules say. Other destinations than S3 are gone.
    fn deliver(&self, dataset: &Kept, content: &Content, csv: &str) -> Result<(), String> {
        let rules = dataset.definition.get("contentDeliveryRules").and_then(Value::as_array).into_iter().flatten();
        for destination in rules.filter_map(|rule| rule.pointer("/destination/s3DestinationConfiguration")) {
            let text = |member: &str| destination.get(member).and_then(Value::as_str).unwrap_or_default();
            // The form of the times inside a key is not documented (docs/fidelity.md).
            let key = text("key")
                .replace("!{iotanalytics:scheduleTime}", &content.created.to_iso8601())
                .replace("!{iotanalytics:creationTime}", &content.created.to_iso8601())
                .replace("!{iotanalytics:versionId}", &content.version);
            self.customer
                .put(text("bucket"), &key, csv.as_bytes())
                .map_err(|error| format!("The content could not be delivered to {}: {error}", text("bucket")))?;
        }
        Ok(())
    }

    /// Keeps the versions that the dataset is to keep (facts: latest and latest succeeded, unless versioning says otherwise).
    fn prune(&self, dataset: &Kept) -> Result<(), Exception> {
        let versioning = dataset.definition.get("versioningConfiguration");
        if versioning.and_then(|versioning| versioning.get("unlimited")).and_then(Value::as_bool) == Some(true) {
            return Ok(());
        }
        let most = versioning.and_then(|versioning| versioning.get("maxVersions")).and_then(Value::as_u64);
        let most = most.map_or(1, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let contents = self.store().contents(&dataset.name)?;
        let latest_good = contents.iter().position(|content| content.state == "SUCCEEDED");
        for (at, content) in contents.iter().enumerate().skip(most) {
            if Some(at) != latest_good && content.state != "CREATING" {
                self.remove_content(&dataset.name, content)?;
            }
        }
        Ok(())
    }

    fn remove_content(&self, dataset: &str, content: &Content) -> Result<(), Exception> {
        if let Some(key) = &content.key {
            self.customer.delete(RESULTS_BUCKET, key)?;
        }
        Ok(self.store().remove_content(dataset, content.serial)?)
    }

    fn version(&self, dataset: &str, version: Option<&str>) -> Result<Content, Exception> {
        self.known(Resource::Dataset, dataset)?;
        let wanted = version.unwrap_or(LATEST_SUCCEEDED);
        shape::check(&VERSION, &json!(wanted), "versionId")?;
        let is_it = |content: &Content| match wanted {
            LATEST => true,
            LATEST_SUCCEEDED => content.state == "SUCCEEDED",
            version => content.version == version,
        };
        let found = self.store().contents(dataset)?.into_iter().find(is_it);
        found.ok_or_else(|| Exception::not_found(format!("The version {wanted} of the dataset {dataset} was not found.")))
    }

    pub(super) fn get_content(&self, dataset: &str, version: Option<&str>, address: &str) -> Result<Value, Exception> {
        let content = self.version(dataset, version)?;
        let entries: Vec<Value> = match &content.key {
            None => Vec::new(),
            Some(key) => {
                let mut entry = json!({ "dataURI": presigned(address, &self.region, key)? });
                if let Some(name) = &content.entry {
                    entry["entryName"] = name.as_str().into();
                }
                vec![entry]
            }
        };
        Ok(json!({ "entries": entries, "timestamp": seconds(content.created), "status": status(&content) }))
    }

    pub(super) fn delete_content(&self, dataset: &str, version: Option<&str>) -> Result<Value, Exception> {
        let content = self.version(dataset, version)?;
        self.remove_content(dataset, &content)?;
        Ok(Value::Null)
    }

    pub(super) fn list_contents(&self, dataset: &str, query: &Query) -> Result<Value, Exception> {
        self.known(Resource::Dataset, dataset)?;
        let limit = query.whole("maxResults", &PAGE_SIZE)?.unwrap_or(PAGE_DEFAULT);
        let (from, before) = (query.time("scheduledOnOrAfter")?, query.time("scheduledBefore")?);
        let after = match page_begin(query)? {
            token if token.is_empty() => i64::MAX,
            token => token.parse().map_err(|_| Exception::invalid_request("The nextToken is not one that was given."))?,
        };
        let contents = self.store().contents(dataset)?;
        let mut found: Vec<&Content> = contents
            .iter()
            .filter(|content| content.serial < after)
            .filter(|content| from.is_none_or(|from| content.created >= from) && before.is_none_or(|before| content.created < before))
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let mut answer = json!({ "datasetContentSummaries": found.iter().map(|content| summary(content)).collect::<Vec<_>>() });
        if let (true, Some(last)) = (more, found.last()) {
            answer["nextToken"] = page_token(&last.serial.to_string()).into();
        }
        Ok(answer)
    }
}

fn delta_time(dataset: &Kept) -> Option<(String, Nanos)> {
    let filter = dataset.definition.pointer("/actions/0/queryAction/filters/0/deltaTime")?;
    let offset = filter.get("offsetSeconds")?.as_i64()?;
    Some((filter.get("timeExpression")?.as_str()?.to_owned(), Nanos(offset.saturating_mul(1_000_000_000))))
}

fn status(content: &Content) -> Value {
    match &content.reason {
        Some(reason) => json!({ "state": content.state, "reason": reason }),
        None => json!({ "state": content.state }),
    }
}

fn summary(content: &Content) -> Value {
    let mut summary = json!({
        "version": content.version,
        "status": status(content),
        "creationTime": seconds(content.created),
        "scheduleTime": seconds(content.created),
    });
    if let Some(completed) = content.completed {
        summary["completionTime"] = seconds(completed);
    }
    summary
}

/// An address that anybody may read the object at, for two hours of real time: that is the clock its signature is checked by.
fn presigned(address: &str, region: &str, key: &str) -> Result<String, Exception> {
    let uri = format!("http://{address}/{RESULTS_BUCKET}/{key}");
    let identity = Credentials::new("embedded", SECRET_ACCESS_KEY, None, None, "embedded").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(ADDRESS_LIFE);
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(real_now())
        .settings(settings)
        .build()
        .map_err(Exception::internal)?
        .into();
    let request = SignableRequest::new("GET", &uri, std::iter::empty(), SignableBody::UnsignedPayload).map_err(Exception::internal)?;
    let (signature, _) = sign(request, &params).map_err(Exception::internal)?.into_parts();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in signature.params() {
        query.append_pair(name, value);
    }
    Ok(format!("{uri}?{}", query.finish()))
}

fn real_now() -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::try_from(SystemClock.now().0).unwrap_or_default())
}
