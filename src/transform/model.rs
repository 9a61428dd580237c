//! `spec/<pipeline>.json`: a pipeline as an ordered list of typed steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::expression::{Expression, Switches};
use crate::inventory::{Inventory, Thing};
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
    /// Copies values to new names at the root; what is there already is replaced. All are read before the first is written.
    AddAttributes {
        copies: Vec<Copy>,
    },
    /// Takes values out of the message, with all that is below them.
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
    /// What this program does not translate: it is kept here so that nobody takes silence for absence. No engine and no
    /// generated function comes from a spec that holds one.
    Unsupported {
        /// The activity as its definition has it.
        text: String,
        /// What is in the way, on one line.
        reason: String,
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
    pub selected_index_name: SelectedIndexName,
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

/// The name that a selected array element gets at the root: what `device.coord[0]` becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectedIndexName {
    /// The array's: `coord`.
    #[default]
    ArrayName,
    /// The last part as it is written: `coord[0]`.
    WithIndex,
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
    /// DescribeThing answers.
    pub registry: BTreeMap<String, serde_json::Value>,
    /// Classic shadow documents.
    pub shadows: BTreeMap<String, serde_json::Value>,
}

impl Enrichment {
    /// Everything that an inventory knows of things.
    #[must_use]
    pub fn captured(inventory: &Inventory) -> Self {
        let of = |document: fn(&Thing) -> Option<&serde_json::Value>| {
            inventory.things.values().filter_map(|thing| Some((thing.name.clone(), document(thing)?.clone()))).collect()
        };
        Self { registry: of(|thing| thing.registry.as_ref()), shadows: of(|thing| thing.shadow.as_ref()) }
    }
}
