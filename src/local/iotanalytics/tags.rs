//! Tags of resources.

use serde_json::{Map, Value, json};

use super::model::{ARN, TAG_KEYS, TAG_RESOURCE};
use super::route::Resource;
use super::{Query, Service, limit_exceeded, shape};
use crate::local::ACCOUNT;
use crate::local::exception::Exception;

/// Facts: tags per resource.
const TAGS_MAX: usize = 50;

impl Service {
    pub(super) fn arn(&self, kind: Resource, name: &str) -> String {
        format!("arn:aws:iotanalytics:{}:{ACCOUNT}:{}/{name}", self.region, kind.word())
    }

    pub(super) fn tags_of(&self, query: &Query) -> Result<Value, Exception> {
        let arn = self.existing(query)?;
        let tags: Vec<Value> = self.store().tags(&arn)?.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        Ok(json!({ "tags": tags }))
    }

    pub(super) fn tag(&self, query: &Query, request: &Map<String, Value>) -> Result<Value, Exception> {
        let arn = self.existing(query)?;
        shape::check(&TAG_RESOURCE, &Value::Object(request.clone()), "")?;
        self.set_tags(&arn, request.get("tags"))?;
        Ok(Value::Null)
    }

    pub(super) fn untag(&self, query: &Query) -> Result<Value, Exception> {
        let arn = self.existing(query)?;
        let keys = query.all("tagKeys");
        shape::check(&TAG_KEYS, &json!(keys), "tagKeys")?;
        let store = self.store();
        for key in keys {
            store.untag(&arn, &key)?;
        }
        Ok(Value::Null)
    }

    /// Adds tags that were checked.
    pub(super) fn set_tags(&self, arn: &str, tags: Option<&Value>) -> Result<(), Exception> {
        let given: Vec<(&str, &str)> = tags
            .and_then(Value::as_array)
            .map(|tags| tags.iter().filter_map(|tag| Some((tag["key"].as_str()?, tag["value"].as_str()?))).collect())
            .unwrap_or_default();
        let store = self.store();
        let known = store.tags(arn)?;
        let new = given.iter().filter(|(key, _)| !known.iter().any(|(old, _)| old == key)).count();
        if known.len() + new > TAGS_MAX {
            return Err(limit_exceeded(format!("A resource has at most {TAGS_MAX} tags.")));
        }
        for (key, value) in given {
            store.tag(arn, key, value)?;
        }
        Ok(())
    }

    /// The ARN that a request names, if it is of a resource that is there.
    fn existing(&self, query: &Query) -> Result<String, Exception> {
        let arn = query.text("resourceArn").map(str::to_owned);
        shape::check(&ARN, &json!(arn.clone().unwrap_or_default()), "resourceArn")?;
        let arn = arn.unwrap_or_default();
        let named = arn.rsplit(':').next().and_then(|resource| resource.split_once('/'));
        let known = match named.and_then(|(word, name)| Some((Resource::named(word)?, name))) {
            Some((kind, name)) => self.arn(kind, name) == arn && self.store().get(kind, name)?.is_some(),
            None => false,
        };
        if known { Ok(arn) } else { Err(Exception::not_found(format!("The resource {arn} was not found."))) }
    }
}
