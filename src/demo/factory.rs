//! The factory: a pressing line (JSON), its energy meters (Parquet) and a maintenance log (CSV as the official exporter
//! delivers it), with late data, exact duplicates, bad rows and one key collision.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;

use crate::time::{DAY_NANOS, HOUR_NANOS, Nanos};

use super::random::Random;

/// The instant at which the factory stopped: the day IoT Analytics closed.
pub const HISTORY_END: Nanos = Nanos(20_437 * DAY_NANOS);
const DAYS: i64 = 730;
const MACHINES: [&str; 6] = ["press-01", "press-02", "press-03", "oven-01", "oven-02", "robot-01"];
const METERS: [&str; 4] = ["meter-a", "meter-b", "meter-c", "meter-d"];
const READINGS_EVERY_HOURS: i64 = 2;

/// Where the generated factory lies.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The folder of definitions, for `capture --from`.
    pub definitions: PathBuf,
    /// The folder laid out as the customer's buckets are, for `plan --history`.
    pub history: PathBuf,
}

/// The factory could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FactoryError {
    #[error("the demo's `{path}` could not be written: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the demo's Parquet object could not be built: {0}")]
    Parquet(String),
}

/// Writes the factory below `root`.
///
/// # Errors
/// When a file cannot be written.
pub fn generate(root: &Path, seed: u64) -> Result<Generated, FactoryError> {
    let generated = Generated { definitions: root.join("definitions"), history: root.join("history") };
    write_definitions(&generated.definitions)?;
    let mut random = Random::seeded(seed);
    pressing_line(&generated.history, &mut random)?;
    energy_meters(&generated.history, &mut random)?;
    maintenance_log(&generated.history, &mut random)?;
    Ok(generated)
}

fn write_definitions(folder: &Path) -> Result<(), FactoryError> {
    write_file(&folder.join("factory.yaml"), TEMPLATE.as_bytes())?;
    write_file(&folder.join("describe-datastore-energy.json"), ENERGY.as_bytes())?;
    write_file(&folder.join("get-topic-rule.json"), RULE.as_bytes())
}

/// Six machines, one reading each every two hours, an object a day: gzip JSON, one message a line.
fn pressing_line(history: &Path, random: &mut Random) -> Result<(), FactoryError> {
    let mut late = String::new();
    for day in (0..DAYS).map(|back| HISTORY_END.day() - DAYS + back) {
        let mut lines = std::mem::take(&mut late);
        for reading in 0..24 / READINGS_EVERY_HOURS {
            for (number, machine) in MACHINES.iter().enumerate() {
                // Each machine has its own second, as clocks that were set at different times do.
                let time =
                    day * DAY_NANOS + reading * READINGS_EVERY_HOURS * HOUR_NANOS + i64::try_from(number).unwrap_or(0) * 1_000_000_000;
                let line = message(random, machine, Nanos(time));
                // One reading in five hundred reaches the service a day late, and so lies under the wrong day.
                let to = if random.below(500) == 0 { &mut late } else { &mut lines };
                to.push_str(&line);
                // One in four hundred is delivered twice, as MQTT with QoS 1 may do.
                if random.below(400) == 0 {
                    to.push_str(&line);
                }
            }
        }
        if day == HISTORY_END.day() - 200 {
            lines.push_str(BAD_LINES);
        }
        if day == HISTORY_END.day() - 100 {
            lines.push_str(&collision(Nanos(day * DAY_NANOS + 30_000_000_000)));
        }
        let start = day * 86_400_000;
        let name = format!("{start}_{}_123456789012_pressing_line_0_{}.0.json.gz", start + 30_000, day);
        write_gzip(&partition(history, "pressing_line", day).join(name), lines.as_bytes())?;
    }
    Ok(())
}

fn message(random: &mut Random, machine: &str, time: Nanos) -> String {
    let temperature = decimal(random.tenths(if machine.starts_with("oven") { 2105 } else { 423 }, 40));
    let pressure = 180 + random.below(25);
    let cycles = time.day() * 1200 + i64::try_from(random.below(50)).unwrap_or(0);
    let status = ["RUN", "RUN", "RUN", "IDLE", "STOP"][usize::try_from(random.below(5)).unwrap_or(0)];
    let door = random.below(10) == 0;
    let vibration = decimal(random.tenths(31, 20));
    // One in fifty has no pressure: a sensor that did not answer.
    let pressure = if random.below(50) == 0 { "null".to_owned() } else { pressure.to_string() };
    format!(
        "{{\"ts\":{},\"machine\":{{\"id\":\"{machine}\",\"line\":\"line-1\"}},\"temperature\":{temperature},\"pressure\":{pressure},\
         \"vibration\":{vibration},\"cycles\":{cycles},\"door_open\":{door},\"status\":\"{status}\"}}\n",
        time.0 / 1_000_000
    )
}

