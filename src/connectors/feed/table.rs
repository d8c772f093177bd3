//! The file as rows by id: read row by row, checked, and replaced whole or not at all.
//!
//! What somebody else wrote or touched is never overwritten: every read encodes its rows again and compares them
//! with the bytes of the file. A file that differs from what this program would have written is refused.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use xxhash_rust::xxh3::xxh3_128;

use super::content;
use super::convert::to_channel_listing;
use super::format::{Codec, Format, Head, Row, Rows};
use crate::domain::connector::Page;
use crate::domain::ids::PageToken;
use crate::domain::listing::ChannelListing;
use crate::domain::{Error, ErrorKind, Result};

/// One file.
#[derive(Clone, Debug)]
pub struct Table {
    path: PathBuf,
    format: Format,
    head: Head,
}

impl Table {
    /// `head` stands above the rows in files written from now on.
    pub fn new(path: &Path, format: Format, head: Head) -> Self {
        Self {
            path: path.to_owned(),
            format,
            head,
        }
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// `products.tsv (google-tsv)`
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        format!("{} ({})", name.to_string_lossy(), self.format.as_str())
    }

    /// A row of this file as a listing. A cell that cannot be read was edited by somebody.
    pub fn listing(&self, row: &Row) -> Result<ChannelListing> {
        to_channel_listing(self.format.spec(), row).map_err(|why| self.damaged(&why))
    }

    /// The same with what the row says.
    pub fn whole_listing(&self, row: &Row) -> Result<ChannelListing> {
        let listing = self.listing(row)?;
        Ok(ChannelListing {
            content: Some(Box::new(content::read(self.format.spec(), row))),
            ..listing
        })
    }

    /// Makes sure that the folder can be written, and that the file is there as a file, or not there at all.
    pub fn check(&self) -> Result<()> {
        if let Some((_, mut scan)) = self.open()? {
            scan.next()?;
        }
        self.temporary(None).map(drop)
    }

    /// Shows every row to `visit` until it breaks off. Only a scan to the end proves the file sound.
    pub fn scan(&self, visit: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<()> {
        let Some((_, mut scan)) = self.open()? else {
            return Ok(());
        };
        while let Some(row) = scan.next()? {
            if visit(row).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// At most `size` rows, from where the last page ended. The first page proves the whole file sound; a file
    /// that was replaced between two pages is a conflict.
    pub fn page(&self, token: Option<&PageToken>, size: usize) -> Result<Page<Row>> {
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        let (identity, mut scan) = match token {
            None => match self.open()? {
                Some(opened) => opened,
                None => return Ok(page),
            },
            Some(token) => self.resume(token)?,
        };
        while page.items.len() < size {
            match scan.next()? {
                Some(row) => page.items.push(row),
                None => return Ok(page),
            }
        }
        let offset = scan.offset;
        let mut more = scan.next()?.is_some();
        if more {
            page.next = Some(PageToken::new(format!("{offset}@{}", identity.to_text())));
        }
        while token.is_none() && more {
            more = scan.next()?.is_some();
        }
        Ok(page)
    }

    /// Replaces the file at most once, and not at all when no row changes. `edit` gets the position in `ids` and
    /// that row as it is, `None` when there is none, and answers the row as it shall be. Rows keep their places;
    /// new ones follow in the order of `ids`. `Err` means that the file is as it was.
    pub fn apply(
        &self,
        ids: &[String],
        edit: &mut dyn FnMut(usize, Option<Row>) -> Option<Row>,
    ) -> Result<()> {
        let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
        for (position, id) in ids.iter().enumerate() {
            by_id.entry(id).or_default().push(position);
        }
        let mut fold = |row: Option<Row>, positions: Vec<usize>| {
            positions
                .into_iter()
                .fold(row, |row, position| edit(position, row))
        };

        self.sweep()?;
        let opened = self.open()?;
        let identity = opened.as_ref().map(|(identity, _)| identity.clone());
        let temporary = self.temporary(identity.as_ref())?;
        let mut output = Output::start(temporary, self.format.codec(), &self.head)
            .map_err(|error| self.unwritable(&error))?;
        let mut changed = false;
        if let Some((_, mut scan)) = opened {
            while let Some(row) = scan.next()? {
                let after = match by_id.remove(row.id()) {
                    None => Some(row),
                    Some(positions) => {
                        let after = fold(Some(row.clone()), positions);
                        changed |= after.as_ref() != Some(&row);
                        after
                    }
                };
                if let Some(row) = after {
                    output.row(&row).map_err(|error| self.unwritable(&error))?;
                }
            }
        }
        for id in ids {
            if let Some(positions) = by_id.remove(id.as_str())
                && let Some(row) = fold(None, positions)
            {
                changed = true;
                output.row(&row).map_err(|error| self.unwritable(&error))?;
            }
        }
        if !changed {
            return Ok(());
        }
        let written = output.finish().map_err(|error| self.unwritable(&error))?;
        self.replace(written, identity.as_ref())
    }

    /// Opens the file; `None` when there is none yet.
    fn open(&self) -> Result<Option<(Identity, Scan)>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unreadable(error)),
        };
        let identity = self.identity(&file)?;
        let again = File::open(&self.path).map_err(|error| self.unreadable(error))?;
        let (head, rows) = self
            .format
            .codec()
            .open(Box::new(BufReader::new(file)))
            .map_err(|why| self.damaged(&why))?;
        let mut scan = Scan::new(self.clone(), rows, again);
        self.format.codec().head(&head, &mut scan.encoded);
        scan.compare("its beginning")?;
        Ok(Some((identity, scan)))
    }

