//! The routes of orders, their notes and refunds.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::catalog::Catalog;
use super::orders::{Note, Order, Orders, Refund, STATUSES, cents, move_stock};
use super::product::text_of;
use super::text;
use super::wire::{
    Call, Paging, WpError, WpResult, choice, date_parameter, local, not_one_of, only_fields,
};
use crate::sandbox::{Fault, Faults, Response};

pub struct OrderRoutes<'a> {
    pub orders: &'a mut Orders,
    pub catalog: &'a mut Catalog,
    pub faults: &'a mut Faults,
}

impl OrderRoutes<'_> {
    /// `path` is what follows `/orders`.
    pub fn respond(&mut self, call: &Call<'_>, path: &[&str]) -> WpResult<Response> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| WpError::no_route());
        match (call.method.as_str(), path) {
            ("GET", []) => self.list(call),
            ("POST", []) => self.create(call),
            (_, [id]) => self.one(call, number(id)?),
            (_, [id, "notes"]) => self.notes(call, number(id)?),
            (_, [id, "notes", note]) => self.note(call, number(id)?, number(note)?),
            (_, [id, "refunds"]) => self.refunds(call, number(id)?),
            (_, [id, "refunds", refund]) => self.refund(call, number(id)?, number(refund)?),
            _ => Err(WpError::no_route()),
        }
    }

    fn show(&self, call: &Call<'_>, status: u16, id: u64) -> WpResult<Response> {
        let order = self.orders.all.get(&id).ok_or_else(|| invalid_id(404))?;
        let document = order.document(self.catalog, &call.request.base_url);
        Ok(Response::json(status, &only_fields(document, call, true)))
    }

    fn create(&mut self, call: &Call<'_>) -> WpResult<Response> {
        let mut order = Order::new(0, call.now);
        order.write(&call.body, self.catalog, call.now)?;
        order.id = self.catalog.next_id();
        let id = order.id;
        self.orders.all.insert(id, order);
        self.show(call, 201, id)
    }

    fn one(&mut self, call: &Call<'_>, id: u64) -> WpResult<Response> {
        let writes = matches!(call.method.as_str(), "PUT" | "PATCH" | "POST");
        let missing = || invalid_id(if writes { 400 } else { 404 });
        let order = self.orders.all.get_mut(&id).ok_or_else(missing)?;
        match call.method.as_str() {
            "GET" => self.show(call, 200, id),
            "DELETE" => {
                let answer = self.show(call, 200, id)?;
                if call.flag("force") {
                    self.orders.all.remove(&id);
                } else if let Some(order) = self.orders.all.get_mut(&id) {
                    if order.status == "trash" {
                        return Err(WpError::new(
                            410,
                            "woocommerce_rest_already_trashed",
                            "The order has already been deleted.",
                        ));
                    }
                    // The trash gives no stock back.
                    order.status = "trash".to_owned();
                    order.modified = call.now;
                }
                Ok(answer)
            }
            _ if writes => {
                order.write(&call.body, self.catalog, call.now)?;
                self.show(call, 200, id)
            }
            _ => Err(WpError::no_route()),
        }
    }

    fn list(&mut self, call: &Call<'_>) -> WpResult<Response> {
        let paging = Paging::parse(call)?;
        let known: Vec<&str> = STATUSES.iter().copied().chain(["any", "trash"]).collect();
        let mut statuses = call.list("status");
        if statuses
            .iter()
            .any(|status| !known.contains(&status.as_str()))
        {
            return Err(not_one_of("status[0]", &known));
        }
        // `any` swallows the others, and leaves out trash and carts.
        if statuses.is_empty() || statuses.iter().any(|status| status == "any") {
            statuses = STATUSES
                .iter()
                .filter(|status| **status != "auto-draft")
                .map(|status| status.to_string())
                .collect();
        }
        let order = choice(call, "order", &["asc", "desc"], "desc")?;
        let orderby = choice(
            call,
            "orderby",
            &["date", "id", "include", "title", "slug", "modified"],
            "date",
        )?;
        let (after, before) = (
            date_parameter(call, "after")?,
            date_parameter(call, "before")?,
        );
        let modified_after = date_parameter(call, "modified_after")?;
        let modified_before = date_parameter(call, "modified_before")?;
        let ids = |name: &str| -> Vec<u64> {
            let list = call.list(name);
            list.iter().filter_map(|id| id.parse().ok()).collect()
        };
        let (include, exclude, product) = (ids("include"), ids("exclude"), ids("product"));
        let mut matches: Vec<&Order> = self
            .orders
            .all
            .values()
            .filter(|order| statuses.contains(&order.status))
            .filter(|order| include.is_empty() || include.contains(&order.id))
            .filter(|order| !exclude.contains(&order.id))
            .filter(|order| {
                product.is_empty()
                    || order
                        .lines
                        .iter()
                        .any(|line| product.contains(&line.product_id))
            })
            .filter(|order| {
                let (created, modified) = (order.created.as_second(), order.modified.as_second());
                after.is_none_or(|after| created > after)
                    && before.is_none_or(|before| created < before)
                    && modified_after.is_none_or(|after| modified > after)
                    && modified_before.is_none_or(|before| modified < before)
            })
            .collect();
        matches.sort_by(|one, other| {
            let by = match orderby {
                "id" => one.id.cmp(&other.id),
                "modified" => one.modified.as_second().cmp(&other.modified.as_second()),
                _ => one.created.as_second().cmp(&other.created.as_second()),
            };
            by.then(one.id.cmp(&other.id))
        });
        if order == "desc" {
            matches.reverse();
        }
        let repeat = self.faults.strikes(Fault::RepeatedPage, false);
        let catalog = &*self.catalog;
        Ok(paging.answer(call, matches, repeat, |order| {
            order.document(catalog, &call.request.base_url)
        }))
    }

    fn notes(&mut self, call: &Call<'_>, id: u64) -> WpResult<Response> {
        let missing = || {
            WpError::new(
                404,
                "woocommerce_rest_order_invalid_id",
                "Invalid order ID.",
            )
        };
        let order = self.orders.all.get_mut(&id).ok_or_else(missing)?;
        match call.method.as_str() {
            // Notes do not page.
            "GET" => {
                let kind = choice(call, "type", &["any", "customer", "internal"], "any")?;
                let notes = order
                    .notes
                    .iter()
                    .rev()
                    .filter(|note| kind == "any" || note.for_customer == (kind == "customer"))
                    .map(note_document);
                Ok(Response::json(200, &Value::Array(notes.collect())))
            }
            "POST" => {
                let text = call.body.get("note").map(text_of).unwrap_or_default();
                if text.is_empty() {
                    return Err(WpError::new(
                        400,
                        "rest_missing_callback_param",
                        "Missing parameter(s): note",
                    )
                    .with("params", json!(["note"])));
                }
                let note = Note {
                    id: self.catalog.next_id(),
                    text,
                    for_customer: call.flag("customer_note"),
                    at: call.now,
                };
                let document = note_document(&note);
                // A note does not move the order's date of modification.
                order.notes.push(note);
                Ok(Response::json(201, &document))
            }
            _ => Err(WpError::no_route()),
        }
    }

    fn note(&mut self, call: &Call<'_>, id: u64, note: u64) -> WpResult<Response> {
        let missing = || WpError::new(404, "woocommerce_rest_invalid_id", "Invalid resource ID.");
        let order = self.orders.all.get_mut(&id).ok_or_else(missing)?;
        let at = order.notes.iter().position(|known| known.id == note);
        let at = at.ok_or_else(missing)?;
        let document = note_document(&order.notes[at]);
        match call.method.as_str() {
            "GET" => {}
            "DELETE" if call.flag("force") => {
                order.notes.remove(at);
            }
            "DELETE" => {
                return Err(WpError::new(
                    501,
                    "woocommerce_rest_trash_not_supported",
                    "Order notes do not support trashing.",
                ));
            }
            _ => return Err(WpError::no_route()),
        }
        Ok(Response::json(200, &only_fields(document, call, true)))
    }

    fn refund(&mut self, call: &Call<'_>, id: u64, refund: u64) -> WpResult<Response> {
        let missing = || WpError::new(404, "woocommerce_rest_invalid_id", "Invalid ID.");
        let order = self.orders.all.get_mut(&id).ok_or_else(missing)?;
        let at = order.refunds.iter().position(|known| known.id == refund);
        let at = at.ok_or_else(missing)?;
        let document = refund_document(&order.refunds[at]);
        match call.method.as_str() {
            "GET" => {}
            // Gone at once, with `force` and without.
            "DELETE" => {
                order.refunds.remove(at);
                order.modified = call.now;
            }
            _ => return Err(WpError::no_route()),
        }
        Ok(Response::json(200, &only_fields(document, call, true)))
    }

    fn refunds(&mut self, call: &Call<'_>, id: u64) -> WpResult<Response> {
        let Some(order) = self.orders.all.get_mut(&id) else {
            return match call.method.as_str() {
                "GET" => Ok(Response::json(200, &json!([]))),
                _ => Err(WpError::new(
                    404,
                    "woocommerce_rest_invalid_order_id",
                    "Invalid order ID.",
                )),
            };
        };
        match call.method.as_str() {
            "GET" => {
                let refunds = order.refunds.iter().map(refund_document);
                Ok(Response::json(200, &Value::Array(refunds.collect())))
            }
            "POST" => match pay_back(call, order, self.catalog) {
                Ok(document) => Ok(Response::json(201, &document)),
                // Refunds put a bare number where every other error has an object.
                Err(message) => Ok(Response::json(
                    500,
                    &json!({
                        "code": "woocommerce_rest_cannot_create_order_refund",
                        "message": message,
                        "data": 400,
                    }),
                )),
            },
            _ => Err(WpError::no_route()),
        }
    }
}

