//! The customer's function in AWS Lambda, called as the service called it: Invoke, a JSON array of messages in, a JSON array out.
//!
//! The request is signed here, with the signer and the HTTP client that the SDKs bring: a whole SDK for one operation made a cold build
//! 24 CPU seconds longer (docs/architecture.md, Builds).
//!
//! The engine waits for answers and knows no runtime, so a thread of its own asks. It ends with the value that started it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::config::{Credentials, ProvideCredentials as _};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector};
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::{Mutex, mpsc as queue};

use super::json;
use super::lambda::{LambdaError, LambdaFunction};
use crate::inventory::printable;
use crate::time::{Clock as _, SystemClock};
use crate::value::Object;

/// Bytes of one synchronous call, either way (AWS Lambda quotas: invocation payload).
const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;
/// How much of what a function said a message quotes.
const SAID_CHARS_MAX: usize = 300;
/// The client waits this much longer than any function may take: who gives up is decided here.
const READ_MARGIN: Duration = Duration::from_secs(5);
/// Credentials are fetched anew this long before they expire.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// A function of AWS that stands for the function of a lambda activity.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AwsFunction {
    /// Its name or ARN, with or without a version or alias.
    pub function: String,
    /// For one batch; the service allowed 15 minutes.
    pub timeout: Duration,
}

impl AwsFunction {
    /// Whether `text` has the form of a function's name or ARN.
    #[must_use]
    pub fn is_name_or_arn(text: &str) -> bool {
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '$');
        (1..=256).contains(&text.len()) && text.chars().all(sound)
    }

    /// The region that an ARN names.
    fn region(&self) -> Option<&str> {
        self.function.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2)).filter(|region| !region.is_empty())
    }
}

/// How long to insist where AWS throttles or fails.
#[derive(Debug, Clone, Copy)]
pub struct Insistence {
    pub attempts_max: u32,
    /// The first pause; it doubles each time, up to `pause_max`.
    pub pause: Duration,
    pub pause_max: Duration,
}

impl Default for Insistence {
    fn default() -> Self {
        Self { attempts_max: 8, pause: Duration::from_millis(500), pause_max: Duration::from_secs(20) }
    }
}

/// Functions of AWS, by the name that lambda activities know them by.
#[derive(Debug)]
pub struct InvokedFunctions {
    functions: BTreeMap<String, AwsFunction>,
    jobs: queue::UnboundedSender<Job>,
}

/// One batch to ask about, and where the answer goes.
struct Job {
    name: String,
    function: AwsFunction,
    payload: String,
    answer: mpsc::Sender<Result<Vec<u8>, LambdaError>>,
}

impl InvokedFunctions {
    /// Makes ready to call. Region, credentials and endpoints (`AWS_ENDPOINT_URL_LAMBDA` …) come from `sdk_config`; `endpoint_url` is used
    /// instead of all of them where it is given.
    ///
    /// # Errors
    /// When the machine refuses the thread.
    pub fn start(
        sdk_config: SdkConfig,
        endpoint_url: Option<String>,
        functions: BTreeMap<String, AwsFunction>,
        insistence: Insistence,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (jobs, mut waiting) = queue::unbounded_channel::<Job>();
        let longest = functions.values().map(|function| function.timeout).max().unwrap_or_default();
        let caller = Arc::new(Caller { sdk_config, endpoint_url, insistence, longest, credentials: Mutex::new(None) });
        std::thread::Builder::new().name("lambda".to_owned()).spawn(move || {
            runtime.block_on(async move {
                while let Some(job) = waiting.recv().await {
                    let caller = Arc::clone(&caller);
                    drop(tokio::spawn(async move {
                        let answer = caller.ask(&job).await;
                        // Whoever asked may have given up.
                        job.answer.send(answer).unwrap_or_default();
                    }));
                }
            });
        })?;
        Ok(Self { functions, jobs })
    }

    /// Whether a function of AWS stands for `name`.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }
}

