//! The parameter `fields`: which parts of a document are answered.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A tree of names. `*items` takes all of a relation, `+name` and `-name` change what is answered by default.
#[derive(Debug, Default)]
pub struct Selection {
    /// Nothing was asked for in particular.
    all: bool,
    without: Vec<String>,
    parts: BTreeMap<String, Selection>,
}

impl Selection {
    pub fn parse(text: Option<&str>) -> Self {
        let names = || {
            text.unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
        };
        let mut selection = Self {
            all: names().all(|name| name.starts_with(['+', '-'])),
            ..Self::default()
        };
        for name in names() {
            match (name.strip_prefix('-'), name.strip_prefix('*')) {
                (Some(without), _) => selection.without.push(without.to_owned()),
                (_, Some(relation)) => selection.add(relation, true),
                _ => selection.add(
                    name.trim_start_matches('+').trim_end_matches(".*"),
                    name.ends_with(".*"),
                ),
            }
        }
        selection
    }

    /// Whether this part is answered.
    pub fn asks(&self, name: &str) -> bool {
        self.all || self.parts.contains_key(name)
    }

    fn add(&mut self, path: &str, all: bool) {
        let mut at = self;
        for part in path.split('.') {
            at = at.parts.entry(part.to_owned()).or_default();
        }
        at.all |= all;
    }

    pub fn of(&self, document: Value) -> Value {
        match document {
            Value::Array(items) => items.into_iter().map(|item| self.of(item)).collect(),
            Value::Object(fields) => Value::Object(self.of_object(fields)),
            other => other,
        }
    }

    fn of_object(&self, fields: Map<String, Value>) -> Map<String, Value> {
        let whole = self.all || self.parts.is_empty();
        fields
            .into_iter()
            .filter(|(name, _)| !self.without.contains(name))
            .filter_map(|(name, value)| match self.parts.get(&name) {
                Some(part) => Some((name, part.of(value))),
                // Unasked, and empty unless what it is made of is asked for.
                None if name == "rules" => match whole || self.parts.contains_key("price_rules") {
                    true => Some((name, value)),
                    false => Some((name, Value::Object(Map::new()))),
                },
                // Keys by which relations are joined come unasked.
                None if whole || matches!(name.as_str(), "id" | "variant_id") => {
                    Some((name, value))
                }
                None => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_asked_for_is_answered() {
        let document = json!({
            "id": "1", "title": "T", "metadata": {"a": 1},
            "variants": [{"id": "2", "sku": "S", "prices": [{"amount": 1, "rules": {}}]}],
        });
        let of = |fields| Selection::parse(fields).of(document.clone());
        assert_eq!(of(None), document);
        assert_eq!(
            of(Some("title,metadata")),
            json!({"id": "1", "title": "T", "metadata": {"a": 1}})
        );
        assert_eq!(
            of(Some("variants.prices.amount")),
            json!({"id": "1", "variants": [{"id": "2", "prices": [{"amount": 1, "rules": {}}]}]})
        );
        let priced =
            json!({"rules": {"region_id": "reg_1"}, "price_rules": [{"attribute": "region_id"}]});
        let rules = |fields| Selection::parse(Some(fields)).of(priced.clone())["rules"].clone();
        assert_eq!(rules("amount"), json!({}));
        assert_eq!(rules("price_rules.attribute"), priced["rules"]);
        assert_eq!(
            of(Some("id,*variants")),
            json!({"id": "1", "variants": [{"id": "2", "sku": "S", "prices": [{"amount": 1, "rules": {}}]}]})
        );
        assert!(
            !Selection::parse(Some("title")).asks("total") && Selection::parse(None).asks("total")
        );
        assert_eq!(
            of(Some("-variants,-metadata")),
            json!({"id": "1", "title": "T"})
        );
    }
}
