use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::inventory::Retention;
use crate::mapping::{Collisions, DimensionRule, EmptyStrings, NonFinite, OversizeStrings, Route, TimeRule, UnknownColumn, WrongType};
use crate::path::ColumnPath;
use crate::record::MeasureKind;
use crate::settings::Settings;
use crate::settings::propose::tests::proposal;
use crate::time::TimeFormat;

#[test]
fn the_proposal_reads_as_a_file_for_people() {
    insta::assert_snapshot!(render(&proposal(Retention::Days(90), 400)), @r#"
# The decisions of this migration, proposed from the history and the definitions.
# `iota2ts plan` reads this file and never changes it: edit it, and run `iota2ts plan` again to see what that does.
# A line marked IRREVERSIBLE decides something that Timestream does not let anybody change once rows are written:
# read those before the first backfill.

# The directory that holds the history.
history = "history"

# Stores of the history that are left behind on purpose.
# junk: no column could be the time
skipped_stores = ["junk"]

[target]
# IRREVERSIBLE: a database cannot be renamed.
# Proposed: from the names of the stores; a database's name is 3 to 256 of a-z, A-Z, 0-9, _ . and -.
database = "press"

# Hours in the memory store, 1 to 8766.
# IRREVERSIBLE: raising it later opens the window only as time passes; lowering it moves rows to the magnetic
# store for good.
# Proposed: billed by the GB-hour; older rows go to the magnetic store directly, so the history needs no more.
memory_hours = 12

# Days in the magnetic store, 1 to 73000. Older rows are refused, and deleted as they grow older.
# IRREVERSIBLE: what retention has deleted does not come back, and raising it later does not open the window at
# once.
# Proposed: the oldest row is of 2023-08-31T00:00:00Z, which needs 430 with 30 days to spare; the datastores kept
# rows for 90 days.
magnetic_days = 430

# The S3 bucket for reports of rows that the magnetic store refuses after it acknowledged them, and their prefix.
# Without a bucket such a refusal leaves no trace but a difference in `iota2ts verify`.
#rejected_data_bucket = "bucket-name"
rejected_data_prefix = "iota2ts/rejected/"

# A dimension to partition every table by; without it the service partitions by its own rule.
# IRREVERSIBLE: a table keeps the partition key it is created with.
#partition_dimension = "device_id"

[write]
# The version of every record, 1 or more; the live path must write the same one, so that an overlap changes
# nothing.
# IRREVERSIBLE: a record is replaced only by one of a higher version.
record_version = 1
# Requests under way at once, 1 to 256; fewer are used while the service throttles.
requests_in_flight_max = 16
# Objects decoded at once, 1 to 64.
readers = 2

# Where a store's rows come from raw channel messages, by way of their pipeline, instead of from the datastore's
# objects, it has a section like this one.
#[[raw]]
#store = "store"
#pipeline = "pipeline"
# A lambda activity of such a pipeline needs a command of this machine in the place of its function: messages as a
# JSON list
# on standard input, messages on standard output. Or the function itself, in AWS: its name or ARN.
#[[function]]
#name = "function"
#command = ["python3", "function.py"]
#timeout_s = 900
#[[function]]
#name = "other_function"
#aws = "other_function"

[switches]
# What no documentation settles about pipelines. They matter to `translate`, and to rows that come from a channel.
# A whole number divided by a whole number, as temp * 9 / 5: "truncate" or "decimal".
integer_division = "truncate"
# Division by zero, and results past 34 digits: "undefined" or "drop_message".
division_by_zero = "undefined"
# NULL = NULL: "true" or "undefined".
null_equals_null = "true"
# x <> NULL: by the table of comparisons, or as the check that x exists: "table" or "existence".
null_existence_check = "table"
# A filter whose result is the text "true": "drop" or "keep".
filter_text_true = "drop"
# A math activity whose expression has no value: "leave_unset" or "drop_message".
undefined_math = "leave_unset"
# A decimal that is whole, as 5.0, inside an expression: "keep" or "become_int".
whole_decimals = "keep"
# A math activity whose expression comes to a text: "write" or "undefined".
text_math = "write"
# Two selected paths with the same last name: "last_wins" or "first_wins".
selected_name_clash = "last_wins"
# The name of a selected array element: "array_name" or "with_index".
selected_index_name = "array_name"
# Whether a lambda activity may leave messages out: "yes" or "no".
lambda_may_drop = "yes"

# --------------------------------------------------------------------------------------------------------------
# IN DOUBT: device_id: 12 rows have none
[[table]]
# The store whose rows these are.
store = "press"
# IRREVERSIBLE: a table cannot be renamed.
table = "press"
# IRREVERSIBLE: part of every record's identity, for ever.
measure_name = "telemetry"

# The event time. Formats: epoch_s, epoch_ms, epoch_us, epoch_ns, iso8601, athena, java:<pattern>.
# IRREVERSIBLE: part of every record's identity, for ever.
# Proposed: every value reads as milliseconds
time = { column = "ts", format = "epoch_ms" }

# What identifies a series. Together with measure_name and time it is a record's identity.
# IRREVERSIBLE: the name and value of a dimension can never be changed in a written record.
dimensions = [
  { column = "device_id", name = "device_id" },
]

# What was measured. `format` says how a TIMESTAMP is written in the column.
# IRREVERSIBLE: a measure has one name and one type per table for ever: "DOUBLE", "BIGINT", "BOOLEAN", "VARCHAR"
# or "TIMESTAMP".
measures = [
  { column = "temperature", name = "temperature", type = "DOUBLE" }, # whole numbers and decimals
  { column = "serviced", name = "serviced", type = "TIMESTAMP", format = "iso8601" },
]

# Columns that are left behind on purpose.
ignored = [
  "__dt",
]

# What is done with values that have no single right answer.
[table.policies]
# Objects within a message: "flatten" proposes a column for each leaf, "json_text" one column of text.
nested = "flatten"
nested_separator = "_"
# Timestream has no empty string: "omit" or "quarantine".
empty_strings = "omit"
# Timestream stores no NaN and no infinity: "omit" or "quarantine".
non_finite = "omit"
# A string ends at 2,048 bytes: "quarantine" or "truncate".
oversize_strings = "quarantine"
# A row without one of its dimensions: "omit" the dimension, "quarantine" the row, or {fill = "text"}.
missing_dimension = "omit"
# A value that is not of its measure's type: "quarantine" or "omit".
wrong_type = "quarantine"
# A column that is named nowhere above: "quarantine" or "ignore".
unknown_column = "quarantine"
# Rows of one identity and different values; all but the one that is kept are quarantined: "quarantine",
# "keep_first" or "keep_last".
collisions = "quarantine"
# Proposed: shift: no such line
"#);
}

#[test]
fn hostile_names_stay_inside_their_strings_and_comments() {
    for name in ["\"]\n[target]\nx=1", "\"\"\"", "'''", "a\u{0}\u{7f}\r\tb", "]] # }", "\\", "\u{202e}evil\u{2028}", "é😀"] {
        let mut proposed = proposal(Retention::Unlimited, 10);
        proposed.settings.history = name.to_owned();
        proposed.settings.skipped_stores = vec![name.to_owned()];
        let table = &mut proposed.settings.tables[0];
        table.table = name.to_owned();
        table.measure_name = Arc::from(name);
        table.dimensions[0] = DimensionRule { column: ColumnPath::top(name), name: Arc::from(name) };
        table.policies.missing_dimension = MissingDimension::Fill(name.to_owned());
        let notes = proposed.notes.get_mut("press").unwrap();
        notes.reasons = vec![(name.to_owned(), name.to_owned()), ("other".to_owned(), name.to_owned())];
        notes.doubts = vec![(name.to_owned(), name.to_owned())];
        let text = render(&proposed);
        assert_eq!(Settings::parse(&text, "migration.toml").unwrap(), proposed.settings, "{text}");
    }
}

fn any_mapping(at: usize) -> impl Strategy<Value = TableMapping> {
    let name = "[a-z\"'\\\\\n#\\]é\u{0}\u{7f}.]{1,8}";
    let format = prop_oneof![
        Just(TimeFormat::EpochNanos),
        Just(TimeFormat::Athena),
        Just("java:yyyy-MM-dd'\"#]\\'HH:mm".parse::<TimeFormat>().unwrap())
    ];
    let kind = prop::sample::select(KINDS.to_vec());
    let measure = (name, name, kind, prop::option::of(format.clone())).prop_map(|(column, name, kind, format)| MeasureRule {
        column: ColumnPath::top(&column),
        name: Arc::from(name),
        kind,
        format: format.filter(|_| kind == MeasureKind::Timestamp),
    });
    let dimension =
        (name, name).prop_map(|(column, name)| DimensionRule { column: ColumnPath::top(&column).child("x"), name: Arc::from(name) });
    let missing = prop_oneof![Just(MissingDimension::Omit), Just(MissingDimension::Quarantine), name.prop_map(MissingDimension::Fill)];
    let nested = prop_oneof![Just(Nested::JsonText), name.prop_map(|separator| Nested::Flatten { separator })];
    let policies = (
        nested,
        missing,
        prop::sample::select(vec![EmptyStrings::Omit, EmptyStrings::Quarantine]),
        prop::sample::select(vec![NonFinite::Omit, NonFinite::Quarantine]),
        prop::sample::select(vec![OversizeStrings::Quarantine, OversizeStrings::Truncate]),
        prop::sample::select(vec![WrongType::Quarantine, WrongType::Omit]),
        prop::sample::select(vec![UnknownColumn::Quarantine, UnknownColumn::Ignore]),
        prop::sample::select(vec![Collisions::Quarantine, Collisions::KeepFirst, Collisions::KeepLast]),
    )
        .prop_map(
            |(nested, missing_dimension, empty_strings, non_finite, oversize_strings, wrong_type, unknown_column, collisions)| Policies {
                nested,
                empty_strings,
                non_finite,
                oversize_strings,
                missing_dimension,
                wrong_type,
                unknown_column,
                collisions,
            },
        );
    let columns = prop::collection::vec(name.prop_map(|name| ColumnPath::top(&name)), 0..3);
    let takes =
        prop_oneof![prop::collection::btree_set(name, 1..4).prop_map(|v| Takes::Values(v.into_iter().collect())), Just(Takes::Otherwise)];
    let route = prop::option::of((name, takes).prop_map(|(column, takes)| Route { column: ColumnPath::top(&column), takes }));
    (name, format, prop::collection::vec(dimension, 0..4), prop::collection::vec(measure, 0..4), columns, policies, route).prop_map(
        move |(name, format, mut dimensions, measures, ignored, policies, route)| {
            dimensions.sort_by(|a, b| a.name.cmp(&b.name));
            TableMapping {
                store: format!("{at}{name}"),
                route,
                table: format!("{at}{name}"),
                time: TimeRule { column: ColumnPath::top(&name), format },
                measure_name: Arc::from(name),
                dimensions,
                measures,
                ignored,
                policies,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_rendered_reads_back(
        tables in (any_mapping(0), any_mapping(1)),
        history in "[a-z/\"\n\\\\]{1,12}",
        skipped in prop::collection::btree_set("x[a-z\"\n]{0,5}", 0..3),
        bucket in prop::option::of("[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]"),
        hours in 1..=MEMORY_HOURS_MAX,
        days in 1..=MAGNETIC_DAYS_MAX,
        version in 1..=i64::MAX,
    ) {
        let settings = Settings {
            history,
            target: TargetSettings {
                database: "factory".to_owned(),
                memory_hours: hours,
                magnetic_days: days,
                rejected_data_bucket: bucket,
                rejected_data_prefix: "p/".to_owned(),
                partition_dimension: None,
            },
            write: WriteSettings { record_version: version, requests_in_flight_max: 7, readers: 3 },
            tables: vec![tables.0, tables.1],
            skipped_stores: skipped.into_iter().collect(),
            raw: Vec::new(),
            functions: BTreeMap::new(),
            invoked_functions: BTreeMap::new(),
            switches: crate::transform::TransformSwitches::default(),
        };
        let text = render(&ProposedSettings { settings: settings.clone(), reasons: BTreeMap::new(), notes: BTreeMap::new() });
        let read = Settings::parse(&text, "migration.toml");
        prop_assert_eq!(read.unwrap(), settings, "{}", text);
    }
}
