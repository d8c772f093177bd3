//! What Google or Meta would refuse, found without asking them. Pure.

use std::ops::ControlFlow;
use std::path::Path;

use super::cells::Cells;
use super::convert::{Converted, LinkTemplate, convert, is_web, parse_price};
use super::format::{AVAILABILITY, Column, Format, Head, Kind, PRICE, SALE_PRICE, Shape, Spec};
use super::table::Table;
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;

/// Most values of a column whose values have parts. Neither format states a limit; a row has to end somewhere.
const MOST_GROUPS: usize = 100;

/// Which columns are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    All,
    /// Without price and stock, which an update of content leaves as they are.
    Content,
}

/// A listing as a row, with everything that is wrong with it. A parent is no row and has no issues.
pub fn audited<'a>(
    format: Format,
    links: Option<&LinkTemplate>,
    listing: &'a Listing,
    part: Part,
) -> Converted<'a> {
    let mut converted = convert(format, links, listing);
    if listing.kind == ItemKind::Parent {
        converted.issues.clear();
        return converted;
    }
    let found = check_row(format.spec(), &converted.cells, part);
    converted.issues.extend(found);
    if part == Part::All
        && let (Some(price), Some(regular)) = (listing.price, listing.compare_at)
        && !super::convert::is_above(regular, price)
    {
        converted.issues.push(
            compare_at_ignored().hint("state a higher one in the same currency, or leave it out"),
        );
    }
    for issue in &mut converted.issues {
        issue.sku = Some(listing.sku.clone());
    }
    converted
}

/// A struck-through price that is not above the price cannot be shown.
pub fn compare_at_ignored() -> Issue {
    Issue::warning(
        "compare_at_ignored",
        "the compare-at price is not above the price, so no sale price is shown",
    )
    .field("compare_at_price")
}

/// Checks one row against the rules of its format.
pub fn check_row(spec: &Spec, cells: &Cells<'_>, part: Part) -> Vec<Issue> {
    let mut issues = Vec::new();
    let by_column = cells.by_column(spec.columns.len());
    for (position, (column, values)) in spec.columns.iter().zip(by_column).enumerate() {
        let is_offer = matches!(position, AVAILABILITY | PRICE | SALE_PRICE)
            || spec.quantity == Some(position);
        if is_offer && part == Part::Content {
            continue;
        }
        if values.is_empty() {
            // A missing quantity is one complaint, not one per column that shows it.
            if column.required && spec.quantity != Some(position) {
                issues.push(missing(spec, column));
            }
            continue;
        }
        let most = match column.shape {
            Shape::One => 1,
            Shape::Many(most) => most,
            Shape::Groups(_) => MOST_GROUPS,
        };
        if values.len() > most {
            issues.push(invalid(
                column,
                "too_many",
                format!(
                    "`{}` takes at most {most} values, not {}",
                    column.name,
                    values.len()
                ),
            ));
        }
        issues.extend(
            values
                .iter()
                .filter_map(|(_, value)| check_value(spec, column, value)),
        );
    }
    check_identifiers(spec, cells, &mut issues);
    if part == Part::All {
        check_sale(spec, cells, &mut issues);
    }
    issues
}

/// Reads a whole file and lists what is wrong with it: first that it is no file of ours, or else its rows.
pub fn validate(path: &Path, format: Format) -> Vec<Issue> {
    let mut issues = Vec::new();
    let table = Table::new(path, format, Head::default());
    let read = table.scan(&mut |row| {
        let sku = Sku::new(row.id());
        let found = check_row(format.spec(), &Cells::of(&row), Part::All);
        issues.extend(found.into_iter().map(|issue| issue.sku(&sku)));
        ControlFlow::Continue(())
    });
    if let Err(error) = read {
        issues.push(Issue::error("file_damaged", error.to_string()));
    }
    issues
}

fn missing(spec: &Spec, column: &Column) -> Issue {
    let hint = match column.name {
        "availability" => "state a quantity: without one nobody can say whether it is in stock",
        "price" => "state a price and its currency",
        "link" => {
            "state the product page in the column `url`, or set `link_template` for this channel"
        }
        "image_link" => "state at least one picture in the column `images`",
        _ => "fill the column of that name in the catalog",
    };
    Issue::error(
        format!("{}_missing", column.name),
        format!("{} requires `{}`", spec.name, column.name),
    )
    .field(column.field())
    .hint(hint)
}

