use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::*;
use crate::domain::capability::TextLimits;
use crate::domain::catalog::{Column, Columns, Held, Item, ItemKind};
use crate::domain::ids::ChannelName;
use crate::policy::{ChannelPolicy, Selection, Trace};

type Row = HashMap<String, String>;

fn rows(text: &str) -> Vec<Row> {
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .map(|row| row.unwrap())
        .collect()
}

#[test]
fn three_files_and_a_folder_for_the_feeds_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let shop = dir.path().join("new/shop");
    let paths = init(&shop, false).unwrap();
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["channels.toml", "catalog.csv", "stock.csv"]);
    assert!(shop.join("feeds").is_dir());
    let config: toml::Table = fs::read_to_string(&paths[0]).unwrap().parse().unwrap();
    for table in ["catalog", "stock"] {
        let file = config[table]["file"].as_str().unwrap();
        assert!(shop.join(file).is_file(), "{file}");
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let stock = dir.path().join("stock.csv");
    fs::write(&stock, "mine").unwrap();
    let error = init(dir.path(), false).unwrap_err();
    assert!(error.message.contains("stock.csv"), "{error}");
    assert_eq!(fs::read_to_string(&stock).unwrap(), "mine");
    assert!(!dir.path().join("channels.toml").exists());
    init(dir.path(), true).unwrap();
    assert_eq!(fs::read_to_string(&stock).unwrap(), STOCK);
}

#[test]
fn the_example_of_the_repository_names_its_own_files() {
    let config: toml::Table = CONFIG.parse().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for table in ["catalog", "stock"] {
        let file = config[table]["file"].as_str().unwrap();
        assert!(root.join(file).is_file(), "{file}");
    }
}

#[test]
fn every_policy_of_the_example_is_one_that_is_known() {
    let config: toml::Table = CONFIG.parse().unwrap();
    for (name, channel) in config["channels"].as_table().unwrap() {
        let mut policy = toml::Table::new();
        for table in ["absent", "price", "stock", "content", "select", "guard"] {
            if let Some(value) = channel.get(table) {
                policy.insert(table.into(), value.clone());
            }
        }
        let read = policy.try_into::<ChannelPolicy>();
        assert!(read.is_ok(), "{name}: {}", read.unwrap_err());
    }
}

/// A commented example that does not work once its mark is removed misleads.
#[test]
fn every_commented_option_is_valid_when_its_mark_is_removed() {
    let uncommented: String = CONFIG
        .lines()
        .map(|line| {
            let option = line.strip_prefix("# ").filter(|rest| {
                let key = rest.split(" = ").next().unwrap_or_default();
                let is_key = rest.contains(" = ")
                    && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                is_key || (rest.starts_with('[') && rest.ends_with(']'))
            });
            format!("{}\n", option.unwrap_or(line))
        })
        .collect();
    let config: toml::Table = uncommented.parse().unwrap();
    let amazon = &config["channels"]["amazon-de"];
    for table in ["price", "stock", "content", "select"] {
        let mut policy = toml::Table::new();
        policy.insert(table.into(), amazon[table].clone());
        let read = policy.try_into::<ChannelPolicy>();
        assert!(read.is_ok(), "{table}: {}", read.unwrap_err());
    }
    assert!(config["catalog"]["columns"].is_table());
    assert_eq!(
        config["channels"]["shop"]["settings"]["currency"].as_str(),
        Some("EUR")
    );
}

#[test]
fn the_catalog_holds_singles_and_two_families_without_a_fault() {
    let rows = rows(CATALOG);
    let skus: BTreeSet<&str> = rows.iter().map(|row| row["sku"].as_str()).collect();
    assert_eq!(skus.len(), rows.len());
    let parents: BTreeSet<&str> = rows
        .iter()
        .map(|row| row["parent_sku"].as_str())
        .filter(|parent| !parent.is_empty())
        .collect();
    assert_eq!(parents.len(), 2);
    let mut gtins = BTreeSet::new();
    for row in &rows {
        let sku = row["sku"].as_str();
        if parents.contains(sku) {
            assert!(row["price"].is_empty() && row["gtin"].is_empty(), "{sku}");
            continue;
        }
        let parent = row["parent_sku"].as_str();
        assert!(parent.is_empty() || skus.contains(parent), "{sku}");
        assert_eq!(!parent.is_empty(), !row["option:Size"].is_empty(), "{sku}");
        let price = |column: &str| row[column].parse::<rust_decimal::Decimal>().unwrap();
        assert!(price("price") > price("cost"), "{sku}");
        let gtin = &row["gtin"];
        let weighted = gtin.bytes().enumerate().map(|(position, digit)| {
            u32::from(digit - b'0') * if position % 2 == 0 { 1 } else { 3 }
        });
        assert!(
            gtin.len() == 13 && weighted.sum::<u32>().is_multiple_of(10),
            "{sku}"
        );
        assert!(gtins.insert(gtin), "{sku}");
        assert!(row["weight"].ends_with(" kg"), "{sku}");
        for column in [
            "title",
            "title#de",
            "description",
            "brand",
            "category",
            "images",
            "url",
        ] {
            assert!(!row[column].is_empty(), "{sku} {column}");
        }
    }
}

