//! The mapper here against `records.py` there: the same records, or the same refusals, for random mappings and messages.

use super::generate::{Random, case, routed_case, time_case};
use super::{both_sides, json};

const MESSAGES_PER_MAPPING: usize = 40;
const VERSION: i64 = 7;

/// How many cases are tried; `IOTA2TS_RECORD_CASES` sets another number, `IOTA2TS_RECORD_SEED` another seed.
fn setting(name: &str, default: usize) -> usize {
    std::env::var_os(name)
        .map_or(default, |text| text.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} is no number")))
}

#[test]
fn generated_records_equal_those_of_the_mapper() {
    let count = setting("IOTA2TS_RECORD_CASES", 4_000).div_ceil(MESSAGES_PER_MAPPING);
    let mut random = Random(u64::try_from(setting("IOTA2TS_RECORD_SEED", 20_251_215)).unwrap());
    // Every fourth case is about nothing but its time, and every fourth about routes.
    let cases: Vec<_> = (0..count)
        .map(|at| match at % 4 {
            0 => time_case(&mut random, MESSAGES_PER_MAPPING),
            1 => routed_case(&mut random, MESSAGES_PER_MAPPING),
            _ => case(&mut random, MESSAGES_PER_MAPPING),
        })
        .collect();
    let (here, there) = both_sides(&cases, VERSION);
    assert_eq!(here.len(), there.len());
    let mut tally = std::collections::BTreeMap::new();
    for (at, (here, there)) in here.iter().zip(&there).enumerate() {
        let case = &cases[at / MESSAGES_PER_MAPPING];
        let message = &case.messages[at % MESSAGES_PER_MAPPING];
        assert_eq!(here, there, "case {at}: {}\n{:#?}", json(message), case.mappings);
        let kind = here.get("code").and_then(|code| code.as_str()).unwrap_or("record");
        *tally.entry(kind.to_owned()).or_insert(0_usize) += 1;
    }
    // A test of nothing but refusals would prove little, and one that never meets a reason proves nothing about it.
    assert!(tally["record"] * 8 > here.len(), "{tally:?}");
    assert_eq!(tally.len(), crate::mapping::RefusalCode::ALL.len() + 1, "{tally:?}");
    println!("{tally:?}");
}
