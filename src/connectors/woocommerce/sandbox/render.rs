//! The shop's documents of products, variations and terms.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::catalog::{Catalog, Taxonomy, Term};
use super::product::{Attribute, Product, other_defaults};
use super::text;
use super::wire::{NAMESPACE, local};

/// How a document is shown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// As it is stored, or as a visitor reads it.
    pub edit: bool,
    pub base_url: &'a str,
    pub now: Timestamp,
}

impl View<'_> {
    fn text(&self, stored: &str) -> String {
        match self.edit {
            true => stored.to_owned(),
            false => text::paragraphs(stored),
        }
    }

    fn links(&self, own: String, collection: String) -> Value {
        let href = |path: String| json!([{"href": format!("{}{NAMESPACE}/{path}", self.base_url)}]);
        json!({"self": href(own), "collection": href(collection)})
    }
}

pub fn product(catalog: &Catalog, product: &Product, view: View<'_>) -> Value {
    match product.is_variation() {
        true => variation(catalog, product, view),
        false => parent(catalog, product, view),
    }
}

/// Stock as it reads: a variation without its own shows its parent's.
fn stock(catalog: &Catalog, product: &Product) -> (Value, Value, String) {
    let parent = catalog.products.get(&product.parent_id);
    match parent {
        Some(parent) if !product.manage_stock && parent.manage_stock => (
            json!("parent"),
            json!(parent.stock_quantity),
            parent.stock_status.clone(),
        ),
        _ => (
            json!(product.manage_stock),
            json!(product.stock_quantity),
            product.stock_status.clone(),
        ),
    }
}

/// The lowest price of a parent's variations, else its own.
fn price(catalog: &Catalog, product: &Product, now: Timestamp) -> String {
    if !product.is_variable() {
        return product.price(now).to_owned();
    }
    let prices = catalog
        .variations_of(product.id)
        .filter(|variation| variation.status == "publish")
        .map(|variation| variation.price(now));
    prices
        .filter_map(|price| Some((text::number(price)?, price)))
        .min_by_key(|(amount, _)| *amount)
        .map(|(_, price)| price.to_owned())
        .unwrap_or_default()
}

/// A sale for nothing reads back as no sale.
fn sale_price(product: &Product) -> &str {
    match text::number(&product.sale_price) {
        Some(amount) if amount.is_zero() => "",
        _ => &product.sale_price,
    }
}

/// Of the fields that are handed back, those that variations have.
const VARIATION_FIELDS: &[&str] = &[
    "virtual",
    "downloadable",
    "downloads",
    "download_limit",
    "download_expiry",
    "tax_status",
    "tax_class",
    "low_stock_amount",
    "shipping_class",
    "menu_order",
];

/// What products and variations have in common.
fn common(catalog: &Catalog, product: &Product, view: View<'_>) -> Map<String, Value> {
    let (manage_stock, stock_quantity, stock_status) = stock(catalog, product);
    let price = price(catalog, product, view.now);
    let date = |at: Option<Timestamp>| at.map(local);
    let mut document = Map::new();
    let fields = json!({
        "id": product.id,
        "type": product.kind,
        "status": product.status,
        "name": catalog.name_of(product),
        "parent_id": product.parent_id,
        "permalink": format!("{}/?p={}", view.base_url, product.id),
        "description": view.text(&product.description),
        "sku": catalog.sku_of(product),
        "global_unique_id": product.gtin,
        "purchasable": !price.is_empty() && product.status == "publish",
        "price": price,
        "regular_price": product.regular_price,
        "sale_price": sale_price(product),
        "date_on_sale_from": date(product.sale_from),
        "date_on_sale_from_gmt": date(product.sale_from),
        "date_on_sale_to": date(product.sale_to),
        "date_on_sale_to_gmt": date(product.sale_to),
        "on_sale": product.on_sale(view.now),
        "manage_stock": manage_stock,
        "stock_quantity": stock_quantity,
        "stock_status": stock_status,
        "backorders": product.backorders,
        "backorders_allowed": product.backorders != "no",
        "backordered": product.stock_status == "onbackorder",
        "weight": product.weight,
        "dimensions": {"length": product.length, "width": product.width, "height": product.height},
        "shipping_class_id": "0",
        "date_created": local(product.created),
        "date_created_gmt": local(product.created),
        "date_modified": local(product.modified),
        "date_modified_gmt": local(product.modified),
        "meta_data": product.meta,
    });
    if let Value::Object(fields) = fields {
        document.extend(fields);
    }
    for (name, default) in other_defaults() {
        if product.is_variation() && !VARIATION_FIELDS.contains(&name) {
            continue;
        }
        let value = product.other.get(name).cloned().unwrap_or(default);
        document.insert(name.to_owned(), value);
    }
    document
}

