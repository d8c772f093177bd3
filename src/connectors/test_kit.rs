//! What the connectors' tests against their own sandboxes share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Environment, Factory};
use crate::config::settings::{Settings, Value as SettingValue};
use crate::domain::Result;
use crate::domain::capability::{Endpoint, SettingKind};
use crate::domain::connector::Connector;
use crate::domain::ids::ChannelName;
use crate::domain::ledger::QuotaMemory;
use crate::halt::Halt;
use crate::http::{HttpContext, HttpOptions};

#[derive(Debug)]
struct NoMemory;

#[async_trait]
impl QuotaMemory for NoMemory {
    async fn full_at(&self, _: &ChannelName, _: Endpoint) -> Result<Option<Timestamp>> {
        Ok(None)
    }

    async fn set_full_at(&self, _: &ChannelName, _: Endpoint, _: Timestamp) -> Result<()> {
        Ok(())
    }
}

/// An environment that is soon out of patience.
pub fn environment() -> Environment {
    let options = HttpOptions {
        timeout: Duration::from_secs(20),
        first_backoff: Duration::from_millis(1),
        longest_backoff: Duration::from_millis(5),
        ..HttpOptions::default()
    };
    Environment {
        channel: "shop".into(),
        http: HttpContext::new(options, Arc::new(NoMemory), Halt::never()).unwrap(),
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
