use super::*;
use crate::connectors::shopify::fixtures::{facts, parent, single, variant};
use crate::domain::change::Action;
use crate::domain::ids::ListingRef;

fn change(action: Action, listing_ref: Option<&str>, listing: Listing) -> ListingChange {
    ListingChange {
        action,
        listing_ref: listing_ref.map(ListingRef::from),
        parent_ref: None,
        listing,
    }
}

fn created(listing: Listing) -> ListingChange {
    change(Action::Create, None, listing)
}

fn updated(listing_ref: &str, mut listing: Listing) -> ListingChange {
    (listing.price, listing.quantity) = (None, None);
    change(Action::Update, Some(listing_ref), listing)
}

fn under(parent: &str, change: ListingChange) -> ListingChange {
    ListingChange {
        parent_ref: Some(parent.into()),
        ..change
    }
}

fn only(items: &[ListingChange]) -> Family<'_> {
    let (mut families, settled) = families(items);
    assert!(settled.is_empty());
    assert_eq!(families.len(), 1);
    families.remove(0)
}

/// A shirt with sizes S and M, and a cap of size M that nobody has stated.
fn live() -> Product {
    let variant = |id: u64, sku: &str, size: &str| {
        json!({"id": format!("gid://shopify/ProductVariant/{id}"), "sku": sku, "publishedOnPublication": true,
            "selectedOptions": [{"name": "Size", "value": size}],
            "inventoryItem": {"id": format!("gid://shopify/InventoryItem/{id}0"), "tracked": true,
                "inventoryLevel": {"quantities": []}}})
    };
    serde_json::from_value(json!({"id": "gid://shopify/Product/1", "status": "ACTIVE", "handle": "tee",
        "publishedOnPublication": true, "parentSku": {"value": "TEE"},
        "options": [{"name": "Size", "optionValues": [{"name": "S"}, {"name": "M"}, {"name": "XS"}]}],
        "variants": {"nodes": [variant(2, "TEE-S", "S"), variant(3, "TEE-M", "M"), variant(4, "FOREIGN", "XS")]}}))
    .unwrap()
}

fn input<'d>(draft: &'d Draft<'_>) -> &'d Value {
    &draft.variables["input"]
}

