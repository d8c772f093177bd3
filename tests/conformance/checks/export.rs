//! What is live, written as a catalog: read back it leaves nothing to do.

use std::sync::Arc;

use jiff::Timestamp;
use skucast::app::export::Export;
use skucast::app::{Scope, Silent};
use skucast::catalog_csv::{CatalogSurvey, WriteFormat};
use skucast::domain::ledger::Ledger;
use skucast::policy::ChannelPolicy;

use super::Need::{Declared, Grouping};
use super::checks;
use crate::goods::{Good, singles};
use crate::subject::Subject;
use crate::world::World;

checks! {
    an_export_reads_back_to_nothing_to_do: [Declared("listing_read"), Declared("listing_create")],
    an_exported_family_reads_back_to_nothing_to_do: [
        Declared("listing_read"), Declared("listing_create"), Grouping
    ],
    an_export_leaves_nothing_to_do_with_the_same_ledger: [Declared("listing_read"), Declared("listing_create")],
    what_shows_the_catalog_is_sent_no_content: [Declared("listing_read"), Declared("listing_create")],
}

const FORMATS: [WriteFormat; 2] = [WriteFormat::Native, WriteFormat::Shopify];

/// Texts that files and channels like to spoil.
fn awkward() -> Vec<Good> {
    let titles = [
        "Bag, \"large\"; blue | red",
        "Tom & Jerry's bag < 5 kg",
        "Tasche – groß, ähnlich wie ½ „Koffer“ 旅行包",
        "'007 =1+1",
    ];
    let mut goods = singles(titles.len() as u32);
    for (good, title) in goods.iter_mut().zip(titles) {
        good.title = title.to_owned();
    }
    goods
}

/// Replaces the catalog by an export of the channel.
async fn export(world: &World, format: WriteFormat, record: bool) {
    let channel = world.channel(&ChannelPolicy::default());
    let scope = Scope::default();
    let export = Export::read(&channel, &scope, CatalogSurvey::refuses, &Silent)
        .await
        .unwrap();
    assert_eq!(export.issues().unwrap(), []);
    let mut survey = CatalogSurvey::new(format);
    export
        .visit(&mut |family| {
            survey.meet(family);
            Ok(())
        })
        .unwrap();
    let mut text = Vec::new();
    let mut writer = survey.begin(&mut text).unwrap();
    export.visit(&mut |family| writer.write(family)).unwrap();
    let rows = writer.finish().unwrap();
    assert!(rows > 0, "nothing was exported");
    std::fs::write(world.catalog_path(), text).unwrap();
    if record {
        let ledger: Arc<dyn Ledger> = world.ledger.clone();
        export.record(&ledger, Timestamp::now()).await.unwrap();
    }
}

async fn reads_back(subject: Subject, goods: &[Good]) {
    for format in FORMATS {
        let mut world = World::stocked(subject, goods).await;
        export(&world, format, false).await;
        world.forget().await;
        world.nothing_to_do().await;
        world.shows(goods).await;
    }
}

async fn an_export_reads_back_to_nothing_to_do(subject: Subject) {
    reads_back(subject, &awkward()).await;
}

async fn an_exported_family_reads_back_to_nothing_to_do(subject: Subject) {
    let mut goods = Good::family(20);
    goods.extend(singles(2));
    // A family of one is a family too.
    goods.extend(Good::family(40).into_iter().take(2));
    reads_back(subject, &goods).await;
}

async fn an_export_leaves_nothing_to_do_with_the_same_ledger(subject: Subject) {
    for format in FORMATS {
        let goods = awkward();
        let world = World::stocked(subject, &goods).await;
        export(&world, format, true).await;
        world.nothing_to_do().await;
        // The seller's own catalog is still what was sent.
        world.offer(&goods);
        world.nothing_to_do().await;
    }
}

/// Whatever else the catalog says that this channel does not keep.
async fn what_shows_the_catalog_is_sent_no_content(subject: Subject) {
    let mut goods = awkward();
    if Grouping.missing(&subject).is_none() {
        goods.extend(Good::family(20));
    }
    let mut world = World::stocked(subject, &goods).await;
    world.forget().await;
    let run = world.sync_well().await;
    // Where a channel does not tell how many there are, the stock is set.
    let contents = (run.counts.create, run.counts.update, run.counts.price);
    assert_eq!(contents, (0, 0, 0), "{:?}", world.connector.pushes());
    // The channel still gets what changes.
    goods[0].title = "Another bag".to_owned();
    world.offer(&goods);
    let run = world.sync_well().await;
    assert_eq!((run.counts.update, run.counts.total()), (1, 1));
}
