//! Whole files, read from a folder of their own.

mod load;
mod mistakes;
mod resolving;

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::domain::capability::{Capability, Limits, Routes, Setting, SettingKind, Variants};

const fn setting(key: &'static str, kind: SettingKind, example: &'static str) -> Setting {
    Setting {
        key,
        help: "what the shop says",
        kind,
        required: false,
        default: None,
        example,
    }
}

const fn required(setting: Setting) -> Setting {
    Setting {
        required: true,
        ..setting
    }
}

static SHOP: Descriptor = Descriptor {
    kind: "shop",
    display_name: "Shop",
    docs_url: "https://shop.example",
    portal_url: "https://shop.example",
    capability: Capability::NONE,
    limits: Limits {
        variants: Variants::Flat,
        stock: Routes::NONE,
        price: Routes::NONE,
        listing: Routes::NONE,
        end: Routes::NONE,
        find_batch: 1,
        shipment_batch: 1,
        order_lookback: Duration::ZERO,
        submissions_at_once: None,
        submission_deadline: Duration::ZERO,
        sight_deadline: Duration::ZERO,
        quotas: &[],
        title_length: None,
        description_length: None,
        images: None,
        sku_length: None,
    },
    settings: &[
        required(setting("url", SettingKind::Url, "https://shop.example.com")),
        required(setting("token", SettingKind::Secret, "env:SHOP_TOKEN")),
        setting("second_token", SettingKind::Secret, "env:SHOP_SECOND"),
        setting("out", SettingKind::Path, "public/feed.csv"),
        setting("drafts", SettingKind::Flag, "true"),
        setting("sites", SettingKind::List, "de"),
        Setting {
            default: Some("kg"),
            ..setting("unit", SettingKind::Choice(&["kg", "lbs"]), "kg")
        },
    ],
    notes: &[],
};

static FEED: Descriptor = Descriptor {
    kind: "feed",
    settings: &[],
    ..SHOP
};

const KINDS: &[&Descriptor] = &[&SHOP, &FEED];

struct Given {
    folder: TempDir,
    loaded: Result<Config, ConfigErrors>,
}

fn load(text: &str) -> Given {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("channels.toml");
    std::fs::write(&path, text).unwrap();
    let loaded = Config::load(&path, KINDS);
    Given { folder, loaded }
}

impl Given {
    fn config(self) -> (TempDir, Config) {
        let config = self.loaded.unwrap_or_else(|errors| panic!("{errors}"));
        (self.folder, config)
    }

    /// The errors as they are shown, with a folder that is the same in every run.
    fn errors(self) -> String {
        let folder = format!("{}/", self.folder.path().display());
        let errors = self.loaded.unwrap_err();
        assert!(!format!("{errors:?}").contains("s3cret"), "{errors:?}");
        errors.to_string().replace(&folder, "")
    }
}

/// A file that is good but for one channel's table.
fn with_channel(channel: &str) -> Given {
    load(&format!(
        "[catalog]\nfile = \"catalog.csv\"\n[channels.one]\n{channel}"
    ))
}
