//! What is written into a listing: its checks, and what replace, merge and delete do to an attribute.

use std::collections::BTreeMap;

use iso_currency::Currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::content::AMAZON_CONDITIONS;
use crate::domain::money::{self, Money};
use crate::sandbox::Request;

/// What tells the values of one attribute apart.
const SELECTORS: &[&str] = &[
    "marketplace_id",
    "language_tag",
    "audience",
    "currency",
    "fulfillment_channel_code",
];

/// A checked request to change one listing.
#[derive(Clone, Serialize, Deserialize)]
pub enum Write {
    Put {
        product_type: String,
        requirements: String,
        attributes: Map<String, Value>,
    },
    Patch {
        product_type: String,
        patches: Vec<Patch>,
    },
    Delete,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Patch {
    op: String,
    pub attribute: String,
    value: Vec<Value>,
}

/// A complaint, before it is written as a listing's or a report's.
#[derive(Clone)]
pub struct Issue {
    pub code: &'static str,
    pub message: String,
    pub attribute: Option<String>,
    category: Option<&'static str>,
}

impl Issue {
    fn missing(attribute: &str) -> Self {
        Self {
            code: "90220",
            message: format!("'{attribute}' is required but not supplied."),
            attribute: Some(attribute.to_owned()),
            category: Some("MISSING_ATTRIBUTE"),
        }
    }

    pub fn is_missing(&self) -> bool {
        self.code == "90220"
    }

    /// Wording: amzn/selling-partner-api-models issue 3001.
    fn invalid(attribute: &str) -> Self {
        Self {
            code: "4000001",
            message: format!("The provided value for '{attribute}' is invalid."),
            attribute: Some(attribute.to_owned()),
            category: Some("INVALID_ATTRIBUTE"),
        }
    }

    /// About no attribute in particular.
    pub fn general(code: &'static str, message: String) -> Self {
        Self {
            code,
            message,
            attribute: None,
            category: None,
        }
    }

    /// models/listingsItems_2021-08-01.json, `Issue`.
    pub fn to_listing(&self) -> Value {
        let mut issue = json!({
            "code": self.code,
            "message": self.message,
            "severity": "ERROR",
            "categories": self.category.as_slice(),
            "enforcements": {
                "actions": [{"action": "LISTING_SUPPRESSED"}],
                "exemption": {"status": "NOT_EXEMPT"},
            },
        });
        if let Some(attribute) = &self.attribute {
            issue["attributeNames"] = json!([attribute]);
        }
        issue
    }
}

/// For skus that the faults' profile names.
pub fn refused() -> Issue {
    Issue::general("90000900", "The attributes are invalid.".into())
}

/// A field that must be there and not empty.
fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, String> {
    match body[field].as_str() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(format!("{field} is required")),
    }
}

impl Write {
    pub fn read(request: &Request) -> Result<Self, String> {
        if request.method == "DELETE" {
            return Ok(Self::Delete);
        }
        let is_json = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/json"));
        if !is_json {
            return Err("the content type must be application/json".into());
        }
        let body: Value = serde_json::from_slice(&request.body)
            .map_err(|error| format!("the body is not JSON: {error}"))?;
        match request.method.as_str() {
            "PUT" => Self::put(&body),
            _ => Self::patch(&body),
        }
    }

    /// `ListingsItemPutRequest`, or a feed's UPDATE.
    pub fn put(body: &Value) -> Result<Self, String> {
        let requirements = body["requirements"].as_str().unwrap_or("LISTING");
        if !["LISTING", "LISTING_PRODUCT_ONLY", "LISTING_OFFER_ONLY"].contains(&requirements) {
            return Err("requirements is not one of its values".into());
        }
        let attributes = body["attributes"]
            .as_object()
            .ok_or("attributes is required")?;
        Ok(Self::Put {
            product_type: text(body, "productType")?.to_owned(),
            requirements: requirements.to_owned(),
            attributes: attributes.clone(),
        })
    }

    /// `ListingsItemPatchRequest`, or a feed's PATCH.
    pub fn patch(body: &Value) -> Result<Self, String> {
        let patches = body["patches"]
            .as_array()
            .filter(|patches| !patches.is_empty())
            .ok_or("patches is required")?;
        Ok(Self::Patch {
            product_type: text(body, "productType")?.to_owned(),
            patches: patches.iter().map(Patch::read).collect::<Result<_, _>>()?,
        })
    }

