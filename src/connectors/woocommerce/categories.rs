//! Categories by their path. Products name them by id only, so they are found or made first.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;

use super::api::{Api, Term};
use super::entities;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

/// Between the levels of a path, as the shop's own CSV export writes it.
const LEVELS: char = '>';

/// Ids by parent and lower-case name.
#[derive(Debug, Default)]
pub struct Categories(Mutex<HashMap<(u64, String), u64>>);

impl Categories {
    /// The id of `Clothing > Shirts`, made where it is missing. A number is an id already.
    pub async fn id(&self, api: &Api, path: &str) -> Result<Option<u64>> {
        if let Ok(id) = path.trim().parse() {
            return Ok(Some(id));
        }
        // Held throughout, so that two batches do not make the same category.
        let mut known = self.0.lock().await;
        let mut parent = 0;
        for name in path.split(LEVELS).map(str::trim) {
            if name.is_empty() {
                continue;
            }
            let key = (parent, name.to_lowercase());
            parent = match known.get(&key) {
                Some(id) => *id,
                None => {
                    let id = match find(api, parent, name).await? {
                        Some(id) => id,
                        None => create(api, parent, name).await?,
                    };
                    known.insert(key, id);
                    id
                }
            };
        }
        Ok((parent > 0).then_some(parent))
    }
}

async fn find(api: &Api, parent: u64, name: &str) -> Result<Option<u64>> {
    let parent_text = parent.to_string();
    let query = [
        ("search", name),
        ("parent", parent_text.as_str()),
        ("per_page", "100"),
        ("_fields", "id,name,parent"),
    ];
    let listed = api
        .list::<Term>("listCategories", "products/categories", &query)
        .await?;
    Ok(listed
        .items
        .iter()
        .find(|term| {
            term.parent == parent
                && entities::decode(&term.name).to_lowercase() == name.to_lowercase()
        })
        .map(|term| term.id))
}

async fn create(api: &Api, parent: u64, name: &str) -> Result<u64> {
    let body = json!({ "name": name, "parent": parent });
    // A second one of the same name below the same parent is refused, so a repeat does no harm.
    let created = api
        .write(
            "createCategory",
            Replay::Safe,
            Method::POST,
            "products/categories",
            &body,
        )
        .await;
    match created {
        Ok(reply) => Ok(reply.json::<Term>()?.id),
        Err(error) => existing(error),
    }
}

/// The search misses names with special characters; the refusal to make them again tells their id.
fn existing(error: Error) -> Result<u64> {
    let id = error
        .context
        .iter()
        .find(|(key, _)| *key == super::api::RESOURCE)
        .and_then(|(_, id)| id.parse().ok());
    match id {
        Some(id) if error.kind == ErrorKind::Rejected => Ok(id),
        _ => Err(error),
    }
}
