//! What a listing's attributes say, in the words in which a catalog states it: the inverse of
//! [`content`](super::content). Pure.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::account::Account;
use super::content::{
    self, BETWEEN_BULLETS, CONDITIONS, MOST_IMAGES, OFFER, SUGGESTED_ASIN, attribute_name,
    text_kept, unit_of,
};
use super::convert;
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::{Listing, Measure};

/// The type of what has none: every listing may be of it.
const ANY_TYPE: &str = "PRODUCT";

pub fn read(
    account: &Account,
    sku: &str,
    product_type: Option<&str>,
    attributes: Map<String, Value>,
) -> Listing {
    let mut reader = Reader {
        account,
        attributes,
    };
    let parent_sku = reader.parent();
    let kind = match (reader.plain("parentage_level").as_deref(), &parent_sku) {
        (Some("parent"), _) => ItemKind::Parent,
        (_, Some(_)) => ItemKind::Variant,
        _ => ItemKind::Single,
    };
    let condition = reader.plain("condition_type").map(|theirs| {
        let known = CONDITIONS.iter().find(|(_, word)| *word == theirs);
        known.map_or(theirs, |(ours, _)| (*ours).to_owned())
    });
    let mut listing = Listing {
        parent_sku,
        title: reader.text("item_name"),
        description: reader.text("product_description"),
        brand: reader.text("brand"),
        gtin: reader.plain("externally_assigned_product_identifier"),
        mpn: reader.plain("part_number"),
        condition,
        country_of_origin: reader.plain("country_of_origin"),
        images: reader.images(),
        weight: reader
            .take("item_package_weight")
            .as_ref()
            .and_then(measure),
        ..Listing::blank(Sku::new(sku), kind)
    };
    if let Some(sides) = reader.take("item_package_dimensions") {
        listing.length = measure(&sides["length"]);
        listing.width = measure(&sides["width"]);
        listing.height = measure(&sides["height"]);
    }
    if kind != ItemKind::Single {
        reader.take("child_parent_sku_relationship");
        reader.choices(&mut listing);
    }
    let is_offer_only = listing.title.is_none() && reader.attributes.contains_key(SUGGESTED_ASIN);
    listing.category = product_type
        .filter(|stated| *stated != ANY_TYPE && !is_offer_only)
        .map(str::to_owned);
    listing.attributes = reader.rest();
    listing
}

/// What Amazon keeps of a listing.
pub fn kept(account: &Account, listing: &Listing) -> Listing {
    let product_type = convert::product_type(account, listing);
    let attributes = content::content(account, listing);
    let kept = read(
        account,
        listing.sku.as_str(),
        Some(&product_type),
        attributes,
    );
    Listing {
        axes: listing.axes.clone(),
        ..kept
    }
}

/// `{"value": 1.5, "unit": "kilograms"}`
fn measure(entry: &Value) -> Option<Measure> {
    Some(Measure {
        value: decimal(&entry["value"])?,
        unit: unit_of(entry["unit"].as_str()?)?.to_owned(),
    })
}

fn decimal(value: &Value) -> Option<Decimal> {
    value.as_number()?.to_string().parse().ok()
}

/// Takes attributes out as they are understood.
struct Reader<'a> {
    account: &'a Account,
    attributes: Map<String, Value>,
}

