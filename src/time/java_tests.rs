use super::*;
use proptest::prelude::*;

const AT: i64 = 1_687_331_100_000_000_000; // 2023-06-21T07:05:00Z

fn read(pattern: &str, text: &str) -> Option<i64> {
    JavaPattern::new(pattern).unwrap().read(text).ok().map(|nanos| nanos.0)
}

#[test]
fn the_patterns_of_real_stores_are_read() {
    for (pattern, text, nanos) in [
        ("yyyy-MM-dd HH:mm:ss", "2023-06-21 07:05:00", AT),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2023-06-21T07:05:00Z", AT),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2023-06-21T09:05:00.250+02", AT + 250_000_000),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2023-06-21T09:05:00+02:00", AT),
        ("yyyy-MM-dd'T'HH:mm:ssX", "2023-06-21T07:05:00Z", AT),
        ("yyyy-MM-dd HH:mm:ss Z", "2023-06-21 05:05:00 -0200", AT),
        ("yyyyMMddHHmmss", "20230621070500", AT),
        ("yyyyMMddHHmmssSSS", "20230621070500123", AT + 123_000_000),
        ("yMMdd HHmm", "20230621 0705", AT),
        ("dd/MM/yy h:mm a", "21/06/23 7:05 AM", AT),
        ("M/d/yyyy k:mm", "6/21/2023 7:05", AT),
        ("yyyy-MM-dd[ HH:mm[:ss]]", "2023-06-21 07:05", AT),
        ("yyyy-MM-dd[ HH:mm:ss]['T'HH:mm:ss]", "2023-06-21T07:05:00", AT),
        ("uuuu-MM-dd HH:mm:ss z", "2023-06-21 07:05:00 UTC", AT),
        ("yyyy-MM-dd HH:mm:ss.n", "2023-06-21 07:05:00.7", AT + 7),
        ("yyyy-MM-dd 'o''clock' HH:mm", "2023-06-21 o'clock 07:05", AT),
        ("yyyy-MM-dd", "2023-06-21", AT - 25_500_000_000_000),
    ] {
        assert_eq!(read(pattern, text), Some(nanos), "{pattern} {text}");
    }
}

#[test]
fn midnight_and_noon_of_the_clock_hours() {
    let day = read("yyyy-MM-dd", "2023-06-21").unwrap();
    assert_eq!(read("yyyy-MM-dd h a", "2023-06-21 12 AM"), Some(day));
    assert_eq!(read("yyyy-MM-dd h a", "2023-06-21 12 pm"), Some(day + 12 * 3_600_000_000_000));
    assert_eq!(read("yyyy-MM-dd kk", "2023-06-21 24"), Some(day));
    assert_eq!(read("yyyy-MM-dd h a", "2023-06-21 13 AM"), None);
    assert_eq!(read("yyyy-MM-dd HH a", "2023-06-21 13 AM"), None);
}

