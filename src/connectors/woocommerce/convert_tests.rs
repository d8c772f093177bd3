//! Tests of [`convert`](super).

use serde_json::from_value;

use super::*;
use crate::connectors::woocommerce::fixtures::{euros, parent, single, units, variant};

fn product(document: Value) -> Product {
    from_value(document).unwrap()
}

#[test]
fn a_place_goes_there_and_back() {
    for text in ["22", "22/31"] {
        let place = Place::parse(&text.into()).unwrap();
        assert_eq!(place.listing_ref().as_str(), text);
    }
    assert_eq!(Place::parse(&"22/31".into()).unwrap().id(), 31);
    for text in ["", "x", "22/", "22/x"] {
        assert_eq!(Place::parse(&text.into()), None, "{text}");
    }
}

#[test]
fn an_update_of_content_carries_neither_price_nor_stock() {
    let mut mug = single("MUG-1");
    mug.tags = vec!["gift".to_owned()];
    mug.length = Some(Measure {
        value: 2.into(),
        unit: "in".to_owned(),
    });
    let document = content(&mug, &units());
    for key in [
        "regular_price",
        "sale_price",
        "price",
        "stock_quantity",
        "manage_stock",
        "sku",
    ] {
        assert!(!document.contains_key(key), "{key}");
    }
    assert_eq!(document["weight"], "0.35");
    assert_eq!(document["dimensions"], json!({"length": "5.08"}));
    assert_eq!(document["description"], "Holds coffee & tea");
    assert_eq!(document["tags"], json!([{"name": "gift"}]));
}

#[test]
fn prices_are_texts_and_a_struck_price_is_the_regular_one() {
    let mut mug = single("MUG-1");
    let document = creation(&mug);
    assert_eq!(document["regular_price"], "9.50");
    assert_eq!(document["sale_price"], "");
    assert_eq!(document["stock_quantity"], 12);
    assert_eq!(document["manage_stock"], true);
    mug.compare_at = Some(euros("12"));
    let document = creation(&mug);
    assert_eq!(document["regular_price"], "12.00");
    assert_eq!(document["sale_price"], "9.50");
    // The shop would empty a sale price that is not below the regular one.
    mug.compare_at = Some(euros("9.50"));
    assert_eq!(creation(&mug)["sale_price"], "");
}

#[test]
fn an_unstated_quantity_leaves_the_stock_alone() {
    let mut mug = single("MUG-1");
    mug.quantity = None;
    let document = creation(&mug);
    assert!(!document.contains_key("manage_stock"));
    assert!(!document.contains_key("stock_quantity"));
}

