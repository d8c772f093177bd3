//! The rows of a catalog file, remembered in some tens of bytes each, so that the next reading passes over those that
//! stayed as they were.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::fingerprint::Fingerprint;
use super::ids::Sku;

/// Hashes that are already well mixed need no second hashing.
pub type HashedMap<V> = HashMap<u64, V, BuildHasherDefault<Mixed>>;
pub type HashedSet = HashSet<u64, BuildHasherDefault<Mixed>>;

#[derive(Default)]
pub struct Mixed(u64);

impl std::hash::Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// What is remembered of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowPrint {
    /// Hash of the row's bytes, line end included.
    pub digest: [u64; 2],
    /// [`folded_hash`] of the sku: skus that differ in letter case alone have the same.
    pub folded: u64,
    /// [`exact_hash`] of the parent's sku, or of its own when the row is no variant.
    pub family: u64,
    /// Hash of what the stock file says of the sku; 0 when nothing.
    pub stock: u64,
    /// Bytes of the row, and of blank lines before it.
    pub span: u32,
    /// Where its sku ends in [`Rows`]' texts.
    pub sku_end: u32,
    /// Lines of the row, and blank ones before it.
    pub lines: u32,
    pub is_variant: bool,
}

impl RowPrint {
    /// Whether these are the row's bytes.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        digest(bytes) == self.digest
    }
}

/// Two halves, because 128 bits in one would cost as many again for their alignment.
pub fn digest(bytes: &[u8]) -> [u64; 2] {
    let hash = xxh3_128(bytes);
    [(hash >> 64) as u64, hash as u64]
}

pub fn exact_hash(sku: &str) -> u64 {
    xxh3_64(sku.as_bytes())
}

/// `buffer` is overwritten.
pub fn folded_hash(sku: &str, buffer: &mut String) -> u64 {
    let is_folded = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if sku.bytes().all(is_folded) {
        return exact_hash(sku);
    }
    buffer.clear();
    if sku.is_ascii() {
        buffer.push_str(sku);
        buffer.make_ascii_lowercase();
    } else {
        buffer.extend(sku.chars().flat_map(char::to_lowercase));
    }
    exact_hash(buffer)
}

/// The rows of one file, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Stands for the whole text, so that a file that stayed the same is not looked at row by row.
    pub text: Fingerprint,
    /// Stands for everything beside a row's bytes that says how they are read: header, delimiter, notation.
    pub reading: Fingerprint,
    pub prints: Vec<RowPrint>,
    /// The skus, one behind the other.
    pub skus: String,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.prints.len()
    }

    pub fn is_empty(&self) -> bool {
        self.prints.is_empty()
    }

    pub fn sku(&self, row: usize) -> &str {
        let start = match row {
            0 => 0,
            _ => self.prints[row - 1].sku_end as usize,
        };
        &self.skus[start..self.prints[row].sku_end as usize]
    }

    /// Appends a row; its place in the texts is filled in. `false` when there is no room for more.
    pub fn push(&mut self, print: RowPrint, sku: &str) -> bool {
        self.skus.push_str(sku);
        let (Ok(sku_end), Ok(_)) = (
            u32::try_from(self.skus.len()),
            u32::try_from(self.prints.len() + 1),
        ) else {
            return false;
        };
        self.prints.push(RowPrint { sku_end, ..print });
        true
    }

    /// Appends all of these; `false` when there is no room for them.
    pub fn append(&mut self, others: &Self) -> bool {
        let start = self.skus.len();
        let (Ok(_), Ok(_)) = (
            u32::try_from(start + others.skus.len()),
            u32::try_from(self.prints.len() + others.prints.len()),
        ) else {
            return false;
        };
        self.skus.push_str(&others.skus);
        self.prints
            .extend(others.prints.iter().map(|print| RowPrint {
                sku_end: print.sku_end + start as u32,
                ..*print
            }));
        true
    }
}

/// A file's rows beside those that were remembered.
#[derive(Debug)]
pub struct Compared {
    /// As they are now.
    pub rows: Rows,
    /// Which remembered row each row is, byte for byte; `None` when all are, in their order.
    pub origins: Option<Vec<u32>>,
    /// Rows that were remembered and are there no more, or not as they were.
    pub gone: Vec<Gone>,
    /// Skus of remembered rows that are there no more.
    pub left: Vec<Sku>,
    /// Rows whose sku another row has as well, if only in other letters.
    pub clashing: Vec<u32>,
    /// Families ([`RowPrint::family`]) whose variants stand in another order than they did.
    pub reordered: HashedSet,
}

