//! A real Vendure server. Each test gets a sales channel of its own with a stock location of its own.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use skucast::domain::money::{self, Money};
use skucast::sandbox::{
    Faults, ListingState, Purchase, Receipt, ReceiptLine, Request, Response, Sandbox, State,
    graphql, uploads,
};

use super::wire;

/// The mark of a product with variants (see the connector's README).
const PARENT_FACET: &str = "skucast parent sku";
/// What the connector's README asks for, and no more.
const RIGHTS: &[&str] = &[
    "CreateCatalog",
    "ReadCatalog",
    "UpdateCatalog",
    "DeleteCatalog",
    "ReadOrder",
    "UpdateOrder",
];
const REFUSAL: &str = "__typename ... on ErrorResult { errorCode message }";

struct Store {
    /// `http://127.0.0.1:3000`
    server: String,
    username: String,
    password: String,
    session: String,
    channel_token: String,
    /// An administrator of the test's channel alone, with the rights that a seller is told to give.
    seller: String,
}

pub fn open(server: &Value) -> Box<dyn Sandbox> {
    let text = |key: &str| {
        server[key]
            .as_str()
            .unwrap_or_else(|| panic!("`{key}` is told"))
            .to_owned()
    };
    let mut store = Store {
        server: text("url"),
        username: text("username"),
        password: text("password"),
        session: String::new(),
        channel_token: String::new(),
        seller: String::new(),
    };
    store.log_in();
    let channel = store.make_channel();
    store.make_seller(&channel);
    Box::new(store)
}

impl Store {
    fn call(&self, api: &str, session: &str, query: &str, variables: Value) -> (Value, Response) {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if !session.is_empty() {
            headers.push(("authorization".to_owned(), format!("Bearer {session}")));
        }
        if !self.channel_token.is_empty() {
            headers.push(("vendure-token".to_owned(), self.channel_token.clone()));
        }
        let body = json!({"query": query, "variables": variables}).to_string();
        let response = wire::send(
            "POST",
            &format!("{}/{api}", self.server),
            &headers,
            body.into_bytes(),
        );
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        assert!(answer["errors"].is_null(), "{query}: {answer}");
        (answer["data"].clone(), response)
    }

    fn admin(&self, query: &str, variables: Value) -> Value {
        self.call("admin-api", &self.session, query, variables).0
    }

    fn log_in(&mut self) {
        let query = "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }";
        let variables = json!({"u": self.username, "p": self.password});
        let (_, response) = self.call("admin-api", "", query, variables);
        self.session = token(&response).expect("the server hands out bearer tokens");
    }

    /// In EUR with the tax inside, reachable by the shop's shipping and payment methods.
    fn make_channel(&mut self) -> Value {
        let known = self.admin(
            "{ activeChannel { defaultTaxZone { id } defaultShippingZone { id } } shippingMethods { items { id } }
               paymentMethods { items { id } } }",
            json!({}),
        );
        let unique = uuid::Uuid::now_v7().simple().to_string();
        let made = self.admin(
            "mutation($input: CreateChannelInput!) { createChannel(input: $input) { ... on Channel { id } } }",
            json!({"input": {
                "code": format!("test-{unique}"),
                "token": unique,
                "defaultLanguageCode": "en",
                "pricesIncludeTax": true,
                "defaultCurrencyCode": "EUR",
                "availableCurrencyCodes": ["EUR"],
                "defaultTaxZoneId": known["activeChannel"]["defaultTaxZone"]["id"],
                "defaultShippingZoneId": known["activeChannel"]["defaultShippingZone"]["id"],
            }}),
        );
        let id = &made["createChannel"]["id"];
        let ids = |list: &str| -> Value {
            known[list]["items"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| one["id"].clone())
                .collect()
        };
        self.admin(
            "mutation($shipping: AssignShippingMethodsToChannelInput!, $payment: AssignPaymentMethodsToChannelInput!) {
               assignShippingMethodsToChannel(input: $shipping) { id }
               assignPaymentMethodsToChannel(input: $payment) { id } }",
            json!({
                "shipping": {"channelId": id, "shippingMethodIds": ids("shippingMethods")},
                "payment": {"channelId": id, "paymentMethodIds": ids("paymentMethods")},
            }),
        );
        self.channel_token.clone_from(&unique);
        let location = format!("Location {unique}");
        self.admin(
            "mutation($name: String!) { createStockLocation(input: { name: $name }) { id } }",
            json!({"name": location}),
        );
        id.clone()
    }

    fn make_seller(&mut self, channel: &Value) {
        let code = format!("seller-{}", self.channel_token);
        let role = json!({"code": code, "description": "Seller", "permissions": RIGHTS, "channelIds": [channel]});
        let made = self.admin(
            "mutation($input: CreateRoleInput!) { createRole(input: $input) { id } }",
            json!({ "input": role }),
        );
        self.seller = format!("{code}@example.com");
        let seller = json!({"firstName": "Fictional", "lastName": "Seller", "emailAddress": self.seller,
            "password": self.password, "roleIds": [made["createRole"]["id"]]});
        self.admin(
            "mutation($input: CreateAdministratorInput!) { createAdministrator(input: $input) { id } }",
            json!({ "input": seller }),
        );
    }

    fn products(&self) -> Vec<Value> {
        let mut products = Vec::new();
        loop {
            let answer = self.admin(
                "query($skip: Int!) { products(options: { skip: $skip, take: 100, sort: { id: ASC } }) { totalItems items {
                   id name slug description enabled facetValues { name facet { name } } optionGroups { name }
                   assets { tags { value } }
                   variants { id sku name enabled assets { tags { value } } trackInventory outOfStockThreshold prices { currencyCode price }
                     stockLevels { stockOnHand stockAllocated } options { name group { name } } } } } }",
                json!({"skip": products.len()}),
            );
            let page = answer["products"]["items"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let is_last = page.is_empty();
            products.extend(page);
            if is_last
                || products.len() as u64 >= answer["products"]["totalItems"].as_u64().unwrap_or(0)
            {
                return products;
            }
        }
    }

    fn orders(&self) -> Vec<Value> {
        let answer = self.admin(
            "{ orders(options: { filter: { active: { eq: false } }, take: 1000 }) { items {
               id code state lines { id quantity productVariant { sku } }
               fulfillments { id state method trackingCode lines { orderLineId quantity } } } } }",
            json!({}),
        );
        answer["orders"]["items"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// A step of a shopper; `Err` is what the shop says.
    fn shop(&self, session: &mut String, query: &str, variables: Value) -> Result<Value, String> {
        let (data, response) = self.call("shop-api", session, query, variables);
        if let Some(token) = token(&response) {
            *session = token;
        }
        let told = data
            .as_object()
            .and_then(|data| data.values().next())
            .cloned()
            .unwrap_or_default();
        match told["message"].as_str() {
            Some(message) => Err(message.to_owned()),
            None => Ok(told),
        }
    }
}

