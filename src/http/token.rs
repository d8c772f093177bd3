//! Access tokens that are fetched, kept until shortly before they expire, and renewed once when refused.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::LazyClient;
use crate::domain::{Error, ErrorKind, Result};

/// Tokens are renewed so long before they end.
const EARLY: SignedDuration = SignedDuration::from_secs(60);

/// How a token is asked for (RFC 6749). The client's credentials travel in the form.
enum Grant {
    /// Section 6.
    RefreshToken(SecretString),
    /// Section 4.4.
    ClientCredentials,
}

/// Where the access tokens of one account come from.
pub struct TokenSource {
    client: LazyClient,
    url: Url,
    client_id: String,
    client_secret: SecretString,
    grant: Grant,
    current: Mutex<Option<(SecretString, Timestamp)>>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
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

impl TokenSource {
    pub fn refresh_token(
        client: &LazyClient,
        url: Url,
        client_id: String,
        client_secret: SecretString,
        refresh_token: SecretString,
    ) -> Self {
        let grant = Grant::RefreshToken(refresh_token);
        Self::new(client, url, client_id, client_secret, grant)
    }

    pub fn client_credentials(
        client: &LazyClient,
        url: Url,
        client_id: String,
        client_secret: SecretString,
    ) -> Self {
        Self::new(
            client,
            url,
            client_id,
            client_secret,
            Grant::ClientCredentials,
        )
    }

    fn new(
        client: &LazyClient,
        url: Url,
        client_id: String,
        client_secret: SecretString,
        grant: Grant,
    ) -> Self {
        Self {
            client: client.clone(),
            url,
            client_id,
            client_secret,
            grant,
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
        let mut form = vec![
            ("client_id", &*self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
        ];
        let hint = match &self.grant {
            Grant::RefreshToken(token) => {
                form.push(("grant_type", "refresh_token"));
                form.push(("refresh_token", token.expose_secret()));
                "check `client_id`, `client_secret` and `refresh_token` of this channel; a refresh token may have expired or been revoked"
            }
            Grant::ClientCredentials => {
                form.push(("grant_type", "client_credentials"));
                "check `client_id` and `client_secret` of this channel, and that the app is installed"
            }
        };
        let unavailable = |error: reqwest::Error| {
            Error::new(ErrorKind::Unavailable, "no access token could be fetched")
                .retry_after(Some(Duration::from_secs(5)))
                .caused_by(error.without_url())
        };
        let response = self
            .client
            .get()?
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
            format!(
                "no access token was granted: {} {}",
                refused.error, refused.error_description
            )
            .trim()
            .to_owned(),
        )
        .with("status", status.as_str())
        .hint(hint))
    }
}
