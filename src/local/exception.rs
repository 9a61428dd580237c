//! How the JSON services beside Timestream refuse a request: status, exception and message, in the form of their protocol.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::failure::{ErrorKind, Failure};
use super::s3::BucketFailure;

/// How a protocol carries the name of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::local) enum Dialect {
    /// awsJson 1.1: in the body, as `__type`. Refusals are 400, failures of the service 500.
    AwsJson,
    /// rest-json: in a header.
    RestJson,
}

/// A failed request.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::local) struct Exception {
    pub(in crate::local) status: StatusCode,
    pub(in crate::local) code: &'static str,
    pub(in crate::local) message: String,
    /// Members of the body beside the message.
    pub(in crate::local) members: Vec<(&'static str, Value)>,
}

impl Exception {
    pub(in crate::local) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), members: Vec::new() }
    }

    /// A refusal with status 400.
    pub(in crate::local) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A rule of the API or of the service was broken.
    pub(in crate::local) fn invalid_request(message: impl Into<String>) -> Self {
        Self::refused("InvalidRequestException", message)
    }

    pub(in crate::local) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    /// 409, with the resource that is there already.
    pub(in crate::local) fn exists(message: impl Into<String>, id: &str, arn: String) -> Self {
        let members = vec![("resourceId", id.into()), ("resourceArn", arn.into())];
        Self { members, ..Self::new(StatusCode::CONFLICT, "ResourceAlreadyExistsException", message) }
    }

    /// An operation, or a whole service, that nobody here answers for.
    pub(in crate::local) fn not_served(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }

    pub(in crate::local) fn unreadable(error: impl std::fmt::Display) -> Self {
        Self::serialization(format!("The request body is not of the expected form: {error}"))
    }

    /// What was sent cannot be read: no JSON, or another type than the API's.
    pub(in crate::local) fn serialization(message: impl Into<String>) -> Self {
        Self::refused("SerializationException", message)
    }

    pub(in crate::local) fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", format!("The request is larger than {limit} bytes."))
    }

    pub(in crate::local) fn unauthenticated() -> Self {
        Self::new(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    /// The machine failed under the service: said in the log, not to the caller.
    pub(in crate::local) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "an embedded service failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", "An internal failure occurred. Retry your request.")
    }

    /// The answer that a fault rule asks for. Services have their own name for a throttle.
    pub(in crate::local) fn played(kind: ErrorKind, throttle: &'static str) -> Self {
        let code = if kind == ErrorKind::Throttling { throttle } else { kind.exception() };
        let message = if kind == ErrorKind::Throttling { "Rate exceeded" } else { "A fault rule asked for this answer." };
        Self::new(Failure::new(kind, "").status(), code, message)
    }

    pub(in crate::local) fn status(&self, dialect: Dialect) -> StatusCode {
        match dialect {
            Dialect::AwsJson if self.status.is_client_error() => StatusCode::BAD_REQUEST,
            Dialect::AwsJson => StatusCode::INTERNAL_SERVER_ERROR,
            Dialect::RestJson => self.status,
        }
    }

    pub(in crate::local) fn body(&self, dialect: Dialect) -> Value {
        let mut body = Map::new();
        if dialect == Dialect::AwsJson {
            body.insert("__type".to_owned(), json!(self.code));
        }
        body.insert("message".to_owned(), json!(self.message));
        body.extend(self.members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(body)
    }
}

impl From<BucketFailure> for Exception {
    fn from(error: BucketFailure) -> Self {
        Self::internal(error)
    }
}

impl From<rusqlite::Error> for Exception {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(error)
    }
}
