//! A store whose rows go to two measure names of one table and to a table of their own.

use super::bench::Bench;
use crate::census::fixture::{FakeHistory, FakeRow, mapping, record};
use crate::ledger::UnitState;
use crate::mapping::{Collisions, Route, TableMapping, Takes};
use crate::record::Record;
use crate::verify::Verdict;

/// The mappings: `pump` and `valve` in the table `t`, `sensor` in the table `u`.
fn mappings() -> Vec<TableMapping> {
    let of = |name: &str, table: &str, policy| {
        let route = Route { column: "type".parse().unwrap(), takes: Takes::Values(vec![name.to_owned()]) };
        TableMapping { measure_name: name.into(), route: Some(route), ..mapping("s", table, policy) }
    };
    vec![of("pump", "t", Collisions::KeepFirst), of("valve", "t", Collisions::Quarantine), of("sensor", "u", Collisions::Quarantine)]
}

pub(super) fn row(measure_name: &str, time: i64, temp: f64) -> Record {
    Record { measure_name: measure_name.into(), ..record("d", time, temp, "n") }
}

/// Two pumps' rows, three valves' and one sensor's, one of each at one time; one row that no mapping takes.
pub(super) fn bench() -> Bench {
    let rows = [
        FakeRow::Good(row("pump", 1, 1.0)),
        FakeRow::Routed(1, row("valve", 1, 2.0)),
        FakeRow::Routed(2, row("sensor", 1, 3.0)),
        FakeRow::Unrouted,
        FakeRow::Routed(1, row("valve", 2, 2.0)),
        FakeRow::Good(row("pump", 2, 1.0)),
        FakeRow::Routed(1, row("valve", 3, 2.0)),
    ];
    let mut bench = Bench::faithful(FakeHistory::of(&[("s/a", &rows[..4]), ("s/b", &rows[4..])]), Collisions::Quarantine);
    bench.tables = mappings();
    bench.target.table = "t".to_owned();
    bench.target.rows.clear();
    bench.target.rows.extend([row("pump", 1, 1.0), row("pump", 2, 1.0)]);
    bench.target.rows.extend([1, 2, 3].map(|time| row("valve", time, 2.0)));
    bench.target.elsewhere.push(row("sensor", 1, 3.0));
    bench
}

#[test]
fn each_measure_name_is_compared_with_its_own_rows_and_the_ledger_with_the_table() {
    let bench = bench();
    let states = bench.honest_states();
    let (verification, differences) = bench.with_ledger(&states).run();
    assert_eq!(differences.len(), 0, "{differences:?}");
    assert_eq!(verification.verdict, Verdict::CompleteWithQuarantine);
    let figures: Vec<_> =
        verification.tables.iter().map(|t| (t.measure_name.as_deref(), t.source_rows, t.present, t.target_rows)).collect();
    assert_eq!(figures, [(Some("pump"), 3, 2, 2), (Some("valve"), 3, 3, 3), (Some("sensor"), 1, 1, 1)]);
    assert_eq!(verification.tables[0].refused, [("no_route".to_owned(), 1)].into());
    assert!(verification.tables.iter().all(|table| table.ledger_disagrees.is_empty()), "{:?}", verification.tables);
}

#[test]
fn a_strangers_row_is_extra_once_and_a_missing_row_belongs_to_its_own_measure_name() {
    let mut bench = bench();
    bench.target.rows.push(row("stranger", 2, 9.0));
    bench.target.rows.retain(|it| *it != row("valve", 2, 2.0));
    let (verification, _) = bench.run();
    let figures: Vec<(u64, u64)> = verification.tables.iter().map(|table| (table.missing, table.extra)).collect();
    assert_eq!(figures, [(0, 1), (1, 0), (0, 0)]);
}

#[test]
fn a_ledger_that_counted_rows_at_another_table_disagrees() {
    let bench = bench();
    let mut states = bench.honest_states();
    let UnitState::Done { tallies, .. } = &mut states[0].1 else { panic!() };
    let moved = tallies.remove("u").unwrap();
    tallies.get_mut("t").unwrap().add(&moved);
    let (verification, _) = bench.with_ledger(&states).run();
    let told: Vec<Vec<(String, u64, u64)>> = verification
        .tables
        .iter()
        .map(|table| table.ledger_disagrees.iter().map(|d| (d.what.clone(), d.source, d.ledger)).collect())
        .collect();
    assert_eq!(told, [vec![("rows read".to_owned(), 6, 7)], vec![], vec![("rows read".to_owned(), 1, 0)]]);
    assert_eq!(verification.verdict, Verdict::Differences);
}
