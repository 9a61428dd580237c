//! Whatever a client asks, it gets an answer or a refusal, in bounded time, and never another client's table.

use proptest::prelude::*;

use super::QueryFailure;
use super::fixture::{Fixture, readings};
use crate::spoilt::{changes, spoilt_text};

const QUERIES: [&str; 7] = [
    r#"SELECT device, count(*) AS n, avg(temp) FROM "db"."readings" WHERE time BETWEEN ago(2d) AND now() GROUP BY device ORDER BY n DESC LIMIT 3"#,
    "WITH hot AS (SELECT bin(time, 1h) AS hour, max(temp) m FROM db.readings GROUP BY 1) SELECT * FROM hot WHERE m > 20.5e0 OR m IS NULL",
    "SELECT CASE WHEN ok THEN upper(note) ELSE 'it''s' END, coalesce(n, 0) + 1, CAST(temp AS VARCHAR) FROM db.readings r WHERE r.n IN (1, 2)",
    "SELECT to_hex(xxhash64(to_utf8(concat(device, '|', note)))) FROM db.readings WHERE note LIKE 'h%' AND NOT (temp BETWEEN -1 AND 2)",
    "SELECT a.device FROM db.readings a JOIN db.single b ON a.device = b.device AND a.time >= b.time - INTERVAL '1' DAY",
    "SHOW MEASURES FROM \"db\".\"readings\"",
    "SELECT measure_value::double, approx_percentile(temp, 0.5) FROM db.single UNION ALL SELECT n, 1 FROM db.readings",
];

fn asked(fixture: &Fixture, sql: &str) -> Result<(), TestCaseError> {
    match fixture.ask(sql) {
        Ok(response) => prop_assert!(response.rows.len() <= 1000),
        Err(QueryFailure::Validation(message)) => prop_assert!(message.chars().count() < 2000, "{message}"),
        Err(failure) => prop_assert!(!format!("{failure:?}").contains("Internal"), "{sql}: {failure:?}"),
    }
    Ok(())
}

thread_local! {
    static READINGS: Fixture = readings();
}

proptest! {
    #[test]
    fn spoilt_queries_are_answered_or_refused(which in 0..QUERIES.len(), changes in changes()) {
        READINGS.with(|fixture| asked(fixture, &spoilt_text(QUERIES[which], &changes)))?;
    }

    #[test]
    fn jumbled_queries_are_answered_or_refused(words in prop::collection::vec(word(), 0..40)) {
        READINGS.with(|fixture| asked(fixture, &format!("SELECT {}", words.join(" "))))?;
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    let words: Vec<&'static str> = QUERIES.iter().flat_map(|query| query.split_inclusive([' ', '(', ')', ','])).collect();
    prop::sample::select(words)
}

#[test]
fn absurd_queries_are_refused() {
    let fixture = readings();
    for sql in [
        format!("SELECT {}1", "(".repeat(50_000)),
        format!("SELECT {}1", "-".repeat(50_001)),
        format!("SELECT {}true", "NOT ".repeat(20_000)),
        format!("SELECT 1{}", "+1".repeat(50_000)),
        format!("SELECT {} 1 {}", "CASE WHEN true THEN ".repeat(5_000), "END ".repeat(5_000)),
        format!("SELECT * FROM {} db.readings {}", "(SELECT * FROM ".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(10_000)),
        format!("SELECT * FROM db.readings {}", "JOIN db.readings ON true ".repeat(5_000)),
    ] {
        let shown: String = sql.chars().take(40).collect();
        assert!(matches!(fixture.ask(&sql), Err(QueryFailure::Validation(_))), "{shown}");
    }
}
