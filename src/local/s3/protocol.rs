//! S3's wire protocol over [`Buckets`]; what is not here is answered with `NotImplemented` by `s3s`.

use std::ops::Range as Bytes;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Bytes as Piece;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{
    Bucket, CommonPrefix, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, CreateBucketInput, CreateBucketOutput,
    DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETag, ETagCondition, GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput, ListObjectsV2Input, ListObjectsV2Output,
    Object, PutObjectInput, PutObjectOutput, Range, StreamingBlob, Timestamp,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use sha2::{Digest as _, Sha256};

use super::SECRET_ACCESS_KEY;
use super::file_body::FileBody;
use super::store::{BucketFailure, Buckets, Stored};
use crate::local::failure::ErrorKind;
use crate::local::faults::Faults;
use crate::time::Nanos;

/// Keys of one page, as the real service has it.
const PAGE_KEYS_MAX: i32 = 1000;

/// The service over `buckets`.
pub(in crate::local) fn service(buckets: Buckets, faults: Faults) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Embedded { buckets, faults });
    builder.set_auth(OneSecret);
    builder.build()
}

/// The name of the operation that a request asks for, for faults and counters. Others than the common ones go by their method.
pub(in crate::local) fn operation(method: &Method, path: &str, query: &str) -> String {
    let of_object = path.trim_matches('/').contains('/');
    let name = match (method, of_object) {
        (&Method::GET, true) => "GetObject",
        (&Method::HEAD, true) => "HeadObject",
        (&Method::PUT, true) => "PutObject",
        (&Method::DELETE, true) => "DeleteObject",
        (&Method::GET, false) if query.contains("list-type=2") => "ListObjectsV2",
        (other, _) => return format!("S3 {other}"),
    };
    name.to_owned()
}

/// The answer that a fault rule asks for.
pub(in crate::local) fn refusal(kind: ErrorKind) -> Response<Either<Full<Piece>, s3s::Body>> {
    let (status, code, message) = match kind {
        ErrorKind::AccessDenied => (403, "AccessDenied", "Access Denied"),
        ErrorKind::MissingAuthenticationToken | ErrorKind::ExpiredToken => (400, "ExpiredToken", "The provided token has expired."),
        ErrorKind::SignatureExpired => {
            (403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
        }
        ErrorKind::ResourceNotFound => (404, "NoSuchKey", "The specified key does not exist."),
        ErrorKind::Throttling | ErrorKind::ServiceUnavailable => (503, "SlowDown", "Please reduce your request rate."),
        _ => (500, "InternalError", "We encountered an internal error. Please try again."),
    };
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let mut response = Response::new(Either::Left(Full::new(Piece::from(body))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// Any access key, one secret.
struct OneSecret;

#[async_trait::async_trait]
impl S3Auth for OneSecret {
    async fn get_secret_key(&self, _access_key: &str) -> S3Result<SecretKey> {
        Ok(SECRET_ACCESS_KEY.into())
    }
}

struct Embedded {
    buckets: Buckets,
    faults: Faults,
}

impl From<BucketFailure> for S3Error {
    fn from(failure: BucketFailure) -> Self {
        match failure {
            BucketFailure::NoSuchBucket(_) => s3_error!(NoSuchBucket, "The specified bucket does not exist"),
            BucketFailure::Index(_) | BucketFailure::File(_) => Self::with_message(S3ErrorCode::InternalError, failure.to_string()),
        }
    }
}

impl Embedded {
    fn found(&self, bucket: &str, key: &str, if_match: Option<&ETagCondition>) -> S3Result<Stored> {
        let stored = self.buckets.head(bucket, key)?.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?;
        if let Some(ETagCondition::ETag(wanted)) = if_match
            && wanted.value() != stored.etag
        {
            return Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"));
        }
        Ok(stored)
    }

    /// The bytes asked for, and how `Content-Range` says so where it is a part.
    fn part(stored: &Stored, range: Option<&Range>) -> S3Result<(Bytes<u64>, Option<String>)> {
        let Some(range) = range else { return Ok((0..stored.size_bytes, None)) };
        let part = range.check(stored.size_bytes).map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
        let said = format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), stored.size_bytes);
        Ok((part, Some(said)))
    }
}

#[async_trait::async_trait]
impl S3 for Embedded {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        if !self.buckets.create_bucket(&request.input.bucket)? {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        let location = Some(format!("/{}", request.input.bucket));
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        if self.buckets.has_bucket(&request.input.bucket)? {
            Ok(S3Response::new(HeadBucketOutput::default()))
        } else {
            Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"))
        }
    }

    async fn list_buckets(&self, _request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.buckets.buckets()?.into_iter();
        let buckets = buckets.map(|(name, made)| Bucket { name: Some(name), creation_date: Some(timestamp(made)), ..Bucket::default() });
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), ..ListBucketsOutput::default() }))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        if self.buckets.delete_bucket(&request.input.bucket)? {
            Ok(S3Response::new(DeleteBucketOutput::default()))
        } else {
            Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"))
        }
    }

    async fn get_bucket_location(&self, request: S3Request<GetBucketLocationInput>) -> S3Result<S3Response<GetBucketLocationOutput>> {
        if !self.buckets.has_bucket(&request.input.bucket)? {
            return Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"));
        }
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let mut upload = self.buckets.begin(&input.bucket)?;
        let mut sha256 = Sha256::new();
        if let Some(body) = input.body {
            let mut body = s3s::Body::from(body);
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| S3Error::with_message(S3ErrorCode::IncompleteBody, error.to_string()))?;
                if let Some(piece) = frame.data_ref() {
                    sha256.update(piece);
                    upload.write(piece)?;
                }
            }
        }
        if input.checksum_sha256.is_some_and(|claimed| claimed != STANDARD.encode(sha256.finalize())) {
            return Err(s3_error!(BadDigest, "The SHA256 you specified did not match the calculated checksum."));
        }
        let stored = self.buckets.finish(upload, &input.bucket, &input.key)?;
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(ETag::Strong(stored.etag)), ..PutObjectOutput::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let stored = self.found(&input.bucket, &input.key, input.if_match.as_ref())?;
        let (part, content_range) = Self::part(&stored, input.range.as_ref())?;
        let access_key = request.credentials.as_ref().map_or("", |credentials| credentials.access_key.as_str());
        let fault = self.faults.judge("GetObject body", access_key).fault;
        let length = part.end - part.start;
        let body = FileBody::new(&stored.file, &part, fault.as_ref()).map_err(BucketFailure::from)?;
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::from(s3s::Body::http_body(body))),
            content_length: i64::try_from(length).ok(),
            content_range,
            content_type: Some("binary/octet-stream".to_owned()),
            e_tag: Some(ETag::Strong(stored.etag)),
            last_modified: Some(timestamp(stored.modified)),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let stored = self.found(&request.input.bucket, &request.input.key, request.input.if_match.as_ref())?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(stored.size_bytes).ok(),
            content_type: Some("binary/octet-stream".to_owned()),
            e_tag: Some(ETag::Strong(stored.etag)),
            last_modified: Some(timestamp(stored.modified)),
            ..HeadObjectOutput::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "Access points are not served by the embedded service."));
        };
        let bytes = self.buckets.get(bucket, key)?.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?;
        let stored = self.buckets.put(&input.bucket, &input.key, &bytes)?;
        let result = CopyObjectResult {
            e_tag: Some(ETag::Strong(stored.etag)),
            last_modified: Some(timestamp(stored.modified)),
            ..CopyObjectResult::default()
        };
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.buckets.delete(&request.input.bucket, &request.input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let mut deleted = Vec::new();
        for object in request.input.delete.objects {
            self.buckets.delete(&request.input.bucket, &object.key)?;
            deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
        }
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted), ..DeleteObjectsOutput::default() }))
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let limit = input.max_keys.unwrap_or(PAGE_KEYS_MAX).clamp(0, PAGE_KEYS_MAX);
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.clone().or_else(|| input.start_after.clone());
        let page = self.page(&input.bucket, &prefix, input.delimiter.as_deref(), after, usize::try_from(limit).unwrap_or(0))?;
        let encode = |text: String| if input.encoding_type.is_some() { percent_encoded(&text) } else { text };
        let contents: Vec<Object> = page.objects.into_iter().map(|(key, stored)| object(encode(key), stored)).collect();
        let common: Vec<CommonPrefix> = page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(encode(prefix)) }).collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            key_count: i32::try_from(contents.len() + common.len()).ok(),
            max_keys: Some(limit),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            continuation_token: input.continuation_token,
            contents: Some(contents),
            common_prefixes: Some(common),
            prefix: Some(encode(prefix)),
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            start_after: input.start_after,
            ..ListObjectsV2Output::default()
        }))
    }
}

