//! Listings, stock and prices: written, answered, read back.

use super::*;
use crate::domain::change::Action;

#[tokio::test]
async fn a_feed_lists_what_is_good_and_names_what_is_not() {
    let (running, connector) = start().await;
    let untitled = Listing {
        title: None,
        ..listing("UNTITLED")
    };
    let changes = [create(listing("GOOD")), create(untitled)];
    let outcomes = push(&*connector, &changes, false).await;
    let id = submission(&outcomes);
    assert!(
        find(&*connector, "GOOD").await.is_none(),
        "accepted is not applied"
    );
    let done = settled(&*connector, &id).await;
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].key.as_str(), "UNTITLED");
    let Outcome::Rejected(issues) = &done[0].outcome else {
        panic!("{done:?}")
    };
    assert_eq!(issues[0].code, "amazon:90220");
    assert_eq!(issues[0].field.as_deref(), Some("title"));
    let live = find(&*connector, "GOOD").await.unwrap();
    assert_eq!(live.price, Some(euro("19.99")));
    assert_eq!(live.quantity, Some(7));
    assert!(live.live);
    let created = running.with(|sandbox| sandbox.state().created);
    assert_eq!(created, BTreeMap::from([("GOOD".to_owned(), 1)]));
}

#[tokio::test]
async fn content_is_updated_without_touching_price_and_stock() {
    let (_running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let update = ListingChange {
        action: Action::Update,
        listing_ref: Some("A".into()),
        parent_ref: None,
        listing: Listing {
            title: Some("A better hat".into()),
            price: Some(euro("1")),
            quantity: Some(1),
            ..listing("A")
        },
    };
    let outcomes = push(&*connector, &[update], false).await;
    assert!(
        settled(&*connector, &submission(&outcomes))
            .await
            .is_empty()
    );
    let live = find(&*connector, "A").await.unwrap();
    assert_eq!(live.title.as_deref(), Some("A better hat"));
    assert_eq!((live.price, live.quantity), (Some(euro("19.99")), Some(7)));
}

#[tokio::test]
async fn a_variant_is_live_under_its_parent() {
    let (_running, connector) = start().await;
    let parent = Listing {
        kind: ItemKind::Parent,
        gtin: None,
        price: None,
        quantity: None,
        ..listing("P")
    };
    let variant = Listing {
        kind: ItemKind::Variant,
        parent_sku: Some("P".into()),
        options: vec![("Size".into(), "M".into())],
        ..listing("P-M")
    };
    list(&*connector, vec![parent, variant]).await;
    let live = find(&*connector, "P-M").await.unwrap();
    assert_eq!(live.parent_ref, Some("P".into()));
    assert_eq!(find(&*connector, "P").await.unwrap().price, None);
}

#[tokio::test]
async fn stock_and_prices_go_directly_and_are_read_back() {
    let (_running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let outcomes = push_stock(&*connector, &[stock("A", 0)], Route::Direct).await;
    assert!(matches!(
        outcomes[0].outcome,
        Outcome::Accepted {
            submission: None,
            ..
        }
    ));
    becomes(&*connector, "A", |live| live.unwrap().quantity == Some(0)).await;
    for compare_at in [Some(euro("29.90")), None] {
        let change = PriceChange {
            sku: "A".into(),
            listing_ref: "A".into(),
            price: euro("24.5"),
            compare_at,
        };
        let batch = Batch {
            items: &[change],
            route: Route::Direct,
            key: &key(),
            dry_run: false,
        };
        connector.push_prices(batch).await.unwrap();
        becomes(&*connector, "A", |live| {
            let live = live.unwrap();
            live.price == Some(euro("24.5")) && live.compare_at == compare_at
        })
        .await;
    }
}

#[tokio::test]
async fn many_stock_changes_go_as_one_feed_and_ends_remove() {
    let (_running, connector) = start().await;
    list(&*connector, vec![listing("A"), listing("B")]).await;
    let changes = [stock("A", 1), stock("B", 2)];
    let outcomes = push_stock(&*connector, &changes, Route::Bulk).await;
    assert!(
        settled(&*connector, &submission(&outcomes))
            .await
            .is_empty()
    );
    assert_eq!(find(&*connector, "B").await.unwrap().quantity, Some(2));
    let ends = ["A", "GONE"].map(|sku| EndChange {
        sku: sku.into(),
        listing_ref: ListingRef::new(sku),
    });
    for (items, route) in [(&ends[..1], Route::Direct), (&ends[1..], Route::Bulk)] {
        let batch = Batch {
            items,
            route,
            key: &key(),
            dry_run: false,
        };
        connector.end_listings(batch).await.unwrap();
    }
    becomes(&*connector, "A", |live| live.is_none()).await;
}

#[tokio::test]
async fn a_preview_tells_and_changes_nothing() {
    let (running, connector) = start().await;
    let unnumbered = Listing {
        gtin: None,
        ..listing("BAD")
    };
    let outcomes = push(
        &*connector,
        &[create(listing("GOOD")), create(unnumbered)],
        true,
    )
    .await;
    assert!(matches!(&outcomes[0].outcome, Outcome::Applied { .. }));
    let Outcome::Rejected(issues) = &outcomes[1].outcome else {
        panic!("{outcomes:?}")
    };
    assert_eq!(issues[0].field.as_deref(), Some("gtin"));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(running.with(|sandbox| sandbox.state().listings.is_empty()));
}

#[tokio::test]
async fn skus_with_any_character_are_one_sku() {
    let (running, connector) = start().await;
    let skus = ["A/B C", "50%+1", "ü#1?x=2&y", "a,b"];
    list(&*connector, skus.map(listing).to_vec()).await;
    for sku in skus {
        push_stock(&*connector, &[stock(sku, 3)], Route::Direct).await;
        becomes(&*connector, sku, |live| live.unwrap().quantity == Some(3)).await;
    }
    let created = running.with(|sandbox| sandbox.state().created);
    assert_eq!(created.len(), skus.len(), "{created:?}");
}

#[tokio::test]
async fn every_listing_is_read_page_by_page() {
    let (_running, connector) = start().await;
    let listings = (0..45).map(|n| listing(&format!("S{n:02}"))).collect();
    list(&*connector, listings).await;
    let (mut skus, mut page) = (Vec::new(), None);
    loop {
        let read = connector.fetch_listings(page.as_ref()).await.unwrap();
        skus.extend(read.items.into_iter().map(|one| one.sku.to_string()));
        match read.next {
            Some(next) => page = Some(next),
            None => break,
        }
    }
    assert_eq!(skus.len(), 45);
    assert_eq!(skus.iter().collect::<BTreeSet<_>>().len(), 45);
}
