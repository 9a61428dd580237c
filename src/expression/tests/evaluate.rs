//! What an expression is worth, table by table.

use crate::expression::{
    DivisionByZero, Expression, FilterTextTrue, Function, IntegerDivision, MathResult, NullEqualsNull, NullExistenceCheck, Switches,
    TextMath, UndefinedMath, Verdict, WholeDecimals, evaluate, filter_passes, math_result, parse_filter, parse_math,
};
use crate::value::{Object, Value};

fn message(json: &str) -> Object {
    match Value::from(serde_json::from_str::<serde_json::Value>(json).unwrap()) {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

/// The value as JSON text; `undefined` and `drop` for what JSON does not have.
fn shown(expression: &Expression, message: &Object, switches: &Switches) -> String {
    match evaluate(expression, message, switches) {
        Err(_) => "drop".to_owned(),
        Ok(datum) => datum.to_value().map_or("undefined".to_owned(), |value| value.to_json().to_string()),
    }
}

const MESSAGE: &str = r#"{
    "i": 7, "j": 2, "d": 2.5, "w": 10.0, "neg": -7, "z": 0, "big": 9999999999999999999999999999999999,
    "s": "abc", "ns": "2.5", "ni": "7", "ts": "TRUE", "fs": "False", "t": true, "f": false, "n": null,
    "arr": [1, "x", null], "arr2": [1.0, "x", null], "arr3": ["x", 1, null],
    "o": {"a": 1, "b": [2]}, "o2": {"b": [2], "a": 1}, "o3": {"a": 1}, "nest": {"deep": {"x": 5}}
}"#;

fn condition(text: &str) -> String {
    shown(&parse_filter(text).unwrap_or_else(|e| panic!("{text}: {e}")), &message(MESSAGE), &Switches::default())
}

fn math(text: &str) -> String {
    math_with(text, &Switches::default())
}

fn math_with(text: &str, switches: &Switches) -> String {
    shown(&parse_math(text).unwrap_or_else(|e| panic!("{text}: {e}")), &message(MESSAGE), switches)
}

fn check(value: fn(&str) -> String, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(value(text), *expected, "{text}");
    }
}

#[test]
fn logic_is_undefined_unless_both_sides_are_booleans_even_where_one_would_decide() {
    check(
        condition,
        &[
            ("t AND t", "true"),
            ("t AND f", "false"),
            ("f OR t", "true"),
            ("f OR f", "false"),
            ("NOT f", "true"),
            ("ts AND t", "true"),
            ("fs OR 'true'", "true"),
            ("NOT ts", "false"),
            ("missing OR TRUE", "undefined"),
            ("TRUE OR missing", "undefined"),
            ("FALSE AND missing", "undefined"),
            ("n OR TRUE", "undefined"),
            ("FALSE AND n", "undefined"),
            ("i OR TRUE", "undefined"),
            ("s OR TRUE", "undefined"),
            ("arr OR TRUE", "undefined"),
            ("NOT missing", "undefined"),
            ("NOT n", "undefined"),
            ("NOT i", "undefined"),
            ("f AND f OR t", "true"),
            ("NOT f AND f", "false"),
        ],
    );
}

#[test]
fn order_compares_decimals_and_numeric_strings_only() {
    check(
        condition,
        &[
            ("i > j", "true"),
            ("i >= 7.0", "true"),
            ("d < 2.5", "false"),
            ("d <= ns", "true"),
            ("'10' > '9'", "true"),
            ("ni > 6", "true"),
            ("s > 1", "undefined"),
            ("'' < 1", "undefined"),
            ("'+5' > 1", "undefined"),
            ("'1E+5' > 1", "undefined"),
            ("'1e5' > 1", "true"),
            ("t > 0", "undefined"),
            ("n < 1", "undefined"),
            ("missing < 1", "undefined"),
            ("arr < 1", "undefined"),
            ("o < 1", "undefined"),
        ],
    );
}

