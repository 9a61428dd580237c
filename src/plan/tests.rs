use std::collections::BTreeMap;

use super::fixture::{NOW, collision, datastore, known, object, origin};
use super::*;
use crate::history::Layout;
use crate::inventory::{Activity, ActivityKind, Channel, Pipeline, Retention, Storage};
use crate::time::{HOUR_NANOS, Nanos};

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let (one, two) = (known().plan(), known().plan());
    assert_eq!(serde_json::to_string_pretty(&one).unwrap(), serde_json::to_string_pretty(&two).unwrap());
    assert_eq!(one.digest(), two.digest());
    let mut other = known();
    other.settings.write.readers = 3;
    assert_ne!(other.plan().digest(), one.digest());
}

#[test]
fn collisions_move_from_a_full_census_to_their_table_and_are_left_out_of_a_sample() {
    let mut known = known();
    known.table().collisions = vec![collision(1), collision(2)];
    known.table().collisions_total = 2;
    let plan = known.plan();
    assert_eq!(plan.tables[0].collisions.len(), 2);
    assert_eq!((plan.census.tables[0].collisions.len(), plan.census.tables[0].collisions_total), (0, 2));
    known.census.full = false;
    assert_eq!(known.plan().tables[0].collisions, []);
}

#[test]
fn raw_channel_objects_are_not_counted_as_a_tables_own() {
    let mut known = known();
    known.listing.objects.push(&object("press", Layout::Channel, 7));
    let plan = known.plan();
    assert_eq!((plan.tables[0].objects, plan.tables[0].bytes, plan.tables[0].rows), (2, 2_000, 1_000));
}

#[test]
fn the_cost_rounds_up_per_request_and_never_down() {
    let cost = known().plan().cost;
    // 10 requests of 6,000 bytes are 6 KiB each; the bound allows for the worst spread of bytes over requests.
    assert_eq!(cost.write_units, (60_000 + 10 * 1023) / 1024);
    assert!(cost.write_units >= 60);
    assert!((cost.writes_usd - 68.0 * 0.5e-6).abs() < 1e-12, "{}", cost.writes_usd);
    assert!((cost.magnetic_usd_per_month - 60_000.0 / 1e9 * 0.03).abs() < 1e-15);
    assert!(cost.memory_usd.abs() < f64::EPSILON, "all rows are older than the memory window");
}

#[test]
fn only_rows_inside_the_memory_window_pay_for_memory() {
    let mut young = known();
    young.table().earliest = Some(Nanos(NOW.0 - 24 * HOUR_NANOS));
    young.table().latest = Some(NOW);
    // Half of 24 hours is inside the window of 12: half the bytes, for 12 hours.
    let expected = 30_000.0 / 1e9 * 12.0 * 0.036;
    assert!((young.plan().cost.memory_usd - expected).abs() < 1e-12, "{}", young.plan().cost.memory_usd);
    young.table().earliest = Some(NOW);
    assert!((young.plan().cost.memory_usd - 2.0 * expected).abs() < 1e-12);
}

#[test]
fn a_sample_is_scaled_by_objects_and_says_so() {
    let mut sample = known();
    sample.census.full = false;
    sample.table().objects = 1;
    let plan = sample.plan();
    assert_eq!(plan.duration.requests, 20);
    assert!(plan.cost.basis.iter().any(|basis| basis.contains("sample")));
    assert_eq!(plan.census.tables[0].records, 1_000, "counts of the sample stay as they are");
}

#[test]
fn the_duration_names_the_limit_that_binds() {
    let mut known = known();
    known.table().records = 2_100_000;
    let fast = known.plan().duration;
    assert_eq!(fast.requests, 21_000);
    assert!((fast.seconds - 100.0).abs() < 1e-9 && fast.bound_by.contains("21,000 records a second"), "{fast:?}");
    known.settings.write.requests_in_flight_max = 2;
    let slow = known.plan().duration;
    assert!((slow.seconds - 651.0).abs() < 1e-9 && slow.bound_by.contains("2 in flight of about 62 ms"), "{slow:?}");
    known.table().records = 0;
    assert!(known.plan().duration.bound_by.contains("nothing to write"));
}

