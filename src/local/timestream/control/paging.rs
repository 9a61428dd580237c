//! Pages of a list: 20 at most, continued by an opaque token.

use crate::encoding::hex;
use crate::local::constraints::Violations;
use crate::local::failure::Failure;

/// Items of a page, at most and by default.
const PAGE_MAX: i64 = 20;

/// Where a page begins and how many items it has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The last name of the page before: for a list of tables, database and table.
    pub(super) after: (String, String),
    pub(super) limit: i64,
}

impl Page {
    pub(super) fn read(max_results: Option<i64>, token: Option<&str>) -> Result<Self, Failure> {
        let mut violations = Violations::default();
        violations.range("maxResults", max_results, 1, PAGE_MAX);
        violations.finish()?;
        let after = match token {
            None => Some((String::new(), String::new())),
            Some(token) => decoded(token),
        };
        let after = after.ok_or_else(|| Failure::validation("The NextToken is invalid."))?;
        Ok(Self { after, limit: max_results.unwrap_or(PAGE_MAX) })
    }

    /// Cuts `items`, of which one more than the limit was asked for, to the page; the token for the next one, if any.
    pub(super) fn cut<T>(&self, items: &mut Vec<T>, name: impl Fn(&T) -> (&str, &str)) -> Option<String> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if items.len() <= limit {
            return None;
        }
        items.truncate(limit);
        items.last().map(|last| encoded(name(last)))
    }
}

/// The hexadecimal digits of both names with a slash between; names of databases have none.
fn encoded((first, second): (&str, &str)) -> String {
    hex(format!("{first}/{second}").as_bytes())
}

fn decoded(token: &str) -> Option<(String, String)> {
    let digits = token.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let text = String::from_utf8(digits.collect::<Option<Vec<u8>>>()?).ok()?;
    let (first, second) = text.split_once('/')?;
    Some((first.to_owned(), second.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_names_and_nothing_else_is_one() {
        let token = encoded(("db-1", "t.2"));
        assert_eq!(Page::read(Some(7), Some(&token)).unwrap(), Page { after: ("db-1".into(), "t.2".into()), limit: 7 });
        for token in ["", "zz", "6", "é", "6162"] {
            assert!(Page::read(None, Some(token)).is_err(), "{token}");
        }
        assert!(Page::read(Some(0), None).is_err() && Page::read(Some(21), None).is_err());
    }
}
