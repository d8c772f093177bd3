//! The lines of one product, and the items that they make.

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::Result;
use crate::domain::catalog::{Held, Item, ItemKind, Locator};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;

use super::super::records::{Next, Record, Records, Shape};
use super::super::table::{Origin, Table, sku_fault};
use super::roles::{IMAGES, PARENT_SKU, Roles, SKU};

/// A line that cannot be read.
#[derive(Debug)]
pub(super) enum Damage {
    Unclosed { line: u64, text: String },
    Ragged { shape: Shape, record: Record },
    NoHandle { record: Record },
}

impl Damage {
    pub fn issue(self, table: &Table, roles: &Roles) -> Issue {
        match self {
            Self::Unclosed { line, text } => table.unclosed(line, &text),
            Self::Ragged { shape, record } => table.ragged(shape, &record),
            Self::NoHandle { record } => Issue::error("handle_missing", "the line has no handle, so its product is unknown")
                .hint("every line of a Shopify file, also one with only an image, needs its product's handle")
                .at(
                    &table.source.name,
                    record.line,
                    Some(&table.header.names[roles.handle]),
                    Some(""),
                ),
        }
    }
}

/// Reads product after product.
pub(super) struct Blocks<'a> {
    records: Records<'a>,
    ahead: Option<Record>,
    /// Lines met since the last product that cannot be read.
    pub damages: Vec<Damage>,
    /// A damaged line came right before the line ahead.
    damaged: bool,
}

impl<'a> Blocks<'a> {
    pub fn new(records: Records<'a>) -> Self {
        Self {
            records,
            ahead: None,
            damages: Vec::new(),
            damaged: false,
        }
    }

    pub fn next(&mut self, roles: &Roles) -> Result<Option<Block>> {
        let mut block = Block {
            lines: Vec::new(),
            damaged: std::mem::take(&mut self.damaged),
        };
        block.lines.extend(self.ahead.take());
        loop {
            let mut record = Record::default();
            let damage = match self.records.next(&mut record)? {
                Next::End => return Ok((!block.lines.is_empty()).then_some(block)),
                Next::UnclosedQuote { line, text } => Damage::Unclosed { line, text },
                Next::Record(Shape::Whole) if record.cell(roles.handle).is_empty() => {
                    Damage::NoHandle { record }
                }
                Next::Record(Shape::Whole) => {
                    let same = block
                        .lines
                        .first()
                        .is_none_or(|first| first.cell(roles.handle) == record.cell(roles.handle));
                    if !same {
                        self.ahead = Some(record);
                        return Ok(Some(block));
                    }
                    self.damaged = false;
                    block.lines.push(record);
                    continue;
                }
                Next::Record(shape) => Damage::Ragged { shape, record },
            };
            self.damages.push(damage);
            // The line may belong to the product before it or to the one behind it.
            self.damaged = true;
            block.damaged = true;
        }
    }
}

/// Consecutive lines with the same handle.
#[derive(Debug)]
pub(super) struct Block {
    pub lines: Vec<Record>,
    /// Lines beside it or in it could not be read, so it may be incomplete.
    damaged: bool,
}

/// What is said once per file.
#[derive(Debug, Default)]
pub(super) struct Tally {
    keys_made: u64,
    first_key: Option<(u64, String)>,
    untracked_zero: u64,
    first_untracked: Option<u64>,
}

impl Tally {
    pub fn issues(&self, table: &Table) -> Vec<Issue> {
        let mut issues = Vec::new();
        if let Some((line, key)) = &self.first_key {
            issues.push(
                Issue::note(
                    "sku_from_handle",
                    format!("{} variants have no SKU and are known by handle and options, such as {key}", self.keys_made),
                )
                .hint("give them a SKU in Shopify before the handle or an option value changes")
                .at(&table.source.name, *line, None, None),
            );
        }
        if let Some(line) = self.first_untracked {
            issues.push(
                Issue::warning(
                    "untracked_quantity_zero",
                    format!(
                        "Shopify does not track the inventory of {} variants, and their quantity 0 is read as 0",
                        self.untracked_zero
                    ),
                )
                .hint("clear the quantity, or track the inventory, when they can be sold")
                .at(&table.source.name, line, None, None),
            );
        }
        issues
    }
}

impl Block {
    fn first(&self) -> &Record {
        // A block is only made from at least one line.
        &self.lines[0]
    }

    pub fn line(&self) -> u64 {
        self.first().line
    }

    pub fn handle(&self, roles: &Roles) -> &str {
        self.first().cell(roles.handle)
    }

    pub fn key(&self, roles: &Roles) -> u64 {
        xxh3_64(self.handle(roles).as_bytes())
    }

    pub fn locator(&self) -> Locator {
        Locator {
            offset: self.first().offset,
            line: self.line(),
            part: 0,
        }
    }

