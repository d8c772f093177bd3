//! Orders 2026-01-01, and the confirmation of shipments that Orders v0 still has.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::account::find_marketplace;
use super::listings::{Shelf, asin};
use super::{error, invalid, list, moment, told};
use crate::domain::money::Money;
use crate::sandbox::{Fault, Faults, Purchase, Receipt, ReceiptLine, Request, Response};

/// `createdBefore` and `lastUpdatedBefore` must lie so far back.
const SETTLED: SignedDuration = SignedDuration::from_mins(2);

const STATUSES: &[&str] = &[
    "PENDING_AVAILABILITY",
    "PENDING",
    "UNSHIPPED",
    "PARTIALLY_SHIPPED",
    "SHIPPED",
    "CANCELLED",
    "UNFULFILLABLE",
];

const DATA_SETS: &[&str] = &[
    "BUYER",
    "RECIPIENT",
    "PROCEEDS",
    "EXPENSE",
    "PROMOTION",
    "CANCELLATION",
    "FULFILLMENT",
    "PACKAGES",
    "TAX",
    "PAYMENT",
    "FULFILLMENT_ORDERS",
];

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    id: String,
    sku: String,
    title: Option<String>,
    quantity: u64,
    unit_price: Money,
}

#[derive(Clone, Serialize, Deserialize)]
struct Package {
    carrier: String,
    tracking: String,
    shipped_at: Timestamp,
    created: Timestamp,
    /// Pieces by line.
    items: BTreeMap<String, u64>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    created: Timestamp,
    updated: Timestamp,
    marketplace: String,
    canceled: bool,
    lines: Vec<Line>,
    /// By the seller's reference.
    packages: BTreeMap<String, Package>,
    buyer: Value,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Orders {
    counter: u64,
    orders: BTreeMap<String, Order>,
}

impl Order {
    fn shipped(&self, line: &str) -> u64 {
        self.packages
            .values()
            .filter_map(|package| package.items.get(line))
            .sum()
    }

    fn status(&self) -> &'static str {
        if self.canceled {
            return "CANCELLED";
        }
        let ordered: u64 = self.lines.iter().map(|line| line.quantity).sum();
        let shipped: u64 = self.lines.iter().map(|line| self.shipped(&line.id)).sum();
        match shipped {
            0 => "UNSHIPPED",
            shipped if shipped < ordered => "PARTIALLY_SHIPPED",
            _ => "SHIPPED",
        }
    }

    fn show(&self, id: &str, data: &[&str]) -> Value {
        let has = |set: &str| data.contains(&set);
        let domain = find_marketplace(&self.marketplace).map_or("amazon.de", |one| one.domain);
        let mut total = Decimal::ZERO;
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| {
                let goods = Money::new(
                    line.unit_price.amount * Decimal::from(line.quantity),
                    line.unit_price.currency,
                );
                total += goods.amount;
                self.show_line(line, goods, data)
            })
            .collect();
        let mut shown = json!({
            "orderId": id,
            "createdTime": told(self.created),
            "lastUpdatedTime": told(self.updated),
            "salesChannel": {
                "channelName": "AMAZON",
                "marketplaceId": self.marketplace,
                "marketplaceName": domain.replacen('a', "A", 1),
            },
            "orderItems": lines,
        });
        if has("PROCEEDS")
            && let Some(line) = self.lines.first()
        {
            let total = money(Money::new(total, line.unit_price.currency));
            shown["proceeds"] = json!({
                "grandTotal": total,
                "breakdowns": [{"type": "ITEM", "subtotal": total}],
            });
        }
        if has("FULFILLMENT") {
            let days = |days: i64| told(self.created + SignedDuration::from_hours(24 * days));
            shown["fulfillment"] = json!({
                "fulfillmentStatus": self.status(),
                "fulfilledBy": "MERCHANT",
                "fulfillmentServiceLevel": "STANDARD",
                "shipByWindow": {"earliestDateTime": days(0), "latestDateTime": days(2)},
            });
        }
        if has("PACKAGES") && !self.packages.is_empty() {
            shown["packages"] = self
                .packages
                .iter()
                .map(|(reference, package)| package.show(reference))
                .collect();
        }
        if has("BUYER") {
            shown["buyer"] = json!({"buyerName": self.buyer["name"]});
        }
        if has("RECIPIENT") {
            shown["recipient"] = json!({"deliveryAddress": {
                "name": self.buyer["name"],
                "addressLine1": self.buyer["address"],
                "city": self.buyer["city"],
                "postalCode": self.buyer["postal_code"],
                "countryCode": self.buyer["country"],
            }});
        }
        shown
    }

    fn show_line(&self, line: &Line, goods: Money, data: &[&str]) -> Value {
        let mut shown = json!({
            "orderItemId": line.id,
            "quantityOrdered": line.quantity,
            "product": {
                "asin": asin(&line.sku),
                "sellerSku": line.sku,
                "price": {"unitPrice": money(line.unit_price)},
            },
        });
        if let Some(title) = &line.title {
            shown["product"]["title"] = title.as_str().into();
        }
        if data.contains(&"PROCEEDS") {
            shown["proceeds"] = json!({
                "proceedsTotal": money(goods),
                "breakdowns": [{"type": "ITEM", "subtotal": money(goods)}],
            });
        }
        if data.contains(&"FULFILLMENT") {
            let shipped = self.shipped(&line.id);
            let left = match self.canceled {
                true => 0,
                false => line.quantity - shipped,
            };
            shown["fulfillment"] =
                json!({"quantityFulfilled": shipped, "quantityUnfulfilled": left});
        }
        if data.contains(&"CANCELLATION") && self.canceled {
            shown["cancellation"] = json!({"cancellationExecution": {"cancelledBy": "BUYER"}});
        }
        shown
    }
}

