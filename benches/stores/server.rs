//! The real server, from its start to its end.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;

/// Where it is, and how to reach it.
pub struct Server {
    facts: Value,
    /// Serves until its standard input ends. None when somebody else started it.
    process: Option<Child>,
}

impl Server {
    /// The server that `SKUCAST_LIVE_KIND` names (JSON, or a file with it), else one of our own. The inner error says why
    /// there is none.
    pub async fn start(kind: &str) -> Result<Result<Self, String>> {
        let variable = format!("SKUCAST_LIVE_{}", kind.to_uppercase());
        if let Ok(named) = std::env::var(&variable) {
            let text = match Path::new(&named).is_file() {
                true => std::fs::read_to_string(&named)?,
                false => named,
            };
            let facts = serde_json::from_str(&text)
                .map_err(|error| format!("{variable} is neither a file nor JSON: {error}"))?;
            return Ok(Ok(Self {
                facts,
                process: None,
            }));
        }
        eprintln!("{kind}: installing and starting the server");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/serve");
        let mut process = Command::new(script)
            .arg(kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("the server has no output")?;
        let Some(line) = BufReader::new(output).lines().next_line().await? else {
            return Err(format!("the {kind} server did not start").into());
        };
        if let Some(reason) = line.strip_prefix("skipped: ") {
            return Ok(Err(reason.to_owned()));
        }
        Ok(Ok(Self {
            facts: serde_json::from_str(&line)?,
            process: Some(process),
        }))
    }

    /// Waits until the server that we started has ended.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            drop(process.stdin.take());
            process.wait().await?;
        }
        Ok(())
    }

    pub fn url(&self) -> &str {
        self.facts["url"].as_str().unwrap_or_default()
    }

    pub fn pid(&self) -> Option<u32> {
        self.facts["pid"]
            .as_u64()
            .and_then(|pid| pid.try_into().ok())
    }

    pub fn fact(&self, name: &str) -> Result<String> {
        let fact = self.facts[name].as_str();
        Ok(fact
            .ok_or_else(|| format!("the server does not tell its `{name}`"))?
            .to_owned())
    }
}
