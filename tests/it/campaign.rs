//! Campaigns against the real executable: killed at random instants, frozen at random instants, behind a proxy that cuts, delays, reorders
//! and repeats. Whatever is lost or doubled on the way shows row for row.
//!
//! `cargo test --test it campaign_ -- --ignored --nocapture --test-threads 1` prints what came of all three; `IOTA2TS_KILLS`,
//! `IOTA2TS_FREEZES` and `IOTA2TS_CHAOS_BACKFILLS` set how much, `IOTA2TS_CAMPAIGN_SEED` which. A short form of each runs with all other
//! tests.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::chaos::{Chaos, Random};
use crate::environment::Environment;
use crate::migration::{gzip, planned};
use crate::served::{Served, StoredRow};

const ROWS_OF_AN_OBJECT: i64 = 20;

#[allow(clippy::disallowed_methods, reason = "the settings of a campaign that a person runs")]
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn seed() -> u64 {
    setting("IOTA2TS_CAMPAIGN_SEED", 7)
}

/// Many small objects, so that there is something to lose at every instant; and what an undisturbed run makes of them.
struct Campaign {
    environment: Environment,
    undisturbed: Vec<StoredRow>,
    /// How long that took.
    takes: Duration,
    random: Random,
    began: Instant,
    backfills: u64,
    begun: u64,
    lost: usize,
    extra: usize,
}

impl Campaign {
    fn new(objects: i64, seed: u64) -> Self {
        Self::of(objects, ROWS_OF_AN_OBJECT, seed)
    }

    fn of(objects: i64, rows: i64, seed: u64) -> Self {
        let environment = Environment::new();
        environment.write("definitions/store.json", r#"{"datastoreName":"plant"}"#);
        for object in 0..objects {
            let row = |at: i64| format!("{{\"ts\":{},\"device_id\":\"d{}\",\"flow\":{at}.25}}\n", 1_760_000_000 + at * 41, at % 37);
            let text: String = (object * rows..(object + 1) * rows).map(row).collect();
            environment
                .write(&format!("history/datastore/plant/__dt=2025-10-{:02} 00:00:00/{object:05}.json.gz", 9 + object / 400), gzip(&text));
        }
        planned(&environment);
        let (random, began) = (Random::new(seed), Instant::now());
        let (takes, undisturbed) = (Duration::ZERO, Vec::new());
        let mut campaign = Self { environment, undisturbed, takes, random, began, backfills: 0, begun: 0, lost: 0, extra: 0 };
        let served = campaign.served();
        let began = Instant::now();
        assert!(campaign.begin(&served.endpoint_url).wait().unwrap().success());
        campaign.takes = began.elapsed();
        campaign.undisturbed = served.stored();
        assert_eq!(i64::try_from(campaign.undisturbed.len()).unwrap(), objects * rows);
        (campaign.backfills, campaign.begun) = (0, 0);
        campaign
    }

    /// A service that holds nothing, and a ledger that has not begun.
    fn served(&mut self) -> Served {
        for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
            drop(std::fs::remove_file(self.environment.path("migration").join(name)));
        }
        self.backfills += 1;
        let data = self.environment.path("service");
        drop(std::fs::remove_dir_all(&data));
        Served::new(&data)
    }