impl Package {
    fn show(&self, reference: &str) -> Value {
        let items: Vec<_> = self
            .items
            .iter()
            .map(|(line, quantity)| json!({"orderItemId": line, "quantity": quantity}))
            .collect();
        json!({
            "packageReferenceId": reference,
            "createdTime": told(self.created),
            "packageStatus": {"status": "SHIPPED"},
            "carrier": self.carrier,
            "shipTime": told(self.shipped_at),
            "trackingNumber": self.tracking,
            "packageItems": items,
        })
    }
}

fn money(money: Money) -> Value {
    json!({"amount": money.to_plain(), "currencyCode": money.currency.code()})
}

/// Where a list of orders goes on. Its filters must stay the same.
#[derive(Serialize, Deserialize)]
struct Place {
    /// Of the last order shown.
    at: Timestamp,
    order_id: String,
    before: Timestamp,
    filters: String,
}

impl Place {
    fn to_token(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!(self).to_string())
    }

    fn parse(token: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
    }
}

impl Orders {
    pub fn search(&self, request: &Request, faults: &mut Faults) -> Response {
        self.try_search(request, faults)
            .unwrap_or_else(|refused| refused)
    }

    fn try_search(&self, request: &Request, faults: &mut Faults) -> Result<Response, Response> {
        let (created_after, created_before) = (
            moment(request, "createdAfter")?,
            moment(request, "createdBefore")?,
        );
        let (updated_after, updated_before) = (
            moment(request, "lastUpdatedAfter")?,
            moment(request, "lastUpdatedBefore")?,
        );
        let (by_creation, after, before) = match (created_after, updated_after) {
            (Some(after), None) if updated_before.is_none() => (true, after, created_before),
            (None, Some(after)) if created_before.is_none() => (false, after, updated_before),
            (Some(_), Some(_)) | (None, None) => {
                let details = "exactly one of createdAfter and lastUpdatedAfter is required";
                return Err(invalid(details));
            }
            _ => return Err(invalid("created* and lastUpdated* cannot be mixed")),
        };
        if before.is_some_and(|before| before < after || before > request.now - SETTLED) {
            return Err(invalid(
                "the end must not be before the start, and lie two minutes back",
            ));
        }
        let size = match request.query("maxResultsPerPage").map(str::parse) {
            None => 100,
            Some(Ok(size @ 1..=100)) => size,
            Some(_) => return Err(invalid("maxResultsPerPage must be between 1 and 100")),
        };
        let data = data_sets(request)?;
        let marketplaces = list(request, "marketplaceIds");
        if marketplaces.len() > 50 {
            return Err(invalid("at most 50 marketplaceIds are supported"));
        }
        let statuses = list(request, "fulfillmentStatuses");
        if statuses.iter().any(|status| !STATUSES.contains(status)) {
            return Err(invalid("fulfillmentStatuses holds an unknown value"));
        }
        let fulfilled_by = list(request, "fulfilledBy");
        let filters = format!("{after}{marketplaces:?}{statuses:?}{fulfilled_by:?}{size}");
        let place = match request.query("paginationToken") {
            None => None,
            Some(token) => match Place::parse(token) {
                Some(place) if place.filters == filters => Some(place),
                _ => {
                    let details = "paginationToken does not belong to these parameters";
                    return Err(invalid(details));
                }
            },
        };
        let before = match &place {
            Some(place) => place.before,
            None => before.unwrap_or(request.now),
        };
        let at = |order: &Order| match by_creation {
            true => order.created,
            false => order.updated,
        };
        let mut found: Vec<(&String, &Order)> = self
            .orders
            .iter()
            .filter(|(id, order)| {
                let at = at(order);
                at >= after
                    && at <= before
                    && (marketplaces.is_empty() || marketplaces.contains(&&*order.marketplace))
                    && (statuses.is_empty() || statuses.contains(&order.status()))
                    && (fulfilled_by.is_empty() || fulfilled_by.contains(&"MERCHANT"))
                    && place
                        .as_ref()
                        .is_none_or(|place| (at, *id) > (place.at, &place.order_id))
            })
            .collect();
        found.sort_by_key(|(id, order)| (at(order), *id));
        let more = found.len() > size;
        found.truncate(size);
        let orders: Vec<_> = found
            .iter()
            .map(|(id, order)| order.show(id, &data))
            .collect();
        let mut body = json!({"orders": orders});
        let bound = match by_creation {
            true => "createdBefore",
            false => "lastUpdatedBefore",
        };
        body[bound] = told(before).into();
        let repeated = faults.strikes(Fault::RepeatedPage, false);
        let next = match request.query("paginationToken") {
            Some(token) if repeated => Some(token.to_owned()),
            _ if more || repeated => {
                let (at, order_id) = found.last().map_or((after, String::new()), |(id, order)| {
                    (at(order), (*id).clone())
                });
                let place = Place {
                    at,
                    order_id,
                    before,
                    filters,
                };
                Some(place.to_token())
            }
            _ => None,
        };
        if let Some(next) = next {
            body["pagination"] = json!({"nextToken": next});
        }
        Ok(Response::json(200, &body))
    }

