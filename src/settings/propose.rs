//! The settings that are proposed when there are none yet, each with its reason.

use std::collections::BTreeMap;

use super::parse::{DATABASE_RULE, REJECTED_DATA_PREFIX, is_database_name};
use super::{MAGNETIC_DAYS_MAX, Settings, TargetSettings, WriteSettings};
use crate::channel::RawStore;
use crate::history::{Layout, Listing};
use crate::inventory::{Inventory, Retention};
use crate::mapping::TableMapping;
use crate::survey::Survey;
use crate::time::{DAY_NANOS, Nanos};
use crate::transform::TransformSwitches;

/// Proposed retention reaches at least this many days beyond the oldest row, so that the backfill and its verification
/// can take their time.
pub const RETENTION_MARGIN_DAYS: u64 = 30;
/// Enough for rows of the live path that come a little late; older rows go to the magnetic store directly.
const MEMORY_HOURS: u64 = 12;

/// One table as the mapping room proposes it. `reasons` and `doubts` are (subject, text): the subject is a column's path,
/// `time`, `measure_name`, `table`, or the name of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedTable {
    pub mapping: TableMapping,
    pub reasons: Vec<(String, String)>,
    pub doubts: Vec<(String, String)>,
}

/// What a proposal is made from.
#[derive(Debug, Clone, Copy)]
pub struct ProposalInputs<'a> {
    pub inventory: &'a Inventory,
    pub survey: &'a Survey,
    pub listing: &'a Listing,
    /// Stores whose rows come from raw channel messages.
    pub raw: &'a [RawStore],
    /// The history as the settings should name it.
    pub history: &'a str,
    pub now: Nanos,
    /// One per store that can be migrated.
    pub tables: &'a [ProposedTable],
    /// Stores that no mapping could be proposed for, each with the reason.
    pub skipped: &'a [(String, String)],
}

/// Settings with the reasons that become the comments of `migration.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedSettings {
    pub settings: Settings,
    /// By dotted key, as `target.magnetic_days`; `skipped_stores.<store>` for a skipped store.
    pub reasons: BTreeMap<String, String>,
    /// By store.
    pub notes: BTreeMap<String, TableNotes>,
}

/// Why a table is mapped as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableNotes {
    pub reasons: Vec<(String, String)>,
    pub doubts: Vec<(String, String)>,
}

/// Why no settings can be proposed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    #[error("`{history}` holds no store that could be migrated ({objects} objects of datastores or datasets, {channels} of channels)")]
    NothingToMigrate { history: String, objects: usize, channels: usize },
}

impl ProposalError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let Self::NothingToMigrate { .. } = self;
        Some("point --history at the directory that holds `datastore/<name>/…` or delivered dataset CSVs".to_owned())
    }
}

/// Proposes the settings of a migration: the tables as given, and a target that can hold all of their rows.
///
/// # Errors
/// When there is no table at all.
pub fn propose(inputs: &ProposalInputs<'_>) -> Result<ProposedSettings, ProposalError> {
    if inputs.tables.is_empty() {
        let channels = inputs.listing.objects.iter().filter(|object| object.layout == Layout::Channel).count();
        let objects = inputs.listing.objects.len() - channels;
        return Err(ProposalError::NothingToMigrate { history: inputs.history.to_owned(), objects, channels });
    }
    let mut tables: Vec<&ProposedTable> = inputs.tables.iter().collect();
    tables.sort_by(|a, b| a.mapping.store.cmp(&b.mapping.store));
    let stores: Vec<&str> = tables.iter().map(|table| table.mapping.store.as_str()).collect();

    let mut reasons = BTreeMap::new();
    let database = database_name(&stores);
    reasons.insert("target.database".to_owned(), format!("from the names of the stores; {DATABASE_RULE}"));
    let oldest = tables.iter().filter_map(|table| oldest_row(inputs.survey, &table.mapping)).min();
    let (magnetic_days, why) = magnetic_days(inputs.inventory, &stores, oldest, inputs.now);
    reasons.insert("target.magnetic_days".to_owned(), why);
    reasons.insert(
        "target.memory_hours".to_owned(),
        "billed by the GB-hour; older rows go to the magnetic store directly, so the history needs no more".to_owned(),
    );
    let mut skipped_stores: Vec<String> = inputs.skipped.iter().map(|(store, _)| store.clone()).collect();
    skipped_stores.sort();
    skipped_stores.dedup();
    reasons.extend(inputs.skipped.iter().map(|(store, why)| (format!("skipped_stores.{store}"), why.clone())));

    let notes =
        |table: &&ProposedTable| (table.mapping.store.clone(), TableNotes { reasons: table.reasons.clone(), doubts: table.doubts.clone() });
    Ok(ProposedSettings {
        notes: tables.iter().map(notes).collect(),
        reasons,
        settings: Settings {
            history: inputs.history.to_owned(),
            target: TargetSettings {
                database,
                memory_hours: MEMORY_HOURS,
                magnetic_days,
                rejected_data_bucket: None,
                rejected_data_prefix: REJECTED_DATA_PREFIX.to_owned(),
                partition_dimension: None,
            },
            write: WriteSettings::default(),
            tables: tables.iter().map(|table| table.mapping.clone()).collect(),
            skipped_stores,
            raw: inputs.raw.to_vec(),
            functions: BTreeMap::new(),
            invoked_functions: BTreeMap::new(),
            switches: TransformSwitches::default(),
        },
    })
}

