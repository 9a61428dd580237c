//! What is taken, what it means, and what is refused with which words.

use proptest::prelude::*;

use crate::expression::{Binary, Expression, Function, Kind, Operator, ParseReason, check, parse_filter, parse_math};
use crate::spoilt::{changes, spoilt_text};

pub(super) fn name(name: &str) -> Expression {
    Expression::Attribute(name.split('.').map(str::to_owned).collect())
}

pub(super) fn number(text: &str) -> Expression {
    Expression::Number(text.to_owned())
}

pub(super) fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    Expression::Binary(Box::new(Binary { operator, left, right }))
}

#[test]
fn what_is_seen_in_the_wild_is_taken() {
    for text in [
        "co <> NULL OR lpg <> NULL OR smoke <> NULL OR temp <> NULL OR humidity <> NULL",
        "temp > 40 AND hum < 20",
        "attribute1 > 40 AND attribute2 < 20",
        "quality = 'GOOD'",
        "temperature > -50 AND temperature < 150",
        "new_temperature > 10",
        "device.temp>=10 and(device.temp<=40)",
        "TRUE",
        "active",
    ] {
        parse_filter(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    for text in [
        "((temp - 32) * 5.0) / 9.0",
        "(temperature * 9/5) + 32",
        "(temp * 1.8) + 32",
        "humidity + 1",
        "Round(x)",
        "ATAN2(y, x)",
        "trunc( x , 2 )",
        "a - -5",
        "1.5e-3 * x",
        "sensor.temp",
    ] {
        parse_math(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn or_binds_weaker_than_and_and_than_not_and_than_comparison_and_than_sum_and_than_product() {
    let comparison = |left, right| binary(Operator::Greater, name(left), right);
    assert_eq!(
        parse_filter("a > 1 + 2 * 3 or NOT b > 1 and c > 1").unwrap(),
        binary(
            Operator::Or,
            comparison("a", binary(Operator::Add, number("1"), binary(Operator::Multiply, number("2"), number("3")))),
            binary(Operator::And, Expression::Not(Box::new(comparison("b", number("1")))), comparison("c", number("1"))),
        )
    );
    assert_eq!(
        parse_math("a - b - c / d % 2").unwrap(),
        binary(
            Operator::Subtract,
            binary(Operator::Subtract, name("a"), name("b")),
            binary(Operator::Remainder, binary(Operator::Divide, name("c"), name("d")), number("2")),
        )
    );
    assert_eq!(parse_math("a-5").unwrap(), binary(Operator::Subtract, name("a"), number("5")));
    assert_eq!(parse_math("a - -5").unwrap(), binary(Operator::Subtract, name("a"), number("-5")));
}

#[test]
fn quotes_are_undoubled_and_names_keep_their_case() {
    assert_eq!(
        parse_filter("Device.Name <> 'it''s ''x'").unwrap(),
        binary(Operator::NotEqual, name("Device.Name"), Expression::Text("it's 'x".to_owned()))
    );
    assert_eq!(parse_math("MOD(A.b, 2)").unwrap(), Expression::Call { function: Function::Mod, arguments: vec![name("A.b"), number("2")] });
}

/// The text, the column that is named, a part of the message, a part of the hint.
const REFUSED_FILTERS: [(&str, usize, &str, &str); 41] = [
    ("", 1, "empty", "write a condition"),
    (" \t\n", 4, "empty", "write a condition"),
    ("a LIKE 'x%'", 3, "`LIKE` is not part", "`=`"),
    ("a NOT LIKE 'x%'", 3, "`LIKE` is not part", "`=`"),
    ("a IN (1, 2)", 3, "`IN` is not part", "x = 1 OR x = 2"),
    ("a not in (1, 2)", 3, "`IN` is not part", "x = 1 OR x = 2"),
    ("(a BETWEEN 1 AND 2)", 4, "`BETWEEN` is not part", "x >= 1 AND x <= 2"),
    ("a IS NULL", 3, "`IS` is not part", "x = NULL"),
    ("a is not null", 3, "`IS` is not part", "x <> NULL"),
    ("CASE a WHEN 1 THEN TRUE END", 1, "`CASE` is not part", "lambda"),
    ("a = \"x\"", 5, "double quotes", "'GOOD'"),
    ("a == 1", 3, "`==`", "`=`"),
    ("a != 1", 3, "`!=`", "`<>`"),
    ("a => 1", 3, "`=>`", "`>=`"),
    ("a > 1 && b > 1", 7, "`&&`", "AND"),
    ("a > 1 || b > 1", 7, "`||`", "OR"),
    ("!a", 1, "`!`", "NOT"),
    ("a > 1 -- x", 7, "`--`", "comment"),
    ("a > 1 /* x */", 7, "`/*`", "comment"),
    ("a[0] > 1", 2, "`[`", "addAttributes"),
    ("${a} > 1", 1, "`$`", "substituted"),
    ("{{a}} > 1", 1, "`{`", "substituted"),
    ("abs(a) > 1", 1, "`abs` is a function", "math activity"),
    ("get(a, 0) > 1", 1, "no function `get`", "addAttributes"),
    ("isNull(a)", 1, "no function `isNull`", "x = NULL"),
    ("lower(a) = 'x'", 1, "no function `lower`", "lambda"),
    ("-a > 1", 1, "`-` stands before", "0 - x"),
    ("-(a) > 1", 1, "`-` stands before", "0 - x"),
    ("a > +1", 5, "missing before `+`", "operator works on"),
    ("a < b < c", 7, "comparison follows", "a < b AND b < c"),
    ("a = 'x", 5, "no end", "single quote"),
    ("a > 1 b", 7, "operator is missing before `b`", "join"),
    ("(a > 1", 7, "`)` is missing before the end", "close"),
    ("a > 1)", 6, "operator is missing before `)`", "take one"),
    ("a >", 4, "missing before the end", "operator works on"),
    ("a = NOT b", 5, "missing before `NOT`", "parentheses"),
    ("a. > 1", 4, "name is missing after the dot", "addAttributes"),
    ("temp + 1", 1, "this is a sum or a product", "compare"),
    ("'true'", 1, "this is a string", "compare"),
    ("NULL", 1, "this is NULL", "compare"),
    ("5", 1, "this is a number", "compare"),
];

const REFUSED_MATH: [(&str, usize, &str, &str); 24] = [
    ("a + 10b", 5, "`10b` is not a number", "digits"),
    ("a > 1", 3, "`>` stands in a math expression", "+ - * / %"),
    ("a AND b", 3, "`AND` stands in", "+ - * / %"),
    ("NOT a", 1, "`NOT` stands in", "+ - * / %"),
    ("true", 1, "`TRUE` stands in", "+ - * / %"),
    ("null", 1, "`NULL` stands in", "+ - * / %"),
    ("a + 'x'", 5, "`a string` stands in", "+ - * / %"),
    ("floor(a)", 1, "no function `floor`", "0 - ceil(0 - x)"),
    ("a + pow(a, 2)", 5, "no function `pow`", "power(x, y)"),
    ("rand()", 1, "no function `rand`", "lambda"),
    ("abs()", 1, "`abs` takes 1 argument, not 0", "abs(x)"),
    ("abs(a, b)", 1, "`abs` takes 1 argument, not 2", "abs(x)"),
    ("trunc(a)", 1, "`trunc` takes 2 arguments, not 1", "trunc(x, y)"),
    ("abs(a", 6, "`)` is missing before the end", "close"),
    ("a ^ 2", 3, "`^`", "power"),
    ("a ** 2", 3, "`**`", "power"),
    ("a--5", 2, "`--`", "a - -5"),
    ("-a", 1, "`-` stands before", "0 - x"),
    (".5 * a", 1, "`.5` is not a number", "0.5"),
    ("5. * a", 1, "`5.` is not a number", "0.5"),
    ("05 + a", 1, "`05` is not a number", "digits"),
    ("0x1F + a", 1, "`0x1F` is not a number", "digits"),
    ("1E1000 * a", 1, "`1E1000` is beyond", "could hold"),
    ("température + 1", 5, "`é` has no place", "addAttributes"),
];

#[test]
fn what_is_outside_the_language_is_refused_with_its_place_and_what_to_write() {
    let filters = REFUSED_FILTERS.iter().map(|case| (case, parse_filter(case.0)));
    let math = REFUSED_MATH.iter().map(|case| (case, parse_math(case.0)));
    for ((text, column, message, hint), result) in filters.chain(math) {
        let error = result.expect_err(text);
        assert_eq!(error.at.column, *column, "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(error.hint().contains(hint), "{text}: {}", error.hint());
    }
}

#[test]
fn bytes_and_columns_are_counted_apart() {
    let error = parse_filter("a = '温度 😀' ? 1").unwrap_err();
    assert_eq!((error.at.byte, error.at.column), (18, 12));
    assert_eq!(error.reason, ParseReason::Character { character: '?' });
}

#[test]
fn messages_hold_no_character_that_moves_a_cursor() {
    for text in ["a \u{1b}[31m", "\u{202e}a", "a \u{a0}> 1", "f\u{0}(a)"] {
        let message = parse_filter(text).unwrap_err().to_string();
        assert!(message.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{message:?}");
    }
    let long = format!("{}(a)", "x".repeat(2000));
    assert!(parse_math(&long).unwrap_err().to_string().len() < 120);
}

#[test]
fn hostile_depth_and_length_are_refused_and_use_little_stack() {
    let texts = [
        format!("{}a{}", "(".repeat(2000), ")".repeat(2000)),
        format!("{}a", "NOT ".repeat(1000)),
        format!("a{}", "+a".repeat(2000)),
        format!("a{}", " OR a".repeat(800)),
        format!("{}a{}", "abs(".repeat(800), ")".repeat(800)),
        "(".repeat(4000),
        "a OR a AND NOT a = a + a * (".repeat(145),
        "abs(a + a * ".repeat(340),
        "NOT(".repeat(1000),
        "a.".repeat(2000),
        "-".repeat(4000),
        "9".repeat(4000),
        "'".repeat(4001),
        "a > 1 OR ".repeat(10_000),
    ];
    let check = move || {
        for text in texts {
            assert!(parse_filter(&text).is_err());
            assert!(parse_math(&text).is_err());
        }
        let deepest = format!("{}a{}", "(".repeat(100), ")".repeat(100));
        assert_eq!(parse_math(&deepest).unwrap(), name("a"));
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap();
}

#[test]
fn the_service_s_256_characters_are_room_enough() {
    let filter = format!("a<>1{}", " OR a<>1".repeat(31));
    assert!(filter.len() <= 256);
    parse_filter(&filter).unwrap();
}

const GOOD: [&str; 4] = [
    "co <> NULL OR temp <> NULL AND NOT (device.temp >= -1.5e3 OR quality = 'it''s GOOD')",
    "((temp - 32) * 5.0) / 9.0 + trunc(x, 2) % 3",
    "power(a, 2) > abs(-b) AND c IN (1)",
    "TRUE",
];

proptest! {
    /// What is taken is a tree that reads back as itself; what is refused is told in one line with its place in the text.
    #[test]
    fn spoilt_expressions_are_taken_or_refused(which in 0..GOOD.len(), changes in changes()) {
        let text = spoilt_text(GOOD[which], &changes);
        for (kind, read) in [(Kind::Filter, parse_filter(&text)), (Kind::Math, parse_math(&text))] {
            match read {
                Ok(tree) => prop_assert_eq!(check(&tree, kind), Ok(())),
                Err(error) => {
                    prop_assert!(error.at.byte <= text.len() && error.at.column >= 1, "{:?}", error);
                    let told = format!("{error}{}", error.hint());
                    prop_assert!(told.chars().count() < 500 && !told.chars().any(char::is_control), "{told:?}");
                }
            }
        }
    }
}
