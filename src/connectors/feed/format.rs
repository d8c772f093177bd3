//! The formats as data: which columns a file has, in which order, and what may stand in them.
//!
//! Sources: Google's product data specification (support.google.com/merchants/answer/7052112) and the enums of
//! the Merchant API's `ProductAttributes`; Meta's catalog fields reference (developers.facebook.com, catalog
//! reference) and the enums of its API.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

use super::google_tsv::GoogleTsv;
use super::google_xml::GoogleXml;
use super::meta_csv::MetaCsv;

/// Positions that both formats share, so that offers are read and written without a search by name.
pub const ID: usize = 0;
pub const TITLE: usize = 1;
pub const DESCRIPTION: usize = 2;
pub const LINK: usize = 3;
pub const IMAGE_LINK: usize = 4;
pub const ADDITIONAL_IMAGE_LINK: usize = 5;
pub const AVAILABILITY: usize = 6;
pub const PRICE: usize = 7;
pub const SALE_PRICE: usize = 8;

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    One,
    /// At most so many values: separated by commas in text files, repeated elements in XML.
    Many(usize),
    /// Values made of these parts: `US:CA:Ground:5.00 USD` in text files, nested elements in XML.
    Groups(&'static [&'static str]),
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text that may keep its line breaks where the format can hold them.
    Prose,
    Web,
    /// `19.99 EUR`
    Price,
    Gtin,
    /// A number without a sign or decimals.
    Whole,
    Words(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    /// The part of the listing that it is filled from; `None` when only an attribute of that name fills it.
    pub source: Option<&'static str>,
    pub shape: Shape,
    pub required: bool,
    /// Most characters of one value.
    pub max: usize,
    pub kind: Kind,
}

impl Column {
    /// How issues name this column.
    pub fn field(&self) -> String {
        self.source
            .map_or_else(|| format!("attr:{}", self.name), str::to_owned)
    }

    const fn from(self, source: &'static str) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    const fn many(self, most: usize) -> Self {
        Self {
            shape: Shape::Many(most),
            ..self
        }
    }

    const fn groups(self, parts: &'static [&'static str]) -> Self {
        Self {
            shape: Shape::Groups(parts),
            ..self
        }
    }
}

const fn column(name: &'static str, kind: Kind, max: usize) -> Column {
    Column {
        name,
        source: None,
        shape: Shape::One,
        required: false,
        max,
        kind,
    }
}

const fn text(name: &'static str, max: usize) -> Column {
    column(name, Kind::Text, max)
}

const fn web(name: &'static str) -> Column {
    column(name, Kind::Web, LONGEST_URL)
}