    pub fn get(&self, id: &str, request: &Request) -> Response {
        let data = match data_sets(request) {
            Ok(data) => data,
            Err(refused) => return refused,
        };
        match self.orders.get(id) {
            Some(order) => Response::json(200, &json!({"order": order.show(id, &data)})),
            None => error(404, "NotFound", "The order does not exist.", ""),
        }
    }

    pub fn ship(&mut self, id: &str, request: &Request, ignored: bool) -> Response {
        let Some(order) = self.orders.get_mut(id) else {
            return error(404, "NotFound", "The order does not exist.", "");
        };
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match order.package(&body, request.now) {
            Err(reason) => invalid(&reason),
            Ok((reference, package)) => {
                if !ignored {
                    order.packages.insert(reference, package);
                    order.updated = request.now;
                }
                Response::empty(204)
            }
        }
    }

    pub fn buy(
        &mut self,
        purchase: &Purchase,
        shelf: &mut Shelf,
        now: Timestamp,
    ) -> Result<Receipt, String> {
        if purchase.lines.is_empty() {
            return Err("an order needs at least one line".into());
        }
        let mut lines = Vec::new();
        let mut marketplace = String::new();
        self.counter += 1;
        for (wanted, number) in purchase.lines.iter().zip(1..) {
            let sku = &wanted.sku;
            let item = shelf
                .item(sku)
                .filter(|item| !item.status().is_empty())
                .ok_or_else(|| format!("there is no live listing `{sku}`"))?;
            let unit_price = item
                .price
                .ok_or_else(|| format!("the listing `{sku}` has no price"))?;
            if wanted.quantity == 0 {
                return Err(format!("the quantity of `{sku}` must be at least 1"));
            }
            marketplace.clone_from(&item.marketplace);
            lines.push(Line {
                id: format!("{:08}{number:06}", self.counter),
                sku: sku.clone(),
                title: item.title().map(str::to_owned),
                quantity: wanted.quantity,
                unit_price,
            });
        }
        let mut receipt = Vec::new();
        for line in &lines {
            let Some(item) = shelf.item_mut(&line.sku) else {
                continue;
            };
            let in_stock = item.quantity();
            let wanted = i64::try_from(line.quantity).unwrap_or(i64::MAX);
            if let Some(in_stock) = in_stock {
                item.set_quantity(in_stock.saturating_sub(wanted).max(0), now);
            }
            receipt.push(ReceiptLine {
                sku: line.sku.clone(),
                quantity: line.quantity,
                in_stock,
                oversold: in_stock.is_some_and(|in_stock| in_stock < wanted),
            });
        }
        let id = format!(
            "302-{:07}-{:07}",
            self.counter / 10_000_000,
            self.counter % 10_000_000
        );
        let order = Order {
            created: now,
            updated: now,
            marketplace,
            canceled: false,
            lines,
            packages: BTreeMap::new(),
            buyer: purchase.buyer.clone().unwrap_or_else(|| {
                json!({"name": "Sam Buyer", "address": "1 Example Street", "city": "Exampleton",
                    "postal_code": "00000", "country": "DE"})
            }),
        };
        self.orders.insert(id.clone(), order);
        Ok(Receipt {
            order_id: id,
            lines: receipt,
        })
    }

