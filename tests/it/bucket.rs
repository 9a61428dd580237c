//! A history in S3: the same rows as from a directory, whatever the network does, and a clear word where it cannot be read.

use std::process::Command;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::primitives::ByteStream;
use iota2ts::history::{
    Bucket, BucketAccess, Decoded, Directory, Format, HistoryError, Listing, Objects, ReadLimits, RowReader as _, Source,
};
use iota2ts::local::{self, ErrorKind, Fault, Faults, LocalSettings, Rule, Running, ThrottledStore, When, s3};
use iota2ts::progress::Silent;
use iota2ts::time::ManualClock;
use tokio::runtime::Runtime;

use crate::environment::{Environment, Ran};
use crate::migration::gzip;

const STORE: &str = r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true},"storage":{"serviceManagedS3":{}}}}"#;
const BUCKET: &str = "factory-history";

/// An embedded S3 with a history, which also lies in a directory.
struct Scene {
    environment: Environment,
    runtime: Runtime,
    running: Option<Running>,
    faults: Faults,
    client: aws_sdk_s3::Client,
    config: SdkConfig,
    endpoint_url: String,
}

fn rows(from: i64, count: i64) -> String {
    let row = |at: i64| format!("{{\"ts\":{},\"device\":\"d{}\",\"temp\":{}.5}}\n", 1_760_000_000_000 + at * 1000, at % 7, at % 90);
    (from..from + count).map(row).collect()
}

impl Scene {
    fn new(objects: &[(&str, Vec<u8>)]) -> Self {
        let environment = Environment::new();
        let runtime = Runtime::new().unwrap();
        let faults = Faults::none();
        let mut settings =
            LocalSettings::new(environment.path("service"), Arc::new(ManualClock::at(iota2ts::time::Nanos(1_765_756_800_000_000_000))));
        settings.faults = faults.clone();
        let running = runtime.block_on(local::start(settings)).unwrap();
        let endpoint_url = running.endpoint_url();
        let credentials = Credentials::new("embedded", s3::SECRET_ACCESS_KEY, None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let of_client = aws_sdk_s3::config::Builder::from(&config).endpoint_url(&endpoint_url).force_path_style(true);
        let client = aws_sdk_s3::Client::from_conf(of_client.build());
        environment.write("definitions/store.json", STORE);
        let scene = Self { environment, runtime, running: Some(running), faults, client, config, endpoint_url };
        scene.runtime.block_on(scene.client.create_bucket().bucket(BUCKET).send()).unwrap();
        for (key, bytes) in objects {
            scene.environment.write(&format!("copy/{key}"), bytes);
            scene.put(key, bytes);
        }
        scene
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        let body = ByteStream::from(bytes.to_vec());
        self.runtime.block_on(self.client.put_object().bucket(BUCKET).key(key).body(body).send()).unwrap();
    }

    fn source(&self, prefix: &str) -> Bucket {
        let access = BucketAccess { sdk_config: self.config.clone(), endpoint_url: Some(self.endpoint_url.clone()) };
        Bucket::new(&format!("s3://{BUCKET}/{prefix}"), &access, Arc::new(Silent)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.environment.command(args);
        command.env("AWS_ACCESS_KEY_ID", "embedded").env("AWS_SECRET_ACCESS_KEY", s3::SECRET_ACCESS_KEY);
        command.env("AWS_REGION", "us-east-1").env("AWS_ENDPOINT_URL_S3", &self.endpoint_url);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap(), &self.environment)
    }

    fn planned(&self) {
        self.run(&["capture", "--from", "definitions"]).ended(0);
        self.run(&["plan", "--history", &format!("s3://{BUCKET}")]).ended(0);
    }

    fn asked(&self, operation: &str) -> u64 {
        self.faults.counters().requests.get(operation).copied().unwrap_or(0)
    }

    fn verified(&self) {
        let verified = self.run(&["verify", "--target", "embedded"]).ended(0);
        assert!(verified.stdout.contains("Verdict: complete"), "{}", verified.stdout);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            drop(self.runtime.block_on(running.stop()));
        }
    }
}

/// Every row as text, with its place; and how each object ended.
fn read(source: Arc<dyn Source>, listing: &Listing) -> Vec<String> {
    let reader = Objects::new(source, ReadLimits::default());
    let mut seen = Vec::new();
    for object in listing.objects.iter() {
        let ended = reader.read(&object, &mut |decoded| {
            let place = decoded.provenance();
            let what = match &decoded {
                Decoded::Row(row) => format!("{:?}", row.columns),
                Decoded::Bad(bad) => format!("{} {}", bad.reason, bad.raw),
                Decoded::Filtered(filtered) => filtered.activity.to_string(),
            };
            seen.push(format!("{} {} {:?} {what}", place.object.key, place.row, place.byte_offset));
            std::ops::ControlFlow::Continue(())
        });
        seen.push(format!("{:?}", ended.unwrap()));
    }
    seen
}

