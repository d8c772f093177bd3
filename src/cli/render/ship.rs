//! What became of a list of parcels.

use serde::Serialize;

use super::issues;
use super::text::{Paint, counted};
use crate::app::ship::Shipped;
use crate::cli::documents::VERSION;

#[derive(Debug, Serialize)]
pub struct ShipDocument<'a> {
    pub version: u32,
    #[serde(flatten)]
    pub shipped: &'a Shipped,
}

pub fn document(shipped: &Shipped) -> ShipDocument<'_> {
    ShipDocument {
        version: VERSION,
        shipped,
    }
}

/// For the terminal.
pub fn text(shipped: &Shipped, paint: Paint) -> String {
    let mut out = issues::list(&shipped.issues, paint);
    if !out.is_empty() {
        out.push('\n');
    }
    let mut parts = vec![format!(
        "{} confirmed",
        counted(shipped.confirmed, "parcel", "parcels")
    )];
    if shipped.known > 0 {
        parts.push(format!("{} known before", shipped.known));
    }
    if shipped.failed > 0 {
        parts.push(format!("{} not confirmed", shipped.failed));
    }
    out.push_str(&format!("{}.\n", parts.join(", ")));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::issue::Issue;

    #[test]
    fn parcels_are_counted_by_what_became_of_them() {
        let shipped = Shipped {
            confirmed: 1,
            known: 2,
            failed: 1,
            issues: vec![Issue::error(
                "order_unknown",
                "order 9 is not in the ledger",
            )],
        };
        insta::assert_snapshot!(text(&shipped, Paint::PLAIN), @"
        error: order 9 is not in the ledger [order_unknown]

        1 parcel confirmed, 2 known before, 1 not confirmed.
        ");
        let value = serde_json::to_value(document(&shipped)).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["known"], 2);
    }
}
