use super::{codes, dataset, errors, mapping, mappings, scheduled, translated};
use crate::dataset::{MeasureAttribute, translate};
use crate::inventory::{Dataset, DatasetAction, Delivery, Retention, Trigger, Versioning};
use crate::record::MeasureKind;
use crate::time::TimeFormat;

#[test]
fn a_recipe_that_selects_a_column_nobody_sets_is_found_out() {
    let store = mapping(
        "iot_datastore",
        ("timestamp", TimeFormat::Iso8601),
        &[("deviceId", "deviceId")],
        &[("temperature", "temperature", MeasureKind::Double), ("humidity", "humidity", MeasureKind::Double)],
    );
    let recipe = |sql: &str| translate(&scheduled(sql, "rate(1 hour)", None), &[&store], "iot");
    let done = recipe("SELECT * FROM iot_datastore WHERE temperature_celsius > 25 ORDER BY timestamp DESC LIMIT 100");
    assert_eq!(errors(&done.findings), ["unknown_column"]);
    assert!(done.findings[0].cause.contains("`temperature_celsius`") && done.findings[0].cause.contains("`temperature`"));
    assert_eq!((done.sql, done.scheduled, done.plain), (None, None, None));

    let meant = recipe("SELECT * FROM iot_datastore WHERE temperature > 25 ORDER BY timestamp DESC LIMIT 100");
    let query = r#"SELECT "time" AS "timestamp", "deviceId", "temperature", "humidity" FROM "iot"."iot_datastore_table" WHERE "temperature" > 25 ORDER BY "timestamp" DESC LIMIT 100"#;
    assert_eq!(meant.sql.as_deref(), Some(query));
    let made = meant.scheduled.unwrap();
    assert_eq!((made.query.as_str(), made.schedule.as_str(), made.name.as_str()), (query, "rate(1 hour)", "hourly"));
    assert_eq!(made.target.time_column, "timestamp");
    assert_eq!(made.target.dimensions, ["deviceId"]);
    assert_eq!(made.target.table, "dataset_hourly");
    assert_eq!(made.reads, ["iot_datastore_table"]);
    let names: Vec<(&str, MeasureKind)> = made.target.measures.iter().map(|measure| (measure.name.as_str(), measure.kind)).collect();
    assert_eq!(names, [("temperature", MeasureKind::Double), ("humidity", MeasureKind::Double)]);
}

#[test]
fn a_window_covers_what_the_guide_says() {
    // At 10:30, every 15 minutes and 3 minutes late: 10:12 to 10:27.
    let sql = "SELECT kwh, timestamp, id FROM meter";
    let done = translated(&scheduled(sql, "cron(0/15 * * * ? *)", Some((-180, "from_unixtime(timestamp)"))));
    let made = done.scheduled.unwrap();
    assert_eq!(
        made.query,
        r#"SELECT "kwh", "time" AS "timestamp", "id" FROM "factory"."meter_table" WHERE "time" >= @scheduled_runtime - INTERVAL '18' MINUTE AND "time" < @scheduled_runtime - INTERVAL '3' MINUTE"#
    );
    assert!(!done.sql.unwrap().contains("scheduled_runtime"));
    let plain = done.plain.unwrap();
    assert!(!plain.contains("scheduled_runtime") && plain.contains("--   from_unixtime(timestamp) moved by -180 seconds"), "{plain}");
    assert!(codes(&done.findings).contains(&"window_fixed"));
}

