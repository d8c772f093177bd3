//! Mutations of several variants of one product.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::gid::{Gid, gid, gids};
use super::objects::{Arguments, World};
use super::product::{Level, OptionValue, Variant};
use super::product_set::option_values;
use super::shop::{LOCATIONS, Shop};
use super::user_error::{UserError, documents};
use super::variant_input;
use crate::sandbox::Fault;

fn payload(product: Option<u64>, variants: Option<Vec<u64>>, errors: &[UserError]) -> Value {
    json!({
        "product": product.map(|id| gid("Product", id)),
        "productVariants": variants.map(|ids| gids("ProductVariant", ids)),
        "userErrors": documents(errors),
    })
}

fn product_of(shop: &Shop, arguments: &Arguments) -> Result<u64, UserError> {
    Gid::number(arguments.get("productId"), "Product")
        .filter(|id| shop.product(*id).is_some())
        .ok_or_else(|| {
            let message = "Product does not exist";
            UserError::new("productId", message, "PRODUCT_DOES_NOT_EXIST")
        })
}

/// `productVariantsBulkUpdate`: all or nothing, unless `allowPartialUpdates` lets the good ones through.
pub fn bulk_update(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let product = match product_of(shop, arguments) {
        Ok(product) => product,
        Err(error) => return payload(None, None, &[error]),
    };
    let partial = arguments.get("allowPartialUpdates") == Some(&json!(true));
    let sent = arguments.get("variants").and_then(Value::as_array).cloned();
    let mut errors = Vec::new();
    let mut ready = Vec::new();
    for (index, one) in sent.unwrap_or_default().iter().enumerate() {
        match updated(world, shop, product, one) {
            Ok(variant) => ready.push(variant),
            Err((field, message, code)) => {
                let field = match field {
                    "" => format!("variants.{index}"),
                    field => format!("variants.{index}.{field}"),
                };
                errors.push(UserError::new(&field, message, code));
            }
        }
    }
    if !errors.is_empty() && !partial {
        return payload(Some(product), None, &errors);
    }
    let ids = ready.iter().map(|variant| variant.id).collect();
    keep(world, shop, product, ready);
    payload(Some(product), Some(ids), &errors)
}

fn keep(world: &World<'_>, shop: &mut Shop, product: u64, variants: Vec<Variant>) {
    if variants.is_empty() {
        return;
    }
    for variant in variants {
        shop.keep_variant(variant);
    }
    if let Some(mut product) = shop.product(product).cloned() {
        product.updated = world.now;
        shop.keep_product(product);
    }
}

type Wrong = (&'static str, String, &'static str);

fn updated(
    world: &World<'_>,
    shop: &mut Shop,
    product: u64,
    sent: &Value,
) -> Result<Variant, Wrong> {
    let Some(id) = sent.get("id").filter(|id| !id.is_null()) else {
        let message = "Product variant is missing ID attribute".to_owned();
        return Err(("id", message, "PRODUCT_VARIANT_ID_MISSING"));
    };
    let known = Gid::number(Some(id), "ProductVariant").and_then(|id| shop.variant(id).cloned());
    let missing = "Product variant does not exist".to_owned();
    let mut variant = known.filter(|variant| variant.product == product).ok_or((
        "id",
        missing,
        "PRODUCT_VARIANT_DOES_NOT_EXIST",
    ))?;
    if sent
        .get("inventoryQuantities")
        .is_some_and(|quantities| !quantities.is_null())
    {
        let message = "Inventory quantities can only be provided during create.".to_owned();
        let code = "NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE";
        return Err(("inventoryQuantities", message, code));
    }
    variant_input::write(shop, &mut variant, sent, world.now).map_err(|(field, message)| {
        let code = match field {
            "price" => "GREATER_THAN_OR_EQUAL_TO",
            "barcode" | "sku" => "TOO_LONG",
            _ => "INVALID_INPUT",
        };
        (field, message, code)
    })?;
    if let Some(stated) = sent["optionValues"].as_array() {
        variant.values = values(shop, product, stated, &variant)?;
    }
    if world.faults().refuses(&variant.sku) {
        let message = "The variant was refused.".to_owned();
        return Err(("", message, "INVALID_INPUT"));
    }
    if world.faults().strikes(Fault::PartialBatch, true) {
        // There is no code for trouble of the vendor's own: errors without one are rendered as such.
        let message = "Something went wrong, please try again.".to_owned();
        return Err(("", message, "INVALID_INPUT"));
    }
    variant.updated = world.now;
    Ok(variant)
}

/// The values of a variant that is changed or made; values that are new are added to their options.
fn values(
    shop: &mut Shop,
    product: u64,
    stated: &[Value],
    variant: &Variant,
) -> Result<Vec<String>, Wrong> {
    let Some(mut product) = shop.product(product).cloned() else {
        return Ok(variant.values.clone());
    };
    for one in stated {
        let by_id = Gid::number(one.get("optionId"), "ProductOption");
        let option = product.options.iter_mut().find(|option| match by_id {
            Some(id) => option.id == id,
            None => one["optionName"].as_str() == Some(&option.name),
        });
        if let (Some(option), Some(name)) = (option, one["name"].as_str())
            && !option.values.iter().any(|value| value.name == name)
        {
            option.values.push(OptionValue {
                id: shop.next_id(),
                name: name.to_owned(),
            });
        }
    }
    let values = option_values(&product, stated).map_err(|(_, message, code)| {
        let code = match code {
            "INVALID_VARIANT" => "NEED_TO_ADD_OPTION_VALUES",
            "OPTION_DOES_NOT_EXIST" => "OPTION_DOES_NOT_EXIST",
            _ => "OPTION_VALUE_DOES_NOT_EXIST",
        };
        ("optionValues", message, code)
    })?;
    let taken = shop
        .variants_of(&product)
        .any(|other| other.id != variant.id && other.values == values);
    if taken {
        let message = format!("The variant '{}' already exists.", values.join(" / "));
        return Err(("optionValues", message, "VARIANT_ALREADY_EXISTS"));
    }
    shop.keep_product(product);
    Ok(values)
}

