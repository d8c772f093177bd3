//! The words and pictures of a listing on one channel.

pub(crate) mod template;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::Places;
use crate::domain::capability::TextLimits;
use crate::domain::catalog::{Columns, Item};
use crate::domain::ids::ChannelName;
use crate::domain::issue::Issue;
use crate::domain::listing::{Listing, Measure, OptionAxis};
use template::{Fields, Template, Templates};

/// `[channels.X.content]`: templates by field, a locale, maps and limits.
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContentPolicy {
    /// Columns such as `title#de` come before `title`.
    pub locale: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub brand: Option<String>,
    pub condition: Option<String>,
    pub url: Option<String>,
    /// The catalog's category (or the start of its path, up to a ` > `) to the channel's.
    pub categories: BTreeMap<String, String>,
    /// For items that `categories` does not name.
    pub category_default: Option<String>,
    /// The channel's attribute to a template: `material = "{{ attr_material }}"`.
    pub attributes: BTreeMap<String, String>,
    /// Shorter than the channel's own limit, in characters.
    pub title_length: Option<usize>,
    pub description_length: Option<usize>,
}

/// A text or a list that was shortened to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub field: &'static str,
    pub from: usize,
    pub to: usize,
}

/// Where the text of a field comes from.
#[derive(Debug)]
enum Origin {
    Column(Places),
    Template(Template),
}

/// Where the columns of the standard fields are.
#[derive(Debug)]
struct Standard {
    category: Places,
    gtin: Places,
    mpn: Places,
    images: Places,
    weight: Places,
    length: Places,
    width: Places,
    height: Places,
    country_of_origin: Places,
    tags: Places,
}

#[derive(Debug)]
pub(super) struct CompiledContent {
    title: Origin,
    description: Origin,
    brand: Origin,
    condition: Origin,
    url: Origin,
    places: Standard,
    options: Vec<(String, Places)>,
    attributes: Vec<(String, Places)>,
    templates: Templates,
    templated_attributes: Vec<(String, Template)>,
    policy: ContentPolicy,
    title_length: Option<usize>,
    description_length: Option<usize>,
    images: Option<usize>,
}

impl CompiledContent {
    pub(super) fn new(
        policy: &ContentPolicy,
        channel: &ChannelName,
        columns: &Columns,
        limits: TextLimits,
        issue: &mut dyn FnMut(Issue),
    ) -> Option<Self> {
        let locale = policy.locale.as_deref();
        let find = |name: &str| Places::find(columns, channel, locale, name);
        let mut templates = Templates::new(Fields::of_channel(columns, channel, locale));
        let mut good = true;
        let mut add = |name: &str, source: &str| {
            let added = templates.add(name, source);
            added.map_err(|problem| {
                issue(problem.field(format!("content.{name}")));
                good = false;
            })
        };
        let mut origin = |name: &str, template: &Option<String>| match template {
            Some(source) => add(name, source).ok().map(Origin::Template),
            None => Some(Origin::Column(find(name))),
        };
        let title = origin("title", &policy.title);
        let description = origin("description", &policy.description);
        let brand = origin("brand", &policy.brand);
        let condition = origin("condition", &policy.condition);
        let url = origin("url", &policy.url);
        let mut templated_attributes = Vec::new();
        for (attribute, source) in &policy.attributes {
            if let Ok(template) = add(&format!("attributes.{attribute}"), source) {
                templated_attributes.push((attribute.clone(), template));
            }
        }
        if !good {
            return None;
        }
        let prefixed = |prefix: &str| {
            let mut found: Vec<(String, Places)> = Vec::new();
            for column in columns.list() {
                if let Some(name) = column.name.strip_prefix(prefix)
                    && found.iter().all(|(known, _)| known != name)
                {
                    found.push((name.to_owned(), find(&column.name)));
                }
            }
            found
        };
        let tighter = |own: Option<usize>, channel: Option<usize>| match (own, channel) {
            (Some(own), Some(channel)) => Some(own.min(channel)),
            (own, channel) => own.or(channel),
        };
        Some(Self {
            title: title?,
            description: description?,
            brand: brand?,
            condition: condition?,
            url: url?,
            places: Standard {
                category: find("category"),
                gtin: find("gtin"),
                mpn: find("mpn"),
                images: find("images"),
                weight: find("weight"),
                length: find("length"),
                width: find("width"),
                height: find("height"),
                country_of_origin: find("country_of_origin"),
                tags: find("tags"),
            },
            options: prefixed("option:"),
            attributes: prefixed("attr:"),
            templates,
            templated_attributes,
            policy: policy.clone(),
            title_length: tighter(policy.title_length, limits.title),
            description_length: tighter(policy.description_length, limits.description),
            images: limits.images,
        })
    }

