//! Stock comes first: zero before everything, and never behind content.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use skucast::app::submissions;
use skucast::domain::capability::{Batching, Limits, Routes};
use skucast::domain::change::Lane;
use skucast::domain::ledger::Ledger;
use skucast::sandbox::Profile;

use super::{Need, checks};
use crate::goods::{Good, singles};
use crate::subject::Subject;
use crate::watched::{Call, Mischief};
use crate::world::{Options, World};

checks! {
    zero_goes_first: [Need::Declared("stock_push"), Need::Declared("listing_update")],
    stock_overtakes_waiting_content: [Need::Declared("stock_push"), Need::DirectContent],
    urgent_stock_while_a_submission_is_stuck: [Need::Sandbox, Need::DirectStockBesideSubmissions],
    ignored_write_is_found_by_read_back: [Need::Sandbox, Need::Declared("stock_push")],
    quota_is_kept: [Need::Sandbox, Need::Declared("stock_push")],
    stock_of_held_row_still_goes_to_zero: [Need::Declared("stock_push")],
    a_sale_between_plan_and_push_is_not_lost: [Need::Sandbox, Need::Declared("stock_push"), Need::Declared("orders_pull")],
}

fn lanes(world: &World) -> Vec<(Lane, Vec<String>)> {
    let lane = |call| match call {
        Call::Push { lane, skus, .. } => Some((lane, skus)),
        _ => None,
    };
    world
        .connector
        .pushes()
        .into_iter()
        .filter_map(lane)
        .collect()
}

/// New goods have come in; before the new figure arrives, a buyer takes two of what was there.
async fn a_sale_between_plan_and_push_is_not_lost(subject: Subject) {
    let mut goods = singles(3);
    let world = World::stocked(subject, &goods).await;
    goods[0].quantity = Some(9);
    goods[1].quantity = Some(8);
    world.offer(&goods);
    world.plot.sell_before_next_write("SKU-0001", 2);
    world.converge().await;
    let shown = world.shown().await;
    assert_eq!(shown["SKU-0001"].quantity, Some(7), "9 less 2 sold");
    assert_eq!(shown["SKU-0002"].quantity, Some(8));
    assert_eq!(world.orders().await.len(), 1);
}

/// One sku sells out while 300 wait for new content, 20 for a new price and one more is to be created.
async fn zero_goes_first(subject: Subject) {
    let mut goods = singles(300);
    let world = World::stocked(subject, &goods).await;
    let seen = world.exchanges().len();
    goods.iter_mut().for_each(|good| good.title += " anew");
    goods[5..25]
        .iter_mut()
        .for_each(|good| good.price = "7.00".to_owned());
    goods[26].quantity = Some(2);
    goods[299].quantity = Some(0);
    goods.push(Good::new(301));
    world.offer(&goods);
    let run = world.sync_well().await;
    assert_eq!(
        (
            run.counts.zero,
            run.counts.stock,
            run.counts.price,
            run.counts.update
        ),
        (1, 1, 20, 300)
    );
    let lanes = lanes(&world);
    let order: Vec<Lane> = lanes.iter().map(|(lane, _)| *lane).collect();
    assert_eq!(
        lanes[0],
        (Lane::Zero, vec![goods[299].sku.clone()]),
        "{order:?}"
    );
    assert!(order.is_sorted(), "{order:?}");
    // On the wire as well: the first request that writes is about it.
    if world.sandbox.is_some() {
        let exchanges = world.exchanges();
        let first = world.running().with(|sandbox| {
            let mut sent = exchanges[seen..].iter();
            sent.find(|one| sandbox.writes(&one.request)).unwrap()
        });
        let told = format!(
            "{} {}",
            first.request.path,
            String::from_utf8_lossy(&first.request.body)
        );
        let others = goods[..299].iter().any(|good| told.contains(&good.sku));
        assert!(!others, "something else was written first: {told}");
    }
    world.shows(&goods).await;
    world.nothing_to_do().await;
}

/// A sku sells out while content goes out in many batches: its stock does not wait for the last of them.
async fn stock_overtakes_waiting_content(subject: Subject) {
    let own = subject.limits();
    let direct = own.listing.direct.map(|way| Batching {
        size: way.size.min(20),
        concurrency: 1,
        ..way
    });
    let options = Options {
        slice: Duration::from_millis(50),
        limits: Some(Limits {
            listing: Routes {
                direct,
                ..own.listing
            },
            ..own
        }),
        ..Options::default()
    };
    let mut goods = singles(400);
    let world = World::stocked_with(subject, &goods, options).await;
    goods.iter_mut().for_each(|good| good.title += " anew");
    world.offer(&goods);
    goods[399].quantity = Some(0);
    let (path, sold_out, mut pushed) = (world.catalog_path(), goods.clone(), 0);
    world.connector.set_script(move |call| {
        if matches!(
            call,
            Call::Push {
                lane: Lane::Listing,
                ..
            }
        ) {
            pushed += 1;
            // Emulated channels answer faster than any slice ends.
            std::thread::sleep(Duration::from_millis(10));
            if pushed == 2 {
                crate::goods::write(&path, &sold_out);
            }
        }
        Mischief::None
    });
    world.sync_well().await;
    let lanes: Vec<Lane> = lanes(&world).into_iter().map(|(lane, _)| lane).collect();
    let zero = lanes
        .iter()
        .position(|lane| *lane == Lane::Zero)
        .unwrap_or_else(|| panic!("{lanes:?}"));
    let content_behind = lanes[zero..]
        .iter()
        .filter(|lane| **lane == Lane::Listing)
        .count();
    assert!(content_behind >= 2, "stock waited for content: {lanes:?}");
    world.shows(&goods).await;
    world.nothing_to_do().await;
}

