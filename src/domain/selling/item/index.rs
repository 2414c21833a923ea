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

impl Index {
    /// An index of rows that are there already. Tables are filled one after the other and do not grow,
    /// which takes a fraction of the time of as many inserts.
    pub fn of(rows: impl Iterator<Item = u32>, hash: impl Fn(u32) -> u64) -> Self {
        let none: Option<fn(u32, u32) -> bool> = None;
        Self::filled(rows, hash, none).unwrap_or_default()
    }

    /// The same; `None` where two rows are the same.
    pub fn of_distinct(
        rows: impl Iterator<Item = u32>,
        hash: impl Fn(u32) -> u64,
        same: impl Fn(u32, u32) -> bool,
    ) -> Option<Self> {
        Self::filled(rows, hash, Some(same))
    }

    fn filled(
        rows: impl Iterator<Item = u32>,
        hash: impl Fn(u32) -> u64,
        same: Option<impl Fn(u32, u32) -> bool>,
    ) -> Option<Self> {
        let mut index = Self::default();
        let mut by_shard: Vec<Vec<(u64, u32)>> = Vec::new();
        by_shard.resize_with(SHARDS, Vec::new);
        for row in rows {
            let hash = hash(row);
            by_shard[shard(hash)].push((hash, row));
        }
        if by_shard.iter().all(Vec::is_empty) {
            return Some(index);
        }
        for rows in by_shard {
            let mut table = HashTable::with_capacity(rows.len());
            for (of, row) in rows {
                if let Some(same) = &same
                    && table.find(of, |&other| same(row, other)).is_some()
                {
                    return None;
                }
                table.insert_unique(of, row, |&row| hash(row));
            }
            index.shards.push(table);
        }
        Some(index)
    }
}

/// The tables use the hash's lowest and highest bits; these are from the middle.
fn shard(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}
