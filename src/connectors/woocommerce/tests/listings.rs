//! Listings, their prices and stock, and what goes wrong with them.

use super::super::fixtures::{euros, parent, single, variant};
use super::super::sandbox::READ_ONLY_KEY;
use super::*;
use crate::domain::change::Action;
use crate::sandbox::Profile;

#[tokio::test]
async fn a_product_lives_from_creation_to_its_end() {
    let shop = Shop::open().await;
    assert_eq!(shop.connector.check().await.unwrap().name, "127.0.0.1");
    let mut mug = single("MUG-1");
    mug.title = Some("Tom & Jerry".to_owned());
    mug.category = Some("Kitchen & Bar > Mugs".to_owned());
    mug.tags = vec!["gift".to_owned()];
    mug.images = vec!["https://pictures.example/mug.jpg".to_owned()];
    let listing_ref = shop.create(mug.clone()).await;

    let live = &shop.find(&["mug-1", "MUG-2"]).await[0];
    assert_eq!(live.sku.as_str(), "mug-1", "the sku comes back as asked");
    assert_eq!(live.listing_ref, listing_ref);
    assert_eq!(live.title.as_deref(), Some("Tom & Jerry"));
    assert_eq!(live.price, Some(euros("9.5")));
    assert_eq!(live.quantity, Some(12));
    let content = shop.content("MUG-1");
    assert_eq!(content["categories"][0]["name"], "Mugs");
    assert_eq!(content["tags"][0]["name"], "gift");
    let picture = content["images"][0]["id"].clone();

    let price = PriceChange {
        sku: "MUG-1".into(),
        listing_ref: listing_ref.clone(),
        price: euros("8"),
        compare_at: Some(euros("9.50")),
    };
    assert!(is_applied(&shop.prices(&[price]).await[0]));
    let stock = StockChange {
        sku: "MUG-1".into(),
        listing_ref: listing_ref.clone(),
        quantity: 0,
        confirmed: None,
    };
    assert!(is_applied(&shop.stock(&[stock]).await.unwrap()[0]));
    let live = &shop.find(&["MUG-1"]).await[0];
    assert_eq!(
        (live.price, live.compare_at),
        (Some(euros("8.00")), Some(euros("9.50")))
    );
    assert_eq!(live.quantity, Some(0));

    mug.title = Some("Another mug".to_owned());
    mug.price = Some(euros("1"));
    mug.images
        .push("https://pictures.example/back.jpg".to_owned());
    let update = ListingChange {
        action: Action::Update,
        listing_ref: Some(listing_ref.clone()),
        parent_ref: None,
        listing: mug.clone(),
    };
    assert!(is_applied(&shop.push(&[update]).await[0]));
    let content = shop.content("MUG-1");
    assert_eq!(content["name"], "Another mug");
    assert_eq!(content["sale_price"], "8.00", "content carries no price");
    assert_eq!(content["images"][0]["id"], picture, "not uploaded again");
    assert_eq!(content["images"].as_array().unwrap().len(), 2);

    let end = EndChange {
        sku: "MUG-1".into(),
        listing_ref,
    };
    assert!(is_applied(&shop.end(std::slice::from_ref(&end)).await[0]));
    assert!(!shop.find(&["MUG-1"]).await[0].live);
    let gone = EndChange {
        listing_ref: "9999".into(),
        ..end
    };
    assert!(is_applied(&shop.end(&[gone]).await[0]), "gone is ended");
}

