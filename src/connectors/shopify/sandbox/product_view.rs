//! Products, variants, inventory and pictures as the API shows them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::entities::{Told, short_list};
use super::gid::{Gid, gid, gids, level_gid};
use super::metafields;
use super::objects::{Arguments, Refused, World};
use super::page::{Asked, Row, connection};
use super::product::{Product, Variant};
use super::shop::{self, ONLINE_STORE, PUBLICATIONS, Shop, money};
use super::text::{moment, plain, price};

/// `count` objects, all of which were counted.
pub fn count(count: usize) -> Value {
    json!({"count": count, "precision": "EXACT"})
}

pub fn product(world: &World<'_>, shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Told {
    let Some(product) = shop.product(id) else {
        return Ok(Some(Value::Null));
    };
    let variants = || shop.variants_of(product);
    let owner = gid("Product", id);
    if let Some(told) = publications(world, product, &owner, &|_| true, name, arguments) {
        return told;
    }
    Ok(Some(match name {
        "id" => json!(gid("Product", id)),
        "legacyResourceId" => json!(id.to_string()),
        "title" => json!(product.title),
        "handle" => json!(product.handle),
        "status" => json!(product.status),
        "vendor" => json!(product.vendor),
        "productType" => json!(product.product_type),
        "tags" => json!(product.tags),
        "descriptionHtml" => json!(product.description_html),
        "description" => {
            let text = plain(&product.description_html);
            match arguments.get("truncateAt").and_then(Value::as_u64) {
                Some(most) => json!(text.chars().take(most as usize).collect::<String>()),
                None => json!(text),
            }
        }
        "category" => product.category.as_deref().map_or(Value::Null, category),
        "options" => options(product, variants()),
        "variants" => {
            let asked = Asked::new(arguments).map_err(Refused::bad_request)?;
            let by_position = arguments.get("sortKey") != Some(&json!("ID"));
            let rows = product.variants.iter().zip(1..).map(|(id, position)| {
                let rank = if by_position { position } else { 0 };
                Row::by_rank(rank, *id)
            });
            let node = |row: &Row| json!(gid("ProductVariant", row.id));
            connection(rows.collect(), &asked, false, node)
        }
        "variantsCount" => count(product.variants.len()),
        "media" => {
            let all = gids("MediaImage", product.media.iter().copied());
            return short_list(arguments, all.as_array().cloned().unwrap_or_default());
        }
        "mediaCount" => count(product.media.len()),
        "featuredMedia" => first_media(product),
        "metafield" => metafields::one(&product.metafields, "PRODUCT", arguments),
        "metafields" => return metafields::list(&product.metafields, "PRODUCT", arguments),
        "publishedAt" => json!(product.publications.get(&ONLINE_STORE).copied().map(moment)),
        "createdAt" => json!(moment(product.created)),
        "updatedAt" => json!(moment(product.updated)),
        "seo" => json!({"title": product.seo_title, "description": product.seo_description}),
        "totalInventory" => json!(
            variants()
                .filter(|variant| variant.item.tracked)
                .map(Variant::available)
                .sum::<i64>()
        ),
        "tracksInventory" => json!(variants().any(|variant| variant.item.tracked)),
        "hasOnlyDefaultVariant" => json!(product.has_only_default_variant()),
        "hasOutOfStockVariants" => {
            json!(variants().any(|variant| variant.item.tracked && variant.available() <= 0))
        }
        "isGiftCard" => json!(false),
        "templateSuffix" => json!(product.template_suffix),
        "onlineStoreUrl" => match shop.is_live(product, world.now) {
            true => json!(format!("{}/products/{}", world.base_url, product.handle)),
            false => Value::Null,
        },
        "onlineStorePreviewUrl" => {
            json!(format!("{}/products/{}", world.base_url, product.handle))
        }
        _ => return Ok(None),
    }))
}

