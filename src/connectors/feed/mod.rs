//! A channel that is a file: Google's product feed or Meta's catalog, fetched by them from where the seller
//! puts it. Every push is answered at once, because the file is replaced, whole, before the push returns.

mod audit;
mod cells;
mod content;
mod convert;
mod format;
mod google_tsv;
mod google_xml;
mod html;
mod meta_csv;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::config::settings::Settings;
use crate::connectors::{Environment, Factory};
use crate::domain::capability::{
    Batching, Capability, Descriptor, Limits, Note, Routes, Setting, SettingKind, TextLimits,
    Variants,
};
use crate::domain::catalog::ItemKind;
use crate::domain::change::{Batch, EndChange, ListingChange, PriceChange, StockChange};
use crate::domain::connector::{Account, Connector, ItemOutcome, Outcome, Page};
use crate::domain::ids::{ListingRef, PageToken, Sku};
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing};
use crate::domain::money::Money;
use crate::domain::{Error, ErrorKind, Result};
use audit::Part;
use convert::LinkTemplate;
use format::{Head, Kind, Row, Spec};
use table::Table;

pub use audit::validate;
pub use format::Format;

/// Most changes of one push. Each push rewrites the file once, so few large ones are better than many.
const PUSH_SIZE: usize = 50_000;
const WHOLE_FILE: Routes = Routes::direct(Batching::items(PUSH_SIZE, 1));
/// Rows of one page of listings.
const PAGE_SIZE: usize = 5_000;

pub static DESCRIPTOR: Descriptor = Descriptor {
    kind: "feed",
    display_name: "Product feed file (Google, Meta)",
    docs_url: "https://support.google.com/merchants/answer/7052112",
    portal_url: "https://merchants.google.com/",
    capability: Capability {
        listing_read: true,
        listing_create: true,
        listing_update: true,
        listing_end: true,
        stock_push: true,
        price_push: true,
        ..Capability::NONE
    },
    limits: Limits {
        variants: Variants::Flat,
        stock: WHOLE_FILE,
        price: WHOLE_FILE,
        listing: WHOLE_FILE,
        end: WHOLE_FILE,
        find_batch: PUSH_SIZE,
        shipment_batch: 1,
        order_lookback: Duration::ZERO,
        submissions_at_once: None,
        submission_deadline: Duration::ZERO,
        sight_deadline: Duration::ZERO,
        quotas: &[],
        // Each format has its own: see `text_limits`.
        title_length: None,
        description_length: None,
        images: None,
        sku_length: None,
    },
    settings: &[
        Setting {
            key: "path",
            help: "The file to write; its folder is made when only that is missing",
            kind: SettingKind::Path,
            required: true,
            default: None,
            example: "public/products.tsv",
        },
        Setting {
            key: "format",
            help: "What to write: Google's feed as tab separated text or as RSS, or Meta's catalog as CSV",
            kind: SettingKind::Choice(Format::NAMES),
            required: true,
            default: None,
            example: "google-tsv",
        },
        Setting {
            key: "link_template",
            help: "Product page of listings whose column `url` is blank; `{sku}` is replaced",
            kind: SettingKind::Text,
            required: false,
            default: None,
            example: "https://shop.example.com/p/{sku}",
        },
        Setting {
            key: "shop_url",
            help: "Home page of the shop, for google-xml; without it that of `link_template`",
            kind: SettingKind::Url,
            required: false,
            default: None,
            example: "https://shop.example.com/",
        },
        Setting {
            key: "title",
            help: "Title of the whole feed, for google-xml",
            kind: SettingKind::Text,
            required: false,
            default: Some("Products"),
            example: "Products of Example Shop",
        },
        Setting {
            key: "description",
            help: "Description of the whole feed, for google-xml",
            kind: SettingKind::Text,
            required: false,
            default: Some("Everything that can be bought"),
            example: "Everything that Example Shop sells",
        },
    ],
    notes: &[
        Note {
            capability: "stock_push",
            text: "Google's file says in stock or out of stock, not how many: a quantity above zero cannot be \
                   read back. Meta's file holds the number.",
            source: "https://support.google.com/merchants/answer/6324448",
        },
        Note {
            capability: "listing_read",
            text: "Reads the file back, not what Google or Meta made of it.",
            source: "https://support.google.com/merchants/answer/7052112",
        },
        Note {
            capability: "orders_pull",
            text: "A file has no orders: buyers are sent to the seller's own shop.",
            source: "https://support.google.com/merchants/answer/7052112",
        },
    ],
};

pub static FACTORY: Factory = Factory {
    descriptor: &DESCRIPTOR,
    build,
    sandbox: None,
};

fn build(settings: &Settings, _environment: &Environment) -> Result<Box<dyn Connector>> {
    Ok(Box::new(Feed::new(settings)?))
}

/// One feed file.
#[derive(Debug)]
struct Feed {
    table: Table,
    links: Option<LinkTemplate>,
    /// Two pushes at a time would each replace what the other wrote.
    writing: Arc<Mutex<()>>,
}

