use super::{codes, dataset, errors, mappings, translated};
use crate::dataset::translate;

#[test]
fn what_cannot_be_translated_is_refused_by_name_and_gives_no_query() {
    for (sql, code) in [
        ("select temperature_celsius from plant", "unknown_column"),
        ("select temp from plant order by nothing_here", "unknown_column"),
        ("select temp from elsewhere", "unknown_table"),
        ("select * from my_store.asset_metadata limit 5", "table_elsewhere"),
        ("select debug from plant", "column_left_behind"),
        ("select debug.deeper from plant", "column_left_behind"),
        ("select place from plant", "column_flattened"),
        ("select deviceId from plant join line on true", "column_ambiguous"),
        ("select md5(note) from plant", "function_refused"),
        ("select json_extract_scalar(note, '$.a') from plant", "function_refused"),
        ("with x as (select 1) select * from x", "sql_unsupported"),
        ("select temp from plant cross join unnest(note) as t(x)", "sql_unsupported"),
        ("select transform(note, x -> x + 1) from plant", "function_refused"),
        ("select coalesce(note -> 'a') from plant", "sql_unsupported"),
        ("select temp from plant limit 5 offset 3", "sql_unsupported"),
        ("select from_unixtime(ts/1000) - from_unixtime(5) from plant", "sql_unsupported"),
        ("select from_unixtime(ts/1000) at time zone 'Europe/Paris' from plant", "sql_unsupported"),
        ("select temp from plant natural join line", "sql_unsupported"),
        ("select * from plant order by 2", "sql_unsupported"),
        ("select * from plant union all select * from line", "union_widths"),
        ("select temp from plant where __dt > 'last week'", "time_literal_unreadable"),
        ("select temp from plant where seen > 'soon'", "time_literal_unreadable"),
        ("select temp from plant where __dt > 5", "time_compared"),
        ("select temp from plant where from_unixtime(ts/1000) > 5", "time_compared"),
        ("select timestamp 'whenever' from plant", "time_literal_unreadable"),
        ("select temp from ${Store}", "sql_symbolic"),
        ("drop table plant", "sql_unreadable"),
        ("select 1; select 2", "sql_unreadable"),
        ("select 'open from plant", "sql_unreadable"),
        ("", "sql_too_large"),
        ("values (1)", "sql_unsupported"),
        ("select a.temp from plant as a(b)", "sql_unsupported"),
        ("explain select 1", "sql_unreadable"),
    ] {
        let done = translated(&dataset(sql));
        assert!(errors(&done.findings).contains(&code), "{sql}: {:?}", done.findings);
        assert_eq!((done.sql, done.plain), (None, None), "{sql}");
    }
}

#[test]
fn every_mistake_of_a_query_is_named_at_once() {
    let done = translated(&dataset("select temprature, md5(nott) from plant where humidty > 1"));
    assert_eq!(errors(&done.findings).len(), 3, "{:?}", done.findings);
    assert_eq!(done.findings[0].subject, "dataset hourly");
    assert_eq!(
        done.findings.iter().find(|finding| finding.code == "unknown_column").unwrap().cause,
        "no column is called `humidty`; there is `ts`, `deviceId`, `place.site`, `temp`, `n`, `ok`, `note`, `seen`, `place.coord[0]`"
    );
}

#[test]
fn differences_are_stated() {
    for (sql, code) in [
        ("select note from plant", "columns_renamed"),
        ("select ts from plant", "time_is_timestamp"),
        ("select temp from plant where __dt >= current_date", "ingestion_day"),
        ("select temp from plant where __hour = 3", "partition_column"),
        ("select from_unixtime(ts) t from plant", "epoch_unit"),
        ("select temp from plant where deviceId = 5", "dimension_as_text"),
        ("select deviceId * 2 from plant", "dimension_as_number"),
        ("select cast(temp as decimal(5, 1)) from plant", "decimal_as_double"),
        ("select substr(timestamp, 1, 4) from line", "time_as_text"),
        ("select regexp_like(note, 'a') from plant", "function_unverified"),
        ("select temp from plant where note = '${Word}'", "sql_symbolic_text"),
    ] {
        let done = translated(&dataset(sql));
        assert!(done.sql.is_some(), "{sql}: {:?}", done.findings);
        assert!(codes(&done.findings).contains(&code), "{sql}: {:?}", done.findings);
    }
}