    fn resume(&self, token: &PageToken) -> Result<(Identity, Scan)> {
        let changed = || {
            Error::new(
                ErrorKind::Conflict,
                format!("{} was replaced while it was read", self.path.display()),
            )
            .hint("run the command again when nothing else writes the file")
        };
        let (offset, known) = token
            .as_str()
            .split_once('@')
            .and_then(|(offset, known)| Some((offset.parse().ok()?, known)))
            .ok_or_else(|| Error::unexpected("the page token is not one of this connector"))?;
        let open = || -> Result<File> {
            let mut file = File::open(&self.path).map_err(|error| self.unreadable(error))?;
            if self.identity(&file)?.to_text() != known {
                return Err(changed());
            }
            file.seek(SeekFrom::Start(offset))
                .map_err(|error| self.unreadable(error))?;
            Ok(file)
        };
        let file = open()?;
        let identity = self.identity(&file)?;
        let rows = self.format.codec().resume(Box::new(BufReader::new(file)));
        let mut scan = Scan::new(self.clone(), rows, open()?);
        scan.offset = offset;
        Ok((identity, scan))
    }

    fn identity(&self, file: &File) -> Result<Identity> {
        let metadata = file.metadata().map_err(|error| self.unreadable(error))?;
        if !metadata.is_file() {
            return Err(Error::config(format!(
                "`path` is not a file: {}",
                self.path.display()
            )));
        }
        Ok(Identity(metadata))
    }

    /// Removes what killed runs left behind. Whoever still writes such a file fails at the rename and has
    /// changed nothing.
    fn sweep(&self) -> Result<()> {
        let (folder, prefix) = self.place()?;
        let entries = fs::read_dir(&folder).map_err(|error| self.unreadable(error))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            // `.feed.` also begins the temporary files of `feed.tsv`; those have a dot in between.
            let is_ours = name
                .to_str()
                .and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(SUFFIX))
                .is_some_and(|random| random.chars().all(char::is_alphanumeric));
            if is_ours {
                // One that stays is no harm: nobody reads it.
                let _best_effort = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// A new file beside the old one, with its permissions.
    fn temporary(&self, old: Option<&Identity>) -> Result<tempfile::NamedTempFile> {
        let (folder, prefix) = self.place()?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(SUFFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A web server has to read it. The process's mask still applies.
            builder.permissions(fs::Permissions::from_mode(0o644));
        }
        let file = builder
            .tempfile_in(&folder)
            .map_err(|error| self.unwritable(&error))?;
        if let Some(Identity(metadata)) = old {
            file.as_file()
                .set_permissions(metadata.permissions())
                .map_err(|error| self.unwritable(&error))?;
        }
        Ok(file)
    }

    /// The file behind a symbolic link is what gets replaced, not the link.
    fn target(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// The folder, and how the names of its temporary files begin.
    fn place(&self) -> Result<(PathBuf, String)> {
        let target = self.target();
        let name = target
            .file_name()
            .ok_or_else(|| Error::config("`path` does not name a file"))?;
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        // One level only: a deeper path that is missing is rather a typing mistake.
        if !folder.is_dir() && fs::create_dir(&folder).is_err() && !folder.is_dir() {
            return Err(
                Error::config(format!("the folder {} does not exist", folder.display()))
                    .hint("create it, or correct `path`"),
            );
        }
        Ok((folder, format!(".{}.", name.to_string_lossy())))
    }

    fn replace(&self, written: tempfile::NamedTempFile, before: Option<&Identity>) -> Result<()> {
        let now = match File::open(&self.path) {
            Ok(file) => Some(self.identity(&file)?),
            Err(_) => None,
        };
        if now.map(|now| now.to_text()) != before.map(Identity::to_text) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "somebody else changed {} meanwhile; it was left as it is",
                    self.path.display()
                ),
            )
            .hint("let only one channel write this file, then run again"));
        }
        let target = self.target();
        written
            .persist(&target)
            .map_err(|error| self.unwritable(&error.error))?;
        #[cfg(unix)]
        if let Some(folder) = target.parent().and_then(|folder| File::open(folder).ok()) {
            // The file is replaced. Should the machine lose power before this is on disk, the old file comes
            // back whole, and the next read shows it.
            let _best_effort = folder.sync_all();
        }
        Ok(())
    }

    fn damaged(&self, why: &str) -> Error {
        Error::config(format!(
            "{} is not a {} file as skucast wrote it: {why}",
            self.path.display(),
            self.format.as_str()
        ))
        .hint(
            "somebody else wrote or edited it, so it is left as it is: point `path` at another file, or move \
             this one away and run `push --refresh`",
        )
    }

    fn unreadable(&self, error: std::io::Error) -> Error {
        Error::config(format!("cannot read {}: {error}", self.path.display())).caused_by(error)
    }

    fn unwritable(&self, error: &std::io::Error) -> Error {
        Error::config(format!("cannot write {}: {error}", self.path.display()))
            .hint("the file is as it was: check the folder's permissions and the space on its disk")
    }
}

