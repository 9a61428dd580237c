//! Windows of arrival: which days go into one content.

use serde::{Deserialize, Serialize};

use super::wanted::Sizing;
use crate::time::{DAY_NANOS, Nanos};

/// Days from `from` on and before `to`, counted from the epoch. A day is the finest part of `__dt` that was ever seen (facts: datastore
/// keys).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// The rows that arrived on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Day {
    pub(super) day: i64,
    pub(super) rows: u64,
}

impl Window {
    /// Two windows that are this one. None for a day: it is not cut.
    pub(super) fn halves(self) -> Option<(Self, Self)> {
        let days = self.to.checked_sub(self.from).filter(|days| *days >= 2)?;
        let middle = self.from + days / 2;
        Some((Self { from: self.from, to: middle }, Self { from: middle, to: self.to }))
    }

    /// How many rows the survey saw in it.
    pub(super) fn rows(self, days: &[Day]) -> u64 {
        days.iter().filter(|day| (self.from..self.to).contains(&day.day)).map(|day| day.rows).sum()
    }
}

/// Windows from the first to the last of `days` (in order, each once), one behind the other without a gap.
pub(super) fn cut(days: &[Day], sizing: Sizing) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut rows = 0_u64;
    for day in days {
        let end = day.day.saturating_add(1);
        let grown = rows.saturating_add(day.rows);
        match windows.last_mut() {
            Some(last) if fits(*last, end, grown, sizing) => {
                last.to = end;
                rows = grown;
            }
            // A day without rows belongs to the window before it.
            Some(last) => {
                last.to = day.day;
                windows.push(Window { from: day.day, to: end });
                rows = day.rows;
            }
            None => {
                windows.push(Window { from: day.day, to: end });
                rows = day.rows;
            }
        }
    }
    windows
}

fn fits(window: Window, end: i64, rows: u64, sizing: Sizing) -> bool {
    match sizing {
        Sizing::Rows(most) => rows <= most,
        Sizing::Days(most) => end.saturating_sub(window.from) <= i64::from(most),
    }
}

/// `2025-10-04`.
pub(super) fn day_text(day: i64) -> String {
    let text = Nanos(day.saturating_mul(DAY_NANOS)).to_iso8601();
    text.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn days() -> impl Strategy<Value = Vec<Day>> {
        prop::collection::btree_map(-40_000_i64..40_000, 0_u64..1_000, 0..60)
            .prop_map(|days: BTreeMap<i64, u64>| days.into_iter().map(|(day, rows)| Day { day, rows }).collect())
    }

    fn sizing() -> impl Strategy<Value = Sizing> {
        prop_oneof![(1_u64..3_000).prop_map(Sizing::Rows), (1_u32..40_000).prop_map(Sizing::Days)]
    }

    /// Each window begins where the one before it ends, and together they are exactly the days from the first to the last.
    fn tiles(windows: &[Window], days: &[Day]) {
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            assert!(windows.is_empty());
            return;
        };
        assert_eq!(windows.first().map(|window| window.from), Some(first.day));
        assert_eq!(windows.last().map(|window| window.to), Some(last.day + 1));
        assert!(windows.iter().all(|window| window.from < window.to));
        assert!(windows.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!(windows.iter().map(|window| window.rows(days)).sum::<u64>(), days.iter().map(|day| day.rows).sum::<u64>());
    }

    proptest! {
        #[test]
        fn windows_are_half_open_disjoint_and_complete(days in days(), sizing in sizing(), halved in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
            let mut windows = cut(&days, sizing);
            tiles(&windows, &days);
            for window in &windows {
                let most = match sizing { Sizing::Rows(most) => window.rows(&days) <= most, Sizing::Days(_) => true };
                prop_assert!(most || days.iter().filter(|day| (window.from..window.to).contains(&day.day)).count() == 1);
            }
            // Halving any of them, again and again, changes nothing about that.
            for at in halved {
                if windows.is_empty() { break }
                let at = at.index(windows.len());
                if let Some((left, right)) = windows[at].halves() {
                    windows.splice(at..=at, [left, right]);
                }
            }
            tiles(&windows, &days);
        }
    }

    #[test]
    fn a_single_day_is_not_halved() {
        assert_eq!(Window { from: 5, to: 6 }.halves(), None);
        assert_eq!(Window { from: 5, to: 8 }.halves(), Some((Window { from: 5, to: 6 }, Window { from: 6, to: 8 })));
    }

    #[test]
    fn days_are_written_as_dates() {
        assert_eq!((day_text(0).as_str(), day_text(-1).as_str()), ("1970-01-01", "1969-12-31"));
    }
}
