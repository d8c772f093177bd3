//! Turns whatever bytes the seller's file holds into UTF-8 that can be read by position.
//!
//! UTF-8 is read in place. Everything else (UTF-16, Windows-1252, an encoding the seller states, line ends
//! of a lone CR) is written once as UTF-8 to a temporary file, and offsets refer to that copy. Either way the
//! handle stays open, so a file that is replaced during a run does not change under the reader.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use memchr::memchr_iter;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::issue::Issue;
use crate::domain::{Error, Result};

use super::survey::Survey;

pub(super) const CHUNK: usize = 128 * 1024;

/// An open file of UTF-8 text.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    /// The path as the seller gave it, for messages.
    pub name: Arc<str>,
    /// Where the text begins: behind a byte order mark.
    pub start: u64,
    /// One past the last byte that was there when the file was opened.
    pub end: u64,
    /// What opening the file already has to say.
    pub issues: Vec<Issue>,
    /// Stands for the whole text.
    pub text: Fingerprint,
    /// When the file was last written before it was opened, as far as the system tells.
    written: Option<SystemTime>,
}

/// Reads a part of a file by position, so that any number of readers can share one handle.
#[derive(Debug)]
pub(super) struct Window<'a> {
    file: &'a File,
    offset: u64,
    end: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let read = read_at(self.file, &mut buffer[..wanted], self.offset)?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was read",
            ));
        }
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