impl Feed {
    fn new(settings: &Settings) -> Result<Self> {
        let name = settings.text("format")?;
        let format = Format::parse(name).ok_or_else(|| {
            Error::config(format!("`format = \"{name}\"` is not known"))
                .hint(format!("use one of: {}", Format::NAMES.join(", ")))
        })?;
        let links = settings
            .optional_text("link_template")
            .map(LinkTemplate::parse)
            .transpose()?;
        let head = match format {
            Format::GoogleXml => rss_head(settings, links.as_ref())?,
            Format::GoogleTsv | Format::MetaCsv => Head::default(),
        };
        Ok(Self {
            table: Table::new(settings.path("path")?, format, head),
            links,
            writing: Arc::default(),
        })
    }

    fn spec(&self) -> &'static Spec {
        self.table.format().spec()
    }

    /// Runs work on the file where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Table) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let table = self.table.clone();
        tokio::task::spawn_blocking(move || work(table))
            .await
            .map_err(|error| {
                Error::unexpected("work on the feed file broke off").caused_by(error)
            })?
    }

    /// Carries out the edits by id and answers, for each, whether its row was there.
    async fn apply(&self, edits: Vec<(String, Edit)>) -> Result<Vec<bool>> {
        if edits.is_empty() {
            return Ok(Vec::new());
        }
        // Held by the work itself: a push that is dropped midway still writes to its end.
        let guard = self.writing.clone().lock_owned().await;
        let spec = self.spec();
        self.blocking(move |table| {
            let _guard = guard;
            let (ids, edits): (Vec<_>, Vec<_>) = edits.into_iter().unzip();
            let mut found = vec![false; ids.len()];
            table.apply(&ids, &mut |position, row| {
                found[position] = row.is_some();
                edits[position].apply(spec, row)
            })?;
            Ok(found)
        })
        .await
    }
}

/// What happens to one row.
#[derive(Debug)]
enum Edit {
    /// Puts the row there, whatever was there before.
    Put(Row),
    /// Replaces the content of a row that is there.
    Content(Row),
    Stock(u64),
    Price(Money, Option<Money>),
    End,
}

impl Edit {
    fn apply(&self, spec: &Spec, row: Option<Row>) -> Option<Row> {
        if let Self::Put(new) = self {
            return Some(new.clone());
        }
        let mut row = row?;
        match self {
            Self::Put(_) | Self::End => return None,
            Self::Content(content) => row = convert::with_offer_of(content.clone(), spec, &row),
            Self::Stock(quantity) => convert::set_stock(spec, &mut row, *quantity),
            Self::Price(price, compare_at) => convert::set_price(&mut row, *price, *compare_at),
        }
        Some(row)
    }
}

/// Changes on their way into the file, beside the outcomes that are known already.
#[derive(Debug, Default)]
struct Push {
    edits: Vec<(String, Edit)>,
    /// One per edit: the sku, and what to warn of if it is applied.
    waiting: Vec<(Sku, Vec<Issue>)>,
    outcomes: Vec<ItemOutcome>,
}

impl Push {
    fn edit(&mut self, sku: &Sku, id: &str, edit: Edit, warnings: Vec<Issue>) {
        self.edits.push((id.to_owned(), edit));
        self.waiting.push((sku.clone(), warnings));
    }

    fn answer(&mut self, sku: &Sku, outcome: Outcome) {
        self.outcomes.push(ItemOutcome {
            key: sku.clone(),
            outcome,
        });
    }

    async fn send(mut self, feed: &Feed) -> Result<Vec<ItemOutcome>> {
        let kept: Vec<(ListingRef, bool)> = self
            .edits
            .iter()
            .map(|(id, edit)| {
                let works_without_row = matches!(edit, Edit::Put(_) | Edit::End);
                (ListingRef::new(id), works_without_row)
            })
            .collect();
        let found = feed.apply(std::mem::take(&mut self.edits)).await?;
        let waiting = std::mem::take(&mut self.waiting);
        for (((sku, issues), (listing_ref, works_without_row)), found) in
            waiting.into_iter().zip(kept).zip(found)
        {
            let outcome = if found || works_without_row {
                Outcome::Applied {
                    listing_ref: Some(listing_ref),
                    issues,
                }
            } else {
                Outcome::Failed(
                    Error::new(
                        ErrorKind::NotFound,
                        "the feed file has no row of this listing",
                    )
                    .with("sku", sku.as_str())
                    .hint("run with `--refresh`: it is then created again"),
                )
            };
            self.answer(&sku, outcome);
        }
        Ok(self.outcomes)
    }
}

fn refuse_dry_run<T>(batch: &Batch<'_, T>) -> Result<()> {
    if batch.dry_run {
        return Err(Error::unsupported("listing_dry_run"));
    }
    Ok(())
}

#[async_trait]
impl Connector for Feed {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn text_limits(&self) -> TextLimits {
        let spec = self.spec();
        TextLimits {
            title: spec.longest("title"),
            description: spec.longest("description"),
            images: Some(spec.images()),
            sku: spec.longest("id"),
        }
    }

