//! A batch as Lambda hands it to a function, and what the function's answer says about it.

use serde_json::{Value, json};

use crate::encoding::base64;
use crate::local::kinesis::Handed;
use crate::local::timestream::epoch_seconds;

/// What becomes of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    /// The records before this place in the batch are done; it and all behind it come again.
    From(usize),
    /// All come again, for this reason.
    Failed(String),
}

/// The event of a batch.
pub(super) fn event(records: &[Handed], stream_arn: &str, region: &str) -> Value {
    let one = |record: &Handed| {
        json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.partition_key,
                "sequenceNumber": record.sequence_number,
                "data": base64(&record.data),
                "approximateArrivalTimestamp": epoch_seconds(record.arrived),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{}:{}", record.shard, record.sequence_number),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::000000000000:role/embedded",
            "awsRegion": region,
            "eventSourceARN": stream_arn,
        })
    };
    json!({ "Records": records.iter().map(one).collect::<Vec<Value>>() })
}

/// Reads what a function returned for `records`. The rules are Lambda's: nothing and an empty list are success; the lowest sequence number
/// that is named is where to go on; anything else is a failure of the whole batch. Where failures are not reported, a return is success.
pub(super) fn verdict(returned: &Value, records: &[Handed], reports_failures: bool) -> Verdict {
    if !reports_failures || returned.is_null() {
        return Verdict::Done;
    }
    let failures = match returned.get("batchItemFailures") {
        None if returned.as_object().is_some_and(serde_json::Map::is_empty) => return Verdict::Done,
        Some(Value::Null) => return Verdict::Done,
        Some(Value::Array(failures)) => failures,
        _ => return Verdict::Failed("its answer is not of the form {\"batchItemFailures\": […]}".to_owned()),
    };
    let mut first = None;
    for failure in failures {
        let named = failure.get("itemIdentifier").and_then(Value::as_str);
        let at = named.and_then(|number| records.iter().position(|record| record.sequence_number == number));
        let Some(at) = at else {
            return Verdict::Failed("its answer names a sequence number that is not of the batch".to_owned());
        };
        first = Some(first.map_or(at, |before: usize| before.min(at)));
    }
    first.map_or(Verdict::Done, Verdict::From)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Nanos;

    fn records() -> Vec<Handed> {
        let one = |place: i64| Handed {
            place,
            shard: "shardId-000000000000".into(),
            sequence_number: format!("49{place}"),
            arrived: Nanos(1_700_000_000_250_000_000),
            partition_key: "k".into(),
            data: b"{\"a\":1}".to_vec(),
        };
        (1..=3).map(one).collect()
    }

    #[test]
    fn an_event_has_the_shape_of_lambdas() {
        let event = event(&records(), "arn:aws:kinesis:us-east-1:000000000000:stream/s", "us-east-1");
        let first = &event["Records"][0];
        assert_eq!(first["kinesis"]["data"], "eyJhIjoxfQ==");
        assert_eq!(first["kinesis"]["approximateArrivalTimestamp"].to_string(), "1700000000.250");
        assert_eq!(first["eventID"], "shardId-000000000000:491");
        assert_eq!((&first["eventSource"], &first["eventName"]), (&json!("aws:kinesis"), &json!("aws:kinesis:record")));
        assert_eq!(event["Records"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn answers_are_read_as_lambda_reads_them() {
        let failed = |verdict: Verdict| matches!(verdict, Verdict::Failed(_));
        let of = |returned: Value| verdict(&returned, &records(), true);
        for done in [Value::Null, json!({}), json!({ "batchItemFailures": [] }), json!({ "batchItemFailures": null })] {
            assert_eq!(of(done.clone()), Verdict::Done, "{done}");
        }
        assert_eq!(of(json!({ "batchItemFailures": [{ "itemIdentifier": "493" }, { "itemIdentifier": "492" }] })), Verdict::From(1));
        for bad in [
            json!({ "batchItemFailures": [{ "itemIdentifier": "" }] }),
            json!({ "batchItemFailures": [{ "itemIdentifier": null }] }),
            json!({ "batchItemFailures": [{ "itemIdentifiers": "491" }] }),
            json!({ "batchItemFailures": [{ "itemIdentifier": "499" }] }),
            json!({ "statusCode": 200 }),
            json!("done"),
        ] {
            assert!(failed(of(bad.clone())), "{bad}");
        }
        assert_eq!(verdict(&json!({ "statusCode": 200 }), &records(), false), Verdict::Done);
    }
}
