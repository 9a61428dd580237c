//! The text of a `migration.toml` as [`Settings`], strictly.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml_edit::Document;

use super::problem::{SettingsError, SettingsProblem};
use super::reading::{Reading, Section, choices};
use super::{MAGNETIC_DAYS_MAX, MEMORY_HOURS_MAX, READERS_MAX, REQUESTS_IN_FLIGHT_MAX, Settings, TargetSettings, WriteSettings};
use crate::channel::RawStore;
use crate::mapping::{
    Collisions, DimensionRule, EmptyStrings, MeasureRule, MissingDimension, Nested, NonFinite, OversizeStrings, Policies, Route,
    TableMapping, Takes, TimeRule, UnknownColumn, WrongType, check_routes,
};
use crate::path::ColumnPath;
use crate::record::MeasureKind;
use crate::time::TimeFormat;
use crate::transform::{AwsFunction, FunctionCommand};

/// The prefix below which rejected magnetic writes are reported, unless another is set.
pub(super) const REJECTED_DATA_PREFIX: &str = "iota2ts/rejected/";
/// The separator of flattened names, unless another is set.
pub(super) const NESTED_SEPARATOR: &str = "_";

/// Every word of a policy, as it stands in the file.
pub(super) const EMPTY_STRINGS: [(&str, EmptyStrings); 2] = [("omit", EmptyStrings::Omit), ("quarantine", EmptyStrings::Quarantine)];
pub(super) const NON_FINITE: [(&str, NonFinite); 2] = [("omit", NonFinite::Omit), ("quarantine", NonFinite::Quarantine)];
pub(super) const OVERSIZE_STRINGS: [(&str, OversizeStrings); 2] =
    [("quarantine", OversizeStrings::Quarantine), ("truncate", OversizeStrings::Truncate)];
pub(super) const WRONG_TYPE: [(&str, WrongType); 2] = [("quarantine", WrongType::Quarantine), ("omit", WrongType::Omit)];
pub(super) const UNKNOWN_COLUMN: [(&str, UnknownColumn); 2] =
    [("quarantine", UnknownColumn::Quarantine), ("ignore", UnknownColumn::Ignore)];
pub(super) const COLLISIONS: [(&str, Collisions); 3] =
    [("quarantine", Collisions::Quarantine), ("keep_first", Collisions::KeepFirst), ("keep_last", Collisions::KeepLast)];

pub(super) fn parse(text: &str, file: &str) -> Result<Settings, SettingsError> {
    let invalid = |mut problems: Vec<SettingsProblem>| {
        problems.sort_by_key(|problem| problem.line);
        SettingsError::Invalid { file: file.to_owned(), problems }
    };
    let mut reading = Reading::new(text);
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let line = reading.line(error.span()).unwrap_or_default();
            reading.refuse(line, String::new(), format!("not TOML: {}", error.message().lines().collect::<Vec<_>>().join("; ")));
            return Err(invalid(reading.problems));
        }
    };
    let settings = read_settings(&mut reading, &Section::root(document.as_table()));
    match settings {
        Some(settings) if reading.problems.is_empty() => Ok(settings),
        _ => Err(invalid(reading.problems)),
    }
}

// Each reader notes all problems of its part before it gives up, so that one run shows them all.

