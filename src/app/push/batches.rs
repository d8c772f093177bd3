//! Which rows share a call, and how a call that is refused comes apart.

use std::collections::HashSet;

use crate::app::plan::Planned;
use crate::domain::capability::{Batching, Grouping, Routes, Variants};
use crate::domain::catalog::ItemKind;
use crate::domain::change::{Action, Lane, Route};
use crate::domain::ids::Sku;

/// Parents before their variants, as the channel needs it. A wave is answered before the next one leaves.
pub(super) fn waves(variants: Variants, mut rows: Vec<Planned>) -> Vec<Vec<Planned>> {
    let is_variant = |planned: &Planned| planned.kind == ItemKind::Variant;
    match variants {
        Variants::Flat => vec![rows],
        Variants::ParentFirst => {
            let (variants, others) = rows.into_iter().partition(is_variant);
            vec![others, variants]
        }
        Variants::InOrder => {
            rows.sort_by_key(is_variant);
            vec![rows]
        }
        Variants::Together => {
            rows.sort_by(|a, b| (product(a), is_variant(a)).cmp(&(product(b), is_variant(b))));
            vec![rows]
        }
    }
}

/// Splits a lane's rows over the routes that the channel has. What goes to zero goes the quick way first.
pub(super) fn assign(
    lane: Lane,
    routes: Routes,
    mut rows: Vec<Planned>,
) -> Vec<(Route, Batching, Vec<Planned>)> {
    match (routes.direct, routes.bulk) {
        (Some(direct), None) => vec![(Route::Direct, direct, rows)],
        (None, Some(bulk)) => vec![(Route::Bulk, bulk, rows)],
        (Some(direct), Some(bulk)) if routes.bulk_creates_only => {
            let (new, live) = new_products(rows);
            if new.len() <= routes.direct_up_to {
                let rows = new.into_iter().chain(live).collect();
                return vec![(Route::Direct, direct, rows)];
            }
            // The channel works on what is new while the rest is sent.
            vec![(Route::Bulk, bulk, new), (Route::Direct, direct, live)]
        }
        (Some(direct), Some(bulk)) => {
            if rows.len() <= routes.direct_up_to {
                return vec![(Route::Direct, direct, rows)];
            }
            if lane != Lane::Zero {
                return vec![(Route::Bulk, bulk, rows)];
            }
            let rest = rows.split_off(routes.direct_up_to);
            vec![(Route::Direct, direct, rows), (Route::Bulk, bulk, rest)]
        }
        (None, None) => Vec::new(),
    }
}

/// Rows of products that are created whole, and all others.
fn new_products(rows: Vec<Planned>) -> (Vec<Planned>, Vec<Planned>) {
    let is_head = |planned: &&Planned| planned.kind != ItemKind::Variant;
    let created: HashSet<Sku> = rows
        .iter()
        .filter(is_head)
        .filter(|planned| planned.change.action == Action::Create)
        .map(|planned| product(planned).clone())
        .collect();
    rows.into_iter()
        .partition(|planned| created.contains(product(planned)))
}

/// Rows in their order, cut into batches.
pub(super) fn batches(rows: Vec<Planned>, batching: Batching) -> Vec<Vec<Planned>> {
    let most = batching.size.max(1);
    let mut batches: Vec<Vec<Planned>> = Vec::new();
    // Of the last batch.
    let mut counted = 0;
    for planned in rows {
        let before = batches.last().and_then(|batch| batch.last());
        let goes_on = before.is_some_and(|before| same_product(before, &planned));
        let fits = before.is_some_and(|before| match batching.grouping {
            Grouping::Items => counted < most,
            Grouping::OneParent => counted < most && before.parent == planned.parent,
            Grouping::Products => counted < most || goes_on,
        });
        let counts = batching.grouping != Grouping::Products || !goes_on;
        match batches.last_mut() {
            Some(batch) if fits => {
                counted += usize::from(counts);
                batch.push(planned);
            }
            _ => {
                counted = 1;
                batches.push(vec![planned]);
            }
        }
    }
    batches
}

/// Two parts of a batch that was refused as a whole; `Err` gives back what cannot be taken apart.
pub(super) fn halves(
    mut batch: Vec<Planned>,
    grouping: Grouping,
) -> Result<(Vec<Planned>, Vec<Planned>), Vec<Planned>> {
    let may_cut =
        |at: &usize| grouping != Grouping::Products || !same_product(&batch[at - 1], &batch[*at]);
    let middle = batch.len() / 2;
    let cut = (1..batch.len())
        .filter(may_cut)
        .min_by_key(|at| at.abs_diff(middle));
    match cut {
        Some(at) => {
            let rest = batch.split_off(at);
            Ok((batch, rest))
        }
        None => Err(batch),
    }
}

