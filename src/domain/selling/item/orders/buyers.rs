//! Buyers by number: their ids, and the units that they hold or have paid for.

use std::{collections::HashMap, hash::BuildHasher};

use super::blocks::BLOCK_ROWS;
use crate::{domain::item::index::Index, values::short};

/// One buyer.
#[derive(Debug, Clone)]
struct Buyer {
    /// Where the id ends in the text of its block; it starts where the one before ends.
    end: u32,
    /// [`Buyer::BEYOND`] where there are more units than fit.
    units: u32,
    /// Half of the keyed hash of the id: a table that is divided looks at it for each of its rows, and
    /// the id itself lies elsewhere.
    hash: u32,
}

impl Buyer {
    const BEYOND: u32 = u32::MAX;
}

/// Buyers with neighbouring numbers. Their ids fit: each is in an event of at most a megabyte.
#[derive(Debug, Clone, Default)]
struct Block {
    buyers: Vec<Buyer>,
    text: String,
}

/// All buyers of an item.
#[derive(Debug, Clone, Default)]
pub(super) struct Buyers {
    blocks: Vec<Block>,
    by_id: Index,
    /// Units of those who have very many.
    beyond: HashMap<u32, i64>,
}

impl Buyers {
    pub(super) fn len(&self) -> u32 {
        let Some(last) = self.blocks.last() else { return 0 };
        short((self.blocks.len() - 1) * BLOCK_ROWS + last.buyers.len())
    }

    /// The id of the buyer with that number, as it was given.
    pub(super) fn id(&self, number: u32) -> &str {
        id_of(&self.blocks, number)
    }

    /// The buyer with that id.
    pub(super) fn find(&self, hasher: &impl BuildHasher, id: &str) -> Option<u32> {
        self.find_hashed(half_hash(hasher, id), id)
    }

    fn find_hashed(&self, hash: u32, id: &str) -> Option<u32> {
        self.by_id.find(spread(hash), |number| id_of(&self.blocks, number) == id)
    }

    /// The number of the buyer with that id, who is a new one where there is none.
    pub(super) fn number(&mut self, hasher: &impl BuildHasher, id: &str) -> u32 {
        let hash = half_hash(hasher, id);
        if let Some(known) = self.find_hashed(hash, id) {
            return known;
        }
        let number = self.push_hashed(id, hash);
        let Self { blocks, by_id, .. } = self;
        by_id.insert(spread(hash), number, |number| spread(buyer(blocks, number).hash));
        number
    }

    /// Adds a buyer without looking whether there is one with that id: see [`Self::index`].
    pub(super) fn push(&mut self, id: &str) -> u32 {
        self.push_hashed(id, 0)
    }

    fn push_hashed(&mut self, id: &str, hash: u32) -> u32 {
        let number = self.len();
        if self.blocks.last().is_none_or(|last| last.buyers.len() == BLOCK_ROWS) {
            // The text of the one before is complete.
            if let Some(last) = self.blocks.last_mut() {
                last.text.shrink_to_fit();
            }
            let buyers = Vec::with_capacity(BLOCK_ROWS);
            self.blocks.push(Block { buyers, text: String::new() });
        }
        if let Some(Block { buyers, text }) = self.blocks.last_mut() {
            text.push_str(id);
            buyers.push(Buyer { end: short(text.len()), units: 0, hash });
        }
        number
    }

    /// Makes the table of those that were added without one; whether each is there once.
    pub(super) fn index(&mut self, hasher: &impl BuildHasher) -> bool {
        for Block { buyers, text } in &mut self.blocks {
            let mut start = 0;
            for buyer in buyers {
                buyer.hash = half_hash(hasher, text_between(text, start, buyer.end));
                start = buyer.end;
            }
        }
        let id = |number| id_of(&self.blocks, number);
        let hash = |number| spread(buyer(&self.blocks, number).hash);
        let same = |one, two| id(one) == id(two);
        let Ok(index) = Index::of_distinct(0..self.len(), hash, same) else { return false };
        self.by_id = index;
        true
    }

    /// Units of the buyer with that number.
    pub(super) fn units(&self, number: u32) -> i64 {
        match buyer(&self.blocks, number).units {
            Buyer::BEYOND => self.beyond.get(&number).copied().unwrap_or_default(),
            units => units.into(),
        }
    }

    /// Gives the buyer units, or takes some where the number is negative.
    pub(super) fn add(&mut self, number: u32, units: i64) {
        let after = self.units(number) + units;
        let short = u32::try_from(after).ok().filter(|units| *units != Buyer::BEYOND);
        let block = &mut self.blocks[number as usize / BLOCK_ROWS];
        let buyer = &mut block.buyers[number as usize % BLOCK_ROWS];
        if buyer.units == Buyer::BEYOND || short.is_none() {
            match short {
                Some(_) => self.beyond.remove(&number),
                None => self.beyond.insert(number, after),
            };
        }
        buyer.units = short.unwrap_or(Buyer::BEYOND);
    }
}

/// What is kept of the hash of an id.
fn half_hash(hasher: &impl BuildHasher, id: &str) -> u32 {
    (hasher.hash_one(id.as_bytes()) >> 32) as u32
}

/// The hash by which a buyer is found: the table takes its bits from all places of it.
fn spread(half: u32) -> u64 {
    // The golden ratio of 2^64, which is odd: different halves stay different.
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn buyer(blocks: &[Block], number: u32) -> &Buyer {
    &blocks[number as usize / BLOCK_ROWS].buyers[number as usize % BLOCK_ROWS]
}

fn id_of(blocks: &[Block], number: u32) -> &str {
    let Block { buyers, text } = &blocks[number as usize / BLOCK_ROWS];
    let place = number as usize % BLOCK_ROWS;
    let start = place.checked_sub(1).map_or(0, |before| buyers[before].end);
    text_between(text, start, buyers[place].end)
}

fn text_between(text: &str, start: u32, end: u32) -> &str {
    // Ids lie between whole ids.
    text.get(start as usize..end as usize).unwrap_or_default()
}