#[test]
fn every_sku_that_is_sold_has_stock_at_two_locations() {
    let stock = rows(STOCK);
    let sold = rows(CATALOG)
        .into_iter()
        .filter(|row| !row["price"].is_empty());
    for row in sold {
        let sku = &row["sku"];
        let places: BTreeSet<&str> = stock
            .iter()
            .filter(|level| level["sku"] == *sku)
            .map(|level| level["location"].as_str())
            .collect();
        assert_eq!(places, BTreeSet::from(["store", "warehouse"]), "{sku}");
    }
    assert!(
        stock
            .iter()
            .all(|level| level["quantity"].parse::<u64>().is_ok())
    );
}

/// A channel that takes everything.
const LIMITS: TextLimits = TextLimits {
    title: None,
    description: None,
    images: None,
    sku: None,
};

fn items() -> Vec<Item> {
    let mut reader = csv::Reader::from_reader(CATALOG.as_bytes());
    let header = reader.headers().unwrap().clone();
    let columns = Arc::new(Columns::new(header.iter().map(Column::parse).collect()));
    let items = reader.records().map(|record| {
        let cells: Vec<String> = record.unwrap().iter().map(str::to_owned).collect();
        Item {
            sku: cells[0].as_str().into(),
            parent_sku: None,
            kind: ItemKind::Single,
            held: Held::default(),
            file: "catalog.csv".into(),
            line: 1,
            columns: columns.clone(),
            cells,
        }
    });
    items.collect()
}

#[test]
fn the_policies_of_the_example_fit_its_catalog() {
    let config: toml::Table = CONFIG.parse().unwrap();
    let items = items();
    for (name, channel) in config["channels"].as_table().unwrap() {
        let mut policy = toml::Table::new();
        for table in ["price", "stock", "content", "select"] {
            if let Some(value) = channel.get(table) {
                policy.insert(table.into(), value.clone());
            }
        }
        let policy: ChannelPolicy = policy.try_into().unwrap();
        let name = ChannelName::new(name);
        let currency = crate::domain::money::currency("EUR");
        let compiled = policy
            .compile(&name, &items[0].columns, LIMITS, currency)
            .unwrap();
        for item in &items {
            let sold = matches!(compiled.selects(item), Selection::Taken);
            let is_knife_on_amazon = name.as_str() == "amazon-de" && item.sku.as_str() == "KNIFE-8";
            assert_eq!(sold, !is_knife_on_amazon, "{name} {}", item.sku);
            let listing = compiled.listing(item, &[], &mut Vec::new()).unwrap();
            assert!(listing.category.is_some(), "{name} {}", item.sku);
            compiled.price(item, &mut Trace::off()).unwrap();
        }
    }
}

#[test]
fn the_marketplace_of_the_example_has_its_own_price_and_words() {
    let config: toml::Table = CONFIG.parse().unwrap();
    let amazon = &config["channels"]["amazon-de"];
    let mut policy = toml::Table::new();
    for table in ["price", "content"] {
        policy.insert(table.into(), amazon[table].clone());
    }
    let items = items();
    let policy: ChannelPolicy = policy.try_into().unwrap();
    let compiled = policy
        .compile(
            &"amazon-de".into(),
            &items[0].columns,
            LIMITS,
            crate::domain::money::currency("EUR"),
        )
        .unwrap();
    let tee = items
        .iter()
        .find(|item| item.sku.as_str() == "TEE-S-GRN")
        .unwrap();
    let price = compiled.price(tee, &mut Trace::off()).unwrap().unwrap();
    // 59.00 and 8 % are 63.72; the nearest price that ends in .99.
    assert_eq!(price.price.to_plain(), "63.99");
    let listing = compiled.listing(tee, &[], &mut Vec::new()).unwrap();
    assert_eq!(
        listing.title.as_deref(),
        Some("Fernhill T-Shirt aus Merinowolle, Grün, S")
    );
    assert_eq!(listing.category.as_deref(), Some("SHIRT"));
    assert_eq!(listing.attributes["material"], "merino wool");
}
