use iso_currency::Currency;

use super::super::audit::{Part, audited};
use super::super::format::{GOOGLE, META};
use super::super::tests::listing;
use super::*;

type Damage = fn(&mut Listing);

fn codes(issues: &[Issue]) -> Vec<&str> {
    issues.iter().map(|issue| issue.code.as_str()).collect()
}

fn audit(format: Format, listing: &Listing) -> Vec<Issue> {
    audited(format, None, listing, Part::All).issues
}

fn eur(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), Currency::EUR)
}

fn to_row(format: Format, listing: &Listing) -> (Row, Vec<Issue>) {
    let converted = convert(format, None, listing);
    (converted.cells.into_row(format.spec()), converted.issues)
}

fn cell<'a>(format: Format, row: &'a Row, name: &str) -> Option<&'a str> {
    row.first(format.spec().position(name).unwrap())
}

#[test]
fn a_complete_listing_has_no_issues() {
    for format in [Format::GoogleTsv, Format::GoogleXml, Format::MetaCsv] {
        assert_eq!(codes(&audit(format, &listing("TEE-S"))), [""; 0]);
    }
}

#[test]
fn what_the_format_requires_is_an_error_that_names_the_catalog_column() {
    let cases: [(&str, &str, Damage); 6] = [
        ("title_missing", "title", |listing| listing.title = None),
        ("description_missing", "description", |listing| {
            listing.description = Some("<p> </p>".into());
        }),
        ("link_missing", "url", |listing| listing.url = None),
        ("image_link_missing", "images", |listing| {
            listing.images.clear();
        }),
        ("availability_missing", "quantity", |listing| {
            listing.quantity = None;
        }),
        ("price_missing", "price", |listing| listing.price = None),
    ];
    for format in [Format::GoogleTsv, Format::MetaCsv] {
        for (code, field, damage) in cases {
            let mut listing = listing("TEE-S");
            damage(&mut listing);
            let issues = audit(format, &listing);
            assert_eq!(codes(&issues), [code]);
            assert!(issues[0].is_error());
            assert_eq!(issues[0].field.as_deref(), Some(field));
            assert_eq!(issues[0].sku.as_ref(), Some(&listing.sku));
        }
    }
}

#[test]
fn values_that_the_format_refuses_are_errors() {
    let cases: [(&str, Damage); 12] = [
        ("title_too_long", |listing| {
            listing.title = Some("ä".repeat(201));
        }),
        ("id_too_long", |listing| {
            listing.sku = "x".repeat(101).into()
        }),
        ("id_unwritable", |listing| listing.sku = "A\tB".into()),
        ("description_too_long", |listing| {
            listing.description = Some("x".repeat(10_000));
        }),
        ("link_invalid", |listing| {
            listing.url = Some("ftp://example.com/".into());
        }),
        ("image_link_invalid", |listing| {
            listing.images[0] = "tee.jpg".into();
        }),
        ("gtin_invalid", |listing| {
            listing.gtin = Some("4006381333932".into());
        }),
        ("condition_invalid", |listing| {
            listing.condition = Some("shiny".into());
        }),
        ("price_invalid", |listing| listing.price = Some(eur("0"))),
        ("gender_invalid", |listing| {
            listing.attributes.insert("gender".into(), "men".into());
        }),
        ("shipping_invalid", |listing| {
            listing
                .attributes
                .insert("shipping".into(), "DE:5.00 EUR".into());
        }),
        ("shipping_too_many", |listing| {
            let many = ["DE:::5.00 EUR"; 101].join("|");
            listing.attributes.insert("shipping".into(), many);
        }),
    ];
    for format in [Format::GoogleTsv, Format::MetaCsv] {
        for (code, damage) in cases {
            let mut listing = listing("TEE-S");
            damage(&mut listing);
            let issues = audit(format, &listing);
            assert_eq!(codes(&issues), [code]);
            assert!(issues[0].is_error());
        }
    }
    // Between the two limits only Google complains.
    let mut between = listing("TEE-S");
    between.title = Some("x".repeat(151));
    assert_eq!(
        codes(&audit(Format::GoogleXml, &between)),
        ["title_too_long"]
    );
    assert!(audit(Format::MetaCsv, &between).is_empty());
}

#[test]
fn google_warns_of_missing_identifiers_and_meta_refuses() {
    let mut nameless = listing("TEE-S");
    nameless.brand = None;
    nameless.gtin = None;
    let google = audit(Format::GoogleTsv, &nameless);
    assert_eq!(codes(&google), ["brand_missing", "gtin_missing"]);
    assert!(!google.iter().any(Issue::is_error));
    let meta = audit(Format::MetaCsv, &nameless);
    assert_eq!(codes(&meta), ["brand_missing"]);
    assert!(meta[0].is_error());
    nameless
        .attributes
        .insert("Identifier exists".into(), "FALSE".into());
    assert!(audit(Format::GoogleTsv, &nameless).is_empty());
}