async fn urgent_stock_while_a_submission_is_stuck(subject: Subject) {
    let mut goods = singles(6);
    let world = World::stocked(subject, &goods).await;
    world.set_faults(Profile {
        stuck_submission: 1.0,
        ..Profile::default()
    });
    goods.iter_mut().for_each(|good| good.title += " anew");
    world.offer(&goods);
    let run = world
        .sync_with(|order, _| order.wait = Duration::from_secs(1))
        .await;
    assert_eq!(
        run.report.accepted, 6,
        "the submission is not stuck: {run:#?}"
    );
    goods[2].quantity = Some(0);
    world.offer(&goods);
    let run = world
        .sync_with(|order, _| order.wait = Duration::from_secs(3))
        .await;
    assert!(run.error.is_none(), "{run:#?}");
    assert_eq!(
        run.counts.zero, 1,
        "the zero waits for the submission: {run:#?}"
    );
    assert_eq!(world.shown().await[&goods[2].sku].quantity, Some(0));
    assert!(!world.shown().await[&goods[2].sku].content.contains("anew"));
    world.set_faults(Profile::default());
    world.converge().await;
    world.shows(&goods).await;
    for good in &goods {
        assert!(
            world.shown().await[&good.sku].content.contains("anew"),
            "{}",
            good.sku
        );
    }
    world.nothing_to_do().await;
}

/// The channel says yes and does nothing: it is told, what is live is recorded, and the next run repairs it.
async fn ignored_write_is_found_by_read_back(subject: Subject) {
    let mut goods = singles(2);
    let world = World::stocked(subject, &goods).await;
    world.set_faults(Profile {
        ignored: 1.0,
        most: 1,
        writes_only: true,
        ..Profile::default()
    });
    goods[0].quantity = Some(0);
    world.offer(&goods);
    let run = world
        .sync_with(|order, _| order.wait = Duration::from_secs(2))
        .await;
    assert_eq!(
        world.shown().await[&goods[0].sku].quantity,
        Some(5),
        "the write was not ignored"
    );
    assert_eq!(
        run.report.applied, 0,
        "what was ignored counts as done: {run:#?}"
    );
    if run.report.accepted == 0 {
        let told: Vec<_> = run
            .report
            .issues
            .iter()
            .map(|issue| issue.code.as_str())
            .collect();
        assert_eq!(
            (run.report.failed, told),
            (1, vec!["ignored_by_channel"]),
            "{run:#?}"
        );
        let records = world.ledger.listings(&world.channel_name).await.unwrap();
        assert_eq!(
            records[goods[0].sku.as_str()].confirmed.quantity,
            Some(5),
            "what is live is recorded"
        );
    }
    if run.report.accepted == 1 {
        // The channel said that it takes a while: it is believed until the deadline, and no longer.
        let late = Timestamp::now()
            + SignedDuration::try_from(subject.limits().sight_deadline * 2).unwrap();
        let ledger: Arc<dyn Ledger> = world.ledger.clone();
        let channel = world.channel(&Default::default());
        let polled = submissions::poll(&channel, &ledger, late).await.unwrap();
        let told: Vec<_> = polled
            .issues
            .iter()
            .map(|issue| issue.code.as_str())
            .collect();
        assert_eq!(
            (polled.given_up, told),
            (1, vec!["accepted_but_not_applied"])
        );
    }
    world.converge().await;
    world.shows(&goods).await;
}

/// A price that cannot be read must not keep a sold-out sku on sale.
async fn stock_of_held_row_still_goes_to_zero(subject: Subject) {
    let mut goods = singles(2);
    let world = World::stocked(subject, &goods).await;
    goods[0].price = "twelve".to_owned();
    goods[0].quantity = Some(0);
    world.offer(&goods);
    world.sync().await;
    assert_eq!(world.shown().await[&goods[0].sku].quantity, Some(0));
    world.shows(&goods[1..]).await;
}

/// More than any burst, at the emulated channel's own rates: it never has to refuse us.
async fn quota_is_kept(subject: Subject) {
    let mut goods = singles(30);
    let world = World::stocked(subject, &goods).await;
    for quantity in [0, 3] {
        goods.iter_mut().for_each(|good| {
            good.quantity = Some(quantity);
            good.price = format!("{}.50", 20 + quantity);
        });
        world.offer(&goods);
        world.sync_well().await;
    }
    world.shows(&goods).await;
    assert_eq!(world.refused_as_too_fast(), Vec::<String>::new());
}
