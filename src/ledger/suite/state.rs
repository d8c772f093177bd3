//! Runs, locks, channels and listings.

use std::sync::Arc;

use serde_json::json;

use crate::domain::change::Lane;
use crate::domain::connector::Watermark;
use crate::domain::ids::Sku;
use crate::domain::ledger::{ChannelState, Ledger, ListingRecord, Settled, Settlement};

use super::{at, change, day, listing, settlement, shop, sku};

pub async fn runs_are_listed_newest_first(ledger: Arc<dyn Ledger>) {
    let first = ledger.begin_run("pull", day(1)).await.unwrap();
    let second = ledger.begin_run("push", day(2)).await.unwrap();
    assert!(
        first.as_str().starts_with("2026-01-01T08:30:00Z-"),
        "{first}"
    );
    assert!(first < second);
    let summary = json!({"exit": 0, "applied": 3});
    ledger.finish_run(&first, day(3), &summary).await.unwrap();

    let runs = ledger.runs(10).await.unwrap();
    let ids: Vec<_> = runs.iter().map(|run| &run.id).collect();
    assert_eq!(ids, [&second, &first]);
    assert_eq!(runs[0].finished, None);
    assert_eq!(runs[1].command, "pull");
    assert_eq!(runs[1].started, day(1));
    assert_eq!(runs[1].finished, Some(day(3)));
    assert_eq!(runs[1].summary.as_ref(), Some(&summary));
    assert_eq!(ledger.runs(1).await.unwrap().len(), 1);
}

pub async fn a_lock_excludes_every_other(ledger: Arc<dyn Ledger>) {
    let held = ledger.lock().await.unwrap();
    assert!(held.is_some());
    assert!(ledger.lock().await.unwrap().is_none());
    drop(held);
    assert!(ledger.lock().await.unwrap().is_some());
}

pub async fn catalog_rows_are_remembered(ledger: Arc<dyn Ledger>) {
    assert_eq!(ledger.catalog_rows().await.unwrap(), None);
    for rows in [1_000_000, 12] {
        ledger.set_catalog_rows(rows).await.unwrap();
        assert_eq!(ledger.catalog_rows().await.unwrap(), Some(rows));
    }
}

pub async fn a_channel_keeps_what_only_grows(ledger: Arc<dyn Ledger>) {
    let channel = shop();
    let unknown = ledger.channel(&channel).await.unwrap();
    assert_eq!(unknown, ChannelState::default());
    let state = ChannelState {
        first_contact: Some(day(1)),
        last_push: Some(day(3)),
        last_pull: None,
        last_failure: Some((day(2), "shop.example did not answer".to_owned())),
        credential_expires: Some(day(20)),
        watermark: Some(Watermark {
            at: day(3),
            cursor: Some("e-9".to_owned()),
        }),
        rehearsal: Some(true),
    };
    ledger.set_channel(&channel, &state).await.unwrap();
    assert_eq!(ledger.channel(&channel).await.unwrap(), state);

    let brought_back_late = ChannelState {
        last_pull: Some(day(4)),
        last_push: Some(day(2)),
        rehearsal: Some(false),
        ..ChannelState::default()
    };
    ledger
        .set_channel(&channel, &brought_back_late)
        .await
        .unwrap();
    let expected = ChannelState {
        last_pull: Some(day(4)),
        last_failure: None,
        credential_expires: None,
        ..state
    };
    assert_eq!(ledger.channel(&channel).await.unwrap(), expected);
}

