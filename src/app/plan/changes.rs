//! The changes of one channel's plan: of a first plan there are as many as listings.

use serde::de::{SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::packed::{Packed, copy, pack};
use super::scratch::{Piece, Reading, Scratch};
use super::{Counts, Planned};
use crate::domain::Result;
use crate::domain::change::{Change, Lane};

/// Changes of each lane that can be shown without reading all of them.
const EXAMPLES: usize = 20;
/// Bytes of one block.
const BLOCK: usize = if cfg!(test) { 150 } else { 1 << 20 };

/// Changes in their order. What is put in comes out again; in between it is packed, and when there is much of it, not
/// in memory.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    blocks: Vec<Block>,
    counts: Counts,
    /// The first ones of each lane, in the order of the lanes.
    examples: [Vec<Change>; Lane::ALL.len()],
}

/// Some changes of one lane.
#[derive(Clone, Debug)]
struct Block {
    lane: Lane,
    piece: Piece,
}

impl Changes {
    pub fn len(&self) -> usize {
        self.counts.total() as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The first ones of a lane, and how many more there are.
    pub fn examples(&self, lane: Lane) -> (&[Change], u64) {
        let first = &self.examples[lane as usize];
        (first, self.counts.of_lane(lane) - first.len() as u64)
    }

    pub fn iter(&self) -> impl Iterator<Item = Result<Planned>> {
        self.blocks
            .iter()
            .flat_map(|block| Reading::of(&block.piece))
    }

    pub fn of_lane(&self, lane: Lane) -> impl Iterator<Item = Result<Planned>> {
        self.blocks
            .iter()
            .filter(move |block| block.lane == lane)
            .flat_map(|block| Reading::of(&block.piece))
    }

    /// Feeds everything that is to change, and nothing of where it stands in the catalog.
    pub fn digest(&self, hash: &mut Sha256) -> Result<()> {
        hash.update((self.len() as u64).to_le_bytes());
        self.for_each(|change| {
            let content = change.content();
            hash.update((content.len() as u64).to_le_bytes());
            hash.update(content);
        })
    }

    /// Keeps those for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&Planned) -> bool) -> Result<()> {
        let mut kept = InOrder::default();
        self.for_each(|change| {
            if keep(&change.planned()) {
                kept.push(change);
            }
        })?;
        *self = kept.finish();
        Ok(())
    }

    fn for_each(&self, mut visit: impl FnMut(Packed<'_>)) -> Result<()> {
        for block in &self.blocks {
            let mut reading = Reading::of(&block.piece);
            while let Some(change) = reading.next_packed()? {
                visit(change);
            }
        }
        Ok(())
    }
}

/// Takes changes in their order.
#[derive(Default)]
pub(super) struct InOrder {
    changes: Changes,
    /// The block that is not full yet.
    last: Vec<u8>,
    lane: Option<Lane>,
    scratch: Scratch,
}

impl InOrder {
    pub fn push(&mut self, change: Packed<'_>) {
        let lane = change.lane();
        if self.last.len() >= BLOCK || self.lane != Some(lane) {
            self.end_block();
            self.lane = Some(lane);
        }
        copy(change, &mut self.last);
        self.changes.counts.add(lane, change.action());
        let examples = &mut self.changes.examples[lane as usize];
        if examples.len() < EXAMPLES {
            examples.push(change.planned().change);
        }
    }

    /// A change of which nothing else is known.
    fn push_alone(&mut self, change: Change) {
        let mut packed = Vec::new();
        pack(&Planned::of_no_row(change, None), &mut packed);
        self.push(Packed::of(&packed));
    }

    fn end_block(&mut self) {
        let bytes = std::mem::take(&mut self.last);
        if let Some(lane) = self.lane.filter(|_| !bytes.is_empty()) {
            let piece = self.scratch.put(bytes);
            self.changes.blocks.push(Block { lane, piece });
        }
    }

