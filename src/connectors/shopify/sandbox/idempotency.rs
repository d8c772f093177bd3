//! Answers to requests with a key: the same key and the same arguments get the same answer, and nothing is done
//! twice. Documented at <https://shopify.dev/docs/api/usage/idempotent-requests>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::objects::Arguments;
use super::user_error::{UserError, documents};

/// By mutation and key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(BTreeMap<String, Answer>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    arguments: Arguments,
    payload: Value,
}

impl Answers {
    /// The answer that was given before, or the refusal of a key that came with other arguments.
    pub fn find(&self, mutation: &str, key: &str, arguments: &Arguments) -> Option<Value> {
        let answer = self.0.get(&name(mutation, key))?;
        if &answer.arguments == arguments {
            return Some(answer.payload.clone());
        }
        let error = UserError::new(
            "",
            "The same idempotency key cannot be used with different operation parameters.",
            "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
        );
        let mut payload = json!({"userErrors": documents(&[error])});
        for empty in empty_fields(mutation) {
            payload[*empty] = Value::Null;
        }
        Some(payload)
    }

    pub fn keep(&mut self, mutation: &str, key: &str, arguments: &Arguments, payload: &Value) {
        let answer = Answer {
            arguments: arguments.clone(),
            payload: payload.clone(),
        };
        self.0.insert(name(mutation, key), answer);
    }
}

fn name(mutation: &str, key: &str) -> String {
    format!("{mutation} {key}")
}

fn empty_fields(mutation: &str) -> &'static [&'static str] {
    match mutation {
        "inventorySetQuantities" => &["inventoryAdjustmentGroup"],
        "inventoryActivate" => &["inventoryLevel"],
        "refundCreate" => &["order", "refund"],
        _ => &[],
    }
}
