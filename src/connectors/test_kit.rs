//! What the connectors' tests against their own sandboxes share.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{Environment, Factory};
use crate::config::settings::{Settings, Value as SettingValue};
use crate::domain::capability::SettingKind;
use crate::domain::change::{Batch, Route};
use crate::domain::connector::Connector;
use crate::domain::ids::IdempotencyKey;
use crate::http;

/// An environment that is soon out of patience.
pub fn environment() -> Environment {
    Environment {
        channel: "shop".into(),
        http: http::test_kit::context(),
    }
}

/// The connector with these settings, as a sandbox tells them.
pub fn connect(factory: &Factory, told: &Map<String, Value>) -> Box<dyn Connector> {
    let mut settings = Settings::default();
    for setting in factory.descriptor.settings {
        let Some(text) = told.get(setting.key).and_then(Value::as_str) else {
            continue;
        };
        let value = match setting.kind {
            SettingKind::Secret => SettingValue::Secret(text.into()),
            _ => SettingValue::Text(text.to_owned()),
        };
        settings.insert(setting.key, value);
    }
    (factory.build)(&settings, &environment()).unwrap()
}

static KEY: LazyLock<IdempotencyKey> = LazyLock::new(|| IdempotencyKey::new("k"));

/// These items, for real.
pub fn batch<T>(items: &[T]) -> Batch<'_, T> {
    Batch {
        items,
        route: Route::Direct,
        key: &KEY,
        dry_run: false,
    }
}
