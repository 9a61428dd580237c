//! The file for people: the query on the Timestream table, for notebooks, QuickSight and Athena's Timestream connector.

use super::print;
use super::rewrite::Rewritten;
use crate::inventory::{Dataset, Delivery, DeltaTime, Trigger};
use crate::inventory::{printable, shown};

/// Longer lines of an old query are cut in the comment; the definition has them whole.
const LINE_CHARS_MAX: usize = 2_000;

pub(super) fn file(dataset: &Dataset, sql: &str, delta: Option<&DeltaTime>, rewritten: &Rewritten) -> String {
    let mut out = String::new();
    comment(&mut out, &format!("Dataset {}, restated for Amazon Timestream.", dataset.name));
    comment(&mut out, "");
    comment(&mut out, "The query in AWS IoT Analytics was:");
    for line in sql.lines() {
        comment(&mut out, &format!("  {line}"));
    }
    for trigger in &dataset.triggers {
        if let Trigger::Schedule { expression } = trigger {
            comment(&mut out, &format!("It ran on the schedule {}.", shown(expression)));
        }
    }
    if let Some(delta) = delta {
        comment(&mut out, "Each run took only the rows since the run before, which this query does not:");
        comment(&mut out, &format!("  {} moved by {} seconds", delta.time_expression, delta.offset_seconds));
    }
    out.push('\n');
    let query = print::query(&rewritten.query);
    out.push_str(&query);
    out.push_str(";\n");
    for delivery in &dataset.deliveries {
        if let Delivery::S3 { bucket, key, .. } = delivery {
            out.push('\n');
            comment(&mut out, "Instead of the delivery to S3 (one file a run, keys with times and versions):");
            comment(&mut out, &unload(&query, bucket, key));
        }
    }
    out
}

/// A line of comment. Nothing in it can end the line.
fn comment(out: &mut String, text: &str) {
    let mut shown: String = printable(text).chars().take(LINE_CHARS_MAX).collect();
    shown.truncate(shown.trim_end().len());
    out.push_str("--");
    if !shown.is_empty() {
        out.push(' ');
        out.push_str(&shown);
    }
    out.push('\n');
}

fn unload(query: &str, bucket: &str, key: &str) -> String {
    let place = print::text(&format!("s3://{bucket}/{}", prefix(key)));
    format!("UNLOAD ({query}) TO {place} WITH (format = 'CSV', compression = 'NONE', include_header = 'true');")
}

/// The part of a key template that never changes, up to its last `/`.
fn prefix(key: &str) -> &str {
    let fixed = key.split("!{").next().unwrap_or_default();
    fixed.rfind('/').and_then(|end| fixed.get(..=end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_what_comes_before_the_first_variable() {
        for (key, expected) in [
            ("out/!{iotanalytics:scheduleTime}/!{iotanalytics:versionId}.csv", "out/"),
            ("a/b/part-!{iotanalytics:versionId}.csv", "a/b/"),
            ("plain.csv", ""),
            ("!{iotanalytics:versionId}", ""),
        ] {
            assert_eq!(prefix(key), expected);
        }
    }

    #[test]
    fn a_comment_is_one_line_whatever_it_holds() {
        for evil in ["a\nDROP", "a\r\nb", "\u{2028}x", "\u{85}y", "*/ x", "", "\0"] {
            let mut out = String::new();
            comment(&mut out, evil);
            assert!(
                out.starts_with("--") && out.ends_with('\n') && !out.trim_end_matches('\n').contains(['\n', '\r', '\u{2028}', '\u{85}']),
                "{out:?}"
            );
        }
    }
}
