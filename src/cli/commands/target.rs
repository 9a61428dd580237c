//! Which Timestream a command talks to: the embedded one inside the migration directory, or AWS.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use iota2ts::target::liveanalytics::Connection;

use crate::cli::args::TargetKind;
use crate::cli::{CommandError, Context};

/// A target that is ready to be talked to.
pub(super) struct Opened {
    pub(super) connection: Connection,
    #[cfg(feature = "local")]
    embedded: Option<iota2ts::local::Running>,
}

impl Opened {
    /// Lets go of the target; the embedded one finishes what is in flight.
    pub(super) async fn close(self) -> Result<(), CommandError> {
        #[cfg(feature = "local")]
        if let Some(running) = self.embedded {
            running.stop().await?;
        }
        Ok(())
    }
}

pub(super) async fn open(context: &Context, kind: TargetKind, database: &str) -> Result<Opened, CommandError> {
    match kind {
        TargetKind::Aws => {
            let sdk_config = aws_config(context).await?;
            let endpoint_url = context.global.endpoint_url.clone();
            Ok(Opened {
                connection: Connection { sdk_config, endpoint_url, database: database.to_owned() },
                #[cfg(feature = "local")]
                embedded: None,
            })
        }
        TargetKind::Embedded => embedded(context, database).await,
    }
}

/// What tells the target from every other one. Where the embedded one listens is another place each time.
pub(super) fn name(context: &Context, kind: TargetKind, connection: &Connection) -> String {
    match kind {
        TargetKind::Embedded => "embedded".to_owned(),
        TargetKind::Aws => {
            let region = connection.sdk_config.region().map(|region| region.as_ref().to_owned());
            format!("{:?} {region:?} {:?} {}", context.global.profile, connection.endpoint_url, connection.database)
        }
    }
}

pub(super) async fn aws_config(context: &Context) -> Result<SdkConfig, CommandError> {
    #[cfg(feature = "local")]
    if context.asks_embedded {
        return Ok(embedded_config());
    }
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(profile) = &context.global.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &context.global.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(CommandError::new("no AWS region is set").hinted("give --region, set AWS_REGION, or put a region into the profile"));
    }
    Ok(config)
}

#[cfg(feature = "local")]
async fn embedded(context: &Context, database: &str) -> Result<Opened, CommandError> {
    use iota2ts::local::{self, LocalSettings};

    let settings = LocalSettings::new(context.dir.embedded(), std::sync::Arc::clone(&context.clock));
    let running = local::start(settings).await?;
    Ok(Opened { connection: local_connection(running.endpoint_url(), database), embedded: Some(running) })
}

#[cfg(feature = "local")]
fn local_connection(endpoint_url: String, database: &str) -> Connection {
    Connection { sdk_config: embedded_config(), endpoint_url: Some(endpoint_url), database: database.to_owned() }
}

/// Leaves this machine's AWS settings alone, and signs with the one secret of the embedded services.
#[cfg(feature = "local")]
pub(super) fn embedded_config() -> SdkConfig {
    use aws_config::retry::RetryConfig;
    use aws_sdk_timestreamwrite::config::{Credentials, SharedCredentialsProvider};

    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "embedded",
            iota2ts::local::s3::SECRET_ACCESS_KEY,
            None,
            None,
            "embedded",
        )))
        .retry_config(RetryConfig::disabled())
        .build()
}

#[cfg(not(feature = "local"))]
async fn embedded(_context: &Context, _database: &str) -> Result<Opened, CommandError> {
    Err(CommandError::new("this build has no embedded Timestream")
        .hinted("build with the default features, or use --target aws --endpoint-url URL"))
}
