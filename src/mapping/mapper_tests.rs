use proptest::prelude::*;

use super::*;
use crate::mapping::testing::{object, row, rules};
use crate::record::MeasureKind;
use crate::value::Number;

const AT: i64 = 1_687_331_100_000_000_000;

fn map_with(json: &str, change: impl FnOnce(&mut TableMapping)) -> Result<Mapped, Refusal> {
    let mut rules = rules();
    change(&mut rules);
    Mapper::new(&rules).unwrap().map(&row(object(json)))
}

fn map(json: &str) -> Result<Mapped, Refusal> {
    map_with(json, |_| {})
}

/// A message with time and device, and `rest`.
fn message(rest: &str) -> String {
    format!(r#"{{"ts":1687331100000,"deviceId":"d1",{rest}}}"#)
}

fn code(result: &Result<Mapped, Refusal>) -> &'static str {
    result.as_ref().map_or_else(|refusal| refusal.code.code(), |_| "mapped")
}

fn measure(rest: &str) -> Measure {
    map(&message(rest)).unwrap().record.measures.remove(0).1
}

#[test]
fn a_whole_row_becomes_a_record_with_sorted_dimensions() {
    let mapped = map(&message(
        r#""place":{"site":"north"},"temp":27,"count":27.0,"ok":"TRUE","note":"n","seen":"2023-06-21T07:05:00Z","debug":[],"__dt":"d""#,
    ))
    .unwrap();
    assert_eq!(mapped.omitted, []);
    let record = mapped.record;
    assert_eq!(record.time, Nanos(AT));
    assert_eq!(&*record.measure_name, "telemetry");
    assert_eq!(record.dimensions, [("area".into(), "north".to_owned()), ("device".into(), "d1".to_owned())]);
    let expected = [
        ("temp", Measure::Double(27.0)),
        ("count", Measure::Bigint(27)),
        ("ok", Measure::Boolean(true)),
        ("note", Measure::Varchar("n".to_owned())),
        ("seen", Measure::Timestamp(Nanos(AT))),
    ];
    assert_eq!(record.measures, expected.map(|(name, value)| (Arc::from(name), value)));
}