/// Where a product or one of its variants is published: as the product is, unless the variant hides itself.
fn publications(
    world: &World<'_>,
    product: &Product,
    owner: &str,
    is_shown: &dyn Fn(u64) -> bool,
    name: &str,
    arguments: &Arguments,
) -> Option<Told> {
    let listed = || {
        let known = PUBLICATIONS.iter().filter(|(id, _)| is_shown(*id));
        known.filter_map(|(id, _)| Some((*id, *product.publications.get(id)?)))
    };
    let is_published = |since: Timestamp| since <= world.now;
    let told = match name {
        "publishedOnPublication" => {
            let asked = Gid::number(arguments.get("publicationId"), "Publication");
            let mut listed = listed();
            json!(listed.any(|(id, since)| Some(id) == asked && is_published(since)))
        }
        "resourcePublicationsV2" => {
            let only_published = arguments.get("onlyPublished") != Some(&json!(false));
            let shown = listed().filter(|(_, since)| is_published(*since) || !only_published);
            let all = shown.map(|(id, since)| {
                json!({
                    "isPublished": is_published(since),
                    "publication": gid("Publication", id),
                    "publishDate": moment(since),
                    "publishable": owner,
                })
            });
            return Some(short_list(arguments, all.collect()));
        }
        "resourcePublicationsCount" | "availablePublicationsCount" => {
            count(listed().filter(|(_, since)| is_published(*since)).count())
        }
        _ => return None,
    };
    Some(Ok(Some(told)))
}

fn first_media(product: &Product) -> Value {
    let first = product.media.first();
    first.map_or(Value::Null, |id| json!(gid("MediaImage", *id)))
}

/// A node of the taxonomy. Its names are invented from its id: the taxonomy itself is not here.
fn category(id: &str) -> Value {
    let level = id.split('-').count() as u64;
    json!({
        "id": format!("gid://shopify/TaxonomyCategory/{id}"),
        "name": format!("Category {id}"),
        "fullName": format!("Category {id}"),
        "isLeaf": true,
        "isRoot": level == 1,
        "level": level,
    })
}

fn options<'a>(product: &Product, variants: impl Iterator<Item = &'a Variant>) -> Value {
    let variants: Vec<_> = variants.collect();
    let one = |(index, option): (usize, &super::product::ProductOption)| {
        let values: Vec<_> = option
            .values
            .iter()
            .map(|value| {
                let used = variants
                    .iter()
                    .any(|variant| variant.values.get(index) == Some(&value.name));
                json!({
                    "id": gid("ProductOptionValue", value.id),
                    "name": value.name,
                    "hasVariants": used,
                })
            })
            .collect();
        let used: Vec<_> = values
            .iter()
            .filter(|value| value["hasVariants"] == json!(true))
            .map(|value| value["name"].clone())
            .collect();
        json!({
            "id": gid("ProductOption", option.id),
            "name": option.name,
            "position": index + 1,
            "values": used,
            "optionValues": values,
        })
    };
    product.options.iter().enumerate().map(one).collect()
}

