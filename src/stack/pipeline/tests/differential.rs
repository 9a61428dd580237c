//! The engine and the emitted Python end alike: kept or dropped, by which activity, and with what message, text for text.

use super::generator::Random;
use super::harness::{Case, engine_says, python_says};

const MESSAGES: usize = 25;
/// Pipelines of one Python process.
const PIPELINES: usize = 200;
const CASES_DEFAULT: usize = 20_000;

/// How many messages: `IOTA2TS_DIFFERENTIAL_CASES`, for a longer run by hand.
#[allow(clippy::disallowed_methods, reason = "only this test reads it, to be run longer by hand")]
fn cases_wanted() -> usize {
    std::env::var("IOTA2TS_DIFFERENTIAL_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(CASES_DEFAULT)
}

#[test]
fn engine_and_python_agree_on_random_pipelines_and_messages() {
    let mut random = Random(20_251_215);
    let mut left = cases_wanted();
    let (mut kept, mut dropped) = (0, 0);
    while left > 0 {
        let case = |random: &mut Random| Case { spec: random.spec(), messages: (0..MESSAGES).map(|_| random.message()).collect() };
        let pipelines = PIPELINES.min(left.div_ceil(MESSAGES));
        let cases: Vec<Case> = (0..pipelines).map(|_| case(&mut random)).collect();
        for (case, python) in cases.iter().zip(python_says(&cases)) {
            let engine = engine_says(case);
            if engine != python {
                let steps = serde_json::to_string_pretty(&case.spec).unwrap();
                panic!("engine and Python differ\n{}\nengine {engine}\npython {python}\nof {}", steps, case.messages.join("\n   "));
            }
            kept += engine.matches("[\"kept\"").count();
            dropped += engine.matches("[\"dropped\"").count();
        }
        left = left.saturating_sub(pipelines * MESSAGES);
    }
    // A test in which everything is dropped would say nothing.
    assert!(kept > dropped / 4 && dropped > kept / 10, "{kept} kept, {dropped} dropped");
}
