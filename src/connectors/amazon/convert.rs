//! Requests to create and change listings. Pure.

use serde_json::{Value, json};

use super::account::Account;
use super::content::{content, is_offer_only, number};
use super::wire::{Patch, PatchOperation, Put};
use crate::domain::catalog::ItemKind;
use crate::domain::change::PriceChange;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::domain::money::Money;

/// `productType` for price and stock, whatever the listing is.
const ANY_TYPE: &str = "PRODUCT";

/// What the listing is, for Amazon.
pub fn product_type(account: &Account, listing: &Listing) -> String {
    if is_offer_only(listing) {
        return ANY_TYPE.to_owned();
    }
    stated_type(listing)
        .unwrap_or(&account.product_type)
        .to_owned()
}

/// The listing's category, if it is one of Amazon's product types: `LUGGAGE`, `SHIRT_T`. A seller's own category,
/// as `Home > Lamps`, is none.
pub fn stated_type(listing: &Listing) -> Option<&str> {
    let is_type = |text: &&str| {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    listing.category.as_deref().filter(is_type)
}

fn amount(money: Money, account: &Account, field: &str) -> Result<Value, Vec<Issue>> {
    let refuse = |code: &str, message: String| vec![Issue::error(code, message).field(field)];
    if money.currency != account.currency {
        return Err(refuse(
            "currency",
            format!(
                "{money} cannot be sent: {} sells in {}",
                account.store,
                account.currency.code()
            ),
        ));
    }
    number(money.rounded().amount).ok_or_else(|| {
        refuse(
            "price_too_long",
            format!("{money} has more digits than Amazon's format carries"),
        )
    })
}

fn offer(account: &Account, price: Money) -> Result<Value, Vec<Issue>> {
    let price = amount(price, account, "price")?;
    Ok(json!([{
        "audience": "ALL",
        "currency": account.currency.code(),
        "marketplace_id": account.marketplace_id,
        "our_price": [{"schedule": [{"value_with_tax": price}]}],
    }]))
}

/// American and Canadian product types name the number differently from all others
/// (amzn/selling-partner-api-models issue 3958).
fn list_price_key(account: &Account) -> &'static str {
    if account.tax_included {
        "value_with_tax"
    } else {
        "value"
    }
}

fn list_price(account: &Account, price: Money) -> Result<Value, Vec<Issue>> {
    let price = amount(price, account, "compare_at_price")?;
    Ok(json!([{
        "currency": account.currency.code(),
        "marketplace_id": account.marketplace_id,
        (list_price_key(account)): price,
    }]))
}

fn availability(account: &Account, quantity: u64) -> Value {
    if account.is_fulfilled_by_amazon() {
        return json!([{"fulfillment_channel_code": account.fulfillment_channel}]);
    }
    json!([{"fulfillment_channel_code": account.fulfillment_channel, "quantity": quantity}])
}

/// A listing that is new, with its price and stock.
pub fn creation(account: &Account, listing: &Listing) -> Result<Put, Vec<Issue>> {
    let mut attributes = content(account, listing);
    if listing.kind != ItemKind::Parent {
        if let Some(price) = listing.price {
            attributes.insert("purchasable_offer".into(), offer(account, price)?);
        }
        if let Some(price) = listing.compare_at {
            attributes.insert("list_price".into(), list_price(account, price)?);
        }
        if let Some(quantity) = listing.quantity {
            let value = availability(account, quantity);
            attributes.insert("fulfillment_availability".into(), value);
        }
    }
    Ok(Put {
        product_type: product_type(account, listing),
        requirements: match is_offer_only(listing) {
            true => "LISTING_OFFER_ONLY",
            false => "LISTING",
        },
        attributes,
    })
}

fn patch(op: &'static str, attribute: &str, value: Value) -> PatchOperation {
    PatchOperation {
        op,
        path: format!("/attributes/{attribute}"),
        value,
    }
}

/// New content, attribute by attribute. Price and stock stay as they are.
pub fn update(account: &Account, listing: &Listing) -> Patch {
    Patch {
        product_type: product_type(account, listing),
        patches: content(account, listing)
            .into_iter()
            .map(|(name, value)| patch("replace", &name, value))
            .collect(),
    }
}

