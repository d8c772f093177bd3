//! Rows of the catalog brought together to products, and each product's `productSet`. Pure.
//!
//! `productSet` replaces lists: a variant that is not in the list is deleted. So a product that is live is read first,
//! and everything that it has goes back by its id, whether the catalog knows it or not.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::convert::{self, Options};
use super::pictures::Gallery;
use super::place::{Place, number};
use super::refusal;
use super::shop::{Facts, NAMESPACE, SKU_KEY, product_gid};
use super::wire::{Album, Product, UserError, Variant};
use crate::domain::catalog::ItemKind;
use crate::domain::change::ListingChange;
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::domain::{Error, ErrorKind};

/// Nodes of one page of a `productSet`'s answer: more would make the call too dear.
const MOST_ANSWERED: usize = 100;

/// The changes of one product.
#[derive(Debug)]
pub struct Family<'a> {
    /// `None` of a product that is new.
    pub product: Option<u64>,
    /// The parent or the single first.
    pub rows: Vec<&'a ListingChange>,
}

pub fn foreign(sku: &Sku, listing_ref: &str) -> ItemOutcome {
    let issue = Issue::error(
        "listing_ref_unreadable",
        format!("`{listing_ref}` is no listing of a Shopify shop"),
    )
    .hint("run with `--refresh` to read what is live");
    rejected(sku, issue)
}

fn rejected(sku: &Sku, issue: Issue) -> ItemOutcome {
    ItemOutcome {
        key: sku.clone(),
        outcome: Outcome::Rejected(vec![issue.sku(sku)]),
    }
}

/// Brings the rows together; those whose reference is not Shopify's are settled.
pub fn families(items: &[ListingChange]) -> (Vec<Family<'_>>, Vec<ItemOutcome>) {
    let mut settled = Vec::new();
    let mut order: Vec<&Sku> = Vec::new();
    let mut by_parent: HashMap<&Sku, Vec<(Option<u64>, &ListingChange)>> = HashMap::new();
    for change in items {
        let listing = &change.listing;
        let own = match &change.listing_ref {
            Some(listing_ref) => match Place::parse(listing_ref) {
                Some(place) => Some(place.product),
                None => {
                    settled.push(foreign(&listing.sku, listing_ref.as_str()));
                    continue;
                }
            },
            None => None,
        };
        let parent = match (&listing.kind, &listing.parent_sku) {
            (ItemKind::Variant, Some(parent)) => parent,
            _ => &listing.sku,
        };
        let rows = by_parent.entry(parent).or_insert_with(|| {
            order.push(parent);
            Vec::new()
        });
        rows.push((own, change));
    }
    let mut families = Vec::new();
    for parent in order {
        let mut rows = by_parent.remove(parent).unwrap_or_default();
        rows.sort_by_key(|(_, change)| change.listing.kind == ItemKind::Variant);
        let of_parent = |(_, change): &(Option<u64>, &ListingChange)| {
            Some(Place::parse(change.parent_ref.as_ref()?)?.product)
        };
        let head = rows
            .first()
            .filter(|(_, change)| change.listing.kind != ItemKind::Variant);
        let product = head
            .and_then(|(own, _)| *own)
            .or_else(|| rows.iter().find_map(of_parent))
            .or_else(|| rows.iter().find_map(|(own, _)| *own));
        // A variant that the shop keeps in another product stays there.
        let mut elsewhere: Vec<Family<'_>> = Vec::new();
        let mut together = Family {
            product,
            rows: Vec::new(),
        };
        for (own, change) in rows {
            match own.filter(|own| Some(*own) != product) {
                None => together.rows.push(change),
                Some(own) => match elsewhere.iter_mut().find(|one| one.product == Some(own)) {
                    Some(family) => family.rows.push(change),
                    None => elsewhere.push(Family {
                        product: Some(own),
                        rows: vec![change],
                    }),
                },
            }
        }
        families.push(together);
        families.extend(elsewhere);
    }
    families.retain(|family| !family.rows.is_empty());
    (families, settled)
}

