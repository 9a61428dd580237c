use super::*;

fn message(text: &str) -> String {
    Numeric::of_message(text).map_or("none".to_owned(), Numeric::text)
}

#[test]
fn numbers_of_messages_are_whole_where_they_can_be() {
    for (text, expected) in [
        ("10.0", "10"),
        ("1E2", "100"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0E99999999999", "0"),
        ("0.10", "0.1"),
        ("9999999999999999999999999999999999", "9999999999999999999999999999999999"),
        ("1E33", "1000000000000000000000000000000000"),
        ("1E34", "1E+34"),
        ("15E39", "1.5E+40"),
        ("0.0000001", "1E-7"),
        ("0.000001", "0.000001"),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
    assert!(matches!(Numeric::of_message("10.0"), Some(Numeric::Int(10))));
    assert!(matches!(Numeric::of_message("1E34"), Some(Numeric::Decimal(_))));
}

#[test]
fn thirty_four_digits_round_half_to_even() {
    assert_eq!(message("1.0000000000000000000000000000000005"), "1");
    assert_eq!(message("1.0000000000000000000000000000000015"), "1.000000000000000000000000000000002");
    assert_eq!(message("99999999999999999999999999999999995"), "1E+35");
    assert_eq!(message("12345678901234567890123456789012345"), "1.234567890123456789012345678901234E+34");
}

#[test]
fn beyond_the_magnitudes_there_is_no_number_and_below_them_zero() {
    assert_eq!(message("9.99E999"), "9.99E+999");
    assert_eq!(message("1E1000"), "none");
    assert_eq!(message("-1E99999999999999999999"), "none");
    assert_eq!(message(&format!("9.{}E999", "9".repeat(40))), "none");
    assert_eq!(message("1E-999"), "1E-999");
    assert_eq!(message("9.9E-1000"), "0");
    assert_eq!(message("1E-99999999999999999999"), "0");
    assert_eq!(message(&"9".repeat(100_000)), "none");
}

#[test]
fn a_literal_is_an_int_by_its_text() {
    assert!(matches!(Numeric::of_literal("5"), Some(Numeric::Int(5))));
    assert!(matches!(Numeric::of_literal("5.0"), Some(Numeric::Decimal(_))));
    assert!(matches!(Numeric::of_literal("5E0"), Some(Numeric::Decimal(_))));
    assert_eq!(Numeric::of_literal("5.0").map(Numeric::text).as_deref(), Some("5"));
    for bad in ["1E1000", "1E-1000", "10000000000000000000000000000000000", "+5", "05", "", "x", "NaN", "1\n"] {
        assert!(Numeric::of_literal(bad).is_none(), "{bad}");
    }
}

#[test]
fn numeric_strings_are_those_of_the_pattern() {
    for good in ["5", "-5", "007", "1.50", "1e5", "1E-5", "-0.5E12"] {
        assert!(matches!(Numeric::of_text(good), Some(Numeric::Decimal(_))), "{good}");
    }
    for bad in
        ["", "+5", ".5", "5.", "1E+5", " 5", "5 ", "5\n", "0x10", "NaN", "Infinity", "1_000", "--5", "٣", "1e", "1e--5", "1.5.2", "1e5e5"]
    {
        assert!(Numeric::of_text(bad).is_none(), "{bad}");
    }
    assert!(Numeric::of_text("1E1000").is_none());
}

#[test]
fn doubles_keep_their_shortest_text() {
    assert_eq!(Numeric::of_f64(std::f64::consts::FRAC_PI_2).map(Numeric::text).as_deref(), Some("1.5707963267948966"));
    assert_eq!(Numeric::of_f64(32.0).map(Numeric::text).as_deref(), Some("32"));
    assert_eq!(Numeric::of_f64(-0.0).map(Numeric::text).as_deref(), Some("0"));
    assert_eq!(Numeric::of_f64(f64::MAX).map(Numeric::text).as_deref(), Some("1.7976931348623157E+308"));
    assert_eq!(Numeric::of_f64("19510316491641.3125".parse().unwrap()).map(Numeric::text).as_deref(), Some("19510316491641.312"));
    assert!(Numeric::of_f64(f64::NAN).is_none());
}

#[test]
fn the_ends_of_what_is_read_at_all_are_no_trap() {
    for text in [i128::MIN.to_string(), i128::MAX.to_string()] {
        assert!(Numeric::of_literal(&text).is_none(), "{text} has more than 34 digits");
        assert!(Numeric::of_message(&text).is_some(), "{text} is rounded");
    }
}