#[tokio::test]
async fn variants_live_under_their_parent() {
    let shop = Shop::open().await;
    let tee = shop.create(parent("TEE", &["S", "M"])).await;
    let variants = [
        create(variant("TEE-S", "TEE", "S"), Some(&tee)),
        create(variant("TEE-M", "TEE", "M"), Some(&tee)),
    ];
    let refs: Vec<_> = shop
        .push(&variants)
        .await
        .into_iter()
        .map(created)
        .collect();
    assert!(refs[0].as_str().starts_with(&format!("{tee}/")));
    let found = shop.find(&["TEE-M", "TEE", "TEE-S"]).await;
    let found: Vec<_> = found
        .iter()
        .map(|listing| {
            (
                listing.sku.as_str(),
                &listing.listing_ref,
                &listing.parent_ref,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("TEE-M", &refs[1], &Some(tee.clone())),
            ("TEE", &tee, &None),
            ("TEE-S", &refs[0], &Some(tee.clone())),
        ]
    );
    // A mixed batch is split by parent, though the limits ask for less.
    let mug = shop.create(single("MUG-1")).await;
    let stock = |sku: &str, listing_ref: &ListingRef| StockChange {
        sku: sku.into(),
        listing_ref: listing_ref.clone(),
        quantity: 3,
        confirmed: None,
    };
    let mixed = [
        stock("TEE-S", &refs[0]),
        stock("MUG-1", &mug),
        stock("TEE-M", &refs[1]),
    ];
    assert!(shop.stock(&mixed).await.unwrap().iter().all(is_applied));
    for sku in ["TEE-S", "MUG-1", "TEE-M"] {
        assert_eq!(shop.quantity(sku), Some(3), "{sku}");
    }
    let orphan = create(variant("TEE-L", "TEE", "L"), None);
    assert_eq!(
        rejected(&shop.push(&[orphan]).await[0]).code,
        "parent_missing"
    );
}

#[tokio::test]
async fn every_page_of_products_and_variations_is_read() {
    let shop = Shop::open().await;
    let mut expected: Vec<String> = Vec::new();
    let tee = shop.create(parent("TEE", &["S", "M"])).await;
    expected.push("TEE".to_owned());
    for start in [0, 100] {
        let products: Vec<_> = (start..start + 100)
            .map(|number| create(single(&format!("MUG-{number:03}")), None))
            .collect();
        let variants: Vec<_> = (start..start + 60)
            .map(|number| create(variant(&format!("TEE-{number:03}"), "TEE", "S"), Some(&tee)))
            .collect();
        for changes in [products, variants] {
            expected.extend(changes.iter().map(|change| change.listing.sku.to_string()));
            assert!(shop.push(&changes).await.iter().all(is_applied));
        }
    }
    let (all, pages) = shop.listings().await.unwrap();
    let mut skus: Vec<_> = all.iter().map(|listing| listing.sku.to_string()).collect();
    skus.sort();
    expected.sort();
    assert_eq!(skus, expected);
    // Three of products (201), two of variations (120).
    assert_eq!(pages, 5);
    let parent_of = |sku: &str| {
        let listing = all.iter().find(|listing| listing.sku.as_str() == sku);
        listing.unwrap().parent_ref.clone()
    };
    assert_eq!(parent_of("TEE-101"), Some(tee));
    assert_eq!(parent_of("MUG-101"), None);
}

#[tokio::test]
async fn a_repeated_page_is_an_error() {
    let shop = Shop::open().await;
    shop.create(single("MUG-1")).await;
    shop.running.set_faults(Profile::named("looping").unwrap());
    let error = shop.listings().await.unwrap_err();
    assert!(error.message.contains("repeats a page"), "{error}");
}

#[tokio::test]
async fn rows_fail_one_by_one() {
    let shop = Shop::open().await;
    let owner = shop.create(single("MUG-1")).await;
    let mut bad_picture = single("MUG-3");
    bad_picture.images = vec!["https://nowhere.invalid/a.jpg".to_owned()];
    let changes = [
        create(single("mug-1"), None),
        create(single("MUG-2"), None),
        create(bad_picture, None),
    ];
    let outcomes = shop.push(&changes).await;
    let taken = rejected(&outcomes[0]);
    assert_eq!(taken.code, "woocommerce:product_invalid_sku");
    assert!(taken.hint.as_ref().unwrap().contains(owner.as_str()));
    assert!(is_applied(&outcomes[1]));
    let picture = rejected(&outcomes[2]);
    assert_eq!(
        picture.code,
        "woocommerce:woocommerce_product_image_upload_error"
    );
    assert_eq!(picture.field.as_deref(), Some("images"));
    assert!(shop.find(&["MUG-3"]).await.is_empty());

    shop.running.set_faults(Profile {
        refused_skus: vec!["MUG-2".to_owned()],
        ..Profile::default()
    });
    let gone = StockChange {
        sku: "MUG-9".into(),
        listing_ref: "9999".into(),
        quantity: 1,
        confirmed: None,
    };
    let refused = StockChange {
        sku: "MUG-2".into(),
        listing_ref: created(outcomes.into_iter().nth(1).unwrap()),
        quantity: 1,
        confirmed: None,
    };
    let outcomes = shop.stock(&[gone, refused]).await.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Failed(error) if error.kind == ErrorKind::NotFound));
    assert_eq!(
        rejected(&outcomes[1]).code,
        "woocommerce:rest_invalid_param"
    );
}