impl<'a> Family<'a> {
    /// The parent, or what is sold as it is.
    pub fn head(&self) -> Option<&'a ListingChange> {
        let first = self.rows.first()?;
        (first.listing.kind != ItemKind::Variant).then_some(first)
    }

    /// What becomes a variant of the product: of a single it is the single itself.
    pub fn sold(&self) -> impl Iterator<Item = &'a ListingChange> {
        self.rows
            .iter()
            .copied()
            .filter(|change| change.listing.kind != ItemKind::Parent)
    }
}

/// One call of `productSet`, and what has to follow it.
#[derive(Debug)]
pub struct Draft<'a> {
    pub variables: Value,
    pub rows: Vec<&'a ListingChange>,
    /// The row of each element of `input.variants`; `None` of those that only come along.
    lines: Vec<Option<&'a ListingChange>>,
    /// Rows that cannot be sent. The others can.
    pub settled: Vec<ItemOutcome>,
    /// Where rows are that are live already.
    pub places: HashMap<Sku, Place>,
    pub gallery: Option<Gallery>,
    /// The parent's sku, of a product that does not remember it yet.
    pub parent_sku: Option<Sku>,
    /// Global ids of variants that are to be shown again.
    pub unpublished: Vec<String>,
    /// Rows whose item is not stocked at the location yet: item and quantity.
    pub unstocked: Vec<(u64, u64)>,
}

impl<'a> Draft<'a> {
    fn new() -> Self {
        Self {
            variables: Value::Null,
            rows: Vec::new(),
            lines: Vec::new(),
            settled: Vec::new(),
            places: HashMap::new(),
            gallery: None,
            parent_sku: None,
            unpublished: Vec::new(),
            unstocked: Vec::new(),
        }
    }

    /// Something of the product is new to its buyers.
    pub fn is_creation(&self) -> bool {
        self.rows.iter().any(|change| change.is_create())
    }

    pub fn skus(&self) -> impl Iterator<Item = &'a Sku> {
        self.rows.iter().map(|change| &change.listing.sku)
    }

    /// What the complaints about this call mean for its rows.
    pub fn refused(&self, errors: &[UserError]) -> Vec<ItemOutcome> {
        let skus: Vec<_> = self.skus().collect();
        let lines = self
            .lines
            .iter()
            .map(|line| line.map(|change| &change.listing.sku));
        let first = self.rows.first();
        let has_parent = first.is_some_and(|change| change.listing.kind == ItemKind::Parent);
        let option = |line: usize, at: usize| {
            let values = &self.variables["input"]["variants"][line]["optionValues"];
            Some(values[at]["optionName"].as_str()?.to_owned())
        };
        refused(
            &skus,
            &lines.collect::<Vec<_>>(),
            has_parent,
            option,
            errors,
        )
    }

    fn finish(&mut self, identifier: Value, input: Map<String, Value>, facts: &Facts) {
        self.variables = json!({
            "identifier": identifier,
            "input": input,
            "variants": self.lines.len().clamp(1, MOST_ANSWERED),
            "publication": facts.publication(),
        });
    }
}