pub fn variant(world: &World<'_>, shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Told {
    let Some(variant) = shop.variant(id) else {
        return Ok(Some(Value::Null));
    };
    let Some(product) = shop.product(variant.product) else {
        return Ok(Some(Value::Null));
    };
    let owner = gid("ProductVariant", id);
    let is_shown = |publication| !variant.unpublished.contains(&publication);
    if let Some(told) = publications(world, product, &owner, &is_shown, name, arguments) {
        return told;
    }
    Ok(Some(match name {
        "id" => json!(owner),
        "legacyResourceId" => json!(id.to_string()),
        "title" => json!(variant.title()),
        "displayName" => json!(format!("{} - {}", product.title, variant.title())),
        "sku" => match variant.sku.as_str() {
            "" => Value::Null,
            sku => json!(sku),
        },
        "barcode" => json!(variant.barcode),
        "price" => json!(price(variant.price)),
        "compareAtPrice" => json!(variant.compare_at.map(price)),
        "position" => {
            let before = product.variants.iter().take_while(|other| **other != id);
            json!(before.count() + 1)
        }
        "selectedOptions" => selected(product, variant),
        "inventoryPolicy" => json!(variant.policy),
        "inventoryQuantity" => json!(variant.available()),
        "sellableOnlineQuantity" => json!(match variant.item.tracked {
            true => variant.available(),
            false => 0,
        }),
        "availableForSale" => {
            json!(shop.is_shown(product, variant, world.now) && variant.is_for_sale())
        }
        "taxable" => json!(variant.taxable),
        "inventoryItem" => json!(gid("InventoryItem", variant.item.id)),
        "media" => {
            let all = variant.media.iter().map(|id| json!(gid("MediaImage", *id)));
            return short_list(arguments, all.collect());
        }
        "image" => match variant.media {
            Some(media) => self::media(shop, media, world.now, "image").unwrap_or_default(),
            None => Value::Null,
        },
        "product" => json!(gid("Product", product.id)),
        "metafield" => metafields::one(&variant.metafields, "PRODUCTVARIANT", arguments),
        "metafields" => return metafields::list(&variant.metafields, "PRODUCTVARIANT", arguments),
        "createdAt" => json!(moment(variant.created)),
        "updatedAt" => json!(moment(variant.updated)),
        _ => return Ok(None),
    }))
}

fn selected(product: &Product, variant: &Variant) -> Value {
    product
        .options
        .iter()
        .zip(&variant.values)
        .map(|(option, name)| {
            let value = option.values.iter().find(|value| &value.name == name);
            json!({
                "name": option.name,
                "value": name,
                "optionValue": {
                    "id": gid("ProductOptionValue", value.map_or(0, |value| value.id)),
                    "name": name,
                    "hasVariants": true,
                },
            })
        })
        .collect()
}

