//! The least that anybody has to do: requests of 100 ready records through the SDK, several in flight. No reading, no mapping, no
//! ledger. What a backfill reaches of its rate is the backfill's own doing.

use std::time::Instant;

use aws_sdk_timestreamwrite::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_timestreamwrite::types::{Dimension, MeasureValue, MeasureValueType, Record, TimeUnit};
use aws_sdk_timestreamwrite::{Client, Config};
use tokio::task::JoinSet;

use crate::measured::{Served, count};

const RECORDS_PER_REQUEST: u64 = 100;
/// As the proposal of migration.toml has it.
const IN_FLIGHT: usize = 16;
const DATABASE: &str = "posted";
const TABLE: &str = "readings";
/// 2025-12-14T23:20, inside the memory store of a new table and before the service's present.
const BEGIN_MS: u64 = 1_765_754_400_000;

pub(crate) fn rows_per_s(served: &Served, rows: u64) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = client(served);
        client.create_database().database_name(DATABASE).send().await.unwrap();
        client.create_table().database_name(DATABASE).table_name(TABLE).send().await.unwrap();
        let mut requests: Vec<Vec<Record>> = (0..rows / RECORDS_PER_REQUEST).map(request).collect();
        let began = Instant::now();
        let mut flying = JoinSet::new();
        while let Some(records) = requests.pop() {
            if flying.len() == IN_FLIGHT {
                flying.join_next().await.unwrap().unwrap();
            }
            let write = client.write_records().database_name(DATABASE).table_name(TABLE).set_records(Some(records));
            flying.spawn(async move { drop(write.send().await.expect("records in the memory window are taken")) });
        }
        flying.join_all().await;
        count(rows) / began.elapsed().as_secs_f64()
    })
}

fn client(served: &Served) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("embedded", "embedded", None, None, "benchmark"))
        .endpoint_url(&served.endpoint_url);
    Client::from_conf(config.build())
}

fn request(at: u64) -> Vec<Record> {
    (at * RECORDS_PER_REQUEST..(at + 1) * RECORDS_PER_REQUEST).map(record).collect()
}

fn record(at: u64) -> Record {
    let value =
        |name: &str, value: String, kind: MeasureValueType| MeasureValue::builder().name(name).value(value).r#type(kind).build().unwrap();
    let number = f64::from(u32::try_from(at % 1_000_003).unwrap()) / 7.0;
    Record::builder()
        .dimensions(Dimension::builder().name("device").value(format!("device-{:02}", at % 50)).build().unwrap())
        .measure_name("readings")
        .measure_value_type(MeasureValueType::Multi)
        .measure_values(value("temperature", number.to_string(), MeasureValueType::Double))
        .measure_values(value("pressure", (number + 1.0).to_string(), MeasureValueType::Double))
        .measure_values(value("load", (number / 3.0).to_string(), MeasureValueType::Double))
        .measure_values(value("cycles", at.to_string(), MeasureValueType::Bigint))
        .measure_values(value("state", "running".to_owned(), MeasureValueType::Varchar))
        .time((BEGIN_MS + at).to_string())
        .time_unit(TimeUnit::Milliseconds)
        .version(1)
        .build()
}