impl LambdaFunction for InvokedFunctions {
    fn call(&self, name: &str, messages: &[Object]) -> Result<Vec<Object>, LambdaError> {
        let function = self.functions.get(name).cloned().ok_or_else(|| LambdaError::Unknown { function: name.to_owned() })?;
        let payload = json::list_text(messages);
        let failed = |reason: String| LambdaError::Function { function: name.to_owned(), reason };
        if payload.len() > PAYLOAD_BYTES_MAX {
            let (bytes, count) = (payload.len(), messages.len());
            return Err(failed(format!("the batch of {count} messages has {bytes} bytes, and a call takes {PAYLOAD_BYTES_MAX}")));
        }
        let (answer, answered) = mpsc::channel();
        let gone = || failed("the thread that calls it is gone".to_owned());
        self.jobs.send(Job { name: name.to_owned(), function, payload, answer }).map_err(|_| gone())?;
        let bytes = answered.recv().map_err(|_| gone())??;
        json::read_list(&bytes).map_err(|reason| LambdaError::Answer { reason })
    }
}

/// The asking side.
#[derive(Debug)]
struct Caller {
    sdk_config: SdkConfig,
    endpoint_url: Option<String>,
    insistence: Insistence,
    longest: Duration,
    credentials: Mutex<Option<Credentials>>,
}

/// Why one attempt gave nothing.
enum Attempt {
    /// Throttled, or AWS failed before the function ran: asking again is safe.
    MayPass(String),
    Final(LambdaError),
}

