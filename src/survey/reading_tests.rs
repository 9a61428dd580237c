use std::sync::Arc;

use super::*;
use crate::history::{BadRow, Format, Layout, Row};
use crate::progress::Silent;
use crate::provenance::{ObjectId, Provenance};
use crate::value::{Object, Value};

#[derive(Debug, thiserror::Error)]
#[error("the disk is gone")]
struct Broken;

fn listing(objects: &[(&str, &str, Layout, Format)]) -> Listing {
    let object = |(key, store, layout, format): &(&str, &str, Layout, Format)| SourceObject {
        id: Arc::new(ObjectId { key: (*key).to_owned(), etag: "e".to_owned() }),
        locator: (*key).to_owned(),
        store: (*store).to_owned(),
        layout: *layout,
        format: *format,
        gzip: false,
        size_bytes: 10,
        partitions: Arc::from([]),
        pipeline: None,
    };
    Listing { root: "history".to_owned(), objects: objects.iter().map(object).collect(), passed_over: Vec::new() }
}

fn place(object: &SourceObject, row: u64) -> Provenance {
    Provenance { object: object.id.clone(), row, byte_offset: None }
}

/// Three rows an object; a key that holds `bad` has a bad one at the end, one that holds `torn` is damaged.
fn read(object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, Broken> {
    let key = &object.id.key;
    if key.contains("broken") {
        return Err(Broken);
    }
    let mut rows = 0;
    for row in 1..=3 {
        if key.contains("empty") {
            break;
        }
        rows = row;
        let decoded = if row == 3 && key.contains("bad") {
            Decoded::Bad(BadRow { provenance: place(object, row), reason: "no JSON".to_owned(), raw: String::new() })
        } else {
            let columns: Object = [("n".to_owned(), Value::Bool(true))].into_iter().collect();
            Decoded::Row(Row { provenance: place(object, row), columns })
        };
        if sink(decoded).is_break() {
            break;
        }
    }
    Ok(ObjectRead { rows, damage: key.contains("torn").then(|| "cut off".to_owned()) })
}

const STORE: Layout = Layout::Datastore;

#[test]
fn every_object_is_counted_and_what_is_wrong_is_named() {
    let listing = listing(&[
        ("a", "plant", STORE, Format::Json),
        ("bad", "plant", STORE, Format::Json),
        ("torn", "plant", STORE, Format::Json),
        ("empty", "plant", STORE, Format::Json),
        ("raw", "plant_channel", Layout::Channel, Format::Json),
    ]);
    let survey = survey_with(&listing, &SurveyOptions::default(), &Silent, read).unwrap();
    assert_eq!(survey.extent, Extent::Full);
    assert_eq!(survey.stores.keys().collect::<Vec<_>>(), ["plant"]);
    let plant = &survey.stores["plant"];
    assert_eq!((plant.objects, plant.bytes, plant.rows, plant.bad_rows, plant.empty_objects), (4, 40, 8, 1, 1));
    assert_eq!(plant.damaged, [("torn".to_owned(), "cut off".to_owned())]);
    assert!(!plant.sampled);
}

#[test]
fn a_sample_says_that_it_is_one_and_sees_every_format() {
    let listing = listing(&[
        ("a", "plant", STORE, Format::Json),
        ("b", "plant", STORE, Format::Json),
        ("c", "plant", Layout::Dataset, Format::Csv),
        ("d", "other", STORE, Format::Json),
    ]);
    let extent = Some(SampleSize { objects_per_store_max: 1, rows_per_object_max: 2 });
    let options = SurveyOptions { extent, ..SurveyOptions::default() };
    let survey = survey_with(&listing, &options, &Silent, read).unwrap();
    assert_eq!(survey.extent, Extent::Sample { objects_read: 3, objects_total: 4, rows_per_object_max: 2 });
    assert_eq!((survey.stores["plant"].rows, survey.stores["plant"].objects), (4, 3));
    assert!(survey.stores["plant"].sampled && survey.stores["other"].sampled);
    assert_eq!(survey.stores["plant"].formats, [Format::Json, Format::Csv]);
}

#[test]
fn a_sample_that_reaches_everything_is_a_full_survey() {
    let listing = listing(&[("a", "plant", STORE, Format::Json)]);
    let extent = Some(SampleSize { objects_per_store_max: 5, rows_per_object_max: 3 });
    let survey = survey_with(&listing, &SurveyOptions { extent, ..SurveyOptions::default() }, &Silent, read).unwrap();
    assert_eq!(survey.extent, Extent::Full);
    assert!(!survey.stores["plant"].sampled);
}

#[test]
fn strict_stops_at_the_first_fault_and_a_failing_machine_always_does() {
    let strict = SurveyOptions { strict: true, ..SurveyOptions::default() };
    let error = |key: &str, options: &SurveyOptions| {
        survey_with(&listing(&[(key, "plant", STORE, Format::Json)]), options, &Silent, read).unwrap_err().to_string()
    };
    assert_eq!(error("bad", &strict), "bad row 3: no JSON");
    assert_eq!(error("torn", &strict), "torn: cut off");
    assert_eq!(error("broken", &SurveyOptions::default()), "the disk is gone");
}
