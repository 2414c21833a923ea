//! Many rows of numbers through one statement: only what differs from the row before is bound.
//!
//! Binding a parameter costs as much as some tenths of the row, and rows of one page agree in most of
//! their columns.

use rusqlite::{CachedStatement, Transaction};

/// A statement with `N` numbers as parameters.
pub(super) struct NumberRows<'c, const N: usize> {
    statement: CachedStatement<'c>,
    /// What is bound. A statement from the cache has nothing bound.
    bound: [Option<i64>; N],
}

impl<'c, const N: usize> NumberRows<'c, N> {
    pub(super) fn of(rows: &'c Transaction<'_>, sql: &str) -> rusqlite::Result<Self> {
        Ok(Self { statement: rows.prepare_cached(sql)?, bound: [None; N] })
    }

    /// Executes the statement with these values, in the order of its parameters.
    pub(super) fn execute(&mut self, values: [Option<i64>; N]) -> rusqlite::Result<()> {
        for (place, (bound, value)) in (1..).zip(self.bound.iter_mut().zip(values)) {
            if *bound != value {
                self.statement.raw_bind_parameter(place, value)?;
                *bound = value;
            }
        }
        self.statement.raw_execute().map(drop)
    }
}
