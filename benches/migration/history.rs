//! The same readings in each of the forms in which histories lie about.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;

const DEVICES: u64 = 50;
const MINUTE_MS: i64 = 60_000;
/// 2025-01-01.
const BEGIN_MS: i64 = 1_735_689_600_000;
const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    form: Form,
    rows_per_object: u64,
}

#[derive(Clone, Copy)]
enum Form {
    JsonGz,
    Parquet,
    CsvGz,
}

/// Tiny objects are what the service really left: one every half a minute.
pub(crate) const LAYOUTS: [Layout; 4] = [
    Layout { name: "json_tiny", form: Form::JsonGz, rows_per_object: 20 },
    Layout { name: "json_large", form: Form::JsonGz, rows_per_object: 20_000 },
    Layout { name: "parquet", form: Form::Parquet, rows_per_object: 20_000 },
    Layout { name: "csv", form: Form::CsvGz, rows_per_object: 20_000 },
];

/// How much was written.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

struct Reading {
    ts: i64,
    device: String,
    numbers: [f64; 3],
    cycles: i64,
    state: &'static str,
}

fn reading(at: u64) -> Reading {
    let minute = i64::try_from(at / DEVICES).unwrap();
    // A wave and a residue: believable, and the same each time.
    let residue = f64::from(u32::try_from(at.wrapping_mul(2_654_435_761) % 1000).unwrap()) / 1000.0;
    let wave = (f64::from(u32::try_from(at / DEVICES % 1440).unwrap()) / 229.0).sin();
    Reading {
        ts: BEGIN_MS + minute * MINUTE_MS,
        device: format!("device-{:02}", at % DEVICES),
        numbers: [20.0 + 5.0 * wave + residue, 1013.25 - residue, 0.5 + residue / 3.0],
        cycles: minute * 7,
        state: if at.is_multiple_of(97) { "stopped" } else { "running" },
    }
}

/// Writes the history below `root`.
pub(crate) fn write(root: &Path, layout: Layout, rows: u64) -> Made {
    define(root, layout.name);
    let mut made = Made::default();
    let mut from = 0;
    while from < rows {
        let to = rows.min(from + layout.rows_per_object);
        let readings: Vec<Reading> = (from..to).map(reading).collect();
        let bytes = match layout.form {
            Form::JsonGz => gzip(&json(&readings)),
            Form::Parquet => parquet(&readings),
            Form::CsvGz => gzip(&csv(&readings)),
        };
        let path = root.join("history").join(key(layout, &readings[0], made.objects));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &bytes).unwrap();
        made.objects += 1;
        made.bytes += u64::try_from(bytes.len()).unwrap();
        from = to;
    }
    made
}

/// What `describe-datastore` said of the store.
fn define(root: &Path, store: &str) {
    std::fs::create_dir_all(root.join("definitions")).unwrap();
    let datastore = serde_json::json!({"datastore": {"name": store, "storage": {"serviceManagedS3": {}}}});
    std::fs::write(root.join("definitions/datastore.json"), datastore.to_string()).unwrap();
}

fn key(layout: Layout, first: &Reading, object: u64) -> String {
    let day = jiff::Timestamp::from_millisecond(first.ts - first.ts.rem_euclid(DAY_MS)).unwrap();
    let (name, date) = (layout.name, day.strftime("%Y-%m-%d"));
    match layout.form {
        Form::JsonGz => format!("datastore/{name}/__dt={date} 00:00:00/{object:08}.json.gz"),
        Form::Parquet => format!("datastore/{name}/__dt={date} 00:00:00/{object:08}.parquet"),
        Form::CsvGz => format!("exported/{name}/{}/{object:08}.csv.gz", first.ts),
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn json(readings: &[Reading]) -> String {
    let mut text = String::new();
    for Reading { ts, device, numbers: [temperature, pressure, load], cycles, state } in readings {
        writeln!(
            text,
            r#"{{"ts":{ts},"device":"{device}","temperature":{temperature},"pressure":{pressure},"load":{load},"cycles":{cycles},"state":"{state}"}}"#
        )
        .unwrap();
    }
    text
}

fn csv(readings: &[Reading]) -> String {
    let mut text = String::from("\"ts\",\"device\",\"temperature\",\"pressure\",\"load\",\"cycles\",\"state\"\n");
    for Reading { ts, device, numbers: [temperature, pressure, load], cycles, state } in readings {
        writeln!(text, r#""{ts}","{device}","{temperature}","{pressure}","{load}","{cycles}","{state}""#).unwrap();
    }
    text
}

fn parquet(readings: &[Reading]) -> Vec<u8> {
    let number = |at: usize| -> ArrayRef { Arc::new(Float64Array::from_iter_values(readings.iter().map(|r| r.numbers[at]))) };
    let columns: [(&str, ArrayRef); 7] = [
        ("ts", Arc::new(Int64Array::from_iter_values(readings.iter().map(|r| r.ts)))),
        ("device", Arc::new(StringArray::from_iter_values(readings.iter().map(|r| &r.device)))),
        ("temperature", number(0)),
        ("pressure", number(1)),
        ("load", number(2)),
        ("cycles", Arc::new(Int64Array::from_iter_values(readings.iter().map(|r| r.cycles)))),
        ("state", Arc::new(StringArray::from_iter_values(readings.iter().map(|r| r.state)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}