    async fn check(&self) -> Result<Account> {
        let name = self.blocking(|table| {
            table.check()?;
            Ok(table.name())
        });
        Ok(Account {
            name: name.await?,
            credential_expires: None,
        })
    }

    fn audit(&self, listing: &Listing) -> Vec<Issue> {
        audit::audited(self.table.format(), self.links.as_ref(), listing, Part::All).issues
    }

    fn kept(&self, listing: &Listing) -> Listing {
        content::kept(self.table.format(), self.links.as_ref(), listing)
    }

    async fn fetch_listings(&self, page: Option<&PageToken>) -> Result<Page<ChannelListing>> {
        let token = page.cloned();
        self.blocking(move |table| {
            let page = table.page(token.as_ref(), PAGE_SIZE)?;
            let items = page.items.iter().map(|row| table.whole_listing(row));
            Ok(Page {
                items: items.collect::<Result<_>>()?,
                next: page.next,
            })
        })
        .await
    }

    async fn find_listings(&self, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
        let mut wanted: HashSet<Sku> = skus.iter().cloned().collect();
        self.blocking(move |table| {
            let mut rows = Vec::new();
            table.scan(&mut |row| {
                if wanted.remove(row.id()) {
                    rows.push(row);
                }
                if wanted.is_empty() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            rows.iter().map(|row| table.listing(row)).collect()
        })
        .await
    }

    async fn push_listings(&self, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
        refuse_dry_run(&batch)?;
        let mut push = Push::default();
        for change in batch.items {
            let listing = &change.listing;
            let sku = &listing.sku;
            if listing.kind == ItemKind::Parent {
                // Its variants name it; it has no row of its own.
                push.answer(sku, Outcome::applied());
                continue;
            }
            let part = if change.is_create() {
                Part::All
            } else {
                Part::Content
            };
            let format = self.table.format();
            let converted = audit::audited(format, self.links.as_ref(), listing, part);
            if converted.issues.iter().any(Issue::is_error) {
                push.answer(sku, Outcome::Rejected(converted.issues));
                continue;
            }
            let mut row = converted.cells.into_row(self.spec());
            match change.listing_ref.as_ref().filter(|_| !change.is_create()) {
                None => push.edit(sku, sku.as_str(), Edit::Put(row), converted.issues),
                Some(listing_ref) => {
                    row.set(format::ID, Some(listing_ref.as_str().to_owned()));
                    push.edit(
                        sku,
                        listing_ref.as_str(),
                        Edit::Content(row),
                        converted.issues,
                    );
                }
            }
        }
        push.send(self).await
    }

    async fn push_stock(&self, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
        refuse_dry_run(&batch)?;
        let mut push = Push::default();
        for change in batch.items {
            push.edit(
                &change.sku,
                change.listing_ref.as_str(),
                Edit::Stock(change.quantity),
                Vec::new(),
            );
        }
        push.send(self).await
    }

    async fn push_prices(&self, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
        refuse_dry_run(&batch)?;
        let mut push = Push::default();
        for change in batch.items {
            let mut warnings = Vec::new();
            if change.price.rounded().amount <= rust_decimal::Decimal::ZERO {
                let message = format!("the price must be above zero, not {}", change.price);
                let issue = Issue::error("price_invalid", message)
                    .sku(&change.sku)
                    .field("price");
                push.answer(&change.sku, Outcome::Rejected(vec![issue]));
                continue;
            }
            if let Some(regular) = change.compare_at
                && !convert::is_above(regular, change.price)
            {
                warnings.push(audit::compare_at_ignored().sku(&change.sku));
            }
            push.edit(
                &change.sku,
                change.listing_ref.as_str(),
                Edit::Price(change.price, change.compare_at),
                warnings,
            );
        }
        push.send(self).await
    }

    async fn end_listings(&self, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
        refuse_dry_run(&batch)?;
        let mut push = Push::default();
        for change in batch.items {
            push.edit(
                &change.sku,
                change.listing_ref.as_str(),
                Edit::End,
                Vec::new(),
            );
        }
        push.send(self).await
    }
}

/// RSS wants a title, a link and a description of the whole.
fn rss_head(settings: &Settings, links: Option<&LinkTemplate>) -> Result<Head> {
    let text = |key: &'static str, default: &str| {
        let text = settings.optional_text(key).unwrap_or(default);
        Format::GoogleXml.clean(text, Kind::Text).into_owned()
    };
    let link = match settings.optional_text("shop_url") {
        Some(_) => settings.url("shop_url")?.to_string(),
        None => links.and_then(LinkTemplate::origin).ok_or_else(|| {
            Error::config("the format google-xml names the shop's home page")
                .hint("set `shop_url`, or `link_template`")
        })?,
    };
    Ok(Head {
        title: text("title", "Products"),
        link,
        description: text("description", "Everything that can be bought"),
    })
}
