//! `channels export`: what is live on a channel, as a catalog.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use jiff::Timestamp;

use super::print_json;
use crate::app::export::{Export, LeftOut};
use crate::catalog_csv::{CatalogSurvey, WriteFormat};
use crate::cli::args::{CatalogFormat, Global};
use crate::cli::documents::{ExportDocument, VERSION};
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::session::{Contact, Session, scope};
use crate::cli::ui::Ui;
use crate::domain::{Error, Result};
use crate::halt::Halt;
use crate::policy::{ChannelPolicy, ContentPolicy, PricePolicy, SelectPolicy, StockPolicy};

pub async fn run(
    name: &str,
    format: CatalogFormat,
    out: Option<&Path>,
    global: &Global,
    ui: &Ui,
    halt: Halt,
) -> Result<Exit> {
    if global.json && out.is_none() {
        return Err(
            Error::config("with --json the catalog cannot go to stdout too")
                .hint("name a file for it: `--out FILE`"),
        );
    }
    let wanted = [name.to_owned()];
    let mut session = Session::open_for(&wanted, global, Contact::Online, halt).await?;
    if let Some(absentee) = session.absentees.pop() {
        return Err(absentee.error);
    }
    let Some(channel) = session.channels.first().cloned() else {
        return Err(Error::unexpected("the channel was not joined"));
    };
    let scope = scope(global);
    let progress = ui.progress();
    let export = Export::read(&channel, &scope, CatalogSurvey::refuses, &progress).await?;
    drop(progress);
    let configs = &session.config.channels;
    if let Some(config) = configs.iter().find(|config| config.name == channel.name) {
        warn_of_policy(&config.policy, ui);
    }
    let written = match out {
        None => write(&export, format, UntilReaderLeaves(io::stdout().lock()))?,
        Some(file) => write_file(&export, format, file)?,
    };
    remember(&session, &export, ui).await?;
    let issues = export.issues()?;
    if !global.json && !issues.is_empty() {
        ui.complain(&render::issues::text(&issues, 0, ui.talk_paint()));
    }
    tell(&written, out, ui);
    let exit = match written.left_out.faulty {
        0 => Exit::Done,
        _ => Exit::Partly,
    };
    if global.json {
        let document = ExportDocument {
            version: VERSION,
            channel: channel.name.clone(),
            listings: written.listings,
            rows: written.rows,
            left_out: written.left_out,
            issues,
        };
        print_json(ui, &document)?;
    }
    session.close(false, ui)?;
    Ok(exit)
}

/// What went into the catalog.
struct Written {
    /// Listings that are sold; parents are not counted.
    listings: u64,
    rows: u64,
    left_out: LeftOut,
}

fn write(export: &Export<'_>, format: CatalogFormat, out: impl Write) -> Result<Written> {
    let mut survey = CatalogSurvey::new(match format {
        CatalogFormat::Native => WriteFormat::Native,
        CatalogFormat::Shopify => WriteFormat::Shopify,
    });
    let mut listings = 0;
    let left_out = export.visit(&mut |family| {
        listings += family.members.len() as u64;
        survey.meet(family);
        Ok(())
    })?;
    let mut writer = survey.begin(BufWriter::new(out))?;
    export.visit(&mut |family| writer.write(family))?;
    Ok(Written {
        listings,
        rows: writer.finish()?,
        left_out,
    })
}

/// The file appears whole or not at all.
fn write_file(export: &Export<'_>, format: CatalogFormat, file: &Path) -> Result<Written> {
    let failed = |error: io::Error| {
        Error::config(format!("`{}` cannot be written", file.display())).caused_by(error)
    };
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut temporary = new_file(folder).map_err(failed)?;
    let written = write(export, format, temporary.as_file_mut())?;
    temporary
        .persist(file)
        .map_err(|error| failed(error.error))?;
    Ok(written)
}

/// Readable like any file: other programs may be meant to take it, and no buyer is in it.
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    builder.tempfile_in(folder)
}

/// A plan from this catalog has nothing to do, also with this ledger. While another run works on it, nothing is
/// remembered, and the plan sends contents that are there already.
async fn remember(session: &Session, export: &Export<'_>, ui: &Ui) -> Result<()> {
    let ledger = session.ledger();
    let Some(_lock) = ledger.lock().await? else {
        ui.warn("another run of skucast is working on this ledger, so that it does not learn what was read");
        return Ok(());
    };
    session.remember_what_stands_behind().await?;
    export.record(&ledger, Timestamp::now()).await
}

fn warn_of_policy(policy: &ChannelPolicy, ui: &Ui) {
    let applied = [
        ("price", policy.price != PricePolicy::default()),
        ("stock", policy.stock != StockPolicy::default()),
        ("content", policy.content != ContentPolicy::default()),
        ("select", policy.select != SelectPolicy::default()),
    ];
    let names: Vec<&str> = applied
        .iter()
        .filter(|(_, is_set)| *is_set)
        .map(|(name, _)| *name)
        .collect();
    if !names.is_empty() {
        ui.warn(&format!(
            "the catalog holds what the channel shows, after its policy ({}); read back through the same policy it \
             changes once more",
            names.join(", ")
        ));
    }
}

fn tell(written: &Written, out: Option<&Path>, ui: &Ui) {
    let LeftOut {
        not_live,
        not_asked: _,
        faulty,
    } = written.left_out;
    let place = out.map_or(String::new(), |file| format!(" in {}", file.display()));
    ui.say(&format!(
        "{} listings{place}; left out: {not_live} that are not live, {faulty} that no catalog can hold",
        written.listings
    ));
}

/// A reader that has seen enough is no error.
struct UntilReaderLeaves<W>(W);

impl<W: Write> Write for UntilReaderLeaves<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}
