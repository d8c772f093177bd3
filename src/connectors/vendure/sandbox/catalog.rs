//! Mutations of the catalog. Lists are one transaction: everything is checked before anything is kept.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::store::{
    CURRENCY, Facet, FacetValue, Gallery, Id, OptionGroup, Product, ProductOption, Store, Variant,
};
use crate::connectors::vendure::labels::PARENT_SKU;
use crate::sandbox::Faults;
use crate::sandbox::graphql::Refused;

type Answer = Result<Value, Refused>;

pub fn user_error(message: impl Into<String>) -> Refused {
    Refused {
        message: message.into(),
        code: Some("USER_INPUT_ERROR"),
    }
}

pub fn not_found(what: &str, id: &str) -> Refused {
    Refused {
        message: format!("No {what} with the id \"{id}\" could be found"),
        code: Some("ENTITY_NOT_FOUND"),
    }
}

/// The database's own complaint comes without a code.
fn not_null(column: &str) -> Refused {
    Refused {
        message: format!("NOT NULL constraint failed: {column}"),
        code: None,
    }
}

fn foreign_key() -> Refused {
    Refused {
        message: "FOREIGN KEY constraint failed".to_owned(),
        code: None,
    }
}

fn text(input: &Value, key: &str) -> String {
    input[key].as_str().unwrap_or_default().to_owned()
}

fn texts(input: &Value) -> Option<&Map<String, Value>> {
    input["translations"].as_array()?.first()?.as_object()
}

fn translated(input: &Value, key: &str) -> Option<String> {
    texts(input)?.get(key)?.as_str().map(str::to_owned)
}

fn list(input: &Value, key: &str) -> Option<Vec<Id>> {
    let ids = input[key].as_array()?;
    Some(
        ids.iter()
            .filter_map(|id| id.as_str()?.parse().ok())
            .collect(),
    )
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub struct Catalog<'a> {
    pub store: &'a mut Store,
    pub faults: &'a Faults,
    pub now: Timestamp,
}

