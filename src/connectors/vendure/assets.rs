//! The shop's files: looked up by where they came from, and uploaded.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::addresses::Asset;
use super::api::{Api, List};
use super::documents;
use crate::domain::Result;
use crate::http::form::FormFile;

/// Tags of one look-up: each may be as long as an address.
const TAGS_AT_ONCE: usize = 200;

/// Ids of assets by what they are known by.
pub type Known = HashMap<String, String>;

/// A file on its way.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Where it came from.
    pub mark: String,
    pub name: String,
    pub content_type: String,
    pub content: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    assets: List<Asset>,
    products: List<Shown>,
    product_variants: List<Shown>,
}

#[derive(Deserialize)]
struct Shown {
    assets: Vec<Asset>,
}

/// The assets that have one of these marks, and those that some products and variants show already.
pub async fn look_up(
    api: &Api,
    marks: &[&str],
    products: &[&str],
    variants: &[&str],
) -> Result<Known> {
    let mut known = Known::new();
    for (at, tags) in marks.chunks(TAGS_AT_ONCE).enumerate() {
        let (products, variants) = if at == 0 {
            (products, variants)
        } else {
            (&[][..], &[][..])
        };
        let variables = json!({"tags": tags, "products": products, "variants": variants});
        let found: Found = api.query("assets", documents::ASSETS, variables).await?;
        let shown = [found.products.items, found.product_variants.items];
        let shown = shown.into_iter().flatten().flat_map(|one| one.assets);
        // Of several from one address, the oldest.
        for asset in found.assets.items.into_iter().chain(shown) {
            for mark in asset.marks() {
                known.entry(mark).or_insert_with(|| asset.id.clone());
            }
        }
    }
    Ok(known)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    create_assets: Vec<CreatedAsset>,
}

/// What became of one file: an asset, or why it is none.
#[derive(Deserialize)]
struct CreatedAsset {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    message: String,
}

/// Uploads files in one transaction. Answers each with its id, or with the shop's reason.
pub async fn upload(api: &Api, pictures: &[Picture]) -> Result<Vec<Result<String, String>>> {
    let input: Vec<Value> = pictures
        .iter()
        .map(|picture| json!({"file": null, "tags": [picture.mark]}))
        .collect();
    let files: Vec<(String, FormFile)> = pictures
        .iter()
        .enumerate()
        .map(|(at, picture)| {
            let file = FormFile {
                name: &picture.name,
                content_type: &picture.content_type,
                content: &picture.content,
            };
            (format!("variables.input.{at}.file"), file)
        })
        .collect();
    let created: Created = api
        .upload(
            "createAssets",
            documents::CREATE_ASSETS,
            json!({"input": input}),
            &files,
        )
        .await?;
    let told = created.create_assets.into_iter();
    let mut told = told.map(|asset| asset.id.ok_or(asset.message));
    let left_out = || Err("the shop left it out of its answer".to_owned());
    Ok(pictures
        .iter()
        .map(|_| told.next().unwrap_or_else(left_out))
        .collect())
}