#[test]
fn a_routed_store_is_read_as_the_union_of_its_parts() {
    let mut all = mappings();
    let mut pumps = all[1].clone();
    pumps.table = "pumps".to_owned();
    pumps.measures[0].column = super::path("flow");
    pumps.measures[0].name = "flow_rate".into();
    pumps.dimensions[0].name = "pump".into();
    all.push(pumps);
    let of = |all: &[crate::mapping::TableMapping], it: &crate::inventory::Dataset| translate(it, &all.iter().collect::<Vec<_>>(), "f");
    let union = |bound: &str| {
        format!(
            r#"(SELECT "time", "device", "speed", CAST(NULL AS DOUBLE) AS "flow_rate" FROM "f"."line_table"{bound} UNION ALL SELECT "time", "pump" AS "device", CAST(NULL AS DOUBLE) AS "speed", "flow_rate" FROM "f"."pumps"{bound}) AS "line""#
        )
    };
    let done = of(&all, &dataset("select deviceId, speed, flow from line where timestamp > '2024-01-01'"));
    assert_eq!(
        done.sql.unwrap(),
        format!(
            r#"SELECT "device" AS "deviceId", "speed", "flow_rate" AS "flow" FROM {} WHERE "time" > TIMESTAMP '2024-01-01 00:00:00'"#,
            union("")
        )
    );
    let made = of(&all, &super::scheduled("select * from line", "rate(1 hour)", Some((0, "timestamp")))).scheduled.unwrap();
    assert!(
        made.query.contains(&union(r#" WHERE "time" >= @scheduled_runtime - INTERVAL '1' HOUR AND "time" < @scheduled_runtime"#)),
        "{}",
        made.query
    );
    assert_eq!(made.reads, ["line_table", "pumps"]);

    // One table, told apart by measure names only: nothing has to be joined.
    let mut one = mappings();
    let mut second = one[1].clone();
    second.measure_name = "second".into();
    one.push(second);
    let sql = "select speed from line";
    assert_eq!(of(&one, &dataset(sql)).sql.unwrap(), r#"SELECT "speed" FROM "f"."line_table""#);
    one[2].table = "line_table".to_owned();
    one[2].measure_name = "meters".into();
    let narrow = r#"SELECT "speed" FROM "f"."line_table" WHERE "measure_name" IN ('telemetry', 'second')"#;
    assert_eq!(of(&one, &dataset(sql)).sql.unwrap(), narrow);
}

#[test]
fn a_store_whose_parts_make_no_table_is_not_guessed_at() {
    let change: [fn(&mut crate::mapping::TableMapping); 2] = [
        |second| second.time.format = crate::time::TimeFormat::EpochSeconds,
        |second| second.measures[0].kind = crate::record::MeasureKind::Varchar,
    ];
    for change in change {
        let mut all = mappings();
        let mut second = all[1].clone();
        second.table = "other".to_owned();
        change(&mut second);
        all.push(second);
        let done = translate(&dataset("select speed from line"), &all.iter().collect::<Vec<_>>(), "factory");
        assert_eq!((errors(&done.findings), done.sql), (vec!["store_in_several_tables"], None));
    }
}

#[test]
fn tables_that_stores_share_are_told_apart_by_the_measure_name() {
    let mut all = mappings();
    all[1].table = all[0].table.clone();
    all[1].measure_name = "lines".into();
    let of = |sql: &str| translate(&dataset(sql), &all.iter().collect::<Vec<_>>(), "f").sql.unwrap();
    assert_eq!(
        of("select speed from line where speed > 1 or speed < 0"),
        r#"SELECT "speed" FROM "f"."plant_table" WHERE ("speed" > 1 OR "speed" < 0) AND "measure_name" = 'lines'"#
    );
    assert_eq!(
        of("select a.temp from plant a left join line b on a.deviceId = b.deviceId"),
        r#"SELECT "a"."temp" FROM (SELECT * FROM "f"."plant_table" WHERE "measure_name" = 'telemetry') AS "a" LEFT JOIN (SELECT * FROM "f"."plant_table" WHERE "measure_name" = 'lines') AS "b" ON "a"."device" = "b"."device""#
    );
}
