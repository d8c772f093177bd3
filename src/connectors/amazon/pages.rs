//! Reads more listings than one search shows. Pure.
//!
//! `searchListingsItems` pages through 1000 listings and no more (models/listingsItems_2021-08-01.json,
//! `numberOfResults`). Sorted by creation, the next search takes up where the last one broke off.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::PageToken;
use crate::domain::{Error, Result};

/// Most listings that one search can page through.
const WINDOW: u64 = 1000;

/// Where the reading stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// This search shows what was created at or after this moment.
    pub after: Option<Timestamp>,
    /// Amazon's own place in this search.
    pub token: Option<String>,
    /// The latest creation seen.
    last: Option<Timestamp>,
    /// What was created at just that moment: the next search shows it again.
    edge: BTreeSet<String>,
}

impl Place {
    pub fn parse(token: Option<&PageToken>) -> Result<Self> {
        let Some(token) = token else {
            return Ok(Self::default());
        };
        serde_json::from_str(token.as_str())
            .map_err(|error| Error::unexpected("a page token is not ours").caused_by(error))
    }

    pub fn to_token(&self) -> Result<PageToken> {
        serde_json::to_string(self)
            .map(PageToken::from)
            .map_err(|error| Error::unexpected("a page token cannot be written").caused_by(error))
    }

    /// Whether an earlier search has shown this one already.
    pub fn has_seen(&self, sku: &str, created: Option<Timestamp>) -> bool {
        created.is_some() && created == self.after && self.edge.contains(sku)
    }

    /// The place after a page, `None` at the end. `found` is Amazon's count for the whole search.
    pub fn next<'a>(
        mut self,
        page: impl Iterator<Item = (&'a str, Option<Timestamp>)>,
        found: u64,
        token: Option<String>,
    ) -> Result<Option<Self>> {
        for (sku, created) in page {
            let Some(created) = created else { continue };
            if self.last.is_none_or(|last| created > last) {
                self.last = Some(created);
                self.edge.clear();
            }
            if self.last == Some(created) {
                self.edge.insert(sku.to_owned());
            }
        }
        if token.is_some() {
            return Ok(Some(Self { token, ..self }));
        }
        if found < WINDOW {
            return Ok(None);
        }
        if self.last.is_none() || self.last == self.after {
            return Err(Error::unexpected(format!(
                "Amazon lists {WINDOW} listings at most, and as many were created at the same moment: the rest cannot be read"
            )));
        }
        Ok(Some(Self {
            after: self.last,
            token: None,
            ..self
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn a_full_search_is_followed_by_another_without_showing_anything_twice() {
        let page = [("A", at(1)), ("B", at(2)), ("C", at(2))];
        let first = Place::default()
            .next(page.into_iter(), 1000, Some("t".into()))
            .unwrap()
            .unwrap();
        assert_eq!((first.after, first.token.as_deref()), (None, Some("t")));
        let second = first.next([("D", at(2))].into_iter(), 1000, None);
        let second = second.unwrap().unwrap();
        assert_eq!((second.after, &second.token), (at(2), &None));
        for (sku, seen) in [("B", true), ("D", true), ("E", false)] {
            assert_eq!(second.has_seen(sku, at(2)), seen, "{sku}");
        }
        assert!(!second.has_seen("B", at(3)));
        let token = second.to_token().unwrap();
        assert_eq!(Place::parse(Some(&token)).unwrap(), second);
        let end = second.next([("E", at(3))].into_iter(), 4, None).unwrap();
        assert_eq!(end, None);
    }

    #[test]
    fn a_page_that_repeats_gives_the_same_token() {
        let page = || [("A", at(1)), ("B", at(2))].into_iter();
        let once = Place::default()
            .next(page(), 40, Some("t".into()))
            .unwrap()
            .unwrap();
        let twice = once.clone().next(page(), 40, Some("t".into())).unwrap();
        assert_eq!(Some(once), twice);
    }

    #[test]
    fn a_moment_with_more_than_a_search_shows_is_an_error() {
        let place = Place::default()
            .next([("A", at(1))].into_iter(), 1000, None)
            .unwrap()
            .unwrap();
        assert!(place.next([("B", at(1))].into_iter(), 1000, None).is_err());
    }
}
