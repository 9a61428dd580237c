//! Where a line of the fault matrix is played: a planned migration, the embedded services, and the account of what came of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use iota2ts::local::{ErrorKind, Fault, Rule, When};

use crate::environment::{Environment, Ran};
use crate::migration::gzip;
use crate::served::{Served, StoredRow, s3_client};

pub(crate) const BUCKET: &str = "factory-history";
pub(crate) const OBJECTS: i64 = 5;
pub(crate) const ROWS_OF_AN_OBJECT: i64 = 50;
pub(crate) const FIRST_SECOND: i64 = 1_760_000_000;
/// Between two rows.
pub(crate) const STEP_SECONDS: i64 = 41;

/// The command of every line, after `--dir`.
pub(crate) const BACKFILL: &[&str] = &["--output", "json", "backfill", "--target", "aws"];
/// What came of it.
#[derive(Default)]
pub(crate) struct Observed {
    pub(crate) exits: Vec<i32>,
    pub(crate) said: String,
    pub(crate) repeats: bool,
    pub(crate) damaged: usize,
    pub(crate) named: usize,
    pub(crate) quarantined: Vec<String>,
    pub(crate) present: usize,
    pub(crate) lost: usize,
    pub(crate) extra: usize,
}

impl std::fmt::Display for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let exits = self.exits.iter().map(|exit| format!("exit {exit}")).collect::<Vec<_>>().join(", then ");
        write!(f, "{exits}{}; {} rows", if self.repeats { " after repeating" } else { "" }, self.present)?;
        if !self.quarantined.is_empty() {
            write!(f, ", {} in quarantine ({})", self.quarantined.len(), self.quarantined.join(", "))?;
        }
        if self.damaged > 0 {
            write!(f, ", {} damaged object named", self.damaged)?;
        }
        if self.named > 0 {
            write!(f, ", {} named by `verify`", self.named)?;
        }
        write!(f, "; {} lost, {} extra", self.lost, self.extra)
    }
}

/// A migration directory that was planned, and services to backfill into.
pub(crate) struct Ground<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) served: Served,
    pub(crate) dir: String,
    pub(crate) observed: Observed,
    /// What the target held before, and what is not looked for.
    pub(crate) before: BTreeSet<StoredRow>,
    pub(crate) unreadable: std::ops::Range<i64>,
}

/// What all lines share.
pub(crate) struct Scene {
    pub(crate) environment: Environment,
    pub(crate) undisturbed: BTreeSet<StoredRow>,
}

pub(crate) fn key(object: i64) -> String {
    format!("datastore/plant/__dt=2025-10-{:02} 00:00:00/{object:04}.json.gz", 9 + object)
}

pub(crate) fn rows(object: i64) -> String {
    let row = |at: i64| format!("{{\"ts\":{},\"device_id\":\"d{}\",\"flow\":{at}.25}}\n", FIRST_SECOND + at * STEP_SECONDS, at % 7);
    (object * ROWS_OF_AN_OBJECT..(object + 1) * ROWS_OF_AN_OBJECT).map(row).collect()
}

