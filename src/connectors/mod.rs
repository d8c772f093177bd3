//! One folder per kind of channel, and one line here.

use crate::config::settings::Settings;
use crate::domain::Result;
use crate::domain::capability::Descriptor;
use crate::domain::connector::Connector;
use crate::domain::ids::ChannelName;
use crate::http::HttpContext;
use crate::sandbox::Sandbox;

/// What a connector is built with beside its settings.
#[derive(Clone, Debug)]
pub struct Environment {
    pub channel: ChannelName,
    pub http: HttpContext,
}

/// Everything that the rest of the program knows of one kind of channel.
pub struct Factory {
    pub descriptor: &'static Descriptor,
    /// Checks the settings as a whole and builds the connector. Contacts nobody.
    pub build: fn(&Settings, &Environment) -> Result<Box<dyn Connector>>,
    /// An empty emulation of the channel; `None` where the channel is not a server.
    pub sandbox: Option<fn() -> Box<dyn Sandbox>>,
}

macro_rules! connectors {
    ($($kind:ident),* $(,)?) => {
        $(pub mod $kind;)*

        /// Every connector of this program.
        pub static REGISTRY: &[&Factory] = &[$(&$kind::FACTORY),*];
    };
}

connectors! { amazon, feed, medusa, shopify, vendure, woocommerce }

/// The connector for `kind` in channels.toml.
pub fn find(kind: &str) -> Option<&'static Factory> {
    REGISTRY
        .iter()
        .copied()
        .find(|factory| factory.descriptor.kind == kind)
}

#[cfg(test)]
mod test_kit;