#[test]
fn a_window_bounds_every_read_of_a_store() {
    let bound = |sql: &str, delta| translated(&scheduled(sql, "rate(1 hour)", Some(delta))).scheduled.unwrap().query;
    let window = r#""time" >= @scheduled_runtime - INTERVAL '59' MINUTE AND "time" < @scheduled_runtime + INTERVAL '1' MINUTE"#;
    assert_eq!(
        bound("select speed, timestamp, deviceId from line where speed > 3 or speed < 1", (60, "timestamp")),
        format!(
            r#"SELECT "speed", "time" AS "timestamp", "device" AS "deviceId" FROM "factory"."line_table" WHERE ("speed" > 3 OR "speed" < 1) AND {window}"#
        )
    );
    let joined =
        bound("select a.deviceId, a.speed, a.timestamp from line a left join line b on a.deviceId = b.deviceId", (60, "timestamp"));
    let table = format!(r#"(SELECT * FROM "factory"."line_table" WHERE {window})"#);
    assert_eq!(joined.matches(&table).count(), 2, "{joined}");
}

#[test]
fn a_window_that_cannot_be_told_is_no_scheduled_query() {
    let sql = "select kwh, timestamp, id from meter";
    for (schedule, delta, code) in [
        ("cron(0 0 1 * ? *)", (0, "timestamp"), "window_irregular"),
        ("rate(1 hour)", (0, "from_unixtime(nothing)"), "unknown_column"),
        ("rate(1 hour)", (0, "timestamp) or (1 = 1"), "window_expression"),
        ("rate(1 hour)", (0, "kwh"), "window_expression"),
        ("rate(1 hour)", (i64::MIN + 1, "timestamp"), "window_irregular"),
        ("every hour", (0, "timestamp"), "schedule_unreadable"),
    ] {
        let done = translated(&scheduled(sql, schedule, Some(delta)));
        assert!(errors(&done.findings).contains(&code), "{schedule} {delta:?}: {:?}", done.findings);
        assert!(done.scheduled.is_none() && done.sql.is_some() && done.plain.is_some(), "{schedule}");
    }
    let uneven = translated(&scheduled(sql, "cron(0 6 ? * MON-FRI *)", Some((0, "timestamp"))));
    assert!(codes(&uneven.findings).contains(&"window_irregular"));
    assert!(uneven.scheduled.unwrap().query.contains("@scheduled_runtime - INTERVAL '3' DAY"));
}

#[test]
fn a_result_without_time_or_dimension_gets_them() {
    let done = translated(&scheduled("select avg(temp) a, count(*) from plant", "rate(1 day)", None));
    let made = done.scheduled.unwrap();
    assert_eq!(
        made.query,
        r#"SELECT @scheduled_runtime AS "time", 'hourly' AS "dataset", "a", "_col1" FROM (SELECT avg("temp") AS "a", count(*) AS "_col1" FROM "factory"."plant_table") AS "content""#
    );
    assert_eq!(made.target.dimensions, ["dataset"]);
    assert_eq!(
        made.target.measures,
        [
            MeasureAttribute { column: "a".to_owned(), name: "a".to_owned(), kind: MeasureKind::Double },
            MeasureAttribute { column: "_col1".to_owned(), name: "_col1".to_owned(), kind: MeasureKind::Bigint }
        ]
    );
    assert!(!codes(&done.findings).contains(&"rows_may_overwrite"));
    assert_eq!(done.sql.as_deref(), Some(r#"SELECT avg("temp") AS "a", count(*) AS "_col1" FROM "factory"."plant_table""#));
}

#[test]
fn groups_become_dimensions_and_dates_and_small_integers_are_widened() {
    let sql = "select upper(deviceId) d, date_trunc('hour', from_unixtime(ts/1000)) h, date(from_unixtime(max(ts)/1000)) last, 1 one \
               from plant group by upper(deviceId), date_trunc('hour', from_unixtime(ts/1000))";
    let made = translated(&scheduled(sql, "rate(1 hour)", None)).scheduled.unwrap();
    assert_eq!((made.target.time_column.as_str(), made.target.dimensions.as_slice()), ("h", ["d".to_owned()].as_slice()));
    assert!(made.query.starts_with(r#"SELECT "d", "h", CAST("last" AS TIMESTAMP) AS "last", CAST("one" AS BIGINT) AS "one" FROM ("#));
    assert_eq!(made.target.measures[0].kind, MeasureKind::Timestamp);
}

#[test]
fn results_that_no_table_can_hold_keep_their_query_and_say_what_is_missing() {
    for (sql, code) in [
        ("select ts, n, array_agg(temp) x from plant group by ts, n", "column_type_unknown"),
        ("select ts, deviceId from plant", "no_measure"),
        ("select ts, temp, temp from plant", "column_names_clash"),
    ] {
        let done = translated(&scheduled(sql, "rate(1 hour)", None));
        assert_eq!(errors(&done.findings), [code], "{sql}");
        assert!(done.scheduled.is_none() && done.sql.is_some(), "{sql}");
    }
    for sql in ["select temp from plant", "select n, ts, count(*) c from plant group by n, ts"] {
        let done = translated(&scheduled(sql, "rate(1 hour)", None));
        assert!(codes(&done.findings).contains(&"rows_may_overwrite"), "{sql}: {:?}", done.findings);
    }
    let reserved = translated(&scheduled("select ts, temp as ts_x from plant", "rate(1 hour)", None)).scheduled.unwrap();
    assert_eq!((reserved.target.measures[0].column.as_str(), reserved.target.measures[0].name.as_str()), ("ts_x", "col_ts_x"));
}

#[test]
fn what_a_dataset_had_besides_its_query_is_translated_or_named() {
    let full = Dataset {
        deliveries: vec![
            Delivery::S3 {
                bucket: "out-bucket".to_owned(),
                key: "daily/!{iotanalytics:scheduleTime}/!{iotanalytics:versionId}.csv".to_owned(),
                role_arn: String::new(),
            },
            Delivery::IotEvents { input: "alarm".to_owned(), role_arn: String::new() },
        ],
        triggers: vec![
            Trigger::Schedule { expression: "rate(1 hour)".to_owned() },
            Trigger::Schedule { expression: "rate(2 hours)".to_owned() },
            Trigger::Dataset { name: "other".to_owned() },
        ],
        retention: Retention::Days(30),
        versioning: Versioning::MaxVersions(3),
        late_data_timeout_minutes: Some(10),
        ..dataset("select ts, temp from plant")
    };
    let done = translated(&full);
    for code in ["s3_delivery", "iot_events_delivery", "second_schedule", "triggered_by_dataset", "retention", "versions", "late_data"] {
        assert!(codes(&done.findings).contains(&code), "{code}: {:?}", done.findings);
    }
    let plain = done.plain.unwrap();
    let unload = r#"-- UNLOAD (SELECT "time" AS "ts", "temp" FROM "factory"."plant_table") TO 's3://out-bucket/daily/' WITH (format = 'CSV', compression = 'NONE', include_header = 'true');"#;
    assert!(plain.lines().any(|line| line == unload), "{plain}");
    assert!(plain.lines().any(|line| line == r#"SELECT "time" AS "ts", "temp" FROM "factory"."plant_table";"#), "{plain}");
    assert!(done.scheduled.is_some());
}

#[test]
fn datasets_without_a_query_say_what_to_do() {
    let container = DatasetAction::Container {
        name: "c".to_owned(),
        image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/x".to_owned(),
        execution_role_arn: String::new(),
        compute_type: "ACU_1".to_owned(),
        volume_size_gb: 2,
        variables: Vec::new(),
    };
    for (action, code) in [(Some(container), "container_action"), (None, "definition_unknown")] {
        let done = translated(&Dataset { action, ..dataset("") });
        assert_eq!(errors(&done.findings), [code]);
        assert_eq!((done.sql, done.scheduled, done.plain), (None, None, None));
    }
    let on_demand = translated(&dataset("select temp from plant"));
    assert_eq!(codes(&on_demand.findings), ["no_schedule"]);
}

#[test]
fn translating_twice_gives_the_same() {
    let all = mappings();
    let refs: Vec<_> = all.iter().collect();
    let it = scheduled("select note, md5(note) from plant", "rate(1 hour)", None);
    assert_eq!(translate(&it, &refs, "d"), translate(&it, &refs, "d"));
}
