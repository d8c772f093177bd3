//! The HTTP client of a run, made when the first request is: reading the system's certificates takes longer than many
//! a command that asks nobody.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Client;

use super::USER_AGENT;
use crate::domain::{Error, Result};

/// Idle connections are closed after so long. Node.js, which many shops run on, closes them after 5 s without a word: a
/// request that is sent in this very moment gets no answer.
const IDLE: Duration = Duration::from_secs(4);

/// One client for all who hold a copy.
#[derive(Clone, Debug)]
pub struct LazyClient {
    timeout: Duration,
    made: Arc<OnceLock<Client>>,
}

impl LazyClient {
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            made: Arc::default(),
        }
    }

    pub fn get(&self) -> Result<&Client> {
        if let Some(client) = self.made.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .timeout(self.timeout)
            .user_agent(USER_AGENT)
            .pool_idle_timeout(IDLE)
            // A redirected POST becomes a GET, or reaches a host that the key was not meant for.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::unexpected("the HTTP client cannot start").caused_by(error))?;
        // Two that come together make one each; the first is kept.
        Ok(self.made.get_or_init(|| client))
    }
}
