//! What was put into a bucket, and what a look at it found, for people.

use crate::archive::{Archived, Looked};

use super::text::{bytes, counted, shown};

/// More files than this are counted, not named.
const FILES_SHOWN_MAX: usize = 50;

#[must_use]
pub fn archive_text(archived: &Archived) -> String {
    format!(
        "{} of {}, {} sent now\nindex {}\n",
        counted(archived.files as u64, "file", "files"),
        bytes(archived.bytes),
        archived.sent,
        shown(&archived.index)
    )
}

#[must_use]
pub fn archive_check_text(looked: &Looked) -> String {
    let mut text = format!(
        "{} of {} read against {}: {}\n",
        counted(looked.files as u64, "file", "files"),
        bytes(looked.bytes),
        shown(&looked.index),
        if looked.wrong.is_empty() { "all as it says".to_owned() } else { format!("{} otherwise", looked.wrong.len()) }
    );
    for (name, what) in looked.wrong.iter().take(FILES_SHOWN_MAX) {
        text.push_str(&format!("  {}: {}\n", shown(name), shown(what)));
    }
    if looked.wrong.len() > FILES_SHOWN_MAX {
        text.push_str(&format!("  and {} more\n", looked.wrong.len() - FILES_SHOWN_MAX));
    }
    text
}
