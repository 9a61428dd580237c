//! Translated queries, run by the embedded Query on a small table: what old rows would have answered.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rusqlite::Connection;

use super::{DATABASE, dataset, mappings, scheduled, translated};
use crate::local::timestream::query::{
    Catalogue, ColumnShape, Datum, Engine, EngineOptions, QueryFailure, QueryRequest, Scalar, TableShape, register,
};
use crate::mapping::TableMapping;
use crate::record::MeasureKind;
use crate::time::Nanos;

/// 2024-01-02T12:00:00Z
const NOW: Nanos = Nanos(1_704_196_800_000_000_000);
const HOUR: i64 = 3_600_000_000_000;

struct Shapes(BTreeMap<String, TableShape>);

impl Catalogue for Shapes {
    fn shape(&self, database: &str, table: &str) -> Result<Option<TableShape>, QueryFailure> {
        Ok(self.0.get(table).filter(|_| database == DATABASE).cloned())
    }
    fn databases(&self) -> Result<Vec<String>, QueryFailure> {
        Ok(vec![DATABASE.to_owned()])
    }
    fn tables(&self, _: &str) -> Result<Option<Vec<String>>, QueryFailure> {
        Ok(Some(self.0.keys().cloned().collect()))
    }
}

struct Ground {
    connection: Connection,
    shapes: Shapes,
    engine: Engine,
}

/// `plant` with rows of two devices, one an hour from 2024-01-01T22:00 on; `line` and `meter` empty.
fn ground() -> Ground {
    let connection = Connection::open_in_memory().unwrap();
    register(&connection).unwrap();
    let mut shapes = BTreeMap::new();
    for (number, mapping) in mappings().iter().enumerate() {
        let shape = shape(mapping, number);
        let columns: Vec<String> = shape.columns.iter().map(|column| column.physical.clone()).collect();
        connection.execute_batch(&format!("CREATE TABLE {} ({}, visible_at INTEGER)", shape.physical, columns.join(", "))).unwrap();
        shapes.insert(mapping.table.clone(), shape);
    }
    let start = NOW.0 - 14 * HOUR;
    // device, area, measure_name, time, temp, n, ok, remark, seen, lat
    let rows = [("d1", 0, 20.0, 1), ("d2", 1, 26.5, 2), ("d1", 2, 30.0, 3), ("d2", 3, 10.0, 4)];
    for (device, hours, temp, n) in rows {
        let time = start + hours * HOUR;
        let sql = "INSERT INTO t0 VALUES (?, 'A', 'telemetry', ?, ?, ?, 1, 'it''s', ?, 47.5, 0)";
        connection.execute(sql, (device, time, temp, n, time)).unwrap();
    }
    Ground { connection, shapes: Shapes(shapes), engine: Engine::new(EngineOptions::default()).unwrap() }
}

fn shape(mapping: &TableMapping, number: usize) -> TableShape {
    let column = |name: &str, physical: String, kind| ColumnShape { name: name.to_owned(), physical, kind };
    let dimensions = mapping.dimensions.iter().map(|rule| (rule.name.to_string(), MeasureKind::Varchar));
    let mut columns: Vec<ColumnShape> =
        dimensions.enumerate().map(|(at, (name, kind))| column(&name, format!("c{at}"), kind.into())).collect();
    columns.push(column("measure_name", "measure_name".to_owned(), Scalar::Varchar));
    columns.push(column("time", "time".to_owned(), Scalar::Timestamp));
    for (at, rule) in mapping.measures.iter().enumerate() {
        columns.push(column(&rule.name, format!("c{}", at + 100), rule.kind.into()));
    }
    TableShape { physical: format!("t{number}"), columns }
}

impl Ground {
    /// Header and rows, a line each.
    fn ask(&self, sql: &str) -> Vec<String> {
        let request = QueryRequest { query_string: sql.to_owned(), ..QueryRequest::default() };
        let answer = self.engine.query(&request, &self.shapes, &self.connection, NOW).unwrap_or_else(|failure| panic!("{sql}: {failure}"));
        let cell = |datum: &Datum| match datum {
            Datum::Scalar(text) => text.clone(),
            other => format!("{other:?}"),
        };
        let header = answer.columns.iter().map(|column| column.name.clone().unwrap_or_default()).collect::<Vec<_>>().join(",");
        let rows = answer.rows.iter().map(|row| row.0.iter().map(cell).collect::<Vec<_>>().join(","));
        std::iter::once(header).chain(rows).collect()
    }

    fn of(&self, old: &str) -> Vec<String> {
        let done = translated(&dataset(old));
        self.ask(&done.sql.unwrap_or_else(|| panic!("{old}: {:?}", done.findings)))
    }
}

