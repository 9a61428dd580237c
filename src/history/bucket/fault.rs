//! What S3 answered, as what a person can do about it.

use std::error::Error;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::{Address, Reach};
use crate::history::{HistoryError, SourceObject};

/// Why an object could not be had.
pub(super) fn of_object<E>(error: &SdkError<E, HttpResponse>, reach: &Reach, object: &SourceObject) -> HistoryError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    of_key(error, reach, &object.locator, &object.id.key, &object.id.etag)
}

/// Why the object at `raw_key` below the prefix could not be had; `key` is how people know it.
pub(super) fn of_key<E>(error: &SdkError<E, HttpResponse>, reach: &Reach, raw_key: &str, key: &str, etag: &str) -> HistoryError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let resource = format!("arn:aws:s3:::{}/{}{raw_key}", reach.bucket, reach.prefix);
    let key = key.to_owned();
    match (code(error), status(error)) {
        (Some("NoSuchKey" | "NotFound"), _) | (None, Some(404)) => HistoryError::Vanished { key },
        (Some("PreconditionFailed"), _) | (_, Some(412)) => {
            HistoryError::Changed { key, listed: etag.to_owned(), found: "another".to_owned() }
        }
        (Some("InvalidObjectState"), _) => HistoryError::Archived { key },
        (Some("AccessDenied"), _) | (None, Some(403)) => denied("s3:GetObject", resource, error),
        _ => other(error, &reach.bucket, &key, "s3:GetObject", resource),
    }
}

/// Why the bucket could not be listed.
pub(super) fn of_listing<E>(error: &SdkError<E, HttpResponse>, reach: &Reach) -> HistoryError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let resource = format!("arn:aws:s3:::{}", reach.bucket);
    match code(error) {
        Some("NoSuchBucket") => HistoryError::RootMissing { root: format!("s3://{}/{}", reach.bucket, reach.prefix) },
        Some("AccessDenied") => denied("s3:ListBucket", resource, error),
        _ => other(error, &reach.bucket, &reach.prefix, "s3:ListBucket", resource),
    }
}

/// Why what is called `name` at `address` could not be had or put there.
pub(super) fn of_address<E>(error: &SdkError<E, HttpResponse>, address: &Address, name: &str, permission: &'static str) -> HistoryError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let resource = format!("arn:aws:s3:::{}/{}", address.bucket, address.key(name));
    match (code(error), status(error)) {
        (Some("NoSuchBucket"), _) => HistoryError::RootMissing { root: address.to_string() },
        (Some("AccessDenied"), _) | (None, Some(403)) => denied(permission, resource, error),
        _ => other(error, &address.bucket, &address.key(name), permission, resource),
    }
}

fn other<E>(error: &SdkError<E, HttpResponse>, bucket: &str, key: &str, permission: &'static str, resource: String) -> HistoryError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let said = DisplayErrorContext(error).to_string();
    match code(error) {
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            let region = error.raw_response().and_then(|raw| raw.headers().get("x-amz-bucket-region")).map(str::to_owned);
            HistoryError::WrongRegion { bucket: bucket.to_owned(), region }
        }
        Some(code @ ("ExpiredToken" | "ExpiredTokenException" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken")) => {
            HistoryError::Credentials { reason: format!("S3 says {code}") }
        }
        Some("AccessDenied" | "AllAccessDisabled") => denied(permission, resource, error),
        _ if is_of_credentials(&said) => HistoryError::Credentials { reason: innermost(error) },
        _ => HistoryError::Read { key: key.to_owned(), source: io::Error::other(innermost(error)) },
    }
}

fn denied<E>(permission: &str, resource: String, error: &SdkError<E, HttpResponse>) -> HistoryError
where
    E: ProvideErrorMetadata,
{
    // Objects under a key of the customer are refused for the key's sake, and only the text says so.
    let message = error.as_service_error().and_then(|error| error.meta().message()).unwrap_or_default();
    let permission = if message.contains("kms:") { "kms:Decrypt".to_owned() } else { permission.to_owned() };
    HistoryError::Denied { permission, resource }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(|error| error.meta().code())
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

/// The SDK gives no type to this failure.
fn is_of_credentials(said: &str) -> bool {
    said.contains("CredentialsNotLoaded")
        || said.contains("no providers in chain provided credentials")
        || said.contains("credentials provider")
}

/// The last of the causes, which is what happened.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
