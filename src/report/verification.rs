//! A verification as text: the verdict, the accounting, the differences and their causes, and what to do next.

use std::fmt::Write as _;

use super::text::{Align, Table, count, shown};
use crate::history::Layout;
use crate::time::Nanos;
use crate::verify::{ColumnDifference, Difference, Kind, LedgerDisagreement, Method, Resumed, TableVerification, Verdict, Verification};

/// Longer values are cut.
const VALUE_CHARS_MAX: usize = 60;
/// More damaged objects are counted.
const DAMAGED_MAX: usize = 5;

/// The whole report. Names from the source and the target are made harmless.
#[must_use]
pub fn verification_text(verification: &Verification) -> String {
    let mut text = String::new();
    push(&mut text, format_args!("Verification of database {} at {}", shown(&verification.database), verification.verified_at));
    push(&mut text, format_args!("Source: {} (read again for this; no count is taken from the ledger)", shown(&verification.history)));
    if let (Some(resumed), Some(begun_at)) = (&verification.resumed, verification.begun_at) {
        push(&mut text, format_args!("{}", went_on(resumed, begun_at)));
    }
    text.push('\n');
    text.push_str(&accounting(&verification.tables));
    for table in &verification.tables {
        text.push_str(&about_table(table));
    }
    text.push_str(&outside(verification));
    text.push('\n');
    push(&mut text, format_args!("Verdict: {}", verdict(verification)));
    for step in next_steps(verification) {
        push(&mut text, format_args!("Next: {step}"));
    }
    text
}

/// What was taken over from an interrupted verification.
fn went_on(resumed: &Resumed, begun_at: Nanos) -> String {
    let tables = match resumed.tables_compared.as_slice() {
        [] => String::new(),
        tables => {
            let tables: Vec<String> = tables.iter().map(|(table, at)| format!("{} at {at}", shown(table))).collect();
            format!(", and these tables compared: {}", tables.join(", "))
        }
    };
    format!(
        "Went on with what an interrupted verification had begun at {begun_at}: {} objects were read{tables}",
        count(resumed.objects_read)
    )
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    writeln!(text, "{line}").unwrap_or_default();
}

/// One line a table and one for all, with both identities in the headers' order.
fn accounting(tables: &[TableVerification]) -> String {
    // Only rows that come through a pipeline can be filtered: without them the column would always be empty.
    let filtered = tables.iter().any(|table| table.filtered_total() > 0);
    // Nor is anything skipped, mostly.
    let skipped = tables.iter().any(|table| table.skipped > 0);
    let before = ["source rows", "quarantined"];
    let after = ["acknowledged", "present", "collapsed", "changed", "pending"];
    let after = after.into_iter().chain(skipped.then_some("skipped")).chain(["missing", "extra"]);
    let figure = |heading| (heading, Align::Right);
    let headings: Vec<(&str, Align)> = std::iter::once(("table", Align::Left))
        .chain(before.into_iter().chain(filtered.then_some("filtered")).chain(after).map(figure))
        .collect();
    let mut lines = Table::new(&headings);
    let figures = |table: &TableVerification| {
        let before = [table.source_rows, table.quarantined()];
        let after = [table.acknowledged, table.present, table.collapsed, table.changed, table.pending];
        let after = after.into_iter().chain(skipped.then_some(table.skipped)).chain([table.missing, table.extra]);
        before.into_iter().chain(filtered.then(|| table.filtered_total())).chain(after).collect::<Vec<u64>>()
    };
    for table in tables {
        lines.row(std::iter::once(label(table)).chain(figures(table).into_iter().map(count)));
    }
    if tables.len() > 1 {
        let totals = tables.iter().map(figures).reduce(|sums, more| sums.into_iter().zip(more).map(|(sum, n)| sum + n).collect());
        lines.row(std::iter::once("all".to_owned()).chain(totals.unwrap_or_default().into_iter().map(count)));
    }
    let mut text = lines.render("");
    text.push_str(if filtered {
        "  source rows = quarantined + filtered + acknowledged\n"
    } else {
        "  source rows = quarantined + acknowledged\n"
    });
    text.push_str(if skipped {
        "  acknowledged = present + collapsed (exact repeats, stored once) + changed + pending + skipped + missing\n"
    } else {
        "  acknowledged = present + collapsed (exact repeats, stored once) + changed + pending + missing\n"
    });
    text
}

/// The table, and the measure name where the store has routes: then several lines may be about one table.
fn label(table: &TableVerification) -> String {
    match &table.measure_name {
        None => shown(&table.table),
        Some(name) => format!("{} ({})", shown(&table.table), shown(name)),
    }
}

