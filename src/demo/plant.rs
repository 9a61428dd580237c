//! The recipe's system on services that are given to it, with its mistakes mended, and what its devices sent until it was switched over.
//!
//! The recipe is the tutorial that rebuilds an IoT Analytics system on Kinesis and Timestream. Of its legacy half, five things never
//! worked, or keep a history from being moved; [`MENDED`] says which.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_iot::types::{Action as RuleAction, IotAnalyticsAction, TopicRulePayload};
use aws_sdk_iotanalytics::error::{DisplayErrorContext, SdkError};
use aws_sdk_iotanalytics::primitives::Blob;
use aws_sdk_iotanalytics::types::{
    AddAttributesActivity, ChannelActivity, ChannelStorage, Column, CustomerManagedChannelS3Storage, CustomerManagedDatastoreS3Storage,
    DatasetAction, DatasetTrigger, DatastoreActivity, DatastoreStorage, FileFormatConfiguration, FilterActivity, MathActivity, Message,
    ParquetConfiguration, PipelineActivity, Schedule, SchemaDefinition, SqlQueryDatasetAction,
};

use super::telemetry;
use crate::progress::Progress;
use crate::time::{Clock as _, ManualClock};

/// The bucket of the plant's storage.
pub const BUCKET: &str = "plant-data";
/// The channels, as messages name them.
pub(super) const SENSOR_CHANNEL: &str = "iot_sensor_channel";
pub(super) const METER_CHANNEL: &str = "energy_channel";
/// Where the sensors' readings are.
pub const SENSOR_STORE: &str = "iot_sensor_datastore";
const METER_STORE: &str = "energy_datastore";
const ROLE: &str = "arn:aws:iam::000000000000:role/IoTAnalyticsServiceRole";

/// What is otherwise than in the recipe, and why.
pub const MENDED: [&str; 5] = [
    "names with `_`: the service allows no `-` in them",
    "storage in a bucket of the customer's: what the service manages itself cannot be read by anybody else",
    "math computes from `temperature`: the recipe computes temperature_celsius from itself, which no message has",
    "addAttributes copies `site` to `location`: it copies attributes, and the recipe gives it constants",
    "the rule quotes its topic with ', and has a role: between \" it is no topic",
];

/// Why the plant could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the demo's {what} could not be made: {cause}")]
pub struct PlantError {
    what: &'static str,
    cause: String,
}