impl Reader<'_> {
    /// The entries of an attribute that are meant for this marketplace.
    fn entries(&self, name: &str) -> Vec<&Value> {
        let list = self.attributes.get(name).and_then(Value::as_array);
        let here = |entry: &&Value| match entry.get("marketplace_id") {
            Some(marketplace) => *marketplace == self.account.marketplace_id,
            None => true,
        };
        list.into_iter().flatten().filter(here).collect()
    }

    /// The first entry.
    fn take(&mut self, name: &str) -> Option<Value> {
        let first = self.entries(name).into_iter().next().cloned();
        self.attributes.remove(name);
        first
    }

    fn plain(&mut self, name: &str) -> Option<String> {
        scalar(&self.take(name)?["value"])
    }

    /// In the account's language, or in the one that there is.
    fn text(&mut self, name: &str) -> Option<String> {
        let entries = self.entries(name);
        let own = entries
            .iter()
            .find(|entry| entry["language_tag"] == self.account.language)
            .or(entries.first())
            .and_then(|entry| scalar(&entry["value"]));
        self.attributes.remove(name);
        own
    }

    fn parent(&self) -> Option<Sku> {
        let entries = self.entries("child_parent_sku_relationship");
        let parent = entries.first()?.get("parent_sku")?.as_str()?;
        (!parent.is_empty()).then(|| Sku::new(parent))
    }

    fn images(&mut self) -> Vec<String> {
        let others = (1..MOST_IMAGES).map(|number| format!("other_product_image_locator_{number}"));
        std::iter::once("main_product_image_locator".to_owned())
            .chain(others)
            .filter_map(|name| Some(self.take(&name)?["media_location"].as_str()?.to_owned()))
            .collect()
    }

    /// `SIZE/MAIN_COLOR` says in which attributes a variant's choices stand.
    fn choices(&mut self, listing: &mut Listing) {
        let theme = self
            .entries("variation_theme")
            .first()
            .and_then(|entry| entry["name"].as_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let names: BTreeSet<&str> = theme.split('/').filter(|name| !name.is_empty()).collect();
        let simple = |name: &&str| attribute_name(name).as_deref() == Some(*name);
        // A theme of Amazon's own, such as `COLOR_NAME`, stays what it is: an attribute.
        let is_ours = !names.is_empty()
            && names.iter().all(simple)
            && (listing.kind == ItemKind::Parent
                || names.iter().all(|name| self.attributes.contains_key(*name)));
        if !is_ours {
            return;
        }
        self.attributes.remove("variation_theme");
        if listing.kind == ItemKind::Parent {
            return;
        }
        for name in theme.split('/') {
            if let Some(value) = self.text(name) {
                listing.options.push((option_name(name), value));
            }
        }
    }

    /// What is left is the seller's own attribute: as text where that says it all, otherwise as JSON.
    fn rest(self) -> std::collections::BTreeMap<String, String> {
        let mut rest = std::collections::BTreeMap::new();
        for name in self.attributes.keys() {
            let entries = self.entries(name);
            if entries.is_empty() || OFFER.contains(&name.as_str()) {
                continue;
            }
            let texts: Option<Vec<String>> = entries
                .iter()
                .map(|entry| self.worded(name, entry))
                .collect();
            let text = match texts {
                Some(texts) if name == "bullet_point" => Some(texts.join(BETWEEN_BULLETS)),
                Some(texts) if texts.len() == 1 => texts.into_iter().next(),
                _ => None,
            };
            rest.insert(
                name.clone(),
                text.unwrap_or_else(|| Value::from_iter(entries.into_iter().cloned()).to_string()),
            );
        }
        rest
    }

    /// `None` when a text would not become this entry again.
    fn worded(&self, name: &str, entry: &Value) -> Option<String> {
        let fields = entry.as_object()?;
        if name == "variation_theme" {
            return fields.get("name")?.as_str().map(str::to_owned);
        }
        let value = scalar(fields.get("value")?)?;
        let is_simple = fields.iter().all(|(key, own)| match key.as_str() {
            "value" | "marketplace_id" => true,
            "language_tag" => *own == self.account.language,
            _ => false,
        });
        (is_simple && text_kept(self.account, name, &value, entry)).then_some(value)
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// `main_color` as a catalog may have called it: `Main color`.
fn option_name(attribute: &str) -> String {
    let words = attribute.replace('_', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::content::content as written;
    use super::*;
    use crate::connectors::amazon::tests::{account, listing};

    fn there_and_back(listing: &Listing) -> Listing {
        let attributes = written(&account(), listing);
        let category = listing.category.as_deref();
        super::read(&account(), listing.sku.as_str(), category, attributes)
    }

    fn measure(value: &str, unit: &str) -> Option<Measure> {
        Some(Measure {
            value: value.parse().unwrap(),
            unit: unit.into(),
        })
    }

    #[test]
    fn content_goes_there_and_back() {
        let mut hat = Listing {
            mpn: Some("H-1".into()),
            condition: Some("used".into()),
            country_of_origin: Some("PT".into()),
            images: ["1", "2", "3"]
                .map(|n| format!("https://img.example/{n}.jpg"))
                .into(),
            weight: measure("0.25", "kg"),
            length: measure("30", "cm"),
            width: measure("30", "cm"),
            height: measure("12.5", "cm"),
            ..listing("HAT")
        };
        for (name, value) in [
            ("number_of_items", "4"),
            ("batteries_required", "false"),
            ("model_number", "42"),
            ("bullet_point", "light | strong"),
            ("material", "straw"),
            ("serial", "007"),
            ("unit_count", r#"[{"value":3,"type":{"value":"count"}}]"#),
        ] {
            hat.attributes.insert(name.into(), value.into());
        }
        let read = there_and_back(&hat);
        assert_eq!(
            read.shown_fingerprint(),
            hat.shown_fingerprint(),
            "{read:#?}"
        );
    }

    #[test]
    fn families_go_there_and_back() {
        let variant = Listing {
            kind: ItemKind::Variant,
            parent_sku: Some("P".into()),
            condition: Some("new".into()),
            options: vec![
                ("Size".into(), "M".into()),
                ("Main color".into(), "red".into()),
            ],
            ..listing("P-M")
        };
        let read = there_and_back(&variant);
        assert_eq!(
            read.shown_fingerprint(),
            variant.shown_fingerprint(),
            "{read:#?}"
        );
        let parent = Listing {
            kind: ItemKind::Parent,
            ..listing("P")
        };
        let read = there_and_back(&parent);
        assert_eq!(
            read.shown_fingerprint(),
            parent.shown_fingerprint(),
            "{read:#?}"
        );
    }

    #[test]
    fn other_marketplaces_languages_and_shapes_are_kept_apart() {
        let attributes = json!({
            "item_name": [
                {"value": "Chapeau", "language_tag": "fr_FR", "marketplace_id": "A1PA6795UKMFR9"},
                {"value": "Hut", "language_tag": "de_DE", "marketplace_id": "A1PA6795UKMFR9"},
                {"value": "Hat", "language_tag": "en_GB", "marketplace_id": "A1F83G8C2ARO7P"}],
            "serial": [{"value": "12", "marketplace_id": "A1PA6795UKMFR9"}],
            "purchasable_offer": [{"our_price": []}],
            "variation_theme": [{"name": "COLOR_NAME"}],
        });
        let Value::Object(attributes) = attributes else {
            panic!()
        };
        let read = super::read(&account(), "A", Some("PRODUCT"), attributes);
        assert_eq!(read.title.as_deref(), Some("Hut"));
        assert_eq!(read.category, None);
        assert_eq!(read.attributes["variation_theme"], "COLOR_NAME");
        // As a plain text it would be sent as a number.
        assert!(read.attributes["serial"].starts_with('['));
        assert!(!read.attributes.contains_key("purchasable_offer"));
    }
}
