//! Finds row numbers by hash, without making an order wait for a large table to grow.
//!
//! One table of ten million rows takes about a second to move when it doubles, during which all
//! orders wait. The rows are therefore spread over many small tables, each of which grows on its
//! own.

use hashbrown::HashTable;

/// Tables in one index: ten million rows make 160,000 in each, moved in some ten milliseconds. An
/// empty index takes no memory, one with a single row 2 KiB.
const SHARDS: usize = 64;

/// Row numbers by hash. The caller compares the rows.
#[derive(Debug, Default)]
pub struct Index {
    shards: Vec<HashTable<u32>>,
}

impl Index {
    /// The row with this hash that is the wanted one.
    pub fn find(&self, hash: u64, wanted: impl Fn(u32) -> bool) -> Option<u32> {
        self.shards.get(shard(hash))?.find(hash, |&row| wanted(row)).copied()
    }

    /// Adds a row that is not there. `rehash` gives the hash of any row.
    pub fn insert(&mut self, hash: u64, row: u32, rehash: impl Fn(u32) -> u64) {
        if self.shards.is_empty() {
            self.shards.resize_with(SHARDS, HashTable::new);
        }
        self.shards[shard(hash)].insert_unique(hash, row, |&row| rehash(row));
    }
}

/// The tables use the hash's lowest and highest bits; these are from the middle.
fn shard(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}
