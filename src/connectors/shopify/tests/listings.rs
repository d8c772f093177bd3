//! Products, their prices and stock, and what goes wrong with them.

use super::super::fixtures::{euros, parent, single, variant};
use super::*;
use crate::domain::ErrorKind;
use crate::domain::change::{Action, Lane};
use crate::domain::connector::{Submission, Submitted};
use crate::sandbox::Profile;

fn update(listing_ref: &ListingRef, listing: Listing) -> ListingChange {
    ListingChange {
        action: Action::Update,
        listing_ref: Some(listing_ref.clone()),
        parent_ref: None,
        listing,
    }
}

fn stock(sku: &str, listing_ref: &ListingRef, quantity: u64, confirmed: u64) -> StockChange {
    StockChange {
        sku: sku.into(),
        listing_ref: listing_ref.clone(),
        quantity,
        confirmed: Some(confirmed),
    }
}

fn end(sku: &str, listing_ref: &ListingRef) -> EndChange {
    EndChange {
        sku: sku.into(),
        listing_ref: listing_ref.clone(),
    }
}

#[tokio::test]
async fn a_product_lives_from_creation_to_its_end() {
    let shop = Shop::open().await;
    shop.connector.check().await.unwrap();
    let mut mug = single("MUG-1");
    mug.images = vec!["https://pictures.example/mug.jpg".to_owned()];
    let listing_ref = shop.create(mug.clone()).await;
    let live = &shop.find(&["MUG-1", "MUG-2"]).await[0];
    assert_eq!(live.listing_ref, listing_ref);
    assert!(live.live);
    assert_eq!((live.price, live.quantity), (Some(euros("9.50")), Some(12)));

    let price = PriceChange {
        sku: "MUG-1".into(),
        listing_ref: listing_ref.clone(),
        price: euros("8"),
        compare_at: Some(euros("9.50")),
    };
    assert!(is_applied(&shop.prices(&[price]).await[0]));
    let changes = [stock("MUG-1", &listing_ref, 5, 12)];
    assert!(is_applied(&shop.stock(&changes).await.unwrap()[0]));
    mug.title = Some("Another mug".to_owned());
    mug.price = Some(euros("1"));
    assert!(is_applied(
        &shop.push(&[update(&listing_ref, mug.clone())]).await[0]
    ));
    let (all, _) = shop.listings().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].title.as_deref(), Some("Another mug"));
    assert_eq!(
        (all[0].price, all[0].quantity),
        (Some(euros("8.00")), Some(5))
    );
    assert_eq!(all[0].compare_at, Some(euros("9.50")));
    let content = shop.connector.kept(&mug);
    assert_eq!(
        all[0].content.as_deref().unwrap().shown_fingerprint(),
        content.shown_fingerprint()
    );

    let ended = [end("MUG-1", &listing_ref)];
    assert!(is_applied(&shop.end(&ended).await[0]));
    assert!(!shop.find(&["MUG-1"]).await[0].live);
    let gone = [end("MUG-1", &"9999/1/2".into())];
    assert!(is_applied(&shop.end(&gone).await[0]), "gone is ended");
    mug.price = Some(euros("7"));
    let back = ListingChange {
        action: Action::Create,
        ..update(&listing_ref, mug)
    };
    assert_eq!(created(shop.push(&[back]).await.remove(0)), listing_ref);
    let live = &shop.find(&["MUG-1"]).await[0];
    assert!(live.live);
    assert_eq!((live.price, live.quantity), (Some(euros("7.00")), Some(12)));
}

#[tokio::test]
async fn a_product_is_written_whole_and_loses_nothing() {
    let shop = Shop::open().await;
    let family = [
        create(parent("TEE", &["S", "M"]), None),
        create(variant("TEE-S", "TEE", "S"), None),
        create(variant("TEE-M", "TEE", "M"), None),
    ];
    let refs: Vec<_> = shop.push(&family).await.into_iter().map(created).collect();
    let tee = refs[0].clone();
    assert!(refs[1].as_str().starts_with(&format!("{tee}/")));
    // The same again, as after an answer that was lost, makes no second product.
    let again: Vec<_> = shop.push(&family).await.into_iter().map(created).collect();
    assert_eq!(again[0], tee);
    let grown = [create(variant("TEE-L", "TEE", "L"), Some(&tee))];
    shop.push(&grown)
        .await
        .into_iter()
        .for_each(|one| drop(created(one)));
    let found = shop.find(&["TEE-M", "TEE", "TEE-S", "TEE-L"]).await;
    let skus: Vec<_> = found.iter().map(|one| one.sku.as_str()).collect();
    assert_eq!(skus, ["TEE-M", "TEE", "TEE-S", "TEE-L"]);
    assert!(found.iter().all(|one| one.live));

    // One variant goes, the others stay; it comes back, and nothing of the others changes.
    let small = found[2].listing_ref.clone();
    assert!(is_applied(&shop.end(&[end("TEE-S", &small)]).await[0]));
    let lives = |found: &[ChannelListing]| found.iter().map(|one| one.live).collect::<Vec<_>>();
    let found = shop.find(&["TEE", "TEE-S", "TEE-M"]).await;
    assert_eq!(lives(&found), [true, false, true]);
    let back = ListingChange {
        action: Action::Create,
        parent_ref: Some(tee),
        ..update(&small, variant("TEE-S", "TEE", "S"))
    };
    assert_eq!(created(shop.push(&[back]).await.remove(0)), small);
    assert_eq!(
        lives(&shop.find(&["TEE", "TEE-S", "TEE-M"]).await),
        [true; 3]
    );
    let all: Vec<_> = found
        .iter()
        .map(|one| end(one.sku.as_str(), &one.listing_ref))
        .collect();
    assert!(shop.end(&all).await.iter().all(is_applied));
    assert_eq!(
        lives(&shop.find(&["TEE", "TEE-S", "TEE-M", "TEE-L"]).await),
        [false; 4]
    );
}

