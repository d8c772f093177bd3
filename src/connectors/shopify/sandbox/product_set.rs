//! `productSet`: one product created or brought to the stated form. Lists that are sent replace.
//!
//! Documented in the schema's descriptions. What no document says: an identifier that leads nowhere creates when it is
//! a handle or a custom id, and is NOT_FOUND when it is an id; variants without an id are the ones with the same values
//! of options.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::gid::{Gid, gid};
use super::metafields::{self, ID_TYPE};
use super::objects::{Arguments, World};
use super::problems::is_url;
use super::product::{
    DEFAULT_OPTION, DEFAULT_VALUE, Level, Media, OptionValue, Product, ProductOption, Variant,
};
use super::shop::{self, LOCATIONS, Shop};
use super::text;
use super::user_error::{UserError, documents};
use super::variant_input;
use crate::sandbox::Fault;

const MOST_OPTIONS: usize = 3;
const MOST_VARIANTS: usize = 2048;
const MOST_QUANTITIES: usize = 50_000;
/// Where the vendor keeps pictures.
const CDN: &str = "https://cdn.shopify.com/s/files/1/0001/files/";

/// The mutation. An asynchronous one is done as fast, and only answered later.
pub fn product_set(world: &World<'_>, arguments: &Arguments) -> Value {
    let done = Setting::new(world, arguments).carry_out();
    let (product, errors) = match done {
        Ok(product) => (json!(gid("Product", product)), Vec::new()),
        Err(errors) => (Value::Null, errors),
    };
    let synchronous = world.in_bulk || arguments.get("synchronous") != Some(&json!(false));
    if synchronous {
        return json!({
            "product": product,
            "productSetOperation": null,
            "userErrors": documents(&errors),
        });
    }
    let mut shop = world.shop();
    let id = shop.next_id();
    let operation = |status: &str, product: &Value, errors: Value| {
        json!({
            "__typename": "ProductSetOperation",
            "id": gid("ProductSetOperation", id),
            "status": status,
            "product": product,
            "userErrors": errors,
        })
    };
    let finished = operation("COMPLETE", &product, documents(&errors));
    shop.operations.insert(id, finished);
    json!({
        "product": null,
        "productSetOperation": operation("CREATED", &Value::Null, json!([])),
        "userErrors": [],
    })
}

struct Setting<'a, 'w> {
    world: &'a World<'w>,
    identifier: Value,
    input: Value,
    errors: Vec<UserError>,
}

impl<'a, 'w> Setting<'a, 'w> {
    fn new(world: &'a World<'w>, arguments: &Arguments) -> Self {
        let argument = |name: &str| arguments.get(name).cloned().unwrap_or_default();
        Self {
            world,
            identifier: argument("identifier"),
            input: argument("input"),
            errors: Vec::new(),
        }
    }

    fn wrong(&mut self, field: &str, message: impl Into<String>, code: &'static str) {
        self.errors.push(UserError::new(field, message, code));
    }

