//! What is tested: one registered connector, in one of its ways to be configured.

use std::path::Path;

use secrecy::SecretString;
use serde_json::{Map, Value as Json};
use skucast::config::settings::{Settings, Value};
use skucast::connectors::{Factory, REGISTRY};
use skucast::domain::capability::{Capability, Limits, Setting, SettingKind};

/// The setting whose choices make a kind without a sandbox several channels in one: the formats of a file.
pub const FORMAT: &str = "format";

#[derive(Clone, Copy)]
pub struct Subject {
    pub factory: &'static Factory,
    /// For kinds without a sandbox: which choice of [`FORMAT`].
    pub format: Option<&'static str>,
}

impl Subject {
    /// Every registered connector.
    pub fn all() -> Vec<Self> {
        let formats = |factory: &'static Factory| -> Vec<Option<&'static str>> {
            let choices = factory
                .descriptor
                .settings
                .iter()
                .filter(|setting| setting.key == FORMAT)
                .find_map(|setting| match setting.kind {
                    SettingKind::Choice(choices) => Some(choices),
                    _ => None,
                });
            match (factory.sandbox, choices) {
                (None, Some(choices)) => choices.iter().copied().map(Some).collect(),
                _ => vec![None],
            }
        };
        REGISTRY
            .iter()
            .flat_map(|factory| {
                formats(factory)
                    .into_iter()
                    .map(|format| Self { factory, format })
            })
            .collect()
    }

    /// `woocommerce`, `feed/google-tsv`.
    pub fn name(&self) -> String {
        let kind = self.factory.descriptor.kind;
        match self.format {
            Some(format) => format!("{kind}/{format}"),
            None => kind.to_owned(),
        }
    }

    pub fn capability(&self) -> Capability {
        self.factory.descriptor.capability
    }

    pub fn limits(&self) -> Limits {
        self.factory.descriptor.limits
    }

    pub fn settings(&self) -> &'static [Setting] {
        self.factory.descriptor.settings
    }

    /// Whether the channel hands out tokens that it can also take back.
    pub fn has_tokens(&self) -> bool {
        self.settings()
            .iter()
            .any(|setting| setting.kind == SettingKind::Secret && setting.key.contains("token"))
    }

    /// Settings as the configuration would resolve them: the sandbox's own, else examples and defaults. Each
    /// passes through `adjust`, which may change it or leave it out.
    pub fn resolve(
        &self,
        sandbox: Option<&Map<String, Json>>,
        folder: &Path,
        adjust: impl Fn(&Setting, String) -> Option<String>,
    ) -> Settings {
        let mut settings = Settings::default();
        for setting in self.settings() {
            let stated = match sandbox {
                Some(sandbox) => sandbox.get(setting.key).map(|value| match value {
                    Json::String(text) => text.clone(),
                    other => other.to_string(),
                }),
                None if setting.key == FORMAT => self.format.map(str::to_owned),
                None => Some(setting.example.to_owned()),
            };
            let text = stated.or_else(|| setting.default.map(str::to_owned));
            if let Some(text) = text.and_then(|text| adjust(setting, text)) {
                settings.insert(setting.key, value(setting, text, folder));
            }
        }
        settings
    }
}

/// A setting's text as the kind of value that it is.
fn value(setting: &Setting, text: String, folder: &Path) -> Value {
    match setting.kind {
        SettingKind::Text | SettingKind::Url | SettingKind::Choice(_) => Value::Text(text),
        SettingKind::Secret => Value::Secret(SecretString::from(text)),
        SettingKind::Flag => Value::Flag(text == "true"),
        SettingKind::List => Value::List(text.split(',').map(str::to_owned).collect()),
        // The example may name a folder that is not there.
        SettingKind::Path => {
            Value::Path(folder.join(Path::new(&text).file_name().unwrap_or_default()))
        }
    }
}
