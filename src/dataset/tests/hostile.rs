use proptest::prelude::*;

use super::{dataset, mapping, mappings, scheduled, translated};
use crate::dataset::{DatasetTranslation, translate};
use crate::inventory::{Dataset, Delivery};
use crate::record::MeasureKind;
use crate::spoilt::{changes, spoilt_text};
use crate::time::TimeFormat;

/// What is left of a query outside of its quotes; `None` when a quote stays open.
fn outside(sql: &str) -> Option<String> {
    let mut left = String::new();
    let mut open = None;
    for c in sql.chars() {
        match open {
            None if c == '"' || c == '\'' => open = Some(c),
            None => left.push(c),
            Some(quote) if c == quote => open = None,
            Some(_) => {}
        }
    }
    open.is_none().then_some(left)
}

const EVIL: [&str; 8] = [
    "x\" FROM \"other\".\"t\" -- '",
    "a'; DROP TABLE t; --",
    "back\\'slash",
    "\\\" \\'",
    "line\nbreak",
    "''''",
    "\"\"\"",
    "/* ${a} {{b}} !{c} */",
];

/// Nothing of the definition stands outside of quotes in any query, nor on a line of its own in the file.
fn inert(done: &DatasetTranslation) {
    let queries = done.sql.iter().chain(done.scheduled.as_ref().map(|made| &made.query));
    for query in queries {
        let left = outside(query).unwrap_or_else(|| panic!("open quote: {query}"));
        assert!(left.bytes().all(|b| b.is_ascii_alphanumeric() || b" .,()=<>+-*/%|_@".contains(&b)), "{left}");
        assert!(!left.contains("--") && !left.contains("other") && !left.contains("DROP"), "{left}");
    }
    if let (Some(plain), Some(sql)) = (&done.plain, &done.sql) {
        let rest = plain.replace(&format!("{sql};\n"), "");
        assert!(rest.lines().all(|line| line.is_empty() || line.starts_with("--")), "{plain}");
    }
}

#[test]
fn hostile_names_and_texts_stay_inside_their_quotes() {
    for evil in EVIL {
        let name = evil.replace('"', "\"\"");
        let text = evil.replace('\'', "''");
        let mut store = mapping("s", ("t", TimeFormat::Iso8601), &[("d", evil)], &[("m", evil, MeasureKind::Double)]);
        store.table = evil.to_owned();
        store.measures[0].name = format!("{evil}2").into();
        let sql = format!("select m as \"{name}\", d, t, '{text}' x from s where d = '{text}' or d like '%{text}' order by \"{name}\"");
        let hostile = Dataset {
            name: evil.to_owned(),
            deliveries: vec![Delivery::S3 { bucket: evil.to_owned(), key: format!("{evil}/!{{x}}"), role_arn: evil.to_owned() }],
            ..scheduled(&sql, "rate(1 hour)", Some((0, "t")))
        };
        let done = translate(&hostile, &[&store], evil);
        assert!(done.sql.is_some(), "{evil}: {:?}", done.findings);
        inert(&done);
        assert!(done.scheduled.is_some(), "{evil}: {:?}", done.findings);
        for finding in &done.findings {
            assert!(!format!("{}{}{}", finding.subject, finding.cause, finding.remedy).contains('\n'), "{finding:?}");
        }
    }
}