#[test]
fn translated_queries_run_and_answer_as_the_old_ones_did() {
    let ground = ground();
    for (old, expected) in [
        ("select deviceId, temp from plant where temp > 25 order by ts desc limit 1", vec!["deviceId,temp", "d1,30.0"]),
        ("select ts from plant order by ts limit 1", vec!["ts", "2024-01-01 22:00:00.000000000"]),
        ("select deviceId d, count(*) c, max(temp) from plant group by deviceId order by d", vec!["d,c,_col2", "d1,2,30.0", "d2,2,26.5"]),
        ("select n from plant where __dt >= current_date order by n", vec!["n", "3", "4"]),
        ("select n from plant where __dt > current_date - interval '1' day order by n", vec!["n", "3", "4"]),
        ("select n from plant where __dt = '2024-01-01' order by n", vec!["n", "1", "2"]),
        ("select n from plant where __dt between date '2024-01-01' and date '2024-01-01' order by n", vec!["n", "1", "2"]),
        ("select n from plant where __dt >= now() - interval '12' hour order by n", vec!["n", "3", "4"]),
        ("select n from plant where from_unixtime(ts/1000) >= now() - interval '12' hour order by n", vec!["n", "3", "4"]),
        ("select n from plant where ts between 1704146400000 and 1704150000000 order by n", vec!["n", "1", "2"]),
        ("select n from plant where ts > to_unixtime(now()) * 1000 - 43200001 order by n", vec!["n", "3", "4"]),
        ("select n from plant where __year = 2024 and __hour = '22'", vec!["n", "1"]),
        (
            "select __dt, sum(n) s from plant group by __dt order by __dt",
            vec!["__dt,s", "2024-01-01 00:00:00.000000000,3", "2024-01-02 00:00:00.000000000,7"],
        ),
        (
            "select date_trunc('day', from_unixtime(cast(ts as double)/1000)) d, avg(temp) a from plant group by 1 order by d",
            vec!["d,a", "2024-01-01 00:00:00.000000000,23.25", "2024-01-02 00:00:00.000000000,20.0"],
        ),
        (
            "select d, m from (select deviceId d, max(ts) m from plant group by deviceId) x where m > 1704157199999",
            vec!["d,m", "d2,2024-01-02 01:00:00.000000000"],
        ),
        ("select note, place.site, place.coord[1] from plant where note = 'it''s' and n = 1", vec!["note,site,_col2", "it's,A,47.5"]),
        (
            "select n, case when temp > 25 then 'hot' else 'cold' end h from plant where n in (1, 2) order by n",
            vec!["n,h", "1,cold", "2,hot"],
        ),
        ("select count(*) from plant where seen >= '2024-01-02' and deviceId like 'd_'", vec!["_col0", "2"]),
        ("select cast(ts as bigint) - 1704146400000 from plant where n < 2", vec!["_col0", "0"]),
        ("select count(*) from plant where deviceId = 5 or deviceId > 7", vec!["_col0", "0"]),
    ] {
        assert_eq!(ground.of(old), expected, "{old}");
    }
    assert_eq!(ground.of("select * from plant where n = 1")[0], "ts,deviceId,area,temp,n,ok,note,seen,lat");
}

#[test]
fn a_scheduled_query_takes_its_window_and_no_more() {
    let ground = ground();
    let run = |sql: &str, at: &str| {
        let done = translated(&scheduled(sql, "rate(1 hour)", Some((-60, "from_unixtime(ts/1000)"))));
        let query = done.scheduled.unwrap_or_else(|| panic!("{sql}: {:?}", done.findings)).query;
        ground.ask(&query.replace("@scheduled_runtime", &format!("TIMESTAMP '{at}'")))
    };
    let sql = "select ts, deviceId, n from plant";
    // From 23:59 on, before 00:59; and every row once in the runs of its neighbourhood.
    assert_eq!(run(sql, "2024-01-02 01:00:00"), ["ts,deviceId,n", "2024-01-02 00:00:00.000000000,d1,3"]);
    let runs = (22..24).map(|hour| format!("2024-01-01 {hour}:01:00")).chain((0..4).map(|hour| format!("2024-01-02 0{hour}:01:00")));
    let rows: Vec<usize> = runs.map(|at| run(sql, &at).len() - 1).collect();
    assert_eq!(rows, [0, 1, 1, 1, 1, 0]);
    assert_eq!(
        run("select max(temp) m from plant", "2024-01-02 02:00:00"),
        ["time,dataset,m", "2024-01-02 02:00:00.000000000,hourly,10.0"]
    );
}

/// A truth value over small numbers, every part of it in parentheses.
fn condition() -> impl Strategy<Value = String> {
    let number = prop_oneof![(-9i64..9).prop_map(|n| n.to_string()), Just("(1.5)".to_owned())];
    let figure = number.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*"]), inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.prop_map(|a| format!("(- ({a}))")),
        ]
    });
    let compared = prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let test = prop_oneof![
        (figure.clone(), compared, figure.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        (figure.clone(), figure.clone(), figure.clone()).prop_map(|(a, b, c)| format!("({a} between {b} and {c})")),
        (figure.clone(), figure.clone(), figure).prop_map(|(a, b, c)| format!("({a} not in ({b}, {c}))")),
    ];
    test.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["and", "or"]), inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("(not ({a}))")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(case when {a} then {b} else true end)")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(({a}) = ({b}))")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_means_what_was_read(condition in condition()) {
        let ground = ground();
        let old = format!("select {condition} x");
        let new = translated(&dataset(&old)).sql.unwrap();
        prop_assert_eq!(ground.ask(&new), ground.ask(&old), "{}", new);
    }
}
