//! Every way in which a question can fail, put into the few classes that the capture acts on.

use aws_sdk_iotanalytics::config::http::HttpResponse;
use aws_sdk_iotanalytics::error::{ProvideErrorMetadata, SdkError};

use crate::inventory::printable;

/// How much of a service's message is kept, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("throttled: {message}")]
    Throttled { message: String },
    /// 5xx, or an answer that broke off.
    #[error("the service did not answer properly: {message}")]
    Unanswered { message: String },
    /// No connection: no such host, refused, no TLS, no answer in time.
    #[error("no connection: {message}")]
    Unreachable { message: String },
    /// Somebody answered who does not know the service.
    #[error("whoever answers there is not the service: {message}")]
    Foreign { message: String },
    /// This action, on this resource, for these credentials.
    #[error("access was refused: {message}")]
    Denied { message: String },
    #[error("the credentials have expired: {message}")]
    Expired { message: String },
    #[error("no AWS credentials were found: {message}")]
    NoCredentials { message: String },
    /// Credentials that no service takes.
    #[error("AWS does not accept the credentials: {message}")]
    BadCredentials { message: String },
    #[error("not found: {message}")]
    NotFound { message: String },
    /// Something of that name is there already.
    #[error("there already: {message}")]
    Taken { message: String },
    /// The request itself was refused.
    #[error("the request was refused: {message}")]
    Invalid { message: String },
}

impl Fault {
    /// Whether no other question will fare better.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Expired { .. } | Self::NoCredentials { .. } | Self::BadCredentials { .. })
    }

    /// Whether the same question may be answered when it is asked again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unanswered { .. } | Self::Unreachable { .. })
    }

    /// Classifies what the SDK returned.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let text = service.err().message().unwrap_or("no message");
                Self::answered(service.err().code(), service.raw().status().as_u16(), text)
            }
            SdkError::ResponseError(response) => {
                let status = response.raw().status().as_u16();
                let message = one_line(&format!("HTTP {status}: {}", chain(error)));
                // A page of somebody else's has no error code and is no JSON.
                if (400..500).contains(&status) { Self::Foreign { message } } else { Self::Unanswered { message } }
            }
            SdkError::TimeoutError(_) => Self::Unreachable { message: one_line(&chain(error)) },
            // Neither was answered. Who is to blame stands in the chain of causes only.
            _ => Self::unsent(one_line(&chain(error))),
        }
    }

    /// By the code that the body names, else by the HTTP status (facts: status map).
    fn answered(code: Option<&str>, status: u16, text: &str) -> Self {
        let message = one_line(&match code {
            Some(code) => format!("{code}: {text}"),
            None => format!("HTTP {status}: {text}"),
        });
        match code.unwrap_or_default() {
            "ThrottlingException" | "TooManyRequestsException" | "Throttling" | "LimitExceededException" => Self::Throttled { message },
            "InternalFailureException"
            | "InternalFailure"
            | "InternalServerException"
            | "ServiceUnavailableException"
            | "ServiceUnavailable" => Self::Unanswered { message },
            "AccessDeniedException" | "AccessDenied" | "UnauthorizedException" | "ForbiddenException" | "NotAuthorized" => {
                Self::Denied { message }
            }
            "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => Self::Expired { message },
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationTokenException"
            | "MissingAuthenticationToken"
            | "OptInRequired" => Self::BadCredentials { message },
            "ResourceNotFoundException" => Self::NotFound { message },
            "ResourceAlreadyExistsException" => Self::Taken { message },
            "InvalidRequestException" | "ValidationException" | "SerializationException" => Self::Invalid { message },
            "UnknownOperationException" | "UnknownEndpoint" | "NotImplemented" | "NotImplementedException" => Self::Foreign { message },
            // A code that is not known, or none: the status speaks.
            code => match status {
                429 => Self::Throttled { message },
                500.. => Self::Unanswered { message },
                _ if code.is_empty() => Self::Foreign { message },
                401 | 403 => Self::Denied { message },
                404 => Self::NotFound { message },
                _ => Self::Invalid { message },
            },
        }
    }

    /// A call that ended before anybody answered, told apart by the text of its causes, as the SDK gives no type.
    fn unsent(message: String) -> Self {
        let lower = message.to_lowercase();
        let says = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
        if says(&["token has expired", "token is expired", "session has expired", "expired token"]) {
            Self::Expired { message }
        } else if says(&["credential", "identity resolver", "sso session"]) {
            Self::NoCredentials { message }
        } else {
            Self::Unreachable { message }
        }
    }
}

/// What each cause says, from the outermost in.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}

/// One line of printable text, cut to a bound: a message may quote anything.
pub(super) fn one_line(text: &str) -> String {
    let cut: String = text.chars().take(MESSAGE_CHARACTERS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut = printable(&cut);
    if text.chars().nth(MESSAGE_CHARACTERS_MAX).is_some() { cut + "…" } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_outweigh_the_status() {
        let of = |code: &str, status| Fault::answered(Some(code), status, "x");
        assert!(matches!(of("ThrottlingException", 400), Fault::Throttled { .. }));
        assert!(matches!(of("LimitExceededException", 410), Fault::Throttled { .. }), "facts: it is 410, and passes");
        assert!(matches!(of("InternalFailureException", 500), Fault::Unanswered { .. }));
        assert!(matches!(of("AccessDeniedException", 403), Fault::Denied { .. }));
        assert!(matches!(of("UnauthorizedException", 401), Fault::Denied { .. }));
        assert!(matches!(of("ExpiredTokenException", 403), Fault::Expired { .. }));
        assert!(matches!(of("UnrecognizedClientException", 403), Fault::BadCredentials { .. }));
        assert!(matches!(of("ResourceNotFoundException", 404), Fault::NotFound { .. }));
        assert!(matches!(of("ResourceAlreadyExistsException", 409), Fault::Taken { .. }));
        assert!(matches!(of("InvalidRequestException", 400), Fault::Invalid { .. }));
        assert!(matches!(of("UnknownOperationException", 404), Fault::Foreign { .. }));
        assert!(matches!(of("SomethingNew", 403), Fault::Denied { .. }));
        assert!(matches!(of("SomethingNew", 418), Fault::Invalid { .. }));
    }

    #[test]
    fn an_answer_without_a_code_is_not_the_services_unless_it_failed() {
        let of = |status| Fault::answered(None, status, "x");
        assert!(matches!(of(403), Fault::Foreign { .. }));
        assert!(matches!(of(404), Fault::Foreign { .. }));
        assert!(matches!(of(503), Fault::Unanswered { .. }));
        assert!(matches!(of(429), Fault::Throttled { .. }));
    }

    #[test]
    fn what_was_never_sent_is_told_apart_by_its_cause() {
        let of = |text: &str| Fault::unsent(text.to_owned());
        assert!(matches!(of("dispatch failure: io error: dns error: failed to lookup address"), Fault::Unreachable { .. }));
        assert!(matches!(of("the credential provider was not enabled"), Fault::NoCredentials { .. }));
        assert!(matches!(of("the SSO session has expired or is otherwise invalid: the token has expired"), Fault::Expired { .. }));
    }

    #[test]
    fn messages_are_one_bounded_line() {
        let line = one_line(&format!("a\n\u{1b}[31mb\u{202e}{}", "x".repeat(5000)));
        assert!(line.starts_with("a  [31mb\\u{202e}") && line.ends_with('…'), "{line}");
    }
}
