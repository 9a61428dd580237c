//! HTTP/1.1 on a socket: which service is asked, who may ask, for what, and the faults on the way; the services give the answers.
//!
//! Invariants
//! - A request is answered once, or its connection is dropped because a fault rule says so.
//! - After a stop, no new connection is taken and every request in flight is answered, within [`STOP_GRACE`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::LocalError;
use super::exception::{Dialect, Exception};
use super::failure::{ErrorKind, Failure};
use super::faults::{self, Fault, Faults};
use super::timestream::Service;
use super::wire::{self, Wire};
use super::{Services, s3};

/// Connections served at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1024;
/// Bytes of a request body. The real limit is unknown; the largest legal request is a query of 262,144 characters.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a form that are looked at for the name of an operation that is not served.
const FORM_BYTES_MAX: usize = 1024 * 1024;
/// How long requests in flight may take after a stop.
const STOP_GRACE: Duration = Duration::from_secs(30);
const TARGET_PREFIX: &str = "Timestream_20181101.";
const JSON_1_0: &str = "application/x-amz-json-1.0";

/// A connection that is dropped, mostly because a fault rule says so.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
struct Dropped;

/// Serves until `stop`.
pub(super) async fn run(listener: TcpListener, services: Arc<Services>, mut stop: watch::Receiver<bool>) -> Result<(), LocalError> {
    let local = listener.local_addr().map_err(LocalError::Listen)?;
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let ids = Arc::new(RequestIds::new(services.timestream.now().0, local));
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let one = serve_connection(stream, local, Arc::clone(&services), Arc::clone(&ids), stop.clone());
                connections.spawn(async move {
                    one.await;
                    drop(slot);
                });
            }
            // A client that was gone again, or no file descriptors for a moment: neither ends the service.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    drop(listener);
    let finished = tokio::time::timeout(STOP_GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!("requests were still in flight when the server had to stop");
    }
    Ok(())
}

/// Returns once a stop is asked for, or nobody is left who could.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone.
    drop(stop.wait_for(|stop| *stop).await);
}

