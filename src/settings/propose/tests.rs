use std::sync::Arc;

use super::*;
use crate::history::ObjectList;
use crate::inventory::{Datastore, FileFormat, Origin, Storage};
use crate::mapping::{DimensionRule, MeasureRule, Policies, TimeRule};
use crate::path::ColumnPath;
use crate::record::MeasureKind;
use crate::survey::{ColumnSurvey, Extent, KindCounts, StoreSurvey, TimeReading};
use crate::time::TimeFormat;

fn mapping(store: &str) -> TableMapping {
    TableMapping {
        store: store.to_owned(),
        route: None,
        table: store.to_owned(),
        time: TimeRule { column: ColumnPath::top("ts"), format: TimeFormat::EpochMillis },
        measure_name: Arc::from("telemetry"),
        dimensions: vec![DimensionRule { column: ColumnPath::top("device_id"), name: Arc::from("device_id") }],
        measures: vec![
            MeasureRule { column: ColumnPath::top("temperature"), name: Arc::from("temperature"), kind: MeasureKind::Double, format: None },
            MeasureRule {
                column: ColumnPath::top("serviced"),
                name: Arc::from("serviced"),
                kind: MeasureKind::Timestamp,
                format: Some(TimeFormat::Iso8601),
            },
        ],
        ignored: vec![ColumnPath::top("__dt")],
        policies: Policies::default(),
    }
}

fn survey(store: &str, earliest: Nanos) -> Survey {
    let column = ColumnSurvey {
        path: ColumnPath::top("ts"),
        partition: false,
        present: 1,
        kinds: KindCounts::default(),
        string_bytes_max: 0,
        distinct: 1,
        distinct_more: false,
        distinct_estimate: 1,
        other_spellings: Vec::new(),
        frequent: Vec::new(),
        times: vec![TimeReading { format: TimeFormat::EpochMillis, earliest, latest: earliest, unreadable: 0 }],
        examples: Vec::new(),
    };
    let store_survey = StoreSurvey {
        layouts: Vec::new(),
        formats: Vec::new(),
        objects: 1,
        bytes: 1,
        rows: 1,
        bad_rows: 0,
        damaged: Vec::new(),
        empty_objects: 0,
        columns: vec![column],
        ..StoreSurvey::default()
    };
    Survey { extent: Extent::Full, stores: BTreeMap::from([(store.to_owned(), store_survey)]) }
}

fn inventory(store: &str, retention: Retention) -> Inventory {
    let datastore = Datastore {
        name: store.to_owned(),
        origin: Origin { file: "press.json".to_owned(), path: String::new() },
        storage: Storage::ServiceManaged,
        retention,
        format: FileFormat::Json,
        partitions: Vec::new(),
        tags: BTreeMap::new(),
    };
    Inventory { datastores: BTreeMap::from([(store.to_owned(), datastore)]), ..Inventory::empty() }
}

pub(in crate::settings) fn proposal(retention: Retention, age_days: i64) -> ProposedSettings {
    let listing = Listing { root: "history".to_owned(), objects: ObjectList::default(), passed_over: Vec::new() };
    let now = Nanos(20_000 * DAY_NANOS);
    let table = ProposedTable {
        mapping: mapping("press"),
        reasons: vec![
            ("time".to_owned(), "every value reads as milliseconds".to_owned()),
            ("measure temperature".to_owned(), "whole numbers and decimals".to_owned()),
            ("shift".to_owned(), "no such line".to_owned()),
        ],
        doubts: vec![("device_id".to_owned(), "12 rows have none".to_owned())],
    };
    propose(&ProposalInputs {
        raw: &[],
        inventory: &inventory("press", retention),
        survey: &survey("press", Nanos(now.0 - age_days * DAY_NANOS)),
        listing: &listing,
        history: "history",
        now,
        tables: &[table],
        skipped: &[("junk".to_owned(), "no column could be the time".to_owned())],
    })
    .unwrap()
}

#[test]
fn proposed_retention_holds_the_oldest_row_and_deletes_nothing_that_was_kept() {
    let days = |retention, age| proposal(retention, age).settings.target.magnetic_days;
    assert_eq!(days(Retention::Days(90), 400), 430);
    assert_eq!(days(Retention::Days(800), 400), 800);
    assert_eq!(days(Retention::Days(90), 80_000), 73_000);
    assert_eq!(days(Retention::Unlimited, 400), 73_000);
    assert_eq!(days(Retention::Unknown, 400), 73_000);
}

#[test]
fn nothing_to_migrate_is_an_error_with_a_hint() {
    let error = propose(&ProposalInputs {
        raw: &[],
        inventory: &inventory("press", Retention::Unlimited),
        survey: &survey("press", Nanos(0)),
        listing: &Listing { root: String::new(), objects: ObjectList::default(), passed_over: Vec::new() },
        history: "history",
        now: Nanos(0),
        tables: &[],
        skipped: &[],
    })
    .unwrap_err();
    assert!(error.to_string().contains("`history` holds no store"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_database_is_named_after_what_the_stores_share() {
    assert_eq!(database_name(&["factory"]), "factory");
    assert_eq!(database_name(&["factory_east", "factory_west"]), "factory");
    assert_eq!(database_name(&["east", "west"]), "iot_analytics");
    assert_eq!(database_name(&["ab"]), "iot_analytics");
    assert_eq!(database_name(&["größe"]), "gr__e");
    assert_eq!(database_name(&[]), "iot_analytics");
}

#[test]
fn days_are_rounded_up_and_never_negative() {
    assert_eq!(days_back(Nanos(0), Nanos(1)), 1);
    assert_eq!(days_back(Nanos(0), Nanos(DAY_NANOS)), 1);
    assert_eq!(days_back(Nanos(DAY_NANOS), Nanos(0)), 0);
    assert_eq!(days_back(Nanos(i64::MIN), Nanos(i64::MAX)), 213_504);
}
