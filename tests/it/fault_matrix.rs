//! The fault matrix: what goes wrong between the history, the machine and the target, what must come of it, and what does.
//!
//! Each line is a backfill by the real executable against the embedded services, with one trouble. Whatever it does, the same command then
//! brings it to its end, and the target is compared row for row with that of an undisturbed run. `docs/verification.md` has the printed
//! table, and a test here checks that it does: `cargo test --test it fault_matrix -- --nocapture` prints it.

use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iota2ts::local::{ErrorKind, Fault, Rule, ThrottledStore, When};

use crate::environment::Ran;
use crate::fault_ground::{
    BACKFILL, BUCKET, Ground, OBJECTS, Observed, ROWS_OF_AN_OBJECT, Scene, another_value_is_there, instant, key, limited, rows,
};
use crate::served::{NOW_NANOS, Served};

/// One line of the table.
struct Trouble {
    injected: &'static str,
    expected: Expected,
    play: fn(&mut Ground),
}

/// What must come of it.
struct Expected {
    /// Exit statuses: of the run with the trouble, and of those that go on from there.
    exits: &'static [i32],
    /// A word of the first run that ends with another status than 0.
    says: &'static str,
    /// In words, for the table.
    outcome: &'static str,
    /// Whether requests are repeated within a run.
    repeats: bool,
    /// Reason codes of rows that end in quarantine.
    quarantined: &'static [&'static str],
}

const REPEATS: Expected =
    Expected { exits: &[0], says: "", outcome: "the request is repeated until it is taken", repeats: true, quarantined: &[] };
const READS_ON: Expected = Expected { outcome: "the object is read to its last byte", repeats: false, ..REPEATS };

const fn stops(says: &'static str, outcome: &'static str) -> Expected {
    Expected { exits: &[1, 0], says, outcome, repeats: false, quarantined: &[] }
}

