//! Intents, settlements, pending changes and rejections.

use std::sync::Arc;

use crate::domain::change::{Action, Change, Lane};
use crate::domain::ids::{ChannelName, IdempotencyKey};
use crate::domain::issue::Issue;
use crate::domain::ledger::{Intent, IntentId, Ledger, Pending, Rejection, Settled, Settlement};
use crate::domain::listing::Facets;

use super::{change, day, euro, listing, pending, settlement, shop, sku, stock};

/// Records the changes as intents of a run of their own.
async fn intend(
    ledger: &Arc<dyn Ledger>,
    channel: &ChannelName,
    changes: &[Change],
) -> Vec<IntentId> {
    let run = ledger.begin_run("push", day(1)).await.unwrap();
    let keyed: Vec<(Change, IdempotencyKey)> = changes
        .iter()
        .map(|change| (change.clone(), format!("key of {}", change.sku).into()))
        .collect();
    ledger
        .record_intents(&run, channel, &keyed, day(1))
        .await
        .unwrap()
}

async fn settle(ledger: &Arc<dyn Ledger>, settlement: Settlement) {
    ledger.settle(&shop(), day(2), &[settlement]).await.unwrap();
}

pub async fn intents_are_numbered_in_the_order_given(ledger: Arc<dyn Ledger>) {
    let changes = [
        Change {
            action: Action::Create,
            before: Facets::default(),
            after: listing(5).confirmed,
            ..change("B", Lane::Listing)
        },
        change("A", Lane::Zero),
    ];
    let ids = intend(&ledger, &shop(), &changes).await;
    let later = intend(&ledger, &shop(), &[change("C", Lane::Price)]).await;
    intend(&ledger, &"other".into(), &[change("A", Lane::Stock)]).await;
    assert!(ids[0] < ids[1] && ids[1] < later[0]);
    assert!(intend(&ledger, &shop(), &[]).await.is_empty());

    let open = ledger.open_intents(&shop()).await.unwrap();
    assert_eq!(open.len(), 3);
    assert_eq!(
        open[0],
        Intent {
            id: ids[0],
            change: changes[0].clone(),
            key: "key of B".into(),
            at: day(1),
        }
    );
    assert_eq!((&open[1].change, open[2].id), (&changes[1], later[0]));
}

pub async fn an_intent_is_open_until_it_is_known_how_it_ended(ledger: Arc<dyn Ledger>) {
    let ended = [
        Settled::Applied,
        Settled::Accepted,
        Settled::Rejected,
        Settled::Failed,
        Settled::Observed,
        Settled::Ignored,
        Settled::InDoubt,
    ];
    let changes: Vec<Change> = ended
        .iter()
        .map(|settled| change(settled.as_str(), Lane::Stock))
        .collect();
    let ids = intend(&ledger, &shop(), &changes).await;
    let settlements: Vec<Settlement> = ids
        .iter()
        .zip(&changes)
        .zip(ended)
        .map(|((id, change), settled)| settlement(*id, change, settled))
        .collect();
    ledger.settle(&shop(), day(2), &settlements).await.unwrap();
    let open = ledger.open_intents(&shop()).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].change.sku, sku("in_doubt"));

    settle(&ledger, settlement(ids[6], &changes[6], Settled::Observed)).await;
    assert!(ledger.open_intents(&shop()).await.unwrap().is_empty());
}

pub async fn a_settlement_records_all_or_nothing(ledger: Arc<dyn Ledger>) {
    let changes = [change("A", Lane::Stock), change("B", Lane::Stock)];
    let ids = intend(&ledger, &shop(), &changes).await;
    let applied = |intent, number: usize| Settlement {
        record: Some(listing(8)),
        ..settlement(intent, &changes[number], Settled::Applied)
    };
    let unknown = [applied(ids[0], 0), applied(ids[1] + 1000, 1)];
    let error = ledger
        .settle(&shop(), day(2), &unknown)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("1 of 2 outcomes"), "{error}");
    assert!(ledger.listings(&shop()).await.unwrap().is_empty());
    assert_eq!(ledger.open_intents(&shop()).await.unwrap().len(), 2);

    let known = [applied(ids[0], 0), applied(ids[1], 1)];
    ledger.settle(&shop(), day(2), &known).await.unwrap();
    assert_eq!(
        ledger.listings(&shop()).await.unwrap()[&sku("B")],
        listing(8)
    );
    assert!(ledger.open_intents(&shop()).await.unwrap().is_empty());
}

