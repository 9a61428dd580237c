//! Texts of instants in every format: mostly right, at the edges of every field, and slightly wrong.

use super::generate::Random;
use crate::time::{Nanos, TimeFormat};

/// A text in a format; now and then one character is too many, missing or another one.
pub(super) fn time_text(random: &mut Random, format: &TimeFormat) -> String {
    let nanos = match random.below(8) {
        0 => random.next().cast_signed(),
        1 => random.pick(&[i64::MIN, i64::MAX, 0, -1, 1_483_228_799_000_000_000, 951_782_400_000_000_000]),
        _ => 946_684_800_000_000_000 + random.next().cast_signed() % 3_000_000_000_000_000_000,
    };
    let mut text = match format {
        TimeFormat::EpochSeconds if random.once_in(2) => {
            format!("{}.{:09}{}", nanos / 1_000_000_000, (nanos % 1_000_000_000).abs(), random.of(&["", "0", "7", "e0", "E-1", "e+1"]))
        }
        TimeFormat::EpochSeconds => (nanos / 1_000_000_000).to_string(),
        TimeFormat::EpochMillis => (nanos / 1_000_000).to_string() + random.of(&["", "", ".5", ".0000019", "e0"]),
        TimeFormat::EpochMicros => (nanos / 1_000).to_string(),
        TimeFormat::EpochNanos => nanos.to_string(),
        TimeFormat::Iso8601 => iso8601(random, nanos),
        TimeFormat::Athena => {
            Civil::near(random, nanos).date_and_clock(" ") + random.of(&["", ".5", ",123456789123"]) + random.of(&["", " UTC", "Z"])
        }
        TimeFormat::Java(pattern) => written(random, pattern.as_str(), nanos),
    };
    if random.once_in(8) {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = places.get(random.below(places.len())).copied().unwrap_or(0);
        let end = places.iter().copied().find(|place| *place > at).unwrap_or(text.len());
        let other = random.of(&["", "0", "9", "-", ":", "Z", "+", " ", "６", "."]);
        text.replace_range(if random.once_in(2) { at..at } else { at..end }, other);
    }
    if random.once_in(40) {
        // A text may have 256 bytes.
        let fraction = if text.contains(['.', ',']) { "" } else { "." };
        text = format!("{text}{fraction}{}", "1".repeat((254 + random.below(5)).saturating_sub(text.len() + fraction.len())));
    }
    text
}

/// Fields of a time, of which one may lie at or beyond its edge.
#[derive(Clone, Copy)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
}

impl Civil {
    fn near(random: &mut Random, nanos: i64) -> Self {
        let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap());
        let mut civil = Self {
            year: at.year().into(),
            month: at.month().into(),
            day: at.day().into(),
            hour: at.hour().into(),
            minute: at.minute().into(),
            second: at.second().into(),
            nanos: at.subsec_nanosecond().into(),
        };
        match random.below(20) {
            0 => civil.year = random.pick(&[0, 1, 1677, 1678, 1999, 2000, 2099, 2100, 2262, 2263, 9999]),
            1 => civil.month = random.pick(&[0, 1, 2, 12, 13]),
            2 => (civil.month, civil.day) = random.pick(&[(1, 0), (1, 31), (1, 32), (2, 28), (2, 29), (2, 30), (4, 30), (4, 31), (12, 31)]),
            3 | 4 => civil.hour = random.pick(&[0, 1, 11, 12, 13, 23, 24, 25]),
            5 => civil.minute = random.pick(&[0, 59, 60]),
            6 => civil.second = random.pick(&[0, 59, 60, 61]),
            7 => (civil.hour, civil.minute, civil.second) = (23, 59, random.pick(&[59, 60])),
            _ => {}
        }
        civil
    }

    fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    fn date_and_clock(&self, between: &str) -> String {
        format!("{}{between}{:02}:{:02}:{:02}", self.date(), self.hour, self.minute, self.second)
    }
}

const ISO_ENDINGS: [&str; 24] = [
    "",
    "Z",
    "z",
    "+02:00",
    "-0230",
    "+18",
    "-18:00",
    "+18:59",
    "+19:00",
    "+17:59",
    "-02:59",
    "-02:60",
    "+2",
    "+02:",
    "+",
    " Z",
    ",5",
    ".123",
    ".1234567899Z",
    ".5+01:00",
    ".5-0100",
    "+00:00",
    "-00",
    ".",
];

