//! The whole job, again and again: creates once, changes what changed, and then has nothing to do.

use std::time::Duration;

use skucast::domain::capability::{Batching, Limits, Routes};
use skucast::domain::change::Lane;
use skucast::domain::{Error, ErrorKind};
use skucast::policy::{Absent, ChannelPolicy};
use skucast::sandbox::Profile;

use super::{Need, checks};
use crate::goods::{Good, singles};
use crate::subject::Subject;
use crate::watched::{Call, Mischief};
use crate::world::{Options, World};

checks! {
    plan_after_apply_is_empty: [Need::Declared("listing_create")],
    only_what_changed_is_sent: [Need::Declared("listing_update")],
    sku_characters_survive: [Need::Declared("listing_create")],
    batch_never_exceeds_limit: [Need::Declared("listing_create")],
    pages_until_done: [Need::Declared("listing_read")],
    live_listing_is_matched_not_created: [Need::Declared("listing_read")],
    foreign_listing_is_left_alone: [Need::Declared("listing_read")],
    absent_sku_goes_to_zero: [Need::Declared("stock_push")],
    absent_sku_is_ended: [Need::Declared("listing_end")],
    absent_sku_is_kept: [Need::Declared("listing_create")],
    returning_sku_is_sold_again: [Need::Declared("listing_end")],
    partial_rejection_keeps_the_rest: [Need::Sandbox, Need::Declared("listing_create")],
    poison_row_is_split_out: [Need::Declared("listing_create")],
    in_doubt_is_looked_up_before_recreate: [Need::Declared("listing_read")],
    kill_at_any_moment_converges: [Need::Declared("listing_create")],
}

/// Singles and a family.
fn assortment() -> Vec<Good> {
    let mut goods = singles(4);
    goods.extend(Good::family(100));
    goods
}

async fn plan_after_apply_is_empty(subject: Subject) {
    let world = World::new(subject).await;
    let goods = assortment();
    world.offer(&goods);
    let first = world.sync_well().await;
    assert!(first.counts.create >= 7, "{:?}", first.counts);
    world.shows(&goods).await;
    world.nothing_to_do().await;
    // Neither does a program that was started anew.
    let mut world = world;
    world.reconnect();
    world.nothing_to_do().await;
}

async fn only_what_changed_is_sent(subject: Subject) {
    let mut goods = assortment();
    let world = World::stocked(subject, &goods).await;
    goods[0].quantity = Some(1);
    goods[1].price = "99.00".to_owned();
    goods[2].title = "An entirely different bag".to_owned();
    world.offer(&goods);
    let run = world.sync_well().await;
    assert_eq!(
        (run.counts.stock, run.counts.price, run.counts.update),
        (1, 1, 1)
    );
    let sent: Vec<_> = world
        .connector
        .pushes()
        .into_iter()
        .filter_map(|call| match call {
            Call::Push { lane, skus, .. } => Some((lane, skus)),
            _ => None,
        })
        .collect();
    let one = |good: &Good| vec![good.sku.clone()];
    assert_eq!(
        sent,
        [
            (Lane::Stock, one(&goods[0])),
            (Lane::Price, one(&goods[1])),
            (Lane::Listing, one(&goods[2]))
        ]
    );
    world.shows(&goods).await;
    let shown = world.shown().await;
    if world.sandbox.is_some() {
        assert!(
            shown[&goods[2].sku]
                .content
                .contains("An entirely different bag")
        );
    }
    world.nothing_to_do().await;
}

async fn sku_characters_survive(subject: Subject) {
    let skus = [
        "A/B",
        "A B",
        "A+B",
        "A%B",
        "A%2FB",
        "A,B",
        "A\"B",
        "A'B",
        "A&B=C",
        "A#B",
        "A?B",
        "Größe-Ü",
        "袋-1",
        "ab-1",
        "AB-2",
        "A;B",
        "A\\B",
        "A.B",
        "00123",
        "(A)",
        "A:B",
    ];
    let world = World::new(subject).await;
    let mut goods: Vec<Good> = (1..)
        .zip(skus)
        .map(|(number, sku)| Good::new(number).sku(sku))
        .collect();
    world.offer(&goods);
    let run = world.sync_well().await;
    // What a channel would not keep as it is must be refused before it is sent, in words.
    let refused: Vec<_> = run
        .report
        .issues
        .iter()
        .filter(|issue| issue.is_error())
        .filter_map(|issue| issue.sku.as_ref().map(|sku| sku.to_string()))
        .collect();
    assert!(refused.len() <= 2, "too much is refused: {run:#?}");
    goods.retain(|good| !refused.contains(&good.sku));
    world.shows(&goods).await;
    world.nothing_to_do().await;
    for good in &goods {
        let found = world
            .connector
            .inner()
            .find_listings(&[good.sku.as_str().into()])
            .await
            .unwrap();
        let names: Vec<_> = found.iter().map(|listing| listing.sku.as_str()).collect();
        assert_eq!(names, [good.sku.as_str()]);
    }
    goods.iter_mut().for_each(|good| good.quantity = Some(0));
    world.offer(&goods);
    world.sync_well().await;
    world.shows(&goods).await;
}

