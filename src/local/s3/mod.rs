//! The embedded S3: buckets of objects in the data directory, over the real wire protocol.
//!
//! Invariants
//! - No key leads anywhere: objects lie in files that are numbered, and only the index knows whose they are.
//! - An object is whole or not there. A new one takes the place of the old one at once, and readers of the old one read on.
//! - Signatures are checked, against the one secret that `local` prints.
//!
//! `local::server` hands requests on to `protocol`; other embedded services put objects through [`Buckets`].

mod file_body;
mod protocol;
mod store;

pub(in crate::local) use protocol::{operation, refusal, service};
pub use store::{BucketFailure, Buckets, Stored};

/// The secret of every access key: whoever can reach the loopback address may know it.
pub const SECRET_ACCESS_KEY: &str = "embedded";
