//! Shopify's product export, with the column names of before and since 2024.
//!
//! Lines with the same handle that follow each other are one product; cells of the product stand on its first
//! line only, and lines without sku, price and option value only add an image. A product with one variant is a
//! single item; with several, a parent whose sku is the handle (`handle:parent` when a variant has that sku)
//! and its variants. A variant without a sku gets the key `handle/value1/value2`, its option values as they are
//! written, or just the handle when it has no options.

mod block;
mod roles;

use crate::domain::Result;
use crate::domain::catalog::{Item, Locator, ScanSummary, Scanned};
use crate::domain::issue::Issue;
use crate::domain::rows::HashedMap;

use super::header::Header;
use super::numbers::DecimalSeparator;
use super::source::Source;
use super::table::Table;

pub(super) use roles::recognises;

use block::{Block, Blocks, Tally};
use roles::Roles;

#[derive(Debug)]
pub(super) struct Shopify {
    pub table: Table,
    roles: Roles,
    /// Handles with lines in several places, and the first line of the first place.
    split: HashedMap<u64>,
}

impl Shopify {
    pub fn open(
        source: Source,
        header: Header,
        mapped: &[Option<String>],
        decimal: DecimalSeparator,
        issue: &mut dyn FnMut(Issue),
    ) -> Result<Self> {
        let mut roles = Roles::of(&source, &header, mapped)?;
        let mut split = HashedMap::default();
        let mut first_lines = HashedMap::default();
        let mut blocks = Blocks::new(super::records::Records::new(
            &source,
            header.rows_offset,
            header.rows_line,
            header.delimiter,
            Some(header.names.len()),
        ));
        while let Some(block) = blocks.next(&roles)? {
            blocks.damages.clear();
            if let Some(line) = first_lines.insert(block.key(&roles), block.line()) {
                split.entry(block.key(&roles)).or_insert(line);
            }
            for name in block.option_names(&roles) {
                roles.add_option(&name);
            }
        }
        let table = Table::new(
            source,
            header,
            roles.columns.clone(),
            &roles.numbers,
            decimal,
            issue,
        )?;
        Ok(Self {
            table,
            roles,
            split,
        })
    }

    pub fn scan(&self, emit: &mut dyn FnMut(Scanned)) -> Result<ScanSummary> {
        let mut summary = ScanSummary::default();
        let mut tally = Tally::default();
        let mut blocks = Blocks::new(self.table.records());
        loop {
            let block = blocks.next(&self.roles)?;
            for damage in blocks.damages.drain(..) {
                summary.rows += 1;
                summary.unreadable += 1;
                emit(Scanned::Issue(damage.issue(&self.table, &self.roles)));
            }
            let Some(block) = block else { break };
            summary.rows += block.lines.len() as u64;
            let at = block.locator();
            let items = self.items(&block, &mut tally, &mut |issue| emit(Scanned::Issue(issue)));
            for (part, item) in items.into_iter().enumerate() {
                match item {
                    Some(item) => emit(Scanned::Item(
                        item,
                        Locator {
                            part: part as u32,
                            ..at
                        },
                    )),
                    None => summary.unreadable += 1,
                }
            }
        }
        for issue in tally.issues(&self.table) {
            emit(Scanned::Issue(issue));
        }
        Ok(summary)
    }

    pub fn read(&self, at: Locator) -> Result<Option<Item>> {
        let mut blocks = Blocks::new(self.table.records_at(at.offset, at.line));
        let Some(block) = blocks.next(&self.roles)? else {
            return Ok(None);
        };
        let mut items = self.items(&block, &mut Tally::default(), &mut |_| {});
        let part = at.part as usize;
        Ok(if part < items.len() {
            items.swap_remove(part)
        } else {
            None
        })
    }

