//! Shopify: the emulated shop. The connector itself comes next.

mod sandbox;

pub use sandbox::ShopifySandbox;
