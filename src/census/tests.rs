//! The census as a whole, against a history in memory and a model that keeps everything in maps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::fixture::{FakeHistory, FakeRow, good, mapping, record, source_object};
use super::*;
use crate::history::{Layout, Listing};
use crate::mapping::{Collisions, Route, TableMapping, Takes};
use crate::progress::Silent;
use crate::target::Reads;

fn options(scratch: &Path) -> CensusOptions {
    CensusOptions { digests: true, entries_at_once: 3, ..CensusOptions::full(scratch.to_owned(), 3) }
}

fn census(history: &FakeHistory, policy: Collisions) -> Census {
    let scratch = tempfile::tempdir().unwrap();
    let taken = take_from(history, &history.listing(), &[mapping("s", "t", policy)], &options(scratch.path()), &Silent).unwrap();
    assert_eq!(groups(&taken).iter().map(Vec::len).sum::<usize>() as u64, taken.census.tables[0].records);
    taken.census
}

fn groups(taken: &Taken) -> Vec<Vec<Entry>> {
    let mut groups = Vec::new();
    taken
        .keys
        .groups::<CensusError>(0, &mut |group| {
            groups.push(group.entries.to_vec());
            Ok(())
        })
        .unwrap();
    groups
}

#[test]
fn rows_are_counted_once_as_record_refused_or_undecodable() {
    let mut history = FakeHistory::of(&[
        ("s/a", &[good("d1", 1, 1.0), FakeRow::Bad, FakeRow::Refused("wrong_type")]),
        ("s/b", &[good("d1", 1, 1.0), good("d2", 5, 1.0), FakeRow::Refused("no_time"), FakeRow::Refused("wrong_type")]),
        ("other/c", &[FakeRow::Bad]),
    ]);
    history.damaged.insert("s/b".to_owned(), "the gzip stream ends early".to_owned());
    let census = census(&history, Collisions::Quarantine);
    let table = &census.tables[0];
    assert!(census.full);
    assert_eq!((table.rows, table.undecodable, table.records, table.objects), (7, 1, 3, 2));
    assert_eq!(table.refused, BTreeMap::from([("no_time".to_owned(), 1), ("wrong_type".to_owned(), 2)]));
    assert_eq!((table.distinct_keys, table.exact_duplicates, table.collisions_total, table.series), (2, 1, 0, 2));
    assert_eq!((table.earliest.unwrap().0, table.latest.unwrap().0), (1, 5));
    assert_eq!(table.damaged, [("s/b".to_owned(), "the gzip stream ends early".to_owned())]);
    assert_eq!(table.refused_examples["wrong_type"], ["s/a row 3: `temp` holds a string", "s/b row 4: `temp` holds a string"]);
    assert_eq!(table.refused_examples["undecodable"], ["s/a row 2: no JSON"]);
}

#[test]
fn a_collision_names_its_key_and_all_its_sides_in_the_history_s_order() {
    let history = FakeHistory::of(&[
        ("s/a", &[good("d9", 60_000_000_000, 1.5), good("d1", 1, 1.0)]),
        ("s/b", &[good("d9", 60_000_000_000, 2.5), good("d9", 60_000_000_000, 1.5)]),
    ]);
    let kept = |policy| {
        let table = census(&history, policy).tables.remove(0);
        assert_eq!((table.collisions_total, table.exact_duplicates, table.distinct_keys), (1, 1, 2));
        let collision = table.collisions.into_iter().next().unwrap();
        assert_eq!(collision.what, "device=d9, room=hall, time 1970-01-01T00:01:00Z");
        let sides: Vec<(u32, &str, u64)> = collision.sides.iter().map(|s| (s.unit, s.object.as_str(), s.row)).collect();
        assert_eq!(sides, [(0, "s/a", 1), (1, "s/b", 1), (1, "s/b", 2)]);
        assert_eq!(collision.sides[0].content, collision.sides[2].content);
        collision.kept
    };
    assert_eq!(kept(Collisions::Quarantine), None);
    assert_eq!(kept(Collisions::KeepFirst), Some(0));
    assert_eq!(kept(Collisions::KeepLast), Some(2));
}

