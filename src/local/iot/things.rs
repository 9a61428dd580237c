//! Things of the registry.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::Turn;
use super::route::Query;
use super::rules::page_size;
use super::store::Thing;
use crate::local::ACCOUNT;
use crate::local::constraints::Violations;
use crate::local::exception::Exception;

/// Things of a page, at most and where a request does not say.
const PAGE_MAX: usize = 250;
/// Attributes of a thing without a type, and with one.
const ATTRIBUTES_MAX: usize = 3;
const ATTRIBUTES_MAX_TYPED: usize = 50;

impl Turn<'_> {
    pub(super) fn create_thing(&mut self, name: &str, body: &[u8]) -> Result<Value, Exception> {
        check_name(name)?;
        let request = members(body)?;
        let mut kept = Map::new();
        for member in ["thingTypeName", "billingGroupName"] {
            kept.extend(request.get(member).filter(|value| value.is_string()).map(|value| (member.to_owned(), value.clone())));
        }
        let attributes = given_attributes(&request)?.unwrap_or_default();
        kept.insert("attributes".to_owned(), attributes.into());
        check_count(&kept)?;
        let kept = Value::Object(kept);
        let thing = match self.store.thing(name)? {
            // The same request again is answered as it was the first time.
            Some(there) if there.body == kept => there,
            Some(there) => {
                let message = format!("Thing {name} already exists in account with different attributes");
                return Err(Exception::exists(message, &there.id, self.thing_arn(name)));
            }
            None => {
                let thing = Thing { name: name.to_owned(), id: self.uuid(name), body: kept, version: 1 };
                self.store.put_thing(&thing)?;
                thing
            }
        };
        Ok(json!({ "thingName": name, "thingArn": self.thing_arn(name), "thingId": thing.id }))
    }

    pub(super) fn describe_thing(&mut self, name: &str) -> Result<Value, Exception> {
        check_name(name)?;
        let thing = self.thing(name)?;
        let mut shown = Map::new();
        shown.insert("defaultClientId".to_owned(), name.into());
        shown.insert("thingName".to_owned(), name.into());
        shown.insert("thingId".to_owned(), thing.id.into());
        shown.insert("thingArn".to_owned(), self.thing_arn(name).into());
        shown.extend(thing.body.as_object().cloned().unwrap_or_default());
        shown.insert("version".to_owned(), thing.version.into());
        Ok(Value::Object(shown))
    }

    pub(super) fn list_things(&mut self, query: &Query) -> Result<Value, Exception> {
        let limit = page_size(query, "maxResults", PAGE_MAX)?.unwrap_or(PAGE_MAX);
        let is_prefix = query.text("usePrefixAttributeValue").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let asked_for = |thing: &Thing| {
            let attribute = query.text("attributeName").map(|name| thing.body["attributes"].get(name).and_then(Value::as_str));
            let by_attribute = match (attribute, query.text("attributeValue")) {
                (None, _) => true,
                (Some(there), None) => there.is_some(),
                (Some(there), Some(value)) => there.is_some_and(|there| there == value || (is_prefix && there.starts_with(value))),
            };
            by_attribute && query.text("thingTypeName").is_none_or(|kind| thing.body["thingTypeName"] == kind)
        };
        let things = self.store.things(query.text("nextToken").unwrap_or_default())?;
        let mut things: Vec<Thing> = things.into_iter().filter(asked_for).take(limit + 1).collect();
        let more = things.len() > limit;
        things.truncate(limit);
        let shown = |thing: &Thing| {
            let mut shown = json!({
                "thingName": thing.name,
                "thingArn": self.thing_arn(&thing.name),
                "attributes": thing.body["attributes"],
                "version": thing.version,
            });
            if let Some(kind) = thing.body.get("thingTypeName") {
                shown["thingTypeName"] = kind.clone();
            }
            shown
        };
        let mut answer = json!({ "things": things.iter().map(shown).collect::<Vec<Value>>() });
        if let (true, Some(last)) = (more, things.last()) {
            answer["nextToken"] = last.name.as_str().into();
        }
        Ok(answer)
    }

    pub(super) fn update_thing(&mut self, name: &str, body: &[u8]) -> Result<Value, Exception> {
        check_name(name)?;
        let request = members(body)?;
        let mut thing = self.thing(name)?;
        check_version(&thing, request.get("expectedVersion").and_then(Value::as_i64))?;
        let mut kept = thing.body.as_object().cloned().unwrap_or_default();
        if request.get("removeThingType").and_then(Value::as_bool) == Some(true) {
            kept.remove("thingTypeName");
        }
        if let Some(kind) = request.get("thingTypeName").filter(|kind| kind.is_string()) {
            kept.insert("thingTypeName".to_owned(), kind.clone());
        }
        if let Some(given) = given_attributes(&request)? {
            let merge = request.get("attributePayload").and_then(|payload| payload.get("merge")).and_then(Value::as_bool) == Some(true);
            let mut attributes = if merge { kept["attributes"].as_object().cloned().unwrap_or_default() } else { Map::new() };
            attributes.extend(given);
            // An empty value takes an attribute away.
            attributes.retain(|_, value| value != "");
            kept.insert("attributes".to_owned(), attributes.into());
        }
        check_count(&kept)?;
        thing.body = Value::Object(kept);
        thing.version += 1;
        self.store.put_thing(&thing)?;
        Ok(json!({}))
    }

    /// Succeeds for a thing that is not there, as the service does. Its shadows stay.
    pub(super) fn delete_thing(&mut self, name: &str, query: &Query) -> Result<Value, Exception> {
        check_name(name)?;
        if let Some(thing) = self.store.thing(name)? {
            let expected = query.text("expectedVersion").map(|text| text.parse::<i64>());
            let expected = expected.transpose().map_err(|_| Exception::invalid_request("expectedVersion must be a whole number"))?;
            check_version(&thing, expected)?;
            self.store.delete_thing(name)?;
        }
        Ok(json!({}))
    }

    fn thing(&self, name: &str) -> Result<Thing, Exception> {
        let missing = || Exception::not_found(format!("Thing {name} not found."));
        self.store.thing(name)?.ok_or_else(missing)
    }

    fn thing_arn(&self, name: &str) -> String {
        format!("arn:aws:iot:{}:{ACCOUNT}:thing/{name}", self.region)
    }

    /// An id of the form that the service gives: a UUID, drawn from the name and the moment.
    fn uuid(&self, name: &str) -> String {
        let bits = xxhash_rust::xxh3::xxh3_128(format!("{name} {}", self.now.0).as_bytes());
        // Version 4, variant 1: what clients check the form of.
        let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

pub(super) fn check_name(name: &str) -> Result<(), Exception> {
    let mut violations = Violations::default();
    let fits = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b":_-".contains(&b));
    violations.pattern("thingName", Some(name), "[a-zA-Z0-9:_-]+", fits);
    violations.length("thingName", Some(name), 1, 128);
    violations.message().map_or(Ok(()), |message| Err(Exception::invalid_request(message)))
}

