use std::collections::BTreeMap;

use serde_json::json;

use super::{Evidence, chain, teardown};
use crate::inventory::capture;

fn evidence() -> Evidence {
    let number: serde_json::Value = serde_json::from_str("{\"n\": 9007199254740993.10}").unwrap();
    chain::forge("1.2.3", vec![("inventory", json!({"digest": "ab"})), ("plan", number), ("verification", json!({"x": ["y", null]}))])
}

#[test]
fn a_chain_holds_until_a_link_is_edited_moved_or_taken_away() {
    assert_eq!(chain::broken(&evidence()), None);
    let edits: [fn(&mut Evidence); 6] = [
        |it| it.tool_version = "1.2.4".to_owned(),
        |it| it.links[0].body = json!({"digest": "ac"}),
        |it| it.links[1].kind = "plans".to_owned(),
        |it| it.links.swap(1, 2),
        |it| drop(it.links.remove(1)),
        |it| it.links[2].hash = it.links[1].hash.clone(),
    ];
    for edit in edits {
        let mut edited = evidence();
        edit(&mut edited);
        assert!(chain::broken(&edited).is_some());
        assert!(!edited.check().holds());
    }
}

#[test]
fn every_changed_byte_of_the_file_shows_or_changes_no_meaning() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("evidence.json");
    evidence().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(Evidence::load(&path).unwrap(), evidence());
    for at in 0..bytes.len() {
        for other in [bytes[at] ^ 1, b' ', b'0', b'"'] {
            let mut edited = bytes.clone();
            edited[at] = other;
            std::fs::write(&path, &edited).unwrap();
            let read = Evidence::load(&path);
            let shows = read.as_ref().map_or(true, |read| chain::broken(read).is_some());
            assert!(shows || read.unwrap() == evidence(), "byte {at} became {other}");
        }
    }
}

#[test]
fn hostile_names_never_reach_the_script_as_commands() {
    let directory = tempfile::tempdir().unwrap();
    for (at, name) in
        ["plain_1", "a; rm -rf ~", "$(id)", "`id`", "x\nrm y", "--help", "file:///etc/passwd", "é", "\u{1b}[2J", "'"].iter().enumerate()
    {
        let definition = json!({"channelName": name, "tags": [{"key": "k", "value": at.to_string()}]});
        let file = directory.path().join(format!("{at}.json"));
        std::fs::write(&file, definition.to_string()).unwrap();
    }
    let captured = capture(&[directory.path().to_owned()], &BTreeMap::new()).unwrap();
    let inventory = captured.inventory;
    assert!(inventory.channels.len() > 5, "{:?}", inventory.channels.keys());
    let script = teardown::script(&inventory, "ab12\nrm");
    let commands: Vec<&str> = script.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(commands, ["set -eu", "aws iotanalytics delete-channel --channel-name plain_1"]);
    assert!(script.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{script:?}");
}