const SUFFIX: &str = ".skucast-new";

/// Tells a file from the one that replaced it.
#[derive(Clone, Debug)]
struct Identity(Metadata);

impl Identity {
    fn to_text(&self) -> String {
        let modified = self
            .0
            .modified()
            .ok()
            .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
            .unwrap_or_default()
            .as_nanos();
        #[cfg(unix)]
        let node = std::os::unix::fs::MetadataExt::ino(&self.0);
        #[cfg(not(unix))]
        let node = 0_u64;
        format!("{}-{modified}-{node}", self.0.len())
    }
}

/// A read under way: rows, each compared with the file's bytes.
struct Scan {
    table: Table,
    rows: Box<dyn Rows>,
    /// The same file once more, to compare with.
    bytes: BufReader<File>,
    encoded: String,
    original: Vec<u8>,
    /// Where the next row starts, in bytes.
    offset: u64,
    count: u64,
    /// Hashes of the ids met so far: 16 bytes each, so that a million rows stay small.
    seen: HashSet<u128>,
    ended: bool,
}

impl Scan {
    fn new(table: Table, rows: Box<dyn Rows>, again: File) -> Self {
        Self {
            table,
            rows,
            bytes: BufReader::new(again),
            encoded: String::new(),
            original: Vec::new(),
            offset: 0,
            count: 0,
            seen: HashSet::new(),
            ended: false,
        }
    }

    fn next(&mut self) -> Result<Option<Row>> {
        if self.ended {
            return Ok(None);
        }
        let codec = self.table.format.codec();
        let row = self.rows.next().map_err(|why| {
            self.table
                .damaged(&format!("product {}: {why}", self.count + 1))
        })?;
        self.encoded.clear();
        let Some(row) = row else {
            self.ended = true;
            self.encoded.push_str(codec.tail());
            self.compare("its end")?;
            let rest = self.bytes.fill_buf().map_err(|error| {
                Error::config(format!("cannot read {}", self.table.path.display())).caused_by(error)
            })?;
            if !rest.is_empty() {
                return Err(self.table.damaged("something follows after its end"));
            }
            return Ok(None);
        };
        self.count += 1;
        let place = format!("product {} (id `{}`)", self.count, row.id());
        codec.row(&row, &mut self.encoded);
        self.compare(&place)?;
        if row.id().is_empty() {
            return Err(self.table.damaged(&format!("{place} has no id")));
        }
        if !self.seen.insert(xxh3_128(row.id().as_bytes())) {
            return Err(self
                .table
                .damaged(&format!("{place}: this id stands twice")));
        }
        self.table.listing(&row)?;
        Ok(Some(row))
    }

    /// Compares what was encoded with the file from here on.
    fn compare(&mut self, place: &str) -> Result<()> {
        self.original.resize(self.encoded.len(), 0);
        let read = self.bytes.read_exact(&mut self.original);
        if read.is_err() || self.original != self.encoded.as_bytes() {
            return Err(self
                .table
                .damaged(&format!("{place} was edited, or saved by another program")));
        }
        self.offset += self.encoded.len() as u64;
        Ok(())
    }
}

/// The new file while it is written.
struct Output {
    file: BufWriter<tempfile::NamedTempFile>,
    codec: &'static dyn Codec,
    encoded: String,
}

impl Output {
    fn start(
        file: tempfile::NamedTempFile,
        codec: &'static dyn Codec,
        head: &Head,
    ) -> std::io::Result<Self> {
        let mut output = Self {
            file: BufWriter::with_capacity(1 << 16, file),
            codec,
            encoded: String::new(),
        };
        codec.head(head, &mut output.encoded);
        output.flush_encoded()?;
        Ok(output)
    }

    fn row(&mut self, row: &Row) -> std::io::Result<()> {
        self.codec.row(row, &mut self.encoded);
        self.flush_encoded()
    }

    fn flush_encoded(&mut self) -> std::io::Result<()> {
        self.file.write_all(self.encoded.as_bytes())?;
        self.encoded.clear();
        Ok(())
    }

    /// Ends the file and waits until it is on disk.
    fn finish(mut self) -> std::io::Result<tempfile::NamedTempFile> {
        self.file.write_all(self.codec.tail().as_bytes())?;
        let file = self
            .file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        Ok(file)
    }
}
