//! What each column of a WooCommerce export means.

use crate::domain::Result;
use crate::domain::catalog::{Column, Qualifier};

use super::super::affixes::known_unit;
use super::super::header::Header;
use super::super::numbers::NumberKind;
use super::super::source::Source;
use super::super::table::{CellKind, cell_kind, native_column};
use super::super::woocommerce_labels::{Label, known};

/// The native cells that every item has, in this order; further columns follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Sku,
    ParentSku,
    Price,
    CompareAtPrice,
    Quantity,
    Description,
    ShortDescription,
    Images,
    Tags,
    Category,
    Categories,
    Brand,
}

/// One `Attribute N name` with its `Attribute N value(s)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub name: usize,
    pub values: usize,
}

/// Where the columns of the file are, and the native columns they become.
#[derive(Debug)]
pub(super) struct Roles {
    pub id: Option<usize>,
    pub sku: Option<usize>,
    pub product_type: Option<usize>,
    pub parent: Option<usize>,
    pub regular_price: Option<usize>,
    pub sale_price: Option<usize>,
    pub sale_starts: Option<usize>,
    pub sale_ends: Option<usize>,
    pub stock: Option<usize>,
    pub in_stock: Option<usize>,
    pub description: Option<usize>,
    pub short_description: Option<usize>,
    pub images: Option<usize>,
    pub tags: Option<usize>,
    pub categories: Option<usize>,
    pub brands: Option<usize>,
    pub attributes: Vec<Attribute>,
    /// From a column of the file to a cell, as it is.
    pub copied: Vec<(usize, usize)>,
    /// Number columns of the file.
    pub numbers: Vec<usize>,
    pub columns: Vec<(Column, Option<&'static str>)>,
    /// The header in the file of each native column.
    pub headers: Vec<String>,
}

/// Whether a header is WooCommerce's, in any of the languages that are known.
pub(in crate::catalog_csv) fn recognises(names: &[String]) -> bool {
    let labels: Vec<Label> = names
        .iter()
        .filter_map(|name| known(name))
        .map(|known| known.label)
        .collect();
    let has = |label: Label| labels.contains(&label);
    labels.len() >= 5
        && (has(Label::Sku) || has(Label::Id))
        && has(Label::RegularPrice)
        && (has(Label::Type) || has(Label::Published) || has(Label::InStock))
}

impl Roles {
    pub fn of(source: &Source, header: &Header, mapped: &[Option<String>]) -> Result<Self> {
        let labels: Vec<_> = header.names.iter().map(|name| known(name)).collect();
        let find = |wanted: Label| {
            labels.iter().zip(mapped).position(|(known, mapped)| {
                mapped.is_none() && known.as_ref().is_some_and(|known| known.label == wanted)
            })
        };
        let mapped_to = |ours: &str| {
            mapped
                .iter()
                .position(|mapped| mapped.as_deref() == Some(ours))
        };
        let sku = mapped_to("sku").or_else(|| find(Label::Sku));
        if sku.is_none() && find(Label::Id).is_none() {
            return Err(header.not_recognised(source, "catalog", "sku"));
        }
        let mut roles = Self {
            id: find(Label::Id),
            sku,
            product_type: find(Label::Type),
            parent: mapped_to("parent_sku").or_else(|| find(Label::Parent)),
            regular_price: find(Label::RegularPrice),
            sale_price: find(Label::SalePrice),
            sale_starts: find(Label::SaleStarts),
            sale_ends: find(Label::SaleEnds),
            stock: find(Label::Stock),
            in_stock: find(Label::InStock),
            description: find(Label::Description),
            short_description: find(Label::ShortDescription),
            images: find(Label::Images),
            tags: find(Label::Tags),
            categories: find(Label::Categories),
            brands: find(Label::Brands),
            attributes: Vec::new(),
            copied: Vec::new(),
            numbers: Vec::new(),
            columns: Vec::new(),
            headers: Vec::new(),
        };
        roles.add_fixed(header);
        for (position, label) in labels.iter().enumerate() {
            let name = &header.names[position];
            if name.is_empty() || [roles.sku, roles.parent].contains(&Some(position)) {
                continue;
            }
            let known_as = label.as_ref().filter(|_| mapped[position].is_none());
            let unit = known_as.and_then(|known| known.unit.as_deref());
            let (ours, unit) = match (&mapped[position], known_as.map(|known| known.label)) {
                (Some(ours), _) => (ours.as_str(), None),
                (None, None) => (name.as_str(), None),
                (None, Some(label)) => match label {
                    Label::Name => ("title", None),
                    Label::Gtin => ("gtin", None),
                    Label::Cost => ("cost", None),
                    Label::Published => ("published", None),
                    Label::Type => ("type", None),
                    Label::Weight => (
                        "weight",
                        unit.and_then(|unit| known_unit(unit, NumberKind::Weight)),
                    ),
                    Label::Length => (
                        "length",
                        unit.and_then(|unit| known_unit(unit, NumberKind::Length)),
                    ),
                    Label::Width => (
                        "width",
                        unit.and_then(|unit| known_unit(unit, NumberKind::Length)),
                    ),
                    Label::Height => (
                        "height",
                        unit.and_then(|unit| known_unit(unit, NumberKind::Length)),
                    ),
                    Label::RegularPrice | Label::SalePrice | Label::Stock => {
                        roles.numbers.push(position);
                        continue;
                    }
                    Label::AttributeName => {
                        let number = known_as.map(|known| known.number);
                        let values = labels.iter().position(|other| {
                            other.as_ref().is_some_and(|other| {
                                other.label == Label::AttributeValues
                                    && Some(other.number) == number
                            })
                        });
                        if let Some(values) = values {
                            roles.attributes.push(Attribute {
                                name: position,
                                values,
                            });
                        }
                        continue;
                    }
                    Label::Id | Label::InStock | Label::SaleStarts | Label::SaleEnds => {
                        (name.as_str(), None)
                    }
                    Label::Sku
                    | Label::Parent
                    | Label::Description
                    | Label::ShortDescription
                    | Label::Images
                    | Label::Tags
                    | Label::Categories
                    | Label::Brands
                    | Label::AttributeValues => continue,
                },
            };
            let column = native_column(ours);
            if matches!(cell_kind(&column.name), Some(CellKind::Number(_))) {
                roles.numbers.push(position);
            }
            let to = match roles.columns.iter().position(|(known, _)| *known == column) {
                // Only a mapped column may go into a cell that another column fills.
                Some(known) if mapped[position].is_some() => {
                    roles.headers[known] = name.clone();
                    known
                }
                Some(_) => continue,
                None => roles.add(column, unit, name.clone()),
            };
            roles.copied.push((position, to));
        }
        Ok(roles)
    }

