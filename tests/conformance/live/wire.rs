//! Plain blocking HTTP: sandboxes answer at once, within a test whose runtime has one thread.

use std::sync::LazyLock;
use std::sync::mpsc;
use std::time::Duration;

use reqwest::{Client, Method};
use skucast::sandbox::{Request, Response};
use tokio::runtime::{Builder, Runtime};

/// Of its own, so that waiting for it holds up nothing that it needs. Never dropped.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime starts")
});

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        // Servers close idle connections without a word.
        .pool_idle_timeout(Duration::from_secs(2))
        .build()
        .expect("a client starts")
});

/// Headers of one connection, not of the message.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "content-length",
    "date",
    "host",
    "keep-alive",
    "transfer-encoding",
    "accept-encoding",
    "content-encoding",
];

/// Sends a request and waits for the answer.
pub fn send(method: &str, url: &str, headers: &[(String, String)], body: Vec<u8>) -> Response {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = CLIENT.request(method, url).body(body);
    for (name, value) in headers.iter().filter(|(name, _)| is_kept(name)) {
        request = request.header(name, value);
    }
    let (tell, told) = mpsc::channel();
    RUNTIME.spawn(async move {
        let answer = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?))
        };
        // The receiver only goes when the test does.
        let _ = tell.send(answer.await);
    });
    let (status, headers, body) = told
        .recv()
        .expect("the request came to an end")
        .unwrap_or_else(|error| panic!("the real server does not answer: {error}"));
    let text = |value: &reqwest::header::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    Response {
        status,
        headers: headers
            .iter()
            .filter(|(name, _)| is_kept(name.as_str()))
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body: body.to_vec(),
    }
}

/// Hands a request on as it came.
pub fn forward(request: &Request, server: &str) -> Response {
    let query = match request.raw_query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let url = format!("{server}{}{query}", request.path);
    send(&request.method, &url, &headers, request.body.clone())
}

fn is_kept(name: &str) -> bool {
    !HOP_BY_HOP.contains(&name.to_ascii_lowercase().as_str())
}