const fn words(name: &'static str, allowed: &'static [&'static str]) -> Column {
    column(name, Kind::Words(allowed), usize::MAX)
}

const LONGEST_URL: usize = 2000;
const LONGEST_LABEL: usize = 100;
const ENERGY: &[&str] = &["A+++", "A++", "A+", "A", "B", "C", "D", "E", "F", "G"];
const YES_NO: &[&str] = &["yes", "no"];
const SHIPPING: &[&str] = &["country", "region", "service", "price"];

/// Everything that tells one kind of file from another, beside its syntax.
#[derive(Debug)]
pub struct Spec {
    pub name: &'static str,
    pub columns: &'static [Column],
    pub named: Named,
    pub in_stock: &'static str,
    pub out_of_stock: &'static str,
    /// Where the exact number of pieces stands, if the format has a place for it.
    pub quantity: Option<usize>,
    /// Written when the listing states no condition.
    pub default_condition: Option<&'static str>,
    /// Most characters of all additional pictures together.
    pub additional_images_length: usize,
}

/// Where the columns stand that are filled from every listing, so that nobody searches for them.
#[derive(Debug)]
pub struct Named {
    pub brand: Option<usize>,
    pub gtin: Option<usize>,
    pub mpn: Option<usize>,
    pub condition: Option<usize>,
    pub product_type: Option<usize>,
    pub origin_country: Option<usize>,
    pub item_group_id: Option<usize>,
    pub identifier_exists: Option<usize>,
    pub weight: Option<usize>,
    pub length: Option<usize>,
    pub width: Option<usize>,
    pub height: Option<usize>,
}

impl Named {
    const fn of(columns: &[Column]) -> Self {
        Self {
            brand: find(columns, "brand"),
            gtin: find(columns, "gtin"),
            mpn: find(columns, "mpn"),
            condition: find(columns, "condition"),
            product_type: find(columns, "product_type"),
            origin_country: find(columns, "origin_country"),
            item_group_id: find(columns, "item_group_id"),
            identifier_exists: find(columns, "identifier_exists"),
            weight: find(columns, "product_weight"),
            length: find(columns, "product_length"),
            width: find(columns, "product_width"),
            height: find(columns, "product_height"),
        }
    }
}

const fn find(columns: &[Column], name: &str) -> Option<usize> {
    let mut position = 0;
    while position < columns.len() {
        if is_same(columns[position].name.as_bytes(), name.as_bytes()) {
            return Some(position);
        }
        position += 1;
    }
    None
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

impl Spec {
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Most characters of a column.
    pub fn longest(&self, name: &str) -> Option<usize> {
        self.position(name)
            .map(|position| self.columns[position].max)
    }

    /// Most pictures of one listing.
    pub fn images(&self) -> usize {
        match self.columns[ADDITIONAL_IMAGE_LINK].shape {
            Shape::Many(most) => most + 1,
            _ => 1,
        }
    }
}

const GOOGLE_COLUMNS: &[Column] = &[
    text("id", 50).from("sku").required(),
    text("title", 150).from("title").required(),
    column("description", Kind::Prose, 5000)
        .from("description")
        .required(),
    web("link").from("url").required(),
    web("image_link").from("images").required(),
    web("additional_image_link").from("images").many(10),
    words("availability", &["in_stock", "out_of_stock"])
        .from("quantity")
        .required(),
    column("price", Kind::Price, usize::MAX)
        .from("price")
        .required(),
    column("sale_price", Kind::Price, usize::MAX).from("price"),
    text("sale_price_effective_date", 51),
    text("brand", 70).from("brand"),
    column("gtin", Kind::Gtin, 14).from("gtin"),
    text("mpn", 70).from("mpn"),
    words("identifier_exists", YES_NO),
    words("condition", &["new", "refurbished", "used"]).from("condition"),
    text("google_product_category", 750),
    text("product_type", 750).from("category"),
    text("item_group_id", 50).from("parent_sku"),
    text("color", 100),
    text("size", 100),
    text("material", 200),
    text("pattern", 100),
    words(
        "age_group",
        &["newborn", "infant", "toddler", "kids", "adult"],
    ),
    words("gender", &["male", "female", "unisex"]),
    words(
        "size_type",
        &["regular", "petite", "maternity", "big", "tall", "plus"],
    )
    .many(2),
    words(
        "size_system",
        &[
            "US", "UK", "EU", "DE", "FR", "JP", "CN", "IT", "BR", "MEX", "AU",
        ],
    ),
    words("adult", YES_NO),
    column("multipack", Kind::Whole, usize::MAX),
    words("is_bundle", YES_NO),
    words("energy_efficiency_class", ENERGY),
    words("min_energy_efficiency_class", ENERGY),
    words("max_energy_efficiency_class", ENERGY),
    text("unit_pricing_measure", 50),
    text("unit_pricing_base_measure", 50),
    text("product_length", 50).from("length"),
    text("product_width", 50).from("width"),
    text("product_height", 50).from("height"),
    text("product_weight", 50).from("weight"),
    text("product_highlight", 150).many(100),
    text("product_detail", 1000).groups(&["section_name", "attribute_name", "attribute_value"]),
    text("shipping", 200).groups(SHIPPING),
    text("shipping_label", LONGEST_LABEL),
    text("shipping_weight", 50),
    text("shipping_length", 50),
    text("shipping_width", 50),
    text("shipping_height", 50),
    text("ships_from_country", 2),
    column("min_handling_time", Kind::Whole, usize::MAX),
    column("max_handling_time", Kind::Whole, usize::MAX),
    text("transit_time_label", LONGEST_LABEL),
    text("tax_category", LONGEST_LABEL),
    text("return_policy_label", LONGEST_LABEL),
    text("external_seller_id", 50),
    text("short_title", 150),
    web("mobile_link"),
    web("canonical_link"),
    web("ads_redirect"),
    web("lifestyle_image_link"),
    text("promotion_id", 50).many(10),
    text("custom_label_0", LONGEST_LABEL),
    text("custom_label_1", LONGEST_LABEL),
    text("custom_label_2", LONGEST_LABEL),
    text("custom_label_3", LONGEST_LABEL),
    text("custom_label_4", LONGEST_LABEL),
    text("included_destination", LONGEST_LABEL).many(20),
    text("excluded_destination", LONGEST_LABEL).many(20),
    text("shopping_ads_excluded_country", 2).many(100),
    text("expiration_date", 25),
    words("pause", &["ads", "all"]),
];

pub static GOOGLE: Spec = Spec {
    name: "Google",
    columns: GOOGLE_COLUMNS,
    named: Named::of(GOOGLE_COLUMNS),
    in_stock: "in_stock",
    out_of_stock: "out_of_stock",
    quantity: None,
    default_condition: None,
    additional_images_length: usize::MAX,
};

const META_COLUMNS: &[Column] = &[
    text("id", 100).from("sku").required(),
    text("title", 200).from("title").required(),
    column("description", Kind::Prose, 9999)
        .from("description")
        .required(),
    web("link").from("url").required(),
    web("image_link").from("images").required(),
    web("additional_image_link").from("images").many(20),
    words("availability", &["in stock", "out of stock"])
        .from("quantity")
        .required(),
    column("price", Kind::Price, usize::MAX)
        .from("price")
        .required(),
    column("sale_price", Kind::Price, usize::MAX).from("price"),
    column("quantity_to_sell_on_facebook", Kind::Whole, usize::MAX)
        .from("quantity")
        .required(),
    words(
        "condition",
        &[
            "new",
            "refurbished",
            "used",
            "used_like_new",
            "used_good",
            "used_fair",
            "cpo",
            "open_box_new",
        ],
    )
    .from("condition")
    .required(),
    text("brand", 100).from("brand"),
    column("gtin", Kind::Gtin, 70).from("gtin"),
    text("mpn", 100).from("mpn"),
    text("item_group_id", 100).from("parent_sku"),
    text("color", 100),
    text("size", 200),
    text("material", 200),
    text("pattern", 100),
    words("gender", &["female", "male", "unisex"]),
    words(
        "age_group",
        &[
            "adult", "all ages", "infant", "kids", "newborn", "teen", "toddler",
        ],
    ),
    text("google_product_category", 250),
    text("fb_product_category", 250),
    text("product_type", 750).from("category"),
    text("sale_price_effective_date", 60),
    words("status", &["active", "archived"]),
    text("shipping", 200).groups(SHIPPING),
    text("shipping_weight", 50),
    text("custom_label_0", LONGEST_LABEL),
    text("custom_label_1", LONGEST_LABEL),
    text("custom_label_2", LONGEST_LABEL),
    text("custom_label_3", LONGEST_LABEL),
    text("custom_label_4", LONGEST_LABEL),
    column("custom_number_0", Kind::Whole, usize::MAX),
    column("custom_number_1", Kind::Whole, usize::MAX),
    column("custom_number_2", Kind::Whole, usize::MAX),
    column("custom_number_3", Kind::Whole, usize::MAX),
    column("custom_number_4", Kind::Whole, usize::MAX),
    text("internal_label", 1000),
    text("commerce_tax_category", LONGEST_LABEL),
    text("origin_country", 2).from("country_of_origin"),
    text("importer_name", 200),
    text("importer_address", 1000),
    text("manufacturer_info", 1000),
    column("rich_text_description", Kind::Text, 9999),
    web("mobile_link"),
];

pub static META: Spec = Spec {
    name: "Meta",
    columns: META_COLUMNS,
    named: Named::of(META_COLUMNS),
    in_stock: "in stock",
    out_of_stock: "out of stock",
    quantity: Some(9),
    default_condition: Some("new"),
    additional_images_length: 2000,
};

/// One row of a file: per column of the format its values, most often none or one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub cells: Vec<Vec<String>>,
}

impl Row {
    pub fn empty(spec: &Spec) -> Self {
        Self {
            cells: vec![Vec::new(); spec.columns.len()],
        }
    }

    pub fn id(&self) -> &str {
        self.first(ID).unwrap_or_default()
    }

    pub fn first(&self, position: usize) -> Option<&str> {
        self.cells[position].first().map(String::as_str)
    }

    /// Replaces the values of a column by one, or by none.
    pub fn set(&mut self, position: usize, value: Option<String>) {
        self.cells[position] = value.into_iter().collect();
    }
}

/// What stands above the rows. Only XML has a place for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub title: String,
    pub link: String,
    pub description: String,
}

