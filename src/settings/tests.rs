use proptest::prelude::*;

use super::*;
use crate::mapping::{Collisions, MissingDimension, Route, Takes, WrongType};
use crate::record::MeasureKind;
use crate::spoilt::{changes, spoilt_text};
use crate::time::TimeFormat;

const GOOD: &str = r#"
history = "history"
skipped_stores = ["old"]

[target]
database = "factory"
memory_hours = 12
magnetic_days = 400
partition_dimension = "device_id"

[write]
record_version = 3
requests_in_flight_max = 8
readers = 1

[[table]]
store = "press"
table = "press"
measure_name = "telemetry"
time = { column = "ts", format = "epoch_ms" }
dimensions = [{ column = "site", name = "site" }, { column = "device.id", name = "device_id" }]
measures = [
  { column = "temperature", name = "temperature", type = "DOUBLE" },
  { column = "serviced", name = "serviced", type = "timestamp", format = "iso8601" },
]
ignored = ["__dt"]

[table.policies]
missing_dimension = { fill = "none" }
collisions = "keep_last"
"#;

fn problems(text: &str) -> Vec<String> {
    Settings::parse(text, "migration.toml").unwrap_err().problems().iter().map(ToString::to_string).collect()
}

#[test]
fn reads_every_setting_and_fills_in_the_stated_defaults() {
    let settings = Settings::parse(GOOD, "migration.toml").unwrap();
    assert_eq!(settings.history, "history");
    assert_eq!(settings.skipped_stores, ["old"]);
    assert_eq!(settings.target.partition_dimension.as_deref(), Some("device_id"));
    assert_eq!(settings.target.rejected_data_prefix, "iota2ts/rejected/");
    assert_eq!(settings.write, WriteSettings { record_version: 3, requests_in_flight_max: 8, readers: 1 });
    let table = &settings.tables[0];
    let names: Vec<&str> = table.dimensions.iter().map(|dimension| &*dimension.name).collect();
    assert_eq!(names, ["device_id", "site"], "dimensions are sorted by name");
    assert_eq!(table.measures[1].kind, MeasureKind::Timestamp);
    assert_eq!(table.measures[1].format, Some(TimeFormat::Iso8601));
    assert_eq!(table.policies.missing_dimension, MissingDimension::Fill("none".to_owned()));
    assert_eq!(table.policies.collisions, Collisions::KeepLast);
    assert_eq!(table.policies.wrong_type, WrongType::Quarantine);
}

#[test]
fn all_mistakes_are_named_at_once_with_line_key_value_and_what_is_allowed() {
    let bad = GOOD
        .replace("memory_hours = 12", "memory_hours = 0")
        .replace("magnetic_days = 400", "magnetic_days = \"all\"")
        .replace("readers = 1", "readers = 1\nthreads = 4")
        .replace("format = \"epoch_ms\"", "format = \"millis\"")
        .replace("type = \"DOUBLE\"", "type = \"FLOAT\"")
        .replace("\"keep_last\"", "\"newest\"");
    assert_eq!(
        problems(&bad),
        [
            "line 7: target.memory_hours: found 0; it must be a whole number from 1 to 8766",
            "line 8: target.magnetic_days: found \"all\"; it must be a whole number from 1 to 73000",
            "line 15: write.threads: there is no such setting; allowed here are record_version, requests_in_flight_max, readers",
            "line 21: table[0].time.format: `millis` is not a time format; use epoch_s, epoch_ms, epoch_us, epoch_ns, iso8601, athena or \
             java:<pattern>",
            "line 24: table[0].measures[0].type: found \"FLOAT\"; it must be \"DOUBLE\", \"BIGINT\", \"BOOLEAN\", \"VARCHAR\" or \"TIMESTAMP\"",
            "line 31: table[0].policies.collisions: found \"newest\"; it must be \"quarantine\", \"keep_first\" or \"keep_last\"",
        ]
    );
    let error = Settings::parse(&bad, "migration.toml").unwrap_err();
    assert!(error.to_string().starts_with("migration.toml line 7: target.memory_hours: found 0"), "{error}");
    assert!(error.to_string().ends_with("(and 5 more)"), "{error}");
    assert!(error.hint().unwrap().contains("migration.toml"));
}

#[test]
fn missing_settings_are_named_where_they_belong() {
    let text = "history = \"h\"\n[target]\ndatabase = \"abc\"\nmemory_hours = 1\n[[table]]\nstore = \"s\"\n";
    assert_eq!(
        problems(text),
        [
            "line 2: target.magnetic_days: it is missing; it must be a whole number from 1 to 73000",
            "line 5: table[0].table: it is missing; it must be the name of a Timestream table",
            "line 5: table[0].measure_name: it is missing; it must be the measure name of the table's records",
            "line 5: table[0].time: it is missing; it must be a table { column = …, format = … }",
            "line 5: table[0].dimensions: it is missing; it must be a list of { column = …, name = … }",
            "line 5: table[0].measures: it is missing; it must be a list of { column = …, name = …, type = … }",
        ]
    );
}

