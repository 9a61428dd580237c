//! Directories: what is found in them, in which order, and what is not followed.

use std::fs;
use std::path::Path;

use super::*;

fn put(root: &Path, key: &str, bytes: &[u8]) {
    let path = root.join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn list(root: &Path) -> Listing {
    Directory::new(root).list().unwrap()
}

fn keys(listing: &Listing) -> Vec<String> {
    listing.objects.iter().map(|object| object.id.key.clone()).collect()
}

const ROW: &[u8] = b"{\"a\":1}\n";

#[test]
fn objects_come_in_the_order_of_their_days() {
    let root = tempfile::tempdir().unwrap();
    for key in [
        "datastore/b/__dt=2023-06-22 00:00:00/1.json",
        "datastore/b/__dt=2023-06-21%2000%3A00%3A00/2.json",
        "datastore/a/__dt=2023-06-22 00:00:00/3.json",
        "x/channel/c/__dt=2023-06-20 00:00:00/4.json.gz",
        "exports/a/2023-06-21T12:00:00Z/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0.csv",
        "datastore/a/undated",
    ] {
        put(root.path(), key, ROW);
    }
    let listing = list(root.path());
    assert_eq!(
        keys(&listing),
        [
            "datastore/a/undated",
            "x/channel/c/__dt=2023-06-20 00:00:00/4.json.gz",
            "datastore/b/__dt=2023-06-21 00:00:00/2.json",
            "exports/a/2023-06-21T12:00:00Z/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0.csv",
            "datastore/a/__dt=2023-06-22 00:00:00/3.json",
            "datastore/b/__dt=2023-06-22 00:00:00/1.json",
        ]
    );
    assert_eq!(listing.stores().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(listing.objects.get(2).unwrap().locator, "datastore/b/__dt=2023-06-21%2000%3A00%3A00/2.json");
    assert_eq!(listing.passed_over, []);
    for object in listing.objects.iter() {
        assert_eq!(collect(&Directory::new(root.path()), &object, &ReadLimits::default()).unwrap().good.len(), 1);
    }
}

#[test]
fn the_root_may_be_any_folder_on_the_way_to_the_objects() {
    let root = tempfile::tempdir().unwrap();
    let key = "p/datastore/telemetry/__dt=2023-06-21 00:00:00/part.json.gz";
    put(root.path(), key, &gz(ROW));
    let mut part = String::new();
    for folder in ["", "p", "datastore", "telemetry", "__dt=2023-06-21 00:00:00"] {
        part = if part.is_empty() { folder.to_owned() } else { format!("{part}/{folder}") };
        let listing = list(&root.path().join(&part));
        let [object] = &listing.objects.iter().collect::<Vec<_>>()[..] else { panic!("{part}: {listing:?}") };
        assert_eq!((object.store.as_str(), object.format, object.gzip), ("telemetry", Format::Json, true), "{part}");
        assert_eq!(*object.partitions, [("__dt".to_owned(), "2023-06-21 00:00:00".to_owned())], "{part}");
    }
}

#[test]
fn what_is_no_object_is_passed_over_with_the_reason() {
    let root = tempfile::tempdir().unwrap();
    for key in [
        "datastore/a/.hidden/x.json",
        "datastore/a/.DS_Store",
        "datastore/a/_SUCCESS",
        "datastore/a/part.json.tmp",
        "datastore/a/x.avro",
        "stray.json",
    ] {
        put(root.path(), key, b"x");
    }
    let listing = list(root.path());
    assert!(listing.objects.is_empty());
    let passed: Vec<&str> = listing.passed_over.iter().map(|passed| passed.key.as_str()).collect();
    assert_eq!(
        passed,
        [
            "datastore/a/.DS_Store",
            "datastore/a/.hidden/",
            "datastore/a/_SUCCESS",
            "datastore/a/part.json.tmp",
            "datastore/a/x.avro",
            "stray.json"
        ]
    );
    assert!(listing.passed_over.iter().all(|passed| !passed.reason.is_empty()));
}

#[test]
fn two_spellings_of_one_key_are_read_once() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "datastore/a/__dt=2023-06-21 00:00:00/x.json", ROW);
    put(root.path(), "datastore/a/__dt=2023-06-21%2000%3A00%3A00/x.json", ROW);
    let listing = list(root.path());
    assert_eq!(listing.objects.len(), 1);
    assert_eq!(
        listing.passed_over,
        [PassedOver {
            key: "datastore/a/__dt=2023-06-21%2000%3A00%3A00/x.json".to_owned(),
            reason: "the same key as `datastore/a/__dt=2023-06-21 00:00:00/x.json`, spelled differently".to_owned(),
        }]
    );
}