/// A row that is not as it was remembered.
#[derive(Clone, Copy, Debug)]
pub struct Gone {
    /// As it was, as in [`RowPrint`].
    pub family: u64,
    pub is_variant: bool,
}

/// Instead of a number, of rows that were not remembered.
pub const NEW: u32 = u32::MAX;

impl Compared {
    /// Which remembered row this one is; `None` when it is new or was changed.
    pub fn origin(&self, row: usize) -> Option<usize> {
        match &self.origins {
            None => Some(row),
            Some(origins) => (origins[row] != NEW).then(|| origins[row] as usize),
        }
    }
}

/// One bit per row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    length: usize,
}

impl Bits {
    pub fn new(length: usize) -> Self {
        Self {
            words: vec![0; length.div_ceil(64)],
            length,
        }
    }

    /// `None` when there are not exactly as many words as `length` bits need.
    pub fn from_words(words: Vec<u64>, length: usize) -> Option<Self> {
        (words.len() == length.div_ceil(64)).then_some(Self { words, length })
    }

    pub fn words(&self) -> &[u64] {
        &self.words
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub fn get(&self, position: usize) -> bool {
        self.words[position / 64] >> (position % 64) & 1 == 1
    }

    pub fn set(&mut self, position: usize) {
        self.words[position / 64] |= 1 << (position % 64);
    }

    /// [`Self::set`] where there may be too few bits yet.
    pub fn grow_to_set(&mut self, position: usize) {
        if position >= self.length {
            self.length = position + 1;
            self.words.resize(self.length.div_ceil(64), 0);
        }
        self.set(position);
    }

    /// Whether it is there, and set.
    pub fn has(&self, position: usize) -> bool {
        position < self.length && self.get(position)
    }

    pub fn clear(&mut self, position: usize) {
        if let Some(word) = self.words.get_mut(position / 64) {
            *word &= !(1 << (position % 64));
        }
    }

    /// Those that are set, in their order.
    pub fn ones(&self) -> impl Iterator<Item = usize> {
        let words = self.words.iter().enumerate();
        words.flat_map(|(place, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(place * 64 + bit)
            })
        })
    }

    /// How many are set in both.
    pub fn count_common(&self, other: &Self) -> usize {
        let pairs = self.words.iter().zip(&other.words);
        pairs
            .map(|(one, other)| (one & other).count_ones() as usize)
            .sum()
    }

    /// Those of either.
    pub fn or(&self, other: &Self) -> Self {
        let pairs = self.words.iter().zip(&other.words);
        Self {
            words: pairs.map(|(one, other)| one | other).collect(),
            length: self.length.min(other.length),
        }
    }

    pub fn count(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_of_other_letters_fold_to_one_hash() {
        let mut buffer = String::new();
        let mut hash = |sku: &str| folded_hash(sku, &mut buffer);
        assert_eq!(hash("Tee-1"), hash("tee-1"));
        assert_eq!(hash("ÄRMEL"), hash("ärmel"));
        assert_ne!(hash("tee-1"), hash("tee-2"));
        assert_eq!(hash("tee-1"), exact_hash("tee-1"));
    }

    #[test]
    fn each_row_keeps_its_sku() {
        let mut rows = Rows::default();
        for sku in ["A", "", "longer"] {
            assert!(rows.push(RowPrint::default(), sku));
        }
        assert_eq!([rows.sku(0), rows.sku(1), rows.sku(2)], ["A", "", "longer"]);
    }

    #[test]
    fn bits_are_set_one_by_one() {
        let mut bits = Bits::new(130);
        bits.set(0);
        bits.set(129);
        assert!(bits.get(0) && bits.get(129) && !bits.get(64));
        assert_eq!(bits.count(), 2);
        let mut other = Bits::new(130);
        other.set(64);
        let both = bits.or(&other);
        assert!(both.get(0) && both.get(64) && both.count() == 3);
        assert_eq!(bits.count_common(&both), 2);
        assert_eq!(both.ones().collect::<Vec<_>>(), [0, 64, 129]);
        let mut grown = Bits::default();
        grown.grow_to_set(64);
        grown.grow_to_set(3);
        assert!(grown.has(64) && grown.has(3) && !grown.has(4) && !grown.has(1000));
        assert_eq!(grown.len(), 65);
        grown.clear(64);
        grown.clear(1000);
        assert_eq!(grown.count(), 1);
        assert_eq!(
            Bits::from_words(bits.words().to_vec(), 130),
            Some(bits.clone())
        );
        assert_eq!(Bits::from_words(bits.words().to_vec(), 200), None);
    }
}