/// Rows as a failing device sends them: cut off, without a time, with a word where a number belongs.
const BAD_LINES: &str = "{\"ts\":1747958400000,\"machine\":{\"id\":\"press-02\",\"line\":\"line-1\"},\"temperatu\n\
    {\"machine\":{\"id\":\"press-02\",\"line\":\"line-1\"},\"temperature\":41.2,\"status\":\"RUN\"}\n\
    {\"ts\":\"not yet synchronised\",\"machine\":{\"id\":\"press-03\",\"line\":\"line-1\"},\"temperature\":40.9}\n";

/// Two readings of one machine at one instant that do not agree.
fn collision(time: Nanos) -> String {
    let side = |temperature: &str| {
        format!(
            "{{\"ts\":{},\"machine\":{{\"id\":\"press-01\",\"line\":\"line-1\"}},\"temperature\":{temperature},\"status\":\"RUN\"}}\n",
            time.0 / 1_000_000
        )
    };
    side("42.5") + &side("43.5")
}

/// Four meters, a reading every two hours, an object a week: Parquet without compression, as the service wrote it.
fn energy_meters(history: &Path, random: &mut Random) -> Result<(), FactoryError> {
    let mut total_wh = [0_i64; METERS.len()];
    let first = HISTORY_END.day() - DAYS;
    for week in 0..DAYS / 7 {
        let mut rows = MeterRows::default();
        let start = first + week * 7;
        for reading in 0..7 * 24 / READINGS_EVERY_HOURS {
            let seconds = start * 86_400 + reading * READINGS_EVERY_HOURS * 3600;
            for (meter, total) in METERS.iter().zip(&mut total_wh) {
                let power = random.tenths(5200, 900);
                *total += power * READINGS_EVERY_HOURS / 10;
                rows.push(seconds, meter, tenths_as_f64(power), *total, random.below(200) == 0);
            }
        }
        let name = format!("{}_energy_meters_{week}.parquet", start * 86_400_000);
        write_file(&partition(history, "energy_meters", start + 6).join(name), &rows.parquet()?)?;
    }
    Ok(())
}

#[derive(Default)]
struct MeterRows {
    event_time: Vec<i64>,
    meter_id: Vec<String>,
    power_w: Vec<f64>,
    energy_wh: Vec<i64>,
    estimated: Vec<bool>,
}

impl MeterRows {
    fn push(&mut self, seconds: i64, meter: &str, power_w: f64, energy_wh: i64, estimated: bool) {
        self.event_time.push(seconds);
        self.meter_id.push(meter.to_owned());
        self.power_w.push(power_w);
        self.energy_wh.push(energy_wh);
        self.estimated.push(estimated);
    }

    fn parquet(self) -> Result<Vec<u8>, FactoryError> {
        let columns: [(&str, ArrayRef); 5] = [
            ("event_time", Arc::new(Int64Array::from(self.event_time))),
            ("meter_id", Arc::new(StringArray::from(self.meter_id))),
            ("power_w", Arc::new(Float64Array::from(self.power_w))),
            ("energy_wh", Arc::new(Int64Array::from(self.energy_wh))),
            ("estimated", Arc::new(BooleanArray::from(self.estimated))),
        ];
        let failed = |e: &dyn std::fmt::Display| FactoryError::Parquet(e.to_string());
        let batch = RecordBatch::try_from_iter(columns).map_err(|e| failed(&e))?;
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).map_err(|e| failed(&e))?;
        writer.write(&batch).map_err(|e| failed(&e))?;
        writer.close().map_err(|e| failed(&e))?;
        Ok(bytes)
    }
}

/// One entry a day, delivered monthly as CSV: every field quoted, text with commas and quotes in it.
fn maintenance_log(history: &Path, random: &mut Random) -> Result<(), FactoryError> {
    const NOTES: [&str; 4] = ["greased, no findings", "replaced \"\"V-17\"\" seal", "calibrated: +0.4 °C", "inspected"];
    let first = HISTORY_END.day() - DAYS;
    for month in 0..DAYS / 30 {
        let mut csv = String::from("\"logged_at\",\"machine_id\",\"task\",\"minutes\",\"note\",\"__dt\"\n");
        for day in (0..30).map(|d| first + month * 30 + d) {
            let machine = MACHINES[usize::try_from(random.below(6)).unwrap_or(0)];
            let at = Nanos(day * DAY_NANOS + 15 * HOUR_NANOS + i64::try_from(random.below(3600)).unwrap_or(0) * 1_000_000_000);
            let logged_at = at.to_timestream();
            let task = ["service", "repair", "calibration"][usize::try_from(random.below(3)).unwrap_or(0)];
            // One in ten has no note: an empty field without quotes is a NULL.
            let note =
                if random.below(10) == 0 { String::new() } else { format!("\"{}\"", NOTES[usize::try_from(random.below(4)).unwrap_or(0)]) };
            let day_text = &at.to_timestream()[..10];
            // Writing to a String cannot fail.
            writeln!(
                csv,
                "\"{}\",\"{machine}\",\"{task}\",\"{}\",{note},\"{day_text} 00:00:00.000\"",
                &logged_at[..23],
                5 + random.below(120)
            )
            .unwrap_or_default();
        }
        let delivered = (first + (month + 1) * 30) * 86_400_000;
        let folder = history.join("exports").join("maintenance_log").join(delivered.to_string());
        write_file(&folder.join(format!("{:08x}-0000-4000-8000-{delivered:012x}.csv", month + 1)), csv.as_bytes())?;
    }
    Ok(())
}

