//! Where a listing lives in the shop.

use crate::domain::ids::ListingRef;
use crate::domain::issue::Issue;

/// `prod_1` is a product that groups variants, `prod_1/variant_2` what is sold: one of them, or all of a product
/// that stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub product: String,
    pub variant: Option<String>,
}

impl Place {
    pub fn parse(listing_ref: &ListingRef) -> Option<Self> {
        let (product, variant) = match listing_ref.as_str().split_once('/') {
            Some((product, variant)) => (product, Some(variant)),
            None => (listing_ref.as_str(), None),
        };
        // Both end up in addresses.
        let is_id = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        (is_id(product) && variant.is_none_or(is_id)).then(|| Self {
            product: product.to_owned(),
            variant: variant.map(str::to_owned),
        })
    }

    pub fn product(product: &str) -> Self {
        Self {
            product: product.to_owned(),
            variant: None,
        }
    }

    pub fn variant(product: &str, variant: &str) -> Self {
        Self {
            product: product.to_owned(),
            variant: Some(variant.to_owned()),
        }
    }

    pub fn listing_ref(&self) -> ListingRef {
        ListingRef::new(match &self.variant {
            Some(variant) => format!("{}/{variant}", self.product),
            None => self.product.clone(),
        })
    }
}

/// For a listing that is none of this shop's.
pub fn foreign(listing_ref: &ListingRef) -> Issue {
    Issue::error(
        "listing_ref_unreadable",
        format!("`{listing_ref}` is no listing of a Medusa shop"),
    )
    .hint("run with `--refresh` to read what is live")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_go_there_and_back_and_hold_only_ids() {
        for text in ["prod_01ABC", "prod_01ABC/variant_9"] {
            let place = Place::parse(&text.into()).unwrap();
            assert_eq!(place.listing_ref().as_str(), text);
        }
        for text in ["", "/variant_1", "prod_1/", "prod_1/../x", "22/31/5"] {
            assert_eq!(Place::parse(&text.into()), None, "{text}");
        }
    }
}
