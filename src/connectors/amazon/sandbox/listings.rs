//! Listings Items 2021-08-01: what was submitted, what is live, and the time between.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::account::find_marketplace;
use super::attributes::{self, Write};
use super::{Timing, error, invalid, list, moment, told};
use crate::domain::money::Money;
use crate::sandbox::{Fault, Faults, ListingState, Request, Response};

/// models: `numberOfResults`.
const MOST_RESULTS: usize = 1000;
const MOST_PER_PAGE: usize = 20;

const DATA_SETS: &[&str] = &[
    "summaries",
    "attributes",
    "issues",
    "offers",
    "fulfillmentAvailability",
    "procurement",
    "relationships",
    "productTypes",
];

/// One sku.
#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
    pub marketplace: String,
    product_type: String,
    /// As submitted. What is live may differ: sales lower the live quantity only.
    attributes: Map<String, Value>,
    pub price: Option<Money>,
    /// By fulfillment channel.
    quantities: BTreeMap<String, Option<i64>>,
    created: Timestamp,
    pub updated: Timestamp,
}

impl Item {
    fn text(&self, attribute: &str, field: &str) -> Option<&str> {
        self.attributes.get(attribute)?.get(0)?.get(field)?.as_str()
    }

    pub fn title(&self) -> Option<&str> {
        self.text("item_name", "value")
    }

    fn is_parent(&self) -> bool {
        self.text("parentage_level", "value") == Some("parent")
    }

    fn parent(&self) -> Option<&str> {
        self.text("child_parent_sku_relationship", "parent_sku")
    }

    /// An offer without an item behind it is taken and shown nowhere (amzn/selling-partner-api-models issue 2797).
    fn is_complete(&self) -> bool {
        self.title().is_some() || self.attributes.contains_key("merchant_suggested_asin")
    }

    /// `DEFAULT` is the seller's own warehouse.
    pub fn quantity(&self) -> Option<i64> {
        self.quantities.get("DEFAULT").copied().flatten()
    }

    pub fn set_quantity(&mut self, quantity: i64, now: Timestamp) {
        self.quantities.insert("DEFAULT".into(), Some(quantity));
        self.updated = now;
    }

    pub fn status(&self) -> Vec<&'static str> {
        if !self.is_complete() {
            return Vec::new();
        }
        let available = self.quantities.values().flatten().any(|left| *left > 0);
        match available && self.price.is_some() && !self.is_parent() {
            true => vec!["BUYABLE", "DISCOVERABLE"],
            false => vec!["DISCOVERABLE"],
        }
    }

    /// Makes the touched attributes live.
    fn publish(&mut self, touched: impl Fn(&str) -> bool) {
        if touched("purchasable_offer") {
            self.price = attributes::price(self.attributes.get("purchasable_offer"));
        }
        if touched("fulfillment_availability") {
            self.quantities =
                attributes::quantities(self.attributes.get("fulfillment_availability"));
        }
    }
}

/// A number that only depends on the sku.
pub fn asin(sku: &str) -> String {
    let hash = sku.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("B0{:08X}", hash as u32)
}

#[derive(Clone, Serialize, Deserialize)]
struct Pending {
    at: Timestamp,
    sku: String,
    marketplace: String,
    write: Write,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Shelf {
    items: BTreeMap<String, Item>,
    created: BTreeMap<String, u64>,
    /// Accepted and not carried out yet, oldest first.
    pending: Vec<Pending>,
}

impl Shelf {
    pub fn created(&self) -> &BTreeMap<String, u64> {
        &self.created
    }

    pub fn item(&self, sku: &str) -> Option<&Item> {
        self.items.get(sku)
    }

    pub fn item_mut(&mut self, sku: &str) -> Option<&mut Item> {
        self.items.get_mut(sku)
    }

    pub fn settle(&mut self, now: Timestamp) {
        let due = self.pending.partition_point(|pending| pending.at <= now);
        for pending in self.pending.drain(..due).collect::<Vec<_>>() {
            self.apply(pending.sku, &pending.marketplace, pending.write, pending.at);
        }
    }

