//! The changes of one channel's plan, in some tens of bytes each: of a first plan there are as many as listings.

use rust_decimal::Decimal;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{Counts, Planned};
use crate::domain::catalog::{ItemKind, Locator};
use crate::domain::change::{Action, Change, Lane};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ListingRef, Sku};
use crate::domain::listing::Facets;
use crate::domain::money::{Money, currency};

/// Bytes of one block. Blocks are not moved when there are more of them.
const BLOCK: usize = 1 << 20;

/// Changes in their order. What is put in comes out again; in between it is packed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    blocks: Vec<Vec<u8>>,
    places: Vec<Place>,
}

/// Where a change begins: block, and byte in it.
type Place = (u32, u32);

/// What changes are ordered by. Texts stand in the order of their bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Order<'a> {
    lane: u8,
    parent: Option<&'a [u8]>,
    sku: &'a [u8],
}

impl Order<'_> {
    /// Bytes that never stand in another order than the whole, and most often tell it.
    fn start(&self) -> [u8; 16] {
        let mut start = [0; 16];
        start[0] = self.lane * 2 + u8::from(self.parent.is_some());
        let text = self.parent.unwrap_or(self.sku);
        let length = text.len().min(15);
        start[1..=length].copy_from_slice(&text[..length]);
        start
    }
}

impl Changes {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn push(&mut self, planned: &Planned) {
        let number = self.block_for(1);
        let block = &mut self.blocks[number];
        self.places.push((number as u32, block.len() as u32));
        Writer(block).planned(planned);
    }

    /// Puts all of the others behind these.
    pub fn append(&mut self, others: &Self) {
        let mut starts = Vec::new();
        for other in &others.blocks {
            let number = self.block_for(other.len());
            let block = &mut self.blocks[number];
            starts.push((number as u32, block.len() as u32));
            block.extend_from_slice(other);
        }
        self.places.extend(others.places.iter().map(|(block, at)| {
            let (number, start) = starts[*block as usize];
            (number, start + at)
        }));
    }

    /// The last block, or a new one when that has no room for so many bytes more.
    fn block_for(&mut self, length: usize) -> usize {
        let is_full = |block: &Vec<u8>| !block.is_empty() && block.len() + length > BLOCK;
        if self.blocks.last().is_none_or(is_full) {
            self.blocks.push(Vec::new());
        }
        self.blocks.len() - 1
    }

    pub fn iter(&self) -> impl Iterator<Item = Planned> {
        self.readers().map(Reader::planned)
    }

    /// The skus alone.
    pub fn skus(&self) -> impl Iterator<Item = &str> {
        self.readers().map(Reader::sku)
    }

    /// Those of some lanes.
    pub fn of_lanes(&self, lanes: &[Lane]) -> impl Iterator<Item = Planned> {
        self.readers_of(lanes).map(Reader::planned)
    }

    /// The first ones of a lane, and how many more there are.
    pub fn some_of(&self, lane: Lane, most: usize) -> (Vec<Change>, usize) {
        let lanes = [lane];
        let mut of_lane = self.readers_of(&lanes);
        let first = of_lane.by_ref().take(most);
        let first = first.map(|reader| reader.planned().change).collect();
        (first, of_lane.count())
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for reader in self.readers() {
            let (lane, action) = reader.kind();
            counts.add(lane, action);
        }
        counts
    }

    /// Feeds everything that is to change, and nothing of where it stands in the catalog.
    pub fn digest(&self, hash: &mut Sha256) {
        hash.update((self.len() as u64).to_le_bytes());
        for reader in self.readers() {
            let content = reader.content();
            hash.update((content.len() as u64).to_le_bytes());
            hash.update(content);
        }
    }

