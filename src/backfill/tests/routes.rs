//! Units whose rows go to several tables.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::bench::{Bench, Line, Lines, plan};
use super::target::Scripted;
use crate::backfill::{BackfillError, HistoryUnits, UnitReader as _, UnitRow, units};
use crate::census::fixture::{record, source_object};
use crate::history::{BadRow, Decoded, Listing, ObjectRead, Row};
use crate::ledger::quarantine;
use crate::mapping::{Route, Takes};
use crate::provenance::Provenance;
use crate::value::{Object, Value};

/// A store with the tables `t`, its first, and `u`; three rows for `t` (one of them bad) and three for `u`, in two objects.
fn routed() -> Bench {
    let there = |time, temp| Line::To("u", "press-1", time, temp);
    let lines = Lines::of(vec![
        vec![Line::Sent("press-1", 1, 1.0), there(1, 2.0), Line::Bad],
        vec![there(2, 1.0), Line::Sent("press-1", 2, 1.0), there(3, 1.0)],
    ]);
    let mut bench = Bench::of(lines);
    bench.plan = plan(&[("s", "t"), ("s", "u")], &[3, 3], Vec::new());
    bench
}

#[test]
fn rows_of_one_unit_are_written_and_counted_at_their_own_tables() {
    let bench = routed();
    let target = Arc::new(Scripted::default());
    let outcome = bench.run(&target).unwrap();
    assert_eq!(target.state.lock().unwrap().prepared, ["t", "u"]);
    // The key (press-1, 1) with other values in the other table is another record, and no conflict.
    let stored: Vec<String> = target.state.lock().unwrap().stored.keys().map(|(table, _)| table.clone()).collect();
    assert_eq!(stored, ["t", "t", "u", "u", "u"]);
    let figures: Vec<(&str, u64, u64, u64)> =
        outcome.totals.iter().map(|(table, tally)| (table.as_str(), tally.read, tally.acknowledged, tally.quarantined_total())).collect();
    assert_eq!(figures, [("t", 3, 2, 1), ("u", 3, 3, 0)]);
    assert_eq!(outcome.total().read, 6);
}

#[test]
fn a_record_that_the_target_refuses_is_kept_under_the_table_it_was_for() {
    let bench = routed();
    let target = Arc::new(Scripted { unfit: vec![2], poison: vec![3], ..Scripted::default() });
    let outcome = bench.run(&target).unwrap();
    let rows = quarantine::read(&bench.directory.path().join("quarantine")).unwrap();
    let kept: Vec<(String, u64, String)> = rows.map(|row| row.map(|row| (row.table, row.row, row.code)).unwrap()).collect();
    let kept: Vec<(&str, u64, &str)> = kept.iter().map(|(table, row, code)| (table.as_str(), *row, code.as_str())).collect();
    assert_eq!(kept, [("t", 3, "undecodable"), ("u", 1, "rejected_invalid"), ("t", 2, "rejected_invalid"), ("u", 3, "rejected_invalid")]);
    assert_eq!(outcome.totals["t"].quarantined_total(), 2);
    assert_eq!(outcome.totals["u"].quarantined_total(), 2);
}

#[test]
fn a_table_that_got_other_rows_than_planned_is_an_error_even_when_the_sum_is_right() {
    let mut bench = routed();
    bench.plan.census.tables[0].rows = 4;
    bench.plan.census.tables[1].rows = 2;
    let error = bench.run(&Arc::new(Scripted::default())).unwrap_err();
    assert!(matches!(&error, BackfillError::CountDiffers { table, planned: 4, read: 3 } if table == "t"), "{error}");
}

#[test]
fn a_row_for_a_table_that_the_plan_does_not_have_stops_the_run() {
    let mut bench = routed();
    bench.lines.objects[1].push(Line::To("strange", "press-1", 9, 1.0));
    let error = bench.run(&Arc::new(Scripted::default())).unwrap_err();
    assert!(error.to_string().contains("the plan has no table strange"), "{error}");
}

