//! Words, numbers and tables for people: what every report is set in.

use std::fmt::Write as _;

/// Reports are wrapped at this many characters.
pub const WIDTH: usize = 100;

/// Whether a character does something to a terminal, or to how the text around it reads.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` safe to print on one line of a terminal: control characters, line ends and the invisible marks that change how
/// text reads are written as `\u{…}`. What is safe stays as it is, so showing twice changes nothing.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            // Writing to a String cannot fail.
            write!(safe, "{}", c.escape_unicode()).unwrap_or_default();
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A page of lines, each [`shown`].
#[must_use]
pub fn shown_lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// The same JSON, with all that JSON may hold raw and a terminal should not see written as `\uXXXX`.
#[must_use]
pub fn shown_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(safe, "\\u{unit:04x}").unwrap_or_default();
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// `text` shown in at most `chars_max` characters, the rest as `…`.
#[must_use]
pub fn short(text: &str, chars_max: usize) -> String {
    let safe = shown(text);
    if safe.chars().count() <= chars_max {
        return safe;
    }
    let mut cut: String = safe.chars().take(chars_max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// `1,234,567`
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 row`, `2,000 rows`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `999 B`, `1.5 KiB`, `12.0 GiB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    // Tenths of the unit, rounded down; u128 so that no count overflows.
    let mut tenths = u128::from(number) * 10 / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 10 * 1024
        && let Some(next) = units.next()
    {
        tenths /= 1024;
        unit = Some(next);
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, unit.copied().unwrap_or_default())
}

/// US dollars: `$12.34`, and `less than $0.01` for what rounds to nothing.
#[must_use]
pub fn usd(amount: f64) -> String {
    if amount > 0.0 && amount < 0.01 { "less than $0.01".to_owned() } else { format!("${amount:.2}") }
}

/// `less than a second`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`; rounded up.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return "less than a second".to_owned();
    }
    // The text of a rounded double has no exponent, so it reads as an integer or is too large for one.
    let whole: u64 = format!("{:.0}", seconds.ceil()).parse().unwrap_or(u64::MAX);
    let (days, hours, minutes) = (whole / 86_400, whole % 86_400 / 3600, whole % 3600 / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", whole % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{} d {hours} h", count(days)),
    }
}

/// `text`, shown, in lines of at most [`WIDTH`] characters: the first behind `first`, the others behind `rest`. A word
/// that is longer than a line stands on one of its own.
#[must_use]
pub fn wrapped(first: &str, rest: &str, text: &str) -> String {
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in shown(text).split(' ').filter(|word| !word.is_empty()) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(line.trim_end());
            lines.push('\n');
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

/// Where a column of a [`Table`] is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    /// For numbers.
    Right,
}

/// Aligned columns under a heading. Cells are shown safely, and cut where they are longer than [`Table::CELL_CHARS_MAX`].
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Longer cells are cut.
    pub const CELL_CHARS_MAX: usize = 60;

    #[must_use]
    pub fn new(columns: &[(&str, Align)]) -> Self {
        Self { columns: columns.iter().map(|(heading, align)| ((*heading).to_owned(), *align)).collect(), rows: Vec::new() }
    }

    /// Adds a row; cells beyond the columns are dropped, missing ones are empty.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let mut row: Vec<String> = cells.into_iter().map(|cell| short(cell.as_ref(), Self::CELL_CHARS_MAX)).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The heading and the rows, each line behind `indent` and ended; nothing at all without rows.
    #[must_use]
    pub fn render(&self, indent: &str) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let headings: Vec<String> = self.columns.iter().map(|(heading, _)| heading.clone()).collect();
        let width = |at: usize| {
            std::iter::once(&headings).chain(&self.rows).filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = indent.to_owned();
            for ((cell, (_, align)), width) in row.iter().zip(&self.columns).zip(&widths) {
                match align {
                    Align::Left => write!(line, "{cell:<width$}  "),
                    Align::Right => write!(line, "{cell:>width$}  "),
                }
                .unwrap_or_default();
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        assert_eq!(shown("a\u{1b}[31mb\n\u{202e}c\u{9b}é😀\\"), "a\\u{1b}[31mb\\u{a}\\u{202e}c\\u{9b}é😀\\");
    }

    #[test]
    fn numbers_are_written_for_people() {
        let counts = [0, 999, 1000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        let sizes = [0, 1023, 1024, 1536, 1024 * 1024 - 1, 1024 * 1024, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1023.9 KiB", "1.0 MiB", "15.9 EiB"]);
        let times = [0.0, 0.2, 1.0, 61.5, 7260.0, 4.0 * 86_400.0 + 7200.0, f64::INFINITY].map(duration);
        assert_eq!(
            times,
            ["less than a second", "less than a second", "1 s", "1 min 2 s", "2 h 1 min", "4 d 2 h", "213,503,982,334,601 d 7 h"]
        );
        assert_eq!([0.0, 0.004, 98.765].map(usd), ["$0.00", "less than $0.01", "$98.77"]);
        assert_eq!([counted(1, "row", "rows"), counted(2, "row", "rows")], ["1 row", "2 rows"]);
    }

    #[test]
    fn tables_line_up_and_cut_what_is_too_long() {
        let mut table = Table::new(&[("name", Align::Left), ("rows", Align::Right)]);
        assert_eq!(table.render("  "), "");
        table.row(["é\n", "12"]);
        table.row(["long", "1,234"]);
        table.row([&"x".repeat(70)]);
        let text = table.render("  ");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], format!("  é\\u{{a}}{}12", " ".repeat(60 - 6 + 2 + 3)));
        assert_eq!(lines[3], format!("  {}…", "x".repeat(59)));
    }

    proptest! {
        #[test]
        fn wrapped_lines_fit_and_lose_no_word(words in prop::collection::vec("[a-z]{1,30}", 0..40)) {
            let text = wrapped("  - ", "    ", &words.join(" "));
            prop_assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
            let read: Vec<&str> = text.split_whitespace().filter(|word| *word != "-").collect();
            prop_assert_eq!(read, words);
        }

        #[test]
        fn showing_is_safe_and_stable(text in any::<String>()) {
            let once = shown(&text);
            prop_assert!(!once.chars().any(char::is_control));
            prop_assert_eq!(shown(&once), once);
        }
    }
}
