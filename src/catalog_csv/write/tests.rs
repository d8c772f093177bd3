//! What is written reads back as the same items.

use iso_currency::Currency;
use proptest::prelude::*;

use super::super::testing::{Seen, open, scan};
use super::*;
use crate::domain::catalog::ItemKind;
use crate::domain::money::Money;

const FORMATS: [WriteFormat; 2] = [WriteFormat::Native, WriteFormat::Shopify];

fn live(content: Listing) -> ChannelListing {
    let is_sold = content.kind != ItemKind::Parent;
    ChannelListing {
        sku: content.sku.clone(),
        listing_ref: content.sku.as_str().into(),
        parent_ref: None,
        live: true,
        title: content.title.clone(),
        price: is_sold.then(|| Money::new("19.90".parse().unwrap(), Currency::EUR)),
        compare_at: None,
        quantity: is_sold.then_some(3),
        issues: Vec::new(),
        content: Some(Box::new(content)),
    }
}

fn single(sku: &str) -> Listing {
    Listing {
        title: Some(format!("The {sku}")),
        description: Some("<p>Good, \"very\" good</p>\n\n<p>; and more</p>".into()),
        brand: Some("Acme".into()),
        gtin: Some("4006381333931".into()),
        mpn: Some("A-1".into()),
        category: Some("Home > Mugs".into()),
        condition: Some("new".into()),
        url: Some("https://shop.example.com/p/1".into()),
        images: ["1", "2"]
            .map(|n| format!("https://img.example/{n}.jpg"))
            .into(),
        weight: Some(measure("1.250", "kg")),
        length: Some(measure("12", "cm")),
        country_of_origin: Some("DE".into()),
        tags: vec!["blue".into(), "big".into()],
        attributes: [("material", "Wool; fine"), ("unit price", "2 EUR")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Listing::blank(sku.into(), ItemKind::Single)
    }
}

fn measure(value: &str, unit: &str) -> Measure {
    Measure {
        value: value.parse().unwrap(),
        unit: unit.into(),
    }
}

fn alone(content: Listing) -> Family {
    Family {
        key: None,
        parent: None,
        members: vec![live(content)],
    }
}

fn parent(key: &str) -> Listing {
    Listing {
        kind: ItemKind::Parent,
        gtin: None,
        mpn: None,
        weight: None,
        ..single(key)
    }
}

fn variant(key: &str, size: &str) -> Listing {
    let mut variant = Listing {
        gtin: None,
        parent_sku: Some(key.into()),
        options: vec![("Size".into(), size.into())],
        ..Listing::blank(format!("{key}-{size}").as_str().into(), ItemKind::Variant)
    };
    variant.inherit(&parent(key));
    variant
}

fn family(parent: Option<Listing>, members: Vec<Listing>) -> Family {
    Family {
        key: members[0].parent_sku.clone(),
        parent: parent.map(live),
        members: members.into_iter().map(live).collect(),
    }
}

fn written(format: WriteFormat, families: &[Family]) -> Vec<u8> {
    let mut survey = CatalogSurvey::new(format);
    families.iter().for_each(|family| survey.meet(family));
    let mut out = Vec::new();
    let mut writer = survey.begin(&mut out).unwrap();
    families
        .iter()
        .for_each(|family| writer.write(family).unwrap());
    writer.finish().unwrap();
    out
}

/// The listing that a catalog's row states, with what it takes over from its parent's row.
fn stated(seen: &Seen, sku: &str) -> Listing {
    let item = seen.item(sku);
    let inherited = |name: &str| {
        let own = ["gtin", "mpn"].contains(&name) || name.starts_with("option:");
        let from_parent = || {
            let parent = item.parent_sku.as_ref().filter(|_| !own)?;
            let parent = seen.items.iter().find(|(item, _)| item.sku == *parent)?;
            parent.0.value(name)
        };
        item.value(name).or_else(from_parent).map(str::to_owned)
    };
    let measure = |name: &str| {
        let text = inherited(name)?;
        let (value, unit) = text.split_once(' ').unwrap();
        Some(measure(value, unit))
    };
    let list = |name: &str, marks: &[char]| -> Vec<String> {
        let text = inherited(name).unwrap_or_default();
        let parts = text.split(marks).map(|part| part.trim().to_owned());
        parts.filter(|part| !part.is_empty()).collect()
    };
    let prefixed = |prefix: &str| -> Vec<(String, String)> {
        let names = item.columns.list().iter().map(|column| &column.name);
        names
            .filter_map(|name| Some((name.strip_prefix(prefix)?.to_owned(), inherited(name)?)))
            .collect()
    };
    Listing {
        parent_sku: item.parent_sku.clone(),
        title: inherited("title"),
        description: inherited("description"),
        brand: inherited("brand"),
        gtin: inherited("gtin"),
        mpn: inherited("mpn"),
        category: inherited("category"),
        condition: inherited("condition"),
        url: inherited("url"),
        images: list("images", &['|']),
        weight: measure("weight"),
        length: measure("length"),
        width: measure("width"),
        height: measure("height"),
        country_of_origin: inherited("country_of_origin"),
        tags: list("tags", &['|', ',']),
        options: prefixed("option:"),
        attributes: prefixed("attr:").into_iter().collect(),
        ..Listing::blank(item.sku.clone(), item.kind)
    }
}

/// Writes, reads, and compares every listing.
fn goes_there_and_back(families: &[Family]) {
    for format in FORMATS {
        let text = written(format, families);
        let shown = String::from_utf8(text.clone()).unwrap();
        let seen = scan(&open(&text).unwrap());
        assert_eq!(seen.codes(), [""; 0], "{format:?}\n{shown}");
        for family in families {
            for listing in family.parent.iter().chain(&family.members) {
                let content = listing.content.as_deref().unwrap();
                let read = stated(&seen, content.sku.as_str());
                assert_eq!(
                    read.shown_fingerprint(),
                    content.shown_fingerprint(),
                    "{format:?}\n{read:#?}\n{content:#?}\n{shown}"
                );
                let item = seen.item(content.sku.as_str());
                assert!(!item.held.any());
                if content.kind != ItemKind::Parent {
                    assert_eq!(item.value("price"), Some("19.90"));
                    assert_eq!(item.value("currency"), Some("EUR"));
                    assert_eq!(item.value("quantity"), Some("3"));
                }
            }
        }
    }
}

#[test]
fn everything_that_a_listing_says_is_kept() {
    goes_there_and_back(&[
        alone(single("A")),
        alone(Listing {
            title: Some("'quoted, \"twice\"".into()),
            ..Listing::blank("'B".into(), ItemKind::Single)
        }),
    ]);
}

#[test]
fn families_keep_what_parent_and_variants_say_each() {
    let mut other = variant("P", "M");
    other.title = Some("The P in M".into());
    other.images = vec!["https://img.example/m.jpg".into()];
    other.gtin = Some("96385074".into());
    other.weight = Some(measure("300", "g"));
    let other_first = vec![other.clone(), variant("P", "S")];
    for members in [
        vec![variant("P", "S"), variant("P", "M")],
        vec![variant("P", "S"), other],
        other_first,
        vec![variant("P", "S")],
    ] {
        let mut with_number = parent("P");
        with_number.mpn = Some("P-0".into());
        for parent in [Some(parent("P")), Some(with_number)] {
            goes_there_and_back(&[family(parent, members.clone())]);
        }
        // A channel that keeps no parents.
        goes_there_and_back(&[family(None, members)]);
    }
}

#[test]
fn a_fourth_option_and_the_columns_of_others_do_no_harm() {
    let mut many = variant("P", "S");
    for name in ["Color", "Cut", "Length"] {
        many.options.push((name.into(), "x".into()));
    }
    let mut few = variant("P", "M");
    few.options.push(("Length".into(), "y".into()));
    let mut alone_with_option = single("A");
    alone_with_option.options = vec![("Color".into(), "red".into())];
    goes_there_and_back(&[
        family(Some(parent("P")), vec![many, few]),
        alone(alone_with_option),
    ]);
}

#[test]
fn only_columns_with_a_value_are_written() {
    let plain = Listing {
        title: Some("Mug".into()),
        ..Listing::blank("A".into(), ItemKind::Single)
    };
    let text = written(WriteFormat::Native, &[alone(plain)]);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "sku,title,price,currency,quantity\nA,Mug,19.90,EUR,3\n"
    );
}

#[test]
fn skus_that_no_file_holds_are_refused() {
    for sku in [" A", "A\n", "#REF!", "1E+12"] {
        assert!(CatalogSurvey::refuses(&sku.into()).is_some(), "{sku:?}");
    }
    assert_eq!(CatalogSurvey::refuses(&"'A/1 b".into()), None);
}

#[test]
fn numbers_read_one_way_only() {
    for (number, text) in [
        ("5", "5"),
        ("5.5", "5.50"),
        ("1.250", "1.25"),
        ("1.234", "1.2340"),
    ] {
        assert_eq!(plain(number.parse().unwrap()), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_goes_there_and_back(
        title in "[^\\p{Cc}]{0,20}[a-z]",
        description in "[a-zé,;\"' \\n\\r\\t|<>#=@-]{0,60}",
        value in "[ \"',\\n|]{0,6}[a-z]{0,3}",
    ) {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut content = Listing {
            title: text(&title),
            description: text(&description),
            ..Listing::blank("A".into(), ItemKind::Single)
        };
        content.attributes.extend(text(&value).map(|value| ("fit".to_owned(), value)));
        goes_there_and_back(&[alone(content)]);
    }
}