async fn serve_connection(
    stream: TcpStream,
    local: SocketAddr,
    services: Arc<Services>,
    ids: Arc<RequestIds>,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small and whole; waiting to fill a packet would cost 40 ms each.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let stop_in_requests = stop.clone();
    let handler = service_fn(move |request| {
        let (services, ids, stop) = (Arc::clone(&services), Arc::clone(&ids), stop_in_requests.clone());
        async move {
            let faults = services.timestream.faults();
            match Wire::of(&request) {
                Wire::S3 => answer_s3(request, &services, stop).await,
                Wire::IotAnalytics => exchange(request, local, &services.iotanalytics, faults, &ids, stop).await,
                Wire::Timestream => answer(request, local, &services.timestream, &ids, stop).await,
                Wire::Kinesis => exchange(request, local, &services.kinesis, faults, &ids, stop).await,
                Wire::Iot => exchange(request, local, &services.iot, faults, &ids, stop).await,
                Wire::Other(name) => Ok(refuse_service(request, &name, &ids).await),
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), handler);
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A service of which every request and every answer fits into memory.
pub(super) trait WholeAnswers: Send + Sync + 'static {
    /// What the head of a request asks for: it is routed, and may be carried out.
    type Asked: Send + 'static;
    const DIALECT: Dialect;
    const BODY_BYTES_MAX: usize;

    /// Reads the head of a request.
    fn read(&self, head: &Parts) -> Result<Self::Asked, Exception>;

    /// The operation as the API names it, for fault rules and counters.
    fn operation(asked: &Self::Asked) -> &'static str;

    /// The status of a good answer.
    fn status(_asked: &Self::Asked) -> StatusCode {
        StatusCode::OK
    }

    /// The answer that a fault rule asks for.
    fn played(kind: ErrorKind) -> Exception;

    /// A good answer; null has no body. `address` is what the client believes to speak to. Blocks.
    fn answer(self: &Arc<Self>, asked: &Self::Asked, body: &[u8], address: &str) -> Result<Value, Exception>;
}

type Answer = Response<Either<Full<Bytes>, s3s::Body>>;

/// Plays what the rules have for the operation, as far as every service has it alike. What is left is the service's own.
async fn play(faults: &Faults, operation: &str, access_key: &str, stop: &mut watch::Receiver<bool>) -> Result<Option<Fault>, Dropped> {
    let verdict = faults.judge(operation, access_key);
    if !verdict.latency.is_zero() {
        tokio::time::sleep(verdict.latency).await;
    }
    match verdict.fault {
        Some(Fault::Reset) => Err(Dropped),
        Some(Fault::Stall(time)) => {
            tokio::select! {
                () = tokio::time::sleep(time) => {}
                () = stopped(stop) => {}
            }
            Err(Dropped)
        }
        other => Ok(other),
    }
}

async fn answer(
    request: Request<Incoming>,
    local: SocketAddr,
    service: &Arc<Service>,
    ids: &RequestIds,
    mut stop: watch::Receiver<bool>,
) -> Result<Answer, Dropped> {
    let id = ids.next();
    let operation = match operation(&request) {
        Ok(operation) => operation,
        Err(failure) => return Ok(respond(Err(failure), &id)),
    };
    let fault = play(service.faults(), &operation, access_key(request.headers()), &mut stop).await?;
    match fault {
        Some(Fault::Throttle(store)) => return Ok(respond(Err(faults::throttle(store)), &id)),
        Some(Fault::Answer(kind)) => return Ok(respond(Err(faults::answer(kind)), &id)),
        _ => {}
    }
    let address = discovered(request.headers(), host(request.headers()).unwrap_or_else(|| local.to_string()));
    let answered = match read_body(request.into_body()).await {
        Ok(body) if faults::is_invalid(fault.as_ref(), &body) => Err(faults::answer(ErrorKind::Validation)),
        Ok(body) => service.answer(&operation, body, &address).await,
        Err(failure) => Err(failure),
    };
    if fault == Some(Fault::LostReply) {
        return Err(Dropped);
    }
    Ok(respond(answered, &id))
}

/// One request to a service that gives whole answers.
async fn exchange<S: WholeAnswers>(
    request: Request<Incoming>,
    local: SocketAddr,
    service: &Arc<S>,
    faults: &Faults,
    ids: &RequestIds,
    mut stop: watch::Receiver<bool>,
) -> Result<Answer, Dropped> {
    let id = ids.next();
    let (head, body) = request.into_parts();
    let refused = |exception: Exception| Ok(whole(S::DIALECT, Err(exception), &id));
    let asked = match service.read(&head) {
        Ok(asked) => asked,
        Err(exception) => return refused(exception),
    };
    if !head.headers.contains_key(AUTHORIZATION) {
        return refused(Exception::unauthenticated());
    }
    let fault = play(faults, S::operation(&asked), access_key(&head.headers), &mut stop).await?;
    match fault {
        Some(Fault::Throttle(_)) => return refused(S::played(ErrorKind::Throttling)),
        Some(Fault::Answer(kind)) => return refused(S::played(kind)),
        _ => {}
    }
    let address = host(&head.headers).unwrap_or_else(|| local.to_string());
    let status = S::status(&asked);
    let answered = match collected(body, S::BODY_BYTES_MAX).await {
        Ok(body) if faults::is_invalid(fault.as_ref(), &body) => Err(S::played(ErrorKind::Validation)),
        Ok(body) => {
            let service = Arc::clone(service);
            let work = tokio::task::spawn_blocking(move || service.answer(&asked, &body, &address));
            work.await.unwrap_or_else(|panic| Err(Exception::internal(panic)))
        }
        Err(Unread::TooLarge) => Err(Exception::too_large(S::BODY_BYTES_MAX)),
        Err(Unread::Broken(cause)) => Err(Exception::unreadable(cause)),
    };
    if fault == Some(Fault::LostReply) {
        return Err(Dropped);
    }
    Ok(whole(S::DIALECT, answered.map(|body| (status, body)), &id))
}

/// A whole answer, or why there is none, as `dialect` has them.
fn whole(dialect: Dialect, answered: Result<(StatusCode, Value), Exception>, id: &str) -> Answer {
    let (status, body, code) = match answered {
        Ok((status, body)) => (status, body, None),
        Err(exception) => (exception.status(dialect), exception.body(dialect), Some(exception.code)),
    };
    let content_type = if dialect == Dialect::AwsJson { "application/x-amz-json-1.1" } else { "application/json" };
    // What answers nothing answers with no bytes at all.
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut response = answer_of(status, content_type, body, id);
    if let (Dialect::RestJson, Some(code)) = (dialect, code) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(code));
    }
    response
}

/// The answer to a request that was signed for a service that is not here, in the form that its client reads.
async fn refuse_service(request: Request<Incoming>, name: &str, ids: &RequestIds) -> Answer {
    let id = ids.next();
    let (head, body) = request.into_parts();
    let has_target = head.headers.contains_key("x-amz-target");
    if !wire::speaks_xml(&head) {
        let dialect = if has_target { Dialect::AwsJson } else { Dialect::RestJson };
        return whole(dialect, Err(Exception::not_served(wire::not_served(name, &head, None))), &id);
    }
    // The query protocol names its operation in the body.
    let form = Limited::new(body, FORM_BYTES_MAX).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let exception = Exception::not_served(wire::not_served(name, &head, wire::action(&form)));
    let message = exception.message.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
        exception.code
    );
    answer_of(exception.status, "text/xml", Bytes::from(body), &id)
}