fn invalid(column: &Column, what: &str, message: String) -> Issue {
    Issue::error(format!("{}_{what}", column.name), message).field(column.field())
}

fn check_value(spec: &Spec, column: &Column, value: &str) -> Option<Issue> {
    let name = column.name;
    // No text has more characters than bytes.
    if value.len() > column.max && value.chars().count() > column.max {
        let length = value.chars().count();
        return Some(invalid(
            column,
            "too_long",
            format!(
                "`{name}` has {length} characters; {} takes at most {}",
                spec.name, column.max
            ),
        ));
    }
    let wrong = |message: String| Some(invalid(column, "invalid", message));
    if let Shape::Groups(parts) = column.shape
        && value.matches(':').count() + 1 < parts.len()
    {
        return wrong(format!(
            "`{name}` is made of {}, not `{value}`",
            parts.join(":")
        ));
    }
    match column.kind {
        Kind::Text | Kind::Prose => None,
        Kind::Web if is_web(value) => None,
        Kind::Web => wrong(format!("`{name}` is not a web address: `{value}`")),
        Kind::Price
            if parse_price(value).is_some_and(|price| {
                price.amount.is_sign_positive() && !price.amount.is_zero()
            }) =>
        {
            None
        }
        Kind::Price => wrong(format!("`{name}` is not a price above zero: `{value}`")),
        Kind::Gtin if is_gtin(value) => None,
        Kind::Gtin => wrong(format!(
            "`{value}` is not a GTIN: 8, 12, 13 or 14 digits with a right check digit"
        )),
        Kind::Whole if value.parse::<u64>().is_ok() => None,
        Kind::Whole => wrong(format!("`{name}` is not a whole number: `{value}`")),
        Kind::Words(allowed) if allowed.contains(&value) => None,
        Kind::Words(allowed) => wrong(format!(
            "`{name}` cannot be `{value}`; {} knows {}",
            spec.name,
            allowed.join(", ")
        )),
    }
}

fn check_identifiers(spec: &Spec, cells: &Cells<'_>, issues: &mut Vec<Issue>) {
    let named = &spec.named;
    let value = |place: Option<usize>| place.and_then(|position| cells.first(position));
    let has = |place| value(place).is_some();
    let has_number = has(named.gtin) || has(named.mpn);
    if named.identifier_exists.is_none() {
        if !has(named.brand) && !has_number {
            issues.push(
                Issue::error(
                    "brand_missing",
                    format!("{} requires a brand, a GTIN or an MPN", spec.name),
                )
                .field("brand")
                .hint("state one of the three"),
            );
        }
        return;
    }
    if value(named.identifier_exists) == Some("no")
        || value(named.condition).is_some_and(|condition| condition != "new")
    {
        return;
    }
    let hint =
        "state it, or set the attribute `identifier_exists` to `no` for goods that have none";
    if !has(named.brand) {
        issues.push(
            Issue::warning(
                "brand_missing",
                format!("{} wants a brand for new goods", spec.name),
            )
            .field("brand")
            .hint(hint),
        );
    }
    if !has_number {
        issues.push(
            Issue::warning(
                "gtin_missing",
                format!("{} wants a GTIN or an MPN for new goods", spec.name),
            )
            .field("gtin")
            .hint(hint),
        );
    }
}

fn check_sale(spec: &Spec, cells: &Cells<'_>, issues: &mut Vec<Issue>) {
    let price = |position: usize| cells.first(position).and_then(parse_price);
    if let (Some(regular), Some(sale)) = (price(PRICE), price(SALE_PRICE))
        && !super::convert::is_above(regular, sale)
    {
        issues.push(invalid(
            &spec.columns[SALE_PRICE],
            "invalid",
            "the sale price is not below the regular price in the same currency".to_owned(),
        ));
    }
}

/// Digits of a known length whose weighted sum is a multiple of ten (GS1 General Specifications, 7.9).
fn is_gtin(text: &str) -> bool {
    let weighted = |(position, digit): (usize, u8)| {
        u32::from(digit - b'0') * if position % 2 == 0 { 1 } else { 3 }
    };
    matches!(text.len(), 8 | 12 | 13 | 14)
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.bytes().rev().enumerate().map(weighted).sum::<u32>() % 10 == 0
}
