//! What a dataset had besides its query: container, triggers, deliveries, late data, versions, retention.

use super::finding::Findings;
use crate::inventory::shown;
use crate::inventory::{Dataset, DatasetAction, Delivery, Retention, Trigger, Versioning};

pub(super) fn look(dataset: &Dataset, found: &mut Findings) {
    match &dataset.action {
        None => found.error(
            "definition_unknown",
            "only its name is known",
            "capture its definition: the answer of describe-dataset, or the template that made it",
        ),
        Some(DatasetAction::Container { image, variables, compute_type, volume_size_gb, .. }) => {
            container(image, compute_type, *volume_size_gb, variables.len(), found);
        }
        Some(DatasetAction::Query { .. }) => {}
    }
    triggers(dataset, found);
    for delivery in &dataset.deliveries {
        deliver(delivery, found);
    }
    if let Some(minutes) = dataset.late_data_timeout_minutes {
        let cause = format!("it told of data that came up to {minutes} minutes late for its window, and a scheduled query tells of none");
        found.warn("late_data", cause, "move the window back by the lateness you expect, or run the query again for the time in question");
    }
    keeping(dataset, found);
}

fn container(image: &str, compute_type: &str, volume_gb: u32, variables: usize, found: &mut Findings) {
    let cause = format!(
        "it runs the container {} ({}, {volume_gb} GB, {variables} variables), which nothing here replaces",
        shown(image),
        shown(compute_type)
    );
    let remedy = "run the image as a scheduled ECS task or SageMaker processing job: it reads Timestream with the plain query of its source \
                  dataset instead of the CSV, and finds its parameters in its environment instead of \
                  /opt/ml/input/data/iotanalytics/params";
    found.error("container_action", cause, remedy);
}

fn triggers(dataset: &Dataset, found: &mut Findings) {
    let mut scheduled = false;
    for trigger in &dataset.triggers {
        match trigger {
            Trigger::Schedule { .. } => scheduled = true,
            Trigger::Dataset { name } => {
                let cause = format!("it is made after dataset {}, and a scheduled query starts nothing", shown(name));
                found.warn("triggered_by_dataset", cause, "start it from the notification of that dataset's scheduled query (SNS topic)");
            }
        }
    }
    if dataset.triggers.is_empty() && matches!(dataset.action, Some(DatasetAction::Query { .. })) {
        found.note("no_schedule", "it was made on demand: it has no schedule", "run its plain query when you need it");
    }
    if scheduled && matches!(dataset.action, Some(DatasetAction::Container { .. })) {
        found.warn("container_schedule", "its container ran on a schedule of its own", "give the task that replaces it that schedule");
    }
}

fn deliver(delivery: &Delivery, found: &mut Findings) {
    match delivery {
        Delivery::S3 { bucket, key, .. } => {
            let cause = format!(
                "its content went to bucket {} under {} as one CSV a run, and a scheduled query writes a table",
                shown(bucket),
                shown(key)
            );
            let remedy = "run the UNLOAD that stands in the dataset's .sql file on a schedule (a small Lambda function); it writes files \
                          below a prefix and knows no scheduleTime, versionId or creationTime";
            found.warn("s3_delivery", cause, remedy);
        }
        Delivery::IotEvents { input, .. } => {
            let cause = format!("its rows went to input {} of AWS IoT Events, a service that has ended", shown(input));
            found.error("iot_events_delivery", cause, "rebuild the detector, and feed it from the Lambda function of the live path");
        }
    }
}

fn keeping(dataset: &Dataset, found: &mut Findings) {
    if !matches!(dataset.action, Some(DatasetAction::Query { .. })) {
        return;
    }
    match dataset.versioning {
        Versioning::Default => {}
        Versioning::Unlimited => found.note(
            "versions",
            "it kept every version of its content; the table of results keeps every row of every run instead",
            "tell runs apart by the time of their rows",
        ),
        Versioning::MaxVersions(count) => found.note(
            "versions",
            format!("it kept {count} versions of its content; the table of results keeps every row of every run instead"),
            "tell runs apart by the time of their rows",
        ),
    }
    let kept = match dataset.retention {
        Retention::Days(days) => format!("it kept its content for {days} days"),
        Retention::Unlimited => "it kept its content without limit".to_owned(),
        Retention::Unknown => return,
    };
    let cause = format!("{kept}; the retention of the table of results decides now");
    found.note("retention", cause, "set the magnetic retention of that table to as many days");
}
