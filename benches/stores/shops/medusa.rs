//! Medusa: sales channels of one server.

use async_trait::async_trait;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Shop, Store};
use crate::Result;
use crate::catalog::Catalog;
use crate::server::Server;
use crate::verdict::{Shown, ShownVariant};

const PAGE: usize = 100;
const CURRENCY: &str = "EUR";
const FIELDS: &str = "id,title,description,variants.sku,variants.prices.amount,variants.prices.currency_code,\
variants.inventory_items.inventory.location_levels.location_id,\
variants.inventory_items.inventory.location_levels.stocked_quantity";

pub struct Medusa {
    client: reqwest::Client,
    url: String,
    key: String,
    email: String,
    password: String,
    profile: String,
}

impl Medusa {
    pub async fn open(server: &Server) -> Result<Self> {
        Ok(Self {
            client: super::client()?,
            url: server.url().to_owned(),
            key: server.fact("api_key")?,
            email: server.fact("email")?,
            password: server.fact("password")?,
            profile: server.fact("shipping_profile")?,
        })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self
            .client
            .request(method, format!("{}/admin/{path}", self.url))
            .basic_auth(&self.key, Some(""));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        match status.is_success() {
            true => Ok(body),
            false => Err(format!("{path}: {status} {}", body["message"]).into()),
        }
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body)).await
    }
}

#[async_trait]
impl Shop for Medusa {
    fn kind(&self) -> &'static str {
        "medusa"
    }

    fn currency(&self) -> &str {
        CURRENCY
    }

    async fn make_store(&self, mark: &str) -> Result<Store> {
        let name = format!("{mark} {}", uuid::Uuid::now_v7().simple());
        let made = self.post("sales-channels", json!({"name": name})).await?;
        let channel = made["sales_channel"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let address =
            json!({"address_1": "1 Example Street", "city": "Sampleton", "country_code": "de"});
        let made = self
            .post("stock-locations", json!({"name": name, "address": address}))
            .await?;
        let location = made["stock_location"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let path = format!("stock-locations/{location}/sales-channels");
        self.post(&path, json!({"add": [channel]})).await?;
        Ok(Store { channel, location })
    }

    fn settings(&self, store: &Store, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("url", url.to_owned()),
            ("api_key", self.key.clone()),
            ("currency", CURRENCY.to_owned()),
            ("sales_channel", store.channel.clone()),
            ("stock_location", store.location.clone()),
        ]
    }

    fn environment(&self, store: &Store, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("MEDUSA_URL", url.to_owned()),
            ("MEDUSA_EMAIL", self.email.clone()),
            ("MEDUSA_PASSWORD", self.password.clone()),
            ("MEDUSA_SALES_CHANNEL", store.channel.clone()),
            ("MEDUSA_LOCATION", store.location.clone()),
            ("MEDUSA_SHIPPING_PROFILE", self.profile.clone()),
        ]
    }

    /// A row per variant; there is no column for stock.
    fn import_file(&self, catalog: &Catalog, store: &Store) -> Result<String> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record([
            "Product Id",
            "Product Handle",
            "Product Title",
            "Product Status",
            "Product Description",
            "Product Metadata",
            "Product Sales Channel 1",
            "Shipping Profile Id",
            "Variant Id",
            "Variant Title",
            "Variant Sku",
            "Variant Manage Inventory",
            "Variant Price EUR",
            "Variant Option 1 Name",
            "Variant Option 1 Value",
            "Variant Option 2 Name",
            "Variant Option 2 Value",
        ])?;
        for product in &catalog.products {
            for variant in &product.variants {
                let axis = |at: usize| product.axes.get(at).copied().unwrap_or_default();
                let value = |at: usize| variant.values.get(at).copied().unwrap_or_default();
                let first = match product.is_family() {
                    true => (axis(0), value(0)),
                    false => ("Default", "Default"),
                };
                rows.write_record([
                    "",
                    &product.handle(),
                    &product.title,
                    "published",
                    &product.description,
                    &json!({"brand": product.brand}).to_string(),
                    &store.channel,
                    &self.profile,
                    "",
                    &variant.title(),
                    &variant.sku,
                    "true",
                    &variant.price.to_string(),
                    first.0,
                    first.1,
                    axis(1),
                    value(1),
                ])?;
            }
        }
        Ok(String::from_utf8(rows.into_inner()?)?)
    }

    async fn goods(&self, store: &Store) -> Result<Vec<Shown>> {
        let filter = format!("&sales_channel_id[]={}", store.channel);
        let products = self.products(&filter, FIELDS).await?;
        Ok(products
            .iter()
            .map(|product| shown(product, store))
            .collect())
    }

    /// Skus are unique in the whole shop, so that skucast reads what is on sale elsewhere in it too.
    async fn clear(&self) -> Result<()> {
        let products = self.products("", "id").await?;
        let ids: Vec<&Value> = products.iter().map(|product| &product["id"]).collect();
        for portion in ids.chunks(PAGE) {
            self.post("products/batch", json!({"delete": portion}))
                .await?;
        }
        Ok(())
    }
}

impl Medusa {
    /// Every product that the filter leaves, to the last page.
    async fn products(&self, filter: &str, fields: &str) -> Result<Vec<Value>> {
        let mut products = Vec::new();
        loop {
            let path = format!(
                "products?limit={PAGE}&offset={}&order=id&fields={fields}{filter}",
                products.len()
            );
            let mut answer = self.ask(Method::GET, &path, None).await?;
            let Value::Array(page) = answer["products"].take() else {
                return Err("the server answers without products".into());
            };
            let is_last = page.len() < PAGE;
            products.extend(page);
            if is_last {
                return Ok(products);
            }
        }
    }
}

fn shown(product: &Value, store: &Store) -> Shown {
    let variants = product["variants"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let variants = variants.iter().map(|variant| {
        let prices = variant["prices"].as_array().map_or(&[][..], Vec::as_slice);
        let price = prices.iter().find(|price| price["currency_code"] == "eur");
        let levels = variant["inventory_items"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|item| {
                item["inventory"]["location_levels"]
                    .as_array()
                    .into_iter()
                    .flatten()
            });
        let level = levels
            .into_iter()
            .find(|level| level["location_id"] == store.location.as_str());
        ShownVariant {
            sku: variant["sku"].as_str().unwrap_or_default().to_owned(),
            // As it is written, so that no fraction is lost on the way.
            price: price.and_then(|price| price["amount"].to_string().parse::<Decimal>().ok()),
            quantity: level.and_then(|level| level["stocked_quantity"].as_i64()),
        }
    });
    Shown {
        title: product["title"].as_str().unwrap_or_default().to_owned(),
        description: product["description"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        variants: variants.collect(),
    }
}
