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
}

impl Buyer {
    const BEYOND: u32 = u32::MAX;
}

/// Buyers with neighbouring numbers. Their ids fit: each is in an event of at most a megabyte.
#[derive(Debug, Clone, Default)]
struct Block {
    buyers: Vec<Buyer>,
    text: Vec<u8>,
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
        std::str::from_utf8(id_of(&self.blocks, number)).unwrap_or_default()
    }

    /// The buyer with that id.
    pub(super) fn find(&self, hasher: &impl BuildHasher, id: &str) -> Option<u32> {
        self.find_hashed(hasher.hash_one(id.as_bytes()), id)
    }

    fn find_hashed(&self, hash: u64, id: &str) -> Option<u32> {
        self.by_id.find(hash, |number| id_of(&self.blocks, number) == id.as_bytes())
    }

    /// The number of the buyer with that id, who is a new one where there is none.
    pub(super) fn number(&mut self, hasher: &impl BuildHasher, id: &str) -> u32 {
        let hash = hasher.hash_one(id.as_bytes());
        if let Some(known) = self.find_hashed(hash, id) {
            return known;
        }
        let number = self.push(id);
        let Self { blocks, by_id, .. } = self;
        by_id.insert(hash, number, |number| hasher.hash_one(id_of(blocks, number)));
        number
    }

    /// Adds a buyer without looking whether there is one with that id: see [`Self::index`].
    pub(super) fn push(&mut self, id: &str) -> u32 {
        let number = self.len();
        if self.blocks.last().is_none_or(|last| last.buyers.len() == BLOCK_ROWS) {
            // The text of the one before is complete.
            if let Some(last) = self.blocks.last_mut() {
                last.text.shrink_to_fit();
            }
            let buyers = Vec::with_capacity(BLOCK_ROWS);
            self.blocks.push(Block { buyers, text: Vec::new() });
        }
        if let Some(Block { buyers, text }) = self.blocks.last_mut() {
            text.extend_from_slice(id.as_bytes());
            buyers.push(Buyer { end: short(text.len()), units: 0 });
        }
        number
    }

    /// Makes the table of those that were added without one; whether each is there once.
    pub(super) fn index(&mut self, hasher: &impl BuildHasher) -> bool {
        let id = |number| id_of(&self.blocks, number);
        let hash = |number| hasher.hash_one(id(number));
        let same = |one, two| id(one) == id(two);
        let Ok(index) = Index::of_distinct(0..self.len(), hash, same) else { return false };
        self.by_id = index;
        true
    }

    /// Units of the buyer with that number.
    pub(super) fn units(&self, number: u32) -> i64 {
        let block = &self.blocks[number as usize / BLOCK_ROWS];
        match block.buyers[number as usize % BLOCK_ROWS].units {
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

fn id_of(blocks: &[Block], number: u32) -> &[u8] {
    let Block { buyers, text } = &blocks[number as usize / BLOCK_ROWS];
    let place = number as usize % BLOCK_ROWS;
    let start = place.checked_sub(1).map_or(0, |before| buyers[before].end);
    &text[start as usize..buyers[place].end as usize]
}