fn small(routes: Routes) -> Routes {
    let smaller = |way: Batching| Batching {
        size: way.size.min(3),
        ..way
    };
    Routes {
        direct: routes.direct.map(smaller),
        bulk: routes.bulk.map(smaller),
        direct_up_to: routes.direct_up_to,
        bulk_creates_only: routes.bulk_creates_only,
    }
}

/// With limits of three the app sends threes; what it does with the connector's own is watched in every test.
async fn batch_never_exceeds_limit(subject: Subject) {
    let own = subject.limits();
    let limits = Limits {
        stock: small(own.stock),
        price: small(own.price),
        listing: small(own.listing),
        end: small(own.end),
        find_batch: own.find_batch.min(2),
        ..own
    };
    let mut goods = singles(8);
    let world = World::stocked_with(
        subject,
        &goods,
        Options {
            limits: Some(limits),
            ..Options::default()
        },
    )
    .await;
    goods.iter_mut().for_each(|good| {
        good.quantity = Some(2);
        good.price = "8.00".to_owned();
    });
    world.offer(&goods);
    world.sync_well().await;
    world.shows(&goods).await;
    assert!(world.connector.pushes().len() >= 6);
}

async fn pages_until_done(subject: Subject) {
    // More than a page of every channel; a file's page is long.
    let count = if subject.factory.sandbox.is_some() {
        130
    } else {
        5_010
    };
    let goods = singles(count);
    let mut world = World::stocked(subject, &goods).await;
    world.forget().await;
    let run = world.sync_with(|order, _| order.pull = false).await;
    let pages = world
        .connector
        .calls()
        .iter()
        .filter(|call| **call == Call::Listings)
        .count();
    assert!(pages > 1, "{count} listings came on {pages} page");
    assert_eq!(
        run.counts.create, 0,
        "a listing on a later page was not seen: {run:#?}"
    );
    world.nothing_is_doubled();
}

async fn live_listing_is_matched_not_created(subject: Subject) {
    let goods = assortment();
    let mut world = World::stocked(subject, &goods).await;
    world.forget().await;
    let mut changed = goods.clone();
    changed[0].quantity = Some(0);
    world.offer(&changed);
    let run = world.sync_well().await;
    assert_eq!(
        run.counts.create, 0,
        "what is live was planned to be created"
    );
    world.shows(&changed).await;
    world.nothing_to_do().await;
}

/// What the seller lists by other means is not ours to empty.
async fn foreign_listing_is_left_alone(subject: Subject) {
    let goods = singles(3);
    let mut world = World::stocked(subject, &goods).await;
    world.forget().await;
    world.offer(&goods[..1]);
    world.sync_well().await;
    world.shows(&goods).await;
}

async fn without_the_last(subject: Subject, absent: Absent) -> (World, Vec<Good>) {
    let goods = singles(3);
    let policy = ChannelPolicy {
        absent,
        ..ChannelPolicy::default()
    };
    let world = World::stocked_with(
        subject,
        &goods,
        Options {
            policy,
            ..Options::default()
        },
    )
    .await;
    world.offer(&goods[..2]);
    world.converge().await;
    world.shows(&goods[..2]).await;
    (world, goods)
}

async fn absent_sku_goes_to_zero(subject: Subject) {
    let (world, mut goods) = without_the_last(subject, Absent::Zero).await;
    goods[2].quantity = Some(0);
    world.shows(&goods).await;
    world.nothing_to_do().await;
}

async fn absent_sku_is_ended(subject: Subject) {
    let (world, goods) = without_the_last(subject, Absent::End).await;
    let shown = world.shown().await;
    assert!(
        shown.get(&goods[2].sku).is_none_or(|shown| !shown.live),
        "{shown:#?}"
    );
    world.nothing_to_do().await;
}

async fn absent_sku_is_kept(subject: Subject) {
    let (world, goods) = without_the_last(subject, Absent::Keep).await;
    world.shows(&goods).await;
}

async fn returning_sku_is_sold_again(subject: Subject) {
    let (world, goods) = without_the_last(subject, Absent::End).await;
    world.offer(&goods);
    world.converge().await;
    let shown = world.shown().await;
    assert!(shown[&goods[2].sku].live, "{shown:#?}");
    assert_ne!(shown[&goods[2].sku].quantity, Some(0));
}