#[test]
fn equality_is_by_type() {
    check(
        condition,
        &[
            ("w = 10", "true"),
            ("i = 7.0", "true"),
            ("s = 'abc'", "true"),
            ("s = 'ABC'", "false"),
            ("ni = 7", "false"),
            ("ni <> 7", "true"),
            ("t = TRUE", "true"),
            ("t = ts", "false"),
            ("arr = arr2", "true"),
            ("arr = arr3", "false"),
            ("o = o2", "true"),
            ("o = o3", "false"),
            ("o <> o3", "true"),
            ("o = arr", "false"),
            ("i = NULL", "false"),
            ("i <> NULL", "true"),
            ("n = NULL", "true"),
            ("n <> NULL", "false"),
            ("NULL <> NULL", "false"),
            ("missing = NULL", "undefined"),
            ("missing <> NULL", "undefined"),
            ("missing = missing", "undefined"),
            ("i <> missing", "undefined"),
        ],
    );
}

#[test]
fn one_missing_attribute_makes_a_chain_of_existence_checks_undefined() {
    assert_eq!(condition("i <> NULL OR missing <> NULL"), "undefined");
    assert_eq!(condition("n <> NULL OR i <> NULL"), "true");
    let switches = Switches { null_existence_check: NullExistenceCheck::Existence, ..Switches::default() };
    let passes = |text| filter_passes(&parse_filter(text).unwrap(), &message(MESSAGE), &switches) == Verdict::Passes;
    assert!(passes("i <> NULL OR missing <> NULL"));
    assert!(passes("NULL <> i"));
    assert!(!passes("missing <> NULL"));
    assert!(!passes("n <> NULL"));
    assert!(!passes("missing = NULL"), "only `<>` is a check of existence");
}

#[test]
fn plus_joins_strings_and_adds_numbers() {
    check(
        condition,
        &[
            ("s + 'd' = 'abcd'", "true"),
            ("'a' + i = 'a7'", "true"),
            ("ni + 1 = '71'", "true"),
            ("'a' + d = 'a2.5'", "true"),
            ("'a' + w = 'a10'", "true"),
            ("'a' + 5.0 = 'a5'", "true"),
            ("'a' + t = 'atrue'", "true"),
            ("'a' + arr = 'a[1,\"x\",null]'", "true"),
            ("'' + o = '{\"a\":1,\"b\":[2]}'", "true"),
            ("'' + arr2 = '[1.0,\"x\",null]'", "true"),
            ("'a' + n = 'a'", "undefined"),
            ("'a' + missing = 'a'", "undefined"),
        ],
    );
    check(math, &[("i + j", "9"), ("i + d", "9.5"), ("t + i", "undefined"), ("n + i", "undefined"), ("arr + i", "undefined")]);
}

#[test]
fn arithmetic_is_int_by_int_and_else_decimal() {
    check(
        math,
        &[
            ("i - j", "5"),
            ("i * d", "17.5"),
            ("ni - j", "5"),
            ("ns * 2", "5"),
            ("s * 2", "undefined"),
            ("t - 1", "undefined"),
            ("n * 1", "undefined"),
            ("missing - 1", "undefined"),
            ("o - 1", "undefined"),
            ("i / j", "3"),
            ("neg / j", "-3"),
            ("w / 4", "2"),
            ("i / 2.0", "3.5"),
            ("ni / j", "3.5"),
            ("1.0 / 3", "0.3333333333333333333333333333333333"),
            ("2 / 3.0", "0.6666666666666666666666666666666667"),
            ("i % j", "1"),
            ("neg % j", "-1"),
            ("7 % -2", "1"),
            ("d % 1", "0.5"),
            ("ni % 4", "3"),
            ("nest.deep.x * 2", "10"),
            ("nest.deep.x.y", "undefined"),
            ("nest.gone.x", "undefined"),
            ("s.x", "undefined"),
        ],
    );
}