pub async fn listings_are_read_as_recorded(ledger: Arc<dyn Ledger>) {
    let records = [(sku("A"), listing(5)), (sku("Ä \"quoted\"\n"), listing(14))];
    ledger.record_listings(&shop(), &records).await.unwrap();
    let elsewhere = [(sku("A"), listing(1))];
    ledger
        .record_listings(&"other".into(), &elsewhere)
        .await
        .unwrap();
    assert_eq!(
        ledger.listings(&shop()).await.unwrap(),
        records.iter().cloned().collect()
    );

    let ended = ListingRecord {
        live: false,
        at: at("2026-02-01T00:00:00Z"),
        ..listing(8)
    };
    let both = [(sku("A"), listing(9)), (sku("A"), ended.clone())];
    ledger.record_listings(&shop(), &both).await.unwrap();
    let listings = ledger.listings(&shop()).await.unwrap();
    assert_eq!(listings[&sku("A")], ended);
    assert_eq!(listings.len(), 2);
    assert_eq!(ledger.listings(&"other".into()).await.unwrap().len(), 1);
    ledger.record_listings(&shop(), &[]).await.unwrap();
}

pub async fn listings_are_found_by_their_skus(ledger: Arc<dyn Ledger>) {
    let records: Vec<(Sku, ListingRecord)> = (0..12)
        .map(|number| (sku(&format!("\"{number}\"")), listing(number)))
        .collect();
    ledger.record_listings(&shop(), &records).await.unwrap();
    ledger
        .record_listings(&"other".into(), &records[..1])
        .await
        .unwrap();
    let asked = [records[3].0.clone(), sku("unknown"), records[7].0.clone()];
    let found = ledger.listings_of(&shop(), &asked).await.unwrap();
    let expected = [records[3].clone(), records[7].clone()];
    assert_eq!(found, expected.into_iter().collect());
    let none = ledger.listings_of(&shop(), &[]).await.unwrap();
    assert!(none.is_empty());
}

pub async fn written_listings_are_named_since_a_write(ledger: Arc<dyn Ledger>) {
    let since = |since, most| {
        let ledger = ledger.clone();
        async move { ledger.touched_since(since, most).await.unwrap() }
    };
    let start = since(None, 9).await;
    assert_eq!(start.listings, None, "nobody asked for any");
    let start = start.latest;
    assert_eq!(since(Some(start), 9).await.listings, Some(Vec::new()));
    let write = |channel: &'static str, skus: &'static [&'static str]| {
        let records: Vec<_> = skus.iter().map(|text| (sku(text), listing(1))).collect();
        let ledger = ledger.clone();
        async move {
            ledger
                .record_listings(&channel.into(), &records)
                .await
                .unwrap()
        }
    };
    write("shop", &["A", "B"]).await;
    let first = since(Some(start), 9).await;
    assert!(first.latest > start);
    let both = vec![(shop(), sku("A")), (shop(), sku("B"))];
    assert_eq!(first.listings, Some(both));
    write("other", &["C"]).await;
    let second = since(Some(first.latest), 9).await;
    assert_eq!(second.listings, Some(vec![("other".into(), sku("C"))]));
    assert_eq!(since(Some(start), 2).await.listings, None, "too many");
    assert_eq!(since(Some(start - 1), 9).await.listings, None, "not known");
    assert_eq!(
        since(Some(second.latest + 1), 9).await.listings,
        None,
        "another ledger's"
    );

    ledger.forget_touched(second.latest).await.unwrap();
    assert_eq!(since(Some(first.latest), 9).await.listings, None);
    let left = since(Some(second.latest), 9).await;
    assert_eq!(
        (left.listings, left.latest),
        (Some(Vec::new()), second.latest)
    );

    // What a settlement records is written as well.
    let run = ledger.begin_run("push", day(1)).await.unwrap();
    let change = super::change("D", crate::domain::change::Lane::Stock);
    let changes = [(change.clone(), "key".into())];
    let ids = ledger
        .record_intents(&run, &shop(), &changes, day(1))
        .await
        .unwrap();
    assert_eq!(
        since(Some(second.latest), 9).await.listings,
        Some(Vec::new())
    );
    let mut applied = super::settlement(ids[0], &change, crate::domain::ledger::Settled::Applied);
    applied.record = Some(listing(4));
    ledger.settle(&shop(), day(1), &[applied]).await.unwrap();
    let after = since(Some(second.latest), 9).await;
    assert_eq!(after.listings, Some(vec![(shop(), sku("D"))]));
}