#[test]
fn no_more_collisions_are_listed_than_asked_for_and_all_are_counted() {
    let rows: Vec<FakeRow> = (0..40).flat_map(|t| [good("d", t, 1.0), good("d", t, 2.0)]).collect();
    let history = FakeHistory::of(&[("s/a", &rows)]);
    let scratch = tempfile::tempdir().unwrap();
    let options = CensusOptions { collisions_listed_max: 7, ..options(scratch.path()) };
    let mappings = [mapping("s", "t", Collisions::KeepFirst)];
    let table = take_from(&history, &history.listing(), &mappings, &options, &Silent).unwrap().census.tables.remove(0);
    assert_eq!((table.collisions.len(), table.collisions_total), (7, 40));
    assert!(table.collisions.iter().all(|collision| collision.what.starts_with("device=d")));
}

#[test]
fn a_reader_that_miscounts_or_fails_is_an_error_and_never_a_census() {
    let mut history = FakeHistory::of(&[("s/a", &[good("d", 1, 1.0)]), ("s/b", &[good("d", 2, 1.0)])]);
    let attempt = |history: &FakeHistory| {
        let scratch = tempfile::tempdir().unwrap();
        let mappings = [mapping("s", "t", Collisions::KeepFirst)];
        take_from(history, &history.listing(), &mappings, &options(scratch.path()), &Silent).map(|_| ()).unwrap_err()
    };
    history.overstated = vec!["s/b".to_owned()];
    let error = attempt(&history);
    assert!(matches!(error, CensusError::Unbalanced { .. }), "{error}");
    assert!(error.to_string().contains("`s/b`"), "{error}");
    history.overstated.clear();
    history.unreadable = vec!["s/a".to_owned()];
    let error = attempt(&history);
    assert_eq!(error.to_string(), "cannot read `s/a`: it has vanished");
    assert_eq!(error.hint().as_deref(), Some("look for it"));
}

#[test]
fn a_sample_spreads_over_the_objects_and_takes_their_first_rows() {
    let keys: Vec<String> = (0..10).map(|n| format!("s/{n}")).collect();
    let rows: Vec<FakeRow> = (0..5).map(|t| good("d", t, 1.0)).collect();
    let history = FakeHistory { objects: keys.iter().map(|k| (k.clone(), rows.clone())).collect(), ..FakeHistory::default() };
    let scratch = tempfile::tempdir().unwrap();
    let sample = Some(crate::survey::SampleSize { objects_per_store_max: 2, rows_per_object_max: 3 });
    let mappings = [mapping("s", "t", Collisions::KeepFirst)];
    let taken = take_from(&history, &history.listing(), &mappings, &CensusOptions { sample, ..options(scratch.path()) }, &Silent).unwrap();
    assert!(!taken.census.full);
    assert_eq!((taken.census.tables[0].objects, taken.census.tables[0].rows), (2, 6));
    assert_eq!(groups(&taken)[0].iter().map(|e| e.unit).collect::<Vec<_>>(), [0, 9]);
}

#[test]
fn raw_channel_messages_are_no_rows_of_a_store() {
    let history = FakeHistory::of(&[("s/a", &[good("d", 1, 1.0)])]);
    let channel = crate::history::SourceObject { layout: Layout::Channel, ..source_object("s/raw") };
    let listing = Listing { objects: [channel, source_object("s/a")].into_iter().collect(), ..history.listing() };
    let scratch = tempfile::tempdir().unwrap();
    let mappings = [mapping("s", "t", Collisions::KeepFirst)];
    let taken = take_from(&history, &listing, &mappings, &options(scratch.path()), &Silent).unwrap();
    assert_eq!((taken.census.tables[0].objects, taken.census.tables[0].rows), (1, 1));
    assert_eq!(groups(&taken)[0][0].unit, 1, "units keep the listing's numbers");
}

/// Two mappings of the store `s`, to the tables `t` and `u`.
fn routed() -> [TableMapping; 2] {
    let route = |takes| Some(Route { column: "type".parse().unwrap(), takes });
    let home = TableMapping { route: route(Takes::Values(vec!["a".to_owned()])), ..mapping("s", "t", Collisions::KeepFirst) };
    let other = TableMapping { route: route(Takes::Otherwise), ..mapping("s", "u", Collisions::Quarantine) };
    [home, other]
}

