//! Categories, tags and the shipping profile. Products name them by id only, so they are found or made first.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::api::{Api, Category, Id, Product, Tag, any_of};
use super::convert::{LEVELS, slug};
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::domain::{ErrorKind, Result};
use crate::http::Replay;

const CATEGORY_ID: &str = "pcat_";
/// Of one look-up.
const MOST: usize = 100;

/// What is known of the shop's terms, by the words of a catalog.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    categories: HashMap<String, String>,
    tags: HashMap<String, String>,
    /// `None` until it was asked for; then `None` of a shop that has none.
    shipping_profile: Option<Option<String>>,
    /// Categories that the shop does not take, and why.
    refused: HashMap<String, String>,
}

impl Terms {
    /// The id of a category, as a catalog writes it: its path, or the id itself.
    pub fn category<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        match path.starts_with(CATEGORY_ID) {
            true => Some(path),
            false => self.categories.get(path).map(String::as_str),
        }
    }

    pub fn tag(&self, value: &str) -> Option<&str> {
        self.tags.get(value).map(String::as_str)
    }

    pub fn shipping_profile(&self) -> Option<&str> {
        self.shipping_profile.as_ref()?.as_deref()
    }

    /// Why a listing cannot have its category.
    pub fn refusal(&self, listing: &Listing) -> Option<Issue> {
        let path = listing.category.as_ref()?;
        let reason = self.refused.get(path)?;
        let issue = Issue::error(
            "category_refused",
            format!("the shop refuses the category `{path}`: {reason}"),
        );
        Some(
            issue
                .field("category")
                .hint("make the category in the shop by hand, or name another one"),
        )
    }
}

/// [`Terms`] as far as they were needed yet.
#[derive(Debug, Default)]
pub struct Book {
    terms: Mutex<Terms>,
    /// Names of categories by id, for reading.
    names: Mutex<HashMap<String, String>>,
}

impl Book {
    /// Everything that these listings name, made where it is missing.
    ///
    /// Nothing of a listing was sent yet, so an error is never in doubt: making a term again finds it there.
    pub async fn prepare(&self, api: &Api, listings: &[&Listing]) -> Result<Terms> {
        // Held throughout, so that two batches do not make the same category.
        let mut terms = self.terms.lock().await;
        let prepared = fill(&mut terms, api, listings).await;
        prepared.map_err(|mut error| {
            error.in_doubt = false;
            error
        })?;
        Ok(terms.clone())
    }

    /// The paths of the products' categories by id, as a catalog writes them.
    pub async fn paths(&self, api: &Api, products: &[Product]) -> Result<HashMap<String, String>> {
        let mut names = self.names.lock().await;
        let stated = || products.iter().flat_map(|product| &product.categories);
        names.extend(stated().map(|category| (category.id.clone(), category.name.clone())));
        let ancestors: BTreeSet<&str> = stated()
            .flat_map(|category| category.mpath.split('.'))
            .filter(|id| !id.is_empty() && !names.contains_key(*id))
            .collect();
        let ancestors: Vec<&str> = ancestors.into_iter().collect();
        for portion in ancestors.chunks(MOST) {
            let mut query = any_of("id[]", portion);
            query.extend([("fields", "id,name"), ("limit", "100")]);
            let found = categories(api, &query).await?;
            names.extend(
                found
                    .into_iter()
                    .map(|category| (category.id, category.name)),
            );
        }
        let path = |category: &Category| path(category, &names);
        Ok(stated()
            .filter_map(|category| Some((category.id.clone(), path(category)?)))
            .collect())
    }
}

/// A path that [`Book::prepare`] finds again; what a path cannot say is named by its id.
fn path(category: &Category, names: &HashMap<String, String>) -> Option<String> {
    let levels: Option<Vec<&str>> = category
        .mpath
        .split('.')
        .map(|id| names.get(id).map(|name| name.trim()))
        .collect();
    let levels = levels.unwrap_or_default();
    if levels.is_empty()
        || levels
            .iter()
            .any(|name| name.is_empty() || name.contains(LEVELS))
    {
        return (!category.id.is_empty()).then(|| category.id.clone());
    }
    Some(levels.join(" > "))
}

