//! Access tokens that are fetched, kept until shortly before they expire, and renewed once when refused.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::domain::{Error, ErrorKind, Result};

/// Tokens are renewed so long before they end.
const EARLY: SignedDuration = SignedDuration::from_secs(60);

/// OAuth 2.0 `refresh_token` grant (RFC 6749, section 6) with the client's credentials in the form.
pub struct RefreshToken {
    client: Client,
    url: Url,
    client_id: String,
    client_secret: SecretString,
    refresh_token: SecretString,
    current: Mutex<Option<(SecretString, Timestamp)>>,
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: i64,
}

/// RFC 6749, section 5.2.
#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl RefreshToken {
    pub fn new(
        client: &Client,
        url: Url,
        client_id: String,
        client_secret: SecretString,
        refresh_token: SecretString,
    ) -> Self {
        Self {
            client: client.clone(),
            url,
            client_id,
            client_secret,
            refresh_token,
            current: Mutex::new(None),
        }
    }

    /// A token that is good at `now`; with `renew` never the one that is kept.
    pub async fn get(&self, now: Timestamp, renew: bool) -> Result<SecretString> {
        let mut current = self.current.lock().await;
        if let Some((token, until)) = &*current
            && !renew
            && now < *until
        {
            return Ok(token.clone());
        }
        let granted = self.fetch().await?;
        let lifetime = SignedDuration::from_secs(granted.expires_in);
        let until = now.saturating_add(lifetime - EARLY).unwrap_or(now);
        *current = Some((granted.access_token.clone(), until));
        Ok(granted.access_token)
    }

    async fn fetch(&self) -> Result<Granted> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", self.refresh_token.expose_secret()),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
        ];
        let unavailable = |error: reqwest::Error| {
            Error::new(ErrorKind::Unavailable, "no access token could be fetched")
                .retry_after(Some(Duration::from_secs(5)))
                .caused_by(error.without_url())
        };
        let response = self
            .client
            .post(self.url.clone())
            .form(&form)
            .send()
            .await
            .map_err(unavailable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unavailable)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                Error::unexpected("the token answer cannot be read").caused_by(error)
            });
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the token service does not answer properly",
            )
            .with("status", status.as_str())
            .retry_after(None));
        }
        let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
        Err(Error::new(
            ErrorKind::Unauthorized,
            format!("no access token was granted: {} {}", refused.error, refused.error_description).trim().to_owned(),
        )
        .with("status", status.as_str())
        .hint("check `client_id`, `client_secret` and `refresh_token` of this channel; a refresh token may have expired or been revoked"))
    }
}