    /// Fills a listing anew, whatever it was filled with before: its texts keep their room.
    pub(super) fn fill(
        &self,
        listing: &mut Listing,
        item: &Item,
        axes: &[OptionAxis],
        cuts: &mut Vec<Cut>,
    ) -> Result<(), Box<Issue>> {
        // Every field by name, so that none is forgotten.
        let Listing {
            sku,
            parent_sku,
            kind,
            title,
            description,
            brand,
            gtin,
            mpn,
            category,
            condition,
            url,
            images,
            weight,
            length,
            width,
            height,
            country_of_origin,
            tags,
            options,
            axes: listed_axes,
            attributes,
            price,
            compare_at,
            quantity,
        } = listing;
        let context = OnceCell::new();
        let render = |template: &Template, text: &mut String| {
            if !template.render_plain(item, text) {
                let context = context.get_or_init(|| self.templates.context(item));
                *text = self.templates.render(template.name(), context)?;
            }
            Ok::<_, Box<Issue>>(())
        };
        let field = |origin: &Origin, slot: &mut Option<String>| {
            match origin {
                Origin::Column(places) => refill(slot, places.value(item)),
                Origin::Template(template) => {
                    let mut text = slot.take().unwrap_or_default();
                    render(template, &mut text)?;
                    *slot = filled(text);
                }
            }
            Ok::<_, Box<Issue>>(())
        };
        attributes.clear();
        for (name, places) in &self.attributes {
            if let Some(value) = places.value(item) {
                attributes.insert(name.clone(), value.to_owned());
            }
        }
        for (attribute, template) in &self.templated_attributes {
            let mut text = String::new();
            render(template, &mut text)?;
            if let Some(value) = filled(text) {
                attributes.insert(attribute.clone(), value);
            }
        }
        let places = &self.places;
        refill_list(images, places.images.value(item), &['|']);
        if let Some(most) = self.images
            && images.len() > most
        {
            cuts.push(Cut {
                field: "images",
                from: images.len(),
                to: most,
            });
            images.truncate(most);
        }
        *sku = item.sku.clone();
        parent_sku.clone_from(&item.parent_sku);
        *kind = item.kind;
        field(&self.title, title)?;
        if let Some(title) = title {
            shorten("title", title, self.title_length, cuts);
        }
        field(&self.description, description)?;
        if let Some(text) = description {
            // Cutting through markup would leave it open: an over-long one is left for `check` to report.
            let limit = self.description_length.filter(|_| !text.contains('<'));
            shorten("description", text, limit, cuts);
        }
        field(&self.brand, brand)?;
        refill(gtin, places.gtin.value(item));
        refill(mpn, places.mpn.value(item));
        refill(category, self.category(item)?);
        field(&self.condition, condition)?;
        field(&self.url, url)?;
        *weight = measure(&places.weight, item);
        *length = measure(&places.length, item);
        *width = measure(&places.width, item);
        *height = measure(&places.height, item);
        refill(country_of_origin, places.country_of_origin.value(item));
        refill_list(tags, places.tags.value(item), &['|', ',']);
        options.clear();
        options.extend(
            self.options
                .iter()
                .filter_map(|(name, places)| Some((name.clone(), places.value(item)?.to_owned()))),
        );
        listed_axes.clear();
        listed_axes.extend_from_slice(axes);
        (*price, *compare_at, *quantity) = (None, None, None);
        Ok(())
    }

    fn category<'a>(&'a self, item: &'a Item) -> Result<Option<&'a str>, Box<Issue>> {
        let own = self.places.category.value(item);
        if self.policy.categories.is_empty() {
            return Ok(own.or(self.policy.category_default.as_deref()));
        }
        let mut path = own;
        while let Some(text) = path {
            if let Some(mapped) = self.policy.categories.get(text.trim()) {
                return Ok(Some(mapped));
            }
            path = text.rsplit_once('>').map(|(parent, _)| parent.trim_end());
        }
        match (&self.policy.category_default, own) {
            (Some(default), _) => Ok(Some(default)),
            (None, None) => Ok(None),
            (None, Some(category)) => Err(Issue::error(
                "category_not_mapped",
                format!("the category `{category}` is not in this channel's map"),
            )
            .field("category")
            .hint(format!("add `\"{category}\" = \"…\"` below [channels.….content.categories], or a `category_default`")).into()),
        }
    }
}

/// `0.5 kg`. Without a unit it says nothing.
fn measure(places: &Places, item: &Item) -> Option<Measure> {
    let (value, unit) = places.value(item)?.split_once(' ')?;
    Some(Measure {
        value: value.parse().ok()?,
        unit: unit.trim().to_owned(),
    })
}

fn refill(slot: &mut Option<String>, text: Option<&str>) {
    match (slot, text) {
        (Some(slot), Some(text)) => {
            slot.clear();
            slot.push_str(text);
        }
        (slot, text) => *slot = text.map(str::to_owned),
    }
}

