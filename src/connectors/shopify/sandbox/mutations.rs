//! The root of mutations.

use serde_json::Value;

use super::entities::Told;
use super::objects::{Arguments, World};
use super::{
    bulk, fulfillments, inventory, metafields, order_mutations, product_mutations, product_set,
    refunds, uploads, variants,
};
use crate::sandbox::Fault;

/// Mutations that only prepare others: they are never answered without being carried out.
const PREPARING: &[&str] = &[
    "stagedUploadsCreate",
    "metafieldDefinitionCreate",
    "bulkOperationRunMutation",
    "bulkOperationCancel",
];

/// A temporary refusal is no answer to keep: the same key is sent again.
const TEMPORARY: &str = "IDEMPOTENCY_CONCURRENT_REQUEST";

pub fn field(world: &World<'_>, name: &str, arguments: &Arguments, key: Option<&str>) -> Told {
    if let Some(key) = key {
        let known = world.shop().answers.find(name, key, arguments);
        if known.is_some() {
            return Ok(known);
        }
    }
    let is_ignored = !world.in_bulk
        && !PREPARING.contains(&name)
        && world.faults().strikes(Fault::Ignored, true);
    if is_ignored {
        world.ignore_from_here();
    }
    let Some(payload) = carry_out(world, name, arguments) else {
        return Ok(None);
    };
    let is_temporary = payload["userErrors"]
        .as_array()
        .is_some_and(|errors| errors.iter().any(|error| error["code"] == TEMPORARY));
    if let Some(key) = key.filter(|_| !is_temporary) {
        world.shop().answers.keep(name, key, arguments, &payload);
    }
    Ok(Some(payload))
}

fn carry_out(world: &World<'_>, name: &str, arguments: &Arguments) -> Option<Value> {
    Some(match name {
        "productSet" => product_set::product_set(world, arguments),
        "productVariantsBulkUpdate" => variants::bulk_update(world, arguments),
        "productVariantsBulkCreate" => variants::bulk_create(world, arguments),
        "productVariantsBulkDelete" => variants::bulk_delete(world, arguments),
        "inventorySetQuantities" => inventory::set_quantities(world, arguments),
        "inventoryActivate" => inventory::activate(world, arguments),
        "productUpdate" => product_mutations::update(world, arguments),
        "productDelete" => product_mutations::delete(world, arguments),
        "publishablePublish" => product_mutations::publish(world, arguments, true),
        "publishableUnpublish" => product_mutations::publish(world, arguments, false),
        "metafieldsSet" => metafields::set(world, arguments),
        "metafieldDefinitionCreate" => metafields::define(world, arguments),
        "stagedUploadsCreate" => uploads::create(world, arguments),
        "bulkOperationRunMutation" => bulk::run_mutation(world, arguments),
        "bulkOperationCancel" => bulk::cancel(world, arguments),
        "fulfillmentCreate" => fulfillments::create(world, arguments),
        "fulfillmentTrackingInfoUpdate" => fulfillments::update_tracking(world, arguments),
        "fulfillmentCancel" => fulfillments::cancel(world, arguments),
        "orderCancel" => order_mutations::cancel(world, arguments),
        "refundCreate" => refunds::create(world, arguments),
        _ => return None,
    })
}
