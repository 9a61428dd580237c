//! A Python environment of the tests' own, under the target folder, made on first use with the packages of
//! `tests/requirements.txt`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter. Tests that run at once wait for the one that makes the environment.
///
/// # Panics
/// With one sentence when there is no python3, or the packages cannot be installed.
pub(crate) fn python() -> PathBuf {
    let wanted = std::fs::read_to_string(repository().join("tests/requirements.txt")).unwrap();
    // The folder beside `target/tmp`, wherever the target folder is.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let home = target.join("python");
    let lock = std::fs::File::create(target.join("python.lock")).unwrap();
    lock.lock().unwrap();
    let (interpreter, stamp) = (home.join("bin/python"), home.join("installed.txt"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return interpreter;
    }
    if home.try_exists().unwrap() {
        std::fs::remove_dir_all(&home).unwrap();
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&home), "these tests need python3 (3.11 or newer) with its venv module");
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(repository().join("tests/requirements.txt"));
    run(&mut pip, "the packages of tests/requirements.txt could not be installed");
    std::fs::write(&stamp, wanted).unwrap();
    interpreter
}

/// The folder that holds `Cargo.toml`.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command, without: &str) {
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("{without}:\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("{without}: {error}"),
    }
}
