//! Mutations of a product as a whole: updated, deleted, published.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::gid::{Gid, gid};
use super::metafields;
use super::objects::{Arguments, World};
use super::product::Variant;
use super::product_set::write_plain_fields;
use super::shop::{self, Shop};
use super::user_error::{UserError, documents};

/// `productUpdate(product:)`.
pub fn update(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let input = arguments.get("product").cloned().unwrap_or_default();
    let known = Gid::number(input.get("id"), "Product").and_then(|id| shop.product(id).cloned());
    let Some(mut product) = known else {
        let error = UserError::plain("id", "Product does not exist");
        return json!({"product": null, "userErrors": documents(&[error])});
    };
    let mut errors: Vec<_> = write_plain_fields(shop, &mut product, &input, false)
        .into_iter()
        .map(|(field, message, _)| UserError::plain(field, message))
        .collect();
    for one in input["metafields"].as_array().into_iter().flatten() {
        match metafields::read(shop, "PRODUCT", one, &product.metafields, world.now) {
            Ok(metafield) => metafields::put(&mut product.metafields, metafield),
            Err(message) => errors.push(UserError::plain("metafields", message)),
        }
    }
    let refused = shop
        .variants_of(&product)
        .any(|variant| world.faults().refuses(&variant.sku));
    if refused {
        errors.push(UserError::plain("id", "The product was refused."));
    }
    let id = gid("Product", product.id);
    if errors.is_empty() {
        product.updated = world.now;
        shop.keep_product(product);
    }
    json!({"product": id, "userErrors": documents(&errors)})
}

/// `productDelete`: at once, also when it may take its time.
pub fn delete(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let input = arguments.get("input").cloned().unwrap_or_default();
    let known = Gid::number(input.get("id"), "Product").filter(|id| shop.product(*id).is_some());
    let mut payload = json!({
        "deletedProductId": null,
        "productDeleteOperation": null,
        "shop": gid("Shop", 1),
        "userErrors": [],
    });
    let Some(product) = known else {
        let error = UserError::plain("id", "Product does not exist");
        payload["userErrors"] = documents(&[error]);
        return payload;
    };
    shop.remove_product(product);
    if arguments.get("synchronous") != Some(&json!(false)) {
        payload["deletedProductId"] = json!(gid("Product", product));
        return payload;
    }
    let id = shop.next_id();
    let operation = |status: &str, deleted: Value| {
        json!({
            "__typename": "ProductDeleteOperation",
            "id": gid("ProductDeleteOperation", id),
            "status": status,
            "deletedProductId": deleted,
            "product": null,
            "userErrors": [],
        })
    };
    let finished = operation("COMPLETE", json!(gid("Product", product)));
    shop.operations.insert(id, finished);
    payload["productDeleteOperation"] = operation("CREATED", Value::Null);
    payload
}

/// `publishablePublish` and `publishableUnpublish` of a product or a variant.
pub fn publish(world: &World<'_>, arguments: &Arguments, publishes: bool) -> Value {
    let mut shop = world.shop();
    let answer = |publishable: Value, errors: &[UserError]| {
        json!({
            "publishable": publishable,
            "shop": gid("Shop", 1),
            "userErrors": documents(errors),
        })
    };
    let variant = Gid::number(arguments.get("id"), "ProductVariant");
    if let Some(variant) = variant.and_then(|id| shop.variant(id).cloned()) {
        return publish_variant(world, &mut shop, arguments, variant, publishes);
    }
    let known = Gid::number(arguments.get("id"), "Product");
    let Some(mut product) = known.and_then(|id| shop.product(id).cloned()) else {
        let error = UserError::plain("id", "Resource does not exist");
        return answer(Value::Null, &[error]);
    };
    let id = json!(gid("Product", product.id));
    let sent = arguments.get("input").and_then(Value::as_array);
    for (index, one) in sent.into_iter().flatten().enumerate() {
        let publication = Gid::number(one.get("publicationId"), "Publication");
        let Some(publication) = publication.filter(|id| shop::publication(*id).is_some()) else {
            let field = format!("input.{index}.publicationId");
            let error =
                UserError::plain(&field, "Publication does not exist or is not publishable");
            return answer(id, &[error]);
        };
        let date = one["publishDate"]
            .as_str()
            .and_then(|date| date.parse::<Timestamp>().ok());
        if !publishes {
            product.publications.remove(&publication);
        } else if date.is_some() && publication != shop::ONLINE_STORE {
            let field = format!("input.{index}.publishDate");
            let message = "Only the online store supports future publishing";
            return answer(id, &[UserError::plain(&field, message)]);
        } else {
            let since = product.publications.entry(publication).or_insert(world.now);
            *since = date.unwrap_or((*since).min(world.now));
        }
    }
    product.updated = world.now;
    shop.keep_product(product);
    answer(id, &[])
}

/// A variant is shown where its product is, unless it was unpublished there.
fn publish_variant(
    world: &World<'_>,
    shop: &mut Shop,
    arguments: &Arguments,
    mut variant: Variant,
    publishes: bool,
) -> Value {
    let sent = arguments.get("input").and_then(Value::as_array);
    let mut errors = Vec::new();
    for (index, one) in sent.into_iter().flatten().enumerate() {
        let publication = Gid::number(one.get("publicationId"), "Publication");
        match publication.filter(|id| shop::publication(*id).is_some()) {
            Some(id) if publishes => {
                variant.unpublished.remove(&id);
            }
            Some(id) => {
                variant.unpublished.insert(id);
            }
            None => {
                let field = format!("input.{index}.publicationId");
                let message = "Publication does not exist or is not publishable";
                errors.push(UserError::plain(&field, message));
            }
        }
    }
    let id = gid("ProductVariant", variant.id);
    if errors.is_empty() {
        variant.updated = world.now;
        shop.keep_variant(variant);
    }
    json!({
        "publishable": id,
        "shop": gid("Shop", 1),
        "userErrors": documents(&errors),
    })
}
