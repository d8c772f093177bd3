//! What is configured, and what of it must never be seen.

use std::io::Write;
use std::sync::{Arc, Mutex};

use skucast::config::Config;
use skucast::domain::ErrorKind;
use skucast::domain::capability::SettingKind;
use skucast::sandbox::Profile;
use tracing_subscriber::fmt::MakeWriter;

use super::{Need, checks};
use crate::goods::singles;
use crate::subject::{FORMAT, Subject};
use crate::world::{World, is_token, lock};

checks! {
    settings_reject_unknown_keys: [],
    missing_required_setting_is_named: [],
    wrong_credential_is_named: [Need::Sandbox],
    unauthorized_refreshes_once: [Need::Sandbox, Need::Tokens],
    secrets_never_printed: [Need::Sandbox],
}

/// Through the configuration file, as sellers write it.
async fn settings_reject_unknown_keys(subject: Subject) {
    let world = World::new(subject).await;
    world.offer(&singles(1));
    let (kind, name) = (subject.factory.descriptor.kind, &world.channel_name);
    let load = |settings: &toml::Table| {
        let file = world.catalog_path().with_file_name("channels.toml");
        let text = format!(
            "[catalog]\nfile = \"catalog.csv\"\n[channels.{name}]\nkind = \"{kind}\"\n\
             [channels.{name}.settings]\n{settings}"
        );
        std::fs::write(&file, text).unwrap();
        Config::load(&file, &[subject.factory.descriptor])
    };
    let mut settings = toml::Table::new();
    for setting in subject.settings() {
        let text = match &world.sandbox {
            Some(running) => running
                .settings
                .get(setting.key)
                .and_then(|value| value.as_str()),
            None if setting.kind == SettingKind::Path => Some("feed.txt"),
            None if setting.key == FORMAT => subject.format,
            None => Some(setting.example),
        };
        if let Some(text) = text {
            settings.insert(setting.key.to_owned(), text.into());
        }
    }
    let config = load(&settings).unwrap_or_else(|errors| panic!("{errors:?}"));
    let resolved = config.channels[0].resolve(None, &config).unwrap();
    let environment = world.environment();
    (subject.factory.build)(&resolved, &environment).unwrap();
    let known = subject.settings()[0].key;
    let misspelled = format!("{known}x");
    settings.insert(misspelled.clone(), "1".into());
    let errors = load(&settings).expect_err("an unknown key is refused");
    let told = errors
        .problems()
        .iter()
        .map(ToString::to_string)
        .collect::<String>();
    assert!(told.contains(&misspelled), "{told}");
    assert!(
        told.contains(&format!("`{known}`")),
        "what was meant is not named: {told}"
    );
}

async fn missing_required_setting_is_named(subject: Subject) {
    let world = World::new(subject).await;
    let required = subject.settings().iter().filter(|setting| setting.required);
    for missing in required {
        let built = world.build(|setting, text| (setting.key != missing.key).then_some(text));
        let error = built.expect_err(missing.key);
        assert_eq!(error.kind, ErrorKind::ConfigInvalid, "{error}");
        let told = format!("{error} {}", error.hints.join(" "));
        assert!(
            told.contains(missing.key),
            "`{}` is not named: {told}",
            missing.key
        );
    }
}

async fn wrong_credential_is_named(subject: Subject) {
    const WRONG: &str = "wrong-and-secret-7193";
    let world = World::new(subject).await;
    let secrets = subject
        .settings()
        .iter()
        .filter(|setting| setting.kind == SettingKind::Secret);
    for wrong in secrets.filter(|setting| setting.required) {
        let connector = world
            .build(|setting, text| match setting.key == wrong.key {
                true => Some(WRONG.to_owned()),
                false => Some(text),
            })
            .unwrap();
        let before: u64 = world.running().requests().values().sum();
        let error = connector.check().await.expect_err(wrong.key);
        assert!(
            matches!(error.kind, ErrorKind::Unauthorized | ErrorKind::Forbidden),
            "a wrong `{}` is told as {:?}: {error}",
            wrong.key,
            error.kind
        );
        let hints = error.hints.join(" ");
        assert!(
            hints.contains(wrong.key),
            "`{}` is not named in: {hints}",
            wrong.key
        );
        assert!(
            !format!("{error} {error:?} {hints}").contains(WRONG),
            "the secret is shown: {error:?}"
        );
        let asked = world.running().requests().values().sum::<u64>() - before;
        assert!(asked <= 2, "a wrong credential was tried {asked} times");
    }
}

/// The channel forgets its tokens: one new one is fetched, and nobody notices.
async fn unauthorized_refreshes_once(subject: Subject) {
    let world = World::new(subject).await;
    let fresh = world.running().with(|sandbox| sandbox.save());
    world.connector.inner().check().await.unwrap();
    let tokens = || world.exchanges().iter().filter(|one| is_token(one)).count();
    let before = tokens();
    assert_eq!(before, 1, "the first call fetches one token");
    world.connector.inner().check().await.unwrap();
    assert_eq!(tokens(), before, "a token that is good is used again");
    world
        .running()
        .with(|sandbox| sandbox.restore(fresh))
        .unwrap();
    world.connector.inner().check().await.unwrap();
    assert_eq!(
        tokens(),
        before + 1,
        "one new token for one that is no longer good"
    );
}

/// Everything that is traced on this thread.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

async fn secrets_never_printed(subject: Subject) {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(captured.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new(subject).await;
    let goods = singles(3);
    world.offer(&goods);
    let mut told = format!("{:?} {:?}", world.connector, world.settings);
    world.sync_well().await;
    for trouble in [
        Profile {
            server_error: 1.0,
            most: 20,
            ..Profile::default()
        },
        Profile {
            reset: 1.0,
            most: 20,
            ..Profile::default()
        },
    ] {
        world.set_faults(trouble);
        let mut changed = goods.clone();
        changed[0].quantity = Some(3);
        world.offer(&changed);
        told += &format!("{:?}", world.sync().await);
    }
    let mut secrets: Vec<String> = subject
        .settings()
        .iter()
        .filter(|setting| setting.kind == SettingKind::Secret)
        .filter_map(|setting| {
            Some(
                world
                    .running()
                    .settings
                    .get(setting.key)?
                    .as_str()?
                    .to_owned(),
            )
        })
        .collect();
    for exchange in world.exchanges().iter().filter(|one| is_token(one)) {
        let answer: serde_json::Value =
            serde_json::from_slice(&exchange.response.body).unwrap_or_default();
        secrets.extend(answer["access_token"].as_str().map(str::to_owned));
    }
    assert!(!secrets.is_empty());
    told += &String::from_utf8_lossy(&lock(&captured.0));
    assert!(told.contains("skucast::http"), "nothing was traced");
    for secret in secrets {
        if let Some(at) = told.find(&secret) {
            let from = told[..at]
                .char_indices()
                .rev()
                .nth(120)
                .map_or(0, |(at, _)| at);
            panic!("a secret is shown after: {}", &told[from..at]);
        }
    }
}
