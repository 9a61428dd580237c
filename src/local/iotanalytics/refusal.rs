//! What a caller is told when a request fails: the service's own exceptions, with their statuses (facts: API wire details).

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::local::failure::ErrorKind;

/// The exceptions of the API, and those of the front end before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A rule of the API or of the service was broken (400).
    InvalidRequest,
    /// The body is not JSON, or a member has the wrong JSON type (400).
    Serialization,
    AccessDenied,
    /// No `Authorization` header (403).
    MissingAuthenticationToken,
    /// Temporary credentials that ran out (403).
    ExpiredToken,
    /// The client's clock is too far from the service's (403).
    InvalidSignature,
    ResourceNotFound,
    /// No such operation (404).
    UnknownOperation,
    ResourceAlreadyExists,
    /// 410, as odd as it is.
    LimitExceeded,
    TooLarge,
    Throttling,
    InternalFailure,
    ServiceUnavailable,
}

impl Kind {
    fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::Serialization => StatusCode::BAD_REQUEST,
            Self::AccessDenied | Self::MissingAuthenticationToken | Self::ExpiredToken | Self::InvalidSignature => StatusCode::FORBIDDEN,
            Self::ResourceNotFound | Self::UnknownOperation => StatusCode::NOT_FOUND,
            Self::ResourceAlreadyExists => StatusCode::CONFLICT,
            Self::LimitExceeded => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Throttling => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalFailure => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The name that the `x-amzn-ErrorType` header carries.
    pub(super) fn exception(self) -> &'static str {
        match self {
            Self::InvalidRequest => "InvalidRequestException",
            Self::Serialization => "SerializationException",
            Self::AccessDenied => "AccessDeniedException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::ResourceAlreadyExists => "ResourceAlreadyExistsException",
            Self::LimitExceeded => "LimitExceededException",
            Self::TooLarge => "RequestEntityTooLargeException",
            Self::Throttling => "ThrottlingException",
            Self::InternalFailure => "InternalFailureException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
        }
    }
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::local) struct Refusal {
    pub(super) kind: Kind,
    pub(super) message: String,
    /// Name and ARN of the resource that stands in the way.
    pub(super) resource: Option<(String, String)>,
}

impl Refusal {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), resource: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidRequest, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::ResourceNotFound, message)
    }

    /// The machine failed under the service: said in the log, not to the caller.
    pub(in crate::local) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "the embedded IoT Analytics failed");
        Self::new(Kind::InternalFailure, "An internal failure occurred. Retry your request.")
    }

    /// The answer that a fault rule asks for.
    pub(in crate::local) fn played(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Constraint | ErrorKind::Validation | ErrorKind::QueryExecution | ErrorKind::RejectedRecords => {
                Self::invalid("The request is not valid.")
            }
            ErrorKind::Serialization => Self::new(Kind::Serialization, "The request could not be read."),
            ErrorKind::ServiceQuotaExceeded => Self::new(Kind::LimitExceeded, "The maximum number of resources has been reached."),
            ErrorKind::AccessDenied => Self::new(Kind::AccessDenied, "User is not authorized to perform this action"),
            ErrorKind::MissingAuthenticationToken => Self::new(Kind::MissingAuthenticationToken, "Missing Authentication Token"),
            ErrorKind::ExpiredToken => Self::new(Kind::ExpiredToken, "The security token included in the request is expired"),
            ErrorKind::SignatureExpired => Self::new(Kind::InvalidSignature, "Signature expired: the clock is too far off"),
            ErrorKind::ResourceNotFound => Self::not_found("The resource was not found."),
            ErrorKind::UnknownOperation | ErrorKind::InvalidEndpoint => Self::new(Kind::UnknownOperation, "Unknown operation"),
            ErrorKind::Conflict => Self::new(Kind::ResourceAlreadyExists, "The resource exists already."),
            ErrorKind::TooLarge => Self::new(Kind::TooLarge, "The request is too large."),
            ErrorKind::Throttling => Self::new(Kind::Throttling, "Rate exceeded"),
            ErrorKind::InternalServer => Self::new(Kind::InternalFailure, "An internal failure occurred. Retry your request."),
            ErrorKind::ServiceUnavailable => Self::new(Kind::ServiceUnavailable, "The service is temporarily unavailable."),
        }
    }

    pub(in crate::local) fn status(&self) -> StatusCode {
        self.kind.status()
    }

    pub(in crate::local) fn exception(&self) -> &'static str {
        self.kind.exception()
    }

    pub(in crate::local) fn body(&self) -> Value {
        match &self.resource {
            Some((id, arn)) => json!({ "message": self.message, "resourceId": id, "resourceArn": arn }),
            None => json!({ "message": self.message }),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(error)
    }
}

impl From<crate::local::s3::BucketFailure> for Refusal {
    fn from(error: crate::local::s3::BucketFailure) -> Self {
        Self::internal(error)
    }
}