/// The rows of a file in their order. `Err` says what is wrong with the next one.
pub trait Rows {
    fn next(&mut self) -> Result<Option<Row>, String>;
}

/// The syntax of one kind of file. What it writes is the one way to write those rows, which is how a file that
/// somebody else touched is told from our own.
pub trait Codec: fmt::Debug + Send + Sync {
    fn head(&self, head: &Head, out: &mut String);
    fn row(&self, row: &Row, out: &mut String);
    fn tail(&self) -> &'static str;

    /// Reads a file from its start.
    fn open(&self, input: Box<dyn BufRead>) -> Result<(Head, Box<dyn Rows>), String>;

    /// Reads on from the start of a row, or of the tail.
    fn resume(&self, input: Box<dyn BufRead>) -> Box<dyn Rows>;
}

/// The setting `format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    GoogleTsv,
    GoogleXml,
    MetaCsv,
}

impl Format {
    pub const NAMES: &'static [&'static str] = &["google-tsv", "google-xml", "meta-csv"];

    pub fn parse(name: &str) -> Option<Self> {
        [Self::GoogleTsv, Self::GoogleXml, Self::MetaCsv]
            .into_iter()
            .find(|format| format.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::GoogleTsv => "google-tsv",
            Self::GoogleXml => "google-xml",
            Self::MetaCsv => "meta-csv",
        }
    }

    pub fn spec(self) -> &'static Spec {
        match self {
            Self::GoogleTsv | Self::GoogleXml => &GOOGLE,
            Self::MetaCsv => &META,
        }
    }

    pub fn codec(self) -> &'static dyn Codec {
        match self {
            Self::GoogleTsv => &GoogleTsv,
            Self::GoogleXml => &GoogleXml,
            Self::MetaCsv => &MetaCsv,
        }
    }

    /// Makes a text fit to be written: no control characters, nothing that the syntax cannot hold. Cleaning
    /// twice changes nothing more.
    pub fn clean<'a>(self, text: impl Into<Cow<'a, str>>, kind: Kind) -> Cow<'a, str> {
        let text = text.into();
        let is_quote = self == Self::GoogleTsv && text.starts_with('"');
        if is_clean_line(&text) && !is_quote {
            return text;
        }
        Cow::Owned(self.cleaned(&text, kind))
    }

    fn cleaned(self, text: &str, kind: Kind) -> String {
        let keeps_lines = kind == Kind::Prose && self != Self::GoogleTsv;
        let mut lines: Vec<String> = Vec::new();
        for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
            let words: Vec<String> = line
                .split(char::is_whitespace)
                .map(|word| word.chars().filter(|c| is_writable(*c)).collect::<String>())
                .filter(|word| !word.is_empty())
                .collect();
            let blank_before = lines.last().is_none_or(String::is_empty);
            if !words.is_empty() || (keeps_lines && !blank_before) {
                lines.push(words.join(" "));
            }
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let text = lines.join(if keeps_lines { "\n" } else { " " });
        match text.strip_prefix('"') {
            // A quote at the start of a cell may be read as the start of a quoted cell that never ends.
            Some(rest) if self == Self::GoogleTsv => format!("\u{201c}{rest}"),
            _ => text,
        }
    }
}

