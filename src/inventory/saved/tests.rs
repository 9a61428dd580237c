use super::*;
use crate::inventory::fixtures::captured;
use std::fs;

/// Every number of the model, in every nesting that serde buffers: with exact JSON numbers a buffered number reads back as an
/// object, so each such field needs its own reader.
const ALL_NUMBERS: &[(&str, &str)] = &[
    (
        "pipeline.json",
        r#"{"pipelineName":"p","pipelineActivities":[
            {"channel":{"name":"a","channelName":"c","next":"b"}},
            {"lambda":{"name":"b","lambdaName":"f","batchSize":17,"next":"z"}},
            {"datastore":{"name":"z","datastoreName":"d"}}]}"#,
    ),
    ("channel.json", r#"{"channelName":"c","retentionPeriod":{"numberOfDays":90}}"#),
    (
        "query.json",
        r#"{"datasetName":"q","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT 1","filters":[
            {"deltaTime":{"offsetSeconds":-180,"timeExpression":"t"}}]}}],"versioningConfiguration":{"maxVersions":7},
            "lateDataRules":[{"ruleConfiguration":{"deltaTimeSessionWindowConfiguration":{"timeoutInMinutes":3}}}]}"#,
    ),
    (
        "container.json",
        r#"{"datasetName":"k","actions":[{"actionName":"a","containerAction":{"image":"i","executionRoleArn":"r",
            "resourceConfiguration":{"computeType":"ACU_1","volumeSizeInGB":5}}}]}"#,
    ),
    ("thing.json", r#"{"thingName":"t","thingId":"x","version":12345678901234567890,"attributes":{"a":"1"}}"#),
];

#[test]
fn what_is_saved_loads_as_the_same() {
    let captured = captured(ALL_NUMBERS);
    assert!(!captured.has_errors(), "{:?}", captured.problems);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.json");
    captured.inventory.save(&path).unwrap();
    captured.inventory.save(&path).unwrap();
    let loaded = Inventory::load(&path).unwrap();
    assert_eq!(loaded, captured.inventory);
    assert_eq!(loaded.digest(), captured.inventory.digest());
    assert_eq!(loaded.to_json(), fs::read_to_string(&path).unwrap());
    assert!(loaded.to_json().contains("12345678901234567890"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["inventory.json"], "nothing else is left behind");
}

#[test]
fn a_newer_or_foreign_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.json");
    for (text, message) in [
        (r#"{"version": 3, "rooms": []}"#, "has version 3 and this program reads up to version 2"),
        (r#"{"version": 0}"#, "has version 0, which never was"),
        (r#"{"version": 1}"#, "is no inventory: missing field"),
        ("[]", "is no inventory"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Inventory::load(&path).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().is_some());
    }
    assert!(matches!(Inventory::load(&folder.path().join("none.json")), Err(InventoryError::Read { .. })));
}

/// A plan is bound to the digest of the inventory: reading an older file must not change it.
#[test]
fn an_inventory_of_version_1_is_read_and_keeps_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.json");
    let mut old = captured(ALL_NUMBERS).inventory;
    old.version = 1;
    let text = old.to_json();
    assert!(!text.contains("observed"), "{text}");
    fs::write(&path, &text).unwrap();
    let loaded = Inventory::load(&path).unwrap();
    assert_eq!((loaded.version, loaded.to_json()), (1, text));
}

#[test]
fn a_failed_save_leaves_the_file_and_no_leftover() {
    let folder = tempfile::tempdir().unwrap();
    // A folder cannot be replaced by a file.
    let path = folder.path().join("inventory.json");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "x").unwrap();
    let inventory = captured(ALL_NUMBERS).inventory;
    assert!(matches!(inventory.save(&path), Err(InventoryError::Write { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(path.join("inside").try_exists().unwrap());
}
