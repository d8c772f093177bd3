//! Bad days: throttling, broken servers, answers that are lost after the work was done.

use std::time::{Duration, Instant};

use skucast::domain::change::{Batch, Route};
use skucast::domain::connector::{Connector, Outcome};
use skucast::domain::ledger::Ledger;
use skucast::http::HttpOptions;
use skucast::sandbox::Profile;

use super::declared::creation;
use super::{Need, checks};
use crate::frail::{Breaks, Frail};
use crate::goods::{Good, singles};
use crate::live;
use crate::subject::Subject;
use crate::world::{Options, World};

checks! {
    rate_limit_waits_for_retry_after: [Need::Sandbox],
    server_error_is_not_resent_when_not_replayable: [Need::Sandbox, Need::Declared("listing_create")],
    flaky_channel_converges: [Need::Sandbox, Need::Declared("listing_create")],
    timeout_after_send_is_unknown: [Need::Sandbox, Need::Declared("listing_create")],
    repeated_listing_page_is_an_error: [Need::Sandbox, Need::Declared("listing_read")],
    crash_before_settlement_converges: [Need::Declared("listing_create")],
    unreachable_channel_is_told: [Need::Sandbox],
}

async fn rate_limit_waits_for_retry_after(subject: Subject) {
    let world = World::new(subject).await;
    // The token, if there is any, is fetched before.
    world.connector.check().await.unwrap();
    let throttled = world.running().with(|sandbox| sandbox.throttled(1));
    let names_wait = throttled
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    let before: u64 = world.running().requests().values().sum();
    world.set_faults(Profile {
        throttle: 1.0,
        most: 1,
        ..Profile::default()
    });
    let started = Instant::now();
    world.connector.check().await.unwrap();
    if names_wait {
        assert!(
            started.elapsed() >= Duration::from_secs(1),
            "came back after {:?}",
            started.elapsed()
        );
    }
    let asked = world.running().requests().values().sum::<u64>() - before;
    assert_eq!(asked, 2, "once refused, once served");
}

/// Lost answers of every kind, at every write in turn: whatever is created is created once.
async fn server_error_is_not_resent_when_not_replayable(subject: Subject) {
    let profiles = [
        Profile {
            lost_answer: 1.0,
            most: 1,
            ..Profile::default()
        },
        Profile {
            lost_answer: 1.0,
            most: 3,
            ..Profile::default()
        },
        Profile {
            reset: 1.0,
            most: 2,
            ..Profile::default()
        },
        Profile {
            lost_answer: 0.4,
            reset: 0.4,
            most: 5,
            ..Profile::default()
        },
        Profile {
            lost_answer: 0.4,
            reset: 0.2,
            most: 5,
            ..Profile::default()
        },
    ];
    for (seed, profile) in (1..).zip(profiles) {
        let world = World::with(
            subject,
            Options {
                seed,
                ..Options::default()
            },
        )
        .await;
        let mut goods = singles(4);
        goods.extend(Good::family(50));
        world.offer(&goods);
        world.connector.check().await.unwrap();
        world.plot.watch_creations();
        world.set_faults(Profile {
            writes_only: true,
            ..profile
        });
        world.converge().await;
        let resent = world.plot.resent();
        assert!(resent.is_empty(), "sent again without a look: {resent:?}");
        world.shows(&goods).await;
        world.nothing_to_do().await;
    }
}

/// A bit of everything, while things change. Without throttling: a channel that gives one permit in minutes is
/// waited for, as it should be.
async fn flaky_channel_converges(subject: Subject) {
    let profiles = [
        Profile {
            server_error: 0.2,
            partial_batch: 0.2,
            ..Profile::default()
        },
        Profile {
            lost_answer: 0.1,
            reset: 0.1,
            ..Profile::default()
        },
        Profile {
            server_error: 0.1,
            lost_answer: 0.1,
            reset: 0.1,
            partial_batch: 0.1,
            ignored: 0.1,
            ..Profile::default()
        },
    ];
    for (seed, profile) in (3..).zip(profiles) {
        let world = World::with(
            subject,
            Options {
                seed,
                ..Options::default()
            },
        )
        .await;
        let mut goods = singles(12);
        let ignores = profile.ignored > 0.0;
        world.offer(&goods);
        world.set_faults(Profile {
            most: 12,
            ..profile
        });
        for quantity in [5, 2] {
            goods
                .iter_mut()
                .for_each(|good| good.quantity = Some(quantity));
            world.offer(&goods);
            for _ in 0..3 {
                world
                    .sync_with(|order, _| order.wait = Duration::from_secs(3))
                    .await;
            }
        }
        world.set_faults(Profile::default());
        if ignores && subject.capability().submissions {
            // What was taken for later and ignored is only found at its deadline.
            continue;
        }
        world.converge().await;
        world.shows(&goods).await;
        world.nothing_to_do().await;
    }
}

