//! AWS IoT Core, embedded as far as a migration asks for it: topic rules and things (rest-json, signed for `iot`), device shadows (`iotdata`).
//!
//! - `route` knows which operation a method and a path ask for;
//! - `rules`, `things` and `shadows` answer; `document` is what a shadow is made of;
//! - `store` is what is durable.
//!
//! Invariants
//! - One writer: each request has the store for itself, and changes it in one statement or one transaction.
//! - A rule's payload and a shadow's state are kept as they came, numbers by their text.
//! - Rules are kept, not run: no message ever reaches this room (docs/fidelity.md).
//!
//! `local::server` hands requests on to [`Service`].

mod document;
mod route;
mod rules;
mod shadows;
mod store;
#[cfg(test)]
mod tests;
mod things;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::Value;

use self::route::{Asked, Operation};
use self::store::Store;
use super::LocalError;
use super::exception::{Dialect, Exception};
use super::server::WholeAnswers;
use crate::time::{Clock, Nanos};
use crate::transform::Enrichment;

/// The service.
pub(super) struct Service {
    store: Mutex<Store>,
    clock: Arc<dyn Clock>,
    region: String,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The service for one request: nobody else changes anything meanwhile.
struct Turn<'a> {
    store: MutexGuard<'a, Store>,
    now: Nanos,
    region: &'a str,
}

impl Service {
    /// Opens or makes the store. Blocks.
    pub(super) fn open(path: &Path, clock: Arc<dyn Clock>, region: String) -> Result<Self, LocalError> {
        Ok(Self { store: Mutex::new(Store::open(path)?), clock, region })
    }

    /// What every thing and every classic shadow says, as the enrich activities of the embedded IoT Analytics are told.
    pub(super) fn enrichment(&self) -> Result<Enrichment, Exception> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turn = Turn { store, now: self.clock.now(), region: &self.region };
        let mut enrichment = Enrichment::default();
        for thing in turn.store.things("")? {
            enrichment.registry.insert(thing.name.clone(), turn.describe_thing(&thing.name)?);
            // A thing without a shadow is not enriched by one.
            if let Ok(shadow) = turn.get_shadow(&thing.name, &route::Query::default()) {
                enrichment.shadows.insert(thing.name, shadow);
            }
        }
        Ok(enrichment)
    }

    fn carry_out(&self, asked: &Asked, body: &[u8]) -> Result<Value, Exception> {
        // A request that panicked left no half change: what it wrote was one statement, or in a transaction.
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turn = Turn { store, now: self.clock.now(), region: &self.region };
        match asked.operation {
            Operation::CreateTopicRule => turn.create_rule(&asked.name, body),
            Operation::GetTopicRule => turn.get_rule(&asked.name),
            Operation::ListTopicRules => turn.list_rules(&asked.query),
            Operation::ReplaceTopicRule => turn.replace_rule(&asked.name, body),
            Operation::DeleteTopicRule => turn.delete_rule(&asked.name),
            Operation::EnableTopicRule => turn.switch_rule(&asked.name, false),
            Operation::DisableTopicRule => turn.switch_rule(&asked.name, true),
            Operation::CreateThing => turn.create_thing(&asked.name, body),
            Operation::DescribeThing => turn.describe_thing(&asked.name),
            Operation::ListThings => turn.list_things(&asked.query),
            Operation::UpdateThing => turn.update_thing(&asked.name, body),
            Operation::DeleteThing => turn.delete_thing(&asked.name, &asked.query),
            Operation::GetThingShadow => turn.get_shadow(&asked.name, &asked.query),
            Operation::UpdateThingShadow => turn.update_shadow(&asked.name, &asked.query, body),
            Operation::DeleteThingShadow => turn.delete_shadow(&asked.name, &asked.query),
            Operation::ListNamedShadowsForThing => turn.list_shadows(&asked.name, &asked.query),
        }
    }
}

impl WholeAnswers for Service {
    const DIALECT: Dialect = Dialect::RestJson;
    const THROTTLE: &'static str = "ThrottlingException";
    /// Rules and shadows are of kilobytes.
    const BODY_BYTES_MAX: usize = 1024 * 1024;

    fn operation(&self, head: &Parts) -> Result<&'static str, Exception> {
        asked(head).map(|asked| asked.operation.name())
    }

    fn answer(&self, _operation: &'static str, head: &Parts, body: &[u8]) -> Result<Bytes, Exception> {
        let answered = self.carry_out(&asked(head)?, body)?;
        // What answers nothing answers with no bytes at all.
        Ok(if answered.is_null() { Bytes::new() } else { Bytes::from(answered.to_string()) })
    }
}

fn asked(head: &Parts) -> Result<Asked, Exception> {
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    Asked::read(&head.method, path, query).ok_or_else(|| not_served(&head.method, path))
}

fn not_served(method: &Method, path: &str) -> Exception {
    let served: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    Exception::not_served(format!(
        "{method} {} is not served by the embedded IoT Core. Served are {}.",
        path.escape_debug(),
        served.join(", ")
    ))
}

fn invalid(message: impl Into<String>) -> Exception {
    Exception::refused("InvalidRequestException", message)
}

/// 409 with the resource that is there already.
fn exists(message: String, id: &str, arn: String) -> Exception {
    let mut exception = Exception::new(StatusCode::CONFLICT, "ResourceAlreadyExistsException", message);
    exception.members = vec![("resourceId", id.into()), ("resourceArn", arn.into())];
    exception
}
