//! The public indexes, by which clients find out what a shop offers.

use serde_json::{Map, Value, json};

use super::wire::NAMESPACE;
use crate::sandbox::Response;

/// Routes with their methods, as patterns of WordPress.
const ROUTES: &[(&str, &[&str])] = &[
    ("/products", &["GET", "POST"]),
    (
        "/products/(?P<id>[\\d]+)",
        &["GET", "POST", "PUT", "PATCH", "DELETE"],
    ),
    ("/products/batch", &["POST", "PUT", "PATCH"]),
    (
        "/products/(?P<product_id>[\\d]+)/variations",
        &["GET", "POST"],
    ),
    (
        "/products/(?P<product_id>[\\d]+)/variations/(?P<id>[\\d]+)",
        &["GET", "POST", "PUT", "PATCH", "DELETE"],
    ),
    (
        "/products/(?P<product_id>[\\d]+)/variations/batch",
        &["POST", "PUT", "PATCH"],
    ),
    ("/products/categories", &["GET", "POST"]),
    ("/products/categories/(?P<id>[\\d]+)", &["GET", "DELETE"]),
    ("/products/tags", &["GET", "POST"]),
    ("/products/tags/(?P<id>[\\d]+)", &["GET", "DELETE"]),
    ("/products/brands", &["GET", "POST"]),
    ("/products/brands/(?P<id>[\\d]+)", &["GET", "DELETE"]),
    ("/orders", &["GET", "POST"]),
    (
        "/orders/(?P<id>[\\d]+)",
        &["GET", "POST", "PUT", "PATCH", "DELETE"],
    ),
    ("/orders/(?P<order_id>[\\d]+)/notes", &["GET", "POST"]),
    ("/orders/(?P<order_id>[\\d]+)/refunds", &["GET", "POST"]),
    (
        "/orders/(?P<order_id>[\\d]+)/notes/(?P<id>[\\d]+)",
        &["GET", "DELETE"],
    ),
    (
        "/orders/(?P<order_id>[\\d]+)/refunds/(?P<id>[\\d]+)",
        &["GET", "DELETE"],
    ),
];

fn routes() -> Map<String, Value> {
    ROUTES
        .iter()
        .map(|(path, methods)| {
            let route = json!({
                "namespace": "wc/v3",
                "methods": methods,
                "endpoints": [{"methods": methods, "args": {}}],
            });
            (format!("/wc/v3{path}"), route)
        })
        .collect()
}

pub fn shop(base_url: &str) -> Response {
    let body = json!({
        "name": "Sandbox shop",
        "description": "",
        "url": base_url,
        "home": base_url,
        "gmt_offset": "0",
        "timezone_string": "UTC",
        "namespaces": ["wc/v3"],
        "authentication": {},
        "routes": routes(),
    });
    Response::json(200, &body)
}

pub fn namespace(base_url: &str) -> Response {
    let body = json!({
        "namespace": "wc/v3",
        "routes": routes(),
        "_links": {"up": [{"href": format!("{base_url}{NAMESPACE}")}]},
    });
    Response::json(200, &body)
}
