//! Orders as the shop keeps them, with what was shipped and given back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::page::Row;
use super::search::{Search, Term};
use super::shop::Shop;

/// Orders are numbered from here.
pub const FIRST_NUMBER: u64 = 1001;
/// The part of a gross price that is tax.
pub const TAX_RATE: Decimal = Decimal::from_parts(19, 0, 0, false, 2);

/// The fields that `orders` can be searched by.
pub const FIELDS: &[&str] = &[
    "id",
    "name",
    "created_at",
    "updated_at",
    "processed_at",
    "status",
    "financial_status",
    "fulfillment_status",
    "sku",
];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Orders {
    all: BTreeMap<u64, Order>,
    /// Which order a line, a fulfillment, a refund belongs to.
    owners: BTreeMap<u64, u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub id: u64,
    pub number: u64,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// When and why.
    pub cancelled: Option<(Timestamp, String)>,
    pub note: Option<String>,
    /// A mailing address in the API's words, and an `email`.
    pub buyer: Map<String, Value>,
    pub lines: Vec<Line>,
    pub shipping: Shipping,
    /// A code, and the share that it takes off every line, in percent.
    pub discount: Option<(String, u32)>,
    pub transactions: Vec<Transaction>,
    pub refunds: Vec<Refund>,
    pub fulfillment_orders: Vec<FulfillmentOrder>,
    pub fulfillments: Vec<Fulfillment>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub id: u64,
    pub product: u64,
    pub variant: u64,
    pub title: String,
    /// `None` for a product without options.
    pub variant_title: Option<String>,
    pub sku: String,
    pub vendor: String,
    pub quantity: i64,
    /// Pieces that were given back or taken off.
    pub removed: i64,
    /// Price of one piece, tax included.
    pub unit: Decimal,
    /// Taken off all pieces.
    pub discount: Decimal,
    pub taxable: bool,
    pub requires_shipping: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shipping {
    pub id: u64,
    pub title: String,
    pub price: Decimal,
    pub refunded: Decimal,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transaction {
    pub id: u64,
    /// SALE or REFUND.
    pub kind: String,
    pub amount: Decimal,
    pub gateway: String,
    pub parent: Option<u64>,
    /// What the payment provider kept.
    pub fee: Option<Decimal>,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refund {
    pub id: u64,
    pub note: Option<String>,
    pub lines: Vec<RefundLine>,
    pub shipping: Decimal,
    pub transactions: Vec<u64>,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefundLine {
    pub id: u64,
    pub line: u64,
    pub quantity: i64,
    /// RETURN, CANCEL or NO_RESTOCK.
    pub restock: String,
    pub location: Option<u64>,
    /// Value of the pieces, tax included.
    pub subtotal: Decimal,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FulfillmentOrder {
    pub id: u64,
    pub location: u64,
    /// OPEN, IN_PROGRESS, CLOSED or CANCELLED.
    pub status: String,
    pub lines: Vec<FulfillmentOrderLine>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FulfillmentOrderLine {
    pub id: u64,
    pub line: u64,
    pub total: i64,
    pub remaining: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fulfillment {
    pub id: u64,
    pub number: u64,
    /// SUCCESS or CANCELLED.
    pub status: String,
    pub fulfillment_orders: Vec<u64>,
    pub location: u64,
    pub lines: Vec<FulfillmentLine>,
    pub tracking: Vec<Tracking>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FulfillmentLine {
    pub id: u64,
    pub line: u64,
    pub quantity: i64,
    /// The line of the fulfillment order that it was taken from.
    pub from: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tracking {
    pub company: Option<String>,
    pub number: Option<String>,
    pub url: Option<String>,
}

/// The tax inside a gross amount.
pub fn tax_in(gross: Decimal) -> Decimal {
    (gross * TAX_RATE / (Decimal::ONE + TAX_RATE)).round_dp(2)
}

impl Line {
    pub fn current(&self) -> i64 {
        self.quantity - self.removed
    }

    pub fn original_total(&self) -> Decimal {
        self.unit * Decimal::from(self.quantity)
    }

    pub fn total(&self) -> Decimal {
        self.original_total() - self.discount
    }

    /// What this many of its pieces were sold for.
    pub fn value_of(&self, pieces: i64) -> Decimal {
        match self.quantity {
            0 => Decimal::ZERO,
            quantity => {
                (self.total() * Decimal::from(pieces) / Decimal::from(quantity)).round_dp(2)
            }
        }
    }

    pub fn tax_on(&self, gross: Decimal) -> Decimal {
        match self.taxable {
            true => tax_in(gross),
            false => Decimal::ZERO,
        }
    }
}

impl Order {
    pub fn name(&self) -> String {
        format!("#{}", self.number)
    }

    pub fn line(&self, id: u64) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    pub fn subtotal(&self) -> Decimal {
        self.lines.iter().map(Line::total).sum()
    }

    pub fn current_subtotal(&self) -> Decimal {
        self.lines
            .iter()
            .map(|line| line.value_of(line.current()))
            .sum()
    }

    pub fn total(&self) -> Decimal {
        self.subtotal() + self.shipping.price
    }

    pub fn current_shipping(&self) -> Decimal {
        self.shipping.price - self.shipping.refunded
    }

    pub fn current_total(&self) -> Decimal {
        self.current_subtotal() + self.current_shipping()
    }

    pub fn tax(&self) -> Decimal {
        let lines: Decimal = self
            .lines
            .iter()
            .map(|line| line.tax_on(line.total()))
            .sum();
        lines + tax_in(self.shipping.price)
    }

    pub fn current_tax(&self) -> Decimal {
        let of = |line: &Line| line.tax_on(line.value_of(line.current()));
        let lines: Decimal = self.lines.iter().map(of).sum();
        lines + tax_in(self.current_shipping())
    }

    fn paid_by(&self, kind: &str) -> Decimal {
        let of_kind = self.transactions.iter().filter(|one| one.kind == kind);
        of_kind.map(|one| one.amount).sum()
    }

    pub fn received(&self) -> Decimal {
        self.paid_by("SALE")
    }

    pub fn refunded(&self) -> Decimal {
        self.paid_by("REFUND")
    }

    pub fn financial_status(&self) -> &'static str {
        let refunded = self.refunded();
        if refunded.is_zero() {
            "PAID"
        } else if refunded < self.received() {
            "PARTIALLY_REFUNDED"
        } else {
            "REFUNDED"
        }
    }

    /// Pieces of a line that are to be shipped.
    pub fn unfulfilled(&self, line: u64) -> i64 {
        self.fulfillment_orders
            .iter()
            .flat_map(|order| &order.lines)
            .filter(|one| one.line == line)
            .map(|one| one.remaining)
            .sum()
    }

    pub fn fulfilled_pieces(&self) -> i64 {
        self.fulfillments
            .iter()
            .filter(|fulfillment| fulfillment.status == "SUCCESS")
            .flat_map(|fulfillment| &fulfillment.lines)
            .map(|line| line.quantity)
            .sum()
    }

    pub fn fulfillment_status(&self) -> &'static str {
        let left: i64 = self
            .lines
            .iter()
            .map(|line| self.unfulfilled(line.id))
            .sum();
        match (self.fulfilled_pieces() > 0, left > 0) {
            (true, true) => "PARTIALLY_FULFILLED",
            (true, false) => "FULFILLED",
            (false, _) => "UNFULFILLED",
        }
    }

    /// Done: shipped and paid, or cancelled.
    pub fn is_closed(&self) -> bool {
        self.cancelled.is_some()
    }
}

impl Orders {
    pub fn get(&self, id: u64) -> Option<&Order> {
        self.all.get(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Order> + Clone {
        self.all.values()
    }

    pub fn next_number(&self) -> u64 {
        FIRST_NUMBER + self.all.len() as u64
    }

    pub fn keep(&mut self, order: Order) {
        let lines = order.lines.iter().map(|line| line.id);
        let refunds = order.refunds.iter().map(|refund| refund.id);
        let fulfillments = order.fulfillments.iter().map(|fulfillment| fulfillment.id);
        let fulfillment_orders = order.fulfillment_orders.iter().flat_map(|one| {
            let lines = one.lines.iter().map(|line| line.id);
            std::iter::once(one.id).chain(lines)
        });
        let all = lines
            .chain(refunds)
            .chain(fulfillments)
            .chain(fulfillment_orders);
        for id in all {
            self.owners.insert(id, order.id);
        }
        self.all.insert(order.id, order);
    }

    fn owner(&self, id: u64) -> Option<&Order> {
        self.all.get(self.owners.get(&id)?)
    }

    pub fn of_line(&self, id: u64) -> Option<(&Order, &Line)> {
        let order = self.owner(id)?;
        Some((order, order.line(id)?))
    }

    pub fn of_refund(&self, id: u64) -> Option<(&Order, &Refund)> {
        let order = self.owner(id)?;
        let refund = order.refunds.iter().find(|refund| refund.id == id)?;
        Some((order, refund))
    }

    pub fn of_fulfillment(&self, id: u64) -> Option<(&Order, &Fulfillment)> {
        let order = self.owner(id)?;
        let found = order.fulfillments.iter().find(|one| one.id == id)?;
        Some((order, found))
    }

    pub fn of_fulfillment_order(&self, id: u64) -> Option<(&Order, &FulfillmentOrder)> {
        let order = self.owner(id)?;
        let found = order.fulfillment_orders.iter().find(|one| one.id == id)?;
        Some((order, found))
    }

    pub fn of_fulfillment_line(
        &self,
        id: u64,
    ) -> Option<(&Order, &FulfillmentOrder, &FulfillmentOrderLine)> {
        let order = self.owner(id)?;
        order.fulfillment_orders.iter().find_map(|one| {
            let line = one.lines.iter().find(|line| line.id == id)?;
            Some((order, one, line))
        })
    }
}

/// Rows of `orders`.
pub fn rows(shop: &Shop, search: &Search, sort_key: &str) -> (Vec<Row>, &'static str) {
    let row = |order: &Order| match sort_key {
        "UPDATED_AT" => Row::by_rank(order.updated.as_microsecond(), order.id),
        "CREATED_AT" | "PROCESSED_AT" => Row::by_rank(order.created.as_microsecond(), order.id),
        "ORDER_NUMBER" => Row::by_rank(order.number.cast_signed(), order.id),
        _ => Row::by_id(order.id),
    };
    let fits = |order: &&Order| search.matches(&|term| matches(order, term));
    (shop.orders.iter().filter(fits).map(row).collect(), "Order")
}

fn matches(order: &Order, term: &Term) -> bool {
    match term.field.as_str() {
        "id" => term.matches_number(order.id),
        "name" => {
            let name = order.name();
            term.matches_text(&name) || term.matches_text(name.trim_start_matches('#'))
        }
        "created_at" | "processed_at" => term.matches_time(order.created),
        "updated_at" => term.matches_time(order.updated),
        "status" => match term.value.as_str() {
            "open" => !order.is_closed(),
            "cancelled" => order.cancelled.is_some(),
            "closed" => order.is_closed(),
            _ => true,
        },
        "financial_status" => term.matches_text(order.financial_status()),
        "fulfillment_status" => match term.value.as_str() {
            "shipped" => order.fulfillment_status() == "FULFILLED",
            "partial" => order.fulfillment_status() == "PARTIALLY_FULFILLED",
            "unshipped" | "unfulfilled" => order.fulfillment_status() == "UNFULFILLED",
            value => order.fulfillment_status().eq_ignore_ascii_case(value),
        },
        "sku" => order.lines.iter().any(|line| term.matches_text(&line.sku)),
        _ => term.matches_text(&order.name()),
    }
}

/// What stock does when pieces of a line move. Nothing for a variant that is gone or not counted.
pub fn move_stock(
    shop: &mut Shop,
    variant: u64,
    location: u64,
    available: i64,
    committed: i64,
    now: Timestamp,
) {
    let counts = shop
        .variant(variant)
        .is_some_and(|variant| variant.item.tracked);
    if !counts {
        return;
    }
    shop.with_variant(variant, now, |variant| {
        if let Some(level) = variant.item.levels.get_mut(&location) {
            level.available += available;
            level.committed += committed;
            level.updated = now;
        }
    });
}

/// A mailing address of the API, of which anything may be missing.
pub fn address(id: u64, stored: &Map<String, Value>) -> Value {
    let field = |name: &str| stored.get(name).cloned().unwrap_or_default();
    let text = |name: &str| stored.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = format!("{} {}", text("firstName"), text("lastName"));
    json!({
        "id": super::gid::gid("MailingAddress", id),
        "name": name.trim(),
        "firstName": field("firstName"),
        "lastName": field("lastName"),
        "company": field("company"),
        "address1": field("address1"),
        "address2": field("address2"),
        "city": field("city"),
        "province": field("province"),
        "provinceCode": field("provinceCode"),
        "zip": field("zip"),
        "country": field("country"),
        "countryCodeV2": field("countryCodeV2"),
        "phone": field("phone"),
    })
}