    pub fn apply(&mut self, sku: String, marketplace: &str, write: Write, at: Timestamp) {
        if matches!(write, Write::Delete) {
            self.items.remove(&sku);
            return;
        }
        let created = &mut self.created;
        let item = self.items.entry(sku).or_insert_with_key(|sku| {
            *created.entry(sku.clone()).or_default() += 1;
            Item {
                marketplace: marketplace.to_owned(),
                product_type: String::new(),
                attributes: Map::new(),
                price: None,
                quantities: BTreeMap::new(),
                created: at,
                updated: at,
            }
        });
        item.updated = at;
        match write {
            Write::Put {
                product_type,
                attributes,
                ..
            } => {
                item.product_type = product_type;
                item.attributes = attributes;
                item.publish(|_| true);
            }
            Write::Patch {
                product_type,
                patches,
            } => {
                // `PRODUCT` stands for any type and changes none.
                if item.product_type.is_empty() || product_type != "PRODUCT" {
                    item.product_type = product_type;
                }
                for patch in &patches {
                    attributes::patch(&mut item.attributes, patch);
                }
                item.publish(|name| patches.iter().any(|patch| patch.attribute == name));
            }
            Write::Delete => {}
        }
    }

    /// PUT, PATCH and DELETE of one sku.
    pub fn write(
        &mut self,
        sku: &str,
        request: &Request,
        timing: &Timing,
        faults: &mut Faults,
    ) -> Response {
        let marketplaces = list(request, "marketplaceIds");
        let [marketplace] = marketplaces.as_slice() else {
            return invalid("exactly one marketplaceIds is supported");
        };
        let Some(known) = find_marketplace(marketplace) else {
            return invalid("marketplaceIds holds an unknown marketplace");
        };
        let write = match Write::read(request) {
            Ok(write) => write,
            Err(reason) => return invalid(&reason),
        };
        let preview = match request.query("mode") {
            None => false,
            Some("VALIDATION_PREVIEW") => true,
            Some(_) => return invalid("mode is not one of VALIDATION_PREVIEW"),
        };
        let mut issues = write.issues(known.currency);
        if faults.refuses(sku) {
            issues.push(attributes::refused());
        }
        if let Some(bad) = issues.iter().find(|issue| issue.code == "BAD_REQUEST") {
            return error(400, "BAD_REQUEST", &bad.message, "");
        }
        let status = match (issues.is_empty(), preview) {
            (false, _) => "INVALID",
            (true, true) => "VALID",
            (true, false) => "ACCEPTED",
        };
        if status == "ACCEPTED" && !faults.strikes(Fault::Ignored, true) {
            self.pending.push(Pending {
                at: request.now + timing.publish,
                sku: sku.to_owned(),
                marketplace: (*marketplace).to_owned(),
                write,
            });
        }
        let mut body = json!({
            "sku": sku,
            "status": status,
            "submissionId": uuid::Uuid::now_v7().simple().to_string(),
            "issues": issues.iter().map(attributes::Issue::to_listing).collect::<Vec<_>>(),
        });
        if list(request, "includedData").contains(&"identifiers") {
            body["identifiers"] = match issues.is_empty() {
                true => json!([{"marketplaceId": marketplace, "asin": asin(sku)}]),
                false => json!([]),
            };
        }
        Response::json(200, &body)
    }

    pub fn get(&self, sku: &str, request: &Request) -> Response {
        let marketplaces = list(request, "marketplaceIds");
        let data = match data_sets(request) {
            Ok(data) => data,
            Err(response) => return response,
        };
        if marketplaces.is_empty() {
            return invalid("marketplaceIds is required");
        }
        match self.items.get(sku) {
            Some(item) if marketplaces.contains(&&*item.marketplace) => {
                Response::json(200, &self.show(sku, item, &data))
            }
            _ => {
                let message = format!(
                    "SKU '{sku}' not found in marketplace {}",
                    marketplaces.join(", ")
                );
                error(404, "NOT_FOUND", &message, "")
            }
        }
    }

    pub fn search(&self, request: &Request, faults: &mut Faults) -> Response {
        self.try_search(request, faults)
            .unwrap_or_else(|refused| refused)
    }

