//! Listing to row, and row to listing. Pure.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use rust_decimal::Decimal;

use super::cells::Cells;
use super::format::{
    ADDITIONAL_IMAGE_LINK, AVAILABILITY, Column, DESCRIPTION, Format, ID, IMAGE_LINK, Kind, LINK,
    PRICE, Row, SALE_PRICE, Shape, Spec, TITLE,
};
use super::html::to_plain_text;
use crate::domain::ids::{ListingRef, Sku};
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing, Measure};
use crate::domain::money::{Money, currency};
use crate::domain::nearest::nearest;
use crate::domain::web::plain_path;
use crate::domain::{Error, Result};

/// Names of options in the languages of our sellers, lower case, and the columns that they fill.
const OPTION_COLUMNS: &[(&str, &[&str])] = &[
    (
        "color",
        &[
            "color", "colour", "farbe", "couleur", "colore", "kleur", "cor", "kolor", "renk",
            "цвет",
        ],
    ),
    (
        "size",
        &[
            "size",
            "größe",
            "groesse",
            "grösse",
            "taille",
            "talla",
            "taglia",
            "maat",
            "tamanho",
            "rozmiar",
            "beden",
            "размер",
            "shoe size",
            "schuhgröße",
        ],
    ),
    (
        "material",
        &[
            "material",
            "matière",
            "materiale",
            "materiaal",
            "materiał",
            "malzeme",
            "материал",
            "fabric",
            "stoff",
        ],
    ),
    (
        "pattern",
        &[
            "pattern", "muster", "motif", "patrón", "fantasia", "patroon", "padrão", "wzór",
            "desen", "узор",
        ],
    ),
];

/// Unreserved characters of RFC 3986 stay; everything else of a sku is encoded.
const SKU_IN_URL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The product page's address for listings that state none: `https://shop.example.com/p/{sku}`.
#[derive(Clone, Debug)]
pub struct LinkTemplate(String);

impl LinkTemplate {
    const PLACE: &str = "{sku}";

    pub fn parse(text: &str) -> Result<Self> {
        let template = Self(text.trim().to_owned());
        let wrong = |why: &str| {
            Err(
                Error::config(format!("`link_template = \"{text}\"` {why}")).hint(
                    "write the product page's address with `{sku}` in it: \
                     `https://shop.example.com/p/{sku}`",
                ),
            )
        };
        if !text.contains(Self::PLACE) {
            return wrong("does not say where the sku goes");
        }
        if text.replace(Self::PLACE, "").contains(['{', '}']) {
            return wrong("has braces other than those of `{sku}`");
        }
        if !is_web(&template.link("x")) {
            return wrong("is not a web address");
        }
        Ok(template)
    }

    /// `https://shop.example.com/`
    pub fn origin(&self) -> Option<String> {
        let url = Url::parse(&self.link("x")).ok()?;
        Some(format!("{}/", url.origin().ascii_serialization()))
    }

    fn link(&self, sku: &str) -> String {
        let encoded = utf8_percent_encode(sku, SKU_IN_URL).to_string();
        self.0.replace(Self::PLACE, &encoded)
    }
}

/// A web address without blanks, complete with scheme and host.
pub fn is_web(text: &str) -> bool {
    plain_path(text).is_some()
        || (!text.contains(char::is_whitespace)
            && Url::parse(text)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()))
}

/// The cells of a row, and what was left out of it on the way.
#[derive(Debug)]
pub struct Converted<'a> {
    pub cells: Cells<'a>,
    pub issues: Vec<Issue>,
}

/// The row that shows a listing, price and stock included as far as they are stated.
pub fn convert<'a>(
    format: Format,
    links: Option<&LinkTemplate>,
    listing: &'a Listing,
) -> Converted<'a> {
    let mut filler = Filler {
        format,
        spec: format.spec(),
        cells: Cells::default(),
        issues: Vec::new(),
    };
    filler.identity(listing);
    filler.content(links, listing);
    filler.images(listing);
    filler.options(listing);
    filler.attributes(listing);
    if let Some(quantity) = listing.quantity {
        for (position, text) in stock_cells(filler.spec, quantity) {
            filler.cells.set(position, [text]);
        }
    }
    if let Some(price) = listing.price {
        for (position, text) in price_cells(price, listing.compare_at) {
            filler.cells.set(position, text.map(Cow::Owned));
        }
    }
    Converted {
        cells: filler.cells,
        issues: filler.issues,
    }
}