impl Source {
    /// Opens the file and settles its encoding: a byte order mark decides, then the stated encoding, then
    /// valid UTF-8. Of a guess only Windows-1252 is taken, and said.
    ///
    /// A text that is `known` was opened before without a fault.
    pub fn open(path: &Path, stated: Option<&str>, known: Option<Fingerprint>) -> Result<Self> {
        let name: Arc<str> = Arc::from(path.display().to_string());
        let failed = |error: io::Error| cannot_read(&name, error);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Error::config(format!("{name} is a folder, not a file")));
        }
        let mut source = Self {
            file,
            start: 0,
            end: metadata.len(),
            issues: Vec::new(),
            name: name.clone(),
            text: Fingerprint::default(),
            written: metadata.modified().ok(),
        };
        let mut buffer = [0_u8; 4];
        let length = read_up_to(&mut source.window(0, source.end), &mut buffer).map_err(failed)?;
        let head = &buffer[..length];
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"\xD0\xCF\x11\xE0") {
            return Err(Error::config(format!(
                "{name} is a spreadsheet or an archive, not a text file"
            ))
            .hint("open it in the spreadsheet program and save it as \"CSV UTF-8\""));
        }
        if head.starts_with(b"{") || head.starts_with(b"[") {
            return Err(Error::config(format!("{name} seems to be JSON, not CSV"))
                .hint("export the products as CSV"));
        }
        let stated = stated
            .map(|label| known_encoding(&name, label))
            .transpose()?;
        let marked = Encoding::for_bom(head);
        if let (Some((marked, _)), Some(stated)) = (marked, stated)
            && marked != stated
        {
            source.issues.push(
                Issue::warning(
                    "encoding_contradicted",
                    format!(
                        "`encoding` says {}, but the file begins with the mark of {}, which counts",
                        stated.name(),
                        marked.name()
                    ),
                )
                .at(&name, 1, None, None),
            );
        }
        let encoding = match (marked, stated) {
            (Some((encoding, length)), _) => {
                source.start = length as u64;
                encoding
            }
            (None, Some(encoding)) => encoding,
            (None, None) => UTF_8,
        };
        if source.start >= source.end {
            return Err(Error::config(format!("{name} is empty"))
                .hint("export the file again; nothing is written from an empty file"));
        }
        let mut survey;
        if encoding == UTF_8 {
            survey = Survey::of(&source, known).map_err(failed)?;
            let bad_line = match survey.is_utf8 {
                true => None,
                false => Some(source.first_bad_line().map_err(failed)?),
            };
            match bad_line {
                None => {}
                Some(line) if marked.is_some() || stated.is_some() => {
                    return Err(Error::config(format!("{name} is not valid UTF-8"))
                        .with("line", line.to_string())
                        .hint("save the file as UTF-8, or state its real `encoding`"));
                }
                Some(line) => {
                    let guess = source.guess().map_err(failed)?;
                    if guess != WINDOWS_1252 {
                        return Err(Error::config(format!(
                            "{name} is not UTF-8; it looks like {}",
                            guess.name()
                        ))
                        .with("line", line.to_string())
                        .hint(format!(
                            "if that is right, state `encoding = \"{}\"`; otherwise save the file as UTF-8",
                            guess.name().to_lowercase()
                        )));
                    }
                    source.issues.push(
                        Issue::warning(
                            "encoding_guessed",
                            "the file is not UTF-8; it is read as Windows-1252",
                        )
                        .hint(
                            "check the letters outside A-Z; state `encoding = \"windows-1252\"`, or save as UTF-8",
                        )
                        .at(&name, line, None, None),
                    );
                    source.transcode(guess)?;
                    survey = Survey::of(&source, known).map_err(failed)?;
                }
            }
        } else {
            source.transcode(encoding)?;
            survey = Survey::of(&source, known).map_err(failed)?;
        }
        source.text = survey.text;
        if survey.has_nul {
            return Err(Error::config(format!(
                "{name} holds NUL bytes: it is UTF-16 without its mark, or not a text file"
            ))
            .hint("state `encoding = \"utf-16le\"`, or save the file as UTF-8"));
        }
        if source.has_lone_cr().map_err(failed)? {
            source.end_lines_in_lf()?;
            source.text = Survey::of(&source, known).map_err(failed)?.text;
        }
        Ok(source)
    }

    /// The bytes as they are.
    #[cfg(test)]
    pub fn unread(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        Self {
            start: 0,
            end: file.metadata().unwrap().len(),
            file,
            name: Arc::from(""),
            issues: Vec::new(),
            text: Fingerprint::default(),
            written: None,
        }
    }

    /// A buffered reader from a position of the UTF-8 text to its end.
    pub fn reader(&self, offset: u64) -> BufReader<Window<'_>> {
        BufReader::with_capacity(CHUNK, self.window(offset, self.end))
    }

    /// Whether somebody wrote into the file since it was opened, instead of replacing it.
    pub fn was_written(&self) -> bool {
        modified(&self.file) != self.written
    }

    pub fn failed(&self, error: io::Error) -> Error {
        cannot_read(&self.name, error)
    }

    pub fn window(&self, offset: u64, end: u64) -> Window<'_> {
        Window {
            file: &self.file,
            offset: offset.min(end),
            end,
        }
    }

    fn for_each_chunk(&self, mut visit: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        let mut window = self.window(self.start, self.end);
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = window.read(&mut buffer)?;
            if read == 0 || !visit(&buffer[..read]) {
                return Ok(());
            }
        }
    }

    /// Whether lines end in a lone CR.
    fn has_lone_cr(&self) -> io::Result<bool> {
        let mut ends = LineEnds::default();
        self.for_each_chunk(|chunk| {
            ends.look_at(chunk);
            !ends.is_decided
        })?;
        Ok(ends.are_lone_cr)
    }

    /// The line of the first byte that is not UTF-8, of a text that is known to hold one.
    fn first_bad_line(&self) -> io::Result<u64> {
        let mut line = 1;
        let mut rest: Vec<u8> = Vec::new();
        self.for_each_chunk(|chunk| {
            let bytes = [&rest[..], chunk].concat();
            let (good, is_bad) = match std::str::from_utf8(&bytes) {
                Ok(_) => (bytes.len(), false),
                Err(error) => (error.valid_up_to(), error.error_len().is_some()),
            };
            line += memchr_iter(b'\n', &bytes[..good]).count() as u64;
            // A character may be split between two chunks.
            rest = bytes[good..].to_vec();
            !is_bad
        })?;
        Ok(line)
    }

    fn guess(&self) -> io::Result<&'static Encoding> {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        self.for_each_chunk(|chunk| {
            detector.feed(chunk, false);
            true
        })?;
        detector.feed(b"", true);
        Ok(detector.guess(None, Utf8Detection::Deny))
    }

    /// Replaces the text by a UTF-8 copy.
    fn transcode(&mut self, encoding: &'static Encoding) -> Result<()> {
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let mut line = 1_u64;
        let mut broken = None;
        let mut text = String::new();
        let copy = self.rewrite(|chunk, last, out| {
            text.clear();
            let room = decoder
                .max_utf8_buffer_length(chunk.len())
                .unwrap_or(chunk.len() * 4);
            text.reserve(room);
            let (_, _, malformed) = decoder.decode_to_string(chunk, &mut text, last);
            if malformed && broken.is_none() {
                let before = text.find('\u{FFFD}').unwrap_or(text.len());
                broken = Some(line + count_lines(&text[..before]));
            }
            line += count_lines(&text);
            out.write_all(text.as_bytes())
        })?;
        if let Some(line) = broken {
            return Err(Error::config(format!(
                "{} holds bytes that {} does not have",
                self.name,
                encoding.name()
            ))
            .with("line", line.to_string())
            .hint("state the file's real `encoding`, or save it as UTF-8"));
        }
        *self = copy;
        Ok(())
    }

    /// Turns a file whose lines end in a lone CR into one whose lines end in LF.
    fn end_lines_in_lf(&mut self) -> Result<()> {
        let mut pending = false;
        let copy = self.rewrite(|chunk, last, out| {
            let mut text = Vec::with_capacity(chunk.len() + 1);
            for &byte in chunk {
                if pending {
                    text.push(if byte == b'\n' { b'\r' } else { b'\n' });
                }
                pending = byte == b'\r';
                if !pending {
                    text.push(byte);
                }
            }
            if pending && last {
                text.push(b'\n');
            }
            out.write_all(&text)
        })?;
        *self = copy;
        Ok(())
    }

    /// A source that reads the converted text from a temporary file. The last call of `convert` gets no
    /// bytes and `true`.
    fn rewrite(
        &mut self,
        mut convert: impl FnMut(&[u8], bool, &mut dyn Write) -> io::Result<()>,
    ) -> Result<Self> {
        let name = self.name.clone();
        let cannot_write = |error: io::Error| {
            Error::config(format!("{name} cannot be copied to a temporary file"))
                .hint("free some space in the folder for temporary files")
                .caused_by(error)
        };
        let file = tempfile::tempfile().map_err(cannot_write)?;
        let mut out = BufWriter::with_capacity(CHUNK, &file);
        let mut outcome = Ok(());
        self.for_each_chunk(|chunk| {
            outcome = convert(chunk, false, &mut out);
            outcome.is_ok()
        })
        .map_err(|error| self.failed(error))?;
        outcome
            .and_then(|()| convert(b"", true, &mut out))
            .and_then(|()| out.flush())
            .map_err(cannot_write)?;
        drop(out);
        let end = file.metadata().map_err(cannot_write)?.len();
        Ok(Self {
            written: modified(&file),
            file,
            name,
            start: 0,
            end,
            issues: std::mem::take(&mut self.issues),
            text: Fingerprint::default(),
        })
    }
}

