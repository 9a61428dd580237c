//! A proposal as the text of a `migration.toml` that a person reads and edits.
//!
//! Every value goes through the TOML writer and every comment through [`File::comment`], so no name from a history can break
//! out of its place.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use toml_edit::Value;

use super::parse::{COLLISIONS, EMPTY_STRINGS, KINDS, NESTED_SEPARATOR, NON_FINITE, OVERSIZE_STRINGS, UNKNOWN_COLUMN, WRONG_TYPE};
use super::reading::{choices, one_line};
use super::switches;
use super::{
    MAGNETIC_DAYS_MAX, MEMORY_HOURS_MAX, ProposedSettings, READERS_MAX, REQUESTS_IN_FLIGHT_MAX, TableNotes, TargetSettings, WriteSettings,
};
use crate::channel::RawStore;
use crate::mapping::{MeasureRule, MissingDimension, Nested, Policies, TableMapping, Takes};
use crate::transform::TransformSwitches;

/// A comment line ends about here.
const COMMENT_WIDTH: usize = 112;

const HEAD: &str = "\
# The decisions of this migration, proposed from the history and the definitions.
# `iota2ts plan` reads this file and never changes it: edit it, and run `iota2ts plan` again to see what that does.
# A line marked IRREVERSIBLE decides something that Timestream does not let anybody change once rows are written:
# read those before the first backfill.
";

/// Writes the proposal out. [`super::Settings::parse`] reads the same settings back.
#[must_use]
pub fn render(proposed: &ProposedSettings) -> String {
    let settings = &proposed.settings;
    let mut file = File { text: HEAD.to_owned(), reasons: &proposed.reasons };
    file.blank();
    file.comment("The directory that holds the history.");
    file.set("history", quoted(&settings.history));
    file.blank();
    file.comment("Stores of the history that are left behind on purpose.");
    for store in &settings.skipped_stores {
        if let Some(why) = proposed.reasons.get(&format!("skipped_stores.{store}")) {
            file.comment(&format!("{store}: {why}"));
        }
    }
    let skipped: Vec<String> = settings.skipped_stores.iter().map(|store| quoted(store)).collect();
    file.set("skipped_stores", format!("[{}]", skipped.join(", ")));
    file.target(&settings.target);
    file.write(&settings.write);
    file.raw(&settings.raw);
    file.switches(&settings.switches);
    let none = TableNotes::default();
    for table in &settings.tables {
        file.table(table, proposed.notes.get(&table.store).unwrap_or(&none));
    }
    file.text
}

struct File<'a> {
    text: String,
    reasons: &'a BTreeMap<String, String>,
}

