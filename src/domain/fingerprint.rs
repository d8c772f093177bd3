//! A short stand-in for a long content, so that a change is seen without keeping the content.

use std::io::Write;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

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

/// Gathers fields one by one; `("ab", "c")` and `("a", "bc")` differ.
#[derive(Default)]
pub struct Fingerprinter(Vec<u8>);

impl Fingerprinter {
    /// With room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub fn text(&mut self, field: &str) -> &mut Self {
        self.0
            .extend_from_slice(&(field.len() as u64).to_le_bytes());
        self.0.extend_from_slice(field.as_bytes());
        self
    }

    /// What would be written, as a text.
    pub fn written(&mut self, field: std::fmt::Arguments<'_>) -> &mut Self {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 8]);
        // Memory takes all that is written into it.
        let _ = self.0.write_fmt(field);
        let length = (self.0.len() - start - 8) as u64;
        self.0[start..start + 8].copy_from_slice(&length.to_le_bytes());
        self
    }

    pub fn optional(&mut self, field: Option<&str>) -> &mut Self {
        match field {
            Some(field) => self.text(field),
            None => {
                self.0.extend_from_slice(&u64::MAX.to_le_bytes());
                self
            }
        }
    }

    pub fn finish(&self) -> Fingerprint {
        Fingerprint(xxh3_128(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xxhash_rust::xxh3::Xxh3;

    use super::*;

    #[test]
    fn of_nothing_it_is_what_xxh3_publishes() {
        let nothing = Fingerprinter::default().finish();
        assert_eq!(String::from(nothing), "99aa06d3014798d86001c324468d497f");
    }

    #[test]
    fn what_is_written_is_a_text() {
        let (mut written, mut text) = (Fingerprinter::default(), Fingerprinter::default());
        written.text("a").written(format_args!("{} {}", 0.5, "kg"));
        text.text("a").text("0.5 kg");
        assert_eq!(written.finish(), text.finish());
    }

    proptest! {
        /// As ledgers hold it from earlier versions.
        #[test]
        fn gathered_fields_are_the_fields_one_after_the_other(
            fields in prop::collection::vec(prop::option::of(".{0,90}"), 0..9),
        ) {
            let mut gathered = Fingerprinter::default();
            let mut streamed = Xxh3::new();
            for field in &fields {
                gathered.optional(field.as_deref());
                let length = field.as_ref().map_or(u64::MAX, |text| text.len() as u64);
                streamed.update(&length.to_le_bytes());
                streamed.update(field.as_deref().unwrap_or_default().as_bytes());
            }
            prop_assert_eq!(gathered.finish().0, streamed.digest128());
        }
    }
}