const MATRIX: &[Trouble] = &[
    // First, as it takes as long as the client's patience.
    Trouble {
        injected: "a request is taken and never answered (stalls past the client's timeout of 30 s)",
        expected: REPEATS,
        play: |ground| ground.on_writes(Fault::Stall(Duration::from_secs(600)), 1),
    },
    Trouble {
        injected: "a throttle of the memory store (429)",
        expected: REPEATS,
        play: |ground| ground.on_writes(Fault::Throttle(ThrottledStore::Memory), 3),
    },
    Trouble {
        injected: "a throttle of the magnetic store (429)",
        expected: Expected { outcome: "fewer requests at once, and the request is repeated until it is taken", ..REPEATS },
        play: |ground| ground.on_writes(Fault::Throttle(ThrottledStore::Magnetic), 2),
    },
    Trouble {
        injected: "internal errors (500)",
        expected: REPEATS,
        play: |ground| ground.on_writes(Fault::Answer(ErrorKind::InternalServer), 3),
    },
    Trouble {
        injected: "the service is unavailable (503)",
        expected: REPEATS,
        play: |ground| ground.on_writes(Fault::Answer(ErrorKind::ServiceUnavailable), 3),
    },
    Trouble {
        injected: "connections are refused for a while, in the middle of the run",
        expected: REPEATS,
        play: |ground| {
            ground.trouble(Fault::Stall(Duration::from_secs(600)), When::Every(2), "WriteRecords");
            let mut command = ground.command("of-files", BACKFILL);
            let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            ground.served.wait_for("WriteRecords", 1);
            ground.served.stop();
            // Long enough for a request to be refused: the first pause is 200 ms at most.
            std::thread::sleep(Duration::from_millis(600));
            ground.served.faults.clear();
            ground.served.start();
            let ran = Ran::from(child.wait_with_output().unwrap(), &ground.scene.environment);
            ground.note(&ran);
        },
    },
    Trouble {
        injected: "the connection is reset before the records are stored",
        expected: REPEATS,
        play: |ground| ground.on_writes(Fault::Reset, 2),
    },
    Trouble {
        injected: "the connection is reset after the records are stored (the reply is lost)",
        expected: REPEATS,
        play: |ground| ground.on_writes(Fault::LostReply, 2),
    },
    Trouble {
        injected: "one record of a request is refused, the others stored (419)",
        expected: Expected {
            exits: &[2],
            says: "rejected_conflict",
            outcome: "the record goes to quarantine with the service's reason",
            repeats: false,
            quarantined: &["rejected_conflict"],
        },
        play: |ground| {
            // An hour after the last row, so that it is of the memory store, which answers at once.
            another_value_is_there(ground, instant(OBJECTS * ROWS_OF_AN_OBJECT));
            ground.backfill("of-files");
        },
    },
    Trouble {
        injected: "a record of the magnetic store is acknowledged, and dropped later for another value that is there",
        expected: Expected {
            exits: &[0, 2],
            says: "* changed: 1",
            outcome: "nobody can tell while writing; `verify` names the row with both values",
            repeats: false,
            quarantined: &[],
        },
        play: |ground| {
            another_value_is_there(ground, NOW_NANOS);
            ground.backfill("of-files");
            let mut verify = ground.command("of-files", &["verify", "--target", "aws"]);
            let verified = ground.scene.environment.finish(&mut verify);
            ground.observed.exits.push(verified.code.unwrap());
            ground.observed.named =
                verified.stdout.lines().filter(|line| line.contains("flow: 170.25 in the source, 0.5 in the target")).count();
            ground.observed.said = verified.stdout;
        },
    },
    Trouble {
        injected: "a whole request is refused for one record (400)",
        expected: Expected {
            exits: &[2],
            says: "rejected_invalid",
            outcome: "the request is halved until the record stands alone, which goes to quarantine",
            repeats: false,
            quarantined: &["rejected_invalid"],
        },
        play: |ground| {
            ground.trouble(Fault::InvalidWhere("\"170.25\"".to_owned()), When::Every(1), "WriteRecords");
            ground.backfill("of-files");
        },
    },
    Trouble {
        injected: "the endpoint has expired (421)",
        expected: Expected { outcome: "a fresh client is made, and the request is repeated", ..REPEATS },
        play: |ground| ground.on_writes(Fault::Answer(ErrorKind::InvalidEndpoint), 3),
    },
    Trouble {
        injected: "a quota is exceeded (402)",
        expected: stops("quota", "stops with the reason; goes on when it is mended"),
        play: |ground| ground.until_mended(ErrorKind::ServiceQuotaExceeded),
    },
    Trouble {
        injected: "the credentials expire in the middle of the run",
        expected: Expected {
            exits: &[1, 1, 0],
            ..stops("ExpiredTokenException", "stops with the reason, again with the old ones; goes on with fresh ones")
        },
        play: |ground| {
            // The first request passes; from then on, the key is refused for ever.
            let expired = Rule::new(Fault::Answer(ErrorKind::ExpiredToken), When::Every(2)).only("WriteRecords");
            ground.served.faults.add(expired.signed_with("embedded"));
            ground.backfill("of-files");
            let for_ever = Rule::new(Fault::Answer(ErrorKind::ExpiredToken), When::Every(1)).only("WriteRecords");
            ground.served.faults.add(for_ever.signed_with("embedded"));
            ground.backfill("of-files");
            let mut fresh = ground.command("of-files", BACKFILL);
            fresh.env("AWS_ACCESS_KEY_ID", "fresh").env("AWS_SESSION_TOKEN", "of-today");
            ground.finish(&mut fresh);
        },
    },
    Trouble {
        injected: "this machine's clock is too far off for the service (403, signature expired)",
        expected: stops("this machine's clock", "stops with the reason; goes on when the clock is right"),
        play: |ground| ground.until_mended(ErrorKind::SignatureExpired),
    },
    Trouble {
        injected: "this machine's clock is a month behind, and nobody objects",
        expected: Expected { exits: &[0], says: "", outcome: "nothing is decided by this clock", repeats: false, quarantined: &[] },
        play: |ground| {
            let mut command = ground.command("of-files", BACKFILL);
            command.env("IOTA2TS_NOW", "2025-11-15T00:00:00Z");
            ground.finish(&mut command);
        },
    },
    Trouble {
        injected: "the service's clock is behind the history: rows are refused as too new (419)",
        expected: Expected {
            exits: &[2, 0],
            says: "rejected_outside_window",
            outcome: "the rows go to quarantine; `units retry` and the same command bring them when the clock is right",
            repeats: false,
            quarantined: &[],
        },
        play: |ground| {
            let middle = instant(OBJECTS * ROWS_OF_AN_OBJECT / 2);
            ground.served.stop();
            ground.served = Served::at(&ground.scene.environment.path("service-behind"), middle);
            ground.backfill("of-files");
            ground.served.clock.advance(NOW_NANOS - middle);
            let mut retry = ground.command("of-files", &["units", "retry", "--only", "quarantined"]);
            ground.scene.environment.finish(&mut retry).ended(0);
            ground.backfill("of-files");
        },
    },
    Trouble {
        injected: "S3: every second body breaks off in the middle",
        expected: READS_ON,
        play: |ground| ground.out_of_bucket(Fault::TruncatedBody, When::Every(2)),
    },
    Trouble {
        injected: "S3: bodies are slow",
        expected: READS_ON,
        play: |ground| ground.out_of_bucket(Fault::SlowBody(Duration::from_millis(400)), When::Every(1)),
    },
    Trouble {
        injected: "S3: a body stands still",
        expected: Expected { outcome: "the answer is given up and taken up again", ..READS_ON },
        play: |ground| ground.out_of_bucket(Fault::SlowBody(Duration::from_secs(3600)), When::Next(1)),
    },
    Trouble {
        injected: "S3: an object is overwritten while it is to be read (another ETag)",
        expected: stops("changed", "stops and names the object; goes on when the planned one is there again"),
        play: |ground| {
            ground.while_reading(|ground| ground.put(&ground.s3(), 4, "{\"ts\":1760000000,\"device_id\":\"x\",\"flow\":1.5}\n"));
            ground.put(&ground.s3(), 4, &rows(4));
            ground.backfill("of-bucket");
        },
    },
    Trouble {
        injected: "S3: an object vanishes while it is to be read",
        expected: stops("changed", "stops and names the object; goes on when it is there again"),
        play: |ground| {
            ground.while_reading(|ground| {
                let deleted = ground.s3().delete_object().bucket(BUCKET).key(key(4)).send();
                ground.served.runtime.block_on(deleted).unwrap();
            });
            ground.put(&ground.s3(), 4, &rows(4));
            ground.backfill("of-bucket");
        },
    },
    Trouble {
        injected: "an object's gzip data is corrupt in the middle",
        expected: Expected {
            exits: &[2],
            says: "damaged",
            outcome: "the object is named; what can be read of it and all others arrive",
            repeats: false,
            quarantined: &[],
        },
        play: |ground| {
            ground.unreadable = instant(2 * ROWS_OF_AN_OBJECT)..instant(3 * ROWS_OF_AN_OBJECT);
            ground.backfill("of-damaged");
        },
    },
    Trouble {
        injected: "the disk fills up while the ledger is written",
        expected: stops("check that the disk has room", "stops with the reason; goes on when there is room"),
        play: |ground| {
            // The ledger is begun, and stopped before anything is done.
            let mut begun = ground.command("of-files", BACKFILL);
            begun.env("IOTA2TS_FAILPOINT", format!("{}:1", iota2ts::failpoint::BEFORE_SEND));
            assert_eq!(ground.scene.environment.finish(&mut begun).code, None);
            let command = ground.command("of-files", BACKFILL);
            ground.finish(&mut limited(&command, 40));
            ground.backfill("of-files");
        },
    },
];

