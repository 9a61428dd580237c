//! A bucket of many devices that differs in a few rows is not fetched whole, and every tampering is found all the same.

use super::bench::{Bench, records};
use crate::census::fixture::{FakeHistory, FakeRow, record};
use crate::mapping::Collisions;
use crate::record::{Measure, Record};
use crate::time::HOUR_NANOS;
use crate::verify::{Difference, Verdict, Verification};

const DEVICES: i64 = 200;
const MINUTE: i64 = 60_000_000_000;

/// One hour, a row a minute for each of 200 devices.
fn bench() -> Bench {
    let mut rows = Vec::new();
    for minute in 0..60 {
        for device in 0..DEVICES {
            let temp = f64::from(i32::try_from(minute * DEVICES + device).unwrap());
            rows.push(FakeRow::Good(record(&format!("d{device}"), HOUR_NANOS + minute * MINUTE, temp, "n")));
        }
    }
    let mut bench = Bench::faithful(FakeHistory::of(&[]), Collisions::Quarantine);
    bench.history = FakeHistory::of(&[("s/a", &rows)]);
    // All keys differ, so there is nothing that a policy would decide.
    bench.target.rows = records(&bench.history);
    bench.options.rows_uncut_max = 100;
    bench.options.entries_at_once = 100_000;
    bench
}

fn at(rows: &[Record], device: &str, minute: i64) -> usize {
    let time = HOUR_NANOS + minute * MINUTE;
    rows.iter().position(|row| row.dimensions[0].1 == device && row.time.0 == time).unwrap()
}

fn found(differences: &[Difference]) -> Vec<(char, String)> {
    let mut found: Vec<(char, String)> = differences.iter().map(|d| (d.symbol, d.dimensions["device"].clone())).collect();
    found.sort();
    found
}

fn tampered(tamper: fn(&mut Vec<Record>)) -> (Verification, Vec<Difference>) {
    let mut bench = bench();
    tamper(&mut bench.target.rows);
    bench.run()
}

type Case = (&'static str, fn(&mut Vec<Record>), &'static [(char, &'static str)]);

#[test]
fn a_few_rows_are_fetched_whatever_the_tampering() {
    let cases: &[Case] = &[
        (
            "a row dropped",
            |rows| {
                let i = at(rows, "d7", 31);
                rows.remove(i);
            },
            &[('-', "d7")],
        ),
        (
            "a value altered by one unit in the last place",
            |rows| {
                let i = at(rows, "d7", 31);
                let Measure::Double(f) = &mut rows[i].measures[0].1 else { panic!() };
                *f = f.next_up();
            },
            &[('*', "d7")],
        ),
        (
            "a time shifted by a nanosecond",
            |rows| {
                let i = at(rows, "d7", 31);
                rows[i].time.0 += 1;
            },
            &[('+', "d7"), ('-', "d7")],
        ),
        (
            "two devices swapped",
            |rows| {
                let (i, j) = (at(rows, "d7", 31), at(rows, "d8", 31));
                let measures = rows[i].measures.clone();
                rows[i].measures = std::mem::replace(&mut rows[j].measures, measures);
            },
            &[('*', "d7"), ('*', "d8")],
        ),
        (
            "a device renamed",
            |rows| {
                let i = at(rows, "d7", 31);
                rows[i].dimensions[0].1 = "stranger".to_owned();
            },
            &[('+', "stranger"), ('-', "d7")],
        ),
        ("a row too many", |rows| rows.push(record("stranger", HOUR_NANOS + 5, 1.0, "n")), &[('+', "stranger")]),
    ];
    for (name, tamper, expected) in cases {
        let (verification, differences) = tampered(*tamper);
        let expected: Vec<(char, String)> = expected.iter().map(|(symbol, device)| (*symbol, (*device).to_owned())).collect();
        assert_eq!(found(&differences), expected, "{name}");
        let table = &verification.tables[0];
        assert!(table.rows_fetched <= 120, "{name}: {} of 12000 rows fetched", table.rows_fetched);
        assert_eq!((verification.verdict, table.source_rows), (Verdict::Differences, 12_000));
        assert!(differences.iter().filter(|d| d.symbol != '-').all(|d| d.target_values.is_some()), "{name}");
    }
}

#[test]
fn a_bucket_that_differs_throughout_or_cannot_be_cut_is_fetched_whole() {
    let (verification, _) = tampered(|rows| rows.iter_mut().for_each(|row| row.measures[0].1 = Measure::Double(-1.0)));
    assert_eq!((verification.tables[0].rows_fetched, verification.tables[0].changed), (12_000, 12_000));
    let mut bench = bench();
    bench.target.rows.pop();
    bench.target.refuses_cells = true;
    let (verification, _) = bench.run();
    assert_eq!((verification.tables[0].rows_fetched, verification.tables[0].missing), (11_999, 1));
}
