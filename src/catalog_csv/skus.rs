//! Remembers which skus a scan has met, in tens of bytes each.

use std::collections::hash_map::Entry;

use crate::domain::rows::{HashedMap, exact_hash, folded_hash};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Met {
    First,
    /// Byte for byte the sku of an earlier line.
    Again {
        line: u64,
    },
    /// The sku of an earlier line in another letter case.
    InOtherCase {
        line: u64,
    },
}

#[derive(Clone, Copy)]
struct Place {
    exact: u64,
    line: u64,
}

/// The skus of one file, as 64-bit hashes: of a million skus, two are taken for the same one in thirty million
/// files.
#[derive(Default)]
pub(super) struct MetSkus {
    by_folded: HashedMap<Place>,
    /// Further spellings of a folded sku; rare.
    spellings: HashedMap<u64>,
    folded: String,
}

impl MetSkus {
    pub fn meet(&mut self, sku: &str, line: u64) -> Met {
        let exact = exact_hash(sku);
        let folded = folded_hash(sku, &mut self.folded);
        match self.by_folded.entry(folded) {
            Entry::Vacant(free) => {
                free.insert(Place { exact, line });
                Met::First
            }
            Entry::Occupied(first) if first.get().exact == exact => Met::Again {
                line: first.get().line,
            },
            Entry::Occupied(first) => match self.spellings.entry(exact) {
                Entry::Vacant(free) => {
                    free.insert(line);
                    Met::InOtherCase {
                        line: first.get().line,
                    }
                }
                Entry::Occupied(spelling) => Met::Again {
                    line: *spelling.get(),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_and_other_case_are_told_apart() {
        let mut met = MetSkus::default();
        assert_eq!(met.meet("A-1", 2), Met::First);
        assert_eq!(met.meet("A-2", 3), Met::First);
        assert_eq!(met.meet("A-1", 4), Met::Again { line: 2 });
        assert_eq!(met.meet("a-1", 5), Met::InOtherCase { line: 2 });
        assert_eq!(met.meet("a-1", 6), Met::Again { line: 5 });
        assert_eq!(met.meet("Ärmel", 7), Met::First);
        assert_eq!(met.meet("ÄRMEL", 8), Met::InOtherCase { line: 7 });
    }
}