/// What a table's line does not say; nothing for a table that is simply complete.
fn about_table(table: &TableVerification) -> String {
    let mut text = String::new();
    if !table.table_found {
        push(&mut text, format_args!("  the target has no such table"));
    }
    if table.method == Method::Rows {
        push(
            &mut text,
            format_args!("  the target refused to compute digests, so the rows of all {} buckets were compared", count(table.buckets)),
        );
    }
    if table.buckets_alike > 0 {
        let alike = count(table.buckets_alike);
        push(&mut text, format_args!("  {alike} buckets had other digests and equal rows: the target writes some value in another way"));
    }
    quarantine(&mut text, table);
    for kind in Kind::ALL {
        for (cause, rows) in table.causes.get(&kind).into_iter().flatten() {
            push(&mut text, format_args!("  {} {}: {} ({})", kind.symbol(), kind.word(), count(*rows), shown(cause)));
        }
    }
    for LedgerDisagreement { what, source, ledger } in &table.ledger_disagrees {
        push(
            &mut text,
            format_args!(
                "  ! the ledger disagrees about {}: {} by the source, {} by the ledger",
                shown(what),
                count(*source),
                count(*ledger)
            ),
        );
    }
    for difference in &table.shown {
        push(&mut text, format_args!("    {}", difference_line(difference)));
        for column in &difference.columns {
            push(&mut text, format_args!("        {}", column_line(column)));
        }
    }
    let differing = table.missing + table.changed + table.extra + table.pending + table.skipped;
    let more = differing.saturating_sub(table.shown.len() as u64);
    if more > 0 {
        push(&mut text, format_args!("    … and {} more in the list of differences", count(more)));
    }
    if let Some(until) = table.pending_until {
        push(&mut text, format_args!("  what is pending counts as missing after {until}"));
    }
    if table.listed_without_values > 0 {
        push(&mut text, format_args!("    {} of them are listed without their values", count(table.listed_without_values)));
    }
    if text.is_empty() { text } else { format!("\n{}\n{text}", label(table)) }
}

fn quarantine(text: &mut String, table: &TableVerification) {
    let collided = ("key_collision".to_owned(), table.collided);
    let all = [("undecodable".to_owned(), table.undecodable), collided].into_iter().chain(table.refused.clone());
    for (code, rows) in all.filter(|(_, rows)| *rows > 0) {
        push(text, format_args!("  quarantined: {} ({})", count(rows), shown(&code)));
    }
    for (activity, rows) in &table.filtered {
        push(text, format_args!("  filtered: {} (by the activity {})", count(*rows), shown(activity)));
    }
    for (key, reason) in table.damaged.iter().take(DAMAGED_MAX) {
        push(text, format_args!("  damaged: {}: {}", shown(key), shown(reason)));
    }
    if table.damaged.len() > DAMAGED_MAX {
        push(text, format_args!("  damaged: {} objects more", count((table.damaged.len() - DAMAGED_MAX) as u64)));
    }
}

/// `- device=d1, time 2023-06-21T07:05:00Z  s/a row 3: unknown; it was acknowledged and …`.
fn difference_line(difference: &Difference) -> String {
    let mut line = format!("{} ", difference.symbol);
    for (name, value) in &difference.dimensions {
        line.push_str(&format!("{}={}, ", shown(name), cut(value)));
    }
    if difference.dimensions.is_empty() {
        line.push_str(&format!("key {}, ", difference.key));
    }
    line.push_str(&format!("time {}", difference.time));
    if let Some(place) = &difference.source {
        line.push_str(&format!("  {} row {}", shown(&place.object), count(place.row)));
    }
    if difference.repeats > 0 {
        line.push_str(&format!(" and {} repeats", count(difference.repeats)));
    }
    line.push_str(&format!(": {}; {}", shown(&difference.cause), shown(&difference.detail)));
    line
}

fn column_line(column: &ColumnDifference) -> String {
    let side = |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "absent".to_owned(), |value| cut(&value.to_string()));
    format!("{}: {} in the source, {} in the target", shown(&column.column), side(&column.source), side(&column.target))
}

fn cut(value: &str) -> String {
    let mut text: String = value.chars().take(VALUE_CHARS_MAX).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    shown(&text)
}

