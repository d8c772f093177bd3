//! What every ledger must do, whatever it is stored in. Each function gets a ledger that is empty.

mod journal;
mod orders;
mod state;

pub use journal::*;
pub use orders::*;
pub use state::*;

use jiff::Timestamp;

use crate::domain::change::{Action, Change, Lane};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ChannelName, Sku};
use crate::domain::ledger::{ListingRecord, Pending, Settled, Settlement};
use crate::domain::listing::Facets;
use crate::domain::money::{Money, currency};

/// Makes a test of every function of the suite. `$fresh` is an async function that answers an
/// `Arc<dyn Ledger>` and whatever has to live as long as it.
macro_rules! test_ledger {
    ($fresh:path) => {
        $crate::ledger::suite::test_ledger!($fresh:
            runs_are_listed_newest_first,
            a_lock_excludes_every_other,
            catalog_rows_are_remembered,
            a_channel_keeps_what_only_grows,
            listings_are_read_as_recorded,
            listings_are_found_by_their_skus,
            written_listings_are_named_since_a_write,
            live_listings_are_counted,
            twenty_thousand_listings_and_intents_go_there_and_back,
            intents_are_numbered_in_the_order_given,
            an_intent_is_open_until_it_is_known_how_it_ended,
            a_settlement_records_all_or_nothing,
            pending_changes_wait_until_they_are_resolved,
            a_later_write_supersedes_what_shares_its_facet,
            a_rejection_is_remembered_until_the_channel_takes_the_change,
            readers_see_whole_transactions_while_a_writer_is_busy,
            orders_are_read_as_recorded,
            pulling_twice_changes_nothing,
            an_older_order_never_overwrites_a_newer_one,
            an_update_replaces_lines_and_charges,
            an_order_twice_in_one_call_counts_once,
            the_watermark_never_goes_back,
            orders_are_filtered_and_newest_first,
            an_unreadable_order_is_kept_until_it_can_be_read,
            an_order_that_does_not_fit_is_kept_raw,
            a_shipped_order_without_a_date_left_when_first_seen_shipped,
            our_own_parcels_are_counted_when_the_channel_reports_them_late,
            a_canceled_order_follows_the_channel,
            a_shipment_of_an_unknown_order_is_refused,
            sold_lines_are_those_that_a_stock_figure_may_not_know,
        );
    };
    ($fresh:path: $($test:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let (ledger, _alive) = $fresh().await;
            $crate::ledger::suite::$test(ledger).await;
        }
    )*};
}
pub(super) use test_ledger;

pub fn shop() -> ChannelName {
    ChannelName::new("shop")
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The given day of January 2026.
pub fn day(day: u8) -> Timestamp {
    at(&format!("2026-01-{day:02}T08:30:00.123456Z"))
}

pub fn euro(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), currency("EUR").unwrap())
}

pub fn stock(quantity: u64) -> Facets {
    Facets {
        quantity: Some(quantity),
        ..Facets::default()
    }
}

pub fn change(sku: &str, lane: Lane) -> Change {
    Change {
        sku: sku.into(),
        lane,
        action: Action::Set,
        before: stock(5),
        after: stock(3),
    }
}

pub fn listing(number: u64) -> ListingRecord {
    ListingRecord {
        listing_ref: format!("ref-{number}").into(),
        live: number.is_multiple_of(2),
        managed: number.is_multiple_of(3),
        confirmed: Facets {
            price: Some(euro("19.99")),
            compare_at: number.is_multiple_of(5).then(|| euro("24.5")),
            quantity: (!number.is_multiple_of(7)).then_some(number),
            content: Some(Fingerprint(u128::MAX - u128::from(number))),
        },
        shown: number
            .is_multiple_of(4)
            .then_some(Fingerprint(u128::from(number))),
        at: day(1),
    }
}

/// An end that changes nothing else.
pub fn settlement(intent: i64, change: &Change, settled: Settled) -> Settlement {
    Settlement {
        intent,
        sku: change.sku.clone(),
        lane: change.lane,
        settled,
        issues: Vec::new(),
        record: None,
        pending: None,
        resolves_pending: false,
        rejection: None,
    }
}

pub fn pending(intent: i64, change: &Change) -> Pending {
    Pending {
        change: change.clone(),
        intent,
        submission: Some("feed-1".into()),
        part: Some(7),
        listing_ref: None,
        since: day(2),
        deadline: day(4),
        superseded: false,
    }
}

pub fn sku(text: &str) -> Sku {
    Sku::new(text)
}