async fn partial_rejection_keeps_the_rest(subject: Subject) {
    let world = World::new(subject).await;
    let goods = singles(7);
    world.offer(&goods);
    world.set_faults(Profile {
        refused_skus: vec![goods[3].sku.clone()],
        ..Profile::default()
    });
    let run = world.sync().await;
    assert!(run.error.is_none(), "{run:#?}");
    assert_eq!(
        (run.report.applied, run.report.rejected, run.report.accepted),
        (6, 1, 0),
        "{run:#?}"
    );
    let named = run.report.issues.iter().any(|issue| {
        issue
            .sku
            .as_ref()
            .is_some_and(|sku| sku.as_str() == goods[3].sku)
    });
    assert!(named, "the refused row is not named: {run:#?}");
    let rest: Vec<Good> = goods
        .iter()
        .filter(|good| good.sku != goods[3].sku)
        .cloned()
        .collect();
    world.shows(&rest).await;
    assert!(
        !world
            .shown()
            .await
            .get(&goods[3].sku)
            .is_some_and(|shown| shown.live)
    );
    // The same is not sent again, but what is corrected is.
    let before = world.writes();
    world.sync().await;
    assert_eq!(
        world.writes(),
        before,
        "what was refused is sent again unchanged"
    );
    world.set_faults(Profile::default());
    let mut goods = goods;
    goods[3].title = "A corrected title".to_owned();
    world.offer(&goods);
    world.converge().await;
    world.shows(&goods).await;
}

async fn poison_row_is_split_out(subject: Subject) {
    let world = World::new(subject).await;
    let goods = singles(7);
    let poison = goods[4].sku.clone();
    let refused = poison.clone();
    world.connector.set_script(move |call| match call {
        Call::Push { skus, .. } if skus.contains(&refused) => Mischief::Refuse(Error::new(
            ErrorKind::Rejected,
            "something in here is wrong",
        )),
        _ => Mischief::None,
    });
    world.offer(&goods);
    let run = world.sync().await;
    assert!(run.error.is_none(), "{run:#?}");
    assert_eq!(
        (run.report.applied, run.report.rejected),
        (6, 1),
        "{run:#?}"
    );
    let rest: Vec<Good> = goods
        .iter()
        .filter(|good| good.sku != poison)
        .cloned()
        .collect();
    world.shows(&rest).await;
    assert!(!world.shown().await.contains_key(&poison));
}

/// Answers are lost, once after the work was done and once before.
async fn in_doubt_is_looked_up_before_recreate(subject: Subject) {
    for arrives in [true, false] {
        let world = World::new(subject).await;
        let mut goods = singles(4);
        world.offer(&goods);
        for round in 0..2 {
            world.connector.forget_calls();
            let mut left = 1;
            world.connector.set_script(move |call| {
                let lose = left > 0 && matches!(call, Call::Push { .. });
                left -= i32::from(lose);
                match (lose, arrives) {
                    (false, _) => Mischief::None,
                    (true, true) => Mischief::LoseAnswer,
                    (true, false) => Mischief::LoseRequest,
                }
            });
            world.sync().await;
            let calls = world.connector.calls();
            let lost = calls
                .iter()
                .position(|call| matches!(call, Call::Push { .. }))
                .unwrap();
            let Call::Push { skus, .. } = &calls[lost] else {
                unreachable!()
            };
            let next = calls[lost + 1..].iter().find(|call| match call {
                Call::Push { skus: again, .. } => again.iter().any(|sku| skus.contains(sku)),
                Call::Find(asked) => asked.iter().any(|sku| skus.contains(sku)),
                Call::Listings => true,
                _ => false,
            });
            assert!(
                matches!(next, Some(Call::Find(_) | Call::Listings)),
                "round {round}: after the answer was lost came {next:?}"
            );
            world.converge().await;
            world.shows(&goods).await;
            goods.iter_mut().for_each(|good| good.quantity = Some(1));
            world.offer(&goods);
        }
    }
}

async fn kill_at_any_moment_converges(subject: Subject) {
    for milliseconds in [2, 7, 15, 30, 60, 120, 250, 600] {
        let mut world = World::new(subject).await;
        let mut goods = assortment();
        for quantity in [5, 0] {
            goods
                .iter_mut()
                .filter(|good| !good.is_parent)
                .for_each(|good| good.quantity = Some(quantity));
            world.offer(&goods);
            let killed =
                tokio::time::timeout(Duration::from_millis(milliseconds), world.sync()).await;
            drop(killed);
            world.reconnect();
            world.converge().await;
            world.shows(&goods).await;
        }
        world.nothing_to_do().await;
    }
}
