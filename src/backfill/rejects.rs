//! How many rows may go to quarantine before somebody should look: better now than after a week of writing.

use std::fmt;
use std::str::FromStr;

use super::BackfillError;

/// With fewer rows than this, a share of them says nothing where their sum is not known.
const ROWS_TO_JUDGE_BY: u64 = 1000;

/// A number of rows, or a share of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxRejects {
    Rows(u64),
    /// In millionths.
    Share(u32),
}

/// A limit that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is neither a number of rows, as 100, nor a share of them, as 0.5%")]
pub struct NoLimit(String);

impl FromStr for MaxRejects {
    type Err = NoLimit;

    fn from_str(text: &str) -> Result<Self, NoLimit> {
        let no_limit = || NoLimit(text.to_owned());
        let Some(share) = text.strip_suffix('%') else {
            return text.parse().map(Self::Rows).map_err(|_| no_limit());
        };
        let (whole, fraction) = share.split_once('.').unwrap_or((share, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 4 || !digits(whole) || !digits(fraction) {
            return Err(no_limit());
        }
        let millionths: u32 = format!("{whole}{fraction:0<4}").parse().map_err(|_| no_limit())?;
        if millionths <= 1_000_000 { Ok(Self::Share(millionths)) } else { Err(no_limit()) }
    }
}

impl fmt::Display for MaxRejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows} rows"),
            Self::Share(millionths) => write!(f, "{}.{:04}% of the rows", millionths / 10_000, millionths % 10_000),
        }
    }
}

/// The count against the limit, over all runs of a backfill.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    pub(super) max: Option<MaxRejects>,
    /// Rows of the whole history, where the plan counted them.
    pub(super) planned: Option<u64>,
    pub(super) rejected: u64,
    pub(super) rows: u64,
}

impl Rejects {
    /// Counts rows that got their outcome; an error once too many were refused.
    pub(super) fn count(&mut self, rows: u64, rejected: u64) -> Result<(), BackfillError> {
        self.rows += rows;
        self.rejected += rejected;
        let Some(max) = self.max.filter(|_| rejected > 0) else { return Ok(()) };
        let allowed = match max {
            MaxRejects::Rows(rows) => rows,
            MaxRejects::Share(millionths) => {
                let of = self.planned.unwrap_or_else(|| self.rows.max(ROWS_TO_JUDGE_BY));
                u64::try_from(u128::from(of) * u128::from(millionths) / 1_000_000).unwrap_or(u64::MAX)
            }
        };
        if self.rejected <= allowed {
            return Ok(());
        }
        Err(BackfillError::TooManyRejects { rejected: self.rejected, rows: self.rows, max: max.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rows_or_shares() {
        for (text, limit) in [
            ("0", MaxRejects::Rows(0)),
            ("7", MaxRejects::Rows(7)),
            ("0.5%", MaxRejects::Share(5_000)),
            ("100%", MaxRejects::Share(1_000_000)),
        ] {
            assert_eq!(text.parse(), Ok(limit), "{text}");
        }
        for text in ["", "%", "-1", "1.5", "101%", "1.00001%", "1,5%", "x%", ".5%"] {
            assert!(text.parse::<MaxRejects>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_limit_is_reached_by_the_first_row_above_it() {
        let limited = |max, planned| Rejects { max: Some(max), planned, ..Rejects::default() };
        let mut rows = limited(MaxRejects::Rows(2), None);
        assert!(rows.count(50, 2).is_ok());
        assert!(rows.count(50, 0).is_ok());
        assert!(matches!(rows.count(1, 1), Err(BackfillError::TooManyRejects { rejected: 3, rows: 101, .. })));
        let mut planned = limited(MaxRejects::Share(10_000), Some(300));
        assert!(planned.count(3, 3).is_ok());
        assert!(planned.count(1, 1).is_err());
        let mut sampled = limited(MaxRejects::Share(10_000), None);
        assert!(sampled.count(10, 10).is_ok(), "one in a hundred of the first thousand");
        assert!(sampled.count(1, 1).is_err());
    }
}
