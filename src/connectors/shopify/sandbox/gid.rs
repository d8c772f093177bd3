//! Global ids: `gid://shopify/Product/123`.

use serde_json::Value;

/// An id of the API, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gid {
    /// The type's name: `Product`.
    pub kind: String,
    pub id: u64,
    /// An inventory level's second half: `?inventory_item_id=456`.
    pub item: Option<u64>,
}

impl Gid {
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("gid://shopify/")?;
        let (kind, rest) = rest.split_once('/')?;
        let (id, parameters) = match rest.split_once('?') {
            Some((id, parameters)) => (id, Some(parameters)),
            None => (rest, None),
        };
        let item = match parameters {
            Some(parameters) => Some(
                parameters
                    .split('&')
                    .find_map(|pair| pair.strip_prefix("inventory_item_id="))?
                    .parse()
                    .ok()?,
            ),
            None => None,
        };
        let is_name = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric());
        Some(Self {
            kind: is_name.then(|| kind.to_owned())?,
            id: id.parse().ok()?,
            item,
        })
    }

    /// The number of an id of this type; `None` for another type's.
    pub fn number(value: Option<&Value>, kind: &str) -> Option<u64> {
        let gid = Self::parse(value?.as_str()?)?;
        (gid.kind == kind).then_some(gid.id)
    }
}

pub fn gid(kind: &str, id: u64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// Whether a text has the form of a global id; not every one ends in a number.
pub fn is_gid(text: &str) -> bool {
    text.strip_prefix("gid://shopify/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(kind, id)| {
            !id.is_empty() && !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric())
        })
}

/// A list of references.
pub fn gids(kind: &str, ids: impl IntoIterator<Item = u64>) -> Value {
    ids.into_iter().map(|id| gid(kind, id)).collect()
}

pub fn level_gid(location: u64, item: u64) -> String {
    format!("gid://shopify/InventoryLevel/{location}?inventory_item_id={item}")
}
