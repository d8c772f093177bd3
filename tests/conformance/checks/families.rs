//! Parents and their variants: grouped as the channel wants them, and never in each other's way.

use skucast::domain::capability::Variants;
use skucast::policy::{Absent, ChannelPolicy};
use skucast::sandbox::Profile;

use super::{Need, checks};
use crate::goods::Good;
use crate::subject::Subject;
use crate::world::{Options, World};

checks! {
    variants_are_grouped: [Need::Declared("listing_create"), Need::Grouping],
    an_absent_variant_survives_its_siblings: [Need::Declared("listing_update")],
    one_bad_variant_holds_back_itself: [Need::Sandbox, Need::Declared("listing_create")],
    a_price_per_variant: [Need::Declared("price_push")],
}

async fn variants_are_grouped(subject: Subject) {
    let world = World::new(subject).await;
    let family = Good::family(1);
    world.offer(&family);
    world.sync_well().await;
    world.shows(&family).await;
    let variants = subject.limits().variants;
    if variants == Variants::Flat {
        return;
    }
    let found = {
        let skus: Vec<_> = family.iter().map(|good| good.sku.as_str().into()).collect();
        let mut found = Vec::new();
        for part in skus.chunks(subject.limits().find_batch) {
            found.extend(world.connector.inner().find_listings(part).await.unwrap());
        }
        found
    };
    let parent = found
        .iter()
        .find(|one| one.sku.as_str() == family[0].sku)
        .expect("the parent is there");
    for variant in &family[1..] {
        let live = found
            .iter()
            .find(|one| one.sku.as_str() == variant.sku)
            .expect("the variant is there");
        if variants == Variants::ParentFirst {
            assert_eq!(
                live.parent_ref.as_ref(),
                Some(&parent.listing_ref),
                "{}",
                variant.sku
            );
        }
        let content = &world.shown().await[&variant.sku].content;
        assert!(
            content.contains(&family[0].sku) || content.contains(parent.listing_ref.as_str()),
            "{} does not name its parent: {content}",
            variant.sku
        );
        assert!(
            content.contains(&format!("\"{}\"", variant.size.unwrap())),
            "{} does not name its size: {content}",
            variant.sku
        );
    }
    // One more size of what is there already.
    let mut family = family;
    family.push(Good {
        parent: Some(family[0].sku.clone()),
        size: Some("XL"),
        ..Good::new(50).sku("FAMILY-0001-XL")
    });
    world.offer(&family);
    world.converge().await;
    world.shows(&family).await;
}

/// A variant has left the catalog and is to stay as it is, while everything around it changes and grows.
async fn an_absent_variant_survives_its_siblings(subject: Subject) {
    let mut family = Good::family(1);
    let options = Options {
        policy: ChannelPolicy {
            absent: Absent::Keep,
            ..ChannelPolicy::default()
        },
        ..Options::default()
    };
    let world = World::stocked_with(subject, &family, options).await;
    let gone = family.remove(2);
    for good in &mut family {
        good.title += " anew";
    }
    family.push(Good {
        parent: gone.parent.clone(),
        size: Some("XL"),
        ..Good::new(50).sku("FAMILY-0001-XL")
    });
    world.offer(&family);
    world.converge().await;
    world.shows(&family).await;
    world.shows(&[gone]).await;
}

async fn one_bad_variant_holds_back_itself(subject: Subject) {
    let mut family = Good::family(1);
    let world = World::new(subject).await;
    world.offer(&family);
    let refused = family[2].sku.clone();
    world.set_faults(Profile {
        refused_skus: vec![refused.clone()],
        ..Profile::default()
    });
    let run = world.sync().await;
    assert!(run.error.is_none(), "{run:#?}");
    let names_it = |issue: &skucast::domain::issue::Issue| {
        issue.is_error()
            && issue
                .sku
                .as_ref()
                .is_some_and(|sku| sku.as_str() == refused)
    };
    assert!(run.report.issues.iter().any(names_it), "{run:#?}");
    let others: Vec<_> = run
        .report
        .issues
        .iter()
        .filter(|issue| issue.is_error() && !names_it(issue))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    let bad = family.remove(2);
    world.shows(&family).await;
    assert!(!world.shown().await.contains_key(&bad.sku));
    // The channel takes it after all, once the seller has changed it.
    world.set_faults(Profile::default());
    family.insert(
        2,
        Good {
            title: "Another name".to_owned(),
            ..bad
        },
    );
    world.offer(&family);
    world.converge().await;
    world.shows(&family).await;
}

async fn a_price_per_variant(subject: Subject) {
    let mut goods = Good::family(1);
    goods.extend(Good::family(20));
    goods.push(Good::new(90));
    let world = World::stocked(subject, &goods).await;
    for (number, good) in (1..).zip(&mut goods) {
        good.price = format!("{number}.50");
    }
    world.offer(&goods);
    world.sync_well().await;
    world.shows(&goods).await;
    world.nothing_to_do().await;
}