/// What was not compared at all.
fn outside(verification: &Verification) -> String {
    let mut text = String::new();
    for left in &verification.left_out {
        let what = match left.layout {
            Layout::Channel => "raw messages of channel",
            Layout::Datastore => "data of datastore",
            Layout::Dataset => "dataset deliveries of",
        };
        push(
            &mut text,
            format_args!("not compared: {} {} ({} objects), which no table takes", what, shown(&left.store), count(left.objects)),
        );
    }
    if let Some(read) = &verification.rejected_reports {
        let place = shown(&read.place);
        push(
            &mut text,
            format_args!("reports of rejected data in {place}: {}, naming {} records", count(read.reports), count(read.records)),
        );
        for (report, reason) in read.unread.iter().take(DAMAGED_MAX) {
            push(&mut text, format_args!("  not read: {}: {}", shown(report), shown(reason)));
        }
        if read.unread.len() > DAMAGED_MAX {
            push(&mut text, format_args!("  not read: {} reports more", count((read.unread.len() - DAMAGED_MAX) as u64)));
        }
    }
    if verification.waited_s > 0 {
        push(&mut text, format_args!("waited {} s for rows that were not visible yet", count(verification.waited_s)));
    }
    if verification.passed_over > 0 {
        push(&mut text, format_args!("not compared: {} objects that are no history", count(verification.passed_over)));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn total(verification: &Verification, of: fn(&TableVerification) -> u64) -> u64 {
    verification.tables.iter().map(of).sum()
}

fn verdict(verification: &Verification) -> String {
    let sum = |of| count(total(verification, of));
    match verification.verdict {
        Verdict::Complete => format!("complete. All {} source rows are in the target, and nothing else is.", sum(|t| t.source_rows)),
        Verdict::CompleteWithQuarantine => {
            let damaged: usize = verification.tables.iter().map(|table| table.damaged.len()).sum();
            let skipped = total(verification, |t| t.skipped);
            let skipped = if skipped > 0 { format!(", {} left out by a person", count(skipped)) } else { String::new() };
            format!(
                "every row is accounted for, {} of {} in quarantine{skipped}; damaged objects: {}.",
                sum(TableVerification::quarantined),
                sum(|t| t.source_rows),
                count(damaged as u64)
            )
        }
        Verdict::Pending => format!("not yet. {} acknowledged rows may still appear; nothing else differs.", sum(|t| t.pending)),
        Verdict::Differences => {
            let disagreements = total(verification, |t| t.ledger_disagrees.len() as u64);
            let ledger =
                if disagreements > 0 { format!("; {} counts of the ledger disagree", count(disagreements)) } else { String::new() };
            let (missing, changed, extra) = (sum(|t| t.missing), sum(|t| t.changed), sum(|t| t.extra));
            format!("differences. {missing} missing, {changed} changed, {extra} extra, {} pending{ledger}.", sum(|t| t.pending))
        }
        Verdict::Nothing => "nothing was compared. The source has no row for any table of the plan.".to_owned(),
    }
}

fn next_steps(verification: &Verification) -> Vec<String> {
    let caused =
        |cause: &str| verification.tables.iter().flat_map(|t| t.causes.values()).any(|causes| causes.keys().any(|c| c.starts_with(cause)));
    let mut steps = Vec::new();
    if verification.verdict == Verdict::Nothing {
        steps.push("check the history's path in `migration.toml`, and plan again".to_owned());
    }
    if !verification.ledger_consulted && verification.verdict == Verdict::Differences {
        steps.push("run `verify` where the ledger is, so that it can say why rows are missing".to_owned());
    }
    if caused("not written yet") || caused("object not in the ledger") {
        steps.push("run `backfill` again; it goes on where it stopped".to_owned());
    }
    if caused("object changed") {
        steps.push("the source changed since the plan: run `plan` again".to_owned());
    }
    if total(verification, |t| t.pending) > 0 {
        steps.push("run `verify` again later, or with `--wait 6h`; magnetic writes may take up to 6 hours to appear".to_owned());
    }
    if total(verification, TableVerification::quarantined) > 0 || caused("quarantined") {
        steps.push("look at the rows in quarantine with `quarantine list`".to_owned());
    }
    if caused("unknown") && verification.rejected_reports.is_none() {
        steps.push(
            "run `verify` again with `--rejected s3://bucket/prefix`, the tables' rejected-data location, and look at their retention"
                .to_owned(),
        );
    }
    if caused("rejected") {
        steps.push(
            "rows of a higher version or of the same one stand in the way: plan with a higher `record_version` in a directory of its own"
                .to_owned(),
        );
    }
    if caused("not in the source") || caused("losing side") {
        steps.push("find out who else writes to the tables; rows cannot be deleted there, only expire".to_owned());
    }
    steps
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::verify::Place;

    fn table(name: &str) -> TableVerification {
        TableVerification {
            table: name.to_owned(),
            table_found: true,
            source_rows: 1_300,
            refused: BTreeMap::from([("wrong_type".to_owned(), 100)]),
            acknowledged: 1_200,
            collapsed: 3,
            present: 1_195,
            changed: 1,
            missing: 1,
            target_rows: 1_196,
            causes: BTreeMap::from([
                (Kind::Missing, BTreeMap::from([("not written yet".to_owned(), 1)])),
                (Kind::Changed, BTreeMap::from([("unknown".to_owned(), 1)])),
            ]),
            ..TableVerification::default()
        }
    }

    fn verification(tables: Vec<TableVerification>) -> Verification {
        Verification {
            begun_at: None,
            verified_at: Nanos(0),
            resumed: None,
            history: "./history".to_owned(),
            database: "db\u{1b}[2J".to_owned(),
            verdict: Verification::verdict_of(&tables),
            tables,
            left_out: Vec::new(),
            passed_over: 2,
            ledger_consulted: true,
            rejected_reports: None,
            waited_s: 0,
            differences_listed: 2,
        }
    }

    #[test]
    fn a_report_reads_as_a_person_expects() {
        let mut factory = table("factory");
        factory.check().unwrap();
        factory.shown = vec![Difference {
            symbol: '*',
            kind: Kind::Changed,
            table: "factory".to_owned(),
            time: "2023-06-21T07:05:00Z".to_owned(),
            time_ns: 0,
            key: "0".repeat(32),
            dimensions: BTreeMap::from([("device".to_owned(), "press\n1".to_owned())]),
            cause: "unknown".to_owned(),
            detail: "another writer".to_owned(),
            source: Some(Place { object: "a.json".to_owned(), row: 3 }),
            repeats: 0,
            source_values: None,
            target_values: None,
            columns: vec![ColumnDifference { column: "temp".to_owned(), source: Some(20.5.into()), target: None }],
        }];
        let small = TableVerification {
            source_rows: 5,
            acknowledged: 5,
            present: 5,
            table_found: true,
            table: "empty".to_owned(),
            ..TableVerification::default()
        };
        let text = verification_text(&verification(vec![factory, small]));
        insta::assert_snapshot!(text, @r"
Verification of database db\u{1b}[2J at 1970-01-01T00:00:00Z
Source: ./history (read again for this; no count is taken from the ledger)

table    source rows  quarantined  acknowledged  present  collapsed  changed  pending  missing  extra
factory        1,300          100         1,200    1,195          3        1        0        1      0
empty              5            0             5        5          0        0        0        0      0
all            1,305          100         1,205    1,200          3        1        0        1      0
  source rows = quarantined + acknowledged
  acknowledged = present + collapsed (exact repeats, stored once) + changed + pending + missing

factory
  quarantined: 100 (wrong_type)
  - missing: 1 (not written yet)
  * changed: 1 (unknown)
    * device=press\u{a}1, time 2023-06-21T07:05:00Z  a.json row 3: unknown; another writer
        temp: 20.5 in the source, absent in the target
    … and 1 more in the list of differences

not compared: 2 objects that are no history

Verdict: differences. 1 missing, 1 changed, 0 extra, 0 pending.
Next: run `backfill` again; it goes on where it stopped
Next: look at the rows in quarantine with `quarantine list`
Next: run `verify` again with `--rejected s3://bucket/prefix`, the tables' rejected-data location, and look at their retention
");
    }

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let mut hostile = table("t\u{1b}]0;x\u{7}");
        hostile.damaged = vec![("k\r".to_owned(), "r\u{9b}".to_owned())];
        let text = verification_text(&verification(vec![hostile]));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }

    #[test]
    fn every_verdict_but_complete_says_what_to_do() {
        for (change, verdict) in [
            ((|_| {}) as fn(&mut TableVerification), Verdict::Differences),
            (
                |t| {
                    t.missing = 0;
                    t.changed = 0;
                    t.causes.clear();
                },
                Verdict::CompleteWithQuarantine,
            ),
            (
                |t| {
                    t.missing = 0;
                    t.changed = 0;
                    t.pending = 2;
                    t.causes.clear();
                },
                Verdict::Pending,
            ),
            (|t| *t = TableVerification::default(), Verdict::Nothing),
        ] {
            let mut it = table("t");
            change(&mut it);
            let verification = verification(vec![it]);
            assert_eq!(verification.verdict, verdict);
            assert!(verification_text(&verification).contains("\nNext: "), "{verdict:?}");
        }
    }
}