/// The parts of a text between separators, without blank ones.
fn refill_list(list: &mut Vec<String>, text: Option<&str>, separators: &[char]) {
    let parts = text.unwrap_or_default().split(separators).map(str::trim);
    let mut length = 0;
    for part in parts.filter(|part| !part.is_empty()) {
        match list.get_mut(length) {
            Some(slot) => {
                slot.clear();
                slot.push_str(part);
            }
            None => list.push(part.to_owned()),
        }
        length += 1;
    }
    list.truncate(length);
}

/// A text without blanks at its ends; `None` when nothing is left.
fn filled(mut text: String) -> Option<String> {
    text.truncate(text.trim_end().len());
    let blanks = text.len() - text.trim_start().len();
    text.drain(..blanks);
    (!text.is_empty()).then_some(text)
}

/// Cuts at the end of a word, so that at most `limit` characters are left.
fn shorten(field: &'static str, text: &mut String, limit: Option<usize>, cuts: &mut Vec<Cut>) {
    // No text has more characters than bytes.
    let Some(limit) = limit.filter(|limit| text.len() > *limit) else {
        return;
    };
    let Some((end, next)) = text.char_indices().nth(limit) else {
        return;
    };
    let head = &text[..end];
    let kept = match head.rfind(char::is_whitespace) {
        Some(space) if !next.is_whitespace() && space > 0 => &head[..space],
        _ => head,
    }
    .trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, ',' | ';' | '-' | '–' | '|' | '/')
    });
    cuts.push(Cut {
        field,
        from: text.chars().count(),
        to: kept.chars().count(),
    });
    text.truncate(kept.len());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::catalog::{Column, Held, ItemKind};

    #[test]
    fn texts_are_cut_at_a_word() {
        let mut cuts = Vec::new();
        let cut = |text: &str, limit, cuts: &mut Vec<Cut>| {
            let mut text = text.to_owned();
            shorten("title", &mut text, Some(limit), cuts);
            text
        };
        assert_eq!(cut("blue cotton shirt", 11, &mut cuts), "blue cotton");
        assert_eq!(cut("blue cotton shirt", 10, &mut cuts), "blue");
        assert_eq!(cut("Donaudampfschiff", 5, &mut cuts), "Donau");
        assert_eq!(cut("näher dran", 6, &mut cuts), "näher");
        assert_eq!(cuts.len(), 4);
        assert_eq!(cut("short", 10, &mut cuts), "short");
        assert_eq!(cuts.len(), 4);
    }

    #[test]
    fn a_text_loses_the_blanks_at_its_ends() {
        let filled = |text: &str| filled(text.to_owned());
        assert_eq!(filled(" \tred tee\n").as_deref(), Some("red tee"));
        assert_eq!(filled("tee").as_deref(), Some("tee"));
        assert_eq!(filled(" \u{a0} "), None);
    }

    proptest! {
        #[test]
        fn what_was_there_before_leaves_no_trace(
            rows in prop::collection::vec(prop::collection::vec("[ab |,]{0,6}", 8), 1..5),
        ) {
            let names = [
                "title", "images", "tags", "category", "gtin", "attr:a", "option:b", "weight",
            ];
            let columns = Arc::new(Columns::new(names.map(Column::parse).to_vec()));
            let policy = ContentPolicy {
                brand: Some("{{ title }}".into()),
                url: Some("{{ title | upper }}".into()),
                attributes: [("c".to_owned(), " {{ gtin }} ".to_owned())].into(),
                title_length: Some(3),
                ..ContentPolicy::default()
            };
            let shop = ChannelName::new("shop");
            let limits = TextLimits { images: Some(1), ..TextLimits::default() };
            let content =
                CompiledContent::new(&policy, &shop, &columns, limits, &mut |_| {}).unwrap();
            let blank = || Listing::blank("".into(), ItemKind::Single);
            let mut used = blank();
            for cells in rows {
                let mut item = Item {
                    sku: "A".into(),
                    parent_sku: (!cells[0].is_empty()).then(|| "P".into()),
                    kind: ItemKind::Single,
                    held: Held::default(),
                    file: "catalog.csv".into(),
                    line: 2,
                    columns: columns.clone(),
                    cells,
                };
                item.cells[7].push_str("1 kg");
                let (mut fresh, mut cuts, mut cuts_again) = (blank(), Vec::new(), Vec::new());
                content.fill(&mut fresh, &item, &[], &mut cuts).unwrap();
                content.fill(&mut used, &item, &[], &mut cuts_again).unwrap();
                prop_assert_eq!(&fresh, &used);
                prop_assert_eq!(cuts, cuts_again);
            }
        }
    }
}