impl Scene {
    /// Plans the same history in a directory, in a bucket, with a damaged object, and with another value in one row.
    pub(crate) fn new() -> Self {
        let environment = Environment::new();
        environment.write("definitions/store.json", r#"{"datastoreName":"plant"}"#);
        for object in 0..OBJECTS {
            let whole = gzip(&rows(object));
            environment.write(&format!("history/{}", key(object)), &whole);
            let mut damaged = whole;
            if object == 2 {
                let middle = damaged.len() / 2;
                damaged[middle] ^= 0x55;
            }
            environment.write(&format!("damaged/{}", key(object)), damaged);
            let other = if object == 3 { rows(object).replace(":170.25", ":0.5") } else { rows(object) };
            environment.write(&format!("other/{}", key(object)), gzip(&other));
        }
        for (dir, history) in [("of-files", "history"), ("of-damaged", "damaged"), ("of-other", "other")] {
            environment.run(&["--dir", dir, "capture", "--from", "definitions"]).ended(0);
            environment.run(&["--dir", dir, "plan", "--history", history]).ended(0);
        }
        let mut scene = Self { environment, undisturbed: BTreeSet::new() };
        scene.environment.run(&["--dir", "of-bucket", "capture", "--from", "definitions"]).ended(0);
        let ground = Ground::new(&scene, "bucket");
        ground.upload();
        let planned = ["--dir", "of-bucket", "plan", "--history", "s3://factory-history"];
        ground.served.run(&scene.environment, &planned).ended(0);
        drop(ground);
        let mut ground = Ground::new(&scene, "undisturbed");
        ground.backfill("of-files").ended(0);
        let undisturbed: BTreeSet<StoredRow> = ground.served.stored().into_iter().collect();
        drop(ground);
        assert_eq!(i64::try_from(undisturbed.len()).unwrap(), OBJECTS * ROWS_OF_AN_OBJECT);
        scene.undisturbed = undisturbed;
        scene
    }
}

impl<'a> Ground<'a> {
    pub(crate) fn new(scene: &'a Scene, name: &str) -> Self {
        let served = Served::new(&scene.environment.path(&format!("service-{name}")));
        let (dir, observed) = (format!("run-{name}"), Observed::default());
        Self { scene, served, dir, observed, before: BTreeSet::new(), unreadable: 0..0 }
    }

    pub(crate) fn upload(&self) {
        let client = self.s3();
        self.served.runtime.block_on(async {
            client.create_bucket().bucket(BUCKET).send().await.unwrap();
        });
        for object in 0..OBJECTS {
            self.put(&client, object, &rows(object));
        }
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        s3_client(&self.served.endpoint_url, "test")
    }

    pub(crate) fn put(&self, client: &aws_sdk_s3::Client, object: i64, rows: &str) {
        let body = ByteStream::from(gzip(rows));
        self.served.runtime.block_on(client.put_object().bucket(BUCKET).key(key(object)).body(body).send()).unwrap();
    }