/// Gives a row the content of another and keeps its own price and stock.
pub fn with_offer_of(mut content: Row, spec: &Spec, old: &Row) -> Row {
    for position in [
        Some(AVAILABILITY),
        Some(PRICE),
        Some(SALE_PRICE),
        spec.quantity,
    ]
    .into_iter()
    .flatten()
    {
        content.cells[position].clone_from(&old.cells[position]);
    }
    content
}

pub fn set_stock(spec: &Spec, row: &mut Row, quantity: u64) {
    for (position, text) in stock_cells(spec, quantity) {
        row.set(position, Some(text.into_owned()));
    }
}

fn stock_cells(
    spec: &Spec,
    quantity: u64,
) -> impl Iterator<Item = (usize, Cow<'static, str>)> + use<> {
    let word = if quantity > 0 {
        spec.in_stock
    } else {
        spec.out_of_stock
    };
    let number = spec
        .quantity
        .map(|position| (position, quantity.to_string().into()));
    std::iter::once((AVAILABILITY, word.into())).chain(number)
}

pub fn set_price(row: &mut Row, price: Money, compare_at: Option<Money>) {
    for (position, text) in price_cells(price, compare_at) {
        row.set(position, text);
    }
}

/// A `compare_at` above the price becomes the regular price, and the price the sale price.
fn price_cells(price: Money, compare_at: Option<Money>) -> [(usize, Option<String>); 2] {
    let (regular, sale) = match compare_at.filter(|regular| is_above(*regular, price)) {
        Some(regular) => (regular, Some(price)),
        None => (price, None),
    };
    [
        (PRICE, Some(regular.to_string())),
        (SALE_PRICE, sale.map(|price| price.to_string())),
    ]
}

/// Whether a struck-through price can be shown: in the same currency, and higher as it is written.
pub fn is_above(regular: Money, price: Money) -> bool {
    regular.currency == price.currency && regular.rounded().amount > price.rounded().amount
}

/// Reads `19.99 EUR`.
pub fn parse_price(text: &str) -> Option<Money> {
    let (amount, code) = text.split_once(' ')?;
    let amount: Decimal = amount.parse().ok()?;
    Some(Money::new(amount, currency(code)?))
}

/// What a row shows. `Err` says which cell cannot be read.
pub fn to_channel_listing(spec: &Spec, row: &Row) -> Result<ChannelListing, String> {
    let money = |position: usize| match row.first(position) {
        None => Ok(None),
        Some(text) => parse_price(text).map(Some).ok_or_else(|| {
            let name = spec.columns[position].name;
            format!("`{name}` of `{}` is not a price: `{text}`", row.id())
        }),
    };
    let (price, compare_at) = match (money(PRICE)?, money(SALE_PRICE)?) {
        (regular, Some(sale)) => (Some(sale), regular),
        (regular, None) => (regular, None),
    };
    let quantity = match row.first(AVAILABILITY) {
        Some(word) if word == spec.out_of_stock => Some(0),
        Some(word) if word == spec.in_stock => {
            match spec.quantity.and_then(|position| row.first(position)) {
                None => None,
                Some(text) => Some(text.parse().map_err(|_| {
                    format!("the quantity of `{}` is not a number: `{text}`", row.id())
                })?),
            }
        }
        word => {
            return Err(format!(
                "the availability of `{}` is not one that skucast writes: `{}`",
                row.id(),
                word.unwrap_or_default()
            ));
        }
    };
    let archived = spec
        .position("status")
        .and_then(|position| row.first(position))
        == Some("archived");
    Ok(ChannelListing {
        sku: Sku::new(row.id()),
        listing_ref: ListingRef::new(row.id()),
        parent_ref: None,
        live: !archived,
        title: row.first(TITLE).map(str::to_owned),
        price,
        compare_at,
        quantity,
        issues: Vec::new(),
        content: None,
    })
}

