//! The comparison of two histories that stand in memory.

use super::*;
use crate::census::fixture::{FakeHistory, FakeRow, good, mapping, record};
use crate::mapping::Collisions;
use crate::progress::Silent;

fn checked(channel: &FakeHistory, datastore: &FakeHistory) -> TableCheck {
    let scratch = tempfile::tempdir().unwrap();
    let (channel_listing, datastore_listing) = (channel.listing(), datastore.listing());
    let job = TranslationJob {
        mappings: &[mapping("s", "t", Collisions::Quarantine)],
        channel: Side { listing: &channel_listing, history: channel },
        datastore: Side { listing: &datastore_listing, history: datastore },
        enriched: BTreeMap::from([("s".to_owned(), BTreeSet::from(["note".to_owned()]))]),
        scratch: scratch.path().to_owned(),
        readers: 2,
    };
    let mut check = check_translation(&job, &Silent).unwrap();
    assert_eq!(check.is_same(), check.tables[0].differing() == 0 && check.tables[0].same > 0);
    check.tables.remove(0)
}

#[test]
fn equal_records_are_the_same_wherever_they_stand_and_however_often() {
    let channel = FakeHistory::of(&[
        ("s/c1", &[good("a", 1, 1.0), FakeRow::Filtered("warm"), good("b", 2, 2.0)]),
        ("s/c2", &[good("a", 1, 1.0), FakeRow::Bad]),
    ]);
    let datastore = FakeHistory::of(&[("s/d", &[good("b", 2, 2.0), good("a", 1, 1.0), good("b", 2, 2.0), good("b", 2, 2.0)])]);
    let table = checked(&channel, &datastore);
    assert_eq!((table.same, table.differing()), (2, 0));
    assert_eq!((table.channel.repeats, table.datastore.repeats), (1, 2));
    assert_eq!(table.channel.filtered, BTreeMap::from([("warm".to_owned(), 1)]));
    assert_eq!((table.channel.undecodable, table.channel.rows), (1, 5));
}

#[test]
fn each_difference_is_named_with_its_side_its_columns_and_its_cause() {
    let enriched = FakeRow::Good(record("e", 5, 5.0, "today"));
    let stored = FakeRow::Good(record("e", 5, 5.0, "then"));
    let channel = FakeHistory::of(&[("s/c", &[good("a", 3, 1.5), good("only", 4, 1.0), enriched, good("far", 900, 1.0)])]);
    let datastore = FakeHistory::of(&[("s/d", &[good("a", 3, 1.25), stored, good("gone", 4, 2.0), good("old", -900, 2.0)])]);
    let table = checked(&channel, &datastore);
    assert_eq!((table.same, table.changed, table.only_channel, table.only_datastore), (0, 2, 2, 2));
    let shown = |device: &str| table.shown.iter().find(|shown| shown.dimensions["device"] == device).unwrap();
    let changed = shown("a");
    assert_eq!((changed.symbol, changed.cause.as_str()), ('*', "other values"));
    assert_eq!((&changed.columns[0].source, &changed.columns[0].target), (&Some(1.5.into()), &Some(1.25.into())));
    assert_eq!(changed.channel, Some(Place { object: "s/c".to_owned(), row: 1 }));
    assert_eq!(shown("e").cause, "enriched with the state of the day of the capture");
    assert_eq!((shown("only").symbol, shown("only").cause.as_str()), ('+', "the service did not store it"));
    assert_eq!((shown("gone").symbol, shown("gone").cause.as_str()), ('-', "no message of the channel becomes it"));
    assert_eq!(shown("far").cause, "outside the time of the datastore's history");
    assert_eq!(shown("old").cause, "outside the time of the channel's history");
}

#[test]
fn two_empty_histories_prove_nothing() {
    let nothing = FakeHistory::of(&[("s/c", &[])]);
    let table = checked(&nothing, &nothing);
    assert_eq!((table.same, table.differing()), (0, 0));
}