/// The sku that stands for the whole product: its parent's, or its own.
fn product(planned: &Planned) -> &Sku {
    planned.parent.as_ref().unwrap_or(&planned.change.sku)
}

fn same_product(a: &Planned, b: &Planned) -> bool {
    product(a) == product(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Change;
    use crate::domain::listing::Facets;

    /// `P`, or `P/V` for a variant of P.
    fn rows(names: &[&str]) -> Vec<Planned> {
        let row = |name: &&str| {
            let (parent, sku) = match name.split_once('/') {
                Some((parent, sku)) => (Some(Sku::new(parent)), sku),
                None => (None, *name),
            };
            Planned {
                change: Change {
                    sku: Sku::new(sku),
                    lane: Lane::Listing,
                    action: Action::Create,
                    before: Facets::default(),
                    after: Facets::default(),
                },
                at: None,
                kind: match parent {
                    Some(_) => ItemKind::Variant,
                    None => ItemKind::Single,
                },
                parent,
                listing_ref: None,
            }
        };
        names.iter().map(row).collect()
    }

    fn skus(batches: &[Vec<Planned>]) -> Vec<String> {
        let names = |batch: &Vec<Planned>| {
            let skus: Vec<_> = batch.iter().map(|row| row.change.sku.as_str()).collect();
            skus.join(" ")
        };
        batches.iter().map(names).collect()
    }

    fn cut(names: &[&str], size: usize, grouping: Grouping) -> Vec<String> {
        skus(&batches(
            rows(names),
            Batching::items(size, 1).grouped(grouping),
        ))
    }

    #[test]
    fn a_batch_holds_what_may_share_a_call() {
        let names = ["A", "B", "P", "P/1", "P/2", "P/3", "Q/4", "Z"];
        assert_eq!(cut(&names, 3, Grouping::Items), ["A B P", "1 2 3", "4 Z"]);
        assert_eq!(
            cut(&names, 2, Grouping::OneParent),
            ["A B", "P", "1 2", "3", "4", "Z"]
        );
        assert_eq!(
            cut(&names, 2, Grouping::Products),
            ["A B", "P 1 2 3 4", "Z"]
        );
        assert_eq!(
            cut(&names, 1, Grouping::Products),
            ["A", "B", "P 1 2 3", "4", "Z"]
        );
    }

    #[test]
    fn a_product_travels_with_its_variants_and_before_them() {
        let names = ["A", "P", "Q", "P/1", "Q/2", "P/3"];
        let together = waves(Variants::Together, rows(&names));
        assert_eq!(skus(&together), ["A P 1 3 Q 2"]);
        assert_eq!(
            skus(&waves(Variants::ParentFirst, rows(&names))),
            ["A P Q", "1 2 3"]
        );
        assert_eq!(
            skus(&waves(Variants::InOrder, rows(&names))),
            ["A P Q 1 2 3"]
        );
    }

    #[test]
    fn a_refused_batch_comes_apart_between_products() {
        let apart = |names: &[&str], grouping| {
            halves(rows(names), grouping).map(|(one, other)| skus(&[one, other]))
        };
        assert_eq!(
            apart(&["A", "P/1", "P/2", "P/3"], Grouping::Items).unwrap(),
            ["A 1", "2 3"]
        );
        assert_eq!(
            apart(&["A", "P/1", "P/2", "P/3"], Grouping::Products).unwrap(),
            ["A", "1 2 3"]
        );
        assert!(apart(&["P", "P/1"], Grouping::Products).is_err());
        assert!(apart(&["A"], Grouping::Items).is_err());
    }

    #[test]
    fn bulk_may_take_new_products_alone() {
        let routes = Routes {
            direct: Some(Batching::items(5, 1)),
            bulk: Some(Batching::items(100, 1)),
            direct_up_to: 2,
            bulk_creates_only: true,
        };
        let mut all = rows(&["P", "P/A", "Q/B", "S", "T"]);
        // Q is live and grows by a variant, T changes.
        all[4].change.action = Action::Update;
        let assigned = assign(Lane::Listing, routes, all);
        let seen: Vec<_> = assigned
            .into_iter()
            .map(|(route, _, rows)| (route, skus(&[rows]).join("")))
            .collect();
        assert_eq!(
            seen,
            [
                (Route::Bulk, "P A S".to_owned()),
                (Route::Direct, "B T".to_owned())
            ]
        );
        let few = rows(&["P", "P/A"]);
        assert_eq!(assign(Lane::Listing, routes, few)[0].0, Route::Direct);
    }
}
