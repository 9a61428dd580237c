//! Every way in which the service or the way to it can fail, put into the few classes that a caller acts on.

use aws_sdk_timestreamwrite::config::http::HttpResponse;
use aws_sdk_timestreamwrite::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::target::{ReadFault, WriteFault};

/// How much of a service's message is kept, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 600;

/// What is known of a failed call, whichever client made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Throttled,
    Unanswered,
    EndpointExpired,
    Invalid,
    Denied,
    NotFound,
    Refused,
}

impl Failure {
    /// Classifies what the SDK returned.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let (code, text) = (service.err().code(), service.err().message());
                Self::answered(code, service.raw().status().as_u16(), text.unwrap_or("no message"))
            }
            SdkError::ResponseError(response) => {
                let status = response.raw().status().as_u16();
                Self { kind: Kind::Unanswered, message: one_line(&format!("HTTP {status}: {}", DisplayErrorContext(error))) }
            }
            SdkError::TimeoutError(_) => Self { kind: Kind::Unanswered, message: one_line(&format!("{}", DisplayErrorContext(error))) },
            // Neither was answered. Who is to blame stands in the chain of causes only.
            _ => Self::unsent(&format!("{}", DisplayErrorContext(error))),
        }
    }

    /// By the code that the body names, else by the HTTP status (facts: status map).
    fn answered(code: Option<&str>, status: u16, text: &str) -> Self {
        let message = one_line(&match code {
            Some(code) => format!("{code}: {text}"),
            None => format!("HTTP {status}: {text}"),
        });
        let by_code = match code.unwrap_or_default() {
            "ThrottlingException" | "TooManyRequestsException" | "Throttling" => Some(Kind::Throttled),
            "InternalServerException" | "InternalFailure" | "ServiceUnavailable" | "ServiceUnavailableException" => Some(Kind::Unanswered),
            "InvalidEndpointException" => Some(Kind::EndpointExpired),
            "ValidationException" | "SerializationException" => Some(Kind::Invalid),
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationTokenException"
            | "MissingAuthenticationToken"
            | "InvalidClientTokenId"
            | "NotAuthorized"
            | "OptInRequired" => Some(Kind::Denied),
            "ResourceNotFoundException" => Some(Kind::NotFound),
            // A host that does not know the operation is the wrong host (facts: 404 at the regional host).
            "ServiceQuotaExceededException" | "ConflictException" | "UnknownOperationException" => Some(Kind::Refused),
            _ => None,
        };
        let kind = by_code.unwrap_or(match status {
            429 => Kind::Throttled,
            421 => Kind::EndpointExpired,
            400 | 413 | 422 => Kind::Invalid,
            401 | 403 => Kind::Denied,
            404 => Kind::NotFound,
            402 | 405..=499 => Kind::Refused,
            _ => Kind::Unanswered,
        });
        Self { kind, message }
    }

    /// A call that ended before the service answered, told apart by the text of its causes, as the SDK gives no type.
    fn unsent(chain: &str) -> Self {
        let lower = chain.to_lowercase();
        let is_credentials =
            ["credential", "identity resolver", "sso session", "token has expired", "missing region", "invalid configuration"]
                .iter()
                .any(|sign| lower.contains(sign));
        let kind = if is_credentials { Kind::Denied } else { Kind::Unanswered };
        Self { kind, message: one_line(chain) }
    }

    /// Whether the failure is that something is not there.
    pub(super) fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }

    /// Whether somebody else made the same thing first.
    pub(super) fn is_conflict(&self) -> bool {
        self.kind == Kind::Refused && self.message.starts_with("ConflictException")
    }

    pub(super) fn into_write_fault(self) -> WriteFault {
        let message = self.message;
        match self.kind {
            Kind::Throttled => WriteFault::Throttled { magnetic: speaks_of_magnetic(&message), message },
            Kind::Unanswered => WriteFault::Unanswered { message },
            Kind::EndpointExpired => WriteFault::EndpointExpired { message },
            Kind::Invalid => WriteFault::Invalid { message },
            Kind::Denied => WriteFault::Denied { message },
            Kind::NotFound => WriteFault::NotFound { message },
            Kind::Refused => WriteFault::Refused { message },
        }
    }

    pub(super) fn into_read_fault(self) -> ReadFault {
        let message = self.message;
        match self.kind {
            Kind::Throttled => ReadFault::Throttled { message },
            Kind::Unanswered | Kind::EndpointExpired => ReadFault::Unanswered { message },
            Kind::Denied => ReadFault::Denied { message },
            Kind::NotFound => ReadFault::NotFound { message },
            // The query service has no exception for a table that is not there; it says so in words.
            Kind::Invalid | Kind::Refused if speaks_of_missing_table(&message) => ReadFault::NotFound { message },
            Kind::Invalid | Kind::Refused => ReadFault::Invalid { message },
        }
    }
}

