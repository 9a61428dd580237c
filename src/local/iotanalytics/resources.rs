//! Channels, datastores, pipelines and datasets: made, described, listed, changed, removed.

use serde_json::{Map, Value, json};

use super::model::{CREATE_CHANNEL, CREATE_DATASET, CREATE_DATASTORE, CREATE_PIPELINE, PAGE_SIZE};
use super::route::Resource;
use super::shape::Shape;
use super::store::Kept;
use super::{Query, Service, limit_exceeded, objects, pipelines, seconds, shape};
use crate::encoding::{base64, from_base64};
use crate::local::exception::Exception;

/// Names of one page, where the request does not say (facts: 1-250, default 100).
const PAGE_DEFAULT: usize = 100;

impl Service {
    pub(super) fn create(&self, kind: Resource, mut request: Map<String, Value>) -> Result<Value, Exception> {
        let name_member = format!("{}Name", kind.word());
        shape::check(shape_of(kind), &Value::Object(request.clone()), "")?;
        let name = request.shift_remove(&name_member).and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        let tags = request.shift_remove("tags");
        request.retain(|_, value| !value.is_null());
        self.check(kind, &name, &request)?;
        with_defaults(kind, &mut request);
        let arn = self.arn(kind, &name);
        let definition = Value::Object(request);
        {
            let store = self.store();
            if store.get(kind, &name)?.is_some() {
                let message = format!("A {} with the name '{name}' already exists in your account.", kind.word());
                return Err(Exception::exists(message, &name, arn));
            }
            if store.count(kind)? >= kind.quota() {
                let message = format!("The limit of {} {}s per account was reached.", kind.quota(), kind.word());
                return Err(limit_exceeded(message));
            }
            store.insert(kind, &name, &definition, self.clock.now())?;
        }
        self.set_tags(&arn, tags.as_ref())?;
        let mut answer = json!({ name_member: name, format!("{}Arn", kind.word()): arn });
        if let (Some(period), true) = (definition.get("retentionPeriod"), kind != Resource::Pipeline) {
            answer["retentionPeriod"] = period.clone();
        }
        Ok(answer)
    }

    pub(super) fn describe(&self, kind: Resource, name: &str, with_statistics: bool) -> Result<Value, Exception> {
        let kept = self.known(kind, name)?;
        let mut described = json!({ "name": name, "arn": self.arn(kind, name) });
        if kind != Resource::Pipeline {
            described["status"] = "ACTIVE".into();
        }
        for (from, to) in described_members(kind) {
            if let Some(value) = kept.definition.get(from) {
                described[to] = value.clone();
            }
        }
        described["creationTime"] = seconds(kept.created);
        described["lastUpdateTime"] = seconds(kept.updated);
        if let Some(arrived) = kept.arrived {
            described["lastMessageArrivalTime"] = seconds(arrived);
        }
        if kind == Resource::Pipeline {
            described["reprocessingSummaries"] = self.reprocessing_summaries(name)?;
        }
        let mut answer = json!({ kind.word(): described });
        // Facts: statistics are not available for customer-managed storage.
        if with_statistics && kept.definition.pointer(&format!("/{}Storage/customerManagedS3", kind.word())).is_none() {
            let bytes = self.stored_bytes(kind, &kept)?;
            answer["statistics"] = json!({ "size": { "estimatedSizeInBytes": bytes, "estimatedOn": seconds(self.clock.now()) } });
        }
        Ok(answer)
    }

    pub(super) fn list(&self, kind: Resource, query: &Query) -> Result<Value, Exception> {
        let limit = query.whole("maxResults", &PAGE_SIZE)?.unwrap_or(PAGE_DEFAULT);
        let after = page_begin(query)?;
        let mut found = self.store().list(kind, &after, limit + 1)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = more.then(|| found.last().map(|last| page_token(&last.name))).flatten();
        let summaries = found.iter().map(|kept| self.summary(kind, kept)).collect::<Result<Vec<_>, _>>()?;
        let mut answer = json!({ format!("{}Summaries", kind.word()): summaries });
        if let Some(next) = next {
            answer["nextToken"] = next.into();
        }
        Ok(answer)
    }

    pub(super) fn update(&self, kind: Resource, name: &str, mut request: Map<String, Value>) -> Result<Value, Exception> {
        let kept = self.known(kind, name)?;
        request.retain(|_, value| !value.is_null());
        let mut whole = request.clone();
        whole.insert(format!("{}Name", kind.word()), name.into());
        shape::check(shape_of(kind), &Value::Object(whole), "")?;
        let mut definition = match kept.definition {
            // What is not named keeps its value; pipelines and datasets are replaced.
            Value::Object(old) if matches!(kind, Resource::Channel | Resource::Datastore) => old,
            _ => Map::new(),
        };
        unchangeable(kind, &definition, &request)?;
        definition.extend(request);
        self.check(kind, name, &definition)?;
        with_defaults(kind, &mut definition);
        self.store().update(kind, name, &Value::Object(definition), self.clock.now())?;
        Ok(Value::Null)
    }