    fn begin(&mut self, endpoint_url: &str) -> Child {
        self.begun += 1;
        let args = ["-q", "--endpoint-url", endpoint_url, "--region", "us-east-1", "backfill", "--target", "aws"];
        let mut command = self.environment.command(&args);
        command.env("AWS_ACCESS_KEY_ID", "embedded").env("AWS_SECRET_ACCESS_KEY", "embedded");
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits for a random while, or until the child has ended; whether it is still running.
    fn strikes(&mut self, child: &mut Child, most: Duration) -> bool {
        let until = Instant::now() + self.random.within(most);
        while Instant::now() < until {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        child.try_wait().unwrap().is_none()
    }

    fn compare(&mut self, served: Served) {
        let rows = served.stored();
        drop(served);
        self.lost += self.undisturbed.iter().filter(|row| rows.binary_search(row).is_err()).count();
        self.extra += rows.iter().filter(|row| self.undisturbed.binary_search(row).is_err()).count();
    }

    fn kill(&mut self, mut kills: u64) {
        while kills > 0 {
            let served = self.served();
            // No more than a share of the kills in each, so that ends and beginnings are hit as well.
            let mut here = kills.min(25);
            loop {
                let mut child = self.begin(&served.endpoint_url);
                if here > 0 && self.strikes(&mut child, self.takes) {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    (here, kills) = (here - 1, kills - 1);
                    continue;
                }
                assert!(child.wait().unwrap().success(), "a resumed backfill failed");
                break;
            }
            self.compare(served);
        }
    }

    fn freeze(&mut self, mut freezes: u64) {
        while freezes > 0 {
            let served = self.served();
            let mut child = self.begin(&served.endpoint_url);
            while freezes > 0 && self.strikes(&mut child, self.takes / 4) {
                signal("STOP", &child);
                std::thread::sleep(self.random.within(Duration::from_millis(300)));
                signal("CONT", &child);
                freezes -= 1;
            }
            assert!(child.wait().unwrap().success(), "a backfill that was frozen failed");
            self.compare(served);
        }
    }

    /// Gives cuts, delays and repeats.
    fn chaos(&mut self, backfills: u64) -> [u64; 3] {
        let (mut sums, begun_before) = ([0; 3], self.begun);
        for _ in 0..backfills {
            let served = self.served();
            let service = served.endpoint_url.trim_start_matches("http://").parse().unwrap();
            let proxy = Chaos::before(service, self.random.next());
            let ended = loop {
                let ended = self.begin(&proxy.url()).wait_with_output().unwrap();
                if ended.status.success() {
                    break ended;
                }
                let said = String::from_utf8_lossy(&ended.stderr).into_owned();
                assert!(ended.status.code() == Some(1) && said.contains("hint:"), "neither done nor refused with a word: {said}");
                assert!(self.begun < begun_before + 50 * backfills, "it comes to no end: {said}");
            };
            assert!(ended.stdout.is_empty());
            for (sum, count) in sums.iter_mut().zip([&proxy.done.cuts, &proxy.done.delays, &proxy.done.repeats]) {
                *sum += count.load(Ordering::SeqCst);
            }
            drop(proxy);
            self.compare(served);
        }
        sums
    }

    #[allow(clippy::print_stdout, reason = "what a campaign is run for")]
    fn told(&self, seed: u64, what: &str) {
        println!(
            "seed {seed}: {what} in {} backfills of {} rows, begun {} times: {} rows lost, {} extra; {:.0} s",
            self.backfills,
            self.undisturbed.len(),
            self.begun,
            self.lost,
            self.extra,
            self.began.elapsed().as_secs_f64()
        );
        assert_eq!((self.lost, self.extra), (0, 0));
    }
}

fn signal(name: &str, child: &Child) {
    // A child that has just ended is gone for the signal, too, and not for `wait`.
    drop(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).stderr(Stdio::null()).status());
}

#[test]
fn a_short_campaign_loses_nothing_and_doubles_nothing() {
    let mut campaign = Campaign::new(150, 7);
    campaign.kill(6);
    campaign.freeze(6);
    let mut cuts = 0;
    // How many pieces a backfill's connections have is not the seed's to say, so that one may come through uncut.
    for _ in 0..5 {
        cuts += campaign.chaos(1)[0];
        if cuts > 0 {
            break;
        }
    }
    assert!(cuts > 0, "the proxy did nothing");
    campaign.told(7, &format!("6 kills, 6 freezes, {cuts} cuts"));
}

#[test]
#[ignore = "takes minutes"]
fn campaign_of_random_kills_loses_nothing_and_doubles_nothing() {
    let kills = setting("IOTA2TS_KILLS", 1000);
    let mut campaign = Campaign::new(1500, seed());
    campaign.kill(kills);
    campaign.told(seed(), &format!("{kills} kills"));
}

/// Where the ledger knows how far the one object is, and goes on inside it.
#[test]
#[ignore = "takes minutes"]
fn campaign_of_kills_inside_a_large_object_loses_nothing_and_doubles_nothing() {
    let kills = setting("IOTA2TS_KILLS", 200);
    let mut campaign = Campaign::of(1, 100_000, seed());
    campaign.kill(kills);
    campaign.told(seed(), &format!("{kills} kills inside one object"));
}

#[test]
#[ignore = "takes minutes"]
fn campaign_of_freezes_loses_nothing_and_doubles_nothing() {
    let freezes = setting("IOTA2TS_FREEZES", 300);
    let mut campaign = Campaign::new(1500, seed());
    campaign.freeze(freezes);
    campaign.told(seed(), &format!("{freezes} freezes"));
}

#[test]
#[ignore = "takes minutes"]
fn campaign_behind_a_chaotic_proxy_loses_nothing_and_doubles_nothing() {
    let backfills = setting("IOTA2TS_CHAOS_BACKFILLS", 20);
    let mut campaign = Campaign::new(1500, seed());
    let [cuts, delays, repeats] = campaign.chaos(backfills);
    campaign.told(seed(), &format!("{cuts} cuts, {delays} delays, {repeats} repeated connections"));
}