fn failed<E, R>(what: &'static str) -> impl FnOnce(SdkError<E, R>) -> PlantError
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug,
{
    move |error| PlantError { what, cause: DisplayErrorContext(&error).to_string() }
}

fn unbuilt(what: &'static str) -> impl FnOnce(aws_sdk_iotanalytics::error::BuildError) -> PlantError {
    move |error| PlantError { what, cause: error.to_string() }
}

/// The clients of a plant.
#[derive(Debug)]
pub struct Plant {
    analytics: aws_sdk_iotanalytics::Client,
    core: aws_sdk_iot::Client,
    s3: aws_sdk_s3::Client,
}

impl Plant {
    /// Over services at `endpoint_url`.
    #[must_use]
    pub fn new(sdk_config: &SdkConfig, endpoint_url: &str) -> Self {
        Self {
            analytics: aws_sdk_iotanalytics::Client::from_conf(
                aws_sdk_iotanalytics::config::Builder::from(sdk_config).endpoint_url(endpoint_url).build(),
            ),
            core: aws_sdk_iot::Client::from_conf(aws_sdk_iot::config::Builder::from(sdk_config).endpoint_url(endpoint_url).build()),
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(sdk_config).endpoint_url(endpoint_url).force_path_style(true).build(),
            ),
        }
    }

    /// Makes bucket, channels, stores, pipelines, a dataset and a topic rule.
    ///
    /// # Errors
    /// When a service refuses.
    pub async fn set_up(&self) -> Result<(), PlantError> {
        self.s3.create_bucket().bucket(BUCKET).send().await.map_err(failed("bucket"))?;
        for channel in [SENSOR_CHANNEL, METER_CHANNEL] {
            let storage = CustomerManagedChannelS3Storage::builder().bucket(BUCKET).role_arn(ROLE).build().map_err(unbuilt("channel"))?;
            let storage = ChannelStorage::builder().customer_managed_s3(storage).build();
            self.analytics.create_channel().channel_name(channel).channel_storage(storage).send().await.map_err(failed("channel"))?;
        }
        self.stores().await?;
        self.pipelines().await?;
        let query = SqlQueryDatasetAction::builder()
            .sql_query(format!("SELECT * FROM {SENSOR_STORE} WHERE temperature_celsius > 25 ORDER BY timestamp DESC LIMIT 100"))
            .build()
            .map_err(unbuilt("dataset"))?;
        self.analytics
            .create_dataset()
            .dataset_name("iot_sensor_dataset")
            .actions(DatasetAction::builder().action_name("SqlAction").query_action(query).build())
            .triggers(DatasetTrigger::builder().schedule(Schedule::builder().expression("rate(1 hour)").build()).build())
            .send()
            .await
            .map_err(failed("dataset"))?;
        let analytics = IotAnalyticsAction::builder().channel_name(SENSOR_CHANNEL).role_arn(ROLE).build();
        let payload = TopicRulePayload::builder()
            .sql("SELECT * FROM 'topic/sensor/data'")
            .description("Route sensor data to IoT Analytics")
            .actions(RuleAction::builder().iot_analytics(analytics).build())
            .build()
            .map_err(|error| PlantError { what: "topic rule", cause: error.to_string() })?;
        self.core
            .create_topic_rule()
            .rule_name("IoTAnalyticsRule")
            .topic_rule_payload(payload)
            .send()
            .await
            .map_err(failed("topic rule"))
            .map(drop)
    }

    async fn stores(&self) -> Result<(), PlantError> {
        let storage = || {
            let storage = CustomerManagedDatastoreS3Storage::builder().bucket(BUCKET).role_arn(ROLE).build();
            storage.map(DatastoreStorage::CustomerManagedS3).map_err(unbuilt("datastore"))
        };
        let sensors = self.analytics.create_datastore().datastore_name(SENSOR_STORE).datastore_storage(storage()?);
        sensors.send().await.map_err(failed("datastore"))?;
        let mut schema = SchemaDefinition::builder();
        for (name, kind) in [("ts", "bigint"), ("meter", "string"), ("power_w", "double"), ("energy_wh", "bigint")] {
            schema = schema.columns(Column::builder().name(name).r#type(kind).build().map_err(unbuilt("datastore"))?);
        }
        let format = FileFormatConfiguration::builder()
            .parquet_configuration(ParquetConfiguration::builder().schema_definition(schema.build()).build())
            .build();
        let meters = self.analytics.create_datastore().datastore_name(METER_STORE).datastore_storage(storage()?);
        meters.file_format_configuration(format).send().await.map_err(failed("datastore")).map(drop)
    }

    async fn pipelines(&self) -> Result<(), PlantError> {
        let why = || unbuilt("pipeline");
        let begin = |channel: &str, next: &str| {
            let activity = ChannelActivity::builder().name("ChannelActivity").channel_name(channel).next(next).build();
            activity.map(|activity| PipelineActivity::builder().channel(activity).build()).map_err(why())
        };
        let end = |store: &str| {
            let activity = DatastoreActivity::builder().name("DatastoreActivity").datastore_name(store).build();
            activity.map(|activity| PipelineActivity::builder().datastore(activity).build()).map_err(why())
        };
        let filter = FilterActivity::builder().name("FilterActivity").filter("temperature > 0 AND temperature < 100").next("MathActivity");
        let math =
            MathActivity::builder().name("MathActivity").attribute("temperature_celsius").math("temperature").next("AddAttributesActivity");
        let add = AddAttributesActivity::builder().name("AddAttributesActivity").attributes("site", "location").next("DatastoreActivity");
        self.analytics
            .create_pipeline()
            .pipeline_name("iot_sensor_pipeline")
            .pipeline_activities(begin(SENSOR_CHANNEL, "FilterActivity")?)
            .pipeline_activities(PipelineActivity::builder().filter(filter.build().map_err(why())?).build())
            .pipeline_activities(PipelineActivity::builder().math(math.build().map_err(why())?).build())
            .pipeline_activities(PipelineActivity::builder().add_attributes(add.build().map_err(why())?).build())
            .pipeline_activities(end(SENSOR_STORE)?)
            .send()
            .await
            .map_err(failed("pipeline"))?;
        self.analytics
            .create_pipeline()
            .pipeline_name("energy_pipeline")
            .pipeline_activities(begin(METER_CHANNEL, "DatastoreActivity")?)
            .pipeline_activities(end(METER_STORE)?)
            .send()
            .await
            .map_err(failed("pipeline"))
            .map(drop)
    }

    /// Sends everything until the switch, at its time: `clock` is that of the services. Returns how many messages that were.
    ///
    /// # Errors
    /// When a service refuses.
    pub async fn send_history(&self, seed: u64, clock: &ManualClock, progress: &Arc<dyn Progress>) -> Result<u64, PlantError> {
        let sendings = telemetry::history(seed);
        let total = sendings.iter().map(|sending| sending.messages.len()).sum::<usize>() as u64;
        progress.begin("sending", Some(total), "messages");
        for sending in sendings {
            clock.advance(sending.at.0 - clock.now().0);
            let count = sending.messages.len() as u64;
            let mut request = self.analytics.batch_put_message().channel_name(sending.channel);
            for (number, message) in sending.messages.into_iter().enumerate() {
                let message = Message::builder().message_id(number.to_string()).payload(Blob::new(message)).build();
                request = request.messages(message.map_err(unbuilt("messages"))?);
            }
            request.send().await.map_err(failed("messages"))?;
            progress.advance(count);
        }
        progress.end();
        clock.advance(telemetry::HISTORY_END.0 - clock.now().0);
        Ok(total)
    }
}

/// Messages that devices send once the rule points to the stack.
#[must_use]
pub fn live_messages(seed: u64) -> Vec<String> {
    telemetry::after(seed)
}

/// Messages that devices sent just before that: they are in the history, and come through the stack once more where the two overlap.
#[must_use]
pub fn last_messages(seed: u64) -> Vec<String> {
    telemetry::last(seed)
}