/// A product that is not in the shop. `Err` when no row of it can be sent.
pub fn create<'a>(facts: &Facts, family: &Family<'a>) -> Result<Draft<'a>, Vec<ItemOutcome>> {
    let Some(head) = family.head() else {
        let orphan = || {
            Issue::error(
                "parent_missing",
                "the parent of this variant is not in the shop",
            )
            .field("parent_sku")
            .hint("see why the parent was refused; the variant follows it")
        };
        let orphans = family.rows.iter();
        return Err(orphans
            .map(|change| rejected(&change.listing.sku, orphan()))
            .collect());
    };
    let mut draft = Draft::new();
    let mut album = Album::default();
    let mut combined = Combinations::default();
    let mut sold = Vec::new();
    for change in family.sold() {
        let listing = &change.listing;
        let options = convert::options(listing);
        let mut fields = convert::variant_fields(listing);
        let checked = combined
            .add(&options)
            .and_then(|()| convert::add_offer(&mut fields, listing, facts, true));
        if let Err(issue) = checked {
            draft.settled.push(rejected(&listing.sku, *issue));
            continue;
        }
        album.take(listing);
        draft.rows.push(change);
        draft.lines.push(Some(change));
        sold.push((options, fields));
    }
    if sold.is_empty() {
        let mut settled = draft.settled;
        if head.listing.kind == ItemKind::Parent {
            settled.push(without_variants(&head.listing.sku));
        }
        return Err(settled);
    }
    if head.listing.kind == ItemKind::Parent {
        album.take(&head.listing);
        draft.rows.insert(0, head);
    }
    let gallery = Gallery::new(album);
    let mut input = convert::product_fields(&head.listing);
    let names = names_of(
        Some(&head.listing),
        &[],
        sold.iter().map(|(options, _)| options),
    );
    let used: Vec<_> = sold.iter().map(|(options, _)| options).collect();
    input.insert(
        "productOptions".to_owned(),
        product_options(&names, &head.listing, &used),
    );
    let mut variants = Vec::with_capacity(sold.len());
    for ((options, mut fields), line) in sold.into_iter().zip(&draft.lines) {
        fields.insert("optionValues".to_owned(), convert::option_values(&options));
        if let Some(file) = line.and_then(|change| gallery.file_of(&change.listing.sku)) {
            fields.insert("file".to_owned(), file.clone());
        }
        variants.push(Value::Object(fields));
    }
    input.insert("variants".to_owned(), Value::Array(variants));
    input.insert("status".to_owned(), json!("ACTIVE"));
    if !gallery.files.is_empty() {
        input.insert("files".to_owned(), json!(gallery.files));
    }
    let sku = head.listing.sku.as_str();
    // A list that is sent must hold the id by which the product is looked for.
    let mut metafields =
        vec![json!({"namespace": NAMESPACE, "key": SKU_KEY, "type": "id", "value": sku})];
    if !gallery.files.is_empty() {
        metafields.extend(gallery.album.metafield().map(Value::Object));
    }
    input.insert("metafields".to_owned(), Value::Array(metafields));
    let custom = json!({"customId": {"namespace": NAMESPACE, "key": SKU_KEY, "value": sku}});
    draft.finish(custom, input, facts);
    Ok(draft)
}

/// A product of the shop. `Err` when no row of it can be sent.
pub fn update<'a>(
    facts: &Facts,
    family: &Family<'a>,
    live: &Product,
) -> Result<Draft<'a>, Vec<ItemOutcome>> {
    let mut draft = Draft::new();
    let product = live.number().unwrap_or_default();
    let head = family.head();
    let mut input = Map::new();
    if let Some(head) = head {
        input = convert::product_fields(&head.listing);
    }
    let is_parent = head.is_some_and(|head| head.listing.kind == ItemKind::Parent);
    if let Some(head) = head.filter(|_| is_parent) {
        draft
            .places
            .insert(head.listing.sku.clone(), Place::of_product(product));
        draft.rows.push(head);
        if live.parent_sku() != Some(head.listing.sku.as_str()) {
            draft.parent_sku = Some(head.listing.sku.clone());
        }
    }
    let mut kept_media = Vec::new();
    if family.sold().next().is_some() {
        let members = members(facts, family, live, &mut draft);
        if draft.rows.is_empty() {
            return Err(draft.settled);
        }
        for member in members.iter().filter(|member| member.row.is_none()) {
            let media = member.live.iter().flat_map(|variant| &variant.media.nodes);
            kept_media.extend(media.map(|media| media.id.as_str()));
        }
        let options: Vec<_> = members.iter().map(|member| &member.options).collect();
        let names = names_of(
            head.map(|head| &head.listing),
            &live
                .options
                .iter()
                .map(|option| option.name.as_str())
                .collect::<Vec<_>>(),
            options.iter().copied(),
        );
        let blank = Listing::clone(&draft.rows[0].listing);
        let axes = head.map_or(&blank, |head| &head.listing);
        let rows = members.iter().filter_map(|member| member.row);
        draft.gallery = Gallery::change(
            live,
            rows.chain(head.filter(|_| is_parent))
                .map(|change| &change.listing),
            &kept_media,
        );
        input.insert(
            "productOptions".to_owned(),
            product_options(&names, axes, &options),
        );
        let variants = members.into_iter().map(|member| {
            draft.lines.push(member.row);
            let mut fields = member.fields;
            fields.insert(
                "optionValues".to_owned(),
                convert::option_values(&member.options),
            );
            let gallery = draft.gallery.as_ref();
            let file = member
                .row
                .and_then(|change| gallery?.file_of(&change.listing.sku));
            if let Some(file) = file {
                fields.insert("file".to_owned(), file.clone());
            }
            Value::Object(fields)
        });
        let variants: Vec<_> = variants.collect();
        input.insert("variants".to_owned(), Value::Array(variants));
    } else {
        let rows = draft.rows.iter().map(|change| &change.listing);
        draft.gallery = Gallery::change(live, rows, &variant_media(live));
    }
    if let Some(gallery) = &draft.gallery {
        input.insert("files".to_owned(), json!(gallery.files));
    }
    if draft.is_creation() && !live.is_active() {
        input.insert("status".to_owned(), json!("ACTIVE"));
    }
    let id = json!({"id": product_gid(product)});
    draft.finish(id, input, facts);
    Ok(draft)
}