    pub(super) fn delete(&self, kind: Resource, name: &str) -> Result<Value, Exception> {
        let kept = self.known(kind, name)?;
        self.remove_managed_objects(kind, &kept)?;
        self.store().remove(kind, name, &self.arn(kind, name))?;
        Ok(Value::Null)
    }

    /// The resource, or why there is none.
    pub(super) fn known(&self, kind: Resource, name: &str) -> Result<Kept, Exception> {
        self.store().get(kind, name)?.ok_or_else(|| Exception::not_found(format!("{} {name} was not found.", kind.word())))
    }

    /// What the shapes do not say.
    fn check(&self, kind: Resource, name: &str, definition: &Map<String, Value>) -> Result<(), Exception> {
        match kind {
            Resource::Channel | Resource::Datastore => self.check_storage(kind, definition),
            Resource::Pipeline => {
                let (channel, datastore) = pipelines::ends(name, definition.get("pipelineActivities").unwrap_or(&Value::Null))?;
                self.known(Resource::Channel, &channel)?;
                self.known(Resource::Datastore, &datastore).map(drop)
            }
            Resource::Dataset => check_dataset(definition),
        }
    }

    fn check_storage(&self, kind: Resource, definition: &Map<String, Value>) -> Result<(), Exception> {
        let member = format!("{}Storage", kind.word());
        if definition.get(&member).and_then(Value::as_object).is_some_and(|storage| storage.len() != 1) {
            return Err(Exception::invalid_request(format!("Exactly one kind of storage must be given in {member}.")));
        }
        check_retention(definition)?;
        let places = ["customerManagedS3", "iotSiteWiseMultiLayerStorage/customerManagedS3Storage"];
        let value = Value::Object(definition.clone());
        for place in places {
            if let Some(bucket) = value.pointer(&format!("/{member}/{place}/bucket")).and_then(Value::as_str)
                && !self.customer.has_bucket(bucket)?
            {
                return Err(Exception::invalid_request(format!("The bucket {bucket} does not exist.")));
            }
        }
        let formats = definition.get("fileFormatConfiguration").and_then(Value::as_object);
        if formats.is_some_and(|formats| formats.len() > 1) {
            return Err(Exception::invalid_request("Exactly one file format must be given."));
        }
        objects::columns_of(&value).map(drop)
    }

    fn summary(&self, kind: Resource, kept: &Kept) -> Result<Value, Exception> {
        let mut summary = json!({ format!("{}Name", kind.word()): kept.name });
        match kind {
            Resource::Pipeline => summary["reprocessingSummaries"] = self.reprocessing_summaries(&kept.name)?,
            _ => summary["status"] = "ACTIVE".into(),
        }
        match kind {
            Resource::Channel | Resource::Datastore => {
                for member in [format!("{}Storage", kind.word()), "datastorePartitions".to_owned()] {
                    if let Some(value) = kept.definition.get(&member) {
                        summary[member] = value.clone();
                    }
                }
                if kind == Resource::Datastore {
                    summary["fileFormatType"] = if objects::columns_of(&kept.definition)?.is_some() { "PARQUET" } else { "JSON" }.into();
                }
                if let Some(arrived) = kept.arrived {
                    summary["lastMessageArrivalTime"] = seconds(arrived);
                }
            }
            Resource::Dataset => {
                if let Some(triggers) = kept.definition.get("triggers") {
                    summary["triggers"] = triggers.clone();
                }
                summary["actions"] = action_summaries(&kept.definition);
            }
            Resource::Pipeline => {}
        }
        summary["creationTime"] = seconds(kept.created);
        summary["lastUpdateTime"] = seconds(kept.updated);
        Ok(summary)
    }
}

fn shape_of(kind: Resource) -> &'static Shape {
    match kind {
        Resource::Channel => &CREATE_CHANNEL,
        Resource::Datastore => &CREATE_DATASTORE,
        Resource::Pipeline => &CREATE_PIPELINE,
        Resource::Dataset => &CREATE_DATASET,
    }
}

