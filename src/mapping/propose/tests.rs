use std::collections::BTreeMap;

use super::*;
use crate::history::ObjectRead;
use crate::inventory::{Dataset, DatasetAction, Datastore, DeltaTime, FileFormat, Origin, Partition, Retention, Storage, Versioning};
use crate::mapping::Mapper;
use crate::mapping::testing::{object, row, source};
use crate::survey::{Extent, SurveyBuilder};
use crate::time::Nanos;
use crate::value::{Object, Value};

fn origin() -> Origin {
    Origin { file: "plant.json".to_owned(), path: String::new() }
}

fn partitioned(partitions: Vec<Partition>) -> Inventory {
    let plant = Datastore {
        name: "plant".to_owned(),
        origin: origin(),
        storage: Storage::ServiceManaged,
        retention: Retention::Unknown,
        format: FileFormat::Json,
        partitions,
        tags: BTreeMap::new(),
    };
    Inventory { datastores: BTreeMap::from([("plant".to_owned(), plant)]), ..Inventory::empty() }
}

fn with_delta_time(sql: &str, expression: &str) -> Inventory {
    let delta_time = Some(DeltaTime { offset_seconds: -180, time_expression: expression.to_owned() });
    let dataset = Dataset {
        name: "recent".to_owned(),
        origin: origin(),
        action: Some(DatasetAction::Query { name: "q".to_owned(), sql: sql.to_owned(), delta_time }),
        triggers: Vec::new(),
        deliveries: Vec::new(),
        retention: Retention::Unknown,
        versioning: Versioning::Default,
        late_data_timeout_minutes: None,
        tags: BTreeMap::new(),
    };
    Inventory { datasets: BTreeMap::from([("recent".to_owned(), dataset)]), ..Inventory::empty() }
}

fn survey_of(format: Format, rows: Vec<Object>) -> StoreSurvey {
    let source = source(format);
    let mut builder = SurveyBuilder::new();
    builder.listed(&source);
    builder.object(&source);
    for columns in rows {
        builder.row(&row(columns));
    }
    builder.end(&source, &ObjectRead::default(), false);
    builder.finish(Extent::Full).stores.remove("plant").unwrap()
}

fn json(rows: &[&str]) -> StoreSurvey {
    survey_of(Format::Json, rows.iter().map(|text| object(text)).collect())
}