    /// A feed's PARTIAL_UPDATE, which is PATCH with `replace`.
    pub fn partial(body: &Value) -> Result<Self, String> {
        let attributes = body["attributes"]
            .as_object()
            .filter(|attributes| !attributes.is_empty())
            .ok_or("attributes is required")?;
        let patches: Vec<_> = attributes
            .iter()
            .map(|(name, value)| {
                json!({"op": "replace", "path": format!("/attributes/{name}"), "value": value})
            })
            .collect();
        Self::patch(&json!({"productType": body["productType"], "patches": patches}))
    }

    /// What Amazon finds wrong with it.
    pub fn issues(&self, currency: Currency) -> Vec<Issue> {
        match self {
            Self::Delete => Vec::new(),
            Self::Put {
                requirements,
                attributes,
                ..
            } => {
                let mut issues = missing(requirements, attributes);
                for (name, value) in attributes {
                    let values = value.as_array().map_or(&[][..], Vec::as_slice);
                    issues.extend(check(name, values, currency));
                }
                issues
            }
            Self::Patch { patches, .. } => patches
                .iter()
                .filter(|patch| patch.op != "delete")
                .filter_map(|patch| check(&patch.attribute, &patch.value, currency))
                .collect(),
        }
    }
}

impl Patch {
    fn read(patch: &Value) -> Result<Self, String> {
        let op = text(patch, "op")?;
        if !["add", "replace", "merge", "delete"].contains(&op) {
            return Err("op is not one of add, replace, merge, delete".into());
        }
        let attribute = text(patch, "path")?
            .strip_prefix("/attributes/")
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .ok_or("path must name one top-level attribute")?;
        let value = match &patch["value"] {
            Value::Array(value) if value.iter().all(Value::is_object) => value.clone(),
            Value::Null if op == "delete" => Vec::new(),
            _ => return Err("value must be a list of objects".into()),
        };
        Ok(Self {
            op: op.to_owned(),
            attribute: attribute.to_owned(),
            value,
        })
    }
}

/// The attributes that every product type requires of a new listing.
fn missing(requirements: &str, attributes: &Map<String, Value>) -> Vec<Issue> {
    let is_parent = attributes
        .get("parentage_level")
        .is_some_and(|level| level[0]["value"] == "parent");
    let has = |name: &str| attributes.contains_key(name);
    let mut required = Vec::new();
    if requirements != "LISTING_OFFER_ONLY" {
        required.push("item_name");
    }
    if !is_parent {
        if requirements != "LISTING_PRODUCT_ONLY" {
            required.extend(["condition_type", "purchasable_offer"]);
        }
        // Either of them would do, and Amazon complains about both (amzn/selling-partner-api-models issue 4970).
        if !has("externally_assigned_product_identifier")
            && !has("merchant_suggested_asin")
            && !has("supplier_declared_has_product_identifier_exemption")
        {
            required.extend([
                "externally_assigned_product_identifier",
                "merchant_suggested_asin",
            ]);
        }
    }
    required
        .into_iter()
        .filter(|name| !has(name))
        .map(Issue::missing)
        .collect()
}

fn check(name: &str, values: &[Value], currency: Currency) -> Option<Issue> {
    if values.is_empty() || !values.iter().all(Value::is_object) {
        return Some(Issue::invalid(name));
    }
    let ok = match name {
        "fulfillment_availability" => {
            // amzn/selling-partner-api-models issue 4554.
            if values
                .iter()
                .any(|one| !one["fulfillment_channel_code"].is_string())
            {
                return Some(Issue {
                    code: "BAD_REQUEST",
                    message: "fulfillment_channel_code is required".into(),
                    attribute: Some(name.to_owned()),
                    category: Some("INVALID_ATTRIBUTE"),
                });
            }
            values
                .iter()
                .all(|one| one.get("quantity").is_none_or(Value::is_u64))
        }
        "purchasable_offer" => values.iter().all(|one| {
            one["currency"] == currency.code()
                && one["our_price"].as_array().is_some_and(|prices| {
                    prices.iter().all(|price| {
                        price["schedule"][0]["value_with_tax"]
                            .as_f64()
                            .is_some_and(|value| value > 0.0)
                    })
                })
        }),
        "condition_type" => values.iter().all(|one| {
            one["value"]
                .as_str()
                .is_some_and(|value| AMAZON_CONDITIONS.contains(&value))
        }),
        "item_name" => values
            .iter()
            .all(|one| one["value"].as_str().is_some_and(|title| !title.is_empty())),
        _ => true,
    };
    (!ok).then(|| Issue::invalid(name))
}

