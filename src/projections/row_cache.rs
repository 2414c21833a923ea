//! Rows kept in memory while a page is applied, and beyond it while there are few of them.
//!
//! A hot item changes its few figures with every order. Reading and writing them once a page rather
//! than once an event is what lets a projection keep up. What is kept here is never newer than the
//! file after `flush`, so dropping it at any time changes nothing.

use std::hash::Hash;

use hashbrown::{HashMap, hash_map::Entry};

use super::ApplyError;

/// Rows that may stay in memory after a page.
const KEPT_MAX: usize = 65_536;

/// Rows by key, and which of them are newer than the file.
#[derive(Debug)]
pub(super) struct RowCache<K, V> {
    rows: HashMap<K, Slot<V>>,
    changed: Vec<K>,
}

#[derive(Debug)]
struct Slot<V> {
    row: V,
    changed: bool,
}

impl<K, V> Default for RowCache<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), changed: Vec::new() }
    }
}

impl<K: Copy + Eq + Hash, V> RowCache<K, V> {
    /// A row about to be changed. `read` fetches it from the file if it is not in memory.
    pub fn change(
        &mut self,
        key: K,
        read: impl FnOnce() -> Result<V, ApplyError>,
    ) -> Result<&mut V, ApplyError> {
        let slot = match self.rows.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Slot { row: read()?, changed: false }),
        };
        if !slot.changed {
            slot.changed = true;
            self.changed.push(key);
        }
        Ok(&mut slot.row)
    }

    /// Shows the changed rows before they are written, each once.
    pub fn each_changed(
        &mut self,
        mut show: impl FnMut(K, &mut V) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        for key in &self.changed {
            if let Some(slot) = self.rows.get_mut(key) {
                show(*key, &mut slot.row)?;
            }
        }
        Ok(())
    }

    /// Gives the changed rows to `write`, each once.
    pub fn flush(
        &mut self,
        mut write: impl FnMut(K, &V) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        for key in self.changed.drain(..) {
            if let Some(slot) = self.rows.get_mut(&key) {
                write(key, &slot.row)?;
                slot.changed = false;
            }
        }
        if self.rows.len() > KEPT_MAX {
            self.rows.clear();
        }
        Ok(())
    }

    /// Drops everything, also what was not written.
    pub fn forget(&mut self) {
        self.rows.clear();
        self.changed.clear();
    }
}
