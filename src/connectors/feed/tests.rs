//! The connector as a whole, over real files.

use crate::domain::change::Action;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use iso_currency::Currency;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::config::settings::Value;
use crate::domain::change::Route;
use crate::domain::ids::IdempotencyKey;

const FORMATS: [Format; 3] = [Format::GoogleTsv, Format::GoogleXml, Format::MetaCsv];

pub(super) fn listing(sku: &str) -> Listing {
    Listing {
        sku: sku.into(),
        parent_sku: Some("TEE".into()),
        kind: ItemKind::Variant,
        title: Some("Cotton tee".into()),
        description: Some("Soft & light".into()),
        brand: Some("Acme".into()),
        gtin: Some("4006381333931".into()),
        mpn: None,
        category: Some("Clothing > Tees".into()),
        condition: Some("new".into()),
        url: Some("https://shop.example.com/tee".into()),
        images: vec![
            "https://cdn.example.com/1.jpg".into(),
            "https://cdn.example.com/2.jpg".into(),
        ],
        weight: None,
        length: None,
        width: None,
        height: None,
        country_of_origin: None,
        tags: Vec::new(),
        options: vec![("Size".into(), "S".into())],
        axes: Vec::new(),
        attributes: BTreeMap::new(),
        price: Some(eur("19.99")),
        compare_at: None,
        quantity: Some(5),
    }
}

fn eur(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), Currency::EUR)
}

type Damage = fn(&str) -> String;

struct Shop {
    folder: TempDir,
    format: Format,
    feed: Feed,
}

impl Shop {
    fn new(format: Format) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let feed = connect(&folder.path().join("feed"), format);
        Self {
            folder,
            format,
            feed,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("feed")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn assert_valid(&self) {
        let issues = validate(&self.path(), self.format);
        assert!(!issues.iter().any(Issue::is_error), "{issues:?}");
        let names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["feed"], "something was left behind");
    }

    async fn create(&self, listings: Vec<Listing>) -> Vec<ItemOutcome> {
        self.push(listings, false).await.unwrap()
    }

    async fn push(&self, listings: Vec<Listing>, update: bool) -> Result<Vec<ItemOutcome>> {
        let items: Vec<_> = listings
            .into_iter()
            .map(|listing| ListingChange {
                action: if update {
                    Action::Update
                } else {
                    Action::Create
                },
                listing_ref: update.then(|| ListingRef::new(listing.sku.as_str())),
                parent_ref: None,
                listing,
            })
            .collect();
        self.feed.push_listings(batch(&items, &key())).await
    }

    async fn stock(&self, sku: &str, quantity: u64) -> Result<Vec<ItemOutcome>> {
        let items = [StockChange {
            sku: sku.into(),
            listing_ref: sku.into(),
            quantity,
            confirmed: None,
        }];
        self.feed.push_stock(batch(&items, &key())).await
    }

    async fn price(&self, sku: &str, price: Money, compare_at: Option<Money>) -> Vec<ItemOutcome> {
        let items = [PriceChange {
            sku: sku.into(),
            listing_ref: sku.into(),
            price,
            compare_at,
        }];
        self.feed.push_prices(batch(&items, &key())).await.unwrap()
    }

    async fn end(&self, sku: &str) -> Vec<ItemOutcome> {
        let items = [EndChange {
            sku: sku.into(),
            listing_ref: sku.into(),
        }];
        self.feed.end_listings(batch(&items, &key())).await.unwrap()
    }

    async fn all(&self) -> Vec<ChannelListing> {
        let mut listings = Vec::new();
        let mut token = None;
        loop {
            let page = self.feed.fetch_listings(token.as_ref()).await.unwrap();
            listings.extend(page.items);
            match page.next {
                Some(next) => token = Some(next),
                None => return listings,
            }
        }
    }

    async fn one(&self, sku: &str) -> Option<ChannelListing> {
        let mut found = self.feed.find_listings(&[sku.into()]).await.unwrap();
        assert!(found.len() <= 1);
        found.pop()
    }
}

