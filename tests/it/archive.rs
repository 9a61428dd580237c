//! What a migration leaves behind, in a bucket; and `run --live`, which needs nothing but services.

use aws_sdk_s3::primitives::ByteStream;
use iota2ts::local::{ErrorKind, Fault, Rule, When};

use crate::environment::Environment;
use crate::served::{Served, s3_client};

const BUCKET: &str = "archive";

/// A migration directory with a staging, and services with a bucket.
fn scene() -> (Environment, Served) {
    let environment = Environment::new();
    let rows: String = (0..40).map(|at| format!("{{\"ts\":{},\"device\":\"d\",\"temp\":{at}.5}}\n", 1_760_000_000 + at)).collect();
    environment.write("history/datastore/plant/__dt=2025-10-09 00:00:00/a.json", rows);
    environment.run(&["export", "--history", "history"]).ended(0);
    environment.write("migration/ledger.db", "not for others");
    environment.write("migration/report/plan.txt", "a plan\n");
    environment.write("migration/report/.half.tmp", "half");
    let served = Served::new(&environment.path("service"));
    served.runtime.block_on(s3_client(&served.endpoint_url, "embedded").create_bucket().bucket(BUCKET).send()).unwrap();
    (environment, served)
}

fn keys(served: &Served) -> Vec<String> {
    let listed = served.runtime.block_on(s3_client(&served.endpoint_url, "embedded").list_objects_v2().bucket(BUCKET).send()).unwrap();
    listed.contents().iter().filter_map(|object| object.key()).map(str::to_owned).collect()
}

#[test]
fn staging_and_reports_are_archived_once_and_proved_whole() {
    let (environment, served) = scene();
    let first = served.run(&environment, &["archive", "s3://archive/2025", "--output", "json"]).ended(0).json();
    assert_eq!((&first["files"], &first["sent"]), (&4.into(), &4.into()));
    assert_eq!(
        keys(&served),
        [
            "2025/archive.json",
            "2025/report/plan.txt",
            "2025/staging/manifest.json",
            "2025/staging/objects.jsonl",
            "2025/staging/rows-000001.parquet"
        ]
    );
    let again = served.run(&environment, &["archive", "s3://archive/2025/", "--output", "json"]).ended(0).json();
    assert_eq!((&again["files"], &again["sent"]), (&4.into(), &0.into()));
    let looked = served.run(&environment, &["archive", "s3://archive/2025", "--check"]).ended(0);
    assert!(looked.stdout.contains("all as it says"), "{}", looked.stdout);
    let put = |key: &str, text: &'static str| {
        served
            .runtime
            .block_on(
                s3_client(&served.endpoint_url, "embedded")
                    .put_object()
                    .bucket(BUCKET)
                    .key(key)
                    .body(ByteStream::from_static(text.as_bytes()))
                    .send(),
            )
            .unwrap();
    };
    put("2025/report/plan.txt", "b plan\n");
    served
        .runtime
        .block_on(s3_client(&served.endpoint_url, "embedded").delete_object().bucket(BUCKET).key("2025/staging/manifest.json").send())
        .unwrap();
    let looked = served.run(&environment, &["archive", "s3://archive/2025", "--check"]).ended(2);
    assert!(looked.stdout.contains("report/plan.txt: its content is another\n  staging/manifest.json: it is gone"), "{}", looked.stdout);
}

#[test]
fn an_archive_that_is_denied_names_the_permission_and_goes_on_later() {
    let (environment, served) = scene();
    served.faults.add(Rule::new(Fault::Answer(ErrorKind::AccessDenied), When::Every(2)).only("PutObject"));
    let ran = served.run(&environment, &["archive", "s3://archive/x"]).ended(1);
    assert!(ran.stderr.contains("access is denied: s3:PutObject on arn:aws:s3:::archive/x/staging/manifest.json"), "{}", ran.stderr);
    assert!(!keys(&served).contains(&"x/archive.json".to_owned()));
    let ran = served.run(&environment, &["archive", "s3://archive/x", "--check"]).ended(1);
    assert!(ran.stderr.contains("there is no archive.json at s3://archive/x/"), "{}", ran.stderr);
    served.faults.clear();
    let ran = served.run(&environment, &["archive", "s3://archive/x", "--output", "json"]).ended(0);
    assert_eq!(ran.json()["sent"], 3);
    let ran = served.run(&environment, &["archive", "s3://nowhere"]).ended(1);
    assert!(ran.stderr.contains("nowhere") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    let ran = served.run(&environment, &["archive", "/tmp"]).ended(1);
    assert!(ran.stderr.contains("write it as s3://bucket or s3://bucket/prefix"), "{}", ran.stderr);
}
