//! `export --dataset-contents` against the embedded service: killed at every step, resumed, migrated from, cleaned up.

use std::process::Command;

use aws_sdk_iotanalytics::Client;
use aws_sdk_iotanalytics::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_iotanalytics::primitives::Blob;
use aws_sdk_iotanalytics::types::{
    ChannelActivity, DatasetAction, DatastoreActivity, FilterActivity, Message, PipelineActivity, SqlQueryDatasetAction,
};
use iota2ts::failpoint;
use iota2ts::local::s3;

use crate::environment::Environment;
use crate::scripted::{Reply, Scripted};
use crate::served::Served;

/// 2025-10-10T12:00:00Z
const BEGIN_SECONDS: i64 = 1_760_097_600;
const DAY_SECONDS: i64 = 86_400;
const DAYS: i64 = 4;

/// A service whose store got messages on four days, and who asks it.
struct Plant {
    environment: Environment,
    served: Served,
    client: Client,
}

impl Plant {
    fn new() -> Self {
        let environment = Environment::new();
        let served = Served::at(&environment.path("service"), BEGIN_SECONDS * 1_000_000_000);
        let config = aws_sdk_iotanalytics::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("embedded", s3::SECRET_ACCESS_KEY, None, None, "test"))
            .endpoint_url(&served.endpoint_url);
        let plant = Self { environment, client: Client::from_conf(config.build()), served };
        plant.served.runtime.block_on(plant.define()).unwrap();
        for day in 0..DAYS {
            plant.served.runtime.block_on(plant.put(day)).unwrap();
            plant.served.clock.advance(DAY_SECONDS * 1_000_000_000);
        }
        plant
    }

    async fn define(&self) -> Result<(), aws_sdk_iotanalytics::Error> {
        self.client.create_channel().channel_name("readings").send().await?;
        self.client.create_datastore().datastore_name("plant").send().await?;
        let channel = ChannelActivity::builder().name("in").channel_name("readings").next("sane").build().unwrap();
        let filter = FilterActivity::builder().name("sane").filter("flow < 90").next("out").build().unwrap();
        let store = DatastoreActivity::builder().name("out").datastore_name("plant").build().unwrap();
        let pipeline = self.client.create_pipeline().pipeline_name("clean");
        let activities = [
            PipelineActivity::builder().channel(channel).build(),
            PipelineActivity::builder().filter(filter).build(),
            PipelineActivity::builder().datastore(store).build(),
        ];
        pipeline.set_pipeline_activities(Some(activities.into())).send().await?;
        let query = SqlQueryDatasetAction::builder().sql_query("SELECT * FROM plant").build().unwrap();
        let action = DatasetAction::builder().action_name("all").query_action(query).build();
        self.client.create_dataset().dataset_name("everything").actions(action).send().await?;
        Ok(())
    }

    /// Five readings, the last of which the pipeline drops.
    async fn put(&self, day: i64) -> Result<(), aws_sdk_iotanalytics::Error> {
        let mut request = self.client.batch_put_message().channel_name("readings");
        for reading in 0..5 {
            let seconds = BEGIN_SECONDS + day * DAY_SECONDS + reading * 60;
            let flow = if reading == 4 { "99.5".to_owned() } else { format!("{reading}.25") };
            let text = format!("{{\"ts\":{seconds},\"device_id\":\"pump-{}\",\"flow\":{flow},\"note\":\"a \\\"b\\\",\\nc\"}}", reading % 2);
            let message = Message::builder().message_id(reading.to_string()).payload(Blob::new(text)).build().unwrap();
            request = request.messages(message);
        }
        request.send().await?;
        Ok(())
    }

    fn datasets(&self) -> Vec<String> {
        let listed = self.served.runtime.block_on(self.client.list_datasets().send()).unwrap();
        listed.dataset_summaries().iter().filter_map(|one| one.dataset_name()).map(str::to_owned).collect()
    }

    fn export(&self, dir: &str, more: &[&str]) -> Command {
        self.served.command(&self.environment, &[&["--dir", dir, "--output", "json", "export"], more].concat())
    }
}

const WINDOWS: [&str; 5] = ["--dataset-contents", "--datastore", "plant", "--window-days", "2"];

#[test]
fn killed_at_every_step_it_resumes_to_the_same_digests_and_leaves_no_dataset() {
    let plant = Plant::new();
    let whole = plant.environment.finish(&mut plant.export("whole", &WINDOWS)).ended(0).json();
    assert_eq!((&whole["manifest"]["rows"], &whole["manifest"]["objects"]), (&16.into(), &2.into()), "{whole}");
    assert_eq!(whole["manifest"]["files"][0]["from"]["object"], "datastore/plant/2025-10-10..2025-10-12/1.csv");
    assert_eq!(plant.datasets(), ["everything"]);

    // Each in a directory of its own, all at once: most of the time is the second between two starts.
    std::thread::scope(|scope| {
        for (at, moment) in failpoint::CONTENTS.iter().enumerate() {
            let (plant, whole) = (&plant, &whole);
            scope.spawn(move || {
                let dir = format!("killed-{at}");
                let mut command = plant.export(&dir, &WINDOWS);
                let killed = command.env("IOTA2TS_FAILPOINT", format!("{moment}:2")).output().unwrap();
                assert!(!killed.status.success(), "{moment} was not reached");
                let resumed = plant.environment.finish(&mut plant.export(&dir, &WINDOWS)).ended(0).json();
                assert_eq!(resumed["manifest"], whole["manifest"], "after a kill at {moment}");
                assert_eq!(resumed["digest"], whole["digest"]);
                plant.environment.run(&["--dir", &dir, "export", "--check"]).ended(0);
            });
        }
    });
    assert_eq!(plant.datasets(), ["everything"]);
}

