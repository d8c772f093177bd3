//! Pictures on their way from a host into the emulated shop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::fixtures::{parent, single, variant};
use super::sandbox::VendureSandbox;
use super::*;
use crate::connectors::test_kit;
use crate::domain::change::Action;
use crate::sandbox::{Faults, Request, Response, Running, Sandbox, ServeOptions, State, serve};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A host of pictures: `/404…` is not there, `/page…` is none, `/large…` is too large, everything else is one.
struct Host {
    url: String,
    asked: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Host {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<BTreeMap<String, u32>>>::default();
        let seen = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                *seen.lock().unwrap().entry(path.clone()).or_default() += 1;
                let (status, kind, length) = match &path[..5.min(path.len())] {
                    "/404-" => ("404 Not Found", "text/html", 0),
                    "/page" => ("200 OK", "text/html", PNG.len()),
                    "/larg" => ("200 OK", "image/png", 30 << 20),
                    _ => ("200 OK", "image/png", PNG.len()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(head.as_bytes()).await;
                if length == PNG.len() {
                    let _ = stream.write_all(PNG).await;
                }
            }
        });
        Self { url, asked }
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    fn asked(&self) -> BTreeMap<String, u32> {
        self.asked.lock().unwrap().clone()
    }
}

/// The emulated shop, which loses a number of answers to uploads, with or without what they brought.
struct Frail {
    inner: VendureSandbox,
    loses: Arc<Mutex<Vec<bool>>>,
}

impl Sandbox for Frail {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn settings(&self, base_url: &str) -> serde_json::Map<String, Json> {
        self.inner.settings(base_url)
    }

    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response {
        let is_upload = self.operation(request) == "mutation createAssets";
        let loses = is_upload
            .then(|| self.loses.lock().unwrap().pop())
            .flatten();
        match loses {
            None => self.inner.respond(request, faults),
            Some(arrives) => {
                if arrives {
                    self.inner.respond(request, faults);
                }
                self.inner.broken()
            }
        }
    }

    fn operation(&self, request: &Request) -> String {
        self.inner.operation(request)
    }

    fn throttled(&self, seconds: u64) -> Response {
        self.inner.throttled(seconds)
    }

    fn broken(&self) -> Response {
        self.inner.broken()
    }

    fn state(&self) -> State {
        self.inner.state()
    }

    fn buy(
        &mut self,
        purchase: &crate::sandbox::Purchase,
        now: Timestamp,
    ) -> Result<crate::sandbox::Receipt, String> {
        self.inner.buy(purchase, now)
    }

    fn cancel(&mut self, order_id: &str, now: Timestamp) -> Result<(), String> {
        self.inner.cancel(order_id, now)
    }

    fn save(&self) -> Json {
        self.inner.save()
    }

    fn restore(&mut self, saved: Json) -> Result<(), String> {
        self.inner.restore(saved)
    }
}

struct World {
    host: Host,
    running: Running,
    connector: Box<dyn Connector>,
    loses: Arc<Mutex<Vec<bool>>>,
}

impl World {
    async fn open() -> Self {
        Self::with(VendureSandbox::default()).await
    }

    async fn with(inner: VendureSandbox) -> Self {
        let loses = Arc::<Mutex<Vec<bool>>>::default();
        let shop = Frail {
            inner,
            loses: loses.clone(),
        };
        let running = serve(Box::new(shop), ServeOptions::default())
            .await
            .unwrap();
        Self {
            host: Host::open().await,
            connector: test_kit::connect(&FACTORY, &running.settings),
            running,
            loses,
        }
    }

    async fn push(&self, changes: &[ListingChange]) -> Vec<ItemOutcome> {
        let batch = test_kit::batch(changes);
        self.connector.push_listings(batch).await.unwrap()
    }

    /// Creates what must be applied; answers the codes of the warnings, and the last message.
    async fn create(&self, listings: Vec<Listing>) -> (Vec<String>, String) {
        let changes: Vec<_> = listings.into_iter().map(created).collect();
        told(self.push(&changes).await)
    }

    /// The live content of each sku.
    async fn live(&self) -> BTreeMap<String, Listing> {
        let page = self.connector.fetch_listings(None).await.unwrap();
        let listings = page.items.into_iter();
        listings
            .map(|listing| (listing.sku.to_string(), *listing.content.unwrap()))
            .collect()
    }

    async fn images(&self, sku: &str) -> Vec<String> {
        self.live().await[sku].images.clone()
    }

    fn uploads(&self) -> u64 {
        let requests = self.running.requests();
        requests.get("mutation createAssets").copied().unwrap_or(0)
    }
}

fn created(listing: Listing) -> ListingChange {
    ListingChange {
        action: Action::Create,
        listing_ref: None,
        parent_ref: None,
        listing,
    }
}