#[test]
fn broken_toml_is_named_with_its_line() {
    let found = problems("history = \"h\"\n[target\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("line 2: not TOML: "), "{found:?}");
}

#[test]
fn two_stores_never_share_a_table_and_a_skipped_store_has_none() {
    let section = GOOD.split_once("[[table]]").unwrap().1;
    let twice = format!("{GOOD}\n[[table]]{}", section.replace("store = \"press\"", "store = \"old\""));
    assert_eq!(
        problems(&twice),
        [
            "line 3: skipped_stores: the store `old` is skipped here and has a [[table]] below",
            "line 34: table[1].table: another [[table]] has the table `press` already; each store needs its own",
        ]
    );
}

/// `GOOD` with its table routed, and a second one of the same store made by `change`.
fn routed(change: impl Fn(&str) -> String) -> String {
    let (head, section) = GOOD.split_once("[[table]]").unwrap();
    let route = |route: &str| section.replace("store = \"press\"", &format!("store = \"press\"\nroute = {route}"));
    let first = route("{ column = \"type\", values = [\"pump\", 7, true] }");
    let second = route("{ column = \"type\", otherwise = true }").replace("\"telemetry\"", "\"other\"");
    format!("{head}[[table]]{first}\n[[table]]{}", change(&second))
}

#[test]
fn a_store_may_have_several_tables_with_a_route_each() {
    let text = routed(str::to_owned);
    let settings = Settings::parse(&text, "").unwrap();
    let column = "type".parse().unwrap();
    let texts = ["pump", "7", "true"].map(str::to_owned).to_vec();
    assert_eq!(settings.tables[0].route, Some(Route { column, takes: Takes::Values(texts) }), "values are texts");
    assert_eq!(settings.tables[1].route.as_ref().unwrap().takes, Takes::Otherwise);
    assert_eq!(settings.tables[1].table, "press", "one table, two measure names");
    assert_ne!(settings.digest(), Settings::parse(&text.replace("\"pump\", ", ""), "").unwrap().digest());
}

#[test]
fn routes_that_do_not_take_every_row_once_are_named_with_line_and_remedy() {
    for (from, to, expected) in [
        (
            "route = { column = \"type\", otherwise = true }",
            "",
            "line 34: table[1].store: another [[table]] has the store `press` already, and this one has no \
             route; give each of them a route, as route = { column = \"type\", values = [\"…\"] } or route",
        ),
        (
            "column = \"type\", otherwise",
            "column = \"kind\", otherwise",
            "line 35: table[1].route: its column is `kind`, and another [[table]] of the store routes by `type`; \
             route all rows of a store by one column",
        ),
        (
            "otherwise = true",
            "values = [\"7\"]",
            "line 35: table[1].route: the value \"7\" is taken already, here or by another [[table]] of the store; name every value once",
        ),
        ("otherwise = true", "values = []", "line 35: table[1].route: it names no value; name at least one, or set otherwise = true"),
        (
            "otherwise = true",
            "values = [1.5]",
            "line 35: table[1].route.values[0]: found 1.5; write it as a string, as it stands in the rows",
        ),
        ("otherwise = true", "values = \"valve\"", "it must be a list of values"),
        ("otherwise = true", "otherwise = false", "line 35: table[1].route.otherwise: found false; it must be true, or left out"),
        (", otherwise = true", "", "neither values nor otherwise is there; it must be a table { column"),
        ("otherwise = true", "otherwise = true, values = [\"x\"]", "values and otherwise are both there"),
        ("otherwise = true", "otherwise = true, default = 1", "there is no such setting; allowed here are column, values, otherwise"),
        (
            "\"other\"",
            "\"telemetry\"",
            "line 37: table[1].measure_name: another [[table]] writes to the table `press` under the measure name `telemetry` already",
        ),
        (
            "type = \"DOUBLE\"",
            "type = \"BIGINT\"",
            "line 40: table[1].measures: the measure `temperature` is BIGINT here and DOUBLE in another",
        ),
    ] {
        let found = problems(&routed(|second| {
            assert!(second.contains(from), "{from}");
            second.replace(from, to)
        }));
        assert!(found.len() == 1 && found[0].contains(expected), "{to}: {found:?}");
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    for (from, to, expected) in [
        ("type = \"DOUBLE\"", "type = \"DOUBLE\", format = \"iso8601\"", "only TIMESTAMP has"),
        ("{ fill = \"none\" }", "{ fill = \"\" }", "it must be the text that stands in"),
        ("{ fill = \"none\" }", "\"drop\"", "it must be \"omit\" or \"quarantine\""),
        ("collisions = ", "nested = \"json_text\"\nnested_separator = \"_\"\ncollisions = ", "only"),
        ("database = \"factory\"", "database = \"a b\"", "a database's name is 3 to 256"),
        ("memory_hours = 12", "memory_hours = 12\nrejected_data_bucket = \"Bucket_\"", "it must be an S3 bucket's name"),
        ("memory_hours = 12", "memory_hours = 12\nrejected_data_prefix = \"/x\"", "not begin with a slash"),
        ("ignored = [\"__dt\"]", "ignored = [\"a[\"]", "is not a column path"),
        ("ignored = [\"__dt\"]", "ignored = \"__dt\"", "it must be a list of column paths"),
        ("[{ column = \"site\", name = \"site\" },", "[\"site\",", "it must be a table in braces"),
        ("record_version = 3", "record_version = 0", "from 1 to 9223372036854775807"),
        ("requests_in_flight_max = 8", "requests_in_flight_max = 100000", "from 1 to 256"),
        ("readers = 1", "readers = 1.0", "from 1 to 64"),
    ] {
        let bad = GOOD.replace(from, to);
        assert_ne!(bad, GOOD, "{from}");
        let found = problems(&bad);
        assert!(found.len() == 1 && found[0].contains(expected), "{to}: {found:?}");
    }
}

#[test]
fn the_digest_sees_decisions_and_not_comments() {
    let digest = |text: &str| Settings::parse(text, "").unwrap().digest();
    assert_eq!(digest(GOOD), digest(&format!("# thought about it\n{}", GOOD.replace("readers = 1", "readers    =  1 # enough"))));
    assert_ne!(digest(GOOD), digest(&GOOD.replace("readers = 1", "readers = 2")));
    assert_eq!(digest(GOOD).len(), 64);
}

#[test]
fn a_file_that_is_not_there_says_how_to_get_one() {
    let directory = tempfile::tempdir().unwrap();
    let error = Settings::load(&directory.path().join("migration.toml")).unwrap_err();
    assert!(matches!(error, SettingsError::Unreadable { .. }));
    assert!(error.hint().unwrap().contains("iota2ts plan --history"));
    let path = directory.path().join("good.toml");
    std::fs::write(&path, GOOD).unwrap();
    assert_eq!(Settings::load(&path).unwrap(), Settings::parse(GOOD, "").unwrap());
}

#[test]
fn a_function_is_a_command_or_one_of_aws_and_never_both() {
    let with = |sections: &str| GOOD.to_owned() + sections;
    let good = with(
        "[[function]]\nname = \"a\"\ncommand = [\"cat\"]\n[[function]]\nname = \"b\"\naws = \"arn:aws:lambda:eu-west-1:123456789012:function:b\"\ntimeout_s = 5\n",
    );
    let settings = Settings::parse(&good, "migration.toml").unwrap();
    assert_eq!(settings.functions.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(settings.invoked_functions["b"].function, "arn:aws:lambda:eu-west-1:123456789012:function:b");
    assert_eq!(settings.invoked_functions["b"].timeout.as_secs(), 5);
    assert_ne!(settings.digest(), Settings::parse(GOOD, "migration.toml").unwrap().digest());
    for (sections, told) in [
        ("[[function]]\nname = \"a\"\ncommand = [\"cat\"]\naws = \"a\"\n", "a function is one of the two"),
        ("[[function]]\nname = \"a\"\naws = \"not a name\"\n", "must be the name or ARN"),
        ("[[function]]\nname = \"a\"\naws = \"x\"\n[[function]]\nname = \"a\"\ncommand = [\"cat\"]\n", "has the name `a` already"),
        ("[[function]]\nname = \"a\"\n", "must be a list"),
    ] {
        let problems = problems(&with(sections));
        assert!(problems.iter().any(|problem| problem.contains(told)), "{sections}: {problems:?}");
    }
}

proptest! {
    #[test]
    fn spoilt_files_are_read_or_refused_with_a_line(changes in changes()) {
        let text = spoilt_text(GOOD, &changes);
        if let Err(error) = Settings::parse(&text, "migration.toml") {
            let lines = text.lines().count().max(1);
            prop_assert!(!error.problems().is_empty());
            for problem in error.problems() {
                prop_assert!((1..=lines + 1).contains(&problem.line), "{problem:?}");
                prop_assert!(!problem.to_string().contains(|c: char| c.is_control() && c != '\n'), "{problem:?}");
            }
        }
    }
}

#[test]
fn absurd_nesting_is_refused() {
    for nested in ["[".repeat(100_000), "{a=".repeat(100_000), format!("[{}]", "a.".repeat(100_000))] {
        assert!(!problems(&format!("history = {nested}")).is_empty());
        assert!(!problems(&nested).is_empty());
    }
}
