//! Definitions from the service itself: AWS IoT Analytics, and the parts of IoT Core that feed its channels and enrich its messages.
//!
//! The service closed on 15 December 2025. Whoever still reaches it gets everything it says, once, kept to the letter; whoever does not is
//! told what happened and what can be captured instead. IoT Core lives on, and is asked either way.
//!
//! Invariants
//! - An answer is kept as the bytes that the service sent, under the name of its operation. The inventory is made of those documents by
//!   the readers of `inventory`, so that capturing live and capturing the kept answers later give the same.
//! - Nothing is changed at the service: every operation lists, describes, samples or tries out ([`Operation`] has them all). Only
//!   `contents` makes temporary datasets, and removes them.
//! - What was refused, missing or failing is a blind spot that names the action to allow. It does not stop the rest; only credentials that
//!   serve for nothing do, and then what was answered so far is handed over.
//! - Retry is ours, as everywhere: the SDK makes one attempt, and `caller` decides by the typed fault.
//! - At most 20 requests a second go to each service (facts: quotas).
//!
//! The way of a question: `connection` → `caller` (`budget`, `fault`) → `definitions`, `rules`, `things` → `answers`. Then `sample` takes
//! messages of the channels, and `trial` has the service run activities on them, beside our engine. `contents` exports a history as
//! contents of datasets.
//!
//! May be used by `cli`. Uses `inventory`, `transform`, `history`, `export` and the vocabulary.

mod answers;
mod budget;
mod caller;
mod connection;
pub mod contents;
mod definitions;
mod error;
mod fault;
mod operation;
mod rules;
mod sample;
mod things;
mod trial;

#[cfg(test)]
#[path = "../../tests/it/scripted.rs"]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use answers::{Answers, SaveError};
pub use caller::Pace;
pub use connection::Connection;
pub use error::{Closed, LiveError};
pub use fault::Fault;
pub use operation::Operation;
pub use sample::Samples;
pub use trial::{ActivityTrial, Difference, PipelineTrial, TRIALS_VERSION, TrialCounts, TrialResult, Trials};

use crate::inventory::Inventory;
use crate::progress::Progress;
use crate::time::Nanos;
use crate::transform::TransformSwitches;
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
    pub fn of(inventory: &Inventory) -> Self {
        use crate::inventory::ActivityKind;
        let mut needs = Self::default();
        for activity in inventory.pipelines.values().flat_map(|pipeline| &pipeline.activities) {
            needs.registry |= matches!(activity.kind, ActivityKind::DeviceRegistryEnrich { .. });
            needs.shadows |= matches!(activity.kind, ActivityKind::DeviceShadowEnrich { .. });
        }
        needs
    }
}

/// What is asked for besides definitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What pipelines that came from elsewhere need of IoT Core.
    pub needs: Needs,
    /// A few messages of each channel.
    pub samples: bool,
}

/// What a live capture brought.
#[derive(Debug)]
pub struct Captured {
    pub answers: Answers,
    pub samples: Samples,
    /// Why AWS IoT Analytics said nothing; IoT Core may have.
    pub closed: Option<Closed>,
    /// Requests sent, repetitions included.
    pub requests: u64,
}

/// Asks for everything that there is to know. Must be called on a tokio runtime.
///
/// # Errors
/// When credentials are missing, wrong or expired: then nothing more can be asked, and [`LiveError::so_far`] has what was answered before.
pub async fn capture(connection: &Connection, pace: Pace, wanted: Wanted, progress: Arc<dyn Progress>) -> Result<Captured, LiveError> {
    connection.require_region()?;
    progress.begin("capturing", None, "requests");
    let (analytics, core) = (Caller::new(pace, Arc::clone(&progress)), Caller::new(pace, Arc::clone(&progress)));
    let mut answers = Answers::default();
    let captured = everything(connection, &analytics, &core, wanted, &mut answers).await;
    progress.end();
    match captured {
        Ok((closed, samples)) => Ok(Captured { answers, samples, closed, requests: analytics.requests() + core.requests() }),
        Err(fault) => Err(LiveError::Stopped { fault, so_far: Box::new(answers) }),
    }
}

async fn everything(
    connection: &Connection,
    analytics: &Caller,
    core: &Caller,
    wanted: Wanted,
    answers: &mut Answers,
) -> Result<(Option<Closed>, Samples), Fault> {
    let (mut needs, mut samples) = (wanted.needs, Samples::default());
    let client = connection.analytics();
    let closed = match definitions::is_open(&client, analytics, answers).await? {
        Ok(first) => {
            if wanted.samples {
                samples = sample::all(&client, analytics, first.names(), answers).await?;
            }
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
    Ok((closed, samples))
}

/// Has the service run the activities of the captured pipelines on sample messages, beside our engine. Must be called on a tokio runtime.
///
/// A fault ends in the result of its activity: what was captured is safe, and evidence that is not there is no error.
pub async fn try_activities(
    connection: &Connection,
    pace: Pace,
    inventory: &Inventory,
    switches: &TransformSwitches,
    samples: &Samples,
    progress: Arc<dyn Progress>,
    now: Nanos,
) -> Trials {
    progress.begin("trying out", None, "requests");
    // Facts: one RunPipelineActivity a second.
    let pace = Pace { requests_per_second: pace.requests_per_second.min(1), ..pace };
    let caller = Caller::new(pace, Arc::clone(&progress));
    let pipelines = trial::all(&connection.analytics(), &caller, inventory, switches, samples).await;
    progress.end();
    Trials { version: TRIALS_VERSION, at: now.to_iso8601(), region: connection.region().to_owned(), pipelines }
}