impl Catalog<'_> {
    pub fn create_facet(&mut self, input: &Value) -> Answer {
        let id = self.store.next_id();
        let mut code = text(input, "code");
        let taken =
            |store: &Store, code: &str| store.facets.values().any(|facet| facet.code == code);
        let mut number = 1;
        while taken(self.store, &code) {
            number += 1;
            code = format!("{}-{number}", text(input, "code"));
        }
        let facet = Facet {
            name: translated(input, "name").unwrap_or_default(),
            code,
            is_private: input["isPrivate"] == true,
            at: self.now,
        };
        self.store.facets.insert(id, facet);
        for value in items(&input["values"]) {
            self.add_facet_value(id, value);
        }
        Ok(json!(id.to_string()))
    }

    pub fn create_facet_values(&mut self, inputs: &Value) -> Answer {
        for input in items(inputs) {
            let facet = text(input, "facetId");
            let known = facet
                .parse()
                .is_ok_and(|id: Id| self.store.facets.contains_key(&id));
            if !known {
                return Err(not_found("Facet", &facet));
            }
        }
        // The server looks at the first facet only, and puts all values into it.
        let first = items(inputs).first().map(|input| text(input, "facetId"));
        let facet = first.and_then(|id| id.parse().ok()).unwrap_or_default();
        let made = items(inputs)
            .iter()
            .map(|input| json!(self.add_facet_value(facet, input).to_string()));
        Ok(made.collect())
    }

    fn add_facet_value(&mut self, facet: Id, input: &Value) -> Id {
        let id = self.store.next_id();
        let value = FacetValue {
            facet,
            name: translated(input, "name").unwrap_or_default(),
            code: text(input, "code"),
            at: self.now,
        };
        self.store.facet_values.insert(id, value);
        id
    }

    pub fn create_product(&mut self, input: &Value) -> Answer {
        for column in ["name", "slug", "description"] {
            if translated(input, column).is_none() {
                return Err(not_null(&format!("product_translation.{column}")));
            }
        }
        let id = self.store.next_id();
        let slug = translated(input, "slug")
            .unwrap_or_default()
            .to_lowercase()
            .replace(' ', "-");
        let mut product = Product {
            name: translated(input, "name").unwrap_or_default(),
            slug: self.store.free_slug(&slug),
            description: translated(input, "description").unwrap_or_default(),
            enabled: input["enabled"] != false,
            facet_values: Vec::new(),
            groups: Vec::new(),
            variants: Vec::new(),
            gallery: Gallery::default(),
            created: self.now,
            updated: self.now,
        };
        self.label(&mut product, input);
        self.hang(&mut product.gallery, input)?;
        if let Some(sku) = parent_sku(self.store, &product) {
            *self.store.created.entry(sku).or_default() += 1;
        }
        self.store.products.insert(id, product);
        Ok(json!(id.to_string()))
    }

    /// Ids that are not known are passed over, as the server does.
    fn label(&self, product: &mut Product, input: &Value) {
        if let Some(mut ids) = list(input, "facetValueIds") {
            ids.retain(|id| self.store.facet_values.contains_key(id));
            product.facet_values = ids;
        }
    }

    /// The list in its order, and the featured one; an empty list takes that away too.
    fn hang(&self, gallery: &mut Gallery, input: &Value) -> Result<(), Refused> {
        let known = |id: &Id| self.store.assets.contains_key(id);
        if let Some(featured) = input["featuredAssetId"].as_str() {
            let id = featured.parse().ok().filter(known);
            gallery.featured = Some(id.ok_or_else(foreign_key)?);
        }
        if let Some(mut ids) = list(input, "assetIds") {
            if ids.is_empty() {
                gallery.featured = None;
            }
            ids.retain(known);
            gallery.assets = ids;
        }
        Ok(())
    }

    pub fn update_products(&mut self, inputs: &Value) -> Answer {
        for input in items(inputs) {
            self.product(&text(input, "id"))?;
        }
        let mut updated = Vec::new();
        for input in items(inputs) {
            let id = self.product(&text(input, "id"))?;
            let Some(mut product) = self.store.products.get(&id).cloned() else {
                continue;
            };
            self.label(&mut product, input);
            self.hang(&mut product.gallery, input)?;
            for (key, field) in [
                ("name", &mut product.name),
                ("description", &mut product.description),
                ("slug", &mut product.slug),
            ] {
                if let Some(text) = translated(input, key) {
                    *field = text;
                }
            }
            if let Some(enabled) = input["enabled"].as_bool() {
                product.enabled = enabled;
            }
            product.updated = self.now;
            self.store.products.insert(id, product);
            updated.push(json!(id.to_string()));
        }
        Ok(Value::Array(updated))
    }

    fn product(&self, id: &str) -> Result<Id, Refused> {
        id.parse()
            .ok()
            .filter(|id| self.store.products.contains_key(id))
            .ok_or_else(|| not_found("Product", id))
    }

    pub fn delete_product(&mut self, id: &str) -> Answer {
        let id = self.product(id)?;
        if let Some(product) = self.store.products.remove(&id) {
            for variant in product.variants {
                if let Some(variant) = self.store.variants.get_mut(&variant) {
                    variant.deleted = true;
                }
            }
        }
        Ok(json!({"result": "DELETED", "message": null}))
    }

    pub fn create_option_group(&mut self, input: &Value) -> Answer {
        let id = self.store.next_id();
        let group = OptionGroup {
            name: translated(input, "name").unwrap_or_default(),
            code: text(input, "code"),
            at: self.now,
        };
        self.store.groups.insert(id, group);
        for option in items(&input["options"]) {
            self.add_option(id, option);
        }
        Ok(json!(id.to_string()))
    }

    pub fn create_option(&mut self, input: &Value) -> Answer {
        let group = text(input, "productOptionGroupId");
        let id = group
            .parse()
            .ok()
            .filter(|id| self.store.groups.contains_key(id));
        let id = id.ok_or_else(|| not_found("ProductOptionGroup", &group))?;
        Ok(json!(self.add_option(id, input).to_string()))
    }

    fn add_option(&mut self, group: Id, input: &Value) -> Id {
        let id = self.store.next_id();
        let option = ProductOption {
            group,
            name: translated(input, "name").unwrap_or_default(),
            code: text(input, "code"),
            at: self.now,
        };
        self.store.options.insert(id, option);
        id
    }

    pub fn add_group_to_product(&mut self, product: &str, group: &str) -> Answer {
        let id = self.product(product)?;
        let group_id = group
            .parse()
            .ok()
            .filter(|id| self.store.groups.contains_key(id));
        let group_id = group_id.ok_or_else(|| not_found("ProductOptionGroup", group))?;
        if let Some(product) = self.store.products.get_mut(&id)
            && !product.groups.contains(&group_id)
        {
            product.groups.push(group_id);
        }
        Ok(json!(id.to_string()))
    }

    pub fn create_variants(&mut self, inputs: &Value) -> Answer {
        let mut new: Vec<Variant> = Vec::new();
        for input in items(inputs) {
            let product = self.product(&text(input, "productId"))?;
            self.refuse(&text(input, "sku"))?;
            let options = list(input, "optionIds").unwrap_or_default();
            let siblings = self.store.products[&product]
                .variants
                .iter()
                .filter_map(|id| self.store.variants.get(id))
                .chain(new.iter().filter(|other| other.product == product));
            self.check_options(product, &options, siblings)?;
            let mut variant = Variant {
                product,
                sku: text(input, "sku"),
                name: translated(input, "name")
                    .ok_or_else(|| not_null("product_variant_translation.name"))?,
                enabled: true,
                price: 0,
                track_inventory: "INHERIT".to_owned(),
                out_of_stock_threshold: 0,
                use_global_threshold: true,
                on_hand: 0,
                allocated: 0,
                options,
                gallery: Gallery::default(),
                deleted: false,
                created: self.now,
                updated: self.now,
            };
            let prices = input["prices"].clone();
            let mut own = input.clone();
            // Beside `prices` the server leaves a new variant's own price at 0.
            own["prices"] = Value::Null;
            if !prices.is_null() {
                own["price"] = Value::Null;
            }
            apply(&mut variant, &own)?;
            self.hang(&mut variant.gallery, input)?;
            new.push(variant);
        }
        let made = new.into_iter().map(|variant| {
            let id = self.store.next_id();
            self.store.add_variant(id, variant);
            json!(id.to_string())
        });
        Ok(made.collect())
    }

    pub fn update_variants(&mut self, inputs: &Value) -> Answer {
        let mut changed: Vec<(Id, Variant)> = Vec::new();
        for input in items(inputs) {
            let text_id = text(input, "id");
            let found = text_id
                .parse()
                .ok()
                .and_then(|id: Id| Some((id, self.store.variants.get(&id)?)));
            let Some((id, variant)) = found.filter(|(_, variant)| !variant.deleted) else {
                return Err(not_found("ProductVariant", &text_id));
            };
            self.refuse(&variant.sku)?;
            let mut variant = variant.clone();
            if let Some(options) = list(input, "optionIds") {
                let siblings = self.store.products[&variant.product]
                    .variants
                    .iter()
                    .filter(|other| **other != id)
                    .filter_map(|id| self.store.variants.get(id));
                self.check_options(variant.product, &options, siblings)?;
                variant.options = options;
            }
            apply(&mut variant, input)?;
            self.hang(&mut variant.gallery, input)?;
            variant.updated = self.now;
            changed.push((id, variant));
        }
        // The answer comes in the order of the ids.
        changed.sort_by_key(|(id, _)| *id);
        let mut updated = Vec::new();
        for (id, variant) in changed {
            if let Some(before) = self.store.variants.get(&id)
                && before.sku != variant.sku
            {
                let sku = before.sku.clone();
                self.store.by_sku.entry(sku).or_default().remove(&id);
                self.store
                    .by_sku
                    .entry(variant.sku.clone())
                    .or_default()
                    .insert(id);
            }
            self.store.variants.insert(id, variant);
            updated.push(json!(id.to_string()));
        }
        Ok(Value::Array(updated))
    }

    /// One option of each group, and no other variant with the same ones.
    fn check_options<'v>(
        &self,
        product: Id,
        options: &[Id],
        mut siblings: impl Iterator<Item = &'v Variant>,
    ) -> Result<(), Refused> {
        let groups = &self.store.products[&product].groups;
        let chosen = |group: &Id| {
            options.iter().any(|option| {
                self.store
                    .options
                    .get(option)
                    .is_some_and(|option| option.group == *group)
            })
        };
        if options.len() != groups.len() || !groups.iter().all(chosen) {
            let codes: Vec<_> = groups
                .iter()
                .filter_map(|id| self.store.groups.get(id))
                .map(|group| group.code.as_str())
                .collect();
            return Err(user_error(format!(
                "ProductVariant optionIds must include one optionId from each of the groups: {}",
                codes.join(", ")
            )));
        }
        let same = siblings.find(|other| {
            !other.deleted
                && other.options.len() == options.len()
                && options.iter().all(|id| other.options.contains(id))
        });
        match same {
            Some(other) => Err(user_error(format!(
                "A ProductVariant with the selected options already exists: {}",
                other.name
            ))),
            None => Ok(()),
        }
    }

    /// A rule that a plugin of the shop has.
    fn refuse(&self, sku: &str) -> Result<(), Refused> {
        match self.faults.refuses(sku) {
            true => Err(user_error(format!("The shop does not take the sku {sku}"))),
            false => Ok(()),
        }
    }
}