/// A message with `ts` and `device`, and `rest`.
fn proposed(rests: &[&str]) -> Proposal {
    let rows = rests.iter().map(|rest| object(&format!(r#"{{"ts":1687331100000,"device":"d1",{rest}}}"#))).collect();
    propose("plant", &survey_of(Format::Json, rows), &Inventory::empty()).unwrap()
}

/// `name TYPE` of every measure.
fn measures(proposal: &Proposal) -> Vec<String> {
    proposal.mapping.measures.iter().map(|rule| format!("{} {}", rule.name, rule.kind.name())).collect()
}

fn dimensions(proposal: &Proposal) -> Vec<String> {
    proposal.mapping.dimensions.iter().map(|rule| rule.name.to_string()).collect()
}

fn time(survey: &StoreSurvey, inventory: &Inventory) -> String {
    let rule = propose("plant", survey, inventory).unwrap().mapping.time;
    format!("{} {}", rule.column, rule.format)
}

fn has_doubt(proposal: &Proposal, subject: &str, words: &str) -> bool {
    proposal.doubts.iter().any(|doubt| doubt.subject == subject && doubt.text.contains(words))
}

#[test]
fn an_ordinary_store_is_mapped_with_a_reason_for_everything() {
    let survey = json(&[
        r#"{"ts":1687331100123,"deviceId":"d1",
            "temp":{"c":19.5,"f":67},"rpm":1200,"ok":true,"status":"a","tags":["a"],"gone":null,"__dt":"x"}"#,
        r#"{"ts":1687331101123,"deviceId":"d2",
            "temp":{"c":20,"f":68.5},"rpm":1300,"ok":false,"status":"b","tags":[],"gone":null,"__dt":"d"}"#,
    ]);
    let proposal = propose("plant", &survey, &Inventory::empty()).unwrap();
    let mapping = &proposal.mapping;
    assert_eq!((mapping.table.as_str(), &*mapping.measure_name), ("plant", "plant"));
    assert_eq!((mapping.time.column.to_string(), mapping.time.format.to_string()), ("ts".to_owned(), "epoch_ms".to_owned()));
    assert_eq!(dimensions(&proposal), ["deviceId"]);
    let expected = ["temp_c DOUBLE", "temp_f DOUBLE", "rpm BIGINT", "ok BOOLEAN", "status VARCHAR", "tags VARCHAR"];
    assert_eq!(measures(&proposal), expected);
    assert_eq!(mapping.ignored.iter().map(ToString::to_string).collect::<Vec<_>>(), ["gone", "__dt"]);
    let subjects: Vec<&str> = proposal.reasons.iter().map(|reason| reason.subject.as_str()).collect();
    for subject in [
        "table",
        "measure_name",
        "time",
        "dimension deviceId",
        "measure temp_c",
        "measure rpm",
        "ignored gone",
        "ignored __dt",
        "policies.collisions",
    ] {
        assert!(subjects.contains(&subject), "{subject}: {subjects:?}");
    }
    assert!(has_doubt(&proposal, "ignored gone", "null"));
    // What is proposed can be obeyed, and takes the rows it was made from.
    let mapper = Mapper::new(mapping).unwrap();
    let mapped = mapper.map(&row(object(r#"{"ts":1687331100123,"deviceId":"d1","temp":{"c":19.5,"f":67},"gone":null}"#))).unwrap();
    assert_eq!(mapped.record.time, Nanos(1_687_331_100_123_000_000));
}

#[test]
fn the_time_is_taken_from_the_best_witness() {
    let two_times = json(&[
        r#"{"timestamp":1687331100,"sampled":"21/06/2023 07:05","received":"2023-06-21T07:06:00Z","device":"d","x":1}"#,
        r#"{"timestamp":1687331101,"sampled":"21/06/2023 07:06","received":"2023-06-21T07:07:00Z","device":"d","x":1}"#,
    ]);
    assert_eq!(time(&two_times, &Inventory::empty()), "timestamp epoch_s");
    assert_eq!(time(&two_times, &with_delta_time("SELECT * FROM plant", "from_iso8601_timestamp(received)")), "received iso8601");
    assert_eq!(time(&two_times, &with_delta_time("SELECT * FROM other", "received")), "timestamp epoch_s");
    let partition = |attribute: &str, format: Option<&str>| {
        partitioned(vec![Partition::Timestamp { attribute: attribute.to_owned(), format: format.map(str::to_owned) }])
    };
    assert_eq!(time(&two_times, &partition("sampled", Some("dd/MM/yyyy HH:mm"))), "sampled java:dd/MM/yyyy HH:mm");
    assert_eq!(time(&two_times, &partition("received", None)), "received iso8601");
    // A pattern that is not understood or does not read the values is no reason to take the column.
    for pattern in ["yyyy-MM-dd", "dd MMM yyyy"] {
        let proposal = propose("plant", &two_times, &partition("sampled", Some(pattern))).unwrap();
        assert_eq!(proposal.mapping.time.column.to_string(), "timestamp");
        assert!(has_doubt(&proposal, "time", "sampled"), "{:?}", proposal.doubts);
    }
}

#[test]
fn without_a_usual_name_a_column_of_instants_is_taken_with_a_doubt() {
    let survey = json(&[
        r#"{"installed":"2020-01-01","when":"2023-06-21T07:05:00Z","device":"d","x":1}"#,
        r#"{"installed":"2020-01-01","when":"2023-06-21T07:06:00Z","device":"d","x":1}"#,
    ]);
    let proposal = propose("plant", &survey, &Inventory::empty()).unwrap();
    assert_eq!(proposal.mapping.time.column.to_string(), "when");
    assert!(has_doubt(&proposal, "time", "usual name"));
}

#[test]
fn the_days_of_the_service_are_never_the_time() {
    let survey = json(&[r#"{"__dt":"2023-06-21 00:00:00","__year":"2023","device":"d","temp":21.5}"#]);
    let error = propose("plant", &survey, &Inventory::empty()).unwrap_err();
    assert!(matches!(&error, MappingError::NoTime { columns, .. } if columns.contains("temp")), "{error}");
    assert!(error.hint().unwrap().contains("migration.toml"));
}

#[test]
fn rows_that_will_be_refused_for_their_time_are_foretold() {
    let mut rows = vec![r#"{"ts":1687331100,"device":"d","x":1}"#; 8];
    rows.push(r#"{"ts":"broken","device":"d","x":1}"#);
    rows.push(r#"{"device":"d","x":1}"#);
    let proposal = propose("plant", &json(&rows), &Inventory::empty()).unwrap();
    assert!(has_doubt(&proposal, "time", "1 value of ts cannot be read"));
    assert!(has_doubt(&proposal, "time", "1 of 10 rows without ts"));
}

#[test]
fn identities_become_dimensions_and_conditions_do_not() {
    let proposal = proposed(&[
        r#""line":"a","plantId":7,"status":"on","type":3,"sensor":{"serial":"s1","level":"low"},"x":1"#,
        r#""line":"b","plantId":8,"status":"off","type":3,"sensor":{"serial":"s2","level":"low"},"x":1"#,
    ]);
    assert_eq!(dimensions(&proposal), ["device", "line", "plantId", "sensor_serial"]);
    assert_eq!(measures(&proposal), ["status VARCHAR", "type BIGINT", "sensor_level VARCHAR", "x BIGINT"]);
}

#[test]
fn partition_attributes_are_dimensions_whatever_they_are_called() {
    let attribute = |name: &str| Partition::Attribute { attribute: name.to_owned() };
    let survey = json(&[r#"{"ts":1687331100,"shift":"early","__partition_shift":"early","__partition_hall":"3","x":1}"#]);
    let proposal = propose("plant", &survey, &partitioned(vec![attribute("shift"), attribute("hall"), attribute("absent")])).unwrap();
    assert_eq!(dimensions(&proposal), ["hall", "shift"]);
    assert_eq!(proposal.mapping.dimensions[0].column.to_string(), "__partition_hall");
    assert_eq!(proposal.mapping.ignored[0].to_string(), "__partition_shift");
}

#[test]
fn a_name_of_one_message_is_no_dimension() {
    let rows: Vec<Object> =
        (0..200).map(|i| object(&format!(r#"{{"ts":{},"device":"d{}","uuid":"u{i}","x":1}}"#, 1_687_331_100 + i, i % 3))).collect();
    let proposal = propose("plant", &survey_of(Format::Json, rows), &Inventory::empty()).unwrap();
    assert_eq!(dimensions(&proposal), ["device"]);
    assert!(has_doubt(&proposal, "column uuid", "series of its own"));
}

#[test]
fn without_an_identity_the_calmest_text_stands_in_or_there_is_an_error() {
    let survey = json(&[r#"{"ts":1687331100,"a":"x","b":"y","t":1.5}"#, r#"{"ts":1687331101,"a":"x","b":"z","t":2.5}"#]);
    let proposal = propose("plant", &survey, &Inventory::empty()).unwrap();
    assert_eq!(dimensions(&proposal), ["a"]);
    assert!(has_doubt(&proposal, "column a", "cannot be changed"));
    let numbers = json(&[r#"{"ts":1687331100,"t":1.5}"#]);
    assert!(matches!(propose("plant", &numbers, &Inventory::empty()), Err(MappingError::NoDimension { .. })));
    let nothing = json(&[r#"{"ts":1687331100,"device":"d"}"#]);
    assert!(matches!(propose("plant", &nothing, &Inventory::empty()), Err(MappingError::NoMeasure { .. })));
    assert!(matches!(propose("plant", &json(&[]), &Inventory::empty()), Err(MappingError::NoRows { .. })));
}

#[test]
fn types_follow_the_data_and_doubts_follow_the_types() {
    for (values, kind, doubt) in [
        (["1", "27.0"], "BIGINT", None),
        (["1", "1.5"], "DOUBLE", None),
        (["1", "\"1.5\""], "DOUBLE", None),
        (["9007199254740993", "0.5"], "DOUBLE", Some("2^53")),
        (["1e400", "1"], "VARCHAR", Some("too large")),
        (["\"1\"", "\"2\""], "VARCHAR", None),
        (["\"true\"", "\"false\""], "VARCHAR", None),
        (["true", "\"FALSE\""], "BOOLEAN", None),
        (["true", "1"], "VARCHAR", Some("several kinds")),
        (["1", "\"warm\""], "VARCHAR", Some("several kinds")),
        (["[1]", "\"x\""], "VARCHAR", Some("JSON text")),
        (["null", "\"\""], "", Some("")),
    ] {
        let rests: Vec<String> = values.iter().map(|value| format!(r#""x":{value},"y":1"#)).collect();
        let proposal = proposed(&rests.iter().map(String::as_str).collect::<Vec<_>>());
        let x = proposal.mapping.measures.iter().find(|rule| &*rule.name == "x");
        assert_eq!(x.map_or("", |rule| rule.kind.name()), kind, "{values:?}");
        let doubts: Vec<_> = proposal.doubts.iter().filter(|doubt| doubt.subject.ends_with(" x")).collect();
        match doubt {
            None => assert!(doubts.is_empty(), "{values:?}: {doubts:?}"),
            Some(words) => assert!(doubts.iter().any(|doubt| doubt.text.contains(words)), "{values:?}: {doubts:?}"),
        }
    }
}

#[test]
fn in_a_store_of_csv_alone_texts_say_their_type() {
    let rows = |values: [&str; 2]| values.map(|x| object(&format!(r#"{{"ts":"1687331100","device":"7","x":"{x}"}}"#))).to_vec();
    let kind = |values| {
        let proposal = propose("plant", &survey_of(Format::Csv, rows(values)), &Inventory::empty()).unwrap();
        assert_eq!(dimensions(&proposal), ["device"]);
        measures(&proposal).remove(0)
    };
    assert_eq!(kind(["1", "2"]), "x BIGINT");
    assert_eq!(kind(["1", "2.5"]), "x DOUBLE");
    assert_eq!(kind(["1", "NaN"]), "x DOUBLE");
    assert_eq!(kind(["true", "false"]), "x BOOLEAN");
    assert_eq!(kind(["007", "1"]), "x VARCHAR");
}

#[test]
fn typed_instants_are_timestamps() {
    let typed = |at| {
        let mut columns = object(r#"{"ts":1687331100,"device":"d"}"#);
        columns.insert("seen".to_owned(), Value::Timestamp(Nanos(at)));
        columns
    };
    let mut rows = vec![typed(5), typed(6)];
    let proposal = propose("plant", &survey_of(Format::Parquet, rows.clone()), &Inventory::empty()).unwrap();
    assert_eq!(measures(&proposal), ["seen TIMESTAMP"]);
    // The delivered CSV of the same store holds the same instants as text.
    rows.push(object(r#"{"ts":1687331100,"device":"d","seen":"2023-06-21 07:05:00.000"}"#));
    let proposal = propose("plant", &survey_of(Format::Parquet, rows), &Inventory::empty()).unwrap();
    assert_eq!(proposal.mapping.measures[0].format.as_ref().unwrap().to_string(), "athena");
}

#[test]
fn a_sample_makes_whole_numbers_doubtful() {
    let source = source(Format::Json);
    let mut builder = SurveyBuilder::new();
    builder.object(&source);
    builder.row(&row(object(r#"{"ts":1687331100,"device":"d","temperature":21,"later":null}"#)));
    builder.end(&source, &ObjectRead::default(), true);
    let survey = builder.finish(Extent::Full).stores.remove("plant").unwrap();
    let proposal = propose("plant", &survey, &Inventory::empty()).unwrap();
    assert_eq!(measures(&proposal), ["temperature BIGINT"]);
    assert!(has_doubt(&proposal, "measure temperature", "DOUBLE is the safe type"));
    // A column that is only ever null in the sample is not named: where it has a value after all, the row is kept aside.
    assert_eq!(proposal.mapping.ignored, []);
    assert!(has_doubt(&proposal, "column later", "sample"));
    let mapper = Mapper::new(&proposal.mapping).unwrap();
    let map = |later: &str| mapper.map(&row(object(&format!(r#"{{"ts":1687331100,"device":"d","temperature":21,"later":{later}}}"#))));
    assert!(map("null").is_ok() && map("\"\"").is_ok());
    assert_eq!(map("5").unwrap_err().code.code(), "unknown_column");
}

#[test]
fn names_that_are_reserved_or_taken_are_changed_and_said() {
    let proposal = proposed(&[r#""time":5,"a":{"b":1},"a_b":2,"A_B":3,"ts_x":4,"Device":1"#]);
    let names: Vec<&str> = proposal.mapping.measures.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["col_time", "a_b", "a_b_2", "A_B_3", "col_ts_x", "Device_2"]);
    assert!(has_doubt(&proposal, "measure col_time", "reserved"));
    assert!(Mapper::new(&proposal.mapping).is_ok());
}

#[test]
fn spellings_of_athena_are_one_column_and_said() {
    let survey = json(&[r#"{"ts":1687331100,"deviceId":"d","x":1}"#, r#"{"ts":1687331100,"deviceid":"d","x":1}"#]);
    let proposal = propose("plant", &survey, &Inventory::empty()).unwrap();
    assert_eq!(dimensions(&proposal), ["deviceId"]);
    assert!(has_doubt(&proposal, "column deviceId", "deviceid"));
    assert!(Mapper::new(&proposal.mapping).unwrap().map(&row(object(r#"{"ts":1687331100,"deviceid":"d","x":1}"#))).is_ok());
}

#[test]
fn types_with_columns_of_their_own_are_named_as_a_possible_route_and_nothing_is_routed() {
    let route = |rests: &[&str]| {
        let proposal = proposed(rests);
        assert_eq!(proposal.mapping.route, None);
        proposal.reasons.into_iter().find(|reason| reason.subject == "route").map(|reason| reason.text)
    };
    let text = route(&[r#""sensorType":"pump","flow":1.5"#, r#""sensorType":"pump","flow":2.5"#, r#""sensorType":"valve","angle":7"#]);
    let text = text.unwrap();
    assert!(text.starts_with("sensorType has 2 values (\"pump\", \"valve\"), and some columns"), "{text}");
    assert!(text.contains("route = { column = \"sensorType\", values = [\"pump\"] }"), "{text}");
    assert_eq!(route(&[r#""sensorType":"pump","flow":1.5,"angle":1"#, r#""sensorType":"valve","flow":2.5,"angle":7"#]), None);
    assert_eq!(route(&[r#""colour":"red","flow":1.5"#, r#""colour":"blue","angle":7"#]), None);
}

#[test]
fn the_same_survey_gives_the_same_proposal() {
    let rows: Vec<Object> =
        (0..50).map(|i| object(&format!(r#"{{"ts":{i},"time":{},"b{i}":1,"site":"s","a{i}":"x"}}"#, 1_687_331_100 + i))).collect();
    let once = propose("plant", &survey_of(Format::Json, rows.clone()), &Inventory::empty());
    assert!(once.is_ok());
    assert_eq!(once, propose("plant", &survey_of(Format::Json, rows), &Inventory::empty()));
}

#[test]
fn no_name_of_a_column_can_leave_its_line() {
    let proposal = proposed(&[r#""a\nb":null,"ti\u202eme":5,"de\u001bvice":"d","x":1"#]);
    for reason in proposal.reasons.iter().chain(&proposal.doubts) {
        let line = format!("{} {}", reason.subject, reason.text);
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
    assert!(proposal.doubts.iter().any(|doubt| doubt.subject.contains("a\\u{a}b")), "{:?}", proposal.doubts);
}

#[test]
fn an_attribute_partition_shows_in_the_keys_too() {
    let survey = json(&[r#"{"ts":1687331100,"shift":"early","__partition_shift":"early","x":1}"#]);
    let proposal = propose("plant", &survey, &Inventory::empty()).unwrap();
    assert_eq!(proposal.mapping.dimensions[0].column.to_string(), "shift");
}
