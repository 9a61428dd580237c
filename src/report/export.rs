//! What an export came to, and what a check of one found, for people.

use crate::export::{Checked, Staged, StagedFile};

use super::text::{Align, Table, bytes, count, counted, shown};

/// More files than this are counted, not listed; the manifest lists all.
const FILES_SHOWN_MAX: usize = 50;

/// The staged files, and the digest that stands for them.
#[must_use]
pub fn export_text(staged: &Staged) -> String {
    let manifest = &staged.manifest;
    let mut table = Table::new(&[
        ("file", Align::Left),
        ("rows", Align::Right),
        ("size", Align::Right),
        ("objects", Align::Right),
        ("arrived", Align::Left),
    ]);
    for file in manifest.files.iter().take(FILES_SHOWN_MAX) {
        table.row([shown(&file.name), count(file.rows), bytes(file.bytes), count(file.objects), shown(&arrived(file))]);
    }
    let mut text = table.render("");
    if manifest.files.len() > FILES_SHOWN_MAX {
        text.push_str(&format!("and {} more\n", manifest.files.len() - FILES_SHOWN_MAX));
    }
    text.push_str(&format!(
        "\n{} of {}: {}, {}\nmanifest {}\n",
        counted(manifest.rows, "row", "rows"),
        counted(manifest.objects, "object", "objects"),
        counted(manifest.bad_rows, "bad row", "bad rows"),
        counted(manifest.damaged_objects, "damaged object", "damaged objects"),
        staged.digest
    ));
    if staged.already {
        text.push_str("it was finished before; nothing was written\n");
    }
    text
}

fn arrived(file: &StagedFile) -> String {
    file.arrived.as_ref().map_or_else(String::new, |arrived| {
        if arrived.first == arrived.last { arrived.first.clone() } else { format!("{} to {}", arrived.first, arrived.last) }
    })
}

/// What was checked, and each difference by file.
#[must_use]
pub fn export_check_text(checked: &Checked) -> String {
    let mut text = String::new();
    for difference in &checked.differences {
        text.push_str(&format!("{}: {}\n", shown(&difference.file), shown(&difference.what)));
    }
    if checked.more_differences > 0 {
        text.push_str(&format!("and {}\n", counted(checked.more_differences, "more difference", "more differences")));
    }
    let verdict = if checked.is_intact() { "intact" } else { "NOT intact" };
    text.push_str(&format!(
        "{verdict}: {} and {} of {} read again, {}\nmanifest {}\n",
        counted(checked.files, "file", "files"),
        counted(checked.rows, "row", "rows"),
        counted(checked.objects, "object", "objects"),
        bytes(checked.bytes),
        checked.digest
    ));
    text
}
