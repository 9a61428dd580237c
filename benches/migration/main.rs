//! A migration measured: every stage of one history in three formats, beside a poster that only sends.
//!
//! Speed on a shared machine drifts, so that what counts is the ratio of two figures of one run. Prints Markdown for
//! docs/benchmarks.md. `BENCH_ROWS` sets the rows of each store.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and what it stands on may end it")]

mod history;
mod measured;
mod poster;

use std::path::Path;

use measured::{Served, Stage};

/// What a row of the table says.
struct Line {
    store: &'static str,
    stages: Vec<(&'static str, Stage)>,
    posted_rows_per_s: f64,
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is its own command, and this is its one setting")]
fn rows() -> u64 {
    std::env::var("BENCH_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(200_000)
}

fn main() {
    let rows = rows();
    let root = tempfile::tempdir().unwrap();
    println!("Rows of each store: {rows}. Readings of 50 devices, one a minute: time, device, four numbers, one text.\n");
    println!("| store | objects | bytes | stage | rows/s | peak memory |");
    println!("| --- | ---: | ---: | --- | ---: | ---: |");
    let mut lines = Vec::new();
    for layout in history::LAYOUTS {
        let made = history::write(&root.path().join(layout.name), layout, rows);
        let line = measure(&root.path().join(layout.name), layout.name, rows);
        for (at, (name, stage)) in line.stages.iter().enumerate() {
            let (objects, bytes) =
                if at == 0 { (made.objects.to_string(), made.bytes.to_string()) } else { (String::new(), String::new()) };
            let store = if at == 0 { line.store } else { "" };
            println!("| {store} | {objects} | {bytes} | {name} | {:.0} | {} MB |", stage.rows_per_s(rows), stage.peak_bytes / 1_000_000);
        }
        // Flat memory: what thousands of objects cost is their listing.
        let peak = line.stages.iter().map(|(_, stage)| stage.peak_bytes).max().unwrap();
        assert!(peak < 64_000_000 + made.objects * 3_000, "{} held {peak} bytes", layout.name);
        lines.push(line);
    }
    ratios(&lines, rows);
}

/// One store through all stages, each by the real executable, into a service of its own process.
fn measure(root: &Path, store: &'static str, rows: u64) -> Line {
    let served = Served::start(&root.join("service"));
    let run = |args: &[&str]| measured::run(root, &served, args);
    let history = root.join("history");
    let history = history.to_str().unwrap();
    run(&["capture", "--from", "definitions"]);
    let stages = vec![
        ("plan", run(&["plan", "--history", history])),
        ("backfill", run(&["backfill", "--target", "aws"])),
        ("verify", run(&["verify", "--target", "aws"])),
        ("backfill again", run(&["backfill", "--target", "aws"])),
    ];
    Line { store, stages, posted_rows_per_s: poster::rows_per_s(&served, rows) }
}

fn ratios(lines: &[Line], rows: u64) {
    println!(
        "\n| store | backfill ÷ a poster that only sends | verify ÷ backfill, time | resume of a finished backfill ÷ backfill, time |"
    );
    println!("| --- | ---: | ---: | ---: |");
    for line in lines {
        let seconds = |name: &str| line.stages.iter().find(|(stage, _)| *stage == name).unwrap().1.seconds;
        let backfill = seconds("backfill");
        let rate = measured::count(rows) / backfill / line.posted_rows_per_s;
        println!("| {} | {rate:.2} | {:.2} | {:.2} |", line.store, seconds("verify") / backfill, seconds("backfill again") / backfill);
    }
}
