//! Verifications of a history in memory against a target in memory, whole.

mod bench;
mod causes;
mod faults;
mod narrowing;
mod rejections;
mod resuming;
mod routes;
mod tampering;

pub(super) use bench::FakeTarget;