#[test]
fn numbers_are_typed_exactly() {
    assert_eq!(measure(r#""count":9007199254740993"#), Measure::Bigint(9_007_199_254_740_993));
    assert_eq!(measure(r#""count":"-9223372036854775808""#), Measure::Bigint(i64::MIN));
    assert_eq!(measure(r#""temp":"2.5e1""#), Measure::Double(25.0));
    assert_eq!(measure(r#""note":1.50"#), Measure::Varchar("1.50".to_owned()));
    for wrong in [
        r#""count":27.5"#,
        r#""count":9223372036854775808"#,
        r#""count":true"#,
        r#""temp":1e400"#,
        r#""temp":" 1""#,
        r#""temp":"0x10""#,
        r#""temp":"inf""#,
        r#""temp":[1]"#,
        r#""ok":1"#,
        r#""ok":"yes""#,
        r#""seen":"soon""#,
        r#""seen":1687331100000"#,
    ] {
        assert_eq!(code(&map(&message(wrong))), "wrong_type", "{wrong}");
    }
}

#[test]
fn nested_values_without_rules_inside_become_json_text() {
    assert_eq!(measure(r#""note":{"b":[1,2.50],"a":null}"#), Measure::Varchar(r#"{"b":[1,2.50],"a":null}"#.to_owned()));
    assert_eq!(measure(r#""note":[]"#), Measure::Varchar("[]".to_owned()));
}

#[test]
fn typed_values_of_parquet() {
    let mapper = Mapper::new(&rules()).unwrap();
    let mut columns = object(r#"{"deviceId":7}"#);
    columns.insert("ts".to_owned(), Value::Timestamp(Nanos(5)));
    columns.insert("seen".to_owned(), Value::Timestamp(Nanos(6)));
    columns.insert("note".to_owned(), Value::Timestamp(Nanos(7)));
    columns.insert("temp".to_owned(), Value::NonFinite(f64::NAN));
    let mapped = mapper.map(&row(columns)).unwrap();
    assert_eq!(mapped.record.time, Nanos(5));
    assert_eq!(mapped.record.dimensions, [("device".into(), "7".to_owned())]);
    let note = Measure::Varchar("1970-01-01T00:00:00.000000007Z".to_owned());
    assert_eq!(mapped.record.measures, [("note".into(), note), ("seen".into(), Measure::Timestamp(Nanos(6)))]);
    assert_eq!(mapped.omitted, [Omission { measure: "temp".into(), why: "not a finite number" }]);
}

#[test]
fn nulls_are_left_out_in_silence_and_policies_count() {
    let mapped = map(&message(r#""temp":null,"note":"","count":1"#)).unwrap();
    assert_eq!(mapped.record.measures.len(), 1);
    assert_eq!(mapped.omitted, [Omission { measure: "note".into(), why: "empty string" }]);

    let quarantine = |rules: &mut TableMapping| {
        rules.policies.empty_strings = EmptyStrings::Quarantine;
        rules.policies.non_finite = NonFinite::Quarantine;
    };
    assert_eq!(code(&map_with(&message(r#""note":"","count":1"#), quarantine)), "empty_string");
    assert_eq!(code(&map_with(&message(r#""temp":"","count":1"#), quarantine)), "empty_string");
    assert_eq!(code(&map_with(&message(r#""temp":"NaN","count":1"#), quarantine)), "non_finite");
    assert_eq!(code(&map_with(r#"{"ts":1,"deviceId":"","count":1}"#, quarantine)), "empty_string");

    let omit = |rules: &mut TableMapping| rules.policies.wrong_type = WrongType::Omit;
    let mapped = map_with(&message(r#""temp":"warm","count":1"#), omit).unwrap();
    assert_eq!(mapped.omitted, [Omission { measure: "temp".into(), why: "not of the measure's type" }]);
}

#[test]
fn a_row_without_time_dimension_or_measure_is_refused_by_its_reason() {
    assert_eq!(code(&map(r#"{"deviceId":"d","count":1}"#)), "no_time");
    assert_eq!(code(&map(r#"{"ts":null,"deviceId":"d","count":1}"#)), "no_time");
    assert_eq!(code(&map(r#"{"ts":"","deviceId":"d","count":1}"#)), "no_time");
    assert_eq!(code(&map(r#"{"ts":"soon","deviceId":"d","count":1}"#)), "bad_time");
    assert_eq!(code(&map(r#"{"ts":1e30,"deviceId":"d","count":1}"#)), "bad_time");
    assert_eq!(code(&map(r#"{"ts":1,"count":1}"#)), "no_dimension");
    assert_eq!(code(&map(r#"{"ts":1,"deviceId":"","count":1}"#)), "no_dimension");
    assert_eq!(code(&map(r#"{"ts":1,"deviceId":"d"}"#)), "no_measure");
    assert_eq!(code(&map(r#"{"ts":1,"deviceId":"d","note":""}"#)), "no_measure");
}

#[test]
fn a_missing_dimension_is_left_out_filled_or_a_reason() {
    assert_eq!(map(&message(r#""count":1"#)).unwrap().record.dimensions.len(), 1);
    let fill = |rules: &mut TableMapping| rules.policies.missing_dimension = MissingDimension::Fill("unknown".to_owned());
    let filled = map_with(r#"{"ts":1,"deviceId":"","count":1}"#, fill).unwrap();
    assert_eq!(filled.record.dimensions, [("area".into(), "unknown".to_owned()), ("device".into(), "unknown".to_owned())]);
    let quarantine = |rules: &mut TableMapping| rules.policies.missing_dimension = MissingDimension::Quarantine;
    let refused = map_with(&message(r#""count":1"#), quarantine);
    assert_eq!(code(&refused), "missing_dimension");
    assert_eq!(refused.unwrap_err().column.unwrap().to_string(), "place.site");
}

#[test]
fn sizes_end_at_the_services_limits() {
    let text = |bytes: usize| format!(r#""note":"{}""#, "x".repeat(bytes));
    assert_eq!(code(&map(&message(&text(2048)))), "mapped");
    assert_eq!(code(&map(&message(&text(2049)))), "oversize_string");
    assert_eq!(code(&map(&message(&format!(r#"{},"count":1"#, text(2040))))), "mapped");
    assert_eq!(code(&map(&message(&format!(r#"{},"count":1"#, text(2041))))), "record_too_large");
    let long_name = |bytes: usize| format!(r#"{{"ts":1,"count":1,"deviceId":"{}"}}"#, "d".repeat(bytes));
    assert_eq!(code(&map(&long_name(2048 - "device".len()))), "mapped");
    assert_eq!(code(&map(&long_name(2049 - "device".len()))), "dimensions_too_large");
}

#[test]
fn truncation_cuts_whole_characters_until_the_record_fits() {
    let truncate = |rules: &mut TableMapping| rules.policies.oversize_strings = OversizeStrings::Truncate;
    let mapped = map_with(&message(&format!(r#""note":"{}","count":1"#, "é".repeat(1500))), truncate).unwrap();
    assert_eq!(mapped.record.measures[1].1, Measure::Varchar("é".repeat(1020)));
    assert_eq!(mapped.omitted, [Omission { measure: "note".into(), why: "string cut to fit" }]);
}

#[test]
fn an_unknown_column_is_refused_wherever_it_hides_unless_it_says_nothing() {
    for (rest, column) in [
        (r#""count":1,"extra":2"#, "extra"),
        (r#""count":1,"place":{"site":"n","floor":2}"#, "place.floor"),
        (r#""count":1,"place":"north""#, "place"),
        (r#""count":1,"extra":{"deep":[1]}"#, "extra"),
    ] {
        let refusal = map(&message(rest)).unwrap_err();
        assert_eq!((refusal.code, refusal.column.unwrap().to_string().as_str()), (RefusalCode::UnknownColumn, column));
    }
    for known in [
        r#""extra":null"#,
        r#""extra":{"deep":null}"#,
        r#""place":{"floor":{}}"#,
        r#""debug":[1]"#,
        r#""__partition_x":"a""#,
        r#""__hour":"3""#,
    ] {
        assert_eq!(code(&map(&message(&format!(r#""count":1,{known}"#)))), "mapped", "{known}");
    }
    let empty = message(r#""count":1,"extra":"""#);
    assert_eq!(code(&map(&empty)), "mapped");
    assert_eq!(code(&map_with(&empty, |rules| rules.policies.empty_strings = EmptyStrings::Quarantine)), "unknown_column");
    let ignore = |rules: &mut TableMapping| rules.policies.unknown_column = UnknownColumn::Ignore;
    assert_eq!(code(&map_with(&message(r#""count":1,"extra":2"#), ignore)), "mapped");
}

#[test]
fn another_spelling_is_found_when_it_is_the_only_one() {
    let mapped = map(r#"{"TS":1687331100000,"deviceid":"d1","COUNT":1}"#).unwrap();
    assert_eq!((mapped.record.time, mapped.record.measures.len()), (Nanos(AT), 1));
    assert_eq!(mapped.record.dimensions, [("device".into(), "d1".to_owned())]);
    // The exact name wins, and the other one is then a column that nobody named.
    assert_eq!(code(&map(&message(r#""deviceid":"d2","count":1"#))), "unknown_column");
    assert_eq!(code(&map(r#"{"ts":1,"DEVICEID":"a","deviceid":"b","count":1}"#)), "unknown_column");
    // Two known names that differ in case only: neither stands for a third.
    let two = |rules: &mut TableMapping| {
        rules.measures[0].column = ColumnPath::top("Count");
    };
    assert_eq!(code(&map_with(&message(r#""COUNT":1"#), two)), "unknown_column");
    assert_eq!(code(&map_with(&message(r#""Count":1,"count":2"#), two)), "mapped");
}

#[test]
fn elements_of_arrays_can_be_columns() {
    let latitude = |rules: &mut TableMapping| rules.measures[0].column = "pos[0]".parse().unwrap();
    let mapped = map_with(&message(r#""pos":[47.5,null]"#), latitude).unwrap();
    assert_eq!(mapped.record.measures, [("temp".into(), Measure::Double(47.5))]);
    assert_eq!(code(&map_with(&message(r#""pos":[47.5,8.1]"#), latitude)), "unknown_column");
}

#[test]
fn rules_that_cannot_be_obeyed_make_no_mapper() {
    let mut rules = rules();
    rules.measures[0].name = "time".into();
    let error = Mapper::new(&rules).unwrap_err();
    assert!(error.to_string().contains("reserves"), "{error}");
    assert!(error.hint().unwrap().contains("col_time"));
}

#[test]
fn the_shape_lists_dimensions_sorted_and_measures_in_their_order() {
    let shape = Mapper::new(&rules()).unwrap().shape();
    assert_eq!(shape.dimensions, ["area", "device"]);
    assert_eq!(shape.measures[1], ("count".to_owned(), MeasureKind::Bigint));
}

#[test]
fn refusals_hold_no_control_characters_and_codes_are_unique() {
    let refusal = map(&message(r#""temp":"\u001b[31m\n\u009b""#)).unwrap_err();
    assert!(!refusal.to_string().contains(char::is_control), "{refusal}");
    let refusal = map(&message(r#""\u001b[2J":1"#)).unwrap_err();
    assert!(!refusal.to_string().contains(char::is_control), "{refusal}");
    let codes: std::collections::BTreeSet<_> = RefusalCode::ALL.iter().map(|code| code.code()).collect();
    assert_eq!(codes.len(), RefusalCode::ALL.len());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|i| Value::Number(i.into())),
        any::<f64>().prop_map(|f| Number::from_f64(f).map_or(Value::NonFinite(f), Value::Number)),
        "(true|NaN|[0-9]{1,4}|.{0,8})".prop_map(Value::String),
        any::<i64>().prop_map(|t| Value::Timestamp(Nanos(t))),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(("[a-c]|site", inner), 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_row_is_one_record_within_the_limits_or_one_reason_every_time(
        fields in prop::collection::vec(("ts|deviceId|deviceid|place|temp|count|ok|note|seen|debug|extra", any_value()), 0..10),
        turn in 0usize..10,
    ) {
        let mapper = Mapper::new(&rules()).unwrap();
        let first = row(fields.iter().cloned().collect());
        let once = mapper.map(&first);
        prop_assert_eq!(format!("{once:?}"), format!("{:?}", mapper.map(&first)));
        if let Ok(mapped) = &once {
            let record = &mapped.record;
            prop_assert!(!record.dimensions.is_empty() && !record.measures.is_empty());
            prop_assert!(record.dimensions.iter().all(|(_, value)| !value.is_empty()));
            let legal = |measure: &Measure| match measure {
                Measure::Double(double) => double.is_finite(),
                Measure::Varchar(text) => !text.is_empty() && text.len() <= STRING_BYTES_MAX,
                _ => true,
            };
            prop_assert!(record.measures.iter().all(|(_, measure)| legal(measure)));
            // The order of a message's columns is nothing to its record.
            let mut turned: Vec<_> = first.columns.clone().into_iter().collect();
            let places = turned.len();
            turned.rotate_left(turn % places.max(1));
            prop_assert_eq!(&mapper.map(&row(turned.into_iter().collect())).unwrap().record, record);
        }
    }
}
