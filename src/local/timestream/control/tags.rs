//! Tags of databases and tables.

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Control;
use crate::local::constraints::Violations;
use crate::local::failure::{ErrorKind, Failure};
use crate::local::timestream::store::{self, DatabaseRow, TableRow};

/// Tags of a resource: the longest list that the API model lets a request carry.
const TAGS_MAX: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireTag {
    key: Option<String>,
    value: Option<String>,
}

impl WireTag {
    pub(super) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    pub(super) fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResource {
    #[serde(rename = "ResourceARN")]
    arn: Option<String>,
    tags: Option<Vec<WireTag>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResource {
    #[serde(rename = "ResourceARN")]
    arn: Option<String>,
    tag_keys: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListTags {
    #[serde(rename = "ResourceARN")]
    arn: Option<String>,
}

/// Holds a list of tags against the API model.
pub(super) fn check_tags(violations: &mut Violations, tags: Option<&Vec<WireTag>>) {
    violations.items("tags", tags, 0, TAGS_MAX);
    for (index, tag) in tags.into_iter().flatten().enumerate() {
        let at = index + 1;
        violations.required(format_args!("tags.{at}.member.key"), tag.key.as_ref());
        violations.length(format_args!("tags.{at}.member.key"), tag.key.as_deref(), 1, 128);
        violations.required(format_args!("tags.{at}.member.value"), tag.value.as_ref());
        violations.length(format_args!("tags.{at}.member.value"), tag.value.as_deref(), 0, 256);
    }
}

fn check_arn(violations: &mut Violations, arn: Option<&String>) {
    violations.required("resourceARN", arn);
    violations.length("resourceARN", arn.map(String::as_str), 1, 1011);
}

impl Control<'_> {
    pub(super) fn tag_resource(&mut self, request: &TagResource) -> Result<Value, Failure> {
        let mut violations = Violations::default();
        check_arn(&mut violations, request.arn.as_ref());
        violations.required("tags", request.tags.as_ref());
        check_tags(&mut violations, request.tags.as_ref());
        violations.finish()?;
        let arn = request.arn.as_deref().unwrap_or_default();
        let prefix = self.database_arn("");
        let transaction = self.store.begin()?;
        check_resource(&transaction, arn, &prefix)?;
        for tag in request.tags.iter().flatten() {
            store::set_tag(&transaction, arn, tag.key(), tag.value())?;
        }
        if store::tags(&transaction, arn)?.len() > TAGS_MAX {
            let message = format!("A resource can have {TAGS_MAX} tags at most.");
            return Err(Failure::new(ErrorKind::ServiceQuotaExceeded, message));
        }
        transaction.commit()?;
        Ok(json!({}))
    }

    pub(super) fn untag_resource(&mut self, request: &UntagResource) -> Result<Value, Failure> {
        let mut violations = Violations::default();
        check_arn(&mut violations, request.arn.as_ref());
        violations.required("tagKeys", request.tag_keys.as_ref());
        violations.items("tagKeys", request.tag_keys.as_ref(), 0, TAGS_MAX);
        for (index, key) in request.tag_keys.iter().flatten().enumerate() {
            violations.length(format_args!("tagKeys.{}.member", index + 1), Some(key), 1, 128);
        }
        violations.finish()?;
        let arn = request.arn.as_deref().unwrap_or_default();
        let prefix = self.database_arn("");
        let transaction = self.store.begin()?;
        check_resource(&transaction, arn, &prefix)?;
        for key in request.tag_keys.iter().flatten() {
            store::remove_tag(&transaction, arn, key)?;
        }
        transaction.commit()?;
        Ok(json!({}))
    }

    pub(super) fn list_tags(&mut self, request: &ListTags) -> Result<Value, Failure> {
        let mut violations = Violations::default();
        check_arn(&mut violations, request.arn.as_ref());
        violations.finish()?;
        let arn = request.arn.as_deref().unwrap_or_default();
        let prefix = self.database_arn("");
        let transaction = self.store.begin()?;
        check_resource(&transaction, arn, &prefix)?;
        let tags = store::tags(&transaction, arn)?;
        Ok(json!({ "Tags": tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Value>() }))
    }
}

/// The resource must be a database or table that is there; `prefix` is what the name of every database begins with.
fn check_resource(connection: &Connection, arn: &str, prefix: &str) -> Result<(), Failure> {
    let Some(path) = arn.strip_prefix(prefix) else {
        return Err(Failure::validation(format!("The ARN {} is not that of a database or table.", arn.escape_debug())));
    };
    let found = match path.split_once("/table/") {
        None => DatabaseRow::find(connection, path)?.is_some(),
        Some((database, table)) => TableRow::find(connection, database, table)?.is_some(),
    };
    if found { Ok(()) } else { Err(Failure::not_found(format!("The resource {} does not exist.", arn.escape_debug()))) }
}