fn refused_with(settled: &[ItemOutcome], sku: &str) -> String {
    let one = settled.iter().find(|one| one.key.as_str() == sku).unwrap();
    match &one.outcome {
        Outcome::Rejected(issues) => issues[0].code.clone(),
        Outcome::Failed(error) => error.message.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_are_brought_together_by_their_product() {
    let items = [
        under("1", created(variant("TEE-L", "TEE", "L"))),
        updated("9/8/7", single("MUG")),
        updated("1", parent("TEE", &["S", "L"])),
        updated("5/6/7", variant("TEE-X", "TEE", "X")),
        updated("nonsense", single("CUP")),
    ];
    let (families, settled) = families(&items);
    let seen: Vec<_> = families
        .iter()
        .map(|family| {
            let skus = family.rows.iter().map(|row| row.listing.sku.as_str());
            (family.product, skus.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Some(1), vec!["TEE", "TEE-L"]),
            (Some(5), vec!["TEE-X"]),
            (Some(9), vec!["MUG"]),
        ]
    );
    assert_eq!(refused_with(&settled, "CUP"), "listing_ref_unreadable");
}

#[test]
fn a_parent_that_is_new_takes_the_product_of_its_variants() {
    let items = [
        created(parent("TEE", &["S"])),
        updated("1/2/20", variant("TEE-S", "TEE", "S")),
    ];
    let family = only(&items);
    assert_eq!(family.product, Some(1));
    let draft = update(
        &facts(),
        &family,
        &Product {
            parent_sku: None,
            ..live()
        },
    )
    .unwrap();
    assert_eq!(draft.parent_sku, Some("TEE".into()));
}

#[test]
fn a_new_product_is_known_by_its_sku() {
    let items = [
        created(parent("TEE", &["M", "S"])),
        created(variant("TEE-S", "TEE", "S")),
        created(variant("TEE-M", "TEE", "M")),
        created(variant("TEE-M2", "TEE", "M")),
    ];
    let draft = create(&facts(), &only(&items)).unwrap();
    assert_eq!(refused_with(&draft.settled, "TEE-M2"), "options_doubled");
    assert_eq!(
        draft.variables["identifier"],
        json!({"customId": {"namespace": "$app", "key": "sku", "value": "TEE"}})
    );
    let input = input(&draft);
    assert_eq!(
        input["metafields"],
        json!([{"namespace": "$app", "key": "sku", "type": "id", "value": "TEE"}])
    );
    assert_eq!(
        input["productOptions"],
        json!([{"name": "Size", "position": 1, "values": [{"name": "M"}, {"name": "S"}]}])
    );
    assert_eq!(input["variants"][1]["price"], "9.50");
    assert_eq!(draft.variables["variants"], 2);
    let skus: Vec<_> = draft.skus().map(Sku::as_str).collect();
    assert_eq!(skus, ["TEE", "TEE-S", "TEE-M"]);
}

#[test]
fn a_product_without_variants_is_not_made() {
    let lone = [created(parent("TEE", &["S"]))];
    let settled = create(&facts(), &only(&lone)).unwrap_err();
    assert!(refused_with(&settled, "TEE").contains("none of its variants"));
    let orphan = [created(variant("TEE-S", "TEE", "S"))];
    let settled = create(&facts(), &only(&orphan)).unwrap_err();
    assert_eq!(refused_with(&settled, "TEE-S"), "parent_missing");
}

#[test]
fn what_is_not_in_the_batch_stays_as_it_is() {
    let items = [
        updated("1/2/20", variant("TEE-S", "TEE", "S")),
        under("1", created(variant("TEE-L", "TEE", "L"))),
    ];
    let draft = update(&facts(), &only(&items), &live()).unwrap();
    let input = input(&draft);
    let variants = input["variants"].as_array().unwrap();
    let ids: Vec<_> = variants
        .iter()
        .map(|one| one["id"].as_str().unwrap_or("new"))
        .collect();
    assert_eq!(
        ids,
        [
            "gid://shopify/ProductVariant/2",
            "gid://shopify/ProductVariant/3",
            "gid://shopify/ProductVariant/4",
            "new"
        ]
    );
    assert!(
        variants[0].get("price").is_none(),
        "an update carries no price"
    );
    assert_eq!(
        variants[1].as_object().unwrap().len(),
        2,
        "id and options: {}",
        variants[1]
    );
    assert_eq!(variants[3]["price"], "9.50");
    assert_eq!(
        input["productOptions"][0]["values"],
        json!([{"name": "S"}, {"name": "M"}, {"name": "XS"}, {"name": "L"}])
    );
    for absent in ["metafields", "files", "title", "status"] {
        assert!(input.get(absent).is_none(), "{absent}");
    }
    assert_eq!(
        draft.places[&Sku::from("TEE-S")],
        Place::of_variant(1, 2, 20)
    );
}

#[test]
fn content_of_the_parent_alone_sends_no_list() {
    let items = [updated("1", parent("TEE", &["S", "M"]))];
    let draft = update(&facts(), &only(&items), &live()).unwrap();
    let keys: Vec<_> = input(&draft).as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["title", "descriptionHtml", "vendor"]);
    assert_eq!(draft.parent_sku, None, "it is known by it already");
}

#[test]
fn an_answer_that_was_lost_makes_no_variant_twice() {
    let items = [under("1", created(variant("TEE-M", "TEE", "M")))];
    let draft = update(&facts(), &only(&items), &live()).unwrap();
    assert_eq!(input(&draft)["variants"].as_array().unwrap().len(), 3);
    assert_eq!(input(&draft)["variants"][1]["price"], "9.50");
}

#[test]
fn a_variant_that_comes_back_is_shown_and_stocked_again() {
    let mut shop = live();
    shop.status = "DRAFT".into();
    shop.variants.nodes[0].published_on_publication = false;
    shop.variants.nodes[0].inventory_item.inventory_level = None;
    let items = [change(
        Action::Create,
        Some("1/2/20"),
        variant("TEE-S", "TEE", "S"),
    )];
    let draft = update(&facts(), &only(&items), &shop).unwrap();
    assert_eq!(input(&draft)["status"], "ACTIVE");
    assert_eq!(draft.unpublished, ["gid://shopify/ProductVariant/2"]);
    assert_eq!(draft.unstocked, [(20, 12)]);
    assert!(
        input(&draft)["variants"][0]
            .get("inventoryQuantities")
            .is_none()
    );
}

#[test]
fn rows_that_do_not_fit_the_product_are_named_and_the_rest_goes() {
    let mut red = variant("TEE-RED", "TEE", "S");
    red.options = vec![("Color".into(), "red".into())];
    let items = [
        under("1", created(red)),
        under("1", created(variant("TEE-XS", "TEE", "XS"))),
        updated("1/99/990", variant("TEE-GONE", "TEE", "G")),
        updated("1/2/20", variant("TEE-S", "TEE", "S")),
    ];
    let draft = update(&facts(), &only(&items), &live()).unwrap();
    assert_eq!(refused_with(&draft.settled, "TEE-RED"), "options_differ");
    assert_eq!(refused_with(&draft.settled, "TEE-XS"), "options_doubled");
    assert!(refused_with(&draft.settled, "TEE-GONE").contains("deleted"));
    assert_eq!(draft.skus().map(Sku::as_str).collect::<Vec<_>>(), ["TEE-S"]);
    assert_eq!(input(&draft)["variants"].as_array().unwrap().len(), 3);
}

#[test]
fn the_stand_in_of_a_product_without_variants_makes_room() {
    let shop: Product = serde_json::from_value(json!({"id": "gid://shopify/Product/1", "status": "ACTIVE",
        "hasOnlyDefaultVariant": true, "options": [{"name": "Title", "optionValues": [{"name": "Default Title"}]}],
        "variants": {"nodes": [{"id": "gid://shopify/ProductVariant/2", "sku": "",
            "selectedOptions": [{"name": "Title", "value": "Default Title"}]}]}}))
    .unwrap();
    let items = [under("1", created(variant("TEE-S", "TEE", "S")))];
    let draft = update(&facts(), &only(&items), &shop).unwrap();
    assert_eq!(input(&draft)["variants"].as_array().unwrap().len(), 1);
    assert_eq!(input(&draft)["productOptions"][0]["name"], "Size");
}

#[test]
fn a_single_carries_product_and_variant() {
    let shop: Product =
        serde_json::from_value(json!({"id": "gid://shopify/Product/1", "status": "ACTIVE",
        "variants": {"nodes": [{"id": "gid://shopify/ProductVariant/2", "sku": "MUG",
            "inventoryItem": {"id": "gid://shopify/InventoryItem/3"},
            "selectedOptions": [{"name": "Title", "value": "Default Title"}]}]}}))
        .unwrap();
    let items = [updated("1/2/3", single("MUG"))];
    let draft = update(&facts(), &only(&items), &shop).unwrap();
    let input = input(&draft);
    assert_eq!(input["title"], "Mug MUG");
    assert_eq!(
        input["variants"],
        json!([{"id": "gid://shopify/ProductVariant/2", "sku": "MUG",
            "inventoryItem": {"measurement": {"weight": {"value": 350.0, "unit": "GRAMS"}}},
            "optionValues": [{"optionName": "Title", "name": "Default Title"}]}])
    );
}

#[test]
fn one_refusal_holds_back_one_row() {
    let items = [
        created(parent("TEE", &["S", "M"])),
        created(variant("TEE-S", "TEE", "S")),
        created(variant("TEE-M", "TEE", "M")),
    ];
    let draft = create(&facts(), &only(&items)).unwrap();
    let error = UserError {
        field: Some(
            ["input", "variants", "1", "optionValues", "0"]
                .map(String::from)
                .into(),
        ),
        message: "No.".into(),
        code: Some("INVALID_VARIANT".into()),
    };
    let outcomes = draft.refused(&[error]);
    let Outcome::Rejected(issues) = &outcomes[2].outcome else {
        panic!("{outcomes:?}");
    };
    assert_eq!(issues[0].field.as_deref(), Some("option:Size"));
    for one in &outcomes[..2] {
        assert!(matches!(&one.outcome, Outcome::Failed(error) if error.is_temporary()));
    }
}
