//! Finds row numbers by hash, without making an order wait for a large table to grow.
//!
//! One table of ten million rows takes about a second to move when it doubles, during which all
//! orders wait. The rows are therefore in many small tables. A table that is full is divided into two,
//! by the next bit of its rows' places, and only its own rows are moved: this is extendible hashing.
//!
//! Places are not spread evenly but twice as densely at one end as at the other. So tables are full at
//! different times: at no time many of them are divided shortly after each other, nor are all of them
//! half empty.

use hashbrown::HashTable;

use crate::values::short;

/// Rows that a table takes before it is divided: as many as fit into 2,048 places. They are moved in a
/// fraction of a millisecond.
const TABLE_ROWS: usize = 1_792;

/// Bits of a place.
const PLACE_BITS: u32 = 32;

/// Row numbers by hash. The caller compares the rows.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// Which table has the rows whose places begin with these bits. Tables of fewer bits stand there
    /// several times.
    directory: Vec<u32>,
    /// The directory has two to the power of this many entries, but for an empty index.
    bits: u32,
    tables: Vec<Table>,
}

/// Rows whose places begin with the same bits.
#[derive(Debug, Clone)]
struct Table {
    bits: u32,
    rows: HashTable<u32>,
}

impl Index {
    /// The row with this hash that is the wanted one.
    pub fn find(&self, hash: u64, wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let table = self.tables.get(self.table_of(hash)?)?;
        table.rows.find(hash, |&row| wanted(row)).copied()
    }

    /// Adds a row that is not there. `rehash` gives the hash of any row.
    pub fn insert(&mut self, hash: u64, row: u32, rehash: impl Fn(u32) -> u64) {
        loop {
            let Some(number) = self.table_of(hash) else {
                self.directory.push(0);
                self.tables.push(Table { bits: 0, rows: HashTable::new() });
                continue;
            };
            let Table { bits, rows } = &mut self.tables[number];
            // Rows of one place cannot be divided. A keyed hash does not give so many.
            if rows.len() < TABLE_ROWS || *bits == PLACE_BITS {
                rows.insert_unique(hash, row, |&row| rehash(row));
                return;
            }
            self.divide(number, hash, &rehash);
        }
    }

    /// An index of rows that are there already. No table grows, which takes a fraction of the time of as
    /// many inserts.
    pub fn of(rows: impl Iterator<Item = u32>, hash: impl Fn(u32) -> u64) -> Self {
        let none: Option<fn(u32, u32) -> bool> = None;
        Self::filled(rows, hash, none).unwrap_or_default()
    }

    /// The same.
    ///
    /// # Errors
    /// Gives a row that is the same as another one.
    pub fn of_distinct(
        rows: impl Iterator<Item = u32>,
        hash: impl Fn(u32) -> u64,
        same: impl Fn(u32, u32) -> bool,
    ) -> Result<Self, u32> {
        Self::filled(rows, hash, Some(same))
    }

    /// Tables are filled one after the other: in a fraction of the time of as many inserts.
    fn filled(
        rows: impl Iterator<Item = u32>,
        hash: impl Fn(u32) -> u64,
        same: Option<impl Fn(u32, u32) -> bool>,
    ) -> Result<Self, u32> {
        let hashed = rows.map(|row| (hash(row), row));
        let (least, most) = hashed.size_hint();
        let bits = bits_for(most.unwrap_or(least));
        let mut parts: Vec<Vec<(u64, u32)>> = vec![Vec::new(); 1 << bits];
        for (hash, row) in hashed {
            parts[first_bits(hash, bits)].push((hash, row));
        }
        let mut index = Self::default();
        if parts.iter().all(Vec::is_empty) {
            return Ok(index);
        }
        index.directory = vec![0; 1 << bits];
        index.bits = bits;
        for (prefix, part) in parts.into_iter().enumerate() {
            index.fill((bits, prefix), part, &hash, same.as_ref())?;
        }
        Ok(index)
    }

    /// Makes tables of the rows whose places begin with these bits.
    fn fill(
        &mut self,
        (bits, prefix): (u32, usize),
        part: Vec<(u64, u32)>,
        hash: &impl Fn(u32) -> u64,
        same: Option<&impl Fn(u32, u32) -> bool>,
    ) -> Result<(), u32> {
        if part.len() > TABLE_ROWS && bits < PLACE_BITS {
            let bits = bits + 1;
            self.widen(bits);
            let is_one = |(hash, _): &(u64, u32)| first_bits(*hash, bits) % 2 == 1;
            let (ones, zeros) = part.into_iter().partition(is_one);
            self.fill((bits, prefix * 2), zeros, hash, same)?;
            return self.fill((bits, prefix * 2 + 1), ones, hash, same);
        }
        let mut table = HashTable::with_capacity(part.len());
        for (of, row) in part {
            if let Some(same) = same
                && table.find(of, |&other| same(row, other)).is_some()
            {
                return Err(row);
            }
            table.insert_unique(of, row, |&row| hash(row));
        }
        self.stand(Table { bits, rows: table }, prefix);
        Ok(())
    }

    fn table_of(&self, hash: u64) -> Option<usize> {
        self.directory.get(first_bits(hash, self.bits)).map(|&number| number as usize)
    }

    /// Puts a table in the directory, as that of the rows whose places begin with that prefix.
    fn stand(&mut self, table: Table, prefix: usize) {
        let number = short(self.tables.len());
        let more = self.bits - table.bits;
        self.directory[prefix << more..(prefix + 1) << more].fill(number);
        self.tables.push(table);
    }

    /// Makes the directory tell apart places by so many bits.
    fn widen(&mut self, bits: u32) {
        if bits > self.bits {
            self.directory = self.directory.iter().flat_map(|&table| [table; 2]).collect();
            self.bits = bits;
        }
    }

    /// Gives the rows of a table whose places have a 1 as their next bit a table of their own. `hash` is
    /// one of a place in that table.
    fn divide(&mut self, number: usize, hash: u64, rehash: impl Fn(u32) -> u64) {
        let bits = self.tables[number].bits + 1;
        self.widen(bits);
        let mut halves = [(); 2].map(|()| HashTable::with_capacity(TABLE_ROWS));
        for row in std::mem::take(&mut self.tables[number].rows) {
            let hash = rehash(row);
            let half = &mut halves[first_bits(hash, bits) % 2];
            half.insert_unique(hash, row, |&row| rehash(row));
        }
        let [zeros, ones] = halves;
        self.tables[number] = Table { bits, rows: zeros };
        self.stand(Table { bits, rows: ones }, first_bits(hash, bits) | 1);
    }
}

/// How many bits of their places divide so many rows into parts that are not much larger than a table.
fn bits_for(rows: usize) -> u32 {
    (rows / TABLE_ROWS).checked_ilog2().unwrap_or(0)
}

/// The first bits of the place of a row with that hash.
fn first_bits(hash: u64, bits: u32) -> usize {
    (place(hash) >> (PLACE_BITS - bits)) as usize
}

/// Where a row is, of 2^32 places. The tables use the hash's lowest and highest bits; this is from those
/// between. For a hash h from 0 to 1 it is near 2^h - 1.
fn place(hash: u64) -> u64 {
    const QUADRATIC: u64 = 1_475_000_000;
    const LINEAR: u64 = (1 << PLACE_BITS) - QUADRATIC;
    let hash = (hash >> 16) & ((1 << PLACE_BITS) - 1);
    (hash * (LINEAR + ((hash * QUADRATIC) >> PLACE_BITS))) >> PLACE_BITS
}
