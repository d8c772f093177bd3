//! Files from hosts that are no channel: a picture that a catalog names by its address.
//!
//! A plain GET without a credential. A catalog may come from somebody else, so that no more is done than it takes:
//! only `http` and `https`, few redirects, an end to waiting, and an end to what is read. Addresses of a private network
//! are not refused: pictures on a machine of the seller's own are usual, and what is read goes to the seller's own shop.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use super::{HttpContext, HttpOptions, USER_AGENT};
use crate::domain::{Error, Result};
use crate::halt::Halt;

const MOST_REDIRECTS: usize = 5;
/// Tries of one file in all.
const MOST_TRIES: usize = 3;
const LONGEST_CONNECT: Duration = Duration::from_secs(5);
/// Without a byte.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// A file that has arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// As the host says, in lower case and without parameters.
    pub content_type: Option<String>,
    pub content: Vec<u8>,
}

/// Why there is no file.
#[derive(Debug)]
pub enum DownloadError {
    /// The host does not answer at all.
    Unreachable,
    /// It began to answer, and did not come to an end.
    Broken,
    Refused(StatusCode),
    /// The address leads in circles, or to where no file is fetched from.
    Astray,
    TooLarge,
    /// The run ends.
    Halted(Error),
}

impl DownloadError {
    fn is_worth_a_repeat(&self) -> bool {
        match self {
            Self::Unreachable | Self::Broken => true,
            Self::Refused(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Astray | Self::TooLarge | Self::Halted(_) => false,
        }
    }
}

#[derive(Debug)]
pub struct Downloads {
    client: Client,
    options: HttpOptions,
    halt: Halt,
}

/// Whether files are fetched from such an address. A password in it would be shown wherever the address is.
pub fn is_fetched(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
}

impl Downloads {
    pub fn new(context: &HttpContext) -> Result<Self> {
        let client = Client::builder()
            .timeout(context.options.timeout)
            .connect_timeout(LONGEST_CONNECT)
            .read_timeout(LONGEST_SILENCE)
            .user_agent(USER_AGENT)
            .referer(false)
            .redirect(Policy::custom(|attempt| {
                if attempt.previous().len() > MOST_REDIRECTS {
                    attempt.error("too many redirects")
                } else if !is_fetched(attempt.url()) {
                    attempt.error("no address of the web")
                } else {
                    attempt.follow()
                }
            }))
            .build()
            .map_err(|error| Error::unexpected("the HTTP client cannot start").caused_by(error))?;
        Ok(Self {
            client,
            options: context.options.clone(),
            halt: context.halt.clone(),
        })
    }

    /// Fetches a file of at most `largest` bytes. What may be a passing trouble is tried again.
    pub async fn get(&self, url: &Url, largest: usize) -> Result<Downloaded, DownloadError> {
        if !is_fetched(url) {
            return Err(DownloadError::Astray);
        }
        let tries = self.options.attempts.clamp(1, MOST_TRIES);
        let mut backoffs = ExponentialBuilder::default()
            .with_min_delay(self.options.first_backoff)
            .with_max_delay(self.options.longest_backoff)
            .with_max_times(tries - 1)
            .with_jitter()
            .build();
        loop {
            let error = match self.attempt(url, largest).await {
                Ok(file) => return Ok(file),
                Err(error) => error,
            };
            let Some(wait) = backoffs.next().filter(|_| error.is_worth_a_repeat()) else {
                return Err(error);
            };
            tracing::debug!(host = url.host_str(), ?error, "trying again");
            self.halt.sleep(wait).await.map_err(DownloadError::Halted)?;
        }
    }

    async fn attempt(&self, url: &Url, largest: usize) -> Result<Downloaded, DownloadError> {
        let answer = self.client.get(url.clone()).send().await;
        let mut response = answer.map_err(|error| {
            if error.is_redirect() {
                DownloadError::Astray
            } else {
                DownloadError::Unreachable
            }
        })?;
        // What leads out of the web is not followed, and comes as it is.
        if response.status().is_redirection() {
            return Err(DownloadError::Astray);
        }
        if !response.status().is_success() {
            return Err(DownloadError::Refused(response.status()));
        }
        let promised = response.content_length().unwrap_or(0);
        if usize::try_from(promised).map_or(true, |promised| promised > largest) {
            return Err(DownloadError::TooLarge);
        }
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| DownloadError::Broken)? {
            if content.len() + chunk.len() > largest {
                return Err(DownloadError::TooLarge);
            }
            content.extend_from_slice(&chunk);
        }
        Ok(Downloaded {
            content_type: content_type(&response),
            content,
        })
    }
}

fn content_type(response: &Response) -> Option<String> {
    let text = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = text.split(';').next()?.trim().to_ascii_lowercase();
    (!kind.is_empty()).then_some(kind)
}

#[cfg(test)]
mod tests;
