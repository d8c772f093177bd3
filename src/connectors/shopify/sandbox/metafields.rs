//! Metafields, and definitions of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::entities::{Told, short_list};
use super::gid::{Gid, gid};
use super::objects::{Arguments, World};
use super::product::{Metafield, find};
use super::shop::Shop;
use super::text::moment;
use super::user_error::{UserError, documents};

/// What `$app` and a namespace that is left out stand for.
const APP: &str = "app--1";
/// The type of values that name a thing in another system: unique among all products.
pub const ID_TYPE: &str = "id";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Definition {
    pub id: u64,
    pub namespace: String,
    pub key: String,
    pub name: String,
    pub description: Option<String>,
    /// PRODUCT or PRODUCTVARIANT.
    pub owner: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub is_unique: bool,
}

/// A namespace written out.
pub fn namespace(stated: Option<&Value>) -> String {
    match stated.and_then(Value::as_str) {
        None | Some("$app") => APP.to_owned(),
        Some(stated) => match stated.strip_prefix("$app:") {
            Some(rest) => format!("{APP}--{rest}"),
            None => stated.to_owned(),
        },
    }
}

pub fn definition<'a>(
    shop: &'a Shop,
    owner: &str,
    namespace: &str,
    key: &str,
) -> Option<&'a Definition> {
    shop.definitions
        .iter()
        .find(|one| one.owner == owner && one.namespace == namespace && one.key == key)
}

fn document(metafield: &Metafield, owner: &str) -> Value {
    let parsed = serde_json::from_str::<Value>(&metafield.value);
    let json_value = match metafield.kind.as_str() {
        kind if kind.contains("text_field") || kind == ID_TYPE => json!(metafield.value),
        _ => parsed.unwrap_or_else(|_| json!(metafield.value)),
    };
    let digest: String = Sha256::digest(metafield.value.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    json!({
        "id": gid("Metafield", metafield.id),
        "namespace": metafield.namespace,
        "key": metafield.key,
        "value": metafield.value,
        "type": metafield.kind,
        "jsonValue": json_value,
        "compareDigest": digest,
        "ownerType": owner,
        "createdAt": moment(metafield.created),
        "updatedAt": moment(metafield.updated),
    })
}

/// `metafield(namespace:, key:)`.
pub fn one(metafields: &[Metafield], owner: &str, arguments: &Arguments) -> Value {
    let namespace = namespace(arguments.get("namespace"));
    let key = arguments.get("key").and_then(Value::as_str);
    key.and_then(|key| find(metafields, &namespace, key))
        .map_or(Value::Null, |metafield| document(metafield, owner))
}

/// `metafields(namespace:, keys:)`.
pub fn list(metafields: &[Metafield], owner: &str, arguments: &Arguments) -> Told {
    let wanted = arguments
        .get("namespace")
        .map(|stated| namespace(Some(stated)));
    let keys = arguments.get("keys").and_then(Value::as_array);
    let fits = |metafield: &&Metafield| {
        let full = format!("{}.{}", metafield.namespace, metafield.key);
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted == &metafield.namespace)
            && keys.is_none_or(|keys| keys.contains(&json!(full)))
    };
    let listed = metafields.iter().filter(fits);
    short_list(arguments, listed.map(|one| document(one, owner)).collect())
}

/// A metafield as it is sent. `Err` says what is wrong, for any payload to tell.
pub fn read(
    shop: &mut Shop,
    owner: &str,
    sent: &Value,
    before: &[Metafield],
    now: Timestamp,
) -> Result<Metafield, String> {
    let namespace = namespace(sent.get("namespace").filter(|value| !value.is_null()));
    let text = |name: &str| sent[name].as_str().unwrap_or_default();
    let key = text("key");
    if key.is_empty() {
        return Err("Key can't be blank".to_owned());
    }
    let known = find(before, &namespace, key).cloned();
    let defined = definition(shop, owner, &namespace, key).map(|one| one.kind.clone());
    let stated = sent["type"].as_str().map(str::to_owned);
    let kind = match (&defined, stated) {
        (Some(defined), Some(stated)) if *defined != stated => {
            return Err(format!(
                "Type must be consistent with the definition's type: {defined}"
            ));
        }
        (Some(defined), _) => defined.clone(),
        (None, Some(stated)) => stated,
        (None, None) => match &known {
            Some(known) => known.kind.clone(),
            None => return Err("Type can't be blank".to_owned()),
        },
    };
    let value = text("value");
    if value.is_empty() {
        return Err("Value can't be blank".to_owned());
    }
    let fits = match kind.as_str() {
        "number_integer" => value.parse::<i64>().is_ok(),
        "number_decimal" => value.parse::<rust_decimal::Decimal>().is_ok(),
        "boolean" => matches!(value, "true" | "false"),
        "json" => serde_json::from_str::<Value>(value).is_ok(),
        "single_line_text_field" => !value.contains('\n'),
        kind if kind.starts_with("list.") => serde_json::from_str::<Vec<Value>>(value).is_ok(),
        _ => true,
    };
    if !fits {
        return Err(format!("Value must be a valid {kind}"));
    }
    Ok(Metafield {
        id: known
            .as_ref()
            .map_or_else(|| shop.next_id(), |known| known.id),
        namespace,
        key: key.to_owned(),
        kind,
        value: value.to_owned(),
        created: known.map_or(now, |known| known.created),
        updated: now,
    })
}

/// Puts a metafield among others, in place of the one with its name.
pub fn put(metafields: &mut Vec<Metafield>, one: Metafield) {
    let same = |other: &&mut Metafield| other.namespace == one.namespace && other.key == one.key;
    match metafields.iter_mut().find(same) {
        Some(place) => *place = one,
        None => metafields.push(one),
    }
}

