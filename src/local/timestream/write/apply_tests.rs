//! What a table does with records: versions, types, names, counts, windows, stores.

use std::sync::Arc;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Outcome, apply, read};
use crate::local::LocalSettings;
use crate::local::failure::{Failure, Rejected};
use crate::local::timestream::control::Control;
use crate::local::timestream::store::Store;
use crate::local::timestream::switches::PartialUpsert;
use crate::time::{DAY_NANOS, HOUR_NANOS, ManualClock, Nanos};

const NOW: i64 = 1_700_000_000_000_000_000;

struct Table {
    dir: tempfile::TempDir,
    store: Store,
    settings: LocalSettings,
    clock: Arc<ManualClock>,
}

impl Table {
    fn new(properties: Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Nanos(NOW)));
        let settings = LocalSettings::new(dir.path(), Arc::clone(&clock) as Arc<dyn crate::time::Clock>);
        let store = Store::open(&dir.path().join("timestream.db")).unwrap();
        let mut table = Self { dir, store, settings, clock };
        table.control("CreateDatabase", json!({"DatabaseName": "db"}));
        let mut create = properties;
        create["DatabaseName"] = "db".into();
        create["TableName"] = "t".into();
        table.control("CreateTable", create);
        table
    }

    fn plain() -> Self {
        Self::new(json!({}))
    }

    /// 1 hour in memory, 100 days in magnetic, reports to `rejects/pre/fix`.
    fn magnetic() -> Self {
        let location = json!({"S3Configuration": {"BucketName": "rejects", "ObjectKeyPrefix": "pre/fix"}});
        Self::new(json!({
            "RetentionProperties": {"MemoryStoreRetentionPeriodInHours": 1, "MagneticStoreRetentionPeriodInDays": 100},
            "MagneticStoreWriteProperties": {"EnableMagneticStoreWrites": true, "MagneticStoreRejectedDataLocation": location}
        }))
    }

    fn control(&mut self, operation: &str, request: Value) -> Value {
        let mut control = Control { store: &mut self.store, now: self.settings.clock.now(), region: "us-east-1" };
        control.answer(operation, request.to_string().as_bytes()).unwrap()
    }

    fn write(&mut self, records: Value) -> Result<Outcome, Failure> {
        let body = json!({"DatabaseName": "db", "TableName": "t", "Records": records}).to_string();
        let request = read(body.as_bytes(), &self.settings.switches)?;
        apply(&mut self.store, &request, &self.settings)
    }

    fn rejected(&mut self, records: Value) -> Vec<Rejected> {
        self.write(records).unwrap().rejected
    }

    fn select(&self, sql: &str) -> Vec<String> {
        let connection = Connection::open(self.dir.path().join("timestream.db")).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            let cells = (0..row.as_ref().column_count()).map(|i| format!("{:?}", row.get_ref(i).unwrap()));
            Ok(cells.collect::<Vec<_>>().join(" "))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn rows(&self) -> usize {
        self.select("SELECT key FROM t1").len()
    }
}

/// A record at `NOW` plus `nanos`.
fn at(nanos: i64, value: &str, version: i64) -> Value {
    json!({
        "Dimensions": [{"Name": "device", "Value": "d1"}], "MeasureName": "m", "MeasureValue": value, "MeasureValueType": "VARCHAR",
        "Time": (NOW + nanos).to_string(), "TimeUnit": "NANOSECONDS", "Version": version
    })
}

fn multi(name: &str, values: &[(&str, &str, &str)], version: i64) -> Value {
    let values: Value = values.iter().map(|(name, value, kind)| json!({"Name": name, "Value": value, "Type": kind})).collect();
    json!({
        "Dimensions": [{"Name": "device", "Value": "d1"}], "MeasureName": name, "MeasureValueType": "MULTI", "MeasureValues": values,
        "Time": NOW.to_string(), "TimeUnit": "NANOSECONDS", "Version": version
    })
}

