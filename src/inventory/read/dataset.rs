//! Datasets: one action, triggers, deliveries.

use super::super::fields::{Place, Reader};
use super::super::model::{Dataset, DatasetAction, Delivery, DeltaTime, Trigger, Versioning};
use super::storage::retention;

/// Actions beyond this are not even looked at.
const ACTIONS_READ_MAX: usize = 5;

/// Reads a whole dataset definition.
pub(crate) fn dataset(reader: &mut Reader<'_>, at: &Place<'_>, name: String) -> Option<Dataset> {
    let errors = reader.findings.errors();
    let action = reader.required(at, "actions").and_then(|list| action(reader, &list));
    let dataset = Dataset {
        origin: reader.findings.origin(&at.path),
        name,
        action,
        triggers: triggers(reader, at),
        deliveries: deliveries(reader, at),
        retention: retention(reader, at),
        versioning: versioning(reader, at),
        late_data_timeout_minutes: late_data_timeout(reader, at),
        tags: reader.tags(at),
    };
    (reader.findings.errors() == errors).then_some(dataset)
}

/// A dataset of which little more than the name is known.
pub(crate) fn named(reader: &mut Reader<'_>, at: &Place<'_>, name: String) -> Dataset {
    Dataset {
        origin: reader.findings.origin(&at.path),
        name,
        action: None,
        triggers: Vec::new(),
        deliveries: Vec::new(),
        retention: retention(reader, at),
        versioning: Versioning::Default,
        late_data_timeout_minutes: None,
        tags: reader.tags(at),
    }
}

fn action(reader: &mut Reader<'_>, list: &Place<'_>) -> Option<DatasetAction> {
    let items = reader.list(list)?;
    if items.len() != 1 {
        reader.findings.error(&list.path, list.line(), format!("has {} actions; a dataset has exactly one", items.len()));
    }
    // One too many is read too, for its mistakes.
    let actions: Vec<Option<DatasetAction>> = items.iter().take(ACTIONS_READ_MAX).map(|item| one_action(reader, item)).collect();
    actions.into_iter().next().flatten()
}

fn one_action(reader: &mut Reader<'_>, item: &Place<'_>) -> Option<DatasetAction> {
    let name = reader.required_text(item, "actionName");
    let query = reader.field(item, "queryAction");
    let container = reader.field(item, "containerAction");
    match (query, container) {
        (Some(query), None) => {
            let sql = reader.required_text(&query, "sqlQuery");
            let delta_time = delta_time(reader, &query);
            Some(DatasetAction::Query { name: name?, sql: sql?, delta_time })
        }
        (None, Some(container)) => {
            let image = reader.required_text(&container, "image");
            let execution_role_arn = reader.required_text(&container, "executionRoleArn");
            let resources = reader.required(&container, "resourceConfiguration");
            let compute_type = resources.as_ref().and_then(|at| reader.required_text(at, "computeType"));
            let volume = resources.and_then(|at| reader.required(&at, "volumeSizeInGB"));
            let volume = volume.and_then(|place| reader.integer(&place, 1..=50)).and_then(|size| u32::try_from(size).ok());
            let variables = variables(reader, &container);
            Some(DatasetAction::Container {
                name: name?,
                image: image?,
                execution_role_arn: execution_role_arn?,
                compute_type: compute_type?,
                volume_size_gb: volume?,
                variables,
            })
        }
        (query, _) => {
            let reason = if query.is_some() { "holds both a query and a container" } else { "holds neither a query nor a container" };
            reader.findings.error(&item.path, item.line(), format!("{reason}; an action is one of them"));
            None
        }
    }
}

fn delta_time(reader: &mut Reader<'_>, query: &Place<'_>) -> Option<DeltaTime> {
    let list = reader.field(query, "filters").filter(|place| !place.is_symbol())?;
    let items = reader.list(&list)?;
    if items.len() > 1 {
        reader.findings.error(&list.path, list.line(), format!("has {} filters; a query takes one", items.len()));
    }
    let delta = reader.field(items.first()?, "deltaTime")?;
    let offset = reader.required(&delta, "offsetSeconds").and_then(|place| reader.integer(&place, i64::MIN..=i64::MAX));
    let expression = reader.required_text(&delta, "timeExpression");
    Some(DeltaTime { offset_seconds: offset?, time_expression: expression? })
}

