//! What the plan decided about rows that share a key: known by row while reading, and by key when the target objects.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use crate::census::{Collision, Side};
use crate::plan::Plan;
use crate::record::RecordKey;

/// How many other rows a reason names.
const SIDES_NAMED_MAX: usize = 3;

/// The collisions of a plan.
#[derive(Debug, Default)]
pub(super) struct Collisions {
    known: Vec<Collision>,
    /// Unit and row of every row that is not written, and which collision it belongs to.
    losers: HashMap<(u32, u64), usize>,
    /// By table too: the same key in two tables is two records.
    by_key: HashMap<(String, RecordKey), usize>,
}

impl Collisions {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut found = Self::default();
        for (table, collision) in plan.tables.iter().flat_map(|table| table.collisions.iter().map(move |collision| (table, collision))) {
            let at = found.known.len();
            let written = written_content(collision);
            let losers = collision.sides.iter().filter(|side| Some(side.content) != written);
            found.losers.extend(losers.map(|side| ((side.unit, side.row), at)));
            if let Ok(key) = u128::from_str_radix(&collision.key, 16) {
                found.by_key.insert((table.mapping.table.clone(), RecordKey(key)), at);
            }
            found.known.push(collision.clone());
        }
        found
    }

    /// Why the plan does not write this row; `None` when it does.
    pub(super) fn loser(&self, unit: u32, row: u64) -> Option<String> {
        let collision = self.known.get(*self.losers.get(&(unit, row))?)?;
        let others: Vec<&Side> = collision.sides.iter().filter(|side| (side.unit, side.row) != (unit, row)).collect();
        let written = collision.kept.and_then(|kept| collision.sides.get(kept));
        Some(match written {
            Some(kept) => format!("the key {} is also that of {}, which is written", collision.what, place(kept)),
            None => format!("the key {} is also that of {}; none of them is written", collision.what, places(&others)),
        })
    }

    /// The rows that the plan knows to share `key` in `table`, but for the one that asks.
    pub(super) fn others(&self, table: &str, key: RecordKey, object: &str, row: u64) -> Option<String> {
        let collision = self.known.get(*self.by_key.get(&(table.to_owned(), key))?)?;
        let others: Vec<&Side> = collision.sides.iter().filter(|side| (side.object.as_str(), side.row) != (object, row)).collect();
        (!others.is_empty()).then(|| places(&others))
    }
}

/// The content that is written: that of the kept side, and with it every exact repeat.
fn written_content(collision: &Collision) -> Option<u64> {
    collision.sides.get(collision.kept?).map(|side| side.content)
}

fn place(side: &Side) -> String {
    format!("{} row {}", side.object, side.row)
}

fn places(sides: &[&Side]) -> String {
    let named: BTreeSet<String> = sides.iter().map(|side| place(side)).collect();
    let mut text = named.iter().take(SIDES_NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    if named.len() > SIDES_NAMED_MAX {
        // Writing to a String cannot fail.
        write!(text, " and {} more", named.len() - SIDES_NAMED_MAX).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(unit: u32, row: u64, content: u64) -> Side {
        Side { unit, object: format!("o{unit}"), row, content }
    }

    fn collisions(kept: Option<usize>) -> Collisions {
        let collision = Collision {
            key: format!("{:032x}", 77u128),
            what: "device=d1".into(),
            sides: vec![side(0, 1, 10), side(1, 4, 20), side(2, 1, 20), side(3, 9, 30), side(4, 1, 40)],
            kept,
        };
        let plan = super::super::tests::plan(&[("s", "t")], &[], vec![collision]);
        Collisions::of(&plan)
    }

    #[test]
    fn the_kept_side_and_its_exact_repeats_are_written_and_the_others_name_it() {
        let keep_second = collisions(Some(1));
        assert_eq!(keep_second.loser(1, 4), None);
        assert_eq!(keep_second.loser(2, 1), None);
        let why = keep_second.loser(0, 1).unwrap();
        assert!(why.contains("device=d1") && why.contains("o1 row 4, which is written"), "{why}");
        assert_eq!(keep_second.loser(0, 2), None);
    }

    #[test]
    fn without_a_winner_every_side_loses_and_names_some_of_the_others() {
        let none = collisions(None);
        let why = none.loser(4, 1).unwrap();
        assert!(why.contains("o0 row 1, o1 row 4, o2 row 1 and 1 more"), "{why}");
        assert!(none.loser(0, 1).is_some());
    }

    #[test]
    fn a_key_that_the_target_objects_to_is_found_again() {
        let known = collisions(Some(0));
        assert_eq!(known.others("t", RecordKey(77), "o0", 1).unwrap(), "o1 row 4, o2 row 1, o3 row 9 and 1 more");
        assert_eq!(known.others("t", RecordKey(78), "o0", 1), None);
        assert_eq!(known.others("u", RecordKey(77), "o0", 1), None, "the same key in another table is another record");
    }
}
