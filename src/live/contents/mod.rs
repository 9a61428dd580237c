//! The history as contents of datasets: those that the customer has, or those of temporary datasets over windows of arrival.
//!
//! On disk, below `dataset-contents/` of the migration directory:
//!
//! | file | holds |
//! | --- | --- |
//! | `state.json` | what was asked for; each content with its dataset, version, SQL and entries; each temporary dataset that may exist |
//! | `part-000001/1.csv` … | the entries of a content |
//!
//! A datastore is surveyed by a first temporary dataset, which counts its rows by `__dt`; `windows` cuts the days into half-open
//! windows, and each gets a dataset of its own, which is started, waited for, fetched and removed. A window whose content fails or is too
//! large is halved. The service gives rows in no order, so the rows of a window are put in the order of their bytes: a content that is
//! made again gives the same file. Contents that the customer has are kept to the letter.
//!
//! Invariants
//! - The name of a temporary dataset is durable in the state before the dataset is made, and stays there until it is gone. Nothing else
//!   is ever removed at the service.
//! - Windows are half-open, disjoint, and together all days that the survey saw.
//! - A file that the state calls fetched is whole and durable, and is read under its SHA-256 only.
//! - No address of a content is kept: it is as good as a key for two hours.
//! - At most one start a second and two contents under way (facts: quotas).
//! - Names reach SQL as [`ResourceName`]s only.
//!
//! `wanted`, `sql`, `windows` are pure; `state` is what is durable; `service` asks; `download` and `order` are what `bring` brings a
//! file with; `job` is what is asked for; `run` is the whole.

mod bring;
mod download;
mod error;
mod job;
mod order;
mod run;
mod service;
mod source;
mod sql;
mod state;
#[cfg(test)]
mod tests;
mod wanted;
mod windows;

pub use error::ContentsError;
pub use job::{ContentsJob, Fetched, Patience, Stopped};
pub use run::{clean_up, fetch};
pub use source::FetchedContents;
pub use sql::ResourceName;
pub use wanted::{Sizing, Wanted};
