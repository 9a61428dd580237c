//! The embedded services beside Timestream and S3, driven by clients that nobody here wrote.

use std::process::Command;

use crate::python::{python, repository};

/// Runs one of the programs of `tests/` against the executable.
fn driven(program: &str) {
    let output = Command::new(python())
        .arg("-B")
        .arg(repository().join("tests").join(program))
        .arg(env!("CARGO_BIN_EXE_iota2ts"))
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    let (found, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{found}{errors}");
    assert!(found.contains("passed, 0 failed"), "{found}{errors}");
}

#[test]
fn boto3_drives_the_embedded_services_and_its_models_hold() {
    driven("boto3_services.py");
}