#[test]
fn versions_decide_what_a_second_write_does() {
    let lower = |mine, existing| {
        format!(
            "The record version {mine} is lower than the existing version {existing}. A higher version is required to update the measure value."
        )
    };
    let same = "A record already exists with the same time, dimensions, measure name, and record version. A higher record version must be \
                specified in order to update the measure value. Specifying record version is supported by the latest SDKs.";
    // Stored "a" at version 5; then: value, version -> reason, existing version; stored value and version afterwards.
    let cases = [
        ("a", 5, None, "a", 5),
        ("a", 7, None, "a", 7),
        ("b", 7, None, "b", 7),
        ("b", 5, Some((same.to_owned(), None)), "a", 5),
        ("b", 4, Some((lower(4, 5), Some(5))), "a", 5),
        ("a", 4, Some((lower(4, 5), Some(5))), "a", 5),
    ];
    for (value, version, refused, stored, stored_version) in cases {
        let mut table = Table::plain();
        assert_eq!(table.rejected(json!([at(0, "a", 5)])), []);
        let expected: Vec<Rejected> =
            refused.into_iter().map(|(reason, existing_version)| Rejected { index: 0, reason, existing_version }).collect();
        assert_eq!(table.rejected(json!([at(0, value, version)])), expected, "{value} {version}");
        let row = table.select("SELECT version, CAST(c1 AS BLOB) FROM t1");
        let blob = rusqlite::types::ValueRef::Blob(stored.as_bytes());
        assert_eq!(row, [format!("Integer({stored_version}) {blob:?}")], "{value} {version}");
    }
}

#[test]
fn records_of_one_request_are_applied_in_their_order_and_the_good_ones_stay() {
    let mut table = Table::plain();
    let rejected =
        table.rejected(json!([at(0, "a", 1), at(0, "a", 1), at(0, "b", 1), at(0, "b", 2), at(1, "c", 1), at(-DAY_NANOS, "late", 1)]));
    let indexes: Vec<usize> = rejected.iter().map(|rejected| rejected.index).collect();
    assert_eq!(indexes, [2, 5]);
    assert_eq!(table.rows(), 2);
}