#[test]
fn options_and_attributes_fill_columns_or_say_why_not() {
    let format = Format::GoogleTsv;
    let mut listing = listing("TEE-S");
    listing.options = vec![
        ("Größe".into(), "S".into()),
        ("COLOUR".into(), "Navy".into()),
        ("Voltage".into(), "230".into()),
    ];
    for (name, value) in [
        ("custom_label_0", "sale"),
        ("age_grup", "adult"),
        ("availability", "preorder"),
        ("product_highlight", "Soft, warm|Washable"),
    ] {
        listing.attributes.insert(name.into(), value.into());
    }
    let (row, issues) = to_row(format, &listing);
    assert_eq!(cell(format, &row, "size"), Some("S"));
    assert_eq!(cell(format, &row, "color"), Some("Navy"));
    assert_eq!(cell(format, &row, "custom_label_0"), Some("sale"));
    assert_eq!(cell(format, &row, "availability"), Some("in_stock"));
    let highlights = GOOGLE.position("product_highlight").unwrap();
    assert_eq!(row.cells[highlights], ["Soft, warm", "Washable"]);
    assert_eq!(
        codes(&issues),
        ["option_left_out", "attribute_unknown", "attribute_reserved"]
    );
    assert_eq!(issues[1].hint.as_deref(), Some("did you mean `age_group`?"));
}

#[test]
fn pictures_beyond_the_limit_are_left_out_with_a_warning() {
    for (format, most) in [(Format::GoogleTsv, 11), (Format::MetaCsv, 21)] {
        let mut listing = listing("TEE-S");
        listing.images = (0..30)
            .map(|number| format!("https://cdn.example.com/a,{number}.jpg"))
            .collect();
        let (row, issues) = to_row(format, &listing);
        assert_eq!(row.cells[ADDITIONAL_IMAGE_LINK].len(), most - 1);
        assert_eq!(
            row.cells[ADDITIONAL_IMAGE_LINK][0],
            "https://cdn.example.com/a%2C1.jpg"
        );
        assert_eq!(codes(&issues), ["images_left_out"]);
    }
}

#[test]
fn a_measure_is_written_in_a_unit_of_googles() {
    let measure = |value: &str, unit: &str| Measure {
        value: value.parse().unwrap(),
        unit: unit.into(),
    };
    assert_eq!(to_measure(&measure("125", "mm"), false).unwrap(), "12.5 cm");
    assert_eq!(to_measure(&measure("0.50", "KG"), true).unwrap(), "0.5 kg");
    assert_eq!(to_measure(&measure("1.2", "m"), false).unwrap(), "120 cm");
    assert_eq!(to_measure(&measure("1", "kg"), false), None);
    assert_eq!(to_measure(&measure("1", "stone"), true), None);
}

#[test]
fn a_link_template_needs_a_place_for_the_sku() {
    let template = LinkTemplate::parse("https://shop.example.com/p/{sku}?ref=g").unwrap();
    assert_eq!(
        template.link("Ä 1/2+3"),
        "https://shop.example.com/p/%C3%84%201%2F2%2B3?ref=g"
    );
    assert_eq!(template.origin().unwrap(), "https://shop.example.com/");
    for wrong in [
        "https://shop.example.com/",
        "shop.example.com/{sku}",
        "https://shop.example.com/{sku}/{id}",
    ] {
        assert!(LinkTemplate::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn offers_are_read_back_as_they_were_written() {
    let (mut row, _) = to_row(Format::MetaCsv, &listing("TEE-S"));
    set_stock(&META, &mut row, 7);
    set_price(&mut row, eur("5"), Some(eur("9.5")));
    assert_eq!(row.first(PRICE), Some("9.50 EUR"));
    assert_eq!(row.first(SALE_PRICE), Some("5.00 EUR"));
    let read = to_channel_listing(&META, &row).unwrap();
    assert_eq!(read.price, Some(eur("5")));
    assert_eq!(read.compare_at, Some(eur("9.5")));
    assert_eq!(read.quantity, Some(7));

    set_price(&mut row, eur("5"), Some(eur("5.001")));
    assert_eq!(row.first(SALE_PRICE), None);
    let yen = Money::new("900".parse().unwrap(), Currency::JPY);
    set_price(&mut row, yen, Some(eur("1000")));
    assert_eq!(row.first(PRICE), Some("900 JPY"));
    assert_eq!(row.first(SALE_PRICE), None);
}

#[test]
fn google_tells_only_whether_there_is_stock() {
    let (mut row, _) = to_row(Format::GoogleXml, &listing("TEE-S"));
    for (quantity, read) in [(7, None), (0, Some(0))] {
        set_stock(&GOOGLE, &mut row, quantity);
        let listing = to_channel_listing(&GOOGLE, &row).unwrap();
        assert_eq!(listing.quantity, read);
    }
    row.set(AVAILABILITY, Some("preorder".into()));
    assert!(to_channel_listing(&GOOGLE, &row).is_err());
}