async fn fill(terms: &mut Terms, api: &Api, listings: &[&Listing]) -> Result<()> {
    if terms.shipping_profile.is_none() {
        terms.shipping_profile = Some(default_profile(api).await?);
    }
    let tags: BTreeSet<&str> = listings
        .iter()
        .flat_map(|listing| &listing.tags)
        .map(String::as_str)
        .filter(|tag| !terms.tags.contains_key(*tag))
        .collect();
    let tags: Vec<&str> = tags.into_iter().collect();
    for portion in tags.chunks(MOST) {
        let found = find_tags(api, portion).await?;
        terms
            .tags
            .extend(found.into_iter().map(|tag| (tag.value, tag.id)));
    }
    for tag in tags {
        if !terms.tags.contains_key(tag) {
            let id = make_tag(api, tag).await?;
            terms.tags.insert(tag.to_owned(), id);
        }
    }
    let paths: BTreeSet<&String> = listings
        .iter()
        .filter_map(|listing| listing.category.as_ref())
        .filter(|path| terms.category(path).is_none() && !terms.refused.contains_key(*path))
        .collect();
    for path in paths {
        match category(terms, api, path).await {
            Ok(()) => {}
            Err(error) if error.kind == ErrorKind::Rejected => {
                terms.refused.insert(path.clone(), error.message);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Profiles {
    shipping_profiles: Vec<Id>,
}

/// Without a profile nothing can be shipped, and a cart cannot be paid.
async fn default_profile(api: &Api) -> Result<Option<String>> {
    let query = [("type", "default"), ("fields", "id"), ("limit", "1")];
    let reply = api
        .get("listShippingProfiles", "shipping-profiles", &query)
        .await?;
    let profiles = reply.json::<Profiles>()?.shipping_profiles;
    Ok(profiles.into_iter().next().map(|profile| profile.id))
}

#[derive(Deserialize)]
struct Tags {
    product_tags: Vec<Tag>,
}

async fn find_tags(api: &Api, values: &[&str]) -> Result<Vec<Tag>> {
    let mut query = any_of("value[]", values);
    query.extend([("fields", "id,value"), ("limit", "100")]);
    let reply = api.get("listTags", "product-tags", &query).await?;
    Ok(reply.json::<Tags>()?.product_tags)
}

#[derive(Deserialize)]
struct MadeTag {
    product_tag: Tag,
}

async fn make_tag(api: &Api, value: &str) -> Result<String> {
    let body = json!({ "value": value });
    let query = [("fields", "id,value")];
    // A second one of the same value is refused, so a repeat does no harm.
    let made = api
        .post("createTag", Replay::Safe, "product-tags", &query, &body)
        .await;
    match made {
        Ok(reply) => Ok(reply.json::<MadeTag>()?.product_tag.id),
        Err(error) if error.kind == ErrorKind::Rejected => {
            let found = find_tags(api, &[value]).await?;
            found.into_iter().next().map(|tag| tag.id).ok_or(error)
        }
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct Categories {
    product_categories: Vec<Category>,
}

async fn categories(api: &Api, query: &[(&str, &str)]) -> Result<Vec<Category>> {
    let reply = api
        .get("listCategories", "product-categories", query)
        .await?;
    Ok(reply.json::<Categories>()?.product_categories)
}

/// Finds or makes `Clothing > Shirts`, level by level.
async fn category(terms: &mut Terms, api: &Api, path: &str) -> Result<()> {
    let mut parent: Option<String> = None;
    let mut so_far = String::new();
    for name in path
        .split(LEVELS)
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        if !so_far.is_empty() {
            so_far.push_str(" > ");
        }
        so_far.push_str(name);
        let id = match terms.categories.get(&so_far) {
            Some(id) => id.clone(),
            None => {
                let id = match find_category(api, parent.as_deref(), name).await? {
                    Some(id) => id,
                    None => make_category(api, parent.as_deref(), name, &so_far).await?,
                };
                terms.categories.insert(so_far.clone(), id.clone());
                id
            }
        };
        parent = Some(id);
    }
    if let Some(id) = parent {
        terms.categories.insert(path.to_owned(), id);
    }
    Ok(())
}

async fn find_category(api: &Api, parent: Option<&str>, name: &str) -> Result<Option<String>> {
    // The search is for parts of words, so what it finds is compared.
    let query = [
        ("q", name),
        ("parent_category_id", parent.unwrap_or("null")),
        ("fields", "id,name"),
        ("limit", "100"),
    ];
    let found = categories(api, &query).await?;
    let same = |category: &Category| category.name.trim().to_lowercase() == name.to_lowercase();
    Ok(found.into_iter().find(same).map(|category| category.id))
}

#[derive(Deserialize)]
struct MadeCategory {
    product_category: Category,
}

async fn make_category(api: &Api, parent: Option<&str>, name: &str, path: &str) -> Result<String> {
    // By its own rule the shop makes the handle of the name alone, and then refuses the same name elsewhere.
    let handle = match slug(path) {
        handle if handle.is_empty() => name.to_lowercase(),
        handle => handle,
    };
    let body = json!({
        "name": name,
        "handle": handle,
        "is_active": true,
        "parent_category_id": parent,
    });
    let query = [("fields", "id,name")];
    let made = api
        .post(
            "createCategory",
            Replay::Safe,
            "product-categories",
            &query,
            &body,
        )
        .await;
    let error = match made {
        Ok(reply) => return Ok(reply.json::<MadeCategory>()?.product_category.id),
        Err(error) => error,
    };
    if error.kind != ErrorKind::Rejected {
        return Err(error);
    }
    // Made before, and the answer was lost; or the search does not find it.
    let query = [
        ("handle", handle.as_str()),
        ("fields", "id,name,parent_category_id"),
    ];
    let found = categories(api, &query).await?;
    let same = |category: &Category| {
        category.name.to_lowercase() == name.to_lowercase()
            && category.parent_category_id == parent.unwrap_or_default()
    };
    let found = found.into_iter().find(same);
    found.map(|category| category.id).ok_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_every_level_or_the_id_alone() {
        let names = [
            ("pcat_1", "Home"),
            ("pcat_2", "Mugs & cups"),
            ("pcat_3", "a > b"),
        ];
        let names = names
            .map(|(id, name)| (id.to_owned(), name.to_owned()))
            .into();
        let path = |id: &str, mpath: &str| {
            let category = Category {
                id: id.to_owned(),
                mpath: mpath.to_owned(),
                ..Category::default()
            };
            path(&category, &names)
        };
        assert_eq!(
            path("pcat_2", "pcat_1.pcat_2").as_deref(),
            Some("Home > Mugs & cups")
        );
        assert_eq!(path("pcat_3", "pcat_3").as_deref(), Some("pcat_3"));
        assert_eq!(path("pcat_4", "pcat_9.pcat_4").as_deref(), Some("pcat_4"));
    }
}