#[derive(Default)]
struct Page {
    objects: Vec<(String, Stored)>,
    prefixes: Vec<String>,
    /// Behind which key the next page begins.
    next: Option<String>,
}

impl Embedded {
    fn page(&self, bucket: &str, prefix: &str, delimiter: Option<&str>, after: Option<String>, limit: usize) -> S3Result<Page> {
        let (mut page, mut after) = (Page::default(), after);
        loop {
            let left = limit - page.objects.len() - page.prefixes.len();
            let found = self.buckets.list(bucket, prefix, after.as_deref(), left + 1)?;
            let Some((key, _)) = found.first() else { return Ok(page) };
            if left == 0 {
                page.next = after;
                return Ok(page);
            }
            let common = delimiter.and_then(|delimiter| folder(key, prefix, delimiter));
            if let Some(folder) = common {
                // Behind everything that begins with the folder.
                after = Some(format!("{folder}{}", char::MAX));
                page.prefixes.push(folder);
                continue;
            }
            let flat = |key: &str| delimiter.is_none_or(|delimiter| folder(key, prefix, delimiter).is_none());
            for (key, stored) in found.into_iter().take(left).take_while(|(key, _)| flat(key)) {
                after = Some(key.clone());
                page.objects.push((key, stored));
            }
        }
    }
}

/// The key up to and with the first delimiter behind the prefix.
fn folder(key: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let rest = key.strip_prefix(prefix)?;
    let at = rest.find(delimiter)?;
    Some(format!("{prefix}{}", &rest[..at + delimiter.len()]))
}

fn object(key: String, stored: Stored) -> Object {
    Object {
        key: Some(key),
        e_tag: Some(ETag::Strong(stored.etag)),
        size: i64::try_from(stored.size_bytes).ok(),
        last_modified: Some(timestamp(stored.modified)),
        ..Object::default()
    }
}

/// As `encoding-type=url` has it.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

fn timestamp(at: Nanos) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_nanos(u64::try_from(at.0).unwrap_or(0)))
}
