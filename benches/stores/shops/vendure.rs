//! Vendure: channels of one server.

use async_trait::async_trait;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Shop, Store};
use crate::Result;
use crate::catalog::Catalog;
use crate::server::Server;
use crate::verdict::{Shown, ShownVariant};

const PAGE: usize = 100;

pub struct Vendure {
    client: reqwest::Client,
    url: String,
    username: String,
    password: String,
    session: String,
    currency: String,
    zone: Value,
}

impl Vendure {
    pub async fn open(server: &Server) -> Result<Self> {
        let mut shop = Self {
            client: super::client()?,
            url: format!("{}/admin-api", server.url()),
            username: server.fact("username")?,
            password: server.fact("password")?,
            session: String::new(),
            currency: String::new(),
            zone: Value::Null,
        };
        let answer = shop
            .client
            .post(&shop.url)
            .json(&json!({
                "query": "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }",
                "variables": {"u": shop.username, "p": shop.password},
            }))
            .send()
            .await?;
        let token = answer
            .headers()
            .get("vendure-auth-token")
            .ok_or("the server refuses the log-in")?;
        shop.session = token.to_str()?.to_owned();
        let known = shop
            .ask(
                "",
                "{ activeChannel { defaultCurrencyCode defaultTaxZone { id } } }",
                json!({}),
            )
            .await?;
        let channel = &known["activeChannel"];
        // The importer writes prices in the currency of the default channel, whichever channel it imports into.
        shop.currency = channel["defaultCurrencyCode"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        shop.zone = channel["defaultTaxZone"]["id"].clone();
        Ok(shop)
    }

    async fn ask(&self, channel: &str, query: &str, variables: Value) -> Result<Value> {
        let mut request = self.client.post(&self.url).bearer_auth(&self.session);
        if !channel.is_empty() {
            request = request.header("vendure-token", channel);
        }
        let body = json!({"query": query, "variables": variables});
        let mut answer: Value = request.json(&body).send().await?.json().await?;
        match answer["errors"].is_null() {
            true => Ok(answer["data"].take()),
            false => Err(format!("the server refuses: {}", answer["errors"][0]["message"]).into()),
        }
    }
}

#[async_trait]
impl Shop for Vendure {
    fn kind(&self) -> &'static str {
        "vendure"
    }

    fn currency(&self) -> &str {
        &self.currency
    }

    async fn make_store(&self, mark: &str) -> Result<Store> {
        let channel = format!("{mark}-{}", uuid::Uuid::now_v7().simple());
        self.ask(
            "",
            "mutation($input: CreateChannelInput!) { createChannel(input: $input) { ... on Channel { id } } }",
            json!({"input": {
                "code": channel,
                "token": channel,
                "defaultLanguageCode": "en",
                "pricesIncludeTax": true,
                "defaultCurrencyCode": self.currency,
                "availableCurrencyCodes": [self.currency],
                "defaultTaxZoneId": self.zone,
                "defaultShippingZoneId": self.zone,
            }}),
        )
        .await?;
        let made = self
            .ask(
                &channel,
                "mutation($name: String!) { createStockLocation(input: { name: $name }) { id } }",
                json!({"name": channel}),
            )
            .await?;
        let location = made["createStockLocation"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(Store { channel, location })
    }

    fn settings(&self, store: &Store, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("url", url.to_owned()),
            ("username", self.username.clone()),
            ("secret", self.password.clone()),
            ("channel_token", store.channel.clone()),
        ]
    }

    fn environment(&self, store: &Store, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("VENDURE_URL", format!("{url}/admin-api")),
            ("VENDURE_USERNAME", self.username.clone()),
            ("VENDURE_PASSWORD", self.password.clone()),
            ("VENDURE_CHANNEL", store.channel.clone()),
            ("VENDURE_LOCATION", store.location.clone()),
        ]
    }

    /// A product's row is that of its first variant; further variants have no name.
    fn import_file(&self, catalog: &Catalog, _: &Store) -> Result<String> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record([
            "name",
            "slug",
            "description",
            "assets",
            "facets",
            "optionGroups",
            "optionValues",
            "sku",
            "price",
            "taxCategory",
            "stockOnHand",
            "trackInventory",
            "variantAssets",
            "variantFacets",
        ])?;
        for product in &catalog.products {
            for (at, variant) in product.variants.iter().enumerate() {
                let of_product = |text: String| if at == 0 { text } else { String::new() };
                rows.write_record([
                    of_product(product.title.clone()),
                    of_product(product.handle()),
                    of_product(product.description.clone()),
                    String::new(),
                    of_product(format!("Brand:{}", product.brand)),
                    of_product(product.axes.join("|")),
                    variant.values.join("|"),
                    variant.sku.clone(),
                    variant.price.to_string(),
                    "standard".to_owned(),
                    variant.quantity.to_string(),
                    "true".to_owned(),
                    String::new(),
                    String::new(),
                ])?;
            }
        }
        Ok(String::from_utf8(rows.into_inner()?)?)
    }

    async fn goods(&self, store: &Store) -> Result<Vec<Shown>> {
        let mut goods = Vec::new();
        loop {
            let answer = self
                .ask(
                    &store.channel,
                    "query($skip: Int!, $take: Int!) {
                       products(options: { skip: $skip, take: $take, sort: { id: ASC } }) { totalItems items {
                         name description
                         variants { sku prices { currencyCode price } stockLevels { stockLocationId stockOnHand } } } } }",
                    json!({"skip": goods.len(), "take": PAGE}),
                )
                .await?;
            let page = answer["products"]["items"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            goods.extend(page.iter().map(|product| self.shown(product, store)));
            if page.is_empty()
                || Some(goods.len() as u64) >= answer["products"]["totalItems"].as_u64()
            {
                return Ok(goods);
            }
        }
    }
}

impl Vendure {
    fn shown(&self, product: &Value, store: &Store) -> Shown {
        let variants = product["variants"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let variants = variants.iter().map(|variant| {
            let prices = variant["prices"].as_array().map_or(&[][..], Vec::as_slice);
            let price = prices
                .iter()
                .find(|price| price["currencyCode"] == self.currency.as_str())
                .and_then(|price| price["price"].as_i64());
            let levels = variant["stockLevels"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            let level = levels
                .iter()
                .find(|level| level["stockLocationId"] == store.location.as_str());
            ShownVariant {
                sku: variant["sku"].as_str().unwrap_or_default().to_owned(),
                price: price.map(|minor| Decimal::new(minor, 2)),
                quantity: level.and_then(|level| level["stockOnHand"].as_i64()),
            }
        });
        Shown {
            title: product["name"].as_str().unwrap_or_default().to_owned(),
            description: product["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            variants: variants.collect(),
        }
    }
}
