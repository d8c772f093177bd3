//! Where a listing lives in the shop, as its reference says it.

use crate::domain::ids::ListingRef;
use crate::domain::issue::Issue;

/// The parts of a [`ListingRef`]: `5` is a product with variants, `5/7` the variant 7 of it, and `5=7` a product that
/// is sold as its only variant 7. Ids are the server's own texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Parent { product: String },
    Variant { product: String, variant: String },
    Single { product: String, variant: String },
}

impl Place {
    pub fn parse(listing_ref: &ListingRef) -> Result<Self, Box<Issue>> {
        let text = listing_ref.as_str();
        let owned = |(product, variant): (&str, &str)| (product.to_owned(), variant.to_owned());
        let place = if let Some(parts) = text.split_once('/') {
            let (product, variant) = owned(parts);
            Self::Variant { product, variant }
        } else if let Some(parts) = text.split_once('=') {
            let (product, variant) = owned(parts);
            Self::Single { product, variant }
        } else {
            Self::Parent {
                product: text.to_owned(),
            }
        };
        if place.product().is_empty() || place.variant().is_some_and(str::is_empty) {
            return Err(Issue::error(
                "listing_ref_unreadable",
                format!("`{listing_ref}` is no listing of a Vendure shop"),
            )
            .hint("run with `--refresh` to read what is live")
            .into());
        }
        Ok(place)
    }

    pub fn product(&self) -> &str {
        match self {
            Self::Parent { product }
            | Self::Variant { product, .. }
            | Self::Single { product, .. } => product,
        }
    }

    /// What has a price and stock.
    pub fn variant(&self) -> Option<&str> {
        match self {
            Self::Parent { .. } => None,
            Self::Variant { variant, .. } | Self::Single { variant, .. } => Some(variant),
        }
    }

    pub fn listing_ref(&self) -> ListingRef {
        ListingRef::new(match self {
            Self::Parent { product } => product.clone(),
            Self::Variant { product, variant } => format!("{product}/{variant}"),
            Self::Single { product, variant } => format!("{product}={variant}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_go_there_and_back() {
        for text in ["5", "5/7", "5=7", "0b1c-2d/9e-f0"] {
            let reference = ListingRef::new(text);
            assert_eq!(Place::parse(&reference).unwrap().listing_ref(), reference);
        }
        for text in ["", "/7", "5/", "="] {
            assert!(Place::parse(&ListingRef::new(text)).is_err(), "{text}");
        }
    }
}
