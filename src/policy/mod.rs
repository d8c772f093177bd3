//! What the seller decided for one channel: which items, at what price, how many, in which words.
//!
//! The structs are the tables of channels.toml. [`ChannelPolicy::compile`] binds them to the columns of the
//! catalog once; [`Compiled`] is then applied to every item.

mod content;
mod price;
mod selection;
mod stock;
mod trace;

use std::sync::Arc;

use iso_currency::Currency;
use serde::Deserialize;

use crate::domain::capability::TextLimits;
use crate::domain::catalog::{Columns, Item, Qualifier};
use crate::domain::fingerprint::{Fingerprint, Fingerprinter};
use crate::domain::guard::Guard;
use crate::domain::ids::ChannelName;
use crate::domain::issue::Issue;
use crate::domain::listing::{Listing, OptionAxis};

pub use content::{ContentPolicy, Cut};
pub use price::{Price, PricePolicy, Rounding};
pub use selection::{SelectPolicy, Selection};
pub use stock::{Availability, OnHand, Reserved, StockPolicy};
pub use trace::{Step, Trace};

/// What happens on a channel to a sku that left the catalog, or this channel's selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Absent {
    /// Stock goes to zero; the listing stays.
    #[default]
    Zero,
    End,
    Keep,
}

/// The policy tables of `[channels.X]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelPolicy {
    pub absent: Absent,
    pub price: PricePolicy,
    pub stock: StockPolicy,
    pub content: ContentPolicy,
    pub select: SelectPolicy,
    /// `None` takes the guard of the whole file.
    pub guard: Option<Guard>,
}

/// Where the value of one field may stand, the most specific first: `title@amazon-de`, `title#de`, `title`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places([Option<usize>; 3]);

impl Places {
    fn find(columns: &Columns, channel: &ChannelName, locale: Option<&str>, name: &str) -> Self {
        Self([
            columns.find(name, Qualifier::Channel(channel.as_str().to_owned())),
            locale.and_then(|locale| columns.find(name, Qualifier::Locale(locale.to_owned()))),
            columns.find(name, Qualifier::None),
        ])
    }

    /// The first place that is not blank.
    fn value<'a>(&self, item: &'a Item) -> Option<&'a str> {
        self.0
            .iter()
            .flatten()
            .find_map(|position| item.cell(*position))
    }

    /// The value that is stated for this channel alone.
    fn own<'a>(&self, item: &'a Item) -> Option<&'a str> {
        self.0[0].and_then(|position| item.cell(position))
    }

    fn shared<'a>(&self, item: &'a Item) -> Option<&'a str> {
        self.0[1..]
            .iter()
            .flatten()
            .find_map(|position| item.cell(*position))
    }
}

/// A policy bound to one catalog's columns.
#[derive(Debug)]
pub struct Compiled {
    pub channel: ChannelName,
    /// Stands for everything that was compiled: two of the same do the same with every item.
    pub fingerprint: Fingerprint,
    pub absent: Absent,
    pub stock: StockPolicy,
    price: price::CompiledPrice,
    content: content::CompiledContent,
    selection: selection::CompiledSelection,
    buffer: Places,
}

impl ChannelPolicy {
    /// Fails with every template and expression that does not fit the catalog.
    pub fn compile(
        &self,
        channel: &ChannelName,
        columns: &Arc<Columns>,
        limits: TextLimits,
        default_currency: Option<Currency>,
    ) -> Result<Compiled, Vec<Issue>> {
        let locale = self.content.locale.as_deref();
        let mut issues = Vec::new();
        let mut keep = |issue: Issue| issues.push(issue.channel(channel));
        let content =
            content::CompiledContent::new(&self.content, channel, columns, limits, &mut keep);
        let selection = selection::CompiledSelection::new(&self.select, columns, &mut keep);
        let price =
            price::CompiledPrice::new(&self.price, channel, columns, default_currency, &mut keep);
        match (content, selection, price) {
            (Some(content), Some(selection), Some(price)) if issues.is_empty() => Ok(Compiled {
                channel: channel.clone(),
                fingerprint: fingerprint(&(
                    self,
                    channel,
                    columns.list(),
                    limits,
                    default_currency,
                )),
                absent: self.absent,
                stock: self.stock.clone(),
                buffer: Places::find(columns, channel, locale, "buffer"),
                price,
                content,
                selection,
            }),
            _ => Err(issues),
        }
    }
}

/// What is derived shows every field, so that two values with one text are one value.
fn fingerprint(parts: &impl std::fmt::Debug) -> Fingerprint {
    let mut print = Fingerprinter::default();
    print.text(&format!("{parts:?}"));
    print.finish()
}

impl Compiled {
    /// Whether this item is sold on this channel, and if not, why.
    pub fn selects(&self, item: &Item) -> Selection {
        match self.selection.selects(item) {
            Selection::Unclear(issue) => Selection::Unclear(Box::new(self.place(*issue, item))),
            selection => selection,
        }
    }

    /// The price of an item on this channel; `Ok(None)` when none is stated.
    pub fn price(&self, item: &Item, trace: &mut Trace) -> Result<Option<Price>, Box<Issue>> {
        self.price
            .compute(item, trace)
            .map_err(|issue| Box::new(self.place(*issue, item)))
    }

    /// How many pieces of an item this channel may offer; `None` when no stock is stated.
    pub fn available(&self, item: &Item, on_hand: &OnHand, trace: &mut Trace) -> Availability {
        let own_buffer = self.buffer.value(item).and_then(|text| text.parse().ok());
        self.stock.available(on_hand, own_buffer, trace)
    }

    /// The listing's content. Price and stock are left out.
    pub fn listing(
        &self,
        item: &Item,
        axes: &[OptionAxis],
        cuts: &mut Vec<Cut>,
    ) -> Result<Listing, Box<Issue>> {
        let mut listing = Listing::blank(item.sku.clone(), item.kind);
        self.fill(&mut listing, item, axes, cuts)?;
        Ok(listing)
    }

    /// [`Self::listing`] in the place of one that is no longer needed: its texts keep their room.
    pub fn fill(
        &self,
        listing: &mut Listing,
        item: &Item,
        axes: &[OptionAxis],
        cuts: &mut Vec<Cut>,
    ) -> Result<(), Box<Issue>> {
        self.content
            .fill(listing, item, axes, cuts)
            .map_err(|issue| Box::new(self.place(*issue, item)))
    }

    fn place(&self, issue: Issue, item: &Item) -> Issue {
        let column = issue.field.clone();
        issue.channel(&self.channel).sku(&item.sku).at(
            &item.file,
            item.line,
            column.as_deref(),
            None,
        )
    }
}