fn connect(path: &Path, format: Format) -> Feed {
    let mut settings = Settings::default();
    settings.insert("path", Value::Path(path.to_owned()));
    settings.insert("format", Value::Text(format.as_str().to_owned()));
    settings.insert(
        "link_template",
        Value::Text("https://shop.example.com/p/{sku}".to_owned()),
    );
    settings.insert("title", Value::Text("Tees & \"more\"".to_owned()));
    Feed::new(&settings).unwrap()
}

fn key() -> IdempotencyKey {
    IdempotencyKey::new("run-1")
}

fn batch<'a, T>(items: &'a [T], key: &'a IdempotencyKey) -> Batch<'a, T> {
    Batch {
        items,
        route: Route::Direct,
        key,
        dry_run: false,
    }
}

fn is_applied(outcomes: &[ItemOutcome]) -> bool {
    outcomes
        .iter()
        .all(|item| matches!(item.outcome, Outcome::Applied { .. }))
}

#[tokio::test]
async fn what_is_pushed_is_read_back() {
    for format in FORMATS {
        let shop = Shop::new(format);
        assert!(shop.all().await.is_empty(), "a missing file is empty");
        let outcomes = shop.create(vec![listing("A"), listing("B")]).await;
        assert_eq!(outcomes.len(), 2);
        assert!(is_applied(&outcomes));
        shop.assert_valid();

        assert!(is_applied(&shop.stock("A", 0).await.unwrap()));
        let sale = shop.price("A", eur("9.90"), Some(eur("15"))).await;
        assert!(is_applied(&sale));
        shop.assert_valid();
        let a = shop.one("A").await.unwrap();
        assert_eq!(a.quantity, Some(0));
        assert_eq!(a.price, Some(eur("9.90")));
        assert_eq!(a.compare_at, Some(eur("15")));
        let b = shop.one("B").await.unwrap();
        let counted = format == Format::MetaCsv;
        assert_eq!(b.quantity, counted.then_some(5));
        assert_eq!(b.price, Some(eur("19.99")));
        let all = shop.all().await;
        assert!(all.iter().all(|whole| whole.content.is_some()));
        let offers = all.into_iter().map(|whole| ChannelListing {
            content: None,
            ..whole
        });
        assert_eq!(offers.collect::<Vec<_>>(), [a, b]);
    }
}

#[tokio::test]
async fn an_update_of_content_keeps_price_and_stock() {
    for format in FORMATS {
        let shop = Shop::new(format);
        shop.create(vec![listing("A")]).await;
        shop.price("A", eur("3"), Some(eur("4"))).await;
        shop.stock("A", 0).await.unwrap();
        let before = shop.one("A").await.unwrap();
        let mut new = listing("A");
        new.title = Some("Better tee".into());
        new.price = None;
        new.quantity = None;
        assert!(is_applied(&shop.push(vec![new], true).await.unwrap()));
        let expected = ChannelListing {
            title: Some("Better tee".into()),
            ..before
        };
        assert_eq!(shop.one("A").await, Some(expected));
        shop.assert_valid();
    }
}

#[tokio::test]
async fn ended_rows_vanish_and_ending_again_is_applied() {
    for format in FORMATS {
        let shop = Shop::new(format);
        assert!(is_applied(&shop.end("A").await));
        assert!(!shop.path().exists(), "nothing to end makes no file");
        shop.create(vec![listing("A"), listing("B")]).await;
        for _ in 0..2 {
            assert!(is_applied(&shop.end("A").await));
            assert_eq!(shop.one("A").await, None);
            assert_eq!(shop.all().await.len(), 1);
        }
        shop.end("B").await;
        assert!(shop.all().await.is_empty());
        shop.assert_valid();
    }
}

#[tokio::test]
async fn a_change_of_a_row_that_is_gone_fails_alone() {
    let shop = Shop::new(Format::GoogleTsv);
    shop.create(vec![listing("A")]).await;
    let before = shop.text();
    let outcomes = shop.stock("gone", 3).await.unwrap();
    assert!(matches!(
        &outcomes[0].outcome,
        Outcome::Failed(error) if error.kind == ErrorKind::NotFound
    ));
    assert_eq!(shop.text(), before);
}