async fn answer_s3(request: Request<Incoming>, services: &Services, mut stop: watch::Receiver<bool>) -> Result<Answer, Dropped> {
    let operation = s3::operation(request.method(), request.uri().path(), request.uri().query().unwrap_or_default());
    let fault = play(services.timestream.faults(), &operation, access_key(request.headers()), &mut stop).await?;
    match fault {
        Some(Fault::Throttle(_)) => return Ok(s3::refusal(ErrorKind::Throttling)),
        Some(Fault::Answer(kind)) => return Ok(s3::refusal(kind)),
        _ => {}
    }
    let answered = hyper::service::Service::call(&services.s3, request).await;
    if fault == Some(Fault::LostReply) {
        return Err(Dropped);
    }
    answered.map(|response| response.map(Either::Right)).map_err(|error| {
        tracing::warn!(?error, "an S3 request could not be answered");
        Dropped
    })
}

/// The operation that a request names, if it may ask for one at all.
fn operation(request: &Request<Incoming>) -> Result<String, Failure> {
    let headers = request.headers();
    let unknown = |what: String| Failure::new(ErrorKind::UnknownOperation, what);
    if request.method() != Method::POST || request.uri().path() != "/" {
        return Err(unknown("Only POST / is served.".to_owned()));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(JSON_1_0) {
        return Err(unknown(format!("The content type must be {JSON_1_0}.")));
    }
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(operation) = target.strip_prefix(TARGET_PREFIX) else {
        return Err(unknown(format!("The X-Amz-Target header must begin with {TARGET_PREFIX}")));
    };
    if !Service::serves(operation) {
        return Err(unknown(format!("The operation {} is not served by the embedded service.", operation.escape_debug())));
    }
    if !headers.contains_key(AUTHORIZATION) {
        return Err(Failure::new(ErrorKind::MissingAuthenticationToken, "Missing Authentication Token"));
    }
    Ok(operation.to_owned())
}

/// Whose credentials a request is signed with; nobody's where it does not say.
fn access_key(headers: &HeaderMap) -> &str {
    let signed = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    signed.split_once("Credential=").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(key, _)| key)
}

/// What the client believes to speak to: it gets this back from DescribeEndpoints.
fn host(headers: &HeaderMap) -> Option<String> {
    headers.get(HOST).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The address that DescribeEndpoints gives a client. Clients put `https://` before it, which nobody here speaks; botocore (boto3, the AWS CLI)
/// leaves an address alone that has a scheme, so it is given one.
fn discovered(headers: &HeaderMap, address: String) -> String {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if agent.contains("Botocore") { format!("http://{address}") } else { address }
}

/// Why a body cannot be had.
enum Unread {
    TooLarge,
    Broken(String),
}

async fn collected(body: Incoming, bytes_max: usize) -> Result<Bytes, Unread> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Unread::TooLarge),
        Err(error) => Err(Unread::Broken(error.to_string())),
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, Failure> {
    collected(body, BODY_BYTES_MAX).await.map_err(|unread| match unread {
        Unread::TooLarge => Failure::new(ErrorKind::TooLarge, format!("The request is larger than {BODY_BYTES_MAX} bytes.")),
        Unread::Broken(cause) => Failure::new(ErrorKind::Serialization, format!("The request body could not be read: {cause}")),
    })
}

fn respond(answered: Result<Value, Failure>, id: &str) -> Answer {
    let (status, body) = match answered {
        Ok(body) => (StatusCode::OK, body),
        Err(failure) => (failure.status(), failure.body()),
    };
    answer_of(status, JSON_1_0, Bytes::from(body.to_string()), id)
}

fn answer_of(status: StatusCode, content_type: &'static str, body: Bytes, id: &str) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

/// Request ids of the real form: 16 bytes in base 32.
#[derive(Debug)]
struct RequestIds {
    seed: u64,
    count: AtomicU64,
}

impl RequestIds {
    fn new(now: i64, local: SocketAddr) -> Self {
        Self { seed: now.cast_unsigned() ^ u64::from(local.port()), count: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut rest = xxhash_rust::xxh3::xxh3_128_with_seed(&count.to_le_bytes(), self.seed);
        (0..26)
            .map(|_| {
                let digit = usize::try_from(rest & 31).unwrap_or(0);
                rest >>= 5;
                char::from(ALPHABET[digit])
            })
            .collect()
    }
}