struct Filler<'a> {
    format: Format,
    spec: &'static Spec,
    cells: Cells<'a>,
    issues: Vec<Issue>,
}

impl<'a> Filler<'a> {
    fn put(&mut self, position: usize, text: impl Into<Cow<'a, str>>) {
        let value = self.clean(&self.spec.columns[position], text);
        self.cells.set(position, [value]);
    }

    fn put_stated(&mut self, place: Option<usize>, text: Option<&'a str>) {
        if let (Some(position), Some(text)) = (place, text) {
            self.put(position, text);
        }
    }

    fn clean(&self, column: &Column, text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        let text = self.format.clean(text, column.kind);
        match column.kind {
            // A comma would end the address where addresses stand in a list.
            Kind::Web if text.contains([' ', ',']) => {
                Cow::Owned(text.replace(' ', "%20").replace(',', "%2C"))
            }
            Kind::Words(allowed) => {
                let wanted = match &*text {
                    yes if yes.eq_ignore_ascii_case("true") => "yes",
                    no if no.eq_ignore_ascii_case("false") => "no",
                    word => word,
                };
                let known = allowed
                    .iter()
                    .find(|word| word.eq_ignore_ascii_case(wanted));
                known.map_or(text, |word| Cow::Borrowed(*word))
            }
            _ => text,
        }
    }

    fn identity(&mut self, listing: &'a Listing) {
        let sku = listing.sku.as_str();
        self.put(ID, sku);
        if self.cells.first(ID).unwrap_or_default() != sku {
            self.issues.push(
                Issue::error(
                    "id_unwritable",
                    format!(
                        "the sku has characters that a {} file cannot hold",
                        self.format.as_str()
                    ),
                )
                .field("sku")
                .hint("use a sku without tabs, line breaks, double blanks or quotes at its start"),
            );
        }
        let parent = listing.parent_sku.as_ref().map(Sku::as_str);
        self.put_stated(self.spec.named.item_group_id, parent);
    }

    fn content(&mut self, links: Option<&LinkTemplate>, listing: &'a Listing) {
        if let Some(title) = &listing.title {
            self.put(TITLE, title);
        }
        if let Some(description) = &listing.description {
            self.put(DESCRIPTION, to_plain_text(description));
        }
        match (&listing.url, links) {
            (Some(url), _) => self.put(LINK, url),
            (None, Some(template)) => self.put(LINK, template.link(listing.sku.as_str())),
            (None, None) => {}
        }
        let named = &self.spec.named;
        let condition = listing.condition.as_deref().or(self.spec.default_condition);
        for (place, text) in [
            (named.brand, listing.brand.as_deref()),
            (named.gtin, listing.gtin.as_deref()),
            (named.mpn, listing.mpn.as_deref()),
            (named.condition, condition),
            (named.product_type, listing.category.as_deref()),
            (named.origin_country, listing.country_of_origin.as_deref()),
        ] {
            self.put_stated(place, text);
        }
        for (place, field, measure) in [
            (named.weight, "weight", &listing.weight),
            (named.length, "length", &listing.length),
            (named.width, "width", &listing.width),
            (named.height, "height", &listing.height),
        ] {
            let (Some(measure), Some(position)) = (measure, place) else {
                continue;
            };
            match to_measure(measure, field == "weight") {
                Some(text) => self.put(position, text),
                None => self.issues.push(
                    Issue::warning(
                        "unit_unknown",
                        format!(
                            "`{} {}` is left out: {} does not know this unit",
                            measure.value.normalize(),
                            measure.unit,
                            self.spec.name
                        ),
                    )
                    .field(field)
                    .hint("use g, kg, oz or lb for weights and mm, cm, m or in for lengths"),
                ),
            }
        }
    }

