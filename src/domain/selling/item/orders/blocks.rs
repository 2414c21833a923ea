//! Rows that are only added: in blocks that never move, so that adding one never copies the others.

use std::ops::{Index, IndexMut};

use crate::values::short;

/// Rows in one block: large enough that blocks are few, small enough that the last one wastes little.
pub(super) const BLOCK_ROWS: usize = 2048;

/// Rows by number.
#[derive(Debug, Clone)]
pub(super) struct Blocks<T> {
    blocks: Vec<Vec<T>>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<T> Blocks<T> {
    /// How many rows there are, which is the number of the next one.
    pub(super) fn len(&self) -> u32 {
        let Some(last) = self.blocks.last() else { return 0 };
        short((self.blocks.len() - 1) * BLOCK_ROWS + last.len())
    }

    pub(super) fn push(&mut self, row: T) {
        if self.blocks.last().is_none_or(|last| last.len() == BLOCK_ROWS) {
            self.blocks.push(Vec::with_capacity(BLOCK_ROWS));
        }
        if let Some(last) = self.blocks.last_mut() {
            last.push(row);
        }
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.blocks.get(number as usize / BLOCK_ROWS)?.get(number as usize % BLOCK_ROWS)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten()
    }
}

impl<T> Index<u32> for Blocks<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        &self.blocks[number as usize / BLOCK_ROWS][number as usize % BLOCK_ROWS]
    }
}

impl<T> IndexMut<u32> for Blocks<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.blocks[number as usize / BLOCK_ROWS][number as usize % BLOCK_ROWS]
    }
}
