//! What is fixed about selling on Amazon: abilities, limits, quotas, settings.

use std::time::Duration;

use super::{api, content, feeds};
use crate::domain::capability::{
    Batching, Capability, Descriptor, Endpoint, Limits, Note, Quota, Routes, Setting, SettingKind,
    Variants,
};

pub const TOKEN_URL: &str = "https://api.amazon.com/auth/o2/token";
pub const PRODUCT_TYPE: &str = "PRODUCT";
pub const CONDITION: &str = "new";
pub const FULFILLMENT_CHANNEL: &str = "DEFAULT";

pub static DESCRIPTOR: Descriptor = Descriptor {
    kind: "amazon",
    display_name: "Amazon",
    docs_url: "https://developer-docs.amazon.com/sp-api",
    portal_url: "https://sellercentral.amazon.com/sellingpartner/developerconsole",
    capability: Capability {
        listing_read: true,
        listing_create: true,
        listing_update: true,
        listing_end: true,
        listing_dry_run: true,
        stock_push: true,
        price_push: true,
        submissions: true,
        orders_pull: true,
        shipments_confirm: true,
        shipments_partial: true,
    },
    limits: Limits {
        variants: Variants::InOrder,
        stock: DIRECT_OR_FEED,
        price: DIRECT_OR_FEED,
        // One feed for many: a listing takes Amazon minutes anyway, and only five feeds may start in as many.
        listing: Routes::bulk(Batching::items(10_000, 1)),
        end: DIRECT_OR_FEED,
        find_batch: 20,
        shipment_batch: 1,
        // `lastUpdatedBefore` of an answer lies two minutes back; the rest is for changes that show up late.
        order_lookback: Duration::from_secs(10 * 60),
        submissions_at_once: None,
        // Feeds have been seen to wait for twelve hours (amzn/selling-partner-api-models issue 4823).
        submission_deadline: Duration::from_secs(48 * 60 * 60),
        // Patches show within minutes; one that does not is sent again.
        sight_deadline: Duration::from_secs(15 * 60),
        quotas: QUOTAS,
        title_length: None,
        description_length: None,
        images: Some(content::MOST_IMAGES),
        sku_length: None,
    },
    settings: SETTINGS,
    notes: NOTES,
};

/// Five calls a second are a thousand skus in three minutes; a feed takes longer than that to be answered.
const DIRECT_OR_FEED: Routes = Routes {
    direct: Some(Batching::items(1, 5)),
    bulk: Some(Batching::items(feeds::MOST_MESSAGES, 1)),
    direct_up_to: 1000,
    bulk_creates_only: false,
};

const LISTINGS_MODEL: &str = "listingsItems_2021-08-01.json, usage plan";
const FEEDS_MODEL: &str = "feeds_2021-06-30.json, usage plan";

/// `permits` per second. Of the burst one is left: a request that travels faster than the one before it must
/// not arrive before its permit.
const fn per_second(endpoint: Endpoint, permits: u32, burst: u32, source: &'static str) -> Quota {
    Quota {
        endpoint,
        permits,
        per: Duration::from_secs(1),
        burst: if burst > 1 { burst - 1 } else { 1 },
        source,
    }
}

/// For rates with four decimals: `permits` per 10,000 seconds.
const fn slow(endpoint: Endpoint, permits: u32, burst: u32, source: &'static str) -> Quota {
    Quota {
        endpoint,
        permits,
        per: Duration::from_secs(10_000),
        burst,
        source,
    }
}

pub const QUOTAS: &[Quota] = &[
    per_second("patchListingsItem", 5, 5, LISTINGS_MODEL),
    per_second("getListingsItem", 5, 10, LISTINGS_MODEL),
    per_second("deleteListingsItem", 5, 5, LISTINGS_MODEL),
    per_second("searchListingsItems", 5, 5, LISTINGS_MODEL),
    per_second(
        api::PREVIEW,
        1,
        1,
        "developer-docs.amazon.com/sp-api/docs/listings-items-api-rate-limits: validation previews per seller",
    ),
    Quota {
        endpoint: "createFeedDocument",
        permits: 1,
        per: Duration::from_secs(2),
        burst: 15,
        source: FEEDS_MODEL,
    },
    // The operation's rate, and of its burst the five that JSON_LISTINGS_FEED has in five minutes.
    slow(
        "createFeed",
        83,
        5,
        "feeds_2021-06-30.json, usage plan; feeds-api-best-practices: five JSON_LISTINGS_FEED per five minutes",
    ),
    per_second("getFeed", 2, 15, FEEDS_MODEL),
    slow("getFeedDocument", 222, 10, FEEDS_MODEL),
    slow("searchOrders", 56, 20, "orders_2026-01-01.json, usage plan"),
    per_second("confirmShipment", 2, 10, "ordersV0.json, usage plan"),
];