fn read_settings<'t>(reading: &mut Reading<'t>, root: &Section<'t>) -> Option<Settings> {
    reading.only(root, &["history", "skipped_stores", "target", "write", "raw", "function", "switches", "table"]);
    let history = reading.string(root, "history", "the directory that holds the history");
    let skipped_stores = reading.strings(root, "skipped_stores", "a list of store names");
    let target = reading.section(root, "target", "a section [target]").and_then(|section| read_target(reading, &section));
    let write = if root.has("write") {
        reading.section(root, "write", "a section [write]").and_then(|section| read_write(reading, &section))
    } else {
        Some(WriteSettings::default())
    };
    let sections = reading.sections(root, "table", "one section [[table]] for each store").unwrap_or_default();
    let read: Vec<(&Section<'t>, TableMapping)> =
        sections.iter().filter_map(|section| Some((section, read_table(reading, section)?))).collect();
    let whole = read.len() == sections.len();
    for problem in check_routes(&read.iter().map(|(_, table)| table).collect::<Vec<_>>()) {
        if let Some((section, _)) = read.get(problem.mapping) {
            reading.refuse_key(section, problem.field, format!("{}; {}", problem.cause, problem.remedy));
        }
    }
    let mut tables: Vec<TableMapping> = read.into_iter().map(|(_, table)| table).collect();
    for (line, store) in &skipped_stores {
        if tables.iter().any(|table| table.store == *store) {
            reading.refuse(*line, "skipped_stores".to_owned(), format!("the store `{store}` is skipped here and has a [[table]] below"));
        }
    }
    // Mappings of one store stay in the order of the file: the first of them is its home.
    tables.sort_by(|a, b| a.store.cmp(&b.store));
    let mut skipped_stores: Vec<String> = skipped_stores.into_iter().map(|(_, store)| store).collect();
    skipped_stores.sort();
    skipped_stores.dedup();
    let raw = read_raw(reading, root)?;
    let (functions, invoked_functions) = read_functions(reading, root)?;
    let switches = super::switches::read(reading, root)?;
    whole.then_some(Settings {
        history: history?,
        target: target?,
        write: write?,
        tables,
        skipped_stores,
        raw,
        functions,
        invoked_functions,
        switches,
    })
}

/// The longest that a function could take (facts: lambda activity, 15 minutes).
const FUNCTION_SECONDS_MAX: i64 = 900;

/// Commands and functions of AWS, by the name of the function that they stand for.
type Functions = (BTreeMap<String, FunctionCommand>, BTreeMap<String, AwsFunction>);

/// Who stands in for functions; nobody where the file names none.
fn read_functions<'t>(reading: &mut Reading<'t>, root: &Section<'t>) -> Option<Functions> {
    let (mut commands, mut invoked): Functions = Functions::default();
    if !root.has("function") {
        return Some((commands, invoked));
    }
    let sections = reading.sections(root, "function", "one section [[function]] for each function of a lambda activity")?;
    for section in &sections {
        reading.only(section, &["name", "command", "aws", "timeout_s"]);
        let name = reading.string(section, "name", "the name of a function of a lambda activity");
        let seconds = if section.has("timeout_s") {
            reading.integer(section, "timeout_s", 1..=FUNCTION_SECONDS_MAX)
        } else {
            Some(FUNCTION_SECONDS_MAX)
        };
        let timeout = std::time::Duration::from_secs(u64::try_from(seconds?).unwrap_or_default());
        let name = name?;
        if commands.contains_key(&name) || invoked.contains_key(&name) {
            reading.refuse_key(section, "name", format!("another [[function]] has the name `{}` already", super::reading::one_line(&name)));
        }
        if section.has("aws") {
            if section.has("command") {
                reading.refuse_key(section, "aws", "it stands beside `command`; a function is one of the two");
            }
            let function = reading.string(section, "aws", "the name or ARN of a function of AWS Lambda")?;
            if !AwsFunction::is_name_or_arn(&function) {
                reading.refuse_key(section, "aws", "it must be the name or ARN of a function of AWS Lambda");
            }
            invoked.insert(name, AwsFunction { function, timeout });
            continue;
        }
        let mut words = reading.strings(section, "command", "a list: the program and its arguments").into_iter().map(|(_, word)| word);
        let Some(program) = words.next().filter(|program| !program.is_empty()) else {
            reading.refuse_key(section, "command", "it must be a list: the program and its arguments");
            return None;
        };
        commands.insert(name, FunctionCommand { program, arguments: words.collect(), timeout });
    }
    Some((commands, invoked))
}

