//! Names and keys, each with a type of its own so that one cannot stand where another belongs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// The text itself, shared and not copied.
        impl From<&$name> for Arc<str> {
            fn from(id: &$name) -> Self {
                id.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_id! {
    /// The seller's own key of one sellable thing; the join key between catalog, channels and orders.
    Sku,
    /// One account on one marketplace, as named in `channels.toml`.
    ChannelName,
    /// The channel's own id of a listing. Only its connector can read it.
    ListingRef,
    /// The channel's id of an order.
    ChannelOrderId,
    /// The channel's id of one line of an order.
    LineId,
    /// The channel's id of work that it accepted for later.
    SubmissionId,
    /// Position inside one read of a list; dies with the run.
    PageToken,
    /// One invocation that may write: `2026-11-21T09:15:02Z-1f3a`, sorts by time.
    RunId,
    /// Sent with a write, and again with every repeat of that same write.
    IdempotencyKey,
}
