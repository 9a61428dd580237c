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
use std::sync::Arc;

use hyper::Method;
use hyper::http::request::Parts;
use serde_json::Value;

use self::route::{Asked, Operation};
use self::store::Store;
use super::LocalError;
use super::exception::{Dialect, Exception};
use super::failure::ErrorKind;
use super::server::WholeAnswers;
use super::turn::{self, Turns};
use crate::time::Clock;
use crate::transform::Enrichment;

/// The service.
#[derive(Debug)]
pub(super) struct Service(Turns<Store>);

/// The service for one request.
type Turn<'a> = turn::Turn<'a, Store>;

impl Service {
    /// Opens or makes the store. Blocks.
    pub(super) fn open(path: &Path, clock: Arc<dyn Clock>, region: String) -> Result<Self, LocalError> {
        Ok(Self(Turns::new(Store::open(path)?, clock, region)))
    }

    /// What every thing and every classic shadow says, as the enrich activities of the embedded IoT Analytics are told.
    pub(super) fn enrichment(&self) -> Result<Enrichment, Exception> {
        let mut turn = self.0.next();
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
        let mut turn = self.0.next();
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
    type Asked = Asked;
    const DIALECT: Dialect = Dialect::RestJson;
    /// Rules and shadows are of kilobytes.
    const BODY_BYTES_MAX: usize = 1024 * 1024;

    fn read(&self, head: &Parts) -> Result<Asked, Exception> {
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        Asked::read(&head.method, path, query).ok_or_else(|| not_served(&head.method, path))
    }

    fn operation(asked: &Asked) -> &'static str {
        asked.operation.name()
    }

    fn played(kind: ErrorKind) -> Exception {
        Exception::played(kind, "ThrottlingException")
    }

    fn answer(self: &Arc<Self>, asked: &Asked, body: &[u8], _address: &str) -> Result<Value, Exception> {
        self.carry_out(asked, body)
    }
}

fn not_served(method: &Method, path: &str) -> Exception {
    let served: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    Exception::not_served(format!(
        "{method} {} is not served by the embedded IoT Core. Served are {}.",
        path.escape_debug(),
        served.join(", ")
    ))
}