/// The stores whose rows come from raw channel messages; none where the file says nothing of them.
fn read_raw<'t>(reading: &mut Reading<'t>, root: &Section<'t>) -> Option<Vec<RawStore>> {
    if !root.has("raw") {
        return Some(Vec::new());
    }
    let sections = reading.sections(root, "raw", "one section [[raw]] for each pipeline whose channel messages are migrated")?;
    let mut stores = Vec::new();
    for section in &sections {
        reading.only(section, &["store", "pipeline"]);
        let store = reading.string(section, "store", "the name of the datastore that the pipeline ends in");
        let pipeline = reading.string(section, "pipeline", "the name of a captured pipeline");
        let raw = RawStore { store: store?, pipeline: pipeline? };
        if stores.contains(&raw) {
            reading.refuse_key(section, "pipeline", "another [[raw]] says the same; its messages would count twice");
        }
        stores.push(raw);
    }
    stores.sort();
    Some(stores)
}

fn read_target<'t>(reading: &mut Reading<'t>, target: &Section<'t>) -> Option<TargetSettings> {
    reading.only(
        target,
        &["database", "memory_hours", "magnetic_days", "rejected_data_bucket", "rejected_data_prefix", "partition_dimension"],
    );
    let database = reading.string(target, "database", "the name of a Timestream database");
    if let Some(name) = &database
        && !is_database_name(name)
    {
        reading.refuse_key(target, "database", format!("found \"{}\"; {DATABASE_RULE}", super::reading::one_line(name)));
    }
    let memory_hours = reading.integer(target, "memory_hours", 1..=limit(MEMORY_HOURS_MAX));
    let magnetic_days = reading.integer(target, "magnetic_days", 1..=limit(MAGNETIC_DAYS_MAX));
    let rejected_data_bucket = reading.optional_string(target, "rejected_data_bucket", "the name of an S3 bucket");
    if let Some(bucket) = &rejected_data_bucket
        && !is_bucket_name(bucket)
    {
        let message = "it must be an S3 bucket's name: 3 to 63 of a-z, 0-9, dot and hyphen, a letter or digit at both ends";
        reading.refuse_key(target, "rejected_data_bucket", message);
    }
    let rejected_data_prefix = reading.optional_string(target, "rejected_data_prefix", "a prefix for keys in the bucket");
    if let Some(prefix) = &rejected_data_prefix
        && !is_key_prefix(prefix)
    {
        let message = "it must be 2 to 928 of a-z, A-Z, 0-9 and !-_*'()/. and not begin with a slash or a dot";
        reading.refuse_key(target, "rejected_data_prefix", message);
    }
    let partition_dimension = reading.optional_string(target, "partition_dimension", "the name of a dimension that every table has");
    Some(TargetSettings {
        database: database?,
        memory_hours: memory_hours?,
        magnetic_days: magnetic_days?,
        rejected_data_bucket,
        rejected_data_prefix: rejected_data_prefix.unwrap_or_else(|| REJECTED_DATA_PREFIX.to_owned()),
        partition_dimension,
    })
}

fn read_write<'t>(reading: &mut Reading<'t>, write: &Section<'t>) -> Option<WriteSettings> {
    reading.only(write, &["record_version", "requests_in_flight_max", "readers"]);
    let default = WriteSettings::default();
    let record_version =
        if write.has("record_version") { reading.integer(write, "record_version", 1..=i64::MAX) } else { Some(default.record_version) };
    let requests = small(reading, write, "requests_in_flight_max", REQUESTS_IN_FLIGHT_MAX, default.requests_in_flight_max);
    let readers = small(reading, write, "readers", READERS_MAX, default.readers);
    Some(WriteSettings { record_version: record_version?, requests_in_flight_max: requests?, readers: readers? })
}

fn small<'t>(reading: &mut Reading<'t>, section: &Section<'t>, key: &str, max: usize, default: usize) -> Option<usize> {
    if !section.has(key) {
        return Some(default);
    }
    reading.integer(section, key, 1..=i64::try_from(max).unwrap_or(i64::MAX))
}

