//! Real catalogs, which are not ours to keep: `SKUCAST_DATA` names their folder.

use std::path::PathBuf;

use crate::shops::{Shops, with_local_pictures};
use crate::world::channel;

/// Files that state all that a shop needs, and how many listings are made of each.
const FILES: [(&str, u64); 3] = [
    ("shopify/apparel.csv", 23),
    ("shopify/jewelery.csv", 26),
    ("woocommerce/sample_products.csv", 23),
];

pub fn load(kind: &'static str) {
    let Some(folder) = std::env::var_os("SKUCAST_DATA").map(PathBuf::from) else {
        println!("skipped: real catalogs; SKUCAST_DATA names no folder");
        return;
    };
    for (file, listings) in FILES {
        let shops = Shops::open(&[kind]);
        let text = std::fs::read_to_string(folder.join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        shops.world.write("catalog.csv", with_local_pictures(&text));
        let first = shops.sync();
        assert_eq!(
            channel(&first, kind)["applied"],
            listings,
            "{file}: {first:#}"
        );
        let state = shops.state(kind);
        assert_eq!(state.listings.len() as u64, listings, "{file}");
        assert!(
            state.created.values().all(|count| *count == 1),
            "{file}: {:?}",
            state.created
        );
        let again = shops.sync();
        assert_eq!(channel(&again, kind)["applied"], 0, "{file}: {again:#}");
    }
}