fn same_instance(one: &Value, other: &Value) -> bool {
    SELECTORS.iter().all(
        |selector| match (one.get(*selector), other.get(*selector)) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        },
    )
}

/// `replace` with another selector adds (amzn/selling-partner-api-models issue 2061).
pub fn patch(attributes: &mut Map<String, Value>, patch: &Patch) {
    let mut values = match attributes.remove(&patch.attribute) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    match patch.op.as_str() {
        "merge" => {
            for new in &patch.value {
                match values.iter_mut().find(|old| same_instance(old, new)) {
                    Some(Value::Object(old)) => {
                        old.extend(new.as_object().cloned().unwrap_or_default());
                    }
                    _ => values.push(new.clone()),
                }
            }
        }
        "delete" if patch.value.is_empty() => values.clear(),
        op => {
            values.retain(|old| !patch.value.iter().any(|new| same_instance(old, new)));
            if op != "delete" {
                values.extend(patch.value.iter().cloned());
            }
        }
    }
    if !values.is_empty() {
        attributes.insert(patch.attribute.clone(), Value::Array(values));
    }
}

/// The consumer price of a `purchasable_offer`.
pub fn price(offers: Option<&Value>) -> Option<Money> {
    let offer = offers?.as_array()?.iter().find(|offer| {
        offer
            .get("audience")
            .is_none_or(|audience| audience == "ALL")
    })?;
    let number = offer["our_price"][0]["schedule"][0]["value_with_tax"].as_number()?;
    let amount: Decimal = number.to_string().parse().ok()?;
    let currency = money::currency(offer["currency"].as_str()?)?;
    Some(Money::new(amount, currency))
}

/// Quantities by channel of a `fulfillment_availability`.
pub fn quantities(availability: Option<&Value>) -> BTreeMap<String, Option<i64>> {
    availability
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let code = one["fulfillment_channel_code"].as_str()?;
            Some((code.to_owned(), one["quantity"].as_i64()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(op: &str, value: Value) -> Value {
        let before = json!({"fulfillment_availability": [
            {"fulfillment_channel_code": "DEFAULT", "quantity": 3, "lead_time_to_ship_max_days": 5}]});
        let mut attributes = before.as_object().unwrap().clone();
        let operation =
            json!({"op": op, "path": "/attributes/fulfillment_availability", "value": value});
        patch(&mut attributes, &Patch::read(&operation).unwrap());
        attributes
            .remove("fulfillment_availability")
            .unwrap_or_default()
    }

    #[test]
    fn merge_keeps_what_replace_drops() {
        let new = json!([{"fulfillment_channel_code": "DEFAULT", "quantity": 0}]);
        let merged = after("merge", new.clone());
        assert_eq!(merged[0]["lead_time_to_ship_max_days"], 5);
        assert_eq!(merged[0]["quantity"], 0);
        assert_eq!(after("replace", new.clone()), new);
        assert_eq!(after("delete", new), Value::Null);
    }

    #[test]
    fn replace_with_another_channel_adds_it() {
        let both = after(
            "replace",
            json!([{"fulfillment_channel_code": "AMAZON_EU"}]),
        );
        assert_eq!(both.as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_new_listing_without_identifier_gets_both_complaints() {
        let body = json!({"productType": "HAT", "attributes": {"item_name": [{"value": "Hat"}]}});
        let issues = Write::put(&body).unwrap().issues(Currency::EUR);
        let attributes: Vec<_> = issues
            .iter()
            .filter_map(|one| one.attribute.as_deref())
            .collect();
        assert_eq!(
            attributes,
            [
                "condition_type",
                "purchasable_offer",
                "externally_assigned_product_identifier",
                "merchant_suggested_asin"
            ]
        );
    }
}