fn parent(catalog: &Catalog, product: &Product, view: View<'_>) -> Value {
    let mut document = common(catalog, product, view);
    let variations: Vec<_> = catalog
        .variations_of(product.id)
        .filter(|variation| variation.status != "trash")
        .map(|variation| variation.id)
        .collect();
    let terms = |ids: &[u64]| -> Vec<Value> {
        ids.iter()
            .filter_map(|id| catalog.terms.get(id))
            .map(|term| json!({"id": term.id, "name": term.name, "slug": term.slug}))
            .collect()
    };
    let pictures: Vec<_> = product
        .images
        .iter()
        .map(|id| picture(catalog, *id))
        .collect();
    let attributes: Vec<_> = product.attributes.iter().map(attribute).collect();
    let mut slug = text::slug(&product.name);
    if product.status == "trash" {
        slug.push_str("__trashed");
    }
    let fields = json!({
        "slug": slug,
        "short_description": view.text(&product.short_description),
        "price_html": "",
        "total_sales": 0,
        "shipping_required": true,
        "shipping_taxable": true,
        "average_rating": "0.00",
        "rating_count": 0,
        "related_ids": [],
        "categories": terms(&product.categories),
        "tags": terms(&product.tags),
        "brands": terms(&product.brands),
        "images": pictures,
        "attributes": attributes,
        "variations": variations,
        "has_options": product.is_variable(),
        "_links": view.links(format!("products/{}", product.id), "products".to_owned()),
    });
    if let Value::Object(fields) = fields {
        document.extend(fields);
    }
    if view.edit {
        let template = format!("{}/product/%pagename%/", view.base_url);
        document.insert("permalink_template".to_owned(), json!(template));
        document.insert(
            "generated_slug".to_owned(),
            json!(text::slug(&product.name)),
        );
    }
    Value::Object(document)
}

fn variation(catalog: &Catalog, product: &Product, view: View<'_>) -> Value {
    let mut document = common(catalog, product, view);
    let attributes: Vec<_> = product
        .attributes
        .iter()
        .map(|attribute| {
            json!({"id": 0, "name": attribute.name, "option": attribute.options.first()})
        })
        .collect();
    document.insert("attributes".to_owned(), Value::Array(attributes));
    let image = product.images.first().map(|id| picture(catalog, *id));
    document.insert("image".to_owned(), json!(image));
    let collection = format!("products/{}/variations", product.parent_id);
    document.insert(
        "_links".to_owned(),
        view.links(format!("{collection}/{}", product.id), collection),
    );
    Value::Object(document)
}

fn attribute(attribute: &Attribute) -> Value {
    json!({
        "id": 0,
        "name": attribute.name,
        "slug": attribute.name,
        "position": attribute.position,
        "visible": attribute.visible,
        "variation": attribute.variation,
        "options": attribute.options,
    })
}

fn picture(catalog: &Catalog, id: u64) -> Value {
    let Some(picture) = catalog.pictures.get(&id) else {
        return json!({"id": id, "src": "", "name": "", "alt": ""});
    };
    let added = local(picture.added);
    json!({
        "id": picture.id,
        "date_created": added,
        "date_created_gmt": added,
        "date_modified": added,
        "date_modified_gmt": added,
        "src": picture.src,
        "name": picture.name,
        "alt": picture.alt,
    })
}

pub fn term(catalog: &Catalog, term: &Term, view: View<'_>) -> Value {
    let products = catalog.products.values().filter(|product| {
        let ids = match term.taxonomy {
            Taxonomy::Category => &product.categories,
            Taxonomy::Tag => &product.tags,
            Taxonomy::Brand => &product.brands,
        };
        product.status == "publish" && ids.contains(&term.id)
    });
    let mut document = json!({
        "id": term.id,
        "name": term.name,
        "slug": term.slug,
        "description": term.description,
        "count": products.count(),
    });
    let collection = match term.taxonomy {
        Taxonomy::Category => "products/categories",
        Taxonomy::Tag => "products/tags",
        Taxonomy::Brand => "products/brands",
    };
    if term.taxonomy != Taxonomy::Tag {
        document["parent"] = json!(term.parent);
        document["display"] = json!("default");
        document["menu_order"] = json!(0);
    }
    document["_links"] = view.links(format!("{collection}/{}", term.id), collection.to_owned());
    document
}
