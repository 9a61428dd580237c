//! `spec/<pipeline>.json`: a pipeline as an ordered list of typed steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::expression::{Expression, Switches};
use crate::path::ColumnPath;

/// The version of a spec that this tool writes; a higher one is refused.
pub const SPEC_VERSION: u32 = 1;

/// A pipeline as data. Steps stand in the order of `next`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransformSpec {
    /// [`SPEC_VERSION`].
    pub version: u32,
    pub pipeline: String,
    pub channel: String,
    pub datastore: String,
    pub switches: TransformSwitches,
    pub steps: Vec<Step>,
}

/// One activity between channel and datastore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The activity's name, as its definition has it.
    pub activity: String,
    pub fidelity: Fidelity,
    #[serde(flatten)]
    pub action: Action,
}

/// How truly a step is translated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "grade", rename_all = "snake_case")]
pub enum Fidelity {
    /// As documented, with nothing left open.
    Exact,
    /// The same but for what is stated, one sentence each.
    Equivalent { differences: Vec<String> },
    /// A person must act, one sentence each.
    Manual { to_do: Vec<String> },
}

/// What a step does to a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Copies values to new names at the root; what is there already is replaced.
    AddAttributes {
        copies: Vec<Copy>,
    },
    RemoveAttributes {
        paths: Vec<ColumnPath>,
    },
    /// The message becomes these values, each at the root under the last name of its path.
    SelectAttributes {
        selections: Vec<Copy>,
    },
    /// Passes only what the expression is true of.
    Filter {
        text: String,
        expression: Expression,
    },
    Math {
        attribute: String,
        text: String,
        expression: Expression,
    },
    /// Puts the registry's answer for a thing under `attribute`; `thing_name` is where the message names it.
    DeviceRegistryEnrich {
        attribute: String,
        thing_name: ColumnPath,
    },
    /// Puts the thing's classic shadow under `attribute`.
    DeviceShadowEnrich {
        attribute: String,
        thing_name: ColumnPath,
    },
    /// The customer's function, given batches of messages.
    Lambda {
        function: String,
        batch_size: u32,
    },
}

/// One value and the new name it gets at the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    pub from: ColumnPath,
    pub to: String,
}

/// The points that no documentation settles, as this migration takes them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransformSwitches {
    pub expressions: Switches,
    pub selected_name_clash: SelectedNameClash,
    pub lambda_may_drop: LambdaMayDrop,
}

/// Two selected paths with the same last name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectedNameClash {
    /// The later of the list wins.
    #[default]
    LastWins,
    FirstWins,
}

/// A lambda activity that returns fewer messages than it was given: the guides of 2018-2021 allow it, that of 2025 does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LambdaMayDrop {
    #[default]
    Yes,
    /// It is an error that stops the work.
    No,
}

/// What the registry and the shadows said when the definitions were captured, by thing name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Enrichment {
    pub registry: BTreeMap<String, serde_json::Value>,
    pub shadows: BTreeMap<String, serde_json::Value>,
}
