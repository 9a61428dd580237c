//! What a caller is told when a request fails: status, error type and body, as the real service words them.
//!
//! Two families of bodies, both seen on the real service (facts §1.4): what the API model forbids is answered by the
//! framework in front (`com.amazon.coral…`, key `message`), what the service itself decides carries its own namespace and
//! the key `Message`.

use hyper::StatusCode;
use serde_json::{Value, json};

/// One record of a request that was refused while the others were stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// The place in the request, from 0.
    pub(crate) index: usize,
    pub(crate) reason: String,
    /// Only where a stored record with a higher version is the cause.
    pub(crate) existing_version: Option<i64>,
}

/// The kinds of failure that the embedded service can answer with. `Faults` may ask for any of the injectable ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A constraint of the API model was broken (400).
    Constraint,
    /// A rule of the service was broken (400).
    Validation,
    /// The body is not JSON, or a member has the wrong JSON type (400).
    Serialization,
    /// A quota that does not pass by itself (402).
    ServiceQuotaExceeded,
    AccessDenied,
    /// No `Authorization` header (403).
    MissingAuthenticationToken,
    /// Temporary credentials that ran out (403).
    ExpiredToken,
    /// The client's clock is too far from the service's (403).
    SignatureExpired,
    ResourceNotFound,
    /// No such operation, or not on this endpoint (404).
    UnknownOperation,
    Conflict,
    /// The body is larger than the server reads (413).
    TooLarge,
    /// Some records were refused, the others are stored (419).
    RejectedRecords,
    /// The discovered endpoint has expired (421).
    InvalidEndpoint,
    Throttling,
    InternalServer,
    /// The front end has no healthy host (503).
    ServiceUnavailable,
    /// A query started and could not be finished (400).
    QueryExecution,
}

const SERVICE: &str = "com.amazonaws.timestream.v20181101";
const FRAMEWORK: &str = "com.amazon.coral.service";

impl ErrorKind {
    fn status(self) -> u16 {
        match self {
            Self::Constraint | Self::Validation | Self::Serialization | Self::QueryExecution => 400,
            Self::ServiceQuotaExceeded => 402,
            Self::AccessDenied | Self::MissingAuthenticationToken | Self::ExpiredToken | Self::SignatureExpired => 403,
            Self::ResourceNotFound | Self::UnknownOperation => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::RejectedRecords => 419,
            Self::InvalidEndpoint => 421,
            Self::Throttling => 429,
            Self::InternalServer => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// The name of the exception, without a namespace.
    pub(in crate::local) fn exception(self) -> &'static str {
        self.shape().1
    }

    /// Namespace and shape name.
    fn shape(self) -> (&'static str, &'static str) {
        match self {
            Self::Constraint => ("com.amazon.coral.validate", "ValidationException"),
            Self::Validation => (SERVICE, "ValidationException"),
            Self::Serialization => (FRAMEWORK, "SerializationException"),
            Self::ServiceQuotaExceeded => (SERVICE, "ServiceQuotaExceededException"),
            Self::AccessDenied => (SERVICE, "AccessDeniedException"),
            Self::MissingAuthenticationToken => (FRAMEWORK, "MissingAuthenticationTokenException"),
            Self::ExpiredToken => (FRAMEWORK, "ExpiredTokenException"),
            Self::SignatureExpired => (FRAMEWORK, "InvalidSignatureException"),
            Self::ResourceNotFound => (SERVICE, "ResourceNotFoundException"),
            Self::UnknownOperation => (FRAMEWORK, "UnknownOperationException"),
            Self::Conflict => (SERVICE, "ConflictException"),
            Self::TooLarge => (FRAMEWORK, "RequestEntityTooLargeException"),
            Self::RejectedRecords => (SERVICE, "RejectedRecordsException"),
            Self::InvalidEndpoint => (SERVICE, "InvalidEndpointException"),
            Self::Throttling => (SERVICE, "ThrottlingException"),
            Self::InternalServer => (SERVICE, "InternalServerException"),
            Self::ServiceUnavailable => ("com.amazon.coral.availability", "ServiceUnavailableException"),
            Self::QueryExecution => (SERVICE, "QueryExecutionException"),
        }
    }
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) rejected: Vec<Rejected>,
}

impl Failure {
    /// A failure of `kind`; `message` is what the caller reads.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), rejected: Vec::new() }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Validation, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceNotFound, message)
    }

    /// Some records were refused.
    pub(crate) fn records(rejected: Vec<Rejected>) -> Self {
        let message = "One or more records have been rejected. See RejectedRecords for details.".to_owned();
        Self { kind: ErrorKind::RejectedRecords, message, rejected }
    }

    /// The machine failed under the service: said in the log, not to the caller, who gets what the real service says.
    pub(crate) fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(%cause, "the embedded Timestream failed");
        Self::new(ErrorKind::InternalServer, "An internal server error occurred. Retry your request.")
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Value {
        let (namespace, shape) = self.kind.shape();
        let key = if namespace == SERVICE { "Message" } else { "message" };
        let mut body = json!({ "__type": format!("{namespace}#{shape}"), key: self.message });
        if self.kind == ErrorKind::RejectedRecords {
            body["RejectedRecords"] = self.rejected.iter().map(rejected_json).collect();
        }
        body
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(&error)
    }
}

fn rejected_json(rejected: &Rejected) -> Value {
    let mut one = json!({ "RecordIndex": rejected.index, "Reason": rejected.reason });
    if let Some(version) = rejected.existing_version {
        one["ExistingVersion"] = version.into();
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_carry_the_namespace_and_the_key_of_who_answers() {
        let service = Failure::validation("TIMESTAMP is an invalid measure value type.").body().to_string();
        // The length that the real service's answer had on the wire (boto3 issue 3138: "400 123").
        assert_eq!(service.len(), 123);
        let front = Failure::new(ErrorKind::Constraint, "1 validation error detected").body();
        assert_eq!(front, json!({"__type": "com.amazon.coral.validate#ValidationException", "message": "1 validation error detected"}));
    }

    #[test]
    fn rejected_records_name_the_existing_version_only_where_there_is_one() {
        let failure = Failure::records(vec![
            Rejected { index: 3, reason: "old".into(), existing_version: Some(7) },
            Rejected { index: 4, reason: "late".into(), existing_version: None },
        ]);
        assert_eq!(failure.status().as_u16(), 419);
        let expected = json!([{"RecordIndex": 3, "Reason": "old", "ExistingVersion": 7}, {"RecordIndex": 4, "Reason": "late"}]);
        assert_eq!(failure.body()["RejectedRecords"], expected);
    }
}