/// What a row is in the history.
#[derive(Debug, Clone)]
enum Raw {
    Bad,
    /// A row with this value, or none, in the routing column.
    Typed(Option<&'static str>),
}

proptest! {
    #[test]
    fn every_row_of_a_routed_history_has_exactly_one_outcome_at_one_table(
        rows in prop::collection::vec(prop_oneof![
            Just(Raw::Bad),
            prop::sample::select(vec![None, Some("a"), Some("b"), Some("c"), Some("")]).prop_map(Raw::Typed)
        ], 0..40),
        catch_all in any::<bool>(),
    ) {
        let mut plan = plan(&[("s", "t"), ("s", "u")], &[], Vec::new());
        let takes = if catch_all { Takes::Otherwise } else { Takes::Values(vec!["b".to_owned()]) };
        for (table, takes) in plan.tables.iter_mut().zip([Takes::Values(vec!["a".to_owned()]), takes]) {
            table.mapping.route = Some(Route { column: "type".parse().unwrap(), takes });
        }
        let listing = Arc::new(Listing { root: String::new(), objects: [source_object("s/a")].into_iter().collect(), passed_over: Vec::new() });
        let unit = units(&plan, &listing).next().unwrap();
        prop_assert_eq!(&unit.table, "t", "the unit's table is that of the first mapping");
        let raw = Mutex::new(rows.clone());
        let decode = move |object: &crate::history::SourceObject, sink: &mut crate::history::RowSink<'_>| {
            let mut read = ObjectRead::default();
            for (row, raw) in (1..).zip(raw.lock().unwrap().iter()) {
                read.rows += 1;
                let provenance = Provenance { object: Arc::clone(&object.id), row, byte_offset: None };
                let _flow = sink(match raw {
                    Raw::Bad => Decoded::Bad(BadRow { provenance, reason: "no JSON".to_owned(), raw: "{".to_owned() }),
                    Raw::Typed(kind) => {
                        let columns: Object = kind.iter().map(|kind| ("type".to_owned(), Value::String((*kind).to_owned()))).collect();
                        Decoded::Row(Row { provenance, columns })
                    }
                });
            }
            Ok(read)
        };
        // The device says which table's rules made the record.
        let map = |table: usize, row: &Row| Ok(record(&table.to_string(), row.provenance.row.cast_signed(), 1.0, "n"));
        let history = HistoryUnits::new(&plan, listing, decode, map).unwrap();
        let mut outcomes: BTreeMap<(String, &str), u64> = BTreeMap::new();
        let read = history.read(&unit, &mut |row| {
            let outcome = match row {
                UnitRow::Record(mapped) => {
                    let number = &mapped.record.dimensions[0].1;
                    assert_eq!(plan.tables[number.parse::<usize>().unwrap()].mapping.table, *mapped.table);
                    (mapped.table.to_string(), "written")
                }
                UnitRow::Quarantined(row) if row.code == "no_route" => (row.table, "no_route"),
                UnitRow::Quarantined(row) => (row.table, "undecodable"),
                UnitRow::Filtered(_) => unreachable!("nothing is filtered"),
            };
            *outcomes.entry(outcome).or_default() += 1;
            std::ops::ControlFlow::Continue(())
        }).unwrap();
        let mut model: BTreeMap<(String, &str), u64> = BTreeMap::new();
        for row in &rows {
            let outcome = match row {
                Raw::Bad => ("t", "undecodable"),
                Raw::Typed(Some("a")) => ("t", "written"),
                Raw::Typed(Some("b")) => ("u", "written"),
                Raw::Typed(_) if catch_all => ("u", "written"),
                Raw::Typed(_) => ("t", "no_route"),
            };
            *model.entry((outcome.0.to_owned(), outcome.1)).or_default() += 1;
        }
        prop_assert_eq!(read.rows, outcomes.values().sum::<u64>());
        prop_assert_eq!(outcomes, model);
    }
}
