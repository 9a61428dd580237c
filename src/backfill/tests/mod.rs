//! A backfill from end to end, against a target that follows a script.

mod bench;
mod ends;
mod faults;
mod large;
mod routes;
mod target;

pub(super) use bench::plan;
