//! Products with their options and variants, as the server keeps and checks them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::inventory::Inventory;
use super::terms::Terms;
use super::wire::{Answer, Refusal, decimal, known_fields, number, objects, text};

/// Plain fields: kept as they come, `null` until they do.
const PRODUCT_FIELDS: [&str; 14] = [
    "title",
    "subtitle",
    "description",
    "handle",
    "external_id",
    "status",
    "thumbnail",
    "weight",
    "length",
    "height",
    "width",
    "origin_country",
    "hs_code",
    "material",
];
const PRODUCT_RELATIONS: [&str; 14] = [
    "is_giftcard",
    "discountable",
    "images",
    "type_id",
    "collection_id",
    "categories",
    "tags",
    "options",
    "variants",
    "sales_channels",
    "shipping_profile_id",
    "metadata",
    "mid_code",
    "additional_data",
];
const VARIANT_FIELDS: [&str; 16] = [
    "title",
    "sku",
    "ean",
    "upc",
    "barcode",
    "hs_code",
    "mid_code",
    "allow_backorder",
    "manage_inventory",
    "variant_rank",
    "weight",
    "length",
    "height",
    "width",
    "origin_country",
    "material",
];
const VARIANT_RELATIONS: [&str; 6] = [
    "id",
    "metadata",
    "prices",
    "options",
    "inventory_items",
    "thumbnail",
];
const STATUSES: [&str; 4] = ["draft", "proposed", "published", "rejected"];
/// No two variants share one of these.
const UNIQUE: [&str; 4] = ["sku", "barcode", "ean", "upc"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Product {
    pub id: String,
    pub fields: Map<String, Value>,
    pub metadata: Map<String, Value>,
    pub images: Vec<String>,
    pub tags: Vec<String>,
    pub categories: Vec<String>,
    pub sales_channels: Vec<String>,
    pub shipping_profile: Option<String>,
    pub options: Vec<ProductOption>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductOption {
    pub id: String,
    pub title: String,
    pub values: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variant {
    pub id: String,
    pub product_id: String,
    pub fields: Map<String, Value>,
    pub metadata: Map<String, Value>,
    pub options: BTreeMap<String, String>,
    pub prices: Vec<Price>,
    pub inventory_item: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Price {
    pub id: String,
    pub currency: String,
    pub amount: Decimal,
    pub min_quantity: Option<Decimal>,
    pub max_quantity: Option<Decimal>,
    pub rules: Map<String, Value>,
}

impl Product {
    pub fn text(&self, name: &str) -> &str {
        text(&self.fields, name).unwrap_or_default()
    }
}

impl Variant {
    pub fn text(&self, name: &str) -> &str {
        text(&self.fields, name).unwrap_or_default()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.fields
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// What everybody pays in this currency.
    pub fn price(&self, currency: &str) -> Option<Decimal> {
        let plain = |price: &&Price| {
            price.currency == currency && price.min_quantity.is_none() && price.rules.is_empty()
        };
        self.prices.iter().find(plain).map(|price| price.amount)
    }
}

/// Everything that is written by the routes of products. Cloned before a batch, so that the batch is all or nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Catalog {
    pub products: BTreeMap<String, Product>,
    pub variants: BTreeMap<String, Variant>,
    pub inventory: Inventory,
    pub terms: Terms,
    /// How often each sku was ever created.
    pub created: BTreeMap<String, u64>,
    last_id: u64,
}

impl Catalog {
    /// Ids grow with time, as the server's do.
    pub fn next_id(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}_01{:024}", self.last_id)
    }

    pub fn variants_of<'a>(&'a self, product: &'a str) -> impl Iterator<Item = &'a Variant> {
        self.variants
            .values()
            .filter(move |variant| variant.product_id == product)
    }

    pub fn by_sku(&self, sku: &str) -> Option<&Variant> {
        self.variants
            .values()
            .find(|variant| variant.text("sku") == sku)
    }

    fn count_creation(&mut self, sku: &str) {
        *self.created.entry(sku.to_owned()).or_default() += 1;
    }

    pub fn create_product(&mut self, body: &Map<String, Value>, now: Timestamp) -> Answer<String> {
        let known: Vec<&str> = PRODUCT_FIELDS
            .iter()
            .chain(&PRODUCT_RELATIONS)
            .copied()
            .collect();
        known_fields(body, &known)?;
        let title = text(body, "title")
            .ok_or_else(|| Refusal::invalid("Invalid request: Field 'title' is required"))?;
        if title.is_empty() {
            return Err(Refusal::invalid("Product title is required"));
        }
        let options = objects(body, "options")?;
        if options.is_empty() {
            return Err(Refusal::invalid(format!(
                "Product options are not provided for: [{title}]."
            )));
        }
        let id = self.next_id("prod");
        let mut product = Product {
            id: id.clone(),
            fields: PRODUCT_FIELDS
                .iter()
                .map(|name| ((*name).to_owned(), Value::Null))
                .collect(),
            metadata: Map::new(),
            images: Vec::new(),
            tags: Vec::new(),
            categories: Vec::new(),
            sales_channels: Vec::new(),
            shipping_profile: None,
            options: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        product.fields.insert("status".to_owned(), json!("draft"));
        if text(body, "handle").is_none() {
            let handle = title.to_lowercase().replace(' ', "-");
            product.fields.insert("handle".to_owned(), json!(handle));
        }
        for option in options {
            product.options.push(self.new_option(&option)?);
        }
        self.write_product(&mut product, body, now)?;
        self.free_handle(&product)?;
        if product.text("thumbnail").is_empty()
            && let Some(first) = product.images.first()
        {
            product.fields.insert("thumbnail".to_owned(), json!(first));
        }
        let external = product.text("external_id").to_owned();
        self.products.insert(id.clone(), product);
        let mut sold = Vec::new();
        for variant in objects(body, "variants")? {
            sold.push(text(&variant, "sku").unwrap_or_default().to_owned());
            self.create_variant(&id, &variant, now, false)?;
        }
        if !external.is_empty() && !sold.contains(&external) {
            self.count_creation(&external);
        }
        Ok(id)
    }

    fn new_option(&mut self, body: &Map<String, Value>) -> Answer<ProductOption> {
        known_fields(
            body,
            &[
                "title",
                "values",
                "ranks",
                "is_exclusive",
                "metadata",
                "id",
                "value_ids",
            ],
        )?;
        let title = text(body, "title").ok_or_else(|| {
            Refusal::invalid("Invalid request: Field 'options, 0, title' is required")
        })?;
        let values = body
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Ok(ProductOption {
            id: self.next_id("opt"),
            title: title.to_owned(),
            values: values
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
        })
    }

    fn free_handle(&self, product: &Product) -> Answer<()> {
        let handle = product.text("handle");
        let mut others = self
            .products
            .values()
            .filter(|other| other.id != product.id);
        match others.any(|other| other.text("handle") == handle) {
            true => Err(Refusal::invalid(format!(
                "Product with handle: {handle}, already exists."
            ))),
            false => Ok(()),
        }
    }

    /// Fields and relations but for options and variants.
    fn write_product(
        &self,
        product: &mut Product,
        body: &Map<String, Value>,
        now: Timestamp,
    ) -> Answer<()> {
        for name in PRODUCT_FIELDS {
            if let Some(value) = body.get(name) {
                product.fields.insert(name.to_owned(), value.clone());
            }
        }
        if !STATUSES.contains(&product.text("status")) {
            return Err(Refusal::invalid(
                "Invalid request: Expected: 'draft, proposed, published, rejected' for field 'status', but got something else",
            ));
        }
        let handle = product.text("handle");
        if !handle
            .chars()
            .all(|c| c.is_alphanumeric() || "-_.~".contains(c))
        {
            return Err(Refusal::invalid(format!(
                "Invalid product handle '{handle}'. It must contain URL safe characters"
            )));
        }
        let ids = |name: &str| -> Answer<Option<Vec<String>>> {
            if !body.contains_key(name) {
                return Ok(None);
            }
            let named = objects(body, name)?;
            Ok(Some(
                named
                    .iter()
                    .filter_map(|one| text(one, "id").map(str::to_owned))
                    .collect(),
            ))
        };
        let missing = |relation: &str, id: &str| {
            Refusal::not_found(format!(
                "You tried to set relationship {relation}: {id}, but such entity does not exist"
            ))
        };
        if let Some(tags) = ids("tags")? {
            if let Some(id) = tags.iter().find(|id| !self.terms.tags.contains_key(*id)) {
                return Err(missing("product_tag_id", id));
            }
            product.tags = tags;
        }
        if let Some(categories) = ids("categories")? {
            if let Some(id) = categories
                .iter()
                .find(|id| !self.terms.categories.contains_key(*id))
            {
                return Err(missing("product_category_id", id));
            }
            product.categories = categories;
        }
        if let Some(channels) = ids("sales_channels")? {
            product.sales_channels = channels;
        }
        if let Some(profile) = text(body, "shipping_profile_id") {
            product.shipping_profile = Some(profile.to_owned());
        }
        if body.contains_key("images") {
            let images = objects(body, "images")?;
            product.images = images
                .iter()
                .filter_map(|image| text(image, "url").map(str::to_owned))
                .collect();
        }
        merge(&mut product.metadata, body);
        product.updated_at = now;
        Ok(())
    }

    pub fn update_product(
        &mut self,
        id: &str,
        body: &Map<String, Value>,
        now: Timestamp,
    ) -> Answer<()> {
        let known: Vec<&str> = PRODUCT_FIELDS
            .iter()
            .chain(&PRODUCT_RELATIONS)
            .chain(&["id"])
            .copied()
            .collect();
        known_fields(body, &known)?;
        if body.contains_key("options") {
            return Err(Refusal::invalid(
                "Invalid request: The 'options' property was removed in version 2.16.0. Please remove it from your request payload.",
            ));
        }
        let mut product = self
            .products
            .get(id)
            .cloned()
            .ok_or_else(Refusal::unknown)?;
        self.write_product(&mut product, body, now)?;
        self.free_handle(&product)?;
        self.products.insert(id.to_owned(), product);
        if body.contains_key("variants") {
            // The list is taken for all that there are.
            let wanted = objects(body, "variants")?;
            let kept: Vec<&str> = wanted.iter().filter_map(|one| text(one, "id")).collect();
            let gone: Vec<String> = self
                .variants_of(id)
                .filter(|variant| !kept.contains(&variant.id.as_str()))
                .map(|variant| variant.id.clone())
                .collect();
            for variant in gone {
                self.delete_variant(&variant);
            }
            for variant in &wanted {
                match text(variant, "id") {
                    Some(known) => self.update_variant(known, variant, now)?,
                    None => drop(self.create_variant(id, variant, now, true)?),
                }
            }
        }
        Ok(())
    }

    /// `checks_choices`: a product that is new may have two variants of the same choices.
    pub fn create_variant(
        &mut self,
        product: &str,
        body: &Map<String, Value>,
        now: Timestamp,
        checks_choices: bool,
    ) -> Answer<String> {
        let title = text(body, "title")
            .ok_or_else(|| {
                Refusal::invalid("Invalid request: Field 'variants, 0, title' is required")
            })?
            .to_owned();
        if !body.contains_key("prices") {
            return Err(Refusal::invalid(
                "Invalid request: Field 'variants, 0, prices' is required",
            ));
        }
        let options = body
            .get("options")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let known = self
            .products
            .get(product)
            .map(|product| product.options.clone())
            .unwrap_or_default();
        if options.len() != known.len() {
            return Err(Refusal::invalid(format!(
                "Product has {} option values but there were {} provided option values for the variant: {title}.",
                known.len(),
                options.len()
            )));
        }
        let mut variant = Variant {
            id: self.next_id("variant"),
            product_id: product.to_owned(),
            fields: VARIANT_FIELDS
                .iter()
                .map(|name| ((*name).to_owned(), Value::Null))
                .collect(),
            metadata: Map::new(),
            options: BTreeMap::new(),
            prices: Vec::new(),
            inventory_item: None,
            created_at: now,
            updated_at: now,
        };
        variant
            .fields
            .insert("manage_inventory".to_owned(), json!(true));
        variant
            .fields
            .insert("allow_backorder".to_owned(), json!(false));
        variant.fields.insert("variant_rank".to_owned(), json!(0));
        self.write_variant(&mut variant, body, now)?;
        let same = |other: &Variant| other.options == variant.options;
        if checks_choices && self.variants_of(product).any(same) {
            return Err(Refusal::invalid(format!(
                "Variant ({title}) with provided options already exists."
            )));
        }
        let sku = variant.text("sku").to_owned();
        if variant.flag("manage_inventory") {
            let item = self.next_id("iitem");
            self.inventory.add(&item, &sku)?;
            variant.inventory_item = Some(item);
        }
        let id = variant.id.clone();
        self.variants.insert(id.clone(), variant);
        if !sku.is_empty() {
            self.count_creation(&sku);
        }
        Ok(id)
    }

    fn write_variant(
        &mut self,
        variant: &mut Variant,
        body: &Map<String, Value>,
        now: Timestamp,
    ) -> Answer<()> {
        let known: Vec<&str> = VARIANT_FIELDS
            .iter()
            .chain(&VARIANT_RELATIONS)
            .copied()
            .collect();
        known_fields(body, &known)?;
        for name in VARIANT_FIELDS {
            if let Some(value) = body.get(name) {
                variant.fields.insert(name.to_owned(), value.clone());
            }
        }
        for name in UNIQUE {
            let value = variant.text(name);
            let taken = |other: &Variant| other.id != variant.id && other.text(name) == value;
            if !value.is_empty() && self.variants.values().any(taken) {
                return Err(Refusal::invalid(format!(
                    "Product variant with {name}: {value}, already exists."
                )));
            }
        }
        for (name, value) in body
            .get("options")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let value = value.as_str().unwrap_or_default();
            let product = self.products.get(&variant.product_id);
            let option = product
                .and_then(|product| product.options.iter().find(|option| option.title == *name));
            if !option.is_some_and(|option| option.values.iter().any(|known| known == value)) {
                return Err(Refusal::invalid(format!(
                    "Option value {value} does not exist for option {name}"
                )));
            }
            variant.options.insert(name.clone(), value.to_owned());
        }
        if body.contains_key("prices") {
            variant.prices = self.prices(&objects(body, "prices")?)?;
        }
        merge(&mut variant.metadata, body);
        variant.updated_at = now;
        Ok(())
    }

    /// The list replaces all prices. Amounts are taken as they are, below zero and of any currency.
    fn prices(&mut self, bodies: &[Map<String, Value>]) -> Answer<Vec<Price>> {
        let mut prices = Vec::with_capacity(bodies.len());
        for (number, body) in bodies.iter().enumerate() {
            known_fields(
                body,
                &[
                    "id",
                    "currency_code",
                    "amount",
                    "min_quantity",
                    "max_quantity",
                    "rules",
                ],
            )?;
            let place = format!("prices, {number}, ");
            let currency = text(body, "currency_code").ok_or_else(|| {
                Refusal::invalid(format!(
                    "Invalid request: Field '{place}currency_code' is required"
                ))
            })?;
            let optional = |name: &str| match body.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(_) => decimal(body, name, &place).map(Some),
            };
            prices.push(Price {
                id: text(body, "id").map_or_else(|| self.next_id("price"), str::to_owned),
                currency: currency.to_owned(),
                amount: decimal(body, "amount", &place)?,
                min_quantity: optional("min_quantity")?,
                max_quantity: optional("max_quantity")?,
                rules: body
                    .get("rules")
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_default(),
            });
        }
        Ok(prices)
    }

    pub fn update_variant(
        &mut self,
        id: &str,
        body: &Map<String, Value>,
        now: Timestamp,
    ) -> Answer<()> {
        let mut variant = self
            .variants
            .get(id)
            .cloned()
            .ok_or_else(Refusal::unknown)?;
        self.write_variant(&mut variant, body, now)?;
        if variant.flag("manage_inventory") && variant.inventory_item.is_none() {
            let item = self.next_id("iitem");
            self.inventory.add(&item, variant.text("sku"))?;
            variant.inventory_item = Some(item);
        }
        self.variants.insert(id.to_owned(), variant);
        Ok(())
    }

    fn delete_variant(&mut self, id: &str) {
        if let Some(item) = self
            .variants
            .remove(id)
            .and_then(|variant| variant.inventory_item)
        {
            self.inventory.remove(&item);
        }
    }

    pub fn delete_product(&mut self, id: &str) -> Answer<()> {
        let variants: Vec<Variant> = self.variants_of(id).cloned().collect();
        let items = variants
            .iter()
            .filter_map(|variant| variant.inventory_item.as_ref());
        let reserved: Vec<&str> = items
            .filter(|item| self.inventory.is_reserved(item))
            .map(String::as_str)
            .collect();
        if !reserved.is_empty() {
            return Err(Refusal::invalid(format!(
                "Cannot remove following inventory item(s) since they have reservations: [{}].",
                reserved.join(", ")
            )));
        }
        for variant in &variants {
            self.delete_variant(&variant.id);
        }
        self.products.remove(id);
        Ok(())
    }

    /// `POST /admin/products/{id}/options/batch`
    pub fn batch_options(
        &mut self,
        id: &str,
        body: &Map<String, Value>,
        now: Timestamp,
    ) -> Answer<()> {
        known_fields(body, &["add", "remove", "update"])?;
        let mut product =
            self.products.get(id).cloned().ok_or_else(|| {
                Refusal::not_found(format!("Product with id: {id} was not found"))
            })?;
        for option in objects(body, "add")? {
            product.options.push(self.new_option(&option)?);
        }
        for (number, update) in objects(body, "update")?.iter().enumerate() {
            let named = text(update, "product_option_id").ok_or_else(|| {
                Refusal::invalid(format!(
                    "Invalid request: Field 'update, {number}, product_option_id' is required"
                ))
            })?;
            let option = product.options.iter_mut().find(|option| option.id == named);
            let option = option.ok_or_else(|| {
                Refusal::not_found(format!("Product option with id: {named} was not found"))
            })?;
            for value in update
                .get("add")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let value = value
                    .as_str()
                    .or_else(|| value["value"].as_str())
                    .unwrap_or_default();
                if !option.values.iter().any(|known| known == value) {
                    option.values.push(value.to_owned());
                }
            }
        }
        product.updated_at = now;
        self.products.insert(id.to_owned(), product);
        Ok(())
    }

    pub fn product_document(&self, product: &Product) -> Value {
        let variants: Vec<Value> = self
            .variants_of(&product.id)
            .map(|variant| self.variant_document(variant))
            .collect();
        let named =
            |ids: &[String]| -> Vec<Value> { ids.iter().map(|id| json!({ "id": id })).collect() };
        let mut document = Map::from_iter([("id".to_owned(), json!(product.id))]);
        document.extend(product.fields.clone());
        let images = (0..).zip(&product.images);
        let relations = json!({
            "metadata": metadata(&product.metadata),
            "images": images.map(|(rank, url): (u32, _)| json!({"url": url, "rank": rank})).collect::<Vec<_>>(),
            "tags": product.tags.iter().filter_map(|id| self.terms.tag(id)).collect::<Vec<_>>(),
            "categories": product.categories.iter().filter_map(|id| self.terms.category(id)).collect::<Vec<_>>(),
            "sales_channels": named(&product.sales_channels),
            "shipping_profile": product.shipping_profile.as_ref().map(|id| json!({ "id": id })),
            "options": product.options.iter().map(|option| json!({
                "id": option.id,
                "title": option.title,
                "values": option.values.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "variants": variants,
            "created_at": format!("{:.3}", product.created_at),
            "updated_at": format!("{:.3}", product.updated_at),
        });
        if let Value::Object(relations) = relations {
            document.extend(relations);
        }
        Value::Object(document)
    }

    pub fn variant_document(&self, variant: &Variant) -> Value {
        let mut document = Map::from_iter([("id".to_owned(), json!(variant.id))]);
        document.extend(variant.fields.clone());
        let prices = variant.prices.iter().map(|price| {
            json!({
                "id": price.id,
                "amount": number(price.amount),
                "currency_code": price.currency,
                "min_quantity": price.min_quantity.map(number),
                "max_quantity": price.max_quantity.map(number),
                "variant_id": variant.id,
                "rules": price.rules,
                "price_rules": price
                    .rules
                    .iter()
                    .map(|(attribute, value)| json!({"attribute": attribute, "operator": "eq", "value": value}))
                    .collect::<Vec<_>>(),
            })
        });
        // Only while the server is told to count.
        let item = variant
            .inventory_item
            .as_ref()
            .filter(|_| variant.flag("manage_inventory"));
        let parts = item.map(|item| {
            json!({
                "variant_id": variant.id,
                "inventory_item_id": item,
                "required_quantity": 1,
                "inventory": self.inventory.document(item),
            })
        });
        let relations = json!({
            "product_id": variant.product_id,
            "metadata": metadata(&variant.metadata),
            "options": variant.options.iter().map(|(title, value)| {
                json!({"value": value, "option": {"title": title}})
            }).collect::<Vec<_>>(),
            "prices": prices.collect::<Vec<_>>(),
            "inventory_items": parts.into_iter().collect::<Vec<_>>(),
            "created_at": format!("{:.3}", variant.created_at),
            "updated_at": format!("{:.3}", variant.updated_at),
        });
        if let Value::Object(relations) = relations {
            document.extend(relations);
        }
        Value::Object(document)
    }
}

/// Meta data is merged; an empty text takes a key away.
fn merge(metadata: &mut Map<String, Value>, body: &Map<String, Value>) {
    for (key, value) in body
        .get("metadata")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match value.as_str() {
            Some("") => drop(metadata.remove(key)),
            _ => drop(metadata.insert(key.clone(), value.clone())),
        }
    }
}

fn metadata(metadata: &Map<String, Value>) -> Value {
    match metadata.is_empty() {
        true => Value::Null,
        false => Value::Object(metadata.clone()),
    }
}