fn told(outcomes: Vec<ItemOutcome>) -> (Vec<String>, String) {
    let (mut codes, mut last) = (Vec::new(), String::new());
    for item in outcomes {
        let Outcome::Applied { issues, .. } = item.outcome else {
            panic!("{item:?}");
        };
        for issue in issues {
            assert_eq!(issue.field.as_deref(), Some("images"));
            codes.push(issue.code);
            last = issue.message;
        }
    }
    (codes, last)
}

fn with_images<const N: usize>(listing: Listing, images: [String; N]) -> Listing {
    Listing {
        images: images.into(),
        ..listing
    }
}

#[tokio::test]
async fn a_picture_of_two_products_is_fetched_once_and_never_again() {
    let world = World::open().await;
    let (bag, cup) = (world.host.at("bag.jpg"), world.host.at("cup"));
    let one = with_images(single("A"), [bag.clone(), cup.clone()]);
    let two = with_images(single("B"), [bag.clone()]);
    let (issues, _) = world.create(vec![one.clone(), two]).await;
    assert_eq!(issues, [""; 0]);
    assert_eq!(world.uploads(), 1);
    // Another run, with another product.
    let again = test_kit::connect(&FACTORY, &world.running.settings);
    let three = [created(with_images(single("C"), [cup.clone()]))];
    let batch = test_kit::batch(&three);
    again.push_listings(batch).await.unwrap();
    assert_eq!(world.uploads(), 1);
    let once = |path: &str| (path.to_owned(), 1);
    assert_eq!(
        world.host.asked(),
        BTreeMap::from([once("/bag.jpg"), once("/cup")])
    );
    let live = world.live().await;
    assert_eq!(live["A"].images, [bag.clone(), cup.clone()]);
    assert_eq!(
        (&live["B"].images, &live["C"].images),
        (&vec![bag], &vec![cup])
    );
    let kept = world.connector.kept(&one);
    assert_eq!(live["A"].shown_fingerprint(), kept.shown_fingerprint());
}

#[tokio::test]
async fn a_changed_list_replaces_the_old_one_and_none_leaves_it() {
    let world = World::open().await;
    let image = |name: &str| world.host.at(name);
    world
        .create(vec![with_images(single("A"), [image("1"), image("2")])])
        .await;
    let found = world.connector.find_listings(&["A".into()]).await.unwrap();
    let update = |listing: Listing| ListingChange {
        action: Action::Update,
        listing_ref: Some(found[0].listing_ref.clone()),
        parent_ref: None,
        listing,
    };
    let turned = with_images(single("A"), [image("3"), image("2")]);
    world.push(&[update(turned)]).await;
    assert_eq!(world.images("A").await, [image("3"), image("2")]);
    world.push(&[update(single("A"))]).await;
    assert_eq!(world.images("A").await, [image("3"), image("2")]);
    // Nothing of the new list can be had: better the old pictures than none.
    let lost = with_images(single("A"), [image("404-a")]);
    let (issues, _) = told(world.push(&[update(lost)]).await);
    assert_eq!(issues, ["picture_not_found"]);
    assert_eq!(world.images("A").await, [image("3"), image("2")]);
}

#[tokio::test]
async fn variants_have_pictures_of_their_own() {
    let world = World::open().await;
    let image = |name: &str| world.host.at(name);
    world
        .create(vec![with_images(parent("TEE", &["S"]), [image("tee")])])
        .await;
    let found = world
        .connector
        .find_listings(&["TEE".into()])
        .await
        .unwrap();
    let parent_ref = Some(found[0].listing_ref.clone());
    let small = with_images(variant("TEE-S", "TEE", "S"), [image("s"), image("tee")]);
    let change = ListingChange {
        parent_ref,
        ..created(small.clone())
    };
    world.push(&[change]).await;
    let live = world.live().await;
    assert_eq!(live["TEE"].images, [image("tee")]);
    assert_eq!(live["TEE-S"].images, [image("s"), image("tee")]);
    let found = world
        .connector
        .find_listings(&["TEE-S".into()])
        .await
        .unwrap();
    let update = ListingChange {
        action: Action::Update,
        listing_ref: Some(found[0].listing_ref.clone()),
        parent_ref: None,
        listing: with_images(small, [image("tee")]),
    };
    world.push(&[update]).await;
    assert_eq!(world.images("TEE-S").await, [image("tee")]);
    assert_eq!(world.uploads(), 2);
}

#[tokio::test]
async fn a_picture_that_cannot_be_had_is_named_and_the_others_are_there() {
    let world = World::open().await;
    for (name, code) in [
        ("404-a.png", "picture_not_found"),
        ("page.html", "picture_type"),
        ("large.png", "picture_too_large"),
    ] {
        let images = [world.host.at(name), world.host.at("good.png")];
        let (issues, message) = world.create(vec![with_images(single(name), images)]).await;
        assert_eq!(issues, [code], "{message}");
        assert!(message.contains(&format!("/{name}`")), "{message}");
        assert_eq!(world.images(name).await, [world.host.at("good.png")]);
    }
}