#[tokio::test]
async fn refused_listings_stay_out_and_the_others_go_in() {
    for format in FORMATS {
        let shop = Shop::new(format);
        let mut bad = listing("BAD");
        bad.title = None;
        let mut parent = listing("TEE");
        parent.kind = ItemKind::Parent;
        let outcomes = shop.create(vec![bad, parent, listing("A")]).await;
        assert_eq!(outcomes.len(), 3);
        for item in &outcomes {
            match item.key.as_str() {
                "BAD" => assert!(matches!(&item.outcome, Outcome::Rejected(issues)
                    if issues.iter().any(|issue| issue.code == "title_missing"))),
                _ => assert!(matches!(item.outcome, Outcome::Applied { .. })),
            }
        }
        let skus: Vec<_> = shop.all().await.into_iter().map(|row| row.sku).collect();
        assert_eq!(skus, ["A".into()]);

        let outcomes = shop.price("A", eur("0"), None).await;
        assert!(matches!(outcomes[0].outcome, Outcome::Rejected(_)));
        shop.assert_valid();
    }
}

#[tokio::test]
async fn the_same_input_gives_the_same_bytes_and_a_repeat_touches_nothing() {
    for format in FORMATS {
        let (one, two) = (Shop::new(format), Shop::new(format));
        for shop in [&one, &two] {
            shop.create(vec![listing("A"), listing("B")]).await;
        }
        assert_eq!(one.text(), two.text());

        // A time of its own, so that any replacement shows.
        let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let file = fs::File::options().write(true).open(one.path()).unwrap();
        file.set_modified(old).unwrap();
        one.create(vec![listing("A"), listing("B")]).await;
        one.stock("A", 5).await.unwrap();
        one.price("B", eur("19.990"), None).await;
        one.end("C").await;
        let metadata = fs::metadata(one.path()).unwrap();
        assert_eq!(metadata.modified().unwrap(), old);
        one.stock("A", 0).await.unwrap();
        assert_ne!(fs::metadata(one.path()).unwrap().modified().unwrap(), old);
    }
}

#[tokio::test]
async fn awkward_texts_survive() {
    let title = "5\" \u{201c}tube\u{201d}, R&D <new> 'x' ]]> 😀 a;b|c";
    for format in FORMATS {
        let shop = Shop::new(format);
        let mut awkward = listing("ä,\"&<1>");
        awkward.title = Some(format!("{title}\u{7}\t end\u{0}"));
        awkward.description = Some("<![CDATA[a]]> b\r\n\r\n\"c\",\td &amp;&lt;".into());
        awkward
            .images
            .push("https://cdn.example.com/a,b c.jpg".into());
        for (name, value) in [
            ("shipping", "US::Ground:5.00 USD|DE::DHL, \"fast\":4.00 EUR"),
            ("custom_label_0", "=1+1"),
        ] {
            awkward.attributes.insert(name.into(), value.into());
        }
        assert!(is_applied(&shop.create(vec![awkward, listing("B")]).await));
        shop.assert_valid();
        let listings = shop.all().await;
        assert_eq!(listings[0].sku.as_str(), "ä,\"&<1>");
        let expected = format!("{title} end");
        assert_eq!(listings[0].title.as_deref(), Some(&*expected));
        assert_eq!(listings[1].sku.as_str(), "B");
    }
}

