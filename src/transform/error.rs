//! Why a pipeline cannot be run.

use super::lambda::LambdaError;
use super::model::SPEC_VERSION;
use crate::inventory::{printable, shown};

/// Why an engine could not be made, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the spec has version {found} and this program runs version {SPEC_VERSION}")]
    Version { found: u32 },
    #[error("the activity {} is not translated: {}", shown(activity), printable(reason))]
    Manual { activity: String, reason: String },
    #[error("the activity {} asks the function {}, and nobody is there to ask", shown(activity), shown(function))]
    NoFunction { activity: String, function: String },
    #[error("the activity {}: {source}", shown(activity))]
    Lambda { activity: String, source: LambdaError },
    #[error("the activity {}: the function was given {given} messages and returned {returned}", shown(activity))]
    LambdaCount { activity: String, given: usize, returned: usize },
}

impl EngineError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Version { .. } => "translate the pipeline again".to_owned(),
            Self::Manual { .. } => {
                "mend the activity in the definition and translate again, or migrate the processed datastore, which needs no pipeline"
                    .to_owned()
            }
            Self::NoFunction { .. } => "name a command that does what the function did".to_owned(),
            Self::Lambda { source, .. } => return source.hint(),
            Self::LambdaCount { given, returned, .. } if returned > given => {
                "a function returns at most as many messages as it was given".to_owned()
            }
            Self::LambdaCount { .. } => "let `lambda_may_drop` be `yes` if the function filters messages".to_owned(),
        })
    }
}