/// The table, as the documentation has it.
fn table(observed: &[Observed]) -> String {
    let mut text = "| injected | expected | observed |\n| --- | --- | --- |\n".to_owned();
    for (trouble, seen) in MATRIX.iter().zip(observed) {
        text.push_str(&format!("| {} | {} | {seen} |\n", trouble.injected, trouble.expected.outcome));
    }
    text
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_nothing_doubled() {
    let scene = Scene::new();
    let next = AtomicUsize::new(0);
    let seen: Mutex<Vec<Option<Observed>>> = Mutex::new(MATRIX.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(trouble) = MATRIX.get(number) else { break };
                    let mut ground = Ground::new(&scene, &number.to_string());
                    (trouble.play)(&mut ground);
                    let observed = ground.account();
                    seen.lock().unwrap()[number] = Some(observed);
                }
            });
        }
    });
    let observed: Vec<Observed> = seen.into_inner().unwrap().into_iter().map(Option::unwrap).collect();
    println!("{}", table(&observed));
    for (trouble, seen) in MATRIX.iter().zip(&observed) {
        let (what, expected) = (trouble.injected, &trouble.expected);
        assert_eq!(seen.exits, expected.exits, "{what}: {}", seen.said);
        assert!(seen.said.contains(expected.says), "{what}: {}", seen.said);
        assert_eq!(seen.repeats, expected.repeats, "{what}: {seen}");
        assert_eq!(seen.quarantined, expected.quarantined, "{what}: {seen}");
        assert_eq!((seen.lost, seen.extra), (0, 0), "{what}: {seen}");
    }
    let documented = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verification.md")).unwrap();
    assert!(documented.contains(&table(&observed)), "docs/verification.md has another table than the one that is printed");
}

/// The limit is on every file that the process writes: ledger, its log, quarantine.
#[test]
fn a_disk_that_is_full_at_any_point_loses_nothing() {
    let scene = Scene::new();
    let mut refused = 0;
    for blocks in (0..=180).step_by(12) {
        let mut ground = Ground::new(&scene, &format!("full-{blocks}"));
        let command = ground.command("of-files", BACKFILL);
        let ran = ground.finish(&mut limited(&command, blocks));
        if ran.code == Some(1) {
            refused += 1;
            assert!(ran.stderr.contains("hint:") && !ran.stderr.contains("panicked"), "{blocks}: {}", ran.stderr);
        } else {
            assert_eq!(ran.code, Some(0), "{blocks}: {}", ran.stderr);
        }
        ground.backfill("of-files").ended(0);
        let seen = ground.account();
        assert_eq!((seen.present, seen.lost, seen.extra), (250, 0, 0), "{blocks}: {seen}");
    }
    assert!(refused > 3, "only {refused} limits were felt");
}
