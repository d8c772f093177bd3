//! Orders and their lines as the API shows them.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::buying::{FEE_FLAT, FEE_RATE};
use super::entities::{Told, short_list};
use super::gid::{gid, gids};
use super::objects::{Arguments, Refused};
use super::orders::{Line, Order, TAX_RATE, Transaction, address, tax_in};
use super::page::{Asked, Row, connection};
use super::product_view::count;
use super::shop::{CURRENCY, Shop, money, money_bag};
use super::text::moment;

/// The first ones of a list that is not a connection.
fn first(arguments: &Arguments, all: Vec<Value>) -> Value {
    let most = arguments.get("first").and_then(Value::as_u64);
    let most = most
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(all.len());
    all.into_iter().take(most).collect()
}

fn tax_line(gross: Decimal) -> Value {
    json!({
        "title": "VAT",
        "rate": TAX_RATE.to_string().parse::<f64>().unwrap_or_default(),
        "ratePercentage": (TAX_RATE * Decimal::ONE_HUNDRED).to_string().parse::<f64>().unwrap_or_default(),
        "priceSet": money_bag(tax_in(gross)),
        "source": "shopify",
        "channelLiable": false,
    })
}

fn tax_lines(tax: Decimal) -> Value {
    if tax.is_zero() {
        return json!([]);
    }
    let mut line = tax_line(Decimal::ZERO);
    line["priceSet"] = money_bag(tax);
    json!([line])
}

fn discount(order: &Order) -> Option<Value> {
    let (code, percent) = order.discount.as_ref()?;
    Some(json!({
        "__typename": "DiscountCodeApplication",
        "allocationMethod": "ACROSS",
        "index": 0,
        "targetSelection": "ALL",
        "targetType": "LINE_ITEM",
        "value": {"__typename": "PricingPercentageValue", "percentage": f64::from(*percent)},
        "code": code,
    }))
}

pub fn transaction(order: &Order, one: &Transaction) -> Value {
    let fee = one.fee.map(|fee| {
        json!({
            "id": gid("TransactionFee", one.id),
            "type": "processing_fee",
            "amount": money(fee),
            "flatFee": money(FEE_FLAT),
            "rate": FEE_RATE.to_string(),
            "taxAmount": money(Decimal::ZERO),
        })
    });
    let parent = one
        .parent
        .and_then(|id| order.transactions.iter().find(|other| other.id == id));
    json!({
        "id": gid("OrderTransaction", one.id),
        "kind": one.kind,
        "status": "SUCCESS",
        "amountSet": money_bag(one.amount),
        "gateway": one.gateway,
        "formattedGateway": "Shopify payments",
        "createdAt": moment(one.at),
        "processedAt": moment(one.at),
        "fees": fee.into_iter().collect::<Vec<_>>(),
        "parentTransaction": parent.map(|parent| transaction(order, parent)),
        "test": true,
        "order": gid("Order", order.id),
        "paymentId": format!("{}.1", order.name()),
    })
}

pub fn shipping(order: &Order) -> Value {
    let line = &order.shipping;
    json!({
        "id": gid("ShippingLine", line.id),
        "title": line.title,
        "code": line.title,
        "source": "shopify",
        "carrierIdentifier": null,
        "custom": false,
        "isRemoved": false,
        "originalPriceSet": money_bag(line.price),
        "discountedPriceSet": money_bag(line.price),
        "currentDiscountedPriceSet": money_bag(order.current_shipping()),
        "taxLines": [tax_line(line.price)],
        "discountAllocations": [],
    })
}

