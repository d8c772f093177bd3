//! Facets, Vendure's way to say what a product is: brand, category, tags, attributes, and whose product it is.
//!
//! A product has no sku of its own. That of a parent is kept as a value of a private facet, which shoppers do not see.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, Api, FacetValue, List, Named, Product};
use super::documents;
use super::options::{self, AT_ONCE};
use crate::domain::catalog::ItemKind;
use crate::domain::listing::Listing;
use crate::domain::{Error, Result};
use crate::http::Replay;

/// How many values are looked up by name at once: several facets may have one of the same name each.
const NAMES_AT_ONCE: usize = 100;
/// The private facet that holds the skus of parents.
pub const PARENT_SKU: &str = "skucast parent sku";
pub const BRAND: &str = "Brand";
pub const CATEGORY: &str = "Category";
pub const CONDITION: &str = "Condition";
pub const COUNTRY: &str = "Country of origin";
pub const TAG: &str = "Tag";

/// Names of facet and value.
pub type Label = (String, String);

/// What a product is to be labelled with.
pub fn wanted(listing: &Listing) -> Vec<Label> {
    let mut labels = BTreeSet::new();
    let mut add = |facet: &str, value: &str| {
        let (facet, value) = (facet.trim(), value.trim());
        if !facet.is_empty() && !value.is_empty() {
            labels.insert((facet.to_owned(), value.to_owned()));
        }
    };
    for (facet, value) in [
        (BRAND, &listing.brand),
        (CATEGORY, &listing.category),
        (CONDITION, &listing.condition),
        (COUNTRY, &listing.country_of_origin),
    ] {
        if let Some(value) = value {
            add(facet, value);
        }
    }
    for tag in &listing.tags {
        add(TAG, tag);
    }
    for (name, value) in &listing.attributes {
        add(name, value);
    }
    if listing.kind == ItemKind::Parent {
        add(PARENT_SKU, listing.sku.as_str());
    }
    labels.into_iter().collect()
}

/// The sku that a product with variants stands for: its mark, else its slug, which is the shop's own key of it.
pub fn parent_sku(product: &Product) -> &str {
    product
        .facet_values
        .iter()
        .find(|value| value.facet.name == PARENT_SKU)
        .map_or(&product.slug, |value| &value.name)
}

/// Ids of facet values by label.
pub type Ids = HashMap<Label, String>;

/// A product's labels as ids. What is live of facets that are not stated stays.
pub fn ids_of(wanted: &[Label], ids: &Ids, live: &[FacetValue]) -> Vec<String> {
    let stated: BTreeSet<&str> = wanted.iter().map(|(facet, _)| facet.as_str()).collect();
    let kept = live
        .iter()
        .filter(|value| !stated.contains(value.facet.name.as_str()))
        .map(|value| value.id.clone());
    let own = wanted.iter().filter_map(|label| ids.get(label).cloned());
    own.chain(kept).collect()
}