/// An answer is never a lie: what counts as not applied is not there, and what may be there is called unknown.
async fn timeout_after_send_is_unknown(subject: Subject) {
    let mut unknown = 0;
    // A real server may have other work to do; an emulated one answers at once.
    let patience = match live::judges(subject.factory.descriptor.kind) {
        true => Duration::from_secs(15),
        false => Duration::from_millis(1500),
    };
    let lost = [
        Profile {
            reset: 1.0,
            ..Profile::default()
        },
        Profile {
            lost_answer: 1.0,
            ..Profile::default()
        },
        Profile {
            timeout: 1.0,
            ..Profile::default()
        },
    ];
    // The answer to the first write of a creation is lost, then to the second, until there are no more.
    for (profile, after) in lost
        .iter()
        .flat_map(|profile| (0..4).map(move |after| (profile, after)))
    {
        let options = Options {
            http: HttpOptions {
                timeout: patience,
                attempts: 1,
                ..Options::default().http
            },
            ..Options::default()
        };
        // One listing is there already, with the category that it shares.
        let world = World::stocked_with(subject, &singles(1), options).await;
        let goods = [Good::new(2)];
        let change = creation(&world, &goods[0]).await;
        world.plot.set(
            after,
            Profile {
                most: 1,
                writes_only: true,
                ..profile.clone()
            },
        );
        let (items, key) = ([change], "key".into());
        let route = match subject.limits().listing.direct {
            Some(_) => Route::Direct,
            None => Route::Bulk,
        };
        let batch = Batch {
            items: &items,
            route,
            key: &key,
            dry_run: false,
        };
        let answer = world.connector.push_listings(batch).await;
        if world.plot.is_pending() {
            continue;
        }
        let denied = match answer.map(|mut outcomes| outcomes.remove(0).outcome) {
            Ok(Outcome::Unknown(_)) => {
                unknown += 1;
                None
            }
            Ok(Outcome::Applied { .. } | Outcome::Accepted { .. }) => None,
            Ok(other) => Some(format!("{other:?}")),
            Err(error) => Some(format!("{error:?}")),
        };
        if let Some(denied) = denied {
            // Whatever was accepted has time to appear.
            tokio::time::sleep(Duration::from_millis(1500)).await;
            let there = world.shown().await.contains_key(&goods[0].sku);
            assert!(!there, "the listing is there, although: {denied}");
        }
    }
    assert!(unknown > 0, "no lost answer was called unknown");
}

async fn repeated_listing_page_is_an_error(subject: Subject) {
    let goods = singles(130);
    let mut world = World::stocked(subject, &goods).await;
    world.forget().await;
    world.set_faults(Profile {
        repeated_page: 1.0,
        ..Profile::default()
    });
    let run = world.sync_with(|order, _| order.pull = false).await;
    let error = run
        .error
        .expect("a list without an end is an error")
        .to_string();
    assert!(error.contains("repeats"), "{error}");
    assert_eq!(
        world.connector.pushes(),
        [],
        "something was sent without knowing what is live"
    );
    world.set_faults(Profile::default());
    world.converge().await;
    world.nothing_is_doubled();
}

/// The program dies between the channel's answer and the ledger.
async fn crash_before_settlement_converges(subject: Subject) {
    let world = World::new(subject).await;
    let mut goods = singles(4);
    for quantity in [5, 0] {
        goods
            .iter_mut()
            .for_each(|good| good.quantity = Some(quantity));
        world.offer(&goods);
        let broken = world
            .sync_with(|_, work| {
                work.ledger = Frail::new(world.ledger.clone(), Breaks::AtSettlement);
            })
            .await;
        assert!(broken.error.is_some(), "the ledger did not break");
        let open = world
            .ledger
            .open_intents(&world.channel_name)
            .await
            .unwrap();
        assert_eq!(open.len(), 4, "what was sent is not remembered");
        world.converge().await;
        world.shows(&goods).await;
    }
    world.nothing_to_do().await;
}

async fn unreachable_channel_is_told(subject: Subject) {
    let mut world = World::stocked(subject, &singles(1)).await;
    world.sandbox = None;
    let error = world.connector.check().await.expect_err("nobody is there");
    assert!(error.is_temporary(), "{error:?}");
    assert!(!error.in_doubt, "nothing was sent: {error:?}");
    assert_eq!(error.kind, skucast::domain::ErrorKind::Unavailable);
}
