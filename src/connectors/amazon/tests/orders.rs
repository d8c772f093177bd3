//! Orders and parcels.

use super::*;

#[tokio::test]
async fn orders_are_read_to_the_last_page() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let bought: BTreeSet<_> = (0..130).map(|_| buy(&running, "A", 1)).collect();
    assert_eq!(bought.len(), 130);
    let since = since();
    let first = connector.fetch_orders(&since, None).await.unwrap();
    assert_eq!(first.orders.len(), 100);
    let second = connector.fetch_orders(&since, first.next.as_ref()).await;
    let second = second.unwrap();
    assert!(second.next.is_none());
    assert!(second.watermark.unwrap().at > since.at);
    let read: BTreeSet<_> = first
        .orders
        .iter()
        .chain(&second.orders)
        .map(|order| order.channel_order_id.to_string())
        .collect();
    assert_eq!(read, bought);
    let order = &first.orders[0];
    assert_eq!(order.status, OrderStatus::Open);
    assert_eq!(order.total, Some(euro("19.99")));
    let line = &order.lines[0];
    assert_eq!(line.sku, Some("A".into()));
    assert_eq!(line.fulfilled_by, FulfilledBy::Seller);
    assert!(line.charges.is_empty() && order.charges.is_empty());
    assert!(running.with(|sandbox| sandbox.state().listings["A"].quantity) == Some(0));
}

#[tokio::test]
async fn a_canceled_order_gives_its_stock_back() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let id = buy(&running, "A", 3);
    assert_eq!(find(&*connector, "A").await.unwrap().quantity, Some(4));
    running
        .with(|sandbox| sandbox.cancel(&id, Timestamp::now()))
        .unwrap();
    assert_eq!(find(&*connector, "A").await.unwrap().quantity, Some(7));
    let page = connector.fetch_orders(&since(), None).await.unwrap();
    assert_eq!(page.orders[0].status, OrderStatus::Canceled);
    assert_eq!(page.orders[0].lines[0].canceled, 3);
}

#[tokio::test]
async fn parcels_are_confirmed_and_no_more_than_was_ordered() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let id = buy(&running, "A", 3);
    let page = connector.fetch_orders(&since(), None).await.unwrap();
    let line = page.orders[0].lines[0].line_id.clone();
    let shipment = |quantity, parcel, carrier: &str| Shipment {
        channel_order_id: id.as_str().into(),
        lines: vec![(line.clone(), quantity)],
        carrier: carrier.into(),
        tracking: format!("T{parcel}"),
        shipped_at: Timestamp::now(),
        completes_order: false,
        parcel,
    };
    let confirm = async |shipment| {
        let mut outcomes = connector.confirm_shipments(&[shipment]).await.unwrap();
        outcomes.pop().unwrap().outcome
    };
    let applied = |outcome| matches!(outcome, Outcome::Applied { .. });
    assert!(applied(confirm(shipment(1, 1, "dhl")).await));
    let page = connector.fetch_orders(&since(), None).await.unwrap();
    assert_eq!(page.orders[0].status, OrderStatus::PartiallyShipped);
    assert_eq!(page.orders[0].lines[0].shipped, 1);
    let Outcome::Rejected(issues) = confirm(shipment(3, 2, "DHL")).await else {
        panic!("more than is left was confirmed")
    };
    assert!(issues[0].message.contains("left to ship"), "{issues:?}");
    assert!(applied(confirm(shipment(2, 2, "Bike courier")).await));
    let page = connector.fetch_orders(&since(), None).await.unwrap();
    assert_eq!(page.orders[0].status, OrderStatus::Shipped);
    assert!(page.orders[0].shipped_at.is_some());
    let shipments = running.with(|sandbox| sandbox.state().shipments);
    assert_eq!(shipments[0]["carrier"], "DHL");
    assert_eq!(shipments[1]["carrier"], "Bike courier");
}

#[tokio::test]
async fn a_search_for_orders_keeps_to_amazons_rules() {
    let (running, connector) = start().await;
    connector.check().await.unwrap();
    let saved = running.with(|sandbox| sandbox.save());
    let token = saved["tokens"].as_object().unwrap().keys().next().unwrap();
    let ask = async |query: &str| {
        reqwest::Client::new()
            .get(format!("{}/orders/2026-01-01/orders?{query}", running.url))
            .header("x-amz-access-token", token)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let now = Timestamp::now();
    for (query, status) in [
        ("lastUpdatedAfter=2026-01-01T00:00:00Z".to_owned(), 200),
        ("".to_owned(), 400),
        (
            "createdAfter=2026-01-01T00:00:00Z&lastUpdatedAfter=2026-01-01T00:00:00Z".to_owned(),
            400,
        ),
        (
            format!("lastUpdatedAfter=2026-01-01T00:00:00Z&lastUpdatedBefore={now}"),
            400,
        ),
        (
            "createdAfter=2026-01-02T00:00:00Z&createdBefore=2026-01-01T00:00:00Z".to_owned(),
            400,
        ),
        ("createdAfter=yesterday".to_owned(), 400),
        (
            "createdAfter=2026-01-01T00:00:00Z&maxResultsPerPage=101".to_owned(),
            400,
        ),
    ] {
        assert_eq!(ask(&query).await, status, "{query}");
    }
}
