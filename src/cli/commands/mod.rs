//! One file per command: what it reads, what it calls, what it prints.

pub(super) mod archive;
pub(super) mod backfill;
pub(super) mod capture;
#[cfg(feature = "local")]
pub(super) mod demo;
pub(super) mod evidence;
pub(super) mod export;
pub(super) mod history;
#[cfg(feature = "local")]
pub(super) mod local;
pub(super) mod plan;
pub(super) mod quarantine;
pub(super) mod reference;
pub(super) mod replay;
pub(super) mod run;
pub(super) mod status;
pub(super) mod target;
pub(super) mod translate;
pub(super) mod units;
pub(super) mod verify;