fn token(response: &Response) -> Option<String> {
    let header = response
        .headers
        .iter()
        .find(|(name, _)| name == "vendure-auth-token")?;
    Some(header.1.clone())
}

fn offered(variant: &Value) -> Option<i64> {
    let levels = variant["stockLevels"].as_array()?;
    let number = |level: &Value, key: &str| level[key].as_i64().unwrap_or_default();
    let free: i64 = levels
        .iter()
        .map(|level| number(level, "stockOnHand") - number(level, "stockAllocated"))
        .sum();
    (variant["trackInventory"] != "FALSE")
        .then(|| free - variant["outOfStockThreshold"].as_i64().unwrap_or_default())
}

impl Sandbox for Store {
    fn kind(&self) -> &'static str {
        "vendure"
    }

    fn settings(&self, base_url: &str) -> Map<String, Value> {
        Map::from_iter([
            ("url".to_owned(), json!(base_url)),
            ("username".to_owned(), json!(self.seller)),
            ("secret".to_owned(), json!(self.password)),
            ("channel_token".to_owned(), json!(self.channel_token)),
        ])
    }

    fn respond(&mut self, request: &Request, _: &mut Faults) -> Response {
        wire::forward(request, &self.server)
    }

    fn operation(&self, request: &Request) -> String {
        let (mutates, field) = heading(request);
        format!("{} {field}", if mutates { "mutation" } else { "query" })
    }

    fn writes(&self, request: &Request) -> bool {
        let (mutates, field) = heading(request);
        mutates && field != "login"
    }

    fn throttled(&self, retry_after_seconds: u64) -> Response {
        Response::empty(429).header("retry-after", retry_after_seconds.to_string())
    }

    fn broken(&self) -> Response {
        Response::json(
            500,
            &json!({"statusCode": 500, "message": "Internal server error"}),
        )
    }

    fn state(&self) -> State {
        let currency = money::currency("EUR").expect("EUR is a currency");
        let mut state = State::default();
        for product in self.products() {
            let labels = product["facetValues"].as_array().into_iter().flatten();
            let mark = labels
                .filter(|value| value["facet"]["name"] == PARENT_FACET)
                .find_map(|value| value["name"].as_str());
            let is_live = product["enabled"] == true;
            if let Some(sku) = mark {
                *state.created.entry(sku.to_owned()).or_default() += 1;
                let listing = ListingState {
                    price: None,
                    quantity: None,
                    live: is_live,
                    content: product.clone(),
                };
                state.listings.insert(sku.to_owned(), listing);
            }
            let mut page = product.clone();
            page["variants"] = Value::Null;
            for variant in product["variants"].as_array().into_iter().flatten() {
                let sku = variant["sku"].as_str().unwrap_or_default().to_owned();
                let prices = variant["prices"].as_array().into_iter().flatten();
                let own = prices
                    .filter(|price| price["currencyCode"] == "EUR")
                    .find_map(|price| price["price"].as_i64());
                *state.created.entry(sku.clone()).or_default() += 1;
                let listing = ListingState {
                    price: own.map(|minor| Money::new(Decimal::new(minor, 2), currency)),
                    quantity: offered(variant),
                    live: is_live && variant["enabled"] == true,
                    content: json!({"variant": variant, "product": page}),
                };
                state.listings.insert(sku, listing);
            }
        }
        state.orders = self.orders();
        for order in &state.orders {
            for parcel in order["fulfillments"].as_array().into_iter().flatten() {
                state.shipments.push(parcel.clone());
            }
        }
        state
    }

    /// The shop's own checkout, paid with its test payment.
    fn buy(&mut self, purchase: &Purchase, _: Timestamp) -> Result<Receipt, String> {
        let skus: Vec<_> = purchase
            .lines
            .iter()
            .map(|line| line.sku.as_str())
            .collect();
        let found = self.admin(
            "query($skus: [String!]!) { productVariants(options: { filter: { sku: { in: $skus } } }) { items {
               id sku trackInventory outOfStockThreshold stockLevels { stockOnHand stockAllocated } } } }",
            json!({"skus": skus}),
        );
        let (mut session, mut lines) = (String::new(), Vec::new());
        for line in &purchase.lines {
            let variants = found["productVariants"]["items"]
                .as_array()
                .into_iter()
                .flatten();
            let variant = variants
                .clone()
                .find(|variant| variant["sku"] == line.sku.as_str())
                .ok_or_else(|| format!("there is no variant with the sku {}", line.sku))?;
            let query = format!(
                "mutation($id: ID!, $n: Int!) {{ addItemToOrder(productVariantId: $id, quantity: $n) {{ {REFUSAL} }} }}"
            );
            self.shop(
                &mut session,
                &query,
                json!({"id": variant["id"], "n": line.quantity}),
            )?;
            let in_stock = offered(variant);
            lines.push(ReceiptLine {
                sku: line.sku.clone(),
                quantity: line.quantity,
                in_stock,
                oversold: in_stock
                    .is_some_and(|stock| u64::try_from(stock).unwrap_or(0) < line.quantity),
            });
        }
        let mail = format!("buyer-{}@example.com", uuid::Uuid::now_v7().simple());
        let query = format!(
            "mutation($i: CreateCustomerInput!) {{ setCustomerForOrder(input: $i) {{ {REFUSAL} }} }}"
        );
        let buyer = json!({"firstName": "Fictional", "lastName": "Buyer", "emailAddress": mail});
        self.shop(&mut session, &query, json!({"i": buyer}))?;
        let query = format!(
            "mutation($i: CreateAddressInput!) {{ setOrderShippingAddress(input: $i) {{ {REFUSAL} }} }}"
        );
        let address = json!({"fullName": "Fictional Buyer", "streetLine1": "1 Example Street", "city": "Sampleton",
            "postalCode": "00000", "countryCode": "DE"});
        self.shop(&mut session, &query, json!({"i": address}))?;
        let ways = self.shop(
            &mut session,
            "{ eligibleShippingMethods { id } }",
            json!({}),
        )?;
        let query = format!(
            "mutation($id: [ID!]!) {{ setOrderShippingMethod(shippingMethodId: $id) {{ {REFUSAL} }} }}"
        );
        self.shop(&mut session, &query, json!({"id": [ways[0]["id"]]}))?;
        let query = format!(
            "mutation {{ transitionOrderToState(state: \"ArrangingPayment\") {{ {REFUSAL} }} }}"
        );
        self.shop(&mut session, &query, json!({}))?;
        let ways = self.shop(
            &mut session,
            "{ eligiblePaymentMethods { code } }",
            json!({}),
        )?;
        let query = format!(
            "mutation($m: String!) {{ addPaymentToOrder(input: {{ method: $m, metadata: {{}} }}) {{ {REFUSAL} ... on Order {{ id }} }} }}"
        );
        let order = self.shop(&mut session, &query, json!({"m": ways[0]["code"]}))?;
        Ok(Receipt {
            order_id: order["id"].as_str().unwrap_or_default().to_owned(),
            lines,
        })
    }

    fn cancel(&mut self, order_id: &str, _: Timestamp) -> Result<(), String> {
        let query = format!(
            "mutation($id: ID!) {{ cancelOrder(input: {{ orderId: $id, cancelShipping: true }}) {{ {REFUSAL} }} }}"
        );
        let told = self.admin(&query, json!({"id": order_id}));
        match told["cancelOrder"]["message"].as_str() {
            Some(message) => Err(message.to_owned()),
            None => Ok(()),
        }
    }

    /// The server keeps its state itself.
    fn save(&self) -> Value {
        Value::Null
    }

    fn restore(&mut self, _: Value) -> Result<(), String> {
        Ok(())
    }
}

fn heading(request: &Request) -> (bool, String) {
    let read = uploads::read(request);
    let query = read.map(|(body, _)| body.query).unwrap_or_default();
    let (mutates, field) = graphql::heading(&query);
    (mutates, field.to_owned())
}