    /// The directory of this line, begun with what `plan` made of one of the histories.
    pub(crate) fn planned(&self, base: &str) {
        let (from, to) = (self.scene.environment.path(base), self.scene.environment.path(&self.dir));
        if to.try_exists().unwrap() {
            return;
        }
        std::fs::create_dir(&to).unwrap();
        for name in ["inventory.json", "migration.toml", "plan.json"] {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }

    pub(crate) fn command(&self, base: &str, args: &[&str]) -> Command {
        self.planned(base);
        self.served.command(&self.scene.environment, &[&["--dir", self.dir.as_str()], args].concat())
    }

    pub(crate) fn backfill(&mut self, base: &str) -> Ran {
        let mut command = self.command(base, BACKFILL);
        self.finish(&mut command)
    }

    /// Runs a backfill to its end and notes how it ended.
    pub(crate) fn finish(&mut self, command: &mut Command) -> Ran {
        let ran = self.scene.environment.finish(command);
        self.note(&ran);
        ran
    }

    pub(crate) fn note(&mut self, ran: &Ran) {
        // A signal counts as the shells do.
        let exit = ran.code.unwrap_or(-1);
        if exit != 0 && self.observed.said.is_empty() {
            self.observed.said = format!("{}\n{}", ran.stderr, ran.stdout);
        }
        self.observed.exits.push(exit);
        if exit == 0 || exit == 2 {
            let outcome = ran.json();
            self.observed.repeats |= outcome["retries"].as_u64().unwrap() > 0;
            self.observed.damaged = outcome["damaged"].as_object().unwrap().len();
        }
    }

    pub(crate) fn trouble(&self, fault: Fault, when: When, operation: &str) {
        self.served.faults.add(Rule::new(fault, when).only(operation));
    }

    /// The next requests to write meet the trouble, and the backfill comes to its end by itself.
    pub(crate) fn on_writes(&mut self, fault: Fault, times: u64) {
        self.trouble(fault, When::Next(times), "WriteRecords");
        self.backfill("of-files");
    }

    /// Every second request to write is refused, until somebody mends it.
    pub(crate) fn until_mended(&mut self, kind: ErrorKind) {
        self.trouble(Fault::Answer(kind), When::Every(2), "WriteRecords");
        self.backfill("of-files");
        self.served.faults.clear();
        self.backfill("of-files");
    }

    /// Something happens to an object while the first one is being asked for.
    pub(crate) fn while_reading(&mut self, happens: impl FnOnce(&Self)) {
        self.upload();
        self.planned("of-bucket");
        self.trouble(Fault::Latency(Duration::from_millis(1500)), When::Every(1), "GetObject");
        let before = self.served.asked("GetObject");
        let mut command = self.command("of-bucket", BACKFILL);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.served.wait_for("GetObject", before);
        happens(self);
        let ran = Ran::from(child.wait_with_output().unwrap(), &self.scene.environment);
        self.note(&ran);
        self.served.faults.clear();
    }

    pub(crate) fn out_of_bucket(&mut self, fault: Fault, when: When) {
        self.upload();
        self.trouble(fault, when, "GetObject body");
        self.backfill("of-bucket");
    }

    /// Compares with the undisturbed run, and sees that nothing is left to do.
    pub(crate) fn account(mut self) -> Observed {
        let mut again = self.command("of-files", BACKFILL);
        let again = self.scene.environment.finish(&mut again);
        assert!(matches!(again.code, Some(0 | 2)), "{}", again.stderr);
        assert_eq!(again.json()["requests"], 0, "a finished backfill sends nothing");
        let mut show = self.command("of-files", &["quarantine", "show"]);
        let shown = self.scene.environment.finish(&mut show).ended(0).stdout;
        let kept: Vec<serde_json::Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        self.observed.quarantined = kept.iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect();
        let stored: BTreeSet<StoredRow> = self.served.stored().into_iter().collect();
        let sought = self.scene.undisturbed.iter().filter(|row| !self.unreadable.contains(&row.2));
        let absent = sought.filter(|row| !stored.contains(row)).count();
        self.observed.present = stored.intersection(&self.scene.undisturbed).count();
        self.observed.lost = absent.saturating_sub(kept.len() + self.observed.named);
        self.observed.extra = stored.iter().filter(|row| !self.scene.undisturbed.contains(row) && !self.before.contains(row)).count();
        self.observed
    }
}

/// Another migration wrote another value of one row, which the service takes for the present and stores where `now` says.
pub(crate) fn another_value_is_there(ground: &mut Ground<'_>, now: i64) {
    let data = ground.scene.environment.path(&format!("service-{}-of-others", ground.dir));
    ground.served = Served::at(&data, now);
    let dir = std::mem::take(&mut ground.dir);
    ground.dir = format!("{dir}-of-others");
    let mut other = ground.command("of-other", BACKFILL);
    ground.scene.environment.finish(&mut other).ended(0);
    ground.dir = dir;
    let there = ground.served.stored().into_iter().filter(|row| !ground.scene.undisturbed.contains(row));
    ground.before = there.collect();
    assert_eq!(ground.before.len(), 1);
    // The others are not there yet.
    let store = rusqlite::Connection::open(data.join("timestream.db")).unwrap();
    let key: &Vec<u8> = &ground.before.first().unwrap().0;
    store.execute("DELETE FROM t1 WHERE key <> ?1", [key]).unwrap();
}

/// The row of this number, in nanoseconds.
pub(crate) fn instant(row: i64) -> i64 {
    (FIRST_SECOND + row * STEP_SECONDS) * 1_000_000_000
}

pub(crate) fn limited(command: &Command, blocks: u64) -> Command {
    let mut shell = Command::new("sh");
    // The signal that goes with the limit is ignored, so that writes fail as on a full disk.
    shell.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &blocks.to_string()]);
    shell.arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap_or(Path::new("."))).stdin(Stdio::null());
    shell
}
