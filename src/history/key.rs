//! What an object's key says: store, layout, partitions, day. Pure text; the same for a directory and a bucket.
//!
//! Copies of a bucket spell keys differently: a space and colons may be raw or percent-encoded, and colons may have been replaced
//! because a file system forbids them. `+` is never a space: only HTML forms write it so, and it is a legal character of a key.

use jiff::civil::Date;

use super::Layout;

/// What Hive writes in a key for a partition column that is null: such a row has no value there.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// Longest name of a store (facts: names are `^[a-zA-Z0-9_]+$`, 1-128).
const STORE_NAME_MAX: usize = 128;

/// What a key says about its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) layout: Layout,
    pub(super) store: String,
    pub(super) partitions: Vec<(String, String)>,
    /// UTC day counted from the epoch, of `__dt`, else of the delivery's schedule time, else of `__year`/`__month`/`__day`.
    pub(super) day: Option<i64>,
}

/// The key with its percent-encoding undone, part by part and once. A part that would turn into something else than a
/// name (`..`, a slash, a control character, no UTF-8) stays as it is.
pub(super) fn decoded(raw: &str) -> String {
    let parts: Vec<String> = raw.split('/').map(decoded_part).collect();
    parts.join("/")
}

fn decoded_part(raw: &str) -> String {
    match percent_decoded(raw) {
        Some(name) if !matches!(name.as_str(), "" | "." | "..") && !name.contains(|c: char| c == '/' || c == '\\' || c.is_control()) => {
            name
        }
        _ => raw.to_owned(),
    }
}

/// `None` when what comes out is not UTF-8. A `%` without two hexadecimal digits stands for itself.
fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let encoded = (byte == b'%').then(|| Some((hex_digit(*bytes.get(at + 1)?)?, hex_digit(*bytes.get(at + 2)?)?))).flatten();
        match encoded {
            Some((high, low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Reads the raw key of an object below a root, whose own folders (outermost first) complete a key that begins in the
/// middle of a layout. `None` when no layout fits.
pub(super) fn place(root: &[String], raw_key: &str) -> Option<Place> {
    let raw: Vec<&str> = raw_key.split('/').collect();
    let (file, folders) = raw.split_last()?;
    let names: Vec<String> = folders.iter().map(|part| decoded_part(part)).collect();
    let file = decoded_part(file);

    if let Some(found) = whole_pair(&names) {
        return Some(stored(found, folders.get(found.after..).unwrap_or_default().iter().copied()));
    }
    if let Some(place) = delivered(root, &names, &file) {
        return Some(place);
    }
    if let Some(found) = any_pair(&names) {
        return Some(stored(found, folders.get(found.after..).unwrap_or_default().iter().copied()));
    }
    let all: Vec<String> = root.iter().chain(&names).cloned().collect();
    let found = root_pair(root, &all)?;
    let own_partitions = root.get(found.after..).unwrap_or_default().iter().map(String::as_str);
    let below = folders.get(found.after.saturating_sub(root.len())..).unwrap_or_default().iter().copied();
    Some(stored(found, own_partitions.chain(below)))
}

/// `datastore/<name>` or `channel/<name>` among the folders of a key.
#[derive(Clone, Copy)]
struct Pair<'a> {
    layout: Layout,
    store: &'a str,
    /// Where the folders after it begin.
    after: usize,
}

fn pair_at(names: &[String], at: usize) -> Option<Pair<'_>> {
    let layout = match names.get(at)?.as_str() {
        "datastore" => Layout::Datastore,
        "channel" => Layout::Channel,
        _ => return None,
    };
    let store = names.get(at + 1)?;
    is_store_name(store).then_some(Pair { layout, store, after: at + 2 })
}

/// The pair that only partitions follow: there is at most one, and no prefix can imitate it.
fn whole_pair(names: &[String]) -> Option<Pair<'_>> {
    (0..names.len()).find_map(|at| {
        let pair = pair_at(names, at)?;
        names.get(pair.after..)?.iter().all(|name| partition(name).is_some()).then_some(pair)
    })
}

fn any_pair(names: &[String]) -> Option<Pair<'_>> {
    (0..names.len()).find_map(|at| pair_at(names, at))
}

/// The pair that begins in the root's own folders. The innermost counts: the outer ones are where somebody keeps the copy.
fn root_pair<'a>(root: &[String], all: &'a [String]) -> Option<Pair<'a>> {
    (0..root.len()).rev().find_map(|at| {
        let pair = pair_at(all, at)?;
        let between = root.get(pair.after.min(root.len())..)?;
        between.iter().all(|name| partition(name).is_some()).then_some(pair)
    })
}