#[test]
fn the_guide_s_examples_come_out_as_printed() {
    let fahrenheit = parse_math("((temp - 32) * 5.0) / 9.0").unwrap();
    let result = |temp: &str| math_result(&fahrenheit, &message(&format!(r#"{{"temp":{temp}}}"#)), &Switches::default());
    let written = |text: &str| MathResult::Write(Value::Number(crate::value::Number::parse(text).unwrap()));
    assert_eq!(result("68"), written("20"));
    assert_eq!(result("32"), written("0"));
    assert_eq!(result("69"), written("20.55555555555555555555555555555556"));
    assert_eq!(math("(50 - 32) / 2"), "9");
}

#[test]
fn what_no_number_holds_is_undefined_or_drops_the_message() {
    let cases = [
        "i / z",
        "z / z",
        "d / 0",
        "i % z",
        "d % 0",
        "mod(i, 0)",
        "big + 1",
        "big * 10",
        "0 - big - 1",
        "1E999 * 10",
        "1E999 % 7",
        "ln(0)",
        "log(0)",
        "ln(neg)",
        "exp(1000)",
        "power(0, -1)",
        "power(10, 400)",
        "cosh(1000)",
        "ceil(1E40)",
        "round(1E40)",
        "sqrt(1E700)",
    ];
    let drop = Switches { division_by_zero: DivisionByZero::DropMessage, ..Switches::default() };
    for text in cases {
        assert_eq!(math(text), "undefined", "{text}");
        assert_eq!(math_with(text, &drop), "drop", "{text}");
        let expression = parse_math(text).unwrap();
        assert_eq!(math_result(&expression, &message(MESSAGE), &drop), MathResult::DropMessage);
    }
    for text in ["sqrt(-1)", "asin(2)", "acos(-2)", "power(-8, 0.5)", "missing / 0", "t / 0"] {
        assert_eq!(math_with(text, &drop), "undefined", "{text}");
    }
    assert_eq!(math("1E-999 / 10"), "0", "below 1E-999 is zero");
}

#[test]
fn the_functions_take_numbers_and_numeric_strings() {
    check(
        math,
        &[
            ("abs(neg)", "7"),
            ("abs(-2.5)", "2.5"),
            ("abs(ni)", "7"),
            ("ceil(1.2)", "2"),
            ("ceil(-1.2)", "-1"),
            ("ceil(ns)", "3"),
            ("round(1.5)", "2"),
            ("Round(-1.5)", "-2"),
            ("round(2.5)", "3"),
            ("round(2.4)", "2"),
            ("round(0.5)", "1"),
            ("round(-0.4)", "0"),
            ("sign(-0.1)", "-1"),
            ("sign(0)", "0"),
            ("sign(0.0)", "0"),
            ("sign(ns)", "1"),
            ("trunc(2.3, 0)", "2"),
            ("trunc(2.3123, 2)", "2.31"),
            ("trunc(2.888, 2)", "2.88"),
            ("trunc(-2.888, 2)", "-2.88"),
            ("trunc(2.00, 5)", "2"),
            ("trunc(2.888, -3)", "2"),
            ("trunc(2.888, 1.9)", "2.8"),
            ("trunc(2.888, 99)", "2.888"),
            ("trunc(2.888, 1E40)", "2.888"),
            ("trunc(2.888, -1E40)", "2"),
            ("trunc(ns, ni)", "2.5"),
            ("trunc(i, 2)", "7"),
            ("trunc(1E-999, 3)", "0"),
            ("mod(8, 3)", "2"),
            ("mod(-8, 3)", "-2"),
            ("mod(d, 2)", "0.5"),
            ("power(2, 5)", "32"),
            ("power(2, ns)", "5.656854249492381"),
            ("sqrt(9)", "3"),
            ("sqrt(2.25)", "1.5"),
            ("exp(0)", "1"),
            ("exp(1)", "2.718281828459045"),
            ("ln(1)", "0"),
            ("log(100)", "2"),
            ("sin(0)", "0"),
            ("cos(0)", "1"),
            ("tan(0)", "0"),
            ("acos(1)", "0"),
            ("asin(1)", "1.5707963267948966"),
            ("atan(1E400)", "1.5707963267948966"),
            ("sinh(0)", "0"),
            ("cosh(0)", "1"),
            ("tanh(1000)", "1"),
            ("atan2(1, 0)", "1.5707963267948966"),
            ("atan2(0, -1)", "3.141592653589793"),
        ],
    );
}

#[test]
fn functions_of_anything_else_are_undefined() {
    for function in Function::ALL {
        for argument in ["t", "n", "s", "arr", "o", "missing"] {
            let call = |arguments: &[&str]| Expression::Call {
                function,
                arguments: arguments.iter().map(|name| Expression::Attribute(vec![(*name).to_owned()])).collect(),
            };
            let shown = |expression: &Expression| shown(expression, &message(MESSAGE), &Switches::default());
            let (one, two) = if function.arity() == 1 { (vec![argument], vec!["i", "i"]) } else { (vec!["i", argument], vec!["i"]) };
            assert_eq!(shown(&call(&one)), "undefined", "{function:?} {argument}");
            assert_eq!(shown(&call(&two)), "undefined", "{function:?} with a wrong number of arguments");
            assert_eq!(shown(&call(&[])), "undefined", "{function:?} without arguments");
        }
    }
}

#[test]
fn only_true_passes_a_filter() {
    let passes = |text, switches: &Switches| filter_passes(&parse_filter(text).unwrap(), &message(MESSAGE), switches) == Verdict::Passes;
    let default = Switches::default();
    assert!(passes("t", &default));
    for text in ["f", "missing", "n", "i", "s", "ts", "arr", "o", "i / 0 > 1"] {
        assert!(!passes(text, &default), "{text}");
    }
    let keep = Switches { filter_text_true: FilterTextTrue::Keep, ..default };
    assert!(passes("ts", &keep));
    assert!(!passes("fs", &keep) && !passes("s", &keep) && !passes("i", &keep));
}

#[test]
fn math_writes_numbers_and_by_a_switch_strings() {
    let result = |text, switches: &Switches| math_result(&parse_math(text).unwrap(), &message(MESSAGE), switches);
    let default = Switches::default();
    assert_eq!(result("w", &default), MathResult::Write(Value::Number(crate::value::Number::parse("10").unwrap())));
    assert_eq!(result("s + ni", &default), MathResult::Write(Value::String("abc7".to_owned())));
    for text in ["t", "n", "arr", "o", "missing", "missing + 1"] {
        assert_eq!(result(text, &default), MathResult::LeaveUnset, "{text}");
        let drop = Switches { undefined_math: UndefinedMath::DropMessage, ..default };
        assert_eq!(result(text, &drop), MathResult::DropMessage, "{text}");
    }
    assert_eq!(result("s", &Switches { text_math: TextMath::Undefined, ..default }), MathResult::LeaveUnset);
}

#[test]
fn the_switches_of_numbers_and_nulls_do_what_they_say() {
    let default = Switches::default();
    let decimal = Switches { integer_division: IntegerDivision::Decimal, ..default };
    assert_eq!(math_with("i / j", &decimal), "3.5");
    assert_eq!(math_with("i * 9 / 5", &default), "12");
    assert_eq!(math_with("i * 9 / 5", &decimal), "12.6");
    let whole = Switches { whole_decimals: WholeDecimals::BecomeInt, ..default };
    assert_eq!(math_with("37 * 5.0 / 9.0", &default), "20.55555555555555555555555555555556");
    assert_eq!(math_with("37 * 5.0 / 9.0", &whole), "20");
    assert_eq!(math_with("power(2, 3) / 3", &whole), "2");
    let undefined = Switches { null_equals_null: NullEqualsNull::Undefined, ..default };
    let shown = |text| shown(&parse_filter(text).unwrap(), &message(MESSAGE), &undefined);
    assert_eq!(shown("n = NULL"), "undefined");
    assert_eq!(shown("n <> NULL"), "false");
    assert_eq!(shown("i = NULL"), "false");
}

#[test]
fn numbers_that_no_number_holds_are_missing() {
    let message = message(r#"{"x": 1E5000, "y": 1E-5000, "s": "1E5000", "a": [1E5000]}"#);
    let shown = |text| shown(&parse_filter(text).unwrap(), &message, &Switches::default());
    assert_eq!(shown("x > 1"), "undefined");
    assert_eq!(shown("y = 0"), "true");
    assert_eq!(shown("s > 1"), "undefined");
    assert_eq!(shown("a = a"), "false");
}
