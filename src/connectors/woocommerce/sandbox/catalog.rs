//! Products, variations, terms and pictures, with the rules that hold between them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::product::{Attribute, Product, text_of};
use super::text;
use super::wire::{WpError, WpResult};

/// Which list of terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Taxonomy {
    Category,
    Tag,
    Brand,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Term {
    pub id: u64,
    pub taxonomy: Taxonomy,
    pub name: String,
    pub slug: String,
    pub parent: u64,
    pub description: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Picture {
    pub id: u64,
    pub src: String,
    pub name: String,
    pub alt: String,
    pub added: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Catalog {
    /// Everything has an id from one row, as posts of WordPress have.
    last_id: u64,
    pub products: BTreeMap<u64, Product>,
    /// Lower-case skus to their owners, trash included: many skus, one look-up.
    owners: BTreeMap<String, u64>,
    gtins: BTreeMap<String, u64>,
    children: BTreeMap<u64, BTreeSet<u64>>,
    pub terms: BTreeMap<u64, Term>,
    pub pictures: BTreeMap<u64, Picture>,
    /// Successful creations by sku.
    pub created: BTreeMap<String, u64>,
    pub default_category: u64,
}

impl Default for Catalog {
    fn default() -> Self {
        let default_category = 15;
        let uncategorized = Term {
            id: default_category,
            taxonomy: Taxonomy::Category,
            name: "Uncategorized".to_owned(),
            slug: "uncategorized".to_owned(),
            parent: 0,
            description: String::new(),
        };
        Self {
            last_id: default_category,
            products: BTreeMap::new(),
            owners: BTreeMap::new(),
            gtins: BTreeMap::new(),
            children: BTreeMap::new(),
            terms: BTreeMap::from([(default_category, uncategorized)]),
            pictures: BTreeMap::new(),
            created: BTreeMap::new(),
            default_category,
        }
    }
}

impl Catalog {
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn variations_of(&self, parent: u64) -> impl Iterator<Item = &Product> {
        self.children
            .get(&parent)
            .into_iter()
            .flatten()
            .filter_map(|id| self.products.get(id))
    }

    /// By a buyer's or an order's sku; the trash is not found.
    pub fn by_sku(&self, sku: &str) -> Option<&Product> {
        let id = self.owners.get(&sku.to_lowercase())?;
        self.products
            .get(id)
            .filter(|product| product.status != "trash")
    }

    /// Its own sku, or its parent's for a variation without one.
    pub fn sku_of<'a>(&'a self, product: &'a Product) -> &'a str {
        match self.products.get(&product.parent_id) {
            Some(parent) if product.sku.is_empty() => &parent.sku,
            _ => &product.sku,
        }
    }

    pub fn name_of(&self, product: &Product) -> String {
        let Some(parent) = self.products.get(&product.parent_id) else {
            return product.name.clone();
        };
        let options: Vec<_> = product
            .attributes
            .iter()
            .flat_map(|attribute| &attribute.options)
            .cloned()
            .collect();
        match options.is_empty() {
            true => parent.name.clone(),
            false => format!("{} - {}", parent.name, options.join(", ")),
        }
    }

    /// A product that can be bought now.
    pub fn is_live(&self, product: &Product) -> bool {
        product.status == "publish"
            && self
                .products
                .get(&product.parent_id)
                .is_none_or(|parent| parent.status == "publish")
    }

    pub fn create(
        &mut self,
        parent: u64,
        fields: &Map<String, Value>,
        base_url: &str,
        now: Timestamp,
    ) -> WpResult<u64> {
        if fields
            .get("id")
            .is_some_and(|id| !id.is_null() && id != &json!(0))
        {
            return Err(WpError::new(
                400,
                "woocommerce_rest_product_exists",
                "Cannot create existing product.",
            ));
        }
        let mut product = Product::new(0, parent, now);
        if parent == 0 {
            product.name = "Product".to_owned();
            product.categories = vec![self.default_category];
        }
        self.fill(&mut product, fields, base_url)?;
        product.id = self.next_id();
        if !product.sku.is_empty() {
            *self.created.entry(product.sku.clone()).or_default() += 1;
        }
        let id = product.id;
        self.keep(product);
        Ok(id)
    }

    pub fn update(
        &mut self,
        id: u64,
        fields: &Map<String, Value>,
        base_url: &str,
        now: Timestamp,
    ) -> WpResult<()> {
        let Some(mut product) = self.products.get(&id).cloned() else {
            return Err(WpError::new(
                400,
                "woocommerce_rest_product_invalid_id",
                "Invalid ID.",
            ));
        };
        self.fill(&mut product, fields, base_url)?;
        product.modified = now;
        self.keep(product);
        Ok(())
    }

    pub fn trash(&mut self, id: u64, now: Timestamp) {
        if let Some(mut product) = self.products.get(&id).cloned() {
            product.status = "trash".to_owned();
            product.modified = now;
            self.keep(product);
        }
    }

    fn keep(&mut self, product: Product) {
        if let Some(before) = self.products.get(&product.id) {
            self.owners.remove(&before.sku.to_lowercase());
            self.gtins.remove(&before.gtin);
        }
        if !product.sku.is_empty() {
            self.owners.insert(product.sku.to_lowercase(), product.id);
        }
        // A GTIN is free again while its product is in the trash.
        if !product.gtin.is_empty() && product.status != "trash" {
            self.gtins.insert(product.gtin.clone(), product.id);
        }
        if product.is_variation() {
            let siblings = self.children.entry(product.parent_id).or_default();
            siblings.insert(product.id);
        }
        self.products.insert(product.id, product);
    }

    /// For good, with its variations.
    pub fn delete(&mut self, id: u64) -> Option<Product> {
        let children: Vec<u64> = self.variations_of(id).map(|child| child.id).collect();
        for child in children {
            self.delete(child);
        }
        let product = self.products.remove(&id)?;
        self.owners.remove(&product.sku.to_lowercase());
        if self.gtins.get(&product.gtin) == Some(&id) {
            self.gtins.remove(&product.gtin);
        }
        if let Some(siblings) = self.children.get_mut(&product.parent_id) {
            siblings.remove(&id);
        }
        Some(product)
    }

    /// Writes all fields or none: what is refused leaves no trace, pictures included.
    fn fill(
        &mut self,
        product: &mut Product,
        fields: &Map<String, Value>,
        base_url: &str,
    ) -> WpResult<()> {
        product.write(fields);
        let meta_sku = fields
            .get("meta_data")
            .and_then(Value::as_array)
            .and_then(|meta| meta.iter().rev().find(|meta| meta["key"] == "_sku"))
            .and_then(|meta| meta.get("value"));
        if let Some(sku) = fields.get("sku").or(meta_sku) {
            product.sku = self.free_sku(product.id, &text::sku(&text_of(sku)))?;
        }
        if let Some(gtin) = fields.get("global_unique_id") {
            product.gtin = self.free_gtin(product.id, text::gtin(&text_of(gtin)))?;
        }
        let sent = |name: &str| fields.get(name).and_then(Value::as_array);
        if let Some(attributes) = sent("attributes") {
            product.attributes = match self.products.get(&product.parent_id) {
                Some(parent) => attributes
                    .iter()
                    .filter_map(|sent| Attribute::of_variation(sent, &parent.attributes))
                    .collect(),
                None => attributes
                    .iter()
                    .filter_map(Attribute::of_product)
                    .collect(),
            };
        }
        // Pictures may fail, so they come before anything that is stored beside the product.
        if let Some(images) = sent("images").filter(|_| !product.is_variation()) {
            product.images = self.pictures_of(images, base_url, product.modified)?;
        }
        if let Some(image) = fields.get("image").filter(|_| product.is_variation()) {
            let image = std::slice::from_ref(image);
            product.images = self.pictures_of(image, base_url, product.modified)?;
        }
        if let Some(categories) = sent("categories") {
            product.categories = self.known_terms(Taxonomy::Category, categories);
            if product.categories.is_empty() {
                product.categories = vec![self.default_category];
            }
        }
        if let Some(brands) = sent("brands") {
            product.brands = self.known_terms(Taxonomy::Brand, brands);
        }
        if let Some(tags) = sent("tags") {
            product.tags = tags.iter().filter_map(|tag| self.tag(tag)).collect();
        }
        if let Some(meta) = fields.get("meta_data") {
            let mut own = std::mem::take(&mut product.meta);
            Product::write_meta(&mut own, meta, || self.next_id());
            own.retain(|meta| meta.key != "_sku");
            product.meta = own;
        }
        Ok(())
    }

    fn free_sku(&self, id: u64, sku: &str) -> WpResult<String> {
        if sku.is_empty() {
            return Ok(String::new());
        }
        let owner = self
            .owners
            .get(&sku.to_lowercase())
            .filter(|owner| **owner != id)
            .and_then(|owner| self.products.get(owner));
        match owner {
            None => Ok(sku.to_owned()),
            Some(owner) if owner.status == "trash" => Err(WpError::new(
                400,
                "woocommerce_rest_product_not_created",
                format!(
                    "The product with SKU ({sku}) you are trying to insert is already present in the lookup table"
                ),
            )),
            Some(owner) => {
                Err(
                    WpError::new(400, "product_invalid_sku", "Invalid or duplicated SKU.")
                        .with("resource_id", json!(owner.id))
                        .with("unique_sku", json!(format!("{sku}-1"))),
                )
            }
        }
    }

    fn free_gtin(&self, id: u64, gtin: String) -> WpResult<String> {
        match self.gtins.get(&gtin) {
            None => Ok(gtin),
            Some(owner) if *owner == id => Ok(gtin),
            Some(owner) => Err(WpError::new(
                400,
                "product_invalid_global_unique_id",
                "Invalid or duplicated GTIN, UPC, EAN or ISBN.",
            )
            .with("resource_id", json!(owner))),
        }
    }

    /// Known pictures by id; the others are fetched, which here means that their address must look fetchable.
    fn pictures_of(
        &mut self,
        images: &[Value],
        base_url: &str,
        now: Timestamp,
    ) -> WpResult<Vec<u64>> {
        let mut ids = Vec::new();
        let mut fetched = Vec::new();
        for image in images {
            let id = image.get("id").and_then(Value::as_u64).unwrap_or(0);
            if id > 0 {
                if !self.pictures.contains_key(&id) {
                    return Err(WpError::new(
                        400,
                        "woocommerce_product_invalid_image_id",
                        format!("#{id} is an invalid image ID."),
                    ));
                }
                ids.push(id);
                continue;
            }
            let src = image.get("src").map(text_of).unwrap_or_default();
            if src.is_empty() {
                continue;
            }
            let file = fetchable(&src).ok_or_else(|| {
                WpError::new(
                    400,
                    "woocommerce_product_image_upload_error",
                    format!("Error getting remote image {src}."),
                )
            })?;
            let id = self.next_id();
            let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
            let own = |field: &str, otherwise: &str| {
                image
                    .get(field)
                    .map_or_else(|| otherwise.to_owned(), text_of)
            };
            fetched.push(Picture {
                id,
                src: format!("{base_url}/wp-content/uploads/{id}-{file}"),
                name: own("name", name),
                alt: own("alt", ""),
                added: now,
            });
            ids.push(id);
        }
        let fetched = fetched.into_iter().map(|picture| (picture.id, picture));
        self.pictures.extend(fetched);
        Ok(ids)
    }

    fn known_terms(&self, taxonomy: Taxonomy, sent: &[Value]) -> Vec<u64> {
        sent.iter()
            .filter_map(|term| term.get("id")?.as_u64())
            .filter(|id| {
                self.terms
                    .get(id)
                    .is_some_and(|term| term.taxonomy == taxonomy)
            })
            .collect()
    }

    /// A tag by id, or by name, which makes it.
    fn tag(&mut self, sent: &Value) -> Option<u64> {
        if let Some(id) = sent.get("id").and_then(Value::as_u64).filter(|id| *id > 0) {
            return self.terms.contains_key(&id).then_some(id);
        }
        let name = sent
            .get("name")
            .map(text_of)
            .filter(|name| !name.is_empty())?;
        match self.create_term(Taxonomy::Tag, &name, 0, "", "") {
            Ok(id) => Some(id),
            Err(error) => error.data.get("resource_id")?.as_u64(),
        }
    }

    pub fn create_term(
        &mut self,
        taxonomy: Taxonomy,
        name: &str,
        parent: u64,
        slug: &str,
        description: &str,
    ) -> WpResult<u64> {
        let name = text::name(name);
        let twin = self.terms.values().find(|term| {
            term.taxonomy == taxonomy
                && term.parent == parent
                && term.name.to_lowercase() == name.to_lowercase()
        });
        if let Some(twin) = twin {
            return Err(WpError::new(
                400,
                "term_exists",
                "A term with the name provided already exists with this parent.",
            )
            .with("resource_id", json!(twin.id)));
        }
        let id = self.next_id();
        let slug = if slug.is_empty() {
            text::slug(&name)
        } else {
            slug.to_owned()
        };
        self.terms.insert(
            id,
            Term {
                id,
                taxonomy,
                name,
                slug,
                parent,
                description: description.to_owned(),
            },
        );
        Ok(id)
    }
}

/// The file's name, when the address could be one of a picture: a host that can exist and a known format.
fn fetchable(src: &str) -> Option<&str> {
    let rest = src
        .strip_prefix("https://")
        .or_else(|| src.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    // RFC 2606: no such host will ever answer.
    if host.is_empty() || host.ends_with(".invalid") {
        return None;
    }
    let file = path.split(['?', '#']).next()?.rsplit('/').next()?;
    let format = file
        .rsplit_once('.')
        .map(|(_, end)| end.to_ascii_lowercase());
    match format.as_deref() {
        Some("jpg" | "jpeg" | "png" | "gif" | "webp") => Some(file),
        _ => None,
    }
}
