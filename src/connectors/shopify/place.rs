//! Shopify's global ids, and our reference of a listing made from them.

use crate::domain::ids::ListingRef;

/// `gid://shopify/Product/123`
pub fn gid(kind: &str, id: u64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// The number of a global id; some carry a query behind it.
pub fn number(gid: &str) -> Option<u64> {
    let tail = gid.rsplit_once('/').map_or(gid, |(_, tail)| tail);
    let digits = tail.split('?').next().unwrap_or_default();
    digits.parse().ok()
}

/// Where a listing is: `123` is a product, `123/456/789` its variant 456 with the inventory item 789. What is sold
/// without options is the one variant of its product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub product: u64,
    pub variant: Option<VariantIds>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VariantIds {
    pub variant: u64,
    pub item: u64,
}

impl Place {
    pub fn of_product(product: u64) -> Self {
        Self {
            product,
            variant: None,
        }
    }

    pub fn of_variant(product: u64, variant: u64, item: u64) -> Self {
        Self {
            product,
            variant: Some(VariantIds { variant, item }),
        }
    }

    pub fn parse(listing_ref: &ListingRef) -> Option<Self> {
        let mut parts = listing_ref.as_str().split('/').map(str::parse);
        let place = match (parts.next()?, parts.next(), parts.next()) {
            (Ok(product), None, None) => Self::of_product(product),
            (Ok(product), Some(Ok(variant)), Some(Ok(item))) => {
                Self::of_variant(product, variant, item)
            }
            _ => return None,
        };
        parts.next().is_none().then_some(place)
    }

    pub fn listing_ref(self) -> ListingRef {
        match self.variant {
            None => self.product.to_string().into(),
            Some(ids) => format!("{}/{}/{}", self.product, ids.variant, ids.item).into(),
        }
    }

    /// The id of what the listing is on the channel: the variant, or the product.
    pub fn gid(self) -> String {
        match self.variant {
            None => gid("Product", self.product),
            Some(ids) => gid("ProductVariant", ids.variant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_back() {
        for place in [Place::of_product(7), Place::of_variant(7, 8, 9)] {
            assert_eq!(Place::parse(&place.listing_ref()), Some(place));
        }
        for wrong in ["", "7/8", "7/8/9/10", "a/b/c", "7/8/x"] {
            assert_eq!(Place::parse(&wrong.into()), None, "{wrong}");
        }
    }

    #[test]
    fn the_number_of_a_global_id() {
        assert_eq!(number(&gid("Product", 7)), Some(7));
        assert_eq!(
            number("gid://shopify/InventoryLevel/12?inventory_item_id=3"),
            Some(12)
        );
        assert_eq!(number("gid://shopify/Product/"), None);
    }
}