fn variant_media(live: &Product) -> Vec<&str> {
    let variants = live.variants.nodes.iter();
    variants
        .flat_map(|variant| &variant.media.nodes)
        .map(|media| media.id.as_str())
        .collect()
}

/// One variant of the product as it shall be.
struct Member<'a, 'l> {
    live: Option<&'l Variant>,
    row: Option<&'a ListingChange>,
    options: Options,
    fields: Map<String, Value>,
}

/// All variants of the product: those of the rows with their content, the others as they are. Rows that cannot be
/// part of it are settled.
fn members<'a, 'l>(
    facts: &Facts,
    family: &Family<'a>,
    live: &'l Product,
    draft: &mut Draft<'a>,
) -> Vec<Member<'a, 'l>> {
    let product = live.number().unwrap_or_default();
    let rows: Vec<_> = family.sold().collect();
    let only_default = live.has_only_default_variant;
    let mut taken: HashSet<&Sku> = HashSet::new();
    let mut members: Vec<Member<'a, 'l>> = Vec::new();
    for variant in &live.variants.nodes {
        let row = rows.iter().copied().find(|change| {
            let listed = change.listing_ref.as_ref().and_then(Place::parse);
            match listed.and_then(|place| place.variant) {
                Some(ids) => variant.number() == Some(ids.variant),
                // An answer that was lost, or a variant of the shop that nobody has taken over yet.
                None => variant.sku() == Some(change.listing.sku.as_str()),
            }
        });
        let own: Options = variant
            .selected_options
            .iter()
            .map(|option| (option.name.clone(), option.value.clone()))
            .collect();
        let options = match row {
            Some(row) if !row.listing.options.is_empty() => row.listing.options.clone(),
            _ => own,
        };
        if let Some(row) = row {
            taken.insert(&row.listing.sku);
        } else if only_default && variant.sku().is_none() && !rows.is_empty() {
            // The stand-in of a product that had no variants yet makes room for them.
            continue;
        }
        members.push(Member {
            live: Some(variant),
            row,
            options,
            fields: Map::from_iter([("id".to_owned(), json!(variant.id))]),
        });
    }
    for row in rows
        .into_iter()
        .filter(|row| !taken.contains(&row.listing.sku))
    {
        if row.listing_ref.is_some() && !row.is_create() {
            draft.settled.push(gone(&row.listing.sku));
            continue;
        }
        members.push(Member {
            live: None,
            row: Some(row),
            options: convert::options(&row.listing),
            fields: Map::new(),
        });
    }
    let mut combined = Combinations::default();
    // What only comes along has been there before, so that it comes first.
    members.sort_by_key(|member| member.row.is_some());
    for member in members.iter().filter(|member| member.row.is_none()) {
        combined.keep(&member.options);
    }
    let mut accepted: Vec<Member<'a, 'l>> = Vec::new();
    for mut member in members {
        let Some(row) = member.row else {
            accepted.push(member);
            continue;
        };
        let mut fields = convert::variant_fields(&row.listing);
        let stocked = member
            .live
            .is_none_or(|variant| variant.inventory_item.inventory_level.is_some());
        let checked = combined
            .add(&member.options)
            .and_then(|()| match row.is_create() {
                true => convert::add_offer(&mut fields, &row.listing, facts, stocked),
                false => Ok(()),
            });
        if let Err(issue) = checked {
            draft.settled.push(rejected(&row.listing.sku, *issue));
            if let Some(variant) = member.live {
                let own = variant.selected_options.iter();
                member.options = own
                    .map(|one| (one.name.clone(), one.value.clone()))
                    .collect();
                member.row = None;
                accepted.push(member);
            }
            continue;
        }
        member.fields.extend(fields);
        draft.rows.push(row);
        if let Some(variant) = member.live {
            note_live(product, variant, row, stocked, draft);
        }
        accepted.push(member);
    }
    // Shopify shows variants in the order of the list.
    accepted.sort_by_key(|member| {
        let position = |variant: &Variant| {
            let ids = live.variants.nodes.iter().map(|one| one.id.as_str());
            ids.into_iter().position(|id| id == variant.id)
        };
        member.live.and_then(position).unwrap_or(usize::MAX)
    });
    accepted
}