fn read_table<'t>(reading: &mut Reading<'t>, section: &Section<'t>) -> Option<TableMapping> {
    reading.only(section, &["store", "route", "table", "measure_name", "time", "dimensions", "measures", "ignored", "policies"]);
    let store = reading.string(section, "store", "the name of a store of the history");
    let route = read_route(reading, section);
    let table = reading.string(section, "table", "the name of a Timestream table");
    let measure_name = reading.string(section, "measure_name", "the measure name of the table's records");
    let time = reading.section(section, "time", "a table { column = …, format = … }").and_then(|section| read_time(reading, &section));
    let dimensions = reading
        .sections(section, "dimensions", "a list of { column = …, name = … }")
        .and_then(|sections| each(&sections, |section| read_dimension(reading, section)));
    let measures = reading
        .sections(section, "measures", "a list of { column = …, name = …, type = … }")
        .and_then(|sections| each(&sections, |section| read_measure(reading, section)));
    let ignored = read_ignored(reading, section);
    let policies = if section.has("policies") {
        reading.section(section, "policies", "a section [table.policies]").and_then(|section| read_policies(reading, &section))
    } else {
        Some(Policies::default())
    };
    let mut dimensions = dimensions?;
    dimensions.sort_by(|a, b| a.name.cmp(&b.name));
    Some(TableMapping {
        store: store?,
        route: route?,
        table: table?,
        time: time?,
        measure_name: Arc::from(measure_name?),
        dimensions,
        measures: measures?,
        ignored: ignored?,
        policies: policies?,
    })
}

/// All of them, or none; every one is looked at.
fn each<'t, T>(sections: &[Section<'t>], mut read: impl FnMut(&Section<'t>) -> Option<T>) -> Option<Vec<T>> {
    let found: Vec<Option<T>> = sections.iter().map(&mut read).collect();
    found.into_iter().collect()
}

/// `Some(None)` where there is none.
fn read_route<'t>(reading: &mut Reading<'t>, section: &Section<'t>) -> Option<Option<Route>> {
    const WHAT: &str = "a table { column = …, values = […] } or { column = …, otherwise = true }";
    if !section.has("route") {
        return Some(None);
    }
    let route = reading.section(section, "route", WHAT)?;
    reading.only(&route, &["column", "values", "otherwise"]);
    let column: Option<ColumnPath> = reading.parsed(&route, "column", "the path of a column");
    let takes = match (route.has("values"), route.has("otherwise")) {
        (true, false) => reading.texts(&route, "values", "a list of values: strings, whole numbers or truth values").map(Takes::Values),
        (false, true) => reading.truth(&route, "otherwise").then_some(Takes::Otherwise),
        (both, _) => {
            let found = if both { "values and otherwise are both there" } else { "neither values nor otherwise is there" };
            reading.refuse_key(section, "route", format!("{found}; it must be {WHAT}"));
            None
        }
    };
    Some(Some(Route { column: column?, takes: takes? }))
}

fn read_time<'t>(reading: &mut Reading<'t>, section: &Section<'t>) -> Option<TimeRule> {
    reading.only(section, &["column", "format"]);
    let column: Option<ColumnPath> = reading.parsed(section, "column", "the path of a column");
    let format: Option<TimeFormat> = reading.parsed(section, "format", "a time format");
    Some(TimeRule { column: column?, format: format? })
}

fn read_dimension<'t>(reading: &mut Reading<'t>, section: &Section<'t>) -> Option<DimensionRule> {
    reading.only(section, &["column", "name"]);
    let column: Option<ColumnPath> = reading.parsed(section, "column", "the path of a column");
    let name = reading.string(section, "name", "the name of a dimension");
    Some(DimensionRule { column: column?, name: Arc::from(name?) })
}

fn read_measure<'t>(reading: &mut Reading<'t>, section: &Section<'t>) -> Option<MeasureRule> {
    reading.only(section, &["column", "name", "type", "format"]);
    let column: Option<ColumnPath> = reading.parsed(section, "column", "the path of a column");
    let name = reading.string(section, "name", "the name of a measure");
    let allowed = choices(KINDS.iter().map(|kind| kind.name()));
    let kind = reading.string(section, "type", &allowed).and_then(|text| {
        let kind = MeasureKind::from_name(&text);
        if kind.is_none() {
            reading.refuse_key(section, "type", format!("found \"{}\"; it must be {allowed}", super::reading::one_line(&text)));
        }
        kind
    });
    let format: Option<TimeFormat> = if section.has("format") { reading.parsed(section, "format", "a time format") } else { None };
    if let Some(kind) = kind
        && kind != MeasureKind::Timestamp
        && section.has("format")
    {
        reading.refuse_key(section, "format", format!("a measure of type {} has no time format; only TIMESTAMP has", kind.name()));
    }
    Some(MeasureRule { column: column?, name: Arc::from(name?), kind: kind?, format })
}