    fn carry_out(mut self) -> Result<u64, Vec<UserError>> {
        let mut shop = self.world.shop();
        let shop: &mut Shop = &mut shop;
        let before = self.find(shop);
        self.check_shape();
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let before = before.and_then(|id| shop.product(id).cloned());
        let is_new = before.is_none();
        let mut product = match before {
            Some(product) => product,
            None => self.blank(shop),
        };
        self.write_fields(shop, &mut product, is_new);
        self.write_metafields(shop, &mut product);
        let media = self.write_files(shop, &mut product);
        let variants = self.write_variants(shop, &mut product, is_new);
        if self.errors.is_empty() && self.world.faults().strikes(Fault::PartialBatch, true) {
            self.wrong(
                "",
                "Something went wrong, please try again.",
                "GENERIC_ERROR",
            );
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        product.updated = self.world.now;
        if let Some(media) = media {
            let kept: BTreeSet<u64> = product.media.iter().copied().collect();
            shop.media
                .extend(media.into_iter().map(|one| (one.id, one)));
            let old = shop.product(product.id).map(|old| old.media.clone());
            for gone in old.into_iter().flatten().filter(|id| !kept.contains(id)) {
                shop.media.remove(&gone);
            }
        }
        if let Some(variants) = variants {
            let kept: BTreeSet<u64> = variants.iter().map(|variant| variant.id).collect();
            for gone in product.variants.iter().filter(|id| !kept.contains(id)) {
                shop.remove_variant(*gone);
            }
            product.variants = variants.iter().map(|variant| variant.id).collect();
            for variant in variants {
                shop.keep_variant(variant);
            }
        }
        let id = product.id;
        shop.keep_product(product);
        Ok(id)
    }

    /// The product that is meant; `None` for a new one.
    fn find(&mut self, shop: &Shop) -> Option<u64> {
        let stated = self.input.get("id").filter(|id| !id.is_null()).cloned();
        let identifier = self.identifier.clone();
        if identifier.is_null() {
            let stated = stated?;
            let known =
                Gid::number(Some(&stated), "Product").filter(|id| shop.product(*id).is_some());
            if known.is_none() {
                self.wrong(
                    "input.id",
                    "Product does not exist",
                    "PRODUCT_DOES_NOT_EXIST",
                );
            }
            return known;
        }
        if stated.is_some() {
            let message = "The id field is not allowed if identifier is provided.";
            self.wrong("input.id", message, "ID_NOT_ALLOWED");
            return None;
        }
        if let Some(id) = identifier.get("id").filter(|id| !id.is_null()) {
            let known = Gid::number(Some(id), "Product").filter(|id| shop.product(*id).is_some());
            if known.is_none() {
                let message = "Resource matching the identifier was not found.";
                self.wrong("identifier", message, "NOT_FOUND");
            }
            return known;
        }
        if let Some(handle) = identifier["handle"].as_str() {
            match self.input.get("handle").and_then(Value::as_str) {
                None => {
                    let message = "The input field corresponding to the identifier is required.";
                    self.wrong("input.handle", message, "MISSING_FIELD_REQUIRED");
                }
                Some(stated) if stated != handle => {
                    let message = "The identifier value does not match the value of the \
                                   corresponding field in the input.";
                    self.wrong("identifier", message, "INPUT_MISMATCH");
                }
                Some(_) => {}
            }
            return shop.by_handle(handle);
        }
        let custom = identifier.get("customId")?;
        let namespace = metafields::namespace(custom.get("namespace").filter(|ns| !ns.is_null()));
        let key = custom["key"].as_str().unwrap_or_default();
        let value = custom["value"].as_str().unwrap_or_default();
        let defined = metafields::definition(shop, "PRODUCT", &namespace, key);
        if defined.is_none_or(|one| one.kind != ID_TYPE) {
            let message = "Metafield definition of type 'id' is required when using custom ids.";
            self.wrong("identifier", message, "NOT_FOUND");
            return None;
        }
        if let Some(sent) = self.input.get("metafields").and_then(Value::as_array) {
            let states = sent.iter().any(|one| {
                metafields::namespace(one.get("namespace").filter(|ns| !ns.is_null())) == namespace
                    && one["key"] == json!(key)
                    && one["value"] == json!(value)
            });
            if !states {
                let message = "The input argument `metafields` (if present) must contain the \
                               `customId` value.";
                self.wrong("identifier", message, "METAFIELD_MISMATCH");
            }
        }
        shop.by_custom_id(&namespace, key, value)
    }

    /// What can be said without looking at the shop.
    fn check_shape(&mut self) {
        let count = |value: &Value| value.as_array().map(Vec::len);
        let options = count(&self.input["productOptions"]);
        let variants = count(&self.input["variants"]);
        match (options, variants) {
            (None, Some(_)) => {
                let message = "Must specify product options when updating variants.";
                self.wrong(
                    "input.productOptions",
                    message,
                    "PRODUCT_OPTIONS_INPUT_MISSING",
                );
            }
            (Some(_), None) => {
                let message = "Must specify variants when updating options.";
                self.wrong("input.variants", message, "VARIANTS_INPUT_MISSING");
            }
            _ => {}
        }
        if options.is_some_and(|count| count > MOST_OPTIONS) {
            let message = format!("Options are over the limit of {MOST_OPTIONS}.");
            self.wrong("input.productOptions", message, "OPTIONS_OVER_LIMIT");
        }
        if variants.is_some_and(|count| count > MOST_VARIANTS) {
            let message =
                format!("Number of product variants exceeds shop limit of {MOST_VARIANTS}.");
            self.wrong("input.variants", message, "VARIANTS_OVER_LIMIT");
        }
        let quantities: usize = self.input["variants"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|variant| count(&variant["inventoryQuantities"]))
            .sum();
        if quantities > MOST_QUANTITIES {
            let message =
                format!("Inventory quantity input exceeds the limit of {MOST_QUANTITIES}.");
            self.wrong(
                "input.variants",
                message,
                "INVENTORY_QUANTITIES_LIMIT_EXCEEDED",
            );
        }
    }

    fn blank(&self, shop: &mut Shop) -> Product {
        let now = self.world.now;
        Product {
            id: shop.next_id(),
            title: String::new(),
            handle: String::new(),
            status: "ACTIVE".to_owned(),
            vendor: "skucast sandbox".to_owned(),
            product_type: String::new(),
            description_html: String::new(),
            template_suffix: None,
            tags: Vec::new(),
            category: None,
            seo_title: None,
            seo_description: None,
            options: Vec::new(),
            variants: Vec::new(),
            media: Vec::new(),
            metafields: Vec::new(),
            publications: BTreeMap::new(),
            created: now,
            updated: now,
        }
    }

    fn write_fields(&mut self, shop: &Shop, product: &mut Product, is_new: bool) {
        let input = self.input.clone();
        let wrong = write_plain_fields(shop, product, &input, is_new);
        for (field, message, code) in wrong {
            self.wrong(&format!("input.{field}"), message, code);
        }
    }

    fn write_metafields(&mut self, shop: &mut Shop, product: &mut Product) {
        let custom = self
            .identifier
            .get("customId")
            .filter(|custom| custom.is_object());
        let sent = match self.input.get("metafields").and_then(Value::as_array) {
            Some(sent) => sent.clone(),
            // A product that is made by its custom id carries it.
            None => match custom {
                Some(custom) => {
                    let mut custom = custom.clone();
                    custom["type"] = json!(ID_TYPE);
                    match metafields::read(
                        shop,
                        "PRODUCT",
                        &custom,
                        &product.metafields,
                        self.world.now,
                    ) {
                        Ok(metafield) => metafields::put(&mut product.metafields, metafield),
                        Err(message) => self.wrong("identifier", message, "INVALID_METAFIELD"),
                    }
                    return;
                }
                None => return,
            },
        };
        let mut kept = Vec::new();
        for (index, one) in sent.iter().enumerate() {
            let field = format!("input.metafields.{index}.value");
            match metafields::read(shop, "PRODUCT", one, &product.metafields, self.world.now) {
                Err(message) => self.wrong(&field, message, "INVALID_METAFIELD"),
                Ok(metafield) => {
                    let unique = metafields::definition(
                        shop,
                        "PRODUCT",
                        &metafield.namespace,
                        &metafield.key,
                    )
                    .is_some_and(|definition| definition.is_unique);
                    let owner =
                        shop.by_custom_id(&metafield.namespace, &metafield.key, &metafield.value);
                    if unique && owner.is_some_and(|owner| owner != product.id) {
                        let message = "Value is already assigned to another product.";
                        self.wrong(&field, message, "CAPABILITY_VIOLATION");
                    }
                    metafields::put(&mut kept, metafield);
                }
            }
        }
        product.metafields = kept;
    }

    /// The pictures that are new, once they are sent.
    fn write_files(&mut self, shop: &mut Shop, product: &mut Product) -> Option<Vec<Media>> {
        let sent = self.input.get("files")?.as_array()?.clone();
        let mut media = Vec::new();
        product.media.clear();
        for (index, file) in sent.iter().enumerate() {
            let field = format!("input.files.{index}");
            match self.file(shop, file) {
                Ok(one) => {
                    product.media.push(one.id);
                    media.push(one);
                }
                Err((message, code)) => self.wrong(&field, message, code),
            }
        }
        Some(media)
    }

    /// A file by its id, or a new one that the vendor fetches. An address of the vendor's own is the file behind it.
    fn file(&self, shop: &mut Shop, file: &Value) -> Result<Media, (&'static str, &'static str)> {
        let alt = file.get("alt").and_then(Value::as_str).map(str::to_owned);
        let source = file["originalSource"].as_str();
        let known = match file.get("id").filter(|id| !id.is_null()) {
            Some(id) => {
                let id = Gid::number(Some(id), "MediaImage");
                let known = id.and_then(|id| shop.media.get(&id)).cloned();
                Some(known.ok_or(("File does not exist.", "INVALID_INPUT"))?)
            }
            None => source.and_then(|source| hosted(shop, source)).cloned(),
        };
        if let Some(mut known) = known {
            known.alt = alt.unwrap_or(known.alt);
            return Ok(known);
        }
        let source = source.ok_or(("An id or an original source is needed.", "INVALID_INPUT"))?;
        if !is_url(source) {
            return Err(("Image URL is invalid", "INVALID_INPUT"));
        }
        let id = shop.next_id();
        let path = source.split(['?', '#']).next().unwrap_or_default();
        let stated = file["filename"].as_str();
        let name = stated.unwrap_or_else(|| path.rsplit('/').next().unwrap_or_default());
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        Ok(Media {
            id,
            alt: alt.unwrap_or_default(),
            source: source.to_owned(),
            url: format!("{CDN}{name}?v={id}"),
            created: self.world.now,
        })
    }

    /// All variants in order, once they are sent; and the options into the product.
    fn write_variants(
        &mut self,
        shop: &mut Shop,
        product: &mut Product,
        is_new: bool,
    ) -> Option<Vec<Variant>> {
        let sent = match self.input.get("variants").and_then(Value::as_array) {
            Some(sent) => sent.clone(),
            None if is_new => {
                product.options = vec![default_option(shop)];
                let mut variant = variant_input::new(shop, product.id, self.world.now);
                variant.values = vec![DEFAULT_VALUE.to_owned()];
                let level = Level::new(0, self.world.now);
                variant.item.levels.insert(LOCATIONS[0].id, level);
                return Some(vec![variant]);
            }
            None => return None,
        };
        let options = self.input["productOptions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        product.options = self.read_options(shop, &product.options, &options);
        if sent.is_empty() {
            self.wrong(
                "input.variants",
                "At least one variant is needed.",
                "INVALID_INPUT",
            );
        }
        let mut seen = BTreeSet::new();
        let mut variants = Vec::new();
        for (index, one) in sent.iter().enumerate() {
            let at = format!("input.variants.{index}");
            let Some(values) = self.option_values(product, one, &at) else {
                continue;
            };
            if !seen.insert(values.clone()) {
                let message = format!(
                    "The variant '{}' already exists. Please change at least one option value.",
                    values.join(" / ")
                );
                self.wrong(&at, message, "INVALID_VARIANT");
                continue;
            }
            if let Some(variant) = self.read_variant(shop, product, one, values, &at) {
                let position = one["position"].as_u64().unwrap_or(index as u64 + 1);
                variants.push((position, variant));
            }
        }
        variants.sort_by_key(|(position, _)| *position);
        Some(variants.into_iter().map(|(_, variant)| variant).collect())
    }

    fn read_options(
        &mut self,
        shop: &mut Shop,
        before: &[ProductOption],
        sent: &[Value],
    ) -> Vec<ProductOption> {
        let mut options: Vec<(u64, ProductOption)> = Vec::new();
        for (index, one) in sent.iter().enumerate() {
            let at = format!("input.productOptions.{index}");
            let by_id = Gid::number(one.get("id"), "ProductOption");
            let known = before.iter().find(|option| match by_id {
                Some(id) => option.id == id,
                None => one["name"].as_str() == Some(&option.name),
            });
            if by_id.is_some() && known.is_none() {
                self.wrong(&at, "Option does not exist.", "OPTION_DOES_NOT_EXIST");
                continue;
            }
            let name = one["name"].as_str().map(str::to_owned);
            let name = name
                .or_else(|| known.map(|option| option.name.clone()))
                .unwrap_or_default();
            if name.trim().is_empty() {
                self.wrong(
                    &format!("{at}.name"),
                    "Option name can't be blank.",
                    "INVALID_INPUT",
                );
            }
            if options.iter().any(|(_, other)| other.name == name) {
                self.wrong(
                    &format!("{at}.name"),
                    "Duplicated option name.",
                    "DUPLICATED_OPTION_NAME",
                );
            }
            let mut values: Vec<OptionValue> = Vec::new();
            for value in one["values"].as_array().into_iter().flatten() {
                let by_id = Gid::number(value.get("id"), "ProductOptionValue");
                let known = known.and_then(|option| {
                    option.values.iter().find(|other| match by_id {
                        Some(id) => other.id == id,
                        None => value["name"].as_str() == Some(&other.name),
                    })
                });
                let name = value["name"].as_str().map(str::to_owned);
                let name = name.or_else(|| known.map(|value| value.name.clone()));
                let name = name.unwrap_or_default();
                let field = format!("{at}.values.{}", values.len());
                if by_id.is_some() && known.is_none() {
                    self.wrong(
                        &field,
                        "Option value does not exist.",
                        "OPTION_VALUE_DOES_NOT_EXIST",
                    );
                } else if name.trim().is_empty() {
                    self.wrong(&field, "Option value can't be blank.", "INVALID_INPUT");
                } else if values.iter().any(|other| other.name == name) {
                    self.wrong(
                        &field,
                        "Duplicated option value.",
                        "DUPLICATED_OPTION_VALUE",
                    );
                }
                values.push(OptionValue {
                    id: known.map_or_else(|| shop.next_id(), |known| known.id),
                    name,
                });
            }
            if values.is_empty() {
                let message = "Each option must have at least one option value specified.";
                self.wrong(&format!("{at}.values"), message, "OPTION_VALUES_MISSING");
            }
            let option = ProductOption {
                id: known.map_or_else(|| shop.next_id(), |known| known.id),
                name,
                values,
            };
            let position = one["position"].as_u64().unwrap_or(index as u64 + 1);
            options.push((position, option));
        }
        options.sort_by_key(|(position, _)| *position);
        options.into_iter().map(|(_, option)| option).collect()
    }

    fn option_values(&mut self, product: &Product, sent: &Value, at: &str) -> Option<Vec<String>> {
        let stated = sent["optionValues"].as_array().cloned().unwrap_or_default();
        match option_values(product, &stated) {
            Ok(values) => Some(values),
            Err((field, message, code)) => {
                self.wrong(&format!("{at}.{field}"), message, code);
                None
            }
        }
    }

    fn read_variant(
        &mut self,
        shop: &mut Shop,
        product: &Product,
        sent: &Value,
        values: Vec<String>,
        at: &str,
    ) -> Option<Variant> {
        let now = self.world.now;
        let by_id = sent.get("id").filter(|id| !id.is_null());
        let known = match by_id {
            Some(id) => {
                let id = Gid::number(Some(id), "ProductVariant");
                let known = id.filter(|id| product.variants.contains(id));
                if known.is_none() {
                    let message = "Product variant does not exist.";
                    self.wrong(
                        &format!("{at}.id"),
                        message,
                        "PRODUCT_VARIANT_DOES_NOT_EXIST",
                    );
                    return None;
                }
                known
            }
            None => shop
                .variants_of(product)
                .find(|variant| variant.values == values)
                .map(|variant| variant.id),
        };
        let before = known.and_then(|id| shop.variant(id).cloned());
        let is_new = before.is_none();
        let mut variant = match before {
            Some(variant) => variant,
            None => variant_input::new(shop, product.id, now),
        };
        variant.values = values;
        variant.updated = now;
        if let Err((field, message)) = variant_input::write(shop, &mut variant, sent, now) {
            self.wrong(&format!("{at}.{field}"), message, "INVALID_VARIANT");
            return None;
        }
        if self.world.faults().refuses(&variant.sku) {
            self.wrong(
                &format!("{at}.sku"),
                "Product variant is not valid.",
                "INVALID_VARIANT",
            );
            return None;
        }
        if let Some(file) = sent.get("file").filter(|file| file.is_object()) {
            match self.variant_file(shop, product, file) {
                Some(media) => variant.media = Some(media),
                None => {
                    let message = "The file must also be specified in the product's files.";
                    self.wrong(&format!("{at}.file"), message, "INVALID_INPUT");
                }
            }
        }
        self.write_quantities(&mut variant, sent, is_new, at);
        Some(variant)
    }

    /// A variant's picture is one of the product's.
    fn variant_file(&self, shop: &Shop, product: &Product, file: &Value) -> Option<u64> {
        let sent = self.input["files"].as_array();
        let place = sent.and_then(|files| {
            files.iter().position(|other| {
                (other["id"] == file["id"] && !file["id"].is_null())
                    || (other["originalSource"] == file["originalSource"]
                        && !file["originalSource"].is_null())
            })
        });
        if let Some(place) = place {
            return product.media.get(place).copied();
        }
        let id = Gid::number(file.get("id"), "MediaImage");
        id.filter(|id| product.media.contains(id) && shop.media.contains_key(id))
    }

    fn write_quantities(&mut self, variant: &mut Variant, sent: &Value, is_new: bool, at: &str) {
        let now = self.world.now;
        let quantities = sent["inventoryQuantities"].as_array();
        for (index, one) in quantities.into_iter().flatten().enumerate() {
            let at = format!("{at}.inventoryQuantities.{index}");
            let location = Gid::number(one.get("locationId"), "Location");
            let Some(location) = location.filter(|id| shop::location(*id).is_some()) else {
                let message = "The specified location could not be found.";
                self.wrong(&format!("{at}.locationId"), message, "INVALID_INPUT");
                continue;
            };
            let name = one["name"].as_str().unwrap_or_default();
            if !matches!(name, "available" | "on_hand") {
                let message = "The quantity name must be either 'available' or 'on_hand'.";
                self.wrong(&format!("{at}.name"), message, "INVALID_INPUT");
                continue;
            }
            let quantity = one["quantity"].as_i64().unwrap_or_default();
            match variant.item.levels.get_mut(&location) {
                Some(level) => {
                    let delta = quantity - level.quantity(name).unwrap_or_default();
                    level.available += delta;
                    level.updated = now;
                }
                None if is_new => {
                    variant
                        .item
                        .levels
                        .insert(location, Level::new(quantity, now));
                }
                None => {
                    let message = "The variant is not stocked at the location.";
                    self.wrong(&format!("{at}.locationId"), message, "INVALID_INPUT");
                }
            }
        }
        if variant.item.levels.is_empty() {
            variant
                .item
                .levels
                .insert(LOCATIONS[0].id, Level::new(0, now));
        }
    }
}

/// The picture behind an address of the vendor's own.
fn hosted<'a>(shop: &'a Shop, url: &str) -> Option<&'a Media> {
    let (_, id) = url.strip_prefix(CDN)?.rsplit_once("?v=")?;
    let media = shop.media.get(&id.parse().ok()?)?;
    (media.url == url).then_some(media)
}

