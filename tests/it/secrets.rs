//! No credential is left behind: not in a file, not in a line of output, whatever was run and however it ended.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::environment::Environment;
use crate::migration::small_plant;
use crate::scripted::{Asked, Reply, Scripted};
use crate::served::Served;

const KEY_ID: &str = "AKIAFAKEFAKEFAKEFAKE";
const SECRETS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", "fake/Secret+of/the+environment/0123456789"),
    ("AWS_SESSION_TOKEN", "FakeTokenOfTheEnvironment//0123456789=="),
    ("DATABASE_PASSWORD", "fake-password-of-somebody-else"),
];

/// As much as the program and what it stands on can be asked to say.
const TALKATIVE: [(&str, &str); 4] =
    [("RUST_LOG", "trace"), ("AWS_LOG_LEVEL", "trace"), ("SMITHY_LOG", "trace"), ("RUST_BACKTRACE", "full")];

fn command(environment: &Environment, args: &[&str]) -> Command {
    let mut command = environment.command(args);
    command.envs(SECRETS).envs(TALKATIVE).env("AWS_REGION", "us-east-1");
    command
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn holds(bytes: &[u8]) -> Option<&'static str> {
    SECRETS.iter().find(|(_, secret)| bytes.windows(secret.len()).any(|window| window == secret.as_bytes())).map(|(name, _)| *name)
}

/// Refuses as the service does, whoever asks.
fn refusing(_: &Asked) -> Reply {
    Reply::Error(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
}

#[test]
fn no_credential_is_left_in_a_file_or_said_whatever_is_run() {
    let environment = small_plant();
    environment.write("history/datastore/plant/__dt=2025-10-12 00:00:00/bad.json", "{\n");
    let served = Served::new(&environment.path("service"));
    let scripted = Scripted::serve(refusing);
    let (service, refuses) = (served.endpoint_url.clone(), scripted.url());
    let to = |endpoint, args: &[&'static str]| [&["--endpoint-url", endpoint], args].concat().iter().map(|arg| (*arg).to_owned()).collect();
    let at = |dir: &'static str, args: &[&'static str]| [&["--dir", dir], args].concat().iter().map(|arg| (*arg).to_owned()).collect();
    let runs: Vec<(Vec<String>, i32)> = vec![
        (at("migration", &["capture", "--from", "definitions"]), 0),
        (at("migration", &["plan", "--history", "history"]), 0),
        (at("migration", &["translate"]), 0),
        (at("migration", &["export"]), 2),
        (to(refuses.as_str(), &["backfill", "--target", "aws"]), 1),
        (to(service.as_str(), &["backfill", "--target", "aws"]), 2),
        (to(refuses.as_str(), &["verify", "--target", "aws"]), 1),
        (to(service.as_str(), &["verify", "--target", "aws"]), 2),
        (at("migration", &["evidence", "check"]), 0),
        (at("migration", &["teardown"]), 0),
        (at("migration", &["status"]), 0),
        (at("migration", &["units", "list"]), 0),
        (at("migration", &["quarantine", "show"]), 0),
        (to(refuses.as_str(), &["--dir", "other", "plan", "--history", "s3://bucket/prefix"]), 1),
        (to(refuses.as_str(), &["--dir", "live", "capture", "--live"]), 1),
    ];
    for (args, code) in runs {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        for output in ["text", "json"] {
            let output = command(&environment, &[&["--output", output], &args[..]].concat()).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            assert_eq!(holds(&said), None, "{args:?}: {}", String::from_utf8_lossy(&said));
            assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&said));
        }
    }
    // The credential was there to be left behind: requests were signed with it.
    let signed = |asked: &Asked| {
        asked.header("authorization").is_some_and(|header| header.contains(KEY_ID))
            && asked.header("x-amz-security-token") == Some(SECRETS[2].1)
    };
    assert!(scripted.asked().iter().filter(|asked| signed(asked)).count() >= 3);
    assert!(served.asked("WriteRecords") > 0);

    let left = files(environment.root());
    assert!(
        ["ledger.db", "evidence.json", "manifest.json", "template.yaml"].iter().all(|name| left.iter().any(|path| path.ends_with(name)))
    );
    for path in left {
        assert_eq!(holds(&std::fs::read(&path).unwrap()), None, "{}", path.display());
    }
}
