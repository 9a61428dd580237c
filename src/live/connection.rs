//! The way to the three services.

use std::time::Duration;

use aws_config::SdkConfig;

use super::error::LiveError;

/// An answer of a definition is small; half a minute is no longer an answer.
const CONNECT: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(30);

/// Region, credentials and endpoints.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Everything of the standard chain, `AWS_ENDPOINT_URL…` among it.
    pub sdk_config: SdkConfig,
    /// Where to go instead of AWS, for all three services.
    pub endpoint_url: Option<String>,
}

/// A client with one attempt, bounded in time, and the endpoint that was named.
macro_rules! client {
    ($connection:expr, $sdk:ident) => {{
        use $sdk::config::{Builder, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig};
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
        let mut config = Builder::from(&$connection.sdk_config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(url) = &$connection.endpoint_url {
            config = config.endpoint_url(url);
        }
        $sdk::Client::from_conf(config.build())
    }};
}

impl Connection {
    pub(super) fn require_region(&self) -> Result<(), LiveError> {
        if self.sdk_config.region().is_some() { Ok(()) } else { Err(LiveError::NoRegion) }
    }

    pub(super) fn region(&self) -> &str {
        self.sdk_config.region().map_or("", |region| region.as_ref())
    }

    pub(super) fn analytics(&self) -> aws_sdk_iotanalytics::Client {
        client!(self, aws_sdk_iotanalytics)
    }

    pub(super) fn core(&self) -> aws_sdk_iot::Client {
        client!(self, aws_sdk_iot)
    }

    pub(super) fn shadows(&self) -> aws_sdk_iotdataplane::Client {
        client!(self, aws_sdk_iotdataplane)
    }

    /// The endpoint that somebody named for IoT Analytics, by flag, environment or profile.
    pub(super) fn named_endpoint(&self) -> Option<String> {
        use aws_types::service_config::ServiceConfigKey;
        if self.endpoint_url.is_some() {
            return self.endpoint_url.clone();
        }
        let key = ServiceConfigKey::builder().service_id("IoTAnalytics").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok();
        let of_service = key.and_then(|key| self.sdk_config.service_config()?.load_config(key));
        of_service.or_else(|| self.sdk_config.endpoint_url().map(str::to_owned))
    }
}