fn variables(reader: &mut Reader<'_>, container: &Place<'_>) -> Vec<String> {
    let Some(list) = reader.field(container, "variables").filter(|place| !place.is_symbol()) else {
        return Vec::new();
    };
    let items = reader.list(&list).unwrap_or_default();
    let names = items.iter().filter_map(|item| {
        let place = reader.required_named(item, "name", "VariableName")?;
        reader.text(&place)
    });
    names.collect()
}

fn triggers(reader: &mut Reader<'_>, at: &Place<'_>) -> Vec<Trigger> {
    let Some(list) = reader.field(at, "triggers").filter(|place| !place.is_symbol()) else {
        return Vec::new();
    };
    let items = reader.list(&list).unwrap_or_default();
    if items.len() > 5 {
        reader.findings.error(&list.path, list.line(), format!("has {} triggers; a dataset takes 5", items.len()));
        return Vec::new();
    }
    items.iter().filter_map(|item| trigger(reader, item)).collect()
}

fn trigger(reader: &mut Reader<'_>, item: &Place<'_>) -> Option<Trigger> {
    reader.only_member(item, "trigger")?;
    if let Some(schedule) = reader.field(item, "schedule") {
        let expression = reader.required_named(&schedule, "expression", "ScheduleExpression")?;
        return Some(Trigger::Schedule { expression: reader.text(&expression)? });
    }
    if let Some(dataset) = reader.field_named(item, "dataset", "TriggeringDataset") {
        let name = reader.required_named(&dataset, "name", "DatasetName")?;
        return Some(Trigger::Dataset { name: reader.text(&name)? });
    }
    reader.findings.error(&item.path, item.line(), "is no trigger; expected a schedule or a dataset");
    None
}

fn deliveries(reader: &mut Reader<'_>, at: &Place<'_>) -> Vec<Delivery> {
    let Some(list) = reader.field(at, "contentDeliveryRules").filter(|place| !place.is_symbol()) else {
        return Vec::new();
    };
    let items = reader.list(&list).unwrap_or_default();
    if items.len() > 20 {
        reader.findings.error(&list.path, list.line(), format!("has {} delivery rules; a dataset takes 20", items.len()));
        return Vec::new();
    }
    items.iter().filter_map(|item| delivery(reader, item)).collect()
}

fn delivery(reader: &mut Reader<'_>, item: &Place<'_>) -> Option<Delivery> {
    let destination = reader.required(item, "destination")?;
    reader.only_member(&destination, "destination")?;
    if let Some(s3) = reader.field(&destination, "s3DestinationConfiguration") {
        let bucket = reader.required_text(&s3, "bucket");
        let key = reader.required_text(&s3, "key");
        let role_arn = reader.required_text(&s3, "roleArn");
        return Some(Delivery::S3 { bucket: bucket?, key: key?, role_arn: role_arn? });
    }
    if let Some(events) = reader.field(&destination, "iotEventsDestinationConfiguration") {
        let input = reader.required_text(&events, "inputName");
        let role_arn = reader.required_text(&events, "roleArn");
        return Some(Delivery::IotEvents { input: input?, role_arn: role_arn? });
    }
    reader.findings.error(&destination.path, destination.line(), "is no destination; expected S3 or IoT Events");
    None
}

fn versioning(reader: &mut Reader<'_>, at: &Place<'_>) -> Versioning {
    let Some(place) = reader.field(at, "versioningConfiguration").filter(|place| !place.is_symbol()) else {
        return Versioning::Default;
    };
    let unlimited = reader.field(&place, "unlimited").filter(|place| !place.is_symbol()).and_then(|place| reader.boolean(&place));
    if unlimited == Some(true) {
        return Versioning::Unlimited;
    }
    let versions = reader.field(&place, "maxVersions").filter(|place| !place.is_symbol());
    let versions = versions.and_then(|place| reader.integer(&place, 1..=1000)).and_then(|count| u32::try_from(count).ok());
    versions.map_or(Versioning::Default, Versioning::MaxVersions)
}

fn late_data_timeout(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<u32> {
    let list = reader.field(at, "lateDataRules").filter(|place| !place.is_symbol())?;
    let items = reader.list(&list)?;
    if items.len() > 1 {
        reader.findings.error(&list.path, list.line(), format!("has {} late data rules; a dataset takes one", items.len()));
    }
    let configuration = reader.required(items.first()?, "ruleConfiguration")?;
    let session = reader.field(&configuration, "deltaTimeSessionWindowConfiguration")?;
    let timeout = reader.required(&session, "timeoutInMinutes")?;
    reader.integer(&timeout, 1..=60).and_then(|minutes| u32::try_from(minutes).ok())
}