fn modified(file: &File) -> Option<SystemTime> {
    file.metadata().ok()?.modified().ok()
}

/// How the first line ends that ends outside quotes.
#[derive(Default)]
struct LineEnds {
    is_quoted: bool,
    after_cr: bool,
    is_decided: bool,
    are_lone_cr: bool,
}

impl LineEnds {
    fn look_at(&mut self, chunk: &[u8]) {
        if self.is_decided {
            return;
        }
        for &byte in chunk {
            if self.after_cr {
                self.is_decided = true;
                self.are_lone_cr = byte != b'\n';
            } else if byte == b'"' {
                self.is_quoted = !self.is_quoted;
            } else if byte == b'\n' && !self.is_quoted {
                self.is_decided = true;
            }
            self.after_cr = byte == b'\r' && !self.is_quoted;
            if self.is_decided {
                return;
            }
        }
    }
}

fn cannot_read(name: &str, error: io::Error) -> Error {
    let message = if error.kind() == io::ErrorKind::NotFound {
        format!("{name} does not exist")
    } else {
        format!("{name} cannot be read: {error}")
    };
    Error::config(message).caused_by(error)
}

fn known_encoding(name: &str, label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Error::config(format!("`{label}` is not an encoding that is known"))
            .with("file", name)
            .hint("use a name such as utf-8, utf-16le, windows-1252, windows-1250, windows-1251 or shift_jis")
    })
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn count_lines(text: &str) -> u64 {
    text.bytes().filter(|&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorKind;

    fn open(bytes: &[u8], stated: Option<&str>) -> Result<(String, Vec<String>)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let source = Source::open(file.path(), stated, None)?;
        let mut text = String::new();
        source
            .reader(source.start)
            .read_to_string(&mut text)
            .unwrap();
        let codes = source
            .issues
            .iter()
            .map(|issue| issue.code.clone())
            .collect();
        Ok((text, codes))
    }

    #[test]
    fn marks_and_valid_utf8_need_no_guess() {
        let none = Vec::<String>::new();
        assert_eq!(
            open("sku\nÅ\n".as_bytes(), None).unwrap(),
            ("sku\nÅ\n".into(), none.clone())
        );
        assert_eq!(
            open(b"\xEF\xBB\xBFsku\n", None).unwrap(),
            ("sku\n".into(), none.clone())
        );
        let little: Vec<u8> = "\u{FEFF}sku\nÅ\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(
            open(&little, None).unwrap(),
            ("sku\nÅ\n".into(), none.clone())
        );
        let big: Vec<u8> = "\u{FEFF}sku\nÅ\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(open(&big, None).unwrap(), ("sku\nÅ\n".into(), none));
    }

    #[test]
    fn windows_1252_is_taken_and_said() {
        let (text, codes) = open(b"sku;title\nA;Gr\xFCne M\xFCtze f\xFCr 3 \x80\n", None).unwrap();
        assert_eq!(text, "sku;title\nA;Grüne Mütze für 3 €\n");
        assert_eq!(codes, ["encoding_guessed"]);
        let (_, codes) = open(b"sku;title\nA;M\xFCtze\n", Some("windows-1252")).unwrap();
        assert!(codes.is_empty());
    }

    #[test]
    fn another_guess_is_named_and_refused() {
        let (bytes, _, _) =
            encoding_rs::WINDOWS_1251.encode("артикул;название\n1;Тёплая зимняя шапка\n");
        let error = open(&bytes, None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ConfigInvalid);
        assert!(error.message.contains("windows-1251"), "{error}");
        assert!(error.hints[0].contains("encoding = \"windows-1251\""));
        let (text, _) = open(&bytes, Some("windows-1251")).unwrap();
        assert!(text.contains("шапка"));
    }

    #[test]
    fn wrong_statements_and_wrong_files_are_errors() {
        let json = open(b"{\"sku\": 1}\n", None).unwrap_err();
        assert!(json.message.contains("JSON"));
        assert!(
            open(b"sku\n\xFF\n", Some("utf-8"))
                .unwrap_err()
                .to_string()
                .contains("line 2")
        );
        assert!(open(b"sku\n", Some("utf-9")).is_err());
        assert!(open(b"", None).unwrap_err().message.contains("empty"));
        assert!(
            open(b"\xEF\xBB\xBF", None)
                .unwrap_err()
                .message
                .contains("empty")
        );
        assert!(open(b"PK\x03\x04abc", None).unwrap_err().hints[0].contains("CSV"));
        assert!(open(b"s\0k\0u\0\n\0", None).unwrap_err().hints[0].contains("utf-16"));
    }

    #[test]
    fn a_lone_cr_as_line_end_becomes_lf_but_not_inside_other_files() {
        assert_eq!(
            open(b"sku,title\rA,\"x\ry\"\rB,z", None).unwrap().0,
            "sku,title\nA,\"x\ny\"\nB,z"
        );
        assert_eq!(open(b"sku\rA\r\nB\r", None).unwrap().0, "sku\nA\r\nB\n");
        assert_eq!(
            open(b"sku,title\nA,\"x\ry\"\n", None).unwrap().0,
            "sku,title\nA,\"x\ry\"\n"
        );
    }

    #[test]
    fn a_character_may_lie_across_two_chunks() {
        for shift in 0..3 {
            let text = format!("{}{}\n", "a".repeat(CHUNK - shift), "€".repeat(10));
            assert_eq!(open(text.as_bytes(), None).unwrap().0, text);
        }
        let mut cut = vec![b'a'; CHUNK];
        cut.extend_from_slice(b"\xE2\x82");
        assert!(open(&cut, Some("utf-8")).is_err());
    }
}