const fn setting(
    key: &'static str,
    help: &'static str,
    kind: SettingKind,
    example: &'static str,
) -> Setting {
    Setting {
        key,
        help,
        kind,
        required: false,
        default: None,
        example,
    }
}

const fn required(setting: Setting) -> Setting {
    Setting {
        required: true,
        ..setting
    }
}

const fn defaults_to(setting: Setting, default: &'static str) -> Setting {
    Setting {
        default: Some(default),
        ..setting
    }
}

const SETTINGS: &[Setting] = &[
    required(setting(
        "marketplace_id",
        "Amazon's id of the store, such as A1PA6795UKMFR9 for amazon.de",
        SettingKind::Text,
        "A1PA6795UKMFR9",
    )),
    required(setting(
        "seller_id",
        "the merchant token: Seller Central, Settings, Account Info",
        SettingKind::Text,
        "A2EXAMPLE1234",
    )),
    required(setting(
        "client_id",
        "the app's client id: Seller Central, Develop Apps, LWA credentials",
        SettingKind::Text,
        "amzn1.application-oa2-client.0123456789abcdef",
    )),
    required(setting(
        "client_secret",
        "the app's client secret, shown beside the client id",
        SettingKind::Secret,
        "env:AMAZON_CLIENT_SECRET",
    )),
    required(setting(
        "refresh_token",
        "shown once when you authorize your own app: Develop Apps, Authorize",
        SettingKind::Secret,
        "env:AMAZON_REFRESH_TOKEN",
    )),
    setting(
        "region",
        "where the store is served from; follows from `marketplace_id` where that is known",
        SettingKind::Choice(&["na", "eu", "fe"]),
        "eu",
    ),
    setting(
        "currency",
        "ISO 4217 code; follows from `marketplace_id` where that is known",
        SettingKind::Text,
        "EUR",
    ),
    setting(
        "language",
        "of titles and descriptions, and of Amazon's messages; follows from `marketplace_id` where that is known",
        SettingKind::Text,
        "de_DE",
    ),
    defaults_to(
        setting(
            "product_type",
            "Amazon's product type of listings without a category",
            SettingKind::Text,
            "LUGGAGE",
        ),
        PRODUCT_TYPE,
    ),
    defaults_to(
        setting(
            "condition",
            "of listings that state none: `new`, `refurbished`, `used` or Amazon's own word",
            SettingKind::Text,
            "new",
        ),
        CONDITION,
    ),
    defaults_to(
        setting(
            "fulfillment_channel",
            "whose stock is set; `DEFAULT` is your own warehouse",
            SettingKind::Text,
            "DEFAULT",
        ),
        FULFILLMENT_CHANNEL,
    ),
    setting(
        "endpoint",
        "another server than Amazon's own, such as a sandbox",
        SettingKind::Url,
        "https://sandbox.sellingpartnerapi-eu.amazon.com",
    ),
    defaults_to(
        setting(
            "token_url",
            "another token service than Login with Amazon",
            SettingKind::Url,
            TOKEN_URL,
        ),
        TOKEN_URL,
    ),
];

const NOTES: &[Note] = &[
    Note {
        capability: "listing_read",
        text: "Price and stock are read as they are live; the list price only as it was submitted",
        source: "listingsItems_2021-08-01.json, Item",
    },
    Note {
        capability: "listing_update",
        text: "An attribute that is no longer stated stays as it was",
        source: "listingsItems_2021-08-01.json, PatchOperation",
    },
    Note {
        capability: "listing_dry_run",
        text: "One listing per second",
        source: "developer-docs.amazon.com/sp-api/docs/listings-items-api-rate-limits",
    },
    Note {
        capability: "stock_push",
        text: "Stock of Amazon's own warehouses (FBA) cannot be set",
        source: "developer-docs.amazon.com/sp-api: Submit Listings data",
    },
    Note {
        capability: "orders_pull",
        text: "Without Amazon's fees, and of the last two years only",
        source: "developer-docs.amazon.com/sp-api: Orders API migration guide",
    },
];
