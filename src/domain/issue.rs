//! A complaint about one row or one listing, in words that a seller can act on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::{ChannelName, Sku};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is held back.
    Note,
    /// Read or sent, but probably not what was meant.
    Warning,
    /// Holds back the row, or was refused by the channel.
    Error,
}

/// The cell that an issue is about. `line` counts physical lines from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub file: Arc<str>,
    pub line: u64,
    pub column: Option<String>,
    pub value: Option<String>,
}

/// See `issue` in the JSON contract (docs/json.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    pub channel: Option<ChannelName>,
    pub sku: Option<Sku>,
    pub field: Option<String>,
    pub severity: Severity,
    /// Stable and machine-readable: `gtin_check_digit`, or the channel's own code as `amazon:90220`.
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
    pub source: Option<Source>,
}

impl Issue {
    pub fn new(severity: Severity, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            channel: None,
            sku: None,
            field: None,
            severity,
            code: code.into(),
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub fn warning(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    pub fn note(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    pub fn channel(mut self, channel: &ChannelName) -> Self {
        self.channel = Some(channel.clone());
        self
    }

    pub fn sku(mut self, sku: &Sku) -> Self {
        self.sku = Some(sku.clone());
        self
    }

    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the cell. A long value is cut: an issue must fit on a screen.
    pub fn at(
        mut self,
        file: &Arc<str>,
        line: u64,
        column: Option<&str>,
        value: Option<&str>,
    ) -> Self {
        const SHOWN: usize = 60;
        let value = value.map(|value| match value.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &value[..end]),
            None => value.to_owned(),
        });
        self.source = Some(Source {
            file: file.clone(),
            line,
            column: column.map(str::to_owned),
            value,
        });
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