    /// The columns of [`Cell`], in its order.
    fn add_fixed(&mut self, header: &Header) {
        let fixed = [
            ("sku", self.sku),
            ("parent_sku", self.parent),
            ("price", self.sale_price),
            ("compare_at_price", self.regular_price),
            ("quantity", self.stock.or(self.in_stock)),
            ("description", self.description),
            ("short_description", self.short_description),
            ("images", self.images),
            ("tags", self.tags),
            ("category", self.categories),
            ("categories", self.categories),
            ("brand", self.brands),
        ];
        for (name, from) in fixed {
            let header = from.map_or(String::new(), |position| header.names[position].clone());
            self.add(native_column(name), None, header);
        }
    }

    fn add(&mut self, column: Column, unit: Option<&'static str>, header: String) -> usize {
        self.columns.push((column, unit));
        self.headers.push(header);
        self.columns.len() - 1
    }

    /// `option:NAME` for what tells variations apart, `attr:NAME` for the rest.
    pub fn attribute_cell(&self, name: &str, of_variation: bool) -> Option<usize> {
        let prefix = if of_variation { "option" } else { "attr" };
        self.columns.iter().position(|(column, _)| {
            column.name.split_once(':') == Some((prefix, name))
                && column.qualifier == Qualifier::None
        })
    }

    pub fn add_attribute(&mut self, name: &str, of_variation: bool) {
        if self.attribute_cell(name, of_variation).is_none() {
            let prefix = if of_variation { "option" } else { "attr" };
            let column = Column {
                name: format!("{prefix}:{name}"),
                qualifier: Qualifier::None,
            };
            self.add(column, None, name.to_owned());
        }
    }
}
