//! Amazon's listings and complaints in our words. Pure.

use serde_json::{Map, Value};

use super::account::Account;
use super::stated;
use super::wire::{Item, WireIssue, WireMoney};
use crate::domain::ids::{ListingRef, Sku};
use crate::domain::issue::{Issue, Severity};
use crate::domain::listing::ChannelListing;
use crate::domain::money::{self, Money};

/// A required attribute was not supplied.
const MISSING: &str = "90220";

/// Amazon's attribute, our field.
const FIELDS: &[(&str, &str)] = &[
    ("item_name", "title"),
    ("product_description", "description"),
    ("brand", "brand"),
    ("externally_assigned_product_identifier", "gtin"),
    ("part_number", "mpn"),
    ("condition_type", "condition"),
    ("main_product_image_locator", "images"),
    ("list_price", "compare_at_price"),
    ("purchasable_offer", "price"),
    ("fulfillment_availability", "quantity"),
    ("item_package_weight", "weight"),
    ("country_of_origin", "country_of_origin"),
];

/// Amazon's money. `None` when it cannot be read.
pub fn read_money(wire: &WireMoney) -> Option<Money> {
    let amount = wire.amount.trim().parse().ok()?;
    Some(Money::new(amount, money::currency(&wire.currency_code)?))
}

/// A listing as it is live. The list price is only known as it was submitted: Amazon does not tell whether it
/// shows it.
pub fn channel_listing(account: &Account, item: Item) -> ChannelListing {
    offer(account, &item)
}

/// The same with what the listing says.
pub fn whole_listing(account: &Account, item: Item) -> ChannelListing {
    let listing = offer(account, &item);
    let mut summaries = item.summaries.iter();
    let product_type = summaries
        .find(|summary| summary.marketplace_id == account.marketplace_id)
        .and_then(|summary| summary.product_type.as_deref());
    let content = stated::read(account, &item.sku, product_type, item.attributes);
    ChannelListing {
        content: Some(Box::new(content)),
        ..listing
    }
}

fn offer(account: &Account, item: &Item) -> ChannelListing {
    let here = |marketplace: &str| marketplace == account.marketplace_id;
    let summary = item
        .summaries
        .iter()
        .find(|summary| here(&summary.marketplace_id));
    let price = item
        .offers
        .iter()
        .find(|offer| here(&offer.marketplace_id) && offer.offer_type == "B2C")
        .and_then(|offer| read_money(&offer.price));
    let quantity = item
        .fulfillment_availability
        .iter()
        .find(|one| one.fulfillment_channel_code == account.fulfillment_channel)
        .and_then(|one| one.quantity)
        .map(|quantity| u64::try_from(quantity).unwrap_or(0));
    let parent_ref = item
        .relationships
        .iter()
        .filter(|one| here(&one.marketplace_id))
        .flat_map(|one| &one.relationships)
        .find_map(|one| one.parent_skus.first())
        .map(ListingRef::new);
    let issues = item.issues.iter().map(issue).collect();
    ChannelListing {
        compare_at: read_list_price(account, &item.attributes),
        listing_ref: ListingRef::new(&item.sku),
        sku: Sku::new(&item.sku),
        parent_ref,
        live: summary
            .as_ref()
            .is_some_and(|summary| !summary.status.is_empty()),
        title: summary.and_then(|summary| summary.item_name.clone()),
        price,
        quantity,
        issues,
        content: None,
    }
}

fn read_list_price(account: &Account, attributes: &Map<String, Value>) -> Option<Money> {
    let entry = attributes
        .get("list_price")?
        .as_array()?
        .iter()
        .find(|entry| {
            entry["marketplace_id"] == account.marketplace_id
                && entry["currency"] == account.currency.code()
        })?;
    let number = entry
        .get("value_with_tax")
        .or_else(|| entry.get("value"))?
        .as_number()?;
    Some(Money::new(
        number.to_string().parse().ok()?,
        account.currency,
    ))
}

