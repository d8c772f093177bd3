//! Orders, their payments, and the parcels in which they leave.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::inventory::Inventory;
use super::wire::{Answer, Refusal, known_fields, number, objects, raw, text};

/// Percent, on top of prices.
const TAX: Decimal = Decimal::from_parts(19, 0, 0, false, 0);
/// A parcel at a flat rate, without tax.
const SHIPPING: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub id: String,
    pub display_id: u64,
    pub sales_channel: String,
    pub currency: String,
    pub buyer: Value,
    pub lines: Vec<Line>,
    pub fulfillments: Vec<Fulfillment>,
    pub payment: Payment,
    pub canceled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub id: String,
    pub title: String,
    pub variant_id: String,
    pub variant_title: String,
    pub sku: String,
    pub unit_price: Decimal,
    pub quantity: Decimal,
    pub fulfilled: Decimal,
    pub shipped: Decimal,
    /// The server counts the variant's stock.
    pub reserves: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fulfillment {
    pub id: String,
    pub metadata: Map<String, Value>,
    pub items: Vec<(String, Decimal)>,
    pub labels: Vec<Map<String, Value>>,
    pub created_at: Timestamp,
    pub shipped_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payment {
    pub id: String,
    pub captured_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Orders {
    pub all: BTreeMap<String, Order>,
}

fn tax(net: Decimal) -> Decimal {
    // Not rounded, as in the server.
    net * TAX / Decimal::ONE_HUNDRED
}

impl Line {
    fn net(&self) -> Decimal {
        self.unit_price * self.quantity
    }

    fn label(&self) -> String {
        format!("{} ({})", self.title, self.variant_title)
    }

    fn document(&self) -> Value {
        let (net, tax) = (self.net(), tax(self.net()));
        json!({
            "id": self.id,
            "title": self.title,
            "product_title": self.title,
            "subtitle": self.variant_title,
            "variant_id": self.variant_id,
            "variant_sku": self.sku,
            "variant_title": self.variant_title,
            "requires_shipping": true,
            "is_tax_inclusive": false,
            "unit_price": number(self.unit_price),
            "raw_unit_price": raw(self.unit_price),
            "quantity": number(self.quantity),
            "raw_quantity": raw(self.quantity),
            "raw_subtotal": raw(net),
            "raw_tax_total": raw(tax),
            "raw_discount_total": raw(Decimal::ZERO),
            "total": number(net + tax),
            "raw_total": raw(net + tax),
            "tax_lines": [{"description": "VAT", "code": "vat19", "rate": number(TAX), "raw_rate": raw(TAX)}],
            "adjustments": [],
            "detail": {
                "raw_quantity": raw(self.quantity),
                "raw_fulfilled_quantity": raw(self.fulfilled),
                "raw_shipped_quantity": raw(self.shipped),
                "quantity": number(self.quantity),
                "fulfilled_quantity": number(self.fulfilled),
                "shipped_quantity": number(self.shipped),
                "delivered_quantity": 0,
            },
        })
    }
}

fn without_sums(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.ends_with("total"));
            fields.values_mut().for_each(without_sums);
        }
        Value::Array(items) => items.iter_mut().for_each(without_sums),
        _ => {}
    }
}

fn at(moment: Option<Timestamp>) -> Value {
    moment.map_or(Value::Null, |at| json!(format!("{at:.3}")))
}

impl Fulfillment {
    pub fn document(&self) -> Value {
        let items = self
            .items
            .iter()
            .map(|(line, quantity)| json!({"line_item_id": line, "quantity": number(*quantity)}));
        json!({
            "id": self.id,
            "metadata": self.metadata,
            "items": items.collect::<Vec<_>>(),
            "labels": self.labels,
            "created_at": at(Some(self.created_at)),
            "shipped_at": at(self.shipped_at),
            "canceled_at": at(self.canceled_at),
        })
    }
}

impl Order {
    pub fn total(&self) -> Decimal {
        let goods: Decimal = self.lines.iter().map(Line::net).sum();
        let net = goods + SHIPPING;
        net + tax(net)
    }

    pub fn document(&self) -> Value {
        let total = self.total();
        let captured = match self.payment.captured_at {
            Some(_) => total,
            None => Decimal::ZERO,
        };
        let status = match (self.payment.canceled_at, self.payment.captured_at) {
            (Some(_), _) => "canceled",
            (None, Some(_)) => "completed",
            (None, None) => "authorized",
        };
        let (shipping, shipping_tax) = (SHIPPING, tax(SHIPPING));
        json!({
            "id": self.id,
            "display_id": self.display_id,
            "status": if self.canceled_at.is_some() { "canceled" } else { "pending" },
            "currency_code": self.currency,
            "sales_channel_id": self.sales_channel,
            "email": self.buyer["email"],
            "shipping_address": self.buyer,
            "created_at": at(Some(self.created_at)),
            "updated_at": at(Some(self.updated_at)),
            "canceled_at": at(self.canceled_at),
            "total": number(total),
            "raw_total": raw(total),
            "items": self.lines.iter().map(Line::document).collect::<Vec<_>>(),
            "shipping_methods": [{
                "name": "Standard",
                "is_tax_inclusive": false,
                "amount": number(shipping),
                "raw_amount": raw(shipping),
                "raw_total": raw(shipping + shipping_tax),
                "raw_tax_total": raw(shipping_tax),
            }],
            "fulfillments": self.fulfillments.iter().map(Fulfillment::document).collect::<Vec<_>>(),
            "payment_collections": [{
                "status": status,
                "amount": number(total),
                "raw_amount": raw(total),
                "raw_captured_amount": raw(captured),
                "raw_refunded_amount": raw(Decimal::ZERO),
                "payments": [{"id": self.payment.id}],
            }],
        })
    }

