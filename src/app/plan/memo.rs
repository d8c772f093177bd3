//! What the last plan found settled, in a file that may be deleted at any time: it saves looking again, and knows
//! nothing that the catalog, the stock file and the ledger do not tell as well.
//!
//! A file that is torn, or of another version, is as good as none.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use xxhash_rust::xxh3::Xxh3;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ChannelName, Sku};
use crate::domain::ledger::TouchId;
use crate::domain::rows::{Bits, RowPrint, Rows};

/// Changes with the layout of the file, and with what a row is remembered for.
const MAGIC: &[u8; 16] = b"skucast plan 001";
/// Bytes of one [`RowPrint`].
const PRINT: usize = 56;
/// Rows that are written or read at once.
const PORTION: usize = 4096;
const BUFFER: usize = 1 << 16;
/// Portions that are read before they are taken apart.
const AHEAD: usize = 4;

/// What the last plan found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Memo {
    pub rows: Rows,
    /// Stands for the stock file.
    pub stock: Fingerprint,
    /// The ledger's last write of listings that the plan knew of.
    pub touched: TouchId,
    pub channels: Vec<ChannelMemo>,
}

/// What is known before the rows are read: enough when all of them were settled and nothing has moved since.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// As in [`Rows`].
    pub text: Fingerprint,
    pub reading: Fingerprint,
    pub rows: u64,
    pub stock: Fingerprint,
    pub touched: TouchId,
    pub channels: Vec<ChannelHead>,
}

/// One channel, in short.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChannelHead {
    pub channel: ChannelName,
    pub policy: Fingerprint,
    /// How many rows it sells.
    pub selected: u64,
    /// Every row is settled, and no sku that has left is open.
    pub is_settled: bool,
}

impl Memo {
    fn head(&self) -> Head {
        let channels = self.channels.iter().map(|memo| ChannelHead {
            channel: memo.channel.clone(),
            policy: memo.policy,
            selected: memo.selected.count() as u64,
            is_settled: memo.settled.count() == self.rows.len() && memo.absent.is_empty(),
        });
        Head {
            text: self.rows.text,
            reading: self.rows.reading,
            rows: self.rows.len() as u64,
            stock: self.stock,
            touched: self.touched,
            channels: channels.collect(),
        }
    }
}

/// What the last plan of one channel found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChannelMemo {
    pub channel: ChannelName,
    /// Stands for the policy and whatever else beside rows and ledger a plan depends on.
    pub policy: Fingerprint,
    /// Rows for which nothing was to do, to wait for or to say.
    pub settled: Bits,
    /// Rows that this channel sells; of those that are settled.
    pub selected: Bits,
    /// Skus that are not in the catalog and were not done with.
    pub absent: Vec<Sku>,
}

/// Where what was found is kept between runs.
#[derive(Clone, Debug)]
pub struct MemoFile {
    path: PathBuf,
    program: Fingerprint,
}

impl MemoFile {
    /// `program` stands for the code that plans: what another one found settled says nothing.
    pub fn new(path: impl Into<PathBuf>, program: Fingerprint) -> Self {
        let path = path.into();
        Self { path, program }
    }

    /// Stands for the text of the catalog as it was.
    pub fn catalog_text(&self) -> Option<Fingerprint> {
        Some(self.load_head()?.text)
    }

    /// The beginning alone.
    pub(super) fn load_head(&self) -> Option<Head> {
        self.open()?.head()
    }

    pub(super) fn load(&self) -> Option<Memo> {
        self.open()?.memo()
    }

    fn open(&self) -> Option<Input> {
        let file = File::open(&self.path).ok()?;
        let left = file.metadata().ok()?.len();
        let mut input = Input {
            file: BufReader::with_capacity(BUFFER, file),
            hash: Xxh3::new(),
            left,
        };
        let is_ours = input.array::<16>()? == *MAGIC && input.fingerprint()? == self.program;
        is_ours.then_some(input)
    }

    /// Replaces the file whole. That it cannot be written costs the next plan some time and nothing else.
    pub(super) fn save(&self, memo: &Memo) {
        if let Err(error) = self.write(memo) {
            tracing::debug!(file = %self.path.display(), %error, "what was planned is not remembered");
        }
    }

    fn write(&self, memo: &Memo) -> io::Result<()> {
        let folder = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        let temporary = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        let mut output = Output {
            file: BufWriter::with_capacity(BUFFER, temporary.as_file()),
            hash: Xxh3::new(),
        };
        output.bytes(MAGIC)?;
        output.fingerprint(self.program)?;
        output.head(&memo.head())?;
        output.memo(memo)?;
        output.file.flush()?;
        drop(output);
        temporary.persist(&self.path)?;
        Ok(())
    }
}

struct Output<'a> {
    file: BufWriter<&'a File>,
    hash: Xxh3,
}

