use insta::assert_snapshot;
use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::domain::Error;

fn message(error: &Error, folder: &TempDir) -> String {
    let folder = format!("{}/", folder.path().display());
    error.to_string().replace(&folder, "")
}

#[test]
fn settings_are_resolved_with_their_defaults_and_whole_paths() {
    let (folder, config) = with_channel(
        r#"kind = "shop"
[channels.one.settings]
url = "https://shop.example"
token = "file:keys/token"
second_token = "s3cret-2"
out = "public/feed.csv"
drafts = true
sites = ["de", "at"]
"#,
    )
    .config();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    std::fs::write(folder.path().join("keys/token"), "s3cret-1\n").unwrap();
    let settings = config.channels[0].resolve(None, &config).unwrap();
    assert_eq!(
        settings.url("url").unwrap().as_str(),
        "https://shop.example/"
    );
    assert_eq!(
        settings.secret("token").unwrap().expose_secret(),
        "s3cret-1"
    );
    let second = settings.secret("second_token").unwrap();
    assert_eq!(second.expose_secret(), "s3cret-2");
    let out = folder.path().join("public/feed.csv");
    assert_eq!(settings.path("out").unwrap(), out);
    assert!(settings.flag("drafts"));
    assert_eq!(settings.list("sites"), ["de", "at"]);
    assert_eq!(settings.text("unit").unwrap(), "kg");
    let printed = format!("{settings:?} {config:?}");
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[test]
fn secrets_that_cannot_be_fetched_are_told_together_with_their_places() {
    let (folder, config) = with_channel(
        r#"kind = "shop"
[channels.one.settings]
url = "https://shop.example"
token = "env:SKUCAST_TEST_UNSET"
second_token = "file:no-such-file"
"#,
    )
    .config();
    let error = config.channels[0].resolve(None, &config).unwrap_err();
    assert_snapshot!(message(&error, &folder), @r"
    the environment variable `SKUCAST_TEST_UNSET` is not set (channel one, setting token, at channels.toml:7:9)
    the secret's file no-such-file cannot be read: No such file or directory (os error 2) (channel one, setting second_token, at channels.toml:8:16)
    ");
}

#[test]
fn a_sandbox_replaces_settings_and_never_sees_a_real_secret() {
    let (_folder, config) = with_channel(
        r#"kind = "shop"
sandbox = true
[channels.one.settings]
url = "https://shop.example"
token = "env:SKUCAST_TEST_UNSET"
second_token = "s3cret"
unit = "lbs"
"#,
    )
    .config();
    let overlay = json!({"url": "http://127.0.0.1:9", "token": "env:looks-like-a-source"});
    let settings = config.channels[0]
        .resolve(overlay.as_object(), &config)
        .unwrap();
    assert_eq!(settings.text("url").unwrap(), "http://127.0.0.1:9");
    let token = settings.secret("token").unwrap();
    assert_eq!(token.expose_secret(), "env:looks-like-a-source");
    assert!(settings.secret("second_token").is_err());
    assert_eq!(settings.text("unit").unwrap(), "lbs");

    let unknown = json!({"tokens": "x"});
    let error = config.channels[0]
        .resolve(unknown.as_object(), &config)
        .unwrap_err();
    assert_eq!(error.to_string(), "unknown setting `tokens` (channel one)");
    let error = config.channels[0]
        .resolve(json!({}).as_object(), &config)
        .unwrap_err();
    assert!(error.to_string().contains("`token` is missing"), "{error}");
}
