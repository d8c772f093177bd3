//! A short stand-in for a long content, so that a change is seen without keeping the content.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// 128 bits of XXH3 over a length-prefixed field sequence. Equal across machines and versions of this program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(pub u128);

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        format!("{:032x}", fingerprint.0)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16).map(Self)
    }
}

/// Feeds fields one by one; `("ab", "c")` and `("a", "bc")` differ.
#[derive(Default)]
pub struct Fingerprinter(Xxh3);

impl Fingerprinter {
    pub fn text(&mut self, field: &str) -> &mut Self {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field.as_bytes());
        self
    }

    pub fn optional(&mut self, field: Option<&str>) -> &mut Self {
        match field {
            Some(field) => self.text(field),
            None => {
                self.0.update(&u64::MAX.to_le_bytes());
                self
            }
        }
    }

    pub fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.digest128())
    }
}
