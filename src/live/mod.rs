//! Definitions from the service itself: AWS IoT Analytics, and the parts of IoT Core that feed its channels and enrich its messages.
//!
//! The service closed on 15 December 2025. Whoever still reaches it gets everything it says, once, kept to the letter; whoever does not is
//! told what happened and what can be captured instead. IoT Core lives on, and is asked either way.
//!
//! Invariants
//! - An answer is kept as the bytes that the service sent, under the name of its operation. The inventory is made of those documents by
//!   the readers of `inventory`, so that capturing live and capturing the kept answers later give the same.
//! - Nothing is changed at the service: every operation lists, describes, samples or tries out ([`Operation`] has them all).
//! - What was refused, missing or failing is a blind spot that names the action to allow. It does not stop the rest; only credentials that
//!   serve for nothing do, and then what was answered so far is handed over.
//! - Retry is ours, as everywhere: the SDK makes one attempt, and `caller` decides by the typed fault.
//! - At most 20 requests a second go to each service (facts: quotas).
//!
//! The way of a question: `connection` → `caller` (`budget`, `fault`) → `definitions`, `rules`, `things` → `answers`. Then `sample` takes
//! messages of the channels, and `trial` has the service run activities on them, beside our engine.
//!
//! May be used by `cli`. Uses `inventory`, `transform` and the vocabulary.

mod answers;
mod budget;
mod caller;
mod connection;
mod definitions;
mod error;
mod fault;
mod operation;
mod rules;
mod things;

#[cfg(test)]
#[path = "../../tests/it/scripted.rs"]
mod scripted;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use answers::{Answers, SaveError};
pub use caller::Pace;
pub use connection::Connection;
pub use error::{Closed, LiveError};
pub use fault::Fault;
pub use operation::Operation;

use crate::progress::Progress;
use caller::Caller;

/// What definitions that came from elsewhere need besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// A pipeline reads the registry.
    pub registry: bool,
    /// A pipeline reads shadows.
    pub shadows: bool,
}

impl Needs {
    /// What the pipelines of an inventory need.
    #[must_use]
    pub fn of(inventory: &crate::inventory::Inventory) -> Self {
        use crate::inventory::ActivityKind;
        let mut needs = Self::default();
        for activity in inventory.pipelines.values().flat_map(|pipeline| &pipeline.activities) {
            needs.registry |= matches!(activity.kind, ActivityKind::DeviceRegistryEnrich { .. });
            needs.shadows |= matches!(activity.kind, ActivityKind::DeviceShadowEnrich { .. });
        }
        needs
    }
}

/// What a live capture brought.
#[derive(Debug)]
pub struct Captured {
    pub answers: Answers,
    /// Why AWS IoT Analytics said nothing; IoT Core may have.
    pub closed: Option<Closed>,
    /// Requests sent, repetitions included.
    pub requests: u64,
}

/// Asks for everything that there is to know. Must be called on a tokio runtime.
///
/// # Errors
/// When credentials are missing, wrong or expired: then nothing more can be asked, and [`LiveError::so_far`] has what was answered before.
pub async fn capture(connection: &Connection, pace: Pace, needs: Needs, progress: Arc<dyn Progress>) -> Result<Captured, LiveError> {
    connection.require_region()?;
    progress.begin("capturing", None, "requests");
    let (analytics, core) = (Caller::new(pace, Arc::clone(&progress)), Caller::new(pace, Arc::clone(&progress)));
    let mut answers = Answers::default();
    let captured = everything(connection, &analytics, &core, needs, &mut answers).await;
    progress.end();
    match captured {
        Ok(closed) => Ok(Captured { answers, closed, requests: analytics.requests() + core.requests() }),
        Err(fault) => Err(LiveError::Stopped { fault, so_far: Box::new(answers) }),
    }
}

async fn everything(
    connection: &Connection,
    analytics: &Caller,
    core: &Caller,
    mut needs: Needs,
    answers: &mut Answers,
) -> Result<Option<Closed>, Fault> {
    let client = connection.analytics();
    let closed = match definitions::is_open(&client, analytics, answers).await? {
        Ok(first) => {
            let found = definitions::all(&client, analytics, first, answers).await?;
            needs.registry |= found.registry;
            needs.shadows |= found.shadows;
            None
        }
        Err(fault) => {
            let closed = Closed::new(connection, &fault);
            answers.unseen("AWS IoT Analytics", &closed.to_string());
            Some(closed)
        }
    };
    rules::all(&connection.core(), core, answers).await?;
    things::all(&connection.core(), &connection.shadows(), core, needs, answers).await?;
    Ok(closed)
}
