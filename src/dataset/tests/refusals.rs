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
fn a_store_of_several_tables_is_not_guessed_at() {
    let mut all = mappings();
    let mut second = all[0].clone();
    second.table = "other".to_owned();
    all.push(second);
    let done = translate(&dataset("select temp from plant"), &all.iter().collect::<Vec<_>>(), "factory");
    assert_eq!((errors(&done.findings), done.sql), (vec!["store_in_several_tables"], None));
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