#[test]
fn axes_come_first_and_win_over_an_attribute_of_their_name() {
    let mut shirt = parent("TEE", &["S", "M"]);
    shirt.attributes.insert("Fabric".into(), "Cotton".into());
    shirt.attributes.insert("size".into(), "all".into());
    let document = content(&shirt, &units());
    let names: Vec<_> = document["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attribute| {
            (
                attribute["name"].as_str().unwrap(),
                attribute["variation"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(names, [("Size", true), ("Fabric", false), ("Brand", false)]);
    assert_eq!(document["attributes"][0]["options"], json!(["S", "M"]));
    assert_eq!(creation(&shirt)["type"], "variable");
    assert!(!creation(&shirt).contains_key("regular_price"));
}

#[test]
fn a_variant_has_its_options_and_no_name() {
    let document = content(&variant("TEE-S", "TEE", "S"), &units());
    assert!(!document.contains_key("name"));
    assert_eq!(
        document["attributes"],
        json!([{"name": "Size", "option": "S"}])
    );
}

#[test]
fn pictures_that_the_shop_has_are_not_sent_again() {
    let mut mug = single("MUG-1");
    assert_eq!(images(&mug, None), None);
    mug.images = vec![
        "https://x.example/a.jpg".into(),
        "https://x.example/b.jpg".into(),
    ];
    let new = images(&mug, None).unwrap();
    assert_eq!(new["images"][1], json!({"src": "https://x.example/b.jpg"}));
    let memory = new["meta_data"].clone();
    let live = product(json!({
        "id": 5,
        "images": [{"id": 70, "src": "https://shop.example/a.jpg"}, {"id": 71, "src": "https://shop.example/b.jpg"}],
        "meta_data": memory,
    }));
    assert_eq!(images(&mug, Some(&live)), None);
    mug.images.swap(0, 1);
    mug.images.push("https://x.example/c.jpg".into());
    let changed = images(&mug, Some(&live)).unwrap();
    assert_eq!(
        changed["images"],
        json!([{"id": 71}, {"id": 70}, {"src": "https://x.example/c.jpg"}])
    );
    // A picture that was removed in the shop: its memory no longer says which is which.
    let mut fewer = live.clone();
    fewer.images.pop();
    let again = images(&mug, Some(&fewer)).unwrap();
    assert_eq!(
        again["images"][0],
        json!({"src": "https://x.example/b.jpg"})
    );
}

#[test]
fn a_variant_sends_its_first_picture() {
    let mut shirt = variant("TEE-S", "TEE", "S");
    shirt.images = vec![
        "https://x.example/a.jpg".into(),
        "https://x.example/b.jpg".into(),
    ];
    let document = images(&shirt, None).unwrap();
    assert_eq!(document["image"], json!({"src": "https://x.example/a.jpg"}));
    assert!(!document.contains_key("images"));
}

#[test]
fn what_the_shop_stored_differently_is_reported() {
    let sent = creation(&single("MUG-1"));
    let same =
        product(json!({"id": 5, "regular_price": "9.5", "sale_price": "", "stock_quantity": 12}));
    assert!(changed_by_store(&sent, &same).is_empty());
    let other =
        product(json!({"id": 5, "regular_price": "950", "sale_price": "", "stock_quantity": null}));
    let fields: Vec<_> = changed_by_store(&sent, &other)
        .into_iter()
        .map(|issue| (issue.code, issue.field.unwrap()))
        .collect();
    let code = || "woocommerce:changed_by_store".to_owned();
    assert_eq!(
        fields,
        [(code(), "price".into()), (code(), "quantity".into())]
    );
}

fn live(document: Value, parent_sku: Option<&str>) -> Option<ChannelListing> {
    let place = Place {
        product: 22,
        variation: None,
    };
    channel_listing(&product(document), place, &units(), parent_sku)
}

#[test]
fn the_price_in_force_is_read() {
    let mug = live(
        json!({"id": 22, "sku": "A&amp;B", "name": "Tom &amp; Jerry", "status": "publish", "type": "simple",
            "price": "8", "regular_price": "9.5", "sale_price": "8", "on_sale": true,
            "manage_stock": true, "stock_quantity": -2}),
        None,
    )
    .unwrap();
    assert_eq!(mug.sku.as_str(), "A&B");
    assert_eq!(mug.title.as_deref(), Some("Tom & Jerry"));
    assert_eq!(mug.price, Some(euros("8")));
    assert_eq!(mug.compare_at, Some(euros("9.5")));
    assert_eq!(mug.quantity, Some(0));
    assert!(mug.live);
    // A sale that has not begun yet.
    let later = live(
        json!({"id": 22, "sku": "A", "status": "draft", "price": "9.5", "regular_price": "9.5",
            "sale_price": "8", "on_sale": false, "manage_stock": "parent", "stock_quantity": 4}),
        None,
    )
    .unwrap();
    assert_eq!((later.price, later.compare_at), (Some(euros("9.5")), None));
    assert_eq!(later.quantity, None);
    assert!(!later.live);
}

#[test]
fn a_sku_that_is_the_parents_is_no_sku() {
    assert!(live(json!({"id": 22, "sku": "tee"}), Some("TEE")).is_none());
    assert!(live(json!({"id": 22, "sku": ""}), None).is_none());
}
