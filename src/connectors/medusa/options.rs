//! Values of a product's options: a variant can only choose what its product knows.

use serde_json::{Map, Value, json};

use super::api::{Api, Product};
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

/// Adds to a product's options what its variants choose and it does not know yet.
pub async fn extend<'a>(
    api: &Api,
    product: &Product,
    chosen: impl Iterator<Item = &'a Value>,
) -> Result<()> {
    let missing = missing(product, chosen)?;
    if missing.is_empty() {
        return Ok(());
    }
    let updates: Vec<Value> = missing
        .iter()
        .map(|(option, values)| {
            let values: Vec<_> = values
                .iter()
                .map(|value| json!({ "value": value }))
                .collect();
            json!({ "product_option_id": option, "add": values })
        })
        .collect();
    let path = format!("products/{}/options/batch", product.id);
    // A value that is there already is not added again.
    api.post(
        "batchOptions",
        Replay::Safe,
        &path,
        &[("fields", "id")],
        &json!({ "update": updates }),
    )
    .await
    .map(drop)
}

/// New values by the option's id.
fn missing<'a>(
    product: &Product,
    chosen: impl Iterator<Item = &'a Value>,
) -> Result<Vec<(String, Vec<String>)>> {
    let mut missing: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in chosen.filter_map(Value::as_object).flat_map(Map::iter) {
        let Some(option) = product.options.iter().find(|option| option.title == *name) else {
            return Err(Error::new(
                ErrorKind::Rejected,
                format!("the product has no option `{name}`"),
            )
            .hint(
                "products keep the options that they were made with: add it in the shop, with a value for each variant",
            ));
        };
        let value = value.as_str().unwrap_or_default();
        if option.values.iter().any(|known| known.value == value) {
            continue;
        }
        let values = match missing.iter_mut().position(|(id, _)| *id == option.id) {
            Some(known) => &mut missing[known].1,
            None => {
                missing.push((option.id.clone(), Vec::new()));
                let last = missing.len() - 1;
                &mut missing[last].1
            }
        };
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_added() {
        let product: Product = serde_json::from_value(json!({
            "options": [{"id": "opt_1", "title": "Size", "values": [{"value": "S"}, {"value": "M"}]}],
        }))
        .unwrap();
        let chosen = [
            json!({"Size": "M"}),
            json!({"Size": "XL"}),
            json!({"Size": "XL"}),
        ];
        assert_eq!(
            missing(&product, chosen.iter()).unwrap(),
            [("opt_1".to_owned(), vec!["XL".to_owned()])]
        );
        let other = [json!({"Color": "red"})];
        let error = missing(&product, other.iter()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Rejected);
    }
}