/// One line of words with one blank between two, which every syntax can hold.
fn is_clean_line(text: &str) -> bool {
    let mut after_blank = true;
    for c in text.chars() {
        let is_blank = c == ' ';
        let is_fit = match c {
            ' ' => !after_blank,
            '!'..='~' => true,
            _ => is_writable(c) && !c.is_whitespace(),
        };
        if !is_fit {
            return false;
        }
        after_blank = is_blank;
    }
    text.is_empty() || !after_blank
}

/// XML 1.0 forbids control characters and the two noncharacters, and no reader gains from them elsewhere.
/// U+FEFF at a file's or cell's start is taken for a byte order mark.
fn is_writable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{feff}')
}

/// Joins the values of a list as text files hold it: commas between them, quotes around one that has a comma.
pub fn join_list(values: &[String]) -> String {
    let quoted: Vec<String> = values
        .iter()
        .map(|value| {
            if value.contains([',', '"']) {
                format!("\"{}\"", value.replace('"', "\"\""))
            } else {
                value.clone()
            }
        })
        .collect();
    quoted.join(",")
}

/// The inverse of [`join_list`].
pub fn split_list(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut value = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                value.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(std::mem::take(&mut value)),
            other => value.push(other),
        }
    }
    if !text.is_empty() {
        values.push(value);
    }
    values
}