fn iso8601(random: &mut Random, nanos: i64) -> String {
    let civil = Civil::near(random, nanos);
    let ending = random.of(&ISO_ENDINGS);
    match random.below(12) {
        0 => Nanos(nanos).to_iso8601(),
        1 => civil.date() + random.of(&["", "T", "Z"]),
        2 => format!("{}T{:02}:{:02}{ending}", civil.date(), civil.hour, civil.minute),
        3 => format!(
            "{}T{:02}:59:60{}",
            civil.date(),
            random.pick(&[0, 1, 5, 22, 23]),
            random.of(&["", "Z", ".5", "+01:00", "-01:00", "+05:30"])
        ),
        _ => civil.date_and_clock(random.of(&["T", "T", "t", " ", "_"])) + ending,
    }
}

const OFFSETS: [&str; 26] = [
    "Z",
    "+00",
    "+02",
    "-18",
    "+19",
    "+0230",
    "-0230",
    "+1859",
    "-0259",
    "+0260",
    "+02:30",
    "-02:30",
    "+17:59",
    "+02:60",
    "+02:30:15",
    "-02:30:59",
    "+02:30:60",
    "+023015",
    "-023059",
    "+023060",
    "z",
    "+2",
    "+02:",
    "+02:3",
    "02:30",
    "+18:00",
];

/// A time by a Java pattern: optional parts come and go, offsets often suit.
fn written(random: &mut Random, pattern: &str, nanos: i64) -> String {
    let civil = Civil::near(random, nanos);
    let (mut out, mut chars, mut quoted) = (String::new(), pattern.chars().peekable(), false);
    let mut silent: Vec<bool> = Vec::new();
    while let Some(letter) = chars.next() {
        let mut count = 1;
        while letter.is_ascii_alphabetic() && !quoted && chars.next_if_eq(&letter).is_some() {
            count += 1;
        }
        let half = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
        let text = match letter {
            '\'' => {
                quoted = !quoted;
                String::new()
            }
            c if quoted => c.to_string(),
            '[' => {
                silent.push(random.once_in(3));
                continue;
            }
            ']' => {
                silent.pop();
                continue;
            }
            'y' | 'u' if count == 2 => format!("{:02}", civil.year.rem_euclid(100)),
            'y' | 'u' => format!("{:0count$}", civil.year),
            'M' => format!("{:0count$}", civil.month),
            'd' => format!("{:0count$}", civil.day),
            'H' => format!("{:0count$}", civil.hour),
            'k' => format!("{:0count$}", if civil.hour == 0 && !random.once_in(8) { 24 } else { civil.hour }),
            'h' => format!("{:0count$}", if random.once_in(15) { random.pick(&[0, 13]) } else { half }),
            'a' => (if (civil.hour < 12) != random.once_in(15) { random.of(&["AM", "am", "aM"]) } else { random.of(&["PM", "pm", "Pm"]) })
                .to_owned(),
            'm' => format!("{:0count$}", civil.minute),
            's' => format!("{:0count$}", civil.second),
            'S' => format!("{:09}", civil.nanos)[..count.min(9)].to_owned(),
            'n' => format!("{:0count$}", civil.nanos),
            'X' | 'x' | 'Z' => offset(random, letter, count),
            'z' => random.of(&["UTC", "gmt", "Utc", "CET", "UT"]).to_owned(),
            c => c.to_string(),
        };
        if !silent.contains(&true) {
            out.push_str(&text);
        }
    }
    out
}

fn offset(random: &mut Random, letter: char, count: usize) -> String {
    if random.once_in(6) {
        return random.of(&OFFSETS).to_owned();
    }
    let has_colon = if letter == 'Z' { count > 3 } else { matches!(count, 3 | 5) };
    let length: &[usize] = match (letter, count) {
        ('X' | 'x', 1) => &[3, 5],
        ('X' | 'x', 4) => &[5, 7],
        ('X' | 'x', 5) => &[6, 9],
        ('Z', 5) => &[6, 9, 1],
        (_, 3) if has_colon => &[6],
        _ => &[5],
    };
    let length = random.pick(length);
    let fitting: Vec<&str> =
        OFFSETS.iter().copied().filter(|text| text.len() == length && text.contains(':') == (has_colon && length > 1)).collect();
    random.of(&fitting).to_owned()
}