/// `merge` keeps what else the seller set for this warehouse, the handling time above all.
pub fn stock(account: &Account, quantity: u64) -> Result<Patch, Vec<Issue>> {
    if account.is_fulfilled_by_amazon() {
        let message = format!(
            "Amazon counts the stock of `{}` itself, so it cannot be set",
            account.fulfillment_channel
        );
        let issue = Issue::error("fulfilled_by_amazon", message)
            .field("quantity")
            .hint("set `fulfillment_channel = \"DEFAULT\"` to sell from your own warehouse");
        return Err(vec![issue]);
    }
    let value = availability(account, quantity);
    Ok(Patch {
        product_type: ANY_TYPE.into(),
        patches: vec![patch("merge", "fulfillment_availability", value)],
    })
}

/// `merge` keeps the bounds and sales that the seller set by hand.
pub fn price(account: &Account, change: &PriceChange) -> Result<Patch, Vec<Issue>> {
    let list_price = match change.compare_at {
        Some(price) => patch("replace", "list_price", list_price(account, price)?),
        None => patch(
            "delete",
            "list_price",
            json!([{
                "marketplace_id": account.marketplace_id,
                "currency": account.currency.code(),
            }]),
        ),
    };
    let offer = offer(account, change.price)?;
    Ok(Patch {
        product_type: ANY_TYPE.into(),
        patches: vec![patch("merge", "purchasable_offer", offer), list_price],
    })
}

#[cfg(test)]
mod tests {
    use super::super::content::SUGGESTED_ASIN;
    use super::*;
    use crate::connectors::amazon::tests::{account, listing};
    use rust_decimal::Decimal;

    fn euro(text: &str) -> Money {
        Money::new(text.parse().unwrap(), iso_currency::Currency::EUR)
    }

