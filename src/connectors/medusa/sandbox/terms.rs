//! Categories and tags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::wire::{Answer, Refusal, known_fields, text};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Terms {
    pub categories: BTreeMap<String, Category>,
    /// Values by id.
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Category {
    pub name: String,
    pub handle: String,
    pub parent: Option<String>,
}

impl Terms {
    pub fn tag(&self, id: &str) -> Option<Value> {
        let value = self.tags.get(id)?;
        Some(json!({ "id": id, "value": value }))
    }

    pub fn category(&self, id: &str) -> Option<Value> {
        let category = self.categories.get(id)?;
        Some(json!({
            "id": id,
            "name": category.name,
            "handle": category.handle,
            "parent_category_id": category.parent,
            "mpath": self.path(id),
            "is_active": true,
        }))
    }

    /// Ids from the root, with dots between them.
    fn path(&self, id: &str) -> String {
        let parent = self
            .categories
            .get(id)
            .and_then(|category| category.parent.as_deref());
        match parent {
            Some(parent) => format!("{}.{id}", self.path(parent)),
            None => id.to_owned(),
        }
    }

    pub fn create_tag(&mut self, id: String, body: &Map<String, Value>) -> Answer<Value> {
        known_fields(body, &["value", "external_id", "metadata"])?;
        let value = text(body, "value")
            .ok_or_else(|| Refusal::invalid("Invalid request: Field 'value' is required"))?;
        if self.tags.values().any(|known| known == value) {
            return Err(Refusal::invalid(format!(
                "Product tag with value: {value}, already exists."
            )));
        }
        self.tags.insert(id.clone(), value.to_owned());
        Ok(self.tag(&id).unwrap_or_default())
    }

    pub fn create_category(&mut self, id: String, body: &Map<String, Value>) -> Answer<Value> {
        known_fields(
            body,
            &[
                "name",
                "description",
                "handle",
                "is_internal",
                "is_active",
                "parent_category_id",
                "external_id",
                "metadata",
                "rank",
            ],
        )?;
        let name = text(body, "name")
            .ok_or_else(|| Refusal::invalid("Invalid request: Field 'name' is required"))?;
        let handle = match text(body, "handle") {
            Some(handle) => handle.to_owned(),
            None => name.to_lowercase().replace(' ', "-"),
        };
        // In the whole shop, not below one parent.
        if self.categories.values().any(|known| known.handle == handle) {
            return Err(Refusal::invalid(format!(
                "Product category with handle: {handle}, already exists."
            )));
        }
        let category = Category {
            name: name.to_owned(),
            handle,
            parent: text(body, "parent_category_id").map(str::to_owned),
        };
        self.categories.insert(id.clone(), category);
        Ok(self.category(&id).unwrap_or_default())
    }
}