/// `productVariantsBulkCreate`: all or nothing. The default variant of a product without options gives way.
pub fn bulk_create(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let product = match product_of(shop, arguments) {
        Ok(product) => product,
        Err(error) => return payload(None, None, &[error]),
    };
    let before = shop.product(product).cloned();
    let sent = arguments.get("variants").and_then(Value::as_array).cloned();
    let mut errors = Vec::new();
    let mut ready: Vec<Variant> = Vec::new();
    for (index, one) in sent.unwrap_or_default().iter().enumerate() {
        let made = created(world, shop, product, one).and_then(|variant| {
            let doubled = ready.iter().any(|other| other.values == variant.values);
            let message = "The variant is in the list twice.".to_owned();
            let wrong = ("optionValues", message, "VARIANT_ALREADY_EXISTS");
            if doubled { Err(wrong) } else { Ok(variant) }
        });
        match made {
            Ok(variant) => ready.push(variant),
            Err((field, message, code)) => {
                let code = match code {
                    "OPTION_DOES_NOT_EXIST" | "OPTION_VALUE_DOES_NOT_EXIST" => "INVALID_INPUT",
                    code => code,
                };
                errors.push(UserError::new(
                    &format!("variants.{index}.{field}"),
                    message,
                    code,
                ));
            }
        }
    }
    if !errors.is_empty() {
        if let Some(before) = before {
            shop.keep_product(before);
        }
        return payload(Some(product), None, &errors);
    }
    let ids: Vec<u64> = ready.iter().map(|variant| variant.id).collect();
    if let Some(mut changed) = shop.product(product).cloned() {
        let standalone = changed.has_only_default_variant()
            && arguments.get("strategy") != Some(&json!("PRESERVE_STANDALONE_VARIANT"));
        if standalone && !ids.is_empty() {
            for old in std::mem::take(&mut changed.variants) {
                shop.remove_variant(old);
            }
        }
        changed.variants.extend(&ids);
        shop.keep_product(changed);
    }
    keep(world, shop, product, ready);
    payload(Some(product), Some(ids), &[])
}

fn created(
    world: &World<'_>,
    shop: &mut Shop,
    product: u64,
    sent: &Value,
) -> Result<Variant, Wrong> {
    if sent.get("id").is_some_and(|id| !id.is_null()) {
        let message = "An id is not allowed for a new variant.".to_owned();
        return Err(("id", message, "NO_KEY_ON_CREATE"));
    }
    let mut variant = variant_input::new(shop, product, world.now);
    variant_input::write(shop, &mut variant, sent, world.now).map_err(|(field, message)| {
        let code = match field {
            "price" => "GREATER_THAN_OR_EQUAL_TO",
            _ => "INVALID_INPUT",
        };
        (field, message, code)
    })?;
    let stated = sent["optionValues"].as_array().cloned().unwrap_or_default();
    variant.values = values(shop, product, &stated, &variant)?;
    if world.faults().refuses(&variant.sku) {
        let message = "The variant was refused.".to_owned();
        return Err(("inventoryItem", message, "INVALID_INPUT"));
    }
    for one in sent["inventoryQuantities"].as_array().into_iter().flatten() {
        let location = Gid::number(one.get("locationId"), "Location")
            .filter(|id| super::shop::location(*id).is_some());
        let message = "Quantity couldn't be set: the location wasn't found.".to_owned();
        let code = "TRACKED_VARIANT_LOCATION_NOT_FOUND";
        let location = location.ok_or(("inventoryQuantities", message, code))?;
        let quantity = one["availableQuantity"].as_i64().unwrap_or_default();
        variant
            .item
            .levels
            .insert(location, Level::new(quantity, world.now));
    }
    if variant.item.levels.is_empty() {
        variant
            .item
            .levels
            .insert(LOCATIONS[0].id, Level::new(0, world.now));
    }
    Ok(variant)
}

/// `productVariantsBulkDelete`: all or nothing, and never the last one.
pub fn bulk_delete(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let answer = |product: Option<u64>, errors: &[UserError]| {
        json!({
            "product": product.map(|id| gid("Product", id)),
            "userErrors": documents(errors),
        })
    };
    let product = match product_of(shop, arguments) {
        Ok(product) => product,
        Err(error) => return answer(None, &[error]),
    };
    let Some(mut changed) = shop.product(product).cloned() else {
        return answer(None, &[]);
    };
    let sent = arguments.get("variantsIds").and_then(Value::as_array);
    let mut gone = BTreeSet::new();
    for (index, id) in sent.into_iter().flatten().enumerate() {
        match Gid::number(Some(id), "ProductVariant").filter(|id| changed.variants.contains(id)) {
            Some(id) => {
                gone.insert(id);
            }
            None => {
                let message = "At least one variant does not belong to the product";
                let code = "AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT";
                let error = UserError::new(&format!("variantsIds.{index}"), message, code);
                return answer(Some(product), &[error]);
            }
        }
    }
    if gone.len() == changed.variants.len() {
        let message = "Cannot delete the last variant of a product";
        let error = UserError::new("variantsIds", message, "CANNOT_DELETE_LAST_VARIANT");
        return answer(Some(product), &[error]);
    }
    changed.variants.retain(|id| !gone.contains(id));
    changed.updated = world.now;
    for id in gone {
        shop.remove_variant(id);
    }
    shop.keep_product(changed);
    answer(Some(product), &[])
}
