//! What `userErrors` mean: for which row, in which of our fields, and whether a repeat may help.

use super::wire::UserError;
use crate::domain::connector::Outcome;
use crate::domain::issue::Issue;
use crate::domain::{Error, ErrorKind};
use std::time::Duration;

impl UserError {
    fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    fn path(&self) -> &[String] {
        self.field.as_deref().unwrap_or_default()
    }

    /// The index in the list of this name: `input.variants.3.price` is 3 of `variants`.
    pub fn index_in(&self, list: &str) -> Option<usize> {
        let path = self.path();
        let at = path.iter().position(|part| part == list)?;
        path.get(at + 1)?.parse().ok()
    }

    /// Shopify asks to try again.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.code(),
            "GENERIC_ERROR"
                | "JOB_ERROR"
                | "INTERNAL_ERROR"
                | "STALE_OBJECT"
                | "IDEMPOTENCY_CONCURRENT_REQUEST"
                | "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"
                | "LIMIT_REACHED"
                | "OPERATION_IN_PROGRESS"
                | "INTERNAL_FILE_SERVER_ERROR"
        )
    }

    /// What the change is about is no longer there.
    pub fn is_gone(&self) -> bool {
        matches!(
            self.code(),
            "PRODUCT_DOES_NOT_EXIST"
                | "PRODUCT_VARIANT_DOES_NOT_EXIST"
                | "INVALID_INVENTORY_ITEM"
                | "MUST_BE_FOR_THIS_PRODUCT"
                | "NOT_FOUND"
        )
    }

    /// What became of the row that this is about.
    pub fn outcome(&self) -> Outcome {
        if self.is_temporary() {
            return Outcome::Failed(self.error(ErrorKind::Unavailable).retry_after(None));
        }
        if self.is_gone() {
            return Outcome::Failed(self.error(ErrorKind::NotFound));
        }
        if self.code() == "CHANGE_FROM_QUANTITY_STALE" {
            return Outcome::Failed(self.error(ErrorKind::Conflict));
        }
        Outcome::Rejected(vec![self.issue()])
    }

    pub fn error(&self, kind: ErrorKind) -> Error {
        let error = Error::new(kind, self.text());
        match self.code() {
            "" => error,
            code => error.with("code", code),
        }
    }

    pub fn issue(&self) -> Issue {
        let code = match self.code() {
            "" => "refused",
            code => code,
        };
        let mut issue = Issue::error(format!("shopify:{code}"), self.text());
        if let Some(field) = self.our_field() {
            issue = issue.field(field);
        }
        match hint(self.code()) {
            Some(hint) => issue.hint(hint),
            None => issue,
        }
    }

    fn text(&self) -> String {
        match self.message.trim() {
            "" => "the shop refused this without a reason".to_owned(),
            message => message.to_owned(),
        }
    }

    /// Our name of the innermost field that has one.
    fn our_field(&self) -> Option<&'static str> {
        self.path().iter().rev().find_map(|part| {
            Some(match part.as_str() {
                "title" => "title",
                "descriptionHtml" => "description",
                "vendor" => "brand",
                "barcode" => "gtin",
                "category" | "productType" => "category",
                "files" | "file" | "originalSource" => "images",
                "measurement" | "weight" => "weight",
                "countryCodeOfOrigin" => "country_of_origin",
                "harmonizedSystemCode" => "attr:hs_code",
                "tags" => "tags",
                "price" => "price",
                "compareAtPrice" => "compare_at_price",
                "inventoryQuantities" | "quantity" => "quantity",
                "optionValues" | "productOptions" => "options",
                "sku" | "customId" => "sku",
                "handle" => "attr:handle",
                "templateSuffix" => "attr:template_suffix",
                "seo" => "attr:seo_title",
                _ => return None,
            })
        })
    }
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "HANDLE_NOT_UNIQUE" => {
            "another product of the shop has this handle: state another one, or none"
        }
        "VARIANT_ALREADY_EXISTS" | "DUPLICATED_OPTION_VALUE" | "DUPLICATED_VALUE" => {
            "two variants of one product need different options"
        }
        "VARIANTS_OVER_LIMIT" => "a product has 2048 variants at most: split it",
        "OPTIONS_OVER_LIMIT" => "a product has three options at most: put two of them into one",
        "PRODUCT_SUSPENDED" => "Shopify has suspended this product; its page in the admin says why",
        "ITEM_NOT_STOCKED_AT_LOCATION" => "stock the product at this location in the admin",
        "NON_MUTABLE_INVENTORY_ITEM" => {
            "another app or a bundle keeps this stock: leave this sku out with `exclude`"
        }
        "INVALID_QUANTITY_TOO_HIGH" => "set `max` in this channel's [stock]",
        _ => return None,
    })
}

/// Not applied only because something beside it was refused: goes again at once, without that.
pub fn beside() -> Outcome {
    Outcome::Failed(
        Error::new(
            ErrorKind::Rejected,
            "another row of the same call was refused, so that none of it was done",
        )
        .retry_after(Some(Duration::ZERO)),
    )
}

/// An error that befell a call, for one of its items.
pub fn of_call(error: &Error) -> Outcome {
    if error.in_doubt {
        Outcome::Unknown(error.again())
    } else {
        Outcome::Failed(error.again())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(field: &[&str], code: &str) -> UserError {
        UserError {
            field: Some(field.iter().map(|part| part.to_string()).collect()),
            message: "No.".to_owned(),
            code: Some(code.to_owned()),
        }
    }

    #[test]
    fn an_error_names_the_row_and_our_field() {
        let error = error(&["input", "variants", "3", "barcode"], "INVALID_VARIANT");
        assert_eq!(error.index_in("variants"), Some(3));
        assert_eq!(error.index_in("files"), None);
        let issue = error.issue();
        assert_eq!(issue.field.as_deref(), Some("gtin"));
        assert_eq!(issue.code, "shopify:INVALID_VARIANT");
    }

    #[test]
    fn codes_decide_what_becomes_of_a_row() {
        let outcome = |code: &str| error(&["x"], code).outcome();
        assert!(matches!(outcome("GENERIC_ERROR"), Outcome::Failed(error) if error.is_temporary()));
        assert!(
            matches!(outcome("PRODUCT_DOES_NOT_EXIST"), Outcome::Failed(error) if error.kind == ErrorKind::NotFound)
        );
        assert!(
            matches!(outcome("CHANGE_FROM_QUANTITY_STALE"), Outcome::Failed(error) if error.kind == ErrorKind::Conflict)
        );
        assert!(
            matches!(outcome("HANDLE_NOT_UNIQUE"), Outcome::Rejected(issues) if issues[0].hint.is_some())
        );
        assert!(matches!(beside(), Outcome::Failed(error) if error.is_temporary()));
    }
}
