//! The two other forms of a tree: rule SQL that reads back as the tree, and Python in which nothing becomes code.

use proptest::prelude::*;

use super::generate::{self, Random};
use super::python_side;
use crate::expression::{
    Expression, Function, Kind, Operator, Switches, check, evaluate, filter_to_python, math_to_python, parse_filter, parse_math,
    to_iot_sql, to_python,
};
use crate::value::Object;

use super::parse::{binary, name, number};

const HOSTILE: [&str; 12] = [
    "\"); __import__('os').system('id') #",
    "'); DROP TABLE x; --",
    "''",
    "'",
    "line\nbreak\r\u{2028}\u{85}\u{0}",
    "back\\slash\\",
    "\"\"\"",
    "${x} {{y}} %s {z} #{w}",
    "!Sub &a *b <<: [",
    "</script><!--",
    "naïve 温度 😀\u{202e}",
    "",
];

#[test]
fn rule_sql_has_the_parentheses_that_it_needs_and_no_others() {
    for text in [
        "temp > 40 AND hum < 20",
        "(a > 1 OR b > 1) AND NOT (c = 'it''s' AND d)",
        "NOT a AND NOT NOT b = 1",
        "(NOT a) = TRUE",
        "(a = 1) = (b = 2)",
        "a + b - (c - d) > -5 * (e + 1)",
        "a OR (b OR c)",
        "x <> NULL",
    ] {
        assert_eq!(to_iot_sql(&parse_filter(text).unwrap()), text);
    }
    for text in ["(temp - 32) * 5.0 / 9.0", "temp * (9 / 5) + 32", "a - (b + c)", "trunc(power(x, 2) + -1, 2)", "a - -5"] {
        assert_eq!(to_iot_sql(&parse_math(text).unwrap()), text);
    }
    assert_eq!(to_iot_sql(&parse_math("((TEMP-32)*5.0)/9.0").unwrap()), "(TEMP - 32) * 5.0 / 9.0");
}

/// Trees that the parser can make of a filter or of math.
fn parseable(seed: u64, kind: Kind) -> Option<Expression> {
    let mut random = Random(seed);
    let tree = match kind {
        Kind::Filter => generate::condition(&mut random, 4),
        Kind::Math => generate::sum(&mut random, 5),
    };
    check(&tree, kind).is_ok().then_some(tree)
}

/// A tree of names, numbers and strings of any content, without functions.
fn filters() -> impl Strategy<Value = Expression> {
    let word = "[a-zA-Z_][a-zA-Z0-9_]{0,6}".prop_filter("reserved", |word| !crate::expression::parser::is_reserved(word));
    let leaf = prop_oneof![
        prop::collection::vec(word, 1..4).prop_map(Expression::Attribute),
        any::<String>().prop_map(Expression::Text),
        any::<i64>().prop_map(|int| number(&int.to_string())),
        "-?[1-9][0-9]{0,20}\\.[0-9]{1,12}([eE][-+]?[0-9]{1,2})?".prop_map(|text| number(&text)),
        any::<bool>().prop_map(Expression::Boolean),
        Just(Expression::Null),
    ];
    leaf.prop_recursive(6, 64, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
            (prop::sample::select(&Operator::ALL), inner.clone(), inner).prop_map(|(operator, left, right)| binary(operator, left, right)),
        ]
    })
    .prop_filter("a condition", |tree| crate::expression::parser::not_a_condition(tree).is_none())
}

proptest! {
    #[test]
    fn rule_sql_reads_back_as_the_tree(tree in filters()) {
        let sql = to_iot_sql(&tree);
        prop_assert_eq!(parse_filter(&sql), Ok(tree), "{}", sql);
    }

    #[test]
    fn rule_sql_of_math_reads_back_as_the_tree(seed in any::<u64>()) {
        if let Some(tree) = parseable(seed, Kind::Math) {
            prop_assert_eq!(parse_math(&to_iot_sql(&tree)).unwrap(), tree);
        }
    }

    #[test]
    fn no_text_makes_the_parser_fall(text in any::<String>()) {
        for result in [parse_filter(&text), parse_math(&text)] {
            if let Err(error) = result {
                prop_assert!(text.get(..error.at.byte).is_some(), "{} is inside a character", error.at.byte);
                prop_assert_eq!(text[..error.at.byte].chars().count() + 1, error.at.column);
                prop_assert!(!error.to_string().contains('\n') && !error.hint().is_empty());
            }
        }
    }

    #[test]
    fn no_jumble_of_its_words_makes_the_parser_fall(words in prop::collection::vec(prop::sample::select(&WORDS), 0..40)) {
        let text = words.join(" ");
        for (kind, result) in [(Kind::Filter, parse_filter(&text)), (Kind::Math, parse_math(&text))] {
            if let Ok(tree) = result {
                prop_assert!(check(&tree, kind).is_ok());
                evaluate(&tree, &Object::new(), &Switches::default()).unwrap();
            }
        }
    }
}

const WORDS: [&str; 30] = [
    "a", "b.c", "1", "2.5", "'x'", "(", ")", "(", ")", ",", "AND", "or", "NOT", "=", "<>", "<", ">=", "+", "-", "*", "/", "%", "abs(",
    "mod(", "NULL", "TRUE", "-", ".", "1", "a",
];

#[test]
fn generated_math_is_often_math() {
    let parseable = (0..500).filter(|seed| parseable(*seed, Kind::Math).is_some()).count();
    assert!(parseable > 100, "{parseable} of 500");
}

