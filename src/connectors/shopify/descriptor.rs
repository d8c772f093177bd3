//! What Shopify can do and how fast, as data.

use std::time::Duration;

use crate::domain::capability::{
    Batching, Capability, Descriptor, Endpoint, Grouping, Limits, Note, Quota, Routes, Setting,
    SettingKind, Variants,
};

/// The one bucket that all calls of an app share.
pub const POINTS: Endpoint = "points";

/// Most entries of one list that is sent (shopify.dev/docs/api/usage/limits).
pub const LONGEST_LIST: usize = 250;

/// Where products are published without the setting `publications`.
pub const ONLINE_STORE: &str = "Online Store";

/// Of the smallest plan. A larger shop's first answer says what it has.
pub static QUOTAS: &[Quota] = &[Quota {
    endpoint: POINTS,
    permits: 100,
    per: Duration::from_secs(1),
    burst: 2000,
    source: "https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits",
}];

pub static DESCRIPTOR: Descriptor = Descriptor {
    kind: "shopify",
    display_name: "Shopify",
    docs_url: "https://shopify.dev/docs/api/admin-graphql",
    portal_url: "https://dev.shopify.com/dashboard",
    capability: Capability {
        listing_read: true,
        listing_create: true,
        listing_update: true,
        listing_end: true,
        stock_push: true,
        price_push: true,
        submissions: true,
        orders_pull: true,
        shipments_confirm: true,
        shipments_partial: true,
        ..Capability::NONE
    },
    limits: Limits {
        variants: Variants::Together,
        stock: Routes::direct(Batching::items(LONGEST_LIST, 4)),
        price: Routes {
            direct: Some(Batching::items(10, 4).grouped(Grouping::Products)),
            bulk: Some(Batching::items(20_000, 1).grouped(Grouping::Products)),
            direct_up_to: 500,
            bulk_creates_only: false,
        },
        listing: Routes {
            direct: Some(Batching::items(5, 4).grouped(Grouping::Products)),
            bulk: Some(Batching::items(5_000, 1).grouped(Grouping::Products)),
            direct_up_to: 200,
            // An update reads the product first: thousands in one call would hold up what is urgent.
            bulk_creates_only: true,
        },
        end: Routes::direct(Batching::items(10, 2).grouped(Grouping::Products)),
        find_batch: 50,
        shipment_batch: 10,
        order_lookback: Duration::from_secs(10 * 60),
        submissions_at_once: Some(5),
        // A bulk operation that is not done after 24 hours is broken off.
        submission_deadline: Duration::from_secs(25 * 3600),
        sight_deadline: Duration::ZERO,
        quotas: QUOTAS,
        title_length: Some(255),
        description_length: None,
        images: Some(250),
        sku_length: Some(255),
    },
    settings: SETTINGS,
    notes: &[
        Note {
            capability: "listing_end",
            text: "an ended product becomes a draft; one variant of several is unpublished, and its page offers the others",
            source: "https://shopify.dev/changelog/posts/publish-and-unpublish-product-variants-independently-from-product",
        },
        Note {
            capability: "submissions",
            text: "above 200 new products or 500 prices, as bulk operations, which use no points",
            source: "https://shopify.dev/docs/api/usage/bulk-operations/imports",
        },
        Note {
            capability: "orders_pull",
            text: "orders of the last 60 days; older ones need the scope `read_all_orders`, which Shopify grants on request",
            source: "https://shopify.dev/docs/api/usage/access-scopes",
        },
    ],
};

static SETTINGS: &[Setting] = &[
    Setting {
        key: "shop",
        help: "The shop's own address, as in Settings > Domains",
        kind: SettingKind::Text,
        required: true,
        default: None,
        example: "my-shop.myshopify.com",
    },
    Setting {
        key: "client_id",
        help: "Of the app: Dev Dashboard > your app > Settings",
        kind: SettingKind::Text,
        required: false,
        default: None,
        example: "0123456789abcdef0123456789abcdef",
    },
    Setting {
        key: "client_secret",
        help: "Beside the client id",
        kind: SettingKind::Secret,
        required: false,
        default: None,
        example: "env:SHOPIFY_CLIENT_SECRET",
    },
    Setting {
        key: "access_token",
        help: "Instead of id and secret: the token of a custom app that was made in the shop's admin",
        kind: SettingKind::Secret,
        required: false,
        default: None,
        example: "env:SHOPIFY_ACCESS_TOKEN",
    },
    Setting {
        key: "location",
        help: "Where the stock is kept that is sold from, by name or number; needed when the shop has several locations",
        kind: SettingKind::Text,
        required: false,
        default: None,
        example: "Warehouse",
    },
    Setting {
        key: "publications",
        help: "Sales channels of the shop on which new products appear",
        kind: SettingKind::List,
        required: false,
        default: Some(ONLINE_STORE),
        example: "[\"Online Store\", \"Point of Sale\"]",
    },
];