    #[test]
    fn a_number_prints_as_the_price() {
        for text in ["0.01", "19.99", "0.1", "1234567.89", "30", "99999999999.99"] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(number(decimal).unwrap().to_string(), text);
        }
        assert_eq!(number("5.00".parse().unwrap()).unwrap().to_string(), "5");
        let long = "123456789012345678.99".parse().unwrap();
        assert_eq!(number(long), None);
    }

    #[test]
    fn a_creation_carries_price_and_stock_and_an_update_does_not() {
        let listing = Listing {
            compare_at: Some(euro("25")),
            ..listing("A")
        };
        let put = creation(&account(), &listing).unwrap();
        assert_eq!(put.requirements, "LISTING");
        let offer = &put.attributes["purchasable_offer"][0];
        assert_eq!(
            offer["our_price"][0]["schedule"][0]["value_with_tax"],
            19.99
        );
        assert_eq!(put.attributes["list_price"][0]["value_with_tax"], 25);
        assert_eq!(put.attributes["fulfillment_availability"][0]["quantity"], 7);
        assert_eq!(
            put.attributes["externally_assigned_product_identifier"][0]["type"],
            "ean"
        );
        let paths: Vec<_> = update(&account(), &listing)
            .patches
            .into_iter()
            .map(|patch| patch.path)
            .collect();
        assert!(paths.contains(&"/attributes/item_name".to_owned()));
        for offer in [
            "purchasable_offer",
            "fulfillment_availability",
            "list_price",
        ] {
            assert!(!paths.contains(&format!("/attributes/{offer}")), "{offer}");
        }
    }

    #[test]
    fn a_blank_quantity_is_not_zero() {
        let listing = Listing {
            quantity: None,
            ..listing("A")
        };
        let put = creation(&account(), &listing).unwrap();
        assert!(!put.attributes.contains_key("fulfillment_availability"));
    }

    #[test]
    fn a_variant_names_its_parent_and_a_parent_is_not_sold() {
        let variant = Listing {
            kind: ItemKind::Variant,
            parent_sku: Some("P".into()),
            options: vec![
                ("Size".into(), "M".into()),
                ("Main color".into(), "red".into()),
            ],
            ..listing("P-M")
        };
        let put = creation(&account(), &variant).unwrap();
        assert_eq!(
            put.attributes["variation_theme"][0]["name"],
            "SIZE/MAIN_COLOR"
        );
        assert_eq!(put.attributes["main_color"][0]["value"], "red");
        let relationship = &put.attributes["child_parent_sku_relationship"][0];
        assert_eq!(relationship["parent_sku"], "P");
        let parent = Listing {
            kind: ItemKind::Parent,
            ..listing("P")
        };
        let put = creation(&account(), &parent).unwrap();
        assert_eq!(put.attributes["parentage_level"][0]["value"], "parent");
        for sold in [
            "purchasable_offer",
            "fulfillment_availability",
            "condition_type",
        ] {
            assert!(!put.attributes.contains_key(sold), "{sold}");
        }
    }

    #[test]
    fn the_sellers_own_attributes_keep_their_type() {
        let mut listing = listing("A");
        for (name, text) in [
            ("number_of_items", "4"),
            ("batteries_required", "false"),
            ("model_number", "42"),
            ("bullet_point", "light | strong"),
            (
                "unit_count",
                r#"[{"value": 3, "type": {"value": "count"}}]"#,
            ),
            ("serial", "007"),
            ("purchasable_offer", r#"[{"our_price": []}]"#),
        ] {
            listing.attributes.insert(name.into(), text.into());
        }
        let update = update(&account(), &listing);
        let is_offer = |patch: &PatchOperation| patch.path.ends_with("purchasable_offer");
        assert!(!update.patches.iter().any(is_offer));
        let attributes = creation(&account(), &listing).unwrap().attributes;
        assert_eq!(attributes["number_of_items"][0]["value"], 4);
        assert_eq!(attributes["batteries_required"][0]["value"], false);
        assert_eq!(attributes["model_number"][0]["value"], "42");
        assert_eq!(attributes["bullet_point"][1]["value"], "strong");
        assert_eq!(attributes["bullet_point"][1]["language_tag"], "de_DE");
        assert_eq!(attributes["unit_count"][0]["type"]["value"], "count");
        assert_eq!(attributes["serial"][0]["value"], "007");
    }

    #[test]
    fn a_category_of_the_sellers_own_is_no_product_type() {
        let mut listing = listing("A");
        for (category, product_type) in [
            ("LUGGAGE", "LUGGAGE"),
            ("SHIRT_2", "SHIRT_2"),
            ("Home > Lamps", "PRODUCT"),
            ("Luggage", "PRODUCT"),
            ("", "PRODUCT"),
        ] {
            listing.category = Some(category.into());
            let put = creation(&account(), &listing).unwrap();
            assert_eq!(put.product_type, product_type, "{category}");
        }
    }

    #[test]
    fn an_offer_on_a_known_product_sends_no_product_facts() {
        let mut listing = listing("A");
        listing.category = None;
        listing
            .attributes
            .insert(SUGGESTED_ASIN.into(), "B000000001".into());
        let put = creation(&account(), &listing).unwrap();
        assert_eq!(put.requirements, "LISTING_OFFER_ONLY");
        assert_eq!(put.product_type, "PRODUCT");
        assert!(!put.attributes.contains_key("item_name"));
        assert!(put.attributes.contains_key("purchasable_offer"));
    }

    #[test]
    fn a_price_in_another_currency_is_refused_before_it_is_sent() {
        let change = PriceChange {
            sku: "A".into(),
            listing_ref: "A".into(),
            price: Money::new(Decimal::ONE, iso_currency::Currency::USD),
            compare_at: None,
        };
        let issues = price(&account(), &change).unwrap_err();
        assert_eq!(issues[0].field.as_deref(), Some("price"));
        assert!(issues[0].message.contains("EUR"));
    }

    #[test]
    fn the_stock_of_amazons_warehouse_is_never_sent() {
        let account = Account {
            fulfillment_channel: "AMAZON_EU".into(),
            ..account()
        };
        assert!(stock(&account, 3).is_err());
        let put = creation(&account, &listing("A")).unwrap();
        let availability = &put.attributes["fulfillment_availability"][0];
        assert_eq!(availability["fulfillment_channel_code"], "AMAZON_EU");
        assert_eq!(availability.get("quantity"), None);
    }
}
