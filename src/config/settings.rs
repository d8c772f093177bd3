//! The settings of one channel, resolved: secrets fetched, paths made whole, unknown keys refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reqwest::Url;
use secrecy::SecretString;

use crate::domain::{Error, Result};

/// One resolved value.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Secret(SecretString),
    Flag(bool),
    List(Vec<String>),
    Path(PathBuf),
}

/// What stands in `[channels.X.settings]`, checked against the connector's
/// [`Setting`](crate::domain::capability::Setting)s, with their defaults filled in. Connectors read it by key.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
}

impl Settings {
    pub fn insert(&mut self, key: &'static str, value: Value) {
        self.values.insert(key, value);
    }

    pub fn text(&self, key: &'static str) -> Result<&str> {
        self.optional_text(key).ok_or_else(|| missing(key))
    }

    pub fn optional_text(&self, key: &'static str) -> Option<&str> {
        match self.values.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn url(&self, key: &'static str) -> Result<Url> {
        let text = self.text(key)?;
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(
                Error::config(format!("`{key} = \"{text}\"` is not a web address"))
                    .hint("write it in full: `https://shop.example.com`"),
            ),
        }
    }

    pub fn secret(&self, key: &'static str) -> Result<&SecretString> {
        match self.values.get(key) {
            Some(Value::Secret(secret)) => Ok(secret),
            _ => Err(missing(key)),
        }
    }

    pub fn flag(&self, key: &'static str) -> bool {
        matches!(self.values.get(key), Some(Value::Flag(true)))
    }

    pub fn list(&self, key: &'static str) -> &[String] {
        match self.values.get(key) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    pub fn path(&self, key: &'static str) -> Result<&Path> {
        match self.values.get(key) {
            Some(Value::Path(path)) => Ok(path),
            _ => Err(missing(key)),
        }
    }
}

fn missing(key: &'static str) -> Error {
    Error::config(format!("the setting `{key}` is missing"))
}
