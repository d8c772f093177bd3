//! One change as some tens of bytes.

use rust_decimal::Decimal;

use super::Planned;
use crate::domain::catalog::{ItemKind, Locator};
use crate::domain::change::{Action, Change, Lane};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ListingRef, Sku};
use crate::domain::listing::Facets;
use crate::domain::money::{Money, currency};

/// Bytes that say how long the next change is.
const LENGTH: usize = 4;
pub(super) const ACTIONS: [Action; 4] = [Action::Set, Action::Create, Action::Update, Action::End];
pub(super) const KINDS: [ItemKind; 3] = [ItemKind::Single, ItemKind::Parent, ItemKind::Variant];

/// The place of a value in a list that names all of its kind.
fn position<T: PartialEq>(all: &[T], value: &T) -> u8 {
    all.iter().position(|one| one == value).unwrap_or_default() as u8
}

/// What changes are ordered by. Texts stand in the order of their bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order<'a> {
    lane: u8,
    parent: Option<&'a [u8]>,
    sku: &'a [u8],
}

impl Order<'_> {
    /// Bytes that never stand in another order than the whole, and most often tell it.
    pub fn start(&self) -> [u8; 16] {
        let mut start = [0; 16];
        start[0] = self.lane * 2 + u8::from(self.parent.is_some());
        let text = self.parent.unwrap_or(self.sku);
        let length = text.len().min(15);
        start[1..=length].copy_from_slice(&text[..length]);
        start
    }
}

/// Appends a change, and how long it is.
pub(super) fn pack(planned: &Planned, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; LENGTH]);
    Writer(bytes).planned(planned);
    let length = (bytes.len() - start - LENGTH) as u32;
    bytes[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
}

/// Appends a change that is packed.
pub(super) fn copy(packed: Packed<'_>, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(packed.0.len() as u32).to_le_bytes());
    bytes.extend_from_slice(packed.0);
}

/// Bytes of the first change and its length; `None` when not all of it is there.
pub(super) fn first_length(bytes: &[u8]) -> Option<usize> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let length = u32::from_le_bytes(*length) as usize;
    (length <= rest.len()).then_some(LENGTH + length)
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

/// A packed change: that everything is there needs no asking, because nobody else wrote it.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    /// Of as many bytes as [`first_length`] said.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(&bytes[LENGTH..])
    }

    pub fn order(self) -> Order<'a> {
        let mut reader = Reader(self.0);
        Order {
            lane: reader.byte(),
            parent: reader.text_bytes(),
            sku: reader.text_bytes().unwrap_or_default(),
        }
    }

    pub fn sku(self) -> &'a str {
        let mut reader = Reader(self.0);
        reader.byte();
        reader.text_bytes();
        reader.text().unwrap_or_default()
    }

    pub fn lane(self) -> Lane {
        Lane::ALL[usize::from(self.0[0])]
    }

    pub fn action(self) -> Action {
        let mut reader = Reader(self.0);
        reader.byte();
        reader.text_bytes();
        reader.text_bytes();
        ACTIONS[usize::from(reader.byte())]
    }

    /// The bytes of all that is to change.
    pub fn content(self) -> &'a [u8] {
        let mut rest = Reader(self.0);
        rest.byte();
        rest.text_bytes();
        rest.text_bytes();
        rest.bytes(2);
        rest.skip_facets();
        rest.skip_facets();
        &self.0[..self.0.len() - rest.0.len()]
    }

    pub fn planned(self) -> Planned {
        let mut reader = Reader(self.0);
        let (lane, parent, sku) = (
            reader.byte(),
            reader.text(),
            reader.text().unwrap_or_default(),
        );
        let action = ACTIONS[usize::from(reader.byte())];
        let kind = KINDS[usize::from(reader.byte())];
        let change = Change {
            sku: Sku::new(sku),
            lane: Lane::ALL[usize::from(lane)],
            action,
            before: reader.facets(),
            after: reader.facets(),
        };
        Planned {
            change,
            kind,
            parent: parent.map(Sku::new),
            listing_ref: reader.text().map(ListingRef::new),
            at: (reader.byte() == 1).then(|| Locator {
                offset: reader.number() as u64,
                line: reader.number() as u64,
                part: reader.number() as u32,
            }),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
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