impl File<'_> {
    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn comment(&mut self, text: &str) {
        for line in wrapped(&one_line(text)) {
            self.text.push_str("# ");
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    fn set(&mut self, key: &str, value: impl Display) {
        // Writing to a String cannot fail.
        writeln!(self.text, "{key} = {value}").unwrap_or_default();
    }

    fn because(&mut self, key: &str) {
        if let Some(reason) = self.reasons.get(key).cloned() {
            self.comment(&format!("Proposed: {reason}."));
        }
    }

    fn target(&mut self, target: &TargetSettings) {
        self.text.push_str("\n[target]\n");
        self.comment("IRREVERSIBLE: a database cannot be renamed.");
        self.because("target.database");
        self.set("database", quoted(&target.database));
        self.blank();
        self.comment(&format!("Hours in the memory store, 1 to {MEMORY_HOURS_MAX}."));
        self.comment(
            "IRREVERSIBLE: raising it later opens the window only as time passes; lowering it moves rows to the magnetic store for good.",
        );
        self.because("target.memory_hours");
        self.set("memory_hours", target.memory_hours);
        self.blank();
        self.comment(&format!(
            "Days in the magnetic store, 1 to {MAGNETIC_DAYS_MAX}. Older rows are refused, and deleted as they grow older."
        ));
        self.comment("IRREVERSIBLE: what retention has deleted does not come back, and raising it later does not open the window at once.");
        self.because("target.magnetic_days");
        self.set("magnetic_days", target.magnetic_days);
        self.blank();
        self.comment("The S3 bucket for reports of rows that the magnetic store refuses after it acknowledged them, and their prefix.");
        self.comment("Without a bucket such a refusal leaves no trace but a difference in `iota2ts verify`.");
        match &target.rejected_data_bucket {
            Some(bucket) => self.set("rejected_data_bucket", quoted(bucket)),
            None => self.text.push_str("#rejected_data_bucket = \"bucket-name\"\n"),
        }
        self.set("rejected_data_prefix", quoted(&target.rejected_data_prefix));
        self.blank();
        self.comment("A dimension to partition every table by; without it the service partitions by its own rule.");
        self.comment("IRREVERSIBLE: a table keeps the partition key it is created with.");
        match &target.partition_dimension {
            Some(name) => self.set("partition_dimension", quoted(name)),
            None => self.text.push_str("#partition_dimension = \"device_id\"\n"),
        }
    }

    fn write(&mut self, write: &WriteSettings) {
        self.text.push_str("\n[write]\n");
        self.comment("The version of every record, 1 or more; the live path must write the same one, so that an overlap changes nothing.");
        self.comment("IRREVERSIBLE: a record is replaced only by one of a higher version.");
        self.set("record_version", write.record_version);
        self.comment(&format!("Requests under way at once, 1 to {REQUESTS_IN_FLIGHT_MAX}; fewer are used while the service throttles."));
        self.set("requests_in_flight_max", write.requests_in_flight_max);
        self.comment(&format!("Objects decoded at once, 1 to {READERS_MAX}."));
        self.set("readers", write.readers);
    }

    fn raw(&mut self, raw: &[RawStore]) {
        self.blank();
        self.comment(
            "Where a store's rows come from raw channel messages, by way of their pipeline, instead of from the datastore's objects, it \
             has a section like this one.",
        );
        if raw.is_empty() {
            self.text.push_str("#[[raw]]\n#store = \"store\"\n#pipeline = \"pipeline\"\n");
        }
        self.comment(
            "A lambda activity of such a pipeline needs a command of this machine in the place of its function: messages as a JSON list",
        );
        self.comment("on standard input, messages on standard output. Or the function itself, in AWS: its name or ARN.");
        self.text.push_str("#[[function]]\n#name = \"function\"\n#command = [\"python3\", \"function.py\"]\n#timeout_s = 900\n");
        self.text.push_str("#[[function]]\n#name = \"other_function\"\n#aws = \"other_function\"\n");
        for raw in raw {
            self.text.push_str("\n[[raw]]\n");
            self.set("store", quoted(&raw.store));
            self.set("pipeline", quoted(&raw.pipeline));
        }
    }

    fn switches(&mut self, switches: &TransformSwitches) {
        self.text.push_str("\n[switches]\n");
        self.comment("What no documentation settles about pipelines. They matter to `translate`, and to rows that come from a channel.");
        for (what, key, words, word) in switches::lines(switches) {
            self.comment(&format!("{what}: {words}."));
            self.set(key, quoted(word));
        }
    }

    fn table(&mut self, table: &TableMapping, notes: &TableNotes) {
        let mut why = Reasons::of(notes);
        self.blank();
        self.comment(&"-".repeat(COMMENT_WIDTH - 2));
        for (subject, text) in &notes.doubts {
            self.comment(&format!("IN DOUBT: {subject}: {text}"));
        }
        self.text.push_str("[[table]]\n");
        self.comment("The store whose rows these are.");
        self.set("store", quoted(&table.store));
        self.route(table, &mut why);
        self.comment("IRREVERSIBLE: a table cannot be renamed.");
        self.reasons_of(&mut why, &["table"]);
        self.set("table", quoted(&table.table));
        self.comment("IRREVERSIBLE: part of every record's identity, for ever.");
        self.reasons_of(&mut why, &["measure_name"]);
        self.set("measure_name", quoted(&table.measure_name));
        self.blank();
        self.comment("The event time. Formats: epoch_s, epoch_ms, epoch_us, epoch_ns, iso8601, athena, java:<pattern>.");
        self.comment("IRREVERSIBLE: part of every record's identity, for ever.");
        let column = table.time.column.to_string();
        self.reasons_of(&mut why, &["time", &column]);
        self.set("time", format!("{{ column = {}, format = {} }}", quoted(&column), quoted(&table.time.format.to_string())));
        self.blank();
        self.dimensions(table, &mut why);
        self.blank();
        self.measures(table, &mut why);
        self.blank();
        self.ignored(table, &mut why);
        self.policies(&table.policies, &mut why);
        for (subject, text) in why.rest() {
            self.comment(&format!("Proposed: {subject}: {text}"));
        }
    }

    /// Nothing where there is neither a route nor a word about one.
    fn route(&mut self, table: &TableMapping, why: &mut Reasons<'_>) {
        for text in why.take("route") {
            self.comment(&format!("Possible: {text}"));
        }
        let Some(route) = &table.route else { return };
        self.comment("Which of the store's rows: those with one of these texts in the column, or, with otherwise = true, all others.");
        let takes = match &route.takes {
            Takes::Values(values) => format!("values = [{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ")),
            Takes::Otherwise => "otherwise = true".to_owned(),
        };
        self.set("route", format!("{{ column = {}, {takes} }}", quoted(&route.column.to_string())));
    }

    fn reasons_of(&mut self, why: &mut Reasons<'_>, subjects: &[&str]) {
        for text in subjects.iter().flat_map(|subject| why.take(subject)) {
            self.comment(&format!("Proposed: {text}"));
        }
    }

    fn dimensions(&mut self, table: &TableMapping, why: &mut Reasons<'_>) {
        self.comment("What identifies a series. Together with measure_name and time it is a record's identity.");
        self.comment("IRREVERSIBLE: the name and value of a dimension can never be changed in a written record.");
        self.text.push_str("dimensions = [\n");
        for dimension in &table.dimensions {
            let column = dimension.column.to_string();
            let entry = format!("{{ column = {}, name = {} }}", quoted(&column), quoted(&dimension.name));
            self.entry(&entry, &why.take_all(&[&column, &dimension.name]));
        }
        self.text.push_str("]\n");
    }

    fn measures(&mut self, table: &TableMapping, why: &mut Reasons<'_>) {
        self.comment("What was measured. `format` says how a TIMESTAMP is written in the column.");
        self.comment(&format!(
            "IRREVERSIBLE: a measure has one name and one type per table for ever: {}.",
            choices(KINDS.iter().map(|kind| kind.name()))
        ));
        self.text.push_str("measures = [\n");
        for measure in &table.measures {
            let column = measure.column.to_string();
            self.entry(&measure_entry(measure, &column), &why.take_all(&[&column, &measure.name]));
        }
        self.text.push_str("]\n");
    }

    fn ignored(&mut self, table: &TableMapping, why: &mut Reasons<'_>) {
        self.comment("Columns that are left behind on purpose.");
        self.text.push_str("ignored = [\n");
        for column in &table.ignored {
            let column = column.to_string();
            self.entry(&quoted(&column), &why.take_all(&[&column]));
        }
        self.text.push_str("]\n");
    }

    /// One line of a list, its reason behind it.
    fn entry(&mut self, entry: &str, reasons: &[&str]) {
        let comment = one_line(&reasons.join("; "));
        let separator = if comment.is_empty() { "" } else { " # " };
        writeln!(self.text, "  {entry},{separator}{comment}").unwrap_or_default();
    }

    fn policies(&mut self, policies: &Policies, why: &mut Reasons<'_>) {
        self.text.push_str("\n# What is done with values that have no single right answer.\n[table.policies]\n");
        self.reasons_of(why, &["policies"]);
        self.comment("Objects within a message: \"flatten\" proposes a column for each leaf, \"json_text\" one column of text.");
        self.reasons_of(why, &["nested"]);
        match &policies.nested {
            Nested::Flatten { separator } => {
                self.set("nested", quoted("flatten"));
                self.set("nested_separator", quoted(separator));
            }
            Nested::JsonText => {
                self.set("nested", quoted("json_text"));
                writeln!(self.text, "#nested_separator = {}", quoted(NESTED_SEPARATOR)).unwrap_or_default();
            }
        }
        self.policy(why, "Timestream has no empty string", "empty_strings", &EMPTY_STRINGS, policies.empty_strings);
        self.policy(why, "Timestream stores no NaN and no infinity", "non_finite", &NON_FINITE, policies.non_finite);
        self.policy(why, "A string ends at 2,048 bytes", "oversize_strings", &OVERSIZE_STRINGS, policies.oversize_strings);
        self.comment("A row without one of its dimensions: \"omit\" the dimension, \"quarantine\" the row, or {fill = \"text\"}.");
        self.reasons_of(why, &["missing_dimension"]);
        match &policies.missing_dimension {
            MissingDimension::Omit => self.set("missing_dimension", quoted("omit")),
            MissingDimension::Quarantine => self.set("missing_dimension", quoted("quarantine")),
            MissingDimension::Fill(text) => self.set("missing_dimension", format!("{{ fill = {} }}", quoted(text))),
        }
        self.policy(why, "A value that is not of its measure's type", "wrong_type", &WRONG_TYPE, policies.wrong_type);
        self.policy(why, "A column that is named nowhere above", "unknown_column", &UNKNOWN_COLUMN, policies.unknown_column);
        let collisions = "Rows of one identity and different values; all but the one that is kept are quarantined";
        self.policy(why, collisions, "collisions", &COLLISIONS, policies.collisions);
    }

    fn policy<T: Copy + PartialEq>(&mut self, why: &mut Reasons<'_>, what: &str, key: &str, words: &[(&str, T)], value: T) {
        self.comment(&format!("{what}: {}.", choices(words.iter().map(|(word, _)| *word))));
        self.reasons_of(why, &[key]);
        let word = words.iter().find(|(_, meant)| *meant == value).map_or("", |(word, _)| *word);
        self.set(key, quoted(word));
    }
}

