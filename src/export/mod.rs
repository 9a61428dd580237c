//! History into staging: a copy of every row as Parquet, with a manifest that an auditor can check, and back again.
//!
//! On disk, below `staging/` of the migration directory:
//!
//! | file | holds |
//! | --- | --- |
//! | `rows-000001.parquet` … | rows, good and bad, in the order of the listing; an object's rows stand together, across files if need be |
//! | `objects.jsonl` | one line per source object in the listing's order: key, ETag, layout, rows, first row, damage; then what was passed over |
//! | `manifest.json` | per file rows, bytes, SHA-256, time range and source; there only when the staging is whole |
//! | `progress.json` | how far an unfinished export is |
//!
//! A staged row is the decoded source row: `store`, `object` (key), `etag`, `row`, `byte_offset`, `columns`; a bad row has `reason` and
//! `raw` in place of `columns`. **`columns` is JSON text, and not a Parquet column per attribute.** Typed columns would need one
//! type per attribute for ever, and a history has `27` beside `26.5`, `"27"` and null in one attribute, integers beyond 2^53, and decimals
//! that no double holds; only text keeps all of them, and one schema fits every store and every file. Numbers keep their digits as
//! the source wrote them; absent is absent and null is null; the two values that JSON lacks are written as objects of one
//! marked member (`exact`). Query engines reach attributes with their JSON functions.
//!
//! Raw channel messages are staged as they were before their pipeline. It runs when the staging is read, as it does on the
//! source, so filtered messages are counted alike, and a pipeline translated anew needs no new export.
//!
//! Invariants
//! - Reading a staging gives the listing of its source, and for each object the same rows, bad rows and damage with the same places.
//! - The bytes of every file follow from the source alone: neither threads nor interruptions change a digest.
//! - A file that stands under its own name is whole and durable. `manifest.json` is written last.
//! - No file is read for rows before its SHA-256 was found to be the manifest's.
//! - Memory does not grow with the history, but for the listing and one line per object.
//!
//! May be used by `cli`; `live` hashes with it. Uses `history` and the vocabulary only.

mod check;
mod durable;
mod error;
mod exact;
mod index;
mod journal;
mod manifest;
mod prefetch;
mod rows_file;
mod schema;
mod stage;
mod staging;
#[cfg(test)]
mod tests;

pub use check::{Checked, Difference, check};
pub(crate) use durable::{Hashed, hash_file};
pub use error::ExportError;
pub use manifest::{Arrived, MANIFEST_NAME, Manifest, StagedFile, Times};
pub use stage::{Sizes, StageJob, Staged, stage};
pub use staging::Staging;

/// The instant of a row, where the settings say which column holds it.
pub type TimeOfRow<'a> = dyn Fn(&str, &crate::value::Object) -> Option<crate::time::Nanos> + Sync + 'a;
