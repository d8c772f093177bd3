//! Mistakes of the seller: a payload's `userErrors`. Whatever one of them is about was not done.

use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// Names and indexes that lead to the input's faulty part.
    pub field: Vec<String>,
    pub message: String,
    /// `None` where the payload's errors have none.
    pub code: Option<&'static str>,
}

impl UserError {
    /// `field` is a path with dots: `input.variants.0.price`.
    pub fn new(field: &str, message: impl Into<String>, code: &'static str) -> Self {
        Self {
            field: path(field),
            message: message.into(),
            code: Some(code),
        }
    }

    /// For payloads whose errors have no code.
    pub fn plain(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: path(field),
            message: message.into(),
            code: None,
        }
    }

    fn document(&self) -> Value {
        json!({
            "field": (!self.field.is_empty()).then_some(&self.field),
            "message": self.message,
            "code": self.code,
        })
    }
}

fn path(field: &str) -> Vec<String> {
    field
        .split('.')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

pub fn documents(errors: &[UserError]) -> Value {
    errors.iter().map(UserError::document).collect()
}