    /// Lines that are sold. A line without sku, price and option value only adds an image.
    fn variants<'a>(&'a self, roles: &'a Roles) -> Vec<&'a Record> {
        let is_variant = |record: &&Record| {
            [roles.sku, roles.price]
                .into_iter()
                .chain(roles.option_values)
                .flatten()
                .any(|position| !record.cell(position).is_empty())
        };
        let variants: Vec<_> = self.lines.iter().filter(is_variant).collect();
        if variants.is_empty() {
            vec![self.first()]
        } else {
            variants
        }
    }

    /// Names and values of a line's options; the names stand on the first line. `Title` of `Default Title` is
    /// what Shopify writes for a product without options.
    fn options<'a>(&'a self, roles: &Roles, record: &'a Record) -> Vec<(&'a str, &'a str)> {
        let cell = |record: &'a Record, position: Option<usize>| {
            position.map_or("", |place| record.cell(place))
        };
        roles
            .option_names
            .into_iter()
            .zip(roles.option_values)
            .map(|(name, value)| (cell(self.first(), name), cell(record, value)))
            .filter(|(name, value)| {
                !value.is_empty() && (*name != "Title" || *value != "Default Title")
            })
            .collect()
    }

    pub fn option_names(&self, roles: &Roles) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for record in self.variants(roles) {
            for (name, _) in self.options(roles, record) {
                if !name.is_empty() && !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }

    /// The product's images in the order of their positions, else of their lines.
    fn images<'a>(&'a self, roles: &Roles) -> Vec<&'a str> {
        let Some(image) = roles.image else {
            return Vec::new();
        };
        let position = |record: &Record| {
            roles
                .image_position
                .and_then(|place| record.cell(place).parse::<u32>().ok())
                .unwrap_or(u32::MAX)
        };
        let mut lines: Vec<&Record> = self
            .lines
            .iter()
            .filter(|record| !record.cell(image).is_empty())
            .collect();
        lines.sort_by_key(|record| position(record));
        lines.into_iter().map(|record| record.cell(image)).collect()
    }

    /// The key of a variant, and whether it had to be made.
    fn sku_of(&self, roles: &Roles, record: &Record) -> (String, bool) {
        let sku = roles.sku.map_or("", |position| record.cell(position));
        // Shopify and spreadsheets mark text with an apostrophe.
        let sku = sku.strip_prefix('\'').unwrap_or(sku);
        if !sku.is_empty() {
            return (sku.to_owned(), false);
        }
        let mut key = self.handle(roles).to_owned();
        for (_, value) in self.options(roles, record) {
            key.push('/');
            key.push_str(value);
        }
        (key, true)
    }

    /// `first_place` is the line where lines of this handle first stood, when they stand in several places.
    pub fn items(
        &self,
        table: &Table,
        roles: &Roles,
        first_place: Option<u64>,
        tally: &mut Tally,
        report: &mut dyn FnMut(Issue),
    ) -> Vec<Option<Item>> {
        let variants = self.variants(roles);
        let keys: Vec<(String, bool)> = variants
            .iter()
            .map(|record| self.sku_of(roles, record))
            .collect();
        let is_repeat = first_place.is_some_and(|line| line != self.line());
        let stated_parent = roles
            .parent_sku
            .map_or("", |position| self.first().cell(position));
        let is_group = variants.len() > 1 || is_repeat || !stated_parent.is_empty();
        let handle = self.handle(roles);
        let parent = if !stated_parent.is_empty() {
            stated_parent.to_owned()
        } else if keys.iter().any(|(key, _)| key == handle) {
            format!("{handle}:parent")
        } else {
            handle.to_owned()
        };
        // A first line that is not sold speaks for the parent alone.
        let parent_has_line = !variants
            .iter()
            .any(|record| record.offset == self.first().offset);
        let mut held = self.product_faults(table, roles, first_place, report);
        if is_repeat {
            held = Held::ALL;
        }
        let images = self.images(roles);
        let mut items = Vec::new();
        if is_group && !is_repeat {
            let made = Made {
                record: self.first(),
                kind: ItemKind::Parent,
                parent: None,
                key: parent.clone(),
                images: images.join("|"),
                has_line: parent_has_line,
                held,
            };
            items.push(self.item(table, roles, made, report));
        }
        for (record, (key, made)) in variants.into_iter().zip(keys) {
            if made {
                tally.keys_made += 1;
                tally
                    .first_key
                    .get_or_insert_with(|| (record.line, key.clone()));
            }
            let cell = |position: Option<usize>| position.map(|place| record.cell(place));
            if cell(roles.tracker) == Some("") && cell(roles.quantity) == Some("0") {
                tally.untracked_zero += 1;
                tally.first_untracked.get_or_insert(record.line);
            }
            let own = cell(roles.variant_image).filter(|image| !image.is_empty());
            let mut pictures: Vec<&str> = own.into_iter().collect();
            pictures.extend(images.iter().filter(|image| own != Some(**image)));
            let stated = cell(roles.images).filter(|images| !images.is_empty());
            let made = Made {
                record,
                kind: if is_group {
                    ItemKind::Variant
                } else {
                    ItemKind::Single
                },
                parent: is_group.then(|| Sku::new(&parent)),
                key,
                images: stated.map_or_else(|| pictures.join("|"), str::to_owned),
                has_line: true,
                held,
            };
            items.push(self.item(table, roles, made, report));
        }
        items
    }

    /// What is wrong with the product as a whole.
    fn product_faults(
        &self,
        table: &Table,
        roles: &Roles,
        first_place: Option<u64>,
        report: &mut dyn FnMut(Issue),
    ) -> Held {
        let mut held = Held::default();
        let handle = self.handle(roles);
        let at_handle = |issue: Issue| {
            issue.at(
                &table.source.name,
                self.line(),
                Some(&table.header.names[roles.handle]),
                Some(handle),
            )
        };
        if let Some(line) = first_place {
            held.content = true;
            if line != self.line() {
                report(at_handle(
                    Issue::error(
                        "handle_in_two_places",
                        format!(
                            "lines of {handle} begin in line {line} and again in line {}",
                            self.line()
                        ),
                    )
                    .hint(
                        "put all lines of a product together; until then these lines are held back",
                    ),
                ));
                return Held::ALL;
            }
        }
        if self.damaged {
            held.content = true;
            report(at_handle(
                Issue::error("product_incomplete", format!("a line in or beside {handle} cannot be read"))
                    .hint("repair that line; until then the content of this product is held back, its prices and stock go on"),
            ));
        }
        if let Some(title) = roles.title
            && self.first().cell(title).is_empty()
        {
            held.content = true;
            report(
                Issue::error(
                    "title_missing",
                    format!("the first line of {handle} has no title"),
                )
                .hint("the first line of a product carries its title, description and option names")
                .field("title")
                .at(
                    &table.source.name,
                    self.line(),
                    Some(&table.header.names[title]),
                    Some(""),
                ),
            );
        }
        for record in self.lines.iter().filter(|record| record.stray_quote) {
            held.content = true;
            report(table.stray(record));
        }
        held
    }

    fn item(
        &self,
        table: &Table,
        roles: &Roles,
        made: Made<'_>,
        report: &mut dyn FnMut(Issue),
    ) -> Option<Item> {
        let Made {
            record,
            kind,
            parent,
            key,
            images,
            has_line,
            mut held,
        } = made;
        let header = |position: usize| roles.headers.get(position).map_or("", String::as_str);
        if let Some(issue) = sku_fault(&key) {
            report(issue.field("sku").at(
                &table.source.name,
                record.line,
                Some(header(SKU)),
                Some(&key),
            ));
            return None;
        }
        let sku = Sku::new(&key);
        let width = table.columns.list().len();
        let mut cells = vec![String::new(); width];
        let mut lines = vec![record.line; width];
        for copied in &roles.copied {
            let own = record.cell(copied.from);
            if !has_line && !copied.of_product {
                continue;
            }
            let text = if own.is_empty() && copied.of_product {
                lines[copied.to] = self.line();
                self.first().cell(copied.from)
            } else {
                own
            };
            if cells[copied.to].is_empty() {
                cells[copied.to] = text.to_owned();
            }
        }
        cells[SKU] = key;
        cells[PARENT_SKU] = parent.as_ref().map_or(String::new(), Sku::to_string);
        cells[IMAGES] = images;
        if kind != ItemKind::Parent {
            for (name, value) in self.options(roles, record) {
                match roles.option_cell(name) {
                    Some(position) if !name.is_empty() => cells[position] = value.to_owned(),
                    // Lines away from their product: that is said already.
                    _ if held == Held::ALL => {}
                    _ => {
                        held.content = true;
                        report(
                            Issue::error(
                                "option_name_missing",
                                format!("the option value `{value}` has no option name"),
                            )
                            .hint("the option's name stands on the first line of the product")
                            .sku(&sku)
                            .at(
                                &table.source.name,
                                record.line,
                                None,
                                Some(value),
                            ),
                        );
                    }
                }
            }
        }
        let origin = |position: usize| Origin {
            header: header(position),
            line: lines[position],
        };
        let found = table.check(&sku, &mut cells, origin, report);
        held.price |= found.price;
        held.stock |= found.stock;
        held.content |= found.content;
        Some(Item {
            sku,
            parent_sku: parent,
            kind,
            held,
            file: table.source.name.clone(),
            line: record.line,
            columns: table.columns.clone(),
            cells,
        })
    }
}

/// What a line becomes.
struct Made<'a> {
    record: &'a Record,
    kind: ItemKind,
    parent: Option<Sku>,
    key: String,
    images: String,
    /// The record is this item's own, and not only that of its product.
    has_line: bool,
    held: Held,
}