#[tokio::test]
async fn other_programs_read_the_files() {
    let shop = Shop::new(Format::GoogleTsv);
    shop.create(vec![listing("A"), listing("B")]).await;
    let lines: Vec<Vec<String>> = shop
        .text()
        .lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0][..4], ["id", "title", "description", "link"]);
    assert_eq!(lines[1][..3], ["A", "Cotton tee", "Soft & light"]);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()));

    let shop = Shop::new(Format::MetaCsv);
    shop.create(vec![listing("A")]).await;
    let text = shop.text();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row: BTreeMap<String, String> = reader.deserialize().next().unwrap().unwrap();
    assert_eq!(row["availability"], "in stock");
    assert_eq!(row["quantity_to_sell_on_facebook"], "5");
    assert_eq!(row["condition"], "new");
    assert_eq!(row["item_group_id"], "TEE");
    assert_eq!(row["price"], "19.99 EUR");

    let shop = Shop::new(Format::GoogleXml);
    shop.create(vec![listing("A")]).await;
    insta::assert_snapshot!(shop.text(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">
    <channel>
    <title>Tees &amp; &quot;more&quot;</title>
    <link>https://shop.example.com/</link>
    <description>Everything that can be bought</description>
    <item>
    <g:id>A</g:id>
    <g:title>Cotton tee</g:title>
    <g:description>Soft &amp; light</g:description>
    <g:link>https://shop.example.com/tee</g:link>
    <g:image_link>https://cdn.example.com/1.jpg</g:image_link>
    <g:additional_image_link>https://cdn.example.com/2.jpg</g:additional_image_link>
    <g:availability>in_stock</g:availability>
    <g:price>19.99 EUR</g:price>
    <g:brand>Acme</g:brand>
    <g:gtin>4006381333931</g:gtin>
    <g:condition>new</g:condition>
    <g:product_type>Clothing &gt; Tees</g:product_type>
    <g:item_group_id>TEE</g:item_group_id>
    <g:size>S</g:size>
    </item>
    </channel>
    </rss>
    "#);
}

#[tokio::test]
async fn a_file_that_somebody_else_touched_is_refused_and_kept() {
    let damages: [(&str, Damage); 8] = [
        ("cut short", |text| text[..text.len() - 20].to_owned()),
        ("last byte gone", |text| text[..text.len() - 1].to_owned()),
        ("something appended", |text| format!("{text}more\n")),
        ("line ends", |text| text.replace('\n', "\r\n")),
        ("byte order mark", |text| format!("\u{feff}{text}")),
        ("a column renamed", |text| {
            text.replacen("brand", "maker", 1)
        }),
        ("price rewritten", |text| {
            text.replace("19.99 EUR", "19,99 €")
        }),
        ("empty", |_| String::new()),
    ];
    for format in FORMATS {
        for (what, damage) in damages {
            let shop = Shop::new(format);
            shop.create(vec![listing("A"), listing("B")]).await;
            let damaged = damage(&shop.text());
            fs::write(shop.path(), &damaged).unwrap();
            let issues = validate(&shop.path(), format);
            assert!(issues.iter().any(Issue::is_error), "{what} {format:?}");
            let error = shop.feed.fetch_listings(None).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::ConfigInvalid, "{what}");
            let error = shop.stock("A", 0).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::ConfigInvalid, "{what}");
            assert_eq!(shop.text(), damaged, "{what} {format:?}");
        }
        let shop = Shop::new(format);
        shop.create(vec![listing("A"), listing("B")]).await;
        let twice = shop.text().replace("B\t", "A\t").replace("\nB,", "\nA,");
        fs::write(shop.path(), twice.replace(">B<", ">A<")).unwrap();
        let error = shop.stock("A", 0).await.unwrap_err();
        assert!(error.message.contains("stands twice"), "{error}");
    }
}

#[tokio::test]
async fn a_value_changed_within_the_format_is_what_the_channel_shows() {
    for format in FORMATS {
        let shop = Shop::new(format);
        shop.create(vec![listing("A")]).await;
        let edited = shop.text().replace("19.99 EUR", "18.00 EUR");
        fs::write(shop.path(), edited).unwrap();
        assert_eq!(shop.one("A").await.unwrap().price, Some(eur("18")));
    }
}

