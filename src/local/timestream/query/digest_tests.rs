//! The digest that verification asks for is the digest that it computes itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::{Fixture, NOW};
use crate::digest::row_digest;
use crate::record::{Measure, MeasureKind, Record};
use crate::time::{DAY_NANOS, Nanos};

const DIMENSIONS: [&str; 2] = ["de\"vice", "site"];
const MEASURES: [(&str, MeasureKind); 5] = [
    ("at", MeasureKind::Timestamp),
    ("n", MeasureKind::Bigint),
    ("note|~", MeasureKind::Varchar),
    ("ok", MeasureKind::Boolean),
    ("temp", MeasureKind::Double),
];

/// The SQL for a shape, as published in the digest's own documentation.
fn digest_sql() -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let string = |name: &str| format!("coalesce(CAST(length({name}) AS varchar) || ':' || {name}, '~')", name = quoted(name));
    let mut parts = vec!["CAST(to_nanoseconds(time) AS varchar)".to_owned()];
    parts.push("CAST(length(measure_name) AS varchar) || ':' || measure_name".to_owned());
    parts.extend(DIMENSIONS.map(string));
    parts.extend(MEASURES.map(|(name, kind)| match kind {
        MeasureKind::Varchar => string(name),
        MeasureKind::Timestamp => format!("coalesce(CAST(to_nanoseconds({}) AS varchar), '~')", quoted(name)),
        _ => format!("coalesce(CAST({} AS varchar), '~')", quoted(name)),
    }));
    let text = format!("concat({}, '|')", parts.join(", '|', "));
    format!(
        "SELECT bin(time, 1d) AS bucket, count(*) AS rows, sum(from_big_endian_64(xxhash64(CAST({text} AS varbinary))) % 1099511627776) AS digest FROM \"db\".\"t\" GROUP BY bin(time, 1d) ORDER BY 1"
    )
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[|~:0-9']{0,6}".prop_map(|text| text), Just("é\0𝄞".to_owned())]
}

fn any_double() -> impl Strategy<Value = f64> {
    let edges =
        [0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e7, 1e-3, 9_999_999.999_999_998, 9.007_199_254_740_993e15, 20.0];
    prop_oneof![proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL, proptest::sample::select(edges.to_vec())]
}

fn any_whole() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), proptest::sample::select(vec![i64::MIN, i64::MAX, 0, -1])]
}

fn any_record() -> impl Strategy<Value = Record> {
    let dimensions = (any_text(), proptest::option::of(any_text()));
    let measures = (
        proptest::option::of(any_whole()),
        proptest::option::of(any_whole()),
        proptest::option::of(any_text()),
        proptest::option::of(any::<bool>()),
        proptest::option::of(any_double()),
    );
    // A few days anywhere in the range, so that buckets are shared; the very first day has no beginning.
    let time = (proptest::sample::select(vec![-100_000_i64, -1, 0, 19_000, 100_000]), 0..DAY_NANOS);
    (dimensions, measures, time, any_text()).prop_map(|((device, site), (at, n, note, ok, temp), (day, inside), measure_name)| Record {
        dimensions: [(DIMENSIONS[0], Some(device)), (DIMENSIONS[1], site)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), value?)))
            .collect(),
        measure_name: measure_name.into(),
        measures: [
            at.map(|at| ("at".into(), Measure::Timestamp(Nanos(at)))),
            n.map(|n| ("n".into(), Measure::Bigint(n))),
            note.map(|note| ("note|~".into(), Measure::Varchar(note))),
            ok.map(|ok| ("ok".into(), Measure::Boolean(ok))),
            temp.map(|temp| ("temp".into(), Measure::Double(temp))),
        ]
        .into_iter()
        .flatten()
        .collect(),
        time: Nanos(day * DAY_NANOS + inside),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_sides_compute_the_same_digest(records in proptest::collection::vec(any_record(), 0..8)) {
        let mut fixture = Fixture::new();
        fixture.table("db", "t", &DIMENSIONS, &MEASURES);
        let dimensions = DIMENSIONS.map(str::to_owned);
        let measures = MEASURES.map(|(name, kind)| (name.to_owned(), kind));
        let mut expected: BTreeMap<i64, (u64, i64)> = BTreeMap::new();
        for record in &records {
            fixture.insert("db", "t", record, NOW);
            let bucket = expected.entry(record.time.day() * DAY_NANOS).or_default();
            bucket.0 += 1;
            bucket.1 += row_digest(record, &dimensions, &measures);
        }
        let expected: Vec<Vec<String>> = expected
            .iter()
            .map(|(from, (rows, digest))| vec![Nanos(*from).to_timestream(), rows.to_string(), digest.to_string()])
            .collect();
        prop_assert_eq!(fixture.rows(&digest_sql()), expected);
    }
}
