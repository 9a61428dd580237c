//! The demo, as the README promises it.

use crate::environment::Environment;
use crate::python::python;

#[test]
fn demo_ends_with_every_row_accounted_for() {
    let environment = Environment::new();
    let python = python();
    let ran = environment.run(&["--dir", "demo", "demo", "--python", python.to_str().unwrap()]).ended(0);
    assert!(ran.stderr.contains("8. the overlap: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("10. the plant goes on: 20 new messages through the stack, of which its filter kept"), "{}", ran.stderr);
    assert!(ran.stdout.contains("interrupted"), "{}", ran.stdout);
    assert!(ran.stdout.contains("every row is accounted for"), "{}", ran.stdout);
    assert!(ran.stderr.contains("captured     number  names\nchannels          2  energy_channel, iot_sensor_channel"), "{}", ran.stderr);
    assert!(ran.stderr.contains("activities held against the service: 3 agree, 0 differ"), "{}", ran.stderr);
    let left = [
        "migration.toml",
        "plan.json",
        "ledger.db",
        "staging/manifest.json",
        "stack/template.yaml",
        "report/plan.txt",
        "report/verification.txt",
    ];
    for left in left {
        assert!(environment.path("demo").join(left).try_exists().unwrap(), "the demo leaves {left}");
    }
}

#[test]
fn demo_is_the_same_for_a_seed() {
    let verdicts: Vec<serde_json::Value> = ["one", "two"]
        .map(|dir| {
            Environment::new().run(&["--dir", dir, "--output", "json", "demo", "--seed", "11"]).ended(0).json()["verification"]["tables"]
                .clone()
        })
        .to_vec();
    assert_eq!(verdicts[0], verdicts[1]);
    assert!(verdicts[0].as_array().is_some_and(|tables| tables.len() == 2));
}

#[test]
fn demo_refuses_a_directory_that_is_not_a_demo() {
    let environment = Environment::new();
    environment.write("mine/precious.txt", "keep me");
    let ran = environment.run(&["--dir", "mine", "demo"]).ended(1);
    assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(environment.path("mine/precious.txt")).unwrap(), "keep me");
}