/// `metafieldsSet`: all of them or none.
pub fn set(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let sent = arguments.get("metafields").and_then(Value::as_array);
    let mut errors = Vec::new();
    let mut ready = Vec::new();
    for (index, one) in sent.into_iter().flatten().enumerate() {
        let at = |name: &str| format!("metafields.{index}.{name}");
        let owner = one["ownerId"].as_str().and_then(Gid::parse);
        let (owner_type, before) = match &owner {
            Some(gid) if gid.kind == "Product" => {
                let product = shop.product(gid.id);
                ("PRODUCT", product.map(|product| product.metafields.clone()))
            }
            Some(gid) if gid.kind == "ProductVariant" => {
                let variant = shop.variant(gid.id);
                (
                    "PRODUCTVARIANT",
                    variant.map(|variant| variant.metafields.clone()),
                )
            }
            _ => ("PRODUCT", None),
        };
        let (Some(owner), Some(before)) = (owner, before) else {
            let message = "Owner does not exist.";
            errors.push(UserError::new(&at("ownerId"), message, "INVALID"));
            continue;
        };
        match read(shop, owner_type, one, &before, world.now) {
            Err(message) => errors.push(UserError::new(&at("value"), message, "INVALID_VALUE")),
            Ok(metafield) => {
                let taken = metafield.kind == ID_TYPE
                    && shop
                        .by_custom_id(&metafield.namespace, &metafield.key, &metafield.value)
                        .is_some_and(|product| product != owner.id);
                if taken {
                    let message = "Value is already assigned to another product.";
                    errors.push(UserError::new(&at("value"), message, "TAKEN"));
                } else {
                    ready.push((owner, owner_type, metafield));
                }
            }
        }
    }
    if !errors.is_empty() {
        return json!({"metafields": null, "userErrors": documents(&errors)});
    }
    let mut told = Vec::new();
    for (owner, owner_type, metafield) in ready {
        told.push(document(&metafield, owner_type));
        if owner_type == "PRODUCT" {
            if let Some(mut product) = shop.product(owner.id).cloned() {
                put(&mut product.metafields, metafield);
                product.updated = world.now;
                shop.keep_product(product);
            }
        } else {
            shop.with_variant(owner.id, world.now, |variant| {
                put(&mut variant.metafields, metafield);
            });
        }
    }
    json!({"metafields": told, "userErrors": []})
}

/// `metafieldDefinitionCreate`.
pub fn define(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let sent = arguments.get("definition").cloned().unwrap_or_default();
    let text = |name: &str| sent[name].as_str().unwrap_or_default().to_owned();
    let namespace = namespace(sent.get("namespace").filter(|value| !value.is_null()));
    let (owner, key, kind) = (text("ownerType"), text("key"), text("type"));
    let error = if definition(&shop, &owner, &namespace, &key).is_some() {
        let message =
            format!("Key is in use for {owner} metafields on the '{namespace}' namespace.");
        Some(UserError::new("definition.key", message, "TAKEN"))
    } else if key.len() < 2 {
        let message = "Key is too short (minimum is 2 characters)";
        Some(UserError::new("definition.key", message, "TOO_SHORT"))
    } else if !matches!(owner.as_str(), "PRODUCT" | "PRODUCTVARIANT") {
        let message = "Only definitions of products and variants are emulated.";
        Some(UserError::new("definition.ownerType", message, "INVALID"))
    } else if kind.is_empty() {
        Some(UserError::new(
            "definition.type",
            "Type can't be blank",
            "BLANK",
        ))
    } else {
        None
    };
    if let Some(error) = error {
        return json!({"createdDefinition": null, "userErrors": documents(&[error])});
    }
    let definition = Definition {
        id: shop.next_id(),
        namespace,
        key,
        name: text("name"),
        description: sent["description"].as_str().map(str::to_owned),
        owner,
        is_unique: kind == ID_TYPE
            || sent["capabilities"]["uniqueValues"]["enabled"] == json!(true),
        kind,
    };
    let created = definition_document(&definition);
    shop.definitions.push(definition);
    json!({"createdDefinition": created, "userErrors": []})
}

fn definition_document(definition: &Definition) -> Value {
    json!({
        "id": gid("MetafieldDefinition", definition.id),
        "namespace": definition.namespace,
        "key": definition.key,
        "name": definition.name,
        "description": definition.description,
        "ownerType": definition.owner,
        "type": {"name": definition.kind, "category": category(&definition.kind)},
        "capabilities": {
            "uniqueValues": {"eligible": true, "enabled": definition.is_unique},
        },
    })
}

fn category(kind: &str) -> &'static str {
    match kind {
        ID_TYPE => "ID",
        kind if kind.starts_with("number") => "NUMBER",
        "boolean" => "TRUE_FALSE",
        "json" => "JSON",
        _ => "TEXT",
    }
}

/// `metafieldDefinitions`.
pub fn definitions(shop: &Shop, arguments: &Arguments) -> Told {
    let wanted = arguments.get("namespace").filter(|value| !value.is_null());
    let wanted = wanted.map(|stated| namespace(Some(stated)));
    let key = arguments.get("key").and_then(Value::as_str);
    let listed = shop.definitions.iter().filter(|one| {
        arguments.get("ownerType") == Some(&json!(one.owner))
            && wanted
                .as_ref()
                .is_none_or(|wanted| wanted == &one.namespace)
            && key.is_none_or(|key| key == one.key)
    });
    short_list(arguments, listed.map(definition_document).collect())
}
