//! What is kept, as the documents of the API.

use serde_json::{Map, Value, json};

use super::store::{CURRENCY, Id, LOCATION, Order, OrderLine, Store};

/// The shop's tax, which its prices hold already.
const TAX: &str = "Standard Tax Europe";
const TAX_PERCENT: i64 = 20;
/// Where the files of the shop are.
const ASSETS: &str = "https://shop.example.com/assets";

fn net(gross: i64) -> i64 {
    // Rounded half up, as the server does.
    (gross * 200 / (100 + TAX_PERCENT) + 1) / 2
}

fn ids(of: &[Id]) -> Value {
    of.iter().map(|id| json!(id.to_string())).collect()
}

fn fields(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// An object of the store by its type and id. Connected objects are named by their ids.
pub fn object(store: &Store, type_name: &str, id: Id) -> Option<Map<String, Value>> {
    let own = id.to_string();
    let document = match type_name {
        "Facet" => {
            let facet = store.facets.get(&id)?;
            let values = store
                .facet_values
                .iter()
                .filter(|(_, value)| value.facet == id);
            let values: Vec<Id> = values.map(|(id, _)| *id).collect();
            json!({"id": own, "name": facet.name, "code": facet.code, "isPrivate": facet.is_private,
                "languageCode": "en", "createdAt": facet.at, "updatedAt": facet.at, "values": ids(&values)})
        }
        "FacetValue" => {
            let value = store.facet_values.get(&id)?;
            json!({"id": own, "name": value.name, "code": value.code, "facet": value.facet.to_string(),
                "facetId": value.facet.to_string(), "languageCode": "en", "createdAt": value.at, "updatedAt": value.at})
        }
        "ProductOptionGroup" => {
            let group = store.groups.get(&id)?;
            let options = store
                .options
                .iter()
                .filter(|(_, option)| option.group == id);
            let options: Vec<Id> = options.map(|(id, _)| *id).collect();
            json!({"id": own, "name": group.name, "code": group.code, "languageCode": "en", "createdAt": group.at,
                "updatedAt": group.at, "options": ids(&options)})
        }
        "ProductOption" => {
            let option = store.options.get(&id)?;
            json!({"id": own, "name": option.name, "code": option.code, "groupId": option.group.to_string(),
                "group": option.group.to_string(), "languageCode": "en", "createdAt": option.at, "updatedAt": option.at})
        }
        "Asset" => {
            let asset = store.assets.get(&id)?;
            let address = |kind: &str| format!("{ASSETS}/{kind}/{id}/{}", asset.name);
            let tags: Vec<_> = asset
                .tags
                .iter()
                .map(|tag| json!({"id": own, "value": tag, "createdAt": asset.at, "updatedAt": asset.at}))
                .collect();
            json!({"id": own, "name": asset.name, "type": "IMAGE", "mimeType": asset.mime_type,
                "fileSize": asset.size, "source": address("source"), "preview": address("preview"),
                "tags": tags, "createdAt": asset.at, "updatedAt": asset.at})
        }
        "Product" => {
            let product = store.products.get(&id)?;
            json!({"id": own, "name": product.name, "slug": product.slug, "description": product.description,
                "enabled": product.enabled, "languageCode": "en", "createdAt": product.created,
                "updatedAt": product.updated, "variants": ids(&product.variants), "optionGroups": ids(&product.groups),
                "facetValues": ids(&product.facet_values), "assets": ids(&product.gallery.assets),
                "featuredAsset": product.gallery.featured.map(|id| id.to_string()),
                "variantList": {"items": ids(&product.variants), "totalItems": product.variants.len()}})
        }
        "ProductVariant" => {
            let variant = store.variants.get(&id)?;
            let offered = variant.offered();
            json!({"id": own, "sku": variant.sku, "name": variant.name, "enabled": variant.enabled,
                "languageCode": "en", "createdAt": variant.created, "updatedAt": variant.updated,
                "trackInventory": variant.track_inventory, "outOfStockThreshold": variant.out_of_stock_threshold,
                "useGlobalOutOfStockThreshold": variant.use_global_threshold, "price": net(variant.price),
                "priceWithTax": variant.price, "currencyCode": CURRENCY,
                "prices": [{"currencyCode": CURRENCY, "price": variant.price}],
                "stockOnHand": variant.on_hand, "stockAllocated": variant.allocated,
                "stockLevel": if offered.is_none_or(|offered| offered > 0) { "IN_STOCK" } else { "OUT_OF_STOCK" },
                "stockLevels": [{"id": own, "stockLocationId": LOCATION.to_string(), "stockLocation": "1",
                    "stockOnHand": variant.on_hand, "stockAllocated": variant.allocated}],
                "product": variant.product.to_string(), "productId": variant.product.to_string(),
                "taxCategory": "1", "options": ids(&variant.options),
                "assets": ids(&variant.gallery.assets),
                "featuredAsset": variant.gallery.featured.map(|id| id.to_string())})
        }
        "StockLocation" => json!({"id": "1", "name": "Default Stock Location", "description": ""}),
        "TaxCategory" => json!({"id": "1", "name": "Standard Tax", "isDefault": true}),
        "Order" => order(store, id, store.orders.get(&id)?),
        _ => return None,
    };
    fields(document)
}

fn order(store: &Store, id: Id, order: &Order) -> Value {
    let lines: Vec<_> = order
        .lines
        .iter()
        .map(|(id, one)| line(store, *id, one))
        .collect();
    let goods: i64 = order
        .lines
        .values()
        .map(|one| one.unit_price * one.quantity)
        .sum();
    let net_goods: i64 = order
        .lines
        .values()
        .map(|one| net(one.unit_price * one.quantity))
        .sum();
    let is_canceled = order.state == "Cancelled";
    let shipping = if is_canceled { 0 } else { order.shipping };
    let (total, net_total) = (goods + shipping, net_goods + net(shipping));
    let fulfillments: Vec<_> = order
        .fulfillments
        .keys()
        .filter_map(|one| fulfillment(order, *one))
        .collect();
    let count: i64 = order.lines.values().map(|one| one.quantity).sum();
    let field = |name: &str| order.buyer.get(name).cloned().unwrap_or(Value::Null);
    json!({
        "id": id.to_string(), "code": order.code, "state": order.state, "type": "Regular", "active": order.placed.is_none(),
        "createdAt": order.updated.min(order.happened), "updatedAt": order.updated, "orderPlacedAt": order.placed,
        "history": {"items": [{"id": id.to_string(), "createdAt": order.happened}], "totalItems": 1},
        "currencyCode": CURRENCY, "totalQuantity": count, "surcharges": [], "discounts": [],
        "customer": {"id": "1", "firstName": field("firstName"), "lastName": field("lastName"),
            "emailAddress": field("emailAddress")},
        "shippingAddress": {"fullName": field("fullName"), "streetLine1": field("streetLine1"), "city": field("city"),
            "postalCode": field("postalCode"), "countryCode": field("countryCode")},
        "lines": lines, "fulfillments": fulfillments,
        "payments": [{"id": id.to_string(), "createdAt": order.placed, "method": "standard-payment", "amount": total,
            "state": "Settled", "transactionId": format!("sandbox-{id}"), "refunds": []}],
        "shippingLines": [{"id": id.to_string(), "price": net(shipping), "priceWithTax": shipping,
            "discountedPrice": net(shipping), "discountedPriceWithTax": shipping, "discounts": [],
            "shippingMethod": {"id": "1", "code": "standard-shipping", "name": "Standard Shipping"}}],
        "shipping": net(shipping), "shippingWithTax": shipping, "subTotal": net_goods, "subTotalWithTax": goods,
        "total": net_total, "totalWithTax": total,
    })
}

fn line(store: &Store, id: Id, line: &OrderLine) -> Value {
    let at = store
        .variants
        .get(&line.variant)
        .map(|variant| variant.created);
    let (gross, net_line) = (
        line.unit_price * line.quantity,
        net(line.unit_price * line.quantity),
    );
    json!({
        "id": id.to_string(), "createdAt": at, "updatedAt": at, "productVariant": line.variant.to_string(),
        "unitPrice": net(line.unit_price), "unitPriceWithTax": line.unit_price,
        "proratedUnitPrice": net(line.unit_price), "proratedUnitPriceWithTax": line.unit_price,
        "quantity": line.quantity, "orderPlacedQuantity": line.placed, "taxRate": TAX_PERCENT,
        "linePrice": net_line, "linePriceWithTax": gross, "proratedLinePrice": net_line,
        "proratedLinePriceWithTax": gross, "lineTax": gross - net_line, "discounts": [],
        "taxLines": [{"description": TAX, "taxRate": TAX_PERCENT}], "fulfillmentLines": [],
    })
}

pub fn fulfillment(order: &Order, id: Id) -> Option<Value> {
    let own = order.fulfillments.get(&id)?;
    let next: &[&str] = match own.state.as_str() {
        "Pending" => &["Shipped", "Delivered", "Cancelled"],
        "Shipped" => &["Delivered", "Cancelled"],
        "Delivered" => &["Cancelled"],
        _ => &[],
    };
    let lines: Vec<_> = own
        .lines
        .iter()
        .map(|(line, quantity)| {
            json!({"orderLineId": line.to_string(), "quantity": quantity, "fulfillmentId": id.to_string()})
        })
        .collect();
    Some(
        json!({"__typename": "Fulfillment", "id": id.to_string(), "state": own.state, "method": own.method,
        "trackingCode": own.tracking, "createdAt": own.at, "updatedAt": own.at, "lines": lines, "nextStates": next}),
    )
}

/// A listing's whole content: what is sold, and the product that it belongs to.
pub fn content(store: &Store, product: Id, variant: Option<Id>) -> Value {
    let own = variant.and_then(|id| object(store, "ProductVariant", id));
    let options: Vec<_> = variant
        .and_then(|id| store.variants.get(&id))
        .into_iter()
        .flat_map(|variant| &variant.options)
        .filter_map(|id| store.options.get(id))
        .map(|option| json!({"name": option.name}))
        .collect();
    let labels: Vec<_> = store
        .products
        .get(&product)
        .into_iter()
        .flat_map(|product| &product.facet_values)
        .filter_map(|id| store.facet_values.get(id))
        .map(|value| json!({"name": value.name}))
        .collect();
    let gallery = variant.and_then(|id| Some(&store.variants.get(&id)?.gallery));
    let shown = gallery
        .into_iter()
        .chain(store.products.get(&product).map(|product| &product.gallery));
    let pictures: Vec<_> = shown
        .flat_map(|gallery| &gallery.assets)
        .filter_map(|id| store.assets.get(id))
        .map(|asset| json!(asset.tags))
        .collect();
    json!({"pictures": pictures, "variant": own, "options": options, "facetValues": labels, "product": object(store, "Product", product)})
}