/// The sku that a product with variants was marked with.
pub fn parent_sku(store: &Store, product: &Product) -> Option<String> {
    product.facet_values.iter().find_map(|id| {
        let value = store.facet_values.get(id)?;
        let facet = store.facets.get(&value.facet)?;
        (facet.name == PARENT_SKU).then(|| value.name.clone())
    })
}

fn apply(variant: &mut Variant, input: &Value) -> Result<(), Refused> {
    if let Some(price) = input["price"].as_f64() {
        // The server rounds what is no whole number of minor units.
        variant.price = price.round() as i64;
    }
    for price in items(&input["prices"]) {
        let currency = text(price, "currencyCode");
        if currency != CURRENCY {
            return Err(user_error(format!(
                "The currency \"{currency}\" is not available in the current Channel"
            )));
        }
        variant.price = price["price"].as_f64().unwrap_or_default().round() as i64;
    }
    if let Some(on_hand) = input["stockOnHand"].as_i64() {
        if on_hand < 0 {
            return Err(user_error("stockOnHand cannot be a negative value"));
        }
        variant.on_hand = on_hand;
    }
    // Below zero is taken here, and only here.
    for level in items(&input["stockLevels"]) {
        if text(level, "stockLocationId") == "1" {
            variant.on_hand = level["stockOnHand"].as_i64().unwrap_or_default();
        }
    }
    if let Some(name) = translated(input, "name") {
        variant.name = name;
    }
    if let Some(sku) = input["sku"].as_str() {
        variant.sku = sku.to_owned();
    }
    if let Some(enabled) = input["enabled"].as_bool() {
        variant.enabled = enabled;
    }
    if let Some(flag) = input["trackInventory"].as_str() {
        variant.track_inventory = flag.to_owned();
    }
    if let Some(threshold) = input["outOfStockThreshold"].as_i64() {
        variant.out_of_stock_threshold = threshold;
    }
    if let Some(global) = input["useGlobalOutOfStockThreshold"].as_bool() {
        variant.use_global_threshold = global;
    }
    Ok(())
}