    /// As an order is answered: sums are only made when the order's `total` is asked for.
    pub fn answer(&self, asks_total: bool) -> Value {
        let mut document = self.document();
        if !asks_total {
            without_sums(&mut document);
        }
        document
    }

    pub fn payment_document(&self) -> Value {
        json!({
            "id": self.payment.id,
            "updated_at": at(Some(self.payment.updated_at)),
            "captured_at": at(self.payment.captured_at),
            "payment_collection": {"order": {"id": self.id}},
        })
    }

    fn open(&self) -> Answer<()> {
        match self.canceled_at {
            Some(_) => Err(Refusal::invalid(format!(
                "Order with id {} has been canceled.",
                self.id
            ))),
            None => Ok(()),
        }
    }

    /// Releases what was promised. Goods that were packed must be unpacked first.
    pub fn cancel(&mut self, inventory: &mut Inventory, now: Timestamp) -> Answer<()> {
        self.open()?;
        if self
            .fulfillments
            .iter()
            .any(|one| one.canceled_at.is_none())
        {
            return Err(Refusal::not_allowed(
                "All fulfillments must be canceled before canceling an order",
            ));
        }
        for line in &self.lines {
            inventory.release(&line.id);
        }
        self.canceled_at = Some(now);
        self.payment.canceled_at = Some(now);
        self.updated_at = now;
        Ok(())
    }

    /// Pieces by line, as a request names them.
    fn pieces(&self, body: &Map<String, Value>) -> Answer<Vec<(String, Decimal)>> {
        let mut pieces = Vec::new();
        for (number, item) in objects(body, "items")?.iter().enumerate() {
            known_fields(item, &["id", "quantity"])?;
            let id = text(item, "id").unwrap_or_default();
            if self.lines.iter().all(|line| line.id != id) {
                return Err(Refusal::invalid(format!(
                    "Items with ids {id} does not exist in order with id {}",
                    self.id
                )));
            }
            let quantity = super::wire::decimal(item, "quantity", &format!("items, {number}, "))?;
            pieces.push((id.to_owned(), quantity));
        }
        match pieces.is_empty() {
            true => Err(Refusal::invalid(
                "Invalid request: Field 'items' is required",
            )),
            false => Ok(pieces),
        }
    }

    /// `POST /admin/orders/{id}/fulfillments`: pieces are packed and leave the stock.
    pub fn fulfill(
        &mut self,
        id: String,
        body: &Map<String, Value>,
        inventory: &mut Inventory,
        now: Timestamp,
    ) -> Answer<()> {
        known_fields(
            body,
            &[
                "items",
                "location_id",
                "shipping_option_id",
                "no_notification",
                "delivery_address",
                "metadata",
                "additional_data",
            ],
        )?;
        self.open()?;
        let pieces = self.pieces(body)?;
        for (line, quantity) in &pieces {
            for own in self.lines.iter_mut().filter(|own| own.id == *line) {
                if own.reserves {
                    inventory.fulfill(line, &own.label(), *quantity)?;
                }
                own.fulfilled += quantity;
            }
        }
        self.fulfillments.push(Fulfillment {
            id,
            metadata: body
                .get("metadata")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            items: pieces,
            labels: Vec::new(),
            created_at: now,
            shipped_at: None,
            canceled_at: None,
        });
        self.updated_at = now;
        Ok(())
    }

    /// `POST /admin/orders/{id}/fulfillments/{id}/shipments`: what was packed is on its way.
    pub fn ship(
        &mut self,
        fulfillment: &str,
        body: &Map<String, Value>,
        now: Timestamp,
    ) -> Answer<()> {
        known_fields(
            body,
            &[
                "items",
                "labels",
                "no_notification",
                "metadata",
                "additional_data",
            ],
        )?;
        self.open()?;
        let pieces = self.pieces(body)?;
        let labels = objects(body, "labels")?;
        for (number, label) in labels.iter().enumerate() {
            known_fields(label, &["tracking_number", "tracking_url", "label_url"])?;
            for name in ["tracking_number", "tracking_url", "label_url"] {
                if text(label, name).is_none() {
                    return Err(Refusal::invalid(format!(
                        "Invalid request: Field 'labels, {number}, {name}' is required"
                    )));
                }
            }
        }
        let known = self
            .fulfillments
            .iter_mut()
            .find(|one| one.id == fulfillment);
        let parcel = known.ok_or_else(|| {
            Refusal::not_found(format!("Fulfillment with id: {fulfillment} was not found"))
        })?;
        if parcel.shipped_at.is_some() {
            return Err(Refusal::not_allowed("Shipment has already been created"));
        }
        parcel.shipped_at = Some(now);
        parcel.labels = labels;
        for (line, quantity) in pieces {
            for own in self.lines.iter_mut().filter(|own| own.id == line) {
                own.shipped += quantity;
            }
        }
        self.updated_at = now;
        Ok(())
    }

    /// The money arrives. The server does not count that as a change of the order.
    pub fn capture(&mut self, now: Timestamp) {
        self.payment.captured_at = Some(now);
        self.payment.updated_at = now;
    }
}