/// Where a live variant is, and what a row that brings it back needs beside the call.
fn note_live(
    product: u64,
    variant: &Variant,
    row: &ListingChange,
    stocked: bool,
    draft: &mut Draft<'_>,
) {
    let item = number(&variant.inventory_item.id);
    let (Some(id), Some(item)) = (variant.number(), item) else {
        return;
    };
    let place = Place::of_variant(product, id, item);
    draft.places.insert(row.listing.sku.clone(), place);
    if !row.is_create() {
        return;
    }
    if !variant.published_on_publication {
        draft.unpublished.push(variant.id.clone());
    }
    if let Some(quantity) = row.listing.quantity.filter(|_| !stocked) {
        draft.unstocked.push((item, quantity));
    }
}

/// Options by which variants are told apart: no two may be the same, and none may miss one.
#[derive(Default)]
struct Combinations {
    seen: HashSet<Vec<(String, String)>>,
    names: Option<Vec<String>>,
}

impl Combinations {
    fn sorted(options: &[(String, String)]) -> Vec<(String, String)> {
        let mut sorted = options.to_vec();
        sorted.sort();
        sorted
    }

    fn names(sorted: &[(String, String)]) -> Vec<String> {
        sorted.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Of a variant that is there already.
    fn keep(&mut self, options: &[(String, String)]) {
        let sorted = Self::sorted(options);
        self.names.get_or_insert_with(|| Self::names(&sorted));
        self.seen.insert(sorted);
    }

    fn add(&mut self, options: &[(String, String)]) -> Result<(), Box<Issue>> {
        let sorted = Self::sorted(options);
        let names = Self::names(&sorted);
        let known = self.names.get_or_insert_with(|| names.clone());
        if *known != names {
            return Err(Box::new(Issue::error(
                "options_differ",
                format!(
                    "the product's other variants are told apart by {}, this one by {}",
                    known.join(", "),
                    names.join(", ")
                ),
            )
            .field("options")
            .hint("all variants of a product need the same options, also those that are only in the shop")));
        }
        if !self.seen.insert(sorted) {
            let values: Vec<_> = options.iter().map(|(_, value)| value.as_str()).collect();
            return Err(Box::new(
                Issue::error(
                    "options_doubled",
                    format!(
                        "another variant of the product is {} already",
                        values.join(" / ")
                    ),
                )
                .field("options")
                .hint("give the variants different options, or delete the other one in the shop"),
            ));
        }
        Ok(())
    }
}

/// The order of the product's options: as the catalog has them, as the shop has them, or as they come.
fn names_of<'o>(
    head: Option<&Listing>,
    live: &[&str],
    mut options: impl Iterator<Item = &'o Options>,
) -> Vec<String> {
    let first = options.next();
    let used: Vec<String> = first
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    let axes = head.map(|head| head.axes.iter().map(|axis| axis.name.as_str()));
    let mut names: Vec<String> = Vec::new();
    for name in axes.into_iter().flatten().chain(live.iter().copied()) {
        if used.iter().any(|one| one == name) && !names.iter().any(|one| one == name) {
            names.push(name.to_owned());
        }
    }
    for name in used {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `input.productOptions`: each option with the values that occur, in the catalog's order.
fn product_options(names: &[String], head: &Listing, used: &[&Options]) -> Value {
    let values = |name: &String| {
        let axis = head.axes.iter().find(|axis| axis.name == *name);
        let stated = axis.map_or(&[][..], |axis| axis.values.as_slice());
        let occurring = |value: &&String| {
            used.iter()
                .any(|options| options.iter().any(|own| own.0 == *name && own.1 == **value))
        };
        let mut values: Vec<&String> = stated.iter().filter(occurring).collect();
        for (own, value) in used.iter().flat_map(|options| options.iter()) {
            if own == name && !values.contains(&value) {
                values.push(value);
            }
        }
        values
            .into_iter()
            .map(|value| json!({"name": value}))
            .collect::<Value>()
    };
    (1..)
        .zip(names)
        .map(|(position, name)| json!({"name": name, "position": position, "values": values(name)}))
        .collect()
}

/// The product is in the shop no more, or the variant in it.
pub fn gone(sku: &Sku) -> ItemOutcome {
    let error = Error::new(ErrorKind::NotFound, "the product was deleted in the shop")
        .with("sku", sku.as_str())
        .hint("run with `--refresh` to read what is live; it is then created again");
    ItemOutcome {
        key: sku.clone(),
        outcome: Outcome::Failed(error),
    }
}

/// Without variants Shopify would make one of its own, which costs nothing and can be bought.
fn without_variants(sku: &Sku) -> ItemOutcome {
    let error = Error::new(
        ErrorKind::Rejected,
        "none of its variants can be created, so that the product is not created either",
    )
    .with("sku", sku.as_str())
    .hint("see what is wrong with its variants");
    ItemOutcome {
        key: sku.clone(),
        outcome: Outcome::Failed(error),
    }
}

/// What the complaints about a call mean for its rows, of which nothing was done. `lines` are the rows that the
/// elements of `input.variants` stand for, `option` names the option at a place of one of them.
pub fn refused(
    skus: &[&Sku],
    lines: &[Option<&Sku>],
    has_parent: bool,
    option: impl Fn(usize, usize) -> Option<String>,
    errors: &[UserError],
) -> Vec<ItemOutcome> {
    let mut by_sku: HashMap<&Sku, Outcome> = HashMap::new();
    for error in errors {
        let line = error.index_in("variants");
        let named = line.and_then(|line| lines.get(line).copied().flatten());
        // What is not about one variant is about the product: its first row.
        let Some(sku) = named.or_else(|| skus.first().copied()) else {
            continue;
        };
        let place = line.zip(error.index_in("optionValues"));
        let name = place.and_then(|(line, at)| option(line, at));
        let mut outcome = error.outcome();
        if let Outcome::Rejected(issues) = &mut outcome {
            for issue in issues {
                issue.sku = Some(sku.clone());
                if let Some(name) = &name {
                    issue.field = Some(format!("option:{name}"));
                }
            }
        }
        match (by_sku.get_mut(sku), outcome) {
            (Some(Outcome::Rejected(known)), Outcome::Rejected(more)) => known.extend(more),
            (Some(_), _) => {}
            (None, outcome) => {
                by_sku.insert(sku, outcome);
            }
        }
    }
    // Where the product itself is refused, its variants wait for it.
    let parent_is_refused = has_parent && skus.first().is_some_and(|sku| by_sku.contains_key(sku));
    let outcomes = skus.iter().map(|sku| ItemOutcome {
        key: (*sku).clone(),
        outcome: match (by_sku.remove(sku), parent_is_refused) {
            (Some(outcome), _) => outcome,
            (None, false) => refusal::beside(),
            (None, true) => Outcome::Failed(
                Error::new(ErrorKind::Rejected, "its parent was refused")
                    .with("sku", sku.as_str())
                    .hint("see why the parent was refused; the variant follows it"),
            ),
        },
    });
    outcomes.collect()
}

#[cfg(test)]
#[path = "products_tests.rs"]
mod tests;
