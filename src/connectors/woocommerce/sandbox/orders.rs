//! Orders as the shop keeps them, and the stock that moves with their status.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::catalog::Catalog;
use super::product::{Meta, Product, text_of};
use super::text;
use super::wire::{NAMESPACE, WpError, WpResult, local, not_one_of};

pub const STATUSES: &[&str] = &[
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
];
/// Statuses in which the goods are taken off the stock.
const TAKING: &[&str] = &["on-hold", "processing", "completed"];
/// Statuses in which they are given back. In others the stock stays as it was.
const RETURNING: &[&str] = &["pending", "cancelled"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub id: u64,
    pub status: String,
    pub currency: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub paid: Option<Timestamp>,
    pub completed: Option<Timestamp>,
    pub customer_note: String,
    pub billing: Map<String, Value>,
    pub shipping: Map<String, Value>,
    pub payment_method: String,
    pub payment_method_title: String,
    pub transaction_id: String,
    pub lines: Vec<Line>,
    pub shipping_lines: Vec<SideLine>,
    pub fee_lines: Vec<SideLine>,
    pub meta: Vec<Meta>,
    pub notes: Vec<Note>,
    pub refunds: Vec<Refund>,
    /// Whether its goods are off the stock.
    pub stock_taken: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub id: u64,
    pub name: String,
    pub product_id: u64,
    pub variation_id: u64,
    pub quantity: i64,
    pub subtotal: Decimal,
    pub total: Decimal,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SideLine {
    pub id: u64,
    pub title: String,
    pub method: String,
    pub total: Decimal,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Note {
    pub id: u64,
    pub text: String,
    pub for_customer: bool,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refund {
    pub id: u64,
    pub amount: Decimal,
    pub reason: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Orders {
    pub all: BTreeMap<u64, Order>,
}

impl Line {
    /// The id of what was sold.
    fn sold(&self) -> u64 {
        match self.variation_id {
            0 => self.product_id,
            id => id,
        }
    }
}

impl SideLine {
    fn shipping(&self) -> Value {
        json!({
            "id": self.id,
            "method_title": self.title,
            "method_id": self.method,
            "instance_id": "1",
            "total": cents(self.total),
            "total_tax": "0.00",
            "taxes": [],
            "meta_data": [],
        })
    }

    fn fee(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.title,
            "tax_class": "",
            "tax_status": "taxable",
            "total": cents(self.total),
            "total_tax": "0.00",
            "taxes": [],
            "meta_data": [],
        })
    }
}

impl Refund {
    fn summary(&self) -> Value {
        json!({"id": self.id, "reason": self.reason, "total": cents(-self.amount)})
    }
}

impl Order {
    pub fn new(id: u64, now: Timestamp) -> Self {
        Self {
            id,
            status: "pending".to_owned(),
            currency: super::CURRENCY.to_owned(),
            created: now,
            modified: now,
            paid: None,
            completed: None,
            customer_note: String::new(),
            billing: Map::new(),
            shipping: Map::new(),
            payment_method: String::new(),
            payment_method_title: String::new(),
            transaction_id: String::new(),
            lines: Vec::new(),
            shipping_lines: Vec::new(),
            fee_lines: Vec::new(),
            meta: Vec::new(),
            notes: Vec::new(),
            refunds: Vec::new(),
            stock_taken: false,
        }
    }

    pub fn total(&self) -> Decimal {
        let goods: Decimal = self.lines.iter().map(|line| line.total).sum();
        let sides = self.shipping_lines.iter().chain(&self.fee_lines);
        goods + sides.map(|line| line.total).sum::<Decimal>()
    }

    pub fn refunded(&self) -> Decimal {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// Changes the status with all that follows from it.
    pub fn set_status(&mut self, status: &str, catalog: &mut Catalog, now: Timestamp) {
        self.status = status.to_owned();
        if matches!(status, "processing" | "completed") {
            self.paid.get_or_insert(now);
        }
        if status == "completed" {
            self.completed.get_or_insert(now);
        }
        if TAKING.contains(&status) && !self.stock_taken {
            self.stock_taken = true;
            for line in &self.lines {
                move_stock(catalog, line.sold(), -line.quantity, now);
            }
        } else if RETURNING.contains(&status) && self.stock_taken {
            self.stock_taken = false;
            for line in &self.lines {
                move_stock(catalog, line.sold(), line.quantity, now);
            }
        }
    }

    /// Writes the fields of a POST or PUT. A PUT moves the date of modification, even an empty one (HPOS).
    pub fn write(
        &mut self,
        fields: &Map<String, Value>,
        catalog: &mut Catalog,
        now: Timestamp,
    ) -> WpResult<()> {
        let status = fields.get("status").map(text_of);
        if let Some(status) = &status
            && !STATUSES.contains(&status.as_str())
        {
            return Err(not_one_of("status", STATUSES));
        }
        let mail = fields
            .get("billing")
            .and_then(|billing| billing.get("email"));
        if let Some(mail) = mail
            && !mail.as_str().is_some_and(|mail| mail.contains('@'))
        {
            return Err(WpError::parameter(
                "billing",
                "rest_invalid_email",
                "Invalid email address.",
            ));
        }
        for (name, address) in [
            ("billing", &mut self.billing),
            ("shipping", &mut self.shipping),
        ] {
            if let Some(Value::Object(sent)) = fields.get(name) {
                address.extend(sent.clone());
            }
        }
        for (name, field) in [
            ("customer_note", &mut self.customer_note),
            ("payment_method", &mut self.payment_method),
            ("payment_method_title", &mut self.payment_method_title),
            ("transaction_id", &mut self.transaction_id),
            ("currency", &mut self.currency),
        ] {
            if let Some(value) = fields.get(name) {
                *field = text_of(value);
            }
        }
        let list = |name: &str| {
            fields
                .get(name)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        for sent in list("line_items") {
            self.write_line(sent, catalog, now);
        }
        for sent in list("shipping_lines") {
            let line = side_line(sent, "method_title", catalog);
            self.shipping_lines.push(line);
        }
        for sent in list("fee_lines") {
            let line = side_line(sent, "name", catalog);
            self.fee_lines.push(line);
        }
        if let Some(meta) = fields.get("meta_data") {
            Product::write_meta(&mut self.meta, meta, || catalog.next_id());
        }
        if let Some(status) = status {
            self.set_status(&status, catalog, now);
        }
        let paid = matches!(fields.get("set_paid"), Some(Value::Bool(true)));
        if paid && !TAKING.contains(&self.status.as_str()) {
            let immediate = self.payment_method == "cod" || self.lines.is_empty();
            let status = if immediate { "completed" } else { "processing" };
            self.set_status(status, catalog, now);
        }
        self.modified = now;
        Ok(())
    }

    fn write_line(&mut self, sent: &Value, catalog: &mut Catalog, now: Timestamp) {
        let number = |name: &str| {
            sent.get(name)
                .map(text_of)
                .and_then(|text| text.parse().ok())
        };
        let money = |name: &str| {
            let text = text::decimal(&text_of(sent.get(name)?));
            text::number(&text).map(|amount| amount.round_dp(2))
        };
        let quantity: Option<i64> = number("quantity");
        let id = number("id").unwrap_or(0_i64);
        if let Some(at) = self.lines.iter().position(|line| line.id as i64 == id) {
            let line = &mut self.lines[at];
            let before = line.quantity;
            line.quantity = quantity.unwrap_or(before);
            line.subtotal = money("subtotal").unwrap_or(line.subtotal);
            line.total = money("total").unwrap_or(line.total);
            let (sold, now_ordered) = (line.sold(), line.quantity);
            if self.stock_taken {
                move_stock(catalog, sold, before - now_ordered, now);
            }
            if now_ordered == 0 {
                self.lines.remove(at);
            }
            return;
        }
        // The sku wins; what is unknown makes an empty line.
        let by_sku = sent.get("sku").map(text_of).filter(|sku| !sku.is_empty());
        let wanted: u64 = number("variation_id")
            .filter(|id| *id > 0)
            .or_else(|| number("product_id"))
            .unwrap_or(0_i64)
            .unsigned_abs();
        let product = match &by_sku {
            Some(sku) => catalog.by_sku(sku),
            None => catalog.products.get(&wanted),
        };
        let quantity = quantity.unwrap_or(1);
        let price = product
            .and_then(|product| product.amount(now))
            .unwrap_or_default();
        let value = (price * Decimal::from(quantity)).round_dp(2);
        let subtotal = money("subtotal").unwrap_or(value);
        let name = product.map(|product| catalog.name_of(product));
        let (product_id, variation_id) = match product {
            Some(product) if product.is_variation() => (product.parent_id, product.id),
            Some(product) => (product.id, 0),
            None => (0, 0),
        };
        let line = Line {
            id: catalog.next_id(),
            name: sent.get("name").map(text_of).or(name).unwrap_or_default(),
            product_id,
            variation_id,
            quantity,
            subtotal,
            total: money("total").unwrap_or(subtotal),
        };
        if self.stock_taken {
            move_stock(catalog, line.sold(), -line.quantity, now);
        }
        self.lines.push(line);
    }

    pub fn document(&self, catalog: &Catalog, base_url: &str) -> Value {
        let date = |at: Option<Timestamp>| at.map(local);
        let discount: Decimal = self
            .lines
            .iter()
            .map(|line| line.subtotal - line.total)
            .sum();
        let shipping: Decimal = self.shipping_lines.iter().map(|line| line.total).sum();
        let href = |path: String| json!([{"href": format!("{base_url}{NAMESPACE}/{path}")}]);
        let mut document = json!({
            "id": self.id,
            "parent_id": 0,
            "number": self.id.to_string(),
            "order_key": format!("wc_order_{:013x}", self.id),
            "created_via": "rest-api",
            "version": super::VERSION,
            "status": self.status,
            "currency": self.currency,
            "currency_symbol": "€",
            "prices_include_tax": false,
            "date_created": local(self.created),
            "date_created_gmt": local(self.created),
            "date_modified": local(self.modified),
            "date_modified_gmt": local(self.modified),
            "date_paid": date(self.paid),
            "date_paid_gmt": date(self.paid),
            "date_completed": date(self.completed),
            "date_completed_gmt": date(self.completed),
            "discount_total": cents(discount),
            "discount_tax": "0.00",
            "shipping_total": cents(shipping),
            "shipping_tax": "0.00",
            "cart_tax": "0.00",
            "total": cents(self.total()),
            "total_tax": "0.00",
        });
        let items: Vec<_> = self
            .lines
            .iter()
            .map(|line| line_document(line, catalog))
            .collect();
        let shipping_lines: Vec<_> = self.shipping_lines.iter().map(SideLine::shipping).collect();
        let fee_lines: Vec<_> = self.fee_lines.iter().map(SideLine::fee).collect();
        let refunds: Vec<_> = self.refunds.iter().map(Refund::summary).collect();
        let rest = json!({
            "customer_id": 0,
            "customer_ip_address": "",
            "customer_user_agent": "",
            "customer_note": self.customer_note,
            "billing": address(&self.billing, true),
            "shipping": address(&self.shipping, false),
            "payment_method": self.payment_method,
            "payment_method_title": self.payment_method_title,
            "transaction_id": self.transaction_id,
            "cart_hash": "",
            "meta_data": self.meta,
            "line_items": items,
            "tax_lines": [],
            "shipping_lines": shipping_lines,
            "fee_lines": fee_lines,
            "coupon_lines": [],
            "refunds": refunds,
            "payment_url": format!("{base_url}/checkout/order-pay/{}/", self.id),
            "is_editable": matches!(self.status.as_str(), "pending" | "on-hold" | "auto-draft"),
            "needs_payment": matches!(self.status.as_str(), "pending" | "failed"),
            "needs_processing": self.status == "processing",
            "_links": {"self": href(format!("orders/{}", self.id)), "collection": href("orders".to_owned())},
        });
        if let (Value::Object(fields), Value::Object(rest)) = (&mut document, rest) {
            fields.extend(rest);
        }
        document
    }
}

fn side_line(sent: &Value, title: &str, catalog: &mut Catalog) -> SideLine {
    let text = |name: &str| sent.get(name).map(text_of).unwrap_or_default();
    SideLine {
        id: catalog.next_id(),
        title: text(title),
        method: text("method_id"),
        total: text::number(&text::decimal(&text("total"))).unwrap_or_default(),
    }
}

fn line_document(line: &Line, catalog: &Catalog) -> Value {
    let product = catalog.products.get(&line.sold());
    // A number with the noise of a float, which nobody should count with.
    let price = match line.quantity {
        0 => 0.0,
        quantity => {
            let total: f64 = line.total.to_string().parse().unwrap_or(0.0);
            total / quantity as f64
        }
    };
    json!({
        "id": line.id,
        "name": line.name,
        "product_id": line.product_id,
        "variation_id": line.variation_id,
        "quantity": line.quantity,
        "tax_class": "",
        "subtotal": cents(line.subtotal),
        "subtotal_tax": "0.00",
        "total": cents(line.total),
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": [],
        "sku": product.map_or("", |product| catalog.sku_of(product)),
        "price": price,
        "image": {"id": "", "src": ""},
        "parent_name": Value::Null,
    })
}

fn address(stored: &Map<String, Value>, billing: bool) -> Value {
    let names = [
        "first_name",
        "last_name",
        "company",
        "address_1",
        "address_2",
        "city",
        "state",
        "postcode",
        "country",
        "phone",
    ];
    let mail = billing.then_some("email");
    let fields = names.into_iter().chain(mail).map(|name| {
        let value = stored.get(name).cloned().unwrap_or_else(|| json!(""));
        (name.to_owned(), value)
    });
    Value::Object(fields.collect())
}

pub fn cents(amount: Decimal) -> String {
    format!("{:.2}", amount.round_dp(2))
}

/// Moves the stock of what was sold, or of its parent when that holds the stock. May go below zero.
pub fn move_stock(catalog: &mut Catalog, id: u64, by: i64, now: Timestamp) {
    let Some(owner) = stock_owner(catalog, id) else {
        return;
    };
    if let Some(product) = catalog.products.get_mut(&owner) {
        product.stock_quantity = Some(product.stock_quantity.unwrap_or(0) + by);
        product.settle_stock();
        product.modified = now;
    }
}

/// Whose stock counts for a product: its own, its parent's, or nobody's.
pub fn stock_owner(catalog: &Catalog, id: u64) -> Option<u64> {
    let product = catalog.products.get(&id)?;
    if product.manage_stock {
        return Some(id);
    }
    let parent = catalog.products.get(&product.parent_id)?;
    parent.manage_stock.then_some(parent.id)
}
