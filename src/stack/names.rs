//! Names of a stack made from names of definitions, which may hold anything: folders, files and logical IDs.

use std::collections::BTreeSet;

/// Longest folder or file stem, in bytes.
const STEM_BYTES_MAX: usize = 60;

/// Hands out names, each once. Different cases of one name count as one, as some file systems take them.
#[derive(Debug, Default)]
pub(crate) struct Taken(BTreeSet<String>);

impl Taken {
    /// `wanted`, or the first of `wanted_2`, `wanted_3` … that is free (`separator` stands before the number).
    pub(crate) fn take(&mut self, wanted: &str, separator: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2_u64;
        while !self.0.insert(name.to_ascii_lowercase()) {
            name = format!("{wanted}{separator}{number}");
            number += 1;
        }
        name
    }
}

/// `name` as a folder or file stem: ASCII letters, digits, `_` and `-`; it begins with a letter or digit and is no name
/// that an operating system keeps for itself.
pub(crate) fn stem(name: &str) -> String {
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    let tame: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect();
    let tame = tame.trim_start_matches(['_', '-']);
    let cut = tame.get(..STEM_BYTES_MAX).unwrap_or(tame).trim_end_matches(['_', '-']);
    let lower = cut.to_ascii_lowercase();
    let device = |prefix: &str| lower.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1);
    if cut.is_empty() {
        "unnamed".to_owned()
    } else if RESERVED.contains(&lower.as_str()) || device("com") || device("lpt") {
        format!("{cut}_x")
    } else {
        cut.to_owned()
    }
}

/// `name` as the middle of a logical ID: ASCII letters and digits, each word with a capital.
pub(crate) fn logical(name: &str) -> String {
    let mut id = String::new();
    let mut word_begins = true;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            id.push(if word_begins { c.to_ascii_uppercase() } else { c });
        }
        word_begins = !c.is_ascii_alphanumeric();
    }
    let cut = id.get(..STEM_BYTES_MAX).unwrap_or(&id);
    if cut.is_empty() { "Unnamed".to_owned() } else { cut.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 9] = ["", "..", "../../etc/passwd", "a\nb", "CON", "lpt1", "-rf", "${AWS::Region}", "温度"];

    #[test]
    fn stems_are_safe_as_folders() {
        for name in HOSTILE.into_iter().map(str::to_owned).chain(["x".repeat(300)]) {
            let stem = stem(&name);
            assert!(stem.len() <= STEM_BYTES_MAX + 2 && stem.starts_with(|c: char| c.is_ascii_alphanumeric()), "{stem}");
            assert!(stem.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')), "{stem}");
            assert!(!["con", "lpt1"].contains(&stem.to_lowercase().as_str()), "{stem}");
        }
        assert_eq!(stem("factory_pipeline"), "factory_pipeline");
    }

    #[test]
    fn logical_ids_are_letters_and_digits() {
        for (name, id) in [("factory_pipeline", "FactoryPipeline"), ("2fast", "2fast"), ("温度", "Unnamed"), ("a-b.c", "ABC")] {
            assert_eq!(logical(name), id);
        }
        for name in HOSTILE {
            assert!(logical(name).chars().all(|c| c.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn a_name_is_handed_out_once() {
        let mut taken = Taken::default();
        let names: Vec<String> = ["a", "A", "a", "a_2"].into_iter().map(|name| taken.take(name, "_")).collect();
        assert_eq!(names, ["a", "A_2", "a_3", "a_2_2"]);
    }
}
