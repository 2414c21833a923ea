//! What orders cost and why. Many orders cost the same for the same reasons, so terms are kept once and
//! rows refer to them by number.

use std::{collections::HashMap, hash::BuildHasher, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        item::index::Index,
        snapshot::{Read, Reader, Writer, bad, hold},
    },
    events::{GiftTaken, OfferApplied, OrderPart, OrderParts, OrderPlaced},
    values::short,
};

/// What the price of an order consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// Empty where the item had no ladder.
    pub parts: OrderParts,
    pub offer: Option<OfferApplied>,
    pub gift: Option<GiftTaken>,
    /// Name of the offer whose gift was used up.
    pub gift_gone: Option<String>,
}

/// Terms that are borrowed, so that looking for known ones copies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Borrowed<'a> {
    parts: &'a [OrderPart],
    offer: Option<&'a OfferApplied>,
    gift: Option<&'a GiftTaken>,
    gift_gone: Option<&'a str>,
}

/// Where the terms of an order are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TermsAt(u16);

/// The terms of all orders of an item.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownTerms {
    /// Different ones, by number.
    known: Vec<Arc<Terms>>,
    numbers: Index,
    /// The number that was found last: orders of one step that meet the same offers follow each other.
    latest: u32,
    /// By row, of the orders whose terms were new when all numbers were in use.
    unnumbered: HashMap<u32, Arc<Terms>>,
}

impl TermsAt {
    /// Units times one price, without an offer or a gift.
    const PLAIN: Self = Self(u16::MAX);
    const UNNUMBERED: Self = Self(u16::MAX - 1);

    pub(super) fn write(self, to: &mut Writer<'_>) {
        to.number(self.0.wrapping_add(1).into());
    }
}

impl Terms {
    fn borrowed(&self) -> Borrowed<'_> {
        let Self { parts, offer, gift, gift_gone } = self;
        Borrowed {
            parts,
            offer: offer.as_ref(),
            gift: gift.as_ref(),
            gift_gone: gift_gone.as_deref(),
        }
    }
}

impl<'a> From<&'a OrderPlaced> for Borrowed<'a> {
    fn from(placed: &'a OrderPlaced) -> Self {
        let OrderPlaced { parts, offer, gift, gift_gone, .. } = placed;
        Self {
            parts,
            offer: offer.as_ref(),
            gift: gift.as_deref(),
            gift_gone: gift_gone.as_deref(),
        }
    }
}

impl Borrowed<'_> {
    fn to_terms(self) -> Terms {
        Terms {
            parts: self.parts.iter().copied().collect(),
            offer: self.offer.cloned(),
            gift: self.gift.cloned(),
            gift_gone: self.gift_gone.map(str::to_owned),
        }
    }

    fn is_plain(&self) -> bool {
        let Self { parts, offer, gift, gift_gone } = self;
        parts.is_empty() && offer.is_none() && gift.is_none() && gift_gone.is_none()
    }
}

impl KnownTerms {
    /// Keeps the terms of a new order.
    pub(super) fn keep(
        &mut self,
        hasher: &impl BuildHasher,
        row: u32,
        placed: &OrderPlaced,
    ) -> TermsAt {
        self.number(hasher, row, placed.into())
    }

    /// Keeps the terms that an order has from now on.
    pub(super) fn keep_anew(
        &mut self,
        hasher: &impl BuildHasher,
        row: u32,
        terms: &Terms,
    ) -> TermsAt {
        self.number(hasher, row, terms.borrowed())
    }

    fn number(&mut self, hasher: &impl BuildHasher, row: u32, terms: Borrowed<'_>) -> TermsAt {
        if terms.is_plain() {
            return TermsAt::PLAIN;
        }
        let Self { known, numbers, latest, unnumbered } = self;
        if known.get(*latest as usize).is_some_and(|known| known.borrowed() == terms)
            && let Ok(at) = u16::try_from(*latest)
        {
            return TermsAt(at);
        }
        let hash = hasher.hash_one(terms);
        let found = numbers.find(hash, |number| known[number as usize].borrowed() == terms);
        let number = found.unwrap_or_else(|| short(known.len()));
        *latest = number;
        match u16::try_from(number) {
            Ok(at) if at < TermsAt::UNNUMBERED.0 => {
                if found.is_none() {
                    known.push(Arc::new(terms.to_terms()));
                    numbers.insert(hash, number, |number| {
                        hasher.hash_one(known[number as usize].borrowed())
                    });
                }
                TermsAt(at)
            }
            _ => {
                unnumbered.insert(row, Arc::new(terms.to_terms()));
                TermsAt::UNNUMBERED
            }
        }
    }

    /// The terms that are there; `None` for units times one price.
    pub(super) fn at(&self, row: u32, at: TermsAt) -> Option<&Arc<Terms>> {
        match at {
            TermsAt::PLAIN => None,
            TermsAt::UNNUMBERED => self.unnumbered.get(&row),
            TermsAt(number) => self.known.get(usize::from(number)),
        }
    }
}

impl KnownTerms {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.count(self.known.len());
        for terms in &self.known {
            to.json(terms.as_ref());
        }
        let mut unnumbered: Vec<(&u32, &Arc<Terms>)> = self.unnumbered.iter().collect();
        unnumbered.sort_unstable_by_key(|(row, _)| **row);
        to.count(unnumbered.len());
        for (row, terms) in unnumbered {
            to.number((*row).into());
            to.json(terms.as_ref());
        }
    }

    /// Reads back what was written.
    pub(super) fn read(from: &mut Reader<'_>, hasher: &impl BuildHasher) -> Read<Self> {
        let mut all = Self::default();
        let (count, _) = from.count()?;
        hold(count <= usize::from(TermsAt::UNNUMBERED.0), "has more terms than numbers")?;
        for _ in 0..count {
            all.known.push(Arc::new(from.json()?));
        }
        let Self { known, numbers, unnumbered, latest: _ } = &mut all;
        let of = |number: u32| known[number as usize].borrowed();
        let same = |one: u32, other: u32| of(one) == of(other);
        let hash = |number| hasher.hash_one(of(number));
        let read = Index::of_distinct(0..short(count), hash, same);
        let Ok(read) = read else { return bad("has the same terms twice") };
        *numbers = read;
        for _ in 0..from.count()?.0 {
            let row = from.small()?;
            let terms = Arc::new(from.json()?);
            hold(unnumbered.insert(row, terms).is_none(), "has terms of one order twice")?;
        }
        Ok(all)
    }

    /// Reads where the terms of an order are: they are there.
    pub(super) fn read_place(&self, from: &mut Reader<'_>, row: u32) -> Read<TermsAt> {
        let at = TermsAt(from.small::<u16>()?.wrapping_sub(1));
        hold(at == TermsAt::PLAIN || self.at(row, at).is_some(), "has an order without terms")?;
        Ok(at)
    }
}