#[test]
fn a_routed_store_is_read_once_and_each_row_counts_at_the_table_that_takes_it() {
    let there = |time, temp| FakeRow::Routed(1, record("d1", time, temp, "n"));
    let mut history = FakeHistory::of(&[
        ("s/a", &[good("d1", 1, 1.0), there(1, 2.0), FakeRow::Unrouted, FakeRow::Bad, there(9, 1.0)]),
        ("s/b", &[there(9, 3.0), FakeRow::Refused("wrong_type")]),
    ]);
    history.damaged.insert("s/b".to_owned(), "cut short".to_owned());
    let scratch = tempfile::tempdir().unwrap();
    let taken = take_from(&history, &history.listing(), &routed(), &options(scratch.path()), &Silent).unwrap();
    let [home, other] = &taken.census.tables[..] else { panic!("one census a mapping") };
    assert_eq!((home.table.as_str(), home.rows, home.records, home.undecodable, home.objects), ("t", 4, 1, 1, 2));
    assert_eq!(home.refused, BTreeMap::from([("no_route".to_owned(), 1), ("wrong_type".to_owned(), 1)]));
    assert_eq!((other.table.as_str(), other.rows, other.records, other.undecodable, other.objects), ("u", 3, 3, 0, 2));
    assert_eq!((home.damaged.len(), other.damaged.len()), (1, 0), "damage counts once, at the store's first table");
    // The key (d1, 1) stands in both tables and collides in neither; (d1, 9) collides in `u`.
    assert_eq!((home.collisions_total, other.collisions_total), (0, 1));
    assert_eq!(other.collisions[0].what, "device=d1, room=hall, time 1970-01-01T00:00:00.000000009Z");
    assert!(home.is_of(&routed()[0]) && other.is_of(&routed()[1]) && !other.is_of(&routed()[0]));
}

#[test]
fn a_history_that_sends_a_row_to_another_stores_table_is_an_error() {
    let history = FakeHistory::of(&[("s/a", &[FakeRow::Routed(2, record("d1", 1, 1.0, "n"))])]);
    let scratch = tempfile::tempdir().unwrap();
    let error = take_from(&history, &history.listing(), &routed(), &options(scratch.path()), &Silent).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("1 found no table"), "{error}");
}

