//! Every way to spoil a target is found and named.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::bench::{Bench, records};
use crate::census::fixture::{FakeHistory, FakeRow, record};
use crate::mapping::Collisions;
use crate::record::{Measure, Record};
use crate::time::{HOUR_NANOS, Nanos};
use crate::verify::{ColumnDifference, Difference, Kind, Method, Place, Verdict};

/// Three devices over five hours, in two objects that overlap in time; different values everywhere.
fn history() -> FakeHistory {
    let row = |device: usize, hour: i64| {
        let temp = 20.0 + f64::from(i32::try_from(hour).unwrap()) + 0.1 * f64::from(u8::try_from(device).unwrap());
        FakeRow::Good(record(&format!("d{device}"), hour * HOUR_NANOS + 7, temp, &format!("note {device} {hour}")))
    };
    let object = |devices: std::ops::Range<usize>| -> Vec<FakeRow> {
        devices.flat_map(|device| (0..5).map(move |hour| (device, hour))).map(|(device, hour)| row(device, hour)).collect()
    };
    FakeHistory::of(&[("s/a", &object(0..2)), ("s/b", &object(2..3))])
}

fn summary(differences: &[Difference]) -> Vec<(char, String, i64, String)> {
    let device = |d: &Difference| d.dimensions.get("device").cloned().unwrap_or_default();
    differences.iter().map(|d| (d.symbol, device(d), d.time_ns, d.cause.clone())).collect()
}

fn at(target: &mut [Record], device: &str, hour: i64) -> usize {
    target.iter().position(|r| r.dimensions[0].1 == device && r.time.0 == hour * HOUR_NANOS + 7).unwrap()
}

#[test]
fn equal_sides_are_complete_and_no_row_is_fetched() {
    let mut history = history();
    let repeat = FakeRow::Good(records(&history)[3].clone());
    history.objects.get_mut("s/b").unwrap().push(repeat);
    let bench = Bench::faithful(history, Collisions::Quarantine);
    let (verification, differences) = bench.run();
    assert_eq!(verification.verdict, Verdict::Complete);
    assert!(differences.is_empty());
    let table = &verification.tables[0];
    assert_eq!((table.source_rows, table.acknowledged, table.present, table.collapsed), (16, 16, 15, 1));
    assert_eq!((table.buckets, table.buckets_compared, table.target_rows), (5, 0, 15));
}

