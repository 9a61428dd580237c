//! The engine beside the service: what a pipeline makes of the channel's messages against what the datastore holds.

use std::collections::BTreeMap;

use super::text::{Align, Table, count, shown, wrapped};
use crate::verify::translation::{SideCounts, TableCheck, TranslationCheck, TranslationDifference};

/// The whole report. Names from the history are made harmless.
#[must_use]
pub fn transform_check_text(check: &TranslationCheck) -> String {
    let figure = |heading| (heading, Align::Right);
    let mut table = Table::new(&[
        ("table", Align::Left),
        figure("messages"),
        figure("filtered"),
        figure("from the channel"),
        figure("in the datastore"),
        figure("same"),
        figure("changed"),
        figure("only channel"),
        figure("only datastore"),
    ]);
    for of in &check.tables {
        let filtered: u64 = of.channel.filtered.values().sum();
        let figures =
            [of.channel.rows, filtered, of.channel.records, of.datastore.records, of.same, of.changed, of.only_channel, of.only_datastore];
        table.row(std::iter::once(shown(&of.table)).chain(figures.into_iter().map(count)));
    }
    let mut text = table.render("");
    text.push_str("  records of a side = same + changed + only there + repeats\n");
    check.tables.iter().for_each(|of| text.push_str(&about(of)));
    let verdict = if check.is_same() {
        "the engine says of every record what the service said"
    } else if check.tables.iter().all(|of| of.same == 0 && of.differing() == 0) {
        "nothing was compared: no store has both messages and rows"
    } else {
        "the engine and the service differ; the causes stand above"
    };
    text.push_str(&format!("\nVerdict: {verdict}.\n"));
    text
}

fn about(of: &TableCheck) -> String {
    let mut text = String::new();
    side(&mut text, "channel", &of.channel);
    side(&mut text, "datastore", &of.datastore);
    for (cause, differences) in &of.causes {
        text.push_str(&wrapped("  ", "    ", &format!("{}: {}", count(*differences), shown(cause))));
    }
    of.shown.iter().for_each(|difference| text.push_str(&line(difference)));
    if text.is_empty() { text } else { format!("\n{}\n{text}", shown(&of.table)) }
}

fn side(text: &mut String, name: &str, counts: &SideCounts) {
    for (activity, rows) in &counts.filtered {
        text.push_str(&wrapped("  ", "    ", &format!("{name}: {} filtered by the activity {}", count(*rows), shown(activity))));
    }
    let others = [("undecodable", counts.undecodable), ("refused by the mapping", counts.refused), ("exact repeats", counts.repeats)];
    for (what, rows) in others.into_iter().filter(|(_, rows)| *rows > 0) {
        text.push_str(&format!("  {name}: {} {what}\n", count(rows)));
    }
    if counts.damaged > 0 {
        text.push_str(&format!("  {name}: {} damaged objects\n", count(counts.damaged)));
    }
}

fn line(difference: &TranslationDifference) -> String {
    let named = |map: &BTreeMap<String, String>| -> Vec<String> {
        map.iter().map(|(name, value)| format!("{}={}", shown(name), shown(value))).collect()
    };
    let place = |place: &crate::verify::Place| format!("{} row {}", shown(&place.object), count(place.row));
    let places: Vec<String> = [&difference.channel, &difference.datastore].into_iter().flatten().map(place).collect();
    let head = format!(
        "{} {}, time {}  {}: {}",
        difference.symbol,
        named(&difference.dimensions).join(", "),
        difference.time,
        places.join(" and "),
        difference.cause
    );
    let mut text = wrapped("    ", "      ", &head);
    for column in &difference.columns {
        let value =
            |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "absent".to_owned(), |value| shown(&value.to_string()));
        let told =
            format!("{}: {} by the engine, {} in the datastore", shown(&column.column), value(&column.source), value(&column.target));
        text.push_str(&wrapped("        ", "          ", &told));
    }
    text
}