#[test]
fn mappings_of_one_table_read_their_own_measure_names_and_the_first_the_strangers_too() {
    let named = |table: &str, name: &str| TableMapping { measure_name: name.into(), ..mapping("s", table, Collisions::KeepFirst) };
    let shapes = shapes_of(&[named("t", "a"), named("u", "a"), named("t", "b"), named("t", "c")]);
    let reads: Vec<Reads> = shapes.iter().map(|shape| shape.reads.clone()).collect();
    assert_eq!(reads, [Reads::AllBut(vec!["b".to_owned(), "c".to_owned()]), Reads::All, Reads::Own, Reads::Own]);
    for name in ["a", "b", "c", "stranger"] {
        assert_eq!(shapes.iter().filter(|shape| shape.table == "t" && shape.reads(name)).count(), 1, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_row_of_a_routed_store_counts_at_exactly_one_table(
        objects in prop::collection::vec(prop::collection::vec((0u8..5, 0i64..4, 0u8..2), 0..12), 1..5),
        readers in 1usize..4,
    ) {
        let row = |(kind, time, temp): (u8, i64, u8)| match kind {
            0 => FakeRow::Bad,
            1 => FakeRow::Unrouted,
            2 => FakeRow::Refused("wrong_type"),
            3 => FakeRow::Routed(1, record("d", time, f64::from(temp), "n")),
            _ => FakeRow::Good(record("d", time, f64::from(temp), "n")),
        };
        let objects: BTreeMap<String, Vec<FakeRow>> =
            objects.into_iter().enumerate().map(|(n, rows)| (format!("s/{n}"), rows.into_iter().map(row).collect())).collect();
        let history = FakeHistory { objects, ..FakeHistory::default() };
        let scratch = tempfile::tempdir().unwrap();
        let options = CensusOptions { readers, ..options(scratch.path()) };
        let taken = take_from(&history, &history.listing(), &routed(), &options, &Silent).unwrap();
        let rows = history.objects.values().flatten();
        let there = rows.clone().filter(|row| matches!(row, FakeRow::Routed(..))).count() as u64;
        let all = rows.count() as u64;
        let [home, other] = &taken.census.tables[..] else { panic!("one census a mapping") };
        prop_assert_eq!((home.rows, other.rows), (all - there, there));
        for table in [home, other] {
            prop_assert_eq!(table.rows, table.records + table.undecodable + table.refused.values().sum::<u64>());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_partitioned_census_equals_a_model_that_keeps_everything(
        objects in prop::collection::vec(prop::collection::vec((0u8..4, 0i64..4, 0u8..3), 0..12), 1..6),
        readers in 1usize..5,
    ) {
        let row = |(device, time, kind): (u8, i64, u8)| match (kind, device) {
            (2, 0) => FakeRow::Bad,
            (2, 1) => FakeRow::Refused("wrong_type"),
            _ => FakeRow::Good(record(&format!("d{device}"), time, f64::from(kind), "n")),
        };
        let objects: BTreeMap<String, Vec<FakeRow>> =
            objects.into_iter().enumerate().map(|(n, rows)| (format!("s/{n}"), rows.into_iter().map(row).collect())).collect();
        let history = FakeHistory { objects, ..FakeHistory::default() };
        let scratch = tempfile::tempdir().unwrap();
        let options = CensusOptions { readers, ..options(scratch.path()) };
        let taken = take_from(&history, &history.listing(), &[mapping("s", "t", Collisions::KeepFirst)], &options, &Silent).unwrap();
        let table = &taken.census.tables[0];

        let mut model: BTreeMap<u128, Vec<(u32, u64, u64)>> = BTreeMap::new();
        let (mut bad, mut refused, mut rows) = (0, 0, 0);
        for (unit, object) in (0u32..).zip(history.objects.values()) {
            for (number, row) in (1u64..).zip(object) {
                rows += 1;
                match row {
                    FakeRow::Good(r) => model.entry(r.key().0).or_default().push((unit, number, r.content_digest())),
                    FakeRow::Refused(_) => refused += 1,
                    FakeRow::Bad => bad += 1,
                    FakeRow::Routed(..) | FakeRow::Unrouted | FakeRow::Filtered(_) => unreachable!("not made above"),
                }
            }
        }
        let contents = |sides: &[(u32, u64, u64)]| sides.iter().map(|s| s.2).collect::<BTreeSet<_>>().len();
        prop_assert_eq!(table.rows, rows);
        prop_assert_eq!((table.undecodable, table.refused.values().sum::<u64>()), (bad, refused));
        prop_assert_eq!(table.distinct_keys, model.len() as u64);
        prop_assert_eq!(table.exact_duplicates, model.values().map(|s| (s.len() - contents(s)) as u64).sum::<u64>());
        let mut collisions: Vec<_> = model.values().filter(|s| contents(s) > 1).cloned().collect();
        collisions.sort();
        let listed: Vec<Vec<_>> =
            table.collisions.iter().map(|c| c.sides.iter().map(|s| (s.unit, s.row, s.content)).collect()).collect();
        prop_assert_eq!(listed, collisions);
        let seen: Vec<Vec<_>> = groups(&taken).iter().map(|g| g.iter().map(|e| (e.unit, e.row, e.content)).collect()).collect();
        prop_assert_eq!(seen, model.into_values().collect::<Vec<_>>());
    }
}

#[test]
fn messages_that_a_pipeline_drops_are_counted_by_their_activity() {
    let history = FakeHistory::of(&[
        ("s/a", &[good("d1", 1, 1.0), FakeRow::Filtered("warm")]),
        ("s/b", &[FakeRow::Filtered("warm"), FakeRow::Filtered("fresh"), FakeRow::Bad]),
    ]);
    let table = census(&history, Collisions::Quarantine).tables.remove(0);
    assert_eq!((table.rows, table.records, table.undecodable), (5, 1, 1));
    assert_eq!(table.filtered, BTreeMap::from([("fresh".to_owned(), 1), ("warm".to_owned(), 2)]));
}