    fn try_search(&self, request: &Request, faults: &mut Faults) -> Result<Response, Response> {
        let marketplaces = list(request, "marketplaceIds");
        if marketplaces.is_empty() {
            return Err(invalid("marketplaceIds is required"));
        }
        let data = data_sets(request)?;
        let page_size = match request.query("pageSize").map(str::parse) {
            None => 10,
            Some(Ok(size @ 1..=MOST_PER_PAGE)) => size,
            Some(_) => return Err(invalid("pageSize must be between 1 and 20")),
        };
        let offset = match request.query("pageToken").map(read_token) {
            None => 0,
            Some(Some(offset)) => offset,
            Some(None) => return Err(invalid("pageToken is not valid")),
        };
        let identifiers = list(request, "identifiers");
        if identifiers.len() > 20 {
            return Err(invalid("at most 20 identifiers are supported"));
        }
        match (request.query("identifiersType"), identifiers.is_empty()) {
            (None, true) | (Some("SKU" | "ASIN"), false) => {}
            (Some(_), false) => return Err(invalid("this sandbox searches by SKU and ASIN only")),
            _ => return Err(invalid("identifiers and identifiersType go together")),
        }
        let by_asin = request.query("identifiersType") == Some("ASIN");
        let (created_after, created_before) = (
            moment(request, "createdAfter")?,
            moment(request, "createdBefore")?,
        );
        let (updated_after, updated_before) = (
            moment(request, "lastUpdatedAfter")?,
            moment(request, "lastUpdatedBefore")?,
        );
        let (with, without) = (list(request, "withStatus"), list(request, "withoutStatus"));
        let severities = list(request, "withIssueSeverity");
        let within = |at, after: Option<_>, before: Option<_>| {
            after.is_none_or(|after| at >= after) && before.is_none_or(|before| at <= before)
        };
        let mut found: Vec<(&String, &Item)> = self
            .items
            .iter()
            .filter(|(sku, item)| {
                let status = item.status();
                marketplaces.contains(&&*item.marketplace)
                    && (identifiers.is_empty()
                        || identifiers.contains(&sku.as_str())
                        || (by_asin && identifiers.contains(&&*asin(sku))))
                    && within(item.created, created_after, created_before)
                    && within(item.updated, updated_after, updated_before)
                    && with.iter().all(|wanted| status.contains(wanted))
                    && !without.iter().any(|unwanted| status.contains(unwanted))
                    && severities.is_empty()
                    && request
                        .query("variationParentSku")
                        .is_none_or(|parent| item.parent() == Some(parent))
            })
            .collect();
        let ascending = match request.query("sortOrder") {
            None | Some("DESC") => false,
            Some("ASC") => true,
            Some(_) => return Err(invalid("sortOrder is not one of ASC, DESC")),
        };
        match request.query("sortBy") {
            Some("sku") => found.sort_by_key(|(sku, _)| *sku),
            Some("createdDate") => found.sort_by_key(|(_, item)| item.created),
            None | Some("lastUpdatedDate") => found.sort_by_key(|(_, item)| item.updated),
            Some(_) => return Err(invalid("sortBy is not valid")),
        }
        if !ascending {
            found.reverse();
        }
        let total = found.len();
        found.truncate(MOST_RESULTS);
        let end = (offset + page_size).min(found.len());
        let page = found.get(offset..end).unwrap_or_default();
        let mut pagination = Map::new();
        if faults.strikes(Fault::RepeatedPage, false) {
            let token = request
                .query("pageToken")
                .map_or_else(|| token(offset + page_size), str::to_owned);
            pagination.insert("nextToken".into(), token.into());
        } else if end < found.len() {
            pagination.insert("nextToken".into(), token(end).into());
        }
        if offset > 0 {
            let previous = token(offset.saturating_sub(page_size));
            pagination.insert("previousToken".into(), previous.into());
        }
        let items: Vec<_> = page
            .iter()
            .map(|(sku, item)| self.show(sku, item, &data))
            .collect();
        let mut body = json!({"numberOfResults": total, "items": items});
        if !pagination.is_empty() {
            body["pagination"] = pagination.into();
        }
        Ok(Response::json(200, &body))
    }