    /// Keeps those for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&Planned) -> bool) {
        let blocks = &self.blocks;
        self.places
            .retain(|place| keep(&Reader::at(blocks, *place).planned()));
    }

    /// Drops the changes of some skus.
    pub fn forget(&mut self, is_gone: impl Fn(&str) -> bool) {
        let blocks = &self.blocks;
        self.places
            .retain(|place| !is_gone(Reader::at(blocks, *place).sku()));
    }

    /// In the order in which they leave; families stay together.
    pub fn sort(&mut self) {
        let blocks = &self.blocks;
        let order = |place: &Place| Reader::at(blocks, *place).order();
        if self.places.is_sorted_by_key(order) {
            return;
        }
        let mut keyed: Vec<([u8; 16], Place)> = self
            .places
            .iter()
            .map(|place| (order(place).start(), *place))
            .collect();
        // Places grow with every change, so that of two in one order the first stays the first.
        keyed.sort_unstable_by(|(start, one), (other_start, other)| {
            let by_start = u128::from_be_bytes(*start).cmp(&u128::from_be_bytes(*other_start));
            by_start
                .then_with(|| order(one).cmp(&order(other)))
                .then_with(|| one.cmp(other))
        });
        self.places.clear();
        self.places
            .extend(keyed.into_iter().map(|(_, place)| place));
    }

    fn readers_of(&self, lanes: &[Lane]) -> impl Iterator<Item = Reader<'_>> {
        self.readers()
            .filter(move |reader| lanes.contains(&reader.lane()))
    }

    fn readers(&self) -> impl Iterator<Item = Reader<'_>> {
        self.places
            .iter()
            .map(|place| Reader::at(&self.blocks, *place))
    }
}

/// Of which nothing else is known.
impl FromIterator<Change> for Changes {
    fn from_iter<T: IntoIterator<Item = Change>>(changes: T) -> Self {
        let mut packed = Self::default();
        for change in changes {
            packed.push(&Planned::of_no_row(change, None));
        }
        packed
    }
}

/// As a list of [`Change`]s: where they stand in the catalog is left out.
impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|planned| planned.change))
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
                let mut changes = Changes::default();
                while let Some(change) = rows.next_element::<Change>()? {
                    changes.push(&Planned::of_no_row(change, None));
                }
                Ok(changes)
            }
        }

        deserializer.deserialize_seq(Rows)
    }
}

const ACTIONS: [Action; 4] = [Action::Set, Action::Create, Action::Update, Action::End];
const KINDS: [ItemKind; 3] = [ItemKind::Single, ItemKind::Parent, ItemKind::Variant];

