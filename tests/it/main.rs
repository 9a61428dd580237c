//! The one integration binary: runs the real executable in a hermetic environment.
#![allow(clippy::unwrap_used, reason = "what a test stands on may fail it; clippy.toml exempts only the tests themselves")]

mod chaos;
mod environment;
mod scripted;
mod served;

mod archive;
mod bombs;
mod bucket;
mod campaign;
mod capture_live;
mod contents;
mod demo;
mod evidence;
mod export;
mod failpoints;
mod fault_ground;
mod fault_matrix;
mod findings;
mod live;
mod mending;
mod migration;
mod peers;
mod press_line;
mod python;
mod raw;
mod routes;
mod secrets;
mod services;
mod terminal;
mod tiny_objects;
mod translate;
mod verification;

/// A test file that nobody declares would never run.
#[test]
fn every_file_here_is_declared() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = std::fs::read_to_string(here.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(here).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else { continue };
        assert!(main.contains(&format!("mod {module};")), "tests/it/{name} is not declared in main.rs");
    }
}