#[test]
fn a_quote_behind_a_backslash_ends_nothing() {
    // The parser's own printing would leave the text open here.
    let done = translated(&dataset("select temp from plant where note = 'a\\'' or 1=1'"));
    assert_eq!(done.sql.unwrap(), r#"SELECT "temp" FROM "factory"."plant_table" WHERE "remark" = 'a\'' or 1=1'"#);
    let done = translated(&dataset("select temp from plant where note = ''''''"));
    assert_eq!(done.sql.unwrap(), r#"SELECT "temp" FROM "factory"."plant_table" WHERE "remark" = ''''''"#);
}

#[test]
fn deep_and_long_queries_are_bounded() {
    let all = mappings();
    let refs: Vec<_> = all.iter().collect();
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("abs(", "1", ")"),
        ("-", "1", ""),
        ("- ", "1", ""),
        ("NOT ", "true", ""),
        ("CASE WHEN ", "true", " THEN 1 END"),
        ("(SELECT ", "1", ")"),
        ("", "1", " + 1"),
        ("", "true", " AND true"),
        ("", "1", " IS NULL"),
        ("", "1", " UNION ALL SELECT 1"),
        ("", "1", "::bigint"),
        ("", "a", "[1]"),
        ("", "a", ".a"),
        ("cast(", "1", " as double)"),
        ("1 in (", "1", ")"),
        ("date(", "__dt", ")"),
    ] {
        for times in [10, 31, 60, 240, 5_000] {
            let sql = format!("SELECT {}{middle}{} FROM plant", open.repeat(times), close.repeat(times));
            let _done = translate(&dataset(&sql), &refs, "d");
        }
    }
    let long = format!("select temp from plant where {}", vec!["n = 1"; 200].join(" or "));
    assert!(translated(&dataset(&long)).sql.is_some());
    let list = format!("select temp from plant where n in ({})", vec!["1"; 20_000].join(","));
    assert!(translated(&dataset(&list)).sql.is_some());
}

fn fragment() -> impl Strategy<Value = String> {
    let words = [
        "select",
        "from",
        "plant",
        "line",
        "meter",
        "where",
        "group by",
        "order by",
        "having",
        "limit",
        "union all",
        "join",
        "on",
        "using",
        "(",
        ")",
        ",",
        "*",
        "ts",
        "temp",
        "timestamp",
        "deviceId",
        "__dt",
        "__year",
        "place",
        ".",
        "site",
        "coord",
        "[1]",
        "=",
        "<",
        ">=",
        "<>",
        "+",
        "-",
        "/",
        "1000",
        "1.5",
        "'2024-01-01'",
        "'a''b'",
        "interval '1' day",
        "date '2024-01-01'",
        "from_unixtime(",
        "count(*)",
        "max(",
        "case when",
        "then",
        "end",
        "between",
        "and",
        "or",
        "not",
        "in (",
        "is null",
        "like",
        "as",
        "x",
        "\"q\"\"q\"",
        "current_date",
        "now()",
        "over (",
        "partition by",
        "exists (",
        "cast(",
        "as double)",
        "distinct",
        "null",
        "to_iso8601(",
        "date_trunc('day',",
        "coalesce(",
    ];
    prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "[ -~]{0,6}"]
}

proptest! {
    #[test]
    fn translation_never_panics_and_its_text_is_inert(parts in prop::collection::vec(fragment(), 0..30), expression in "[ -~]{0,20}") {
        let sql = format!("select {}", parts.join(" "));
        for sql in [&sql, &parts.join("")] {
            inert(&translated(&scheduled(sql, "rate(1 hour)", Some((-5, &expression)))));
        }
    }

    #[test]
    fn spoilt_queries_are_translated_or_refused(changes in changes()) {
        let good = "with d as (select deviceId as id, avg(temp) a from plant where __dt >= current_date - interval '1' day and note like 'a%' \
            group by 1) select id, case when a > 1.5 then cast(a as varchar) else 'it''s' end x from d order by x desc limit 10";
        inert(&translated(&scheduled(&spoilt_text(good, &changes), "rate(1 hour)", Some((-5, "from_iso8601_timestamp(ts)")))));
    }

    #[test]
    fn any_text_is_taken_or_refused(sql in any::<String>(), expression in any::<String>(), schedule in any::<String>()) {
        inert(&translated(&scheduled(&sql, &schedule, Some((7, &expression)))));
    }

    #[test]
    fn a_text_and_a_name_come_out_as_they_went_in(text in any::<String>(), name in any::<String>()) {
        let (quoted, named) = (text.replace('\'', "''"), name.replace('"', "\"\""));
        prop_assume!(!name.is_empty() && !name.eq_ignore_ascii_case("temp"));
        let sql = translated(&dataset(&format!("select temp as \"{named}\" from plant where note = '{quoted}'"))).sql;
        prop_assert_eq!(sql, Some(format!(r#"SELECT "temp" AS "{named}" FROM "factory"."plant_table" WHERE "remark" = '{quoted}'"#)));
    }
}