/// Facts: the text of a magnetic-store throttle points at `ActiveMagneticStorePartitions`.
fn speaks_of_magnetic(message: &str) -> bool {
    message.to_lowercase().contains("magnetic")
}

fn speaks_of_missing_table(message: &str) -> bool {
    let lower = message.to_lowercase();
    let is_missing = lower.contains("does not exist") || lower.contains("not found");
    is_missing && !lower.contains("column") && ["table", "database", "schema"].iter().any(|what| lower.contains(what))
}

/// One line of printable text, cut to a bound: a message may quote anything.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == MESSAGE_CHARACTERS_MAX {
            line.push('…');
            break;
        }
        line.push(if c.is_control() { ' ' } else { c });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(code: &str, status: u16, text: &str) -> WriteFault {
        Failure::answered((!code.is_empty()).then_some(code), status, text).into_write_fault()
    }

    #[test]
    fn every_documented_error_has_its_class() {
        let throttled = |text| write("ThrottlingException", 429, text);
        assert!(matches!(throttled("Rate exceeded"), WriteFault::Throttled { magnetic: false, .. }));
        let partitions = "please check the ActiveMagneticStorePartitions metric";
        assert!(matches!(throttled(partitions), WriteFault::Throttled { magnetic: true, .. }));
        assert!(matches!(write("InternalServerException", 500, ""), WriteFault::Unanswered { .. }));
        assert!(matches!(write("InvalidEndpointException", 421, ""), WriteFault::EndpointExpired { .. }));
        assert!(matches!(write("ValidationException", 400, ""), WriteFault::Invalid { .. }));
        assert!(matches!(write("AccessDeniedException", 403, ""), WriteFault::Denied { .. }));
        assert!(matches!(write("ExpiredTokenException", 400, ""), WriteFault::Denied { .. }));
        assert!(matches!(write("ResourceNotFoundException", 404, ""), WriteFault::NotFound { .. }));
        assert!(matches!(write("ServiceQuotaExceededException", 402, ""), WriteFault::Refused { .. }));
        assert!(matches!(write("ConflictException", 409, ""), WriteFault::Refused { .. }));
        assert!(matches!(write("UnknownOperationException", 404, ""), WriteFault::Refused { .. }));
    }

    #[test]
    fn an_answer_without_a_code_is_classed_by_its_status() {
        assert!(matches!(write("", 503, ""), WriteFault::Unanswered { .. }));
        assert!(matches!(write("", 429, ""), WriteFault::Throttled { .. }));
        assert!(matches!(write("", 403, ""), WriteFault::Denied { .. }));
        assert!(matches!(write("", 413, ""), WriteFault::Invalid { .. }));
        assert!(matches!(write("SomethingNew", 302, ""), WriteFault::Unanswered { .. }));
    }

    #[test]
    fn missing_credentials_are_not_shown_as_a_network_problem() {
        let fault = Failure::unsent("dispatch failure: other: the credential provider was not enabled").into_write_fault();
        assert!(matches!(fault, WriteFault::Denied { .. }));
        let fault = Failure::unsent("dispatch failure: io error: connection refused").into_write_fault();
        assert!(matches!(fault, WriteFault::Unanswered { .. }));
    }

    #[test]
    fn a_query_on_a_missing_table_is_told_from_one_on_a_missing_column() {
        let read = |text| Failure::answered(Some("ValidationException"), 400, text).into_read_fault();
        assert!(matches!(read("line 1:15: Table 'plant.factory' does not exist"), ReadFault::NotFound { .. }));
        assert!(matches!(read("line 1:8: Column 'temp' does not exist"), ReadFault::Invalid { .. }));
    }

    #[test]
    fn messages_are_one_bounded_line_without_control_characters() {
        let line = one_line(&format!("a\n\u{1b}[31mb{}", "x".repeat(5000)));
        assert!(line.starts_with("a  [31mb"));
        assert_eq!(line.chars().count(), MESSAGE_CHARACTERS_MAX + 1);
    }
}
