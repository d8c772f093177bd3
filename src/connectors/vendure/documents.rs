//! The documents that are sent, each in a file of its own.

macro_rules! document {
    ($($name:literal),+) => {
        concat!($(include_str!(concat!("documents/", $name, ".graphql"))),+)
    };
}

pub const SHOP: &str = document!("shop");
pub const PRODUCTS: &str = document!(
    "products",
    "product_fields",
    "variant_fields",
    "asset_fields"
);
pub const FIND: &str = document!("find", "product_fields", "variant_fields");
pub const MARKED_PRODUCTS: &str = document!("marked_products", "product_fields");
pub const PRODUCTS_BY_ID: &str = document!("products_by_id", "product_fields");
pub const EMPTY_PRODUCTS: &str = document!("empty_products");
pub const ASSETS: &str = document!("assets", "asset_fields");
pub const CREATE_ASSETS: &str = document!("create_assets");
pub const STOCK: &str = document!("stock", "variant_fields");
pub const FACETS: &str = document!("facets");
pub const FACET_VALUES: &str = document!("facet_values");
pub const CREATE_FACET: &str = document!("create_facet");
pub const UPDATE_PRODUCTS: &str = document!("update_products");
pub const DELETE_PRODUCT: &str = document!("delete_product");
pub const CREATE_VARIANTS: &str = document!("create_variants");
pub const UPDATE_VARIANTS: &str = document!("update_variants");
pub const ORDERS: &str = document!("orders", "order_fields");
pub const WATCHED_ORDERS: &str = document!("watched_orders");
pub const ORDERS_BY_ID: &str = document!("orders_by_id", "order_fields");
pub const ORDER: &str = document!("order");
pub const FULFILL: &str = document!("fulfill");
pub const MARK_SHIPPED: &str = document!("mark_shipped");

/// One document with a mutation per input, `m0` to the last. Each is a transaction of its own; after one that
/// fails, none is carried out.
pub fn several(field: &str, input_type: &str, answer: &str, count: usize) -> String {
    let variables: Vec<_> = (0..count)
        .map(|index| format!("$i{index}: {input_type}!"))
        .collect();
    let fields: Vec<_> = (0..count)
        .map(|index| {
            format!(
                "{}: {field}(input: $i{index}) {answer}",
                super::api::alias(index)
            )
        })
        .collect();
    format!(
        "mutation Several({}) {{ {} }}",
        variables.join(", "),
        fields.join(" ")
    )
}