#[test]
fn what_an_export_left_behind_is_cleaned_up_and_the_next_one_begins_anew() {
    let plant = Plant::new();
    let mut command = plant.export("migration", &WINDOWS);
    assert!(!command.env("IOTA2TS_FAILPOINT", "export:before_start:1").output().unwrap().status.success());
    assert_eq!(plant.datasets().len(), 2, "{:?}", plant.datasets());
    let cleaned = plant.environment.finish(&mut plant.export("migration", &["--clean-up"])).ended(0).json();
    assert_eq!((cleaned["removed"].as_array().map(Vec::len), &cleaned["left"]), (Some(1), &serde_json::json!([])), "{cleaned}");
    assert_eq!(plant.datasets(), ["everything"]);
    let again = plant.environment.finish(&mut plant.export("migration", &["--clean-up"])).ended(0).json();
    assert_eq!(again["removed"], serde_json::json!([]));
}

#[test]
fn windows_of_a_datastore_are_migrated_like_any_history() {
    let plant = Plant::new();
    plant.environment.finish(&mut plant.export("migration", &WINDOWS)).ended(0);
    plant.environment.finish(&mut plant.served.command(&plant.environment, &["capture", "--live", "--no-samples"])).ended(0);
    plant.environment.run(&["plan", "--history", "staging"]).ended(0);
    let written = plant.environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
    assert_eq!(written["totals"]["plant"]["acknowledged"], 16, "{written}");
    let verified = plant.environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(0).json();
    assert_eq!(verified["tables"][0]["present"], 16, "{verified}");
}

#[test]
fn rows_that_two_names_would_give_twice_are_refused() {
    let plant = Plant::new();
    let version = plant.served.runtime.block_on(plant.client.create_dataset_content().dataset_name("everything").send()).unwrap();
    let version = version.version_id().unwrap().to_owned();
    let both = ["--dataset-contents", "--datastore", "plant", "--dataset", "everything", "--content-version", &version];
    let refused = plant.environment.finish(&mut plant.export("migration", &both)).ended(1);
    assert!(
        refused.stderr.contains("`everything` gives rows of the datastore `plant`, all of whose rows are exported anyway"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("hint: run `iota2ts export --clean-up`"), "{}", refused.stderr);
    assert_eq!(plant.datasets(), ["everything"]);
}

#[test]
fn a_content_that_a_dataset_has_is_migrated_like_any_history() {
    let plant = Plant::new();
    let version = plant.served.runtime.block_on(plant.client.create_dataset_content().dataset_name("everything").send()).unwrap();
    let version = version.version_id().unwrap().to_owned();
    let named = ["--dataset-contents", "--dataset", "everything", "--content-version", &version];
    let exported = plant.environment.finish(&mut plant.export("migration", &named)).ended(0).json();
    assert_eq!(exported["manifest"]["rows"], 16, "{exported}");
    assert_eq!(exported["manifest"]["files"][0]["from"]["object"], format!("dataset/everything/{version}/1.csv"));
    let again = plant.environment.finish(&mut plant.export("migration", &named)).ended(0).json();
    assert_eq!(again["already"], true, "{again}");

    plant.environment.finish(&mut plant.served.command(&plant.environment, &["capture", "--live", "--no-samples"])).ended(0);
    plant.environment.run(&["plan", "--history", "staging"]).ended(0);
    let written = plant.environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
    assert_eq!(written["totals"]["plant"]["acknowledged"], 16, "{written}");
    plant.environment.run(&["verify", "--target", "embedded"]).ended(0);
}

#[test]
fn credentials_that_are_absent_expired_or_denied_are_told_apart() {
    let environment = Environment::new();
    let refused = |code: &'static str| Scripted::serve(move |_| Reply::Error(403, code, "no"));
    let ask = |url: &str, keys: bool| {
        let mut command =
            environment.command(&["--endpoint-url", url, "--region", "eu-west-1", "export", "--dataset-contents", "--datastore", "plant"]);
        if keys {
            command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "example");
        }
        environment.finish(&mut command).ended(1).stderr
    };
    let expired = ask(&refused("ExpiredTokenException").url(), true);
    assert!(expired.contains("the credentials have expired") && expired.contains("get fresh credentials"), "{expired}");
    let denied = ask(&refused("AccessDeniedException").url(), true);
    assert!(denied.contains("CreateDataset") && denied.contains("allow iotanalytics:CreateDataset and give the same command"), "{denied}");
    let absent = ask(&refused("AccessDeniedException").url(), false);
    assert!(absent.contains("no AWS credentials were found") && absent.contains("--profile"), "{absent}");
    for told in [expired, denied, absent] {
        assert!(!told.contains("still there"), "nothing was made: {told}");
    }
    let closed = ask("http://127.0.0.1:9", true);
    assert!(closed.contains("AWS closed it on 15 December 2025"), "{closed}");

    let nothing = environment.run(&["export", "--dataset-contents", "--region", "eu-west-1"]).ended(1).stderr;
    assert!(nothing.contains("no content is named") && nothing.contains("--datastore NAME"), "{nothing}");
    let hostile = environment.run(&["export", "--dataset-contents", "--datastore", "a\" OR 1=1 --"]).ended(2).stderr;
    assert!(hostile.contains("is no name"), "{hostile}");
}