pub async fn twenty_thousand_listings_and_intents_go_there_and_back(ledger: Arc<dyn Ledger>) {
    let records: Vec<(Sku, ListingRecord)> = (0..20_000)
        .map(|number| (sku(&format!("SKU-{number}")), listing(number)))
        .collect();
    ledger.record_listings(&shop(), &records).await.unwrap();
    assert_eq!(
        ledger.listings(&shop()).await.unwrap(),
        records.iter().cloned().collect()
    );

    let run = ledger.begin_run("push", day(1)).await.unwrap();
    let changes: Vec<_> = records
        .iter()
        .map(|(sku, _)| {
            let change = super::change(sku.as_str(), crate::domain::change::Lane::Stock);
            (change, "key".into())
        })
        .collect();
    let ids = ledger
        .record_intents(&run, &shop(), &changes, day(1))
        .await
        .unwrap();
    let open = ledger.open_intents(&shop()).await.unwrap();
    assert_eq!(open.len(), 20_000);
    for ((intent, id), (change, _)) in open.iter().zip(&ids).zip(&changes) {
        assert_eq!((&intent.id, &intent.change), (id, change));
    }
}

pub async fn live_listings_are_counted(ledger: Arc<dyn Ledger>) {
    let live = async |channel: &str| {
        let standing = ledger.standing(&channel.into()).await.unwrap();
        (standing.live, standing.live_managed)
    };
    let record = async |channel: &str, records: &[(&str, bool)]| {
        let records: Vec<_> = records
            .iter()
            .map(|(name, live)| {
                let record = ListingRecord {
                    live: *live,
                    managed: true,
                    ..listing(1)
                };
                (sku(name), record)
            })
            .collect();
        ledger
            .record_listings(&channel.into(), &records)
            .await
            .unwrap();
    };
    assert_eq!(live("shop").await, (0, 0));
    record("shop", &[("A", true), ("B", true), ("C", false)]).await;
    record("other", &[("A", true)]).await;
    assert_eq!((live("shop").await, live("other").await), ((2, 2), (1, 1)));
    // Recorded again, ended, come back; and of two records in one call the last holds.
    record("shop", &[("A", true), ("B", false), ("C", true)]).await;
    assert_eq!(live("shop").await, (2, 2));
    record(
        "shop",
        &[("D", true), ("D", false), ("B", false), ("B", true)],
    )
    .await;
    assert_eq!((live("shop").await, live("other").await), ((3, 3), (1, 1)));
    // Somebody else's is live and not ours, until it is taken over.
    for (managed, counted) in [(false, (4, 3)), (true, (4, 4)), (false, (4, 3))] {
        let foreign = ListingRecord {
            live: true,
            managed,
            ..listing(1)
        };
        let records = [(sku("F"), foreign)];
        ledger.record_listings(&shop(), &records).await.unwrap();
        assert_eq!(live("shop").await, counted);
    }

    let changes = [change("A", Lane::End)];
    let run = ledger.begin_run("push", day(1)).await.unwrap();
    let intents = changes.clone().map(|change| (change, "key".into()));
    let ids = ledger
        .record_intents(&run, &shop(), &intents, day(1))
        .await
        .unwrap();
    let standing = ledger.standing(&shop()).await.unwrap();
    assert_eq!((standing.live, standing.in_doubt), (4, 1));
    let ended = Settlement {
        record: Some(ListingRecord {
            live: false,
            ..listing(1)
        }),
        ..settlement(ids[0], &changes[0], Settled::Applied)
    };
    ledger.settle(&shop(), day(2), &[ended]).await.unwrap();
    let standing = ledger.standing(&shop()).await.unwrap();
    assert_eq!((standing.live, standing.in_doubt), (3, 0));
    // What else is kept of a channel leaves the count alone.
    let state = ledger.channel(&shop()).await.unwrap();
    ledger.set_channel(&shop(), &state).await.unwrap();
    assert_eq!(live("shop").await, (3, 2));
}