pub fn item(shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Told {
    let Some(variant) = shop.by_item(id) else {
        return Ok(Some(Value::Null));
    };
    let item = &variant.item;
    Ok(Some(match name {
        "id" => json!(gid("InventoryItem", id)),
        "legacyResourceId" => json!(id.to_string()),
        "sku" => match variant.sku.as_str() {
            "" => Value::Null,
            sku => json!(sku),
        },
        "tracked" => json!(item.tracked),
        "requiresShipping" => json!(item.requires_shipping),
        "unitCost" => item.cost.map_or(Value::Null, money),
        "countryCodeOfOrigin" => json!(item.country_of_origin),
        "provinceCodeOfOrigin" => json!(item.province_of_origin),
        "harmonizedSystemCode" => json!(item.harmonized_system_code),
        "measurement" => {
            let weight = item.weight.as_ref();
            json!({
                "id": gid("InventoryItemMeasurement", id),
                "weight": weight.map(|(value, unit)| json!({"value": value, "unit": unit})),
            })
        }
        "inventoryLevel" => {
            let location = Gid::number(arguments.get("locationId"), "Location");
            match location.filter(|location| item.levels.contains_key(location)) {
                Some(location) => json!(level_gid(location, id)),
                None => Value::Null,
            }
        }
        "inventoryLevels" => {
            let levels = item.levels.keys().map(|at| json!(level_gid(*at, id)));
            return short_list(arguments, levels.collect());
        }
        "locationsCount" => count(item.levels.len()),
        "variant" => json!(gid("ProductVariant", variant.id)),
        "createdAt" => json!(moment(variant.created)),
        "updatedAt" => json!(moment(variant.updated)),
        _ => return Ok(None),
    }))
}

pub fn level(shop: &Shop, level_id: &Gid, name: &str, arguments: &Arguments) -> Told {
    let location = level_id.id;
    let known = level_id.item.and_then(|item| {
        let variant = shop.by_item(item)?;
        Some((item, variant.item.levels.get(&location)?))
    });
    let Some((item, level)) = known else {
        return Ok(Some(Value::Null));
    };
    Ok(Some(match name {
        "id" => json!(level_gid(location, item)),
        "isActive" => json!(true),
        "item" => json!(gid("InventoryItem", item)),
        "location" => json!(gid("Location", location)),
        "createdAt" => json!(moment(level.created)),
        "updatedAt" => json!(moment(level.updated)),
        "quantities" => {
            let names = arguments.get("names").and_then(Value::as_array);
            let mut quantities = Vec::new();
            for name in names.into_iter().flatten().filter_map(Value::as_str) {
                let quantity = level.quantity(name).ok_or_else(|| {
                    Refused::bad_request(format!("{name} is not a name of inventory quantities"))
                })?;
                quantities.push(json!({
                    "id": format!(
                        "gid://shopify/InventoryQuantity/{location}?inventory_item_id={item}&name={name}"
                    ),
                    "name": name,
                    "quantity": quantity,
                    "updatedAt": moment(level.updated),
                }));
            }
            json!(quantities)
        }
        _ => return Ok(None),
    }))
}

pub fn media(shop: &Shop, id: u64, now: Timestamp, name: &str) -> Option<Value> {
    let Some(media) = shop.media.get(&id) else {
        return Some(Value::Null);
    };
    let is_ready = media.is_ready(now);
    let status = if is_ready { "READY" } else { "PROCESSING" };
    Some(match name {
        "id" => json!(gid("MediaImage", id)),
        "alt" => json!(media.alt),
        "mediaContentType" => json!("IMAGE"),
        "mediaErrors" => json!([]),
        "status" | "fileStatus" => json!(status),
        "image" => match is_ready {
            true => json!({
                "id": gid("ImageSource", id),
                "altText": media.alt,
                "url": media.url,
                "width": 800,
                "height": 800,
            }),
            false => Value::Null,
        },
        "originalSource" => match is_ready {
            true => json!({"url": media.url, "fileSize": 40_000}),
            false => Value::Null,
        },
        "mimeType" => match is_ready {
            true => json!("image/jpeg"),
            false => Value::Null,
        },
        "createdAt" | "updatedAt" => json!(moment(media.created)),
        _ => return None,
    })
}

/// What `GET /_sandbox/state` shows of a variant.
pub fn document(shop: &Shop, product: &Product, variant: &Variant) -> Value {
    let media: Vec<_> = product
        .media
        .iter()
        .filter_map(|id| shop.media.get(id))
        .map(|media| json!({"url": media.url, "source": media.source, "alt": media.alt}))
        .collect();
    let publications: Vec<_> = product
        .publications
        .keys()
        .filter_map(|id| shop::publication(*id))
        .collect();
    let levels: Vec<_> = variant
        .item
        .levels
        .iter()
        .map(|(id, level)| {
            json!({
                "location": shop::location(*id).map(|location| location.name),
                "available": level.available,
                "on_hand": level.on_hand(),
                "committed": level.committed,
            })
        })
        .collect();
    json!({
        "id": gid("ProductVariant", variant.id),
        "product": {
            "id": gid("Product", product.id),
            "title": product.title,
            "handle": product.handle,
            "status": product.status,
            "vendor": product.vendor,
            "productType": product.product_type,
            "tags": product.tags,
            "descriptionHtml": product.description_html,
            "category": product.category,
            "seo": {"title": product.seo_title, "description": product.seo_description},
            "media": media,
            "metafields": product.metafields,
            "publications": publications,
        },
        "title": variant.title(),
        "sku": variant.sku,
        "barcode": variant.barcode,
        "price": price(variant.price),
        "compareAtPrice": variant.compare_at.map(price),
        "selectedOptions": selected(product, variant),
        "inventoryPolicy": variant.policy,
        "taxable": variant.taxable,
        "inventoryItem": variant.item,
        "inventoryLevels": levels,
        "metafields": variant.metafields,
    })
}
