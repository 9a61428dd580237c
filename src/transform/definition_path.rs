//! The paths of definitions: `device.coord[0]`, as addAttributes, selectAttributes, removeAttributes and `thingName` write them.
//!
//! Documented by examples only: names parted by dots, and an index in brackets behind a name. There is no escape, so a backslash is
//! a letter like any other; in the text of a [`ColumnPath`], which a spec holds, it is one.

use crate::path::{ColumnPath, Segment};

/// Reads a path of a definition.
///
/// # Errors
/// What is wrong with it, on one line.
pub(super) fn read(text: &str) -> Result<ColumnPath, &'static str> {
    let mut segments = Vec::new();
    for part in text.split('.') {
        let (name, indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.contains(']') {
            return Err("a bracket closes that never opened");
        }
        if name.is_empty() {
            return Err("a name is missing");
        }
        segments.push(Segment::Name(name.to_owned()));
        read_indexes(indexes, &mut segments)?;
    }
    ColumnPath::from_segments(segments).ok_or("a name is missing")
}

/// Reads `[0][1]`.
fn read_indexes(mut text: &str, segments: &mut Vec<Segment>) -> Result<(), &'static str> {
    while !text.is_empty() {
        let inner = text.strip_prefix('[').ok_or("a dot or a bracket must follow an index")?;
        let (digits, rest) = inner.split_once(']').ok_or("a bracket opens that never closes")?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err("an index is a whole number in brackets");
        }
        segments.push(Segment::Index(digits.parse().map_err(|_| "an index is too large")?));
        text = rest;
    }
    Ok(())
}

/// The last name of a path, as the text behind its last dot says it: without its indexes.
pub(super) fn last_name(path: &ColumnPath) -> &str {
    let name = path.segments().iter().rev().find_map(|segment| match segment {
        Segment::Name(name) => Some(name.as_str()),
        Segment::Index(_) => None,
    });
    // A path begins with a name.
    name.unwrap_or_default()
}

/// The last name with the indexes behind it: `coord[0]`.
pub(super) fn last_part(path: &ColumnPath) -> String {
    let indexes = path.segments().iter().rev().map_while(|segment| match segment {
        Segment::Index(index) => Some(format!("[{index}]")),
        Segment::Name(_) => None,
    });
    let mut indexes: Vec<String> = indexes.collect();
    indexes.reverse();
    format!("{}{}", last_name(path), indexes.concat())
}

/// True when a path ends in an index.
pub(super) fn ends_in_index(path: &ColumnPath) -> bool {
    matches!(path.segments().last(), Some(Segment::Index(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_paths_are_read() {
        for (text, path, name, part) in [
            ("device.id", "device.id", "id", "id"),
            ("device.coord[1]", "device.coord[1]", "coord", "coord[1]"),
            ("m[0][12].x", "m[0][12].x", "x", "x"),
            ("m[0][12]", "m[0][12]", "m", "m[0][12]"),
            ("light", "light", "light", "light"),
        ] {
            let read = read(text).unwrap();
            assert_eq!((read.to_string().as_str(), last_name(&read), last_part(&read).as_str()), (path, name, part));
        }
    }

    #[test]
    fn a_backslash_is_a_letter() {
        let read = read("a\\.b").unwrap();
        assert_eq!(read.segments(), [Segment::Name("a\\".to_owned()), Segment::Name("b".to_owned())]);
        assert_eq!(read.to_string().parse::<ColumnPath>().unwrap(), read);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[0", "a[0]b", "a]", "[0]", "a[99999999999999999999999]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
