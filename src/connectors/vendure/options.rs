//! Option groups of products: what tells their variants apart. Each product has groups of its own.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, Api, OptionGroup, Product};
use super::{documents, labels};
use crate::domain::{Error, Result};
use crate::http::Replay;

/// How many mutations go into one document.
pub const AT_ONCE: usize = 25;

/// Axes of one product with the values that its variants choose, in catalog order.
pub type Axes = Vec<(String, Vec<String>)>;

/// The options of some products, by product, axis and value.
#[derive(Debug, Default)]
pub struct Options(HashMap<(String, String, String), String>);

impl Options {
    /// Ids of a variant's choices; `None` when one of them is not there.
    pub fn ids(&self, product: &str, choices: &[(&str, &str)]) -> Option<Vec<String>> {
        choices
            .iter()
            .map(|(axis, value)| {
                let key = (product.to_owned(), (*axis).to_owned(), (*value).to_owned());
                self.0.get(&key).cloned()
            })
            .collect()
    }

    fn learn(&mut self, product: &str, group: &OptionGroup) {
        for option in &group.options {
            let key = (product.to_owned(), group.name.clone(), option.name.clone());
            self.0.entry(key).or_insert_with(|| option.id.clone());
        }
    }
}

/// Finds what the variants of these live products choose, and makes what is missing. Nothing of a variant is written
/// by this; an error that is in doubt may have made some, which are found when it is tried again.
pub async fn ensure(
    api: &Api,
    products: &HashMap<String, Product>,
    wanted: &BTreeMap<String, Axes>,
    language: &str,
) -> Result<Options> {
    let mut options = Options::default();
    let mut new_groups: Vec<(String, Value)> = Vec::new();
    let mut new_options: Vec<(String, String, Value)> = Vec::new();
    let texts = |name: &str| json!([{"languageCode": language, "name": name}]);
    for (id, axes) in wanted {
        let Some(product) = products.get(id) else {
            continue;
        };
        for group in &product.option_groups {
            options.learn(id, group);
        }
        for (axis, values) in axes {
            match product
                .option_groups
                .iter()
                .find(|group| group.name == *axis)
            {
                None => {
                    let members: Vec<_> = values
                        .iter()
                        .map(|value| json!({"code": code(value), "translations": texts(value)}))
                        .collect();
                    let input = json!({
                        "code": format!("{id}-{}", code(axis)),
                        "translations": texts(axis),
                        "options": members,
                    });
                    new_groups.push((id.clone(), input));
                }
                Some(group) => {
                    for value in values {
                        if options.ids(id, &[(axis, value)]).is_none() {
                            let input = json!({
                                "productOptionGroupId": group.id,
                                "code": code(value),
                                "translations": texts(value),
                            });
                            new_options.push((id.clone(), axis.clone(), input));
                        }
                    }
                }
            }
        }
    }
    let mut rest = &new_groups[..];
    while !rest.is_empty() {
        let lengths = rest.iter().map(|(_, input)| input.to_string().len());
        let (part, later) = rest.split_at(api::fitting(lengths, AT_ONCE));
        rest = later;
        let inputs: Vec<&Value> = part.iter().map(|(_, input)| input).collect();
        let answer = "{ id name options { id name } }";
        let groups: Vec<OptionGroup> = several(
            api,
            "createProductOptionGroup",
            "CreateProductOptionGroupInput",
            answer,
            &inputs,
        )
        .await?;
        attach(api, part, &groups).await?;
        for ((product, _), group) in part.iter().zip(&groups) {
            options.learn(product, group);
        }
    }
    let mut rest = &new_options[..];
    while !rest.is_empty() {
        let lengths = rest.iter().map(|(_, _, input)| input.to_string().len());
        let (part, later) = rest.split_at(api::fitting(lengths, AT_ONCE));
        rest = later;
        let inputs: Vec<&Value> = part.iter().map(|(_, _, input)| input).collect();
        let made: Vec<api::Named> = several(
            api,
            "createProductOption",
            "CreateProductOptionInput",
            "{ id name }",
            &inputs,
        )
        .await?;
        for ((product, axis, _), option) in part.iter().zip(made) {
            let key = (product.clone(), axis.clone(), option.name);
            options.0.entry(key).or_insert(option.id);
        }
    }
    Ok(options)
}

/// The shop wants some code even of a text without letters.
fn code(text: &str) -> String {
    match labels::code(text) {
        code if code.is_empty() => text.to_owned(),
        code => code,
    }
}

#[derive(Deserialize)]
struct Ignored {}

async fn attach(api: &Api, part: &[(String, Value)], groups: &[OptionGroup]) -> Result<()> {
    let mut variables = serde_json::Map::new();
    let (mut declared, mut fields) = (Vec::new(), Vec::new());
    for (index, ((product, _), group)) in part.iter().zip(groups).enumerate() {
        let alias = api::alias(index);
        declared.push(format!("$p{index}: ID!, $g{index}: ID!"));
        fields.push(format!(
            "{alias}: addOptionGroupToProduct(productId: $p{index}, optionGroupId: $g{index}) {{ id }}"
        ));
        variables.insert(format!("p{index}"), json!(product));
        variables.insert(format!("g{index}"), json!(group.id));
    }
    let document = format!(
        "mutation Attach({}) {{ {} }}",
        declared.join(", "),
        fields.join(" ")
    );
    api.mutate::<Ignored>(
        "addOptionGroupToProduct",
        Replay::Safe,
        &document,
        Value::Object(variables),
    )
    .await
    .map(drop)
}

/// One mutation per input, in one document; answers in the order of the inputs.
pub async fn several<T: serde::de::DeserializeOwned>(
    api: &Api,
    field: &'static str,
    input_type: &str,
    answer: &str,
    inputs: &[&Value],
) -> Result<Vec<T>> {
    let document = documents::several(field, input_type, answer, inputs.len());
    let variables: serde_json::Map<_, _> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| (format!("i{index}"), (*input).clone()))
        .collect();
    let mut made: HashMap<String, T> = api
        .mutate(field, Replay::Never, &document, Value::Object(variables))
        .await?;
    (0..inputs.len())
        .map(|index| {
            made.remove(&api::alias(index)).ok_or_else(|| {
                Error::unexpected("the shop left a part of its answer out").in_doubt()
            })
        })
        .collect()
}