/// The cell of a text file for one column.
pub fn to_cell(column: &Column, values: &[String]) -> String {
    match column.shape {
        Shape::One => values.first().cloned().unwrap_or_default(),
        Shape::Many(_) | Shape::Groups(_) => join_list(values),
    }
}

/// The inverse of [`to_cell`].
pub fn from_cell(column: &Column, cell: &str) -> Vec<String> {
    match column.shape {
        Shape::One if cell.is_empty() => Vec::new(),
        Shape::One => vec![cell.to_owned()],
        Shape::Many(_) | Shape::Groups(_) => split_list(cell),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shared_positions_hold_in_both_formats() {
        for spec in [&GOOGLE, &META] {
            for (position, name) in [
                (ID, "id"),
                (TITLE, "title"),
                (DESCRIPTION, "description"),
                (LINK, "link"),
                (IMAGE_LINK, "image_link"),
                (ADDITIONAL_IMAGE_LINK, "additional_image_link"),
                (AVAILABILITY, "availability"),
                (PRICE, "price"),
                (SALE_PRICE, "sale_price"),
            ] {
                assert_eq!(spec.position(name), Some(position), "{}", spec.name);
            }
            let mut names: Vec<_> = spec.columns.iter().map(|column| column.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), spec.columns.len(), "a name stands twice");
        }
        let quantity = META.quantity.unwrap();
        assert_eq!(META.columns[quantity].name, "quantity_to_sell_on_facebook");
    }

    #[test]
    fn what_has_a_place_of_its_own_is_found_there() {
        for spec in [&GOOGLE, &META] {
            let named = &spec.named;
            for (place, name) in [
                (named.brand, "brand"),
                (named.gtin, "gtin"),
                (named.mpn, "mpn"),
                (named.condition, "condition"),
                (named.product_type, "product_type"),
                (named.origin_country, "origin_country"),
                (named.item_group_id, "item_group_id"),
                (named.identifier_exists, "identifier_exists"),
                (named.weight, "product_weight"),
                (named.length, "product_length"),
                (named.width, "product_width"),
                (named.height, "product_height"),
            ] {
                assert_eq!(place, spec.position(name), "{} {name}", spec.name);
            }
        }
    }

    #[test]
    fn the_readme_explains_every_column() {
        let readme = include_str!("README.md");
        for column in GOOGLE.columns.iter().chain(META.columns) {
            assert!(
                readme.contains(&format!("`{}`", column.name)),
                "{}",
                column.name
            );
        }
    }

    #[test]
    fn a_text_keeps_lines_only_where_the_format_can() {
        let text = " \u{feff}\"Best\"\tof\r\n\r\n\r\nall\u{0} \u{1f600}\n ";
        let prose = |format: Format| format.clean(text, Kind::Prose);
        assert_eq!(prose(Format::GoogleTsv), "\u{201c}Best\" of all \u{1f600}");
        assert_eq!(prose(Format::GoogleXml), "\"Best\" of\n\nall \u{1f600}");
        assert_eq!(
            Format::MetaCsv.clean(text, Kind::Text),
            "\"Best\" of all \u{1f600}"
        );
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in any::<String>()) {
            for format in [Format::GoogleTsv, Format::GoogleXml, Format::MetaCsv] {
                for kind in [Kind::Text, Kind::Prose] {
                    let once = format.clean(&text, kind);
                    prop_assert_eq!(&format.clean(&*once, kind), &once);
                }
            }
        }

        #[test]
        fn what_is_not_touched_needed_no_cleaning(text in "[a\"é \t\n\u{a0}\u{feff}\u{7f}]{0,6}") {
            for format in [Format::GoogleTsv, Format::GoogleXml, Format::MetaCsv] {
                for kind in [Kind::Text, Kind::Prose] {
                    prop_assert_eq!(format.clean(&text, kind), format.cleaned(&text, kind));
                }
            }
        }

        #[test]
        fn lists_go_there_and_back(values in prop::collection::vec("[a-z,\":. ]{1,8}", 0..5)) {
            prop_assert_eq!(split_list(&join_list(&values)), values);
        }
    }
}