#[test]
fn resources_say_what_becomes_of_them() {
    let mut known = known();
    let channel = Channel {
        name: "raw".to_owned(),
        origin: origin(),
        storage: Storage::Unknown,
        retention: Retention::Unlimited,
        tags: BTreeMap::new(),
    };
    known.inventory.channels.insert("raw".to_owned(), channel);
    let activity = Activity { name: "in".to_owned(), kind: ActivityKind::Channel { channel_name: "raw".to_owned() } };
    let pipeline = Pipeline { name: "clean".to_owned(), origin: origin(), activities: vec![activity], tags: BTreeMap::new() };
    known.inventory.pipelines.insert("clean".to_owned(), pipeline);
    known.inventory.datastores.insert("oven".to_owned(), datastore("oven", Retention::Unlimited, Storage::ServiceManaged));
    let lines: Vec<String> = known.plan().resources.iter().map(|r| format!("{} {}: {} -> {}", r.kind, r.name, r.what, r.fate)).collect();
    assert_eq!(
        lines,
        [
            "channel raw: storage unknown, kept without limit -> nothing to migrate: its raw messages are not read",
            "pipeline clean: 1 activity -> see iota2ts translate",
            "datastore oven: service-managed, parquet of 1 column, kept without limit -> no history found",
            "datastore press: service-managed, parquet of 1 column, kept for 90 days -> to table press",
        ]
    );
}

#[test]
fn a_saved_plan_reads_back_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plan.json");
    let mut known = known();
    known.table().collisions = vec![collision(1)];
    known.table().collisions_total = 1;
    known.table().metered_bytes = u64::MAX;
    let plan = known.plan();
    plan.save(&path).unwrap();
    plan.save(&path).unwrap();
    let read = Plan::load(&path).unwrap();
    assert_eq!(read, plan);
    assert_eq!(read.digest(), plan.digest());
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["plan.json"], "no temporary file is left behind");
    assert!(std::fs::read_to_string(&path).unwrap().contains("\n  \"version\": 1,\n"));
}

#[test]
fn a_plan_that_cannot_be_written_leaves_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plan.json");
    // A directory that holds something cannot be replaced by a file.
    std::fs::create_dir_all(path.join("inside")).unwrap();
    let error = known().plan().save(&path).unwrap_err();
    assert!(matches!(error, PlanError::Unwritable { .. }) && error.hint().is_some());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn plans_of_other_versions_and_damaged_ones_are_refused_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plan.json");
    let missing = Plan::load(&path).unwrap_err();
    assert_eq!(missing.hint().as_deref(), Some("run `iota2ts plan` first"));
    let good = serde_json::to_string(&known().plan()).unwrap();
    for (text, expected) in [
        (good.replacen("\"version\":1", "\"version\":2", 1), "is of version 2; this tool reads version 1"),
        (good[..good.len() / 2].to_owned(), "is damaged"),
        ("{}".to_owned(), "is damaged: missing field `version`"),
        (good.replacen("\"tables\"", "\"Tables\"", 1), "is damaged: missing field `tables`"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Plan::load(&path).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.hint().as_deref(), Some("run `iota2ts plan` again"));
    }
}

#[test]
fn a_stale_plan_names_everything_that_changed() {
    let plan = known().plan();
    let bound = &plan.bound_to;
    assert_eq!(plan.check_fresh(&bound.inventory, &bound.settings, &bound.listing), Ok(()));
    let stale = plan.check_fresh(&bound.inventory, "x", "y").unwrap_err();
    assert_eq!(stale.to_string(), "the plan is out of date: the settings and the history changed since it was made");
    assert_eq!(stale.hint().as_deref(), Some("run `iota2ts plan` again"));
}

#[test]
fn planning_reaches_no_target_and_no_client() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/plan"))];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                for forbidden in ["crate::target", "crate::backfill", "crate::local", "aws_"] {
                    assert!(!source.contains(forbidden), "{} names {forbidden}", path.display());
                }
                read += 1;
            }
        }
    }
    assert!(read > 5, "only {read} files were looked at");
    assert_eq!(usize::try_from(super::cost::RECORDS_PER_REQUEST_MAX).unwrap(), crate::target::RECORDS_PER_BATCH_MAX);
}
