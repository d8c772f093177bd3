//! The settings of one channel: checked when the file is read, fetched when the channel is contacted.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::parse::{Section, describe, quoted, refuse_word};
use super::report::{Place, Problems, Span, place};
use super::secret::SecretSource;
use super::settings::{Settings, Value};
use crate::domain::capability::{Descriptor, Setting, SettingKind};
use crate::domain::{Error, Result};

/// What the file says below `[channels.X.settings]`, checked, with no secret fetched yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Stated {
    values: BTreeMap<&'static str, (Given, Place)>,
}

impl Stated {
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }
}

#[derive(Clone, Debug)]
enum Given {
    Plain(Value),
    Secret(SecretSource),
}

/// What reading a channel's settings needs to know.
pub(super) struct Reader<'a> {
    pub(super) channel: &'a str,
    /// What to point at when the whole table is missing.
    pub(super) channel_span: Span,
    pub(super) folder: &'a Path,
    pub(super) text: &'a str,
    /// The sandbox supplies what is missing.
    pub(super) sandbox: bool,
}

impl Reader<'_> {
    pub(super) fn read(
        &self,
        section: Option<Section<'_>>,
        descriptor: &'static Descriptor,
        problems: &mut Problems,
    ) -> Stated {
        let mut stated = Stated::default();
        let span = section
            .as_ref()
            .map_or(self.channel_span.clone(), |section| section.span.clone());
        let mut section = section;
        for setting in descriptor.settings {
            let value = section
                .as_mut()
                .and_then(|section| section.take(setting.key));
            match value {
                Some(value) => {
                    let at = place(self.text, value.span().start);
                    if let Some(given) = self.check(setting, value, problems) {
                        stated.values.insert(setting.key, (given, at));
                    }
                }
                None if setting.required && !self.sandbox => {
                    let message = format!(
                        "the channel `{}` lacks the setting `{}`",
                        self.channel, setting.key
                    );
                    problems
                        .add(span.clone(), message)
                        .hint(format!("{}: {}", setting.key, setting.help))
                        .hint(format!(
                            "write `{} = {}` below [channels.{}.settings]",
                            setting.key,
                            example(setting),
                            self.channel
                        ));
                }
                None => {}
            }
        }
        if let Some(section) = section {
            section.finish(problems);
        }
        stated
    }

    fn check(
        &self,
        setting: &Setting,
        value: Spanned<DeValue<'_>>,
        problems: &mut Problems,
    ) -> Option<Given> {
        let (key, span) = (setting.key, value.span());
        // An address can hold a password in front of its `@`.
        let harmless = match (setting.kind, value.get_ref()) {
            (SettingKind::Secret, _) => false,
            (SettingKind::Url, DeValue::String(text)) => !text.contains('@'),
            _ => true,
        };
        if harmless {
            problems.show(&span);
        }
        let value = match (setting.kind, value.into_inner()) {
            (SettingKind::Flag, DeValue::Boolean(flag)) => {
                return Some(Given::Plain(Value::Flag(flag)));
            }
            (SettingKind::List, DeValue::Array(array)) => {
                let texts = array.iter().map(|item| item.get_ref().as_str());
                match texts.map(|text| text.map(str::to_owned)).collect() {
                    Some(list) => return Some(Given::Plain(Value::List(list))),
                    None => DeValue::Array(array),
                }
            }
            (kind, DeValue::String(text))
                if !matches!(kind, SettingKind::Flag | SettingKind::List) =>
            {
                return self.check_text(setting, &Spanned::new(span, text.into_owned()), problems);
            }
            (_, other) => other,
        };
        let wanted = match setting.kind {
            SettingKind::Flag => "true or false",
            SettingKind::List => "a list of texts",
            _ => "a text in quotes",
        };
        problems
            .add(
                span,
                format!("`{key}` must be {wanted}, not {}", describe(&value)),
            )
            .hint(format!("for example: {key} = {}", example(setting)));
        None
    }

    fn check_text(
        &self,
        setting: &Setting,
        text: &Spanned<String>,
        problems: &mut Problems,
    ) -> Option<Given> {
        let (key, span) = (setting.key, text.span());
        if setting.kind == SettingKind::Secret {
            return match SecretSource::parse(text.get_ref(), self.folder) {
                Ok(source) => {
                    if source.is_harmless() {
                        problems.show(&span);
                    }
                    Some(Given::Secret(source))
                }
                Err(reason) => {
                    problems
                        .add(span, format!("`{key}` cannot be used: {reason}"))
                        .hint("write \"env:NAME\", \"file:PATH\" or \"cmd:PROGRAM ARGS\"");
                    None
                }
            };
        }
        match plain(setting, text.get_ref(), self.folder) {
            Ok(value) => Some(Given::Plain(value)),
            Err(Refusal::Choice(choices)) => {
                refuse_word(key, text, choices, problems);
                None
            }
            Err(Refusal::Text(reason)) => {
                problems
                    .add(span, format!("`{key}` {reason}"))
                    .hint(format!("for example: {key} = {}", example(setting)));
                None
            }
        }
    }
}

enum Refusal {
    Choice(&'static [&'static str]),
    Text(&'static str),
}

