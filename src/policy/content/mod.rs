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
use template::{Fields, Templates};

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

const TEMPLATED: [&str; 5] = ["title", "description", "brand", "condition", "url"];

#[derive(Debug)]
pub(super) struct CompiledContent {
    places: BTreeMap<&'static str, Places>,
    options: Vec<(String, Places)>,
    attributes: Vec<(String, Places)>,
    templates: Templates,
    /// Fields of [`TEMPLATED`] that have a template.
    templated: Vec<&'static str>,
    /// Attribute and the name of its template.
    templated_attributes: Vec<(String, String)>,
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
            if let Err(problem) = templates.add(name, source) {
                issue(problem.field(format!("content.{name}")));
                good = false;
            }
        };
        let sources = [
            &policy.title,
            &policy.description,
            &policy.brand,
            &policy.condition,
            &policy.url,
        ];
        let mut templated = Vec::new();
        for (field, source) in TEMPLATED.into_iter().zip(sources) {
            if let Some(source) = source {
                add(field, source);
                templated.push(field);
            }
        }
        let mut templated_attributes = Vec::new();
        for (attribute, source) in &policy.attributes {
            let name = format!("attributes.{attribute}");
            add(&name, source);
            templated_attributes.push((attribute.clone(), name));
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
        good.then(|| Self {
            places: crate::domain::catalog::STANDARD_COLUMNS
                .iter()
                .map(|name| (*name, find(name)))
                .collect(),
            options: prefixed("option:"),
            attributes: prefixed("attr:"),
            templates,
            templated,
            templated_attributes,
            policy: policy.clone(),
            title_length: tighter(policy.title_length, limits.title),
            description_length: tighter(policy.description_length, limits.description),
            images: limits.images,
        })
    }

    fn text(&self, name: &str, item: &Item) -> Option<String> {
        self.places
            .get(name)
            .and_then(|places| places.value(item))
            .map(str::to_owned)
    }

    pub(super) fn listing(
        &self,
        item: &Item,
        axes: &[OptionAxis],
        cuts: &mut Vec<Cut>,
    ) -> Result<Listing, Box<Issue>> {
        let context = OnceCell::new();
        let render = |name: &str| {
            let text = match self.templates.render_plain(name, item) {
                Some(text) => text,
                None => {
                    let context = context.get_or_init(|| self.templates.context(item));
                    self.templates.render(name, context)?
                }
            };
            Ok::<_, Box<Issue>>(filled(text.trim()))
        };
        let field = |name: &'static str| {
            if self.templated.contains(&name) {
                render(name)
            } else {
                Ok(self.text(name, item))
            }
        };
        let mut attributes = BTreeMap::new();
        for (name, places) in &self.attributes {
            if let Some(value) = places.value(item) {
                attributes.insert(name.clone(), value.to_owned());
            }
        }
        for (attribute, template) in &self.templated_attributes {
            if let Some(value) = render(template)? {
                attributes.insert(attribute.clone(), value);
            }
        }
        let list = |name: &str, separators: &[char]| -> Vec<String> {
            let text = self
                .places
                .get(name)
                .and_then(|places| places.value(item))
                .unwrap_or_default();
            text.split(separators)
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut images = list("images", &['|']);
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
        Ok(Listing {
            sku: item.sku.clone(),
            parent_sku: item.parent_sku.clone(),
            kind: item.kind,
            title: field("title")?.map(|text| shorten("title", text, self.title_length, cuts)),
            description: field("description")?.map(|text| {
                // Cutting through markup would leave it open: an over-long one is left for `check` to report.
                let limit = self.description_length.filter(|_| !text.contains('<'));
                shorten("description", text, limit, cuts)
            }),
            brand: field("brand")?,
            gtin: self.text("gtin", item),
            mpn: self.text("mpn", item),
            category: self.category(item)?,
            condition: field("condition")?,
            url: field("url")?,
            images,
            weight: self.measure("weight", item),
            length: self.measure("length", item),
            width: self.measure("width", item),
            height: self.measure("height", item),
            country_of_origin: self.text("country_of_origin", item),
            tags: list("tags", &['|', ',']),
            options: self
                .options
                .iter()
                .filter_map(|(name, places)| Some((name.clone(), places.value(item)?.to_owned())))
                .collect(),
            axes: axes.to_vec(),
            attributes,
            price: None,
            compare_at: None,
            quantity: None,
        })
    }

    fn category(&self, item: &Item) -> Result<Option<String>, Box<Issue>> {
        let own = self.text("category", item);
        if self.policy.categories.is_empty() {
            return Ok(own.or_else(|| self.policy.category_default.clone()));
        }
        let mut path = own.as_deref();
        while let Some(text) = path {
            if let Some(mapped) = self.policy.categories.get(text.trim()) {
                return Ok(Some(mapped.clone()));
            }
            path = text.rsplit_once('>').map(|(parent, _)| parent.trim_end());
        }
        match (&self.policy.category_default, own) {
            (Some(default), _) => Ok(Some(default.clone())),
            (None, None) => Ok(None),
            (None, Some(category)) => Err(Issue::error(
                "category_not_mapped",
                format!("the category `{category}` is not in this channel's map"),
            )
            .field("category")
            .hint(format!("add `\"{category}\" = \"…\"` below [channels.….content.categories], or a `category_default`")).into()),
        }
    }

    /// `0.5 kg`. Without a unit it says nothing.
    fn measure(&self, name: &str, item: &Item) -> Option<Measure> {
        let text = self.places.get(name)?.value(item)?;
        let (value, unit) = text.split_once(' ')?;
        Some(Measure {
            value: value.parse().ok()?,
            unit: unit.trim().to_owned(),
        })
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Cuts at the end of a word, so that at most `limit` characters are left.
fn shorten(field: &'static str, text: String, limit: Option<usize>, cuts: &mut Vec<Cut>) -> String {
    let Some(limit) = limit else { return text };
    let Some((end, next)) = text.char_indices().nth(limit) else {
        return text;
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
    kept.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_a_word() {
        let mut cuts = Vec::new();
        let cut = |text: &str, limit, cuts: &mut Vec<Cut>| {
            shorten("title", text.into(), Some(limit), cuts)
        };
        assert_eq!(cut("blue cotton shirt", 11, &mut cuts), "blue cotton");
        assert_eq!(cut("blue cotton shirt", 10, &mut cuts), "blue");
        assert_eq!(cut("Donaudampfschiff", 5, &mut cuts), "Donau");
        assert_eq!(cut("näher dran", 6, &mut cuts), "näher");
        assert_eq!(cuts.len(), 4);
        assert_eq!(cut("short", 10, &mut cuts), "short");
        assert_eq!(cuts.len(), 4);
    }
}