/// Members of a definition, and what they are called when it is described.
fn described_members(kind: Resource) -> &'static [(&'static str, &'static str)] {
    match kind {
        Resource::Channel => &[("channelStorage", "storage"), ("retentionPeriod", "retentionPeriod")],
        Resource::Datastore => &[
            ("datastoreStorage", "storage"),
            ("retentionPeriod", "retentionPeriod"),
            ("fileFormatConfiguration", "fileFormatConfiguration"),
            ("datastorePartitions", "datastorePartitions"),
        ],
        Resource::Pipeline => &[("pipelineActivities", "activities")],
        Resource::Dataset => &[
            ("actions", "actions"),
            ("triggers", "triggers"),
            ("contentDeliveryRules", "contentDeliveryRules"),
            ("retentionPeriod", "retentionPeriod"),
            ("versioningConfiguration", "versioningConfiguration"),
            ("lateDataRules", "lateDataRules"),
        ],
    }
}

/// What the service fills in (facts: storage options, dataset definition).
fn with_defaults(kind: Resource, definition: &mut Map<String, Value>) {
    let mut default = |name: &str, value: Value| {
        definition.entry(name).or_insert(value);
    };
    match kind {
        Resource::Channel | Resource::Datastore => {
            default(&format!("{}Storage", kind.word()), json!({ "serviceManagedS3": {} }));
            default("retentionPeriod", json!({ "unlimited": true }));
        }
        Resource::Dataset => {
            default("triggers", json!([]));
            default("contentDeliveryRules", json!([]));
        }
        Resource::Pipeline => {}
    }
    if kind == Resource::Datastore {
        default("fileFormatConfiguration", json!({ "jsonConfiguration": {} }));
    }
}

/// Refuses a change of what cannot be changed later (facts: storage options; columns can only be added).
fn unchangeable(kind: Resource, old: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), Exception> {
    let storage = format!("{}Storage", kind.word());
    if let (Some(old), Some(new)) = (old.get(&storage), new.get(&storage))
        && old.as_object().map(|kinds| kinds.keys().collect::<Vec<_>>()) != new.as_object().map(|kinds| kinds.keys().collect())
    {
        return Err(Exception::invalid_request("The kind of storage cannot be changed."));
    }
    let columns = |definition: &Map<String, Value>| objects::columns_of(&Value::Object(definition.clone()));
    if kind == Resource::Datastore && new.contains_key("fileFormatConfiguration") {
        match (columns(old)?, columns(new)?) {
            (None, None) => {}
            (Some(old), Some(new)) if old.iter().all(|column| new.contains(column)) => {}
            _ => return Err(Exception::invalid_request("The file format cannot be changed, and columns can only be added.")),
        }
    }
    Ok(())
}

fn check_retention(definition: &Map<String, Value>) -> Result<(), Exception> {
    let Some(period) = definition.get("retentionPeriod") else { return Ok(()) };
    let unlimited = period.get("unlimited").and_then(Value::as_bool).unwrap_or(false);
    if unlimited == period.get("numberOfDays").is_some_and(|days| !days.is_null()) {
        return Err(Exception::invalid_request("Either unlimited or numberOfDays must be given in retentionPeriod."));
    }
    Ok(())
}

fn check_dataset(definition: &Map<String, Value>) -> Result<(), Exception> {
    check_retention(definition)?;
    let empty = Vec::new();
    let list = |name: &str| definition.get(name).and_then(Value::as_array).unwrap_or(&empty);
    for action in list("actions") {
        if action.get("queryAction").is_some() == action.get("containerAction").is_some() {
            return Err(Exception::invalid_request("Exactly one of queryAction and containerAction must be given in an action."));
        }
    }
    // Facts: "Exactly one trigger type should be provided".
    for trigger in list("triggers") {
        if trigger.get("schedule").is_some() == trigger.get("dataset").is_some() {
            return Err(Exception::invalid_request("Exactly one trigger type should be provided."));
        }
    }
    let has_window = definition.get("actions").and_then(|actions| actions.pointer("/0/queryAction/filters/0/deltaTime")).is_some();
    if definition.contains_key("lateDataRules") && !has_window {
        return Err(Exception::invalid_request("Late data rules need a deltaTime filter."));
    }
    Ok(())
}

fn action_summaries(definition: &Value) -> Value {
    let summary = |action: &Value| {
        let kind = if action.get("containerAction").is_some() { "CONTAINER" } else { "QUERY" };
        let mut summary = json!({ "actionType": kind });
        if let Some(name) = action.get("actionName") {
            summary["actionName"] = name.clone();
        }
        summary
    };
    definition.get("actions").and_then(Value::as_array).map(|actions| actions.iter().map(summary).collect()).unwrap_or_default()
}

/// Where a page ends, as a token that says nothing to anybody else.
pub(super) fn page_token(last: &str) -> String {
    base64(last.as_bytes())
}

/// Behind which name the page begins.
pub(super) fn page_begin(query: &Query) -> Result<String, Exception> {
    let Some(token) = query.text("nextToken") else { return Ok(String::new()) };
    let name = from_base64(token).and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| Exception::invalid_request("The nextToken is not one that was given."))
}
