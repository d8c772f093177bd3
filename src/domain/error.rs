//! One error for the whole library: what kind, whether a repeat may help, where, and what to do next.

use std::fmt;
use std::time::Duration;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as the caller's next step depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration, the command line or a file of the seller's cannot be used.
    ConfigInvalid,
    /// The channel does not accept the credential.
    Unauthorized,
    /// The credential is good but may not do this.
    Forbidden,
    NotFound,
    Conflict,
    /// The channel refused the content of the request.
    Rejected,
    RateLimited,
    /// The connector does not offer this.
    Unsupported,
    /// The channel is down, slow or unreachable.
    Unavailable,
    /// The run's time or request budget ended first.
    Budget,
    /// The channel answered something its documentation does not allow, or an invariant of ours broke.
    Unexpected,
}

/// Whether the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// Worth repeating, not before this time has passed when the channel said so.
    After(Option<Duration>),
    /// Was worth repeating; the repeats are used up.
    Exhausted,
}

#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    pub retry: Retry,
    pub message: String,
    /// `true` when the request may have been carried out although no proper answer came.
    pub in_doubt: bool,
    pub context: Vec<(&'static str, String)>,
    pub hints: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            retry: Retry::Never,
            message: message.into(),
            in_doubt: false,
            context: Vec::new(),
            hints: Vec::new(),
            source: None,
        }
    }

    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ConfigInvalid, message)
    }

    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    pub fn unsupported(operation: &'static str) -> Self {
        Self::new(
            ErrorKind::Unsupported,
            format!("this channel does not offer `{operation}`"),
        )
    }

    /// Adds where it happened: `("channel", "amazon-de")`, `("request id", "…")`.
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.context.push((key, value.into()));
        self
    }

    /// Adds what the seller can do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry = Retry::After(wait);
        self
    }

    pub fn in_doubt(mut self) -> Self {
        self.in_doubt = true;
        self
    }

    /// The repeats that a temporary error was worth are used up.
    pub fn exhausted(mut self) -> Self {
        self.retry = Retry::Exhausted;
        self
    }

    /// The same error once more, for another item that it concerns: errors are not cloned, because of their source.
    pub fn again(&self) -> Self {
        Self {
            retry: self.retry,
            in_doubt: self.in_doubt,
            context: self.context.clone(),
            hints: self.hints.clone(),
            ..Self::new(self.kind, self.message.clone())
        }
    }

    pub fn is_temporary(&self) -> bool {
        matches!(self.retry, Retry::After(_) | Retry::Exhausted)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.context.is_empty() {
            let parts: Vec<_> = self
                .context
                .iter()
                .map(|(key, value)| format!("{key} {value}"))
                .collect();
            write!(f, " ({})", parts.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
