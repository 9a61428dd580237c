//! Small definitions for the tests of this room.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Captured, Problem, Severity, capture};

/// Captures files given as name and text, from one folder.
pub(crate) fn captured(files: &[(&str, &str)]) -> Captured {
    captured_with(files, &[])
}

pub(crate) fn captured_with(files: &[(&str, &str)], parameters: &[(&str, &str)]) -> Captured {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let parameters: BTreeMap<String, String> = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    capture(&[PathBuf::from(folder.path())], &parameters).unwrap()
}

/// `severity file:line path: reason` of every problem of at least this weight, in order.
pub(crate) fn told(captured: &Captured, least: Severity) -> Vec<String> {
    captured.problems.iter().filter(|problem| problem.severity <= least).map(Problem::to_string).collect()
}

/// Asserts that exactly these errors are told, each holding its text.
#[track_caller]
pub(crate) fn assert_errors(captured: &Captured, expected: &[&str]) {
    let told = told(captured, Severity::Error);
    for text in expected {
        assert!(told.iter().any(|problem| problem.contains(text)), "no error holds {text:?}: {told:#?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

/// Asserts that some blind spot of the subject holds the text.
#[track_caller]
pub(crate) fn assert_blind(captured: &Captured, subject: &str, text: &str) {
    let spots = &captured.inventory.blind_spots;
    assert!(spots.iter().any(|spot| spot.subject == subject && spot.unknown.contains(text)), "{subject}: {text}: {spots:#?}");
}

/// `create-pipeline` input with these activities between a channel and a datastore named `end`.
pub(crate) fn pipeline(first: &str, between: &str) -> String {
    format!(
        r#"{{"pipelineName":"p","pipelineActivities":[
{{"channel":{{"name":"start","channelName":"c","next":"{first}"}}}},
{between}
{{"datastore":{{"name":"end","datastoreName":"d"}}}}]}}"#
    )
}
