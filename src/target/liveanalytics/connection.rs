//! The way to the service: an endpoint that is named, or one that the service names itself.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use super::fault::Failure;
use crate::target::WriteFault;

/// What is needed to reach one database.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Region, credentials and everything else of the standard chain. Must come from `aws_config`, which brings the clock and
    /// the timer that discovery needs.
    pub sdk_config: SdkConfig,
    /// Where to go instead of AWS, for both sides of the service.
    pub endpoint_url: Option<String>,
    pub database: String,
}

/// Why there is no way to the service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error("no AWS region is set")]
    NoRegion,
    #[error("the service named no endpoint: {0}")]
    NoEndpoint(String),
    #[error("endpoint discovery failed: {0}")]
    Discovery(WriteFault),
}

impl ConnectError {
    /// What a person does about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoRegion => Some("give --region, or set AWS_REGION, or name a profile that has one".to_owned()),
            Self::NoEndpoint(_) => {
                Some("check that Timestream for LiveAnalytics is offered in this region and open to this account".to_owned())
            }
            Self::Discovery(fault) => fault.hint(),
        }
    }
}

impl From<ConnectError> for WriteFault {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Discovery(fault) => fault,
            ConnectError::NoRegion => Self::Denied { message: error.to_string() },
            ConnectError::NoEndpoint(_) => Self::Unanswered { message: error.to_string() },
        }
    }
}

/// How long a call may take: to connect, until the first byte of the answer, and in all.
#[derive(Debug, Clone, Copy)]
struct Patience {
    connect: Duration,
    answer: Duration,
    whole: Duration,
}

/// A write of 100 records takes tens of milliseconds (facts: 62 ms); half a minute is no longer an answer.
const WRITE_PATIENCE: Patience =
    Patience { connect: Duration::from_secs(10), answer: Duration::from_secs(30), whole: Duration::from_secs(40) };
/// A query answers within 60 s (facts: read timeout).
const QUERY_PATIENCE: Patience =
    Patience { connect: Duration::from_secs(10), answer: Duration::from_secs(70), whole: Duration::from_secs(120) };

impl Connection {
    /// The endpoint that is named for a service: by the caller, by the service's own setting in environment or profile, or by
    /// the setting for all services. Discovery must be off when there is one.
    fn named_endpoint(&self, service_id: &str) -> Option<String> {
        if self.endpoint_url.is_some() {
            return self.endpoint_url.clone();
        }
        let key = ServiceConfigKey::builder().service_id(service_id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok();
        let of_service = key.and_then(|key| self.sdk_config.service_config()?.load_config(key));
        of_service.or_else(|| self.sdk_config.endpoint_url().map(str::to_owned))
    }

    fn require_region(&self) -> Result<(), ConnectError> {
        if self.sdk_config.region().is_some() { Ok(()) } else { Err(ConnectError::NoRegion) }
    }

    /// A client for writing. Reloading of the discovered endpoint ends with the client.
    pub(super) async fn write_client(&self) -> Result<aws_sdk_timestreamwrite::Client, ConnectError> {
        use aws_sdk_timestreamwrite::config::{Builder, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig};
        self.require_region()?;
        let patience = WRITE_PATIENCE;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .read_timeout(patience.answer)
            .operation_attempt_timeout(patience.whole)
            .build();
        let config = Builder::from(&self.sdk_config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(url) = self.named_endpoint("Timestream Write") {
            return Ok(aws_sdk_timestreamwrite::Client::from_conf(config.endpoint_url(url).build()));
        }
        let client = aws_sdk_timestreamwrite::Client::from_conf(config.build());
        // Asked here first: the SDK's own discovery panics on an empty list and hides what went wrong.
        let endpoints = client.describe_endpoints().send().await;
        let endpoints = endpoints.map_err(|error| ConnectError::Discovery(Failure::of(&error).into_write_fault()))?;
        if endpoints.endpoints().is_empty() {
            return Err(ConnectError::NoEndpoint("its list is empty".to_owned()));
        }
        let discovered = client.with_endpoint_discovery_enabled().await;
        let (client, reload) = discovered.map_err(|error| ConnectError::NoEndpoint(error.to_string()))?;
        // Ends by itself when the client is dropped; without it the endpoint would expire within a day.
        drop(tokio::spawn(reload.reload_task()));
        Ok(client)
    }

    /// A client for queries. Reloading of the discovered endpoint ends with the client.
    pub(super) async fn query_client(&self) -> Result<aws_sdk_timestreamquery::Client, ConnectError> {
        use aws_sdk_timestreamquery::config::{Builder, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig};
        self.require_region()?;
        let patience = QUERY_PATIENCE;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .read_timeout(patience.answer)
            .operation_attempt_timeout(patience.whole)
            .build();
        let config = Builder::from(&self.sdk_config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(url) = self.named_endpoint("Timestream Query") {
            return Ok(aws_sdk_timestreamquery::Client::from_conf(config.endpoint_url(url).build()));
        }
        let client = aws_sdk_timestreamquery::Client::from_conf(config.build());
        let endpoints = client.describe_endpoints().send().await;
        let endpoints = endpoints.map_err(|error| ConnectError::Discovery(Failure::of(&error).into_write_fault()))?;
        if endpoints.endpoints().is_empty() {
            return Err(ConnectError::NoEndpoint("its list is empty".to_owned()));
        }
        let discovered = client.with_endpoint_discovery_enabled().await;
        let (client, reload) = discovered.map_err(|error| ConnectError::NoEndpoint(error.to_string()))?;
        drop(tokio::spawn(reload.reload_task()));
        Ok(client)
    }
}