impl Output<'_> {
    fn head(&mut self, head: &Head) -> io::Result<()> {
        for print in [head.text, head.reading, head.stock] {
            self.fingerprint(print)?;
        }
        self.bytes(&head.touched.to_le_bytes())?;
        self.bytes(&head.rows.to_le_bytes())?;
        self.number(head.channels.len())?;
        for channel in &head.channels {
            self.text(channel.channel.as_str())?;
            self.fingerprint(channel.policy)?;
            self.bytes(&channel.selected.to_le_bytes())?;
            self.bytes(&[u8::from(channel.is_settled)])?;
        }
        self.sum()
    }

    fn memo(&mut self, memo: &Memo) -> io::Result<()> {
        let rows = &memo.rows;
        let mut portion = Vec::with_capacity(PORTION * PRINT);
        for prints in rows.prints.chunks(PORTION) {
            portion.clear();
            prints.iter().for_each(|print| encode(print, &mut portion));
            self.bytes(&portion)?;
        }
        self.text(&rows.skus)?;
        for channel in &memo.channels {
            for bits in [&channel.settled, &channel.selected] {
                for word in bits.words() {
                    self.bytes(&word.to_le_bytes())?;
                }
            }
            self.number(channel.absent.len())?;
            for sku in &channel.absent {
                self.text(sku.as_str())?;
            }
        }
        self.sum()
    }

    /// Of all that was written before.
    fn sum(&mut self) -> io::Result<()> {
        let sum = self.hash.digest128();
        self.bytes(&sum.to_le_bytes())
    }

    fn fingerprint(&mut self, print: Fingerprint) -> io::Result<()> {
        self.bytes(&print.0.to_le_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes)
    }

    fn number(&mut self, number: usize) -> io::Result<()> {
        self.bytes(&(number as u64).to_le_bytes())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.number(text.len())?;
        self.bytes(text.as_bytes())
    }
}

