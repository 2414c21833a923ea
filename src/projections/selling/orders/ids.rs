//! Orders by their ids.
//!
//! An index over random ids would cost each order a quarter more. So the ids of a chunk are written
//! when the chunk is full, all at once: by their first bits into buckets, each id with the key of its
//! order. The runs of a bucket lie side by side. Orders of the last chunk are looked through.

use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::{projections::ApplyError, values::OrderId};

/// Where the number of a bucket begins in the key of a run; the chunk is below it.
const CHUNK_BITS: u32 = 40;

/// Buckets: with them a run fits a page of the file.
const BUCKETS: usize = 64;

/// Octets of an id that an entry repeats. The key of the order is behind them.
const ID_OCTETS: usize = 4;
const ENTRY_OCTETS: usize = ID_OCTETS + 8;

/// The bucket of an id, and what its entry repeats of it.
fn split(id: &[u8; 16]) -> (usize, &[u8]) {
    (usize::from(id[0]) % BUCKETS, &id[1..=ID_OCTETS])
}

/// Writes the ids of a full chunk.
pub(super) fn write(rows: &Transaction<'_>, chunk: i64) -> Result<(), ApplyError> {
    let mut runs = vec![Vec::new(); BUCKETS];
    let mut read = rows.prepare_cached(
        "SELECT order_id, key FROM orders INDEXED BY orders_by_buyer WHERE chunk = ?",
    )?;
    let mut orders = read.query([chunk])?;
    while let Some(row) = orders.next()? {
        let id: [u8; 16] = row.get(0)?;
        let (bucket, repeated) = split(&id);
        runs[bucket].extend_from_slice(repeated);
        runs[bucket].extend_from_slice(&row.get::<_, i64>(1)?.to_be_bytes());
    }
    let mut write = rows.prepare_cached("INSERT INTO id_runs VALUES (?, ?)")?;
    for (bucket, run) in (0_i64..).zip(runs) {
        write.execute(params![bucket << CHUNK_BITS | chunk, run])?;
    }
    Ok(())
}

/// The key of the order with that id.
pub fn key_of(rows: &Transaction<'_>, order: OrderId) -> rusqlite::Result<Option<i64>> {
    let id = order.0.into_bytes();
    let (bucket, repeated) = split(&id);
    let from = i64::try_from(bucket).unwrap_or(0) << CHUNK_BITS;
    let mut is_of = rows.prepare_cached("SELECT key FROM orders WHERE key = ? AND order_id = ?")?;
    let mut runs =
        rows.prepare_cached("SELECT entries FROM id_runs WHERE place BETWEEN ? AND ?")?;
    let mut runs = runs.query([from, from | ((1 << CHUNK_BITS) - 1)])?;
    while let Some(row) = runs.next()? {
        let run = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        for entry in run.as_chunks::<ENTRY_OCTETS>().0 {
            let (of, key) = entry.split_at(ID_OCTETS);
            let key = key.iter().fold(0, |key, octet| key << 8 | i64::from(*octet));
            if of == repeated && is_of.exists(params![key, id.as_slice()])? {
                return Ok(Some(key));
            }
        }
    }
    rows.prepare_cached(
        "SELECT key FROM orders INDEXED BY orders_by_buyer
         WHERE chunk = (SELECT max(chunk) FROM orders) AND order_id = ?",
    )?
    .query_row([id.as_slice()], |row| row.get(0))
    .optional()
}
