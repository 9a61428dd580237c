//! A history of many tiny objects in a bucket: what it costs in memory, in time and in requests.

use std::io::Write as _;
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iota2ts::local::s3::Buckets;
use iota2ts::time::{ManualClock, Nanos};

use crate::environment::Environment;
use crate::served::{NOW_NANOS, Served};

const STORE: &str = r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true},"storage":{"serviceManagedS3":{}}}}"#;
const HISTORY: &str = "s3://factory-history";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The most that a process held since it began, or since [`forget_peak`], in kilobytes.
fn peak_kb(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let held = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    held.unwrap_or(0)
}

/// Lets this process's peak begin with what it holds now.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// What one command took.
struct Stage {
    name: &'static str,
    seconds: f64,
    peak_kb: u64,
    /// Of this process, which serves.
    services_kb: u64,
    gets: u64,
    lists: u64,
}

/// The services with a history of `objects` objects of two rows each, named as the service names them.
struct Scene {
    environment: Environment,
    served: Served,
}

impl Scene {
    fn of(objects: u32) -> Self {
        let environment = Environment::new();
        environment.write("definitions/store.json", STORE);
        // Straight into the data directory: 100,000 uploads one after the other would only be waited for.
        let buckets = Buckets::open(&environment.path("service/s3"), Arc::new(ManualClock::at(Nanos(NOW_NANOS)))).unwrap();
        buckets.create_bucket("factory-history").unwrap();
        for at in 0..objects {
            let day = at / 1440;
            let place = format!("datastore/plant/__dt=2025-{:02}-{:02} 00:00:00", 1 + day / 28, 1 + day % 28);
            let from = 1_735_689_600_000 + u64::from(at) * 60_000;
            let key = format!("{place}/{from}_{}_123456789012_plant_0_{at}.0.json.gz", from + 60_000);
            let row = |ts: u64| format!("{{\"ts\":{ts},\"device\":\"d{}\",\"temp\":{}.5}}\n", at % 7, at % 90);
            buckets.put("factory-history", &key, &gzip(&(row(from) + &row(from + 30_000)))).unwrap();
        }
        drop(buckets);
        Self { served: Served::new(&environment.path("service")), environment }
    }

    fn command(&self, args: &[&str]) -> Child {
        let log = std::fs::File::create(self.environment.path("log")).unwrap();
        let mut command = self.served.command(&self.environment, args);
        command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    fn run(&self, args: &[&'static str]) -> Stage {
        let asked = |operation| self.served.asked(operation);
        let (gets, lists, began) = (asked("GetObject"), asked("ListObjectsV2"), Instant::now());
        let mut child = self.command(args);
        let mut held = 0;
        let status = loop {
            // The last word counts: before it becomes the executable, the child is a copy of this process. One that has ended holds nothing.
            held = Some(peak_kb(&child.id().to_string())).filter(|kb| *kb > 0).unwrap_or(held);
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let said = || std::fs::read_to_string(self.environment.path("log")).unwrap();
        assert_eq!(status.code(), Some(0), "{args:?}\n{}", said());
        Stage {
            name: args[0],
            seconds: began.elapsed().as_secs_f64(),
            peak_kb: held,
            services_kb: peak_kb("self"),
            gets: asked("GetObject") - gets,
            lists: asked("ListObjectsV2") - lists,
        }
    }

    fn migrated(&self) -> Vec<Stage> {
        [
            &["capture", "--from", "definitions"][..],
            &["plan", "--history", HISTORY],
            &["backfill", "--target", "aws"],
            &["verify", "--target", "aws"],
            &["status"],
        ]
        .map(|args| self.run(args))
        .into()
    }
}

fn grown_by(few: u64, many: u64, objects: u64) -> f64 {
    let kb = |of: u64| f64::from(u32::try_from(of).unwrap());
    (kb(many) - kb(few)) * 1024.0 / kb(objects)
}

/// `cargo test --test it hundred_thousand -- --ignored --nocapture` prints the table of docs/benchmarks.md; `IOTA2TS_OBJECTS` sets how many.
#[test]
#[ignore = "takes minutes, and is alone with this process's memory"]
#[allow(clippy::disallowed_methods, reason = "the size of a measurement is set from outside")]
fn a_hundred_thousand_tiny_objects_migrate_in_flat_memory_and_none_is_read_twice_for_nothing() {
    let few = 1000;
    let many: u32 = std::env::var("IOTA2TS_OBJECTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let migrated = |objects| {
        let scene = Scene::of(objects);
        forget_peak();
        scene.migrated()
    };
    // Once for nothing: what this process holds afterwards, it holds before both of the others.
    migrated(few);
    let (small, large) = (migrated(few), migrated(many));
    println!("\n| command | {few} objects | {many} objects | grows by, an object | services | time | GetObject | ListObjectsV2 |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (small, large) in small.iter().zip(&large) {
        let Stage { name, seconds, peak_kb, services_kb, gets, lists } = large;
        let grown = grown_by(small.peak_kb, *peak_kb, u64::from(many - few));
        let (before, mb) = (small.peak_kb / 1000, peak_kb / 1000);
        println!(
            "| {name} | {before} MB | {mb} MB | {grown:.0} bytes | {} → {} MB | {:.1} → {seconds:.0} s | {gets} | {lists} |",
            small.services_kb / 1000,
            services_kb / 1000,
            small.seconds
        );
    }
    for (small, large) in small.iter().zip(&large) {
        let readings = match large.name {
            "plan" => 2,
            "backfill" | "verify" => 1,
            _ => 0,
        };
        assert_eq!(large.gets, readings * u64::from(many), "{}", large.name);
        // Buffers and caches that are not full with a few objects, and 170 bytes an object: 25 MB with 100,000.
        let more_kb = 8000 + u64::from(many - few) * 170 / 1000;
        let (held, services) = (large.peak_kb, large.services_kb);
        assert!(held < small.peak_kb + more_kb, "{} held {held} kB, and {} kB with few objects", large.name, small.peak_kb);
        // From the backfill on, the embedded Timestream fills its cache of 64 MiB with rows.
        let cache_kb = if matches!(large.name, "capture" | "plan") { 0 } else { 67_108 };
        assert!(services < small.services_kb + more_kb + cache_kb, "the services held {services} kB during {}", large.name);
    }
}

#[test]
fn what_a_listing_costs_in_memory_does_not_come_near_what_its_objects_are() {
    let peak = |objects| Scene::of(objects).listed();
    let grown = grown_by(peak(100), peak(10_100), 10_000);
    // A listing of whole objects took two thousand.
    assert!(grown < 1000.0, "{grown} bytes an object");
}

impl Scene {
    /// The peak of a plan that lists all and reads next to nothing.
    fn listed(&self) -> u64 {
        self.run(&["capture", "--from", "definitions"]);
        self.run(&["plan", "--history", HISTORY, "--sample-objects", "3"]).peak_kb
    }
}
