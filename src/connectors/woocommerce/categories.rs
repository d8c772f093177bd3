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

/// Most terms of one answer.
const PER_PAGE: usize = 100;
/// No shop nests its categories deeper; a plugin that makes a circle of them must not hold up the reading.
const DEEPEST: usize = 20;

#[derive(Debug, Default)]
pub struct Categories {
    /// Ids by parent and lower-case name.
    ids: Mutex<HashMap<(u64, String), u64>>,
    /// Parents and names by id; a category that is gone has no name.
    names: Mutex<HashMap<u64, (u64, String)>>,
}

impl Categories {
    /// The id of `Clothing > Shirts`, made where it is missing. A number is an id already.
    pub async fn id(&self, api: &Api, path: &str) -> Result<Option<u64>> {
        if let Ok(id) = path.trim().parse() {
            return Ok(Some(id));
        }
        // Held throughout, so that two batches do not make the same category.
        let mut known = self.ids.lock().await;
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

    /// The paths of these ids. What is not known yet is asked for, level by level.
    pub async fn paths(&self, api: &Api, ids: &[u64]) -> Result<HashMap<u64, String>> {
        let mut names = self.names.lock().await;
        let mut level: Vec<u64> = ids.to_vec();
        for _ in 0..DEEPEST {
            let mut unknown: Vec<u64> = level
                .iter()
                .filter(|id| **id > 0 && !names.contains_key(id))
                .copied()
                .collect();
            unknown.sort_unstable();
            unknown.dedup();
            for portion in unknown.chunks(PER_PAGE) {
                let terms = by_id(api, portion).await?;
                names.extend(portion.iter().map(|id| (*id, (0, String::new()))));
                names.extend(
                    terms
                        .into_iter()
                        .map(|term| (term.id, (term.parent, entities::decode(&term.name)))),
                );
            }
            level = level
                .iter()
                .filter_map(|id| names.get(id).map(|(parent, _)| *parent))
                .filter(|parent| *parent > 0)
                .collect();
            if level.is_empty() {
                break;
            }
        }
        Ok(ids
            .iter()
            .filter_map(|id| Some((*id, path(*id, &names)?)))
            .collect())
    }
}

/// As a catalog writes it, so that [`Categories::id`] finds it again: what a path cannot say is named by its id.
fn path(id: u64, names: &HashMap<u64, (u64, String)>) -> Option<String> {
    let mut levels: Vec<&str> = Vec::new();
    let mut at = id;
    while at > 0 && levels.len() < DEEPEST {
        let (parent, name) = names.get(&at)?;
        levels.push(name.trim());
        at = *parent;
    }
    if levels.iter().any(|name| name.is_empty()) {
        return None;
    }
    let is_id = levels.len() == 1 && levels[0].parse::<u64>().is_ok();
    if is_id || levels.iter().any(|name| name.contains(LEVELS)) {
        return Some(id.to_string());
    }
    levels.reverse();
    Some(levels.join(" > "))
}

async fn by_id(api: &Api, ids: &[u64]) -> Result<Vec<Term>> {
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    let include = ids.join(",");
    let query = [
        ("include", include.as_str()),
        ("per_page", "100"),
        ("_fields", "id,name,parent"),
    ];
    let listed = api
        .list::<Term>("listCategories", "products/categories", &query)
        .await?;
    Ok(listed.items)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_every_level_or_the_id_alone() {
        let names = [
            (1, (0, "Home")),
            (2, (1, "Mugs & cups")),
            (3, (0, "2024")),
            (4, (1, "a > b")),
            (5, (9, "orphan")),
            (6, (7, "egg")),
            (7, (6, "hen")),
            (8, (0, "")),
        ]
        .map(|(id, (parent, name))| (id, (parent, name.to_owned())))
        .into();
        let path = |id| path(id, &names);
        assert_eq!(path(2).as_deref(), Some("Home > Mugs & cups"));
        assert_eq!(
            path(3).as_deref(),
            Some("3"),
            "a number would be taken for an id"
        );
        assert_eq!(path(4).as_deref(), Some("4"));
        assert_eq!(path(5), None);
        assert!(path(6).is_some(), "a circle ends");
        assert_eq!(path(8), None);
    }
}
