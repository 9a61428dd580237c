//! What the API model (timestream-write 2018-11-01) says of more than one request.

use super::names::NAME_BYTES_MAX;
use crate::local::constraints::Violations;
use crate::local::failure::{ErrorKind, Failure};

/// Reads a request body.
pub(super) fn parse<'de, T: serde::Deserialize<'de>>(body: &'de [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::new(ErrorKind::Serialization, format!("The request body is not of the expected form: {error}")))
}

/// The name of a database or table that is being created.
pub(super) fn check_resource_name(violations: &mut Violations, path: &str, value: Option<&String>) {
    let fits = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    violations.required(path, value);
    violations.pattern(path, value.map(String::as_str), "[a-zA-Z0-9_.-]+", fits);
    violations.length(path, value.map(String::as_str), 0, NAME_BYTES_MAX);
}
