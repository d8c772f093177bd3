//! A REST API below one address.

use reqwest::{Client, Method, Url};
use serde_json::Value;

use super::{ChannelHttp, Replay, Reply};
use crate::domain::capability::Endpoint;
use crate::domain::{Error, Result};

#[derive(Debug)]
pub struct Rest {
    http: ChannelHttp,
    base: Url,
}

impl Rest {
    /// `url` is the server's own address; `path` leads from there to the API, with a slash at its end.
    pub fn new(url: &Url, path: &str, http: ChannelHttp) -> Result<Self> {
        let text = format!("{}/{path}", url.as_str().trim_end_matches('/'));
        let base = Url::parse(&text).map_err(|error| {
            Error::config("`url` cannot be extended by a path").caused_by(error)
        })?;
        Ok(Self { http, base })
    }

    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    fn address(&self, path: &str) -> Result<Url> {
        self.base.join(path).map_err(|error| {
            Error::unexpected("a path does not fit the shop's address").caused_by(error)
        })
    }

    /// Reads. An error is never in doubt: a read carries nothing out.
    pub async fn get(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Reply> {
        let url = self.address(path)?;
        let build = |client: &Client| client.get(url.clone()).query(query);
        let sent = self.http.send(endpoint, Replay::Safe, build).await;
        sent.map_err(|mut error| {
            error.in_doubt = false;
            error
        })
    }

    /// Writes a JSON document.
    pub async fn write(
        &self,
        endpoint: Endpoint,
        replay: Replay,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: &Value,
    ) -> Result<Reply> {
        let url = self.address(path)?;
        let build = |client: &Client| {
            let request = client.request(method.clone(), url.clone());
            request.query(query).json(body)
        };
        self.http.send(endpoint, replay, build).await
    }
}