impl Caller {
    async fn ask(&self, job: &Job) -> Result<Vec<u8>, LambdaError> {
        let failed = |reason: String| LambdaError::Function { function: job.name.clone(), reason };
        let settings =
            HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(10)).read_timeout(self.longest + READ_MARGIN).build();
        let sleep = self.sdk_config.sleep_impl();
        let connector = default_connector(&settings, sleep).ok_or_else(|| failed("there is no HTTP client".to_owned()))?;
        let mut pause = self.insistence.pause;
        let mut attempt = 1;
        loop {
            let one = tokio::time::timeout(job.function.timeout, self.attempt(job, &connector)).await;
            let reason = match one {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Attempt::Final(error))) => return Err(error),
                Ok(Err(Attempt::MayPass(reason))) => reason,
                // It may be running still: asking again might do its work twice.
                Err(_) => return Err(failed(format!("no answer within {} s", job.function.timeout.as_secs()))),
            };
            if attempt >= self.insistence.attempts_max {
                return Err(failed(format!("{reason} (asked {attempt} times)")));
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.insistence.pause_max);
        }
    }

    async fn attempt(&self, job: &Job, connector: &SharedHttpConnector) -> Result<Vec<u8>, Attempt> {
        let failed = |reason: String| Attempt::Final(LambdaError::Function { function: job.name.clone(), reason });
        let request =
            self.signed(job).await.map_err(|reason| Attempt::Final(LambdaError::Refused { function: job.name.clone(), reason }))?;
        let response = match connector.call(request).await {
            Ok(response) => response,
            // No request went out, so nothing ran.
            Err(error) if error.is_io() && !error.is_timeout() && says_connect(&error) => {
                return Err(Attempt::MayPass(format!("no connection: {}", one_line(&chain(&error)))));
            }
            Err(error) => return Err(failed(one_line(&chain(&error)))),
        };
        let status = response.status().as_u16();
        let code = header(&response, "x-amzn-errortype").map(|code| code.split(':').next().unwrap_or_default().to_owned());
        let function_error = header(&response, "x-amz-function-error").map(str::to_owned);
        let body =
            ByteStream::new(response.into_body()).collect().await.map_err(|error| failed(one_line(&error.to_string())))?.into_bytes();
        if body.len() > PAYLOAD_BYTES_MAX {
            return Err(failed(format!("the answer has {} bytes, and a call gives {PAYLOAD_BYTES_MAX}", body.len())));
        }
        let said = || one_line(&String::from_utf8_lossy(&body));
        match (status, function_error) {
            (200, None) => Ok(body.to_vec()),
            (200, Some(kind)) => Err(failed(format!("{}: {}", printable(&kind), said()))),
            (429 | 500.., _) => Err(Attempt::MayPass(format!("HTTP {status} {}: {}", code.unwrap_or_default(), said()))),
            (401 | 403 | 404, _) => {
                let reason = format!("HTTP {status} {}: {}", code.unwrap_or_default(), said());
                Err(Attempt::Final(LambdaError::Refused { function: job.name.clone(), reason }))
            }
            _ => Err(failed(format!("HTTP {status} {}: {}", code.unwrap_or_default(), said()))),
        }
    }

    /// The request of Invoke, signed; or why it cannot be made.
    async fn signed(&self, job: &Job) -> Result<HttpRequest, String> {
        let region =
            job.function.region().or_else(|| self.sdk_config.region().map(|region| region.as_ref())).ok_or("no AWS region is set")?;
        let endpoint = self.named_endpoint().unwrap_or_else(|| {
            let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://lambda.{region}.{domain}")
        });
        let uri =
            format!("{}/2015-03-31/functions/{}/invocations", endpoint.trim_end_matches('/'), percent_encoded(&job.function.function));
        let credentials = self.credentials().await?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("lambda")
            .time(now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers = [("content-type", "application/json"), ("x-amz-invocation-type", "RequestResponse")];
        let signable = SignableRequest::new("POST", &uri, headers.into_iter(), SignableBody::Bytes(job.payload.as_bytes()))
            .map_err(|error| error.to_string())?;
        let (signature, _) = sign(signable, &params).map_err(|error| error.to_string())?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(job.payload.clone()));
        request.set_method("POST").map_err(|error| error.to_string())?;
        request.set_uri(uri).map_err(|error| error.to_string())?;
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        for (name, value) in signature.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }

    fn named_endpoint(&self) -> Option<String> {
        if self.endpoint_url.is_some() {
            return self.endpoint_url.clone();
        }
        let key = ServiceConfigKey::builder().service_id("Lambda").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok();
        let of_service = key.and_then(|key| self.sdk_config.service_config()?.load_config(key));
        of_service.or_else(|| self.sdk_config.endpoint_url().map(str::to_owned))
    }

    /// Kept until shortly before they expire: a chain may ask a service for them.
    async fn credentials(&self) -> Result<Credentials, String> {
        let mut kept = self.credentials.lock().await;
        let fresh = kept.as_ref().filter(|one| one.expiry().is_none_or(|expiry| expiry > now() + RENEW_BEFORE));
        if let Some(fresh) = fresh {
            return Ok(fresh.clone());
        }
        let provider = self.sdk_config.credentials_provider().ok_or("no AWS credentials were found")?;
        let fetched =
            provider.provide_credentials().await.map_err(|error| format!("no AWS credentials were found: {}", one_line(&chain(&error))))?;
        *kept = Some(fetched.clone());
        Ok(fetched)
    }
}

/// A signature is only good at the real time, whatever clock a rehearsal runs by.
fn now() -> SystemTime {
    let nanos = u64::try_from(SystemClock.now().0).unwrap_or_default();
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn header<'r>(response: &'r HttpResponse, name: &str) -> Option<&'r str> {
    response.headers().get(name)
}

/// Whether the connection itself was not made; the client has no type for that.
fn says_connect(error: &dyn std::error::Error) -> bool {
    let text = chain(error).to_lowercase();
    ["connect error", "dns error", "connection refused"].iter().any(|sign| text.contains(sign))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn one_line(text: &str) -> String {
    let cut: String = text.trim().chars().take(SAID_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut = printable(&cut);
    if text.trim().chars().nth(SAID_CHARS_MAX).is_some() { cut + "…" } else { cut }
}

/// A name or ARN as one part of a path.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
#[path = "invoke_tests.rs"]
mod tests;