fn partition(history: &Path, store: &str, day: i64) -> PathBuf {
    let day = Nanos(day * DAY_NANOS).to_timestream();
    history.join("datastore").join(store).join(format!("__dt={} 00:00:00", &day[..10]))
}

fn decimal(tenths: i64) -> String {
    format!("{}{}.{}", if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10)
}

fn tenths_as_f64(tenths: i64) -> f64 {
    // The text is of a number's grammar.
    decimal(tenths).parse().unwrap_or_default()
}

fn write_gzip(path: &Path, content: &[u8]) -> Result<(), FactoryError> {
    // No file name and no time in the header: the same content gives the same bytes.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let zipped = encoder.write_all(content).and_then(|()| encoder.finish());
    write_file(path, &zipped.map_err(|source| FactoryError::Io { path: path.to_owned(), source })?)
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), FactoryError> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, content));
    written.map_err(|source| FactoryError::Io { path: path.to_owned(), source })
}

const TEMPLATE: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Description: A pressing line and its maintenance log on AWS IoT Analytics
Parameters:
  Bucket:
    Type: String
    Default: factory-telemetry
Resources:
  RawChannel:
    Type: AWS::IoTAnalytics::Channel
    Properties:
      ChannelName: pressing_raw
      ChannelStorage:
        CustomerManagedS3:
          Bucket: !Ref Bucket
          RoleArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/iot-analytics"
  PressingLine:
    Type: AWS::IoTAnalytics::Datastore
    Properties:
      DatastoreName: pressing_line
      DatastoreStorage:
        CustomerManagedS3:
          Bucket: !Ref Bucket
          RoleArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/iot-analytics"
      RetentionPeriod:
        Unlimited: true
  MaintenanceLog:
    Type: AWS::IoTAnalytics::Datastore
    Properties:
      DatastoreName: maintenance_log
  PressingPipeline:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineName: pressing_pipeline
      PipelineActivities:
        - Channel:
            Name: from_channel
            ChannelName: !Ref RawChannel
            Next: only_measured
          Filter:
            Name: only_measured
            Filter: temperature > -50 AND temperature < 400
            Next: to_store
          Datastore:
            Name: to_store
            DatastoreName: !Ref PressingLine
  HotMachines:
    Type: AWS::IoTAnalytics::Dataset
    Properties:
      DatasetName: hot_machines
      Actions:
        - ActionName: query
          QueryAction:
            SqlQuery: SELECT * FROM pressing_line WHERE temperature > 215
            Filters:
              - DeltaTime:
                  OffsetSeconds: -180
                  TimeExpression: from_unixtime(ts / 1000)
      Triggers:
        - Schedule:
            ScheduleExpression: rate(1 hour)
"#;

const ENERGY: &str = r#"{
  "datastore": {
    "name": "energy_meters",
    "status": "ACTIVE",
    "arn": "arn:aws:iotanalytics:eu-central-1:123456789012:datastore/energy_meters",
    "creationTime": 1640995200.0,
    "lastUpdateTime": 1640995200.0,
    "retentionPeriod": { "unlimited": true },
    "storage": { "customerManagedS3": { "bucket": "factory-telemetry", "roleArn": "arn:aws:iam::123456789012:role/iot-analytics" } },
    "fileFormatConfiguration": {
      "parquetConfiguration": {
        "schemaDefinition": {
          "columns": [
            { "name": "event_time", "type": "bigint" },
            { "name": "meter_id", "type": "string" },
            { "name": "power_w", "type": "double" },
            { "name": "energy_wh", "type": "bigint" },
            { "name": "estimated", "type": "boolean" }
          ]
        }
      }
    }
  }
}
"#;

const RULE: &str = r#"{
  "ruleArn": "arn:aws:iot:eu-central-1:123456789012:rule/pressing_to_channel",
  "rule": {
    "ruleName": "pressing_to_channel",
    "sql": "SELECT * FROM 'factory/+/telemetry'",
    "awsIotSqlVersion": "2016-03-23",
    "ruleDisabled": false,
    "actions": [
      { "iotAnalytics": { "channelName": "pressing_raw", "roleArn": "arn:aws:iam::123456789012:role/iot-rules" } }
    ]
  }
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factory_stops_on_the_day_the_service_closed() {
        assert_eq!(HISTORY_END.to_iso8601(), "2025-12-15T00:00:00Z");
    }

    #[test]
    fn one_seed_gives_one_message_and_another_gives_another() {
        let first = |seed| message(&mut Random::seeded(seed), "press-01", Nanos(0));
        assert_eq!(first(7), first(7));
        assert_ne!(first(7), first(8));
    }
}
