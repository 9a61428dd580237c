use super::new_sql;

const PLANT: &str = "\"factory\".\"plant_table\"";

/// Old query → new query, `{}` being the table of `plant`.
fn check(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (old, new) in cases {
        let (got, expected) = (new_sql(old), new.replace("{}", PLANT));
        if got != expected {
            wrong.push(format!("{old}\n   got {got}\n  want {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn columns_are_renamed_and_keep_their_old_names_in_the_result() {
    check(&[
        ("select temp from plant", r#"SELECT "temp" FROM {}"#),
        ("SELECT DeviceID, TEMP FROM Plant", r#"SELECT "device" AS "DeviceID", "temp" FROM {}"#),
        ("select plant.deviceid as d from plant", r#"SELECT "device" AS "d" FROM {}"#),
        ("select p.note from plant p", r#"SELECT "remark" AS "note" FROM {} AS "p""#),
        ("select place.site, place.coord[1] from plant", r#"SELECT "area" AS "site", "lat" AS "_col1" FROM {}"#),
        ("select p.place.site s from plant as p", r#"SELECT "area" AS "s" FROM {} AS "p""#),
        ("select `deviceId`, \"temp\" from \"plant\"", r#"SELECT "device" AS "deviceId", "temp" FROM {}"#),
        (
            "select * from plant",
            r#"SELECT "time" AS "ts", "device" AS "deviceId", "area", "temp", "n", "ok", "remark" AS "note", "seen", "lat" FROM {}"#,
        ),
        ("select distinct deviceId from plant limit 5;", r#"SELECT DISTINCT "device" AS "deviceId" FROM {} LIMIT 5"#),
        ("select __partition_temp from plant", r#"SELECT "temp" AS "__partition_temp" FROM {}"#),
    ]);
}

#[test]
fn epoch_numbers_become_instants() {
    check(&[
        ("select from_unixtime(ts/1000) t from plant", r#"SELECT "time" AS "t" FROM {}"#),
        ("select from_unixtime(cast(ts as double) / 1000.0) t from plant", r#"SELECT "time" AS "t" FROM {}"#),
        ("select temp from plant where ts > 1700000000000", r#"SELECT "temp" FROM {} WHERE "time" > TIMESTAMP '2023-11-14 22:13:20'"#),
        (
            "select temp from plant where ts/1000 between 1700000000 and 1700000001.5",
            r#"SELECT "temp" FROM {} WHERE "time" BETWEEN TIMESTAMP '2023-11-14 22:13:20' AND TIMESTAMP '2023-11-14 22:13:21.500000000'"#,
        ),
        (
            "select temp from plant where 1700000000000 < ts and ts not in (1, 2)",
            r#"SELECT "temp" FROM {} WHERE TIMESTAMP '2023-11-14 22:13:20' < "time" AND "time" NOT IN (TIMESTAMP '1970-01-01 00:00:00.001000000', TIMESTAMP '1970-01-01 00:00:00.002000000')"#,
        ),
        (
            "select temp from plant where from_unixtime(ts/1000) >= now() - interval '15' minute",
            r#"SELECT "temp" FROM {} WHERE "time" >= now() - INTERVAL '15' MINUTE"#,
        ),
        (
            "select temp from plant where ts/1000 > to_unixtime(current_timestamp - interval '1' hour)",
            r#"SELECT "temp" FROM {} WHERE "time" > now() - INTERVAL '1' HOUR"#,
        ),
        (
            "select temp from plant where ts > to_unixtime(now()) * 1000",
            r#"SELECT "temp" FROM {} WHERE to_milliseconds("time") > to_unixtime(now()) * 1000"#,
        ),
        ("select max(ts) m from plant", r#"SELECT max("time") AS "m" FROM {}"#),
        ("select ts - 5 from plant", r#"SELECT to_milliseconds("time") - 5 AS "_col0" FROM {}"#),
        (
            "select kwh from meter where from_unixtime(timestamp) > date '2024-01-02'",
            r#"SELECT "kwh" FROM "factory"."meter_table" WHERE "time" > TIMESTAMP '2024-01-02 00:00:00'"#,
        ),
        ("select timestamp / 3600 from meter", r#"SELECT to_unixtime("time") / 3600 AS "_col0" FROM "factory"."meter_table""#),
        (
            "select date_trunc('hour', from_unixtime(cast(timestamp as double))) h, avg(kwh) a from meter group by 1 order by h",
            r#"SELECT date_trunc('hour', "time") AS "h", avg("kwh") AS "a" FROM "factory"."meter_table" GROUP BY date_trunc('hour', "time") ORDER BY "h""#,
        ),
    ]);
}

#[test]
fn texts_of_instants_become_instants() {
    check(&[
        (
            "select speed, timestamp from line order by timestamp desc",
            r#"SELECT "speed", "time" AS "timestamp" FROM "factory"."line_table" ORDER BY "timestamp" DESC"#,
        ),
        (
            "select speed from line order by timestamp desc nulls last",
            r#"SELECT "speed" FROM "factory"."line_table" ORDER BY "time" DESC NULLS LAST"#,
        ),
        (
            "select speed from line where timestamp >= '2024-01-02T03:04:05Z' and timestamp < '2024-01-03'",
            r#"SELECT "speed" FROM "factory"."line_table" WHERE "time" >= TIMESTAMP '2024-01-02 03:04:05' AND "time" < TIMESTAMP '2024-01-03 00:00:00'"#,
        ),
        (
            "select speed from line where from_iso8601_timestamp(timestamp) > now() - interval '1' day",
            r#"SELECT "speed" FROM "factory"."line_table" WHERE "time" > now() - INTERVAL '1' DAY"#,
        ),
        (
            "select speed from line where timestamp > to_iso8601(current_timestamp - interval '2' hour)",
            r#"SELECT "speed" FROM "factory"."line_table" WHERE "time" > now() - INTERVAL '2' HOUR"#,
        ),
        ("select substr(timestamp, 1, 10) d from line", r#"SELECT substr(to_iso8601("time"), 1, 10) AS "d" FROM "factory"."line_table""#),
        ("select date(date_parse(timestamp, '%Y')) from line", r#"SELECT date("time") AS "_col0" FROM "factory"."line_table""#),
        ("select temp from plant where seen > '2024-01-01'", r#"SELECT "temp" FROM {} WHERE "seen" > TIMESTAMP '2024-01-01 00:00:00'"#),
        ("select cast(seen as timestamp) s from plant", r#"SELECT "seen" AS "s" FROM {}"#),
        (
            "select temp from plant where cast(cast(seen as timestamp) as date) = current_date",
            r#"SELECT "temp" FROM {} WHERE CAST("seen" AS DATE) = current_date"#,
        ),
    ]);
}

#[test]
fn days_of_ingestion_become_bounds_on_the_time() {
    let today = "date_trunc('day', now())";
    let cases: Vec<(String, String)> = [
        ("__dt > current_date - interval '1' day", r#""time" >= <T> - INTERVAL '1' DAY + INTERVAL '1' DAY"#),
        ("__dt >= current_date", r#""time" >= <T>"#),
        (
            "__dt = date '2024-01-02'",
            r#""time" >= TIMESTAMP '2024-01-02 00:00:00' AND "time" < TIMESTAMP '2024-01-02 00:00:00' + INTERVAL '1' DAY"#,
        ),
        (
            "__dt <> '2024-01-02'",
            r#"NOT ("time" >= TIMESTAMP '2024-01-02 00:00:00' AND "time" < TIMESTAMP '2024-01-02 00:00:00' + INTERVAL '1' DAY)"#,
        ),
        ("'2024-01-02 00:00:00' >= `__dt`", r#""time" < TIMESTAMP '2024-01-02 00:00:00' + INTERVAL '1' DAY"#),
        ("__dt < timestamp '2024-01-02 00:00:00'", r#""time" < TIMESTAMP '2024-01-02 00:00:00'"#),
        (
            "__dt between date '2024-01-02' and date '2024-01-03'",
            r#""time" >= TIMESTAMP '2024-01-02 00:00:00' AND "time" < TIMESTAMP '2024-01-03 00:00:00' + INTERVAL '1' DAY"#,
        ),
        ("cast(__dt as date) >= current_date", r#""time" >= <T>"#),
        ("date_parse(__dt, '%Y-%m-%d %H:%i:%s') >= current_date", r#""time" >= <T>"#),
        (
            "__dt >= now() - interval '3' hour",
            r#""time" >= now() - INTERVAL '3' HOUR AND date_trunc('day', "time") >= now() - INTERVAL '3' HOUR"#,
        ),
        (
            "__dt in ('2024-01-02')",
            r#""time" >= TIMESTAMP '2024-01-02 00:00:00' AND "time" < TIMESTAMP '2024-01-02 00:00:00' + INTERVAL '1' DAY"#,
        ),
        ("__dt is not null", r#""time" IS NOT NULL"#),
        ("__year = 2024 and __month = '06'", r#"year("time") = 2024 AND month("time") = 6"#),
    ]
    .into_iter()
    .map(|(old, new)| {
        (format!("select temp from plant where {old}"), format!("SELECT \"temp\" FROM {{}} WHERE {}", new.replace("<T>", today)))
    })
    .collect();
    let cases: Vec<(&str, &str)> = cases.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
    check(&cases);
    check(&[
        ("select __dt, temp from plant", r#"SELECT date_trunc('day', "time") AS "__dt", "temp" FROM {}"#),
        (
            "select __dt, count(*) from plant group by __dt",
            r#"SELECT date_trunc('day', "time") AS "__dt", count(*) AS "_col1" FROM {} GROUP BY date_trunc('day', "time")"#,
        ),
    ]);
}

#[test]
fn expressions_keep_their_meaning_and_their_parentheses() {
    check(&[
        ("select (temp - 32) * 5 / 9 c from plant", r#"SELECT ("temp" - 32) * 5 / 9 AS "c" FROM {}"#),
        ("select temp - (1 - 2) - -3 from plant", r#"SELECT "temp" - (1 - 2) - -3 AS "_col0" FROM {}"#),
        ("select - -1 from plant", r#"SELECT -(-1) AS "_col0" FROM {}"#),
        ("select temp from plant where (ok or n = 1) and not (n > 2)", r#"SELECT "temp" FROM {} WHERE ("ok" OR "n" = 1) AND NOT "n" > 2"#),
        ("select temp from plant where not ok and n is null", r#"SELECT "temp" FROM {} WHERE NOT "ok" AND "n" IS NULL"#),
        ("select temp from plant where (n = 1) = ok", r#"SELECT "temp" FROM {} WHERE ("n" = 1) = "ok""#),
        (
            "select case when temp > 25 then 'hot' else 'cold' end x from plant",
            r#"SELECT CASE WHEN "temp" > 25 THEN 'hot' ELSE 'cold' END AS "x" FROM {}"#,
        ),
        ("select note || '-' || deviceId x from plant", r#"SELECT "remark" || '-' || "device" AS "x" FROM {}"#),
        (
            "select note from plant where note like 'a\\_%' escape '\\'",
            r#"SELECT "remark" AS "note" FROM {} WHERE "remark" LIKE 'a\_%' ESCAPE '\'"#,
        ),
        ("select temp from plant where deviceId = 5", r#"SELECT "temp" FROM {} WHERE "device" = '5'"#),
        ("select temp from plant where deviceId in (1, 2)", r#"SELECT "temp" FROM {} WHERE "device" IN ('1', '2')"#),
        ("select temp from plant where deviceId <> true", r#"SELECT "temp" FROM {} WHERE "device" <> 'true'"#),
        ("select temp from plant where deviceId > 5", r#"SELECT "temp" FROM {} WHERE TRY_CAST("device" AS DOUBLE) > 5"#),
        (
            "select cast(temp as decimal(10,2)) x, try_cast(note as bigint) y from plant",
            r#"SELECT CAST("temp" AS DOUBLE) AS "x", TRY_CAST("remark" AS BIGINT) AS "y" FROM {}"#,
        ),
        ("select extract(year from from_unixtime(ts/1000)) y from plant", r#"SELECT year("time") AS "y" FROM {}"#),
        (
            "select coalesce(temp, 0), if(ok, 1, 0) from plant",
            r#"SELECT coalesce("temp", 0) AS "_col0", if("ok", 1, 0) AS "_col1" FROM {}"#,
        ),
        (
            "select position('a' in note), trim(note), substring(note from 2 for 3) from plant",
            r#"SELECT strpos("remark", 'a') AS "_col0", trim("remark") AS "_col1", substr("remark", 2, 3) AS "_col2" FROM {}"#,
        ),
        (
            "select count(distinct deviceId), count(*) filter (where ok) from plant",
            r#"SELECT count(DISTINCT "device") AS "_col0", count(*) FILTER (WHERE "ok") AS "_col1" FROM {}"#,
        ),
        (
            "select sum(temp) over (partition by deviceId order by ts rows between 3 preceding and current row) s from plant",
            r#"SELECT sum("temp") OVER (PARTITION BY "device" ORDER BY "time" ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS "s" FROM {}"#,
        ),
        ("select from_unixtime(ts/1000) at time zone 'UTC' t from plant", r#"SELECT "time" AS "t" FROM {}"#),
    ]);
}

#[test]
fn joins_unions_and_subqueries_are_translated() {
    check(&[
        (
            "select a.deviceId, b.speed from plant a left join line b on a.deviceId = b.deviceId and a.ts/1000 = b.timestamp where a.temp > 1",
            r#"SELECT "a"."device" AS "deviceId", "b"."speed" FROM {} AS "a" LEFT JOIN "factory"."line_table" AS "b" ON "a"."device" = "b"."device" AND "a"."time" = "b"."time" WHERE "a"."temp" > 1"#,
        ),
        (
            "select deviceId, speed from plant join line using (deviceId)",
            r#"SELECT "plant"."device" AS "deviceId", "line"."speed" FROM {} AS "plant" JOIN "factory"."line_table" AS "line" ON "plant"."device" = "line"."device""#,
        ),
        (
            "select plant.temp, kwh from plant, meter",
            r#"SELECT "plant"."temp", "meter"."kwh" FROM {} AS "plant" CROSS JOIN "factory"."meter_table" AS "meter""#,
        ),
        (
            "select deviceId from plant union all select deviceId from line union select id from meter order by 1 limit 3",
            r#"SELECT "device" AS "deviceId" FROM {} UNION ALL SELECT "device" AS "deviceId" FROM "factory"."line_table" UNION SELECT "id" FROM "factory"."meter_table" ORDER BY 1 LIMIT 3"#,
        ),
        (
            "select d, max(t) from (select deviceId d, ts t from plant where temp > 1) x group by d having max(t) > 1700000000000",
            r#"SELECT "d", max("t") AS "_col1" FROM (SELECT "device" AS "d", "time" AS "t" FROM {} WHERE "temp" > 1) AS "x" GROUP BY "d" HAVING max("t") > TIMESTAMP '2023-11-14 22:13:20'"#,
        ),
        (
            "select temp from plant where deviceId in (select deviceId from line where speed > 3)",
            r#"SELECT "temp" FROM {} WHERE "device" IN (SELECT "device" AS "deviceId" FROM "factory"."line_table" WHERE "speed" > 3)"#,
        ),
        (
            "select temp from plant p where exists (select 1 from line where line.deviceId = p.deviceId)",
            r#"SELECT "temp" FROM {} AS "p" WHERE EXISTS (SELECT 1 AS "_col0" FROM "factory"."line_table" WHERE "device" = "p"."device")"#,
        ),
        (
            "select temp from plant where temp > (select avg(temp) from plant)",
            r#"SELECT "temp" FROM {} WHERE "temp" > (SELECT avg("temp") AS "_col0" FROM {})"#,
        ),
        (
            "(select temp from plant limit 1) union all (select speed from line)",
            r#"(SELECT "temp" FROM {} LIMIT 1) UNION ALL (SELECT "speed" FROM "factory"."line_table")"#,
        ),
    ]);
}