    /// The listing as Amazon shows it, with the data sets that were asked for.
    pub fn show(&self, sku: &str, item: &Item, data: &[&str]) -> Value {
        let marketplace = &item.marketplace;
        let mut shown = json!({"sku": sku});
        for set in data {
            shown[*set] = match *set {
                "summaries" => json!([self.summary(sku, item)]),
                "attributes" => Value::Object(item.attributes.clone()),
                "offers" => item
                    .price
                    .iter()
                    .map(|price| {
                        json!({
                            "marketplaceId": marketplace,
                            "offerType": "B2C",
                            "price": {"currencyCode": price.currency.code(), "amount": price.to_plain()},
                            "audience": {"value": "ALL", "displayName": "Sell on Amazon"},
                        })
                    })
                    .collect(),
                "fulfillmentAvailability" => item
                    .quantities
                    .iter()
                    .map(|(code, quantity)| match quantity {
                        Some(quantity) => {
                            json!({"fulfillmentChannelCode": code, "quantity": quantity})
                        }
                        None => json!({"fulfillmentChannelCode": code}),
                    })
                    .collect(),
                "relationships" => json!([{
                    "marketplaceId": marketplace,
                    "relationships": self.relationships(sku, item),
                }]),
                "productTypes" => {
                    json!([{"marketplaceId": marketplace, "productType": item.product_type}])
                }
                _ => json!([]),
            };
        }
        shown
    }

    fn summary(&self, sku: &str, item: &Item) -> Value {
        let mut summary = json!({
            "marketplaceId": item.marketplace,
            "productType": item.product_type,
            "status": item.status(),
            "createdDate": told(item.created),
            "lastUpdatedDate": told(item.updated),
        });
        if item.is_complete() {
            summary["asin"] = asin(sku).into();
        }
        if let Some(title) = item.title() {
            summary["itemName"] = title.into();
        }
        if let Some(condition) = item.text("condition_type", "value") {
            summary["conditionType"] = condition.into();
        }
        if let Some(link) = item.text("main_product_image_locator", "media_location") {
            summary["mainImage"] = json!({"link": link, "height": 500, "width": 500});
        }
        summary
    }

    fn relationships(&self, sku: &str, item: &Item) -> Vec<Value> {
        let theme = item.text("variation_theme", "name").unwrap_or_default();
        let attributes: Vec<_> = theme.split('/').map(str::to_lowercase).collect();
        let theme = json!({"attributes": attributes, "theme": theme});
        if let Some(parent) = item.parent() {
            let parents = [parent];
            return vec![
                json!({"parentSkus": parents, "variationTheme": theme, "type": "VARIATION"}),
            ];
        }
        if !item.is_parent() {
            return Vec::new();
        }
        let children: Vec<_> = self
            .items
            .iter()
            .filter(|(_, item)| item.parent() == Some(sku))
            .map(|(sku, _)| sku)
            .collect();
        vec![json!({"childSkus": children, "variationTheme": theme, "type": "VARIATION"})]
    }

    pub fn state(&self) -> BTreeMap<String, ListingState> {
        self.items
            .iter()
            .map(|(sku, item)| {
                let state = ListingState {
                    price: item.price,
                    quantity: item.quantity(),
                    live: !item.status().is_empty(),
                    content: self.show(sku, item, &["summaries", "attributes"]),
                };
                (sku.clone(), state)
            })
            .collect()
    }
}

fn data_sets(request: &Request) -> Result<Vec<&str>, Response> {
    let data = list(request, "includedData");
    if data.is_empty() {
        return Ok(vec!["summaries"]);
    }
    match data.iter().find(|set| !DATA_SETS.contains(set)) {
        Some(set) => Err(invalid(&format!(
            "includedData holds an unknown value: {set}"
        ))),
        None => Ok(data),
    }
}

/// Not a plain number, so that nobody counts on one.
fn token(offset: usize) -> String {
    format!("page-{offset:x}")
}

fn read_token(token: &str) -> Option<usize> {
    usize::from_str_radix(token.strip_prefix("page-")?, 16).ok()
}
