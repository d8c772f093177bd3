//! One that loads a catalog, and what it took.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;

use crate::Result;
use crate::catalog::Catalog;
use crate::process;
use crate::proxy::{Proxy, Traffic};
use crate::server::Server;
use crate::shops::{Shop, Store};
use crate::table::Line;
use crate::verdict::Verdict;

/// How often a contender is looked at. Its memory counts by its highest mark so far, so that only what it takes in its
/// last moment is missed.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// What the store itself brings.
    Importer,
    /// Over the vendor's client library, product by product.
    Script,
    /// The same with every list that the library offers.
    Batched,
    Skucast,
}

/// skucast goes last: by then the server holds the goods of all others, so that what grows in it counts against us.
const ALL: [Contender; 4] = [
    Contender::Importer,
    Contender::Script,
    Contender::Batched,
    Contender::Skucast,
];

impl Contender {
    pub fn name(self) -> &'static str {
        match self {
            Self::Importer => "importer",
            Self::Script => "script",
            Self::Batched => "batched",
            Self::Skucast => "skucast",
        }
    }

    /// Begins the skus of its catalog.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Importer => "IM",
            Self::Script => "SC",
            Self::Batched => "BA",
            Self::Skucast => "SK",
        }
    }
}

/// The contenders of these names, or all.
pub fn order(names: &[String]) -> Result<Vec<Contender>> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let find = |name: &String| {
        let known = ALL.into_iter().find(|known| known.name() == name);
        known.ok_or_else(|| format!("nobody is called {name}").into())
    };
    names.iter().map(find).collect()
}

/// Where contenders are measured.
pub struct Stage<'a> {
    pub server: &'a Server,
    pub proxy: &'a Proxy,
    pub shop: &'a dyn Shop,
    pub folder: TempDir,
}

/// What a run of a program took.
struct Ran {
    seconds: f64,
    worked: Option<f64>,
    peak: Option<u64>,
    output: Output,
}

impl Stage<'_> {
    /// The scripts with the versions of their lock file.
    pub async fn install(&self) -> Result<()> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("benches/stores")
            .join(self.shop.kind());
        for file in std::fs::read_dir(source)? {
            let file = file?;
            std::fs::copy(file.path(), self.folder.path().join(file.file_name()))?;
        }
        let done = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .status()
            .await?;
        match done.success() {
            true => Ok(()),
            false => Err("npm could not install what the scripts need".into()),
        }
    }

    /// Loads the catalog into a store of its own, then once more with so many products changed.
    pub async fn measure(
        &self,
        contender: Contender,
        catalog: &Catalog,
        changed: usize,
    ) -> Result<Vec<Line>> {
        self.shop.clear().await?;
        let store = self.shop.make_store(contender.mark()).await?;
        let folder = self.folder.path().join(&store.channel);
        std::fs::create_dir(&folder)?;
        if contender == Contender::Skucast {
            std::fs::write(folder.join("channels.toml"), self.configuration(&store))?;
        }
        let first = self
            .step(contender, &store, &folder, catalog, "load")
            .await?;
        let edited = catalog.edited(changed);
        let second = self
            .step(contender, &store, &folder, &edited, "update")
            .await?;
        Ok(vec![first, second])
    }

    async fn step(
        &self,
        contender: Contender,
        store: &Store,
        folder: &Path,
        catalog: &Catalog,
        step: &'static str,
    ) -> Result<Line> {
        std::fs::write(folder.join("catalog.csv"), catalog.native_csv()?)?;
        std::fs::write(
            folder.join("import.csv"),
            self.shop.import_file(catalog, store)?,
        )?;
        let command = self.command(contender, store, folder, step);
        let server = self.server.pid();
        if let Some(pid) = server {
            process::reset_peak(pid);
        }
        let resident = server.and_then(process::resident);
        let worked = server.and_then(process::worked);
        self.proxy.take();
        let ran = run(command).await?;
        let Traffic {
            requests,
            bytes_sent,
            bytes_received,
            operations,
        } = self.proxy.take();
        let server_peak = server.and_then(process::peak);
        let server_worked = server.and_then(process::worked);
        let shown = self.shop.goods(store).await?;
        Ok(Line {
            contender: contender.name(),
            step,
            seconds: ran.seconds,
            requests,
            bytes_sent,
            bytes_received,
            client_worked: ran.worked,
            client_peak: ran.peak,
            server_worked: server_worked
                .zip(worked)
                .map(|(after, before)| after - before),
            server_peak,
            server_growth: server_peak
                .zip(resident)
                .map(|(peak, before)| peak.saturating_sub(before)),
            verdict: Verdict::of(catalog, &shown),
            failed: (!ran.output.status.success()).then(|| complaint(&ran.output)),
            operations,
        })
    }

    fn command(&self, contender: Contender, store: &Store, folder: &Path, step: &str) -> Command {
        let mut command = match contender {
            Contender::Skucast => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_skucast"));
                command.arg("sync");
                command
            }
            Contender::Importer => {
                let mut command = Command::new("node");
                command
                    .arg(self.folder.path().join("import.mjs"))
                    .args([step, "import.csv"]);
                command
            }
            Contender::Script | Contender::Batched => {
                let mut command = Command::new("node");
                let script = format!("{}.mjs", contender.name());
                command
                    .arg(self.folder.path().join(script))
                    .args([step, "catalog.csv"]);
                command
            }
        };
        command
            .current_dir(folder)
            .envs(self.shop.environment(store, self.proxy.url()))
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("no_proxy", "127.0.0.1,localhost");
        command
    }

    fn configuration(&self, store: &Store) -> String {
        let mut toml = format!(
            "[catalog]\nfile = \"catalog.csv\"\ncurrency = \"{}\"\n\n[channels.shop]\nkind = \"{}\"\n\n[channels.shop.settings]\n",
            self.shop.currency(),
            self.shop.kind()
        );
        for (key, value) in self.shop.settings(store, self.proxy.url()) {
            toml.push_str(&format!("{key} = \"{value}\"\n"));
        }
        toml
    }
}

async fn run(mut command: Command) -> Result<Ran> {
    let begin = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id();
    let (mut peak, mut worked) = (None, None);
    let mut looks = tokio::time::interval(LOOK);
    let end = child.wait_with_output();
    tokio::pin!(end);
    let output = loop {
        tokio::select! {
            output = &mut end => break output?,
            _ = looks.tick() => {
                peak = pid.and_then(process::peak).or(peak);
                worked = pid.and_then(process::worked).or(worked);
            }
        }
    };
    Ok(Ran {
        seconds: begin.elapsed().as_secs_f64(),
        worked,
        peak,
        output,
    })
}

/// The last thing that a program said.
fn complaint(output: &Output) -> String {
    let texts =
        [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let mut lines = texts.iter().flat_map(|text| text.lines().rev());
    let last = lines
        .find(|line| !line.trim().is_empty())
        .unwrap_or("without a word");
    format!("{}: {}", output.status, last.trim())
}