    /// The items of a product: the parent, when there is one, before its variants; `None` for a variant whose sku
    /// cannot be used.
    fn items(
        &self,
        block: &Block,
        tally: &mut Tally,
        report: &mut dyn FnMut(Issue),
    ) -> Vec<Option<Item>> {
        let first_line = self.split.get(&block.key(&self.roles)).copied();
        block.items(&self.table, &self.roles, first_line, tally, report)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{open, scan};

    const OLD: &str = "Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Barcode,Image Src,Image Position,Variant Image,Stoff (product.metafields.custom.material),Status\n";

    #[test]
    fn lines_of_one_handle_become_a_parent_and_its_variants() {
        let text = format!(
            "{OLD}tee,Tee,<p>x</p>,Acme,Size,M,Color,Red,T-M,200.0,shopify,3,10.00,'4006381333931,b.jpg,2,r.jpg,Wool,active\n\
             tee,,,,,L,,Red,,250,shopify,,11,,a.jpg,1,,,\n\
             tee,,,,,,,,,,,,,,c.jpg,3,,,\n\
             mug,Mug,,,Title,Default Title,,,,0,,0,5,,m.jpg,1,,,draft\n"
        );
        let seen = scan(&open(text.as_bytes()).unwrap());
        assert_eq!(
            seen.rows(),
            [
                "tee Parent",
                "T-M Variant tee",
                "tee/L/Red Variant tee",
                "mug Single"
            ]
        );
        assert_eq!(
            seen.codes(),
            ["3 sku_from_handle", "5 untracked_quantity_zero"]
        );
        assert!(seen.issues[0].message.starts_with("2 variants"));
        assert_eq!(seen.value("tee", "images"), Some("a.jpg|b.jpg|c.jpg"));
        assert_eq!(seen.value("T-M", "images"), Some("r.jpg|a.jpg|b.jpg|c.jpg"));
        assert_eq!(seen.value("T-M", "gtin"), Some("4006381333931"));
        assert_eq!(seen.value("T-M", "weight"), Some("200 g"));
        assert_eq!(seen.value("T-M", "quantity"), Some("3"));
        let large = "tee/L/Red";
        assert_eq!(
            (seen.value(large, "title"), seen.value(large, "brand")),
            (Some("Tee"), Some("Acme"))
        );
        assert_eq!(
            (
                seen.value(large, "option:Size"),
                seen.value(large, "option:Color")
            ),
            (Some("L"), Some("Red"))
        );
        assert_eq!(
            (seen.value(large, "attr:Stoff"), seen.value(large, "status")),
            (Some("Wool"), Some("active"))
        );
        assert_eq!(seen.value(large, "quantity"), None);
        assert_eq!(seen.value("tee", "price"), None);
        assert_eq!(seen.value("mug", "option:Title"), None);
        assert_eq!(seen.item(large).line, 3);
    }

    #[test]
    fn new_names_are_the_same_thing() {
        let seen = scan(
            &open(
                b"Title,URL handle,Description,Option1 name,Option1 value,SKU,Barcode,Price,Compare-at price,Cost per item,Inventory quantity,Weight value (grams),Product image URL\n\
                Tee,tee,d,Size,M,tee,'4006381333931,10,12,4,5,100,i.jpg\nTee,tee,,,L,tee-l,,10,,,1,,\n",
            )
            .unwrap(),
        );
        assert_eq!(
            seen.rows(),
            [
                "tee:parent Parent",
                "tee Variant tee:parent",
                "tee-l Variant tee:parent"
            ],
            "a variant that is called like the handle keeps its sku"
        );
        assert_eq!(
            (
                seen.value("tee", "compare_at_price"),
                seen.value("tee", "cost")
            ),
            (Some("12"), Some("4"))
        );
        assert!(seen.issues.is_empty(), "{:?}", seen.codes());
    }

    #[test]
    fn a_product_in_two_places_is_not_made_twice() {
        let header = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n";
        let text = format!("{header}a,A,Size,M,A-M,1\nb,B,,,B,2\na,,,L,A-L,3\n");
        let seen = scan(&open(text.as_bytes()).unwrap());
        assert_eq!(seen.codes(), ["4 handle_in_two_places"]);
        assert_eq!(seen.rows(), ["A-M Single", "B Single", "A-L Variant a"]);
        assert_eq!(seen.item("A-L").held, super::super::Held::ALL);
        assert!(seen.item("A-M").held.content && !seen.item("A-M").held.price);
        assert!(!seen.item("B").held.any());
    }

    #[test]
    fn damage_holds_back_the_content_beside_it() {
        let header = "Handle,Title,Variant SKU,Variant Price\n";
        let text = format!("{header}a,A,A,1\nb,\"B,B,2\nc,C,C,3\nd,D,D,4\n,E,E,5\n");
        let seen = scan(&open(text.as_bytes()).unwrap());
        assert_eq!(
            seen.codes(),
            [
                "3 unclosed_quote",
                "2 product_incomplete",
                "4 product_incomplete",
                "6 handle_missing",
                "5 product_incomplete"
            ]
        );
        assert!(
            seen.items
                .iter()
                .all(|(item, _)| item.held.content && !item.held.price && !item.held.stock)
        );
        assert_eq!((seen.summary.rows, seen.summary.unreadable), (5, 2));
    }
}
