//! Tests of [`export`](super): which listings go into a catalog.

use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::app::Silent;
use crate::domain::ErrorKind;
use crate::domain::capability::{Capability, Descriptor, Limits, Routes};
use crate::domain::catalog::{Columns, ItemKind};
use crate::domain::connector::{Account, Connector, Page};
use crate::domain::guard::Guard;
use crate::domain::ids::PageToken;
use crate::domain::listing::{ChannelListing, Listing};
use crate::halt::Halt;
use crate::policy::ChannelPolicy;

const fn descriptor(listing_read: bool, variants: Variants) -> Descriptor {
    Descriptor {
        kind: "shelf",
        display_name: "Shelf",
        docs_url: "",
        portal_url: "",
        capability: Capability {
            listing_read,
            ..Capability::NONE
        },
        limits: Limits {
            variants,
            stock: Routes::NONE,
            price: Routes::NONE,
            listing: Routes::NONE,
            end: Routes::NONE,
            find_batch: 1,
            shipment_batch: 1,
            order_lookback: Duration::ZERO,
            submissions_at_once: None,
            submission_deadline: Duration::ZERO,
            sight_deadline: Duration::ZERO,
            quotas: &[],
            title_length: None,
            description_length: None,
            images: None,
            sku_length: None,
        },
        settings: &[],
        notes: &[],
    }
}

static UNREADABLE: Descriptor = descriptor(false, Variants::Flat);
static FLAT: Descriptor = descriptor(true, Variants::Flat);
static PARENTED: Descriptor = descriptor(true, Variants::ParentFirst);

/// Shows what it is given, one listing per page.
#[derive(Debug)]
struct Shelf(&'static Descriptor, Vec<ChannelListing>);

#[async_trait]
impl Connector for Shelf {
    fn descriptor(&self) -> &'static Descriptor {
        self.0
    }

    async fn check(&self) -> Result<Account> {
        Ok(Account::default())
    }

    async fn fetch_listings(&self, page: Option<&PageToken>) -> Result<Page<ChannelListing>> {
        let at: usize = page.map_or(0, |token| token.as_str().parse().unwrap());
        let next = (at + 1 < self.1.len()).then(|| PageToken::from((at + 1).to_string()));
        Ok(Page {
            items: self.1.get(at).cloned().into_iter().collect(),
            next,
        })
    }
}

fn channel(descriptor: &'static Descriptor, shown: Vec<ChannelListing>) -> Channel {
    let policy = ChannelPolicy::default();
    let columns = Arc::new(Columns::default());
    let limits = descriptor.limits.texts();
    Channel {
        name: "shelf".into(),
        connector: Arc::new(Shelf(descriptor, shown)),
        policy: policy
            .compile(&"shelf".into(), &columns, limits, None)
            .unwrap(),
        settings: Default::default(),
        guard: Guard::default(),
        verify: 0,
        halt: Halt::never(),
        orders_since: None,
    }
}

fn listing(sku: &str, kind: ItemKind, parent: Option<&str>) -> ChannelListing {
    let content = Listing {
        parent_sku: parent.map(Sku::from),
        ..Listing::blank(sku.into(), kind)
    };
    ChannelListing {
        sku: sku.into(),
        listing_ref: sku.into(),
        parent_ref: None,
        live: true,
        title: None,
        price: None,
        compare_at: None,
        quantity: None,
        issues: Vec::new(),
        content: Some(Box::new(content)),
    }
}

fn single(sku: &str) -> ChannelListing {
    listing(sku, ItemKind::Single, None)
}

fn variant(sku: &str, parent: &str) -> ChannelListing {
    listing(sku, ItemKind::Variant, Some(parent))
}

fn draft(listing: ChannelListing) -> ChannelListing {
    ChannelListing {
        live: false,
        ..listing
    }
}

/// Skus in their order, families in brackets; what is left out; codes of the issues.
async fn exported(
    descriptor: &'static Descriptor,
    shown: Vec<ChannelListing>,
) -> (String, LeftOut, Vec<String>) {
    let channel = channel(descriptor, shown);
    let scope = Scope::default();
    let refuses = |sku: &Sku| sku.as_str().contains('\n').then_some("two lines");
    let export = Export::read(&channel, &scope, refuses, &Silent)
        .await
        .unwrap();
    let mut skus = Vec::new();
    let left_out = export
        .visit(&mut |family| {
            let members: Vec<&str> = family.members.iter().map(|one| one.sku.as_str()).collect();
            skus.push(match &family.key {
                Some(key) => format!("{key}[{}]", members.join(" ")),
                None => members.join(" "),
            });
            Ok(())
        })
        .unwrap();
    let issues = export.issues().unwrap();
    let codes = issues.into_iter().map(|issue| issue.code).collect();
    (skus.join(" "), left_out, codes)
}

#[tokio::test]
async fn families_are_put_together_and_what_is_not_live_is_left_out() {
    let shown = vec![
        variant("P-1", "P"),
        single("A"),
        draft(single("B")),
        listing("P", ItemKind::Parent, None),
        draft(variant("P-2", "P")),
        variant("P-3", "P"),
        listing("LONE", ItemKind::Parent, None),
        draft(listing("Q", ItemKind::Parent, None)),
        variant("Q-1", "Q"),
        variant("R-1", "R"),
    ];
    let (skus, left_out, codes) = exported(&PARENTED, shown).await;
    assert_eq!(skus, "P[P-1 P-3] A");
    // B, P-2, LONE, Q and, whose parent is not there.
    assert_eq!((left_out.not_live, left_out.faulty), (6, 0));
    assert_eq!(codes, [""; 0]);
    let (skus, left_out, _) = exported(&FLAT, vec![variant("R-1", "R"), variant("R-2", "R")]).await;
    assert_eq!(skus, "R[R-1 R-2]", "a channel without parents needs none");
    assert_eq!(left_out, LeftOut::default());
}

#[tokio::test]
async fn what_no_catalog_can_hold_is_an_issue() {
    let shown = vec![
        single("A"),
        single("B"),
        single("B"),
        single(" "),
        single("C\nD"),
        single("E"),
        variant("E-1", "E"),
    ];
    let (skus, left_out, codes) = exported(&FLAT, shown).await;
    assert_eq!(skus, "A");
    assert_eq!((left_out.not_live, left_out.faulty), (0, 5));
    assert_eq!(
        codes,
        [
            "duplicate_sku",
            "parent_sku_wrong",
            "sku_unwritable",
            "sku_missing"
        ]
    );
}

#[tokio::test]
async fn of_two_listings_of_one_sku_the_live_one_is_taken_at_first_contact() {
    let channel = channel(&FLAT, vec![draft(single("A")), single("A")]);
    let live = LiveListings::read(&channel, &Silent).await.unwrap();
    let mut seen = Vec::new();
    live.visit(&mut |family| {
        seen.extend(family.members.into_iter().map(|one| one.live));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [true]);
}

#[tokio::test]
async fn a_channel_that_cannot_be_read_is_a_mistake_of_the_caller() {
    let channel = channel(&UNREADABLE, Vec::new());
    let scope = Scope::default();
    let error = Export::read(&channel, &scope, |_| None, &Silent)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConfigInvalid);
    assert!(error.message.contains("Shelf"), "{}", error.message);
}