fn is_store_name(name: &str) -> bool {
    (1..=STORE_NAME_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn stored<'a>(pair: Pair<'_>, folders: impl Iterator<Item = &'a str>) -> Place {
    let partitions: Vec<(String, String)> = folders.filter_map(partition).filter(|(_, value)| value != HIVE_NULL).collect();
    let day = partitions.iter().find(|(name, _)| name == "__dt").map_or_else(|| calendar_day(&partitions), |(_, value)| day_of(value));
    Place { layout: pair.layout, store: pair.store.to_owned(), partitions, day }
}

/// `name=value` of a folder, both decoded; the day of `__dt` in the service's own spelling whatever the copy made of it.
fn partition(folder: &str) -> Option<(String, String)> {
    let decoded = percent_decoded(folder).unwrap_or_else(|| folder.to_owned());
    let (name, value) = decoded.split_once('=')?;
    if name.is_empty() {
        return None;
    }
    let value = if name == "__dt" { service_day(value).unwrap_or_else(|| value.to_owned()) } else { value.to_owned() };
    Some((name.to_owned(), value))
}

/// `2023-06-21 00_00_00` as `2023-06-21 00:00:00`: file systems that forbid colons get `_`, `-`, `.` or U+F03A in their place.
fn service_day(value: &str) -> Option<String> {
    let chars: Vec<char> = value.chars().collect();
    let fits = chars.len() == 19
        && chars.iter().enumerate().all(|(at, c)| match at {
            4 | 7 => *c == '-',
            10 => matches!(c, ' ' | '_'),
            13 | 16 => matches!(c, ':' | '_' | '-' | '.' | '\u{f03a}'),
            _ => c.is_ascii_digit(),
        });
    fits.then(|| {
        let written = |(at, c): (usize, &char)| match at {
            10 => ' ',
            13 | 16 => ':',
            _ => *c,
        };
        chars.iter().enumerate().map(written).collect()
    })
}

/// `[prefix]<datastore>/<scheduleTime>/<versionId>.csv[.gz]`: the official exporter's delivery. The textual form of the schedule
/// time is not documented, so whatever looks like a time or a number will do.
fn delivered(root: &[String], names: &[String], file: &str) -> Option<Place> {
    let lower = file.to_ascii_lowercase();
    let version = lower.strip_suffix(".gz").unwrap_or(&lower).strip_suffix(".csv")?;
    let is_version = (7..=36).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let mut outward = names.iter().rev().chain(root.iter().rev());
    let schedule = outward.next()?;
    let store = outward.next()?;
    // `datastore/<name>/x.csv` is a store's own folder and not a delivery of a store called `datastore`.
    let fits = is_version && looks_like_time(schedule) && is_store_name(store) && pair_at(&[store.clone(), schedule.clone()], 0).is_none();
    fits.then(|| Place { layout: Layout::Dataset, store: store.clone(), partitions: Vec::new(), day: day_of(schedule) })
}

fn looks_like_time(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ':' | '.' | ',' | '+' | '-' | '_' | '\u{f03a}');
    digits >= 4 && digits * 2 >= text.chars().filter(|c| c.is_alphanumeric()).count() && text.chars().all(allowed)
}

/// The UTC day that a time in a key falls on: `2023-06-21…`, `20230621…`, epoch seconds or milliseconds.
fn day_of(text: &str) -> Option<i64> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    match (digits.len(), text.len() == digits.len()) {
        (4, false) => {
            let (month, day) = (text.get(5..7)?, text.get(8..10)?);
            epoch_day(digits.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        }
        (8, _) => epoch_day(digits.get(..4)?.parse().ok()?, digits.get(4..6)?.parse().ok()?, digits.get(6..8)?.parse().ok()?),
        (9 | 10, true) => Some(digits.parse::<i64>().ok()?.div_euclid(86_400)),
        (12 | 13, true) => Some(digits.parse::<i64>().ok()?.div_euclid(86_400_000)),
        _ => None,
    }
}

/// The day that a store's own timestamp partitions name, zero padded or not.
fn calendar_day(partitions: &[(String, String)]) -> Option<i64> {
    let part = |name: &str| partitions.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let or_first = |name| part(name).map_or(Ok(1), str::parse::<i8>);
    epoch_day(part("__year")?.parse().ok()?, or_first("__month").ok()?, or_first("__day").ok()?)
}