fn pay_back(
    call: &Call<'_>,
    order: &mut Order,
    catalog: &mut Catalog,
) -> Result<Value, &'static str> {
    let fields: &Map<String, Value> = &call.body;
    let amount_of =
        |value: &Value| text::number(&text::decimal(&text_of(value))).unwrap_or_default();
    let lines = || {
        fields
            .get("line_items")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let amount = match fields.get("amount") {
        Some(amount) => amount_of(amount),
        None => lines()
            .filter_map(|line| line.get("refund_total"))
            .map(amount_of)
            .sum(),
    };
    // The check reads the number up to the comma, the refund drops the comma: `1,50` pays back 150.00.
    let checked = match fields.get("amount").map(text_of) {
        Some(text) => text
            .split(',')
            .next()
            .and_then(text::number)
            .unwrap_or_default(),
        None => amount,
    };
    if checked < Decimal::ZERO || checked > order.total() - order.refunded() {
        return Err("Invalid refund amount.");
    }
    let flag = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or(true);
    // No gateway of this shop can pay back by itself.
    if flag("api_refund") {
        return Err("The payment gateway for this order does not support automatic refunds.");
    }
    if flag("api_restock") {
        for sent in lines() {
            let quantity = sent.get("quantity").and_then(Value::as_i64).unwrap_or(0);
            let id = sent.get("id").and_then(Value::as_u64);
            if let Some(line) = order.lines.iter().find(|line| Some(line.id) == id) {
                let sold = match line.variation_id {
                    0 => line.product_id,
                    id => id,
                };
                move_stock(catalog, sold, quantity, call.now);
            }
        }
    }
    let refund = Refund {
        id: catalog.next_id(),
        amount,
        reason: fields.get("reason").map(text_of).unwrap_or_default(),
        at: call.now,
    };
    let document = refund_document(&refund);
    order.refunds.push(refund);
    if order.refunded() >= order.total() && order.total() > Decimal::ZERO {
        order.set_status("refunded", catalog, call.now);
    }
    order.modified = call.now;
    Ok(document)
}

fn refund_document(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "date_created": local(refund.at),
        "date_created_gmt": local(refund.at),
        "amount": cents(refund.amount),
        "reason": refund.reason,
        "refunded_by": 1,
        "refunded_payment": false,
        "meta_data": [],
        "line_items": [],
    })
}

fn note_document(note: &Note) -> Value {
    json!({
        "id": note.id,
        "author": "WooCommerce",
        "date_created": local(note.at),
        "date_created_gmt": local(note.at),
        "note": note.text,
        "customer_note": note.for_customer,
    })
}

fn invalid_id(status: u16) -> WpError {
    WpError::new(
        status,
        "woocommerce_rest_shop_order_invalid_id",
        "Invalid ID.",
    )
}
