//! What differs between kinds: a store on the server, its import file, what it shows.

mod medusa;
mod vendure;

use async_trait::async_trait;

use crate::Result;
use crate::catalog::Catalog;
use crate::server::Server;
use crate::verdict::Shown;

pub const KINDS: [&str; 2] = ["vendure", "medusa"];

/// A sales channel of a server, with one stock location.
#[derive(Clone, Debug)]
pub struct Store {
    /// Vendure's token of the channel, Medusa's id of it.
    pub channel: String,
    pub location: String,
}

#[async_trait]
pub trait Shop: Send + Sync {
    fn kind(&self) -> &'static str;

    /// In which stores sell, `EUR`.
    fn currency(&self) -> &str;

    async fn make_store(&self, mark: &str) -> Result<Store>;

    /// How skucast reaches the store by this address.
    fn settings(&self, store: &Store, url: &str) -> Vec<(&'static str, String)>;

    /// How a script reaches the store by this address.
    fn environment(&self, store: &Store, url: &str) -> Vec<(&'static str, String)>;

    /// The catalog as the store's own importer reads it.
    fn import_file(&self, catalog: &Catalog, store: &Store) -> Result<String>;

    /// What the store shows, to the last page.
    async fn goods(&self, store: &Store) -> Result<Vec<Shown>>;

    /// Takes away the goods of earlier stores. Where stores share nothing there is nothing to do.
    async fn clear(&self) -> Result<()> {
        Ok(())
    }
}

pub async fn open(kind: &str, server: &Server) -> Result<Box<dyn Shop>> {
    Ok(match kind {
        "medusa" => Box::new(medusa::Medusa::open(server).await?),
        _ => Box::new(vendure::Vendure::open(server).await?),
    })
}

/// Loopback, and nothing between us and it. Servers close idle connections without a word.
fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .pool_idle_timeout(std::time::Duration::from_secs(2))
        .build()?)
}