/// The oldest instant in the table's time column, as surveyed under the format that the mapping reads it in.
fn oldest_row(survey: &Survey, mapping: &TableMapping) -> Option<Nanos> {
    let column = survey.stores.get(&mapping.store)?.columns.iter().find(|column| column.path == mapping.time.column)?;
    column.times.iter().find(|reading| reading.format == mapping.time.format).map(|reading| reading.earliest)
}

/// Retention that deletes nothing which the datastores would have kept. Retention counts from now back; once a table
/// stands, raising it does not open the window at once (facts: retention), while lowering it is always possible.
fn magnetic_days(inventory: &Inventory, stores: &[&str], oldest: Option<Nanos>, now: Nanos) -> (u64, String) {
    let needed = oldest.map(|oldest| days_back(oldest, now).saturating_add(RETENTION_MARGIN_DAYS).min(MAGNETIC_DAYS_MAX));
    let reach = match (oldest, needed) {
        (Some(oldest), Some(needed)) => {
            format!("the oldest row is of {oldest}, which needs {needed} with {RETENTION_MARGIN_DAYS} days to spare")
        }
        _ => "the time of the oldest row is not known".to_owned(),
    };
    let declared = |store: &&str| inventory.datastores.get(*store).map_or(Retention::Unknown, |datastore| datastore.retention);
    let longest = stores.iter().map(declared).try_fold(1, |longest: u64, retention| match retention {
        Retention::Days(days) => Some(longest.max(days)),
        Retention::Unlimited | Retention::Unknown => None,
    });
    match (longest, needed) {
        (Some(declared), Some(needed)) => {
            (needed.max(declared).clamp(1, MAGNETIC_DAYS_MAX), format!("{reach}; the datastores kept rows for {declared} days"))
        }
        _ => (
            MAGNETIC_DAYS_MAX,
            format!(
                "{reach}; {MAGNETIC_DAYS_MAX} is the most and deletes nothing, as no definition limits how long every store keeps its rows"
            ),
        ),
    }
}

/// Whole days from `oldest` to `now`, rounded up; 0 for the future.
pub(crate) fn days_back(oldest: Nanos, now: Nanos) -> u64 {
    let nanos = i128::from(now.0) - i128::from(oldest.0);
    let day = i128::from(DAY_NANOS);
    u64::try_from((nanos + day - 1).div_euclid(day)).unwrap_or(0)
}

/// What the stores' names have in common, if that can name a database.
fn database_name(stores: &[&str]) -> String {
    let (first, rest) = stores.split_first().map_or(("", &[][..]), |(first, rest)| (*first, rest));
    let shared = first
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| rest.iter().all(|other| other.get(..*end) == first.get(..*end)))
        .last()
        .and_then(|end| first.get(..end))
        .unwrap_or_default();
    let legal: String =
        shared.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '_' }).take(256).collect();
    let trimmed = legal.trim_matches(|c| matches!(c, '_' | '.' | '-'));
    if is_database_name(trimmed) { trimmed.to_owned() } else { "iot_analytics".to_owned() }
}

#[cfg(test)]
pub(super) mod tests;