#[derive(Deserialize)]
struct Facets {
    facets: List<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FacetValues {
    facet_values: List<FacetValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatedFacet {
    create_facet: Named,
}

/// Finds the ids of labels, and makes those that are missing. Nothing of a listing is written by this; an error that is
/// in doubt may have made some, which are found when it is tried again.
pub async fn ensure(api: &Api, labels: &BTreeSet<Label>, language: &str) -> Result<Ids> {
    let mut ids = Ids::new();
    if labels.is_empty() {
        return Ok(ids);
    }
    let names: BTreeSet<&str> = labels.iter().map(|(_, value)| value.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let mut rest = &names[..];
    while !rest.is_empty() {
        let lengths = rest.iter().map(|name| json!(name).to_string().len());
        let (part, later) = rest.split_at(api::fitting(lengths, NAMES_AT_ONCE));
        rest = later;
        let found: FacetValues = api
            .query(
                "facetValues",
                documents::FACET_VALUES,
                json!({"names": part}),
            )
            .await?;
        learn(&mut ids, found.facet_values.whole()?);
    }
    let missing: Vec<&Label> = labels
        .iter()
        .filter(|label| !ids.contains_key(*label))
        .collect();
    if missing.is_empty() {
        return Ok(ids);
    }
    let names: BTreeSet<&str> = missing.iter().map(|(facet, _)| facet.as_str()).collect();
    let found: Facets = api
        .query("facets", documents::FACETS, json!({"names": names}))
        .await?;
    let mut facets: HashMap<String, String> = HashMap::new();
    for facet in found.facets.whole()? {
        facets.entry(facet.name).or_insert(facet.id);
    }
    for name in names {
        if !facets.contains_key(name) {
            let input = json!({
                "code": code(name),
                "isPrivate": name == PARENT_SKU,
                "translations": [{"languageCode": language, "name": name}],
            });
            let created: CreatedFacet = api
                .mutate(
                    "createFacet",
                    Replay::Never,
                    documents::CREATE_FACET,
                    json!({"input": input}),
                )
                .await?;
            facets.insert(name.to_owned(), created.create_facet.id);
        }
    }
    // One list per facet: the server puts all values of a list into the facet of its first.
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (facet, value) in missing {
        lists.entry(facet).or_default().push(json!({
            "facetId": facets.get(facet),
            "code": code(value),
            "translations": [{"languageCode": language, "name": value}],
        }));
    }
    let lists: Vec<Value> = lists.into_values().flat_map(portions).collect();
    let mut rest = &lists[..];
    while !rest.is_empty() {
        let lengths = rest.iter().map(|list| list.to_string().len());
        let (part, later) = rest.split_at(api::fitting(lengths, AT_ONCE));
        rest = later;
        let made: Vec<Vec<FacetValue>> = options::several(
            api,
            "createFacetValues",
            "[CreateFacetValueInput!]",
            "{ id name facet { id name } }",
            &part.iter().collect::<Vec<_>>(),
        )
        .await?;
        learn(&mut ids, made.into_iter().flatten());
    }
    match labels.iter().find(|label| !ids.contains_key(*label)) {
        None => Ok(ids),
        Some((facet, value)) => Err(Error::unexpected("the shop did not make a facet value")
            .with("facet", facet)
            .with("value", value)),
    }
}

/// A facet's new values, in lists of which each fits a request.
fn portions(mut values: Vec<Value>) -> Vec<Value> {
    let mut portions = Vec::new();
    while !values.is_empty() {
        let lengths = values.iter().map(|value| value.to_string().len() + 1);
        let rest = values.split_off(api::fitting(lengths, usize::MAX));
        portions.push(Value::Array(std::mem::replace(&mut values, rest)));
    }
    portions
}

/// The oldest of those that are there twice.
fn learn(ids: &mut Ids, values: impl IntoIterator<Item = FacetValue>) {
    for value in values {
        ids.entry((value.facet.name, value.name))
            .or_insert(value.id);
    }
}

/// A text as the shop's codes and slugs are written: lower case, words joined by `-`.
pub fn code(text: &str) -> String {
    let mut code = String::new();
    for part in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
        if !part.is_empty() {
            if !code.is_empty() {
                code.push('-');
            }
            code.push_str(part);
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(id: &str, facet: &str, name: &str) -> FacetValue {
        FacetValue {
            id: id.to_owned(),
            name: name.to_owned(),
            facet: Named {
                id: "1".to_owned(),
                name: facet.to_owned(),
            },
        }
    }

    fn label(facet: &str, name: &str) -> Label {
        (facet.to_owned(), name.to_owned())
    }

    #[test]
    fn what_the_catalog_does_not_state_stays() {
        let wanted = [label(BRAND, "Acme")];
        let ids = Ids::from([(label(BRAND, "Acme"), "7".to_owned())]);
        let live = [value("3", BRAND, "Old"), value("4", "Season", "Summer")];
        assert_eq!(ids_of(&wanted, &ids, &live), ["7", "4"]);
    }

    #[test]
    fn of_two_values_of_one_name_the_oldest_counts() {
        let mut ids = Ids::new();
        learn(
            &mut ids,
            vec![value("1", TAG, "new"), value("2", TAG, "new")],
        );
        assert_eq!(ids[&label(TAG, "new")], "1");
    }

    #[test]
    fn codes_are_words_joined() {
        assert_eq!(code("Country of  origin"), "country-of-origin");
        assert_eq!(code("T-Shirt (red)"), "t-shirt-red");
        assert_eq!(code("袋"), "袋");
        assert_eq!(code("***"), "");
    }
}