    pub fn cancel(&mut self, id: &str, shelf: &mut Shelf, now: Timestamp) -> Result<(), String> {
        let order = self
            .orders
            .get_mut(id)
            .ok_or_else(|| format!("there is no order `{id}`"))?;
        let status = order.status();
        if status != "UNSHIPPED" {
            return Err(format!("an order that is {status} cannot be canceled"));
        }
        order.canceled = true;
        order.updated = now;
        for line in &order.lines {
            if let Some(item) = shelf.item_mut(&line.sku)
                && let Some(in_stock) = item.quantity()
            {
                let back = i64::try_from(line.quantity).unwrap_or(i64::MAX);
                item.set_quantity(in_stock.saturating_add(back), now);
            }
        }
        Ok(())
    }

    pub fn state(&self) -> Vec<Value> {
        const SHOWN: &[&str] = &["PROCEEDS", "FULFILLMENT", "PACKAGES", "CANCELLATION"];
        self.orders
            .iter()
            .map(|(id, order)| order.show(id, SHOWN))
            .collect()
    }

    pub fn shipments(&self) -> Vec<Value> {
        self.orders
            .iter()
            .flat_map(|(id, order)| {
                order.packages.iter().map(move |(reference, package)| {
                    let mut shown = package.show(reference);
                    shown["orderId"] = id.as_str().into();
                    shown
                })
            })
            .collect()
    }
}

impl Order {
    /// Checks a `ConfirmShipmentRequest`. A reference that is known names the same package again.
    fn package(&self, body: &Value, now: Timestamp) -> Result<(String, Package), String> {
        let detail = &body["packageDetail"];
        let text = |field: &str| match detail[field].as_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(format!("packageDetail.{field} is required")),
        };
        if body["marketplaceId"] != self.marketplace.as_str() {
            return Err("marketplaceId is not the order's".into());
        }
        let reference = text("packageReferenceId")?;
        if !reference.parse::<u64>().is_ok_and(|number| number > 0) {
            return Err("packageReferenceId must be a positive number".into());
        }
        let carrier = match text("carrierCode")?.as_str() {
            "Other" => text("carrierName")
                .map_err(|_| "carrierName is required when carrierCode is Other".to_owned())?,
            code => code.to_owned(),
        };
        let shipped_at = text("shipDate")?
            .parse()
            .map_err(|_| "shipDate is not in ISO 8601 format".to_owned())?;
        let mut items = BTreeMap::new();
        for item in detail["orderItems"].as_array().into_iter().flatten() {
            let line = item["orderItemId"].as_str().unwrap_or_default();
            let quantity = item["quantity"].as_u64().unwrap_or_default();
            let ordered = self
                .lines
                .iter()
                .find(|known| known.id == line)
                .ok_or_else(|| format!("the order has no item `{line}`"))?
                .quantity;
            let elsewhere: u64 = self
                .packages
                .iter()
                .filter(|(other, _)| **other != reference)
                .filter_map(|(_, package)| package.items.get(line))
                .sum();
            let sum = items.entry(line.to_owned()).or_default();
            *sum += quantity;
            if quantity == 0 || *sum + elsewhere > ordered {
                return Err(format!(
                    "the quantity of item `{line}` is more than is left to ship"
                ));
            }
        }
        if items.is_empty() {
            return Err("packageDetail.orderItems is required".into());
        }
        if self.canceled {
            return Err("the order is cancelled".into());
        }
        let package = Package {
            carrier,
            tracking: text("trackingNumber")?,
            shipped_at,
            created: now,
            items,
        };
        Ok((reference, package))
    }
}

fn data_sets(request: &Request) -> Result<Vec<&str>, Response> {
    let data = list(request, "includedData");
    match data.iter().find(|set| !DATA_SETS.contains(set)) {
        Some(set) => Err(invalid(&format!(
            "includedData holds an unknown value: {set}"
        ))),
        None => Ok(data),
    }
}
