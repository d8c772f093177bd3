//! Who we are to the shop: an API key, or an administrator's session that is opened when it is first needed.

use std::fmt;

use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use reqwest::{Request, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::api::{CHECK_URL, REDIRECTED};
use crate::domain::{Error, ErrorKind, Result};
use crate::http::{LazyClient, redirected};

const API_KEY: HeaderName = HeaderName::from_static("vendure-api-key");
const TOKEN: &str = "vendure-auth-token";

const LOGIN: &str = include_str!("documents/login.graphql");

/// The right to use the Admin API.
pub enum Credential {
    /// Vendure 3.6 and later, where the server allows it.
    ApiKey(SecretString),
    Administrator(Box<Session>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey",
            Self::Administrator(_) => "Administrator",
        })
    }
}

impl Credential {
    /// Adds what proves us to a request; with `renew` never the session that is open.
    pub async fn sign(&self, request: &mut Request, renew: bool) -> Result<()> {
        let (name, value) = match self {
            Self::ApiKey(key) => (API_KEY, header(key.expose_secret())?),
            Self::Administrator(session) => session.proof(renew).await?,
        };
        request.headers_mut().insert(name, value);
        Ok(())
    }
}

/// An administrator's log-in. Vendure extends a session with every use.
pub struct Session {
    client: LazyClient,
    url: Url,
    username: String,
    password: SecretString,
    current: Mutex<Option<(HeaderName, HeaderValue)>>,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<LoggedIn>,
}

#[derive(Deserialize)]
struct LoggedIn {
    login: Outcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    message: String,
}

impl Session {
    pub fn new(client: &LazyClient, url: Url, username: String, password: SecretString) -> Self {
        Self {
            client: client.clone(),
            url,
            username,
            password,
            current: Mutex::new(None),
        }
    }

    async fn proof(&self, renew: bool) -> Result<(HeaderName, HeaderValue)> {
        let mut current = self.current.lock().await;
        if let Some(proof) = &*current
            && !renew
        {
            return Ok(proof.clone());
        }
        *current = None;
        let proof = self.log_in().await?;
        *current = Some(proof.clone());
        Ok(proof)
    }

    async fn log_in(&self) -> Result<(HeaderName, HeaderValue)> {
        let unavailable = |error: reqwest::Error| {
            Error::new(
                ErrorKind::Unavailable,
                "the shop cannot be reached to log in",
            )
            .retry_after(None)
            .caused_by(error.without_url())
        };
        let body = json!({
            "query": LOGIN,
            "variables": {"username": self.username, "password": self.password.expose_secret()},
        });
        let response = self
            .client
            .get()?
            .post(self.url.clone())
            .json(&body)
            .send()
            .await
            .map_err(unavailable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() {
            return Err(redirected(&headers, REDIRECTED));
        }
        let body = response.bytes().await.map_err(unavailable)?;
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the shop does not let anybody log in at the moment",
            )
            .with("status", status.as_str())
            .retry_after(None));
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
            Error::config("what answers at `url` is not Vendure's Admin API")
                .with("status", status.as_str())
                .caused_by(error)
                .hint(CHECK_URL)
        })?;
        let refused = match answer.data {
            Some(data) if data.login.error_code.is_empty() => None,
            Some(data) => Some(data.login.message),
            None => Some("the shop refused the log-in".to_owned()),
        };
        if let Some(message) = refused {
            return Err(Error::new(ErrorKind::Unauthorized, message)
                .hint("check `username` and `secret` of this channel: an administrator's e-mail address and password"));
        }
        proof_of(&headers).ok_or_else(|| {
            Error::config("the shop logs us in but hands out neither a token nor a cookie").hint(
                "`authOptions.tokenMethod` of the server must contain \"bearer\" or \"cookie\"",
            )
        })
    }
}

/// The session as the server hands it out: a token where that is switched on, else its cookies.
fn proof_of(headers: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
    if let Some(token) = headers.get(TOKEN).and_then(|value| value.to_str().ok()) {
        let bearer = header(&format!("Bearer {token}")).ok()?;
        return Some((reqwest::header::AUTHORIZATION, bearer));
    }
    let cookies: Vec<&str> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .collect();
    let cookies = (!cookies.is_empty()).then(|| cookies.join("; "))?;
    Some((COOKIE, header(&cookies).ok()?))
}

fn header(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Error::config("`secret` holds characters that no header may have"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_before_cookies() {
        let mut headers = HeaderMap::new();
        assert!(proof_of(&headers).is_none());
        headers.append(SET_COOKIE, "session=abc; path=/; httponly".parse().unwrap());
        headers.append(SET_COOKIE, "session.sig=def; path=/".parse().unwrap());
        let (name, value) = proof_of(&headers).unwrap();
        assert_eq!(
            (name, value.to_str().unwrap()),
            (COOKIE, "session=abc; session.sig=def")
        );
        headers.insert(TOKEN, "t0k".parse().unwrap());
        let (_, value) = proof_of(&headers).unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer t0k");
        assert!(!format!("{value:?}").contains("t0k"));
    }
}