pub fn order(shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Told {
    let Some(order) = shop.orders.get(id) else {
        return Ok(Some(Value::Null));
    };
    let bag = |amount: Decimal| Ok(Some(money_bag(amount)));
    let discounts: Decimal = order.lines.iter().map(|line| line.discount).sum();
    let pieces: i64 = order.lines.iter().map(|line| line.quantity).sum();
    let current: i64 = order.lines.iter().map(Line::current).sum();
    match name {
        "subtotalPriceSet" => return bag(order.subtotal()),
        "totalPriceSet" | "originalTotalPriceSet" => return bag(order.total()),
        "totalTaxSet" => return bag(order.tax()),
        "totalDiscountsSet" | "currentTotalDiscountsSet" => return bag(discounts),
        "totalShippingPriceSet" => return bag(order.shipping.price),
        "currentShippingPriceSet" => return bag(order.current_shipping()),
        "totalRefundedSet" => return bag(order.refunded()),
        "totalRefundedShippingSet" => return bag(order.shipping.refunded),
        "totalReceivedSet" => return bag(order.received()),
        "totalOutstandingSet" => return bag(Decimal::ZERO),
        "netPaymentSet" => return bag(order.received() - order.refunded()),
        "currentSubtotalPriceSet" => return bag(order.current_subtotal()),
        "currentTotalPriceSet" => return bag(order.current_total()),
        "currentTotalTaxSet" => return bag(order.current_tax()),
        _ => {}
    }
    Ok(Some(match name {
        "id" => json!(gid("Order", id)),
        "legacyResourceId" => json!(id.to_string()),
        "name" => json!(order.name()),
        "number" => json!(order.number),
        "createdAt" | "processedAt" => json!(moment(order.created)),
        "updatedAt" => json!(moment(order.updated)),
        "cancelledAt" | "closedAt" => {
            json!(order.cancelled.as_ref().map(|(at, _)| moment(*at)))
        }
        "cancelReason" => json!(order.cancelled.as_ref().map(|(_, reason)| reason)),
        "closed" => json!(order.is_closed()),
        "confirmed" | "taxesIncluded" | "fullyPaid" => json!(true),
        "test" | "taxExempt" | "edited" | "unpaid" => json!(false),
        "note" => json!(order.note),
        "tags" => json!([]),
        "email" | "phone" => order.buyer.get(name).cloned().unwrap_or_default(),
        "currencyCode" | "presentmentCurrencyCode" => json!(CURRENCY),
        "displayFinancialStatus" => json!(order.financial_status()),
        "displayFulfillmentStatus" => json!(order.fulfillment_status()),
        "fulfillable" => {
            json!(
                order
                    .lines
                    .iter()
                    .any(|line| order.unfulfilled(line.id) > 0)
            )
        }
        "refundable" => json!(order.refunded() < order.received()),
        "restockable" => json!(order.cancelled.is_none()),
        "requiresShipping" => json!(order.lines.iter().any(|line| line.requires_shipping)),
        "customer" => {
            let text = |name: &str| order.buyer.get(name).and_then(Value::as_str);
            let names = [text("firstName"), text("lastName")];
            let names: Vec<_> = names.into_iter().flatten().collect();
            json!({
                "id": gid("Customer", order.id),
                "legacyResourceId": order.id.to_string(),
                "displayName": names.join(" "),
                "firstName": text("firstName"),
                "lastName": text("lastName"),
            })
        }
        "customerLocale" => json!("en-DE"),
        "sourceName" => json!("web"),
        "paymentGatewayNames" => order
            .transactions
            .iter()
            .take(1)
            .map(|one| json!(one.gateway))
            .collect(),
        "shippingAddress" | "billingAddress" => address(order.id, &order.buyer),
        "subtotalLineItemsQuantity" => json!(pieces),
        "currentSubtotalLineItemsQuantity" => json!(current),
        "taxLines" => tax_lines(order.tax()),
        "currentTaxLines" => tax_lines(order.current_tax()),
        "discountCode" => json!(order.discount.as_ref().map(|(code, _)| code)),
        "discountCodes" => order.discount.iter().map(|(code, _)| json!(code)).collect(),
        "discountApplications" => {
            return short_list(arguments, discount(order).into_iter().collect());
        }
        "lineItems" => {
            let asked = Asked::new(arguments).map_err(Refused::bad_request)?;
            let rows = order.lines.iter().map(|line| Row::by_id(line.id)).collect();
            connection(rows, &asked, false, |row| json!(gid("LineItem", row.id)))
        }
        "shippingLine" => shipping(order),
        "shippingLines" => return short_list(arguments, vec![shipping(order)]),
        "refunds" => {
            let all = order
                .refunds
                .iter()
                .map(|refund| json!(gid("Refund", refund.id)));
            first(arguments, all.collect())
        }
        "fulfillments" => {
            let ids = order
                .fulfillments
                .iter()
                .map(|one| json!(gid("Fulfillment", one.id)));
            first(arguments, ids.collect())
        }
        "fulfillmentsCount" => count(order.fulfillments.len()),
        "fulfillmentOrders" => {
            let all = gids(
                "FulfillmentOrder",
                order.fulfillment_orders.iter().map(|one| one.id),
            );
            return short_list(arguments, all.as_array().cloned().unwrap_or_default());
        }
        "transactions" => {
            let all = order.transactions.iter().map(|one| transaction(order, one));
            first(arguments, all.collect())
        }
        "transactionsCount" => count(order.transactions.len()),
        // Nobody writes metafields of orders here.
        "metafield" => Value::Null,
        _ => return Ok(None),
    }))
}

pub fn line_item(shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Option<Value> {
    let Some((order, line)) = shop.orders.of_line(id) else {
        return Some(Value::Null);
    };
    let per_piece = |amount: Decimal| match line.quantity {
        0 => Decimal::ZERO,
        pieces => (amount / Decimal::from(pieces)).round_dp(2),
    };
    Some(match name {
        "id" => json!(gid("LineItem", id)),
        "name" => match &line.variant_title {
            Some(title) => json!(format!("{} - {title}", line.title)),
            None => json!(line.title),
        },
        "title" => json!(line.title),
        "variantTitle" => json!(line.variant_title),
        "vendor" => json!(line.vendor),
        "sku" => match line.sku.as_str() {
            "" => Value::Null,
            sku => json!(sku),
        },
        "quantity" => json!(line.quantity),
        "currentQuantity" | "refundableQuantity" => json!(line.current()),
        "unfulfilledQuantity" => json!(order.unfulfilled(id)),
        "requiresShipping" => json!(line.requires_shipping),
        "taxable" => json!(line.taxable),
        "restockable" => json!(true),
        "isGiftCard" => json!(false),
        "variant" => match shop.variant(line.variant) {
            Some(variant) => json!(gid("ProductVariant", variant.id)),
            None => Value::Null,
        },
        "product" => match shop.product(line.product) {
            Some(product) => json!(gid("Product", product.id)),
            None => Value::Null,
        },
        "originalUnitPriceSet" => money_bag(line.unit),
        "originalTotalSet" => money_bag(line.original_total()),
        // A code's share is told apart: prices of lines have only their own discounts, unless all are asked for.
        "discountedUnitPriceSet" => money_bag(line.unit),
        "discountedUnitPriceAfterAllDiscountsSet" => money_bag(per_piece(line.total())),
        "discountedTotalSet" => match arguments.get("withCodeDiscounts") {
            Some(Value::Bool(true)) => money_bag(line.total()),
            _ => money_bag(line.original_total()),
        },
        "totalDiscountSet" => money_bag(line.discount),
        "discountAllocations" => match discount(order) {
            Some(application) => json!([{
                "allocatedAmountSet": money_bag(line.discount),
                "discountApplication": application,
            }]),
            None => json!([]),
        },
        "taxLines" => match line.taxable {
            true => json!([tax_line(line.total())]),
            false => json!([]),
        },
        _ => return None,
    })
}
