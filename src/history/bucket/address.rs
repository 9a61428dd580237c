//! `s3://bucket/prefix`: where something lies in a bucket, and what S3 says about it.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::fault;
use crate::history::HistoryError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) bucket: String,
    /// Ends in `/`, or is empty.
    pub(crate) prefix: String,
}

impl Address {
    /// # Errors
    /// When `text` is no address of a bucket.
    pub(crate) fn read(text: &str) -> Result<Self, HistoryError> {
        let not_one = || HistoryError::NoBucket { address: text.to_owned() };
        let behind = text.strip_prefix("s3://").ok_or_else(not_one)?;
        let (bucket, prefix) = behind.split_once('/').unwrap_or((behind, ""));
        if bucket.is_empty() {
            return Err(not_one());
        }
        let prefix = if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") };
        Ok(Self { bucket: bucket.to_owned(), prefix })
    }

    /// The key of what is called `name` here.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Why `name` could not be written.
    pub(crate) fn unwritten<E>(&self, error: &SdkError<E, HttpResponse>, name: &str) -> HistoryError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        fault::of_address(error, self, name, "s3:PutObject")
    }

    /// Why `name` could not be read.
    pub(crate) fn unread<E>(&self, error: &SdkError<E, HttpResponse>, name: &str) -> HistoryError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        fault::of_address(error, self, name, "s3:GetObject")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}
