//! A sum for SQL that stays at the largest number, where SQLite's own would fail.

use rusqlite::{
    Connection,
    functions::{Aggregate, Context, FunctionFlags},
};

struct BoundedSum;

impl Aggregate<i128, i64> for BoundedSum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<i128> {
        Ok(0)
    }

    fn step(&self, call: &mut Context<'_>, sum: &mut i128) -> rusqlite::Result<()> {
        *sum = sum.saturating_add(i128::from(call.get::<Option<i64>>(0)?.unwrap_or(0)));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<i128>) -> rusqlite::Result<i64> {
        let sum = sum.unwrap_or(0);
        Ok(i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX }))
    }
}

/// From now on statements on this connection may say `bounded_sum(x)`.
pub(super) fn add_to(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function("bounded_sum", 1, flags, BoundedSum)
}
