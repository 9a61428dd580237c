//! Why a query is not answered, in the classes of the service.

/// What the server turns into a wire error. Messages are the service's own words where they are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryFailure {
    /// `ValidationException`, 400: the text, a parameter or a token is wrong, or asks for what is not served here.
    #[error("{0}")]
    Validation(String),
    /// `QueryExecutionException`, 400: the query is right, its values are not (overflow, division by zero, bad cast).
    #[error("{0}")]
    Execution(String),
    /// `ConflictException`, 409.
    #[error("{0}")]
    Conflict(String),
    /// `InternalServerException`, 500: the store or this service is at fault.
    #[error("{0}")]
    Internal(String),
}

impl QueryFailure {
    /// The exception's name on the wire.
    #[must_use]
    pub fn exception(&self) -> &'static str {
        match self {
            Self::Validation(_) => "ValidationException",
            Self::Execution(_) => "QueryExecutionException",
            Self::Conflict(_) => "ConflictException",
            Self::Internal(_) => "InternalServerException",
        }
    }

    /// The HTTP status (facts: status map).
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Validation(_) | Self::Execution(_) => 400,
            Self::Conflict(_) => 409,
            Self::Internal(_) => 500,
        }
    }

    /// A refusal of something that the real service may well do.
    pub(super) fn not_served(position: impl std::fmt::Display, what: impl std::fmt::Display) -> Self {
        Self::Validation(format!("{position}{what} is not served by the embedded service"))
    }

    /// An error of SQLite while it ran a compiled query.
    pub(super) fn while_running(error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error {
            // The registered functions report what is wrong with values through these.
            rusqlite::Error::SqliteFailure(code, Some(message))
                if matches!(code.code, Code::Unknown | Code::ConstraintViolation | Code::TooBig) =>
            {
                Self::Execution(message.clone())
            }
            other => Self::Internal(format!("the store failed: {other}")),
        }
    }

    /// An error of SQLite while it prepared a compiled query: beyond its limits, or the store is not what it should be.
    pub(super) fn while_preparing(error: &rusqlite::Error) -> Self {
        let text = error.to_string();
        let beyond = ["too large", "too many", "too deep", "too big", "stack overflow", "Recursion limit", "too complex"];
        if beyond.iter().any(|words| text.contains(words)) {
            return Self::Validation("The query is too complex for the embedded service".to_owned());
        }
        Self::Internal(format!("the store failed: {error}"))
    }
}
