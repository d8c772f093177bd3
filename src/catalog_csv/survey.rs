//! One look at all bytes of a file before any of it is believed: whether they are UTF-8, and what stands for the text.
//!
//! Threads share the file in blocks, so that the look costs about what reading costs.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memchr;
use xxhash_rust::xxh3::Xxh3;

use crate::domain::fingerprint::Fingerprint;

use super::source::{CHUNK, Source};

/// Bytes that one thread looks at in one go. The fingerprint of a text depends on it.
const BLOCK: u64 = 4 << 20;
/// Bits of the fingerprint that hold how many bytes there are: of another length, a text need not be read to be told
/// from a known one.
const LENGTH: u32 = 40;
const LENGTH_BITS: u128 = (1 << LENGTH) - 1;
/// Bytes of a UTF-8 character behind its first.
const TRAIL: usize = 3;

/// What is known of a whole file.
pub(super) struct Survey {
    pub is_utf8: bool,
    pub has_nul: bool,
    pub text: Fingerprint,
}

/// What is known of one block.
#[derive(Clone, Copy, Default)]
struct Block {
    digest: u128,
    has_nul: bool,
    is_invalid: bool,
    /// Bytes at its beginning that end a character of the block before.
    led: usize,
    /// Bytes of the next block that its last character needs.
    trails: usize,
}

impl Survey {
    /// A text that is `known` was looked at before: then its bytes are compared, and not judged again.
    pub fn of(source: &Source, known: Option<Fingerprint>) -> io::Result<Self> {
        let is_as_long = |known: Fingerprint| known.0 & LENGTH_BITS == length_bits(source);
        if known.is_some_and(is_as_long) {
            let compared = Self::look(source, false)?;
            if known == Some(compared.text) {
                return Ok(compared);
            }
        }
        Self::look(source, true)
    }

    /// What is not judged is taken to be good.
    fn look(source: &Source, judges: bool) -> io::Result<Self> {
        let count = (source.end - source.start).div_ceil(BLOCK);
        let next = AtomicU64::new(0);
        let work = || -> io::Result<Vec<(u64, Block)>> {
            let mut done = Vec::new();
            let mut buffer = vec![0; CHUNK];
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(done);
                }
                done.push((number, Block::read(source, number, judges, &mut buffer)?));
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let others = (count as usize).min(cores).saturating_sub(1);
        let mut blocks = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
            let mut blocks = work()?;
            for thread in threads {
                let more = thread.join();
                blocks.extend(more.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok::<_, io::Error>(blocks)
        })?;
        blocks.sort_unstable_by_key(|(number, _)| *number);
        let blocks = blocks.iter().map(|(_, block)| block);
        Ok(Self::together(blocks, length_bits(source)))
    }

    fn together<'b>(blocks: impl Iterator<Item = &'b Block>, length: u128) -> Self {
        let mut text = Xxh3::new();
        let mut survey = Self {
            is_utf8: true,
            has_nul: false,
            text: Fingerprint::default(),
        };
        let mut trails = 0;
        for block in blocks {
            text.update(&block.digest.to_le_bytes());
            survey.has_nul |= block.has_nul;
            survey.is_utf8 &= !block.is_invalid && block.led == trails;
            trails = block.trails;
        }
        survey.is_utf8 &= trails == 0;
        survey.text = Fingerprint(text.digest128() << LENGTH | length);
        survey
    }
}

fn length_bits(source: &Source) -> u128 {
    u128::from(source.end - source.start) & LENGTH_BITS
}

