//! Channel objects in a directory, read through their pipeline.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use super::*;
use crate::channel::{RawStore, Running, fixture, view};
use crate::history::{Directory, Objects, ReadLimits, Source as _};
use crate::transform::{FunctionCommand, LambdaFunction, LocalCommands, TransformSwitches};

/// What comes of one channel object, as short texts: the kept rows, the activities that drop, the bad rows.
fn read(content: &str, functions: &BTreeMap<String, FunctionCommand>, pipeline: &str) -> Result<(Vec<String>, u64), HistoryError> {
    let folder = tempfile::tempdir().unwrap();
    let day = folder.path().join("channel/readings/__dt=2025-01-01 00:00:00");
    std::fs::create_dir_all(&day).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(std::fs::File::create(day.join("1.json.gz")).unwrap(), flate2::Compression::fast());
    gzip.write_all(content.as_bytes()).unwrap();
    gzip.finish().unwrap();
    let source = Arc::new(Directory::new(folder.path()));
    let (inventory, switches) = (fixture::inventory(), TransformSwitches::default());
    let store = if pipeline == "clean" { "plant" } else { "other" };
    let raw = [RawStore { store: store.to_owned(), pipeline: pipeline.to_owned() }];
    let listing = view(&source.list().unwrap(), &raw, &inventory).unwrap();
    let functions: Arc<dyn LambdaFunction> = Arc::new(LocalCommands::new(functions.clone()));
    let engines = Running { inventory: &inventory, switches: &switches, functions: Some(&functions) }.engines(&raw).unwrap();
    let reader = PipelinedObjects::new(Objects::new(source, ReadLimits::default()), engines);
    let mut told = Vec::new();
    let object = listing.objects.iter().find(|object| object.holds_rows()).unwrap();
    let read = reader.read(&object, &mut |decoded| {
        told.push(match &decoded {
            Decoded::Row(row) => format!("{}: {}", row.provenance.row, crate::value::object_to_json(&row.columns)),
            Decoded::Bad(bad) => format!("{}: bad", bad.provenance.row),
            Decoded::Filtered(filtered) => format!("{}: dropped by {}", filtered.provenance.row, filtered.activity),
        });
        ControlFlow::Continue(())
    })?;
    Ok((told, read.rows))
}

#[test]
fn every_message_is_one_row_one_bad_row_or_dropped_by_one_activity() {
    let content = "{\"temperature\":20.50,\"id\":\"a\"}\n{\"temperature\":5}\nnot json\n\
                   {\"messageId\":\"1\",\"payload\":\"eyJ0ZW1wZXJhdHVyZSI6MzB9\"}\n{\"id\":\"no temperature\"}\n";
    let (told, rows) = read(content, &BTreeMap::new(), "clean").unwrap();
    assert_eq!(
        told,
        ["1: {\"temperature\":20.50,\"id\":\"a\"}", "2: dropped by warm", "3: bad", "4: {\"temperature\":30}", "5: dropped by warm",]
    );
    assert_eq!(rows, 5);
}

#[test]
fn a_channels_partition_day_is_no_column_of_its_messages() {
    let (told, _) = read("{\"temperature\":20}\n", &BTreeMap::new(), "clean").unwrap();
    assert_eq!(told, ["1: {\"temperature\":20}"]);
}

#[test]
fn a_function_that_fails_stops_the_reading_and_says_where() {
    let command = FunctionCommand { program: "false".to_owned(), arguments: Vec::new(), timeout: Duration::from_secs(10) };
    let error = read("{\"a\":1}\n", &BTreeMap::from([("tidy".to_owned(), command)]), "asks").unwrap_err();
    assert!(matches!(&error, HistoryError::Pipeline { pipeline, .. } if pipeline == "asks"), "{error}");
}

#[test]
fn a_functions_batches_keep_the_order_of_the_messages() {
    let content: String = (0..2_345).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let command = FunctionCommand { program: "cat".to_owned(), arguments: Vec::new(), timeout: Duration::from_secs(60) };
    let (told, rows) = read(&content, &BTreeMap::from([("tidy".to_owned(), command)]), "asks").unwrap();
    assert_eq!(rows, 2_345);
    assert!(told.iter().enumerate().all(|(at, told)| *told == format!("{}: {{\"n\":{at}}}", at + 1)), "{told:?}");
}
