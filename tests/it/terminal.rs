//! What others wrote never steers the terminal of whoever looks at it.

use crate::environment::Environment;

/// Sets a title, rings, colours in both ways of saying so, turns the direction of writing, hides, overwrites the line, and begins another one.
const EVIL: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{200b}\r\u{8}\u{7f}\nerror: all is well";

/// Whether a character does anything but stand where it is.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[test]
fn nothing_that_others_wrote_steers_the_terminal() {
    let environment = Environment::new();
    let text = serde_json::to_string(EVIL).unwrap();
    let evil = text.trim_matches('"');
    // A name of a file cannot hold a slash.
    let file = EVIL.replace('/', "");
    environment.write("definitions/store.json", r#"{"datastoreName":"plant","retentionPeriod":{"unlimited":true}}"#);
    environment.write(
        &format!("definitions/{file}.json"),
        format!(r#"{{"datasetName":"{evil}","actions":[{{"actionName":"{evil}","queryAction":{{"sqlQuery":"select {evil}"}}}}]}}"#),
    );
    environment.write(
        "definitions/pipeline.json",
        format!(
            r#"{{"pipelineName":"{evil}","pipelineActivities":[{{"channel":{{"name":"{evil}","channelName":"{evil}","next":"f"}}}},
            {{"filter":{{"name":"f","filter":"a = '{evil}' ? {evil}","next":"d"}}}},{{"datastore":{{"name":"d","datastoreName":"plant"}}}}]}}"#
        ),
    );
    let row = |at: usize| {
        format!("{{\"ts\":{},\"device\":\"{evil}\",\"temp\":1.5,\"col{evil}\":\"{evil}\"}}\n", 1_760_000_000_000_u64 + at as u64)
    };
    let rows: String = (0..3).map(row).collect();
    let day = "history/datastore/plant/__dt=2025-10-09 00:00:00";
    environment.write(&format!("{day}/{file}.json"), format!("{rows}{{\"{evil}\":{evil}\n{{\"ts\":\"{evil}\",\"device\":\"{evil}\"}}\n"));
    environment.write(&format!("{day}/{file}.parquet"), format!("PAR1{EVIL}"));
    environment.write(&format!("history/{file}/{file}"), EVIL);
    environment.write(&format!("history/datastore/{file}/__dt=2025-10-09 00:00:00/x.json"), &rows);

    let mut seen = std::collections::BTreeSet::new();
    let steps: [&[&str]; 17] = [
        &["capture", "--from", "definitions"],
        &["plan", "--history", "history"],
        &["translate"],
        &["export"],
        &["export", "--check"],
        &["backfill", "--target", "embedded"],
        &["verify", "--target", "embedded"],
        &["status"],
        &["units", "list"],
        &["units", "retry", "--object", EVIL],
        &["quarantine", "list"],
        &["quarantine", "show"],
        &["evidence", "check"],
        &["teardown"],
        &["capture", "--from", EVIL],
        &["--dir", EVIL, "status"],
        &["plan", "--history", EVIL],
    ];
    for args in steps {
        for output in ["text", "json"] {
            let ran = environment.run(&[&["--output", output], args].concat());
            assert!(ran.code.is_some(), "{args:?}");
            for said in [&ran.stdout, &ran.stderr] {
                let steering = said.chars().find(|c| *c != '\n' && steers(*c));
                assert_eq!(steering, None, "{args:?} as {output}: {said:?}");
                assert!(!said.lines().any(|line| line.starts_with("error: all is well")), "{args:?} as {output}: {said}");
                if said.contains("all is well") {
                    seen.insert(args.first().copied().unwrap_or_default());
                }
            }
        }
    }
    // The names were there to be shown.
    for command in ["capture", "plan", "translate", "export", "units", "quarantine", "--dir"] {
        assert!(seen.contains(command), "{command} shows none of them: {seen:?}");
    }
}