pub async fn pending_changes_wait_until_they_are_resolved(ledger: Arc<dyn Ledger>) {
    let changes = [change("A", Lane::Listing), change("B", Lane::Price)];
    let ids = intend(&ledger, &shop(), &changes).await;
    let first = pending(ids[0], &changes[0]);
    let second = Pending {
        submission: None,
        listing_ref: Some("ref".into()),
        ..pending(ids[1], &changes[1])
    };
    let accepted = [&first, &second].map(|pending| Settlement {
        pending: Some(pending.clone()),
        ..settlement(pending.intent, &pending.change, Settled::Accepted)
    });
    ledger.settle(&shop(), day(2), &accepted).await.unwrap();
    assert_eq!(
        ledger.pending(&shop()).await.unwrap(),
        [first.clone(), second.clone()]
    );
    assert!(ledger.pending(&"other".into()).await.unwrap().is_empty());

    // A newer change of the same sku and lane waits beside the older one, and outlives it.
    let again = intend(&ledger, &shop(), &changes[..1]).await;
    let newer = pending(again[0], &changes[0]);
    settle(
        &ledger,
        Settlement {
            pending: Some(newer.clone()),
            ..settlement(again[0], &changes[0], Settled::Accepted)
        },
    )
    .await;
    settle(
        &ledger,
        Settlement {
            resolves_pending: true,
            ..settlement(ids[0], &changes[0], Settled::Applied)
        },
    )
    .await;
    assert_eq!(ledger.pending(&shop()).await.unwrap(), [second, newer]);
}

pub async fn a_later_write_supersedes_what_shares_its_facet(ledger: Arc<dyn Ledger>) {
    let changes = [
        change("A", Lane::Zero),
        change("A", Lane::Stock),
        change("A", Lane::Price),
        change("B", Lane::Stock),
    ];
    let ids = intend(&ledger, &shop(), &changes).await;
    for (id, change) in ids.iter().zip(&changes) {
        let accepted = Settlement {
            pending: Some(pending(*id, change)),
            ..settlement(*id, change, Settled::Accepted)
        };
        settle(&ledger, accepted).await;
    }
    let superseded = async || -> Vec<bool> {
        let pending = ledger.pending(&shop()).await.unwrap();
        pending.iter().map(|pending| pending.superseded).collect()
    };
    ledger
        .supersede(&"other".into(), Lane::Stock, &[sku("A")])
        .await
        .unwrap();
    assert_eq!(superseded().await, [false; 4]);
    ledger
        .supersede(&shop(), Lane::Stock, &[sku("A"), sku("C")])
        .await
        .unwrap();
    assert_eq!(superseded().await, [true, true, false, false]);
}

pub async fn a_rejection_is_remembered_until_the_channel_takes_the_change(ledger: Arc<dyn Ledger>) {
    let changes = [change("A", Lane::Price), change("A", Lane::Stock)];
    let ids = intend(&ledger, &shop(), &changes).await;
    let rejection = |lane, price: &str| Rejection {
        sku: sku("A"),
        lane,
        after: Facets {
            price: Some(euro(price)),
            ..stock(3)
        },
        issues: vec![Issue::error("shop:price_low", "below the minimum").sku(&sku("A"))],
        at: day(2),
    };
    let rejected = |number: usize, price| Settlement {
        rejection: Some(rejection(changes[number].lane, price)),
        ..settlement(ids[number], &changes[number], Settled::Rejected)
    };
    settle(&ledger, rejected(0, "1")).await;
    settle(&ledger, rejected(0, "2")).await;
    settle(&ledger, rejected(1, "3")).await;
    let both = [rejection(Lane::Price, "2"), rejection(Lane::Stock, "3")];
    assert_eq!(ledger.rejections(&shop()).await.unwrap(), both);

    for settled in [Settled::Failed, Settled::InDoubt, Settled::Ignored] {
        settle(&ledger, settlement(ids[0], &changes[0], settled)).await;
        assert_eq!(ledger.rejections(&shop()).await.unwrap(), both);
    }
    for settled in [Settled::Applied, Settled::Accepted, Settled::Observed] {
        settle(&ledger, rejected(0, "2")).await;
        settle(&ledger, settlement(ids[0], &changes[0], settled)).await;
        assert_eq!(ledger.rejections(&shop()).await.unwrap(), both[1..]);
    }
}

pub async fn readers_see_whole_transactions_while_a_writer_is_busy(ledger: Arc<dyn Ledger>) {
    const BATCH: usize = 50;
    let changes: Vec<Change> = (0..BATCH)
        .map(|number| change(&number.to_string(), Lane::Stock))
        .collect();
    let writer = tokio::spawn({
        let ledger = ledger.clone();
        async move {
            for _ in 0..40 {
                intend(&ledger, &shop(), &changes).await;
            }
        }
    });
    let mut seen = 0;
    while !writer.is_finished() {
        let open = ledger.open_intents(&shop()).await.unwrap().len();
        assert_eq!(open % BATCH, 0, "half a transaction");
        assert!(open >= seen, "went back from {seen} to {open}");
        seen = open;
    }
    writer.await.unwrap();
    assert_eq!(
        ledger.open_intents(&shop()).await.unwrap().len(),
        40 * BATCH
    );
}