#[test]
fn the_identity_is_dimensions_measure_name_and_time_whatever_the_order() {
    let mut table = Table::plain();
    let record = |dimensions: Value, name: &str, nanos: i64| {
        let mut record = at(nanos, "x", 1);
        record["Dimensions"] = dimensions;
        record["MeasureName"] = name.into();
        record
    };
    let ab = json!([{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]);
    let ba = json!([{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]);
    let a12 = json!([{"Name": "a", "Value": "12"}]);
    let outcome = table.write(json!([
        record(ab.clone(), "m", 0),
        record(ba, "m", 0),
        record(ab.clone(), "m", 1),
        record(ab, "n", 0),
        record(a12, "m", 0)
    ]));
    assert_eq!(outcome.unwrap(), Outcome { memory: 5, ..Outcome::default() });
    assert_eq!(table.rows(), 4);
}

#[test]
fn a_measure_name_and_a_measure_keep_their_type_for_ever() {
    let mut table = Table::plain();
    assert_eq!(table.rejected(json!([at(0, "a", 1), multi("multi", &[("x", "1", "BIGINT"), ("y", "1.5", "DOUBLE")], 1)])), []);
    let other_single = json!({
        "Dimensions": [{"Name": "device", "Value": "d1"}], "MeasureName": "m", "MeasureValue": "1", "Time": NOW.to_string(), "TimeUnit": "NANOSECONDS"
    });
    let cases = [
        (other_single, "Measure name already has an assigned measure value type."),
        (multi("m", &[("x", "1", "BIGINT")], 1), "Measure name already has an assigned measure value type."),
        (
            multi("multi", &[("x", "1.0", "DOUBLE")], 2),
            "Each multi measure name can have only one measure value type and cannot be changed.",
        ),
        (multi("new", &[("y", "1", "BIGINT")], 1), "Each multi measure name can have only one measure value type and cannot be changed."),
        (multi("new", &[("m2", "1", "BIGINT"), ("device2", "1", "BIGINT")], 1), ""),
    ];
    for (record, reason) in cases {
        let rejected = table.rejected(json!([record]));
        if reason.is_empty() {
            assert_eq!(rejected, []);
        } else {
            assert!(rejected[0].reason.contains(reason), "{rejected:?}");
        }
    }
    // What was refused has left nothing behind: the names are still free.
    assert_eq!(table.select("SELECT count(*) FROM measures"), ["Integer(3)"]);
}

#[test]
fn a_name_is_a_dimension_or_a_measure_of_the_table_but_never_both() {
    let mut table = Table::plain();
    assert_eq!(table.rejected(json!([at(0, "a", 1), multi("multi", &[("x", "1", "BIGINT")], 1)])), []);
    let with_dimension = |name: &str| {
        let mut record = at(5, "a", 1);
        record["MeasureName"] = "other".into();
        record["Dimensions"] = json!([{"Name": name, "Value": "v"}]);
        record
    };
    let mut named_as_dimension = with_dimension("z");
    named_as_dimension["MeasureName"] = "device".into();
    let mut measure_as_dimension = multi("multi", &[("device", "1", "BIGINT")], 1);
    measure_as_dimension["Dimensions"][0]["Name"] = "z".into();
    for record in [with_dimension("x"), with_dimension("m"), with_dimension("multi"), named_as_dimension, measure_as_dimension] {
        let rejected = table.rejected(json!([record]));
        assert!(rejected[0].reason.contains("cannot be both a dimension name and a measure name of a table"), "{rejected:?}");
    }
}

#[test]
fn a_table_holds_128_dimensions_8192_measure_names_and_1024_multi_measures() {
    let mut table = Table::plain();
    let wide = |from: usize, to: usize| {
        let mut record = at(0, "a", 1);
        record["Dimensions"] = (from..to).map(|i| json!({"Name": format!("d{i}"), "Value": "v"})).collect();
        record
    };
    assert_eq!(table.rejected(json!([wide(0, 100), wide(100, 128)])), []);
    assert_eq!(table.rejected(json!([wide(127, 129)]))[0].reason, "The table would have more than 128 dimensions.");

    let mut table = Table::plain();
    let measures = |from: usize, to: usize| {
        let mut record = multi("m", &[], 1);
        record["MeasureValues"] = (from..to).map(|i| json!({"Name": format!("{i}"), "Value": "true", "Type": "BOOLEAN"})).collect();
        record["Time"] = (NOW + i64::try_from(from).unwrap()).to_string().into();
        record
    };
    assert_eq!(table.rejected((0..4).map(|i| measures(i * 256, (i + 1) * 256)).collect()), []);
    let too_many = table.rejected(json!([measures(1023, 1025)]));
    assert_eq!(too_many[0].reason, "The table would have more than 1024 measures in its multi-measure records.");

    let mut table = Table::plain();
    for request in 0..82 {
        let named = |i: usize| {
            let mut record = at(0, "a", 1);
            record["MeasureName"] = format!("m{}", request * 100 + i).into();
            record
        };
        let rejected = table.rejected((0..100).map(named).collect());
        let expected = if request == 81 { 8 } else { 0 };
        assert_eq!(rejected.len(), expected);
    }
}

#[test]
fn a_required_partition_key_must_be_there() {
    let key = |enforcement: &str| {
        Table::new(
            json!({"Schema": {"CompositePartitionKey": [{"Type": "DIMENSION", "Name": "site", "EnforcementInRecord": enforcement}]}}),
        )
    };
    let rejected = key("REQUIRED").rejected(json!([at(0, "a", 1)]));
    assert!(rejected[0].reason.contains("dimension site"), "{rejected:?}");
    assert_eq!(key("OPTIONAL").rejected(json!([at(0, "a", 1)])), []);
}

#[test]
fn a_table_that_is_not_there_is_not_found() {
    let mut table = Table::plain();
    let body = json!({"DatabaseName": "db", "TableName": "other", "Records": [at(0, "a", 1)]}).to_string();
    let request = read(body.as_bytes(), &table.settings.switches).unwrap();
    let failure = apply(&mut table.store, &request, &table.settings).unwrap_err();
    assert_eq!(failure.message, "The table other does not exist.");
}

#[test]
fn old_times_go_to_the_magnetic_store_if_it_takes_writes() {
    let mut plain = Table::plain();
    let rejected = plain.rejected(json!([at(-DAY_NANOS, "a", 1)]));
    let window = "[2023-11-14T15:48:20.000Z, 2023-11-14T22:28:20.000Z)";
    assert_eq!(rejected[0].reason, format!("The record timestamp is outside the time range {window} of the memory store."));
    let mut magnetic = Table::magnetic();
    let outcome = magnetic.write(json!([at(0, "a", 1), at(-DAY_NANOS, "b", 1), at(-200 * DAY_NANOS, "c", 1)])).unwrap();
    assert_eq!((outcome.memory, outcome.magnetic, outcome.rejected.len()), (1, 1, 1));
    assert!(outcome.rejected[0].reason.ends_with("of the data ingestion window."));
}

#[test]
fn raising_retention_does_not_open_the_window_at_once() {
    let mut table =
        Table::new(json!({"RetentionProperties": {"MemoryStoreRetentionPeriodInHours": 2, "MagneticStoreRetentionPeriodInDays": 1}}));
    let raised = json!({"MemoryStoreRetentionPeriodInHours": 24, "MagneticStoreRetentionPeriodInDays": 1});
    table.control("UpdateTable", json!({"DatabaseName": "db", "TableName": "t", "RetentionProperties": raised}));
    assert_eq!(table.rejected(json!([at(-3 * HOUR_NANOS, "a", 1)])).len(), 1);
    assert_eq!(table.rejected(json!([at(-2 * HOUR_NANOS, "a", 1)])), []);
    table.clock.advance(20 * HOUR_NANOS);
    // 22 hours old by now.
    assert_eq!(table.rejected(json!([at(-2 * HOUR_NANOS, "a", 1), at(0, "b", 1)])), []);
}

#[test]
fn a_magnetic_update_that_is_not_newer_is_taken_and_only_reported() {
    let mut table = Table::magnetic();
    let old = |value: &str, version: i64| at(-DAY_NANOS, value, version);
    assert_eq!(table.write(json!([old("a", 5)])).unwrap().magnetic, 1);
    let outcome = table.write(json!([old("a", 5), old("b", 5), old("a", 4), old("c", 6)])).unwrap();
    assert_eq!(outcome, Outcome { memory: 0, magnetic: 4, dropped: 2, rejected: vec![] });
    assert_eq!(outcome.into_answer().unwrap(), json!({"RecordsIngested": {"Total": 4, "MemoryStore": 0, "MagneticStore": 4}}));
    assert_eq!(table.select("SELECT version FROM t1"), ["Integer(6)"]);

    let directory = table.dir.path().join("rejected/rejects/pre/fix/db/t");
    let reports: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(reports.len(), 1);
    let report: Value = serde_json::from_slice(&std::fs::read(&reports[0]).unwrap()).unwrap();
    assert_eq!(reports[0].file_stem().unwrap().to_str(), report["reportId"].as_str());
    assert!(report["errors"][0]["reason"].as_str().unwrap().starts_with("A record already exists"));
    assert!(report["errors"][1]["reason"].as_str().unwrap().starts_with("The record version 4 is lower than the existing version 5"));
    let record = &report["errors"][0]["records"][0];
    assert_eq!(record["dimensions"], json!([{"name": "device", "value": "d1", "dimensionValueType": null}]));
    assert_eq!((&record["measureValue"], &record["time"]), (&json!("b"), &json!((NOW - DAY_NANOS).to_string())));
}

#[test]
fn magnetic_rows_become_visible_late_and_a_repeat_does_not_put_it_off() {
    let mut table = Table::magnetic();
    table.settings.magnetic_visibility_delay_nanos = 6 * HOUR_NANOS;
    assert_eq!(table.rejected(json!([at(0, "a", 1), at(-DAY_NANOS, "b", 1)])), []);
    let visible = format!("SELECT visible_at - {NOW} FROM t1 ORDER BY time");
    let expected = [format!("Integer({})", 6 * HOUR_NANOS), "Integer(0)".to_owned()];
    assert_eq!(table.select(&visible), expected);
    table.clock.advance(HOUR_NANOS / 4);
    assert_eq!(table.rejected(json!([at(-DAY_NANOS, "b", 1), at(-DAY_NANOS, "b", 2), at(-DAY_NANOS, "c", 3)])), []);
    assert_eq!(table.select(&visible), expected);
}

#[test]
fn a_partial_update_replaces_the_record_or_joins_it_as_the_switch_says() {
    let stored = |partial_upsert| {
        let mut table = Table::plain();
        table.settings.switches.partial_upsert = partial_upsert;
        let both = multi("m", &[("x", "1", "BIGINT"), ("y", "2", "BIGINT")], 1);
        assert_eq!(table.rejected(json!([both.clone(), multi("m", &[("x", "3", "BIGINT")], 2)])), []);
        // Known values with a known version are no update.
        assert_eq!(table.rejected(json!([multi("m", &[("x", "3", "BIGINT")], 2)])), []);
        table.select("SELECT c1, c2 FROM t1")
    };
    assert_eq!(stored(PartialUpsert::Replace), ["Integer(3) Null"]);
    assert_eq!(stored(PartialUpsert::Merge), ["Integer(3) Integer(2)"]);
}

#[test]
fn everything_survives_a_restart() {
    let mut table = Table::plain();
    assert_eq!(table.rejected(json!([at(0, "a", 5), multi("multi", &[("x", "1", "BIGINT")], 1)])), []);
    let path = table.dir.path().join("timestream.db");
    table.store = Store::open(&path).unwrap();
    let rejected = table.rejected(json!([at(0, "a", 4), multi("multi", &[("x", "1.0", "DOUBLE")], 2), at(0, "b", 6)]));
    assert_eq!(rejected.iter().map(|rejected| rejected.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(table.rows(), 2);
}

#[test]
fn what_is_remembered_of_a_table_ends_with_its_update_and_its_deletion() {
    let mut table = Table::plain();
    let name = json!({"DatabaseName": "db", "TableName": "t"});
    assert_eq!(table.rejected(json!([at(0, "a", 1)])), []);
    let mut update = name.clone();
    update["MagneticStoreWriteProperties"] = json!({"EnableMagneticStoreWrites": true});
    table.control("UpdateTable", update);
    assert_eq!(table.write(json!([at(-DAY_NANOS, "a", 1)])).unwrap().magnetic, 1);
    table.control("DeleteTable", name.clone());
    assert_eq!(table.write(json!([at(0, "a", 1)])).unwrap_err().message, "The table t does not exist.");
    table.control("CreateTable", name);
    // The new table knows nothing of the old one: neither its rows nor its types.
    let mut other_type = at(0, "1", 1);
    other_type["MeasureValueType"] = "BIGINT".into();
    assert_eq!(table.rejected(json!([other_type])), []);
    assert_eq!(table.select("SELECT count(*) FROM t2"), ["Integer(1)"]);
}

#[test]
fn a_request_that_fails_in_the_middle_leaves_nothing_behind_on_disk_or_in_memory() {
    let mut table = Table::magnetic();
    assert_eq!(table.write(json!([at(-DAY_NANOS, "a", 5)])).unwrap().magnetic, 1);
    // The report of the second record cannot be written: a file stands where its directory should be.
    let in_the_way = table.dir.path().join("rejected");
    std::fs::write(&in_the_way, "").unwrap();
    let both = json!([multi("new", &[("x", "1", "BIGINT")], 1), at(-DAY_NANOS, "b", 5)]);
    assert_eq!(table.write(both.clone()).unwrap_err().kind, crate::local::failure::ErrorKind::InternalServer);
    assert_eq!((table.rows(), table.select("SELECT count(*) FROM columns")), (1, vec!["Integer(2)".to_owned()]));
    std::fs::remove_file(in_the_way).unwrap();
    assert_eq!(table.write(both).unwrap(), Outcome { memory: 1, magnetic: 1, dropped: 1, rejected: vec![] });
    assert_eq!(table.rows(), 2);
}