type Tampering = (&'static str, fn(&mut Vec<Record>), &'static [(char, &'static str, i64)]);

#[test]
fn each_tampering_is_found_and_named() {
    const H2: i64 = 2 * HOUR_NANOS + 7;
    let cases: &[Tampering] = &[
        (
            "a row dropped",
            |rows| {
                let i = at(rows, "d1", 2);
                rows.remove(i);
            },
            &[('-', "d1", H2)],
        ),
        (
            "a value moved by one unit in the last place",
            |rows| {
                let i = at(rows, "d1", 2);
                let Measure::Double(f) = &mut rows[i].measures[0].1 else { panic!() };
                *f = f.next_up();
            },
            &[('*', "d1", H2)],
        ),
        (
            "a row moved by one nanosecond",
            |rows| {
                let i = at(rows, "d1", 2);
                rows[i].time.0 += 1;
            },
            &[('-', "d1", H2), ('+', "d1", H2 + 1)],
        ),
        (
            "the values of two devices swapped",
            |rows| {
                let (i, j) = (at(rows, "d0", 2), at(rows, "d2", 2));
                let measures = rows[i].measures.clone();
                rows[i].measures = std::mem::replace(&mut rows[j].measures, measures);
            },
            &[('*', "d0", H2), ('*', "d2", H2)],
        ),
        (
            "a string cut",
            |rows| {
                let i = at(rows, "d1", 2);
                let Measure::Varchar(s) = &mut rows[i].measures[1].1 else { panic!() };
                s.pop();
            },
            &[('*', "d1", H2)],
        ),
        (
            "a measure left out",
            |rows| {
                let i = at(rows, "d1", 2);
                rows[i].measures.pop();
            },
            &[('*', "d1", H2)],
        ),
        ("a row too many", |rows| rows.push(record("stranger", H2, 1.0, "n")), &[('+', "stranger", H2)]),
        ("a row too many where the source has none", |rows| rows.push(record("d1", -7, 1.0, "n")), &[('+', "d1", -7)]),
        (
            "a dimension renamed",
            |rows| {
                let i = at(rows, "d1", 2);
                rows[i].dimensions[1].1 = "cellar".to_owned();
            },
            &[('+', "d1", H2), ('-', "d1", H2)],
        ),
        (
            "one device of a whole bucket dropped, another's row doubled",
            |rows| {
                let i = at(rows, "d1", 2);
                let j = at(rows, "d0", 2);
                rows[i] = rows[j].clone();
            },
            &[('+', "d0", H2), ('-', "d1", H2)],
        ),
        ("a bucket dropped", |rows| rows.retain(|r| r.time.0 != H2), &[('-', "d0", H2), ('-', "d1", H2), ('-', "d2", H2)]),
    ];
    for (name, tamper, expected) in cases {
        for refuses_digests in [false, true] {
            let mut bench = Bench::faithful(history(), Collisions::Quarantine);
            tamper(&mut bench.target.rows);
            bench.target.refuses_digests = refuses_digests;
            let (verification, differences) = bench.run();
            let mut found: Vec<(char, String, i64)> = summary(&differences).into_iter().map(|(s, d, t, _)| (s, d, t)).collect();
            found.sort();
            let mut expected: Vec<(char, String, i64)> = expected.iter().map(|(s, d, t)| (*s, (*d).to_owned(), *t)).collect();
            expected.sort();
            assert_eq!(found, expected, "{name}");
            assert_eq!(verification.verdict, Verdict::Differences, "{name}");
            let compared = verification.tables[0].buckets_compared;
            assert!(if refuses_digests { compared >= 5 } else { compared == 1 || name.contains("none") }, "{name}: {compared}");
        }
    }
}

/// Guards against molt's swapped names: each side's value stands under its own side's name.
#[test]
fn a_changed_row_shows_the_source_s_value_as_the_source_s_and_its_place() {
    let mut bench = Bench::faithful(history(), Collisions::Quarantine);
    let i = at(&mut bench.target.rows, "d1", 2);
    bench.target.rows[i].measures = vec![("temp".into(), Measure::Double(-1.5)), ("count".into(), Measure::Bigint(9_007_199_254_740_993))];
    let (_, differences) = bench.run();
    let [difference] = differences.as_slice() else { panic!("{differences:?}") };
    assert_eq!((difference.kind, difference.symbol), (Kind::Changed, '*'));
    assert_eq!(difference.source, Some(Place { object: "s/a".to_owned(), row: 8 }));
    let column = |column: &str, source: Option<serde_json::Value>, target: Option<serde_json::Value>| ColumnDifference {
        column: column.to_owned(),
        source,
        target,
    };
    assert_eq!(
        difference.columns,
        [
            column("temp", Some(22.1.into()), Some((-1.5).into())),
            column("note", Some("note 1 2".into()), None),
            column("count", None, Some(9_007_199_254_740_993_i64.into())),
        ]
    );
    assert_eq!(difference.source_values.as_ref().unwrap()["temp"], 22.1);
    assert_eq!(difference.target_values.as_ref().unwrap()["temp"], -1.5);
    assert_eq!(difference.time, "1970-01-01T02:00:00.000000007Z");
}

#[test]
fn missing_and_extra_are_never_taken_for_each_other() {
    let mut bench = Bench::faithful(history(), Collisions::Quarantine);
    bench.target.rows.retain(|r| r.dimensions[0].1 != "d2");
    bench.target.rows.push(record("stranger", 5, 1.0, "n"));
    let (verification, differences) = bench.run();
    let table = &verification.tables[0];
    assert_eq!((table.missing, table.extra, table.changed), (5, 1, 0));
    let extra = differences.iter().find(|d| d.kind == Kind::Extra).unwrap();
    assert!(extra.source.is_none() && extra.source_values.is_none() && extra.target_values.is_some());
    let missing = differences.iter().find(|d| d.kind == Kind::Missing).unwrap();
    assert!(missing.target_values.is_none());
    assert_eq!(missing.source.as_ref().unwrap().object, "s/b");
    assert_eq!(missing.source_values.as_ref().unwrap()["note"], "note 2 0");
}

#[test]
fn without_digests_the_rows_of_every_bucket_are_compared_and_the_result_says_so() {
    let mut bench = Bench::faithful(history(), Collisions::Quarantine);
    bench.target.refuses_digests = true;
    let (verification, _) = bench.run();
    let table = &verification.tables[0];
    assert_eq!((verification.verdict, table.method, table.buckets_compared, table.present), (Verdict::Complete, Method::Rows, 5, 15));
}

#[test]
fn more_differences_than_are_described_are_all_listed() {
    let mut bench = Bench::faithful(history(), Collisions::Quarantine);
    bench.target.rows.clear();
    bench.options.described_max = 4;
    bench.options.shown_max = 2;
    let (verification, differences) = bench.run();
    let table = &verification.tables[0];
    assert_eq!((table.missing, table.listed_without_values, table.shown.len()), (15, 11, 2));
    assert_eq!(differences.iter().filter(|d| d.source_values.is_some()).count(), 4);
    assert!(differences.iter().all(|d| d.source.is_some() && d.key.len() == 32));
    let places: std::collections::BTreeSet<String> = differences.iter().map(|d| format!("{:?}", d.source)).collect();
    assert_eq!(places.len(), 15);
}

#[derive(Debug, Clone)]
enum Change {
    Drop,
    Alter,
    Shift,
    Keep,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_reported_differences_are_the_tampering(
        rows in prop::collection::btree_map((0u8..5, 0i64..30), (any::<i32>(), prop_oneof![
            6 => Just(Change::Keep), 1 => Just(Change::Drop), 1 => Just(Change::Alter), 1 => Just(Change::Shift),
        ]), 1..60),
        extras in prop::collection::btree_set((5u8..8, 0i64..30), 0..4),
        refuses_digests in any::<bool>(),
        repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let record_of = |device: u8, time: i64, value: i32| record(&format!("d{device}"), time * HOUR_NANOS / 4, f64::from(value), "n");
        let mut good: Vec<FakeRow> = rows.iter().map(|((d, t), (v, _))| FakeRow::Good(record_of(*d, *t, *v))).collect();
        let copies: Vec<FakeRow> = repeats.iter().map(|index| good[index.index(good.len())].clone()).collect();
        let half = good.split_off(good.len() / 2);
        let history = FakeHistory::of(&[("s/a", &good), ("s/b", &half), ("s/c", &copies)]);
        let mut bench = Bench::faithful(history, Collisions::Quarantine);
        let mut expected: BTreeMap<(i64, String), char> = BTreeMap::new();
        let mut target = Vec::new();
        for ((device, time), (value, change)) in &rows {
            let mut row = record_of(*device, *time, *value);
            let place = |row: &Record| (row.time.0, row.dimensions[0].1.clone());
            match change {
                Change::Keep => {}
                Change::Drop => { expected.insert(place(&row), '-'); continue; }
                Change::Alter => { row.measures[0].1 = Measure::Double(f64::from(*value) + 0.5); expected.insert(place(&row), '*'); }
                Change::Shift => {
                    expected.insert(place(&row), '-');
                    row.time = Nanos(row.time.0 + 1);
                    expected.insert(place(&row), '+');
                }
            }
            target.push(row);
        }
        for (device, time) in &extras {
            let row = record_of(*device, *time, 0);
            expected.insert((row.time.0, row.dimensions[0].1.clone()), '+');
            target.push(row);
        }
        bench.target.rows = target;
        bench.target.refuses_digests = refuses_digests;
        let (verification, differences) = bench.run();
        let found: BTreeMap<(i64, String), char> =
            differences.iter().map(|d| ((d.time_ns, d.dimensions["device"].clone()), d.symbol)).collect();
        prop_assert_eq!(found.len(), differences.len());
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(verification.verdict == Verdict::Complete, expected.is_empty());
        prop_assert_eq!(verification.tables[0].collapsed, repeats.len() as u64);
    }
}