/// The place of a value in a list that names all of its kind.
fn position<T: PartialEq>(all: &[T], value: &T) -> u8 {
    all.iter().position(|one| one == value).unwrap_or_default() as u8
}

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    /// What they are ordered by comes first.
    fn planned(&mut self, planned: &Planned) {
        let change = &planned.change;
        self.0.push(position(&Lane::ALL, &change.lane));
        self.text(planned.parent.as_ref().map(Sku::as_str));
        self.text(Some(change.sku.as_str()));
        self.0.push(position(&ACTIONS, &change.action));
        self.0.push(position(&KINDS, &planned.kind));
        self.facets(&change.before);
        self.facets(&change.after);
        self.text(planned.listing_ref.as_ref().map(ListingRef::as_str));
        match planned.at {
            None => self.0.push(0),
            Some(at) => {
                self.0.push(1);
                self.number(at.offset.into());
                self.number(at.line.into());
                self.number(at.part.into());
            }
        }
    }

    fn facets(&mut self, facets: &Facets) {
        self.money(facets.price);
        self.money(facets.compare_at);
        self.number(
            facets
                .quantity
                .map_or(0, |quantity| u128::from(quantity) + 1),
        );
        match facets.content {
            None => self.0.push(0),
            Some(Fingerprint(print)) => {
                self.0.push(1);
                self.0.extend_from_slice(&print.to_le_bytes());
            }
        }
    }

    fn money(&mut self, money: Option<Money>) {
        self.text(money.map(|money| money.currency.code()));
        if let Some(Money { amount, .. }) = money {
            // The highest bit is the sign's, which a zero has as well.
            let sign = u8::from(amount.is_sign_negative()) << 7;
            self.0.push(amount.scale() as u8 | sign);
            self.number(amount.mantissa().unsigned_abs());
        }
    }

    fn text(&mut self, text: Option<&str>) {
        self.number(text.map_or(0, |text| text.len() as u128 + 1));
        self.0
            .extend_from_slice(text.unwrap_or_default().as_bytes());
    }

    /// Seven bits to a byte, the lowest first; the highest bit says that more follow.
    fn number(&mut self, mut number: u128) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// Reads what [`Writer`] wrote into memory of our own: that everything is there needs no asking.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn at(blocks: &'a [Vec<u8>], (block, at): Place) -> Self {
        Self(&blocks[block as usize][at as usize..])
    }

    fn order(mut self) -> Order<'a> {
        Order {
            lane: self.byte(),
            parent: self.text_bytes(),
            sku: self.text_bytes().unwrap_or_default(),
        }
    }

    fn sku(mut self) -> &'a str {
        self.byte();
        self.text_bytes();
        self.text().unwrap_or_default()
    }

    fn lane(self) -> Lane {
        Lane::ALL[usize::from(self.0[0])]
    }

    /// Lane and action.
    fn kind(mut self) -> (Lane, Action) {
        let lane = self.lane();
        self.byte();
        self.text_bytes();
        self.text_bytes();
        (lane, ACTIONS[usize::from(self.byte())])
    }

    /// The bytes of all that is to change.
    fn content(self) -> &'a [u8] {
        let mut rest = self;
        rest.byte();
        rest.text_bytes();
        rest.text_bytes();
        rest.bytes(2);
        rest.skip_facets();
        rest.skip_facets();
        &self.0[..self.0.len() - rest.0.len()]
    }

    fn planned(mut self) -> Planned {
        let (lane, parent, sku) = (self.byte(), self.text(), self.text().unwrap_or_default());
        let action = ACTIONS[usize::from(self.byte())];
        let kind = KINDS[usize::from(self.byte())];
        let change = Change {
            sku: Sku::new(sku),
            lane: Lane::ALL[usize::from(lane)],
            action,
            before: self.facets(),
            after: self.facets(),
        };
        Planned {
            change,
            kind,
            parent: parent.map(Sku::new),
            listing_ref: self.text().map(ListingRef::new),
            at: (self.byte() == 1).then(|| Locator {
                offset: self.number() as u64,
                line: self.number() as u64,
                part: self.number() as u32,
            }),
        }
    }

    fn facets(&mut self) -> Facets {
        Facets {
            price: self.money(),
            compare_at: self.money(),
            quantity: self.number().checked_sub(1).map(|number| number as u64),
            content: (self.byte() == 1).then(|| {
                let mut print = [0; 16];
                print.copy_from_slice(self.bytes(16));
                Fingerprint(u128::from_le_bytes(print))
            }),
        }
    }

    fn money(&mut self) -> Option<Money> {
        let currency = currency(self.text()?)?;
        let scale = self.byte();
        let mut amount =
            Decimal::from_i128_with_scale(self.number() as i128, u32::from(scale & 0x7f));
        amount.set_sign_negative(scale & 0x80 != 0);
        Some(Money::new(amount, currency))
    }

    fn skip_facets(&mut self) {
        for _ in ["price", "compare_at"] {
            if self.text_bytes().is_some() {
                self.byte();
                self.skip_number();
            }
        }
        self.skip_number();
        if self.byte() == 1 {
            self.bytes(16);
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        // Only whole texts are written.
        std::str::from_utf8(self.text_bytes()?).ok()
    }

    fn text_bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number().checked_sub(1)?;
        Some(self.bytes(length as usize))
    }

    fn skip_number(&mut self) {
        while self.byte() >= 0x80 {}
    }

    fn number(&mut self) -> u128 {
        let first = self.byte();
        if first < 0x80 {
            return first.into();
        }
        let mut number = u128::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte();
            number |= u128::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }

    fn byte(&mut self) -> u8 {
        self.bytes(1)[0]
    }

    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    fn packed(all: &[Planned]) -> Changes {
        let mut changes = Changes::default();
        all.iter().for_each(|planned| changes.push(planned));
        changes
    }

    fn told(planned: impl IntoIterator<Item = Planned>) -> Vec<String> {
        planned.into_iter().map(|one| format!("{one:?}")).collect()
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(all in prop::collection::vec(planned(), 0..20)) {
            let changes = packed(&all);
            prop_assert_eq!(changes.len(), all.len());
            prop_assert_eq!(told(changes.iter()), told(all.clone()));
            let skus: Vec<&str> = all.iter().map(|one| one.change.sku.as_str()).collect();
            prop_assert_eq!(changes.skus().collect::<Vec<_>>(), skus);
        }

        #[test]
        fn what_is_appended_comes_behind(
            parts in prop::collection::vec(prop::collection::vec(planned(), 0..5), 0..5),
        ) {
            let mut changes = Changes::default();
            parts.iter().for_each(|part| changes.append(&packed(part)));
            prop_assert_eq!(told(changes.iter()), told(parts.concat()));
        }

        #[test]
        fn they_are_ordered_and_dropped_as_if_they_were_not_packed(
            mut all in prop::collection::vec(planned(), 0..20),
        ) {
            let mut changes = packed(&all);
            changes.sort();
            all.sort_by(|a, b| {
                let key = |one: &Planned| {
                    (one.change.lane, one.parent.clone(), one.change.sku.clone())
                };
                key(a).cmp(&key(b))
            });
            prop_assert_eq!(told(changes.iter()), told(all.clone()));
            let mut counts = Counts::default();
            for one in &all {
                counts.add(one.change.lane, one.change.action);
            }
            prop_assert_eq!(changes.counts(), counts);
            let (some, more) = changes.some_of(Lane::Price, 2);
            let prices = all.iter().filter(|one| one.change.lane == Lane::Price);
            prop_assert_eq!(some.len() + more, prices.clone().count());
            prop_assert!(some.iter().eq(prices.take(2).map(|one| &one.change)));
            changes.forget(|sku| sku.contains('a'));
            all.retain(|one| !one.change.sku.as_str().contains('a'));
            prop_assert_eq!(told(changes.iter()), told(all.clone()));
            changes.retain(|one| one.kind == ItemKind::Single);
            all.retain(|one| one.kind == ItemKind::Single);
            prop_assert_eq!(told(changes.iter()), told(all));
        }

        #[test]
        fn their_digest_tells_what_changes_and_not_where_it_stands(
            all in prop::collection::vec(planned(), 1..5),
            other in planned(),
        ) {
            let digest = |all: &[Planned]| {
                let mut hash = Sha256::new();
                packed(all).digest(&mut hash);
                hash.finalize()
            };
            let mut moved = all.clone();
            moved[0].at = other.at;
            moved[0].listing_ref = other.listing_ref;
            prop_assert_eq!(digest(&all), digest(&moved));
            moved[0].change = other.change;
            let is_same = format!("{:?}", moved[0].change) == format!("{:?}", all[0].change);
            prop_assert_eq!(digest(&all) == digest(&moved), is_same);
        }

        #[test]
        fn as_json_they_are_plain_changes(all in prop::collection::vec(planned(), 0..9)) {
            let changes = packed(&all);
            let plain: Vec<Change> = all.into_iter().map(|one| one.change).collect();
            let json = serde_json::to_string(&changes).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&plain).unwrap());
            let read: Changes = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&read).unwrap());
        }
    }

    #[test]
    fn there_may_be_more_than_one_block() {
        let long = "x".repeat(BLOCK / 3);
        let all: Vec<Planned> = (0..9)
            .map(|number| {
                let change = Change {
                    sku: Sku::new(format!("{number}{long}")),
                    lane: Lane::Stock,
                    action: Action::Set,
                    before: Facets::default(),
                    after: Facets::default(),
                };
                Planned::of_no_row(change, None)
            })
            .collect();
        let changes = packed(&all);
        assert!(changes.blocks.len() > 1);
        let mut twice = changes.clone();
        twice.append(&changes);
        assert_eq!(told(changes.iter()), told(all.clone()));
        assert_eq!(told(twice.iter()), told([all.clone(), all].concat()));
    }
}
