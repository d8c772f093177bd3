//! The GraphQL documents, one file each. They are valid for the Admin API 2026-07 and 2026-10.

/// One operation, as it is sent.
#[derive(Debug)]
pub struct Document {
    /// Names it in messages: the operation's field.
    pub operation: &'static str,
    /// The operation, followed by the fragments that it uses.
    pub text: &'static str,
}

macro_rules! documents {
    ($($name:ident = $operation:literal: $file:literal $(+ $fragment:literal)*;)*) => {
        $(
            pub static $name: Document = Document {
                operation: $operation,
                text: concat!(
                    include_str!(concat!("documents/", $file, ".graphql"))
                    $(, include_str!(concat!("documents/", $fragment, ".graphql")))*
                ),
            };
        )*

        #[cfg(test)]
        pub static ALL: &[&Document] = &[$(&$name),*];
    };
}

documents! {
    SHOP = "shop": "shop";
    LOCATIONS = "locations": "locations";
    PUBLICATIONS = "publications": "publications";

    PRODUCTS = "products": "products" + "fields_of_products" + "content_of_products"
        + "fields_of_variants" + "content_of_variants";
    PRODUCT_VARIANTS = "product": "product_variants" + "fields_of_products" + "content_of_products"
        + "fields_of_variants" + "content_of_variants";
    PRODUCT_SHELF = "product shelf": "product_shelf";
    PRODUCT_MEDIA = "product media": "product_media";
    VARIANTS_BY_SKU = "productVariants": "variants_by_sku" + "fields_of_products" + "fields_of_variants";
    PRODUCTS_BY_HANDLE = "products by handle": "products_by_handle" + "fields_of_products"
        + "fields_of_variants";
    PRODUCT_BY_SKU = "productByIdentifier": "product_by_sku" + "fields_of_products";
    LISTINGS_BY_ID = "nodes": "listings_by_id" + "fields_of_products" + "fields_of_variants";

    PRODUCT_SET = "productSet": "product_set";
    PRODUCT_STATUS = "productUpdate": "product_status";
    PUBLISH = "publishablePublish": "publish";
    UNPUBLISH = "publishableUnpublish": "unpublish";
    PUBLISHED = "nodes published": "published";
    DEFINE_SKU = "metafieldDefinitionCreate": "define_sku";
    REMEMBER = "metafieldsSet": "remember";
    SET_PRICES = "productVariantsBulkUpdate": "set_prices";
    SET_STOCK = "inventorySetQuantities": "set_stock";
    STOCK_AT_LOCATION = "inventoryActivate": "stock_at_location";

    STAGE_UPLOAD = "stagedUploadsCreate": "stage_upload";
    RUN_BULK = "bulkOperationRunMutation": "run_bulk";
    BULK_OPERATION = "bulkOperation": "bulk_operation";

    ORDERS = "orders": "orders" + "fields_of_lines";
    ORDER_LINES = "order lines": "order_lines" + "fields_of_lines";
    ORDER_SHIPPING_LINES = "order shipping lines": "order_shipping_lines";
    ORDER_MOVEMENTS = "order movements": "order_movements";
    FULFILLMENT_ORDERS = "fulfillmentOrders": "fulfillment_orders";
    FULFILLMENT_ORDER_LINES = "fulfillmentOrder": "fulfillment_order_lines";
    SHIP = "fulfillmentCreate": "ship";
}