#[cfg(unix)]
#[test]
fn no_link_and_no_key_leads_outside() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret.json", ROW);
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "datastore/a/real.json", ROW);
    put(root.path(), "datastore/a/b%2f..%2f..%2fsecret.json", ROW);
    std::os::unix::fs::symlink(outside.path(), root.path().join("datastore/a/folder")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.json"), root.path().join("datastore/a/file.json")).unwrap();
    std::os::unix::fs::symlink(root.path(), root.path().join("datastore/a/loop")).unwrap();

    let listing = list(root.path());
    assert_eq!(keys(&listing), ["datastore/a/b%2f..%2f..%2fsecret.json", "datastore/a/real.json"]);
    assert_eq!(listing.passed_over.len(), 3);
    assert!(listing.passed_over.iter().all(|passed| passed.reason == "a symbolic link"));

    let outside_name = outside.path().file_name().unwrap().to_str().unwrap();
    for locator in [
        format!("../{outside_name}/secret.json"),
        outside.path().join("secret.json").to_str().unwrap().to_owned(),
        "datastore/a/file.json".to_owned(),
        "datastore/a/folder/secret.json".to_owned(),
    ] {
        let object = SourceObject { locator, ..listing.objects.get(1).unwrap() };
        let refused = Directory::new(root.path()).open(&object).err().expect("refused");
        assert!(matches!(refused, HistoryError::Outside { .. }), "{refused}");
    }
}

#[test]
fn a_root_that_is_not_there_is_an_error_with_a_hint() {
    let root = tempfile::tempdir().unwrap();
    let missing = Directory::new(&root.path().join("nowhere")).list().unwrap_err();
    assert!(matches!(missing, HistoryError::RootMissing { .. }) && missing.hint().is_some());
    put(root.path(), "file", b"");
    let file = Directory::new(&root.path().join("file")).list().unwrap_err();
    assert!(matches!(file, HistoryError::RootNotDirectory { .. }) && file.hint().is_some());
    assert!(list(tempfile::tempdir().unwrap().path()).objects.is_empty());
}

#[test]
fn an_object_that_changed_or_vanished_since_it_was_listed_is_refused() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "datastore/a/x.json", ROW);
    let listing = list(root.path());
    let (directory, object) = (Directory::new(root.path()), listing.objects.get(0).unwrap());
    put(root.path(), "datastore/a/x.json", b"{\"a\":1,\"b\":2}\n");
    for refused in [directory.open(&object).err(), directory.open_ranges(&object).err()] {
        assert!(matches!(refused, Some(HistoryError::Changed { key, .. }) if key == "datastore/a/x.json"));
    }
    fs::remove_file(root.path().join("datastore/a/x.json")).unwrap();
    assert!(matches!(directory.open(&object), Err(HistoryError::Vanished { .. })));
}

#[test]
fn an_object_that_changes_while_it_is_read_is_refused() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "datastore/a/x.json", ROW);
    let object = list(root.path()).objects.get(0).unwrap();
    let mut grew = false;
    let read = read_object(&Directory::new(root.path()), &object, &ReadLimits::default(), &mut |_| {
        if !grew {
            grew = true;
            put(root.path(), "datastore/a/x.json", &ROW.repeat(1000));
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(read, Err(HistoryError::Changed { .. })), "{read:?}");
}

#[test]
fn the_digest_changes_with_every_object() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "datastore/a/x.json", ROW);
    let one = list(root.path()).digest();
    assert_eq!((one.len(), list(root.path()).digest()), (64, one.clone()));
    put(root.path(), "datastore/a/y.json", ROW);
    let two = list(root.path()).digest();
    put(root.path(), "datastore/a/y.json", b"{}");
    let changed = list(root.path()).digest();
    assert!(one != two && two != changed);
}