#[tokio::test]
async fn many_rows_are_paged_and_rewritten() {
    for format in FORMATS {
        let shop = Shop::new(format);
        let listings = (0..20_000).map(|number| listing(&format!("S{number}")));
        shop.create(listings.collect()).await;
        shop.assert_valid();
        shop.end("S7").await;
        shop.stock("S19999", 0).await.unwrap();
        let first = shop.feed.fetch_listings(None).await.unwrap();
        assert_eq!(first.items.len(), PAGE_SIZE);
        let all = shop.all().await;
        assert_eq!(all.len(), 19_999);
        assert_eq!(all[7].sku.as_str(), "S8");
        assert_eq!(all.last().unwrap().quantity, Some(0));

        shop.stock("S1", 0).await.unwrap();
        let stale = shop.feed.fetch_listings(first.next.as_ref()).await;
        assert_eq!(stale.unwrap_err().kind, ErrorKind::Conflict);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_sees_half_a_file() {
    let shop = Shop::new(Format::GoogleXml);
    let listings = (0..300).map(|number| listing(&format!("S{number}")));
    shop.create(listings.collect()).await;
    let path = shop.path();
    let reader = tokio::task::spawn_blocking(move || {
        for _ in 0..200 {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.ends_with("</rss>\n"));
            assert_eq!(text.matches("<item>").count(), 300);
        }
    });
    for round in 0..20 {
        shop.stock("S5", round % 2).await.unwrap();
    }
    reader.await.unwrap();
    shop.assert_valid();
}

#[tokio::test]
async fn pushes_at_the_same_time_do_not_undo_each_other() {
    let shop = Shop::new(Format::MetaCsv);
    shop.create(vec![listing("A"), listing("B")]).await;
    let (stock, price) = tokio::join!(shop.stock("A", 9), shop.price("B", eur("1"), None));
    assert!(is_applied(&stock.unwrap()) && is_applied(&price));
    assert_eq!(shop.one("A").await.unwrap().quantity, Some(9));
    assert_eq!(shop.one("B").await.unwrap().price, Some(eur("1")));
}

#[tokio::test]
async fn what_a_killed_run_left_is_removed() {
    let shop = Shop::new(Format::GoogleTsv);
    fs::write(shop.folder.path().join(".feed.x1.skucast-new"), "half").unwrap();
    let neighbour = shop.folder.path().join(".feed.tsv.x1.skucast-new");
    fs::write(&neighbour, "of another channel").unwrap();
    shop.create(vec![listing("A")]).await;
    fs::remove_file(neighbour).unwrap();
    shop.assert_valid();
}

#[cfg(unix)]
#[tokio::test]
async fn permissions_and_links_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::new(Format::GoogleTsv);
    shop.create(vec![listing("A")]).await;
    let real = shop.folder.path().join("real");
    fs::rename(shop.path(), &real).unwrap();
    std::os::unix::fs::symlink(&real, shop.path()).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    shop.stock("A", 0).await.unwrap();
    assert!(fs::symlink_metadata(shop.path()).unwrap().is_symlink());
    let mode = fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(shop.one("A").await.unwrap().quantity, Some(0));
}

#[tokio::test]
async fn check_finds_a_missing_folder_and_undeclared_calls_are_unsupported() {
    let shop = Shop::new(Format::GoogleTsv);
    let account = shop.feed.check().await.unwrap();
    assert_eq!(account.name, "feed (google-tsv)");
    let lost = connect(&shop.folder.path().join("no/such/feed"), Format::GoogleTsv);
    assert!(
        lost.check()
            .await
            .unwrap_err()
            .message
            .contains("does not exist")
    );

    let items: [StockChange; 0] = [];
    let key = key();
    let dry = Batch {
        dry_run: true,
        ..batch(&items, &key)
    };
    let error = shop.feed.push_stock(dry).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
}

#[test]
fn rss_needs_a_home_page() {
    let mut settings = Settings::default();
    settings.insert("path", Value::Path("feed".into()));
    settings.insert("format", Value::Text("google-xml".to_owned()));
    let error = Feed::new(&settings).unwrap_err();
    assert!(error.message.contains("home page"));
    settings.insert("shop_url", Value::Text("https://shop.example.com".into()));
    Feed::new(&settings).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_written_and_read_back_or_refused(
        sku in ".{1,30}",
        title in any::<String>(),
        description in any::<String>(),
        label in ".{0,40}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for format in FORMATS {
                let shop = Shop::new(format);
                let mut odd = listing(&sku);
                odd.title = Some(title.clone());
                odd.description = Some(description.clone());
                odd.attributes.insert("custom_label_1".into(), label.clone());
                odd.attributes.insert("product_highlight".into(), label.clone());
                let outcomes = shop.create(vec![odd, listing("last")]).await;
                let rows = if is_applied(&outcomes) { 2 } else { 1 };
                let all = shop.all().await;
                assert_eq!(all.len(), rows);
                assert_eq!(all[rows - 1].sku.as_str(), "last");
                if rows == 2 {
                    assert_eq!(all[0].sku.as_str(), sku);
                    let expected = format.clean(&title, Kind::Text);
                    assert_eq!(all[0].title.as_deref(), Some(&*expected));
                }
                shop.assert_valid();
            }
        });
    }
}
