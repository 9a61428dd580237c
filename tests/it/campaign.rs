//! A campaign of kills at random instants: whatever is lost or doubled on the way shows row for row.
//!
//! `cargo test --test it campaign -- --ignored --nocapture` prints what came of it; `IOTA2TS_KILLS` and `IOTA2TS_KILL_SEED` set how many
//! and which.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iota2ts::local::{self, LocalSettings};
use iota2ts::time::{ManualClock, Nanos};

use crate::environment::Environment;
use crate::migration::{gzip, planned};

const OBJECTS: i64 = 1500;
const ROWS_OF_AN_OBJECT: i64 = 20;
const NOW_NANOS: i64 = 1_765_756_800_000_000_000;

#[allow(clippy::disallowed_methods, reason = "the settings of a campaign that a person runs")]
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Many small objects, so that there is something to lose at every instant.
fn plant() -> Environment {
    let environment = Environment::new();
    environment.write("definitions/store.json", r#"{"datastoreName":"plant"}"#);
    for object in 0..OBJECTS {
        let row = |at: i64| format!("{{\"ts\":{},\"device_id\":\"d{}\",\"flow\":{at}.25}}\n", 1_760_000_000 + at * 41, at % 37);
        let text: String = (object * ROWS_OF_AN_OBJECT..(object + 1) * ROWS_OF_AN_OBJECT).map(row).collect();
        environment
            .write(&format!("history/datastore/plant/__dt=2025-10-{:02} 00:00:00/{object:05}.json.gz", 9 + object / 400), gzip(&text));
    }
    environment
}

/// Key, content, time and version.
type StoredRow = (Vec<u8>, Vec<u8>, i64, i64);

/// Every stored row of the target's one table, in the order of keys.
fn stored(data: &Path) -> Vec<StoredRow> {
    let store = rusqlite::Connection::open(data.join("timestream.db")).unwrap();
    let mut statement = store.prepare("SELECT key, content, time, version FROM t1 ORDER BY key").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Backfills to the end, killed at random instants as long as `kills` lasts; gives the stored rows and how often it was begun.
fn backfilled(environment: &Environment, round: u64, kills: &mut u64, within: Duration, random: &mut u64) -> (Vec<StoredRow>, u64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data = environment.path(&format!("service-{round}"));
    let running = runtime.block_on(local::start(LocalSettings::new(&data, Arc::new(ManualClock::at(Nanos(NOW_NANOS)))))).unwrap();
    let endpoint_url = running.endpoint_url();
    let ledger = environment.path("migration");
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        drop(std::fs::remove_file(ledger.join(name)));
    }
    let mut begun = 0;
    loop {
        begun += 1;
        let args = ["-q", "--endpoint-url", &endpoint_url, "--region", "us-east-1", "backfill", "--target", "aws"];
        let mut command = environment.command(&args);
        command.env("AWS_ACCESS_KEY_ID", "embedded").env("AWS_SECRET_ACCESS_KEY", "embedded").stdout(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        if *kills > 0 {
            let wait = Duration::from_micros(next(random) % u64::try_from(within.as_micros()).unwrap().max(1));
            let until = Instant::now() + wait;
            while Instant::now() < until && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                child.wait().unwrap();
                *kills -= 1;
                continue;
            }
        }
        assert!(child.wait().unwrap().success(), "a resumed backfill failed");
        break;
    }
    runtime.block_on(running.stop()).unwrap();
    (stored(&data), begun)
}

#[test]
#[ignore = "takes minutes"]
fn campaign_of_random_kills_loses_nothing_and_doubles_nothing() {
    let (wanted, seed) = (setting("IOTA2TS_KILLS", 1000), setting("IOTA2TS_KILL_SEED", 7));
    let environment = plant();
    planned(&environment);
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1);
    let began = Instant::now();
    let (undisturbed, _) = backfilled(&environment, 0, &mut 0, Duration::ZERO, &mut random);
    let takes = began.elapsed();
    assert_eq!(i64::try_from(undisturbed.len()).unwrap(), OBJECTS * ROWS_OF_AN_OBJECT);
    let (mut left, mut rounds, mut begun, mut lost, mut extra) = (wanted, 0, 0, 0, 0);
    while left > 0 {
        rounds += 1;
        // No more than a share of the kills in each, so that ends and beginnings are hit as well.
        let mut here = left.min(25);
        left -= here;
        let (rows, runs) = backfilled(&environment, rounds, &mut here, takes, &mut random);
        left += here;
        begun += runs;
        lost += undisturbed.iter().filter(|row| rows.binary_search(row).is_err()).count();
        extra += rows.iter().filter(|row| undisturbed.binary_search(row).is_err()).count();
        std::fs::remove_dir_all(environment.path(&format!("service-{rounds}"))).unwrap();
    }
    println!(
        "seed {seed}: {wanted} kills in {rounds} backfills of {} rows, begun {begun} times: {lost} rows lost, {extra} extra; {:.0} s",
        undisturbed.len(),
        began.elapsed().as_secs_f64()
    );
    assert_eq!((lost, extra), (0, 0));
}
