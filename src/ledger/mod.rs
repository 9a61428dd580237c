//! What is durable about a backfill: which units are done, and what became of every row of them.
//!
//! Layout: `ledger.db` is one SQLite database in WAL mode with `synchronous=FULL`; `ledger.lock` beside it is empty and
//! exists to be locked.
//!
//! | table | holds |
//! |---|---|
//! | `meta(name, value)` | `schema`, `plan_digest`, `tool_version`, `created_at` (ns), `earlier_plan_digest_<n>` |
//! | `units(id, object_key, etag, target_table, bytes, done, damage, finished_at, skipped, seal)` | one row per unit of the plan, in the history's order; `skipped`: why a person left it out; `seal`: a checksum of the unit and all that is counted of it |
//! | `unit_tallies(unit, target_table, rows_read, acknowledged, skipped)` | the rows of a done unit by table: one, or several where its store has routes |
//! | `unit_counts(unit, target_table, kind, code, rows)` | what became of rows that were not written: kind `filtered` (code: the activity) or `quarantined` (code: the reason) |
//! | `unit_progress(unit, from_row, to_row, digest, seal)` | rows of a pending unit that need not be sent again ([`SettledRows`]); `seal`: a checksum of them and their unit |
//! | `runs(id, started_at, ended_at, outcome, tool_version)` | every run; one that was killed has no end |
//!
//! This is layout 4. Layout 1, which had one table a unit, layout 2, which knew no skipped unit and no seal, and layout 3, which knew no
//! progress inside a unit, are brought up to date when they are opened for writing.
//!
//! States: a unit is *pending* or *done*. A backfill takes it from the one to the other once; only a person takes it back (`units retry`),
//! or has it done without being sent (`units skip`), with a reason that is kept. There is no state in between. Of a large pending unit the rows are remembered that need not be sent again; what else was sent of it is
//! sent again, and the target takes it as the same record.
//!
//! Ordering: a unit's quarantined rows are on disk (`quarantine`) before the transaction that makes it done.
//!
//! Invariants
//! - `ledger.db` is either not there or whole: it is built beside its place and renamed into it.
//! - A ledger belongs to one plan, by digest, and to that plan's list of units. Another plan is refused; only `quarantine replay` lets one
//!   take the place of another, with the same units, and keeps the digest of the earlier one.
//! - One [`Ledger`] per directory and machine, for as long as the value lives; readers ([`LedgerView`]) need no lock.
//! - A done unit balances (`read = acknowledged + filtered + quarantined + skipped`), at each of its tables; nothing else can be written. A
//!   skipped unit has no acknowledged row, and only a skipped one has skipped rows.
//! - Only a pending unit has progress. It counts for nothing but what is sent: rows are counted when their unit is done, from all of them.
//! - An operation that fails changes nothing.
//! - Damage is refused and never worked around: SQLite checks the pages' structure, the seals every value that a resumption goes by.
//! - No secret is stored: there is no place for one.
//!
//! May be used by `backfill` (writing), `verify` and `status` (reading, to say why). Uses the vocabulary.

mod error;
mod lock;
mod model;
mod progress;
pub mod quarantine;
mod schema;
mod settled;
mod store;
mod view;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

pub use error::LedgerError;
pub use model::*;
pub use settled::{Interval, IntervalError, SettledRows};
pub use store::Ledger;
pub use view::LedgerView;