/// A text as the value that a setting without secrets takes.
fn plain(setting: &Setting, text: &str, folder: &Path) -> Result<Value, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::Text("is empty"));
    }
    match setting.kind {
        SettingKind::Path => Ok(Value::Path(folder.join(text))),
        SettingKind::Url => match Url::parse(text) {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                Err(Refusal::Text("must not hold a user name or a password"))
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Ok(Value::Text(text.to_owned()))
            }
            _ => Err(Refusal::Text("is not a web address")),
        },
        SettingKind::Choice(choices) if !choices.contains(&text) => Err(Refusal::Choice(choices)),
        SettingKind::Flag => match text {
            "true" => Ok(Value::Flag(true)),
            "false" => Ok(Value::Flag(false)),
            _ => Err(Refusal::Text("must be true or false")),
        },
        SettingKind::List => Ok(Value::List(
            text.split(',').map(|item| item.trim().to_owned()).collect(),
        )),
        SettingKind::Text | SettingKind::Choice(_) | SettingKind::Secret => {
            Ok(Value::Text(text.to_owned()))
        }
    }
}

/// How the example of a setting is written in TOML.
fn example(setting: &Setting) -> String {
    match setting.kind {
        SettingKind::Flag => setting.example.to_owned(),
        SettingKind::List if setting.example.starts_with('[') => setting.example.to_owned(),
        SettingKind::List => format!("[{:?}]", setting.example),
        _ => format!("{:?}", setting.example),
    }
}

/// Where a channel's settings are resolved.
pub(super) struct Resolver<'a> {
    pub(super) channel: &'a str,
    pub(super) descriptor: &'static Descriptor,
    pub(super) file: String,
    pub(super) folder: &'a Path,
}

impl Resolver<'_> {
    /// With an overlay, its keys replace those of the file, and no secret of the file is fetched or used:
    /// a sandbox must never see a real one.
    pub(super) fn resolve(
        &self,
        stated: &Stated,
        overlay: Option<&serde_json::Map<String, Json>>,
    ) -> Result<Settings> {
        if let Some(key) = overlay
            .into_iter()
            .flat_map(|overlay| overlay.keys())
            .find(|key| {
                self.descriptor
                    .settings
                    .iter()
                    .all(|setting| setting.key != key.as_str())
            })
        {
            let keys: Vec<_> = self
                .descriptor
                .settings
                .iter()
                .map(|setting| setting.key)
                .collect();
            return Err(self
                .error(format!("unknown setting `{key}`"))
                .hint(format!("known: {}", quoted(&keys))));
        }
        let mut settings = Settings::default();
        let mut errors = Vec::new();
        for setting in self.descriptor.settings {
            match self.value(setting, stated, overlay) {
                Ok(Some(value)) => settings.insert(setting.key, value),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        match errors.len() {
            0 => Ok(settings),
            1 => Err(errors.swap_remove(0)),
            _ => {
                let lines: Vec<_> = errors.iter().map(Error::to_string).collect();
                let mut all = Error::config(lines.join("\n"));
                all.hints = errors.into_iter().flat_map(|error| error.hints).collect();
                Err(all)
            }
        }
    }

    fn value(
        &self,
        setting: &Setting,
        stated: &Stated,
        overlay: Option<&serde_json::Map<String, Json>>,
    ) -> Result<Option<Value>> {
        if let Some(value) = overlay.and_then(|overlay| overlay.get(setting.key)) {
            return self.overlaid(setting, value).map(Some);
        }
        match stated.values.get(setting.key) {
            Some((Given::Plain(value), _)) => return Ok(Some(value.clone())),
            Some((Given::Secret(source), at)) if overlay.is_none() => {
                return source
                    .fetch(self.folder)
                    .map(|secret| Some(Value::Secret(secret)))
                    .map_err(|error| {
                        error
                            .with("channel", self.channel)
                            .with("setting", setting.key)
                            .with("at", format!("{}:{}:{}", self.file, at.line, at.column))
                    });
            }
            _ => {}
        }
        if let Some(default) = setting.default
            && setting.kind != SettingKind::Secret
        {
            return match plain(setting, default, self.folder) {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(self.error(format!("the default of `{}` is no value", setting.key))),
            };
        }
        match setting.required {
            true => Err(self
                .error(format!("the setting `{}` is missing", setting.key))
                .hint(format!("{}: {}", setting.key, setting.help))),
            false => Ok(None),
        }
    }

    fn overlaid(&self, setting: &Setting, value: &Json) -> Result<Value> {
        let wrong = || self.error(format!("the sandbox's `{}` is no such value", setting.key));
        match (setting.kind, value) {
            (SettingKind::Flag, Json::Bool(flag)) => Ok(Value::Flag(*flag)),
            (SettingKind::List, Json::Array(list)) => list
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(Value::List)
                .ok_or_else(wrong),
            // A sandbox gives the secret itself, whatever it looks like.
            (SettingKind::Secret, Json::String(text)) => {
                Ok(Value::Secret(SecretString::from(text.as_str())))
            }
            (_, Json::String(text)) => plain(setting, text, self.folder).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    fn error(&self, message: String) -> Error {
        Error::config(message).with("channel", self.channel)
    }
}