fn default_option(shop: &mut Shop) -> ProductOption {
    ProductOption {
        id: shop.next_id(),
        name: DEFAULT_OPTION.to_owned(),
        values: vec![OptionValue {
            id: shop.next_id(),
            name: DEFAULT_VALUE.to_owned(),
        }],
    }
}

/// A variant's value of each option, in the options' order.
pub fn option_values(
    product: &Product,
    stated: &[Value],
) -> Result<Vec<String>, (String, String, &'static str)> {
    let mut values = vec![None; product.options.len()];
    for (index, one) in stated.iter().enumerate() {
        let field = format!("optionValues.{index}");
        let by_id = Gid::number(one.get("optionId"), "ProductOption");
        let place = product.options.iter().position(|option| match by_id {
            Some(id) => option.id == id,
            None => one["optionName"].as_str() == Some(&option.name),
        });
        let Some(place) = place else {
            let message = "Option does not exist.".to_owned();
            return Err((field, message, "OPTION_DOES_NOT_EXIST"));
        };
        let by_id = Gid::number(one.get("id"), "ProductOptionValue");
        let value = product.options[place]
            .values
            .iter()
            .find(|value| match by_id {
                Some(id) => value.id == id,
                None => one["name"].as_str() == Some(&value.name),
            });
        let Some(value) = value else {
            let message = "Option value does not exist.".to_owned();
            return Err((field, message, "OPTION_VALUE_DOES_NOT_EXIST"));
        };
        values[place] = Some(value.name.clone());
    }
    let complete: Option<Vec<_>> = values.into_iter().collect();
    complete.ok_or_else(|| {
        let message = "A value of each option is needed.".to_owned();
        ("optionValues".to_owned(), message, "INVALID_VARIANT")
    })
}