impl Block {
    fn read(source: &Source, number: u64, judges: bool, buffer: &mut [u8]) -> io::Result<Self> {
        let start = source.start + number * BLOCK;
        let end = source.end.min(start + BLOCK);
        let mut window = source.window(start, end);
        let mut hash = Xxh3::new();
        let mut block = Self::default();
        // A character may be split between two chunks.
        let mut rest: Vec<u8> = Vec::new();
        let mut is_first = true;
        loop {
            let read = window.read(buffer)?;
            let mut bytes = &buffer[..read];
            if bytes.is_empty() {
                break;
            }
            hash.update(bytes);
            if !judges {
                continue;
            }
            block.has_nul |= memchr(0, bytes).is_some();
            if is_first && number > 0 {
                block.led = leading(bytes);
                bytes = &bytes[block.led..];
            }
            is_first = false;
            let joined;
            if !rest.is_empty() {
                joined = [&rest[..], bytes].concat();
                bytes = &joined;
            }
            match unfinished(bytes) {
                Some(begun) => rest = begun.to_vec(),
                None => {
                    block.is_invalid = true;
                    rest = Vec::new();
                }
            }
        }
        block.digest = hash.digest128();
        if !rest.is_empty() {
            let begun = rest.len();
            let mut behind = [0; TRAIL];
            let read = source
                .window(end, source.end.min(end + TRAIL as u64))
                .read(&mut behind)?;
            rest.extend(&behind[..leading(&behind[..read])]);
            block.trails = rest.len() - begun;
            block.is_invalid |= std::str::from_utf8(&rest).is_err();
        }
        Ok(block)
    }
}

/// How many bytes at the beginning only go on with a character.
fn leading(bytes: &[u8]) -> usize {
    let goes_on = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
    bytes.iter().take(TRAIL).take_while(goes_on).count()
}

/// The character at the end that is not whole yet; `None` when the bytes are not UTF-8, whatever follows.
fn unfinished(bytes: &[u8]) -> Option<&[u8]> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(&[]),
        Err(error) if error.error_len().is_none() => Some(&bytes[error.valid_up_to()..]),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(bytes: &[u8]) -> Survey {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Survey::of(&Source::unread(file.path()), None).unwrap()
    }

    #[test]
    fn only_a_known_text_is_not_judged() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"caf\xe9 \0").unwrap();
        let source = Source::unread(file.path());
        let text = Survey::of(&source, None).unwrap().text;
        let of = |known| Survey::of(&source, Some(known)).unwrap();
        let known = of(text);
        assert!(known.is_utf8 && !known.has_nul && known.text == text);
        // Of another length, of other bytes.
        for bit in [1, 1 << LENGTH, 1 << 127] {
            let other = of(Fingerprint(text.0 ^ bit));
            assert!(!other.is_utf8 && other.has_nul && other.text == text);
        }
    }

    #[test]
    fn a_character_may_lie_across_two_blocks() {
        let block = BLOCK as usize;
        for character in ["é", "€", "🦆"] {
            for before in block - 5..=block {
                let mut bytes = vec![b'a'; before];
                bytes.extend_from_slice(character.as_bytes());
                bytes.extend_from_slice(b"bcd\n");
                assert!(survey(&bytes).is_utf8, "{character} behind {before}");
                let at = before + 1;
                let mut torn = bytes.clone();
                torn.remove(at);
                assert!(!survey(&torn).is_utf8, "{character} torn behind {before}");
                let mut stray = bytes.clone();
                stray.insert(at + character.len() - 1, 0x80);
                assert!(!survey(&stray).is_utf8, "a stray byte behind {before}");
                assert!(!survey(&bytes[..at]).is_utf8, "cut at {at}");
            }
        }
    }

    #[test]
    fn every_byte_counts() {
        let mut bytes = vec![b'a'; 2 * BLOCK as usize + 10];
        let whole = survey(&bytes);
        assert!(whole.is_utf8 && !whole.has_nul);
        for at in [0, BLOCK as usize - 1, BLOCK as usize, bytes.len() - 1] {
            bytes[at] = 0;
            let other = survey(&bytes);
            assert!(other.has_nul && other.text != whole.text, "at {at}");
            bytes[at] = b'a';
        }
        assert_eq!(survey(&bytes).text, whole.text);
        assert_ne!(survey(&bytes[1..]).text, whole.text);
    }
}