fn parquet(rows: i64) -> Vec<u8> {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    let ts: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|at| 1_760_000_000_000 + at * 1000)));
    // Random enough that it stays large.
    let text = |at: i64| format!("{:x}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()));
    let device: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(text)));
    let batch = RecordBatch::try_from_iter([("ts", ts), ("device", device)]).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn a_bucket_and_its_copy_give_the_same_rows() {
    let scene = Scene::new(&[
        ("in/datastore/plant/__dt=2025-10-09 00:00:00/b c+d=é.json.gz", gzip(&rows(0, 50))),
        ("in/datastore/plant/__dt=2025-10-08 00:00:00/1_2_3.0", gzip(&rows(50, 50))),
        ("in/datastore/plant/__dt=2025-10-10 00:00:00/large.json", rows(1000, 40_000).into_bytes()),
        ("in/datastore/plant/__dt=2025-10-11 00:00:00/large.parquet", parquet(60_000)),
        ("in/datastore/plant/__dt=2025-10-11 00:00:00/small.parquet", parquet(10)),
        ("in/datastore/plant/__dt=2025-10-12 00:00:00/empty.json", Vec::new()),
        ("in/datastore/plant/__dt=2025-10-12 00:00:00/cut.json.gz", gzip(&rows(0, 500))[..300].to_vec()),
        ("in/datastore/plant/__dt=2025-10-12 00:00:00/_SUCCESS", Vec::new()),
        ("in/datastore/plant/.hidden/x.json", b"{}".to_vec()),
        ("in/notes.txt", b"hello".to_vec()),
    ]);
    // Every second answer breaks off in the middle.
    scene.faults.add(Rule::new(Fault::TruncatedBody, When::Every(2)).only("GetObject body"));
    let directory: Arc<dyn Source> = Arc::new(Directory::new(&scene.environment.path("copy/in")));
    let bucket: Arc<dyn Source> = Arc::new(scene.source("in"));
    let (here, there) = (directory.list().unwrap(), bucket.list().unwrap());
    let keys = |listing: &Listing| -> Vec<(String, Format, u64)> {
        listing.objects.iter().map(|object| (object.id.key.clone(), object.format, object.size_bytes)).collect()
    };
    assert_eq!(keys(&here), keys(&there));
    assert!(here.objects.iter().any(|object| object.size_bytes > 1024 * 1024), "nothing is large");
    assert_eq!(there.passed_over.len(), 3, "{:?}", there.passed_over);
    assert_eq!(read(directory, &here), read(bucket, &there));
}

#[test]
fn a_history_goes_from_a_bucket_to_a_verified_target_and_no_object_is_read_twice_for_nothing() {
    let objects: Vec<(String, Vec<u8>)> = (0..120)
        .map(|at| (format!("datastore/plant/__dt=2025-10-{:02} 00:00:00/{at:04}.json.gz", 9 + at / 40), gzip(&rows(at * 20, 20))))
        .collect();
    let scene = Scene::new(&objects.iter().map(|(key, bytes)| (key.as_str(), bytes.clone())).collect::<Vec<_>>());
    scene.planned();
    let before = scene.asked("GetObject");
    assert!(before <= 2 * 120 + 8, "survey and census each read an object once, not {before} times in all");
    // Killed on the way, and told to be slow now and then: the same command goes on.
    scene.faults.add(Rule::new(Fault::Throttle(ThrottledStore::Memory), When::Next(2)).only("GetObject"));
    let mut command = scene.command(&["backfill", "--target", "embedded"]);
    command.env("IOTA2TS_FAILPOINT", format!("{}:1", iota2ts::failpoint::AFTER_ACK));
    assert_eq!(command.output().unwrap().status.code(), None, "it was not killed");
    scene.run(&["backfill", "--target", "embedded"]).ended(0);
    let read = scene.asked("GetObject");
    scene.verified();
    assert!(scene.asked("GetObject") - read <= 120 + 4, "verify read objects twice: {}", scene.asked("GetObject") - read);
}

#[test]
fn an_object_that_changed_or_vanished_since_the_listing_is_named() {
    let key = "datastore/plant/__dt=2025-10-09 00:00:00/1.json";
    let scene = Scene::new(&[(key, rows(0, 5).into_bytes())]);
    let source = scene.source("");
    let object = source.list().unwrap().objects.get(0).unwrap();
    scene.put(key, rows(0, 6).as_bytes());
    assert!(matches!(source.open(&object).err(), Some(HistoryError::Changed { .. })));
    scene.runtime.block_on(scene.client.delete_object().bucket(BUCKET).key(key).send()).unwrap();
    assert!(matches!(source.open(&object).err(), Some(HistoryError::Vanished { .. })));
}