#[tokio::test]
async fn trouble_of_the_shop_is_told_by_its_kind() {
    let shop = Shop::open().await;
    let mug = shop.create(single("MUG-1")).await;
    let stock = |quantity| StockChange {
        sku: "MUG-1".into(),
        listing_ref: mug.clone(),
        quantity,
        confirmed: None,
    };
    shop.running.set_faults(Profile {
        partial_batch: 1.0,
        ..Profile::default()
    });
    let outcomes = shop.stock(&[stock(5)]).await.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Failed(error) if error.is_temporary()));
    assert_eq!(shop.quantity("MUG-1"), Some(12));

    // Throttled once: the wait that the host asks for is kept, and then the change is there.
    shop.running.set_faults(Profile {
        throttle: 1.0,
        most: 1,
        ..Profile::default()
    });
    assert!(is_applied(&shop.stock(&[stock(6)]).await.unwrap()[0]));
    assert_eq!(shop.quantity("MUG-1"), Some(6));

    // A creation whose answer is lost is not sent again.
    shop.running.set_faults(Profile {
        lost_answer: 1.0,
        writes_only: true,
        ..Profile::default()
    });
    let outcomes = shop.push(&[create(single("MUG-2"), None)]).await;
    assert!(matches!(&outcomes[0], Outcome::Unknown(error) if error.in_doubt));
    shop.running.set_faults(Profile::default());
    assert_eq!(shop.find(&["MUG-2"]).await.len(), 1);
    let state = shop.running.with(|shop| shop.state());
    assert_eq!(state.created["MUG-2"], 1);

    // A read that fails changed nothing, even in the middle of a push.
    shop.running.set_faults(Profile {
        server_error: 1.0,
        ..Profile::default()
    });
    let mut mug_with_picture = single("MUG-1");
    mug_with_picture.images = vec!["https://pictures.example/mug.jpg".to_owned()];
    let update = ListingChange {
        action: Action::Update,
        listing_ref: Some(mug.clone()),
        parent_ref: None,
        listing: mug_with_picture,
    };
    let batch = Batch {
        items: &[update],
        route: Route::Direct,
        key: &IdempotencyKey::new("k"),
        dry_run: false,
    };
    let error = shop.connector.push_listings(batch).await.unwrap_err();
    assert!(error.is_temporary() && !error.in_doubt, "{error:?}");

    // Answered as if done, and not done: reading back tells.
    shop.running.set_faults(Profile {
        ignored: 1.0,
        ..Profile::default()
    });
    assert!(is_applied(&shop.stock(&[stock(1)]).await.unwrap()[0]));
    assert_eq!(shop.find(&["MUG-1"]).await[0].quantity, Some(6));
}

#[tokio::test]
async fn keys_that_do_not_fit_are_told_apart() {
    let shop = Shop::open().await;
    let wrong = connect(&shop.running, Some("ck_wrong"));
    let error = wrong.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(error.hints.iter().any(|hint| hint.contains("consumer_key")));
    assert!(!format!("{error:?}").contains("ck_wrong"));

    let read_only = Shop {
        connector: connect(&shop.running, Some(READ_ONLY_KEY)),
        running: shop.running,
    };
    read_only.connector.check().await.unwrap();
    let change = StockChange {
        sku: "MUG-1".into(),
        listing_ref: "1".into(),
        quantity: 1,
        confirmed: None,
    };
    let error = read_only.stock(&[change]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(!error.in_doubt);
}

#[tokio::test]
async fn a_sku_with_a_comma_is_found_alone() {
    let shop = Shop::open().await;
    for sku in ["A", "B", "A,B"] {
        shop.create(single(sku)).await;
    }
    let found = shop.find(&["A,B", "B"]).await;
    let skus: Vec<_> = found.iter().map(|listing| listing.sku.as_str()).collect();
    assert_eq!(skus, ["A,B", "B"]);
}

#[tokio::test]
async fn the_shop_outlives_its_process() {
    let shop = Shop::open().await;
    let mug = shop.create(single("MUG-1")).await;
    let id = shop.buy("MUG-1", 1);
    let saved = shop.running.with(|shop| shop.save());
    let mut sandbox = FACTORY.sandbox.unwrap()();
    sandbox.restore(saved).unwrap();
    let running = serve(sandbox, ServeOptions::default()).await.unwrap();
    let connector = connect(&running, None);
    let again = Shop { running, connector };
    assert_eq!(again.find(&["MUG-1"]).await[0].listing_ref, mug);
    let (orders, _) = again.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders[0].channel_order_id.as_str(), id);
    assert_eq!(again.quantity("MUG-1"), Some(11));
}

#[tokio::test]
async fn a_category_is_made_once() {
    let shop = Shop::open().await;
    let in_category = |sku: &str, path: &str| {
        let mut listing = single(sku);
        listing.category = Some(path.to_owned());
        listing
    };
    shop.create(in_category("MUG-1", "Kitchen & Bar > Mugs"))
        .await;
    // Another run: nothing is remembered, and the shop's search does not find names with entities.
    let later = Shop {
        connector: connect(&shop.running, None),
        running: shop.running,
    };
    later
        .create(in_category("MUG-2", "kitchen & bar > mugs"))
        .await;
    later.create(in_category("MUG-3", "Kitchen & Bar")).await;
    let category = |sku: &str| later.content(sku)["categories"][0]["id"].clone();
    assert_eq!(category("MUG-1"), category("MUG-2"));
    assert_ne!(category("MUG-1"), category("MUG-3"));
    let number = category("MUG-3").to_string();
    later.create(in_category("MUG-4", &number)).await;
    assert_eq!(category("MUG-4"), category("MUG-3"));
}