    fn images(&mut self, listing: &'a Listing) {
        let mut images = listing.images.iter();
        if let Some(first) = images.next() {
            self.put(IMAGE_LINK, first);
        }
        let most = self.spec.images() - 1;
        let mut length = 0;
        let mut values: Vec<Cow<'a, str>> = Vec::new();
        let column = &self.spec.columns[ADDITIONAL_IMAGE_LINK];
        for image in images {
            let value = self.clean(column, image);
            length += value.chars().count() + 1;
            if values.len() == most || length > self.spec.additional_images_length {
                let kept = values.len() + 1;
                self.issues.push(
                    Issue::warning(
                        "images_left_out",
                        format!(
                            "{} takes only the first {kept} of {} pictures",
                            self.spec.name,
                            listing.images.len()
                        ),
                    )
                    .field("images"),
                );
                break;
            }
            if !value.is_empty() {
                values.push(value);
            }
        }
        self.cells.set(ADDITIONAL_IMAGE_LINK, values);
    }

    fn options(&mut self, listing: &'a Listing) {
        for (name, value) in &listing.options {
            let wanted = name.trim().to_lowercase();
            let column = OPTION_COLUMNS
                .iter()
                .find(|(_, names)| names.contains(&wanted.as_str()))
                .map(|(column, _)| *column)
                .or_else(|| {
                    ["gender", "age_group"]
                        .into_iter()
                        .find(|column| *column == wanted.replace(' ', "_"))
                });
            match column {
                Some(column) => self.put_stated(self.spec.position(column), Some(value)),
                None => self.issues.push(
                    Issue::note(
                        "option_left_out",
                        format!("{} has no column for the option `{name}`", self.spec.name),
                    )
                    .field(format!("option:{name}"))
                    .hint("name it in the title, or map it to an attribute of this channel"),
                ),
            }
        }
    }

    fn attributes(&mut self, listing: &'a Listing) {
        for (name, value) in &listing.attributes {
            let wanted = name.trim().to_lowercase().replace(' ', "_");
            let field = || format!("attr:{name}");
            let Some(position) = self.spec.position(&wanted) else {
                let left_out = format!("{} has no column `{name}`; it is left out", self.spec.name);
                // A name that is like none was meant for another channel.
                let columns = self.spec.columns.iter().map(|column| column.name);
                let issue = match nearest(&wanted, columns) {
                    Some(near) => Issue::warning("attribute_unknown", left_out)
                        .hint(format!("did you mean `{near}`?")),
                    None => Issue::note("attribute_unknown", left_out),
                };
                self.issues.push(issue.field(field()));
                continue;
            };
            let column = &self.spec.columns[position];
            if matches!(position, ID | AVAILABILITY | PRICE | SALE_PRICE)
                || self.spec.quantity == Some(position)
            {
                self.issues.push(
                    Issue::warning(
                        "attribute_reserved",
                        format!(
                            "`{wanted}` comes from the catalog's `{}`; the attribute is left out",
                            column.source.unwrap_or(column.name)
                        ),
                    )
                    .field(field()),
                );
                continue;
            }
            match column.shape {
                Shape::One => self.put(position, value),
                Shape::Many(_) | Shape::Groups(_) => {
                    let parts: Vec<_> = value
                        .split('|')
                        .map(|part| self.clean(column, part))
                        .collect();
                    self.cells.set(position, parts);
                }
            }
        }
    }
}

/// The measure in a unit that Google knows: lb, oz, g, kg; cm, in.
fn to_measure(measure: &Measure, is_weight: bool) -> Option<String> {
    let unit = measure.unit.trim().to_ascii_lowercase();
    let value = measure.value;
    let (value, unit) = match unit.as_str() {
        "g" | "kg" | "oz" if is_weight => (value, unit.as_str()),
        "lb" | "lbs" if is_weight => (value, "lb"),
        "cm" | "in" if !is_weight => (value, unit.as_str()),
        "mm" if !is_weight => (value / Decimal::TEN, "cm"),
        "m" if !is_weight => (value * Decimal::ONE_HUNDRED, "cm"),
        _ => return None,
    };
    Some(format!("{} {unit}", value.normalize()))
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
