//! Inventory items, what locations hold of them, and what of that is promised to buyers.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::wire::{Answer, Refusal, decimal, known_fields, number, raw, text};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Inventory {
    pub items: BTreeMap<String, Item>,
    /// By the order's line.
    pub reservations: BTreeMap<String, Reservation>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Item {
    pub sku: String,
    pub levels: BTreeMap<String, Level>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Level {
    pub stocked: Decimal,
    pub reserved: Decimal,
}

impl Level {
    pub fn available(self) -> Decimal {
        self.stocked - self.reserved
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reservation {
    pub item: String,
    pub location: String,
    pub quantity: Decimal,
}

impl Inventory {
    pub fn add(&mut self, id: &str, sku: &str) -> Answer<()> {
        if !sku.is_empty() && self.items.values().any(|item| item.sku == sku) {
            return Err(Refusal::invalid(format!(
                "Inventory item with sku: {sku}, already exists."
            )));
        }
        let item = Item {
            sku: sku.to_owned(),
            levels: BTreeMap::new(),
        };
        self.items.insert(id.to_owned(), item);
        Ok(())
    }

    pub fn remove(&mut self, id: &str) {
        self.items.remove(id);
    }

    pub fn is_reserved(&self, id: &str) -> bool {
        self.reservations
            .values()
            .any(|reservation| reservation.item == id)
    }

    pub fn level(&self, item: &str, location: &str) -> Option<Level> {
        self.items.get(item)?.levels.get(location).copied()
    }

    pub fn document(&self, id: &str) -> Value {
        let item = self.items.get(id).cloned().unwrap_or_default();
        let levels = item
            .levels
            .iter()
            .map(|(location, level)| level_document(id, location, *level, level.available()));
        json!({ "id": id, "sku": item.sku, "location_levels": levels.collect::<Vec<_>>() })
    }

    /// One row of `POST /admin/inventory-items/location-levels/batch`; answers the level.
    pub fn write(&mut self, body: &Map<String, Value>, is_new: bool, place: &str) -> Answer<Value> {
        known_fields(
            body,
            &[
                "inventory_item_id",
                "location_id",
                "stocked_quantity",
                "incoming_quantity",
            ],
        )?;
        let required = |name: &str| {
            text(body, name).ok_or_else(|| {
                Refusal::invalid(format!(
                    "Invalid request: Field '{place}{name}' is required"
                ))
            })
        };
        let (id, location) = (required("inventory_item_id")?, required("location_id")?);
        let stocked = match body.get("stocked_quantity") {
            None => None,
            Some(_) => Some(decimal(body, "stocked_quantity", place)?),
        };
        if stocked.is_some_and(|stocked| stocked.is_sign_negative() && !stocked.is_zero()) {
            return Err(Refusal::field(
                &format!("{place}stocked_quantity"),
                "Value too small, expected at least: '0'",
            ));
        }
        let known = self.level(id, location);
        let before = match (is_new, known) {
            (true, Some(_)) => {
                return Err(Refusal::invalid(format!(
                    "Inventory level with inventory_item_id: {id}, location_id: {location}, already exists."
                )));
            }
            (true, None) if !self.items.contains_key(id) => {
                return Err(Refusal::not_found(format!(
                    "You tried to set relationship inventory_item_id: {id}, but such entity does not exist"
                )));
            }
            (false, None) => {
                return Err(Refusal::not_found(format!(
                    "Item {id} is not stocked at location {location}"
                )));
            }
            (_, known) => known.unwrap_or_default(),
        };
        let level = Level {
            stocked: stocked.unwrap_or(before.stocked),
            ..before
        };
        if let Some(item) = self.items.get_mut(id) {
            item.levels.insert(location.to_owned(), level);
        }
        // An update answers what was available before it.
        let available = if is_new {
            level.available()
        } else {
            before.available()
        };
        Ok(level_document(id, location, level, available))
    }

    /// Promises pieces to the line of an order.
    pub fn reserve(&mut self, line: &str, item: &str, location: &str, quantity: Decimal) {
        if let Some(level) = self.level_mut(item, location) {
            level.reserved += quantity;
        }
        let reservation = Reservation {
            item: item.to_owned(),
            location: location.to_owned(),
            quantity,
        };
        self.reservations.insert(line.to_owned(), reservation);
    }

    /// Takes a promise back.
    pub fn release(&mut self, line: &str) {
        if let Some(reservation) = self.reservations.remove(line)
            && let Some(level) = self.level_mut(&reservation.item, &reservation.location)
        {
            level.reserved -= reservation.quantity;
        }
    }

    /// Pieces leave. Of a promise that is kept in part, the server checks the rest against a stock from which the
    /// pieces are gone, and the whole promise not yet.
    pub fn fulfill(&mut self, line: &str, label: &str, quantity: Decimal) -> Answer<()> {
        let Some(mut reservation) = self.reservations.get(line).cloned() else {
            return Err(Refusal::invalid(format!(
                "No stock reservation found for item {line} - {label}"
            )));
        };
        if quantity > reservation.quantity {
            return Err(Refusal::invalid(format!(
                "Quantity to fulfill exceeds the reserved quantity for the item: {line}"
            )));
        }
        let (item, location) = (reservation.item.clone(), reservation.location.clone());
        let is_part = quantity < reservation.quantity;
        let Some(level) = self.level_mut(&item, &location) else {
            return Err(Refusal::not_found(format!(
                "Item {item} is not stocked at location {location}"
            )));
        };
        if is_part && level.available() < quantity {
            return Err(Refusal::not_allowed(format!(
                "Not enough stock available for item {item} at location {location}"
            )));
        }
        level.stocked -= quantity;
        level.reserved -= quantity;
        reservation.quantity -= quantity;
        match is_part {
            true => drop(self.reservations.insert(line.to_owned(), reservation)),
            false => drop(self.reservations.remove(line)),
        }
        Ok(())
    }

    fn level_mut(&mut self, item: &str, location: &str) -> Option<&mut Level> {
        self.items.get_mut(item)?.levels.get_mut(location)
    }
}

fn level_document(item: &str, location: &str, level: Level, available: Decimal) -> Value {
    json!({
        "id": format!("ilev_{item}_{location}"),
        "inventory_item_id": item,
        "location_id": location,
        "raw_stocked_quantity": raw(level.stocked),
        "raw_reserved_quantity": raw(level.reserved),
        "stocked_quantity": number(level.stocked),
        "reserved_quantity": number(level.reserved),
        "incoming_quantity": 0,
        "available_quantity": number(available),
    })
}