#[tokio::test]
async fn what_is_no_address_is_told_by_the_audit_and_passed_over() {
    let world = World::open().await;
    let listing = with_images(
        single("A"),
        ["file:///etc/passwd".to_owned(), "a.jpg".to_owned()],
    );
    let issues = world.connector.audit(&listing);
    let codes: Vec<_> = issues.iter().map(|issue| issue.code.as_str()).collect();
    assert_eq!(codes, ["image_address", "image_address"]);
    let (issues, _) = world.create(vec![listing]).await;
    assert_eq!(issues, [""; 0]);
    assert_eq!(world.uploads(), 0);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_asked_for_its_first_picture_only() {
    let world = World::open().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = silent.accept().await {
            *counted.lock().unwrap() += 1;
            drop(stream);
        }
    });
    let mut images = (0..20)
        .map(|number| format!("{base}/{number}"))
        .collect::<Vec<_>>();
    let good = world.host.at("good.png");
    images.push(good.clone());
    let listing = Listing {
        images,
        ..single("A")
    };
    let (issues, message) = world.create(vec![listing]).await;
    assert_eq!(issues, ["picture_unreachable"; 20], "{message}");
    let tries_of_one = 3;
    assert_eq!(*asked.lock().unwrap(), tries_of_one);
    assert_eq!(world.images("A").await, [good]);
}

#[tokio::test]
async fn a_lost_answer_of_an_upload_makes_no_second_asset() {
    for (loses, uploads) in [(vec![true], 1), (vec![false], 2)] {
        let world = World::open().await;
        world.loses.lock().unwrap().extend(loses);
        let image = world.host.at("bag.jpg");
        let (issues, message) = world
            .create(vec![with_images(single("A"), [image.clone()])])
            .await;
        assert_eq!(issues, [""; 0], "{message}");
        assert_eq!(world.uploads(), uploads);
        assert_eq!(world.images("A").await, [image]);
    }
    // An upload that never arrives does not hold the listing back.
    let world = World::open().await;
    world.loses.lock().unwrap().extend([false, false]);
    let (issues, _) = world
        .create(vec![with_images(single("A"), [world.host.at("a")])])
        .await;
    assert_eq!(issues, ["picture_upload"]);
    assert_eq!(world.uploads(), 2);
}

#[tokio::test]
async fn a_server_without_storage_is_told_once_per_listing() {
    let world = World::with(VendureSandbox::without_storage()).await;
    let images = || [1, 2, 3].map(|number| world.host.at(&format!("{number}")));
    let listings = ["A", "B"].map(|sku| with_images(single(sku), images()));
    let (issues, message) = world.create(listings.into()).await;
    assert_eq!(issues, ["picture_storage"; 2], "{message}");
    assert_eq!(world.uploads(), 1);
    // Nor is it asked again for the next ones.
    let other = with_images(single("C"), [world.host.at("4")]);
    let (issues, _) = world.create(vec![other]).await;
    assert_eq!(issues, ["picture_storage"]);
    assert_eq!(world.uploads(), 1);
    assert!(!world.host.asked().contains_key("/4"));
}

#[tokio::test]
async fn many_pictures_go_in_several_uploads() {
    let world = World::open().await;
    let images: Vec<_> = (0..30)
        .map(|number| world.host.at(&number.to_string()))
        .collect();
    let listing = Listing {
        images: images.clone(),
        ..single("A")
    };
    let (issues, message) = world.create(vec![listing]).await;
    assert_eq!(issues, [""; 0], "{message}");
    assert_eq!(world.images("A").await, images);
    assert_eq!(world.uploads(), 4);
}

#[tokio::test]
async fn what_somebody_put_into_the_shop_is_known_by_its_address_there() {
    let world = World::open().await;
    world
        .create(vec![with_images(single("A"), [world.host.at("a")])])
        .await;
    world.running.with(|sandbox| {
        let mut saved = sandbox.save();
        for asset in saved["assets"].as_object_mut().unwrap().values_mut() {
            asset["tags"] = serde_json::json!([]);
        }
        sandbox.restore(saved).unwrap();
    });
    let by_hand = world.images("A").await;
    assert!(
        by_hand[0].starts_with("https://shop.example.com/assets/"),
        "{by_hand:?}"
    );
    let found = world.connector.find_listings(&["A".into()]).await.unwrap();
    let change = ListingChange {
        action: Action::Update,
        listing_ref: Some(found[0].listing_ref.clone()),
        parent_ref: None,
        listing: Listing {
            images: by_hand.clone(),
            ..single("A")
        },
    };
    let (issues, message) = told(world.push(&[change]).await);
    assert_eq!(issues, [""; 0], "{message}");
    assert_eq!((world.uploads(), world.images("A").await), (1, by_hand));
}