#[test]
fn python_is_readable_and_names_the_switches_that_are_not_at_their_default() {
    let default = Switches::default();
    assert_eq!(
        filter_to_python(&parse_filter("temp > 40 AND hum < 20").unwrap(), &default),
        r#"sql.passes(
    sql.and_(
        sql.greater(sql.attribute(message, "temp"), 40),
        sql.less(sql.attribute(message, "hum"), 20),
    ),
)"#
    );
    assert_eq!(
        math_to_python(&parse_math("(device.temp * 9/5) + 32").unwrap(), &default),
        r#"sql.result(sql.add(sql.divide(sql.multiply(sql.attribute(message, "device", "temp"), 9), 5), 32))"#
    );
    assert_eq!(to_python(&parse_filter("ok = 'it''s'").unwrap(), &default), r#"sql.equal(sql.attribute(message, "ok"), "it's")"#);
    let switches: Switches = serde_json::from_str(
        r#"{"integer_division":"decimal","division_by_zero":"drop_message","undefined_math":"drop_message","whole_decimals":"become_int",
            "null_existence_check":"existence","null_equals_null":"undefined","text_math":"undefined","filter_text_true":"keep"}"#,
    )
    .unwrap();
    assert_eq!(
        math_to_python(&parse_math("1.5 / x").unwrap(), &switches),
        r#"sql.result(
    sql.whole(
        sql.divide(
            sql.whole(sql.decimal_literal("1.5")),
            sql.attribute(message, "x"),
            drop=True,
            decimals=True,
        ),
    ),
    text=False,
    drop=True,
)"#
    );
    assert_eq!(
        filter_to_python(&parse_filter("x <> NULL AND x = NULL").unwrap(), &switches),
        r#"sql.passes(
    sql.and_(
        sql.exists(sql.attribute(message, "x")),
        sql.equal(sql.attribute(message, "x"), None, null_equal=False),
    ),
    text=True,
)"#
    );
}

#[test]
fn hostile_strings_stay_strings() {
    let directory = tempfile::tempdir().unwrap();
    let mut main = "import iot_sql as sql\nmessage = {}\nfound = [\n".to_owned();
    for text in HOSTILE {
        let tree = binary(Operator::Equal, name("a"), Expression::Text(text.to_owned()));
        assert_eq!(parse_filter(&to_iot_sql(&tree)).unwrap(), tree);
        main.push_str(&format!("{},\n", to_python(&Expression::Text(text.to_owned()), &Switches::default())));
    }
    main.push_str("]\nfor text in found: print(sql.dumps(text))\n");
    let printed = python_side::run(directory.path(), &main);
    let read: Vec<String> = printed.split('\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, HOSTILE);
}

#[test]
fn trees_that_no_text_gives_are_refused_and_their_python_is_inert() {
    let directory = tempfile::tempdir().unwrap();
    let mut main = "import iot_sql as sql\nmessage = {}\n".to_owned();
    let mut trees = vec![
        Expression::Attribute(vec![]),
        Expression::Call { function: Function::Abs, arguments: vec![] },
        Expression::Call { function: Function::Atan2, arguments: vec![number("1"); 3] },
    ];
    for text in HOSTILE.into_iter().chain(["1 ", "0x1", "1_000", "1E1000", "NULL", "a.b"]) {
        trees.push(Expression::Number(text.to_owned()));
        trees.push(Expression::Attribute(vec![text.to_owned()]));
        trees.push(Expression::Attribute(vec!["a".to_owned(), text.to_owned()]));
    }
    for tree in trees {
        if tree != name("a.b") {
            assert!(check(&tree, Kind::Math).is_err(), "{tree:?}");
        }
        assert!(evaluate(&tree, &Object::new(), &Switches::default()).unwrap().is_undefined(), "{tree:?}");
        main.push_str(&format!("assert {} is sql.UNDEFINED\n", to_python(&tree, &Switches::default())));
    }
    main.push_str("print('inert')\n");
    assert_eq!(python_side::run(directory.path(), &main).trim(), "inert");
    let tree: Expression = serde_json::from_str(r#"{"attribute":["a b"]}"#).unwrap();
    assert!(check(&tree, Kind::Filter).unwrap_err().to_string().contains("operator is missing"));
}

#[test]
fn the_deepest_trees_survive_python_json_and_a_small_stack() {
    let nested = |open: &str, close: &str, count: usize| format!("{}a{}", open.repeat(count), close.repeat(count));
    let texts = [
        (Kind::Math, format!("a{}", " + a".repeat(49))),
        (Kind::Math, nested("a - (", ")", 33)),
        (Kind::Math, nested("abs(", ")", 33)),
        (Kind::Filter, format!("{}a", "NOT ".repeat(99))),
        (Kind::Filter, format!("a{}", " OR a".repeat(49))),
        (Kind::Filter, nested("NOT (a AND ", ")", 25)),
        (Kind::Filter, format!("{}a{}", "(".repeat(49), " = b)".repeat(49))),
    ];
    let switches: Switches = serde_json::from_str(r#"{"whole_decimals":"become_int"}"#).unwrap();
    let check_all = move || {
        let mut main = "import iot_sql as sql\nmessage = {'a': True}\n".to_owned();
        for (kind, text) in texts {
            let tree = if kind == Kind::Math { parse_math(&text) } else { parse_filter(&text) };
            let tree = tree.unwrap_or_else(|error| panic!("{text}: {error}"));
            check(&tree, kind).unwrap();
            evaluate(&tree, &Object::new(), &switches).unwrap();
            let json = serde_json::to_string(&serde_json::json!([[[[{ "steps": tree.clone() }]]]])).unwrap();
            let back: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::from_value::<Expression>(back[0][0][0][0]["steps"].clone()).unwrap(), tree);
            main.push_str(&format!("{}\n", to_python(&tree, &switches)));
        }
        main
    };
    let main = std::thread::Builder::new().stack_size(1 << 20).spawn(check_all).unwrap().join().unwrap();
    python_side::run(tempfile::tempdir().unwrap().path(), &main);
}
