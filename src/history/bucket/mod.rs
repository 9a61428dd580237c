//! A history in an S3 bucket, or below a prefix of one.
//!
//! Invariants
//! - An object is read under the ETag that was listed, from its first byte to its last: one that changed meanwhile is an error that
//!   says so, and an answer that breaks off is taken up again where it broke. Never is a part taken for the whole.
//! - Small objects, of at most [`SMALL_BYTES`], are fetched ahead: [`AHEAD_OBJECTS`] and [`AHEAD_BYTES`] at most. A large one is streamed.
//! - The same keys as in a directory copy of the bucket give the same rows, in the same order.
//!
//! The trait is asked from threads that may wait; the SDK wants a runtime, so the bucket brings one.

mod address;
mod ahead;
mod fault;
mod find;
mod stream;

use std::io::{self, Cursor, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use bytes::Bytes;
use tokio::runtime::Runtime;

use super::source::{Ranges, Source};
use super::{HistoryError, Listing, SourceObject};
use crate::progress::Progress;
pub(crate) use address::Address;
use ahead::Ahead;
use stream::Streamed;

/// How many objects are fetched before somebody asks for them.
const AHEAD_OBJECTS: u32 = 32;
/// How many bytes of them.
const AHEAD_BYTES: u64 = 16 * 1024 * 1024;
/// How many bytes of Parquet objects stay for their second opening.
const KEPT_BYTES: usize = 8 * 1024 * 1024;
/// Up to this size an object is fetched at once, and ahead.
const SMALL_BYTES: u64 = 1024 * 1024;
/// Attempts of the SDK at one request, and of ours to take up an answer that broke off. Reading changes nothing, so that the SDK may
/// repeat what it likes.
const ATTEMPTS: u32 = 5;
/// The first pause between attempts; it doubles each time.
const PAUSE: Duration = Duration::from_millis(250);

/// Where a bucket is asked for.
#[derive(Debug, Clone)]
pub struct BucketAccess {
    /// Region, credentials and endpoints of the standard chain.
    pub sdk_config: aws_config::SdkConfig,
    /// An endpoint instead of AWS; buckets are then part of the path.
    pub endpoint_url: Option<String>,
}

impl BucketAccess {
    pub(crate) fn client(&self) -> Client {
        let mut config = aws_sdk_s3::config::Builder::from(&self.sdk_config)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(PAUSE));
        if let Some(url) = &self.endpoint_url {
            config = config.endpoint_url(url);
        }
        // What stands in for AWS at an address of its own has no host name for each bucket.
        let elsewhere = self.endpoint_url.is_some() || names_an_endpoint(&self.sdk_config);
        Client::from_conf(config.force_path_style(elsewhere).build())
    }
}

/// A history in a bucket.
pub struct Bucket {
    reach: Arc<Reach>,
    progress: Arc<dyn Progress>,
    ahead: OnceLock<Ahead>,
    /// Taken when it is dropped, which must not wait.
    runtime: Option<Runtime>,
}

/// All that a request needs.
struct Reach {
    client: Client,
    bucket: String,
    /// Ends in `/`, or is empty.
    prefix: String,
}

impl Reach {
    fn key(&self, object: &SourceObject) -> String {
        format!("{}{}", self.prefix, object.locator)
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("bucket", &self.reach.bucket).field("prefix", &self.reach.prefix).finish_non_exhaustive()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Bucket {
    /// The history at `address`, which is `s3://bucket` or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// When the address is none, or threads cannot be had.
    pub fn new(address: &str, access: &BucketAccess, progress: Arc<dyn Progress>) -> Result<Self, HistoryError> {
        let Address { bucket, prefix } = Address::read(address)?;
        let client = access.client();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|source| HistoryError::Unreadable { path: address.to_owned(), source })?;
        let reach = Arc::new(Reach { client, bucket, prefix });
        Ok(Self { reach, progress, ahead: OnceLock::new(), runtime: Some(runtime) })
    }

    fn runtime(&self) -> Result<&Runtime, HistoryError> {
        let gone =
            || HistoryError::Unreadable { path: self.reach.bucket.clone(), source: io::Error::other("the reader is being taken down") };
        self.runtime.as_ref().ok_or_else(gone)
    }

    /// A small object's bytes, whoever fetched them.
    fn small(&self, object: &SourceObject) -> Result<Bytes, HistoryError> {
        let runtime = self.runtime()?;
        match self.ahead.get() {
            Some(ahead) => ahead.take(object, runtime),
            None => runtime.block_on(stream::whole(&self.reach, object)),
        }
    }
}

/// Whether an endpoint is named for S3, or for everything.
fn names_an_endpoint(config: &aws_config::SdkConfig) -> bool {
    use aws_types::service_config::ServiceConfigKey;
    let key = ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok();
    let of_service = key.and_then(|key| config.service_config()?.load_config(key));
    of_service.is_some() || config.endpoint_url().is_some()
}

impl Source for Bucket {
    fn list(&self) -> Result<Listing, HistoryError> {
        let listing = self.runtime()?.block_on(find::all(&self.reach, &*self.progress))?;
        // A second listing, for the same objects, has nothing to add.
        self.ahead.get_or_init(|| Ahead::new(Arc::clone(&self.reach), listing.objects.clone()));
        Ok(listing)
    }

    fn open(&self, object: &SourceObject) -> Result<Box<dyn Read + Send>, HistoryError> {
        if object.size_bytes <= SMALL_BYTES {
            return Ok(Box::new(Cursor::new(self.small(object)?)));
        }
        let runtime = self.runtime()?.handle().clone();
        Ok(Box::new(Streamed::begin(Arc::clone(&self.reach), object.clone(), runtime)?))
    }

    fn open_ranges(&self, object: &SourceObject) -> Result<Box<dyn Ranges>, HistoryError> {
        if object.size_bytes <= SMALL_BYTES {
            return Ok(Box::new(Held(self.small(object)?)));
        }
        let runtime = self.runtime()?.handle().clone();
        Ok(Box::new(stream::RangedObject::new(Arc::clone(&self.reach), object.clone(), runtime)))
    }
}

/// An object that is here already.
struct Held(Bytes);

impl Ranges for Held {
    fn size_bytes(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    fn read_range(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = at.checked_add(length).and_then(|end| self.0.get(at..end));
        part.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