fn encode(print: &RowPrint, out: &mut Vec<u8>) {
    let [high, low] = print.digest;
    for number in [high, low, print.folded, print.family, print.stock] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let is_variant = u32::from(print.is_variant);
    for number in [print.span, print.sku_end, print.lines, is_variant] {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Takes from a file what stands in it; `None` as soon as it does not fit.
struct Input {
    file: BufReader<File>,
    hash: Xxh3,
    /// Bytes that are still to come: a torn file must not ask for more memory than it has bytes.
    left: u64,
}

impl Input {
    fn head(&mut self) -> Option<Head> {
        let text = self.fingerprint()?;
        let reading = self.fingerprint()?;
        let stock = self.fingerprint()?;
        let touched = i64::from_le_bytes(self.array()?);
        let rows = u64::from_le_bytes(self.array()?);
        let channels = self.count(1)?;
        let channels = (0..channels)
            .map(|_| {
                Some(ChannelHead {
                    channel: ChannelName::new(self.text()?),
                    policy: self.fingerprint()?,
                    selected: u64::from_le_bytes(self.array()?),
                    is_settled: self.array::<1>()? == [1_u8],
                })
            })
            .collect::<Option<_>>()?;
        self.is_sum().then_some(Head {
            text,
            reading,
            rows,
            stock,
            touched,
            channels,
        })
    }

    fn memo(mut self) -> Option<Memo> {
        let head = self.head()?;
        let length = usize::try_from(head.rows).ok()?;
        if (length.checked_mul(PRINT)? as u64) > self.left {
            return None;
        }
        let rows = Rows {
            text: head.text,
            reading: head.reading,
            prints: self.prints(length)?,
            skus: self.text()?,
        };
        let channels = head
            .channels
            .into_iter()
            .map(|head| self.channel(head, length))
            .collect::<Option<_>>()?;
        (self.is_sum() && self.left == 0).then_some(Memo {
            rows,
            stock: head.stock,
            touched: head.touched,
            channels,
        })
    }

    /// Another thread takes apart what this one has read.
    fn prints(&mut self, length: usize) -> Option<Vec<RowPrint>> {
        let (read, portions) = sync_channel::<Vec<u8>>(AHEAD);
        let (done, free) = sync_channel::<Vec<u8>>(AHEAD);
        std::thread::scope(|scope| {
            let decoding = scope.spawn(move || {
                let mut prints = Vec::with_capacity(length);
                for portion in portions {
                    prints.extend(portion.chunks_exact(PRINT).map(decode));
                    // Memory that was used before costs less than new memory. Who reads may have ended.
                    let _ = done.try_send(portion);
                }
                prints
            });
            let mut left = length;
            while left > 0 {
                let rows = PORTION.min(left);
                let mut portion = free.try_recv().unwrap_or_default();
                portion.resize(PRINT * rows, 0);
                self.fill(&mut portion)?;
                read.send(portion).ok()?;
                left -= rows;
            }
            drop(read);
            decoding.join().ok()
        })
    }

    /// Whether the sum of all that was read before comes next.
    fn is_sum(&mut self) -> bool {
        let sum = self.hash.digest128();
        self.array().map(u128::from_le_bytes) == Some(sum)
    }

    fn channel(&mut self, head: ChannelHead, rows: usize) -> Option<ChannelMemo> {
        Some(ChannelMemo {
            channel: head.channel,
            policy: head.policy,
            settled: self.bits(rows)?,
            selected: self.bits(rows)?,
            absent: {
                let count = self.count(8)?;
                (0..count)
                    .map(|_| self.text().map(Sku::new))
                    .collect::<Option<_>>()?
            },
        })
    }

    fn bits(&mut self, rows: usize) -> Option<Bits> {
        let bytes = self.bytes(rows.div_ceil(64) * 8)?;
        let (words, _) = bytes.as_chunks::<8>();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        Bits::from_words(words.collect(), rows)
    }

    fn fingerprint(&mut self) -> Option<Fingerprint> {
        Some(Fingerprint(u128::from_le_bytes(self.array()?)))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count(1)?;
        String::from_utf8(self.bytes(length)?).ok()
    }

    /// How many things of at least `size` bytes follow.
    fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(u64::from_le_bytes(self.array()?)).ok()?;
        let bytes = u64::try_from(count.checked_mul(size)?).ok()?;
        (bytes <= self.left).then_some(count)
    }

    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        self.bytes(LENGTH)?.try_into().ok()
    }

    fn bytes(&mut self, length: usize) -> Option<Vec<u8>> {
        if length as u64 > self.left {
            return None;
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Some(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Option<()> {
        self.left = self.left.checked_sub(bytes.len() as u64)?;
        self.file.read_exact(bytes).ok()?;
        self.hash.update(bytes);
        Some(())
    }
}

fn decode(bytes: &[u8]) -> RowPrint {
    let (words, _) = bytes.as_chunks::<8>();
    let large = |at: usize| u64::from_le_bytes(words[at]);
    let (words, _) = bytes.as_chunks::<4>();
    let small = |at: usize| u32::from_le_bytes(words[at]);
    RowPrint {
        digest: [large(0), large(1)],
        folded: large(2),
        family: large(3),
        stock: large(4),
        span: small(10),
        sku_end: small(11),
        lines: small(12),
        is_variant: small(13) == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Fingerprint = Fingerprint(9);

    fn memo() -> Memo {
        let mut rows = Rows {
            text: Fingerprint(1),
            reading: Fingerprint(u128::MAX),
            ..Rows::default()
        };
        for (number, sku) in [(1_u64, "A"), (2, "BÄ")] {
            let print = RowPrint {
                digest: [number << 40, number],
                folded: number + 7,
                family: u64::MAX - number,
                stock: number * 3,
                span: 1 << 20,
                lines: 3,
                is_variant: number == 2,
                ..RowPrint::default()
            };
            rows.push(print, sku);
        }
        let mut settled = Bits::new(2);
        settled.set(1);
        Memo {
            rows,
            stock: Fingerprint(5),
            touched: -9,
            channels: vec![ChannelMemo {
                channel: "shop".into(),
                policy: Fingerprint(77),
                selected: Bits::new(2),
                settled,
                absent: vec!["gone".into()],
            }],
        }
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = MemoFile::new(folder.path().join("memo"), PROGRAM);
        assert_eq!(file.load(), None);
        file.save(&memo());
        assert_eq!(file.load(), Some(memo()));
        assert_eq!(file.load_head(), Some(memo().head()));
        let newer = MemoFile::new(&file.path, Fingerprint(10));
        assert!(newer.load().is_none() && newer.load_head().is_none());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "a temporary file was left");
    }

    #[test]
    fn a_channel_is_settled_when_nothing_is_left() {
        let is_settled = |memo: &Memo| memo.head().channels[0].is_settled;
        let mut memo = memo();
        memo.channels[0].absent.clear();
        assert!(!is_settled(&memo), "one row is not");
        memo.channels[0].settled.set(0);
        assert!(is_settled(&memo));
        memo.channels[0].absent.push("gone".into());
        assert!(!is_settled(&memo), "one that left is not");
    }

    #[test]
    fn a_torn_or_foreign_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memo");
        let file = MemoFile::new(&path, PROGRAM);
        file.save(&memo());
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(file.load(), None, "cut at {length}");
        }
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 1;
            std::fs::write(&path, &bent).unwrap();
            assert_eq!(file.load(), None, "bent at {at}");
            let head = file.load_head();
            assert!(
                head.is_none_or(|head| head == memo().head()),
                "bent at {at}"
            );
        }
        std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert_eq!(file.load(), None);
        std::fs::write(&path, "sku,price\nA,1\n").unwrap();
        assert_eq!(file.load(), None);
    }
}