#[tokio::test]
async fn every_page_of_products_and_variants_is_read() {
    let shop = Shop::open().await;
    let sizes: Vec<String> = (0..60).map(|size| size.to_string()).collect();
    let sizes: Vec<&str> = sizes.iter().map(String::as_str).collect();
    let mut family = vec![create(parent("TEE", &sizes), None)];
    family.extend(
        sizes
            .iter()
            .map(|size| create(variant(&format!("TEE-{size}"), "TEE", size), None)),
    );
    shop.push(&family)
        .await
        .into_iter()
        .for_each(|one| drop(created(one)));
    let mugs: Vec<_> = (0..20)
        .map(|n| create(single(&format!("MUG-{n}")), None))
        .collect();
    shop.push(&mugs)
        .await
        .into_iter()
        .for_each(|one| drop(created(one)));
    let (all, pages) = shop.listings().await.unwrap();
    let mut skus: Vec<_> = all.iter().map(|one| one.sku.to_string()).collect();
    skus.sort();
    skus.dedup();
    assert_eq!((all.len(), skus.len()), (81, 81));
    assert!(pages > 3, "{pages}");
}

#[tokio::test]
async fn stock_that_moved_is_told_and_not_overwritten() {
    let shop = Shop::open().await;
    let mug = shop.create(single("MUG-1")).await;
    let cup = shop.create(single("CUP-1")).await;
    shop.buy("MUG-1", 2);
    let changes = [stock("MUG-1", &mug, 20, 12), stock("CUP-1", &cup, 7, 12)];
    let outcomes = shop.stock(&changes).await.unwrap();
    assert!(
        matches!(&outcomes[0], Outcome::Failed(error) if error.kind == ErrorKind::Conflict),
        "{outcomes:?}"
    );
    assert!(matches!(&outcomes[1], Outcome::Failed(error) if error.is_temporary()));
    assert!(is_applied(&shop.stock(&changes[1..]).await.unwrap()[0]));
    assert_eq!(
        (shop.quantity("MUG-1"), shop.quantity("CUP-1")),
        (Some(10), Some(7))
    );
    let zero = [stock("MUG-1", &mug, 0, 12)];
    assert!(
        is_applied(&shop.stock(&zero).await.unwrap()[0]),
        "zero overtakes everything"
    );
    assert_eq!(shop.quantity("MUG-1"), Some(0));
}

#[tokio::test]
async fn many_products_go_as_one_submission() {
    let shop = Shop::open().await;
    let mut changes = vec![
        create(parent("TEE", &["S", "M"]), None),
        create(variant("TEE-S", "TEE", "S"), None),
        create(variant("TEE-M", "TEE", "M"), None),
    ];
    changes.extend((0..5).map(|n| create(single(&format!("MUG-{n}")), None)));
    let batch = Batch {
        items: &changes,
        route: Route::Bulk,
        key: &IdempotencyKey::new("k"),
        dry_run: false,
    };
    let outcomes = shop.connector.push_listings(batch).await.unwrap();
    let mut submission = None;
    let mut items = Vec::new();
    for one in outcomes {
        let Outcome::Accepted {
            submission: Some(id),
            part,
            ..
        } = one.outcome
        else {
            panic!("{one:?}");
        };
        assert_eq!(*submission.get_or_insert(id.clone()), id);
        items.push(Submitted {
            sku: one.key,
            lane: Lane::Listing,
            part,
        });
    }
    let submission = submission.unwrap();
    let done = loop {
        match shop
            .connector
            .poll_submission(&submission, &items)
            .await
            .unwrap()
        {
            Submission::Pending => tokio::time::sleep(Duration::from_millis(20)).await,
            Submission::Done(outcomes) => break outcomes,
            Submission::Broken(error) => panic!("{error}"),
        }
    };
    assert_eq!(done.len(), changes.len());
    assert!(
        done.iter()
            .all(|one| matches!(one.outcome, Outcome::Applied { .. })),
        "{done:?}"
    );
    let found = shop.find(&["TEE", "TEE-M", "MUG-4"]).await;
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|one| one.live), "published: {found:?}");
}

#[tokio::test]
async fn a_repeated_page_is_an_error() {
    let shop = Shop::open().await;
    for n in 0..20 {
        shop.create(single(&format!("MUG-{n}"))).await;
    }
    shop.running.set_faults(Profile::named("looping").unwrap());
    let error = shop.listings().await.unwrap_err();
    assert!(error.message.contains("repeats a page"), "{error}");
}