fn epoch_day(year: i16, month: i8, day: i8) -> Option<i64> {
    let date = Date::new(year, month, day).ok()?;
    let epoch = Date::new(1970, 1, 1).ok()?;
    Some(i64::from((date - epoch).get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(root: &[&str], key: &str) -> Option<Place> {
        let root: Vec<String> = root.iter().map(|&part| part.to_owned()).collect();
        place(&root, key)
    }

    const JUNE_21: i64 = 19_529;

    #[test]
    fn every_spelling_of_a_day_is_the_same_day() {
        for folder in [
            "__dt=2023-06-21 00:00:00",
            "__dt=2023-06-21%2000%3A00%3A00",
            "__dt%3D2023-06-21%2000%3a00%3a00",
            "%5F%5Fdt=2023-06-21 00%3A00%3A00",
            "__dt=2023-06-21 00_00_00",
            "__dt=2023-06-21_00-00-00",
            "__dt=2023-06-21 00\u{f03a}00\u{f03a}00",
        ] {
            let place = at(&[], &format!("datastore/telemetry/{folder}/part.json.gz")).unwrap();
            assert_eq!(place.partitions, [("__dt".to_owned(), "2023-06-21 00:00:00".to_owned())], "{folder}");
            assert_eq!(place.day, Some(JUNE_21), "{folder}");
        }
    }

    #[test]
    fn a_plus_is_a_plus() {
        let place = at(&[], "datastore/telemetry/__dt=2023-06-21+00:00:00/part.json").unwrap();
        assert_eq!(place.partitions[0].1, "2023-06-21+00:00:00");
        assert_eq!(place.day, Some(JUNE_21));
        assert_eq!(decoded("a+b/c%2Bd"), "a+b/c+d");
    }

    #[test]
    fn decoding_never_makes_a_way_out() {
        for raw in ["%2e%2e/x", "..%2fetc", "a%2F..%2Fb", "%5c", "%00", "%ff%fe", "%2E"] {
            assert_eq!(decoded(raw), raw);
        }
        assert_eq!(decoded("100%/%zz/%4"), "100%/%zz/%4");
        assert_eq!(decoded("%2520"), "%20", "once, not twice");
    }

    #[test]
    fn stores_are_found_below_any_prefix_and_in_the_root_itself() {
        let key = "__dt=2023-06-21 00:00:00/part";
        for (root, key) in [
            (&[][..], format!("datastore/telemetry/{key}")),
            (&[], format!("some/prefix/datastore/telemetry/{key}")),
            (&["bucket"], format!("datastore/datastore/telemetry/{key}")),
            (&["home", "datastore", "copies"], format!("datastore/telemetry/{key}")),
            (&["copy", "datastore"], format!("telemetry/{key}")),
            (&["copy", "datastore", "telemetry"], key.to_owned()),
            (&["copy", "datastore", "telemetry", "__dt=2023-06-21 00:00:00"], "part".to_owned()),
        ] {
            let place = at(root, &key).unwrap();
            assert_eq!((place.layout, place.store.as_str(), place.day), (Layout::Datastore, "telemetry", Some(JUNE_21)), "{root:?} {key}");
            assert_eq!(place.partitions.len(), 1, "{root:?} {key}");
        }
        let channel = at(&[], "p/channel/raw/__dt=2023-06-21 00:00:00/1_2_3_raw_0_257.0.json.gz").unwrap();
        assert_eq!((channel.layout, channel.store.as_str()), (Layout::Channel, "raw"));
        assert_eq!(at(&[], "datastore/telemetry/extra/part.json").unwrap().store, "telemetry");
    }

    #[test]
    fn deliveries_are_found_whatever_their_time_looks_like() {
        let file = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0.csv";
        for (schedule, day) in [
            ("2023-06-21T00:00:00Z", Some(JUNE_21)),
            ("2023-06-21 07%3A30%3A00.000", Some(JUNE_21)),
            ("20230621T073000Z", Some(JUNE_21)),
            ("1687305600", Some(JUNE_21)),
            ("1687305600000", Some(JUNE_21)),
            ("21-06-2023", None),
        ] {
            for (root, key) in [(&[][..], format!("p/telemetry/{schedule}/{file}")), (&["telemetry"][..], format!("{schedule}/{file}.gz"))]
            {
                let place = at(root, &key).unwrap();
                assert_eq!((place.layout, place.store.as_str(), place.day), (Layout::Dataset, "telemetry", day), "{key}");
            }
        }
        assert_eq!(at(&[], &format!("telemetry/latest/{file}")), None);
        assert_eq!(at(&[], "telemetry/2023-06-21/x.csv"), None, "too short for a version");
        assert_eq!(at(&[], "datastore/store_2023/results.csv").unwrap().layout, Layout::Datastore);
    }

    #[test]
    fn custom_partitions_are_columns_and_date_the_object() {
        let place = at(&[], "datastore/s/__partition_site=a%2Fb/__year=2023/__month=6/__day=21/__hour=7/part").unwrap();
        assert_eq!(place.partitions[0], ("__partition_site".to_owned(), "a/b".to_owned()));
        assert_eq!(place.partitions.len(), 5);
        assert_eq!(place.day, Some(JUNE_21));
        let null = at(&[], "datastore/s/__partition_site=__HIVE_DEFAULT_PARTITION__/part").unwrap();
        assert_eq!(null.partitions, []);
    }

    #[test]
    fn what_follows_no_layout_is_nobodys() {
        for key in ["readme.json", "telemetry/part.json", "datastore/part.json", "datastore/bad name/part.json"] {
            assert_eq!(at(&[], key), None, "{key}");
        }
    }
}
