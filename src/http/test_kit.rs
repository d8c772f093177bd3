//! What tests of HTTP share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{HttpContext, HttpOptions};
use crate::domain::Result;
use crate::domain::capability::Endpoint;
use crate::domain::ids::ChannelName;
use crate::domain::ledger::QuotaMemory;
use crate::halt::Halt;

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

/// Soon out of patience, and nothing is remembered.
pub fn context() -> HttpContext {
    let options = HttpOptions {
        timeout: Duration::from_secs(20),
        first_backoff: Duration::from_millis(1),
        longest_backoff: Duration::from_millis(5),
        ..HttpOptions::default()
    };
    HttpContext::new(options, Arc::new(NoMemory), Halt::never())
}