#[test]
fn what_s3_refuses_is_said_with_the_permission_and_the_next_thing_to_do() {
    let scene = Scene::new(&[("datastore/plant/__dt=2025-10-09 00:00:00/1.json", rows(0, 5).into_bytes())]);
    scene.planned();
    let said = |kind: ErrorKind, operation: &str| {
        scene.faults.clear();
        scene.faults.add(Rule::new(Fault::Answer(kind), When::Every(1)).only(operation));
        scene.run(&["backfill", "--target", "embedded"]).ended(1).stderr
    };
    let listing = said(ErrorKind::AccessDenied, "ListObjectsV2");
    assert!(listing.contains("access is denied: s3:ListBucket on arn:aws:s3:::factory-history\n"), "{listing}");
    let object = said(ErrorKind::AccessDenied, "GetObject");
    assert!(object.contains("s3:GetObject on arn:aws:s3:::factory-history/datastore/plant/__dt=2025-10-09 00:00:00/1.json"), "{object}");
    let expired = said(ErrorKind::MissingAuthenticationToken, "GetObject");
    assert!(expired.contains("credentials cannot be used: S3 says ExpiredToken") && expired.contains("aws sso login"), "{expired}");
    scene.faults.clear();
    scene.faults.add(Rule::new(Fault::Reset, When::Every(1)).only("GetObject"));
    let cut = scene.run(&["backfill", "--target", "embedded"]).ended(1).stderr;
    assert!(cut.contains("cannot read the object `datastore/plant"), "{cut}");
    // Once it is mended, the same command goes on.
    scene.faults.clear();
    scene.run(&["backfill", "--target", "embedded"]).ended(0);
    scene.verified();
    let nobody = scene.run(&["--dir", "other", "plan", "--history", "s3://nobody-has-this"]);
    assert_eq!(nobody.code, Some(1), "{}", nobody.stderr);
}

#[test]
fn a_small_parquet_object_whose_name_does_not_say_so_is_not_fetched_over_and_over() {
    let objects: Vec<(String, Vec<u8>)> =
        (0..200).map(|at| (format!("datastore/plant/__dt=2025-10-09 00:00:00/1_2_{at:04}.0"), parquet(10))).collect();
    let scene = Scene::new(&objects.iter().map(|(key, bytes)| (key.as_str(), bytes.clone())).collect::<Vec<_>>());
    let source: Arc<dyn Source> = Arc::new(scene.source(""));
    let listing = source.list().unwrap();
    let before = scene.asked("GetObject");
    read(Arc::clone(&source), &listing);
    let gets = scene.asked("GetObject") - before;
    assert!(gets <= 2 * 200, "{gets} GetObject for 200 objects");
}

#[test]
fn a_head_that_is_denied_names_the_object_and_its_own_permission() {
    let scene = Scene::new(&[("datastore/plant/__dt=2025-10-09 00:00:00/1.dat", rows(0, 5).into_bytes())]);
    scene.faults.add(Rule::new(Fault::Answer(ErrorKind::AccessDenied), When::Every(1)).only("GetObject"));
    let said = scene.source("").list().unwrap_err().to_string();
    assert!(said.contains("s3:GetObject"), "{said}");
}

#[test]
fn the_location_of_a_bucket_that_is_not_there_is_an_error() {
    let scene = Scene::new(&[]);
    let answered = scene.runtime.block_on(scene.client.get_bucket_location().bucket("nobody-has-this").send());
    assert!(answered.is_err(), "{answered:?}");
}

#[test]
fn what_is_fetched_ahead_is_bounded_by_its_bytes() {
    let large = |at: i64| (format!("datastore/plant/__dt=2025-10-09 00:00:00/{at:02}.json"), rows(at * 18_000, 18_000).into_bytes());
    let objects: Vec<(String, Vec<u8>)> = (0..40).map(large).collect();
    let bytes = objects[20].1.len();
    assert!((600_000..1_048_576).contains(&bytes), "{bytes}");
    let scene = Scene::new(&objects.iter().map(|(key, bytes)| (key.as_str(), bytes.clone())).collect::<Vec<_>>());
    let source: Arc<dyn Source> = Arc::new(scene.source(""));
    let listing = source.list().unwrap();
    let open = |at: usize| std::io::copy(&mut source.open(&listing.objects.get(at).unwrap()).unwrap(), &mut std::io::sink()).unwrap();
    open(0);
    // All that it sends for is on the way by now.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let asked = scene.asked("GetObject");
    let most = 1 + 16 * 1024 * 1024 / bytes as u64;
    assert!((most - 1..=most + 1).contains(&asked), "{asked} objects of {bytes} bytes, and not {most}");
    for at in 1..40 {
        open(at);
    }
    assert_eq!(scene.asked("GetObject"), 40, "an object was asked for twice");
}