/// Amazon's complaint in our words.
pub fn issue(wire: &WireIssue) -> Issue {
    let severity = match wire.severity.as_str() {
        "WARNING" => Severity::Warning,
        "INFO" => Severity::Note,
        _ => Severity::Error,
    };
    let code = if wire.code.is_empty() {
        "amazon".to_owned()
    } else {
        format!("amazon:{}", wire.code)
    };
    let mut issue = Issue::new(severity, code, &wire.message);
    let missing =
        wire.code == MISSING || wire.categories.iter().any(|one| one == "MISSING_ATTRIBUTE");
    if let Some(attribute) = attribute(wire) {
        let known = FIELDS.iter().find(|(theirs, _)| *theirs == attribute);
        issue = match known {
            Some((_, ours)) => issue.field(*ours),
            None if attribute.starts_with("other_product_image_locator") => issue.field("images"),
            None if missing => issue
                .field(format!("attr:{attribute}"))
                .hint(format!("add a column `attr:{attribute}` to the catalog")),
            None => issue.field(format!("attr:{attribute}")),
        };
    }
    issue
}

/// The attribute that an issue is about. A report about a missing one only names it in the message:
/// `'[batteries_required]' is required but not supplied.`
fn attribute(wire: &WireIssue) -> Option<&str> {
    let stated = wire
        .attribute_names
        .first()
        .or(wire.attribute_name.as_ref());
    let name = match stated {
        Some(name) => name,
        None if wire.code == MISSING => wire.message.split('\'').nth(1)?.trim_matches(['[', ']']),
        None => return None,
    };
    // A nested name: `purchasable_offer.our_price`.
    name.split('.').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::amazon::tests::account;
    use serde_json::json;

    #[test]
    fn the_live_listing_is_read_and_not_what_was_submitted() {
        let item: Item = serde_json::from_value(json!({
            "sku": "A",
            "summaries": [{"marketplaceId": "A1PA6795UKMFR9", "productType": "HAT", "status": ["BUYABLE"],
                "itemName": "Hat", "createdDate": "2026-01-01T00:00:00Z", "lastUpdatedDate": "2026-01-01T00:00:00Z"}],
            "attributes": {"fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT", "quantity": 9}]},
            "offers": [
                {"marketplaceId": "A1PA6795UKMFR9", "offerType": "B2B", "price": {"amount": "8.00", "currencyCode": "EUR"}},
                {"marketplaceId": "A1PA6795UKMFR9", "offerType": "B2C", "price": {"amount": "9.90", "currencyCode": "EUR"}}],
            "fulfillmentAvailability": [
                {"fulfillmentChannelCode": "AMAZON_EU", "quantity": 100},
                {"fulfillmentChannelCode": "DEFAULT", "quantity": 4}]
        }))
        .unwrap();
        let live = channel_listing(&account(), item);
        assert!(live.live);
        assert_eq!(
            live.price.map(|price| price.to_string()),
            Some("9.90 EUR".to_owned())
        );
        assert_eq!(live.quantity, Some(4));
    }

    #[test]
    fn an_issue_names_our_field_or_the_column_to_add() {
        let wire = |attribute: &str| WireIssue {
            code: "90220".into(),
            message: "missing".into(),
            severity: "ERROR".into(),
            attribute_names: vec![attribute.into()],
            attribute_name: None,
            categories: vec!["MISSING_ATTRIBUTE".into()],
        };
        assert_eq!(issue(&wire("item_name")).field.as_deref(), Some("title"));
        let custom = issue(&wire("batteries_required"));
        assert_eq!(custom.code, "amazon:90220");
        assert_eq!(custom.field.as_deref(), Some("attr:batteries_required"));
        assert!(custom.hint.unwrap().contains("attr:batteries_required"));
    }
    #[test]
    fn a_report_names_a_missing_attribute_in_its_message_only() {
        let wire = |message: &str| WireIssue {
            code: "90220".into(),
            message: message.into(),
            severity: "ERROR".into(),
            attribute_names: Vec::new(),
            attribute_name: None,
            categories: Vec::new(),
        };
        let named = issue(&wire(
            "'[batteries_required]' is required but not supplied.",
        ));
        assert_eq!(named.field.as_deref(), Some("attr:batteries_required"));
        assert!(named.hint.is_some());
        assert_eq!(issue(&wire("something is required")).field, None);
    }
}