/// The measure types, in the order in which messages list them.
pub(super) const KINDS: [MeasureKind; 5] =
    [MeasureKind::Double, MeasureKind::Bigint, MeasureKind::Boolean, MeasureKind::Varchar, MeasureKind::Timestamp];

fn read_ignored<'t>(reading: &mut Reading<'t>, section: &Section<'t>) -> Option<Vec<ColumnPath>> {
    let mut whole = true;
    let mut ignored = Vec::new();
    for (line, text) in reading.strings(section, "ignored", "a list of column paths") {
        match text.parse::<ColumnPath>() {
            Ok(path) => ignored.push(path),
            Err(reason) => {
                whole = false;
                reading.refuse(line, section.path_of("ignored"), super::reading::one_line(&reason.to_string()));
            }
        }
    }
    whole.then_some(ignored)
}

fn read_policies<'t>(reading: &mut Reading<'t>, section: &Section<'t>) -> Option<Policies> {
    reading.only(
        section,
        &[
            "nested",
            "nested_separator",
            "empty_strings",
            "non_finite",
            "oversize_strings",
            "missing_dimension",
            "wrong_type",
            "unknown_column",
            "collisions",
        ],
    );
    let default = Policies::default();
    let flatten = reading.word(section, "nested", &[("flatten", true), ("json_text", false)], true);
    let separator = reading.optional_string(section, "nested_separator", "what stands between the parts of a flattened name");
    if !flatten && section.has("nested_separator") {
        reading.refuse_key(section, "nested_separator", "it goes with nested = \"flatten\" only");
    }
    let separator = separator.unwrap_or_else(|| NESTED_SEPARATOR.to_owned());
    Some(Policies {
        nested: if flatten { Nested::Flatten { separator } } else { Nested::JsonText },
        empty_strings: reading.word(section, "empty_strings", &EMPTY_STRINGS, default.empty_strings),
        non_finite: reading.word(section, "non_finite", &NON_FINITE, default.non_finite),
        oversize_strings: reading.word(section, "oversize_strings", &OVERSIZE_STRINGS, default.oversize_strings),
        missing_dimension: read_missing_dimension(reading, section)?,
        wrong_type: reading.word(section, "wrong_type", &WRONG_TYPE, default.wrong_type),
        unknown_column: reading.word(section, "unknown_column", &UNKNOWN_COLUMN, default.unknown_column),
        collisions: reading.word(section, "collisions", &COLLISIONS, default.collisions),
    })
}

fn read_missing_dimension<'t>(reading: &mut Reading<'t>, section: &Section<'t>) -> Option<MissingDimension> {
    const KEY: &str = "missing_dimension";
    if section.holds_table(KEY) {
        let fill = reading.section(section, KEY, "a table { fill = … }")?;
        reading.only(&fill, &["fill"]);
        return Some(MissingDimension::Fill(reading.string(&fill, "fill", "the text that stands in for the dimension")?));
    }
    let quarantine = reading.word(section, KEY, &[("omit", false), ("quarantine", true)], false);
    Some(if quarantine { MissingDimension::Quarantine } else { MissingDimension::Omit })
}

/// What a database may be called.
pub(super) const DATABASE_RULE: &str = "a database's name is 3 to 256 of a-z, A-Z, 0-9, _ . and -";

// Facts: table/db regex [a-zA-Z0-9_.-]+ on create, 256 bytes; the API model asks for at least 3.
pub(super) fn is_database_name(name: &str) -> bool {
    (3..=256).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn is_bucket_name(name: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

fn is_key_prefix(prefix: &str) -> bool {
    (2..=928).contains(&prefix.len())
        && !prefix.starts_with(['/', '.'])
        && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"!-_*'()/.".contains(&b))
}

fn limit(max: u64) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