/// The members of a body. An empty one has none.
fn members(body: &[u8]) -> Result<Map<String, Value>, Exception> {
    if body.is_empty() { Ok(Map::new()) } else { serde_json::from_slice(body).map_err(Exception::unreadable) }
}

/// The attributes of a request, if it gives any: texts of the characters that the registry takes.
fn given_attributes(request: &Map<String, Value>) -> Result<Option<Map<String, Value>>, Exception> {
    let Some(attributes) = request.get("attributePayload").and_then(|payload| payload.get("attributes")) else { return Ok(None) };
    let attributes = attributes.as_object().ok_or_else(|| Exception::unreadable("attributes is not an object"))?;
    let mut violations = Violations::default();
    let fits = |more: &'static [u8]| {
        move |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.,@/:#-".contains(&b) || more.contains(&b))
    };
    for (name, value) in attributes {
        let value = value.as_str().ok_or_else(|| Exception::unreadable("the value of an attribute is not a string"))?;
        let path = "attributePayload.attributes";
        violations.pattern(path, Some(name), "[a-zA-Z0-9_.,@/:#-]+", |text| !text.is_empty() && fits(b"")(text));
        violations.length(path, Some(name), 0, 128);
        violations.pattern(path, Some(value), r"[a-zA-Z0-9_.,@/:#=\[\]-]*", fits(b"=[]"));
        violations.length(path, Some(value), 0, 800);
    }
    violations.message().map_or_else(|| Ok(Some(attributes.clone())), |message| Err(Exception::invalid_request(message)))
}

fn check_count(kept: &Map<String, Value>) -> Result<(), Exception> {
    let most = if kept.contains_key("thingTypeName") { ATTRIBUTES_MAX_TYPED } else { ATTRIBUTES_MAX };
    let count = kept.get("attributes").and_then(Value::as_object).map_or(0, Map::len);
    if count > most {
        return Err(Exception::invalid_request(format!("A thing of this kind can have at most {most} attributes, found {count}.")));
    }
    Ok(())
}

fn check_version(thing: &Thing, expected: Option<i64>) -> Result<(), Exception> {
    match expected {
        Some(expected) if expected != thing.version => {
            let message = format!("The version of thing {} is {}, expected was {expected}.", thing.name, thing.version);
            Err(Exception::new(StatusCode::CONFLICT, "VersionConflictException", message))
        }
        _ => Ok(()),
    }
}