#[test]
fn texts_that_do_not_follow_the_pattern_are_refused() {
    for (pattern, text) in [
        ("yyyy-MM-dd", "2023-06-21 "),
        ("yyyy-MM-dd", "2023-6-21"),
        ("yyyy-MM-dd", "02023-06-21"),
        ("yyyy-MM-dd", "2023-02-30"),
        ("yyyy-MM-dd HH:mm:ss", "2023-06-21 25:05:00"),
        ("yyyy-MM-dd HH:mm:ss", "2023-06-21 07:05:60"),
        ("yyyy-MM-dd HH:mm:ss z", "2023-06-21 07:05:00 CET"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2023-06-21 07:05:00+0200"),
        ("yyyy-MM-dd HH:mm:ssxxx", "2023-06-21 07:05:00Z"),
        ("yyyy-MM-dd[ yyyy]", "2023-06-21 2024"),
        ("[yyyy-MM-dd]", ""),
    ] {
        assert_eq!(read(pattern, text), None, "{pattern} {text}");
    }
}

#[test]
fn a_pattern_that_is_not_understood_is_refused_by_its_letter() {
    let problem = |pattern: &str| JavaPattern::new(pattern).unwrap_err();
    assert_eq!(problem("YYYY-MM-dd"), PatternProblem::Letter('Y'));
    assert_eq!(problem("yyyy-MM-dd EEE"), PatternProblem::Letter('E'));
    assert_eq!(problem("dd MMM yyyy"), PatternProblem::Count('M', 3));
    assert_eq!(problem("yyyy-MM-dd ZZZZ"), PatternProblem::Count('Z', 4));
    assert_eq!(problem("yyyy-MM-dd'T"), PatternProblem::OpenQuote);
    assert_eq!(problem("yyyy-MM-dd[ HH"), PatternProblem::Bracket);
    assert_eq!(problem("yyyy-MM-dd]"), PatternProblem::Bracket);
    assert_eq!(problem("yyyy-MM-dd{"), PatternProblem::Reserved('{'));
    assert_eq!(problem("HH:mm:ss"), PatternProblem::Missing("year"));
    assert_eq!(problem("yyyy-MM"), PatternProblem::Missing("day"));
    assert_eq!(problem("yyyy-MM-dd hh"), PatternProblem::HalfDay);
    assert_eq!(problem(""), PatternProblem::Empty);
    assert_eq!(problem(&"y".repeat(257)), PatternProblem::TooLong(257));
}

/// Writes an instant by a pattern, independently of the reader: through jiff's own civil time.
fn write(pattern: &str, nanos: i64) -> String {
    let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap());
    let mut out = String::new();
    let mut rest = pattern;
    let mut quoted = false;
    while let Some(letter) = rest.chars().next() {
        let count = rest.chars().take_while(|c| *c == letter).count();
        let (hour, half) = (at.hour(), if at.hour() % 12 == 0 { 12 } else { at.hour() % 12 });
        let mut taken = count;
        match letter {
            '\'' => {
                quoted = !quoted;
                taken = 1;
            }
            c if quoted => {
                out.push(c);
                taken = c.len_utf8();
            }
            'y' if count == 2 => out.push_str(&format!("{:02}", at.year() % 100)),
            'y' | 'u' => out.push_str(&format!("{:0count$}", at.year())),
            'M' => out.push_str(&format!("{:0count$}", at.month())),
            'd' => out.push_str(&format!("{:0count$}", at.day())),
            'H' => out.push_str(&format!("{hour:0count$}")),
            'k' => out.push_str(&format!("{:0count$}", if hour == 0 { 24 } else { hour })),
            'h' => out.push_str(&format!("{half:0count$}")),
            'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            'm' => out.push_str(&format!("{:0count$}", at.minute())),
            's' => out.push_str(&format!("{:0count$}", at.second())),
            'S' => out.push_str(&format!("{:09}", at.subsec_nanosecond())[..count]),
            'n' => out.push_str(&format!("{:0count$}", at.subsec_nanosecond())),
            'X' => out.push('Z'),
            'x' => out.push_str("+00"),
            'z' => out.push_str("UTC"),
            'Z' => out.push_str("+0000"),
            '[' | ']' => {}
            c => out.push_str(&c.to_string().repeat(count)),
        }
        rest = &rest[taken..];
    }
    out
}

proptest! {
    #[test]
    fn what_a_formatter_writes_is_read_back(
        date in prop::sample::select(vec!["yyyy-MM-dd", "yyyyMMdd", "d.M.y", "uuuu/MM/dd", "dd MM yyyy"]),
        join in prop::sample::select(vec!["'T'", " ", "' at '", "_"]),
        clock in prop::sample::select(vec!["HH:mm:ss", "HHmmss", "h:m:s a", "k-mm-ss", "hh mm ss a"]),
        fraction in prop::sample::select(vec![".SSSSSSSSS", "[,SSSSSSSSS]", ".n"]),
        zone in prop::sample::select(vec!["", "X", "x", " z", " Z", "[XXX]"]),
        nanos in 946_684_800_000_000_000_i64..4_102_444_800_000_000_000,
    ) {
        let zone = if zone == "[XXX]" { "[X]" } else { zone };
        let pattern = format!("{date}{join}{clock}{fraction}{zone}");
        let text = write(&pattern, nanos);
        prop_assert_eq!(read(&pattern, &text), Some(nanos), "{} {}", pattern, text);
    }

    #[test]
    fn no_text_and_no_pattern_makes_it_fall(pattern in "[a-zA-Z0-9 \\[\\]_,.'/:{}#-]{0,20}", text in ".{0,30}") {
        if let Ok(pattern) = JavaPattern::new(&pattern) {
            let first = pattern.read(&text);
            prop_assert_eq!(pattern.read(&text), first);
        }
    }
}