    pub fn finish(mut self) -> Changes {
        self.end_block();
        self.changes
    }
}

/// Of which nothing else is known.
impl FromIterator<Change> for Changes {
    fn from_iter<T: IntoIterator<Item = Change>>(changes: T) -> Self {
        let mut in_order = InOrder::default();
        changes
            .into_iter()
            .for_each(|change| in_order.push_alone(change));
        in_order.finish()
    }
}

/// As a list of [`Change`]s: where they stand in the catalog is left out.
impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.len()))?;
        for planned in self.iter() {
            rows.serialize_element(&planned.map_err(S::Error::custom)?.change)?;
        }
        rows.end()
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;

        impl<'de> Visitor<'de> for Rows {
            type Value = Changes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of changes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Changes, A::Error> {
                let mut in_order = InOrder::default();
                while let Some(change) = rows.next_element::<Change>()? {
                    in_order.push_alone(change);
                }
                Ok(in_order.finish())
            }
        }

        deserializer.deserialize_seq(Rows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::app::plan::packed::{ACTIONS, KINDS};
    use crate::app::plan::pile::{Pack, Pile};
    use crate::domain::catalog::{ItemKind, Locator};
    use crate::domain::fingerprint::Fingerprint;
    use crate::domain::ids::{ListingRef, Sku};
    use crate::domain::listing::Facets;
    use crate::domain::money::{Money, currency};

    fn money() -> impl Strategy<Value = Option<Money>> {
        let amount = (any::<[u32; 3]>(), any::<bool>(), 0..=28_u32).prop_map(
            |([low, middle, high], is_negative, scale)| {
                Decimal::from_parts(low, middle, high, is_negative, scale)
            },
        );
        let code = prop::sample::select(vec!["EUR", "JPY", "KWD"]);
        let money =
            (amount, code).prop_map(|(amount, code)| Money::new(amount, currency(code).unwrap()));
        prop::option::of(money)
    }

    fn facets() -> impl Strategy<Value = Facets> {
        let quantity = prop::option::of(prop_oneof![0..300_u64, Just(u64::MAX)]);
        let content = prop::option::of(any::<u128>().prop_map(Fingerprint));
        (money(), money(), quantity, content).prop_map(|(price, compare_at, quantity, content)| {
            Facets {
                price,
                compare_at,
                quantity,
                content,
            }
        })
    }

    fn planned() -> impl Strategy<Value = Planned> {
        let text = "[a-cÄ]{0,3}";
        let at = any::<(u64, u64, u32)>().prop_map(|(offset, line, part)| Locator {
            offset,
            line,
            part,
        });
        (
            prop::sample::select(Lane::ALL.to_vec()),
            (text, prop::option::of(text)),
            prop::sample::select(ACTIONS.to_vec()),
            prop::sample::select(KINDS.to_vec()),
            (facets(), facets()),
            prop::option::of("[0-9]{0,200}"),
            prop::option::of(at),
        )
            .prop_map(
                |(lane, (sku, parent), action, kind, (before, after), listing_ref, at)| Planned {
                    change: Change {
                        sku: sku.into(),
                        lane,
                        action,
                        before,
                        after,
                    },
                    at,
                    kind,
                    parent: parent.map(Sku::from),
                    listing_ref: listing_ref.map(ListingRef::from),
                },
            )
    }

    /// Some after the other, as batches of rows bring them.
    fn piled(parts: &[Vec<Planned>]) -> Pile {
        let mut pile = Pile::default();
        for part in parts {
            let mut pack = Pack::default();
            part.iter().for_each(|planned| pack.push(planned));
            pile.append(&pack);
        }
        pile
    }

    fn parts() -> impl Strategy<Value = Vec<Vec<Planned>>> {
        prop::collection::vec(prop::collection::vec(planned(), 0..5), 0..9)
    }

    fn in_order(pile: Pile) -> Changes {
        pile.in_order(|_| {}).unwrap()
    }

    fn sorted(parts: &[Vec<Planned>]) -> Vec<Planned> {
        let mut all = parts.concat();
        all.sort_by(|a, b| {
            let key = |one: &Planned| (one.change.lane, one.parent.clone(), one.change.sku.clone());
            key(a).cmp(&key(b))
        });
        all
    }

    fn told(planned: impl IntoIterator<Item = Planned>) -> Vec<String> {
        planned.into_iter().map(|one| format!("{one:?}")).collect()
    }

    fn all_of(changes: &Changes) -> Vec<String> {
        told(changes.iter().map(|planned| planned.unwrap()))
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out_in_order(parts in parts()) {
            let pile = piled(&parts);
            let all = sorted(&parts);
            prop_assert_eq!(pile.len(), all.len());
            let mut seen = Vec::new();
            let changes = pile.in_order(|change| seen.push(change.sku().to_owned())).unwrap();
            prop_assert_eq!(all_of(&changes), told(all.clone()));
            let skus = all.iter().map(|one| one.change.sku.to_string());
            prop_assert_eq!(seen, skus.collect::<Vec<_>>());
            let mut counts = Counts::default();
            for one in &all {
                counts.add(one.change.lane, one.change.action);
            }
            prop_assert_eq!(changes.counts(), counts);
            for lane in Lane::ALL {
                let of_lane = || all.iter().filter(|one| one.change.lane == lane);
                let found = changes.of_lane(lane).map(|planned| planned.unwrap());
                prop_assert_eq!(told(found), told(of_lane().cloned()));
                let (first, more) = changes.examples(lane);
                prop_assert!(first.iter().eq(of_lane().take(EXAMPLES).map(|one| &one.change)));
                prop_assert_eq!(first.len() as u64 + more, of_lane().count() as u64);
            }
        }

        #[test]
        fn some_are_dropped(parts in parts(), more in parts()) {
            let mut pile = piled(&parts);
            pile.forget(|sku| sku.contains('a')).unwrap();
            let mut left = parts;
            for part in &mut left {
                part.retain(|one| !one.change.sku.as_str().contains('a'));
            }
            prop_assert_eq!(pile.len(), left.concat().len());
            for part in more {
                let mut pack = Pack::default();
                part.iter().for_each(|planned| pack.push(planned));
                pile.append(&pack);
                left.push(part);
            }
            let mut changes = in_order(pile);
            let mut all = sorted(&left);
            prop_assert_eq!(all_of(&changes), told(all.clone()));
            changes.retain(|one| one.kind == ItemKind::Single).unwrap();
            all.retain(|one| one.kind == ItemKind::Single);
            prop_assert_eq!(changes.len(), all.len());
            prop_assert_eq!(all_of(&changes), told(all));
        }

        #[test]
        fn their_digest_tells_what_changes_and_not_where_it_stands(
            all in prop::collection::vec(planned(), 1..5),
            other in planned(),
        ) {
            let digest = |all: &[Planned]| {
                let mut hash = Sha256::new();
                in_order(piled(&[all.to_vec()])).digest(&mut hash).unwrap();
                hash.finalize()
            };
            let mut moved = all.clone();
            moved[0].at = other.at;
            moved[0].listing_ref = other.listing_ref;
            prop_assert_eq!(digest(&all), digest(&moved));
            moved[0].change.after = other.change.after;
            let is_same = format!("{:?}", moved[0].change) == format!("{:?}", all[0].change);
            prop_assert_eq!(digest(&all) == digest(&moved), is_same);
        }

        #[test]
        fn as_json_they_are_plain_changes(parts in parts()) {
            let changes = in_order(piled(&parts));
            let plain: Vec<Change> = sorted(&parts).into_iter().map(|one| one.change).collect();
            let json = serde_json::to_string(&changes).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&plain).unwrap());
            let read: Changes = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&read).unwrap());
        }
    }

    #[test]
    fn what_is_no_change_is_an_error() {
        let change = r#"{"sku":"A","lane":"stock","action":"set","before":{},"after":{}}"#;
        let read = |text: String| serde_json::from_str::<Changes>(&text);
        assert_eq!(read(format!("[{change},{change}]")).unwrap().len(), 2);
        assert!(read(format!("[{change},{{}},{change}]")).is_err());
        assert!(read(format!("[{change},{change}")).is_err());
    }
}
