//! From the text of a query to what SQLite is asked, on a stack made for it.
//!
//! Parser, compiler and the tree's destructor descend once per level of nesting. The depth is bounded (`syntax`), but one
//! level takes tens of kilobytes where the build does not optimise, more than a thread of an async runtime or of a test
//! has for a tree of the greatest depth. So the tree lives and ends on a thread of its own; the store's connection
//! stays with the caller, who answers what the compiler asks about tables.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use sqlparser::ast::Ident;

use super::Catalogue;
use super::compile::{Compiled, FoundTable, compile, find_table};
use super::failure::QueryFailure;
use super::syntax::{Parsed, Show, parse};
use crate::time::Nanos;

/// Ten times what the deepest tree takes in an unoptimised build. Only pages that are touched are ever given out.
const STACK_BYTES: usize = 128 << 20;

/// What a query text asks for.
#[derive(Debug)]
pub(super) enum Ask {
    Select(Compiled),
    Show(Show),
}

/// Reads a query. Blocks until it is understood or refused.
///
/// # Errors
/// As [`parse`] and [`compile`]; [`QueryFailure::Internal`] when the machine gives no thread.
pub(super) fn read(text: &str, catalogue: &dyn Catalogue, now: Nanos) -> Result<Ask, QueryFailure> {
    let (ask, asked) = channel::<(Ident, Ident)>();
    let (answer, answers) = channel();
    thread::scope(|scope| {
        let work = move || read_here(text, &ask, &answers, now);
        let reader = thread::Builder::new().name("query".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let reader = reader.map_err(|error| QueryFailure::Internal(format!("the machine refused a thread: {error}")))?;
        // Ends when the reader is done and has dropped its side.
        for (database, table) in asked {
            if answer.send(find_table(catalogue, &database, &table)).is_err() {
                break;
            }
        }
        reader.join().unwrap_or_else(|_| Err(gone()))
    })
}

fn read_here(
    text: &str,
    ask: &Sender<(Ident, Ident)>,
    answers: &Receiver<Result<FoundTable, QueryFailure>>,
    now: Nanos,
) -> Result<Ask, QueryFailure> {
    match parse(text)? {
        Parsed::Show(show) => Ok(Ask::Show(show)),
        Parsed::Select(query) => {
            let find = |database: &Ident, table: &Ident| {
                ask.send((database.clone(), table.clone())).map_err(|_| gone())?;
                answers.recv().map_err(|_| gone())?
            };
            compile(&query, &find, now).map(Ask::Select)
        }
    }
}

fn gone() -> QueryFailure {
    QueryFailure::Internal("reading the query failed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{NOW, Shapes};
    use super::super::syntax::CHAIN_MAX;
    use super::*;

    fn verdict(sql: &str) -> Result<(), QueryFailure> {
        read(sql, &Shapes::default(), NOW).map(|_| ())
    }

    /// Runs on a stack that is smaller than that of a test or of a worker of the async runtime.
    fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
        thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn depth_is_bounded_before_there_is_a_tree() {
        on_a_small_stack(|| {
            for link in ["+1", " AND 1", "::bigint", " IS NULL", " UNION SELECT 1", "*-1", " COLLATE x", " NOT IN (1)"] {
                assert!(verdict(&format!("SELECT 1{}", link.repeat(5_000))).is_err(), "{link}");
            }
            for (open, close) in [("(", ")"), ("-(", ")"), ("abs(", ")"), ("NOT ", ""), ("(SELECT ", ")"), ("CASE WHEN ", " THEN 1 END")] {
                assert!(verdict(&format!("SELECT {}1{}", open.repeat(20_000), close.repeat(20_000))).is_err(), "{open}");
            }
        });
    }

    #[test]
    fn the_deepest_tree_that_is_taken_fits() {
        on_a_small_stack(|| {
            assert_eq!(verdict(&format!("SELECT 1{}", "+1".repeat(CHAIN_MAX))), Ok(()));
            let inner = format!("1{}", "+1".repeat(CHAIN_MAX - 40));
            let taken = (1..40).rev().map(|depth| format!("SELECT {}{inner}{}", "abs(1+".repeat(depth), ")".repeat(depth)));
            let taken: Vec<bool> = taken.map(|sql| verdict(&sql).is_ok()).collect();
            assert!(taken.ends_with(&[true; 5]), "{taken:?}");
        });
    }

    /// Words after which a parser descends, over and over: what the bounds miss would abort the process.
    #[test]
    fn nothing_that_repeats_descends_without_a_bound() {
        const OPENERS: [&str; 58] = [
            "(",
            "[",
            "{",
            "ARRAY[",
            "ARRAY(",
            "ARRAY<",
            "MAP(",
            "MAP{",
            "ROW(",
            "STRUCT<",
            "STRUCT(",
            "CAST(",
            "TRY_CAST(1 AS ARRAY(",
            "CAST(1 AS ARRAY<",
            "1::ARRAY<",
            "INTERVAL ",
            "DATE ",
            "TIMESTAMP ",
            "EXISTS (",
            "NOT EXISTS (SELECT ",
            "PRIOR ",
            "CASE ",
            "CASE WHEN ",
            "x -> ",
            "(x) -> ",
            "EXTRACT(",
            "POSITION(",
            "TRIM(",
            "SUBSTRING(",
            "CEIL(",
            "OVERLAY(",
            "count(DISTINCT ",
            "f(x => ",
            "a.",
            "a[",
            "+",
            "~",
            "!",
            "@",
            "- ",
            "1 IN (",
            "1 BETWEEN ",
            "1 LIKE ",
            "1 FROM (",
            "1 FROM (SELECT ",
            "1 FROM a JOIN (",
            "1 FROM a JOIN ",
            "1 FROM LATERAL (",
            "1 FROM UNNEST(",
            "1 UNION ",
            "1 UNION (SELECT ",
            "1 OVER (",
            "DISTINCT ",
            "1, ",
            "1 WHERE ",
            "1 ORDER BY ",
            "GROUPING SETS ((",
            "1 AT TIME ZONE ",
        ];
        for opener in OPENERS {
            for start in ["SELECT ", "WITH a AS (", "", "SELECT 1 FROM ", "SELECT 1 FROM a GROUP BY "] {
                drop(verdict(&format!("{start}{}", opener.repeat(4_000))));
            }
            drop(verdict(&format!("SELECT {}1", opener.repeat(4_000))));
        }
        drop(verdict(&"WITH a AS (".repeat(4_000)));
        drop(verdict(&"SELECT 1 FROM (WITH a AS (".repeat(4_000)));
    }
}