/// The fields that productSet and productUpdate share: field, message and code of what is wrong.
pub fn write_plain_fields(
    shop: &Shop,
    product: &mut Product,
    input: &Value,
    is_new: bool,
) -> Vec<(&'static str, String, &'static str)> {
    let mut wrong = Vec::new();
    let stated = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
    if is_new || input.get("title").is_some() {
        product.title = stated("title").unwrap_or_default();
        if product.title.trim().is_empty() {
            wrong.push((
                "title",
                "Title can't be blank".to_owned(),
                "INVALID_PRODUCT",
            ));
        } else if product.title.chars().count() > 255 {
            let message = "Title is too long (maximum is 255 characters)";
            wrong.push(("title", message.to_owned(), "INVALID_PRODUCT"));
        }
    }
    for (name, place) in [
        ("vendor", &mut product.vendor),
        ("productType", &mut product.product_type),
        ("descriptionHtml", &mut product.description_html),
    ] {
        if input.get(name).is_some() {
            *place = stated(name).unwrap_or_default();
        }
    }
    for (name, value) in [
        ("vendor", &product.vendor),
        ("productType", &product.product_type),
    ] {
        if value.chars().count() > 255 {
            let message = "is too long (maximum is 255 characters)".to_owned();
            wrong.push((name, message, "INVALID_PRODUCT"));
        }
    }
    if let Some(status) = stated("status") {
        product.status = status;
    }
    if input.get("templateSuffix").is_some() {
        product.template_suffix = stated("templateSuffix");
    }
    if let Some(tags) = input.get("tags").and_then(Value::as_array) {
        let tags: BTreeSet<String> = tags
            .iter()
            .filter_map(Value::as_str)
            .map(|tag| tag.trim().to_owned())
            .filter(|tag| !tag.is_empty())
            .collect();
        if tags.len() > 250 || tags.iter().any(|tag| tag.chars().count() > 255) {
            let message = "Tags are too many or too long".to_owned();
            wrong.push(("tags", message, "INVALID_PRODUCT"));
        }
        product.tags = tags.into_iter().collect();
    }
    if let Some(category) = input.get("category") {
        let id = category
            .as_str()
            .and_then(|id| id.strip_prefix("gid://shopify/TaxonomyCategory/"));
        if !category.is_null() && id.is_none() {
            let message = "The category does not exist".to_owned();
            wrong.push(("category", message, "INVALID_PRODUCT"));
        }
        product.category = id.map(str::to_owned);
    }
    if let Some(seo) = input.get("seo").filter(|seo| seo.is_object()) {
        let text = |name: &str| seo[name].as_str().map(str::to_owned);
        if seo.get("title").is_some() {
            product.seo_title = text("title");
        }
        if seo.get("description").is_some() {
            product.seo_description = text("description");
        }
    }
    match stated("handle").filter(|handle| !handle.is_empty()) {
        Some(handle) => {
            let handle = text::handle(&handle);
            if shop
                .by_handle(&handle)
                .is_some_and(|owner| owner != product.id)
            {
                let message =
                    format!("Handle '{handle}' already in use. Please provide a new handle.");
                wrong.push(("handle", message, "HANDLE_NOT_UNIQUE"));
            }
            product.handle = handle;
        }
        None if product.handle.is_empty() => {
            let plain = text::handle(&product.title);
            let is_free = |handle: &String| shop.by_handle(handle).is_none();
            let numbered = (1..).map(|number| format!("{plain}-{number}"));
            let mut names = std::iter::once(plain.clone()).chain(numbered);
            product.handle = names.find(is_free).unwrap_or_default();
        }
        None => {}
    }
    wrong
}
