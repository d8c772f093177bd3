//! Packed changes that wait to be read again: the first ones in memory, the others in a file without a name, so that a
//! plan of any size takes little memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Planned;
use super::packed::{Packed, first_length};
use crate::domain::{Error, Result};

/// Bytes that stay in memory.
const KEPT: usize = if cfg!(test) { 100 } else { 1 << 20 };
/// Bytes that are read from the file at once.
const PORTION: usize = if cfg!(test) { 10 } else { 32 << 10 };

/// Where bytes are put.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    kept: usize,
    file: Option<Arc<Mutex<File>>>,
    /// Of the file.
    end: u64,
    /// No file can be written; there still is the memory.
    has_no_file: bool,
}

/// Packed changes that were put there together.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Kept(Vec<u8>),
    Filed {
        file: Arc<Mutex<File>>,
        start: u64,
        length: u64,
    },
}

impl Scratch {
    pub fn put(&mut self, mut bytes: Vec<u8>) -> Piece {
        if self.kept + bytes.len() > KEPT && !self.has_no_file {
            match self.file(&bytes) {
                Ok(piece) => return piece,
                Err(error) => {
                    tracing::debug!(%error, "the plan stays in memory");
                    self.has_no_file = true;
                }
            }
        }
        bytes.shrink_to_fit();
        self.kept += bytes.len();
        Piece::Kept(bytes)
    }

    fn file(&mut self, bytes: &[u8]) -> io::Result<Piece> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self
                .file
                .insert(Arc::new(Mutex::new(tempfile::tempfile()?)))
                .clone(),
        };
        let start = self.end;
        let mut open = locked(&file);
        open.seek(SeekFrom::Start(start))?;
        open.write_all(bytes)?;
        drop(open);
        let length = bytes.len() as u64;
        self.end += length;
        Ok(Piece::Filed {
            file,
            start,
            length,
        })
    }
}

/// Who panicked left the file as it is: every access says where it goes.
fn locked(file: &Mutex<File>) -> MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the changes of a piece in their order.
pub(super) struct Reading<'a> {
    piece: &'a Piece,
    /// What was read of a file, and how much that is since its beginning.
    buffer: Vec<u8>,
    read: u64,
    /// Where the next change begins in the piece, or in the buffer.
    at: usize,
}

impl<'a> Reading<'a> {
    pub fn of(piece: &'a Piece) -> Self {
        Self {
            piece,
            buffer: Vec::new(),
            read: 0,
            at: 0,
        }
    }

    pub fn next_packed(&mut self) -> Result<Option<Packed<'_>>> {
        let length = loop {
            if let Some(length) = first_length(&self.bytes()[self.at..]) {
                break length;
            }
            if !self.fill().map_err(unreadable)? {
                return Ok(None);
            }
        };
        let start = self.at;
        self.at += length;
        Ok(Some(Packed::of(&self.bytes()[start..self.at])))
    }

    fn bytes(&self) -> &[u8] {
        match self.piece {
            Piece::Kept(bytes) => bytes,
            Piece::Filed { .. } => &self.buffer,
        }
    }

    /// Reads on; `false` when there is no more.
    fn fill(&mut self) -> io::Result<bool> {
        let Piece::Filed {
            file,
            start,
            length,
        } = self.piece
        else {
            return Ok(false);
        };
        let left = usize::try_from(length - self.read).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let begun = self.buffer.len();
        self.buffer.resize(begun + left.min(PORTION), 0);
        let portion = &mut self.buffer[begun..];
        let mut file = locked(file);
        let read = file
            .seek(SeekFrom::Start(start + self.read))
            .and_then(|_| file.read_exact(portion));
        match read {
            Ok(()) => self.read += portion.len() as u64,
            // What was not read must not be taken for changes.
            Err(_) => self.buffer.truncate(begun),
        }
        read.map(|()| true)
    }
}

impl Iterator for Reading<'_> {
    type Item = Result<Planned>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_packed().transpose()?;
        Some(next.map(Packed::planned))
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::unexpected("the temporary file that holds the plan cannot be read")
        .hint("see whether the disk of the system's folder for temporary files is in order")
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::plan::packed::pack;
    use crate::domain::change::{Action, Change, Lane};
    use crate::domain::ids::Sku;
    use crate::domain::listing::Facets;

    fn bytes(skus: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for sku in skus {
            let change = Change {
                sku: Sku::new(*sku),
                lane: Lane::Stock,
                action: Action::Set,
                before: Facets::default(),
                after: Facets::default(),
            };
            pack(&Planned::of_no_row(change, None), &mut bytes);
        }
        bytes
    }

    fn skus(piece: &Piece) -> Result<Vec<String>> {
        Reading::of(piece)
            .map(|planned| Ok(planned?.change.sku.to_string()))
            .collect()
    }

    #[test]
    fn what_memory_does_not_take_is_in_a_file() {
        let long = "x".repeat(KEPT);
        let mut scratch = Scratch::default();
        let pieces = [
            scratch.put(bytes(&["A", "B"])),
            scratch.put(bytes(&[&long])),
            scratch.put(bytes(&["C"])),
            scratch.put(bytes(&["D", &long, "E"])),
        ];
        let is_filed = pieces
            .each_ref()
            .map(|piece| matches!(piece, Piece::Filed { .. }));
        assert_eq!(is_filed, [false, true, false, true]);
        // In any order, and more than once.
        for _ in 0..2 {
            assert_eq!(skus(&pieces[3]).unwrap(), ["D", &long, "E"]);
            assert_eq!(skus(&pieces[1]).unwrap(), [long.as_str()]);
            assert_eq!(skus(&pieces[0]).unwrap(), ["A", "B"]);
            assert_eq!(skus(&pieces[2]).unwrap(), ["C"]);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let mut scratch = Scratch::default();
        let piece = scratch.put(bytes(&["A".repeat(KEPT).as_str(), "B"]));
        let Piece::Filed { file, .. } = &piece else {
            panic!("it was to be in a file");
        };
        file.lock().unwrap().set_len(KEPT as u64).unwrap();
        let error = skus(&piece).unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }
}