fn measure_entry(measure: &MeasureRule, column: &str) -> String {
    let format = measure.format.as_ref().map(|format| format!(", format = {}", quoted(&format.to_string()))).unwrap_or_default();
    format!("{{ column = {}, name = {}, type = \"{}\"{format} }}", quoted(column), quoted(&measure.name), measure.kind.name())
}

/// Reasons that are taken once each, so that those which belong to no line can be shown at the end.
struct Reasons<'a>(Vec<Option<(&'a str, &'a str)>>);

impl<'a> Reasons<'a> {
    fn of(notes: &'a TableNotes) -> Self {
        Self(notes.reasons.iter().map(|(subject, text)| Some((subject.as_str(), text.as_str()))).collect())
    }

    fn take(&mut self, subject: &str) -> Vec<&'a str> {
        // `time`, a column, or `measure temperature`: whoever proposes may say what kind of thing the subject is.
        let meant = |found: &str| found == subject || found.split_once(' ').is_some_and(|(_, name)| name == subject);
        self.0.iter_mut().filter_map(|slot| slot.take_if(|(found, _)| meant(found)).map(|(_, text)| text)).collect()
    }

    fn take_all(&mut self, subjects: &[&str]) -> Vec<&'a str> {
        subjects.iter().flat_map(|subject| self.take(subject)).collect()
    }

    fn rest(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.into_iter().flatten()
    }
}

/// `text` as a TOML string.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// `text` in lines of at most about [`COMMENT_WIDTH`] characters; a longer word stands alone.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COMMENT_WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
