//! A seller's folder, and marketplaces that outlive the runs of the binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use skucast::sandbox::{self, Running, ServeOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A folder with a configuration and a catalog.
pub struct World {
    folder: TempDir,
    config: String,
    marketplaces: Vec<(String, Running)>,
    runtime: Runtime,
}

/// How a run of the binary ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            config: "[catalog]\nfile = \"catalog.csv\"\ncurrency = \"EUR\"\n".to_owned(),
            marketplaces: Vec::new(),
            runtime: Runtime::new().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn catalog(&self, rows: &[&str]) -> &Self {
        self.write("catalog.csv", rows.join("\n") + "\n")
    }

    /// Adds to channels.toml.
    pub fn configure(&mut self, toml: &str) -> &mut Self {
        self.config.push_str(toml);
        self.config.push('\n');
        std::fs::write(self.folder.path().join("channels.toml"), &self.config).unwrap();
        self
    }

    /// A file that Google fetches.
    pub fn feed(&mut self, name: &str) -> &mut Self {
        self.configure(&format!(
            "[channels.{name}]\nkind = \"feed\"\n[channels.{name}.settings]\npath = \"{name}.tsv\"\n\
             format = \"google-tsv\"\nlink_template = \"https://shop.example.com/p/{{sku}}\""
        ))
    }

    /// An emulated marketplace that keeps standing between the runs, as a real one does.
    pub fn marketplace(&mut self, name: &str, kind: &str) -> &mut Self {
        let make = skucast::connectors::find(kind).unwrap().sandbox.unwrap();
        let running = self
            .runtime
            .block_on(sandbox::serve(make(), ServeOptions::default()))
            .unwrap();
        let mut toml =
            format!("[channels.{name}]\nkind = \"{kind}\"\n[channels.{name}.settings]\n");
        for (key, value) in &running.settings {
            toml.push_str(&format!("{key} = {value}\n"));
        }
        self.marketplaces.push((name.to_owned(), running));
        self.configure(&toml)
    }

    pub fn at(&self, name: &str) -> &Running {
        &self
            .marketplaces
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
    }

    /// Listings, orders and what was created, as the marketplace itself tells.
    pub fn state(&self, name: &str) -> skucast::sandbox::State {
        self.at(name).with(|sandbox| sandbox.state())
    }

    pub fn quantity(&self, name: &str, sku: &str) -> Option<i64> {
        self.state(name)
            .listings
            .get(sku)
            .and_then(|listing| listing.quantity)
    }

    /// A buyer buys.
    pub fn buy(&self, name: &str, sku: &str, quantity: u64) -> String {
        let purchase = serde_json::from_value(
            serde_json::json!({"lines": [{"sku": sku, "quantity": quantity}]}),
        )
        .unwrap();
        let now = jiff::Timestamp::now();
        self.at(name)
            .with(|sandbox| sandbox.buy(&purchase, now))
            .unwrap()
            .order_id
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        command(self.folder.path())
            .args(arguments)
            .output()
            .unwrap()
            .into()
    }

    pub fn json(&self, arguments: &[&str]) -> Ran {
        command(self.folder.path())
            .args(arguments)
            .arg("--json")
            .output()
            .unwrap()
            .into()
    }
}

/// The binary in a folder, with nothing of the developer's environment that could change its output.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skucast"));
    command
        .current_dir(folder)
        .env_remove("SKUCAST_CONFIG")
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1");
    command
}

/// The channel's part of a document.
pub fn channel<'a>(document: &'a Value, name: &str) -> &'a Value {
    let channels = document["channels"].as_array().unwrap();
    channels
        .iter()
        .find(|channel| channel["channel"] == name)
        .unwrap_or_else(|| panic!("no {name} in {document:#}"))
}

/// Codes of a list of issues, with their lines.
pub fn codes(issues: &Value) -> Vec<(String, u64)> {
    issues
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| {
            (
                issue["code"].as_str().unwrap().to_owned(),
                issue["source"]["line"].as_u64().unwrap_or(0),
            )
        })
        .collect()
}

pub const HEADER: &str = "sku,title,description,price,quantity,brand,gtin,images,url";

/// A complete row of [`HEADER`] with a GTIN of its own.
pub fn row(number: u32, price: &str, quantity: &str) -> String {
    let base = format!("{:012}", 200_000_000_000_u64 + u64::from(number));
    let sum: u32 = base
        .chars()
        .enumerate()
        .map(|(at, c)| c.to_digit(10).unwrap() * if at % 2 == 1 { 3 } else { 1 })
        .sum();
    let check = (10 - sum % 10) % 10;
    format!(
        "SKU-{number},Lantern {number},A lantern,{price},{quantity},Lumen,{base}{check},\
         https://example.com/{number}.jpg,https://shop.example.com/{number}"
    )
}
